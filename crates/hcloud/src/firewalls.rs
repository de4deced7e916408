//! Firewalls.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, NamedUpdate, Object, object};
use crate::error::Error;
use crate::lenient::null_as_default;

/// A set of rules applied to servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Firewall {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// Its rules.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rules: Vec<FirewallRule>,
    /// Where it is applied.
    #[serde(default, deserialize_with = "null_as_default")]
    pub applied_to: Vec<FirewallResource>,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

/// A rule that lets traffic through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FirewallRule {
    /// `in` or `out`.
    pub direction: String,
    /// `tcp`, `udp`, `icmp`, `esp` or `gre`.
    pub protocol: String,
    /// A port, a range as `80-85`, or `any`; only with `tcp` and `udp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// From where, in CIDR notation; for `in`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source_ips: Vec<String>,
    /// Where to, in CIDR notation; for `out`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub destination_ips: Vec<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// An id in an object of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRef {
    /// The id.
    pub id: i64,
}

/// A label selector in an object of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectorRef {
    /// The selector.
    pub selector: String,
}

/// A server that a label selector found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AppliedTo {
    /// The server.
    #[serde(default)]
    pub server: Option<IdRef>,
}

/// What a firewall is applied to: a server, or the servers whose labels fit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FirewallResource {
    /// `server` or `label_selector`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<IdRef>,
    /// The selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<SelectorRef>,
    /// What the selector found; never sent.
    #[serde(default, skip_serializing, deserialize_with = "null_as_default")]
    pub applied_to_resources: Vec<AppliedTo>,
}

impl FirewallResource {
    /// A server.
    pub fn server(id: i64) -> Self {
        FirewallResource { kind: "server".to_owned(), server: Some(IdRef { id }), ..Self::default() }
    }

    /// The servers whose labels fit the selector.
    pub fn label_selector(selector: impl Into<String>) -> Self {
        FirewallResource {
            kind: "label_selector".to_owned(),
            label_selector: Some(SelectorRef { selector: selector.into() }),
            ..Self::default()
        }
    }
}

object!(Firewall, "/firewalls", "firewall", "firewalls", created);

/// A firewall to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FirewallCreate {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its rules.
    pub rules: Vec<FirewallRule>,
    /// Where it is applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apply_to: Vec<FirewallResource>,
}

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct FirewallCreated {
    /// The firewall.
    pub firewall: Firewall,
    /// Applying it, which runs on.
    pub actions: Vec<Action>,
}

#[derive(Serialize)]
struct Rules<'a> {
    rules: &'a [FirewallRule],
}

#[derive(Serialize)]
struct ApplyTo<'a> {
    apply_to: &'a [FirewallResource],
}

#[derive(Serialize)]
struct RemoveFrom<'a> {
    remove_from: &'a [FirewallResource],
}

impl Collection<'_, Firewall> {
    /// Creates a firewall.
    pub async fn create(self, firewall: &FirewallCreate) -> Result<FirewallCreated, Error> {
        let answer = self.client.post(Firewall::PATH, firewall).await?;
        Ok(FirewallCreated { firewall: answer.field(Firewall::ONE)?, actions: answer.list("actions")? })
    }

    /// Changes name or labels.
    pub async fn update(self, id: i64, update: &NamedUpdate) -> Result<Firewall, Error> {
        self.put(id, update).await
    }

    /// Deletes a firewall that is applied to nothing.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }

    /// Replaces all rules.
    pub async fn set_rules(self, id: i64, rules: &[FirewallRule]) -> Result<Vec<Action>, Error> {
        self.act_raw(id, "set_rules", &Rules { rules }).await?.list("actions")
    }

    /// Applies it to more.
    pub async fn apply_to(self, id: i64, resources: &[FirewallResource]) -> Result<Vec<Action>, Error> {
        self.act_raw(id, "apply_to_resources", &ApplyTo { apply_to: resources }).await?.list("actions")
    }

    /// Takes it away from some.
    pub async fn remove_from(self, id: i64, resources: &[FirewallResource]) -> Result<Vec<Action>, Error> {
        self.act_raw(id, "remove_from_resources", &RemoveFrom { remove_from: resources })
            .await?
            .list("actions")
    }
}
