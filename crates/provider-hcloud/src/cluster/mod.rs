//! What a Kubernetes cluster made by itself, and what becomes of it when its servers and networks are deleted.
//!
//! Load balancers are the cloud controller manager's, which labels them with the service that they are for; volumes are
//! the CSI driver's (github.com/hetznercloud: hcloud-cloud-controller-manager, csi-driver). Neither is in any state. A load
//! balancer keeps its subnet from being deleted, and both go on costing money.
//!
//! When they are removed matters. While the cluster runs, its controller makes a load balancer anew: it goes when the
//! servers are gone, right before the subnet or network that it is in. A volume is known by the server that it is attached
//! to: it goes right before that server, so that a run that ends in between finds server and volume again.

mod find;
mod remove;

use std::collections::{BTreeMap, BTreeSet};

use ferroform_provider::LeftBehind;

pub(crate) use find::find;
pub(crate) use remove::{before_place, before_server, finish, held_by};

/// The label of load balancers that the cloud controller manager made or took over; its value is the service's uid.
pub(crate) const SERVICE_LABEL: &str = "hcloud-ccm/service-uid";
/// The label of the CSI driver's volumes, from its version 2.15 on, and its value.
pub(crate) const DRIVER_LABEL: (&str, &str) = ("managed-by", "csi-driver");

/// What a search found, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// Load balancers by id.
    balancers: BTreeMap<i64, Found>,
    /// Volumes by id.
    volumes: BTreeMap<i64, Found>,
    /// Servers that are to be deleted and are in one of these networks, by network: whatever runs on them makes load
    /// balancers anew.
    members: BTreeMap<i64, BTreeSet<i64>>,
}

/// One object.
#[derive(Debug, Clone)]
struct Found {
    name: String,
    fate: Fate,
}

/// What becomes of an object.
#[derive(Debug, Clone)]
enum Fate {
    /// It stays.
    Kept,
    /// It is to be removed.
    Permitted(Box<LeftBehind>),
    /// It is gone.
    Removed(Box<LeftBehind>),
}

impl Found {
    fn is_permitted(&self) -> bool {
        matches!(self.fate, Fate::Permitted(_))
    }

    fn removed(&mut self) {
        if let Fate::Permitted(object) = &self.fate {
            self.fate = Fate::Removed(object.clone());
        }
    }
}

/// What load balancers are called.
const BALANCER: &str = "load balancer";
/// What volumes are called.
const VOLUME: &str = "volume";

impl Cluster {
    /// Permits to remove objects of those that were found.
    pub(crate) fn permit(&mut self, objects: &[LeftBehind]) {
        for object in objects {
            let kind = if object.kind == VOLUME { &mut self.volumes } else { &mut self.balancers };
            let Ok(id) = object.id.parse::<i64>() else { continue };
            if let Some(found) = kind.get_mut(&id) {
                found.fate = Fate::Permitted(Box::new(object.clone()));
            }
        }
    }

    fn permitted(of: &BTreeMap<i64, Found>) -> Vec<i64> {
        of.iter().filter(|(_, found)| found.is_permitted()).map(|(id, _)| *id).collect()
    }

    /// What was removed.
    fn removed(&self) -> Vec<LeftBehind> {
        let removed = |found: &Found| match &found.fate {
            Fate::Removed(object) => Some((**object).clone()),
            _ => None,
        };
        self.balancers.values().chain(self.volumes.values()).filter_map(removed).collect()
    }
}
