//! `terraform_remote_state`: the root outputs of another configuration's state.

mod bucket;
mod local;
mod statefile;

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Entries, Type, Value, ValueKind};

use self::local::Local;
use crate::builtin::{DataSource, run};
use crate::values::{attribute_error, text, with};

/// Backends that Terraform has beside those here.
const OTHER_BACKENDS: [&str; 10] =
    ["azurerm", "cloud", "consul", "cos", "gcs", "http", "kubernetes", "oss", "pg", "remote"];

const DEFAULT_WORKSPACE: &str = "default";

pub(super) struct RemoteState;

/// What keeps the state.
enum Backend {
    Local(Local),
    S3(bucket::Arguments),
}

impl Backend {
    /// The one that the block configures.
    fn configured(config: &Value) -> Result<Self, Diagnostics> {
        match text(config, "backend").unwrap_or_default() {
            // "_local" is the name it had in early versions of Terraform, which still accepts it.
            name @ ("local" | "_local") => Local::configured(name, config).map(Backend::Local),
            "s3" => bucket::configured(config).map(Backend::S3),
            name => {
                let detail = if OTHER_BACKENDS.contains(&name) {
                    format!(
                        "State in the backend {name:?} cannot be read here; only \"local\" and \"s3\" are available."
                    )
                } else {
                    format!("There is no backend type named {name:?}. Available are \"local\" and \"s3\".")
                };
                Err(attribute_error("backend", INVALID, detail).into())
            }
        }
    }
}

const INVALID: &str = "Invalid backend configuration";

fn invalid(backend: &str, why: &str) -> Diagnostics {
    let detail = format!("The given configuration is not valid for backend {backend:?}: {why}.");
    attribute_error("config", INVALID, detail).into()
}

/// The settings of a backend; none if there are none.
fn settings<'a>(backend: &str, config: &'a Value) -> Result<Option<&'a Entries>, Diagnostics> {
    match config.get("config").filter(|config| !config.is_null()) {
        None => Ok(None),
        Some(settings) => match settings.as_map() {
            Some(settings) => Ok(Some(settings)),
            None => Err(invalid(backend, "an object is required")),
        },
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
                Attribute::required(Type::String)
                    .describe("The backend that holds the state: \"local\" or \"s3\"."),
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
            diagnostics.append(Backend::configured(config).err().into_iter().flatten());
        } else if !may_be_object(settings) {
            let detail = "The configuration must be an object value.";
            diagnostics.push(attribute_error("config", INVALID, detail));
        }
        if !may_be_object(config.get("defaults")) {
            let detail = "Defaults must be given in an object value.";
            diagnostics.push(attribute_error("defaults", "Invalid default values", detail));
        }
        diagnostics
    }

    async fn read(&self, config: &Value, _: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let invalid = self.validate(config);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let workspace = text(config, "workspace").unwrap_or(DEFAULT_WORKSPACE);
        let (place, bytes) = match Backend::configured(config)? {
            Backend::Local(local) => {
                let path = local.statefile(workspace);
                let place = path.display().to_string();
                // States may be large.
                (place, run(true, move || statefile::read(&path)).await?)
            }
            Backend::S3(arguments) => bucket::fetch(&arguments, workspace).await?,
        };
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
            let detail = format!(
                "No stored state was found for the given workspace in the given backend: {place} does not exist or is \
                 empty. Apply the configuration that writes it first, or correct its place.",
            );
            return Err(attribute_error("workspace", "Unable to find remote state", detail).into());
        };
        let outputs = run(true, move || statefile::outputs(&bytes, &place)).await?;
        let defaults = config.get("defaults").filter(|d| !d.is_null());
        let mut merged = defaults.and_then(Value::as_map).cloned().unwrap_or_default();
        merged.extend(outputs);
        let defaults = defaults.cloned().unwrap_or_else(Value::null_dynamic);
        Ok(with(config, [("outputs", Value::object(merged)), ("defaults", defaults)]))
    }
}
