//! The client and how it is built.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use url::Url;

use crate::actions::Action;
use crate::certificates::Certificate;
use crate::collection::Collection;
use crate::error::Error;
use crate::firewalls::Firewall;
use crate::floating_ips::FloatingIp;
use crate::images::Image;
use crate::ledger::Ledger;
use crate::load_balancer_health::LoadBalancerHealth;
use crate::load_balancer_types::LoadBalancerType;
use crate::load_balancers::LoadBalancer;
use crate::locations::Location;
use crate::networks::Network;
use crate::pace::{Allowance, Pace, RateLimit};
use crate::placement_groups::PlacementGroup;
use crate::primary_ips::PrimaryIp;
use crate::rrsets::Rrsets;
use crate::server_types::ServerType;
use crate::servers::Server;
use crate::ssh_keys::SshKey;
use crate::storage_box_parts::{StorageBoxParts, StorageBoxSnapshot, StorageBoxSubaccount};
use crate::storage_box_types::StorageBoxType;
use crate::storage_boxes::StorageBox;
use crate::volumes::Volume;
use crate::wait::Waiter;
use crate::zones::Zone;

/// Where the API answers for everybody (Hetzner API documentation).
pub const PUBLIC_ENDPOINT: &str = "https://api.hetzner.cloud/v1";

/// Where the Hetzner API answers for everybody (Hetzner API documentation).
pub const PUBLIC_HETZNER_ENDPOINT: &str = "https://api.hetzner.com/v1";

/// Set to anything but `0` or nothing, this variable makes every client refuse endpoints beyond loopback; tests set it.
const FORBID_VARIABLE: &str = "FERROFORM_FORBID_PUBLIC_ENDPOINT";

/// Time for one request with its answer. Long enough for the slowest answers of the API.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for one project. Clones share connection, pace and action waiter.
///
/// Storage boxes are of another API, with an endpoint, limits and actions of its own; the same token is good for both.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) endpoint: String,
    pub(crate) fingerprint: String,
    pub(crate) pace: Pace,
    pub(crate) rate: RateLimit,
    /// What all processes of the user know of the rate limit together.
    pub(crate) ledger: Option<Ledger>,
    /// Requests that wait for their turn or their answer.
    pub(crate) unanswered: AtomicUsize,
    /// Seconds since 1970 by the last answer's `Date` header; `i64::MIN` before there was one. Both APIs' answers count.
    pub(crate) server_date: Arc<AtomicI64>,
    pub(crate) waiter: Waiter,
    pub(crate) stopped: Arc<watch::Sender<bool>>,
    /// Where the state of actions is read.
    pub(crate) actions_path: &'static str,
    /// The client of the Hetzner API; None in that one itself.
    hetzner: Option<Client>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

