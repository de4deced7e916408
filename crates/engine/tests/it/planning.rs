//! What is planned for which configuration and state.

use ferroform_plan::{Action, PlanMode};

use crate::harness::{World, actions, summaries};

/// Applies `before`, then plans `after` and expects these actions.
async fn check(name: &str, before: &str, after: &str, expected: &[&str]) {
    let mut world = World::new();
    if !before.is_empty() {
        let applied = world.apply(before).await;
        assert!(applied.diagnostics.is_empty(), "{name}: {:?}", applied.diagnostics);
    }
    let plan = world.plan(after).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    assert_eq!(actions(&plan), expected, "{name}");
}

#[tokio::test]
async fn actions_follow_from_configuration_and_state() {
    let a = r#"resource "fake_thing" "a" { name = "a" }"#;
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("a new block", "", a, &["fake_thing.a create"]),
        ("nothing changed", a, a, &[]),
        ("an update", a, r#"resource "fake_thing" "a" { name = "b" }"#, &["fake_thing.a update"]),
        ("a removed block", a, "locals {}", &["fake_thing.a delete (no-resource-config)"]),
        (
            "an attribute that forces a new object",
            r#"resource "fake_thing" "a" {
                name = "a"
                zone = "x"
            }"#,
            r#"resource "fake_thing" "a" {
                name = "a"
                zone = "y"
            }"#,
            &["fake_thing.a delete-then-create (cannot-update)"],
        ),
        (
            "the same, creating first",
            r#"resource "fake_thing" "a" {
                name = "a"
                zone = "x"
            }"#,
            r#"resource "fake_thing" "a" {
                name = "a"
                zone = "y"
                lifecycle { create_before_destroy = true }
            }"#,
            &["fake_thing.a create-then-delete (cannot-update)"],
        ),
        (
            "a smaller count",
            r#"resource "fake_thing" "a" {
                count = 3
                name = "a${count.index}"
            }"#,
            r#"resource "fake_thing" "a" {
                count = 1
                name = "a${count.index}"
            }"#,
            &["fake_thing.a[1] delete (count-index)", "fake_thing.a[2] delete (count-index)"],
        ),
        (
            "another key",
            r#"resource "fake_thing" "a" {
                for_each = toset(["x", "y"])
                name = each.key
            }"#,
            r#"resource "fake_thing" "a" {
                for_each = toset(["x", "z"])
                name = each.value
            }"#,
            &["fake_thing.a[\"y\"] delete (each-key)", "fake_thing.a[\"z\"] create"],
        ),
        (
            "from single to counted, where the object stays",
            a,
            r#"resource "fake_thing" "a" {
                count = 2
                name = "a"
            }"#,
            &["fake_thing.a[1] create"],
        ),
        (
            "a removed module",
            r#"
            module "m" { source = "./m" }
            //- m/main.tf
            resource "fake_thing" "a" { name = "a" }
            "#,
            "locals {}",
            &["module.m.fake_thing.a delete (no-resource-config)"],
        ),
        (
            "ignored changes",
            r#"resource "fake_thing" "a" {
                name = "a"
                size = 1
                tags = { x = "1", y = "1" }
            }"#,
            r#"resource "fake_thing" "a" {
                name = "a"
                size = 2
                tags = { x = "2", y = "2" }
                lifecycle { ignore_changes = [size, tags["x"]] }
            }"#,
            &["fake_thing.a update"],
        ),
        (
            "all changes ignored",
            a,
            r#"resource "fake_thing" "a" {
                name = "b"
                lifecycle { ignore_changes = all }
            }"#,
            &[],
        ),
        (
            "a trigger that fires",
            r#"
            resource "fake_thing" "a" { name = "a" }
            resource "fake_thing" "b" { name = "b" }
            "#,
            r#"
            resource "fake_thing" "a" { name = "c" }
            resource "fake_thing" "b" {
                name = "b"
                lifecycle { replace_triggered_by = [fake_thing.a.name] }
            }
            "#,
            &["fake_thing.a update", "fake_thing.b delete-then-create (replace-by-triggers)"],
        ),
        (
            "a trigger that does not fire",
            r#"
            resource "fake_thing" "a" { name = "a" }
            resource "fake_thing" "b" { name = "b" }
            "#,
            r#"
            resource "fake_thing" "a" { name = "c" }
            resource "fake_thing" "b" {
                name = "b"
                lifecycle { replace_triggered_by = [fake_thing.a.id] }
            }
            "#,
            &["fake_thing.a update"],
        ),
        (
            "a data source that waits for what it depends on",
            "",
            r#"
            resource "fake_thing" "a" { name = "a" }
            data "fake_thing" "d" {
                name = "a"
                depends_on = [fake_thing.a]
            }
            "#,
            &["data.fake_thing.d read (dependency-pending)", "fake_thing.a create"],
        ),
        (
            "a data source that waits for its arguments",
            "",
            r#"
            resource "fake_thing" "a" { name = "a" }
            data "fake_thing" "d" { name = fake_thing.a.id }
            "#,
            &["data.fake_thing.d read (config-unknown)", "fake_thing.a create"],
        ),
    ];
    for (name, before, after, expected) in cases {
        check(name, before, after, expected).await;
    }
}

