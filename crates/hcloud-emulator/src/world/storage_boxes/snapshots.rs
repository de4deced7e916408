//! Snapshots of storage boxes. They hold no data, as the boxes do not.

use serde::{Deserialize, Serialize};

use super::super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx};
use crate::clock::snapshot_name;

/// Most characters of a description.
const LONGEST_DESCRIPTION: usize = 1000;

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StorageBoxSnapshot {
    pub(crate) id: i64,
    pub(crate) storage_box: i64,
    /// The cloud gives it, after the moment it was taken.
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    /// Whether a plan took it.
    pub(crate) automatic: bool,
}

named_row!(StorageBoxSnapshot);

fn check_description(description: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_,:<>+#!()[]{} ".contains(c);
    if description.chars().count() > LONGEST_DESCRIPTION || !description.chars().all(allowed) {
        let message =
            "description must have at most 1000 letters, digits, spaces and characters of -_,:<>+#!()[]{}";
        return Err(Refusal::invalid("description", message));
    }
    Ok(())
}

impl Tx<'_> {
    /// The ids of the snapshots of a box, the oldest first.
    pub(super) fn snapshots_of(&self, storage_box: i64) -> Vec<i64> {
        let mut found: Vec<(i64, i64)> = self
            .project
            .storage_box_snapshots
            .values()
            .filter(|snapshot| snapshot.storage_box == storage_box)
            .map(|snapshot| (snapshot.created, snapshot.id))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }

    /// The snapshot of a box, or the refusal that there is none.
    pub(crate) fn storage_box_snapshot(
        &self,
        storage_box: i64,
        id: i64,
    ) -> Result<&StorageBoxSnapshot, Refusal> {
        self.storage_box(storage_box)?;
        self.project
            .storage_box_snapshots
            .get(id)
            .filter(|snapshot| snapshot.storage_box == storage_box)
            .ok_or_else(|| Refusal::not_found("storage_box_snapshot", id))
    }

    /// Adds a snapshot under a name that the box does not have yet.
    pub(super) fn add_snapshot(
        &mut self,
        storage_box: i64,
        description: String,
        labels: Labels,
        automatic: bool,
        created: i64,
    ) -> i64 {
        let base = snapshot_name(created);
        let taken = |name: &str| {
            let mut all = self.project.storage_box_snapshots.values();
            all.any(|snapshot| snapshot.storage_box == storage_box && snapshot.name == name)
        };
        let mut name = base.clone();
        let mut number = 2;
        while taken(&name) {
            name = format!("{base}-{number}");
            number += 1;
        }
        let id = self.new_id(Kind::StorageBoxSnapshot);
        let row = StorageBoxSnapshot { id, storage_box, name, description, labels, created, automatic };
        self.project.storage_box_snapshots.insert(row);
        id
    }

    /// Removes the oldest snapshots that a plan took until no more than so many are left.
    pub(super) fn prune_automatic_snapshots(&mut self, storage_box: i64, most: i64) {
        let mut automatic = self.snapshots_of(storage_box);
        automatic.retain(|id| {
            self.project.storage_box_snapshots.get(*id).is_some_and(|snapshot| snapshot.automatic)
        });
        let most = usize::try_from(most).unwrap_or(0);
        let surplus = automatic.len().saturating_sub(most);
        for id in automatic.into_iter().take(surplus) {
            self.project.storage_box_snapshots.remove(id);
        }
    }

    pub(crate) fn create_storage_box_snapshot(
        &mut self,
        storage_box: i64,
        description: String,
        labels: Labels,
    ) -> Result<(i64, Action), Refusal> {
        check_description(&description)?;
        let limit = self.type_of(self.free_storage_box(storage_box)?)?.snapshot_limit;
        let taken = self.project.storage_box_snapshots.values();
        let taken =
            taken.filter(|snapshot| snapshot.storage_box == storage_box && !snapshot.automatic).count();
        if taken >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(Refusal::limit("storage_box_snapshot"));
        }
        let id = self.add_snapshot(storage_box, description, labels, false, self.now);
        let resources = [(Kind::StorageBox, storage_box), (Kind::StorageBoxSnapshot, id)];
        let effect = Effect::StorageBoxSnapshotCreated { snapshot: id };
        Ok((id, self.begin(Command::CreateSnapshot, &resources, effect)))
    }

    pub(crate) fn update_storage_box_snapshot(
        &mut self,
        storage_box: i64,
        id: i64,
        description: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.storage_box_snapshot(storage_box, id)?;
        description.as_deref().map_or(Ok(()), check_description)?;
        if let Some(snapshot) = self.project.storage_box_snapshots.get_mut(id) {
            snapshot.description = description.unwrap_or_else(|| snapshot.description.clone());
            snapshot.labels = labels.unwrap_or_else(|| snapshot.labels.clone());
        }
        Ok(())
    }

    pub(crate) fn delete_storage_box_snapshot(
        &mut self,
        storage_box: i64,
        id: i64,
    ) -> Result<Action, Refusal> {
        self.storage_box_snapshot(storage_box, id)?;
        self.free_storage_box(storage_box)?;
        let resources = [(Kind::StorageBox, storage_box), (Kind::StorageBoxSnapshot, id)];
        let effect = Effect::StorageBoxSnapshotDeleted { snapshot: id };
        Ok(self.begin(Command::DeleteSnapshot, &resources, effect))
    }

    /// Takes a box back to one of its snapshots, given by id or name.
    pub(crate) fn rollback_storage_box(&mut self, id: i64, snapshot: &str) -> Result<Action, Refusal> {
        self.storage_box(id)?;
        let wanted: Option<i64> = snapshot.parse().ok();
        let all = &self.project.storage_box_snapshots;
        let found = all
            .values()
            .find(|row| row.storage_box == id && (row.name == snapshot || Some(row.id) == wanted))
            .map(|row| row.id)
            .ok_or_else(|| Refusal::invalid("snapshot", format!("snapshot '{snapshot}' not found")))?;
        self.free_storage_box(id)?;
        let resources = [(Kind::StorageBox, id), (Kind::StorageBoxSnapshot, found)];
        let effect = Effect::StorageBoxRolledBack { storage_box: id, snapshot: found };
        Ok(self.begin(Command::RollbackSnapshot, &resources, effect))
    }

    /// What was taken later than the snapshot goes with what was written since.
    pub(in crate::world) fn storage_box_rolled_back(&mut self, storage_box: i64, snapshot: i64) {
        let all = self.snapshots_of(storage_box);
        for newer in all.into_iter().skip_while(|id| *id != snapshot).skip(1) {
            self.project.storage_box_snapshots.remove(newer);
        }
    }

    pub(in crate::world) fn storage_box_snapshot_removed(&mut self, id: i64) {
        self.project.storage_box_snapshots.remove(id);
    }
}
