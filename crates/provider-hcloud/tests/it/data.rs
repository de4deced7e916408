//! Data sources.

use ferroform_core::wire;
use serde_json::{Value as Json, json};

use crate::stack::{Stack, one_of_each, stack, value};

async fn read(stack: &Stack, type_name: &str, config: Json) -> Result<Json, String> {
    let block = &stack.provider.schema().data_sources[type_name].block;
    let config = value(block, &config);
    let problems = stack.provider.validate_data_source(type_name, &config);
    assert!(!problems.has_errors(), "{problems:?}");
    let (state, diagnostics) = stack.provider.read_data_source(type_name, config).await;
    match diagnostics.0.into_iter().next() {
        Some(diagnostic) => Err(diagnostic.summary.into_owned()),
        None => Ok(wire::to_json(&state, &state.ty()).unwrap()),
    }
}

#[tokio::test]
async fn each_is_found_by_all_that_names_it() {
    let stack = one_of_each().await;
    let (key, net) = (stack.number("key"), stack.number("net"));
    let fingerprint = stack.state("key")["fingerprint"].clone();
    for (type_name, config, attribute, expected) in [
        ("hcloud_location", json!({"name": "hil"}), "network_zone", json!("us-west")),
        ("hcloud_location", json!({"id": 1}), "name", json!("fsn1")),
        ("hcloud_server_type", json!({"name": "cx23"}), "cores", json!(2)),
        ("hcloud_server_type", json!({"name": "cx23"}), "is_deprecated", json!(false)),
        ("hcloud_image", json!({"name": "ubuntu-24.04"}), "architecture", json!("x86")),
        (
            "hcloud_image",
            json!({"name": "ubuntu-24.04", "with_architecture": "arm"}),
            "architecture",
            json!("arm"),
        ),
        ("hcloud_image", json!({"name": "ubuntu-24.04"}), "labels", json!({})),
        ("hcloud_ssh_key", json!({"id": key}), "name", json!("key")),
        ("hcloud_ssh_key", json!({"name": "key"}), "id", json!(key)),
        ("hcloud_ssh_key", json!({"fingerprint": fingerprint}), "id", json!(key)),
        ("hcloud_ssh_key", json!({"with_selector": "env=test"}), "id", json!(key)),
        ("hcloud_network", json!({"id": net}), "ip_range", json!("10.0.0.0/16")),
        ("hcloud_network", json!({"name": "net"}), "id", json!(net)),
    ] {
        let state = read(&stack, type_name, config.clone()).await.unwrap();
        assert_eq!(state[attribute], expected, "{type_name} {config}");
    }
}

#[tokio::test]
async fn nothing_found_and_too_much_found_are_errors() {
    let stack = stack().await;
    for (type_name, config, summary) in [
        ("hcloud_location", json!({"name": "mars"}), "Nothing found"),
        ("hcloud_image", json!({"id": 4711}), "Nothing found"),
        ("hcloud_ssh_key", json!({"with_selector": "a=b"}), "Nothing found"),
    ] {
        assert_eq!(read(&stack, type_name, config).await, Err(summary.to_owned()), "{type_name}");
    }
    for name in ["a", "b"] {
        let body = json!({"name": name, "ip_range": "10.0.0.0/16", "labels": {"x": "y"}});
        stack.call("POST", "/networks", Some(body)).await;
    }
    assert_eq!(
        read(&stack, "hcloud_network", json!({"with_selector": "x=y"})).await,
        Err("More than one found".into())
    );
}