#[tokio::test]
async fn unknown_values_go_through_locals_modules_and_outputs() {
    let world = World::new();
    let plan = world
        .plan(
            r#"
            resource "fake_thing" "a" { name = "a" }
            module "m" {
                source = "./m"
                from = "x-${fake_thing.a.id}"
            }
            resource "fake_thing" "c" { name = module.m.out }
            output "known" { value = startswith(module.m.out, "x-") }
            output "unknown" { value = module.m.out }
            //- m/main.tf
            variable "from" { type = string }
            locals { upper = var.from }
            resource "fake_thing" "b" { name = local.upper }
            output "out" { value = fake_thing.b.name }
            "#,
        )
        .await
        .unwrap();
    let by_name = |name: &str| &plan.outputs.iter().find(|o| &*o.name == name).unwrap().after;
    assert_eq!(by_name("known").as_bool(), Some(true));
    assert!(!by_name("unknown").is_known());
    let c = plan.changes.iter().find(|c| c.addr.to_string() == "fake_thing.c").unwrap();
    assert!(c.config_unknown);
    let dependencies: Vec<String> = c.dependencies.iter().map(ToString::to_string).collect();
    assert_eq!(dependencies, ["fake_thing.a", "module.m.fake_thing.b"]);
}

#[tokio::test]
async fn drift_is_found_and_reported_apart() {
    let text = r#"
        resource "fake_thing" "a" { name = "a" }
        resource "fake_thing" "b" { name = "b" }
    "#;
    let mut world = World::new();
    world.apply(text).await;
    {
        let mut cloud = world.fake.cloud();
        cloud.objects.remove("id-1");
        cloud.reads.clear();
    }
    let plan = world.plan(text).await.unwrap();
    assert_eq!(plan.drift.len(), 1);
    assert_eq!(plan.drift[0].action, Action::Delete);
    assert_eq!(actions(&plan).len(), 1);
    assert!(actions(&plan)[0].ends_with("create"));
    assert_eq!(world.fake.cloud().reads, [2], "one batch");
    world.options.refresh = false;
    world.fake.cloud().reads.clear();
    let plan = world.plan(text).await.unwrap();
    assert!(actions(&plan).is_empty());
    assert!(world.fake.cloud().reads.is_empty());
}

#[tokio::test]
async fn a_tainted_object_is_replaced_and_replace_is_obeyed() {
    let text = r#"
        resource "fake_thing" "a" { name = "a" }
        resource "fake_thing" "b" { name = "b" }
    "#;
    let mut world = World::new();
    world.apply(text).await;
    world.replace(&["fake_thing.b"]);
    let plan = world.plan(text).await.unwrap();
    assert_eq!(actions(&plan), ["fake_thing.b delete-then-create (replace-by-request)"]);
}

#[tokio::test]
async fn targets_limit_the_plan_to_what_they_need() {
    let text = r#"
        resource "fake_thing" "a" { name = "a" }
        resource "fake_thing" "b" { name = fake_thing.a.id }
        resource "fake_thing" "c" { name = "c" }
        resource "fake_thing" "d" {
            count = 2
            name  = "d"
        }
    "#;
    let mut world = World::new();
    world.targets(&["fake_thing.b", "fake_thing.d[1]"]);
    let plan = world.plan(text).await.unwrap();
    assert_eq!(actions(&plan), ["fake_thing.a create", "fake_thing.b create", "fake_thing.d[1] create"]);
    world.targets(&["fake_thing.nothing"]);
    let planned = world.plan_all(text).await;
    let warnings: Vec<&str> = planned.diagnostics.iter().map(|d| &*d.summary).collect();
    assert_eq!(warnings, ["Resource targeting is in effect", "Unknown target address"]);
    assert_eq!(actions(&planned.plan.unwrap()), [""; 0]);
}

