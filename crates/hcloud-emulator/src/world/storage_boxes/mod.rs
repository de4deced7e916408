//! Storage boxes: their life, settings and protection. Subaccounts and snapshots are in modules of their own.
//!
//! The API says little about what a box refuses. What is not documented is assumed as for the other kinds of
//! objects: names are unique in the project, and one action at a time works on a box and all that belongs to it.

mod password;
mod plan;
mod snapshots;
mod subaccounts;

use std::collections::BTreeSet;

use ferroform_catalogue::StorageBoxType;
use serde::{Deserialize, Serialize};

use super::names::is_plain_name;
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx};

pub(crate) use self::plan::{NewPlan, SnapshotPlan};
pub(crate) use self::snapshots::StorageBoxSnapshot;
pub(crate) use self::subaccounts::{NewSubaccount, Subaccount};

/// How a box or a subaccount may be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) reachable_externally: bool,
    pub(crate) samba_enabled: bool,
    pub(crate) ssh_enabled: bool,
    pub(crate) webdav_enabled: bool,
    /// What only one kind has: `zfs_enabled` of a box, `readonly` of a subaccount.
    pub(crate) own: bool,
}

/// What of it is to change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AccessChange {
    pub(crate) reachable_externally: Option<bool>,
    pub(crate) samba_enabled: Option<bool>,
    pub(crate) ssh_enabled: Option<bool>,
    pub(crate) webdav_enabled: Option<bool>,
    pub(crate) own: Option<bool>,
}

impl Access {
    /// The settings with what is to change changed.
    pub(crate) fn with(self, change: AccessChange) -> Self {
        Self {
            reachable_externally: change.reachable_externally.unwrap_or(self.reachable_externally),
            samba_enabled: change.samba_enabled.unwrap_or(self.samba_enabled),
            ssh_enabled: change.ssh_enabled.unwrap_or(self.ssh_enabled),
            webdav_enabled: change.webdav_enabled.unwrap_or(self.webdav_enabled),
            own: change.own.unwrap_or(self.own),
        }
    }
}

/// A storage box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StorageBox {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    /// Name of its type.
    pub(crate) box_type: String,
    pub(crate) location: String,
    /// Whether it can be used; it is being created before.
    pub(crate) active: bool,
    pub(crate) access: Access,
    pub(crate) protect_delete: bool,
    pub(crate) plan: Option<SnapshotPlan>,
    pub(crate) ssh_keys: Vec<String>,
    /// Tells one password from another; the password itself is nowhere.
    pub(crate) password_fingerprint: String,
    /// How many subaccounts there have ever been: their user names are numbered.
    subaccounts_made: i64,
    /// The folders in it, without slashes at their ends.
    pub(crate) folders: BTreeSet<String>,
}

named_row!(StorageBox);

impl StorageBox {
    /// The name of its main user.
    pub(crate) fn username(&self) -> String {
        format!("u{}", self.id)
    }

    /// The names of the folders in a folder (`.` is the topmost); `None` if there is no such folder.
    pub(crate) fn folders_in(&self, path: &str) -> Option<Vec<String>> {
        let path = normal(path);
        let known = |folder: &str| folder == path || inside(&path, folder).is_some();
        if !path.is_empty() && !self.folders.iter().any(|folder| known(folder)) {
            return None;
        }
        let names = self.folders.iter().filter_map(|folder| inside(&path, folder)?.split('/').next());
        Some(names.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect())
    }
}

/// A path without dots and needless slashes; empty for the topmost folder.
fn normal(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

/// What a folder is called seen from another one that contains it.
fn inside<'a>(outer: &str, folder: &'a str) -> Option<&'a str> {
    if outer.is_empty() { Some(folder) } else { folder.strip_prefix(outer)?.strip_prefix('/') }
}

/// What a storage box is asked to be.
pub(crate) struct NewStorageBox {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) box_type: String,
    pub(crate) location: String,
    pub(crate) password: String,
    pub(crate) ssh_keys: Vec<String>,
    pub(crate) access: AccessChange,
}

