//! What the journal's records say.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::addr::{ConfigResource, ProviderConfig, ResourceInstance};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text;
use crate::file::{ObjectIn, ObjectOut, OutputIn, OutputOut};
use crate::json::RawJson;
use crate::model::{DeposedKey, Object, OutputValue, State};
use crate::world::WorldBinding;

/// The first frame of a journal: which state it continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the journal's format.
    #[serde(rename = "ferroform_journal")]
    pub version: u64,
    /// The lineage of the state.
    pub lineage: String,
    /// The serial of the state that the run began with.
    pub base_serial: u64,
    /// Whether that state had been written at all; if not, the lineage is new.
    pub base_exists: bool,
    /// The worlds that the run acts on.
    pub worlds: Vec<WorldBinding>,
}

impl Header {
    /// The version of the format that is written and understood.
    pub const VERSION: u64 = 1;
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An operation is about to begin.
    Intent(Box<Intent>),
    /// The provider knows what names the object that it is working on.
    Checkpoint {
        /// The operation.
        op: u64,
        /// The object with at least what names it, in the lossless encoding of values.
        identity: RawJson,
    },
    /// An operation has ended; with it these changes of the state.
    Result {
        /// The operation.
        op: u64,
        /// What is true from now on, in order; empty if the operation changed nothing.
        changes: Vec<Change>,
    },
    /// A run begins to write here. Only where several computers may write: so that two of them, should nothing else keep
    /// them apart, never write the same bytes and take each other's for their own.
    Continued {
        /// Names the run; a UUID.
        run: String,
    },
    /// Changes of the state that no operation stands behind: objects refreshed, moved or forgotten.
    Changes(Vec<Change>),
    /// All outputs of the root module as they are now.
    #[serde(with = "outputs")]
    Outputs(BTreeMap<Arc<str>, OutputValue>),
    /// The state as of here is about to be written under this serial; written by the state manager.
    Commit {
        /// The serial of the new statefile.
        serial: u64,
        /// The SHA-256 of its bytes, in hexadecimal digits.
        sha256: String,
    },
}

/// What kind of change an operation makes to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An object is created.
    Create,
    /// An object is changed in place.
    Update,
    /// An object is deleted.
    Delete,
}

/// What an operation is about to do: enough to find out after a crash what became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Names the operation in this journal.
    pub op: u64,
    /// The instance whose object it is.
    #[serde(with = "text")]
    pub address: ResourceInstance,
    /// Which deposed object; none for the current one.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub deposed: Option<DeposedKey>,
    /// What is done.
    pub action: Action,
    /// The provider configuration that does it.
    #[serde(with = "text")]
    pub provider: ProviderConfig,
    /// The version of the schema that `planned` follows.
    pub schema_version: u64,
    /// The object as planned, in the lossless encoding of values; null for a deletion.
    pub planned: RawJson,
    /// The object as it was; none for a creation.
    #[serde(default, with = "object_option", skip_serializing_if = "Option::is_none")]
    pub prior: Option<Object>,
    /// The provider's own data, from planning.
    #[serde(default, with = "bytes", skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<u8>,
    /// The time of the remote clock before which the object cannot have been created, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// The resources whose objects this one will need.
    #[serde(default, with = "text::list", skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<ConfigResource>,
    /// Whether a replacement of the object comes before its deletion.
    #[serde(default)]
    pub create_before_destroy: bool,
}

/// Without values, which may be secret.
impl std::fmt::Debug for Intent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Intent({} {:?} {}", self.op, self.action, self.address)?;
        match self.deposed {
            Some(key) => write!(f, " {key})"),
            None => write!(f, ")"),
        }
    }
}

