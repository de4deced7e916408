//! Which requests a fault means.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Fault;
use crate::world::Project;

/// A request, as far as faults look at it.
#[derive(Debug, Default)]
pub(crate) struct Subject<'a> {
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
    /// Names that are part of the request but neither in the path nor in the body.
    names: &'a [&'a str],
    /// The project that it is about, if that is known.
    project: Option<&'a Project>,
    /// The body, once somebody looked into it.
    parsed: OnceCell<Value>,
}

impl<'a> Subject<'a> {
    /// A request of a method for a path without `/v1`.
    pub(crate) fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, ..Self::default() }
    }

    /// The same, with its body and the project whose objects it may name.
    pub(crate) fn in_project(self, project: Option<&'a Project>, body: &'a [u8]) -> Self {
        Self { project, body, ..self }
    }

    /// The same, with further names that it has.
    pub(crate) fn with_names(self, names: &'a [&'a str]) -> Self {
        Self { names, ..self }
    }

    pub(super) fn path(&self) -> &'a str {
        self.path
    }

    /// Whether the fault means this request.
    pub(super) fn is_meant_by(&self, fault: &Fault) -> bool {
        fault.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(self.method))
            && fault.path.as_deref().is_none_or(|pattern| matches_pattern(pattern, self.path))
            && fault.resource.as_deref().is_none_or(|resource| self.is_about(resource))
    }

    /// Whether the request names an object, by id or name.
    fn is_about(&self, resource: &str) -> bool {
        let ids: BTreeSet<String> = self
            .project
            .into_iter()
            .flat_map(|project| project.ids_named(resource))
            .map(|id| id.to_string())
            .collect();
        let names = |text: &str| text == resource || ids.contains(text);
        self.path.split('/').any(|segment| names(&percent_decode_str(segment).decode_utf8_lossy()))
            || self.names.iter().any(|name| names(name))
            || mentions(self.body(), &names)
    }

    fn body(&self) -> &Value {
        self.parsed.get_or_init(|| serde_json::from_slice(self.body).unwrap_or_default())
    }
}

/// Whether any value in a body is one of those wanted.
fn mentions(body: &Value, wanted: &impl Fn(&str) -> bool) -> bool {
    match body {
        Value::String(text) => wanted(text),
        Value::Number(number) => wanted(&number.to_string()),
        Value::Array(values) => values.iter().any(|value| mentions(value, wanted)),
        Value::Object(fields) => fields.values().any(|value| mentions(value, wanted)),
        Value::Null | Value::Bool(_) => false,
    }
}

fn matches_pattern(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == "*" || wanted.starts_with('{') || wanted == given => {}
            _ => return false,
        }
    }
}
