//! Actions: what takes time in the cloud.

use serde::{Deserialize, Serialize};

use super::real::Verdict;
use super::running::Running;
use super::servers::Status;
use super::table::Row;
use super::{Course, Kind, Labels, Project, Refusal, ResourceRef, Tx};

macro_rules! commands {
    ($($variant:ident $name:literal $duration:literal $lock:ident,)*) => {
        /// What an action does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum Command { $($variant,)* }

        impl Command {
            /// All of them, in the order of their names.
            pub(crate) const ALL: &[Command] = &[$(Self::$variant,)*];

            /// The command that the API calls so.
            pub(crate) fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|command| command.as_str() == name)
            }

            /// The name the API uses.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How long it takes, in milliseconds; 0 for what is done before the request is answered.
            pub(super) const fn duration(self) -> i64 {
                match self { $(Self::$variant => $duration,)* }
            }

            /// Whether other actions on the same objects must wait for it.
            const fn locks(self) -> bool {
                match self { $(Self::$variant => commands!(@$lock),)* }
            }
        }
    };
    (@locks) => { true };
    (@shares) => { false };
}

// Durations are estimates of what users of the real cloud see; nobody documents them. That the commands with
// duration 0 are done when answered follows from the examples of the API documentation. Which commands lock is
// known for servers with attached volumes and networks (clients retry `locked` there) and assumed for the rest.
commands! {
    AddRoute "add_route" 500 locks,
    AddRrsetRecords "add_rrset_records" 500 shares,
    AddService "add_service" 500 shares,
    AddSubnet "add_subnet" 500 locks,
    AddTarget "add_target" 500 shares,
    AddToPlacementGroup "add_to_placement_group" 500 locks,
    ApplyFirewall "apply_firewall" 1000 shares,
    AssignFloatingIp "assign_floating_ip" 1000 shares,
    AssignPrimaryIp "assign_primary_ip" 1000 locks,
    AttachIso "attach_iso" 500 locks,
    AttachToNetwork "attach_to_network" 2000 locks,
    AttachVolume "attach_volume" 2000 locks,
    ChangeAlgorithm "change_algorithm" 0 shares,
    ChangeAliasIps "change_alias_ips" 1000 locks,
    ChangeDnsPtr "change_dns_ptr" 0 shares,
    ChangeHomeDirectory "change_home_directory" 500 locks,
    ChangeIpRange "change_ip_range" 500 locks,
    ChangeLoadBalancerType "change_load_balancer_type" 3000 locks,
    ChangePrimaryNameservers "change_primary_nameservers" 500 shares,
    ChangeProtection "change_protection" 0 shares,
    ChangeRrsetProtection "change_rrset_protection" 0 shares,
    ChangeRrsetTtl "change_rrset_ttl" 500 shares,
    ChangeServerType "change_server_type" 15000 locks,
    ChangeStorageBoxType "change_type" 10000 locks,
    ChangeTtl "change_ttl" 500 shares,
    CreateCertificate "create_certificate" 2000 shares,
    CreateImage "create_image" 20000 locks,
    CreateLoadBalancer "create_load_balancer" 3000 locks,
    CreateRrset "create_rrset" 500 shares,
    CreateServer "create_server" 8000 locks,
    CreateSnapshot "create_snapshot" 2000 locks,
    CreateStorageBox "create" 5000 locks,
    CreateSubaccount "create_subaccount" 1000 locks,
    CreateVolume "create_volume" 2000 locks,
    CreateZone "create_zone" 1000 locks,
    DeleteLoadBalancer "delete_load_balancer" 2000 locks,
    DeleteRoute "delete_route" 500 locks,
    DeleteRrset "delete_rrset" 500 shares,
    DeleteServer "delete_server" 3000 locks,
    DeleteService "delete_service" 500 shares,
    DeleteSnapshot "delete_snapshot" 1000 locks,
    DeleteStorageBox "delete" 3000 locks,
    DeleteSubaccount "delete_subaccount" 1000 locks,
    DeleteSubnet "delete_subnet" 500 locks,
    DeleteZone "delete_zone" 1000 locks,
    DetachFromNetwork "detach_from_network" 2000 locks,
    DetachIso "detach_iso" 500 locks,
    DetachVolume "detach_volume" 2000 locks,
    DisableBackup "disable_backup" 0 shares,
    DisablePublicInterface "disable_public_interface" 1000 shares,
    DisableRescue "disable_rescue" 0 shares,
    DisableSnapshotPlan "disable_snapshot_plan" 500 locks,
    EnableBackup "enable_backup" 0 shares,
    EnablePublicInterface "enable_public_interface" 1000 shares,
    EnableRescue "enable_rescue" 0 shares,
    EnableSnapshotPlan "enable_snapshot_plan" 500 locks,
    ImportZonefile "import_zonefile" 1000 locks,
    IssueCertificate "issue_certificate" 5000 shares,
    RebootServer "reboot_server" 5000 locks,
    RebuildServer "rebuild_server" 12000 locks,
    RemoveFirewall "remove_firewall" 1000 shares,
    RemoveFromPlacementGroup "remove_from_placement_group" 0 locks,
    RemoveRrsetRecords "remove_rrset_records" 500 shares,
    RemoveTarget "remove_target" 500 shares,
    RequestConsole "request_console" 0 shares,
    ResetPassword "reset_password" 2000 locks,
    ResetServer "reset_server" 3000 locks,
    ResetStorageBoxPassword "reset_password" 1000 locks,
    ResetSubaccountPassword "reset_subaccount_password" 1000 locks,
    ResizeVolume "resize_volume" 1000 locks,
    RollbackSnapshot "rollback_snapshot" 5000 locks,
    SetFirewallRules "set_firewall_rules" 0 shares,
    SetRrsetRecords "set_rrset_records" 500 shares,
    ShutdownServer "shutdown_server" 1000 locks,
    StartServer "start_server" 3000 locks,
    StopServer "stop_server" 2000 locks,
    UnassignFloatingIp "unassign_floating_ip" 1000 shares,
    UnassignPrimaryIp "unassign_primary_ip" 1000 locks,
    UpdateRrsetRecords "update_rrset_records" 500 shares,
    UpdateService "update_service" 500 shares,
    UpdateStorageBoxAccess "update_access_settings" 1000 locks,
    UpdateSubaccountAccess "update_access_settings" 1000 locks,
}

