//! Reading many objects at once: what a read needs, and what was seen.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use ferroform_hcloud::{
    Certificate, Client, Error, Firewall, FloatingIp, Image, LoadBalancer, Network, Object, PlacementGroup,
    PrimaryIp, Rrset, RrsetKey, Server, SshKey, StorageBox, StorageBoxPart, StorageBoxParts,
    StorageBoxSnapshot, StorageBoxSubaccount, Volume, Zone,
};

/// Objects of one kind by what names them: those asked for that exist, or why they could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Kind<T, K = i64>(Result<BTreeMap<K, T>, Error>);

impl<T, K> Default for Kind<T, K> {
    fn default() -> Self {
        Kind(Ok(BTreeMap::new()))
    }
}

impl<T, K: Ord> Kind<T, K> {
    /// The object of this name; None when it does not exist.
    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Option<&T>, Error>
    where
        K: Borrow<Q>,
    {
        match &self.0 {
            Ok(objects) => Ok(objects.get(key)),
            Err(error) => Err(error.clone()),
        }
    }

    /// All that were read.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(BTreeMap::values)
    }

    /// Adds one that was read otherwise.
    pub(crate) fn insert(&mut self, key: K, object: T) {
        if let Ok(known) = &mut self.0 {
            known.insert(key, object);
        }
    }
}

impl<T: Object> Kind<T> {
    /// The object that an attribute names, if it names one that exists.
    pub(crate) fn find(&self, id: Option<i64>) -> Result<Option<&T>, Error> {
        id.map_or(Ok(None), |id| self.get(&id))
    }

    /// Adds objects that were read otherwise.
    pub(crate) fn add(&mut self, objects: impl IntoIterator<Item = T>) {
        if let Ok(known) = &mut self.0 {
            known.extend(objects.into_iter().map(|object| (object.id(), object)));
        }
    }
}

/// Ids of what is in storage boxes, by box.
pub(crate) type NeededParts = BTreeMap<i64, BTreeSet<i64>>;

/// What is in storage boxes, by box.
pub(crate) type Parts<T> = BTreeMap<i64, Kind<T>>;

macro_rules! kinds {
    ($($kind:ident: $ty:ty,)*) => {
        /// The ids of the objects that reads need.
        #[derive(Debug, Default)]
        pub(crate) struct Needs {
            $(pub(crate) $kind: BTreeSet<i64>,)*
            /// Record sets, by the zone as configuration names it.
            pub(crate) rrsets: BTreeMap<String, BTreeSet<RrsetKey>>,
            pub(crate) storage_box_snapshots: NeededParts,
            pub(crate) storage_box_subaccounts: NeededParts,
        }

        /// The objects that were read.
        #[derive(Debug, Default)]
        pub(crate) struct Seen {
            $(pub(crate) $kind: Kind<$ty>,)*
            pub(crate) rrsets: BTreeMap<String, Kind<Rrset, RrsetKey>>,
            pub(crate) storage_box_snapshots: Parts<StorageBoxSnapshot>,
            pub(crate) storage_box_subaccounts: Parts<StorageBoxSubaccount>,
        }

        impl Seen {
            /// Reads all that is needed, all kinds at the same time.
            pub(crate) async fn read(client: &Client, needs: Needs) -> Seen {
                let ($($kind,)* rrsets, storage_box_snapshots, storage_box_subaccounts) = tokio::join!(
                    $(client.$kind().get_many(needs.$kind),)*
                    read_rrsets(client, needs.rrsets),
                    read_parts(needs.storage_box_snapshots, |id| client.storage_box_snapshots(id)),
                    read_parts(needs.storage_box_subaccounts, |id| client.storage_box_subaccounts(id)),
                );
                Seen { $($kind: Kind($kind),)* rrsets, storage_box_snapshots, storage_box_subaccounts }
            }
        }
    };
}

kinds! {
    certificates: Certificate,
    firewalls: Firewall,
    floating_ips: FloatingIp,
    images: Image,
    load_balancers: LoadBalancer,
    networks: Network,
    placement_groups: PlacementGroup,
    primary_ips: PrimaryIp,
    servers: Server,
    ssh_keys: SshKey,
    storage_boxes: StorageBox,
    volumes: Volume,
    zones: Zone,
}

async fn read_rrsets(
    client: &Client,
    needs: BTreeMap<String, BTreeSet<RrsetKey>>,
) -> BTreeMap<String, Kind<Rrset, RrsetKey>> {
    let mut seen = BTreeMap::new();
    for (zone, keys) in needs {
        let kind = Kind(client.rrsets(&zone).get_many(keys).await);
        seen.insert(zone, kind);
    }
    seen
}

async fn read_parts<'c, T: StorageBoxPart>(
    needs: NeededParts,
    parts: impl Fn(i64) -> StorageBoxParts<'c, T>,
) -> Parts<T> {
    let mut seen = BTreeMap::new();
    for (storage_box, ids) in needs {
        seen.insert(storage_box, Kind(parts(storage_box).get_many(ids).await));
    }
    seen
}
