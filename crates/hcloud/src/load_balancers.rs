//! Load balancers, their services and targets.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, NamedUpdate, Nothing, Object, Protection, object};
use crate::error::Error;
use crate::firewalls::{IdRef, SelectorRef};
use crate::lenient::null_as_default;
use crate::load_balancer_types::LoadBalancerType;
use crate::locations::Location;
use crate::networks::NetworkAttachment;
use crate::servers::PublicAddress;

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LoadBalancer {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// Its public side.
    #[serde(default, deserialize_with = "null_as_default")]
    pub public_net: LoadBalancerPublicNet,
    /// The networks it is in.
    #[serde(default, deserialize_with = "null_as_default")]
    pub private_net: Vec<LoadBalancerPrivateNet>,
    /// Where it is.
    pub location: Location,
    /// Its type.
    pub load_balancer_type: LoadBalancerType,
    /// How it chooses among targets.
    pub algorithm: Algorithm,
    /// What it listens on.
    #[serde(default, deserialize_with = "null_as_default")]
    pub services: Vec<Service>,
    /// Where it sends to.
    #[serde(default, deserialize_with = "null_as_default")]
    pub targets: Vec<Target>,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// Whether it can be deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub protection: Protection,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

/// The public side of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct LoadBalancerPublicNet {
    /// Whether it can be reached from outside.
    #[serde(default, deserialize_with = "null_as_default")]
    pub enabled: bool,
    /// Its IPv4 address.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ipv4: PublicAddress,
    /// Its IPv6 address.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ipv6: PublicAddress,
}

/// A network that a load balancer is in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoadBalancerPrivateNet {
    /// Id of the network.
    pub network: i64,
    /// Its address in it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ip: String,
}

/// An address in an object of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetIp {
    /// The address; empty if there is none.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ip: String,
}

/// How a load balancer chooses among targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Algorithm {
    /// `round_robin` or `least_connections`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Something that a load balancer listens on. In requests, what is None is left to the API or stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Service {
    /// The port it listens on; names the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen_port: Option<i64>,
    /// `tcp`, `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The port of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<i64>,
    /// Whether it speaks the PROXY protocol to the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxyprotocol: Option<bool>,
    /// Settings for `http` and `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<ServiceHttp>,
    /// How it finds out whether a target works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
}

/// Settings of a service for HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceHttp {
    /// Whether a client stays with its target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_sessions: Option<bool>,
    /// Name of the cookie for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_name: Option<String>,
    /// Life of the cookie in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_lifetime: Option<i64>,
    /// Ids of certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Vec<i64>>,
    /// Whether port 80 leads to 443.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_http: Option<bool>,
    /// Seconds after which an idle connection is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_idle: Option<i64>,
}

/// How a service finds out whether a target works.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `tcp` or `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The port asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    /// Seconds between two checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    /// Seconds after which a check has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// Failed checks after which a target does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<i64>,
    /// Settings for `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HealthCheckHttp>,
}

/// Settings of a health check for HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HealthCheckHttp {
    /// The host asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The path asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the answer must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Whether it is asked by TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<bool>,
    /// Statuses that count as working, such as `2??`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_codes: Option<Vec<String>>,
}

/// Where a load balancer sends to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Target {
    /// `server`, `label_selector` or `ip`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<IdRef>,
    /// The servers whose labels fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<SelectorRef>,
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<TargetIp>,
    /// Whether it is reached by the private network; not with `ip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_private_ip: Option<bool>,
}

impl Target {
    /// Whether both name the same target, however it is reached.
    pub fn is_same(&self, other: &Target) -> bool {
        self.kind == other.kind
            && self.server == other.server
            && self.label_selector == other.label_selector
            && self.ip == other.ip
    }
}

object!(LoadBalancer, "/load_balancers", "load_balancer", "load_balancers", created);

