//! Turning failures into what people read.

use ferroform_core::{AttrPath, Diagnostic};
use ferroform_hcloud::{Error, code};

/// Why an operation failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The API, or the way to it.
    Api(Error),
    /// Something that the provider itself found.
    Told(Box<Diagnostic>),
}

impl Failure {
    /// A failure that the provider found.
    pub(crate) fn told(diagnostic: Diagnostic) -> Failure {
        Failure::Told(Box::new(diagnostic))
    }

    /// The failure for people; `doing` says what was tried ("create the server").
    pub(crate) fn explain(self, doing: &str) -> Diagnostic {
        match self {
            Failure::Api(error) => explain(&error, doing),
            Failure::Told(diagnostic) => *diagnostic,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Api(error)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure::told(diagnostic)
    }
}

const UNREACHABLE: &str = "Hetzner Cloud cannot be reached";
const TOKEN_REFUSED: &str = "Token refused";

/// Whether what is told is true of every request of the provider alike.
pub(crate) fn concerns_all(diagnostic: &Diagnostic) -> bool {
    [UNREACHABLE, TOKEN_REFUSED].contains(&&*diagnostic.summary)
}

/// An error of the API for people.
pub(crate) fn explain(error: &Error, doing: &str) -> Diagnostic {
    let (summary, hint) = match error {
        Error::Api(api) => by_code(&api.code, api.status),
        Error::Action(_) => ("Action failed", None),
        Error::AnswerLost { .. } => (
            "Answer lost",
            Some(
                "Whether it was done is not known. The next plan reads the object as it is and goes on from there.",
            ),
        ),
        Error::Transport { .. } => {
            (UNREACHABLE, Some("Check the network connection and, if one is set, the provider's `endpoint`."))
        }
        Error::Stopped => ("Stopped", None),
        _ => ("Unexpected answer from Hetzner Cloud", None),
    };
    let mut diagnostic = Diagnostic::error(summary).detail(format!("Could not {doing}: {error}."));
    if let Some(hint) = hint {
        diagnostic = diagnostic.hint(hint);
    }
    let field = error.as_api().and_then(|api| api.fields().into_iter().next());
    if let Some(field) =
        field.filter(|f| !f.name.is_empty() && f.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    {
        diagnostic = diagnostic.attribute(AttrPath::attr(field.name));
    }
    diagnostic
}

fn by_code(code: &str, status: u16) -> (&'static str, Option<&'static str>) {
    match code {
        "unauthorized" => (
            TOKEN_REFUSED,
            Some(
                "Set the provider's `token` or HCLOUD_TOKEN to a token of the project, from the Hetzner Console.",
            ),
        ),
        "token_readonly" | "forbidden" => {
            ("Not permitted", Some("The token must have read and write permission."))
        }
        code::NOT_FOUND => ("Object not found", None),
        code::UNIQUENESS => (
            "Name or address taken",
            Some(
                "Another object of the project has it. Choose another, or bring that object under management by importing it.",
            ),
        ),
        code::INVALID_INPUT | "json_error" => ("Refused by Hetzner Cloud", None),
        code::PROTECTED => (
            "Object is protected",
            Some(
                "Set `delete_protection` (`change_protection` of a record set) to false and apply that first.",
            ),
        ),
        code::LOCKED | code::CONFLICT => {
            ("Object is busy", Some("Something else is changing it. Apply again once that has ended."))
        }
        "resource_limit_exceeded" => (
            "Limit of the project reached",
            Some("Hetzner raises limits on request, in the Hetzner Console."),
        ),
        code::RESOURCE_UNAVAILABLE | "placement_error" | "no_space_left_in_location" => {
            ("Sold out", Some("Try again later, or choose another type or location."))
        }
        code::RATE_LIMIT => {
            ("Rate limit reached", Some("Something else uses up the project's requests. Apply again later."))
        }
        "deprecated_api_endpoint" => ("Endpoint retired", Some("A newer version of Ferroform is needed.")),
        "maintenance" => ("Hetzner Cloud is under maintenance", Some("Apply again later.")),
        _ if status >= 500 => {
            ("Hetzner Cloud failed", Some("Apply again; if it goes on, ask Hetzner's support."))
        }
        _ => ("Refused by Hetzner Cloud", None),
    }
}
