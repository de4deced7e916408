//! How a plan is carried out.

use std::sync::Arc;

use ferroform_engine::planning::give_ephemeral;
use ferroform_engine::{Done, Event, StopLevel};
use ferroform_lang::variables::{InputValue, RawInput};
use ferroform_plan::PlanMode;
use ferroform_plan::planfile;
use ferroform_state::journal::Record;
use ferroform_test_support::MemoryJournal;

use crate::harness::{World, actions, summaries};

const CHAIN: &str = r#"
    resource "fake_thing" "a" { name = "a" }
    resource "fake_thing" "b" { name = "b-${fake_thing.a.id}" }
    resource "fake_thing" "c" { name = "c-${fake_thing.b.id}" }
    output "last" { value = fake_thing.c.id }
"#;

#[tokio::test]
async fn creation_follows_references_and_destruction_goes_backwards() {
    let mut world = World::new();
    let applied = world.apply(CHAIN).await;
    assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
    assert_eq!(applied.done, Done { imported: 0, added: 3, changed: 0, destroyed: 0 });
    assert_eq!(world.fake.take_log(), ["create a", "create b-id-1", "create c-id-2"]);
    assert_eq!(applied.state.outputs["last"].value.as_str(), Some("id-3"));
    let plan = world.plan(CHAIN).await.unwrap();
    assert!(actions(&plan).is_empty() && !plan.has_changes());

    let mut world = world.mode(PlanMode::Destroy);
    let applied = world.apply(CHAIN).await;
    assert_eq!(applied.done, Done { imported: 0, added: 0, changed: 0, destroyed: 3 });
    assert_eq!(world.fake.take_log(), ["delete c-id-2", "delete b-id-1", "delete a"]);
    assert!(world.state.is_empty());
}

#[tokio::test]
async fn replacement_orders_follow_create_before_destroy() {
    let text = |zone: &str, lifecycle: &str| {
        format!(
            "resource \"fake_thing\" \"a\" {{\n  name = \"a\"\n  zone = \"{zone}\"\n  {lifecycle}\n}}\n\
             resource \"fake_thing\" \"b\" {{\n  name = \"b\"\n  needs = [fake_thing.a.id]\n}}\n"
        )
    };
    let cases = [
        ("", vec!["delete a", "create a", "update b"]),
        ("lifecycle { create_before_destroy = true }", vec!["create a", "update b", "delete a"]),
    ];
    for (lifecycle, expected) in cases {
        let mut world = World::new();
        world.apply(&text("x", lifecycle)).await;
        world.fake.take_log();
        let applied = world.apply(&text("y", lifecycle)).await;
        assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
        assert_eq!(world.fake.take_log(), expected, "{lifecycle}");
        assert_eq!(world.fake.cloud().objects.len(), 2);
        assert!(world.state.objects().all(|(_, deposed, ..)| deposed.is_none()));
    }
}

#[tokio::test]
async fn what_no_longer_needs_a_removed_object_is_updated_before_that_goes() {
    let before = r#"
        resource "fake_thing" "wall" { name = "wall" }
        resource "fake_thing" "house" {
            name  = "house"
            needs = [fake_thing.wall.id]
        }
    "#;
    let after = r#"resource "fake_thing" "house" { name = "house" }"#;
    let mut world = World::new();
    world.apply(before).await;
    world.fake.take_log();
    world.apply(after).await;
    assert_eq!(world.fake.take_log(), ["update house", "delete wall"]);
}

