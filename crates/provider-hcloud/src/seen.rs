//! Reading many objects at once: what a read needs, and what was seen.

use std::collections::{BTreeMap, BTreeSet};

use ferroform_hcloud::{
    Client, Error, Firewall, LoadBalancer, Network, Object, PlacementGroup, Server, SshKey, Volume,
};

/// Objects of one kind: those asked for that exist, or why they could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Kind<T>(Result<BTreeMap<i64, T>, Error>);

impl<T> Default for Kind<T> {
    fn default() -> Self {
        Kind(Ok(BTreeMap::new()))
    }
}

impl<T: Object> Kind<T> {
    /// The object of this id; None when it does not exist.
    pub(crate) fn get(&self, id: i64) -> Result<Option<&T>, Error> {
        match &self.0 {
            Ok(objects) => Ok(objects.get(&id)),
            Err(error) => Err(error.clone()),
        }
    }

    /// The object that an attribute names, if it names one that exists.
    pub(crate) fn find(&self, id: Option<i64>) -> Result<Option<&T>, Error> {
        id.map_or(Ok(None), |id| self.get(id))
    }

    /// Adds objects that were read otherwise.
    pub(crate) fn add(&mut self, objects: impl IntoIterator<Item = T>) {
        if let Ok(known) = &mut self.0 {
            known.extend(objects.into_iter().map(|object| (object.id(), object)));
        }
    }
}

macro_rules! kinds {
    ($($kind:ident: $ty:ty,)*) => {
        /// The ids of the objects that reads need.
        #[derive(Debug, Default)]
        pub(crate) struct Needs {
            $(pub(crate) $kind: BTreeSet<i64>,)*
        }

        /// The objects that were read.
        #[derive(Debug, Default)]
        pub(crate) struct Seen {
            $(pub(crate) $kind: Kind<$ty>,)*
        }

        impl Seen {
            /// Reads all that is needed, all kinds at the same time.
            pub(crate) async fn read(client: &Client, needs: Needs) -> Seen {
                let ($($kind,)*) = tokio::join!($(client.$kind().get_many(needs.$kind),)*);
                Seen { $($kind: Kind($kind),)* }
            }
        }
    };
}

kinds! {
    firewalls: Firewall,
    load_balancers: LoadBalancer,
    networks: Network,
    placement_groups: PlacementGroup,
    servers: Server,
    ssh_keys: SshKey,
    volumes: Volume,
}
