//! Volumes.

use serde::{Deserialize, Serialize};

use super::names::is_volume_name;
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx};

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    /// Gigabytes.
    pub(crate) size: i64,
    pub(crate) location: String,
    pub(crate) format: Option<String>,
    pub(crate) server: Option<i64>,
    /// Whether it can be used; it is being created before.
    pub(crate) available: bool,
    pub(crate) protect_delete: bool,
    /// Whether it is mounted where it is attached.
    #[serde(default)]
    pub(crate) automount: bool,
}

named_row!(Volume, owner: server);

/// What a volume is asked to be.
pub(crate) struct NewVolume {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) size: i64,
    pub(crate) format: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) server: Option<i64>,
    pub(crate) automount: bool,
}

/// Smallest and largest volume in gigabytes (Hetzner API documentation).
const SIZES: std::ops::RangeInclusive<i64> = 10..=10_240;
/// Most volumes of a server (Hetzner's CSI driver).
pub(crate) const MAX_PER_SERVER: usize = 16;

impl Tx<'_> {
    /// The volume, or the refusal that there is none.
    pub(crate) fn volume(&self, id: i64) -> Result<&Volume, Refusal> {
        self.project.volumes.get(id).ok_or_else(|| Refusal::not_found("volume", id))
    }

    fn check_volume_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_volume_name(name) {
            let message =
                "name must have 1 to 64 letters, digits, '-', '_' or '.', with a letter or digit at its ends";
            return Err(Refusal::invalid("name", message));
        }
        if self.project.volumes.name_taken(name, except) {
            return Err(Refusal::not_unique("volume", "name"));
        }
        Ok(())
    }

    /// Creates a volume; what follows it (attaching) comes second.
    pub(crate) fn create_volume(&mut self, new: NewVolume) -> Result<(i64, Action, Vec<Action>), Refusal> {
        if !SIZES.contains(&new.size) {
            return Err(Refusal::invalid("size", "size must be from 10 to 10240"));
        }
        if new.format.as_deref().is_some_and(|format| format != "ext4" && format != "xfs") {
            return Err(Refusal::invalid("format", "format must be ext4 or xfs"));
        }
        let location = match (&new.location, new.server) {
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid("location", "location and server must not both be given"));
            }
            (None, None) => return Err(Refusal::invalid("location", "location or server must be given")),
            (Some(location), None) => self.find_location("location", location)?.name.clone(),
            (None, Some(server)) => {
                let location = self.named_server("server", server)?.location.clone();
                self.project.ensure_free(Kind::Server, server)?;
                self.check_volume_slots(server, 1)?;
                location
            }
        };
        self.check_volume_name(&new.name, None)?;
        if self.fate.location_sold_out(&location) {
            let message = "there is no space left in the location";
            return Err(Refusal::new("no_space_left_in_location", message));
        }
        self.within_limit(Kind::Volume, self.project.volumes.len())?;
        let id = self.new_id(Kind::Volume);
        self.project.volumes.insert(Volume {
            id,
            name: new.name,
            labels: new.labels,
            created: self.now,
            size: new.size,
            location,
            format: new.format,
            server: None,
            available: false,
            protect_delete: false,
            automount: new.automount,
        });
        let mut resources = vec![(Kind::Volume, id)];
        resources.extend(new.server.map(|server| (Kind::Server, server)));
        let action = self.begin(Command::CreateVolume, &resources, Effect::VolumeCreated { volume: id });
        let next = new.server.map(|server| {
            let effect = Effect::VolumeAttached { volume: id, server };
            self.begin_after(Some(&action), Command::AttachVolume, &resources, effect)
        });
        Ok((id, action, next.into_iter().collect()))
    }

    pub(crate) fn update_volume(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.volume(id)?;
        if let Some(name) = &name {
            self.check_volume_name(name, Some(id))?;
        }
        let volume = self.project.volumes.get_mut(id).ok_or_else(|| Refusal::not_found("volume", id))?;
        volume.name = name.unwrap_or_else(|| volume.name.clone());
        volume.labels = labels.unwrap_or_else(|| volume.labels.clone());
        Ok(())
    }

    pub(crate) fn delete_volume(&mut self, id: i64) -> Result<(), Refusal> {
        let volume = self.volume(id)?;
        if volume.protect_delete {
            return Err(Refusal::protected("volume"));
        }
        self.project.ensure_free(Kind::Volume, id)?;
        if volume.server.is_some() {
            return Err(Refusal::new("service_error", "volume is attached to a server, detach it first"));
        }
        self.project.volumes.remove(id);
        Ok(())
    }

    /// Refuses when a server cannot take so many more volumes.
    pub(crate) fn check_volume_slots(&self, server: i64, more: usize) -> Result<(), Refusal> {
        let attached = self.project.volumes.owned_by(server).count();
        if attached + more > MAX_PER_SERVER {
            return Err(Refusal::limit("volumes_per_server"));
        }
        Ok(())
    }

    pub(crate) fn attach_volume(&mut self, id: i64, server: i64, automount: bool) -> Result<Action, Refusal> {
        let volume = self.volume(id)?.clone();
        let target = self.named_server("server", server)?;
        if volume.location != target.location {
            return Err(Refusal::invalid("server", "volume and server must be in the same location"));
        }
        self.project.ensure_free(Kind::Volume, id)?;
        if volume.server.is_some() {
            return Err(Refusal::new("volume_already_attached", "volume is already attached to a server"));
        }
        self.project.ensure_free(Kind::Server, server)?;
        self.check_volume_slots(server, 1)?;
        let effect = Effect::VolumeAttached { volume: id, server };
        let resources = [(Kind::Server, server), (Kind::Volume, id)];
        let action = self.begin(Command::AttachVolume, &resources, effect);
        if !action.fails() {
            self.set_automount(id, automount);
        }
        Ok(action)
    }

    /// Notes whether a volume is to be mounted where it is about to be attached.
    pub(super) fn set_automount(&mut self, id: i64, automount: bool) {
        if let Some(volume) = self.project.volumes.get_mut(id) {
            volume.automount = automount;
        }
    }

    pub(crate) fn detach_volume(&mut self, id: i64) -> Result<Action, Refusal> {
        let volume = self.volume(id)?.clone();
        self.project.ensure_free(Kind::Volume, id)?;
        let Some(server) = volume.server else {
            return Err(Refusal::new("service_error", "volume is not attached to a server"));
        };
        self.project.ensure_free(Kind::Server, server)?;
        let effect = Effect::VolumeDetached { volume: id };
        Ok(self.begin(Command::DetachVolume, &[(Kind::Server, server), (Kind::Volume, id)], effect))
    }

    pub(crate) fn resize_volume(&mut self, id: i64, size: i64) -> Result<Action, Refusal> {
        let volume = self.volume(id)?;
        if size <= volume.size || !SIZES.contains(&size) {
            let message = format!("size must be greater than {} and at most 10240", volume.size);
            return Err(Refusal::invalid("size", message));
        }
        self.project.ensure_free(Kind::Volume, id)?;
        let action = self.begin(Command::ResizeVolume, &[(Kind::Volume, id)], Effect::Nothing);
        if let (false, Some(volume)) = (action.fails(), self.project.volumes.get_mut(id)) {
            volume.size = size;
        }
        Ok(action)
    }

    pub(crate) fn protect_volume(&mut self, id: i64, delete: Option<bool>) -> Result<Action, Refusal> {
        self.volume(id)?;
        let action = self.begin(Command::ChangeProtection, &[(Kind::Volume, id)], Effect::Nothing);
        if let (false, Some(delete), Some(volume)) =
            (action.fails(), delete, self.project.volumes.get_mut(id))
        {
            volume.protect_delete = delete;
        }
        Ok(action)
    }

    pub(super) fn volume_created(&mut self, id: i64) {
        if let Some(volume) = self.project.volumes.get_mut(id) {
            volume.available = true;
        }
    }

    pub(super) fn volume_attached(&mut self, id: i64, server: Option<i64>) {
        if let Some(volume) = self.project.volumes.get_mut(id) {
            volume.server = server;
        }
    }
}
