//! What the stack has cost this month: from its objects in the state, their ages in the API, and the catalogue's prices.

use std::collections::BTreeMap;

use ferroform_catalogue::Catalogue;
use ferroform_core::addr::ResourceInstance;
use ferroform_core::wire::{from_json, implied_type};
use ferroform_core::{Diagnostic, Value};
use ferroform_cost::{Existing, Vat, spent};
use ferroform_hcloud::{Client, Error};
use ferroform_state::State;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Servers, api};

/// What the stack has cost so far this month. An estimate: see [`ferroform_cost::spent`].
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CostStatus {
    /// The first moment of the month in UTC, RFC 3339.
    pub since: String,
    pub currency: String,
    /// The day of the prices.
    pub prices_as_of: String,
    pub estimate: bool,
    /// Amounts are decimals with a point.
    pub net: String,
    pub gross: String,
    pub vat_percent: String,
    /// What the objects cost in a whole month, net.
    pub whole_month_net: String,
    /// What has no known price and is not in the amounts.
    pub not_counted: Vec<NotCounted>,
}

/// Something without a known price.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NotCounted {
    pub address: String,
    pub what: String,
    pub why: String,
}

/// An object of the state.
struct Object {
    addr: ResourceInstance,
    value: Value,
}

/// Asks the API for the ages of those objects that there are.
pub(super) async fn of(client: &Client, state: &State, servers: &Servers) -> Result<CostStatus, Diagnostic> {
    let objects = objects(state);
    let mut created: BTreeMap<(&str, i64), String> =
        servers.iter().map(|(id, server)| (("hcloud_server", *id), server.created.clone())).collect();
    let asked = |error: Error| api("tell the ages of what is paid for", &error);
    for kind in ["hcloud_load_balancer", "hcloud_volume", "hcloud_primary_ip", "hcloud_floating_ip"] {
        let of_kind = objects.iter().filter(|object| &*object.addr.resource.type_name == kind);
        let ids: Vec<i64> = of_kind.filter_map(Object::id).collect();
        if ids.is_empty() {
            continue;
        }
        let mut note = |id: i64, at: String| drop(created.insert((kind, id), at));
        match kind {
            "hcloud_load_balancer" => {
                let found = client.load_balancers().get_many(ids).await.map_err(asked)?;
                found.into_iter().for_each(|(id, object)| note(id, object.created));
            }
            "hcloud_volume" => {
                let found = client.volumes().get_many(ids).await.map_err(asked)?;
                found.into_iter().for_each(|(id, object)| note(id, object.created));
            }
            "hcloud_primary_ip" => {
                let found = client.primary_ips().get_many(ids).await.map_err(asked)?;
                found.into_iter().for_each(|(id, object)| note(id, object.created));
            }
            _ => {
                let found = client.floating_ips().get_many(ids).await.map_err(asked)?;
                found.into_iter().for_each(|(id, object)| note(id, object.created));
            }
        }
    }
    let now = Timestamp::now();
    let since = month_of(now);
    let existing = objects.iter().filter_map(|object| {
        let kind = &*object.addr.resource.type_name;
        let begun = match object.id().and_then(|id| created.get(&(kind, id))) {
            Some(at) => at.parse().unwrap_or(since),
            // Those are all in the API, so this one is gone.
            None if DATED.contains(&kind) => return None,
            None => since,
        };
        Some(Existing { addr: &object.addr, value: &object.value, hours: begun_hours(begun.max(since), now) })
    });
    Ok(told(&spent(existing, Catalogue::builtin()), since))
}

/// Types whose objects the API tells the age of.
const DATED: [&str; 5] =
    ["hcloud_server", "hcloud_load_balancer", "hcloud_volume", "hcloud_primary_ip", "hcloud_floating_ip"];

impl Object {
    /// Its id at Hetzner, which states have as text.
    fn id(&self) -> Option<i64> {
        self.value.get("id")?.as_str()?.parse().ok()
    }
}

/// What is in the state, and not what a replacement left over: that is on its way out.
fn objects(state: &State) -> Vec<Object> {
    let current = state.objects().filter(|(_, deposed, ..)| deposed.is_none());
    let read = current.filter_map(|(addr, _, _, object)| {
        let json = object.attributes.to_value();
        let value = implied_type(&json).and_then(|ty| from_json(&json, &ty)).ok()?;
        Some(Object { addr, value })
    });
    read.filter(|object| !object.value.is_null()).collect()
}

fn told(spent: &ferroform_cost::Spent, since: Timestamp) -> CostStatus {
    let catalogue = Catalogue::builtin();
    let vat = Vat::percent(catalogue.vat_rate_percent());
    let not_counted = spent.unpriced.iter().map(|(addr, component)| NotCounted {
        address: addr.to_string(),
        what: component.what.clone(),
        why: component.unpriced.map_or_else(|| "no price of an hour".to_owned(), |why| why.to_string()),
    });
    CostStatus {
        since: since.to_string(),
        currency: catalogue.currency().to_owned(),
        prices_as_of: catalogue.as_of().to_owned(),
        estimate: true,
        net: spent.so_far.known.to_decimal(2),
        gross: spent.so_far.with(vat).known.to_decimal(2),
        vat_percent: vat.to_string(),
        whole_month_net: spent.whole_month.known.to_decimal(2),
        not_counted: not_counted.collect(),
    }
}

/// The first moment of a moment's month, in UTC.
fn month_of(now: Timestamp) -> Timestamp {
    let today = now.to_zoned(TimeZone::UTC).datetime();
    let first = DateTime::constant(today.year(), 1, 1, 0, 0, 0, 0).with().month(today.month()).build();
    let first = first.and_then(|first| first.to_zoned(TimeZone::UTC));
    // Every month has a first day.
    first.map_or(now, |first| first.timestamp())
}

/// The hours between two moments, a begun one in full.
fn begun_hours(from: Timestamp, to: Timestamp) -> u64 {
    let seconds = to.as_second().saturating_sub(from.as_second());
    u64::try_from(seconds).map_or(0, |seconds| seconds.div_ceil(3600).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_on_their_first_day_and_hours_count_when_they_begin() {
        for (now, first) in [
            ("2026-11-22T10:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z"),
        ] {
            assert_eq!(month_of(now.parse().unwrap()).to_string(), first);
        }
        for (to, hours) in [
            ("2026-11-01T00:00:00Z", 1),
            ("2026-11-01T00:00:01Z", 1),
            ("2026-11-01T01:00:00Z", 1),
            ("2026-11-01T01:00:01Z", 2),
            ("2026-10-31T00:00:00Z", 0),
        ] {
            let from = "2026-11-01T00:00:00Z".parse().unwrap();
            assert_eq!(begun_hours(from, to.parse().unwrap()), hours, "{to}");
        }
    }
}
