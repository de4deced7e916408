//! States in files, as the local backend keeps them.

use std::path::PathBuf;

use ferroform_core::{Diagnostics, Value, ValueKind};

use super::{DEFAULT_WORKSPACE, invalid, settings};
use crate::values::attribute_error;

const STATE_NAME: &str = "terraform.tfstate";
const WORKSPACES_DIR: &str = "terraform.tfstate.d";

/// Where the local backend keeps states.
#[derive(Debug, Default)]
pub(super) struct Local {
    path: Option<String>,
    workspace_dir: Option<String>,
}

impl Local {
    /// As the block configures it.
    pub(super) fn configured(name: &str, config: &Value) -> Result<Self, Diagnostics> {
        let mut local = Local::default();
        for (argument, value) in settings(name, config)?.into_iter().flatten() {
            let field = match &**argument {
                "path" => &mut local.path,
                "workspace_dir" => &mut local.workspace_dir,
                _ => {
                    let why = format!("unexpected attribute {argument:?}; it has path and workspace_dir");
                    return Err(invalid(name, &why));
                }
            };
            *field = match value.kind() {
                ValueKind::Null(_) | ValueKind::Unknown(..) => None,
                ValueKind::String(s) => Some(s.to_string()),
                ValueKind::Number(n) => Some(n.to_string()),
                ValueKind::Bool(b) => Some(b.to_string()),
                _ => return Err(invalid(name, &format!(".{argument}: string required"))),
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
    pub(super) fn statefile(&self, workspace: &str) -> PathBuf {
        if workspace == DEFAULT_WORKSPACE {
            return PathBuf::from(self.path.as_deref().unwrap_or(STATE_NAME));
        }
        [self.workspace_dir.as_deref().unwrap_or(WORKSPACES_DIR), workspace, STATE_NAME].iter().collect()
    }
}
