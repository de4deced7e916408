//! What the cloud offers.

use serde_json::{Value, json};

use crate::harness::Cloud;

#[tokio::test]
async fn every_offer_has_the_documented_shape() {
    let cloud = Cloud::stepped().await;
    for kind in ["locations", "server_types", "load_balancer_types", "isos", "images"] {
        let mut page = 1;
        loop {
            let list = cloud.get(&format!("/{kind}?page={page}&per_page=50&include_deprecated=true")).await;
            for item in list[kind].as_array().unwrap() {
                cloud.get(&format!("/{kind}/{}", item["id"])).await;
            }
            match list["meta"]["pagination"]["next_page"].as_i64() {
                Some(next) => page = next,
                None => break,
            }
        }
        assert_eq!(cloud.outcome("GET", &format!("/{kind}/999999999"), Value::Null).await, "404 not_found");
    }
    let pricing = cloud.get("/pricing").await;
    assert_eq!(pricing["pricing"]["vat_rate"], "19.000000");
    let ipv4 = &pricing["pricing"]["primary_ips"][0]["prices"][0]["price_monthly"];
    assert_eq!(ipv4, &json!({"net": "0.5000000000", "gross": "0.5950000000"}));
}

#[tokio::test]
async fn offers_are_found_by_name_and_architecture() {
    let cloud = Cloud::stepped().await;
    for (query, expected) in [
        ("/locations?name=hil", vec!["hil"]),
        ("/server_types?name=cpx22", vec!["cpx22"]),
        ("/server_types?name=cx22", vec![]),
        ("/load_balancer_types?name=lb11", vec!["lb11"]),
        ("/images?name=ubuntu-24.04&architecture=arm", vec!["ubuntu-24.04"]),
        ("/images?name=ubuntu-24.04", vec!["ubuntu-24.04", "ubuntu-24.04"]),
        ("/images?name=fedora-41", vec![]),
        ("/images?name=fedora-41&include_deprecated=true&architecture=x86", vec!["fedora-41"]),
        ("/images?type=snapshot&type=backup", vec![]),
        ("/images?type=system&bound_to=1", vec![]),
        ("/isos?architecture=arm", vec!["debian-13.1.0-arm64-netinst.iso"]),
    ] {
        let body = cloud.get(query).await;
        let key = query.trim_start_matches('/').split('?').next().unwrap();
        let names: Vec<&str> =
            body[key].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
    }
    let wildcard = cloud.get("/isos?architecture=arm&include_architecture_wildcard=true").await;
    assert_eq!(wildcard["isos"].as_array().unwrap().len(), 2);
}

/// The published provider's acceptance tests: cpx22 is sold in four locations; type 1 (cx11) is shown by id with
/// every location past its end.
#[tokio::test]
async fn types_are_shown_with_the_locations_they_are_sold_in() {
    let cloud = Cloud::stepped().await;
    let cpx22 = cloud.get("/server_types/109").await["server_type"].take();
    let places: Vec<&str> =
        cpx22["locations"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(places, ["fsn1", "nbg1", "hel1", "sin"]);
    let cx11 = cloud.get("/server_types/1").await["server_type"].take();
    assert_eq!(cx11["name"], "cx11");
    for place in cx11["locations"].as_array().unwrap() {
        assert_eq!(place["deprecation"]["unavailable_after"], "2024-09-06T00:00:00Z");
    }
}
