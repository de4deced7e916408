//! What becomes of operations that an earlier run did not see the end of. The fault is a journal cut off at each of its
//! records, with the cloud as it was at the end or before the operation.

use ferroform_engine::Event;
use ferroform_engine::events::Settlement;
use ferroform_state::journal::{OpenOperation, Record};

use crate::harness::{World, actions, summaries};

const ONE: &str = r#"resource "fake_thing" "a" { name = "a" }"#;

/// The open operations that the first `kept` records of a run leave behind.
fn open_after(records: &[Record], kept: usize) -> Vec<OpenOperation> {
    let mut open: Vec<OpenOperation> = Vec::new();
    for record in &records[..kept] {
        match record {
            Record::Intent(intent) => {
                open.push(OpenOperation { intent: (**intent).clone(), checkpoint: None })
            }
            Record::Checkpoint { op, identity } => {
                if let Some(o) = open.iter_mut().find(|o| o.intent.op == *op) {
                    o.checkpoint = Some(identity.clone());
                }
            }
            Record::Result { op, .. } => open.retain(|o| o.intent.op != *op),
            _ => {}
        }
    }
    open
}

fn settlements(world: &World) -> Vec<Settlement> {
    let events = world.recorder.events();
    events
        .into_iter()
        .filter_map(|e| match e {
            Event::Settled { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_creation_that_was_done_is_adopted_and_one_that_was_not_is_done() {
    let mut first = World::new();
    first.apply(ONE).await;
    let records = first.journal.records();
    // Which records were kept, whether the object exists, what comes of it.
    let adopted = || Settlement::Adopted { id: Some("id-1".into()) };
    let cases = [
        (1, true, adopted(), 0),
        (2, true, adopted(), 0),
        (1, false, Settlement::NotDone, 1),
        (2, false, Settlement::NotDone, 1),
    ];
    for (kept, exists, expected, creations) in cases {
        let mut world = World::new();
        if exists {
            world.fake.cloud().objects = first.fake.cloud().objects.clone();
        }
        world.open = open_after(&records, kept);
        assert_eq!(world.open.len(), 1);
        let applied = world.apply(ONE).await;
        assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
        assert_eq!(settlements(&world), [expected], "{kept} {exists}");
        assert_eq!(world.fake.take_log().len(), creations, "{kept} {exists}");
        assert_eq!(world.fake.cloud().objects.len(), 1, "neither orphan nor duplicate");
        let plan = world.plan(ONE).await.unwrap();
        assert!(!plan.has_changes());
    }
}

#[tokio::test]
async fn a_creation_that_cannot_be_told_apart_is_left_to_a_person() {
    let mut first = World::new();
    first.apply(ONE).await;
    let mut world = World::new();
    world.open = open_after(&first.journal.records(), 1);
    let objects = first.fake.cloud().objects.clone();
    world.fake.cloud().objects = objects.clone();
    world.fake.cloud().objects.insert("id-9".into(), objects["id-1"].clone());
    let planned = world.plan_all(ONE).await;
    assert_eq!(summaries(&planned.diagnostics), ["Unfinished creation cannot be settled"]);
    let hints = &planned.diagnostics.0[0].hints;
    assert!(hints.iter().any(|h| h.contains("state settle -adopt=id-1 'fake_thing.a'")), "{hints:?}");
    assert!(hints.iter().any(|h| h.contains("state settle -forget 'fake_thing.a'")), "{hints:?}");
}

#[tokio::test]
async fn an_unfinished_update_or_deletion_is_looked_at_again_even_without_refresh() {
    let resized = r#"
        resource "fake_thing" "a" {
            name = "a"
            size = 2
        }
    "#;
    let mut world = World::new();
    world.apply(ONE).await;
    let before = world.state.clone();
    let started = world.journal.records().len();
    world.apply(resized).await;
    let records = world.journal.records();
    // The update was done, its result lost; planned with the old state, without a refresh.
    world.state = before;
    world.open = open_after(&records[started..], 1);
    world.options.refresh = false;
    let plan = world.plan(resized).await.unwrap();
    assert_eq!(settlements(&world), [Settlement::ReadAgain]);
    assert!(actions(&plan).is_empty());
}

#[tokio::test]
async fn the_provider_notes_what_an_unfinished_update_leaves_to_be_done() {
    let resized = "resource \"fake_thing\" \"a\" {\n  name = \"a\"\n  size = 2\n}\n";
    let mut world = World::new();
    world.apply(ONE).await;
    let (before, started) = (world.state.clone(), world.journal.records().len());
    world.apply(resized).await;
    let unfinished = open_after(&world.journal.records()[started..], 1);
    (world.state, world.open) = (before, unfinished);
    let planned = world.plan_all(resized).await;
    let private = |state: &ferroform_state::State| {
        state.current(&"fake_thing.a".parse().unwrap()).unwrap().private.clone()
    };
    assert_eq!(private(&planned.settled), b"interrupted");
    // And it is on disk: another crash does not lose it.
    let noted = |r: &Record| matches!(r, Record::Result { changes, .. } if !changes.is_empty());
    assert!(world.journal.records().iter().skip(started).any(noted));
}

#[tokio::test]
async fn the_provider_notes_what_an_unfinished_creation_leaves_to_be_done() {
    let sized = "resource \"fake_thing\" \"a\" {\n  name = \"a\"\n  size = 2\n}\n";
    let mut first = World::new();
    first.apply(sized).await;
    for kept in [1, 2] {
        let mut world = World::new();
        world.fake.cloud().objects = first.fake.cloud().objects.clone();
        world.open = open_after(&first.journal.records(), kept);
        let planned = world.plan_all(sized).await;
        let object = planned.settled.current(&"fake_thing.a".parse().unwrap()).unwrap().clone();
        assert_eq!(object.private, b"interrupted", "{kept} records");
    }
}

/// A provider that cannot tell whether its creation made something leaves that to the next run: its operation stays open.
#[tokio::test]
async fn a_creation_that_nobody_knows_the_end_of_is_settled_by_the_next_run() {
    let mut first = World::new();
    first.apply(ONE).await;
    for exists in [true, false] {
        let mut world = World::new();
        world.fake.cloud().panic.push("a".to_owned());
        let applied = world.apply(ONE).await;
        assert_eq!(summaries(&applied.diagnostics), ["Provider failed unexpectedly"]);
        assert!(world.state.current(&"fake_thing.a".parse().unwrap()).is_none());
        let records = world.journal.records();
        world.open = open_after(&records, records.len());
        assert_eq!(world.open.len(), 1);
        if exists {
            world.fake.cloud().objects = first.fake.cloud().objects.clone();
        }
        world.fake.take_log();
        let applied = world.apply(ONE).await;
        assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
        assert_eq!(world.fake.take_log().len(), usize::from(!exists));
        assert_eq!(world.fake.cloud().objects.len(), 1, "neither orphan nor duplicate");
    }
}

/// The old object of a replacement keeps out of the way of what may have been made: if it became the current one again, the next
/// run would have two of them and forget one.
#[tokio::test]
async fn the_old_object_stays_deposed_while_nobody_knows_how_the_creation_of_the_new_one_ended() {
    let thing = |name: &str, zone: &str| {
        format!(
            "resource \"fake_thing\" \"a\" {{\n  name = \"{name}\"\n  zone = \"{zone}\"\n  lifecycle {{\n    create_before_destroy = true\n  \
             }}\n}}\n"
        )
    };
    let address = "fake_thing.a".parse().unwrap();
    for exists in [true, false] {
        let mut world = World::new();
        world.apply(&thing("old", "1")).await;
        world.fake.cloud().panic.push("new".to_owned());
        let before = world.journal.records().len();
        let applied = world.apply(&thing("new", "2")).await;
        assert_eq!(summaries(&applied.diagnostics), ["Provider failed unexpectedly"]);
        assert!(world.state.current(&address).is_none());
        let records = world.journal.records();
        world.open = open_after(&records[before..], records.len() - before);
        assert_eq!(world.open.len(), 1);
        if exists {
            let mut cloud = world.fake.cloud();
            let mut object = cloud.objects["id-1"].as_map().unwrap().clone();
            for (name, value) in [("id", "id-9"), ("name", "new"), ("zone", "2"), ("address", "id-9/")] {
                object.insert(name.into(), ferroform_core::Value::string(value));
            }
            cloud.objects.insert("id-9".to_owned(), ferroform_core::Value::from_attributes(object));
        }
        world.fake.take_log();
        let applied = world.apply(&thing("new", "2")).await;
        assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
        let log = world.fake.take_log();
        assert!(
            log.contains(&"delete old".to_owned()) && log.contains(&"create new".to_owned()) != exists,
            "{log:?}"
        );
        assert_eq!(world.fake.cloud().objects.len(), 1, "neither orphan nor duplicate");
    }
}