/// How an action failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Code, such as `server_error`.
    pub(crate) code: String,
    /// What went wrong, for people.
    pub(crate) message: String,
}

/// Where an action stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Running,
    Success,
    Error(Failure),
}

/// What an action changes when it finishes. What it changes at once is done by the operation that begins it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// Nothing is left to change.
    Nothing,
    ServerCreated {
        server: i64,
        start: bool,
    },
    ServerStarted {
        server: i64,
    },
    ServerStopped {
        server: i64,
    },
    ServerDeleted {
        server: i64,
    },
    ServerRebuilt {
        server: i64,
        image: i64,
    },
    ServerTypeChanged {
        server: i64,
        server_type: String,
        upgrade_disk: bool,
    },
    ImageCreated {
        image: i64,
    },
    NetworkAttached {
        member: ResourceRef,
        network: i64,
    },
    NetworkDetached {
        member: ResourceRef,
        network: i64,
    },
    VolumeCreated {
        volume: i64,
    },
    VolumeAttached {
        volume: i64,
        server: i64,
    },
    VolumeDetached {
        volume: i64,
    },
    FirewallApplied {
        firewall: i64,
        server: i64,
    },
    FirewallRemoved {
        firewall: i64,
        server: i64,
    },
    LoadBalancerDeleted {
        load_balancer: i64,
    },
    LoadBalancerTypeChanged {
        load_balancer: i64,
        load_balancer_type: String,
    },
    CertificateIssued {
        certificate: i64,
    },
    StorageBoxCreated {
        storage_box: i64,
    },
    StorageBoxDeleted {
        storage_box: i64,
    },
    StorageBoxTypeChanged {
        storage_box: i64,
        box_type: String,
    },
    StorageBoxRolledBack {
        storage_box: i64,
        snapshot: i64,
    },
    StorageBoxSnapshotCreated {
        snapshot: i64,
    },
    StorageBoxSnapshotDeleted {
        snapshot: i64,
    },
    SubaccountCreated {
        subaccount: i64,
    },
    SubaccountDeleted {
        subaccount: i64,
    },
    ZonePublished {
        zone: i64,
    },
    ZoneDeleted {
        zone: i64,
    },
}

