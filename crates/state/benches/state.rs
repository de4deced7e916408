//! What reading, writing and journaling cost: `cargo bench -p ferroform-state`.
#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints its measurements")]

use std::time::{Duration, Instant};

use ferroform_core::addr::ProviderConfig;
use ferroform_state::{
    Action, Change, Intent, LocalManager, LocalOptions, LockInfo, LockWait, Manager, Object, RawJson, Record,
    State, file,
};
use serde_json::json;

const RESOURCES: usize = 5_000;
const OPERATIONS: usize = 1_000;
const THREADS: usize = 10;
const ROUNDS: usize = 9;

fn main() {
    let state = state();
    let bytes = file::write(&state).expect("a state of known values");
    println!("statefile with {RESOURCES} resources: {} KiB", bytes.len() >> 10);
    print("read", || {
        file::read(&bytes, "t").expect("just written");
    });
    print("write", || {
        file::write(&state).expect("a state of known values");
    });
    print("clone", || drop(state.clone()));
    let dir = tempfile::tempdir().expect("a directory");
    let mut turn = 0;
    print("run: lock, read, change, write, unlock", || {
        turn += 1;
        let manager = open(dir.path());
        manager.lock(&LockInfo::default(), &LockWait::NONE).expect("free");
        let loaded = manager.read().expect("readable");
        let mut next = if loaded.exists {
            loaded.state
        } else {
            State { lineage: loaded.state.lineage, ..state.clone() }
        };
        let address = "terraform_data.turn".parse().expect("an address");
        next.set_current(&address, &provider(), Some(Object::new(0, &json!({ "turn": turn }))));
        manager.write(&next).expect("writable");
        manager.unlock().expect("held");
    });
    println!("journal of {OPERATIONS} operations, intent and result each:");
    for threads in [1, THREADS] {
        let dir = tempfile::tempdir().expect("a directory");
        print(&format!("{threads} threads"), || journal(dir.path(), threads));
    }
}

fn print(name: &str, mut work: impl FnMut()) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("  {name}: median {:.1?}, best {:.1?}", times[ROUNDS / 2], times[0]);
}

fn provider() -> ProviderConfig {
    "provider[\"terraform.io/builtin/terraform\"]".parse().expect("an address")
}

fn open(dir: &std::path::Path) -> LocalManager {
    LocalManager::open(dir.join("terraform.tfstate"), LocalOptions::default()).expect("a path")
}

fn object(i: usize) -> Object {
    let value = json!({ "value": { "index": i, "text": "some <text> of usual length" }, "type": ["object", { "index": "number", "text": "string" }] });
    let mut object = Object::new(
        0,
        &json!({ "id": format!("{i:036}"), "input": value, "output": value, "triggers_replace": null }),
    );
    object.dependencies = (1..3)
        .map(|d| format!("terraform_data.n{}", i.saturating_sub(d)).parse().expect("an address"))
        .collect();
    object
}

fn state() -> State {
    let mut state = State::empty();
    for i in 0..RESOURCES {
        let address = format!("module.m{}.terraform_data.n{i}", i % 10).parse().expect("an address");
        state.set_current(&address, &provider(), Some(object(i)));
    }
    state
}

fn journal(dir: &std::path::Path, threads: usize) {
    let manager = open(dir);
    manager.read().expect("readable");
    let journal = manager.journal().expect("writable");
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for i in 0..OPERATIONS / threads {
                    let op = journal.next_op();
                    let address: ferroform_core::addr::ResourceInstance =
                        format!("terraform_data.n{op}").parse().expect("an address");
                    let object = object(i);
                    let intent = Intent {
                        op,
                        address: address.clone(),
                        deposed: None,
                        action: Action::Create,
                        provider: provider(),
                        schema_version: 0,
                        planned: RawJson::from_value(&object.attributes.to_value()),
                        prior: None,
                        private: Vec::new(),
                        not_before: None,
                        dependencies: object.dependencies.clone(),
                        create_before_destroy: false,
                    };
                    journal.append(&Record::Intent(Box::new(intent))).expect("room on the disk");
                    let change = Change::SetCurrent { address, provider: provider(), object };
                    journal.append(&Record::Result { op, changes: vec![change] }).expect("room on the disk");
                }
            });
        }
    });
    drop(journal);
    std::fs::remove_file(manager.journal_path()).expect("there");
}
