use crate::views::style::Style;
use crate::views::testing::{assert_same_lines, schemas};

use super::*;

/// A state that Terraform 1.11.4 wrote, and what its `show` and `show -json` made of it.
const STATE: &str = include_str!("../testdata/state.json");
const SHOWN: &str = include_str!("../testdata/show.txt");
const JSON: &str = include_str!("../testdata/show.json");

fn state() -> State {
    ferroform_state::file::read(STATE.as_bytes(), "state.json").unwrap().unwrap()
}

#[test]
fn a_state_is_shown_as_terraform_shows_it() {
    assert_same_lines(&render_state(&state(), &schemas(), &Style::plain()), SHOWN, "show");
}

#[test]
fn its_json_is_that_of_terraform() {
    let ours: serde_json::Value = serde_json::from_str(&state_json(Some(&state()), &schemas())).unwrap();
    let theirs: serde_json::Value = serde_json::from_str(JSON).unwrap();
    assert_eq!(ours["values"]["outputs"], theirs["values"]["outputs"]);
    let resources =
        |json: &serde_json::Value| json["values"]["root_module"]["resources"].as_array().unwrap().clone();
    for (ours, theirs) in resources(&ours).iter().zip(&resources(&theirs)) {
        assert_eq!(ours, theirs, "{}", theirs["address"]);
    }
    assert_eq!(ours, theirs);
}

#[test]
fn no_state_is_an_empty_json_state() {
    assert_eq!(state_json(None, &schemas()), "{\"format_version\":\"1.0\"}\n");
}

#[test]
fn one_instance_is_shown_with_its_deposed_objects() {
    let state = state();
    let addr: ResourceInstance = "terraform_data.num".parse().unwrap();
    let mut instance = state.instance(&addr).unwrap().clone();
    let current = instance.current.clone().unwrap();
    let id = current.attributes.to_value()["id"].as_str().unwrap().to_owned();
    instance.deposed.insert(DeposedKey(0xab), current);
    let provider = &state.resources[&addr.resource()].provider;
    let body = format!(
        "resource \"terraform_data\" \"num\" {{\n    id     = \"{id}\"\n    input  = 1.5\n    output = 1.5\n}}\n"
    );
    assert_eq!(
        render_instance(&addr, &instance, provider, &schemas(), &Style::plain()),
        format!("# terraform_data.num:\n{body}\n# terraform_data.num: (deposed object 000000ab)\n{body}")
    );
}
