//! Outputs of the root module.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::wire;
use ferroform_state::OutputValue;
use serde_json::{Map, Value as Json};

use super::style::Style;
use super::values::expression;

/// All outputs, a line or more each; sensitive ones without their values.
pub fn render_outputs(outputs: &BTreeMap<Arc<str>, OutputValue>, _style: &Style) -> String {
    let line = |(name, output): (&Arc<str>, &OutputValue)| {
        let value = if output.sensitive { "<sensitive>".to_owned() } else { expression(&output.value, 0) };
        format!("{name} = {value}\n")
    };
    outputs.iter().map(line).collect()
}

/// The value of one output that was asked for by name: shown even if it is sensitive.
pub fn render_output(output: &OutputValue, _style: &Style) -> String {
    expression(&output.value.without_marks_deep(), 0) + "\n"
}

/// All outputs as JSON: `sensitive`, `type` and `value` of each. Sensitive values are in it.
pub fn outputs_json(outputs: &BTreeMap<Arc<str>, OutputValue>) -> String {
    let entry = |(name, output): (&Arc<str>, &OutputValue)| (name.to_string(), output_json(output, true));
    pretty(&Json::Object(outputs.iter().map(entry).collect()))
}

/// The value of one output as JSON.
pub fn value_json(output: &OutputValue) -> String {
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