#[tokio::test]
async fn a_failure_stops_only_what_waits_for_it_and_leaves_a_true_state() {
    let text = r#"
        resource "fake_thing" "a" { name = "a" }
        resource "fake_thing" "b" {
            name  = "b"
            needs = [fake_thing.a.id]
        }
        resource "fake_thing" "c" { name = "c" }
    "#;
    let mut world = World::new();
    world.fake.cloud().fail.push("a".into());
    let applied = world.apply(text).await;
    assert_eq!(summaries(&applied.diagnostics), ["Thing failed"]);
    assert_eq!((applied.failed, applied.skipped), (1, 1), "a failed, b was never begun");
    assert_eq!(world.fake.take_log(), ["create c"]);
    assert_eq!(world.state.objects().map(|(a, ..)| a.to_string()).collect::<Vec<_>>(), ["fake_thing.c"]);
    let applied = world.apply(text).await;
    assert!(applied.diagnostics.is_empty());
    assert_eq!(world.fake.take_log(), ["create a", "create b"]);
}

/// As Terraform does: what a provider notes of an object in planning its replacement reaches both of its operations.
#[tokio::test]
async fn what_was_noted_in_planning_a_replacement_reaches_the_deletion() {
    let text =
        |zone: &str| format!("resource \"fake_thing\" \"a\" {{\n  name = \"a\"\n  zone = \"{zone}\"\n}}");
    let mut world = World::new();
    world.apply(&text("x")).await;
    assert!(world.fake.cloud().noted.is_empty());
    assert!(world.apply(&text("y")).await.diagnostics.is_empty());
    assert!(world.fake.cloud().noted.iter().eq(["create a", "delete a"]));
}

/// As Terraform does, whether configuration makes a value sensitive or the schema, and whether or not there is one.
#[tokio::test]
async fn a_state_names_what_is_sensitive() {
    let thing = |rest: &str| {
        format!(
            "variable \"v\" {{\n  sensitive = true\n  default = \"v\"\n}}\nresource \"fake_thing\" \"a\" {{\n  name = \"a\"\n  {rest}\n}}"
        )
    };
    for (rest, expected) in [
        ("", &[".secret"][..]),
        ("secret = \"s\"", &[".secret"]),
        ("secret = var.v", &[".secret"]),
        ("tags = { one = \"o\", two = var.v }", &[".secret", ".tags[\"two\"]"]),
        ("zone = var.v", &[".secret", ".zone"]),
    ] {
        let mut world = World::new();
        let applied = world.apply(&thing(rest)).await;
        assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
        let object = world.state.current(&"fake_thing.a".parse().unwrap()).unwrap();
        let paths: Vec<String> = object.sensitive_paths.iter().map(ToString::to_string).collect();
        assert_eq!(paths, expected, "{rest}");
        assert!(!world.plan(&thing(rest)).await.unwrap().has_changes(), "{rest}");
    }
}

#[tokio::test]
async fn a_failed_creation_in_front_of_a_deletion_keeps_the_old_object() {
    let text = |zone: &str| {
        format!(
            "resource \"fake_thing\" \"a\" {{\n  name = \"a\"\n  zone = \"{zone}\"\n  lifecycle {{\n    create_before_destroy = true\n  }}\n}}"
        )
    };
    let mut world = World::new();
    world.apply(&text("x")).await;
    world.fake.cloud().fail.push("a".into());
    let applied = world.apply(&text("y")).await;
    assert_eq!(summaries(&applied.diagnostics), ["Thing failed"]);
    let object = world.state.current(&"fake_thing.a".parse().unwrap()).unwrap().clone();
    assert_eq!(object.attributes.to_value()["id"], "id-1");
    assert_eq!(world.fake.cloud().objects.len(), 1);
}

/// An object that should let go of another one, and failed to: until it has, the other one must not go away.
#[tokio::test]
async fn a_failed_update_still_needs_what_it_needed_before() {
    let both = r#"
        resource "fake_thing" "a" { name = "a" }
        resource "fake_thing" "b" {
            name  = "b"
            needs = [fake_thing.a.id]
        }
    "#;
    let one = "resource \"fake_thing\" \"b\" { name = \"b\" }";
    let mut world = World::new();
    world.apply(both).await;
    world.fake.take_log();
    world.fake.cloud().fail.push("b".into());
    assert_eq!(summaries(&world.apply(one).await.diagnostics), ["Thing failed"]);
    assert_eq!(world.fake.take_log(), [""; 0], "a waits for b");
    assert!(world.apply(one).await.diagnostics.is_empty());
    assert_eq!(world.fake.take_log(), ["update b", "delete a"]);
}

