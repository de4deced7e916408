//! Placement groups.

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, NamedUpdate, Object, object};
use crate::error::Error;
use crate::lenient::null_as_default;

/// Servers that are kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlacementGroup {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// `spread`: each server on a host of its own.
    #[serde(rename = "type")]
    pub kind: String,
    /// Ids of its servers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub servers: Vec<i64>,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

object!(PlacementGroup, "/placement_groups", "placement_group", "placement_groups", created);

/// A group to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PlacementGroupCreate {
    /// Its name.
    pub name: String,
    /// `spread`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its labels.
    pub labels: Labels,
}

impl Collection<'_, PlacementGroup> {
    /// Creates a group. The action is None when there is nothing to wait for.
    pub async fn create(
        self,
        group: &PlacementGroupCreate,
    ) -> Result<(PlacementGroup, Option<Action>), Error> {
        let answer = self.client.post(PlacementGroup::PATH, group).await?;
        Ok((answer.field(PlacementGroup::ONE)?, answer.optional("action")?))
    }

    /// Changes name or labels.
    pub async fn update(self, id: i64, update: &NamedUpdate) -> Result<PlacementGroup, Error> {
        self.put(id, update).await
    }

    /// Deletes a group; its servers stay.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }
}