/// A load balancer to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LoadBalancerCreate {
    /// Its name.
    pub name: String,
    /// Name or id of its type.
    pub load_balancer_type: String,
    /// Where; not with `network_zone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The zone within which the API chooses a location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_zone: Option<String>,
    /// How it chooses among targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Its labels.
    pub labels: Labels,
}

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct LoadBalancerCreated {
    /// The load balancer.
    pub load_balancer: LoadBalancer,
    /// Creating it, which runs on.
    pub action: Option<Action>,
}

#[derive(Serialize)]
struct ListenPort {
    listen_port: i64,
}

#[derive(Serialize)]
struct NetworkRef {
    network: i64,
}

#[derive(Serialize)]
struct ChangeType<'a> {
    load_balancer_type: &'a str,
}

impl Collection<'_, LoadBalancer> {
    /// Creates a load balancer.
    pub async fn create(self, load_balancer: &LoadBalancerCreate) -> Result<LoadBalancerCreated, Error> {
        let answer = self.client.post(LoadBalancer::PATH, load_balancer).await?;
        Ok(LoadBalancerCreated {
            load_balancer: answer.field(LoadBalancer::ONE)?,
            action: answer.optional("action")?,
        })
    }

    /// Changes name or labels.
    pub async fn update(self, id: i64, update: &NamedUpdate) -> Result<LoadBalancer, Error> {
        self.put(id, update).await
    }

    /// Deletes a load balancer. Until autumn 2026 the API answered without an action.
    pub async fn delete(self, id: i64) -> Result<Option<Action>, Error> {
        self.remove(id).await
    }

    /// Adds a service.
    pub async fn add_service(self, id: i64, service: &Service) -> Result<Action, Error> {
        self.act(id, "add_service", service).await
    }

    /// Changes the service of this `listen_port`.
    pub async fn update_service(self, id: i64, service: &Service) -> Result<Action, Error> {
        self.act(id, "update_service", service).await
    }

    /// Deletes the service of this port.
    pub async fn delete_service(self, id: i64, listen_port: i64) -> Result<Action, Error> {
        self.act(id, "delete_service", &ListenPort { listen_port }).await
    }

    /// Adds a target.
    pub async fn add_target(self, id: i64, target: &Target) -> Result<Action, Error> {
        self.act(id, "add_target", target).await
    }

    /// Removes a target.
    pub async fn remove_target(self, id: i64, target: &Target) -> Result<Action, Error> {
        // How it is reached does not name it, and the API refuses the field here.
        self.act(id, "remove_target", &Target { use_private_ip: None, ..target.clone() }).await
    }

    /// Puts it into a network.
    pub async fn attach_to_network(self, id: i64, attachment: &NetworkAttachment) -> Result<Action, Error> {
        self.act(id, "attach_to_network", attachment).await
    }

    /// Takes it out of a network.
    pub async fn detach_from_network(self, id: i64, network: i64) -> Result<Action, Error> {
        self.act(id, "detach_from_network", &NetworkRef { network }).await
    }

    /// Changes how it chooses among targets.
    pub async fn change_algorithm(self, id: i64, algorithm: &Algorithm) -> Result<Action, Error> {
        self.act(id, "change_algorithm", algorithm).await
    }

    /// Makes it one of another type.
    pub async fn change_type(self, id: i64, load_balancer_type: &str) -> Result<Action, Error> {
        self.act(id, "change_type", &ChangeType { load_balancer_type }).await
    }

    /// Sets its protection.
    pub async fn change_protection(self, id: i64, protection: Protection) -> Result<Action, Error> {
        self.act(id, "change_protection", &protection).await
    }

    /// Lets it be reached from outside.
    pub async fn enable_public_interface(self, id: i64) -> Result<Action, Error> {
        self.act(id, "enable_public_interface", &Nothing {}).await
    }

    /// Lets it be reached from its networks only.
    pub async fn disable_public_interface(self, id: i64) -> Result<Action, Error> {
        self.act(id, "disable_public_interface", &Nothing {}).await
    }
}
