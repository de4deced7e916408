//! Images: the system images of the catalogue, and snapshots and backups of servers.

use ferroform_catalogue::{Architecture, Image as SystemImage};
use serde::{Deserialize, Serialize};

use super::table::named_row;
use super::{API_DATE, Action, Command, Effect, Kind, Labels, Refusal, Tx};

/// A snapshot or backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) id: i64,
    /// Always empty: only system images have names.
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) description: String,
    /// Whether it belongs to its server and is deleted with it.
    pub(crate) backup: bool,
    pub(crate) available: bool,
    pub(crate) server: i64,
    pub(crate) server_name: String,
    /// Gigabytes a server needs at least.
    pub(crate) disk: u32,
    pub(crate) arm: bool,
    pub(crate) os_flavor: String,
    pub(crate) os_version: Option<String>,
    pub(crate) protect_delete: bool,
}

named_row!(Image);

/// What a snapshot or backup holds, in tenths of a gigabyte: about what a small server does, since nothing is stored.
pub(crate) const SNAPSHOT_TENTHS_OF_GB: u16 = 23;

/// Gigabytes a server needs at least for a system image.
pub(crate) const SYSTEM_IMAGE_DISK: u32 = 5;

/// Whether new servers cannot use a system image any more.
pub(crate) fn is_gone(image: &SystemImage) -> bool {
    image.deprecation.as_ref().is_some_and(|deprecation| deprecation.unavailable_after.as_str() < API_DATE)
}

impl Tx<'_> {
    /// A system image by its id.
    pub(crate) fn system_image(&self, id: i64) -> Option<&'static SystemImage> {
        self.catalogue().images().iter().find(|image| image.id == id)
    }

    /// Refuses ids of no image at all.
    pub(crate) fn any_image(&self, id: i64) -> Result<(), Refusal> {
        let known = self.system_image(id).is_some() || self.project.images.contains(id);
        if known { Ok(()) } else { Err(Refusal::not_found("image", id)) }
    }

    /// The snapshot or backup, or the refusal that there is none (or that it is a system image).
    pub(crate) fn own_image(&self, id: i64) -> Result<&Image, Refusal> {
        if self.system_image(id).is_some() {
            return Err(Refusal::new("forbidden", "system images cannot be changed"));
        }
        self.project.images.get(id).ok_or_else(|| Refusal::not_found("image", id))
    }

    /// The image that a server is to be made of, by id or name; names mean the one for the architecture.
    pub(crate) fn find_image(
        &self,
        id_or_name: &str,
        architecture: Architecture,
        disk: u32,
    ) -> Result<i64, Refusal> {
        let invalid = |message: String| Refusal::invalid("image", message);
        let id: Option<i64> = id_or_name.parse().ok();
        let mut found = self.catalogue().images().iter().filter(|i| i.name == id_or_name || Some(i.id) == id);
        if let Some(first) = found.next() {
            let fitting =
                std::iter::once(first).chain(found).find(|image| image.architecture == architecture);
            let Some(image) = fitting else {
                return Err(invalid("image and server type have different architectures".to_owned()));
            };
            if is_gone(image) {
                return Err(invalid(format!("image '{id_or_name}' is not available any more")));
            }
            return Ok(image.id);
        }
        let Some(image) = id.and_then(|id| self.project.images.get(id)) else {
            return Err(invalid(format!("image '{id_or_name}' not found")));
        };
        if image.arm != (architecture == Architecture::Arm) {
            return Err(invalid("image and server type have different architectures".to_owned()));
        }
        if !image.available {
            return Err(invalid("image is not available yet".to_owned()));
        }
        if image.disk > disk {
            return Err(invalid("image disk is bigger than the disk of the server".to_owned()));
        }
        Ok(image.id)
    }

    /// Makes an image of a server's disk.
    pub(crate) fn create_image(
        &mut self,
        server: i64,
        description: Option<String>,
        backup: bool,
        labels: Labels,
    ) -> Result<(i64, Action), Refusal> {
        let source = self.server(server)?.clone();
        self.project.ensure_free(Kind::Server, server)?;
        if backup && source.backup_window.is_none() {
            return Err(Refusal::invalid("type", "backups are not enabled for the server"));
        }
        self.within_limit(Kind::Image, self.project.images.len())?;
        let system = source.image.and_then(|id| self.system_image(id));
        let parent = source.image.and_then(|id| self.project.images.get(id));
        let os_flavor = system
            .map(|image| image.os_flavor.clone())
            .or_else(|| parent.map(|image| image.os_flavor.clone()))
            .unwrap_or_else(|| "unknown".to_owned());
        let os_version = system
            .map(|image| image.os_version.clone())
            .or_else(|| parent.and_then(|image| image.os_version.clone()));
        let arm = self.find_server_type(&source.server_type)?.architecture == Architecture::Arm;
        let id = self.new_id(Kind::Image);
        self.project.images.insert(Image {
            id,
            name: String::new(),
            labels,
            created: self.now,
            description: description.unwrap_or_else(|| source.name.clone()),
            backup,
            available: false,
            server,
            server_name: source.name,
            disk: source.disk,
            arm,
            os_flavor,
            os_version,
            protect_delete: false,
        });
        let resources = [(Kind::Server, server), (Kind::Image, id)];
        let action = self.begin(Command::CreateImage, &resources, Effect::ImageCreated { image: id });
        Ok((id, action))
    }

    pub(super) fn image_created(&mut self, id: i64) {
        if let Some(image) = self.project.images.get_mut(id) {
            image.available = true;
        }
    }

    /// Changes an image; a backup can be made a snapshot.
    pub(crate) fn update_image(
        &mut self,
        id: i64,
        description: Option<String>,
        make_snapshot: bool,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.own_image(id)?;
        let image = self.project.images.get_mut(id).ok_or_else(|| Refusal::not_found("image", id))?;
        image.description = description.unwrap_or_else(|| image.description.clone());
        image.labels = labels.unwrap_or_else(|| image.labels.clone());
        image.backup &= !make_snapshot;
        Ok(())
    }

    pub(crate) fn delete_image(&mut self, id: i64) -> Result<(), Refusal> {
        if self.own_image(id)?.protect_delete {
            return Err(Refusal::protected("image"));
        }
        self.project.ensure_free(Kind::Image, id)?;
        self.project.images.remove(id);
        Ok(())
    }

    pub(crate) fn protect_image(&mut self, id: i64, delete: Option<bool>) -> Result<Action, Refusal> {
        self.own_image(id)?;
        let action = self.begin(Command::ChangeProtection, &[(Kind::Image, id)], Effect::Nothing);
        if let (false, Some(delete), Some(image)) = (action.fails(), delete, self.project.images.get_mut(id))
        {
            image.protect_delete = delete;
        }
        Ok(action)
    }
}
