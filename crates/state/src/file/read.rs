//! Reading a statefile.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::addr::{
    AbsResource, ConfigResource, InstanceKey, ModuleInstance, ProviderConfig, Resource, ResourceMode,
};
use ferroform_core::{Diagnostic, Diagnostics, wire};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::FORMAT;
use super::path::PathIn;
use crate::json::RawJson;
use crate::model::{
    DeposedKey, EachMode, Object, ObjectIdentity, ObjectStatus, OutputValue, ResourceState, State,
};

/// The largest statefile that is read, in bytes.
pub const MAX_BYTES: u64 = 512 << 20;

/// Reads a statefile. None for an empty one, which stands for no state. `name` is what messages call the file.
///
/// # Errors
/// One diagnostic that says where the text is not a statefile, or that the format is older or newer than what is
/// understood.
pub fn read(bytes: &[u8], name: &str) -> Result<Option<State>, Diagnostics> {
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(name).into());
    }
    match serde_json::from_slice::<FileIn>(bytes) {
        Ok(file) if file.version == Some(FORMAT) => file.into_state(name).map(Some),
        Ok(file) => Err(wrong_format(name, file.version, file.terraform_version.as_deref()).into()),
        // An unknown format is the reason for whatever else is not understood.
        Err(error) => match serde_json::from_slice::<HeaderIn>(bytes) {
            Ok(header) if header.version.is_some_and(|v| v != FORMAT) => {
                Err(wrong_format(name, header.version, header.terraform_version.as_deref()).into())
            }
            _ => Err(unreadable(name, &error).into()),
        },
    }
}

pub(crate) fn too_large(name: &str) -> Diagnostic {
    Diagnostic::error("Statefile is too large").detail(format!(
        "{name} has more than {} MiB, which is more than any state needs; it was not read. Check that the path names a \
         statefile.",
        MAX_BYTES >> 20
    ))
}

fn wrong_format(name: &str, version: Option<u64>, writer: Option<&str>) -> Diagnostic {
    let by = writer.map(|w| format!(" (by version {w})")).unwrap_or_default();
    match version {
        Some(version) if version > FORMAT => Diagnostic::error("Statefile was written by a newer format").detail(format!(
            "{name} has the format {version}{by}; formats up to {FORMAT} are understood. The file was left as it is. \
             Use the program that wrote it, or a newer version of this one."
        )),
        Some(version) => Diagnostic::error("Statefile has an outdated format").detail(format!(
            "{name} has the format {version}{by}; only format {FORMAT} is understood. The file was left as it is. Run \
             `terraform apply -refresh-only` with Terraform 0.13 or newer once: it rewrites the file in format {FORMAT}."
        )),
        None => Diagnostic::error("Not a statefile").detail(format!(
            "{name} is a JSON object without the number \"version\" that every statefile has. The file was left as it \
             is. Check that the path names a statefile."
        )),
    }
}

fn unreadable(name: &str, error: &serde_json::Error) -> Diagnostic {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&position).unwrap_or(&message);
    let (what, fix) = if error.is_eof() {
        ("the file ends too early", "It was probably cut off while being copied or written.")
    } else {
        (message, "It was probably changed by hand or by another program.")
    };
    Diagnostic::error("Statefile cannot be read")
        .detail(format!(
            "{name}, line {}, column {}: {what}. {fix} The file was left as it is.",
            error.line(),
            error.column()
        ))
        .hint(format!("Compare it with {name}.backup, or restore it from a backup of yours."))
}

fn inconsistent(name: &str, what: impl Display) -> Diagnostic {
    Diagnostic::error("Statefile cannot be read").detail(format!(
        "{name}: {what}. It was probably changed by hand or by another program. The file was left as it is."
    ))
}

/// Reads a value from the text that its `Display` gives.
pub(crate) fn text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn optional_text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(d: D) -> Result<Option<T>, D::Error> {
    match Option::<String>::deserialize(d)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(D::Error::custom),
    }
}

/// What is missing or `null` is empty, as Go reads it.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What tells formats apart.
#[derive(Deserialize)]
struct HeaderIn {
    version: Option<u64>,
    terraform_version: Option<String>,
}

#[derive(Deserialize)]
struct FileIn {
    version: Option<u64>,
    terraform_version: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    serial: u64,
    #[serde(default, deserialize_with = "or_default")]
    lineage: String,
    #[serde(default, deserialize_with = "or_default")]
    outputs: BTreeMap<Arc<str>, OutputIn>,
    #[serde(default, deserialize_with = "or_default")]
    resources: Vec<ResourceIn>,
    check_results: Option<serde_json::Value>,
}

impl FileIn {
    fn into_state(self, name: &str) -> Result<State, Diagnostics> {
        let mut state = State {
            lineage: self.lineage,
            serial: self.serial,
            terraform_version: self.terraform_version.unwrap_or_default(),
            outputs: BTreeMap::new(),
            resources: BTreeMap::new(),
            check_results: self.check_results,
        };
        for (output, value) in self.outputs {
            let value =
                value.into_value().map_err(|e| inconsistent(name, format_args!("output {output}: {e}")))?;
            state.outputs.insert(output, value);
        }
        for resource in self.resources {
            resource.add_to(&mut state).map_err(|e| inconsistent(name, e))?;
        }
        Ok(state)
    }
}

/// An output as it stands in statefile and journal.
#[derive(Deserialize)]
pub(crate) struct OutputIn {
    value: RawJson,
    #[serde(rename = "type")]
    ty: RawJson,
    #[serde(default)]
    sensitive: bool,
}

