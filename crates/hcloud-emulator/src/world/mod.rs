//! The model of the cloud: objects, their rules and what happens to them in time. Nothing here knows of HTTP,
//! files or a clock: an operation gets a [`Tx`] (a project and the moment) and changes the project or refuses.
//!
//! To add a kind of object: a module with its row and its operations, an entry in [`Kind`] and one in
//! `project_tables!`; then a module of the same name under `api`.

pub(crate) mod action;
pub(crate) mod address;
pub(crate) mod certificates;
pub(crate) mod firewalls;
pub(crate) mod floating_ips;
pub(crate) mod images;
mod index;
pub(crate) mod labels;
pub(crate) mod load_balancers;
pub(crate) mod machine;
pub(crate) mod names;
pub(crate) mod networks;
pub(crate) mod placement_groups;
pub(crate) mod primary_ips;
mod real;
pub(crate) mod refusal;
mod running;
pub(crate) mod scene;
pub(crate) mod server_actions;
pub(crate) mod server_create;
pub(crate) mod servers;
pub(crate) mod ssh_keys;
pub(crate) mod storage_boxes;
pub(crate) mod table;
pub(crate) mod volumes;
pub(crate) mod zones;

use std::collections::BTreeMap;

use ferroform_catalogue::Catalogue;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::backend::Live;

pub(crate) use self::action::{Action, Command, Effect, Failure};
pub(crate) use self::labels::Labels;
pub(crate) use self::refusal::Refusal;
use self::running::Running;
pub(crate) use self::table::{Row, Table};

/// The day the API is modelled for; deprecations are judged by it, so that a world does not change by itself.
pub(crate) const API_DATE: &str = "2026-10-06";

/// Kinds of objects that have ids of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Action,
    Certificate,
    Firewall,
    FloatingIp,
    Image,
    LoadBalancer,
    Network,
    PlacementGroup,
    PrimaryIp,
    Server,
    SshKey,
    StorageBox,
    StorageBoxSnapshot,
    StorageBoxSubaccount,
    Volume,
    Zone,
}

impl Kind {
    /// The name the API uses, as in `resources[].type` of an action.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Certificate => "certificate",
            Self::Firewall => "firewall",
            Self::FloatingIp => "floating_ip",
            Self::Image => "image",
            Self::LoadBalancer => "load_balancer",
            Self::Network => "network",
            Self::PlacementGroup => "placement_group",
            Self::PrimaryIp => "primary_ip",
            Self::Server => "server",
            Self::SshKey => "ssh_key",
            Self::StorageBox => "storage_box",
            Self::StorageBoxSnapshot => "storage_box_snapshot",
            Self::StorageBoxSubaccount => "storage_box_subaccount",
            Self::Volume => "volume",
            Self::Zone => "zone",
        }
    }

    /// The first id of a new world: of the size that real ones have, and different for each kind, so that an
    /// id used for the wrong kind is noticed.
    const fn first_id(self) -> i64 {
        match self {
            Self::Action => 1_700_000_001,
            Self::Certificate => 1_600_001,
            Self::Firewall => 3_100_001,
            Self::FloatingIp => 40_000_001,
            Self::Image => 330_000_001,
            Self::LoadBalancer => 5_200_001,
            Self::Network => 11_500_001,
            Self::PlacementGroup => 900_001,
            Self::PrimaryIp => 108_000_001,
            Self::Server => 125_000_001,
            Self::SshKey => 35_000_001,
            Self::StorageBox => 510_001,
            Self::StorageBoxSnapshot => 9_300_001,
            Self::StorageBoxSubaccount => 7_200_001,
            Self::Volume => 104_000_001,
            Self::Zone => 800_001,
        }
    }

    /// How many of them a project may have. Hetzner sets limits for each customer; these are generous ones,
    /// save for load balancers, whose default is documented.
    const fn limit(self) -> usize {
        match self {
            Self::LoadBalancer => 20,
            Self::Network
            | Self::Firewall
            | Self::PlacementGroup
            | Self::Certificate
            | Self::FloatingIp
            | Self::StorageBox => 100,
            Self::Server | Self::Volume | Self::Image | Self::Zone => 500,
            Self::PrimaryIp | Self::SshKey => 1000,
            // Those of a storage box are limited by its type.
            Self::Action | Self::StorageBoxSnapshot | Self::StorageBoxSubaccount => usize::MAX,
        }
    }
}

/// An object that an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ResourceRef {
    pub(crate) kind: Kind,
    pub(crate) id: i64,
}

/// What all projects of a world have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shared {
    /// Identifies the world; made once, when it is created.
    pub(crate) world_id: String,
    /// What everything random derives from.
    pub(crate) seed: u64,
    /// How often something random was drawn.
    draws: u64,
    next_ids: BTreeMap<Kind, i64>,
    /// Whether a project may have any number of objects.
    #[serde(skip)]
    pub(crate) boundless: bool,
    pub(super) addresses: address::Pools,
}

impl Shared {
    /// A new world's.
    pub(crate) fn new(world_id: String, seed: u64) -> Self {
        let (next_ids, addresses) = (BTreeMap::new(), address::Pools::default());
        Self { world_id, seed, draws: 0, next_ids, boundless: false, addresses }
    }

    fn new_id(&mut self, kind: Kind) -> i64 {
        let next = self.next_ids.entry(kind).or_insert(kind.first_id());
        let id = *next;
        *next = next.saturating_add(1);
        id
    }

