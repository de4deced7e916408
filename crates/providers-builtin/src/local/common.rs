//! What `local_file` and `local_sensitive_file` share: all but a few attributes.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{Effects, PlanRequest, PlanResponse};

use super::{checksums, writing};
use crate::builtin::ManagedResource;
use crate::planning::{self, Rules};
use crate::values::{attribute_error, is_null, is_unknown, text, with};

/// Base64 as Go's standard decoder takes it: padded, and lenient about the bits after the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A file resource.
pub(super) struct FileKind {
    /// What it is.
    pub(super) description: &'static str,
    /// The attributes that this resource has for the content.
    pub(super) own: fn() -> Vec<(&'static str, Attribute)>,
    /// The attributes of which exactly one gives the content, in order of precedence.
    pub(super) contents: &'static [&'static str],
    /// The permission of file and directories when none is configured.
    pub(super) permission: &'static str,
}

/// The attributes that are the same in both resources, but for the default permission in their descriptions.
fn attributes(permission: &str) -> Vec<(&'static str, Attribute)> {
    let mode = |what: &str| {
        Attribute::optional_computed(Type::String).force_new().describe(format!(
            "The permission of {what} in octal digits, before the umask; {permission:?} by default."
        ))
    };
    let mut attributes = checksums::attributes();
    attributes.extend([
        (
            "filename",
            Attribute::required(Type::String).force_new().describe(
                "The path of the file. Missing directories are made; an existing file is overwritten.",
            ),
        ),
        (
            "source",
            Attribute::optional(Type::String)
                .force_new()
                .describe("The path of a file whose content is copied."),
        ),
        ("file_permission", mode("the file")),
        ("directory_permission", mode("directories that have to be made")),
    ]);
    attributes
}

impl ManagedResource for FileKind {
    fn schema(&self) -> Schema {
        let attributes = attributes(self.permission).into_iter().chain((self.own)());
        let block = Block { description: self.description.into(), ..Block::of(attributes) };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics: Diagnostics = ["file_permission", "directory_permission"]
            .into_iter()
            .filter_map(|name| bad_mode(config, name))
            .collect();
        let set: Vec<_> = self.contents.iter().filter(|name| !is_null(config, name)).collect();
        let unsettled = self.contents.iter().any(|name| is_unknown(config, name));
        if set.len() != 1 && !unsettled {
            let list = self.contents.join(", ");
            let (first, found) = match set.as_slice() {
                [] => (self.contents.first().copied().unwrap_or("content"), "None of them is".to_owned()),
                [first, ..] => (**first, format!("{} of them are", set.len())),
            };
            let detail = format!("Exactly one of the attributes {list} must be set. {found}.");
            diagnostics.push(attribute_error(first, "Invalid Attribute Combination", detail));
        }
        if let Some(encoded) = text(config, "content_base64") {
            diagnostics.append(decode(encoded).err().into_iter().flatten());
        }
        diagnostics
    }

    /// Plans the file; a change of any argument makes a new one.
    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let default = |name| (name, Value::string(self.permission));
        let defaults = vec![default("file_permission"), default("directory_permission")];
        planning::plan(block, &Rules { defaults, ..Rules::default() }, request)
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        // Checked again: what was unknown when configuration was checked is known now.
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let content = self.content(planned)?;
        let path = filename(planned)?;
        let mode =
            |name| u32::from_str_radix(text(planned, name).unwrap_or(self.permission), 8).unwrap_or(0o600);
        writing::write(Path::new(path), &content, mode("file_permission"), mode("directory_permission"))
            .map_err(|error| io_error("filename", "Create local file error", "written", path, &error))?;
        Ok(with(planned, checksums::values(&content)))
    }

    /// The object if the file is there with the content that it was given; a changed file counts as gone.
    fn read(&self, prior: &Value) -> Result<Option<Value>, Diagnostics> {
        let path = filename(prior)?;
        match fs::read(path) {
            Ok(content) if Some(checksums::id(&content).as_str()) == text(prior, "id") => {
                Ok(Some(prior.clone()))
            }
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(io_error("filename", "Read local file error", "read", path, &error).into()),
        }
    }

    /// Removes the file, if it is there.
    fn delete(&self, prior: &Value) -> Result<(), Diagnostics> {
        let path = filename(prior)?;
        match fs::remove_file(path) {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(io_error("filename", "Delete local file error", "removed", path, &error).into())
            }
            _ => Ok(()),
        }
    }

    fn blocking(&self) -> bool {
        true
    }

    fn effects(&self) -> Effects {
        Effects::Idempotent
    }
}

impl FileKind {
    fn content(&self, planned: &Value) -> Result<Vec<u8>, Diagnostics> {
        let set = self.contents.iter().find_map(|name| Some((*name, text(planned, name)?)));
        match set {
            Some(("content_base64", encoded)) => decode(encoded),
            Some(("source", path)) => fs::read(path)
                .map_err(|error| io_error("source", "Create local file error", "read", path, &error).into()),
            Some((_, content)) => Ok(content.as_bytes().to_vec()),
            None => Ok(Vec::new()),
        }
    }
}

fn filename(object: &Value) -> Result<&str, Diagnostics> {
    text(object, "filename").ok_or_else(|| {
        let detail =
            "The object has no filename, so that the file cannot be found. Remove it from the state.";
        attribute_error("filename", "Missing filename", detail).into()
    })
}

fn decode(encoded: &str) -> Result<Vec<u8>, Diagnostics> {
    // Line breaks are allowed. What is not base64 may be a secret: neither it nor a part of it is shown.
    let joined: String = encoded.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    BASE64.decode(joined).map_err(|_| {
        let detail = "The value is not base64 with the standard alphabet and padding. Encode the content with \
                      base64encode or filebase64.";
        attribute_error("content_base64", "Invalid base64 content", detail).into()
    })
}

/// Reports a permission that is not three or four octal digits of at most 0777.
fn bad_mode(config: &Value, name: &'static str) -> Option<Diagnostic> {
    let mode = text(config, name)?;
    let octal = mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let fits = u32::from_str_radix(mode, 8).is_ok_and(|m| m <= 0o777);
    if (3..=4).contains(&mode.len()) && octal && fits {
        return None;
    }
    let detail = format!(
        "The attribute {name} must be three or four octal digits, at most \"0777\" (\"0644\" for example), got: {mode:?}."
    );
    Some(attribute_error(name, "Invalid File Permission String Value", detail))
}

/// An error of the operating system about a file.
pub(super) fn io_error(
    attribute: &str,
    summary: &'static str,
    verb: &str,
    path: &str,
    error: &std::io::Error,
) -> Diagnostic {
    attribute_error(attribute, summary, format!("The file {path:?} could not be {verb}: {error}."))
}
