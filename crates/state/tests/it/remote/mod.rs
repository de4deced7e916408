//! States in a store of objects.

mod memory;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferroform_core::Diagnostics;
use ferroform_state::{LockWait, Manager, Record, RemoteManager, RemoteOptions, State, WorldBinding};

use self::memory::{Fault, Memory};
use crate::{address, checkpoint, intent, lock_info, result, set};

const KEY: &str = "env/terraform.tfstate";

fn open(store: &Arc<Memory>, lock: bool) -> RemoteManager {
    RemoteManager::new(store.clone(), KEY, RemoteOptions { lock })
}

fn apply(state: &mut State, text: &str, id: &str) {
    set(text, id).apply(state);
}

fn world(endpoint: &str) -> WorldBinding {
    let provider = "provider[\"terraform.io/builtin/terraform\"]".to_owned();
    WorldBinding { provider, endpoint: endpoint.into(), project: "1".into(), proven: false }
}

fn summary(diagnostics: &Diagnostics) -> &str {
    &diagnostics.0[0].summary
}

/// The addresses of all objects of a state.
fn addresses(state: &State) -> BTreeSet<String> {
    state.objects().map(|(addr, ..)| addr.to_string()).collect()
}

/// What really exists, and what was promised about it.
#[derive(Default)]
struct Truth {
    /// Objects that were created for certain.
    created: BTreeSet<String>,
    /// Objects whose intent was at least handed over.
    begun: BTreeSet<String>,
}

/// A run that creates one object after the other, until something fails.
fn create(store: &Arc<Memory>, truth: &mut Truth, names: &[&str]) -> Result<(), String> {
    let text = |diagnostics: Diagnostics| summary(&diagnostics).to_owned();
    let manager = open(store, true);
    manager.lock(&lock_info(), &LockWait::NONE).map_err(text)?;
    let loaded = manager.read().map_err(text)?;
    manager.bind(&[world("a")]).map_err(|refused| text(refused.diagnostics))?;
    let journal = manager.journal().map_err(text)?;
    let mut state = loaded.state;
    for name in names {
        let op = journal.next_op();
        truth.begun.insert((*name).to_owned());
        journal.append(&intent(op, name)).map_err(|e| e.to_string())?;
        // Here the request leaves and is answered.
        truth.created.insert((*name).to_owned());
        apply(&mut state, name, &op.to_string());
        journal.append(&checkpoint(op)).map_err(|e| e.to_string())?;
        journal.append(&result(op, name)).map_err(|e| e.to_string())?;
    }
    let written = manager.write(&state).map_err(text)?;
    assert!(written.changed);
    manager.unlock().map_err(text)
}

/// Takes away a lock that was left behind, as a person does.
fn unlock_by_hand(store: &Arc<Memory>) {
    let manager = open(store, true);
    let info = lock_info();
    if let Err(refused) = manager.lock(&info, &LockWait::NONE) {
        let id = refused.0[0].hints.iter().find_map(|hint| hint.split("force-unlock ").nth(1));
        manager.force_unlock(id.unwrap().split('`').next().unwrap()).unwrap();
    }
}

/// Nothing is lost: everything that was created is in the state or noted as open, whatever failed when. Then settles.
fn check_and_settle(store: &Arc<Memory>, truth: &Truth, case: &str) {
    let manager = open(store, true);
    manager.lock(&lock_info(), &LockWait::NONE).unwrap();
    let loaded = manager.read().unwrap_or_else(|e| panic!("{case}: {e:?}"));
    let mut known = addresses(&loaded.state);
    known.extend(loaded.open.iter().map(|o| o.intent.address.to_string()));
    assert!(truth.created.is_subset(&known), "{case}: {:?} is not all of {:?}", known, truth.created);
    assert!(addresses(&loaded.state).is_subset(&truth.created), "{case}");
    assert!(known.is_subset(&truth.begun), "{case}: what was never begun is known");
    // As settlement does: what is found is adopted, and what is not was not done.
    let journal = manager.journal().unwrap();
    let mut state = loaded.state;
    for operation in loaded.open {
        let (op, name) = (operation.intent.op, operation.intent.address.to_string());
        if truth.created.contains(&name) {
            journal.append(&result(op, &name)).unwrap();
            apply(&mut state, &name, &op.to_string());
        } else {
            journal.append(&Record::Result { op, changes: Vec::new() }).unwrap();
        }
    }
    let written = manager.write(&state).unwrap();
    assert!(written.warnings.is_empty(), "{case}");
    manager.unlock().unwrap();
    let again = open(store, true).read().unwrap();
    assert_eq!(addresses(&again.state), truth.created, "{case}");
    assert!(again.open.is_empty() && !again.recovered, "{case}");
    let rest: Vec<String> =
        store.keys().into_iter().filter(|k| k.contains(".journal/") || k.ends_with(".tflock")).collect();
    assert_eq!(rest, [""; 0], "{case}: nothing stays behind");
}

