//! Volumes.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, NamedUpdate, Nothing, Object, Protection, object};
use crate::error::Error;
use crate::lenient::{null_as_default, whole};
use crate::locations::Location;

/// A block device for one server at a time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Volume {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// Its size in gigabytes.
    #[serde(deserialize_with = "whole")]
    pub size: i64,
    /// The server it is attached to.
    #[serde(default)]
    pub server: Option<i64>,
    /// Where it is.
    pub location: Location,
    /// `xfs` or `ext4`, or None if it was not formatted when created.
    #[serde(default)]
    pub format: Option<String>,
    /// Its path on the server.
    #[serde(default, deserialize_with = "null_as_default")]
    pub linux_device: String,
    /// `creating` or `available`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: String,
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

object!(Volume, "/volumes", "volume", "volumes", created);

/// A volume to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct VolumeCreate {
    /// Its name.
    pub name: String,
    /// Its size in gigabytes.
    pub size: i64,
    /// Where; not with `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The server to attach it to; not with `location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<i64>,
    /// `xfs` or `ext4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Whether the server mounts it by itself; only with `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automount: Option<bool>,
    /// Its labels.
    pub labels: Labels,
}

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct VolumeCreated {
    /// The volume.
    pub volume: Volume,
    /// Creating it, and what follows, which run on.
    pub actions: Vec<Action>,
}

#[derive(Serialize)]
struct Attach {
    server: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    automount: Option<bool>,
}

#[derive(Serialize)]
struct Resize {
    size: i64,
}

impl Collection<'_, Volume> {
    /// Creates a volume.
    pub async fn create(self, volume: &VolumeCreate) -> Result<VolumeCreated, Error> {
        let answer = self.client.post(Volume::PATH, volume).await?;
        let mut actions: Vec<Action> = answer.optional("action")?.into_iter().collect();
        actions.extend(answer.list("next_actions")?);
        Ok(VolumeCreated { volume: answer.field(Volume::ONE)?, actions })
    }

    /// Changes name or labels.
    pub async fn update(self, id: i64, update: &NamedUpdate) -> Result<Volume, Error> {
        self.put(id, update).await
    }

    /// Deletes a volume that is not attached.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }

    /// Attaches it to a server in the same location.
    pub async fn attach(self, id: i64, server: i64, automount: Option<bool>) -> Result<Action, Error> {
        self.act(id, "attach", &Attach { server, automount }).await
    }

    /// Detaches it.
    pub async fn detach(self, id: i64) -> Result<Action, Error> {
        self.act(id, "detach", &Nothing {}).await
    }

    /// Makes it bigger, to this many gigabytes.
    pub async fn resize(self, id: i64, size: i64) -> Result<Action, Error> {
        self.act(id, "resize", &Resize { size }).await
    }

    /// Sets its protection.
    pub async fn change_protection(self, id: i64, protection: Protection) -> Result<Action, Error> {
        self.act(id, "change_protection", &protection).await
    }
}
