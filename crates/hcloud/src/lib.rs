//! An asynchronous client of the Hetzner Cloud API, and of the Hetzner API, which has the storage boxes.
//!
//! One [`Client`] (cheap to clone) speaks for one project. What all its clones share:
//!
//! - **Pacing.** Requests are spaced by the `RateLimit-*` headers, so that 429 is an exception; when it comes, the
//!   client waits for the refill and goes on. Processes of a user share it ([`ClientBuilder::shared_pace`]).
//! - **Retries.** Reads are repeated on transport errors and answers of status 5xx. A mutation is repeated only when it
//!   certainly did nothing (`conflict`, `locked`, 429, a connection that never stood). When the answer to a mutation
//!   is lost, that is what the caller learns: [`Error::AnswerLost`].
//! - **Waiting.** All running actions are polled together, at most one request a second ([`Client::wait`]).
//! - **The server's clock.** The `Date` header of every answer is remembered ([`Client::last_server_date`]).
//!
//! # Example
//!
//! A web server, found by its label or else created: listings are complete, whatever the number of pages; actions are
//! waited for; and an error says whether the request may have been done.
//!
//! ```no_run
//! use ferroform_hcloud::{Client, Error, Filter, Server, ServerCreate, code};
//!
//! async fn web_server(client: &Client) -> Result<Server, Error> {
//!     // All pages, 50 objects a request. Any query parameter of the API can narrow it further.
//!     let found = client.servers().list(&Filter::labels("role=web").with("status", "running")).await?;
//!     if let Some(server) = found.into_iter().next() {
//!         return Ok(server);
//!     }
//!     let mut wanted = ServerCreate {
//!         name: "web-1".to_owned(),
//!         server_type: "cx23".to_owned(),
//!         image: "debian-13".to_owned(),
//!         labels: [("role".to_owned(), "web".to_owned())].into(),
//!         start_after_create: true,
//!         ..ServerCreate::default()
//!     };
//!     let mut created = client.servers().create(&wanted).await;
//!     // What callers decide by is a code of the API, and the common ones are constants.
//!     if created.as_ref().is_err_and(|error| error.is(code::RESOURCE_UNAVAILABLE)) {
//!         wanted.server_type = "cpx22".to_owned();
//!         created = client.servers().create(&wanted).await;
//!     }
//!     match created {
//!         Ok(created) => {
//!             // However many callers wait: one request polls all of their actions. Err is the first action that failed.
//!             client.wait(created.actions).await?;
//!             client.servers().get(created.server.id).await
//!         }
//!         // The answer was lost on its way. Names are unique, so that a look tells whether there is a server now.
//!         Err(error) if error.may_have_happened() => {
//!             let made = client.servers().list(&Filter::name(&wanted.name)).await?;
//!             made.into_iter().next().ok_or(error)
//!         }
//!         Err(error) => Err(error),
//!     }
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let token = std::env::var("HCLOUD_TOKEN")?;
//! let client = Client::builder().token(token).user_agent("example/1.0").build()?;
//! match web_server(&client).await {
//!     Ok(server) => println!("{} is {}", server.name, server.status),
//!     // The message has the request, what the API says, the refused fields and the correlation id. The token is in none.
//!     Err(error) => eprintln!("{error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Collection::get_many`] reads objects by their ids in as few requests as may be.
//! [`ClientBuilder::endpoint`] and [`ClientBuilder::loopback_only`] are for tests, against a stand-in for the API.
//!
//! Types hold what the project needs of an object; unknown fields and values are tolerated everywhere.

mod actions;
mod answer;
mod call;
mod certificates;
mod client;
mod collection;
mod error;
mod firewalls;
mod floating_ips;
mod images;
mod ledger;
mod lenient;
mod load_balancer_health;
mod load_balancer_types;
mod load_balancers;
mod locations;
mod networks;
mod pace;
mod placement_groups;
mod primary_ips;
mod reverse_dns;
mod rrsets;
mod server_types;
mod servers;
mod ssh_keys;
mod storage_box_parts;
mod storage_box_types;
mod storage_boxes;
mod time;
mod volumes;
mod wait;
mod zones;

pub use actions::{Action, ActionFailure, ActionResource, ActionStatus};
pub use certificates::{Certificate, CertificateCreate, CertificateCreated, CertificateSource};
pub use client::{Client, ClientBuilder, PUBLIC_ENDPOINT, PUBLIC_HETZNER_ENDPOINT};
pub use collection::{Collection, Filter, Labels, NamedUpdate, Object, Protection};
pub use error::{ApiError, Error, FieldError, code};
pub use firewalls::{
    AppliedTo, Firewall, FirewallCreate, FirewallCreated, FirewallResource, FirewallRule, IdRef, SelectorRef,
};
pub use floating_ips::{FloatingIp, FloatingIpCreate, FloatingIpCreated, FloatingIpUpdate};
pub use images::{CreatedFrom, Deprecation, Image, ImageUpdate};
pub use load_balancer_health::{LoadBalancerHealth, PortHealth, TargetHealth};
pub use load_balancer_types::LoadBalancerType;
pub use load_balancers::{
    Algorithm, HealthCheck, HealthCheckHttp, LoadBalancer, LoadBalancerCreate, LoadBalancerCreated,
    LoadBalancerPrivateNet, LoadBalancerPublicNet, Service, ServiceHttp, Target, TargetIp,
};
pub use locations::Location;
pub use networks::{Network, NetworkAttachment, NetworkCreate, NetworkUpdate, Route, Subnet};
pub use pace::{Allowance, Pace};
pub use placement_groups::{PlacementGroup, PlacementGroupCreate};
pub use primary_ips::{PrimaryIp, PrimaryIpCreate, PrimaryIpCreated, PrimaryIpUpdate};
pub use reverse_dns::{HasReverseNames, ReverseName, ReverseNames};
pub use rrsets::{Record, Rrset, RrsetCreate, RrsetKey, RrsetProtection, Rrsets};
pub use server_types::{ServerType, ServerTypeLocation};
pub use servers::{
    Iso, PrivateNet, PublicAddress, PublicNet, PublicNetFirewall, PublicNetRequest, Server, ServerCreate,
    ServerCreated, ServerProtection,
};
pub use ssh_keys::{SshKey, SshKeyCreate};
pub use storage_box_parts::{
    StorageBoxPart, StorageBoxParts, StorageBoxSnapshot, StorageBoxSnapshotInput, StorageBoxSnapshotStats,
    StorageBoxSubaccount, StorageBoxSubaccountCreate, StorageBoxSubaccountUpdate, SubaccountAccess,
};
pub use storage_box_types::StorageBoxType;
pub use storage_boxes::{
    StorageBox, StorageBoxAccess, StorageBoxCreate, StorageBoxCreated, StorageBoxSnapshotPlan,
};
pub use time::seconds_since_1970;
pub use volumes::{Volume, VolumeCreate, VolumeCreated};
pub use zones::{AuthoritativeNameservers, PrimaryNameserver, Zone, ZoneCreate, ZoneCreated};
