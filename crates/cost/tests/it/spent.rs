//! What existing objects have cost so far.

use ferroform_core::Value;
use ferroform_core::addr::ResourceInstance;
use ferroform_cost::{Existing, Spent, spent};
use serde_json::{Value as Json, json};

use crate::fixture::{catalogue, value};

/// Objects by address, with the hours that they have existed.
fn of(objects: &[(&str, Json, u64)]) -> Spent {
    let objects: Vec<(ResourceInstance, Value, u64)> =
        objects.iter().map(|(addr, json, hours)| (addr.parse().unwrap(), value(json), *hours)).collect();
    let existing = objects.iter().map(|(addr, value, hours)| Existing { addr, value, hours: *hours });
    spent(existing, &catalogue())
}

#[track_caller]
fn check(objects: &[(&str, Json, u64)], so_far: &str, whole_month: &str, unpriced: &[&str]) {
    let found = of(objects);
    assert_eq!(found.so_far.known.exact(), so_far);
    assert_eq!(found.whole_month.known.exact(), whole_month);
    let names: Vec<String> =
        found.unpriced.iter().map(|(addr, component)| format!("{addr}: {}", component.what)).collect();
    assert_eq!(names, unpriced);
    assert_eq!(found.so_far.unknown, unpriced.len());
}

fn server(location: &str, ipv4: bool) -> Json {
    json!({"id": "1", "server_type": "small", "location": location, "public_net": [{"ipv4_enabled": ipv4, "ipv4": 0}]})
}

#[test]
fn hours_are_counted_up_to_the_price_of_the_month() {
    // 0.0100 an hour and 6.24 a month; its address 0.0008 and 0.50.
    check(&[("hcloud_server.a", server("one", false), 0)], "0.00", "6.24", &[]);
    check(&[("hcloud_server.a", server("one", false), 1)], "0.01", "6.24", &[]);
    check(&[("hcloud_server.a", server("one", true), 10)], "0.108", "6.74", &[]);
    check(&[("hcloud_server.a", server("one", false), 623)], "6.23", "6.24", &[]);
    for hours in [624, 625, 744, u64::MAX] {
        check(&[("hcloud_server.a", server("one", false), hours)], "6.24", "6.24", &[]);
    }
    // A volume of 10 GB: 0.572 a month, and a 624th of that, 0.0009, an hour.
    check(&[("hcloud_volume.a", json!({"size": 10}), 100)], "0.09", "0.572", &[]);
}

#[test]
fn objects_of_different_age_are_added_and_those_that_cost_nothing_left_out() {
    let objects = [
        ("hcloud_server.a", server("one", false), 100),
        ("hcloud_server.b", server("two", false), 10),
        ("hcloud_load_balancer.a", json!({"load_balancer_type": "lb", "location": "one"}), 744),
        ("hcloud_network.a", json!({"id": "1"}), 744),
        ("data.hcloud_server.a", server("two", true), 744),
        ("data.hcloud_server_type.a", json!({"name": "small"}), 744),
        ("random_password.a", json!({"result": "x"}), 744),
    ];
    // 100 × 0.01 + 10 × 0.02 + 7.49
    check(&objects, "8.69", "26.21", &[]);
}

#[test]
fn an_address_that_is_a_resource_of_its_own_is_counted_once() {
    let with = json!({"id": "1", "server_type": "small", "location": "one", "public_net": [{"ipv4_enabled": true, "ipv4": 7}]});
    let address = json!({"id": "7", "type": "ipv4"});
    check(&[("hcloud_server.a", with, 10), ("hcloud_primary_ip.a", address, 20)], "0.116", "6.74", &[]);
}

#[test]
fn what_has_no_known_price_is_named_and_not_counted_as_nothing() {
    let unpriced =
        json!({"server_type": "unpriced", "location": "one", "public_net": [{"ipv4_enabled": false}]});
    let unknown = json!({"server_type": "huge", "location": "one", "public_net": [{"ipv4_enabled": false}]});
    check(
        &[
            ("hcloud_server.a", server("one", false), 10),
            ("hcloud_server.b", unpriced, 10),
            ("module.m.hcloud_server.c[\"x\"]", unknown, 10),
            ("objectstorage_bucket.d", json!({"name": "d"}), 10),
        ],
        "0.10",
        "6.24",
        &[
            "hcloud_server.b: server unpriced, one",
            "module.m.hcloud_server.c[\"x\"]: server huge, one",
            "objectstorage_bucket.d: object storage",
        ],
    );
}
