//! Turning failures into what people read.

use ferroform_core::{AttrPath, Diagnostic};
use ferroform_hcloud::{ApiError, Error, code};

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
        Error::Api(api) => limit_of_one(api).unwrap_or_else(|| by_code(&api.code, api.status)),
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

/// Limits that are not the project's: of a placement group, a load balancer's type, a server. They come under the codes of
/// what is sold out and of the project's limits, and are told by the names of the limits, or else by the message.
fn limit_of_one(api: &ApiError) -> Option<(&'static str, Option<&'static str>)> {
    let named = api.details["limits"].as_array().into_iter().flatten();
    let named = named.filter_map(|limit| limit["name"].as_str()).map(|name| name.replace('_', " "));
    let told: Vec<String> = named.chain([api.message.replace('_', " ").to_lowercase()]).collect();
    let says = |words: &[&str]| told.iter().any(|text| words.iter().all(|word| text.contains(word)));
    match &*api.code {
        "placement_error" if says(&["placement group"]) => Some((
            "Placement group is full",
            Some("A spread group has ten servers at most. Use another group."),
        )),
        "resource_limit_exceeded"
            if ["service", "target", "certificate"].iter().any(|what| says(&["load balancer", what])) =>
        {
            Some((
                "Limit of the load balancer's type reached",
                Some("Set a larger `load_balancer_type`, or use several load balancers."),
            ))
        }
        "resource_limit_exceeded" if says(&["per server"]) => {
            Some(("Limit of the server reached", Some("Give it fewer, or use another server.")))
        }
        "resource_limit_exceeded" if says(&["per network"]) || says(&["subnet"]) || says(&["route"]) => {
            Some(("Limit of the network reached", Some("Give it fewer, or use another network.")))
        }
        _ => None,
    }
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
