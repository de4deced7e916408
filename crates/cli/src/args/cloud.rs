//! The command line of `cloud`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ferroform_cloud::ServeOptions;
use ferroform_hcloud_emulator::{Egress, MachineKind};

/// `cloud`
#[derive(Debug, Args)]
pub(crate) struct CloudArgs {
    #[command(subcommand)]
    pub command: CloudCommand,
}

/// The commands below `cloud`.
#[derive(Debug, Subcommand)]
pub(crate) enum CloudCommand {
    /// Run a local Hetzner Cloud in the foreground, for any client.
    Serve(ServeArgs),
    /// Show the local cloud of this directory.
    Status,
    /// Print what other clients of the API need: eval "$(ferroform cloud env)".
    Env,
    /// Stop the local cloud of this directory; its objects stay.
    Stop,
    /// Delete the local cloud of this directory with all its objects, and the local state.
    Reset,
    /// List the machines of the local cloud.
    Ps(PsArgs),
    /// Log in to a machine.
    Ssh(SshArgs),
    /// Connect standard input and output to an address.
    #[command(hide = true)]
    Relay(RelayArgs),
    /// Run a command on a host that was added, or in a machine.
    Exec(ExecArgs),
    /// Show what a machine wrote to its console.
    Logs(LogsArgs),
    /// Wait until machines have booted, or cloud-init is done.
    Wait(WaitArgs),
    /// Further hosts in the internet of the local cloud.
    Host(HostArgs),
    /// The images that machines are made of.
    Image(ImageArgs),
    /// Check whether machines can run on this computer.
    Doctor(DoctorArgs),
    /// Remove machines whose local cloud was deleted without cloud reset.
    Prune(PruneArgs),
}

/// Whether and how servers are real machines.
#[derive(Debug, Args, Clone, Default, PartialEq, Eq)]
pub(crate) struct MachineArgs {
    /// Run every server of the local cloud as a real Linux machine (Linux only, as root): containers, or virtual
    /// machines with -machines=qemu, which are slow. A local cloud that was started so stays so until it is reset.
    #[arg(
        long,
        value_name = "KIND",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "containers",
        value_parser = kind
    )]
    pub machines: Option<MachineKind>,
    /// What machines reach outside of the local cloud: none, packages (the package sources of this computer) or nat
    /// (whatever this computer reaches).
    #[arg(long, value_name = "WHAT", requires = "machines", value_parser = egress)]
    pub egress: Option<Egress>,
    /// Where images, disks and volumes are kept, instead of /var/lib/ferroform.
    #[arg(long, value_name = "DIR", requires = "machines")]
    pub machines_dir: Option<PathBuf>,
}

fn kind(text: &str) -> Result<MachineKind, String> {
    text.parse()
}

fn egress(text: &str) -> Result<Egress, String> {
    text.parse()
}

/// `cloud serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub options: ServeOptions,
    #[command(flatten)]
    pub machines: MachineArgs,
    /// Written when the cloud is ready: endpoint, token and process, as JSON.
    #[arg(long, value_name = "FILE", hide = true)]
    pub owner_file: Option<PathBuf>,
}

/// `cloud ps`
#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `cloud ssh`
#[derive(Debug, Args)]
pub(crate) struct SshArgs {
    /// Whom to log in as.
    #[arg(long, short, value_name = "NAME", default_value = "root")]
    pub user: String,
    /// The private key to log in with, instead of ssh's usual ones.
    #[arg(long, short, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The machine.
    pub name: String,
    /// What to run there; a shell if left out.
    #[arg(last = true)]
    pub command: Vec<OsString>,
}

/// `cloud relay`
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// Address and port.
    pub address: std::net::SocketAddr,
}

/// `cloud exec`
#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// A host that was added, or a machine.
    pub name: String,
    /// What to run there.
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

/// `cloud logs`
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Show what cloud-init and its scripts wrote instead.
    #[arg(long)]
    pub cloud_init: bool,
    /// Go on showing what is written from now on, until Ctrl-C.
    #[arg(long, short)]
    pub follow: bool,
    /// The machine.
    pub name: String,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaitFor {
    /// The machine runs.
    Boot,
    /// cloud-init is done, without an error.
    CloudInit,
}

/// `cloud wait`
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// What to wait for.
    #[arg(long = "for", value_name = "WHAT", default_value = "cloud-init")]
    pub what: WaitFor,
    /// How long at most, such as 90s or 10m.
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub timeout: String,
    /// The machines; all that are switched on if left out.
    pub names: Vec<String>,
}

/// `cloud host`
#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    #[command(subcommand)]
    pub command: HostCommand,
}

/// The commands below `cloud host`.
#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// Add a host with any addresses, to reach machines from there.
    Add(HostAddArgs),
    /// List the hosts that were added.
    List(PsArgs),
    /// Remove a host.
    Remove(HostRemoveArgs),
}

/// `cloud host add`
#[derive(Debug, Args)]
pub(crate) struct HostAddArgs {
    /// An address of the host; may be given many times.
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub address: Vec<IpAddr>,
    /// Its name; one is made up if left out.
    pub name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `cloud host remove`
#[derive(Debug, Args)]
pub(crate) struct HostRemoveArgs {
    /// Its name.
    pub name: String,
}

/// `cloud image`
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    #[command(subcommand)]
    pub command: ImageCommand,
}

/// The commands below `cloud image`.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Make the base image for a system, from the package sources of this computer.
    Build(ImageBuildArgs),
    /// List the base images that there are.
    List(ImageListArgs),
}

/// `cloud image build`
#[derive(Debug, Args)]
pub(crate) struct ImageBuildArgs {
    /// Where images are kept, instead of /var/lib/ferroform.
    #[arg(long, value_name = "DIR")]
    pub machines_dir: Option<PathBuf>,
    /// Systems as Hetzner names them, such as debian-12; the one that suits this computer if left out.
    pub names: Vec<String>,
}

/// `cloud image list`
#[derive(Debug, Args)]
pub(crate) struct ImageListArgs {
    /// Where images are kept, instead of /var/lib/ferroform.
    #[arg(long, value_name = "DIR")]
    pub machines_dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `cloud doctor`
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Where images, disks and volumes are to be kept, instead of /var/lib/ferroform.
    #[arg(long, value_name = "DIR")]
    pub machines_dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `cloud prune`
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Where images, disks and volumes are kept, instead of /var/lib/ferroform.
    #[arg(long, value_name = "DIR")]
    pub machines_dir: Option<PathBuf>,
}
