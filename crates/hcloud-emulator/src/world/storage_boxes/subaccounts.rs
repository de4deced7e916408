//! Subaccounts: further users of a storage box, each with a folder of it as home.

use serde::{Deserialize, Serialize};

use super::super::names::is_plain_name;
use super::super::table::named_row;
use super::{Access, AccessChange, Action, Command, Effect, Kind, Labels, Refusal, Tx, normal};

/// A subaccount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subaccount {
    pub(crate) id: i64,
    pub(crate) storage_box: i64,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) home_directory: String,
    pub(crate) access: Access,
    /// Tells one password from another; the password itself is nowhere.
    pub(crate) password_fingerprint: String,
    /// Its number among those that the box ever had.
    number: i64,
}

named_row!(Subaccount);

impl Subaccount {
    /// The name to log in with.
    pub(crate) fn username(&self) -> String {
        username(self.storage_box, self.number)
    }
}

fn username(storage_box: i64, number: i64) -> String {
    format!("u{storage_box}-sub{number}")
}

/// What a subaccount is asked to be.
pub(crate) struct NewSubaccount {
    pub(crate) name: Option<String>,
    pub(crate) description: String,
    pub(crate) labels: Labels,
    pub(crate) home_directory: String,
    pub(crate) password: String,
    pub(crate) access: AccessChange,
}

fn check_home(path: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ./_-".contains(c);
    let message = if !(1..=999).contains(&path.len()) {
        "home_directory must have 1 to 999 characters"
    } else if path.starts_with('/') {
        "home_directory must not begin with a slash"
    } else if !path.chars().all(allowed) {
        "home_directory must consist of letters, digits, spaces and characters of ./_-"
    } else {
        return Ok(());
    };
    Err(Refusal::invalid("home_directory", message))
}

fn check_description(description: &str) -> Result<(), Refusal> {
    if description.chars().count() > 1000 {
        return Err(Refusal::invalid("description", "description must have at most 1000 characters"));
    }
    Ok(())
}

