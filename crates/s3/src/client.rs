//! The client and how it is built.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use url::Url;

use crate::call::hex;
use crate::error::Error;
use crate::sign::Credentials;

/// Set to anything but `0` or nothing, this variable makes every client refuse endpoints beyond loopback; tests set it.
const FORBID_VARIABLE: &str = "FERROFORM_FORBID_PUBLIC_ENDPOINT";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client with one pair of keys at one endpoint. Clones share connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) endpoint: String,
    /// As the `Host` header has it.
    pub(crate) host: String,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// The first pause before a call is repeated.
    pub(crate) unit: Duration,
    /// Seconds since 1970 by the last answer's `Date` header; `i64::MIN` before there was one.
    pub(crate) server_date: AtomicI64,
    stopped: watch::Sender<bool>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

/// What a client needs.
pub struct ClientConfig {
    /// Where the service is, such as `https://fsn1.your-objectstorage.com`.
    pub endpoint: String,
    /// What requests are signed for.
    pub region: String,
    /// What they are signed with.
    pub credentials: Credentials,
    /// As which program requests introduce themselves.
    pub user_agent: String,
    /// The first pause before a call is repeated.
    pub unit: Duration,
    /// Refuses endpoints beyond loopback.
    pub loopback_only: bool,
}

impl Client {
    /// A client; or why there cannot be one.
    pub fn new(config: ClientConfig) -> Result<Client, String> {
        let endpoint = config.endpoint.trim_end_matches('/').to_owned();
        let url = Url::parse(&endpoint)
            .map_err(|error| format!("The endpoint {endpoint:?} is not a URL: {error}."))?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => String::new(),
        };
        let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || host.is_empty() || !bare {
            return Err(format!(
                "The endpoint {endpoint:?} must be an http or https address without a path, such as \
                 \"https://fsn1.your-objectstorage.com\"."
            ));
        }
        let loopback = is_loopback(&url);
        let forbidden = config.loopback_only
            || std::env::var_os(FORBID_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0");
        if forbidden && !loopback {
            return Err(format!(
                "The endpoint {endpoint:?} is not on this machine, and reaching beyond it is forbidden here."
            ));
        }
        let mut http = reqwest::Client::builder()
            .user_agent(config.user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            // A signature is for one address; the keys are for nobody else.
            .redirect(reqwest::redirect::Policy::none());
        if loopback {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| format!("The HTTP client cannot be set up: {error}."))?;
        Ok(Client {
            inner: Arc::new(Inner {
                http,
                endpoint,
                host,
                region: config.region,
                credentials: config.credentials,
                unit: config.unit,
                server_date: AtomicI64::new(i64::MIN),
                stopped: watch::Sender::new(false),
            }),
        })
    }

    /// The endpoint, without a slash at its end.
    pub fn endpoint(&self) -> &str {
        &self.inner.endpoint
    }

    /// What tells these keys from others: a one-way digest of the access key, which is no secret.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::new()
            .chain_update("ferroform object storage\0")
            .chain_update(&self.inner.credentials.access_key)
            .finalize();
        hex(&digest[..16])
    }

    /// The server's clock by its last answer, in seconds since 1970; None before the first answer.
    pub fn last_server_date(&self) -> Option<i64> {
        let date = self.inner.server_date.load(Ordering::Acquire);
        (date != i64::MIN).then_some(date)
    }

    /// Ends all waiting; requests on their way are answered still, and none is sent after.
    pub fn stop(&self) {
        self.inner.stopped.send_replace(true);
    }

    /// Sleeps, but not beyond a stop.
    pub(crate) async fn sleep(&self, pause: Duration) -> Result<(), Error> {
        let mut stopped = self.inner.stopped.subscribe();
        if *stopped.borrow() {
            return Err(Error::Stopped);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            _ = stopped.wait_for(|stopped| *stopped) => Err(Error::Stopped),
        }
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_addresses_without_a_path_and_on_this_machine_where_that_is_demanded() {
        for (endpoint, anywhere, here) in [
            ("http://127.0.0.1:8080", true, true),
            ("http://localhost:1/", true, true),
            ("http://[::1]:1", true, true),
            ("https://fsn1.your-objectstorage.com", true, false),
            ("http://localhost.example.com", true, false),
            ("http://127.0.0.1:1/path", false, false),
            ("http://user@127.0.0.1:1", false, false),
            ("ftp://127.0.0.1", false, false),
            ("127.0.0.1", false, false),
            ("", false, false),
        ] {
            for (loopback_only, expected) in [(false, anywhere), (true, here)] {
                let config = ClientConfig {
                    endpoint: endpoint.to_owned(),
                    region: "fsn1".to_owned(),
                    credentials: Credentials {
                        access_key: "a".to_owned(),
                        secret_key: "b".to_owned(),
                        session_token: None,
                    },
                    user_agent: "test/1".to_owned(),
                    unit: Duration::ZERO,
                    loopback_only,
                };
                // The variable that forbids public endpoints may be set where this test runs.
                if !loopback_only && std::env::var_os(FORBID_VARIABLE).is_some() {
                    continue;
                }
                assert_eq!(Client::new(config).is_ok(), expected, "{endpoint} {loopback_only}");
            }
        }
    }
}
