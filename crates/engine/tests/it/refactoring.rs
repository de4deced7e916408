//! Moves, removals, imports and checks where an interruption, a saved plan or another type comes between. What Terraform
//! makes of them by themselves is in `oracle/cases`.

use std::sync::Arc;

use ferroform_plan::planfile;
use ferroform_state::State;
use ferroform_state::journal::{OpenOperation, Record};
use ferroform_test_support::MemoryJournal;

use crate::harness::{World, actions, summaries};

const BEFORE: &str = r#"
    resource "fake_thing" "a" { name = "a" }
    resource "fake_thing" "left" { name = "left" }
"#;

/// A move with a change of the object, something to forget, something to import.
const AFTER: &str = r#"
    moved {
        from = fake_thing.a
        to   = fake_thing.b["x"]
    }
    resource "fake_thing" "b" {
        for_each = toset(["x"])
        name     = "renamed"
    }
    removed {
        from = fake_thing.left
        lifecycle {
            destroy = false
        }
    }
    import {
        to = terraform_data.known
        id = "known"
    }
    resource "terraform_data" "known" {}
"#;

const THERE: [&str; 2] = ["fake_thing.b[\"x\"]", "terraform_data.known"];

fn addresses(state: &State) -> Vec<String> {
    state.objects().map(|(addr, ..)| addr.to_string()).collect()
}

#[tokio::test]
async fn the_journal_leads_from_the_state_before_to_the_one_after() {
    let mut world = World::new();
    world.apply(BEFORE).await;
    let mut base = world.state.clone();
    world.journal = Arc::new(MemoryJournal::new());
    world.fake.take_log();
    let applied = world.apply(AFTER).await;
    assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
    assert_eq!(world.fake.take_log(), ["update renamed"], "nobody is asked to forget or to import");
    assert_eq!(world.fake.cloud().objects.len(), 2, "what is forgotten stays");
    for record in world.journal.records() {
        if let Record::Changes(changes) | Record::Result { changes, .. } = record {
            changes.iter().for_each(|change| change.apply(&mut base));
        }
    }
    assert_eq!(base.resources, world.state.resources);
    assert_eq!(addresses(&base), THERE);
}

#[tokio::test]
async fn a_saved_plan_moves_forgets_and_imports_what_it_was_made_for() {
    let mut world = World::new();
    world.apply(BEFORE).await;
    let plan = world.plan(AFTER).await.unwrap();
    let bytes = planfile::to_bytes(&plan, b"").unwrap();
    let read = planfile::from_reader(std::io::Cursor::new(&bytes), "test").unwrap().plan;
    assert_eq!((&read.moves, &read.imports), (&plan.moves, &plan.imports));
    assert_eq!(actions(&read), actions(&plan));
    let applied = world.apply_plan(AFTER, &read).await;
    assert_eq!(applied.done.imported, 1);
    assert_eq!(addresses(&world.state), THERE);
}

#[tokio::test]
async fn what_a_killed_run_created_is_adopted_under_the_address_that_it_has_moved_to() {
    let mut first = World::new();
    first.apply(r#"resource "fake_thing" "a" { name = "a" }"#).await;
    let intent = first.journal.records().into_iter().find_map(|record| match record {
        Record::Intent(intent) => Some(*intent),
        _ => None,
    });
    let moved = r#"
        moved {
            from = fake_thing.a
            to   = fake_thing.b
        }
        resource "fake_thing" "b" { name = "a" }
    "#;
    for (exists, creations) in [(true, 0), (false, 1)] {
        let mut world = World::new();
        if exists {
            world.fake.cloud().objects = first.fake.cloud().objects.clone();
        }
        world.open = vec![OpenOperation { intent: intent.clone().unwrap(), checkpoint: None }];
        let planned = world.plan_all(moved).await;
        let adopted: &[&str] = if exists { &["fake_thing.a"] } else { &[] };
        assert_eq!(addresses(&planned.settled), adopted, "settled where the journal has it");
        let plan = planned.plan.unwrap();
        assert_eq!(plan.moves.len(), usize::from(exists));
        world.apply_plan(moved, &plan).await;
        assert_eq!(world.fake.take_log().len(), creations);
        assert_eq!(world.fake.cloud().objects.len(), 1, "neither orphan nor duplicate");
        assert_eq!(addresses(&world.state), ["fake_thing.b"]);
    }
}

#[tokio::test]
async fn an_object_does_not_become_one_of_another_type() {
    let mut world = World::new();
    world.apply(BEFORE).await;
    let text = r#"
        moved {
            from = fake_thing.a
            to   = terraform_data.a
        }
        resource "terraform_data" "a" {}
        resource "fake_thing" "left" { name = "left" }
    "#;
    assert_eq!(world.plan(text).await.unwrap_err(), ["Unsupported `moved` across resource types"]);
}

#[tokio::test]
async fn the_data_source_of_a_check_is_read_when_all_else_is_done() {
    let text = r#"
        check "c" {
            data "fake_thing" "a" { name = "a" }
            assert {
                condition     = data.fake_thing.a.id == "never"
                error_message = "It is ${data.fake_thing.a.id}."
            }
        }
        resource "fake_thing" "a" { name = "a" }
        resource "fake_thing" "b" { name = fake_thing.a.id }
    "#;
    let mut world = World::new();
    let applied = world.apply(text).await;
    assert_eq!(summaries(&applied.diagnostics), [""; 0], "what fails is a warning");
    assert_eq!(applied.diagnostics.len(), 1);
    assert_eq!(world.fake.take_log(), ["read a", "create a", "create id-1", "read a"]);
}