/// Settings of a [`Client`].
#[derive(Clone)]
pub struct ClientBuilder {
    endpoint: String,
    hetzner_endpoint: Option<String>,
    token: String,
    user_agent: String,
    pace: Pace,
    shared_pace: Option<PathBuf>,
    loopback_only: bool,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("endpoint", &self.endpoint)
            .field("hetzner_endpoint", &self.hetzner_endpoint)
            .field("user_agent", &self.user_agent)
            .field("pace", &self.pace)
            .field("loopback_only", &self.loopback_only)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Where the API is, version included (`https://api.hetzner.cloud/v1`, the default).
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// Where the Hetzner API is, version included. Without it, the public one where `endpoint` is the public one, and
    /// `endpoint` itself elsewhere: what stands in for one API stands in for both, and no token goes where nobody said.
    #[must_use]
    pub fn hetzner_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.hetzner_endpoint = Some(endpoint.into());
        self
    }

    /// The project's token.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// What the client calls itself, as `name/version`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// The measure of waiting; [`Pace::REAL`] by default.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Shares the pace with other processes that are given the same directory, by a small file in it for each token. The
    /// file holds numbers only, and its name is a digest. Whatever is wrong with it holds nothing up.
    #[must_use]
    pub fn shared_pace(mut self, directory: impl Into<PathBuf>) -> Self {
        self.shared_pace = Some(directory.into());
        self
    }

    /// Refuses any endpoint beyond loopback. The environment variable `FERROFORM_FORBID_PUBLIC_ENDPOINT` does the same.
    #[must_use]
    pub fn loopback_only(mut self) -> Self {
        self.loopback_only = true;
        self
    }

    /// The client; [`Error::Config`] when endpoint or token cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        let server_date = Arc::new(AtomicI64::new(i64::MIN));
        let stopped = Arc::new(watch::Sender::new(false));
        let connect = |endpoint: &str, actions_path, hetzner| {
            let (server_date, stopped) = (Arc::clone(&server_date), Arc::clone(&stopped));
            self.connect(endpoint.trim_end_matches('/').to_owned(), |http, endpoint| Inner {
                http,
                fingerprint: fingerprint(&self.token),
                ledger: self.shared_pace.as_ref().map(|dir| Ledger::new(dir, &endpoint, &self.token)),
                endpoint,
                pace: self.pace,
                rate: RateLimit::default(),
                unanswered: AtomicUsize::new(0),
                server_date,
                waiter: Waiter::default(),
                stopped,
                actions_path,
                hetzner,
            })
        };
        let public = self.endpoint.trim_end_matches('/') == PUBLIC_ENDPOINT;
        let stand_in = if public { PUBLIC_HETZNER_ENDPOINT } else { &self.endpoint };
        let hetzner = self.hetzner_endpoint.as_deref().unwrap_or(stand_in);
        let hetzner = connect(hetzner, "/storage_boxes/actions", None)?;
        connect(&self.endpoint, "/actions", Some(hetzner))
    }

    fn connect(
        &self,
        endpoint: String,
        inner: impl FnOnce(reqwest::Client, String) -> Inner,
    ) -> Result<Client, Error> {
        let url = Url::parse(&endpoint)
            .map_err(|error| Error::Config(format!("The endpoint {endpoint:?} is not a URL: {error}.")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.query().is_some() {
            return Err(Error::Config(format!(
                "The endpoint {endpoint:?} must be an http or https address, such as {PUBLIC_ENDPOINT:?}."
            )));
        }
        let loopback = is_loopback(&url);
        let forbidden = self.loopback_only
            || std::env::var_os(FORBID_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0");
        if forbidden && !loopback {
            return Err(Error::Config(format!(
                "The endpoint {endpoint:?} is not on this machine, and reaching beyond it is forbidden here."
            )));
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", self.token))
            .map_err(|_| Error::Config("The token holds characters that a token cannot have.".to_owned()))?;
        authorization.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(&self.user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            // The API never redirects; following one would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        if loopback {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| {
            Error::Config(format!("The HTTP client cannot be set up: {}.", chain(&error)))
        })?;
        Ok(Client { inner: Arc::new(inner(http, endpoint)) })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A one-way digest of a token: 128 bits of it in hexadecimal. Tokens are long and random, so it cannot be guessed back.
fn fingerprint(token: &str) -> String {
    let digest = Sha256::new().chain_update("ferroform project\0").chain_update(token).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// An error with all its causes, and without the address, which the caller knows.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

macro_rules! collections {
    ($($(#[$doc:meta])* $name:ident: $ty:ty;)*) => {
        $($(#[$doc])* pub fn $name(&self) -> Collection<'_, $ty> { Collection::new(self) })*
    };
}

impl Client {
    /// Settings with their defaults.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            endpoint: PUBLIC_ENDPOINT.to_owned(),
            hetzner_endpoint: None,
            token: String::new(),
            user_agent: concat!("ferroform/", env!("CARGO_PKG_VERSION")).to_owned(),
            pace: Pace::REAL,
            shared_pace: None,
            loopback_only: false,
        }
    }

    collections! {
        /// Certificates.
        certificates: Certificate;
        /// Firewalls.
        firewalls: Firewall;
        /// Floating IPs.
        floating_ips: FloatingIp;
        /// Images.
        images: Image;
        /// Load balancers with the health of their targets.
        load_balancer_health: LoadBalancerHealth;
        /// Load balancer types.
        load_balancer_types: LoadBalancerType;
        /// Load balancers.
        load_balancers: LoadBalancer;
        /// Locations.
        locations: Location;
        /// Networks.
        networks: Network;
        /// Placement groups.
        placement_groups: PlacementGroup;
        /// Primary IPs.
        primary_ips: PrimaryIp;
        /// Server types.
        server_types: ServerType;
        /// Servers.
        servers: Server;
        /// SSH keys.
        ssh_keys: SshKey;
        /// Volumes.
        volumes: Volume;
        /// DNS zones.
        zones: Zone;
    }

    /// The record sets of a zone, which is named by its id or its name.
    pub fn rrsets(&self, zone: impl Into<String>) -> Rrsets<'_> {
        Rrsets::new(self, zone.into())
    }

    /// The client of the Hetzner API.
    fn hetzner(&self) -> &Client {
        self.inner.hetzner.as_ref().unwrap_or(self)
    }

    /// Storage boxes.
    pub fn storage_boxes(&self) -> Collection<'_, StorageBox> {
        Collection::new(self.hetzner())
    }

    /// Storage box types.
    pub fn storage_box_types(&self) -> Collection<'_, StorageBoxType> {
        Collection::new(self.hetzner())
    }

    /// The snapshots of a storage box.
    pub fn storage_box_snapshots(&self, storage_box: i64) -> StorageBoxParts<'_, StorageBoxSnapshot> {
        StorageBoxParts::new(self.hetzner(), storage_box)
    }

    /// The subaccounts of a storage box.
    pub fn storage_box_subaccounts(&self, storage_box: i64) -> StorageBoxParts<'_, StorageBoxSubaccount> {
        StorageBoxParts::new(self.hetzner(), storage_box)
    }

    /// The endpoint as configured, without a slash at its end.
    pub fn endpoint(&self) -> &str {
        &self.inner.endpoint
    }

    /// What tells this project's token from others: a one-way digest of it.
    pub fn project_fingerprint(&self) -> &str {
        &self.inner.fingerprint
    }

    /// The measure of waiting.
    pub fn pace(&self) -> Pace {
        self.inner.pace
    }

    /// What the API still grants, as far as answers told; None before the first answer.
    pub fn allowance(&self) -> Option<Allowance> {
        let known = [self.inner.rate.allowance(), self.inner.ledger.as_ref().and_then(Ledger::allowance)];
        // Others may have used up what this process does not know of.
        known.into_iter().flatten().min_by(|a, b| a.left.total_cmp(&b.left))
    }

    /// The server's clock by its last answer, in seconds since 1970; None before the first answer.
    pub fn last_server_date(&self) -> Option<i64> {
        let date = self.inner.server_date.load(std::sync::atomic::Ordering::Acquire);
        (date != i64::MIN).then_some(date)
    }

    /// Waits until all of these actions have ended, whichever API they are of. The first failure in the given order is
    /// the answer, after all ended; those of storage boxes come last.
    pub async fn wait(&self, actions: impl IntoIterator<Item = Action>) -> Result<(), Error> {
        let (boxes, own): (Vec<_>, Vec<_>) = actions.into_iter().partition(Action::is_of_storage_box);
        let (own, boxes) = tokio::join!(self.wait_here(own), self.hetzner().wait_here(boxes));
        own.and(boxes)
    }

    async fn wait_here(&self, actions: Vec<Action>) -> Result<(), Error> {
        self.inner.waiter.wait(Arc::new(self.clone()), self.inner.pace, actions).await
    }

    /// Pauses for a number of units of the client's pace; ends early with [`Error::Stopped`].
    pub async fn pause(&self, units: u32) -> Result<(), Error> {
        self.sleep(self.inner.pace.unit.saturating_mul(units)).await
    }

    /// Ends all waiting with [`Error::Stopped`]; requests on their way are answered still, and none is sent after.
    pub fn stop(&self) {
        self.inner.stopped.send_replace(true);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *self.inner.stopped.borrow()
    }

    /// Ends when [`Client::stop`] was called.
    pub(crate) async fn until_stopped(&self) {
        let mut stopped = self.inner.stopped.subscribe();
        // The sender lives in the client, so this only ends by the value.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    /// Sleeps, but not beyond a stop.
    pub(crate) async fn sleep(&self, pause: Duration) -> Result<(), Error> {
        if self.is_stopped() {
            return Err(Error::Stopped);
        }
        if pause.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.until_stopped() => Err(Error::Stopped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "secretsecretsecretsecretsecretsecretsecretsecretsecretsecretsecr";

    #[test]
    fn endpoints_beyond_loopback_are_refused_where_forbidden() {
        for (endpoint, allowed) in [
            ("http://127.0.0.1:8080/v1", true),
            ("http://localhost:1/v1/", true),
            ("http://[::1]:1/v1", true),
            (PUBLIC_ENDPOINT, false),
            ("http://10.0.0.1/v1", false),
            ("http://localhost.example.com/v1", false),
            ("ftp://127.0.0.1/v1", false),
            ("127.0.0.1", false),
            ("", false),
        ] {
            let built = Client::builder().endpoint(endpoint).token(TOKEN).loopback_only().build();
            assert_eq!(built.is_ok(), allowed, "{endpoint}");
        }
    }

    #[test]
    fn the_token_is_shown_nowhere() {
        let builder = Client::builder().endpoint("http://127.0.0.1:1/v1").token(TOKEN);
        assert!(!format!("{builder:?}").contains("secret"));
        let client = builder.build().unwrap();
        assert!(!format!("{client:?}").contains("secret"));
        assert!(!client.project_fingerprint().contains("secret"));
        let refused = Client::builder().token("secret\n").build().unwrap_err();
        assert!(!refused.to_string().contains("secret"));
    }
}
