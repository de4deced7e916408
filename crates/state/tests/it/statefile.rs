//! Statefiles as Terraform writes them; the files under `fixtures` were recorded from it by `fixtures/record.sh`.

use ferroform_state::file::{read, write};
use ferroform_state::{EachMode, State};

const RECORDED: [(&str, &str); 4] = [
    ("kinds", include_str!("../fixtures/kinds.json")),
    ("deposed", include_str!("../fixtures/deposed.json")),
    ("carried", include_str!("../fixtures/carried.json")),
    ("empty", include_str!("../fixtures/empty.json")),
];

fn recorded(name: &str) -> &'static str {
    RECORDED.iter().find(|(n, _)| *n == name).map(|(_, text)| *text).unwrap()
}

fn state(text: &str) -> State {
    read(text.as_bytes(), "t").unwrap().unwrap()
}

fn written(state: &State) -> String {
    String::from_utf8(write(state).unwrap()).unwrap()
}

#[test]
fn what_terraform_wrote_is_written_back_without_a_changed_byte() {
    for (name, text) in RECORDED {
        assert_eq!(written(&state(text)), text, "{name}");
    }
}

#[test]
fn layout_and_order_of_the_input_do_not_matter() {
    // carried.in.json is what Terraform read when it wrote carried.json, apart from a move.
    let mut read = state(include_str!("../fixtures/carried.in.json"));
    let from = "terraform_data.z".parse().unwrap();
    let to = "terraform_data.y".parse().unwrap();
    let provider = read.resources.values().next().unwrap().provider.clone();
    let object = read.remove_instance(&from).unwrap().current.unwrap();
    // Setting sorts dependencies, as Terraform does when it plans; moving leaves them as they are.
    let mut moved = read.clone();
    moved.set_current(&to, &provider, Some((*object).clone()));
    assert_eq!(moved.current(&to).unwrap().dependencies[0].to_string(), "data.terraform_remote_state.r");
    moved.serial = 8;
    moved.terraform_version = "1.11.4".into();
    let mut expected = state(recorded("carried"));
    expected.set_current(&to, &provider, expected.current(&to).map(|o| (**o).clone()));
    assert_eq!(written(&moved), written(&expected));
}

#[test]
fn attributes_keep_numbers_and_order() {
    let state = state(
        r#"{"version":4,"resources":[{"mode":"managed","type":"a","name":"b",
            "provider":"provider[\"terraform.io/builtin/terraform\"]",
            "instances":[{"attributes":{"z":1.50,"a":1e400,"m":-0}}]}]}"#,
    );
    let text = written(&state);
    assert!(text.contains("\"z\": 1.50,\n            \"a\": 1e400,\n            \"m\": -0\n"), "{text}");
}

#[test]
fn an_empty_file_is_no_state() {
    assert_eq!(read(b"", "t").unwrap(), None);
}

#[test]
fn what_is_absent_or_null_is_empty() {
    for text in [
        r#"{"version":4}"#,
        r#"{"version":4,"outputs":null,"resources":null,"check_results":null,"serial":null,"lineage":null}"#,
    ] {
        let state = state(text);
        assert!(state.is_empty() && state.serial == 0 && state.lineage.is_empty());
    }
}

#[test]
fn a_newer_program_is_accepted() {
    let text = recorded("empty").replace("1.11.4", "9.9.9");
    assert_eq!(written(&state(&text)), text);
}

#[test]
fn the_identity_of_newer_versions_is_carried_along() {
    let text = recorded("deposed").replacen(
        "\"sensitive_attributes\": [],",
        "\"sensitive_attributes\": [],\n          \"identity_schema_version\": 1,\n          \"identity\": {\n            \
            \"id\": \"7\"\n          },",
        1,
    );
    assert_ne!(text, recorded("deposed"));
    assert_eq!(written(&state(&text)), text);
}

#[test]
fn each_of_old_files_stays_while_it_fits_the_keys() {
    let text = recorded("deposed").replacen("\"provider\":", "\"each\": \"list\",\n      \"provider\":", 1);
    let mut state = state(&text);
    assert_eq!(written(&state), text);
    for resource in state.resources.values_mut() {
        resource.each = Some(EachMode::Map);
    }
    assert_eq!(written(&state), recorded("deposed"));
}

