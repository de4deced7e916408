//! Server types.

use serde::Deserialize;

use crate::collection::object;
use crate::images::Deprecation;
use crate::lenient::null_as_default;

/// A kind of server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ServerType {
    /// Its id.
    pub id: i64,
    /// Its name, such as `cx23`.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// The family it belongs to, for people.
    #[serde(default)]
    pub category: Option<String>,
    /// Number of cores.
    pub cores: f64,
    /// Memory in gigabytes.
    pub memory: f64,
    /// Size of the disk in gigabytes.
    pub disk: f64,
    /// `local` or `network`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub storage_type: String,
    /// `shared` or `dedicated`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cpu_type: String,
    /// `x86` or `arm`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub architecture: String,
    /// Where it is offered.
    #[serde(default, deserialize_with = "null_as_default")]
    pub locations: Vec<ServerTypeLocation>,
    /// When it goes out of use everywhere.
    #[serde(default)]
    pub deprecation: Option<Deprecation>,
}

/// A server type in a location.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServerTypeLocation {
    /// Id of the location.
    pub id: i64,
    /// Name of the location.
    pub name: String,
    /// Whether it is in stock now.
    #[serde(default, deserialize_with = "null_as_default")]
    pub available: bool,
    /// Whether Hetzner recommends it there.
    #[serde(default, deserialize_with = "null_as_default")]
    pub recommended: bool,
    /// When it goes out of use there.
    #[serde(default)]
    pub deprecation: Option<Deprecation>,
}

object!(ServerType, "/server_types", "server_type", "server_types");
