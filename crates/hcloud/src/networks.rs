//! Private networks and their subnets.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, Object, Protection, object};
use crate::error::Error;
use crate::lenient::null_as_default;

/// A private network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// The range that all its subnets lie in, in CIDR notation.
    pub ip_range: String,
    /// Its subnets.
    #[serde(default, deserialize_with = "null_as_default")]
    pub subnets: Vec<Subnet>,
    /// Its routes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub routes: Vec<Route>,
    /// Ids of the servers in it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub servers: Vec<i64>,
    /// Ids of the load balancers in it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub load_balancers: Vec<i64>,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// Whether it can be deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub protection: Protection,
    /// Whether its routes are known to the vSwitch.
    #[serde(default, deserialize_with = "null_as_default")]
    pub expose_routes_to_vswitch: bool,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

/// A part of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Subnet {
    /// `cloud`, `server` (an old name of it) or `vswitch`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its range, in CIDR notation; None in a request lets the API choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<String>,
    /// The zone whose servers can be in it.
    pub network_zone: String,
    /// Address of the gateway; never sent.
    #[serde(default, skip_serializing)]
    pub gateway: Option<String>,
    /// The vSwitch coupled to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vswitch_id: Option<i64>,
}

/// A route of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where it leads, in CIDR notation.
    pub destination: String,
    /// By which address.
    pub gateway: String,
}

object!(Network, "/networks", "network", "networks", created);

/// A network to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkCreate {
    /// Its name.
    pub name: String,
    /// Its range, in CIDR notation.
    pub ip_range: String,
    /// Its labels.
    pub labels: Labels,
    /// Whether its routes are known to the vSwitch.
    pub expose_routes_to_vswitch: bool,
}

/// A change of a network; what is None stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkUpdate {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new labels; they replace all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Whether its routes are known to the vSwitch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose_routes_to_vswitch: Option<bool>,
}

/// How a server or load balancer goes into a network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NetworkAttachment {
    /// Id of the network.
    pub network: i64,
    /// The address it gets; the API chooses one when None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The range of the subnet that the API chooses the address from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<String>,
    /// More addresses; servers only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alias_ips: Vec<String>,
}

#[derive(Serialize)]
struct Range<'a> {
    ip_range: &'a str,
}

impl Collection<'_, Network> {
    /// Creates a network.
    pub async fn create(self, network: &NetworkCreate) -> Result<Network, Error> {
        self.client.post(Network::PATH, network).await?.field(Network::ONE)
    }

    /// Changes name, labels or the exposure of routes.
    pub async fn update(self, id: i64, update: &NetworkUpdate) -> Result<Network, Error> {
        self.put(id, update).await
    }

    /// Deletes a network; all that is in it is detached.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }

    /// Adds a subnet.
    pub async fn add_subnet(self, id: i64, subnet: &Subnet) -> Result<Action, Error> {
        self.act(id, "add_subnet", subnet).await
    }

    /// Deletes the subnet of this range; nothing may be in it.
    pub async fn delete_subnet(self, id: i64, ip_range: &str) -> Result<Action, Error> {
        self.act(id, "delete_subnet", &Range { ip_range }).await
    }

    /// Adds a route.
    pub async fn add_route(self, id: i64, route: &Route) -> Result<Action, Error> {
        self.act(id, "add_route", route).await
    }

    /// Deletes a route.
    pub async fn delete_route(self, id: i64, route: &Route) -> Result<Action, Error> {
        self.act(id, "delete_route", route).await
    }

    /// Makes the network wider.
    pub async fn change_ip_range(self, id: i64, ip_range: &str) -> Result<Action, Error> {
        self.act(id, "change_ip_range", &Range { ip_range }).await
    }

    /// Sets its protection.
    pub async fn change_protection(self, id: i64, protection: Protection) -> Result<Action, Error> {
        self.act(id, "change_protection", &protection).await
    }
}
