//! What a saved plan of Terraform says about the `input` of each case's `terraform_data` resource.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::Result;
use super::wire::{Pack, bytes_of, unpack};

/// The answers in a planfile, by resource name.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Json>> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path)?)?;
    let mut plan = Vec::new();
    archive.by_name("tfplan")?.read_to_end(&mut plan)?;
    let mut answers = BTreeMap::new();
    for change in bytes_of(&plan, 3)? {
        let address = bytes_of(change, 13)?.first().map(|b| String::from_utf8_lossy(b).into_owned());
        let name = address.as_deref().and_then(|a| a.strip_prefix("terraform_data.")).unwrap_or_default();
        if is_case(name) {
            answers.insert(name.to_owned(), answer(change)?);
        }
    }
    Ok(answers)
}

/// Whether a resource stands for a case rather than for one of the prepared values.
fn is_case(name: &str) -> bool {
    name.strip_prefix("case_").is_some_and(|n| n.parse::<u32>().is_ok())
}

fn answer(resource_change: &[u8]) -> Result<Json> {
    let change = *bytes_of(resource_change, 9)?.first().ok_or("a resource without a change")?;
    let after = bytes_of(change, 2)?;
    let mut packed =
        *bytes_of(after.first().ok_or("a change without a value")?, 1)?.first().ok_or("no msgpack")?;
    let Pack::Map(attributes) = unpack(&mut packed)? else {
        return Err("a resource that is not an object".into());
    };
    let input = attributes.into_iter().find(|(k, _)| *k == Pack::Text("input".into())).map(|(_, v)| v);
    let mut unknown = Vec::new();
    let (ty, value) = dynamic(input.ok_or("terraform_data without input")?, "", &mut unknown)?;
    let mut out = Map::new();
    out.insert("type".into(), ty);
    out.insert("value".into(), value);
    if !unknown.is_empty() {
        out.insert("unknown".into(), Json::Array(unknown));
    }
    let mut sensitive = Vec::new();
    for path in bytes_of(change, 4)? {
        if let Some(rest) = path_text(path)?.strip_prefix(".input") {
            sensitive.push(rest.to_owned());
        }
    }
    sensitive.sort();
    if !sensitive.is_empty() {
        out.insert("sensitive".into(), json!(sensitive));
    }
    Ok(Json::Object(out))
}

/// A value that brings its type along.
fn dynamic(value: Pack, path: &str, unknown: &mut Vec<Json>) -> Result<(Json, Json)> {
    match value {
        Pack::Array(mut pair) if pair.len() == 2 => {
            let value = pair.pop().unwrap_or(Pack::Nil);
            let Some(Pack::Bytes(ty)) = pair.pop() else {
                return Err("a value without its type".into());
            };
            let ty: Json = serde_json::from_slice(&ty)?;
            let value = typed(value, &ty, path, unknown)?;
            Ok((ty, value))
        }
        other => {
            let ty = json!("dynamic");
            let value = typed(other, &ty, path, unknown)?;
            Ok((ty, value))
        }
    }
}

fn typed(value: Pack, ty: &Json, path: &str, unknown: &mut Vec<Json>) -> Result<Json> {
    let kind = ty.as_str().or_else(|| ty.get(0).and_then(Json::as_str)).unwrap_or_default();
    Ok(match value {
        Pack::Nil => Json::Null,
        Pack::Bool(b) => json!(b),
        Pack::Number(text) => Json::Number(text.parse()?),
        Pack::Text(text) if kind == "number" => Json::Number(text.parse()?),
        Pack::Text(text) => json!(text),
        Pack::Extension(refinements) => {
            unknown.push(refined(path, &refinements)?);
            Json::Null
        }
        Pack::Array(items) if kind == "dynamic" => dynamic(Pack::Array(items), path, unknown)?.1,
        Pack::Array(items) => {
            let mut out = Vec::with_capacity(items.len());
            for (i, item) in items.into_iter().enumerate() {
                let element = if kind == "tuple" { &ty[1][i] } else { &ty[1] };
                let place = if kind == "set" { format!("{path}[…]") } else { format!("{path}[{i}]") };
                out.push(typed(item, element, &place, unknown)?);
            }
            Json::Array(out)
        }
        Pack::Map(entries) => {
            let mut out = Map::new();
            for (key, item) in entries {
                let Pack::Text(key) = key else { return Err("a key that is not a text".into()) };
                let (element, place) = match kind {
                    "object" => (&ty[1][&key], format!("{path}.{key}")),
                    _ => (&ty[1], format!("{path}[{key:?}]")),
                };
                out.insert(key.clone(), typed(item, element, &place, unknown)?);
            }
            // Objects come in the order of their encoder; the recording is sorted.
            let sorted: BTreeMap<String, Json> = out.into_iter().collect();
            Json::Object(sorted.into_iter().collect())
        }
        Pack::Bytes(_) => return Err("bytes where a value should be".into()),
    })
}

/// What is known of an unknown value: numbered fields of its encoding.
fn refined(path: &str, encoded: &[u8]) -> Result<Json> {
    let mut out = Map::new();
    out.insert("at".into(), json!(path));
    if encoded.len() > 1 {
        let Pack::Map(fields) = unpack(&mut &*encoded)? else {
            return Err("refinements that are not a map".into());
        };
        for (number, value) in fields {
            let Pack::Number(number) = number else { continue };
            let name = match number.as_str() {
                "1" => "not_null",
                "2" => "prefix",
                "3" => "number_min",
                "4" => "number_max",
                "5" => "length_min",
                "6" => "length_max",
                other => return Err(format!("refinement {other} is not known").into()),
            };
            let value = match (name, value) {
                ("not_null", Pack::Bool(nullable)) => json!(!nullable),
                (_, Pack::Array(bound)) => Json::Array(bound.into_iter().map(plain).collect()),
                (_, value) => plain(value),
            };
            out.insert(name.into(), value);
        }
    }
    Ok(Json::Object(out))
}

fn plain(value: Pack) -> Json {
    match value {
        Pack::Number(text) | Pack::Text(text) => json!(text),
        Pack::Bool(b) => json!(b),
        _ => Json::Null,
    }
}

/// A path as configuration would write it, with the leading dot.
fn path_text(path: &[u8]) -> Result<String> {
    let mut text = String::new();
    for step in bytes_of(path, 1)? {
        if let Some(name) = bytes_of(step, 1)?.first() {
            text.push('.');
            text.push_str(&String::from_utf8_lossy(name));
        } else if let Some(key) = bytes_of(step, 2)?.first() {
            let packed = *bytes_of(key, 1)?.first().ok_or("a key without a value")?;
            let key = match unpack(&mut &*packed)? {
                // The type of a key is known from its encoding: numbers and texts only.
                Pack::Array(pair) => pair.into_iter().next_back().unwrap_or(Pack::Nil),
                other => other,
            };
            match key {
                Pack::Number(n) => text.push_str(&format!("[{n}]")),
                Pack::Text(s) => text.push_str(&format!("[{s:?}]")),
                other => return Err(format!("a key {other:?}").into()),
            }
        }
    }
    Ok(text)
}
