//! Arguments of `workspace`.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use super::{LockArgs, WhereArgs};

/// `workspace`
#[derive(Debug, Args)]
pub(crate) struct WorkspaceArgs {
    #[command(subcommand)]
    pub command: WorkspaceCommand,
}

/// What to do with workspaces.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// List the workspaces.
    List(WorkspaceListArgs),
    /// Show the name of the present one.
    Show(WorkspaceListArgs),
    /// Create one and work in it from now on.
    New(WorkspaceNewArgs),
    /// Work in another one from now on.
    Select(WorkspaceSelectArgs),
    /// Delete one, with its state.
    Delete(WorkspaceDeleteArgs),
}

/// Whose workspaces are meant.
#[derive(Debug, Args)]
pub(crate) struct WorkspacesArgs {
    /// Those of the built-in local cloud, which has its own.
    #[arg(long)]
    pub local: bool,
}

impl WorkspacesArgs {
    /// The place, without a statefile that would be none of any workspace.
    pub(crate) fn place(&self) -> WhereArgs {
        WhereArgs { local: self.local, ..WhereArgs::default() }
    }
}

/// `workspace list` and `workspace show`
#[derive(Debug, Args)]
pub(crate) struct WorkspaceListArgs {
    #[command(flatten)]
    pub which: WorkspacesArgs,
}

/// `workspace new`
#[derive(Debug, Args)]
pub(crate) struct WorkspaceNewArgs {
    #[command(flatten)]
    pub which: WorkspacesArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// A statefile that becomes the workspace's state.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// The new workspace.
    pub name: String,
}

/// `workspace select`
#[derive(Debug, Args)]
pub(crate) struct WorkspaceSelectArgs {
    #[command(flatten)]
    pub which: WorkspacesArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Create it if there is none.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    pub or_create: bool,
    /// The workspace.
    pub name: String,
}

/// `workspace delete`
#[derive(Debug, Args)]
pub(crate) struct WorkspaceDeleteArgs {
    #[command(flatten)]
    pub which: WorkspacesArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Also one with objects in its state, which stay and are forgotten.
    #[arg(long)]
    pub force: bool,
    /// The workspace.
    pub name: String,
}
