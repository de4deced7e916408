//! Objects and what they cost.

use ferroform_core::addr::ModuleInstance;
use ferroform_cost::{Component, Costs, Estimate, Unpriced, Vat, estimate};
use ferroform_plan::ResourceChange;
use serde_json::{Value as Json, json};

use crate::fixture::{catalogue, change, create, depending, deposed, plan};

fn estimated(changes: Vec<ResourceChange>) -> Estimate {
    estimate(&plan(changes), &catalogue())
}

/// What a component is, an hour of it, a month of it; or what it is and why there is no price.
fn told(component: &Component) -> String {
    match (component.hourly, component.monthly, component.unpriced) {
        (Some(hourly), Some(monthly), None) => {
            format!("{}: {} {}", component.what, hourly.exact(), monthly.exact())
        }
        (_, _, Some(why)) => format!("{}: {why}", component.what),
        other => panic!("{other:?}"),
    }
}

/// The components of one new object.
#[track_caller]
fn check(type_name: &str, object: Json, expected: &[&str]) {
    let found = estimated(vec![create(&format!("{type_name}.x"), object.clone())]);
    let components: Vec<String> = found.lines.iter().flat_map(|line| &line.after).map(told).collect();
    assert_eq!(components, expected, "{type_name} {object}");
}

#[test]
fn servers_cost_what_their_type_costs_in_their_location() {
    check(
        "hcloud_server",
        json!({"server_type": "small", "location": "one"}),
        &["server small, one: 0.01 6.24", "IPv4 address: 0.0008 0.50"],
    );
    check(
        "hcloud_server",
        json!({"server_type": "small", "datacenter": "two-dc14", "location": null}),
        &["server small, two: 0.02 12.48", "IPv4 address: 0.0008 0.50"],
    );
}

#[test]
fn backups_are_a_share_of_the_server_without_its_address() {
    // 20 % of 0.0100 is 0.002, 20 % of 6.24 is 1.248.
    check(
        "hcloud_server",
        json!({"server_type": "small", "location": "one", "backups": true}),
        &[
            "server small, one: 0.01 6.24",
            "backups, 20 % of the server: 0.002 1.248",
            "IPv4 address: 0.0008 0.50",
        ],
    );
}

#[test]
fn what_a_price_depends_on_may_be_known_only_later() {
    // The server's price differs between the two locations it is sold in.
    check(
        "hcloud_server",
        json!({"server_type": "small", "location": "?", "public_net": [{"ipv4_enabled": false}]}),
        &["server small: known after apply"],
    );
    check("hcloud_volume", json!({"size": "?"}), &["volume: known after apply"]);
    check("hcloud_primary_ip", json!({"type": "?"}), &["primary IP: known after apply"]);
    // The load balancer's does not between those of the zone, but between those of all zones.
    check(
        "hcloud_load_balancer",
        json!({"load_balancer_type": "lb", "location": "?", "network_zone": "north"}),
        &["load balancer lb: 0.012 7.49"],
    );
    check(
        "hcloud_load_balancer",
        json!({"load_balancer_type": "lb", "location": "?", "network_zone": "?"}),
        &["load balancer lb: known after apply"],
    );
}

#[test]
fn a_price_that_is_not_known_is_never_zero() {
    let no_net = json!([{"ipv4_enabled": false}]);
    for (server_type, location, expected) in [
        ("unpriced", "one", "server unpriced, one: no price in the catalogue"),
        ("small", "three", "server small, three: not sold in this location"),
        ("nosuch", "one", "server nosuch, one: not in the catalogue"),
    ] {
        let object = json!({"server_type": server_type, "location": location, "public_net": no_net});
        check("hcloud_server", object, &[expected]);
    }
    check(
        "hcloud_server",
        json!({"server_type": "unpriced", "location": "one", "backups": true, "public_net": no_net}),
        &[
            "server unpriced, one: no price in the catalogue",
            "backups, 20 % of the server: no price in the catalogue",
        ],
    );
    check(
        "hcloud_floating_ip",
        json!({"type": "ipv6"}),
        &["floating IPv6 address: no price in the catalogue"],
    );
    check("hcloud_storage_box", json!({}), &["storage box: not in the catalogue"]);
    check("hcloud_snapshot", json!({}), &["snapshot at 0.0143 per GB: priced by size, which is not known"]);
    check("objectstorage_bucket", json!({}), &["object storage: priced by use"]);
}

#[test]
fn volumes_and_addresses_cost_their_price() {
    // 50 × 0.0572 = 2.86; 2.86 / 624 = 0.004583…
    check("hcloud_volume", json!({"size": 50}), &["volume, 50 GB: 0.0046 2.86"]);
    check("hcloud_primary_ip", json!({"type": "ipv4"}), &["primary IPv4 address: 0.0008 0.50"]);
    check("hcloud_primary_ip", json!({"type": "ipv6"}), &["primary IPv6 address: 0.00 0.00"]);
    // 3.12 / 624 = 0.005
    check("hcloud_floating_ip", json!({"type": "ipv4"}), &["floating IPv4 address: 0.005 3.12"]);
}

