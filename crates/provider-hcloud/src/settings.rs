//! Where a provider gets endpoint and token from.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ferroform_core::{AttrPath, Diagnostic, Diagnostics};
use ferroform_hcloud::{Client, Pace};

use crate::attrs::Attrs;
use crate::rules::{self, Problems};

/// Tokens of Hetzner Cloud have this many characters, and the published provider refuses others.
const TOKEN_LENGTH: usize = 64;

/// What the world around gives to every provider: the environment, and where a local run goes.
#[derive(Clone, Default)]
pub struct Settings {
    token: Option<String>,
    endpoint: Option<String>,
    hetzner_endpoint: Option<String>,
    world: Option<(String, String)>,
    user_agent: Option<String>,
    pace: Option<Pace>,
    shared_pace: Option<PathBuf>,
    loopback_only: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("world", &self.world.as_ref().map(|(endpoint, _)| endpoint))
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Nothing given: everything comes from configuration.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// The token where configuration has none: the value of `HCLOUD_TOKEN`.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Settings {
        self.token = Some(token.into());
        self
    }

    /// The endpoint where configuration has none: the value of `HCLOUD_ENDPOINT`.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Settings {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The endpoint of the Hetzner API (storage boxes) where configuration has none: the value of `HETZNER_ENDPOINT`.
    #[must_use]
    pub fn hetzner_endpoint(mut self, endpoint: impl Into<String>) -> Settings {
        self.hetzner_endpoint = Some(endpoint.into());
        self
    }

    /// Every provider goes to this endpoint with this token, whatever configuration and environment say.
    #[must_use]
    pub fn only_world(mut self, endpoint: impl Into<String>, token: impl Into<String>) -> Settings {
        self.world = Some((endpoint.into(), token.into()));
        self.loopback_only = true;
        self
    }

    /// What the client calls itself, as `name/version`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Settings {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// The measure of waiting; [`Pace::INSTANT`] for a local cloud whose actions take no time.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Settings {
        self.pace = Some(pace);
        self
    }

    /// Shares the pace with all processes that are given the same directory. Not in a local world, which is one's own.
    #[must_use]
    pub fn shared_pace(mut self, directory: impl Into<PathBuf>) -> Settings {
        self.shared_pace = Some(directory.into());
        self
    }

    /// Refuses endpoints beyond loopback.
    #[must_use]
    pub fn loopback_only(mut self) -> Settings {
        self.loopback_only = true;
        self
    }

    /// Whether every provider goes to one given place, see [`only_world`](Self::only_world).
    pub(crate) fn is_local(&self) -> bool {
        self.world.is_some()
    }

    /// Checks a `provider` block.
    pub(crate) fn validate(&self, config: Attrs<'_>) -> Diagnostics {
        let mut problems = Problems::default();
        rules::one_of(config, "poll_function", &["constant", "exponential"], &mut problems);
        if let Some(text) = config.text("poll_interval")
            && parse_duration(text).is_none()
        {
            problems.add(
                "poll_interval",
                "Invalid attribute value",
                format!("{text:?} is not a duration, such as \"500ms\" or \"2s\"."),
            );
        }
        if self.world.is_none()
            && let Some(token) = config.get("token").as_str()
            && token.chars().count() != TOKEN_LENGTH
        {
            problems.push(bad_token());
        }
        problems.into_diagnostics()
    }

    /// The client that a `provider` block asks for; None while its token or endpoint is unknown.
    pub(crate) fn client(&self, config: Attrs<'_>) -> Result<Option<Client>, Diagnostic> {
        let mut builder = Client::builder();
        if let Some((endpoint, token)) = &self.world {
            // It stands for both APIs.
            builder = builder.endpoint(endpoint).token(token);
        } else {
            if !["token", "endpoint", "endpoint_hetzner"].iter().all(|name| config.is_known(name)) {
                return Ok(None);
            }
            let Some(token) = config.text("token").or(self.token.as_deref().filter(|t| !t.is_empty())) else {
                return Err(Diagnostic::error("No token for Hetzner Cloud")
                    .detail("The hcloud provider needs the API token of a project. Set `token` in its `provider` block, or HCLOUD_TOKEN.")
                    .hint("To try without an account, use the local cloud: add `-local` to the command."));
            };
            if token.chars().count() != TOKEN_LENGTH {
                return Err(bad_token());
            }
            builder = builder.token(token);
            if let Some(endpoint) =
                config.text("endpoint").or(self.endpoint.as_deref().filter(|e| !e.is_empty()))
            {
                builder = builder.endpoint(endpoint);
            }
            let hetzner = self.hetzner_endpoint.as_deref().filter(|e| !e.is_empty());
            if let Some(endpoint) = config.text("endpoint_hetzner").or(hetzner) {
                builder = builder.hetzner_endpoint(endpoint);
            }
        }
        if let Some(directory) = self.shared_pace.as_ref().filter(|_| self.world.is_none()) {
            builder = builder.shared_pace(directory);
        }
        if let Some(user_agent) = &self.user_agent {
            builder = builder.user_agent(user_agent);
        }
        if self.loopback_only {
            builder = builder.loopback_only();
        }
        builder = builder.pace(self.pace.unwrap_or_else(|| configured_pace(config)));
        builder.build().map(Some).map_err(|error| {
            Diagnostic::error("Hetzner Cloud cannot be used as configured").detail(error.to_string())
        })
    }
}

/// One poll a second at most is the rule; configuration may ask for a slower pace, not for a faster one.
fn configured_pace(config: Attrs<'_>) -> Pace {
    let asked = config.text("poll_interval").and_then(parse_duration).unwrap_or_default();
    Pace { unit: asked.clamp(Pace::REAL.unit, Duration::from_secs(60)) }
}

fn bad_token() -> Diagnostic {
    Diagnostic::error("Invalid token for Hetzner Cloud")
        .detail(format!("A token has exactly {TOKEN_LENGTH} characters; the one given has not."))
        .hint("Set the provider's `token` or HCLOUD_TOKEN to a whole token, from the Hetzner Console.")
        .attribute(AttrPath::attr("token"))
}

/// A duration as Go writes it: numbers with units, such as `1m30s` or `500ms`.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let seconds = match &rest[..end] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += number * seconds;
        rest = &rest[end..];
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(total).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Go's time.ParseDuration.
    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("500ms", Some(0.5)),
            ("2s", Some(2.0)),
            ("1m30s", Some(90.0)),
            ("1.5h", Some(5400.0)),
            ("0", Some(0.0)),
            ("", None),
            ("5", None),
            ("s", None),
            ("1x", None),
            ("-1s", None),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_secs_f64()), expected, "{text}");
        }
    }

    #[test]
    fn the_token_is_not_shown() {
        let settings = Settings::new().token("secret").only_world("http://127.0.0.1:1/v1", "secret");
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
