//! The file that notes the worlds of a state.

use std::fs;
use std::io;
use std::path::Path;

use ferroform_core::{Diagnostic, Diagnostics};
use serde::{Deserialize, Serialize};

use super::error::io_error;
use super::replace::{Naming, read_optional, replace, resolve};
use crate::world::WorldBinding;

/// The version of the format.
const VERSION: u64 = 1;

#[derive(Serialize, Deserialize)]
struct WorldsFile {
    version: u64,
    lineage: String,
    worlds: Vec<WorldBinding>,
}

/// The worlds noted for the state of this lineage; none when there is no file, or one about another state.
pub(super) fn read(path: &Path, lineage: &str) -> Result<Vec<WorldBinding>, Diagnostics> {
    let failed = |e: io::Error| {
        io_error("The worlds of the state cannot be read", path, &e, "Nothing was changed.").hint(
            "The file may be removed if the endpoint and the token are those that the state was made with.",
        )
    };
    let Some(bytes) = read_optional(path).map_err(failed)? else { return Ok(Vec::new()) };
    decode(&bytes, lineage, &path.display().to_string())
}

/// The worlds noted in these bytes for the state of this lineage.
pub(crate) fn decode(bytes: &[u8], lineage: &str, name: &str) -> Result<Vec<WorldBinding>, Diagnostics> {
    let file: WorldsFile = serde_json::from_slice(bytes).map_err(|e| {
        Diagnostic::error("The worlds of the state cannot be read")
            .detail(format!("{name}: {e}. Nothing was changed."))
            .hint("It may be removed if the endpoint and the token are those that the state was made with.")
    })?;
    if file.version > VERSION {
        return Err(Diagnostic::error("The worlds of the state were noted in a newer format")
            .detail(format!(
                "{name} has the format {}; formats up to {VERSION} are understood.",
                file.version
            ))
            .into());
    }
    Ok(if file.lineage == lineage { file.worlds } else { Vec::new() })
}

/// The bytes that note the worlds of a state.
pub(crate) fn encode(lineage: &str, worlds: &[WorldBinding]) -> io::Result<Vec<u8>> {
    let file = WorldsFile { version: VERSION, lineage: lineage.to_owned(), worlds: worlds.to_vec() };
    let mut bytes = serde_json::to_vec_pretty(&file)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Notes the worlds of a state.
pub(super) fn write(path: &Path, lineage: &str, worlds: &[WorldBinding]) -> Result<(), Diagnostics> {
    let write = || -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        replace(&resolve(path)?, &encode(lineage, worlds)?, Naming::Shared).map(drop)
    };
    write().map_err(|e| {
        io_error("The worlds of the state cannot be noted", path, &e, "Nothing was changed.").into()
    })
}
