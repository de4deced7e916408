//! Tests of the crate's public face.

mod journal;
mod local;
mod readdress;
mod remote;
mod statefile;
mod terraform;

use std::time::{Duration, Instant};

use ferroform_core::addr::{ProviderConfig, ResourceInstance};
use ferroform_state::{Action, Change, Intent, LockInfo, Object, RawJson, Record};
use serde_json::json;

fn address(text: &str) -> ResourceInstance {
    text.parse().unwrap()
}

fn provider() -> ProviderConfig {
    "provider[\"terraform.io/builtin/terraform\"]".parse().unwrap()
}

fn object(id: &str) -> Object {
    Object::new(0, &json!({ "id": id, "input": null, "output": null, "triggers_replace": null }))
}

fn set(text: &str, id: &str) -> Change {
    Change::SetCurrent { address: address(text), provider: provider(), object: object(id) }
}

fn intent(op: u64, text: &str) -> Record {
    Record::Intent(Box::new(Intent {
        op,
        address: address(text),
        deposed: None,
        action: Action::Create,
        provider: provider(),
        schema_version: 0,
        planned: RawJson::from_value(&json!({ "some": ["value", 1.5] })),
        prior: Some(object("prior")),
        private: vec![1, 2, 3],
        not_before: Some(1_790_000_000),
        dependencies: vec!["module.m.a.b".parse().unwrap()],
        create_before_destroy: true,
    }))
}

fn checkpoint(op: u64) -> Record {
    Record::Checkpoint { op, identity: RawJson::from_value(&json!({ "id": op })) }
}

fn result(op: u64, text: &str) -> Record {
    Record::Result { op, changes: vec![set(text, &op.to_string())] }
}

fn lock_info() -> LockInfo {
    LockInfo::new("OperationTypeApply", "someone@somewhere", "0.1.0", "2026-11-22T00:00:00Z")
}

/// Waits for what another process does.
fn until(mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it did not happen within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}
