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

/// The content of a file; none if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Diagnostics> {
    let whole = || {
        let mut text = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(std::io::Error::new(ErrorKind::FileTooLarge, "larger than 1 GiB"));
        }
        Ok(text)
    };
    match whole() {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Diagnostic::error("Failed to read state file")
            .detail(format!("The state file {} could not be read: {error}.", path.display()))
            .into()),
    }
}

/// The root outputs by name in what is kept at `place`.
pub(super) fn outputs(text: &[u8], place: &str) -> Result<Vec<(Arc<str>, Value)>, Diagnostics> {
    let unsupported = |why: String| {
        let detail = format!("The state file {place} {why}.");
        Diagnostics::from(Diagnostic::error("Unsupported state file format").detail(detail))
    };
    let no_json = |error: serde_json::Error| unsupported(format!("could not be parsed as JSON: {error}"));
    let format: Format = serde_json::from_slice(text).map_err(no_json)?;
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
    let state: Statefile = serde_json::from_slice(text).map_err(no_json)?;
    let decoded = state.outputs.into_iter().map(|(name, output)| {
        let value = decode(&output)
            .map_err(|why| unsupported(format!("has an unreadable output {name:?}: {why}")))?;
        Ok((Arc::from(name), value))
    });
    decoded.collect()
}

/// An output's value. Whether it was sensitive where it comes from is not handed on, as in Terraform.
fn decode(output: &serde_json::Value) -> Result<Value, String> {
    let ty = output.get("type").ok_or("it has no type")?;
    let ty = wire::type_from_json(ty).map_err(|e| e.to_string())?;
    let value = output.get("value").unwrap_or(&serde_json::Value::Null);
    wire::from_json(value, &ty).map_err(|e| e.to_string())
}