/// An action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Action {
    pub(crate) id: i64,
    pub(crate) command: Command,
    pub(crate) resources: Vec<ResourceRef>,
    /// When it was asked for.
    pub(crate) started: i64,
    /// When work on it begins, which is later where it follows another action.
    begins: i64,
    /// When it is over.
    pub(crate) finishes: i64,
    pub(crate) state: State,
    pub(crate) effect: Effect,
    /// The failure it will end with.
    doomed: Option<Failure>,
    /// The fault that stalls it. Faults do not outlive the emulator, and so this does not either.
    #[serde(skip)]
    pub(crate) stalled: Option<u64>,
    /// The action that it waits for, and fails with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<i64>,
}

impl Action {
    /// Progress in percent.
    pub(crate) fn progress(&self, now: i64) -> i64 {
        match self.state {
            State::Running => {
                // What is real has no time at which it ends, but a usual duration.
                let whole = match self.finishes.saturating_sub(self.begins) {
                    0 => self.command.duration(),
                    known => known,
                }
                .max(1);
                (now.saturating_sub(self.begins).max(0).saturating_mul(100) / whole).clamp(0, 99)
            }
            State::Success | State::Error(_) => 100,
        }
    }

    /// Whether it is going to fail, or has failed.
    pub(crate) fn fails(&self) -> bool {
        self.doomed.is_some()
    }
}

impl Row for Action {
    fn id(&self) -> i64 {
        self.id
    }
    fn name(&self) -> &str {
        ""
    }
    fn labels(&self) -> Option<&Labels> {
        None
    }
    fn created(&self) -> i64 {
        self.started
    }
    fn owners(&self) -> impl Iterator<Item = i64> {
        self.resources.iter().map(|resource| resource.id)
    }
}

impl Course {
    /// How long an action takes that usually takes `usual` milliseconds.
    fn duration(&self, usual: i64) -> i64 {
        match self {
            Self::Slow { milliseconds: Some(milliseconds), .. } => {
                i64::try_from(*milliseconds).unwrap_or(i64::MAX)
            }
            // Saturates, and is 0 for what is no number.
            Self::Slow { factor: Some(factor), .. } => (usual as f64 * factor).max(0.0) as i64,
            _ => usual,
        }
    }
}

/// How many finished actions a project remembers.
const REMEMBERED: usize = 20_000;

impl Project {
    /// Rebuilds what is derived; to be called once everything is loaded.
    pub(crate) fn reindex(&mut self) {
        self.furnish();
        self.running = Running::default();
        for action in self.actions.values().filter(|action| action.state == State::Running) {
            self.running.insert(action);
        }
    }

    /// Actions that are not over.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Action> {
        self.running.ids().filter_map(|id| self.actions.get(id))
    }

    /// Whether an action that locks is running on the object. Networks are locked only by changes of their own:
    /// several members may join or leave at a time.
    pub(crate) fn is_locked(&self, object: ResourceRef) -> bool {
        self.running.about(object).filter_map(|id| self.actions.get(id)).any(|action| {
            let is_first = action.resources.first() == Some(&object);
            action.command.locks() && (object.kind != Kind::Network || is_first)
        })
    }

    /// Refuses when an action that locks is running on the object.
    pub(crate) fn ensure_free(&self, kind: Kind, id: i64) -> Result<(), Refusal> {
        if !self.is_locked(ResourceRef { kind, id }) {
            Ok(())
        } else if kind == Kind::Network {
            Err(Refusal::new("conflict", "network is currently being changed, try again later"))
        } else {
            Err(Refusal::locked(kind.as_str()))
        }
    }
}

