//! Arguments of a backend: from its block, from `-backend-config`, and those that are remembered from there.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ferroform_core::{Diagnostic, Diagnostics, Sources, Value, wire};
use ferroform_lang::Backend;
use ferroform_lang::eval::eval_constant;
use ferroform_lang::variables::{RawInput, parse_tfvars};
use serde::{Deserialize, Serialize};

use crate::cloud::private_file;
use crate::settings::Settings;

/// Arguments by name.
pub(crate) type Arguments = BTreeMap<String, serde_json::Value>;

/// The version of the format.
const VERSION: u64 = 1;

/// What `init -backend-config` gave, for the commands that come after.
#[derive(Serialize, Deserialize)]
struct Remembered {
    version: u64,
    /// The type of the backend.
    backend: String,
    arguments: Arguments,
}

fn path(settings: &Settings) -> PathBuf {
    settings.data_dir.join("ferroform-backend.json")
}

/// A value as it goes into [`Arguments`]; None if it cannot be one.
fn plain(value: &Value) -> Option<serde_json::Value> {
    if value.is_null() {
        return Some(serde_json::Value::Null);
    }
    wire::to_json(value, &value.ty()).ok()
}

/// The arguments of a block. Neither references nor functions are allowed in it, as in Terraform.
pub(super) fn of_block(backend: &Backend) -> Result<Arguments, Diagnostics> {
    let (mut arguments, mut diagnostics) = (Arguments::new(), Diagnostics::new());
    for attribute in &backend.body.attributes {
        let value = diagnostics.take(eval_constant(&attribute.expr));
        if let Some(value) = plain(&value) {
            arguments.insert(attribute.name.name.to_string(), value);
        }
    }
    for block in &backend.body.blocks {
        // None of them means anything here; whether it is refused is up to its name.
        arguments.insert(block.kind.name.to_string(), serde_json::Value::Object(Default::default()));
    }
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(arguments) }
}

/// What `-backend-config` says: `NAME=VALUE`, or the name of a file with arguments.
pub(crate) fn given(
    settings: &Settings,
    sources: &mut Sources,
    texts: &[String],
) -> Result<Arguments, Diagnostics> {
    let mut arguments = Arguments::new();
    for text in texts {
        match text.split_once('=') {
            Some((name, value)) => {
                arguments.insert(name.trim().to_owned(), one(name, value)?);
            }
            None => {
                let (values, diagnostics) = parse_tfvars(&settings.files(), sources, Path::new(text));
                if diagnostics.has_errors() {
                    return Err(diagnostics);
                }
                for (name, value) in values {
                    if let RawInput::Value(value) = value.raw
                        && let Some(value) = plain(&value)
                    {
                        arguments.insert(name.to_string(), value);
                    }
                }
            }
        }
    }
    Ok(arguments)
}

/// The value of an argument on the command line: as it is, but for objects and lists.
fn one(name: &str, text: &str) -> Result<serde_json::Value, Diagnostics> {
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok(text.into());
    }
    let mut sources = Sources::new();
    let source = sources.add(format!("-backend-config={name}"), text);
    let (expression, mut diagnostics) = ferroform_hcl::parse_expression(source, text).into_parts();
    let value = diagnostics.take(eval_constant(&expression));
    let invalid = || {
        Diagnostic::error("Invalid backend configuration")
            .detail(format!("The value of -backend-config={name}=… cannot be read as an expression."))
    };
    match plain(&value) {
        Some(value) if !diagnostics.has_errors() => Ok(value),
        _ => Err(invalid().into()),
    }
}

/// What is remembered for a backend of this type.
pub(super) fn remembered(settings: &Settings, backend: &str) -> Result<Arguments, Diagnostics> {
    let path = path(settings);
    let failed = |why: String| {
        Diagnostic::error("Backend configuration cannot be read")
            .detail(format!("{}: {why}.", path.display()))
            .hint("`ferroform init -reconfigure`, with -backend-config where that is needed, writes it anew.")
    };
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Arguments::new()),
        Err(error) => return Err(failed(error.to_string()).into()),
    };
    let remembered: Remembered = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
    if remembered.version > VERSION {
        return Err(
            failed(format!("it has the format {}; {VERSION} is understood", remembered.version)).into()
        );
    }
    Ok(if remembered.backend == backend { remembered.arguments } else { Arguments::new() })
}

/// Remembers arguments for the commands that come after, or forgets all if there are none. They may hold keys, so that only
/// the owner may read them.
pub(crate) fn remember(settings: &Settings, backend: &str, arguments: Arguments) -> Result<(), Diagnostic> {
    let path = path(settings);
    let failed = |error: std::io::Error| {
        Diagnostic::error("Backend configuration cannot be kept")
            .detail(format!("{}: {error}.", path.display()))
    };
    if arguments.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        };
    }
    let remembered = Remembered { version: VERSION, backend: backend.to_owned(), arguments };
    let mut bytes = serde_json::to_vec_pretty(&remembered).map_err(|error| failed(error.into()))?;
    bytes.push(b'\n');
    let write = || -> std::io::Result<()> {
        let temporary = path.with_extension("new");
        let mut file = private_file(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)
    };
    write().map_err(failed)
}
