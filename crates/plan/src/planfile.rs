//! The file that a plan is kept in between planning and applying.
//!
//! A zip archive of four members: `version` (the format's version in digits), `plan.json`, `state.json` (the state that
//! applying starts from, as a statefile) and `configuration` (opaque to this crate). Nothing else is accepted, and
//! nothing is unpacked to disk. The file holds secrets in plain text, as the state does, and is made for its owner only.

mod json;

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::Path;

use ferroform_core::{Diagnostic, Diagnostics};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::Plan;

/// The version of the format that is written and understood.
pub const VERSION: u32 = 1;

/// The most that one member may hold when unpacked, in bytes.
pub const MEMBER_LIMIT: u64 = 512 << 20;

const VERSION_MEMBER: &str = "version";
const PLAN_MEMBER: &str = "plan.json";
const STATE_MEMBER: &str = "state.json";
const CONFIGURATION_MEMBER: &str = "configuration";
const MEMBERS: [&str; 4] = [VERSION_MEMBER, PLAN_MEMBER, STATE_MEMBER, CONFIGURATION_MEMBER];

/// A plan with the configuration it was made from.
#[derive(Debug, Clone)]
pub struct Planfile {
    /// The plan.
    pub plan: Plan,
    /// The configuration, as it was given to [`write()`].
    pub configuration: Vec<u8>,
}

/// Writes a planfile: to a temporary file beside it, readable by its owner only, which then takes its place.
pub fn write(path: &Path, plan: &Plan, configuration: &[u8]) -> Result<(), Diagnostics> {
    let bytes = to_bytes(plan, configuration)?;
    save(path, &bytes).map_err(|error| {
        Diagnostic::error("Plan could not be saved")
            .detail(format!("The plan could not be written to {}: {error}.", path.display()))
            .into()
    })
}

/// Reads a planfile.
///
/// Errors: not a planfile, of another version, damaged, or beyond the limits on its size.
pub fn read(path: &Path) -> Result<Planfile, Diagnostics> {
    let file = File::open(path).map_err(|error| {
        Diagnostic::error("Plan could not be read")
            .detail(format!("The file {} could not be opened: {error}.", path.display()))
    })?;
    from_reader(file, &path.display().to_string())
}

/// Whether a file looks like a planfile rather than configuration or anything else.
pub fn is_planfile(path: &Path) -> bool {
    let mut head = [0; 4];
    File::open(path).and_then(|mut f| f.read_exact(&mut head)).is_ok() && head == *b"PK\x03\x04"
}

/// The bytes of a planfile.
pub fn to_bytes(plan: &Plan, configuration: &[u8]) -> Result<Vec<u8>, Diagnostics> {
    let state = ferroform_state::file::write(&plan.prior)?;
    let plan = serde_json::to_vec(&json::encode(plan)).map_err(|error| {
        Diagnostic::error("Plan could not be saved")
            .detail(format!("The plan could not be encoded: {error}."))
    })?;
    let version = VERSION.to_string();
    let members: [(&str, &[u8]); 4] = [
        (VERSION_MEMBER, version.as_bytes()),
        (PLAN_MEMBER, &plan),
        (STATE_MEMBER, &state),
        (CONFIGURATION_MEMBER, configuration),
    ];
    archive(&members).map_err(|error| {
        Diagnostic::error("Plan could not be saved")
            .detail(format!("The plan could not be packed: {error}."))
            .into()
    })
}

fn archive(members: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in members {
        archive.start_file(*name, options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Reads a planfile from anything; `name` is what messages call it.
pub fn from_reader(reader: impl Read + Seek, name: &str) -> Result<Planfile, Diagnostics> {
    let mut archive =
        ZipArchive::new(reader).map_err(|error| invalid(name, &format!("it is no zip archive ({error})")))?;
    if archive.len() > MEMBERS.len() {
        return Err(invalid(name, "it holds more than a plan").into());
    }
    let version = member(&mut archive, VERSION_MEMBER, name, 16)?;
    let version = String::from_utf8(version).ok().and_then(|v| v.trim().parse::<u32>().ok());
    match version {
        Some(VERSION) => {}
        Some(other) => {
            let detail = format!(
                "The plan in {name} has version {other} of the format, and this version of Ferroform understands version {VERSION}."
            );
            return Err(Diagnostic::error("Plan of another version")
                .detail(detail)
                .hint("Make the plan again with this version.")
                .into());
        }
        None => return Err(invalid(name, "its version cannot be read").into()),
    }
    let plan = member(&mut archive, PLAN_MEMBER, name, MEMBER_LIMIT)?;
    let state = member(&mut archive, STATE_MEMBER, name, MEMBER_LIMIT)?;
    let configuration = member(&mut archive, CONFIGURATION_MEMBER, name, MEMBER_LIMIT)?;
    let state = ferroform_state::file::read(&state, &format!("{STATE_MEMBER} in {name}"))?
        .ok_or_else(|| invalid(name, "its state is empty"))?;
    let plan = serde_json::from_slice(&plan)
        .map_err(|error| invalid(name, &format!("its plan is no JSON ({error})")))?;
    let plan = json::decode(&plan, state).map_err(|error| invalid(name, &error))?;
    Ok(Planfile { plan, configuration })
}

fn member(
    archive: &mut ZipArchive<impl Read + Seek>,
    member: &str,
    name: &str,
    limit: u64,
) -> Result<Vec<u8>, Diagnostics> {
    let file = archive
        .by_name(member)
        .map_err(|error| invalid(name, &format!("{member} cannot be found ({error})")))?;
    let mut bytes = Vec::new();
    // The size that the archive states is not to be trusted.
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| invalid(name, &format!("{member} cannot be unpacked ({error})")))?;
    if bytes.len() as u64 > limit {
        return Err(invalid(name, &format!("{member} is larger than {limit} bytes")).into());
    }
    Ok(bytes)
}

fn invalid(name: &str, why: &str) -> Diagnostic {
    Diagnostic::error("Invalid planfile").detail(format!("{name} cannot be used as a plan: {why}."))
}
