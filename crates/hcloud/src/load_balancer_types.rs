//! Load balancer types.

use serde::Deserialize;

use crate::collection::object;
use crate::images::Deprecation;
use crate::lenient::null_as_default;

/// A kind of load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoadBalancerType {
    /// Its id.
    pub id: i64,
    /// Its name, such as `lb11`.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// Most connections at a time.
    #[serde(default, deserialize_with = "null_as_default")]
    pub max_connections: i64,
    /// Most services.
    #[serde(default, deserialize_with = "null_as_default")]
    pub max_services: i64,
    /// Most targets.
    #[serde(default, deserialize_with = "null_as_default")]
    pub max_targets: i64,
    /// Most certificates.
    #[serde(default, deserialize_with = "null_as_default")]
    pub max_assigned_certificates: i64,
    /// When it goes out of use.
    #[serde(default)]
    pub deprecation: Option<Deprecation>,
}

object!(LoadBalancerType, "/load_balancer_types", "load_balancer_type", "load_balancer_types");
