//! Storage boxes, which are of the Hetzner API and not of the Hetzner Cloud API.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, NamedUpdate, Nothing, Object, Protection, object};
use crate::error::Error;
use crate::lenient::null_as_default;
use crate::locations::Location;
use crate::storage_box_types::StorageBoxType;

/// How the main user of a storage box may reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageBoxAccess {
    /// From outside Hetzner's network.
    #[serde(deserialize_with = "null_as_default")]
    pub reachable_externally: bool,
    /// By SMB.
    #[serde(deserialize_with = "null_as_default")]
    pub samba_enabled: bool,
    /// By SSH.
    #[serde(deserialize_with = "null_as_default")]
    pub ssh_enabled: bool,
    /// By WebDAV.
    #[serde(deserialize_with = "null_as_default")]
    pub webdav_enabled: bool,
    /// Whether its snapshots can be seen in a folder.
    #[serde(deserialize_with = "null_as_default")]
    pub zfs_enabled: bool,
}

/// When a storage box takes snapshots by itself; times are of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StorageBoxSnapshotPlan {
    /// How many are kept.
    pub max_snapshots: i64,
    /// Minute of the hour.
    pub minute: i64,
    /// Hour of the day.
    pub hour: i64,
    /// Day of the week, 1 for Monday to 7 for Sunday; every day if None.
    pub day_of_week: Option<i64>,
    /// Day of the month; every day if None.
    pub day_of_month: Option<i64>,
}

/// Space for files.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StorageBox {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The name of its main user; empty while it is created.
    #[serde(default, deserialize_with = "null_as_default")]
    pub username: String,
    /// `initializing`, `active` or `locked`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: String,
    /// What it is.
    pub storage_box_type: StorageBoxType,
    /// Where it is.
    pub location: Location,
    /// How it may be reached.
    #[serde(default, deserialize_with = "null_as_default")]
    pub access_settings: StorageBoxAccess,
    /// When it takes snapshots by itself, if it does.
    #[serde(default)]
    pub snapshot_plan: Option<StorageBoxSnapshotPlan>,
    /// Its host name; empty while it is created.
    #[serde(default, deserialize_with = "null_as_default")]
    pub server: String,
    /// The host that it is on; empty while it is created.
    #[serde(default, deserialize_with = "null_as_default")]
    pub system: String,
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

object!(StorageBox, "/storage_boxes", "storage_box", "storage_boxes", created);

/// A storage box to create.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct StorageBoxCreate {
    /// Its name.
    pub name: String,
    /// Id or name of its type.
    pub storage_box_type: String,
    /// Id or name of its location.
    pub location: String,
    /// The password of its main user.
    pub password: String,
    /// Its labels.
    pub labels: Labels,
    /// Public keys of its main user, as OpenSSH writes them.
    pub ssh_keys: Vec<String>,
    /// How it may be reached.
    pub access_settings: StorageBoxAccess,
}

impl std::fmt::Debug for StorageBoxCreate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StorageBoxCreate").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct StorageBoxCreated {
    /// The box, which is being created.
    pub storage_box: StorageBox,
    /// Creating it.
    pub action: Option<Action>,
}

#[derive(Serialize)]
struct Type<'a> {
    storage_box_type: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Password<'a> {
    pub(crate) password: &'a str,
}

#[derive(Serialize)]
struct Rollback<'a> {
    snapshot: &'a str,
}

impl Collection<'_, StorageBox> {
    /// Creates a storage box.
    pub async fn create(self, storage_box: &StorageBoxCreate) -> Result<StorageBoxCreated, Error> {
        let answer = self.client.post(StorageBox::PATH, storage_box).await?;
        Ok(StorageBoxCreated {
            storage_box: answer.field(StorageBox::ONE)?,
            action: answer.optional("action")?,
        })
    }

    /// Changes name or labels.
    pub async fn update(self, id: i64, update: &NamedUpdate) -> Result<StorageBox, Error> {
        self.put(id, update).await
    }

    /// Deletes a storage box with all that is in it.
    pub async fn delete(self, id: i64) -> Result<Option<Action>, Error> {
        self.remove(id).await
    }

    /// Makes it one of another type, given by id or name.
    pub async fn change_type(self, id: i64, storage_box_type: &str) -> Result<Action, Error> {
        self.act(id, "change_type", &Type { storage_box_type }).await
    }

    /// Sets the password of its main user.
    pub async fn reset_password(self, id: i64, password: &str) -> Result<Action, Error> {
        self.act(id, "reset_password", &Password { password }).await
    }

    /// Sets how it may be reached.
    pub async fn update_access_settings(self, id: i64, access: StorageBoxAccess) -> Result<Action, Error> {
        self.act(id, "update_access_settings", &access).await
    }

    /// Sets its protection.
    pub async fn change_protection(self, id: i64, protection: Protection) -> Result<Action, Error> {
        self.act(id, "change_protection", &protection).await
    }

    /// Has it take snapshots by itself, in place of the plan that it may have.
    pub async fn enable_snapshot_plan(self, id: i64, plan: &StorageBoxSnapshotPlan) -> Result<Action, Error> {
        self.act(id, "enable_snapshot_plan", plan).await
    }

    /// Has it take no more snapshots by itself; those there are stay.
    pub async fn disable_snapshot_plan(self, id: i64) -> Result<Action, Error> {
        self.act(id, "disable_snapshot_plan", &Nothing {}).await
    }

    /// Takes it back to a snapshot, given by id or name: what was written since and newer snapshots are lost.
    pub async fn rollback_snapshot(self, id: i64, snapshot: &str) -> Result<Action, Error> {
        self.act(id, "rollback_snapshot", &Rollback { snapshot }).await
    }

    /// The names of the folders in one of its folders; `.` is the topmost.
    pub async fn folders(self, id: i64, path: &str) -> Result<Vec<String>, Error> {
        let query = vec![("path", path.to_owned())];
        self.client.get(&format!("{}/folders", Self::path(id)), query).await?.list("folders")
    }
}
