//! Outputs of the root module.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::wire;
use ferroform_state::OutputValue;
use serde_json::{Map, Value as Json};

use super::style::Style;
use super::values::expression;

/// All outputs, a line or more each; sensitive ones without their values.
pub(crate) fn render_outputs(outputs: &BTreeMap<Arc<str>, OutputValue>, _style: &Style) -> String {
    let line = |(name, output): (&Arc<str>, &OutputValue)| {
        let value = if output.sensitive { "<sensitive>".to_owned() } else { expression(&output.value, 0) };
        format!("{name} = {value}\n")
    };
    outputs.iter().map(line).collect()
}

/// The value of one output that was asked for by name: shown even if it is sensitive.
pub(crate) fn render_output(output: &OutputValue, _style: &Style) -> String {
    expression(&output.value.without_marks_deep(), 0) + "\n"
}

/// All outputs as JSON: `sensitive`, `type` and `value` of each. Sensitive values are in it.
pub(crate) fn outputs_json(outputs: &BTreeMap<Arc<str>, OutputValue>) -> String {
    let entry = |(name, output): (&Arc<str>, &OutputValue)| (name.to_string(), output_json(output, true));
    pretty(&Json::Object(outputs.iter().map(entry).collect()))
}

/// The value of one output as JSON.
pub(crate) fn value_json(output: &OutputValue) -> String {
    let value = plain_json(&output.value, &output.ty);
    // Writing a JSON value to text cannot fail.
    serde_json::to_string(&value).unwrap_or_default() + "\n"
}

/// An output as Terraform's JSON has it; `show` and `output` order the members differently.
pub(super) fn output_json(output: &OutputValue, type_first: bool) -> Json {
    let mut out = Map::new();
    out.insert("sensitive".into(), output.sensitive.into());
    let value = plain_json(&output.value, &output.ty);
    let ty = wire::type_to_json(&output.ty);
    let (first, second) = (("type", ty), ("value", value));
    let members = if type_first { [first, second] } else { [second, first] };
    out.extend(members.map(|(name, json)| (name.to_owned(), json)));
    Json::Object(out)
}

/// A value without marks as JSON; null for what has no JSON.
fn plain_json(value: &ferroform_core::Value, ty: &ferroform_core::Type) -> Json {
    wire::to_json(&value.without_marks_deep(), ty).unwrap_or_default()
}

/// JSON over several lines, indented by two spaces.
pub(super) fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs as Terraform 1.11.4 printed them, and their JSON.
    const RECORDED: &str = include_str!("testdata/outputs.json");

    fn recorded() -> (BTreeMap<Arc<str>, OutputValue>, Json) {
        let recorded: Json = serde_json::from_str(RECORDED).unwrap();
        let output = |json: &Json| {
            let ty = wire::type_from_json(&json["type"]).unwrap();
            let value = wire::from_json(&json["value"], &ty).unwrap();
            OutputValue { value, ty, sensitive: json["sensitive"].as_bool().unwrap() }
        };
        let outputs = recorded["json"].as_object().unwrap();
        (outputs.iter().map(|(name, json)| (Arc::from(name.as_str()), output(json))).collect(), recorded)
    }

    #[test]
    fn outputs_are_printed_as_terraform_prints_them() {
        let (outputs, recorded) = recorded();
        assert_eq!(render_outputs(&outputs, &Style::plain()), recorded["text"].as_str().unwrap());
    }

    #[test]
    fn the_json_of_outputs_is_that_of_terraform() {
        let (outputs, recorded) = recorded();
        let ours: Json = serde_json::from_str(&outputs_json(&outputs)).unwrap();
        assert_eq!(ours, recorded["json"]);
        for (name, output) in &outputs {
            let ours: Json = serde_json::from_str(&value_json(output)).unwrap();
            assert_eq!(ours, recorded["json"][&**name]["value"], "{name}");
        }
    }

    #[test]
    fn a_sensitive_output_is_shown_only_when_asked_for_by_name() {
        let output = OutputValue {
            value: ferroform_core::Value::string("hunter2"),
            ty: ferroform_core::Type::String,
            sensitive: true,
        };
        let style = Style::plain();
        assert_eq!(render_output(&output, &style), "\"hunter2\"\n");
        assert_eq!(render_outputs(&[("o".into(), output)].into(), &style), "o = <sensitive>\n");
    }
}
