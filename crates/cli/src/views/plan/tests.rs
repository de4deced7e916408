use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{AttrPath, Type, Value};
use ferroform_plan::{Action, ActionReason, PlanMode, ResourceChange};
use ferroform_provider::ProviderSchema;
use ferroform_state::DeposedKey;
use serde_json::json;

use super::*;
use crate::views::testing::{assert_same_lines, change, empty_plan, plan, provider_of, schemas, value};

/// Plans that Terraform 1.11.4 made of terraform_data objects and outputs, with its text of them.
const RECORDED: &str = include_str!("../testdata/plans.json");

/// A text of Terraform as this program has it.
fn ours(text: &str) -> String {
    let text = text.replace("Terraform", "Ferroform").replace("terraform apply", "ferroform apply");
    // Line breaks fall elsewhere only if the names were of different length, which they are not.
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn plans_read_as_those_of_terraform() {
    let recorded: serde_json::Value = serde_json::from_str(RECORDED).unwrap();
    for (name, recording) in recorded.as_object().unwrap() {
        let mut plan = plan(recording);
        // Terraform does not say it of attributes of any type; there are no others here.
        plan.changes.iter_mut().for_each(|change| change.replace_paths.clear());
        let text = ours(&render_plan(&plan, &schemas(), &Style::plain()));
        let expected = ours(recording["text"].as_str().unwrap());
        assert_same_lines(&text, &expected, name);
    }
}

/// Schemas with blocks and typed collections, such as those of published providers.
fn server_schemas() -> Schemas<'static> {
    let text = || Attribute::optional(Type::String);
    let network = Block::of([("network_id", Attribute::required(Type::Number)), ("ip", text())]);
    let block = Block::of([
        ("id", Attribute::computed(Type::String)),
        ("name", text()),
        ("image", text()),
        ("user_data", text()),
        ("backups", Attribute::optional(Type::Bool)),
        ("labels", Attribute::optional(Type::map(Type::String))),
        ("ssh_keys", Attribute::optional(Type::list(Type::String))),
        ("firewall_ids", Attribute::optional(Type::set(Type::Number))),
        ("password", text().sensitive()),
    ])
    .with_block("network", NestedBlock::new(Nesting::Set, network.clone()))
    .with_block("timeouts", NestedBlock::new(Nesting::Single, Block::of([("create", text())])))
    .with_block(
        "volume",
        NestedBlock::new(Nesting::List, Block::of([("size", Attribute::required(Type::Number))])),
    );
    let provider = ProviderSchema {
        provider: Block::default(),
        resources: [("hcloud_server".into(), Schema { version: 0, block })].into(),
        ..ProviderSchema::default()
    };
    Schemas::fixed([(ferroform_core::addr::ProviderSource::implied("hcloud"), provider)])
}

fn server(action: Action, before: serde_json::Value, after: Value) -> ResourceChange {
    let mut change = change("hcloud_server.web", action, value(&before), after);
    change.provider = provider_of(ferroform_core::addr::ProviderSource::implied("hcloud"));
    change
}

/// The text of one change, without legend and numbers.
fn check(change: ResourceChange, expected: &str) {
    let mut plan = empty_plan();
    plan.changes.push(change);
    let text = render_plan(&plan, &server_schemas(), &Style::plain());
    let body = text.split_once("following actions:\n\n").unwrap().1.split_once("\n\nPlan:").unwrap().0;
    assert_eq!(body, expected.trim_matches('\n'));
}

#[test]
fn blocks_and_collections_of_a_new_object() {
    let after = Value::object([
        ("id", Value::unknown(Type::String)),
        ("name", value(&json!("web"))),
        ("image", value(&json!(""))),
        ("backups", value(&json!(null))),
        ("labels", value(&json!({ "a": "1", "long key": "2" }))),
        ("ssh_keys", Value::unknown(Type::list(Type::String))),
        ("firewall_ids", value(&json!([1, 2]))),
        ("password", value(&json!("hunter2"))),
        ("network", value(&json!([{ "network_id": 1, "ip": "10.0.0.2" }, { "network_id": 2, "ip": null }]))),
        ("volume", Value::unknown(Type::Dynamic)),
    ]);
    check(
        server(Action::Create, json!(null), after),
        r#"
  # hcloud_server.web will be created
  + resource "hcloud_server" "web" {
      + firewall_ids = [
          + 1,
          + 2,
        ]
      + id           = (known after apply)
      + labels       = {
          + "a"        = "1"
          + "long key" = "2"
        }
      + name         = "web"
      + password     = (sensitive value)
      + ssh_keys     = (known after apply)
        # (1 unchanged attribute hidden)

      + network {
          + ip         = "10.0.0.2"
          + network_id = 1
        }
      + network {
          + network_id = 2
        }

      + volume (known after apply)
    }"#,
    );
}

