//! Placement groups.

use serde::{Deserialize, Serialize};

use super::names::is_plain_name;
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx};

/// A group whose servers run on different hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlacementGroup {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
}

named_row!(PlacementGroup);

/// Most servers of a spread group.
pub(crate) const MAX_SERVERS: usize = 10;

impl Tx<'_> {
    /// The group, or the refusal that there is none.
    pub(crate) fn placement_group(&self, id: i64) -> Result<&PlacementGroup, Refusal> {
        self.project.placement_groups.get(id).ok_or_else(|| Refusal::not_found("placement_group", id))
    }

    /// The servers of a group.
    pub(crate) fn servers_placed_in(&self, id: i64) -> Vec<i64> {
        let placed = self.project.servers.values().filter(|server| server.placement_group == Some(id));
        placed.map(|server| server.id).collect()
    }

    fn check_group_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 128) {
            return Err(Refusal::invalid("name", "name must have 1 to 128 characters"));
        }
        if self.project.placement_groups.name_taken(name, except) {
            return Err(Refusal::not_unique("placement_group", "name"));
        }
        Ok(())
    }

    pub(crate) fn create_placement_group(&mut self, name: String, labels: Labels) -> Result<i64, Refusal> {
        self.check_group_name(&name, None)?;
        self.within_limit(Kind::PlacementGroup, self.project.placement_groups.len())?;
        let id = self.new_id(Kind::PlacementGroup);
        let created = self.now;
        self.project.placement_groups.insert(PlacementGroup { id, name, labels, created });
        Ok(id)
    }

    pub(crate) fn update_placement_group(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.placement_group(id)?;
        if let Some(name) = &name {
            self.check_group_name(name, Some(id))?;
        }
        let groups = &mut self.project.placement_groups;
        let group = groups.get_mut(id).ok_or_else(|| Refusal::not_found("placement_group", id))?;
        group.name = name.unwrap_or_else(|| group.name.clone());
        group.labels = labels.unwrap_or_else(|| group.labels.clone());
        Ok(())
    }

    /// Deletes a group; its servers stay where they are.
    pub(crate) fn delete_placement_group(&mut self, id: i64) -> Result<(), Refusal> {
        self.placement_group(id)?;
        for server in self.servers_placed_in(id) {
            if let Some(server) = self.project.servers.get_mut(server) {
                server.placement_group = None;
            }
        }
        self.project.placement_groups.remove(id);
        Ok(())
    }

    /// Refuses when a group is full.
    pub(crate) fn check_group_room(&self, id: i64) -> Result<(), Refusal> {
        if self.servers_placed_in(id).len() >= MAX_SERVERS {
            return Err(Refusal::new("placement_error", "placement group holds its maximum of 10 servers"));
        }
        Ok(())
    }

    pub(crate) fn add_to_placement_group(&mut self, server: i64, group: i64) -> Result<Action, Refusal> {
        let current = self.server(server)?;
        let (off, placed) = (current.is_off(), current.placement_group);
        self.project.ensure_free(Kind::Server, server)?;
        if self.placement_group(group).is_err() {
            return Err(Refusal::invalid("placement_group", format!("placement group {group} not found")));
        }
        if placed.is_some() {
            let message = "server is already part of a placement group";
            return Err(Refusal::new("already_in_placement_group", message));
        }
        if !off {
            return Err(Refusal::not_stopped());
        }
        self.check_group_room(group)?;
        let action = self.begin(Command::AddToPlacementGroup, &[(Kind::Server, server)], Effect::Nothing);
        if let (false, Some(server)) = (action.fails(), self.project.servers.get_mut(server)) {
            server.placement_group = Some(group);
        }
        Ok(action)
    }

    pub(crate) fn remove_from_placement_group(&mut self, server: i64) -> Result<Action, Refusal> {
        if self.server(server)?.placement_group.is_none() {
            return Err(Refusal::new("service_error", "server is not part of a placement group"));
        }
        self.project.ensure_free(Kind::Server, server)?;
        let action =
            self.begin(Command::RemoveFromPlacementGroup, &[(Kind::Server, server)], Effect::Nothing);
        if let (false, Some(server)) = (action.fails(), self.project.servers.get_mut(server)) {
            server.placement_group = None;
        }
        Ok(action)
    }
}
