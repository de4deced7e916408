//! What objects that exist have cost in a month so far.
//!
//! Hetzner counts hours, a begun one in full, up to the price of the month (docs.hetzner.com/cloud, "Billing"). Whether an
//! object was another one earlier in the month, of another size say, nobody knows here: this is an estimate.

use ferroform_catalogue::Catalogue;
use ferroform_core::Value;
use ferroform_core::addr::{ResourceInstance, ResourceMode};

use crate::amount::{Amount, Sum};
use crate::estimate::{Costs, PRIMARY_IP, id_of};
use crate::prices::{Bill, Component, Surroundings, bill};

/// An object that exists.
#[derive(Clone, Debug)]
pub struct Existing<'a> {
    /// The instance that the object belongs to.
    pub addr: &'a ResourceInstance,
    /// The object, as the state has it.
    pub value: &'a Value,
    /// For how many begun hours of the month it has existed.
    pub hours: u64,
}

/// What objects have cost in a month so far. Net.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// All of them together. Those whose price is not known are counted as such.
    pub so_far: Sum,
    /// What they cost in a whole month.
    pub whole_month: Sum,
    /// What has no known price: the instance it belongs to, and what it is.
    pub unpriced: Vec<(ResourceInstance, Component)>,
}

impl Component {
    /// What it costs for so many hours of one month, which is never more than the month's price; none if an hour's price
    /// is not known.
    #[must_use]
    pub fn for_hours(&self, hours: u64) -> Option<Amount> {
        let counted = self.hourly?.times(hours);
        Some(self.monthly.map_or(counted, |month| counted.min(month)))
    }
}

/// What these objects have cost so far, by a catalogue's prices. What data sources have read costs nothing.
#[must_use]
pub fn spent<'a>(objects: impl IntoIterator<Item = Existing<'a>>, catalogue: &Catalogue) -> Spent {
    let managed = |object: &Existing<'a>| object.addr.resource.mode == ResourceMode::Managed;
    let objects: Vec<Existing<'a>> = objects.into_iter().filter(managed).collect();
    let addresses = objects.iter().filter(|object| &*object.addr.resource.type_name == PRIMARY_IP);
    let primary_ips: Vec<i64> = addresses.filter_map(|object| id_of(object.value)).collect();
    let around = Surroundings { primary_ips: &primary_ips, waits_for_primary_ip: false };
    let mut spent = Spent::default();
    for object in objects {
        let Bill::Paid(components, _) =
            bill(catalogue, &object.addr.resource.type_name, object.value, around)
        else {
            continue;
        };
        spent.whole_month = spent.whole_month + Costs::of(&components).monthly;
        for component in components {
            let cost = component.for_hours(object.hours);
            spent.so_far = spent.so_far + Sum::from(cost);
            if cost.is_none() {
                spent.unpriced.push((object.addr.clone(), component));
            }
        }
    }
    spent
}
