//! What storage boxes have in them: snapshots and subaccounts.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::client::Client;
use crate::collection::{Filter, Labels};
use crate::error::Error;
use crate::lenient::null_as_default;
use crate::storage_boxes::Password;

/// A kind of thing that storage boxes have in them.
pub trait StorageBoxPart: DeserializeOwned + Send + Sync + 'static {
    /// Where they are below their storage box, and the field that holds many of them in an answer.
    const MANY: &'static str;
    /// The field that holds one of them in an answer.
    const ONE: &'static str;

    /// Its id.
    fn id(&self) -> i64;

    /// The storage box that it is in.
    fn storage_box(&self) -> i64;

    /// When it was created, RFC 3339.
    fn created(&self) -> &str;
}

macro_rules! part {
    ($ty:ty, $one:literal, $many:literal) => {
        impl StorageBoxPart for $ty {
            const MANY: &'static str = $many;
            const ONE: &'static str = $one;

            fn id(&self) -> i64 {
                self.id
            }

            fn storage_box(&self) -> i64 {
                self.storage_box
            }

            fn created(&self) -> &str {
                &self.created
            }
        }
    };
}

/// How much a snapshot takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StorageBoxSnapshotStats {
    /// Bytes that it takes up now.
    #[serde(deserialize_with = "null_as_default")]
    pub size: i64,
    /// Bytes of the compressed file system in it.
    #[serde(deserialize_with = "null_as_default")]
    pub size_filesystem: i64,
}

/// A snapshot of a storage box.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StorageBoxSnapshot {
    /// Its id.
    pub id: i64,
    /// The storage box.
    pub storage_box: i64,
    /// Its name, which the API gives.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// Whether a snapshot plan took it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub is_automatic: bool,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// How much it takes up.
    #[serde(default, deserialize_with = "null_as_default")]
    pub stats: StorageBoxSnapshotStats,
    /// When it was taken, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

part!(StorageBoxSnapshot, "snapshot", "snapshots");

/// A snapshot to take, or what becomes of one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StorageBoxSnapshotInput {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels; they replace all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

/// How a subaccount may reach its storage box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SubaccountAccess {
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
    /// Whether it can only read.
    #[serde(deserialize_with = "null_as_default")]
    pub readonly: bool,
}

/// A further user of a storage box.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StorageBoxSubaccount {
    /// Its id.
    pub id: i64,
    /// The storage box.
    pub storage_box: i64,
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// The name to log in with.
    #[serde(default, deserialize_with = "null_as_default")]
    pub username: String,
    /// The folder that it is shut in.
    #[serde(default, deserialize_with = "null_as_default")]
    pub home_directory: String,
    /// Its host name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub server: String,
    /// How it may be used.
    #[serde(default, deserialize_with = "null_as_default")]
    pub access_settings: SubaccountAccess,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

part!(StorageBoxSubaccount, "subaccount", "subaccounts");

/// A subaccount to create.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct StorageBoxSubaccountCreate {
    /// Its name; its user name if None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The folder that it is shut in, without a slash at its beginning; made if it is not there.
    pub home_directory: String,
    /// Its password.
    pub password: String,
    /// How it may be used.
    pub access_settings: SubaccountAccess,
    /// Its labels.
    pub labels: Labels,
}

impl std::fmt::Debug for StorageBoxSubaccountCreate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StorageBoxSubaccountCreate").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What becomes of a subaccount; what is None stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StorageBoxSubaccountUpdate {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels; they replace all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

#[derive(Serialize)]
struct Home<'a> {
    home_directory: &'a str,
}

/// The answer to a creation says no more than the id.
#[derive(Deserialize)]
struct Named {
    id: i64,
}

/// Those of one kind in one storage box.
#[derive(Debug)]
pub struct StorageBoxParts<'c, T> {
    client: &'c Client,
    storage_box: i64,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for StorageBoxParts<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for StorageBoxParts<'_, T> {}

impl<'c, T: StorageBoxPart> StorageBoxParts<'c, T> {
    pub(crate) fn new(client: &'c Client, storage_box: i64) -> Self {
        StorageBoxParts { client, storage_box, kind: PhantomData }
    }

