//! How the targets of load balancers are: the part of a load balancer that nobody sets.

use serde::Deserialize;

use crate::collection::object;
use crate::firewalls::{IdRef, SelectorRef};
use crate::lenient::null_as_default;
use crate::load_balancers::TargetIp;

/// A load balancer with the health of its targets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoadBalancerHealth {
    /// The load balancer's id.
    pub id: i64,
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Its targets.
    #[serde(default, deserialize_with = "null_as_default")]
    pub targets: Vec<TargetHealth>,
}

/// How a target is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TargetHealth {
    /// The server.
    #[serde(default)]
    pub server: Option<IdRef>,
    /// The servers whose labels fit; they are in `targets`.
    #[serde(default)]
    pub label_selector: Option<SelectorRef>,
    /// The address.
    #[serde(default)]
    pub ip: Option<TargetIp>,
    /// How it is, by port.
    #[serde(default, deserialize_with = "null_as_default")]
    pub health_status: Vec<PortHealth>,
    /// The servers of a label selector.
    #[serde(default, deserialize_with = "null_as_default")]
    pub targets: Vec<TargetHealth>,
}

/// How a target is on the port of one service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PortHealth {
    /// The port that the load balancer listens on.
    pub listen_port: i64,
    /// `healthy`, `unhealthy` or `unknown`.
    pub status: String,
}

object!(LoadBalancerHealth, "/load_balancers", "load_balancer", "load_balancers");
