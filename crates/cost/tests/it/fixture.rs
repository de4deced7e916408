//! A catalogue with round prices, and plans put together from JSON.

use std::sync::Arc;

use ferroform_catalogue::Catalogue;
use ferroform_core::addr::{ModulePath, ProviderConfig, ProviderSource, ResourceInstance};
use ferroform_core::{Type, Value};
use ferroform_plan::{Action, ExecGraph, Plan, PlanMode, ResourceChange};
use ferroform_state::{DeposedKey, State};
use serde_json::{Value as Json, json};

/// Prices that are easy to calculate with: a month of the server `small` is 6.24 in `one` and 12.48 in `two`, and an
/// hour a 624th of that; `unpriced` has no price. Load balancers cost the same in both locations of the zone.
pub(crate) fn catalogue() -> Catalogue {
    let offer = |location: &str, monthly: Json, hourly: Json, traffic: Json| {
        json!({"location": location, "monthly": monthly, "hourly": hourly,
               "included_traffic_bytes": traffic, "traffic_per_tb": "1.00"})
    };
    let location = |id: i64, name: &str, zone: &str| {
        json!({"id": id, "name": name, "description": name, "country": "DE", "city": name,
               "latitude": 0.0, "longitude": 0.0, "network_zone": zone})
    };
    let server = |id: i64, name: &str, offers: Json| {
        json!({"id": id, "id_is_known": true, "name": name, "description": name, "cores": 2, "memory_gb": 4,
               "disk_gb": 40, "storage_type": "local", "cpu_type": "shared", "architecture": "x86",
               "category": null, "retired": null, "offers": offers})
    };
    let (ten, twenty) = (10_u64 << 40, 20_u64 << 40);
    let data = json!({
        "as_of": "2026-01-02", "currency": "EUR", "vat_rate_percent": 19,
        "volume_per_gb_month": "0.0572", "snapshot_per_gb_month": "0.0143",
        "backup_percent": 20, "backup_slots": 7,
        "primary_ipv4": {"monthly": "0.50", "hourly": "0.0008"},
        "primary_ipv6": {"monthly": "0.00", "hourly": "0.0000"},
        "floating_ipv4_monthly": "3.12", "floating_ipv6_monthly": null,
        "locations": [location(1, "one", "north"), location(2, "two", "north"), location(3, "three", "south")],
        "server_types": [
            server(1, "small", json!([
                offer("one", json!("6.24"), json!("0.0100"), json!(twenty)),
                offer("two", json!("12.48"), json!("0.0200"), json!(ten)),
            ])),
            server(2, "unpriced", json!([offer("one", json!(null), json!(null), json!(null))])),
        ],
        "load_balancer_types": [
            {"id": 1, "id_is_known": true, "name": "lb", "description": "lb", "max_services": 5, "max_targets": 25,
             "max_connections": 1, "max_assigned_certificates": 1, "limits_are_confirmed": true, "offers": [
                offer("one", json!("7.49"), json!("0.0120"), json!(null)),
                offer("two", json!("7.49"), json!("0.0120"), json!(null)),
                offer("three", json!("9.99"), json!("0.0160"), json!(null)),
            ]},
        ],
        "storage_box_types": [], "images": [], "isos": [],
    });
    serde_json::from_value(data).unwrap()
}

/// A value of JSON, in which the text `?` is an unknown one and a list a set.
pub(crate) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::null_dynamic(),
        Json::Bool(b) => Value::bool(*b),
        Json::Number(n) => Value::number(n.as_i64().unwrap()),
        Json::String(s) if s == "?" => Value::unknown(Type::Dynamic),
        Json::String(s) => Value::string(s.as_str()),
        Json::Array(items) => Value::tuple(items.iter().map(value)),
        Json::Object(members) => Value::object(members.iter().map(|(k, v)| (k.as_str(), value(v)))),
    }
}

/// A change of the object at an address: what it was and what it will be.
pub(crate) fn change(addr: &str, before: Json, after: Json) -> ResourceChange {
    let addr: ResourceInstance = addr.parse().unwrap();
    let action = match (before.is_null(), after.is_null()) {
        (true, _) => Action::Create,
        (false, true) => Action::Delete,
        _ if before == after => Action::NoOp,
        _ => Action::Update,
    };
    ResourceChange {
        provider: ProviderConfig {
            module: ModulePath::root(),
            source: ProviderSource::implied(addr.resource.implied_provider()),
            alias: None,
        },
        addr,
        deposed: None,
        action,
        reason: None,
        before: value(&before),
        after: value(&after),
        replace_paths: Vec::new(),
        config_unknown: false,
        private: Vec::new(),
        dependencies: Vec::new(),
        prior_dependencies: Vec::new(),
        create_before_destroy: false,
        source: None,
    }
}

pub(crate) fn create(addr: &str, after: Json) -> ResourceChange {
    change(addr, Json::Null, after)
}

pub(crate) fn depending(mut change: ResourceChange, on: &str) -> ResourceChange {
    change.dependencies = vec![on.parse().unwrap()];
    change
}

pub(crate) fn deposed(mut change: ResourceChange) -> ResourceChange {
    change.deposed = Some("00c0ffee".parse::<DeposedKey>().unwrap());
    change
}

/// A plan of these changes.
pub(crate) fn plan(changes: Vec<ResourceChange>) -> Plan {
    Plan {
        mode: PlanMode::Normal,
        lineage: String::new(),
        serial: 0,
        workspace: "default".to_owned(),
        worlds: Vec::new(),
        timestamp: "2026-01-02T03:04:05Z".to_owned(),
        variables: std::iter::empty::<(Arc<str>, Value)>().collect(),
        ephemeral: Default::default(),
        targets: Vec::new(),
        prior: State::empty(),
        drift: Vec::new(),
        moves: Vec::new(),
        imports: std::collections::BTreeMap::new(),
        changes,
        outputs: Vec::new(),
        graph: ExecGraph::default(),
    }
}