#[test]
fn nothing_is_lost_whatever_fails_at_whichever_step() {
    const NAMES: [&str; 3] = ["terraform_data.a", "terraform_data.b", "terraform_data.c"];
    const LATER: [&str; 2] = ["terraform_data.d", "terraform_data.e"];
    // How many changing calls a run makes when nothing fails.
    let store = Arc::new(Memory::default());
    create(&store, &mut Truth::default(), &NAMES).unwrap();
    let steps = store.heal();
    assert!(steps > 10, "{steps}");
    // Each run is a process of its own, perhaps on another computer; a fault hits one of them.
    let faults = [Fault::Refused, Fault::AnswerLost, Fault::LastOne, Fault::Gone];
    for (victim, step, fault) in
        (0..2).flat_map(|run| (1..=steps).flat_map(move |step| faults.map(|fault| (run, step, fault))))
    {
        let case = format!("{fault:?} at {step} of run {victim}");
        let (store, mut truth) = (Arc::new(Memory::default()), Truth::default());
        for (run, names) in [&NAMES[..], &LATER[..]].into_iter().enumerate() {
            if run == victim {
                store.fail(step, fault);
            }
            let outcome = create(&store, &mut truth, names);
            if fault == Fault::AnswerLost {
                // What was written is seen to be there; only of the lock it is not known whether it is gone.
                let known = outcome.as_ref().is_err_and(|e| e.contains("releasing"));
                assert!(outcome.is_ok() || known, "{case}: {outcome:?}");
            }
            store.heal();
            unlock_by_hand(&store);
            check_and_settle(&store, &truth, &case);
        }
    }
}

#[test]
fn two_runs_with_locks_never_overlap_and_the_second_is_told_who_is_there() {
    let store = Arc::new(Memory::default());
    let (first, second) = (open(&store, true), open(&store, true));
    let info = lock_info();
    first.lock(&info, &LockWait::NONE).unwrap();
    let refused = second.lock(&lock_info(), &LockWait::NONE).unwrap_err();
    assert_eq!(summary(&refused), "Error acquiring the state lock");
    assert!(refused.0[0].detail.contains("someone@somewhere"), "{refused:?}");
    assert!(refused.0[0].hints.iter().any(|hint| hint.contains(&format!("force-unlock {}", info.id))));
    // Terraform's own fields, so that it understands the lock.
    let kept = ferroform_state::remote::ObjectStore::get(&*store, &format!("{KEY}.tflock")).unwrap().unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept.bytes).unwrap();
    assert_eq!(kept["ID"], info.id.as_str());
    assert_eq!(kept["Operation"], "OperationTypeApply");
    // The lock is given back while the second waits.
    let sleep = |_: Duration| first.unlock().is_ok();
    second.lock(&lock_info(), &LockWait { timeout: Duration::from_secs(5), sleep: &sleep }).unwrap();
    drop(second);
    assert_eq!(store.keys(), [""; 0], "a manager that goes gives the lock back");
}

#[test]
fn only_the_lock_that_is_named_is_taken_away() {
    let store = Arc::new(Memory::default());
    let (holder, other) = (open(&store, true), open(&store, true));
    assert_eq!(summary(&other.force_unlock("x").unwrap_err()), "Failed to unlock state");
    let info = lock_info();
    holder.lock(&info, &LockWait::NONE).unwrap();
    assert!(other.force_unlock("x").unwrap_err().0[0].detail.contains(&info.id));
    other.force_unlock(&info.id).unwrap();
    other.lock(&lock_info(), &LockWait::NONE).unwrap();
    // The holder finds out, and leaves the other's lock alone.
    assert_eq!(summary(&holder.unlock().unwrap_err()), "Error releasing the state lock");
    assert_eq!(store.keys().len(), 1);
    other.at_exit()();
    assert_eq!(store.keys(), [""; 0]);
}

#[test]
fn without_a_lock_neither_state_nor_journal_of_another_run_is_written_over() {
    let store = Arc::new(Memory::default());
    let mut first = Truth::default();
    create(&store, &mut first, &["terraform_data.a"]).unwrap();
    let (one, two) = (open(&store, false), open(&store, false));
    let (mut ours, mut theirs) = (one.read().unwrap().state, two.read().unwrap().state);
    // Both begin a journal: the second finds the first one's and goes on in it, which takes its place.
    let journal = one.journal().unwrap();
    let other = two.journal().unwrap();
    other.append(&intent(other.next_op(), "terraform_data.c")).unwrap();
    let error = journal.append(&intent(journal.next_op(), "terraform_data.b")).unwrap_err();
    assert!(error.to_string().contains("another run has written there"), "{error}");
    // And whoever writes the state last does not write over the other's.
    apply(&mut theirs, "terraform_data.c", "2");
    two.write(&theirs).unwrap();
    apply(&mut ours, "terraform_data.b", "2");
    assert_eq!(summary(&one.write(&ours).unwrap_err()), "State was changed meanwhile");
    assert!(addresses(&open(&store, false).read().unwrap().state).contains("terraform_data.c"));
}

