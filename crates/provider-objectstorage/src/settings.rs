//! Where a provider gets its endpoint and keys from.

use std::fmt;
use std::time::Duration;

use ferroform_core::{AttrPath, Diagnostic, Diagnostics};

use crate::attrs::Attrs;
use crate::rules::{self, Problems};
use ferroform_s3::{Client, ClientConfig, Credentials};

/// Where Hetzner has Object Storage (docs.hetzner.com/storage/object-storage/overview, as of October 2026).
pub(crate) const LOCATIONS: &[&str] = &["fsn1", "hel1", "nbg1"];

/// The first pause before a call is repeated.
const REAL_UNIT: Duration = Duration::from_millis(500);
/// The same for a service on this computer.
const LOCAL_UNIT: Duration = Duration::from_millis(20);

/// A place that every provider goes to.
#[derive(Clone)]
struct Place {
    endpoint: String,
    credentials: Credentials,
}

/// What the world around gives to every provider: the environment, and where a local run goes.
#[derive(Clone, Default)]
pub struct Settings {
    access_key: Option<String>,
    secret_key: Option<String>,
    location: Option<String>,
    endpoint: Option<String>,
    place: Option<Place>,
    user_agent: Option<String>,
    unit: Option<Duration>,
    loopback_only: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("location", &self.location)
            .field("endpoint", &self.endpoint)
            .field("place", &self.place.as_ref().map(|place| &place.endpoint))
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Nothing given: everything comes from configuration.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// Reads what configuration leaves out from variables: `OBJECTSTORAGE_ACCESS_KEY`, `OBJECTSTORAGE_SECRET_KEY`,
    /// `OBJECTSTORAGE_LOCATION` and `OBJECTSTORAGE_ENDPOINT`. Those of AWS's tools are not looked at: whoever has an account
    /// there too would send one's keys to the other.
    #[must_use]
    pub fn environment(mut self, variable: impl Fn(&str) -> Option<String>) -> Settings {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        self.access_key = variable("OBJECTSTORAGE_ACCESS_KEY");
        self.secret_key = variable("OBJECTSTORAGE_SECRET_KEY");
        self.location = variable("OBJECTSTORAGE_LOCATION");
        self.endpoint = variable("OBJECTSTORAGE_ENDPOINT");
        self
    }

    /// Every provider goes to this endpoint with these keys, whatever configuration and environment say.
    #[must_use]
    pub fn only_place(
        mut self,
        endpoint: impl Into<String>,
        access_key: impl Into<String>,
        secret_key: impl Into<String>,
    ) -> Settings {
        let credentials =
            Credentials { access_key: access_key.into(), secret_key: secret_key.into(), session_token: None };
        self.place = Some(Place { endpoint: endpoint.into(), credentials });
        self.loopback_only = true;
        self
    }

    /// What the client calls itself, as `name/version`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Settings {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// The first pause before a call is repeated; each further one is twice as long.
    #[must_use]
    pub fn first_pause(mut self, unit: Duration) -> Settings {
        self.unit = Some(unit);
        self
    }

    /// Refuses endpoints beyond loopback.
    #[must_use]
    pub fn loopback_only(mut self) -> Settings {
        self.loopback_only = true;
        self
    }

    /// Whether every provider goes to one given place, see [`only_place`](Self::only_place).
    pub(crate) fn is_local(&self) -> bool {
        self.place.is_some()
    }

    /// Checks a `provider` block.
    pub(crate) fn validate(&self, config: Attrs<'_>) -> Diagnostics {
        let mut problems = Problems::default();
        let at = AttrPath::attr("location");
        if !config.is_set("endpoint") {
            rules::one_of(config, "location", at, LOCATIONS, &mut problems);
        }
        for (one, other) in [("access_key", "secret_key"), ("secret_key", "access_key")] {
            if config.is_set(one) && !config.is_set(other) {
                problems.add(
                    one,
                    rules::COMBINATION,
                    format!("`{one}` and `{other}` belong together: set both, or neither."),
                );
            }
        }
        problems.into_diagnostics()
    }