    fn path(self) -> String {
        format!("/storage_boxes/{}/{}", self.storage_box, T::MANY)
    }

    fn path_of(self, id: i64) -> String {
        format!("{}/{id}", self.path())
    }

    /// One by its id, or None if it or the storage box does not exist.
    pub async fn find(self, id: i64) -> Result<Option<T>, Error> {
        match self.client.get(&self.path_of(id), Vec::new()).await {
            Ok(answer) => answer.field(T::ONE).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All that the filter lets through.
    pub async fn list(self, filter: &Filter) -> Result<Vec<T>, Error> {
        // The list has no pages today; one that has some day is read whole too.
        self.client.list_pages(&self.path(), T::MANY, filter.query.clone()).await
    }

    /// Those of these ids that exist: several in one request, and what that did not show once more by itself. In a
    /// storage box that does not exist, none do.
    pub async fn get_many(self, ids: impl IntoIterator<Item = i64>) -> Result<BTreeMap<i64, T>, Error> {
        let mut missing: BTreeSet<i64> = ids.into_iter().collect();
        let mut found = BTreeMap::new();
        if missing.len() > 1 {
            match self.list(&Filter::all()).await {
                Ok(all) => found.extend(
                    all.into_iter().filter(|part| missing.remove(&part.id())).map(|part| (part.id(), part)),
                ),
                Err(error) if error.is_not_found() => return Ok(found),
                Err(error) => return Err(error),
            }
        }
        for id in missing {
            found.extend(self.find(id).await?.map(|part| (id, part)));
        }
        Ok(found)
    }

    /// Deletes one.
    pub async fn delete(self, id: i64) -> Result<Option<Action>, Error> {
        self.client.delete(&self.path_of(id)).await?.optional("action")
    }

    async fn make(self, body: &impl Serialize) -> Result<(i64, Option<Action>), Error> {
        let answer = self.client.post(&self.path(), body).await?;
        Ok((answer.field::<Named>(T::ONE)?.id, answer.optional("action")?))
    }

    async fn put(self, id: i64, body: &impl Serialize) -> Result<T, Error> {
        self.client.send(http::Method::PUT, &self.path_of(id), body).await?.field(T::ONE)
    }

    async fn act(self, id: i64, action: &str, body: &impl Serialize) -> Result<Action, Error> {
        self.client.post(&format!("{}/actions/{action}", self.path_of(id)), body).await?.field("action")
    }
}

impl StorageBoxParts<'_, StorageBoxSnapshot> {
    /// Takes a snapshot; gives its id and the action that takes it.
    pub async fn create(self, snapshot: &StorageBoxSnapshotInput) -> Result<(i64, Option<Action>), Error> {
        self.make(snapshot).await
    }

    /// Changes description or labels.
    pub async fn update(
        self,
        id: i64,
        update: &StorageBoxSnapshotInput,
    ) -> Result<StorageBoxSnapshot, Error> {
        self.put(id, update).await
    }
}

impl StorageBoxParts<'_, StorageBoxSubaccount> {
    /// Creates a subaccount; gives its id and the action that creates it.
    pub async fn create(
        self,
        subaccount: &StorageBoxSubaccountCreate,
    ) -> Result<(i64, Option<Action>), Error> {
        self.make(subaccount).await
    }

    /// Changes name, description or labels.
    pub async fn update(
        self,
        id: i64,
        update: &StorageBoxSubaccountUpdate,
    ) -> Result<StorageBoxSubaccount, Error> {
        self.put(id, update).await
    }

    /// Shuts it in another folder, which is made if it is not there.
    pub async fn change_home_directory(self, id: i64, home_directory: &str) -> Result<Action, Error> {
        self.act(id, "change_home_directory", &Home { home_directory }).await
    }

    /// Sets its password.
    pub async fn reset_password(self, id: i64, password: &str) -> Result<Action, Error> {
        self.act(id, "reset_subaccount_password", &Password { password }).await
    }

    /// Sets how it may be used.
    pub async fn update_access_settings(self, id: i64, access: SubaccountAccess) -> Result<Action, Error> {
        self.act(id, "update_access_settings", &access).await
    }
}