    /// 32 bytes that look random and are the same in every world with this seed and history.
    pub(crate) fn draw(&mut self, purpose: &str) -> [u8; 32] {
        self.draws = self.draws.wrapping_add(1);
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(self.draws.to_le_bytes());
        hash.update(purpose.as_bytes());
        hash.finalize().into()
    }

    /// A password of 20 letters and digits.
    pub(crate) fn password(&mut self) -> String {
        const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        self.draw("password")
            .iter()
            .take(20)
            .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
            .collect()
    }
}

/// Changes of one table: each changed row, or `None` where it is gone.
pub(crate) type TableChanges = Vec<(i64, Option<Value>)>;

macro_rules! project_tables {
    ($($field:ident: $row:ty),* $(,)?) => {
        /// Everything that belongs to one token.
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        pub(crate) struct Project {
            $(#[serde(default)] pub(crate) $field: Table<$row>,)*
            /// Running actions; derived from `actions`.
            #[serde(skip)]
            running: Running,
        }

        impl Project {
            /// Whether anything changed since [`Project::drain`] was called last.
            pub(crate) fn is_changed(&self) -> bool {
                $(self.$field.is_changed())||*
            }

            /// What changed since the last call, by table.
            pub(crate) fn drain(&mut self) -> BTreeMap<String, TableChanges> {
                let mut changes = BTreeMap::new();
                $({
                    let rows = self.$field.drain();
                    if !rows.is_empty() {
                        changes.insert(stringify!($field).to_owned(), rows);
                    }
                })*
                changes
            }

            /// The ids of the objects that have that name.
            pub(crate) fn ids_named(&self, name: &str) -> Vec<i64> {
                let mut ids = Vec::new();
                $(ids.extend(self.$field.named(name));)*
                ids
            }

            /// Repeats one table's part of an earlier [`Project::drain`].
            pub(crate) fn restore(&mut self, table: &str, rows: TableChanges) -> Result<(), serde_json::Error> {
                match table {
                    $(stringify!($field) => {
                        for (id, row) in rows {
                            self.$field.restore(id, row)?;
                        }
                    })*
                    other => {
                        return Err(serde::de::Error::custom(format!("unknown kind of object `{other}`")));
                    }
                }
                Ok(())
            }
        }
    };
}

project_tables! {
    actions: Action,
    certificates: certificates::Certificate,
    firewalls: firewalls::Firewall,
    floating_ips: floating_ips::FloatingIp,
    images: images::Image,
    load_balancers: load_balancers::LoadBalancer,
    networks: networks::Network,
    placement_groups: placement_groups::PlacementGroup,
    primary_ips: primary_ips::PrimaryIp,
    servers: servers::Server,
    ssh_keys: ssh_keys::SshKey,
    storage_box_snapshots: storage_boxes::StorageBoxSnapshot,
    storage_box_subaccounts: storage_boxes::Subaccount,
    storage_boxes: storage_boxes::StorageBox,
    volumes: volumes::Volume,
    zones: zones::Zone,
}

/// The whole cloud.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) shared: Shared,
    /// Projects by the fingerprint of their token; the token itself is nowhere in the world.
    pub(crate) projects: BTreeMap<String, Project>,
}

impl World {
    pub(crate) fn new(world_id: String, seed: u64) -> Self {
        Self { shared: Shared::new(world_id, seed), projects: BTreeMap::new() }
    }
}

/// The fingerprint that stands for a token.
pub(crate) fn fingerprint(token: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What becomes of an action.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Course {
    /// What usually does.
    Usual,
    /// It fails.
    Fails(Failure),
    /// It does not end while that fault stalls it.
    Stalls(u64),
    /// It takes so many times as long, or so many milliseconds.
    Slow { factor: Option<f64>, milliseconds: Option<u64> },
}

/// Decides what becomes of things that are about to happen (faults do so).
pub(crate) trait Fate {
    /// The course of an action that is about to begin.
    fn course(&mut self, command: Command) -> Course;

    /// Whether a fault still stalls actions.
    fn is_stalled(&self, fault: u64) -> bool;

    /// Whether a server type is out of stock in a location, asked for in order to show it.
    fn is_sold_out(&self, server_type: &str, location: &str) -> bool;

    /// Whether a server type is out of stock in a location, asked for by somebody who wants one.
    fn sold_out(&mut self, server_type: &str, location: &str) -> bool;

    /// Whether there is nothing left in a location, asked for by somebody who wants something.
    fn location_sold_out(&mut self, location: &str) -> bool;
}

/// What an operation works on: one project, at one moment.
pub(crate) struct Tx<'a> {
    pub(crate) project: &'a mut Project,
    pub(crate) shared: &'a mut Shared,
    pub(crate) fate: &'a mut dyn Fate,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
    /// Whether actions take no time.
    pub(crate) instant: bool,
    /// What stands behind the world.
    pub(crate) live: &'a Live,
}

impl Tx<'_> {
    /// What is on sale.
    pub(crate) fn catalogue(&self) -> &'static Catalogue {
        Catalogue::builtin()
    }

    /// A new id.
    pub(crate) fn new_id(&mut self, kind: Kind) -> i64 {
        self.shared.new_id(kind)
    }

    /// Refuses when a table that holds `count` objects of a kind is full.
    pub(crate) fn within_limit(&self, kind: Kind, count: usize) -> Result<(), Refusal> {
        if count >= kind.limit() && !self.shared.boundless {
            Err(Refusal::limit(kind.as_str()))
        } else {
            Ok(())
        }
    }
}