/// What is read, and the summary and a part of the detail of the refusal.
#[test]
fn what_is_not_a_statefile_is_refused_with_its_place() {
    let resource = |fields: &str| {
        format!(
            "{{\"version\":4,\"resources\":[{{\"mode\":\"managed\",\"type\":\"a\",\"name\":\"b\",\n\"provider\":\
             \"provider[\\\"terraform.io/builtin/terraform\\\"]\",{fields}}}]}}"
        )
    };
    let cannot = "Statefile cannot be read";
    let cut = &recorded("kinds")[..20_000];
    let cut_line = format!("line {}, column ", cut.lines().count());
    let deep = format!("\"instances\":[{{\"attributes\":{}{}}}]", "[".repeat(200), "]".repeat(200));
    let cases: &[(&str, &str, &str)] = &[
        (
            "{\"version\":5,\"terraform_version\":\"3.0.0\",\"resources\":7}",
            "Statefile was written by a newer format",
            "format 5 (by version 3.0.0)",
        ),
        (
            "{\"version\":3,\"serial\":1,\"modules\":[]}",
            "Statefile has an outdated format",
            "terraform apply -refresh-only",
        ),
        ("{\"version\":1}", "Statefile has an outdated format", "format 1;"),
        ("{\"serial\":1}", "Not a statefile", "\"version\""),
        ("[]", cannot, "t, line 1, column"),
        ("nonsense", cannot, "t, line 1, column 2"),
        ("{\"version\":4,\n\"serial\":\"x\"}", cannot, "line 2, column 12"),
        (cut, cannot, &cut_line),
        (cut, cannot, "ends too early"),
        (&resource("\"instances\":[{\"attributes\":{}},{\"attributes\":{}}]"), cannot, "a.b appears twice"),
        (&resource("\"instances\":[{\"status\":\"odd\"}]"), cannot, "unknown status \"odd\""),
        (&resource("\"instances\":[{\"deposed\":\"xyz\"}]"), cannot, "eight hexadecimal digits"),
        (&resource("\"instances\":[{\"index_key\":-1}]"), cannot, "index key"),
        (&resource("\"instances\":[{\"index_key\":1.5}]"), cannot, "index key"),
        (&resource("\"instances\":[{\"private\":\"%%\"}]"), cannot, "base64"),
        (&resource("\"instances\":[{\"dependencies\":[\"x\"]}]"), cannot, "not a valid address"),
        (&resource("\"instances\":[{\"attributes_flat\":{}}]"), cannot, "Terraform 0.11"),
        (
            &resource("\"instances\":[{\"sensitive_attributes\":[[{\"type\":\"odd\",\"value\":1}]]}]"),
            cannot,
            "\"odd\"",
        ),
        (&resource(&deep), cannot, "nested too deeply"),
        ("{\"version\":4,\"outputs\":{\"o\":{\"value\":\"x\",\"type\":\"odd\"}}}", cannot, "output o"),
        ("{\"version\":4,\"resources\":[{\"mode\":\"odd\"}]}", cannot, "line 1, column"),
    ];
    for (text, summary, detail) in cases {
        let refusal = read(text.as_bytes(), "t").unwrap_err();
        let refusal = &refusal.0[0];
        assert_eq!(refusal.summary, *summary, "{text}");
        assert!(refusal.detail.contains(detail), "{text}: {}", refusal.detail);
    }
}

#[test]
fn a_statefile_cut_off_anywhere_is_refused() {
    let text = recorded("deposed").trim_end();
    for end in 1..text.len() {
        assert!(read(&text.as_bytes()[..end], "t").is_err(), "{end}");
    }
}

mod properties {
    use super::*;
    use ferroform_core::addr::{
        InstanceKey, ModuleInstance, ModuleStep, ProviderConfig, Resource, ResourceInstance,
    };
    use ferroform_core::{AttrPath, Step, Type, Value};
    use ferroform_state::{DeposedKey, Object, ObjectStatus, OutputValue};
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = String> {
        "[a-z][a-z0-9_-]{0,5}"
    }

    fn key() -> impl Strategy<Value = Option<InstanceKey>> {
        prop_oneof![
            Just(None),
            any::<u32>().prop_map(|n| Some(InstanceKey::Int(n.into()))),
            any::<String>().prop_map(|s| Some(InstanceKey::String(s.into()))),
        ]
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|o| serde_json::Value::Object(o.into_iter().collect())),
            ]
        })
    }

    fn address() -> impl Strategy<Value = ResourceInstance> {
        let step = (name(), key()).prop_map(|(name, key)| ModuleStep { name: name.into(), key });
        (prop::collection::vec(step, 0..3), any::<bool>(), name(), name(), key()).prop_map(
            |(m, data, ty, name, key)| {
                let resource = if data { Resource::data(ty, name) } else { Resource::managed(ty, name) };
                ResourceInstance { module: ModuleInstance(m.into()), resource, key }
            },
        )
    }

    fn object() -> impl Strategy<Value = Object> {
        let dependencies = prop::collection::vec(address().prop_map(|a| a.config()), 0..3);
        let private = prop::collection::vec(any::<u8>(), 0..5);
        let path = prop::collection::vec((name(), any::<String>(), any::<u16>()), 0..2);
        (json(), any::<bool>(), any::<bool>(), dependencies, private, path).prop_map(
            |(attributes, tainted, create_before_destroy, dependencies, private, path)| Object {
                status: if tainted { ObjectStatus::Tainted } else { ObjectStatus::Ready },
                sensitive_paths: path
                    .into_iter()
                    .map(|(a, k, i)| {
                        let key = Step::Index(Value::string_normalised(&k));
                        AttrPath::attr(a).with_step(key).with_index(i.into())
                    })
                    .collect(),
                dependencies,
                private,
                create_before_destroy,
                ..Object::new(3, &serde_json::json!({ "a": attributes }))
            },
        )
    }

    fn states() -> impl Strategy<Value = State> {
        let objects = prop::collection::vec((address(), object(), prop::option::of(any::<u32>())), 0..8);
        let outputs = prop::collection::vec((any::<String>(), any::<String>(), any::<bool>()), 0..3);
        (any::<u64>(), objects, outputs).prop_map(|(serial, objects, outputs)| {
            let provider: ProviderConfig = "module.x.provider[\"a/b\"].c".parse().unwrap();
            let mut state = State { serial, ..State::with_lineage("l") };
            for (address, object, deposed) in objects {
                match deposed {
                    None => state.set_current(&address, &provider, Some(object)),
                    Some(key) => state.set_deposed(&address, DeposedKey(key), &provider, Some(object)),
                }
            }
            for (name, value, sensitive) in outputs {
                let value = Value::string_normalised(&value);
                state.outputs.insert(name.into(), OutputValue { value, ty: Type::String, sensitive });
            }
            state
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_reads_back_the_same(before in states()) {
            let text = written(&before);
            let after = state(&text);
            prop_assert_eq!(&after, &before);
            prop_assert_eq!(written(&after), text);
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, "t");
        }

        #[test]
        fn any_damage_can_be_read(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = recorded("carried").as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(Some(state)) = read(&bytes, "t") {
                write(&state).unwrap();
            }
        }
    }
}
