//! What one can do with a server: power, type, disk, rescue, backups and so on.

use super::machine::Rescue;
use super::primary_ips::Version;
use super::server_create::{MAX_USER_DATA, disk_of};
use super::servers::Status;
use super::{Action, Command, Effect, Kind, Refusal, Tx};

/// Ways to switch a server on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    Off,
    Shutdown,
    Reboot,
    Reset,
}

/// How long rescue mode stays enabled without a boot, in milliseconds (Hetzner API documentation: 60 minutes).
const RESCUE_MS: i64 = 60 * 60 * 1000;

impl Tx<'_> {
    pub(crate) fn power(&mut self, id: i64, power: Power) -> Result<Action, Refusal> {
        let server = self.server(id)?;
        let (status, private) = (server.status, !server.private_nets.is_empty());
        self.project.ensure_free(Kind::Server, id)?;
        let off = status == Status::Off;
        let on = Effect::ServerStarted { server: id };
        let (command, effect, meanwhile) = match power {
            Power::On => {
                let public = [Version::V4, Version::V6].iter().any(|v| self.primary_ip_of(id, *v).is_some());
                if !public && !private {
                    let message = "server needs a public or private network interface to be started";
                    return Err(Refusal::new("service_error", message));
                }
                (Command::StartServer, on, off.then_some(Status::Starting))
            }
            Power::Off | Power::Shutdown => {
                let command = if power == Power::Off { Command::StopServer } else { Command::ShutdownServer };
                (command, Effect::ServerStopped { server: id }, (!off).then_some(Status::Stopping))
            }
            // A server that is off does not take notice of a soft reboot.
            Power::Reboot if off => (Command::RebootServer, Effect::Nothing, None),
            Power::Reboot => (Command::RebootServer, on, None),
            Power::Reset => (Command::ResetServer, on, None),
        };
        let action = self.begin_with_status(id, command, effect, meanwhile);
        if let (false, Some(server)) = (action.fails(), self.project.servers.get_mut(id)) {
            match power {
                // What runs is not started again, and what is off takes no notice of a soft reboot.
                Power::On if !off => {}
                Power::Reboot if off => {}
                Power::On | Power::Reset => server.boot(action.id, false, self.now),
                Power::Reboot => server.boot(action.id, true, self.now),
                Power::Off => server.end(false),
                Power::Shutdown => server.end(true),
            }
        }
        Ok(action)
    }

    pub(super) fn server_started(&mut self, id: i64) {
        if let Some(server) = self.project.servers.get_mut(id) {
            server.status = Status::Running;
            // Booting into the rescue system uses it up.
            server.rescue_until = None;
        }
    }

    pub(super) fn server_stopped(&mut self, id: i64) {
        if let Some(server) = self.project.servers.get_mut(id) {
            server.status = Status::Off;
        }
    }

    pub(crate) fn change_type(
        &mut self,
        id: i64,
        server_type: &str,
        upgrade_disk: bool,
    ) -> Result<Action, Refusal> {
        let target = self.find_server_type(server_type)?;
        let server = self.server(id)?.clone();
        self.project.ensure_free(Kind::Server, id)?;
        let current = self.find_server_type(&server.server_type)?;
        let unfit = |message: &str| Err(Refusal::new("invalid_server_type", message));
        if target.name == current.name {
            return unfit("server already has this type");
        }
        if target.architecture != current.architecture || target.storage_type != current.storage_type {
            return unfit("server type has another architecture or storage type");
        }
        if disk_of(target) < server.disk {
            return unfit("server type has a smaller disk");
        }
        self.check_offer(target, &server.location)?;
        if !server.is_off() {
            return Err(Refusal::not_stopped());
        }
        let effect = Effect::ServerTypeChanged { server: id, server_type: target.name.clone(), upgrade_disk };
        Ok(self.begin_with_status(id, Command::ChangeServerType, effect, Some(Status::Migrating)))
    }

    /// The documentation says the server is started again; clients see that it stays off.
    pub(super) fn server_type_changed(&mut self, id: i64, server_type: &str, upgrade_disk: bool) {
        let disk = self.find_server_type(server_type).map(disk_of).unwrap_or_default();
        if let Some(server) = self.project.servers.get_mut(id) {
            server.status = Status::Off;
            server_type.clone_into(&mut server.server_type);
            if upgrade_disk {
                server.disk = server.disk.max(disk);
            }
        }
    }

    /// Writes the disk anew; gives the new root password where no key was given at creation.
    pub(crate) fn rebuild(
        &mut self,
        id: i64,
        image: &str,
        user_data: Option<String>,
    ) -> Result<(Action, Option<String>), Refusal> {
        let server = self.server(id)?.clone();
        if server.protect_rebuild {
            return Err(Refusal::protected("server"));
        }
        self.project.ensure_free(Kind::Server, id)?;
        if user_data.as_ref().is_some_and(|data| data.len() > MAX_USER_DATA) {
            return Err(Refusal::invalid("user_data", "user_data must be at most 32 KiB"));
        }
        let architecture = self.find_server_type(&server.server_type)?.architecture;
        let image = self.find_image(image, architecture, server.disk)?;
        let password = server.ssh_keys.is_empty().then(|| self.shared.password());
        let effect = Effect::ServerRebuilt { server: id, image };
        let action = self.begin_with_status(id, Command::RebuildServer, effect, Some(Status::Rebuilding));
        if let (false, Some(server)) = (action.fails(), self.project.servers.get_mut(id)) {
            server.user_data = user_data.or(server.user_data.take());
            server.boot(action.id, false, self.now);
            server.machine.written_by = action.id;
            server.machine.image = Some(image);
            server.machine.root_password.clone_from(&password);
        }
        Ok((action, password))
    }

    pub(super) fn server_rebuilt(&mut self, id: i64, image: i64) {
        if let Some(server) = self.project.servers.get_mut(id) {
            server.status = Status::Running;
            server.image = Some(image);
        }
    }

    /// Changes something about a server at once while an action runs, unless that is to fail.
    fn change_server(
        &mut self,
        id: i64,
        command: Command,
        change: impl FnOnce(&mut super::servers::Server),
    ) -> Result<Action, Refusal> {
        self.server(id)?;
        let action = self.begin(command, &[(Kind::Server, id)], Effect::Nothing);
        if let (false, Some(server)) = (action.fails(), self.project.servers.get_mut(id)) {
            change(server);
        }
        Ok(action)
    }

    pub(crate) fn set_backups(&mut self, id: i64, on: bool) -> Result<Action, Refusal> {
        let window = on.then(|| self.server(id).ok().and_then(|server| server.backup_window.clone()));
        self.project.ensure_free(Kind::Server, id)?;
        let window = match window {
            Some(Some(window)) => Some(window),
            // The cloud chooses one of the six windows of a day.
            Some(None) => {
                let first = u32::from(self.shared.draw("backup window")[0] % 6) * 4 + 2;
                Some(format!("{first:02}-{:02}", (first + 4) % 24))
            }
            None => None,
        };
        let command = if on { Command::EnableBackup } else { Command::DisableBackup };
        self.change_server(id, command, |server| server.backup_window = window)
    }

    pub(crate) fn protect_server(
        &mut self,
        id: i64,
        delete: Option<bool>,
        rebuild: Option<bool>,
    ) -> Result<Action, Refusal> {
        let server = self.server(id)?;
        let delete = delete.unwrap_or(server.protect_delete);
        let rebuild = rebuild.unwrap_or(server.protect_rebuild);
        if delete != rebuild {
            // Hetzner API documentation: both need to have the same value.
            return Err(Refusal::invalid(
                "rebuild",
                "delete and rebuild protection must have the same value",
            ));
        }
        self.change_server(id, Command::ChangeProtection, |server| {
            server.protect_delete = delete;
            server.protect_rebuild = rebuild;
        })
    }

    pub(crate) fn reset_password(&mut self, id: i64) -> Result<(Action, String), Refusal> {
        if self.server(id)?.status != Status::Running {
            return Err(Refusal::new("service_error", "server must be running to reset its password"));
        }
        self.project.ensure_free(Kind::Server, id)?;
        let password = self.shared.password();
        let set = password.clone();
        let action = self
            .change_server(id, Command::ResetPassword, |server| server.machine.root_password = Some(set))?;
        Ok((action, password))
    }

    pub(crate) fn enable_rescue(&mut self, id: i64, ssh_keys: &[i64]) -> Result<(Action, String), Refusal> {
        self.server(id)?;
        self.project.ensure_free(Kind::Server, id)?;
        for key in ssh_keys {
            if !self.project.ssh_keys.contains(*key) {
                return Err(Refusal::invalid("ssh_keys", format!("SSH key '{key}' not found")));
            }
        }
        let password = self.shared.password();
        let until = self.now.saturating_add(RESCUE_MS);
        let rescue = Rescue { ssh_keys: self.project.public_keys(ssh_keys), root_password: password.clone() };
        let action = self.change_server(id, Command::EnableRescue, |server| {
            server.rescue_until = Some(until);
            server.machine.rescue_next = Some(rescue);
        })?;
        Ok((action, password))
    }

    pub(crate) fn disable_rescue(&mut self, id: i64) -> Result<Action, Refusal> {
        self.server(id)?;
        self.project.ensure_free(Kind::Server, id)?;
        self.change_server(id, Command::DisableRescue, |server| {
            server.rescue_until = None;
            server.machine.rescue_next = None;
        })
    }

    pub(crate) fn attach_iso(&mut self, id: i64, iso: &str) -> Result<Action, Refusal> {
        let wanted: Option<i64> = iso.parse().ok();
        let found =
            self.catalogue().isos().iter().find(|known| known.name == iso || Some(known.id) == wanted);
        let Some(found) = found else {
            return Err(Refusal::invalid("iso", format!("ISO '{iso}' not found")));
        };
        let architecture = self.find_server_type(&self.server(id)?.server_type)?.architecture;
        if found.architecture.is_some_and(|needed| needed != architecture) {
            return Err(Refusal::invalid("iso", "ISO has another architecture than the server"));
        }
        self.project.ensure_free(Kind::Server, id)?;
        self.change_server(id, Command::AttachIso, |server| server.iso = Some(found.id))
    }

    pub(crate) fn detach_iso(&mut self, id: i64) -> Result<Action, Refusal> {
        self.server(id)?;
        self.project.ensure_free(Kind::Server, id)?;
        self.change_server(id, Command::DetachIso, |server| server.iso = None)
    }

    /// A console for a minute, as the real cloud grants it; nothing listens there.
    pub(crate) fn request_console(&mut self, id: i64) -> Result<(Action, String), Refusal> {
        let action = self.change_server(id, Command::RequestConsole, |_| {})?;
        Ok((action, self.shared.password()))
    }
}
