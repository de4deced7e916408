//! Actions where something real stands behind the world: what they wait for, and what remains when it cannot be done.

use super::action::State;
use super::servers::{Link, Status};
use super::{Action, Command, Effect, Failure, Kind, Tx};
use crate::backend::{Object, Standing};

/// How far the real world has come with what an action wants.
pub(super) enum Verdict {
    Pending,
    Done,
    Failed(Failure),
}

/// A failure of the cloud itself.
fn server_error(message: &str) -> Failure {
    Failure { code: "server_error".to_owned(), message: message.to_owned() }
}

impl Command {
    /// Whether it changes something that a backend makes real. Everything else takes its usual time.
    pub(super) const fn is_real(self) -> bool {
        !matches!(
            self,
            Self::AddToPlacementGroup
                | Self::AttachIso
                | Self::ChangeHomeDirectory
                | Self::ChangeLoadBalancerType
                | Self::ChangeStorageBoxType
                | Self::CreateCertificate
                | Self::CreateSnapshot
                | Self::CreateStorageBox
                | Self::CreateSubaccount
                | Self::DeleteSnapshot
                | Self::DeleteStorageBox
                | Self::DeleteSubaccount
                | Self::DetachIso
                | Self::DisableSnapshotPlan
                | Self::EnableSnapshotPlan
                | Self::IssueCertificate
                | Self::ResetStorageBoxPassword
                | Self::ResetSubaccountPassword
                | Self::RollbackSnapshot
                | Self::UpdateStorageBoxAccess
                | Self::UpdateSubaccountAccess
        )
    }
}

impl Action {
    /// The real things that it is about.
    fn objects(&self) -> impl Iterator<Item = Object> {
        self.resources.iter().map(|resource| match resource.kind {
            Kind::Server => Object::Machine(resource.id),
            Kind::Volume => Object::Volume(resource.id),
            Kind::Network => Object::Segment(resource.id),
            Kind::LoadBalancer => Object::Balancer(resource.id),
            Kind::Image => Object::Snapshot(resource.id),
            _ => Object::Rest,
        })
    }
}

impl Tx<'_> {
    /// Whether an action that is due is over.
    pub(super) fn verdict(&self, action: &Action) -> Verdict {
        if action.fails() {
            return Verdict::Done;
        }
        match action.after.and_then(|id| self.project.actions.get(id)).map(|previous| &previous.state) {
            Some(State::Running) => return Verdict::Pending,
            Some(State::Error(failure)) => return Verdict::Failed(failure.clone()),
            Some(State::Success) | None => {}
        }
        if !action.command.is_real() {
            return Verdict::Done;
        }
        let mut verdict = Verdict::Done;
        for object in action.objects() {
            match self.live.standing_for(action.id, object) {
                Standing::Reached => {}
                Standing::Pending => verdict = Verdict::Pending,
                Standing::Failed { message } => return Verdict::Failed(server_error(&message)),
            }
        }
        verdict
    }

    /// What an action leaves behind that the real world could not do, beside what every failed action does. What was
    /// changed in the world when the action began and has no state of its own (a route, a rule, a size) stays: the
    /// backend goes on trying with everything that it is shown later.
    pub(super) fn undo_real(&mut self, action: &Action) {
        match &action.effect {
            Effect::ServerCreated { server, .. }
            | Effect::ServerStarted { server }
            | Effect::ServerDeleted { server }
            | Effect::ServerTypeChanged { server, .. } => self.machine_fell(*server),
            Effect::ServerRebuilt { server, image } => {
                // The old disk is gone either way; the next boot tries to write the new one again.
                if let Some(server) = self.project.servers.get_mut(*server) {
                    server.image = Some(*image);
                    server.fell();
                }
            }
            Effect::ServerStopped { server } => {
                if let Some(server) = self.project.servers.get_mut(*server) {
                    server.status = Status::Running;
                    server.machine.on = true;
                }
            }
            Effect::VolumeCreated { volume } => {
                self.project.volumes.remove(*volume);
            }
            Effect::NetworkAttached { member, network } => self.network_detached(*member, *network),
            Effect::NetworkDetached { member, network } => self.set_link(*member, *network, Link::Attached),
            Effect::FirewallApplied { firewall, server } => self.firewall_removed(*firewall, *server),
            Effect::FirewallRemoved { firewall, server } => self.firewall_applied(*firewall, *server),
            Effect::Nothing
            | Effect::ImageCreated { .. }
            | Effect::VolumeAttached { .. }
            | Effect::VolumeDetached { .. }
            | Effect::LoadBalancerDeleted { .. }
            | Effect::LoadBalancerTypeChanged { .. }
            | Effect::CertificateIssued { .. }
            | Effect::StorageBoxCreated { .. }
            | Effect::StorageBoxDeleted { .. }
            | Effect::StorageBoxTypeChanged { .. }
            | Effect::StorageBoxRolledBack { .. }
            | Effect::StorageBoxSnapshotCreated { .. }
            | Effect::StorageBoxSnapshotDeleted { .. }
            | Effect::SubaccountCreated { .. }
            | Effect::SubaccountDeleted { .. }
            | Effect::ZonePublished { .. }
            | Effect::ZoneDeleted { .. } => {}
        }
    }

    fn machine_fell(&mut self, id: i64) {
        if let Some(server) = self.project.servers.get_mut(id) {
            server.fell();
        }
    }

    /// A machine went off by itself. Whether that was news: the boot that ended is the one that is wanted.
    pub(crate) fn machine_went_off(&mut self, id: i64, boot: i64) -> bool {
        let current = |machine: &super::machine::Machine| machine.on && machine.boot == boot;
        if !self.project.servers.get(id).is_some_and(|server| current(&server.machine)) {
            return false;
        }
        self.machine_fell(id);
        let failure = server_error("the machine went off while it was booting; its console log may say why");
        self.doom_boots_of(id, &failure);
        true
    }

    /// A machine that was to come back with the emulator did not.
    pub(crate) fn machine_did_not_return(&mut self, id: i64) {
        self.machine_fell(id);
    }
}
