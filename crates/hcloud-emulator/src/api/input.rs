//! Reading of request bodies, with every wrong field reported at once.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;
use serde_json::{Map, Value};

use crate::world::labels::problem;
use crate::world::refusal::FieldError;
use crate::world::{Labels, Refusal};

/// A whole number, however it is written.
fn integral(value: &Value) -> Option<i64> {
    // Beyond 2^53 a number with a point is not exact any more.
    let exact = |number: &f64| number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    value.as_i64().or_else(|| value.as_f64().filter(exact).map(|number| number as i64))
}

/// The fields of a body, or of an object in it. Read what is needed, then call [`Input::finish`].
pub(super) struct Input {
    fields: Map<String, Value>,
    prefix: String,
    errors: Vec<FieldError>,
}

impl Input {
    /// Reads a body; an empty one has no fields.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let fields = if body.iter().all(u8::is_ascii_whitespace) {
            Map::new()
        } else {
            match serde_json::from_slice(body) {
                Ok(Value::Object(fields)) => fields,
                Ok(_) => return Err(Refusal::new("json_error", "the body must be a JSON object")),
                Err(error) => return Err(Refusal::new("json_error", format!("invalid JSON: {error}"))),
            }
        };
        Ok(Self { fields, prefix: String::new(), errors: Vec::new() })
    }

    /// Refuses the request if any field was wrong.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        if self.errors.is_empty() { Ok(()) } else { Err(Refusal::invalid_fields(&self.errors)) }
    }

    /// Reports a field as wrong.
    pub(super) fn fail(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError { name: format!("{}{name}", self.prefix), message: message.into() });
    }

    /// Whether any field was wrong so far.
    pub(super) fn has_failed(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether a field is there, be it null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    fn take<T>(&mut self, name: &str, wanted: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = self.fields.remove(name).filter(|value| !value.is_null())?;
        let read = read(value);
        if read.is_none() {
            self.fail(name, format!("must be {wanted}"));
        }
        read
    }

    fn required<T: Default>(&mut self, name: &str, value: Option<T>) -> T {
        let failed = format!("{}{name}", self.prefix);
        if value.is_none() && !self.errors.iter().any(|error| error.name == failed) {
            self.fail(name, "is required");
        }
        value.unwrap_or_default()
    }

    pub(super) fn string(&mut self, name: &str) -> Option<String> {
        self.take(name, "a string", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    pub(super) fn required_string(&mut self, name: &str) -> String {
        let value = self.string(name);
        self.required(name, value)
    }

    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        self.take(name, "an integer", |value| integral(&value))
    }

    pub(super) fn required_integer(&mut self, name: &str) -> i64 {
        let value = self.integer(name);
        self.required(name, value)
    }

    /// An integer within bounds.
    pub(super) fn bounded(&mut self, name: &str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let value = self.integer(name)?;
        if !bounds.contains(&value) {
            self.fail(name, format!("must be from {} to {}", bounds.start(), bounds.end()));
        }
        Some(value)
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.take(name, "true or false", |value| value.as_bool())
    }

    pub(super) fn required_boolean(&mut self, name: &str) -> bool {
        let value = self.boolean(name);
        self.required(name, value)
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let wanted: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.take(name, &format!("one of {}", wanted.join(", ")), |value| {
            words.iter().find(|(word, _)| value.as_str() == Some(word)).map(|(_, meaning)| *meaning)
        })
    }

    /// One of some words that must be there; `None` only if an error was reported.
    pub(super) fn required_word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.word(name, words);
        self.required(name, value.map(Some));
        value
    }

    /// An id or a name, as text.
    pub(super) fn id_or_name(&mut self, name: &str) -> Option<String> {
        self.take(name, "an ID or a name", |value| match value {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::Number(number) => number.as_i64().map(|id| id.to_string()),
            _ => None,
        })
    }

    pub(super) fn required_id_or_name(&mut self, name: &str) -> String {
        let value = self.id_or_name(name);
        self.required(name, value)
    }

    pub(super) fn ids(&mut self, name: &str) -> Vec<i64> {
        self.take(name, "an array of IDs", |value| {
            value.as_array()?.iter().map(Value::as_i64).collect::<Option<Vec<_>>>()
        })
        .unwrap_or_default()
    }

    /// An array of ids and names, as text.
    pub(super) fn ids_or_names(&mut self, name: &str) -> Vec<String> {
        self.take(name, "an array of IDs or names", |value| {
            let items = value.as_array()?.iter();
            items
                .map(|item| item.as_str().map(str::to_owned).or_else(|| Some(item.as_i64()?.to_string())))
                .collect()
        })
        .unwrap_or_default()
    }

    pub(super) fn strings(&mut self, name: &str) -> Option<Vec<String>> {
        self.take(name, "an array of strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    pub(super) fn labels(&mut self, name: &str) -> Option<Labels> {
        let labels: Labels = self.take(name, "an object of strings", |value| {
            let fields = value.as_object()?.iter();
            fields.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        })?;
        if let Some(problem) = problem(&labels) {
            self.fail(name, problem);
        }
        Some(labels)
    }

    pub(super) fn ipv4(&mut self, name: &str) -> Option<Ipv4Addr> {
        self.take(name, "an IPv4 address", |value| value.as_str()?.parse().ok())
    }

    pub(super) fn required_ipv4(&mut self, name: &str) -> Ipv4Addr {
        let value = self.ipv4(name);
        self.required(name, value.map(Some)).unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    pub(super) fn ipv4s(&mut self, name: &str) -> Option<Vec<Ipv4Addr>> {
        self.take(name, "an array of IPv4 addresses", |value| {
            value.as_array()?.iter().map(|item| item.as_str()?.parse().ok()).collect()
        })
    }

    pub(super) fn required_ip(&mut self, name: &str) -> IpAddr {
        let value = self.take(name, "an IP address", |value| value.as_str()?.parse::<IpAddr>().ok());
        self.required(name, value.map(Some)).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    pub(super) fn range(&mut self, name: &str) -> Option<Ipv4Net> {
        self.take(name, "an IPv4 network in CIDR notation", |value| value.as_str()?.parse().ok())
    }

    pub(super) fn required_range(&mut self, name: &str) -> Ipv4Net {
        let value = self.range(name);
        self.required(name, value.map(Some)).unwrap_or_default()
    }

    /// Overlooks a field that holds an empty object.
    pub(super) fn drop_empty(&mut self, name: &str) {
        if self.fields.get(name).and_then(Value::as_object).is_some_and(Map::is_empty) {
            self.fields.remove(name);
        }
    }

    /// Reads an object in a field.
    pub(super) fn nested<R>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let fields = self.take(name, "an object", |value| match value {
            Value::Object(fields) => Some(fields),
            _ => None,
        })?;
        Some(self.inside(format!("{}{name}.", self.prefix), fields, read))
    }

    /// Reads an object in a field that must be there.
    pub(super) fn required_nested<R: Default>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> R) -> R {
        let value = self.nested(name, read);
        self.required(name, value)
    }

    /// Reads each object of an array in a field.
    pub(super) fn each<R>(&mut self, name: &str, mut read: impl FnMut(&mut Self) -> R) -> Option<Vec<R>> {
        let items = self.take(name, "an array of objects", |value| match value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::Object(fields) => Some(fields),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>(),
            _ => None,
        })?;
        let prefix = format!("{}{name}.", self.prefix);
        let each = items.into_iter().enumerate();
        Some(
            each.map(|(index, fields)| self.inside(format!("{prefix}{index}."), fields, &mut read)).collect(),
        )
    }

    /// Reads each object of an array in a field that must be there.
    pub(super) fn required_each<R>(&mut self, name: &str, read: impl FnMut(&mut Self) -> R) -> Vec<R> {
        let value = self.each(name, read);
        self.required(name, value)
    }

    fn inside<R>(
        &mut self,
        prefix: String,
        fields: Map<String, Value>,
        read: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let mut inner = Self { fields, prefix, errors: Vec::new() };
        let read = read(&mut inner);
        self.errors.append(&mut inner.errors);
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_reported_with_its_path() {
        let body = br#"{"size": "10", "rules": [{"port": "1"}, {"port": 1}], "labels": {"-": ""}, "net": 1}"#;
        let mut input = Input::parse(body).unwrap();
        input.required_integer("size");
        input.required_string("name");
        input.required_each("rules", |rule| rule.required_string("port"));
        input.labels("labels");
        input.required_range("net");
        let refusal = input.finish().unwrap_err();
        let fields = refusal.details["fields"].as_array().unwrap();
        let names: Vec<&str> = fields.iter().filter_map(|field| field["name"].as_str()).collect();
        assert_eq!(names, ["size", "name", "rules.1.port", "labels", "net"]);
        assert_eq!(refusal.status, 422);
    }

    #[test]
    fn null_is_as_good_as_absent_and_bad_json_is_told() {
        let mut input = Input::parse(br#"{"name": null}"#).unwrap();
        assert!(input.has("name"));
        assert_eq!(input.string("name"), None);
        assert!(input.finish().is_ok());
        assert!(Input::parse(b" ").is_ok());
        for (number, expected) in
            [("20", Some(20)), ("20.0", Some(20)), ("2e1", Some(20)), ("20.5", None), ("1e300", None)]
        {
            let mut input = Input::parse(format!("{{\"size\": {number}}}").as_bytes()).unwrap();
            assert_eq!(input.integer("size"), expected, "{number}");
        }
        for body in ["{", "[]", "null", "{\"a\":1,}"] {
            assert_eq!(
                Input::parse(body.as_bytes()).err().map(|refusal| refusal.status),
                Some(400),
                "{body}"
            );
        }
    }
}