#[tokio::test]
async fn destroying_plans_every_object_and_obeys_targets_with_what_needs_them() {
    let text = r#"
        resource "fake_thing" "a" { name = "a" }
        resource "fake_thing" "b" { name = fake_thing.a.id }
        resource "fake_thing" "c" { name = "c" }
    "#;
    let mut world = World::new();
    world.apply(text).await;
    let mut world = world.mode(PlanMode::Destroy);
    let plan = world.plan(text).await.unwrap();
    assert_eq!(actions(&plan), ["fake_thing.a delete", "fake_thing.b delete", "fake_thing.c delete"]);
    world.targets(&["fake_thing.a"]);
    let plan = world.plan(text).await.unwrap();
    assert_eq!(actions(&plan), ["fake_thing.a delete", "fake_thing.b delete"]);
}

#[tokio::test]
async fn mistakes_give_the_summaries_of_terraform() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("a circle", "locals {\n  a = local.b\n  b = local.a\n}", &["Cycle"]),
        (
            "a count that is not known",
            r#"
            resource "fake_thing" "a" { name = "a" }
            resource "fake_thing" "b" {
                count = length(fake_thing.a.id)
                name = "b"
            }
            "#,
            &["Invalid count argument"],
        ),
        (
            "a missing variable",
            "variable \"x\" {}\noutput \"y\" {\n  value = var.x\n}",
            &["No value for required variable"],
        ),
        (
            "a failed precondition",
            r#"
            locals { one = 1 }
            resource "fake_thing" "a" {
                name = "a"
                lifecycle {
                    precondition {
                        condition     = local.one > 2
                        error_message = "No."
                    }
                }
            }
            "#,
            &["Resource precondition failed"],
        ),
        (
            "a failed postcondition",
            r#"
            resource "fake_thing" "a" {
                name = "a"
                lifecycle {
                    postcondition {
                        condition     = self.name == "b"
                        error_message = "No."
                    }
                }
            }
            "#,
            &["Resource postcondition failed"],
        ),
        (
            "a failed validation",
            r#"
            variable "x" {
                default = 1
                validation {
                    condition     = var.x > 1
                    error_message = "Too small."
                }
            }
            "#,
            &["Invalid value for variable"],
        ),
        (
            "a secret in an output",
            "variable \"x\" {\n  default = 1\n  sensitive = true\n}\noutput \"y\" {\n  value = var.x\n}",
            &["Output refers to sensitive values"],
        ),
        ("a provider that is not there", "resource \"aws_instance\" \"a\" {}", &["Provider not available"]),
        (
            "a data source that is not found",
            "data \"fake_thing\" \"d\" {\n  name = \"x\"\n}",
            &["Thing not found"],
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(World::new().plan(text).await.map(|p| actions(&p)).unwrap_err(), *expected, "{name}");
    }
}

#[tokio::test]
async fn prevent_destroy_stops_every_way_of_destroying() {
    let text = |zone: &str| {
        format!(
            "resource \"fake_thing\" \"a\" {{\n  name = \"a\"\n  zone = \"{zone}\"\n  lifecycle {{\n    prevent_destroy = true\n  }}\n}}"
        )
    };
    let mut world = World::new();
    world.apply(&text("x")).await;
    assert_eq!(world.plan(&text("y")).await.unwrap_err(), ["Instance cannot be destroyed"]);
    let world = world.mode(PlanMode::Destroy);
    assert_eq!(world.plan(&text("x")).await.unwrap_err(), ["Instance cannot be destroyed"]);
}

#[tokio::test]
async fn another_token_of_the_same_project_is_known_by_the_objects() {
    let text = "resource \"fake_thing\" \"a\" {\n  count = 3\n  name  = \"a${count.index}\"\n}\n";
    // How many of the three objects are found with the new token, and what comes of it.
    for (found, refused) in [(3, false), (2, false), (1, true), (0, true)] {
        let mut world = World::new();
        world.fake.cloud().project = Some("token one".into());
        world.apply(text).await;
        world.fake.cloud().project = Some("token two".into());
        let gone: Vec<String> = world.fake.cloud().objects.keys().skip(found).cloned().collect();
        gone.iter().for_each(|id| drop(world.fake.cloud().objects.remove(id)));
        let planned = world.plan_all(text).await;
        let expected: &[&str] = if refused { &["State belongs to another world"] } else { &[] };
        assert_eq!(summaries(&planned.diagnostics), expected, "{found}");
        let bound = world.bound.lock().unwrap()[0].project.clone();
        assert_eq!(bound, if refused { "token one" } else { "token two" });
    }
}
