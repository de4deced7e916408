//! What can go wrong.

use std::fmt;

use http::Method;

use crate::actions::Action;

/// Error codes of the API that callers decide by (Hetzner API documentation, "Errors", and hcloud-go).
pub mod code {
    /// The object does not exist.
    pub const NOT_FOUND: &str = "not_found";
    /// Something else changed the object at the same time.
    pub const CONFLICT: &str = "conflict";
    /// An action is running on the object.
    pub const LOCKED: &str = "locked";
    /// The object is protected from deletion or rebuild.
    pub const PROTECTED: &str = "protected";
    /// A name or another unique field is taken.
    pub const UNIQUENESS: &str = "uniqueness_error";
    /// A field is wrong; `details.fields` says which.
    pub const INVALID_INPUT: &str = "invalid_input";
    /// An error of the service, with the reason in the message only.
    pub const SERVICE_ERROR: &str = "service_error";
    /// No requests are left for now.
    pub const RATE_LIMIT: &str = "rate_limit_exceeded";
    /// Sold out for now.
    pub const RESOURCE_UNAVAILABLE: &str = "resource_unavailable";
    /// The network has no subnet yet that covers the location.
    pub const NO_SUBNET_AVAILABLE: &str = "no_subnet_available";
    /// The object is in use.
    pub const RESOURCE_IN_USE: &str = "resource_in_use";
    /// The server is in that network already.
    pub const SERVER_ALREADY_ATTACHED: &str = "server_already_attached";
    /// The load balancer is in that network already.
    pub const LOAD_BALANCER_ALREADY_ATTACHED: &str = "load_balancer_already_attached";
    /// The volume is attached to a server.
    pub const VOLUME_ALREADY_ATTACHED: &str = "volume_already_attached";
    /// The load balancer has that target already.
    pub const TARGET_ALREADY_DEFINED: &str = "target_already_defined";
    /// The load balancer has no such target.
    pub const TARGET_NOT_FOUND: &str = "load_balancer_target_not_found";
    /// The firewall is applied to that resource already.
    pub const FIREWALL_ALREADY_APPLIED: &str = "firewall_already_applied";
    /// The firewall is not applied to that resource.
    pub const FIREWALL_ALREADY_REMOVED: &str = "firewall_already_removed";
    /// The vSwitch is in use by another network.
    pub const VSWITCH_ID_ALREADY_USED: &str = "vswitch_id_already_used";
    /// The primary IP belongs to nothing.
    pub const PRIMARY_IP_NOT_ASSIGNED: &str = "primary_ip_not_assigned";
}

/// One refused field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub name: String,
    /// Why, in the words of the API; may be empty.
    pub messages: Vec<String>,
}

/// A request that the API answered with an error.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// The error code, see [`code`]. An answer without the usual envelope has an empty one.
    pub code: String,
    /// What the API says about it.
    pub message: String,
    /// `details` of the error as it came, null if there was none.
    pub details: serde_json::Value,
    /// HTTP status.
    pub status: u16,
    /// `X-Correlation-Id`, by which Hetzner's support finds the request.
    pub correlation_id: Option<String>,
    /// The method of the request.
    pub method: Method,
    /// The path of the request.
    pub path: String,
}

impl ApiError {
    /// The refused fields, if the API named them.
    pub fn fields(&self) -> Vec<FieldError> {
        let Some(fields) = self.details.get("fields").and_then(|f| f.as_array()) else { return Vec::new() };
        let text = |v: &serde_json::Value| v.as_str().map(str::to_owned);
        fields
            .iter()
            .filter_map(|field| {
                let messages = field.get("messages").and_then(|m| m.as_array());
                Some(FieldError {
                    name: field.get("name").and_then(text)?,
                    messages: messages.map(|m| m.iter().filter_map(text).collect()).unwrap_or_default(),
                })
            })
            .collect()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = if self.message.is_empty() { "no message" } else { &self.message };
        write!(f, "{} {}: {message}", self.method, self.path)?;
        if self.code.is_empty() {
            write!(f, " (HTTP status {}", self.status)?;
        } else {
            write!(f, " ({}, HTTP status {}", self.code, self.status)?;
        }
        if let Some(id) = &self.correlation_id {
            write!(f, ", correlation id {id}")?;
        }
        f.write_str(")")?;
        for field in self.fields() {
            match field.messages.as_slice() {
                // A uniqueness error names the field and nothing more.
                [] => write!(f, "\n  {}", field.name)?,
                messages => write!(f, "\n  {}: {}", field.name, messages.join(", "))?,
            }
        }
        Ok(())
    }
}

/// Any failure of a call. Never holds the token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The client cannot be built as asked.
    Config(String),
    /// The API answered with an error.
    Api(Box<ApiError>),
    /// No answer to a request that changed nothing: a read, or a request that never left.
    Transport {
        /// The method of the request.
        method: Method,
        /// The path of the request.
        path: String,
        /// What happened.
        message: String,
    },
    /// A mutation left, but whether it was done is not known: the connection broke, timed out, or a gateway answered.
    AnswerLost {
        /// The method of the request.
        method: Method,
        /// The path of the request.
        path: String,
        /// What happened.
        message: String,
    },
    /// A successful answer that does not have the documented form.
    Unreadable {
        /// The method of the request.
        method: Method,
        /// The path of the request.
        path: String,
        /// What does not fit.
        message: String,
    },
    /// An action ended in an error.
    Action(Box<Action>),
    /// The API does not know an action any more that was running.
    ActionVanished(i64),
    /// [`Client::stop`](crate::Client::stop) was called.
    Stopped,
}

impl Error {
    /// The API's error code, if the API answered with one or an action failed with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Api(error) => Some(&error.code),
            Error::Action(action) => action.error.as_ref().map(|e| e.code.as_str()),
            _ => None,
        }
    }

    /// Whether the API answered with this code.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Error::Api(error) if error.code == code)
    }

    /// Whether the API answered that the object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.is(code::NOT_FOUND)
    }

    /// The API's answer, if there was one.
    pub fn as_api(&self) -> Option<&ApiError> {
        match self {
            Error::Api(error) => Some(error),
            _ => None,
        }
    }

    /// Whether a mutation that failed like this may have been done all the same.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Error::AnswerLost { .. } | Error::Unreadable { .. } => true,
            Error::Api(error) => error.status >= 500,
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(message) => f.write_str(message),
            Error::Api(error) => error.fmt(f),
            Error::Transport { method, path, message } => write!(f, "{method} {path}: no answer: {message}"),
            Error::AnswerLost { method, path, message } => {
                write!(f, "{method} {path}: the answer was lost, it may have been done: {message}")
            }
            Error::Unreadable { method, path, message } => {
                write!(f, "{method} {path}: the answer is not of the documented form: {message}")
            }
            Error::Action(action) => {
                let (code, message) =
                    action.error.as_ref().map_or(("unknown", "no reason given"), |e| (&e.code, &e.message));
                write!(f, "the action {} failed: {message} ({code}, action {})", action.command, action.id)?;
                for (i, resource) in action.resources.iter().enumerate() {
                    let before = if i == 0 { "; concerns" } else { "," };
                    write!(f, "{before} {} {}", resource.kind, resource.id)?;
                }
                Ok(())
            }
            Error::ActionVanished(id) => write!(f, "the API does not know the action {id} any more"),
            Error::Stopped => f.write_str("stopped before the end"),
        }
    }
}

impl std::error::Error for Error {}