#[test]
fn two_runs_without_a_lock_cannot_begin_the_same_journal() {
    let store = Arc::new(Memory::default());
    let (one, two) = (open(&store, false), open(&store, false));
    let sink_of = |manager: &RemoteManager| {
        manager.read().unwrap();
        manager.journal()
    };
    let journal = sink_of(&one).unwrap();
    let other = sink_of(&two).unwrap();
    // They have the same next segment in mind; equal records would be equal bytes, but for the name of the run.
    other.append(&checkpoint(1)).unwrap();
    assert!(journal.append(&checkpoint(1)).is_err());
}

#[test]
fn records_that_come_while_a_segment_is_on_its_way_share_the_next_one() {
    let store = Arc::new(Memory::default());
    let manager = open(&store, true);
    manager.read().unwrap();
    let journal = manager.journal().unwrap();
    for op in 1..=20 {
        journal.append_lazy(&intent(op, "terraform_data.a")).unwrap();
    }
    journal.append(&intent(21, "terraform_data.b")).unwrap();
    assert_eq!(store.keys().len(), 2, "the header's segment and one for all: {:?}", store.keys());
    assert_eq!(open(&store, true).read().unwrap().open.len(), 21);
}

#[test]
fn a_missing_or_changed_segment_is_an_error_that_names_it() {
    let store = Arc::new(Memory::default());
    let manager = open(&store, true);
    manager.read().unwrap();
    let journal = manager.journal().unwrap();
    for op in 1..=3 {
        journal.append(&intent(op, "terraform_data.a")).unwrap();
    }
    let keys = store.keys();
    assert_eq!(keys.len(), 4);
    let (second, last) = (&keys[2], &keys[3]);
    let store_ = &*store as &dyn ferroform_state::remote::ObjectStore;
    let bytes = store_.get(last).unwrap().unwrap().bytes;
    store_.delete(last).unwrap();
    let cut = &bytes[..bytes.len() / 2];
    store_.put(last, cut, &ferroform_state::remote::Condition::Absent).unwrap();
    let damaged = open(&store, true).read().unwrap_err();
    assert_eq!(summary(&damaged), "Journal is damaged");
    store_.delete(second).unwrap();
    let missing = open(&store, true).read().unwrap_err();
    assert!(missing.0[0].detail.contains(second.as_str()), "{missing:?}");
}

#[test]
fn worlds_are_noted_for_all_computers_and_another_is_refused() {
    let store = Arc::new(Memory::default());
    create(&store, &mut Truth::default(), &["terraform_data.a"]).unwrap();
    let manager = open(&store, true);
    manager.read().unwrap();
    manager.bind(&[world("a")]).unwrap();
    let refused = manager.bind(&[world("b")]).unwrap_err();
    assert_eq!(summary(&refused.diagnostics), "State belongs to another world");
}

#[test]
fn a_pushed_state_must_follow_on_the_kept_one_and_hold_what_the_journal_tells() {
    let store = Arc::new(Memory::default());
    create(&store, &mut Truth::default(), &["terraform_data.a"]).unwrap();
    let manager = open(&store, true);
    let kept = manager.read().unwrap().state;
    assert!(!manager.push(&kept, false).unwrap().changed);
    let mut next = State { serial: kept.serial + 5, ..kept.clone() };
    apply(&mut next, "terraform_data.b", "7");
    let journal = manager.journal().unwrap();
    let op = journal.next_op();
    journal.append(&intent(op, "terraform_data.c")).unwrap();
    journal.append(&Record::Result { op, changes: vec![set("terraform_data.c", "8")] }).unwrap();
    let cases = [
        (State::with_lineage("other"), false),
        (State { serial: kept.serial - 1, ..next.clone() }, false),
        (State { serial: kept.serial, ..next.clone() }, false),
        (next.clone(), false),
    ];
    for (mut state, allowed) in cases {
        apply(&mut state, "terraform_data.x", "1");
        assert_eq!(manager.push(&state, false).is_ok(), allowed, "{} {}", state.lineage, state.serial);
    }
    apply(&mut next, "terraform_data.c", "8");
    assert_eq!(manager.push(&next, false).unwrap().serial, kept.serial + 6);
    let found = open(&store, true).read().unwrap();
    assert_eq!(found.state.serial, kept.serial + 6);
    assert!(found.state.instance(&address("terraform_data.b")).is_some() && !found.recovered);
}
