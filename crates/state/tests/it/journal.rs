//! The operations journal: what it keeps through crashes, and what it refuses.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use ferroform_core::{Type, Value};
use ferroform_state::journal::recover;
use ferroform_state::{Change, DeposedKey, LocalManager, LocalOptions, Manager, OutputValue, Record, State};
use tempfile::TempDir;

use crate::{address, checkpoint, intent, object, provider, result, set};

/// A state with serial 1 in a directory of its own, whose manager has read it.
fn managed() -> (TempDir, LocalManager, State) {
    let dir = tempfile::tempdir().unwrap();
    let manager = LocalManager::open(dir.path().join("terraform.tfstate"), LocalOptions::default()).unwrap();
    let mut state = manager.read().unwrap().state;
    state.set_current(&address("a.before"), &provider(), Some(object("before")));
    manager.write(&state).unwrap();
    let state = manager.read().unwrap().state;
    (dir, manager, state)
}

fn journal_bytes(manager: &LocalManager) -> Vec<u8> {
    fs::read(manager.journal_path()).unwrap()
}

/// The current object's id, if there is an object.
fn id(state: &State, text: &str) -> Option<String> {
    Some(state.current(&address(text))?.attributes.to_value()["id"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn records_read_back_as_written() {
    let (_dir, manager, state) = managed();
    let a = address("module.m[\"k\\\"\"].a.b[3]");
    let key = DeposedKey(7);
    let provider = provider();
    let outputs: BTreeMap<_, _> =
        [("o".into(), OutputValue { value: Value::string("v"), ty: Type::String, sensitive: true })].into();
    let changes = vec![
        set("a.b", "1"),
        Change::Depose { address: address("a.b"), key },
        Change::RestoreDeposed { address: address("a.b"), key },
        Change::SetDeposed { address: a.clone(), key, provider, object: object("2") },
        Change::Move { from: address("a.before"), to: address("a.later") },
        set("a.gone", "3"),
        Change::RemoveCurrent { address: address("a.gone") },
    ];
    let journal = manager.journal().unwrap();
    journal.append(&Record::Changes(changes)).unwrap();
    journal.append(&Record::Outputs(outputs.clone())).unwrap();
    journal.append(&intent(journal.next_op(), "a.c")).unwrap();
    journal.append(&checkpoint(1)).unwrap();
    journal.append(&intent(journal.next_op(), "a.d")).unwrap();
    journal
        .append(&Record::Result { op: 2, changes: vec![Change::RemoveDeposed { address: a.clone(), key }] })
        .unwrap();

    let recovered = recover(Some(&state), &journal_bytes(&manager), "j").unwrap();
    let mut expected = state.clone();
    expected.set_current(&address("a.b"), &crate::provider(), Some(object("1")));
    expected.move_instance(&address("a.before"), &address("a.later"));
    expected.outputs = outputs;
    assert_eq!(recovered.state, expected);
    assert_eq!(recovered.next_op, 3);
    let [open] = recovered.open.as_slice() else { panic!("{:?}", recovered.open) };
    let Record::Intent(sent) = intent(1, "a.c") else { unreachable!() };
    assert_eq!(open.intent, *sent);
    assert_eq!(open.checkpoint.as_ref().unwrap().as_str(), r#"{"id":1}"#);
}

/// Ten operations; after each append the length of the file and what must be known from then on.
#[test]
fn a_journal_cut_off_anywhere_keeps_all_that_was_durable() {
    let (_dir, manager, state) = managed();
    let journal = manager.journal().unwrap();
    let name = |op: u64| format!("a.n{op}");
    let mut steps = vec![(journal_bytes(&manager).len(), 0, 0)];
    let (mut begun, mut done) = (0, 0);
    for op in 1..=10 {
        journal.append(&intent(op, &name(op))).unwrap();
        begun = op;
        steps.push((journal_bytes(&manager).len(), begun, done));
        // Every third operation is never heard of again.
        if op % 3 != 0 {
            journal.append(&checkpoint(op)).unwrap();
            journal.append(&result(op, &name(op))).unwrap();
            done = op;
            steps.push((journal_bytes(&manager).len(), begun, done));
        }
    }
    assert_eq!((begun, done), (10, 10));
    let bytes = journal_bytes(&manager);
    for end in 0..=bytes.len() {
        let recovered = recover(Some(&state), &bytes[..end], "j").unwrap();
        let &(_, begun, done) = steps.iter().rev().find(|(length, ..)| *length <= end).unwrap_or(&(0, 0, 0));
        for op in 1..=done {
            assert_eq!(id(&recovered.state, &name(op)), (op % 3 != 0).then(|| op.to_string()), "{end} {op}");
        }
        let open: Vec<u64> = recovered.open.iter().map(|o| o.intent.op).collect();
        for op in (1..=begun).filter(|op| op % 3 == 0 || *op > done) {
            let unknown = open.contains(&op);
            assert!(unknown || id(&recovered.state, &name(op)).is_some(), "{end} {op}");
        }
        assert!(recovered.intact as usize <= end);
    }
}

#[test]
fn damage_before_the_last_sync_is_an_error_and_behind_it_a_torn_end() {
    let (_dir, manager, state) = managed();
    let journal = manager.journal().unwrap();
    journal.append(&intent(1, "a.a")).unwrap();
    journal.append(&result(1, "a.a")).unwrap();
    let synced = journal_bytes(&manager).len();
    journal.append(&intent(2, "a.b")).unwrap();
    let bytes = journal_bytes(&manager);
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x04;
        match recover(Some(&state), &bytes, "j") {
            Ok(recovered) => {
                assert!(at >= synced, "{at}");
                assert_eq!((recovered.open.len(), recovered.intact as usize), (0, synced));
            }
            Err(refusal) => {
                assert!(at < synced, "{at}");
                assert_eq!(refusal.0[0].summary, "Journal is damaged");
            }
        }
    }
}

/// A journal of a run that began with serial 1 and set `a.new`, held against other statefiles.
#[test]
fn a_journal_is_only_used_with_the_state_that_it_continues() {
    let (_dir, manager, state) = managed();
    let journal = manager.journal().unwrap();
    journal.append(&intent(1, "a.new")).unwrap();
    journal.append(&result(1, "a.new")).unwrap();
    journal.append(&intent(2, "a.open")).unwrap();
    let bytes = journal_bytes(&manager);
    let with = |change: &dyn Fn(&mut State)| {
        let mut state = state.clone();
        change(&mut state);
        Some(state)
    };
    let new = |state: &mut State| state.set_current(&address("a.new"), &provider(), Some(object("1")));
    let cases: [(&str, Option<State>, Result<(), &str>); 7] = [
        ("the same", with(&|_| {}), Ok(())),
        ("edited without a new serial", with(&|s| s.remove_current(&address("a.before"))), Ok(())),
        (
            "later with the results",
            with(&|s| {
                s.serial = 3;
                new(s);
            }),
            Ok(()),
        ),
        (
            "later without the results",
            with(&|s| s.serial = 2),
            Err("State was changed after an interrupted run"),
        ),
        ("older", with(&|s| s.serial = 0), Err("Statefile is older than the journal")),
        ("another", with(&|s| s.lineage = "x".into()), Err("Journal belongs to another state")),
        ("none", None, Err("Statefile is missing")),
    ];
    for (name, base, expected) in cases {
        match (recover(base.as_ref(), &bytes, "j"), expected) {
            (Ok(recovered), Ok(())) => {
                assert_eq!(id(&recovered.state, "a.new").as_deref(), Some("1"), "{name}");
                assert_eq!(recovered.open.len(), 1, "{name}");
            }
            (Err(refusal), Err(summary)) => assert_eq!(refusal.0[0].summary, summary, "{name}"),
            (got, _) => panic!("{name}: {got:?}"),
        }
    }
}

#[test]
fn a_newer_format_and_a_missing_header_are_told_apart() {
    let (_dir, manager, state) = managed();
    let _ = manager.journal().unwrap();
    let text = String::from_utf8(journal_bytes(&manager)).unwrap();
    assert!(text.contains("\"ferroform_journal\":1"));
    for bytes in [&b""[..], b"00000", b"garbage\n"] {
        let recovered = recover(Some(&state), bytes, "j").unwrap();
        assert_eq!((recovered.state, recovered.header, recovered.intact), (state.clone(), None, 0));
    }
}

#[test]
fn many_threads_share_syncs_and_nothing_is_lost() {
    const THREADS: u64 = 10;
    const EACH: u64 = 100;
    let (_dir, manager, state) = managed();
    let journal = manager.journal().unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let op = journal.next_op();
                    let name = format!("a.n{op}");
                    journal.append(&intent(op, &name)).unwrap();
                    journal.append(&result(op, &name)).unwrap();
                }
            });
        }
    });
    let elapsed = start.elapsed();
    let recovered = recover(Some(&state), &journal_bytes(&manager), "j").unwrap();
    assert!(recovered.open.is_empty());
    for op in 1..=THREADS * EACH {
        assert_eq!(id(&recovered.state, &format!("a.n{op}")), Some(op.to_string()));
    }
    // A generous bound, since others may use the disk too: without sharing it would be 2,000 syncs.
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[test]
fn lazy_records_keep_their_place_and_become_durable_with_the_next_sync() {
    let (_dir, manager, state) = managed();
    let journal = manager.journal().unwrap();
    let before = journal_bytes(&manager).len();
    journal.append_lazy(&result(1, "a.a")).unwrap();
    assert_eq!(journal_bytes(&manager).len(), before);
    journal.append(&result(2, "a.a")).unwrap();
    let recovered = recover(Some(&state), &journal_bytes(&manager), "j").unwrap();
    assert_eq!(id(&recovered.state, "a.a").as_deref(), Some("2"));
    journal.append_lazy(&result(3, "a.a")).unwrap();
    journal.sync().unwrap();
    let recovered = recover(Some(&state), &journal_bytes(&manager), "j").unwrap();
    assert_eq!(id(&recovered.state, "a.a").as_deref(), Some("3"));
    // Many of them do not pile up in memory.
    let length = journal_bytes(&manager).len();
    for op in 4..4000 {
        journal.append_lazy(&result(op, "a.a")).unwrap();
    }
    assert!(journal_bytes(&manager).len() > length);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Numbers of operations in the order in which they begin (first occurrence) and end (second).
    fn histories() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(1..12u64, 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_prefix_loses_a_completed_result(history in histories(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 8)) {
            let (_dir, manager, state) = managed();
            let journal = manager.journal().unwrap();
            let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
            let mut lengths = vec![(journal_bytes(&manager).len(), seen.clone())];
            for op in history {
                let name = format!("a.n{op}");
                let count = seen.entry(op).or_default();
                *count += 1;
                match *count {
                    1 => journal.append(&intent(op, &name)).unwrap(),
                    2 => journal.append(&result(op, &name)).unwrap(),
                    _ => continue,
                }
                lengths.push((journal_bytes(&manager).len(), seen.clone()));
            }
            let bytes = journal_bytes(&manager);
            for cut in cuts {
                let end = cut.index(bytes.len() + 1);
                let recovered = recover(Some(&state), &bytes[..end], "j").unwrap();
                let Some((_, known)) = lengths.iter().rev().find(|(length, _)| *length <= end) else { continue };
                for (op, count) in known {
                    let there = id(&recovered.state, &format!("a.n{op}")).is_some();
                    let open = recovered.open.iter().any(|o| o.intent.op == *op);
                    prop_assert_eq!(there, *count >= 2, "{} {}", op, end);
                    prop_assert_eq!(open, *count < 2, "{} {}", op, end);
                }
            }
        }

        #[test]
        fn any_bytes_can_be_recovered_from(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = recover(None, &bytes, "j");
        }
    }
}
