//! Primary IPs.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, Nothing, Object, Protection, object};
use crate::error::Error;
use crate::lenient::null_as_default;
use crate::locations::Location;
use crate::reverse_dns::ReverseNames;

/// A public address, or a /64 of them, of a server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PrimaryIp {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The address; for `ipv6` the network.
    pub ip: String,
    /// The names of its addresses.
    #[serde(default)]
    pub dns_ptr: ReverseNames,
    /// The server it is assigned to.
    #[serde(default)]
    pub assignee_id: Option<i64>,
    /// `server`, or `unassigned`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub assignee_type: String,
    /// Whether it goes with its server.
    #[serde(default, deserialize_with = "null_as_default")]
    pub auto_delete: bool,
    /// Where it is.
    #[serde(default)]
    pub location: Option<Location>,
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

object!(PrimaryIp, "/primary_ips", "primary_ip", "primary_ips", created);

/// An address to create: in a location, or for a server that is off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PrimaryIpCreate {
    /// Its name.
    pub name: String,
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it goes with its server.
    pub auto_delete: bool,
    /// Where; not with `assignee_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The server to assign it to; with `assignee_type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<i64>,
    /// `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_type: Option<String>,
    /// Its labels.
    pub labels: Labels,
}

/// A change of an address; what is None stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PrimaryIpUpdate {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new labels; they replace all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Whether it goes with its server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_delete: Option<bool>,
}

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct PrimaryIpCreated {
    /// The address.
    pub primary_ip: PrimaryIp,
    /// Assigning it, which runs on.
    pub action: Option<Action>,
}

#[derive(Serialize)]
struct Assign {
    assignee_id: i64,
    assignee_type: &'static str,
}

impl Collection<'_, PrimaryIp> {
    /// Creates an address.
    pub async fn create(self, primary_ip: &PrimaryIpCreate) -> Result<PrimaryIpCreated, Error> {
        let answer = self.client.post(PrimaryIp::PATH, primary_ip).await?;
        Ok(PrimaryIpCreated { primary_ip: answer.field(PrimaryIp::ONE)?, action: answer.optional("action")? })
    }

    /// Changes name, labels or whether it goes with its server.
    pub async fn update(self, id: i64, update: &PrimaryIpUpdate) -> Result<PrimaryIp, Error> {
        self.put(id, update).await
    }

    /// Deletes an address that is not assigned.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }

    /// Assigns it to a server that is off.
    pub async fn assign(self, id: i64, server: i64) -> Result<Action, Error> {
        self.act(id, "assign", &Assign { assignee_id: server, assignee_type: "server" }).await
    }

    /// Sets its protection.
    pub async fn change_protection(self, id: i64, protection: Protection) -> Result<Action, Error> {
        self.act(id, "change_protection", &protection).await
    }

    /// Takes it from its server, which must be off.
    pub async fn unassign(self, id: i64) -> Result<Action, Error> {
        self.act(id, "unassign", &Nothing {}).await
    }
}