#[tokio::test]
async fn a_panic_in_a_provider_is_a_failure_like_others() {
    let mut world = World::new();
    world.fake.cloud().panic.push("a".into());
    let text = r#"
        resource "fake_thing" "a" { name = "a" }
        resource "fake_thing" "b" { name = "b" }
    "#;
    let applied = world.apply(text).await;
    assert_eq!(summaries(&applied.diagnostics), ["Provider failed unexpectedly"]);
    assert!(applied.diagnostics.0[0].detail.contains("a went wrong"));
    assert_eq!(world.fake.take_log(), ["create b"]);
}

#[tokio::test]
async fn every_mutation_is_journaled_before_and_after() {
    let mut world = World::new();
    world.apply(r#"resource "fake_thing" "a" { name = "a" }"#).await;
    let kinds: Vec<&str> = world
        .journal
        .records()
        .iter()
        .map(|r| match r {
            Record::Intent(_) => "intent",
            Record::Checkpoint { .. } => "checkpoint",
            Record::Result { .. } => "result",
            Record::Changes(_) => "changes",
            Record::Outputs(_) => "outputs",
            Record::Continued { .. } => "continued",
            Record::Commit { .. } => "commit",
        })
        .collect();
    assert_eq!(kinds, ["intent", "checkpoint", "result", "outputs"]);
}

#[tokio::test]
async fn a_move_is_journaled_before_what_is_done_to_the_object() {
    let mut world = World::new();
    world.apply(r#"resource "fake_thing" "a" { name = "a" }"#).await;
    let mut base = world.state.clone();
    world.journal = Arc::new(MemoryJournal::new());
    let counted = r#"
        resource "fake_thing" "a" {
            count = 1
            name  = "b"
        }
    "#;
    world.apply(counted).await;
    for record in world.journal.records() {
        match record {
            Record::Changes(changes) | Record::Result { changes, .. } => {
                changes.iter().for_each(|change| change.apply(&mut base));
            }
            _ => {}
        }
    }
    assert!(world.state.current(&"fake_thing.a[0]".parse().unwrap()).is_some());
    assert_eq!(
        base.resources, world.state.resources,
        "the journal leads from the state before to the one after"
    );
}

#[tokio::test]
async fn nothing_is_begun_when_the_journal_cannot_be_written() {
    for records in 1..4 {
        let mut world = World::new();
        world.journal = Arc::new(MemoryJournal::full_after(records));
        let applied = world.apply(CHAIN).await;
        assert!(
            summaries(&applied.diagnostics).contains(&"Journal could not be written".to_owned()),
            "{records}"
        );
        let created = world.fake.take_log();
        assert_eq!(created, ["create a"], "{records}: nothing after the first failure");
    }
}

#[tokio::test]
async fn a_request_to_stop_lets_nothing_new_begin() {
    let mut world = World::new();
    let plan = world.plan(CHAIN).await.unwrap();
    world.stop.send_replace(StopLevel::Finish);
    let applied = world.apply_plan(CHAIN, &plan).await;
    assert_eq!(applied.skipped, 3);
    assert!(world.fake.take_log().is_empty());
    assert!(world.recorder.events().iter().any(|e| matches!(e, Event::Stopping { .. })));
}

#[tokio::test]
async fn a_plan_read_back_from_its_file_does_the_same() {
    let mut world = World::new();
    world.apply(r#"resource "fake_thing" "c" { name = "old" }"#).await;
    world.fake.take_log();
    let plan = world.plan(CHAIN).await.unwrap();
    let bytes = planfile::to_bytes(&plan, b"configuration").unwrap();
    let read = planfile::from_reader(std::io::Cursor::new(&bytes), "test").unwrap();
    assert_eq!(read.configuration, b"configuration");
    assert_eq!(read.plan.graph, plan.graph);
    assert_eq!(actions(&read.plan), actions(&plan));
    let applied = world.apply_plan(CHAIN, &read.plan).await;
    assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
    assert_eq!(world.fake.take_log(), ["create a", "create b-id-2", "update c-id-3"]);
}

#[tokio::test]
async fn a_saved_plan_is_given_its_ephemeral_values_again() {
    const TEXT: &str = r#"
        variable "key" {
          type      = string
          ephemeral = true
          validation {
            condition     = var.key != "refused"
            error_message = "Not this one."
          }
        }
        variable "other" {
          type      = number
          ephemeral = true
          default   = 1
        }
        variable "plain" { default = "kept" }
        resource "fake_thing" "a" { name = var.plain }
    "#;
    let mut world = World::new();
    world.variable("key", "secret-at-planning");
    let plan = world.plan(TEXT).await.unwrap();
    let bytes = planfile::to_bytes(&plan, b"").unwrap();
    let read = || planfile::from_reader(std::io::Cursor::new(&bytes), "test").unwrap().plan;
    assert!(!format!("{:?}", read()).contains("secret-at-planning"));
    assert_eq!(read().variables.keys().map(|name| &**name).collect::<Vec<_>>(), ["plain"]);

    let config = world.setup(TEXT).unwrap().config;
    let again = |given: &[(&str, &str)]| {
        let value =
            |text: &str| InputValue { raw: RawInput::Text(text.into()), origin: "here".into(), span: None };
        let given = given.iter().map(|(name, text)| (Arc::from(*name), value(text))).collect();
        let mut plan = read();
        let wrong = give_ephemeral(&mut plan, &config, &given);
        (plan, summaries(&wrong))
    };
    // What Terraform 1.11 says.
    for (given, summary) in [
        (&[][..], "No value for required variable"),
        (&[("key", "secret"), ("other", "2")], "Ephemeral variable was not set during planning"),
    ] {
        assert_eq!(again(given).1, [summary], "{given:?}");
    }
    let (refused, wrong) = again(&[("key", "refused"), ("plain", "not used")]);
    assert!(wrong.is_empty(), "{wrong:?}");
    let applied = World::new().apply_plan(TEXT, &refused).await;
    assert_eq!(summaries(&applied.diagnostics), ["Invalid value for variable"]);
    let (plan, wrong) = again(&[("key", "another secret"), ("plain", "not used")]);
    assert!(wrong.is_empty(), "{wrong:?}");
    let applied = world.apply_plan(TEXT, &plan).await;
    assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
    assert_eq!(world.fake.take_log(), ["create kept"]);
}

#[tokio::test]
async fn damaged_planfiles_are_refused_without_a_panic() {
    let world = World::new();
    let plan = world.plan(CHAIN).await.unwrap();
    let bytes = planfile::to_bytes(&plan, b"configuration").unwrap();
    for cut in (0..bytes.len()).step_by(37) {
        assert!(planfile::from_reader(std::io::Cursor::new(&bytes[..cut]), "test").is_err());
        let mut wrong = bytes.clone();
        wrong[cut] ^= 0x55;
        // Some bytes of an archive do not matter; none may do harm.
        let _ = planfile::from_reader(std::io::Cursor::new(&wrong), "test");
    }
}

#[tokio::test]
async fn an_update_that_turns_out_to_change_nothing_is_left_out() {
    let text = |name: &str| {
        format!(
            "resource \"fake_thing\" \"a\" {{\n  name = \"{name}\"\n}}\nresource \"fake_thing\" \"b\" {{\n  name = \"b\"\n  tags = {{ x = \"${{length(fake_thing.a.address) > 0}}\" }}\n}}\n"
        )
    };
    let resized =
        |size: u32| text("a").replacen("name = \"a\"", &format!("name = \"a\"\n  size = {size}"), 1);
    let mut world = World::new();
    world.apply(&resized(1)).await;
    world.fake.take_log();
    let plan = world.plan(&resized(2)).await.unwrap();
    assert_eq!(actions(&plan), ["fake_thing.a update", "fake_thing.b update"]);
    let applied = world.apply_plan(&resized(2), &plan).await;
    assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
    assert_eq!(world.fake.take_log(), ["update a"]);
    assert_eq!(applied.done, Done { imported: 0, added: 0, changed: 1, destroyed: 0 });
}

#[tokio::test]
async fn a_provider_that_nobody_answers_for_is_one_error_and_nothing_is_begun() {
    let text = "resource \"fake_thing\" \"a\" {\n  count = 5\n  name  = \"a${count.index}\"\n}\nresource \"terraform_data\" \"b\" {}\n";
    let mut world = World::new();
    world.fake.cloud().silent = true;
    let applied = world.apply(text).await;
    assert_eq!(summaries(&applied.diagnostics), ["Nobody answers"]);
    assert_eq!(
        (applied.done.added, applied.failed, applied.skipped),
        (1, 0, 5),
        "what has another provider is done"
    );
    assert!(
        !world
            .journal
            .records()
            .iter()
            .any(|r| matches!(r, Record::Intent(i) if i.address.to_string().contains("fake")))
    );
    world.fake.cloud().silent = false;
    assert!(world.apply(text).await.diagnostics.is_empty());
}

/// A configuration that calls the function of the provider `fake`, which is required.
fn shouting(expression: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    loud = {{\n      source = \"hashicorp/fake\"\n    }}\n  }}\n}}\n\
         resource \"fake_thing\" \"a\" {{\n  provider = loud\n  name     = \"a\"\n}}\n\
         output \"o\" {{\n  value = {expression}\n}}\n"
    )
}

#[tokio::test]
async fn functions_of_providers_are_called_by_local_name_as_soon_as_their_arguments_are_known() {
    for (expression, planned, applied) in [
        ("provider::loud::shout(\"hey\")", Some("HEY"), "HEY"),
        ("provider::loud::shout(fake_thing.a.id)", None, "ID-1"),
        ("try(provider::loud::shout(\"\"), \"quiet\")", Some("quiet"), "quiet"),
        ("try(provider::fake::shout(\"hey\"), \"quiet\")", Some("quiet"), "quiet"),
    ] {
        let mut world = World::new();
        let text = shouting(expression);
        let plan = world.plan(&text).await.unwrap_or_else(|e| panic!("{expression}: {e:?}"));
        assert_eq!(plan.outputs[0].after.as_str(), planned, "{expression}");
        let done = world.apply_plan(&text, &plan).await;
        assert!(done.diagnostics.is_empty(), "{expression}: {:?}", done.diagnostics);
        assert_eq!(done.state.outputs["o"].value.as_str(), Some(applied), "{expression}");
    }
}

#[tokio::test]
async fn a_function_of_a_provider_that_fails_or_panics_is_a_diagnostic_at_the_call() {
    for (expression, summary, detail) in [
        (
            "provider::loud::shout(\"\")",
            "Invalid function argument",
            "Invalid value for \"text\" parameter: there is nothing to shout.",
        ),
        (
            "provider::loud::shout(\"panic\")",
            "Error in function call",
            "Call to function \"provider::loud::shout\" failed: the provider panicked, which is a bug in it.",
        ),
    ] {
        let planned = World::new().plan_all(&shouting(expression)).await;
        let found: Vec<_> = planned
            .diagnostics
            .iter()
            .map(|d| (&*d.summary, d.detail.as_str(), d.subject.is_some()))
            .collect();
        assert_eq!(found, [(summary, detail, true)], "{expression}");
    }
}
