//! The root outputs of a statefile of format 4.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use ferroform_core::wire;
use ferroform_core::{Diagnostic, Diagnostics, Value};
use serde::Deserialize;

/// A larger file is no statefile of anyone.
const MAX_BYTES: u64 = 1 << 30;

/// What is read of a statefile; all else in it is left alone.
#[derive(Deserialize)]
struct Statefile {
    #[serde(default)]
    outputs: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Format {
    version: Option<u64>,
}

/// The root outputs by name, or none when there is no state at `path`: no file, or an empty one.
pub(super) fn outputs(path: &Path) -> Result<Option<Vec<(Arc<str>, Value)>>, Diagnostics> {
    let text = match read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Diagnostic::error("Failed to read state file")
                .detail(format!("The state file {} could not be read: {error}.", path.display()))
                .into());
        }
    };
    if text.is_empty() {
        return Ok(None);
    }
    let unsupported = |why: String| {
        let detail = format!("The state file {} {why}.", path.display());
        Diagnostics::from(Diagnostic::error("Unsupported state file format").detail(detail))
    };
    let no_json = |error: serde_json::Error| unsupported(format!("could not be parsed as JSON: {error}"));
    let format: Format = serde_json::from_slice(&text).map_err(no_json)?;
    match format.version {
        Some(4) => {}
        Some(version) => {
            let how = if version > 4 {
                "It was written by a newer program; use that program's version or a newer one"
            } else {
                "Run \"terraform refresh\" with Terraform 0.12 to 1.11 on it once to bring it to version 4"
            };
            return Err(unsupported(format!(
                "uses format version {version}; only version 4 can be read. {how}"
            )));
        }
        None => {
            let why = "has no \"version\" attribute, which is needed to tell its format".to_owned();
            return Err(unsupported(why));
        }
    }
    let state: Statefile = serde_json::from_slice(&text).map_err(no_json)?;
    let decoded = state.outputs.into_iter().map(|(name, output)| {
        let value = decode(&output)
            .map_err(|why| unsupported(format!("has an unreadable output {name:?}: {why}")))?;
        Ok((Arc::from(name), value))
    });
    decoded.collect::<Result<_, Diagnostics>>().map(Some)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, "larger than 1 GiB"));
    }
    Ok(text)
}

/// An output's value. Whether it was sensitive where it comes from is not handed on, as in Terraform.
fn decode(output: &serde_json::Value) -> Result<Value, String> {
    let ty = output.get("type").ok_or("it has no type")?;
    let ty = wire::type_from_json(ty).map_err(|e| e.to_string())?;
    let value = output.get("value").unwrap_or(&serde_json::Value::Null);
    wire::from_json(value, &ty).map_err(|e| e.to_string())
}
