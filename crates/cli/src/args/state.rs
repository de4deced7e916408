//! Arguments of the commands that look into a state or change it by hand.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{LockArgs, WhereArgs};

/// `state`
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    pub command: StateCommand,
}

/// The commands below `state`.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// List the resource instances in the state.
    List(StateListArgs),
    /// Show the attributes of one.
    Show(StateShowArgs),
    /// Give objects another address.
    Mv(StateMvArgs),
    /// Forget objects, which stay as they are.
    Rm(StateRmArgs),
    /// Decide about a creation that an earlier run left unfinished and that cannot be settled by itself.
    Settle(StateSettleArgs),
    /// Print the state as a statefile.
    Pull(StatePullArgs),
    /// Put a statefile in the place of the state.
    Push(StatePushArgs),
}

/// `state list`
#[derive(Debug, Args)]
pub(crate) struct StateListArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    /// Only objects with this id.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Only instances at or below these addresses.
    pub addresses: Vec<String>,
}

/// Options of commands that change the addresses in a state.
#[derive(Debug, Args)]
pub(crate) struct StateEditArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Where the statefile of before goes, instead of a file beside it with the time in its name.
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
}

/// `state mv`
#[derive(Debug, Args)]
pub(crate) struct StateMvArgs {
    #[command(flatten)]
    pub edit: StateEditArgs,
    /// A module, a resource or an instance in the state.
    pub source: String,
    /// The address that it gets.
    pub destination: String,
}

/// `state rm`
#[derive(Debug, Args)]
pub(crate) struct StateRmArgs {
    #[command(flatten)]
    pub edit: StateEditArgs,
    /// Modules, resources and instances in the state.
    #[arg(required = true, value_name = "ADDRESS")]
    pub addresses: Vec<String>,
}

/// `taint` and `untaint`
#[derive(Debug, Args)]
pub(crate) struct TaintArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Do not fail if there is no such instance.
    #[arg(long)]
    pub allow_missing: bool,
    /// The instance.
    pub address: String,
}

/// `state show`
#[derive(Debug, Args)]
pub(crate) struct StateShowArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    /// The instance.
    pub address: String,
}

/// `state settle`
#[derive(Debug, Args)]
pub(crate) struct StateSettleArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// The object with this import id is what was created.
    #[arg(long, value_name = "ID", required_unless_present = "forget", conflicts_with = "forget")]
    pub adopt: Option<String>,
    /// Nothing was created, or what was is not to be managed.
    #[arg(long)]
    pub forget: bool,
    /// The instance.
    pub address: String,
}

/// `state pull`
#[derive(Debug, Args)]
pub(crate) struct StatePullArgs {
    #[command(flatten)]
    pub place: WhereArgs,
}

/// `state push`
#[derive(Debug, Args)]
pub(crate) struct StatePushArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Also one of another lineage, an older one, or one that lacks results of an interrupted run.
    #[arg(long)]
    pub force: bool,
    /// The statefile; `-` reads it from standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `force-unlock`
#[derive(Debug, Args)]
pub(crate) struct ForceUnlockArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    /// Do not ask.
    #[arg(long)]
    pub force: bool,
    /// The lock's id, as the refusal shows it.
    #[arg(value_name = "LOCK_ID")]
    pub id: String,
}
