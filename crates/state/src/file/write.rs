//! Writing a statefile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::addr::{AbsResource, InstanceKey, ResourceMode};
use ferroform_core::{Diagnostic, Diagnostics, wire};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::FORMAT;
use super::layout::GoLayout;
use super::path::PathOut;
use crate::model::{DeposedKey, EachMode, Object, OutputValue, ResourceState, State};

/// The bytes of the statefile, as Terraform would write them.
///
/// # Errors
/// When an output holds something that cannot be kept: an unknown value, or one that is not of its type.
pub fn write(state: &State) -> Result<Vec<u8>, Diagnostics> {
    let mut out = Vec::with_capacity(size_hint(state));
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, GoLayout::default());
    FileOut(state).serialize(&mut serializer).map_err(|error| {
        Diagnostic::error("State cannot be written").detail(format!(
            "The state holds something that a statefile cannot: {error}. This is a bug of Ferroform."
        ))
    })?;
    out.push(b'\n');
    Ok(out)
}

/// About as large as the file will be, so that it is not moved around while it grows.
fn size_hint(state: &State) -> usize {
    let objects: usize = state.objects().map(|(.., object)| object.attributes.as_str().len() * 2 + 700).sum();
    objects + 4096
}

struct FileOut<'a>(&'a State);

impl Serialize for FileOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &FORMAT)?;
        map.serialize_entry("terraform_version", &state.terraform_version)?;
        map.serialize_entry("serial", &state.serial)?;
        map.serialize_entry("lineage", &state.lineage)?;
        map.serialize_entry("outputs", &OutputsOut(state))?;
        map.serialize_entry("resources", &ResourcesOut(state))?;
        map.serialize_entry("check_results", &state.check_results)?;
        map.end()
    }
}

struct OutputsOut<'a>(&'a State);

impl Serialize for OutputsOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.outputs.iter().map(|(name, output)| (name, OutputOut(output))))
    }
}

/// An output as it stands in statefile and journal.
pub(crate) struct OutputOut<'a>(pub(crate) &'a OutputValue);

impl Serialize for OutputOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let OutputValue { value, ty, sensitive } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &wire::to_json(value, ty).map_err(S::Error::custom)?)?;
        map.serialize_entry("type", &wire::type_to_json(ty))?;
        if *sensitive {
            map.serialize_entry("sensitive", &true)?;
        }
        map.end()
    }
}

struct ResourcesOut<'a>(&'a State);

impl Serialize for ResourcesOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Terraform sorts by the text of the module, so that `module.a[10]` comes before `module.a[2]`.
        let mut resources: Vec<ResourceOut<'_>> = self
            .0
            .resources
            .iter()
            .map(|(address, state)| ResourceOut { module: address.module.to_string(), address, state })
            .collect();
        resources.sort_by(|a, b| (&a.module, &a.address.resource).cmp(&(&b.module, &b.address.resource)));
        serializer.collect_seq(resources)
    }
}

struct ResourceOut<'a> {
    module: String,
    address: &'a AbsResource,
    state: &'a ResourceState,
}

impl Serialize for ResourceOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resource = &self.address.resource;
        let mut map = serializer.serialize_map(None)?;
        if !self.module.is_empty() {
            map.serialize_entry("module", &self.module)?;
        }
        let mode = match resource.mode {
            ResourceMode::Managed => "managed",
            ResourceMode::Data => "data",
            ResourceMode::Ephemeral => {
                return Err(S::Error::custom(format_args!("{} is ephemeral", self.address)));
            }
        };
        map.serialize_entry("mode", mode)?;
        map.serialize_entry("type", &resource.type_name)?;
        map.serialize_entry("name", &resource.name)?;
        if let Some(each) = fitting_each(self.state) {
            map.serialize_entry("each", each)?;
        }
        map.serialize_entry("provider", &Text(&self.state.provider))?;
        map.serialize_entry("instances", &InstancesOut(self.state))?;
        map.end()
    }
}

/// The `each` that came with an old file, unless the instances were made in another way since.
fn fitting_each(state: &ResourceState) -> Option<&'static str> {
    let all = |fits: fn(&Option<InstanceKey>) -> bool| state.instances.keys().all(fits);
    match state.each? {
        EachMode::List => all(|k| matches!(k, Some(InstanceKey::Int(_)))).then_some("list"),
        EachMode::Map => all(|k| matches!(k, Some(InstanceKey::String(_)))).then_some("map"),
    }
}

struct InstancesOut<'a>(&'a ResourceState);

impl Serialize for InstancesOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for (key, instance) in &self.0.instances {
            let key = key.as_ref();
            if let Some(object) = &instance.current {
                seq.serialize_element(&ObjectOut { key, deposed: None, object })?;
            }
            for (deposed, object) in &instance.deposed {
                seq.serialize_element(&ObjectOut { key, deposed: Some(*deposed), object })?;
            }
        }
        seq.end()
    }
}

/// An object as it stands in statefile and journal.
pub(crate) struct ObjectOut<'a> {
    pub(crate) key: Option<&'a InstanceKey>,
    pub(crate) deposed: Option<DeposedKey>,
    pub(crate) object: &'a Object,
}

impl Serialize for ObjectOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object = self.object;
        let mut map = serializer.serialize_map(None)?;
        match self.key {
            Some(InstanceKey::Int(i)) => map.serialize_entry("index_key", i)?,
            Some(InstanceKey::String(s)) => map.serialize_entry("index_key", s)?,
            None => {}
        }
        if object.is_tainted() {
            map.serialize_entry("status", "tainted")?;
        }
        if let Some(deposed) = self.deposed {
            map.serialize_entry("deposed", &Text(deposed))?;
        }
        map.serialize_entry("schema_version", &object.schema_version)?;
        map.serialize_entry("attributes", &object.attributes)?;
        map.serialize_entry("sensitive_attributes", &PathsOut(object))?;
        if let Some(identity) = &object.identity {
            map.serialize_entry("identity_schema_version", &identity.schema_version)?;
            if let Some(attributes) = &identity.attributes {
                map.serialize_entry("identity", attributes)?;
            }
        }
        if !object.private.is_empty() {
            map.serialize_entry("private", &STANDARD.encode(&object.private))?;
        }
        if !object.dependencies.is_empty() {
            map.serialize_entry("dependencies", &TextSeq(&object.dependencies))?;
        }
        if object.create_before_destroy {
            map.serialize_entry("create_before_destroy", &true)?;
        }
        map.end()
    }
}

struct PathsOut<'a>(&'a Object);

impl Serialize for PathsOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.sensitive_paths.iter().map(PathOut))
    }
}

struct Text<T>(T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct TextSeq<'a, T>(&'a [T]);

impl<T: std::fmt::Display> Serialize for TextSeq<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Text))
    }
}
