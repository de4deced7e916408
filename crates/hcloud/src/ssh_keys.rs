//! SSH keys.

use serde::{Deserialize, Serialize};

use crate::collection::{Collection, Labels, NamedUpdate, Object, object};
use crate::error::Error;
use crate::lenient::null_as_default;

/// A public key that servers are created with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SshKey {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// MD5 fingerprint, as hexadecimal pairs with colons.
    pub fingerprint: String,
    /// The key in OpenSSH form.
    pub public_key: String,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

object!(SshKey, "/ssh_keys", "ssh_key", "ssh_keys", created);

/// A key to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SshKeyCreate {
    /// Its name.
    pub name: String,
    /// The key in OpenSSH form.
    pub public_key: String,
    /// Its labels.
    pub labels: Labels,
}

impl Collection<'_, SshKey> {
    /// Creates a key.
    pub async fn create(self, key: &SshKeyCreate) -> Result<SshKey, Error> {
        self.client.post(SshKey::PATH, key).await?.field(SshKey::ONE)
    }

    /// Changes name or labels.
    pub async fn update(self, id: i64, update: &NamedUpdate) -> Result<SshKey, Error> {
        self.put(id, update).await
    }

    /// Deletes a key; servers keep it.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }
}