impl OutputIn {
    pub(crate) fn into_value(self) -> Result<OutputValue, String> {
        let ty = wire::type_from_json(&self.ty.to_value()).map_err(|e| e.to_string())?;
        let value = wire::from_json(&self.value.to_value(), &ty).map_err(|e| e.to_string())?;
        Ok(OutputValue { value, ty, sensitive: self.sensitive })
    }
}

#[derive(Deserialize)]
struct ResourceIn {
    #[serde(default, deserialize_with = "optional_text")]
    module: Option<ModuleInstance>,
    mode: ModeIn,
    #[serde(rename = "type")]
    type_name: Arc<str>,
    name: Arc<str>,
    #[serde(default, deserialize_with = "optional_text")]
    each: Option<EachMode>,
    #[serde(deserialize_with = "text")]
    provider: ProviderConfig,
    #[serde(default, deserialize_with = "or_default")]
    instances: Vec<InstanceIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModeIn {
    Managed,
    Data,
}

impl FromStr for EachMode {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "list" => Ok(EachMode::List),
            "map" => Ok(EachMode::Map),
            other => Err(format!("unknown \"each\": {other:?}")),
        }
    }
}

impl ResourceIn {
    fn add_to(self, state: &mut State) -> Result<(), String> {
        let mode = match self.mode {
            ModeIn::Managed => ResourceMode::Managed,
            ModeIn::Data => ResourceMode::Data,
        };
        let address = AbsResource {
            module: self.module.unwrap_or_default(),
            resource: Resource { mode, type_name: self.type_name, name: self.name },
        };
        // A resource may come in several pieces; Terraform puts them together too.
        let resource = match state.resources.entry(address.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(ResourceState::new(self.provider.clone())),
        };
        resource.provider = self.provider;
        resource.each = self.each;
        for instance in self.instances {
            let InstanceIn { index_key, deposed, object } = instance;
            let key = index_key.map(|k| k.0);
            let object =
                object.into_object().map_err(|e| format!("{}: {e}", address.instance(key.clone())))?;
            let slot = resource.instances.entry(key.clone()).or_default();
            let replaced = match deposed {
                None => slot.current.replace(Arc::new(object)),
                Some(deposed) => slot.deposed.insert(deposed, Arc::new(object)),
            };
            if replaced.is_some() {
                return Err(format!("{} appears twice", address.instance(key)));
            }
        }
        Ok(())
    }
}

struct InstanceIn {
    index_key: Option<KeyIn>,
    deposed: Option<DeposedKey>,
    object: ObjectIn,
}

/// One flat object in the file; `#[serde(flatten)]` would buffer it, which raw values do not survive.
impl<'de> Deserialize<'de> for InstanceIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = ObjectIn::deserialize(deserializer)?;
        Ok(InstanceIn { index_key: object.index_key.take(), deposed: object.deposed.take(), object })
    }
}

struct KeyIn(InstanceKey);

impl<'de> Deserialize<'de> for KeyIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match &value {
            serde_json::Value::String(s) => Ok(KeyIn(InstanceKey::String(s.as_str().into()))),
            serde_json::Value::Number(n) => n.as_u64().map(|n| KeyIn(InstanceKey::Int(n))).ok_or_else(|| {
                D::Error::custom(format!("an index key must be a string or a whole number from 0, not {n}"))
            }),
            _ => Err(D::Error::custom("an index key must be a string or a whole number from 0")),
        }
    }
}

/// An object as it stands in statefile and journal.
#[derive(Deserialize)]
pub(crate) struct ObjectIn {
    #[serde(default)]
    index_key: Option<KeyIn>,
    #[serde(default, deserialize_with = "optional_text")]
    deposed: Option<DeposedKey>,
    #[serde(default, deserialize_with = "optional_text")]
    status: Option<ObjectStatus>,
    #[serde(default, deserialize_with = "or_default")]
    schema_version: u64,
    attributes: Option<RawJson>,
    attributes_flat: Option<RawJson>,
    #[serde(default, deserialize_with = "or_default")]
    sensitive_attributes: Vec<PathIn>,
    identity_schema_version: Option<u64>,
    identity: Option<RawJson>,
    #[serde(default, deserialize_with = "base64_bytes")]
    private: Vec<u8>,
    #[serde(default, deserialize_with = "or_default")]
    dependencies: Vec<DependencyIn>,
    #[serde(default, deserialize_with = "or_default")]
    create_before_destroy: bool,
}

#[derive(Deserialize)]
struct DependencyIn(#[serde(deserialize_with = "text")] ConfigResource);

fn base64_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(text) => STANDARD.decode(text).map_err(|_| D::Error::custom("\"private\" is not valid base64")),
        None => Ok(Vec::new()),
    }
}

impl FromStr for ObjectStatus {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tainted" => Ok(ObjectStatus::Tainted),
            other => Err(format!("unknown status {other:?}")),
        }
    }
}

impl ObjectIn {
    pub(crate) fn into_object(self) -> Result<Object, &'static str> {
        if self.attributes.is_none() && self.attributes_flat.is_some() {
            return Err(
                "its attributes are in the form of Terraform 0.11; run `terraform apply -refresh-only` once with \
                        Terraform 0.13 or newer, which converts them",
            );
        }
        let identity = match (self.identity_schema_version, self.identity) {
            (None, None) => None,
            (version, attributes) => {
                Some(ObjectIdentity { schema_version: version.unwrap_or(0), attributes })
            }
        };
        Ok(Object {
            status: self.status.unwrap_or_default(),
            schema_version: self.schema_version,
            attributes: self.attributes.unwrap_or_default(),
            sensitive_paths: self.sensitive_attributes.into_iter().map(|p| p.0).collect(),
            private: self.private,
            dependencies: self.dependencies.into_iter().map(|d| d.0).collect(),
            create_before_destroy: self.create_before_destroy,
            identity,
        })
    }
}