#[test]
fn blocks_and_collections_of_an_update() {
    let before = json!({
        "id": "42", "name": "web", "image": "ubuntu-24.04", "backups": false, "password": "hunter2",
        "labels": { "a": "1", "b": "2", "c": "3" },
        "ssh_keys": ["k1"], "firewall_ids": [1, 2],
        "network": [{ "network_id": 1, "ip": "10.0.0.2" }, { "network_id": 2, "ip": "10.1.0.2" }],
        "volume": [{ "size": 10 }, { "size": 20 }],
        "timeouts": { "create": "1m" },
        "user_data": "#!/bin/sh\necho 1\n",
    });
    let mut after = before.clone();
    after["backups"] = json!(true);
    after["labels"] = json!({ "a": "1", "b": "x", "d": "4" });
    after["firewall_ids"] = json!([2, 3]);
    after["password"] = json!("hunter3");
    after["network"] = json!([{ "network_id": 1, "ip": "10.0.0.2" }, { "network_id": 2, "ip": "10.1.0.3" }]);
    after["volume"] = json!([{ "size": 10 }, { "size": 30 }]);
    after["timeouts"] = json!(null);
    after["user_data"] = json!("#!/bin/sh\necho 2\n");
    check(
        server(Action::Update, before, value(&after)),
        r##"
  # hcloud_server.web will be updated in-place
  ~ resource "hcloud_server" "web" {
      ~ backups      = false -> true
      ~ firewall_ids = [
          - 1,
          + 3,
            # (1 unchanged element hidden)
        ]
        id           = "42"
      ~ labels       = {
          ~ "b" = "2" -> "x"
          - "c" = "3" -> null
          + "d" = "4"
            # (1 unchanged element hidden)
        }
        name         = "web"
      ~ password     = (sensitive value)
      ~ user_data    = <<-EOT
            #!/bin/sh
          - echo 1
          + echo 2
        EOT
        # (2 unchanged attributes hidden)

      - network {
          - ip         = "10.1.0.2" -> null
          - network_id = 2 -> null
        }
      + network {
          + ip         = "10.1.0.3"
          + network_id = 2
        }

      - timeouts {
          - create = "1m" -> null
        }

      ~ volume {
          ~ size = 20 -> 30
        }

        # (2 unchanged blocks hidden)
    }"##,
    );
}

#[test]
fn what_asks_for_a_replacement_is_marked() {
    let before = json!({
        "id": "42", "name": "web", "image": "a", "ssh_keys": ["k1", "k2"],
        "network": [{ "network_id": 1, "ip": "10.0.0.2" }],
        "volume": [{ "size": 10 }],
    });
    let after = Value::object([
        ("id", Value::unknown(Type::String)),
        ("name", value(&json!("web"))),
        ("image", Value::unknown(Type::String)),
        ("ssh_keys", value(&json!(["k1"]))),
        ("network", value(&json!([]))),
        ("volume", value(&json!([{ "size": 20 }]))),
    ]);
    let mut change = server(Action::CreateThenDelete, before, after);
    change.reason = Some(ActionReason::CannotUpdate);
    change.replace_paths = vec![
        AttrPath::attr("image"),
        AttrPath::attr("ssh_keys"),
        AttrPath::attr("network"),
        AttrPath::attr("volume").with_index(0).with_attr("size"),
    ];
    check(
        change,
        r#"
  # hcloud_server.web must be replaced
+/- resource "hcloud_server" "web" {
      ~ id       = "42" -> (known after apply)
      ~ image    = "a" -> (known after apply) # forces replacement
        name     = "web"
      ~ ssh_keys = [ # forces replacement
            "k1",
          - "k2",
        ]

      - network { # forces replacement
          - ip         = "10.0.0.2" -> null
          - network_id = 1 -> null
        }

      ~ volume {
          ~ size = 10 -> 20 # forces replacement
        }
    }"#,
    );
}

#[test]
fn a_new_address_is_said_with_or_without_changes() {
    let object = || value(&json!({ "id": "1", "output": "x" }));
    let mut plan = empty_plan();
    plan.moves = [("terraform_data.a", "terraform_data.a[0]"), ("terraform_data.b", "terraform_data.b[0]")]
        .map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap()))
        .into();
    plan.changes.push(change("terraform_data.a[0]", Action::NoOp, object(), object()));
    let text = render_plan(&plan, &schemas(), &Style::plain());
    let expected = "
Ferroform will perform the following actions:

  # terraform_data.a has moved to terraform_data.a[0]
    resource \"terraform_data\" \"a\" {
        id     = \"1\"
        # (1 unchanged attribute hidden)
    }