#[test]
fn an_address_is_paid_for_once() {
    let server = |net: Json| json!({"server_type": "small", "location": "one", "public_net": net});
    let addresses = |changes: Vec<ResourceChange>| {
        let found = estimated(changes);
        found.lines.iter().flat_map(|l| &l.after).filter(|c| c.what.contains("IPv4")).count()
    };
    let ip = |id: Json, family: &str| create("hcloud_primary_ip.x", json!({"id": id, "type": family}));
    let auto = create("hcloud_server.a", server(json!([{"ipv4_enabled": true, "ipv4": "?"}])));
    for (why, expected, changes) in [
        (
            "it has none",
            0,
            vec![create("hcloud_server.a", server(json!([{"ipv4_enabled": false, "ipv4": 0}])))],
        ),
        (
            "the published provider's zero",
            1,
            vec![create("hcloud_server.a", server(json!([{"ipv4_enabled": true, "ipv4": 0}])))],
        ),
        ("it will get one of its own", 1, vec![auto.clone()]),
        (
            "it waits for a resource",
            1,
            vec![ip(json!("?"), "ipv4"), depending(auto.clone(), "hcloud_primary_ip.x")],
        ),
        (
            "the resource is of the other family",
            1,
            vec![ip(json!("?"), "ipv6"), depending(auto, "hcloud_primary_ip.x")],
        ),
        (
            "a resource has it",
            1,
            vec![
                ip(json!("7"), "ipv4"),
                create("hcloud_server.a", server(json!([{"ipv4_enabled": true, "ipv4": 7}]))),
            ],
        ),
        (
            "it is another one's",
            2,
            vec![
                ip(json!(7), "ipv4"),
                create("hcloud_server.a", server(json!([{"ipv4_enabled": true, "ipv4": 8}]))),
            ],
        ),
    ] {
        assert_eq!(addresses(changes), expected, "{why}");
    }
}

#[test]
fn what_is_free_is_counted_and_what_is_not_hetzners_is_left_out() {
    let found = estimated(vec![
        create("hcloud_network.a", json!({"name": "a"})),
        create("hcloud_firewall.a", json!({})),
        create("hcloud_firewall.b", json!({})),
        change("hcloud_ssh_key.gone", json!({}), Json::Null),
        create("random_password.a", json!({})),
        create("data.hcloud_server.a", json!({"server_type": "small", "location": "one"})),
    ]);
    assert!(found.lines.is_empty(), "{found:?}");
    let free: Vec<(&str, usize)> = found.free.iter().map(|(name, count)| (&**name, *count)).collect();
    assert_eq!(free, [("hcloud_firewall", 2), ("hcloud_network", 1)]);
}

#[test]
fn sums_are_by_module_and_before_and_after() {
    let server = |kind: &str| json!({"server_type": kind, "location": "one"});
    let found = estimated(vec![
        change("hcloud_volume.data", json!({"size": 10}), json!({"size": 20})),
        change("module.a.hcloud_server.x[0]", server("small"), server("small")),
        create("module.a.hcloud_server.x[1]", server("small")),
        create("module.b.hcloud_server.x", server("unpriced")),
        deposed(change("module.b.hcloud_server.x", server("small"), Json::Null)),
    ]);
    assert!(found.has_prior());
    let text = |costs: Costs| {
        [costs.hourly, costs.monthly]
            .map(|sum| (sum.known.exact(), sum.unknown))
            .map(|(k, u)| format!("{k}+{u}"))
    };
    // Now: 10 GB at 0.0572, two servers at 6.24 with addresses at 0.50; an hour: 0.572 / 624 = 0.00091… → 0.0009.
    assert_eq!(text(found.before()), ["0.0225+0", "14.052+0"]);
    // After: 20 GB are 1.144, an hour 0.00183… → 0.0018; two servers; one without a price, but with an address.
    assert_eq!(text(found.after()), ["0.0242+1", "15.124+1"]);
    let modules = found.by_module();
    let module = |name: &str| modules[&name.parse::<ModuleInstance>().unwrap()];
    assert_eq!(modules.len(), 3);
    assert_eq!(text(modules[&ModuleInstance::root()]), ["0.0018+0", "1.144+0"]);
    assert_eq!(text(module("module.a")), ["0.0216+0", "13.48+0"]);
    assert_eq!(text(module("module.b")), ["0.0008+1", "0.50+1"]);
    // 15.124 × 1.19 = 17.99756
    assert_eq!(found.after().monthly.with(Vat::percent(19)).known.exact(), "17.99756");
}

#[test]
fn included_traffic_is_added_up_with_what_is_not_known_of_it() {
    let server = |kind: &str, location: &str| json!({"server_type": kind, "location": location});
    let found = estimated(vec![
        create("hcloud_server.a", server("small", "one")),
        create("hcloud_server.b", server("small", "two")),
        create("hcloud_server.c", server("unpriced", "one")),
        change("hcloud_server.gone", server("small", "one"), Json::Null),
    ]);
    // 20 TB in one, 10 TB in two; that of the third is not in the catalogue.
    assert_eq!(found.traffic.included_terabytes(), 30);
    assert_eq!(found.traffic.unknown, 1);
    assert_eq!(found.traffic.per_tb.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1.00"]);
}

#[test]
fn nonsense_in_a_state_is_not_known_rather_than_a_number() {
    for size in [json!(-1), json!("x"), json!(null), json!([1])] {
        check("hcloud_volume", json!({"size": size}), &["volume: known after apply"]);
    }
    check("hcloud_server", json!({"public_net": [{"ipv4_enabled": false}]}), &["server: known after apply"]);
    let found = estimated(vec![create("hcloud_volume.x", json!({"size": i64::MAX}))]);
    // 9223372036854775807 × 0.0572
    assert_eq!(found.after().monthly.known.exact(), "527576880508093176.1604");
    assert_eq!(found.lines[0].after[0].unpriced, None::<Unpriced>);
}
