//! The command line of work on stacks that run.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ferroform_platform::deploy::ImageChoice;

use super::{PlanningArgs, WhereArgs};

/// Options of every command that works on a running stack.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct StackArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    /// The private key to log in with, instead of the stack's or your usual ones.
    #[arg(long, short, value_name = "FILE")]
    pub identity: Option<PathBuf>,
}

/// `kubeconfig`
#[derive(Debug, Args)]
pub(crate) struct KubeconfigArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Put it into your own kubeconfig: the first file of KUBECONFIG, or ~/.kube/config.
    #[arg(long, conflicts_with = "output")]
    pub merge: bool,
    /// Write it to this file instead of .terraform/kubeconfig; - prints it.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the API is reached, instead of the first control plane's address.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Print what was done as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `ssh`
#[derive(Debug, Args)]
pub(crate) struct StackSshArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// On every server of the role, one after the other.
    #[arg(long, requires = "command")]
    pub all: bool,
    /// A server's name, or a role such as control, worker or postgres.
    #[arg(value_name = "ROLE|NAME")]
    pub server: String,
    /// What to run there. One word is a line for the server's shell; several are a program and its arguments.
    #[arg(last = true)]
    pub command: Vec<OsString>,
}

/// `logs`
#[derive(Debug, Args)]
pub(crate) struct StackLogsArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// The unit, such as k3s or postgresql*; the one that the role is about if left out.
    #[arg(long, short, value_name = "UNIT")]
    pub unit: Option<String>,
    /// Go on showing what is written from now on, until Ctrl-C.
    #[arg(long, short)]
    pub follow: bool,
    /// How many lines.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 200)]
    pub lines: u32,
    /// Print entries as JSON, one a line.
    #[arg(long)]
    pub json: bool,
    /// A server's name, or a role.
    #[arg(value_name = "ROLE|NAME")]
    pub server: String,
}

/// `status`
#[derive(Debug, Args)]
pub(crate) struct StackStatusArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How the cluster is reached.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct ClusterArgs {
    /// Reach the cluster with this kubeconfig, instead of through SSH to a control plane.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of that kubeconfig.
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    pub context: Option<String>,
}

/// `deploy`
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Another image for a service: SERVICE=TAG or SERVICE=IMAGE; may be given many times.
    #[arg(long, value_name = "SERVICE=TAG", value_parser = ImageChoice::parse)]
    pub image: Vec<ImageChoice>,
    /// Only show what would change.
    #[arg(long)]
    pub dry_run: bool,
    /// Go back to what ran before (Docker hosts).
    #[arg(long, conflicts_with_all = ["image", "dry_run"])]
    pub rollback: bool,
    /// Take over fields that somebody else has set in the cluster.
    #[arg(long)]
    pub force_conflicts: bool,
    /// How long one roll-out may take.
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub timeout: String,
    /// Print what was done as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `backup`
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    pub command: BackupCommand,
}

/// The commands below `backup`.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Make a backup of the database.
    Now(BackupPlainArgs),
    /// List the backups.
    List(BackupPlainArgs),
    /// Check backups: whether they are whole and can be read.
    Verify(BackupNamedArgs),
    /// Bring the database back from a backup.
    Restore(BackupRestoreArgs),
    /// Restore a backup into a scratch database and compare it, as a rehearsal.
    Drill(BackupNamedArgs),
    /// Fetch a backup to this computer.
    Fetch(BackupFetchArgs),
}

/// `backup now` and `backup list`
#[derive(Debug, Args)]
pub(crate) struct BackupPlainArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `backup verify` and `backup drill`
#[derive(Debug, Args)]
pub(crate) struct BackupNamedArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// A backup's name, or latest; verify takes all as well.
    #[arg(default_value = "latest")]
    pub name: String,
}

/// `backup restore`
#[derive(Debug, Args)]
pub(crate) struct BackupRestoreArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Restore into this database instead; the stack's stays as it is.
    #[arg(long, value_name = "DATABASE")]
    pub into: Option<String>,
    /// The state of this moment, such as 2026-11-22T03:15:00Z, where changes are archived.
    #[arg(long, value_name = "TIME")]
    pub at: Option<jiff::Timestamp>,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    pub json: bool,
    /// A backup's name, or latest.
    pub name: String,
}

