//! Why the cloud does not do what it was asked: the error codes of the API with their HTTP statuses.

use serde_json::{Value, json};

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// Code of the error.
    pub(crate) code: String,
    /// What is wrong, for people.
    pub(crate) message: String,
    /// Details, whose shape depends on the code; null for most.
    pub(crate) details: Value,
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) name: String,
    pub(crate) message: String,
}

/// The status that belongs to a code (Hetzner API documentation, section "Errors"). Codes of single operations
/// are 422 unless their operation says otherwise.
fn status_of(code: &str) -> u16 {
    match code {
        "json_error" => 400,
        "unauthorized" => 401,
        "forbidden" | "maintenance" | "resource_limit_exceeded" => 403,
        "not_found" => 404,
        "method_not_allowed" => 405,
        "uniqueness_error" | "conflict" => 409,
        "deprecated_api_endpoint" => 410,
        "resource_unavailable" | "primary_ip_version_mismatch" | "source_port_already_used" => 412,
        "locked" | "protected" => 423,
        "rate_limit_exceeded" => 429,
        "server_error" => 500,
        "bad_gateway" => 502,
        "unavailable" => 503,
        "timeout" => 504,
        _ => 422,
    }
}

impl Refusal {
    /// A refusal with the status that belongs to its code and no details.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: status_of(code), code: code.to_owned(), message: message.into(), details: Value::Null }
    }

    /// Fields of the request are wrong. Clients rely on `details.fields` being there.
    pub(crate) fn invalid_fields(errors: &[FieldError]) -> Self {
        let mut names: Vec<&str> = Vec::new();
        for error in errors {
            if !names.contains(&error.name.as_str()) {
                names.push(&error.name);
            }
        }
        let fields: Vec<Value> = names
            .iter()
            .map(|name| {
                let messages: Vec<&str> =
                    errors.iter().filter(|e| e.name == *name).map(|e| e.message.as_str()).collect();
                json!({"name": name, "messages": messages})
            })
            .collect();
        let message = match (names.as_slice(), errors) {
            ([name], [error, ..]) => format!("invalid input in field '{name}': {}", error.message),
            _ => format!(
                "invalid input in fields {}",
                names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
            ),
        };
        Self { details: json!({"fields": fields}), ..Self::new("invalid_input", message) }
    }

    /// One field of the request is wrong; the message is the error's own.
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let details = json!({"fields": [{"name": field, "messages": [message]}]});
        Self { details, ..Self::new("invalid_input", message) }
    }

    /// There is no such object.
    pub(crate) fn not_found(kind: &str, id: i64) -> Self {
        Self::new("not_found", format!("{} with ID '{id}' not found", kind.replace('_', " ")))
    }

    /// Another object has that value already.
    pub(crate) fn not_unique(kind: &str, field: &str) -> Self {
        Self {
            details: json!({"fields": [{"name": field}]}),
            ..Self::new("uniqueness_error", format!("{} {field} is already used", kind.replace('_', " ")))
        }
    }

    /// The project has as many of these as it may have.
    pub(crate) fn limit(kind: &str) -> Self {
        Self {
            details: json!({"limits": [{"name": format!("{kind}_limit")}]}),
            ..Self::new("resource_limit_exceeded", format!("{} limit exceeded", kind.replace('_', " ")))
        }
    }

    /// The object is protected against what was asked.
    pub(crate) fn protected(kind: &str) -> Self {
        Self::new("protected", format!("{} is protected", kind.replace('_', " ")))
    }

    /// Another action has the object.
    pub(crate) fn locked(kind: &str) -> Self {
        Self::new(
            "locked",
            format!("{} is locked: there is already an action running", kind.replace('_', " ")),
        )
    }

    /// The server would have to be off.
    pub(crate) fn not_stopped() -> Self {
        Self::new("server_not_stopped", "server must be stopped")
    }
}