    /// Where buckets are, by configuration or environment.
    pub(crate) fn location(&self, config: Attrs<'_>) -> Option<String> {
        config.filled("location").map(str::to_owned).or_else(|| self.location.clone())
    }

    /// The client that a `provider` block asks for, with its location; None while something of it is unknown.
    pub(crate) fn client(&self, config: Attrs<'_>) -> Result<Option<(Client, String)>, Diagnostic> {
        let location = self.location(config);
        let unit = if self.is_local() { LOCAL_UNIT } else { REAL_UNIT };
        let (endpoint, location, credentials) = if let Some(place) = &self.place {
            let location = location.unwrap_or_else(|| LOCATIONS[0].to_owned());
            (place.endpoint.clone(), location, place.credentials.clone())
        } else {
            if ["location", "endpoint", "access_key", "secret_key"].iter().any(|name| !config.is_known(name))
            {
                return Ok(None);
            }
            let endpoint = config.filled("endpoint").map(str::to_owned).or_else(|| self.endpoint.clone());
            let (endpoint, location) = match (endpoint, location) {
                (Some(endpoint), location) => (endpoint, location.unwrap_or_else(|| "us-east-1".to_owned())),
                (None, Some(location)) if LOCATIONS.contains(&&*location) => {
                    (format!("https://{location}.your-objectstorage.com"), location)
                }
                (None, Some(location)) => return Err(unknown_location(&location)),
                (None, None) => return Err(no_location()),
            };
            (endpoint, location, self.credentials(config)?)
        };
        let client = Client::new(ClientConfig {
            endpoint,
            region: location.clone(),
            credentials,
            user_agent: self.user_agent.clone().unwrap_or_else(|| "ferroform".to_owned()),
            unit: self.unit.unwrap_or(unit),
            loopback_only: self.loopback_only,
        });
        client.map(|client| Some((client, location))).map_err(|why| {
            Diagnostic::error("Object storage cannot be used as configured")
                .detail(why)
                .attribute(AttrPath::attr("endpoint"))
        })
    }

    fn credentials(&self, config: Attrs<'_>) -> Result<Credentials, Diagnostic> {
        let of_config = (config.filled("access_key"), config.filled("secret_key"));
        let of_environment = (self.access_key.as_deref(), self.secret_key.as_deref());
        let keys = if of_config.0.is_some() || of_config.1.is_some() { of_config } else { of_environment };
        match keys {
            (Some(access_key), Some(secret_key)) => {
                Ok(Credentials { access_key: access_key.to_owned(), secret_key: secret_key.to_owned(), session_token: None })
            }
            _ => Err(Diagnostic::error("No keys for object storage")
                .detail(
                    "The objectstorage provider needs a pair of S3 keys of the project. Set `access_key` and `secret_key` in its \
                     `provider` block, or OBJECTSTORAGE_ACCESS_KEY and OBJECTSTORAGE_SECRET_KEY.",
                )
                .hint("Keys are made in the Hetzner Console, under Security, S3 credentials: there is no API for it.")
                .hint("To try without an account, use the local cloud: add `-local` to the command.")),
        }
    }
}

fn unknown_location(location: &str) -> Diagnostic {
    Diagnostic::error("Unknown location of object storage")
        .detail(format!(
            "{location:?} is none of the locations that are known to have it: {}.",
            LOCATIONS.join(", ")
        ))
        .hint("For a newer one, set the provider's `endpoint` as well.")
        .attribute(AttrPath::attr("location"))
}

fn no_location() -> Diagnostic {
    Diagnostic::error("No location for object storage").detail(format!(
        "The objectstorage provider needs to know where the buckets are. Set `location` in its `provider` block, or \
         OBJECTSTORAGE_LOCATION, to one of {}.",
        LOCATIONS.join(", ")
    ))
}
