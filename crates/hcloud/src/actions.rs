//! Actions: what runs on after the answer to a mutation.

use serde::Deserialize;

use crate::client::Client;
use crate::error::Error;
use crate::lenient::null_as_default;

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ActionStatus {
    /// Not finished.
    Running,
    /// Finished well.
    Success,
    /// Failed.
    Error,
    /// A status that this client does not know; taken for running.
    #[serde(other)]
    Unknown,
}

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ActionFailure {
    /// An error code.
    pub code: String,
    /// What the API says about it.
    pub message: String,
}

/// An object that an action concerns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ActionResource {
    /// Its id.
    pub id: i64,
    /// Its kind, such as `server`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A change that the API is carrying out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Action {
    /// Its id.
    pub id: i64,
    /// What is done, such as `create_server`.
    pub command: String,
    /// How far it is.
    pub status: ActionStatus,
    /// Percent done.
    #[serde(default, deserialize_with = "null_as_default")]
    pub progress: u32,
    /// The objects concerned.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resources: Vec<ActionResource>,
    /// Why it failed, if it did.
    #[serde(default)]
    pub error: Option<ActionFailure>,
}

impl Action {
    /// Whether it is one of the Hetzner API, which keeps its own: it concerns a storage box then.
    pub(crate) fn is_of_storage_box(&self) -> bool {
        self.resources.iter().any(|resource| resource.kind == "storage_box")
    }
}

/// Greatest number of ids asked for in one request: what fits on one page (Hetzner API documentation, "Pagination").
pub(crate) const IDS_PER_REQUEST: usize = 50;

impl Client {
    /// The actions of these ids, at most 50 at a time; those the API does not know are missing from the answer.
    pub async fn actions(&self, ids: &[i64]) -> Result<Vec<Action>, Error> {
        let mut actions = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(IDS_PER_REQUEST) {
            let query = chunk.iter().map(|id| ("id", id.to_string())).collect();
            actions.extend(self.list_pages::<Action>(self.inner.actions_path, "actions", query).await?);
        }
        Ok(actions)
    }
}
