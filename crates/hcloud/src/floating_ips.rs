//! Floating IPs.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, Nothing, Object, Protection, object};
use crate::error::Error;
use crate::lenient::null_as_default;
use crate::locations::Location;
use crate::reverse_dns::ReverseNames;

/// A public address, or a /64 of them, that is led to one server or another.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FloatingIp {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
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
    pub server: Option<i64>,
    /// Where it is led through.
    pub home_location: Location,
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

object!(FloatingIp, "/floating_ips", "floating_ip", "floating_ips", created);

/// A floating IP to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FloatingIpCreate {
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name; the API makes one up when None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is led through; not with `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_location: Option<String>,
    /// The server to assign it to; not with `home_location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<i64>,
    /// Its labels.
    pub labels: Labels,
}

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct FloatingIpCreated {
    /// The floating IP.
    pub floating_ip: FloatingIp,
    /// Assigning it, which runs on.
    pub action: Option<Action>,
}

/// A change of a floating IP; what is None stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FloatingIpUpdate {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The new labels; they replace all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

#[derive(Serialize)]
struct Assign {
    server: i64,
}

impl Collection<'_, FloatingIp> {
    /// Creates a floating IP.
    pub async fn create(self, floating_ip: &FloatingIpCreate) -> Result<FloatingIpCreated, Error> {
        let answer = self.client.post(FloatingIp::PATH, floating_ip).await?;
        let (floating_ip, action) = (answer.field(FloatingIp::ONE)?, answer.optional("action")?);
        Ok(FloatingIpCreated { floating_ip, action })
    }

    /// Changes name, description or labels.
    pub async fn update(self, id: i64, update: &FloatingIpUpdate) -> Result<FloatingIp, Error> {
        self.put(id, update).await
    }

    /// Deletes a floating IP that is not assigned.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }

    /// Assigns it to a server, whichever it is assigned to now.
    pub async fn assign(self, id: i64, server: i64) -> Result<Action, Error> {
        self.act(id, "assign", &Assign { server }).await
    }

    /// Takes it from its server.
    pub async fn unassign(self, id: i64) -> Result<Action, Error> {
        self.act(id, "unassign", &Nothing {}).await
    }

    /// Sets its protection.
    pub async fn change_protection(self, id: i64, protection: Protection) -> Result<Action, Error> {
        self.act(id, "change_protection", &protection).await
    }
}