impl Tx<'_> {
    /// The ids of the subaccounts of a box.
    pub(super) fn subaccounts_of(&self, storage_box: i64) -> Vec<i64> {
        let all = self.project.storage_box_subaccounts.values();
        all.filter(|row| row.storage_box == storage_box).map(|row| row.id).collect()
    }

    /// The subaccount of a box, or the refusal that there is none.
    pub(crate) fn subaccount(&self, storage_box: i64, id: i64) -> Result<&Subaccount, Refusal> {
        self.storage_box(storage_box)?;
        self.project
            .storage_box_subaccounts
            .get(id)
            .filter(|row| row.storage_box == storage_box)
            .ok_or_else(|| Refusal::not_found("storage_box_subaccount", id))
    }

    fn check_subaccount_name(
        &self,
        storage_box: i64,
        name: &str,
        except: Option<i64>,
    ) -> Result<(), Refusal> {
        if !is_plain_name(name, 50) {
            return Err(Refusal::invalid("name", "name must have 1 to 50 characters"));
        }
        let mut others = self.project.storage_box_subaccounts.values();
        if others.any(|row| row.storage_box == storage_box && row.name == name && Some(row.id) != except) {
            return Err(Refusal::not_unique("storage_box_subaccount", "name"));
        }
        Ok(())
    }

    pub(crate) fn create_subaccount(
        &mut self,
        storage_box: i64,
        new: NewSubaccount,
    ) -> Result<(i64, Action), Refusal> {
        check_home(&new.home_directory)?;
        check_description(&new.description)?;
        let found = self.storage_box(storage_box)?;
        let number = found.subaccounts_made + 1;
        let limit = self.type_of(found)?.subaccounts_limit;
        let name = new.name.unwrap_or_else(|| username(storage_box, number));
        self.check_subaccount_name(storage_box, &name, None)?;
        let password_fingerprint = self.password_fingerprint(&new.password)?;
        self.free_storage_box(storage_box)?;
        if self.subaccounts_of(storage_box).len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(Refusal::limit("storage_box_subaccount"));
        }
        let id = self.new_id(Kind::StorageBoxSubaccount);
        let resources = [(Kind::StorageBox, storage_box), (Kind::StorageBoxSubaccount, id)];
        let effect = Effect::SubaccountCreated { subaccount: id };
        let action = self.begin(Command::CreateSubaccount, &resources, effect);
        if let Some(found) = self.project.storage_boxes.get_mut(storage_box) {
            found.subaccounts_made = number;
            if !action.fails() {
                found.folders.insert(normal(&new.home_directory));
            }
        }
        self.project.storage_box_subaccounts.insert(Subaccount {
            id,
            storage_box,
            name,
            description: new.description,
            labels: new.labels,
            created: self.now,
            home_directory: new.home_directory,
            access: Access::default().with(new.access),
            password_fingerprint,
            number,
        });
        Ok((id, action))
    }

    pub(crate) fn update_subaccount(
        &mut self,
        storage_box: i64,
        id: i64,
        name: Option<String>,
        description: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.subaccount(storage_box, id)?;
        if let Some(name) = &name {
            self.check_subaccount_name(storage_box, name, Some(id))?;
        }
        description.as_deref().map_or(Ok(()), check_description)?;
        if let Some(row) = self.project.storage_box_subaccounts.get_mut(id) {
            row.name = name.unwrap_or_else(|| row.name.clone());
            row.description = description.unwrap_or_else(|| row.description.clone());
            row.labels = labels.unwrap_or_else(|| row.labels.clone());
        }
        Ok(())
    }

    /// Removes a subaccount; its folder stays.
    pub(crate) fn delete_subaccount(&mut self, storage_box: i64, id: i64) -> Result<Action, Refusal> {
        self.subaccount(storage_box, id)?;
        self.free_storage_box(storage_box)?;
        let resources = [(Kind::StorageBox, storage_box), (Kind::StorageBoxSubaccount, id)];
        let effect = Effect::SubaccountDeleted { subaccount: id };
        Ok(self.begin(Command::DeleteSubaccount, &resources, effect))
    }

    /// Begins an action on a subaccount, and makes its change at once unless the action is to fail.
    fn change_subaccount(
        &mut self,
        storage_box: i64,
        id: i64,
        command: Command,
        change: impl FnOnce(&mut Subaccount),
    ) -> Action {
        let resources = [(Kind::StorageBox, storage_box), (Kind::StorageBoxSubaccount, id)];
        let action = self.begin(command, &resources, Effect::Nothing);
        if let (false, Some(row)) = (action.fails(), self.project.storage_box_subaccounts.get_mut(id)) {
            change(row);
        }
        action
    }

    pub(crate) fn change_home_directory(
        &mut self,
        storage_box: i64,
        id: i64,
        path: String,
    ) -> Result<Action, Refusal> {
        self.subaccount(storage_box, id)?;
        check_home(&path)?;
        self.free_storage_box(storage_box)?;
        let folder = normal(&path);
        let change = |row: &mut Subaccount| row.home_directory = path;
        let action = self.change_subaccount(storage_box, id, Command::ChangeHomeDirectory, change);
        if let (false, Some(found)) = (action.fails(), self.project.storage_boxes.get_mut(storage_box)) {
            found.folders.insert(folder);
        }
        Ok(action)
    }

    pub(crate) fn reset_subaccount_password(
        &mut self,
        storage_box: i64,
        id: i64,
        password: &str,
    ) -> Result<Action, Refusal> {
        self.subaccount(storage_box, id)?;
        let fingerprint = self.password_fingerprint(password)?;
        self.free_storage_box(storage_box)?;
        let change = |row: &mut Subaccount| row.password_fingerprint = fingerprint;
        Ok(self.change_subaccount(storage_box, id, Command::ResetSubaccountPassword, change))
    }

    pub(crate) fn update_subaccount_access(
        &mut self,
        storage_box: i64,
        id: i64,
        access: AccessChange,
    ) -> Result<Action, Refusal> {
        self.subaccount(storage_box, id)?;
        self.free_storage_box(storage_box)?;
        let change = |row: &mut Subaccount| row.access = row.access.with(access);
        Ok(self.change_subaccount(storage_box, id, Command::UpdateSubaccountAccess, change))
    }

    pub(in crate::world) fn subaccount_removed(&mut self, id: i64) {
        self.project.storage_box_subaccounts.remove(id);
    }
}