impl Tx<'_> {
    /// The box, or the refusal that there is none.
    pub(crate) fn storage_box(&self, id: i64) -> Result<&StorageBox, Refusal> {
        self.project.storage_boxes.get(id).ok_or_else(|| Refusal::not_found("storage_box", id))
    }

    /// The box as long as nothing else is happening to it.
    fn free_storage_box(&self, id: i64) -> Result<&StorageBox, Refusal> {
        let found = self.storage_box(id)?;
        self.project.ensure_free(Kind::StorageBox, id)?;
        Ok(found)
    }

    /// The type that a field of a request names, by id or name.
    fn find_storage_box_type(&self, id_or_name: &str) -> Result<&'static StorageBoxType, Refusal> {
        let id: Option<i64> = id_or_name.parse().ok();
        let mut types = self.catalogue().storage_box_types().iter();
        types.find(|known| known.name == id_or_name || Some(known.id) == id).ok_or_else(|| {
            Refusal::invalid("storage_box_type", format!("storage box type '{id_or_name}' not found"))
        })
    }

    /// The type of a box.
    fn type_of(&self, found: &StorageBox) -> Result<&'static StorageBoxType, Refusal> {
        self.find_storage_box_type(&found.box_type)
    }

    /// What stands for a password in this world, after a look at whether it keeps to the policy.
    fn password_fingerprint(&self, password: &str) -> Result<String, Refusal> {
        if let Some(problem) = password::problem(password) {
            return Err(Refusal::invalid("password", problem));
        }
        Ok(super::fingerprint(&format!("{}/{password}", self.shared.world_id)))
    }

    fn check_storage_box_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 128) {
            return Err(Refusal::invalid("name", "name must have 1 to 128 characters"));
        }
        if self.project.storage_boxes.name_taken(name, except) {
            return Err(Refusal::not_unique("storage_box", "name"));
        }
        Ok(())
    }

    pub(crate) fn create_storage_box(&mut self, new: NewStorageBox) -> Result<(i64, Action), Refusal> {
        let box_type = self.find_storage_box_type(&new.box_type)?;
        let location = self.find_location("location", &new.location)?;
        if box_type.offer(&location.name).is_none() {
            let message =
                format!("storage box type '{}' is not offered in '{}'", box_type.name, location.name);
            return Err(Refusal::invalid("location", message));
        }
        self.check_storage_box_name(&new.name, None)?;
        self.within_limit(Kind::StorageBox, self.project.storage_boxes.len())?;
        let password_fingerprint = self.password_fingerprint(&new.password)?;
        let id = self.new_id(Kind::StorageBox);
        self.project.storage_boxes.insert(StorageBox {
            id,
            name: new.name,
            labels: new.labels,
            created: self.now,
            box_type: box_type.name.clone(),
            location: location.name.clone(),
            active: false,
            access: Access::default().with(new.access),
            protect_delete: false,
            plan: None,
            ssh_keys: new.ssh_keys,
            password_fingerprint,
            subaccounts_made: 0,
            folders: BTreeSet::new(),
        });
        let effect = Effect::StorageBoxCreated { storage_box: id };
        let action = self.begin(Command::CreateStorageBox, &[(Kind::StorageBox, id)], effect);
        Ok((id, action))
    }

    pub(crate) fn update_storage_box(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.storage_box(id)?;
        if let Some(name) = &name {
            self.check_storage_box_name(name, Some(id))?;
        }
        if let Some(found) = self.project.storage_boxes.get_mut(id) {
            found.name = name.unwrap_or_else(|| found.name.clone());
            found.labels = labels.unwrap_or_else(|| found.labels.clone());
        }
        Ok(())
    }

    pub(crate) fn delete_storage_box(&mut self, id: i64) -> Result<Action, Refusal> {
        if self.storage_box(id)?.protect_delete {
            return Err(Refusal::protected("storage_box"));
        }
        self.project.ensure_free(Kind::StorageBox, id)?;
        let effect = Effect::StorageBoxDeleted { storage_box: id };
        Ok(self.begin(Command::DeleteStorageBox, &[(Kind::StorageBox, id)], effect))
    }

    /// Begins an action on a box, and makes its change at once unless the action is to fail.
    fn change_storage_box(
        &mut self,
        id: i64,
        command: Command,
        change: impl FnOnce(&mut StorageBox),
    ) -> Action {
        let action = self.begin(command, &[(Kind::StorageBox, id)], Effect::Nothing);
        if let (false, Some(found)) = (action.fails(), self.project.storage_boxes.get_mut(id)) {
            change(found);
        }
        action
    }

    pub(crate) fn protect_storage_box(&mut self, id: i64, delete: Option<bool>) -> Result<Action, Refusal> {
        self.storage_box(id)?;
        Ok(self.change_storage_box(id, Command::ChangeProtection, |found| {
            found.protect_delete = delete.unwrap_or(found.protect_delete);
        }))
    }

    pub(crate) fn change_storage_box_type(&mut self, id: i64, wanted: &str) -> Result<Action, Refusal> {
        let found = self.storage_box(id)?;
        let box_type = self.find_storage_box_type(wanted)?;
        if box_type.name == found.box_type {
            let message = format!("storage box is of type '{}' already", box_type.name);
            return Err(Refusal::invalid("storage_box_type", message));
        }
        if box_type.offer(&found.location).is_none() {
            let message =
                format!("storage box type '{}' is not offered in '{}'", box_type.name, found.location);
            return Err(Refusal::invalid("storage_box_type", message));
        }
        self.project.ensure_free(Kind::StorageBox, id)?;
        let box_type = box_type.name.clone();
        let effect = Effect::StorageBoxTypeChanged { storage_box: id, box_type };
        Ok(self.begin(Command::ChangeStorageBoxType, &[(Kind::StorageBox, id)], effect))
    }

    pub(crate) fn reset_storage_box_password(&mut self, id: i64, password: &str) -> Result<Action, Refusal> {
        self.free_storage_box(id)?;
        let fingerprint = self.password_fingerprint(password)?;
        Ok(self.change_storage_box(id, Command::ResetStorageBoxPassword, |found| {
            found.password_fingerprint = fingerprint;
        }))
    }

    pub(crate) fn update_storage_box_access(
        &mut self,
        id: i64,
        change: AccessChange,
    ) -> Result<Action, Refusal> {
        self.free_storage_box(id)?;
        Ok(self.change_storage_box(id, Command::UpdateStorageBoxAccess, |found| {
            found.access = found.access.with(change);
        }))
    }

    pub(super) fn storage_box_created(&mut self, id: i64) {
        if let Some(found) = self.project.storage_boxes.get_mut(id) {
            found.active = true;
        }
    }

    /// Removes a box with everything in it.
    pub(super) fn storage_box_deleted(&mut self, id: i64) {
        self.project.storage_boxes.remove(id);
        for subaccount in self.subaccounts_of(id) {
            self.project.storage_box_subaccounts.remove(subaccount);
        }
        for snapshot in self.snapshots_of(id) {
            self.project.storage_box_snapshots.remove(snapshot);
        }
    }

    pub(super) fn storage_box_type_changed(&mut self, id: i64, box_type: &str) {
        if let Some(found) = self.project.storage_boxes.get_mut(id) {
            box_type.clone_into(&mut found.box_type);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_listed_level_by_level() {
        let found = StorageBox {
            id: 1,
            name: String::new(),
            labels: Labels::new(),
            created: 0,
            box_type: String::new(),
            location: String::new(),
            active: true,
            access: Access::default(),
            protect_delete: false,
            plan: None,
            ssh_keys: Vec::new(),
            password_fingerprint: String::new(),
            subaccounts_made: 0,
            folders: ["backups/web", "backups/db", "photos"].map(str::to_owned).into(),
        };
        for (path, expected) in [
            (".", Some(vec!["backups", "photos"])),
            ("", Some(vec!["backups", "photos"])),
            ("./backups/", Some(vec!["db", "web"])),
            ("backups/web", Some(vec![])),
            ("back", None),
            ("backups/mail", None),
        ] {
            let shown = found.folders_in(path);
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(shown, expected, "{path}");
        }
    }
}