/// `backup fetch`
#[derive(Debug, Args)]
pub(crate) struct BackupFetchArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Where to write it; a file of its name in the current directory if left out.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print what was done as JSON.
    #[arg(long)]
    pub json: bool,
    /// A backup's name, or latest.
    #[arg(default_value = "latest")]
    pub name: String,
}

/// `snapshot`
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    pub command: SnapshotCommand,
}

/// The commands below `snapshot`.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Make snapshots of servers' own disks. Volumes have none at Hetzner.
    Create(SnapshotCreateArgs),
    /// List the snapshots of this stack.
    List(SnapshotListArgs),
    /// Delete all but the newest snapshots of each server.
    Prune(SnapshotPruneArgs),
}

/// `snapshot create`
#[derive(Debug, Args)]
pub(crate) struct SnapshotCreateArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// A server's name or a role; all servers if left out.
    #[arg(value_name = "ROLE|NAME")]
    pub server: Option<String>,
}

/// `snapshot list`
#[derive(Debug, Args)]
pub(crate) struct SnapshotListArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `snapshot prune`
#[derive(Debug, Args)]
pub(crate) struct SnapshotPruneArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// How many of each server stay.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: u32,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `upgrade`
#[derive(Debug, Args)]
pub(crate) struct UpgradeArgs {
    #[command(subcommand)]
    pub command: UpgradeCommand,
}

/// The commands below `upgrade`.
#[derive(Debug, Subcommand)]
pub(crate) enum UpgradeCommand {
    /// Upgrade k3s, one node after the other.
    K3s(UpgradeK3sArgs),
}

/// `upgrade k3s`
#[derive(Debug, Args)]
pub(crate) struct UpgradeK3sArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// The version, as k3s writes it: v1.31.4+k3s1.
    #[arg(long, value_name = "VERSION")]
    pub to: String,
    /// The SHA-256 of its binary, where the servers' mirror does not tell.
    #[arg(long, value_name = "SUM", value_parser = checksum)]
    pub sha256: Option<String>,
    /// Only show the plan.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    /// How long emptying one node may take.
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub drain_timeout: String,
    /// How long a node may take to be ready again.
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub ready_timeout: String,
    /// Print plan and result as JSON.
    #[arg(long)]
    pub json: bool,
}

fn checksum(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("a SHA-256 has 64 hexadecimal digits".to_owned())
}

/// `rotate`
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    #[command(subcommand)]
    pub command: RotateCommand,
}

/// The commands below `rotate`.
#[derive(Debug, Subcommand)]
pub(crate) enum RotateCommand {
    /// Give the servers another key of the administrator.
    SshKey(RotateSecretArgs),
    /// Give the database's owner another password.
    DbPassword(RotateSecretArgs),
    /// Give the cluster another token to join with.
    K3sToken(RotateSecretArgs),
}

impl RotateCommand {
    /// Its options.
    pub(crate) fn secret_mut(&mut self) -> &mut RotateSecretArgs {
        match self {
            RotateCommand::SshKey(args) | RotateCommand::DbPassword(args) | RotateCommand::K3sToken(args) => {
                args
            }
        }
    }
}

/// `rotate ssh-key`, `rotate db-password` and `rotate k3s-token`
#[derive(Debug, Args, Clone)]
pub(crate) struct RotateSecretArgs {
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// The private key to log in with, instead of the stack's or your usual ones.
    #[arg(long, short, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The resource instance that the secret comes from, where it cannot be told from the state.
    #[arg(long, value_name = "ADDRESS")]
    pub resource: Option<String>,
    /// Make no new secret: bring the servers to the one that the state has. This finishes a rotation that failed half-way.
    #[arg(long)]
    pub resume: bool,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    /// With ssh-key, where the stack has no key of its own: the new public key.
    #[arg(long, value_name = "FILE")]
    pub new_key: Option<PathBuf>,
    /// With -new-key: the public key that is to go.
    #[arg(long, value_name = "FILE", requires = "new_key")]
    pub old_key: Option<PathBuf>,
}
