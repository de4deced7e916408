//! `terraform_remote_state`: the root outputs of another configuration's state.

use std::path::PathBuf;

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value, ValueKind};

use super::statefile;
use crate::builtin::{DataSource, run};
use crate::values::{attribute_error, text, with};

/// Backends that Terraform has beside `local`.
const OTHER_BACKENDS: [&str; 11] =
    ["azurerm", "cloud", "consul", "cos", "gcs", "http", "kubernetes", "oss", "pg", "remote", "s3"];

const DEFAULT_WORKSPACE: &str = "default";
const STATE_NAME: &str = "terraform.tfstate";
const WORKSPACES_DIR: &str = "terraform.tfstate.d";

pub(super) struct RemoteState;

/// Where the local backend keeps state.
#[derive(Debug, Default)]
struct LocalBackend {
    path: Option<String>,
    workspace_dir: Option<String>,
}

impl LocalBackend {
    /// The backend that the block configures.
    fn configured(config: &Value) -> Result<Self, Diagnostics> {
        let backend = text(config, "backend").unwrap_or_default();
        // "_local" is the name it had in early versions of Terraform, which still accepts it.
        if !matches!(backend, "local" | "_local") {
            let known = OTHER_BACKENDS.contains(&backend);
            let detail = if known {
                format!("State in the backend {backend:?} cannot be read here; only \"local\" is available.")
            } else {
                format!("There is no backend type named {backend:?}. Available is \"local\".")
            };
            return Err(attribute_error("backend", "Invalid backend configuration", detail).into());
        }
        let mut local = LocalBackend::default();
        let Some(settings) = config.get("config").filter(|c| !c.is_null()) else { return Ok(local) };
        let invalid = |why: String| {
            let detail = format!("The given configuration is not valid for backend {backend:?}: {why}.");
            Diagnostics::from(attribute_error("config", "Invalid backend configuration", detail))
        };
        let Some(settings) = settings.as_map() else { return Err(invalid("an object is required".into())) };
        for (name, value) in settings {
            let field = match &**name {
                "path" => &mut local.path,
                "workspace_dir" => &mut local.workspace_dir,
                _ => {
                    return Err(invalid(format!(
                        "unexpected attribute {name:?}; it has path and workspace_dir"
                    )));
                }
            };
            *field = match value.kind() {
                ValueKind::Null(_) | ValueKind::Unknown(..) => None,
                ValueKind::String(s) => Some(s.to_string()),
                ValueKind::Number(n) => Some(n.to_string()),
                ValueKind::Bool(b) => Some(b.to_string()),
                _ => return Err(invalid(format!(".{name}: string required"))),
            };
        }
        if local.path.as_deref() == Some("") {
            let detail = "The \"path\" attribute value must not be empty.";
            return Err(attribute_error("config", "Invalid local state file path", detail).into());
        }
        if local.workspace_dir.as_deref() == Some("") {
            let detail = "The \"workspace_dir\" attribute value must not be empty.";
            return Err(attribute_error("config", "Invalid local workspace directory path", detail).into());
        }
        Ok(local)
    }

    /// The statefile of a workspace; a path is that of the default workspace only.
    fn statefile(&self, workspace: &str) -> PathBuf {
        if workspace == DEFAULT_WORKSPACE {
            return PathBuf::from(self.path.as_deref().unwrap_or(STATE_NAME));
        }
        [self.workspace_dir.as_deref().unwrap_or(WORKSPACES_DIR), workspace, STATE_NAME].iter().collect()
    }
}

/// Whether it may turn out to be an object or a map, or be left out.
fn may_be_object(value: Option<&Value>) -> bool {
    value.is_none_or(|v| match v.kind() {
        ValueKind::Object(_) | ValueKind::Map(..) => true,
        ValueKind::Null(ty) | ValueKind::Unknown(ty, _) => {
            matches!(ty, Type::Dynamic | Type::Object(_) | Type::Map(_))
        }
        _ => false,
    })
}

#[async_trait]
impl DataSource for RemoteState {
    fn schema(&self) -> Schema {
        let block = Block::of([
            (
                "backend",
                Attribute::required(Type::String).describe("The backend that holds the state: \"local\"."),
            ),
            ("config", Attribute::optional(Type::Dynamic).describe("An object with the backend's settings.")),
            (
                "defaults",
                Attribute::optional(Type::Dynamic)
                    .describe("An object with values for outputs that the state lacks."),
            ),
            (
                "outputs",
                Attribute::computed(Type::Dynamic).describe("An object with every root output of the state."),
            ),
            (
                "workspace",
                Attribute::optional(Type::String).describe("The workspace, \"default\" if none is given."),
            ),
        ]);
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        let settings = config.get("config");
        let known = |name: &str| config.get(name).is_none_or(Value::is_wholly_known);
        if known("config") && known("backend") {
            diagnostics.append(LocalBackend::configured(config).err().into_iter().flatten());
        } else if !may_be_object(settings) {
            let detail = "The configuration must be an object value.";
            diagnostics.push(attribute_error("config", "Invalid backend configuration", detail));
        }
        if !may_be_object(config.get("defaults")) {
            let detail = "Defaults must be given in an object value.";
            diagnostics.push(attribute_error("defaults", "Invalid default values", detail));
        }
        diagnostics
    }

    async fn read(&self, config: &Value, _: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let config = config.clone();
        // States may be large.
        run(true, move || read(&config)).await
    }
}

/// Reads the state that the configuration names.
fn read(config: &Value) -> Result<Value, Diagnostics> {
    let invalid = RemoteState.validate(config);
    if invalid.has_errors() {
        return Err(invalid);
    }
    let backend = LocalBackend::configured(config)?;
    let path = backend.statefile(text(config, "workspace").unwrap_or(DEFAULT_WORKSPACE));
    let Some(outputs) = statefile::outputs(&path)? else {
        let detail = format!(
            "No stored state was found for the given workspace in the given backend: {} does not exist or is \
             empty. Apply the configuration that writes it first, or correct the path.",
            path.display()
        );
        return Err(attribute_error("workspace", "Unable to find remote state", detail).into());
    };
    let defaults = config.get("defaults").filter(|d| !d.is_null());
    let mut merged = defaults.and_then(Value::as_map).cloned().unwrap_or_default();
    merged.extend(outputs);
    let defaults = defaults.cloned().unwrap_or_else(Value::null_dynamic);
    Ok(with(config, [("outputs", Value::object(merged)), ("defaults", defaults)]))
}