impl Tx<'_> {
    /// Begins an action and gives it back. When it is doomed to fail, nothing may be changed for it: check
    /// [`Action::fails`] before making a change at once.
    pub(crate) fn begin(&mut self, command: Command, resources: &[(Kind, i64)], effect: Effect) -> Action {
        self.begin_after(None, command, resources, effect)
    }

    /// Begins an action that waits for another one, and fails with it.
    pub(crate) fn begin_after(
        &mut self,
        previous: Option<&Action>,
        command: Command,
        resources: &[(Kind, i64)],
        effect: Effect,
    ) -> Action {
        let begins = previous.map_or(self.now, |action| action.finishes.max(self.now));
        let inherited = previous.and_then(|action| match (&action.doomed, action.stalled) {
            (Some(failure), _) => Some(Course::Fails(failure.clone())),
            (None, Some(fault)) => Some(Course::Stalls(fault)),
            (None, None) => None,
        });
        let course = inherited.unwrap_or_else(|| self.fate.course(command));
        self.insert_action(begins, course, command, resources, effect, previous.map(|action| action.id))
    }

    /// Begins an action that is to fail.
    pub(crate) fn begin_doomed(
        &mut self,
        failure: Failure,
        command: Command,
        resources: &[(Kind, i64)],
        effect: Effect,
    ) -> Action {
        self.insert_action(self.now, Course::Fails(failure), command, resources, effect, None)
    }

    fn insert_action(
        &mut self,
        begins: i64,
        course: Course,
        command: Command,
        resources: &[(Kind, i64)],
        effect: Effect,
        after: Option<i64>,
    ) -> Action {
        let real = self.live.is_real() && command.is_real();
        let usual = if self.instant || real { 0 } else { command.duration() };
        let duration = course.duration(usual);
        let at_once = command.duration() == 0 && duration == 0 && !matches!(course, Course::Stalls(_));
        let (doomed, stalled) = match course {
            Course::Fails(failure) => (Some(failure), None),
            Course::Stalls(fault) => (None, Some(fault)),
            Course::Usual | Course::Slow { .. } => (None, None),
        };
        let mut action = Action {
            id: self.new_id(Kind::Action),
            command,
            resources: resources.iter().map(|(kind, id)| ResourceRef { kind: *kind, id: *id }).collect(),
            started: self.now,
            begins,
            finishes: begins.saturating_add(duration),
            state: State::Running,
            effect,
            doomed,
            stalled,
            after,
        };
        if at_once {
            self.complete(&mut action);
        } else {
            self.project.running.insert(&action);
        }
        self.project.actions.insert(action.clone());
        self.forget_oldest();
        action
    }

    /// Lets everything happen that is due by now, in its order.
    pub(crate) fn settle(&mut self) {
        if self.live.is_real() {
            self.settle_real();
        } else {
            self.settle_in_order();
        }
        self.run_snapshot_plans();
    }

    fn settle_in_order(&mut self) {
        while let Some(mut action) = self.next_due() {
            self.project.running.remove(&action);
            if action.stalled.take().is_some() {
                action.finishes = self.now;
            }
            self.complete(&mut action);
            self.project.actions.insert(action);
        }
    }

    /// The action whose end is due and the longest, but for those that are stalled.
    fn next_due(&self) -> Option<Action> {
        let mut due = self.project.running.due(self.now).filter_map(|id| self.project.actions.get(id));
        due.find(|action| !self.is_stalled(action)).cloned()
    }

    fn is_stalled(&self, action: &Action) -> bool {
        action.stalled.is_some_and(|fault| self.fate.is_stalled(fault))
    }

    /// The same where something real decides when actions end. None of them holds up another.
    fn settle_real(&mut self) {
        let due: Vec<i64> = self.project.running.due(self.now).collect();
        for id in due {
            let Some(mut action) = self.project.actions.get(id).cloned() else { continue };
            if self.is_stalled(&action) {
                continue;
            }
            match self.verdict(&action) {
                Verdict::Pending => continue,
                Verdict::Done => self.complete(&mut action),
                Verdict::Failed(failure) => {
                    self.undo(&action.effect, &failure);
                    self.undo_real(&action);
                    action.state = State::Error(failure);
                }
            }
            self.project.running.remove(&action);
            if action.command.is_real() || action.stalled.take().is_some() {
                action.finishes = self.now;
            }
            self.project.actions.insert(action);
        }
    }

    /// Lets the boots of a server that are under way fail.
    pub(super) fn doom_boots_of(&mut self, server: i64, failure: &Failure) {
        let boots = |effect: &Effect| match effect {
            Effect::ServerCreated { server: id, start } => *id == server && *start,
            Effect::ServerStarted { server: id } | Effect::ServerRebuilt { server: id, .. } => *id == server,
            _ => false,
        };
        let ids: Vec<i64> =
            self.project.running().filter(|action| boots(&action.effect)).map(|action| action.id).collect();
        for id in ids {
            if let Some(action) = self.project.actions.get_mut(id) {
                action.doomed = Some(failure.clone());
            }
        }
    }

    fn complete(&mut self, action: &mut Action) {
        match action.doomed.clone() {
            Some(failure) => {
                self.undo(&action.effect, &failure);
                action.state = State::Error(failure);
            }
            None => {
                action.state = State::Success;
                self.perform(&action.effect);
            }
        }
    }

    fn perform(&mut self, effect: &Effect) {
        match effect {
            Effect::Nothing | Effect::StorageBoxSnapshotCreated { .. } | Effect::SubaccountCreated { .. } => {
            }
            Effect::ServerCreated { server, start } => self.server_created(*server, *start),
            Effect::ServerStarted { server } => self.server_started(*server),
            Effect::ServerStopped { server } => self.server_stopped(*server),
            Effect::ServerDeleted { server } => self.server_deleted(*server),
            Effect::ServerRebuilt { server, image } => self.server_rebuilt(*server, *image),
            Effect::ServerTypeChanged { server, server_type, upgrade_disk } => {
                self.server_type_changed(*server, server_type, *upgrade_disk);
            }
            Effect::ImageCreated { image } => self.image_created(*image),
            Effect::NetworkAttached { member, network } => self.network_attached(*member, *network),
            Effect::NetworkDetached { member, network } => self.network_detached(*member, *network),
            Effect::VolumeCreated { volume } => self.volume_created(*volume),
            Effect::VolumeAttached { volume, server } => self.volume_attached(*volume, Some(*server)),
            Effect::VolumeDetached { volume } => self.volume_attached(*volume, None),
            Effect::FirewallApplied { firewall, server } => self.firewall_applied(*firewall, *server),
            Effect::FirewallRemoved { firewall, server } => self.firewall_removed(*firewall, *server),
            Effect::LoadBalancerDeleted { load_balancer } => self.load_balancer_deleted(*load_balancer),
            Effect::LoadBalancerTypeChanged { load_balancer, load_balancer_type } => {
                self.load_balancer_type_changed(*load_balancer, load_balancer_type);
            }
            Effect::CertificateIssued { certificate } => self.issuance_ended(*certificate, None),
            Effect::StorageBoxCreated { storage_box } => self.storage_box_created(*storage_box),
            Effect::StorageBoxDeleted { storage_box } => self.storage_box_deleted(*storage_box),
            Effect::StorageBoxTypeChanged { storage_box, box_type } => {
                self.storage_box_type_changed(*storage_box, box_type);
            }
            Effect::StorageBoxRolledBack { storage_box, snapshot } => {
                self.storage_box_rolled_back(*storage_box, *snapshot);
            }
            Effect::StorageBoxSnapshotDeleted { snapshot } => self.storage_box_snapshot_removed(*snapshot),
            Effect::SubaccountDeleted { subaccount } => self.subaccount_removed(*subaccount),
            Effect::ZonePublished { zone } => self.zone_published(*zone),
            Effect::ZoneDeleted { zone } => self.zone_deleted(*zone),
        }
    }

    /// What a failed action leaves behind. Operations change nothing for an action that is to fail, so only
    /// what its answer already showed has to be settled.
    fn undo(&mut self, effect: &Effect, failure: &Failure) {
        match effect {
            Effect::ServerCreated { server, .. } => self.server_created(*server, false),
            Effect::ServerStarted { server } if self.is_starting(*server) => self.server_stopped(*server),
            Effect::VolumeCreated { volume } => self.volume_created(*volume),
            Effect::ImageCreated { image } => {
                self.project.images.remove(*image);
            }
            Effect::CertificateIssued { certificate } => {
                self.issuance_ended(*certificate, Some(failure.clone()));
            }
            Effect::StorageBoxCreated { storage_box } => self.storage_box_created(*storage_box),
            Effect::StorageBoxSnapshotCreated { snapshot } => self.storage_box_snapshot_removed(*snapshot),
            Effect::SubaccountCreated { subaccount } => self.subaccount_removed(*subaccount),
            _ => {}
        }
    }

    fn is_starting(&self, server: i64) -> bool {
        self.server(server).is_ok_and(|server| server.status == Status::Starting)
    }

    fn forget_oldest(&mut self) {
        let over = self.project.actions.len().saturating_sub(self.project.running.len());
        if over <= REMEMBERED {
            return;
        }
        let oldest =
            self.project.actions.values().find(|action| action.state != State::Running).map(|a| a.id);
        if let Some(id) = oldest {
            self.project.actions.remove(id);
        }
    }
}
