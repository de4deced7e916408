//! Why a call did not succeed.

use std::fmt;

/// A call that did not succeed. No variant holds a key or a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The service refused it.
    Refused(Box<Refusal>),
    /// It never reached the service.
    Unreachable {
        /// What was called.
        operation: &'static str,
        /// Why.
        message: String,
    },
    /// It was sent, and no answer came: it may have been done.
    Lost {
        /// What was called.
        operation: &'static str,
        /// Why.
        message: String,
    },
    /// The answer makes no sense.
    Unreadable {
        /// What was called.
        operation: &'static str,
        /// Why.
        message: String,
    },
    /// A local file could not be read.
    File {
        /// Its name.
        path: String,
        /// Why.
        message: String,
    },
    /// The run is to end.
    Stopped,
}

/// A refusal by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was called.
    pub operation: &'static str,
    /// HTTP status.
    pub status: u16,
    /// S3's code, such as `NoSuchBucket`; made of the status when there is none, as in answers to HEAD.
    pub code: String,
    /// S3's message.
    pub message: String,
    /// What the service's support asks for.
    pub request_id: Option<String>,
}

impl Error {
    /// S3's code, of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    /// Whether it is a refusal with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code() == Some(code)
    }

    /// Whether it says that what was asked for does not exist.
    pub fn is_missing(&self) -> bool {
        self.code().is_some_and(|code| code == "NotFound" || code.starts_with("NoSuch"))
    }

    /// Whether it says that the object is not what a [`Condition`](crate::Condition) wants: it is there, or is not, or is another.
    pub fn is_condition(&self) -> bool {
        // 409 is the answer to one of two conditional writes at the same moment (Amazon S3 User Guide, "Conditional writes").
        match self {
            Error::Refused(refusal) => refusal.status == 412 || refusal.code == "ConditionalRequestConflict",
            _ => false,
        }
    }

    /// Whether what was asked for may have been done all the same.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Error::Lost { .. } => true,
            Error::Refused(refusal) => matches!(refusal.status, 500 | 502 | 504),
            _ => false,
        }
    }

    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::Lost { .. } => true,
            Error::Refused(refusal) => {
                matches!(refusal.status, 429 | 500 | 502 | 503 | 504)
                    || matches!(refusal.code.as_str(), "SlowDown" | "RequestTimeout" | "OperationAborted")
            }
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => {
                let Refusal { operation, status, code, message, request_id } = &**refusal;
                write!(f, "{operation}: {code} (HTTP {status})")?;
                if !message.is_empty() {
                    write!(f, ": {}", message.trim_end_matches('.'))?;
                }
                match request_id {
                    Some(id) => write!(f, " (request {id})"),
                    None => Ok(()),
                }
            }
            Error::Unreachable { operation, message } | Error::Unreadable { operation, message } => {
                write!(f, "{operation}: {message}")
            }
            Error::Lost { operation, message } => write!(f, "{operation}: no answer: {message}"),
            Error::File { path, message } => write!(f, "{path}: {message}"),
            Error::Stopped => f.write_str("stopped"),
        }
    }
}