/// A change of the state. Doing the same changes again, in order, leads to the same state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The instance has this current object.
    SetCurrent {
        /// The instance.
        #[serde(with = "text")]
        address: ResourceInstance,
        /// The provider configuration that looks after the resource.
        #[serde(with = "text")]
        provider: ProviderConfig,
        /// The object.
        #[serde(with = "object")]
        object: Object,
    },
    /// The instance has this deposed object.
    SetDeposed {
        /// The instance.
        #[serde(with = "text")]
        address: ResourceInstance,
        /// Its key.
        #[serde(with = "text")]
        key: DeposedKey,
        /// The provider configuration that looks after the resource.
        #[serde(with = "text")]
        provider: ProviderConfig,
        /// The object.
        #[serde(with = "object")]
        object: Object,
    },
    /// The instance has no current object any more.
    RemoveCurrent {
        /// The instance.
        #[serde(with = "text")]
        address: ResourceInstance,
    },
    /// The instance no longer has this deposed object.
    RemoveDeposed {
        /// The instance.
        #[serde(with = "text")]
        address: ResourceInstance,
        /// Its key.
        #[serde(with = "text")]
        key: DeposedKey,
    },
    /// The current object became a deposed one.
    Depose {
        /// The instance.
        #[serde(with = "text")]
        address: ResourceInstance,
        /// Its key from now on.
        #[serde(with = "text")]
        key: DeposedKey,
    },
    /// A deposed object became the current one again.
    RestoreDeposed {
        /// The instance.
        #[serde(with = "text")]
        address: ResourceInstance,
        /// Its key until now.
        #[serde(with = "text")]
        key: DeposedKey,
    },
    /// All objects of an instance got another address.
    Move {
        /// The instance until now.
        #[serde(with = "text")]
        from: ResourceInstance,
        /// The instance from now on.
        #[serde(with = "text")]
        to: ResourceInstance,
    },
}

impl Change {
    /// The instance that it is about; for a move the new one.
    pub fn address(&self) -> &ResourceInstance {
        match self {
            Change::SetCurrent { address, .. }
            | Change::SetDeposed { address, .. }
            | Change::RemoveCurrent { address }
            | Change::RemoveDeposed { address, .. }
            | Change::Depose { address, .. }
            | Change::RestoreDeposed { address, .. }
            | Change::Move { to: address, .. } => address,
        }
    }

    /// Makes the change.
    pub fn apply(&self, state: &mut State) {
        match self {
            Change::SetCurrent { address, provider, object } => {
                state.set_current(address, provider, Some(object.clone()));
            }
            Change::SetDeposed { address, key, provider, object } => {
                state.set_deposed(address, *key, provider, Some(object.clone()));
            }
            Change::RemoveCurrent { address } => state.remove_current(address),
            Change::RemoveDeposed { address, key } => state.remove_deposed(address, *key),
            Change::Depose { address, key } => {
                state.depose_as(address, *key);
            }
            Change::RestoreDeposed { address, key } => {
                state.restore_deposed(address, *key);
            }
            Change::Move { from, to } => {
                state.move_instance(from, to);
            }
        }
    }
}

mod object {
    use super::*;

    pub(super) fn serialize<S: Serializer>(object: &Object, serializer: S) -> Result<S::Ok, S::Error> {
        ObjectOut { key: None, deposed: None, object }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        ObjectIn::deserialize(deserializer)?.into_object().map_err(D::Error::custom)
    }
}

mod object_option {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        object: &Option<Object>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        object.as_ref().map(|object| ObjectOut { key: None, deposed: None, object }).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Object>, D::Error> {
        let object = Option::<ObjectIn>::deserialize(deserializer)?;
        object.map(ObjectIn::into_object).transpose().map_err(D::Error::custom)
    }
}

mod outputs {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        outputs: &BTreeMap<Arc<str>, OutputValue>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(outputs.iter().map(|(name, output)| (name, OutputOut(output))))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Arc<str>, OutputValue>, D::Error> {
        let outputs = BTreeMap::<Arc<str>, OutputIn>::deserialize(deserializer)?;
        outputs.into_iter().map(|(name, o)| Ok((name, o.into_value().map_err(D::Error::custom)?))).collect()
    }
}

mod bytes {
    use super::*;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        STANDARD.encode(bytes).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
