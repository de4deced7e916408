//! Errors of the API by their short names, for faults that answer with one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::world::Refusal;

macro_rules! kinds {
    ($($variant:ident $code:literal $message:literal,)*) => {
        /// An error of the API, by its code. Status and details are those that Hetzner documents for it (API documentation,
        /// section "Errors", and the errors of single operations).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ErrorKind {
            $(#[doc = concat!("`", $code, "`: ", $message, ".")] $variant,)*
        }

        impl ErrorKind {
            /// All of them.
            pub const ALL: &[ErrorKind] = &[$(Self::$variant,)*];

            /// The code of the error, which is also its name in JSON.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

kinds! {
    BadGateway "bad_gateway" "bad gateway",
    Conflict "conflict" "the resource has changed during the request, please retry",
    Forbidden "forbidden" "insufficient permissions for this request",
    InvalidInput "invalid_input" "invalid input in field 'name': refused by a fault",
    Locked "locked" "there is already an action running",
    Maintenance "maintenance" "cannot perform operation due to maintenance",
    NoSpaceLeftInLocation "no_space_left_in_location" "there is no space left in the location",
    NotFound "not_found" "resource not found",
    PlacementError "placement_error" "error during placement",
    Protected "protected" "the resource is protected",
    RateLimitExceeded "rate_limit_exceeded" "limit of requests per hour reached",
    ResourceInUse "resource_in_use" "the resource is in use",
    ResourceLimitExceeded "resource_limit_exceeded" "resource limit exceeded",
    ResourceUnavailable "resource_unavailable" "the requested resource is currently unavailable",
    ServerError "server_error" "error within the backend",
    ServiceError "service_error" "error within a service",
    Timeout "timeout" "the request could not be answered in time",
    Unauthorized "unauthorized" "the token you have provided is invalid",
    Unavailable "unavailable" "a service is currently not available",
    UniquenessError "uniqueness_error" "name is already used",
    UnsupportedError "unsupported_error" "the resource does not support the requested action",
}

impl ErrorKind {
    /// The error as the answer to a request for a path.
    pub(crate) fn refusal(self, path: &str) -> Refusal {
        let details = match self {
            // Clients rely on these being there.
            Self::InvalidInput => json!({"fields": [{"name": "name", "messages": ["refused by a fault"]}]}),
            Self::UniquenessError => json!({"fields": [{"name": "name"}]}),
            Self::ResourceLimitExceeded => json!({"limits": [{"name": format!("{}_limit", singular(path))}]}),
            _ => Value::Null,
        };
        Refusal { details, ..Refusal::new(self.code(), self.message()) }
    }
}

/// What the objects under a path are called, one of them.
fn singular(path: &str) -> &str {
    let kind = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    kind.strip_suffix('s').unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statuses: Hetzner API documentation, section "Errors".
    #[test]
    fn errors_have_the_documented_statuses_and_the_names_of_their_codes() {
        let by_status: Vec<(u16, Vec<&str>)> = vec![
            (401, vec!["unauthorized"]),
            (403, vec!["forbidden", "maintenance", "resource_limit_exceeded"]),
            (404, vec!["not_found"]),
            (409, vec!["conflict", "uniqueness_error"]),
            (412, vec!["resource_unavailable"]),
            (
                422,
                vec![
                    "invalid_input",
                    "no_space_left_in_location",
                    "placement_error",
                    "resource_in_use",
                    "service_error",
                    "unsupported_error",
                ],
            ),
            (423, vec!["locked", "protected"]),
            (429, vec!["rate_limit_exceeded"]),
            (500, vec!["server_error"]),
            (502, vec!["bad_gateway"]),
            (503, vec!["unavailable"]),
            (504, vec!["timeout"]),
        ];
        for (status, codes) in &by_status {
            let found: Vec<&str> = ErrorKind::ALL
                .iter()
                .filter(|kind| kind.refusal("/servers").status == *status)
                .map(|kind| kind.code())
                .collect();
            assert_eq!(found, *codes, "{status}");
        }
        assert_eq!(by_status.iter().map(|(_, codes)| codes.len()).sum::<usize>(), ErrorKind::ALL.len());
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
        let limit = ErrorKind::ResourceLimitExceeded.refusal("/primary_ips");
        assert_eq!(limit.details, json!({"limits": [{"name": "primary_ip_limit"}]}));
    }
}