Plan: 0 to add, 0 to change, 0 to destroy.
";
    assert_eq!(text, expected);
    let update = change("terraform_data.b[0]", Action::Update, object(), object());
    let view = View { plan: &plan, schemas: &schemas(), style: &Style::plain() };
    let heading = "  # terraform_data.b[0] will be updated in-place\n  # (moved from terraform_data.b)";
    assert_eq!(view.comment(&update, Cause::Planned), heading);
}

#[test]
fn the_heading_says_why() {
    fn heading(
        action: Action,
        reason: Option<ActionReason>,
        addr: &str,
        deposed: Option<u32>,
        expected: &str,
    ) {
        let object = || value(&json!({ "id": "1" }));
        let mut change = change(addr, action, object(), object());
        change.reason = reason;
        change.deposed = deposed.map(DeposedKey);
        let plan = empty_plan();
        let view = View { plan: &plan, schemas: &schemas(), style: &Style::plain() };
        assert_eq!(view.comment(&change, Cause::Planned), expected);
    }
    let replace = Action::DeleteThenCreate;
    heading(
        replace,
        Some(ActionReason::ReplaceByRequest),
        "a.b",
        None,
        "  # a.b will be replaced, as requested",
    );
    heading(
        Action::Delete,
        Some(ActionReason::NoModule),
        "module.m[0].a.b",
        None,
        "  # module.m[0].a.b will be destroyed\n  # (because module.m[0] is not in configuration)",
    );
    heading(
        Action::Delete,
        Some(ActionReason::WrongRepetition),
        "a.b[1]",
        None,
        "  # a.b[1] will be destroyed\n  # (because resource does not use count)",
    );
    heading(
        Action::Delete,
        Some(ActionReason::Deposed),
        "a.b",
        Some(0x1234_abcd),
        "  # a.b (deposed object 1234abcd) will be destroyed\n  # (left over from a partially-failed replacement of this instance)",
    );
    heading(
        Action::Forget,
        Some(ActionReason::NoResourceConfig),
        "a.b",
        None,
        " # a.b will no longer be managed by Ferroform, but will not be destroyed\n # (destroy = false is set in the configuration)",
    );
    heading(
        Action::Forget,
        Some(ActionReason::Deposed),
        "a.b",
        Some(0x1234_abcd),
        " # a.b (deposed object 1234abcd) will be removed from Ferroform state, but will not be destroyed\n # (left over from a partially-failed replacement of this instance)\n # (destroy = false is set in the configuration)",
    );
    heading(
        Action::Read,
        Some(ActionReason::DependencyPending),
        "data.a.b",
        None,
        "  # data.a.b will be read during apply\n  # (depends on a resource or a module with changes pending)",
    );
}

#[test]
fn without_changes_the_plan_says_so_in_words_for_its_mode() {
    for (mode, heading) in [
        (PlanMode::Normal, "No changes. Your infrastructure matches the configuration."),
        (PlanMode::Destroy, "No changes. No objects need to be destroyed."),
        (PlanMode::RefreshOnly, "No changes. Your infrastructure still matches the configuration."),
    ] {
        let mut plan = empty_plan();
        plan.mode = mode;
        let text = render_plan(&plan, &schemas(), &Style::plain());
        assert!(text.starts_with(&format!("\n{heading}\n\n")), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 78), "{text}");
    }
}

#[test]
fn drift_stands_before_the_plan_and_alone_only_when_refreshing() {
    let drifted = || {
        change(
            "terraform_data.a",
            Action::Update,
            value(&json!({ "input": 1 })),
            value(&json!({ "input": 2 })),
        )
    };
    let mut plan = empty_plan();
    plan.drift.push(drifted());
    assert!(render_plan(&plan, &schemas(), &Style::plain()).starts_with("\nNo changes."));
    plan.mode = PlanMode::RefreshOnly;
    let text = render_plan(&plan, &schemas(), &Style::plain());
    assert!(text.contains("  # terraform_data.a has changed\n  ~ resource"), "{text}");
    assert!(text.contains("This is a refresh-only plan") && !text.contains("No changes"), "{text}");
    plan.mode = PlanMode::Normal;
    plan.changes.push(drifted());
    let text = render_plan(&plan, &schemas(), &Style::plain());
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text}"));
    assert!(
        at("Note: Objects have changed outside of Ferroform") < at("───")
            && at("───") < at("will be updated in-place")
    );
}

#[test]
fn colours_add_escapes_and_change_nothing_else() {
    let recorded: serde_json::Value = serde_json::from_str(RECORDED).unwrap();
    let plan = plan(&recorded["change"]);
    let plain = render_plan(&plan, &schemas(), &Style::plain());
    let coloured = render_plan(&plan, &schemas(), &Style { color: true, width: 78 });
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped += before;
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(stripped + rest, plain);
}
