//! The command line, as Terraform's: long options with one dash or two, values behind `=` or as the next word.

mod cloud;
mod cloudflare;
mod cost;
mod day2;
mod fmt;
mod new;
mod state;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub(crate) use self::cloud::*;
pub(crate) use self::cloudflare::CloudflareRangesArgs;
pub(crate) use self::cost::CostArgs;
pub(crate) use self::day2::*;
pub(crate) use self::fmt::FmtArgs;
pub(crate) use self::new::NewArgs;
pub(crate) use self::state::*;
pub(crate) use self::workspace::*;

/// An infrastructure engine for Hetzner Cloud that speaks the Terraform language.
#[derive(Debug, Parser)]
#[command(name = "ferroform", version, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Switch to another directory before doing anything.
    #[arg(long, global = true, value_name = "DIR")]
    pub chdir: Option<PathBuf>,
    /// Print without colours.
    #[arg(long, global = true)]
    pub no_color: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Begin a project: a stack with the modules that it is made of.
    New(NewArgs),
    /// Prepare a directory: check its modules and providers.
    Init(InitArgs),
    /// Check whether the configuration is valid.
    Validate(ValidateArgs),
    /// Bring configuration into the canonical style.
    Fmt(FmtArgs),
    /// Show what applying would change.
    Plan(PlanArgs),
    /// Create, update and delete objects as configured or as planned.
    Apply(ApplyArgs),
    /// Delete all objects under management.
    Destroy(ApplyArgs),
    /// Bring an object that exists already under management.
    Import(ImportArgs),
    /// Show the outputs of the root module.
    Output(OutputArgs),
    /// Show the state or a saved plan.
    Show(ShowArgs),
    /// Look into the state, or mend it.
    State(StateArgs),
    /// Mark an object so that the next plan replaces it.
    Taint(TaintArgs),
    /// Take the mark of `taint`, or of a creation that failed half-way, away.
    Untaint(TaintArgs),
    /// Work with several states of one configuration.
    Workspace(WorkspaceArgs),
    /// Take away the lock that a lost run left on a remote state.
    ForceUnlock(ForceUnlockArgs),
    /// Show what the configuration costs.
    Cost(CostArgs),
    /// Bring a file of Cloudflare's address ranges up to date.
    CloudflareRanges(CloudflareRangesArgs),
    /// Show how a running stack is, on one screen.
    Status(StackStatusArgs),
    /// Deploy to a stack's cluster or Docker host.
    Deploy(DeployArgs),
    /// Log in to a server of the stack, or run a command there.
    Ssh(StackSshArgs),
    /// Show what a server of the stack logged.
    Logs(StackLogsArgs),
    /// Fetch the kubeconfig of the stack's cluster.
    Kubeconfig(KubeconfigArgs),
    /// Make, check and restore backups of the stack's database.
    Backup(BackupArgs),
    /// Make and prune snapshots of the stack's servers.
    Snapshot(SnapshotArgs),
    /// Upgrade what runs on the stack's servers.
    Upgrade(UpgradeArgs),
    /// Replace secrets of the stack.
    Rotate(RotateArgs),
    /// Show the version.
    Version(VersionArgs),
    /// The local Hetzner Cloud.
    Cloud(CloudArgs),
}

/// Options that say where the objects and their state are.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct WhereArgs {
    /// Use the built-in local cloud, with a state of its own.
    #[arg(long)]
    pub local: bool,
    /// How many times faster than in reality the local cloud's time goes; 0 for no waiting at all.
    #[arg(long, value_name = "FACTOR", requires = "local")]
    pub time_scale: Option<f64>,
    /// What goes wrong in the local cloud from now on, instead of what did so far: faults as JSON, as for cloud serve.
    #[arg(long, value_name = "FILE", requires = "local")]
    pub faults: Option<PathBuf>,
    #[command(flatten)]
    pub machines: MachineArgs,
    /// The statefile, instead of what the configuration says.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// Options that hold the state against others.
#[derive(Debug, Args, Clone)]
pub(crate) struct LockArgs {
    /// Hold a lock on the state meanwhile.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub lock: bool,
    /// How long to wait for a lock that somebody else holds, such as 10s or 2m.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub lock_timeout: String,
}

/// Values for input variables.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct VariableArgs {
    /// A value for an input variable of the root module; may be given many times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// A file of values for input variables; may be given many times.
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<PathBuf>,
    /// `-var` and `-var-file` in the order in which they were given, filled in after parsing.
    #[arg(skip)]
    pub in_order: Vec<VariableArg>,
}

/// One `-var` or `-var-file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VariableArg {
    /// `NAME=VALUE`
    Value(String),
    /// A file.
    File(PathBuf),
}

/// The limit of what is done at once.
#[derive(Debug, Args, Clone, Copy)]
pub(crate) struct ParallelismArgs {
    /// How many operations of applying may run at once; what only reads, as planning and importing do, does not depend
    /// on it. More than Terraform's ten, since the requests of all together keep to the limit of the API, and most of
    /// an operation is waiting.
    #[arg(long = "parallelism", value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub operations: u16,
}

/// Options of planning.
#[derive(Debug, Args, Clone)]
pub(crate) struct PlanningArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    #[command(flatten)]
    pub variables: VariableArgs,
    /// Plan to destroy everything.
    #[arg(long)]
    pub destroy: bool,
    /// Only bring the state up to date with the objects.
    #[arg(long, conflicts_with = "destroy")]
    pub refresh_only: bool,
    /// Read all objects first.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub refresh: bool,
    /// Limit the plan to a resource, instance or module and what it needs; may be given many times.
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<String>,
    /// Replace an instance whatever changed; may be given many times.
    #[arg(long, value_name = "ADDRESS")]
    pub replace: Vec<String>,
    #[command(flatten)]
    pub parallelism: ParallelismArgs,
    /// Ask for missing variables and for approval.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub input: bool,
    /// Show warnings in a line each.
    #[arg(long)]
    pub compact_warnings: bool,
}

/// `init`
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    /// Accepted for scripts: there is nothing to ask.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    pub input: Option<bool>,
    /// Accepted for scripts: providers are part of the binary.
    #[arg(long, hide = true)]
    pub upgrade: bool,
    /// Arguments of the backend that are not in its block: NAME=VALUE, or a file of them; may be given many times. They are
    /// remembered in the directory for the commands that come after.
    #[arg(long, value_name = "NAME=VALUE|FILE")]
    pub backend_config: Vec<String>,
    /// Forget the arguments that were given before.
    #[arg(long)]
    pub reconfigure: bool,
    /// Look at the backend.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub backend: bool,
    /// Accepted to say how a state is moved.
    #[arg(long, hide = true)]
    pub migrate_state: bool,
}

/// `validate`
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `plan`
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Keep the plan in a file, for `apply FILE`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Accepted to say that it is not there: configuration for imports is not generated.
    #[arg(long, value_name = "FILE", hide = true)]
    pub generate_config_out: Option<PathBuf>,
    /// Exit with 2 when there are changes, 0 when there are none, 1 on errors.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Print messages for programs, an object of JSON a line, as Terraform does.
    #[arg(long)]
    pub json: bool,
}

/// `apply` and `destroy`
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Do not ask for approval.
    #[arg(long)]
    pub auto_approve: bool,
    /// What becomes of load balancers and volumes that a cluster made by itself, when everything is destroyed: `keep` or
    /// `remove`. If left out, it is asked, and where nobody can be asked they are kept.
    #[arg(long, value_name = "FATE")]
    pub cluster_objects: Option<ClusterObjects>,
    /// With -local -machines: when all is applied, wait until every machine's cloud-init is done, and fail if it
    /// reports an error. At most 10m, or as long as is given.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m")]
    pub wait_for_boot: Option<String>,
    /// Print messages for programs, an object of JSON a line, as Terraform does; nothing is asked.
    #[arg(long)]
    pub json: bool,
    /// A plan that `plan -out=FILE` made.
    #[arg(value_name = "PLANFILE")]
    pub planfile: Option<PathBuf>,
}

/// `import`
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    #[command(flatten)]
    pub lock: LockArgs,
    #[command(flatten)]
    pub variables: VariableArgs,
    #[command(flatten)]
    pub parallelism: ParallelismArgs,
    /// Ask for missing variables.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub input: bool,
    /// The instance that the object belongs to; configuration must declare it.
    pub address: String,
    /// What the provider knows the object by.
    pub id: String,
}

/// What becomes of what a cluster made by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClusterObjects {
    /// It stays.
    Keep,
    /// It is removed.
    Remove,
}

/// `output`
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    /// Print JSON.
    #[arg(long, conflicts_with = "raw")]
    pub json: bool,
    /// Print the value as it is: a string, number or bool.
    #[arg(long)]
    pub raw: bool,
    /// One output; all if left out.
    pub name: Option<String>,
}

/// `show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub place: WhereArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// A saved plan or a statefile; the current state if left out.
    pub path: Option<PathBuf>,
}

/// `version`
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Reads the command line. `env` gives `TF_CLI_ARGS` and `TF_CLI_ARGS_<command>`, whose words come before the others'.
pub(crate) fn parse(
    args: impl IntoIterator<Item = OsString>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Cli, clap::Error> {
    let words = normalise(with_environment(args.into_iter().collect(), env));
    let matches = Cli::command().try_get_matches_from(words.clone())?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    let variables = match &mut cli.command {
        Command::Plan(args) => Some(&mut args.planning.variables),
        Command::Apply(args) | Command::Destroy(args) => Some(&mut args.planning.variables),
        Command::Cost(args) => Some(&mut args.variables),
        Command::Import(args) => Some(&mut args.variables),
        _ => None,
    };
    if let Some(variables) = variables {
        variables.in_order = variables_in_order(&words);
    }
    Ok(cli)
}

/// Adds the words of the environment behind the command that they are for.
fn with_environment(mut args: Vec<OsString>, env: impl Fn(&str) -> Option<String>) -> Vec<OsString> {
    let Some(at) = args.iter().skip(1).position(|a| !a.to_string_lossy().starts_with('-')).map(|i| i + 1)
    else {
        return args;
    };
    let command = args[at].to_string_lossy().into_owned();
    let words = ["TF_CLI_ARGS".to_owned(), format!("TF_CLI_ARGS_{command}")]
        .iter()
        .filter_map(|name| env(name))
        .flat_map(|text| split_words(&text))
        .map(OsString::from)
        .collect::<Vec<_>>();
    args.splice(at + 1..at + 1, words);
    args
}

/// Words as a shell would split them: at white space, with quotes and backslashes.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Gives long options with one dash a second one.
fn normalise(args: Vec<OsString>) -> Vec<OsString> {
    let mut only_words = false;
    args.into_iter()
        .enumerate()
        .map(|(i, arg)| {
            let Some(text) = arg.to_str() else { return arg };
            only_words |= text == "--";
            let rest = text.strip_prefix('-').unwrap_or("");
            let long = rest.len() > 1 && rest.starts_with(|c: char| c.is_ascii_alphabetic());
            if i > 0 && !only_words && long { OsString::from(format!("-{text}")) } else { arg }
        })
        .collect()
}

fn variables_in_order(words: &[OsString]) -> Vec<VariableArg> {
    let mut found = Vec::new();
    let mut words = words.iter().map(|w| w.to_string_lossy());
    while let Some(word) = words.next() {
        if let Some(value) = word.strip_prefix("--var=") {
            found.push(VariableArg::Value(value.to_owned()));
        } else if let Some(file) = word.strip_prefix("--var-file=") {
            found.push(VariableArg::File(file.into()));
        } else if word == "--var" {
            found.extend(words.next().map(|v| VariableArg::Value(v.into_owned())));
        } else if word == "--var-file" {
            found.extend(words.next().map(|v| VariableArg::File(v.into_owned().into())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli(line: &str, env: &[(&str, &str)]) -> Cli {
        let words = std::iter::once("ferroform").chain(line.split(' ')).map(OsString::from);
        parse(words, |name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())).unwrap()
    }

    fn plan(line: &str, env: &[(&str, &str)]) -> PlanArgs {
        match cli(line, env).command {
            Command::Plan(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn long_options_take_one_dash_or_two() {
        for line in ["plan -out=x -refresh=false -var a=1", "plan --out x --refresh=false --var=a=1"] {
            let args = plan(line, &[]);
            assert_eq!(args.out, Some("x".into()), "{line}");
            assert!(!args.planning.refresh, "{line}");
            assert_eq!(args.planning.variables.in_order, [VariableArg::Value("a=1".into())], "{line}");
        }
        assert!(plan("plan -refresh", &[]).planning.refresh);
    }

    #[test]
    fn every_command_takes_no_color_as_with_terraform() {
        for command in ["plan", "state list", "version", "cloud status", "output", "cost"] {
            assert!(cli(&format!("{command} -no-color"), &[]).no_color, "{command}");
            assert!(cli(command, &[("TF_CLI_ARGS", "-no-color")]).no_color, "{command}");
            assert!(!cli(command, &[]).no_color, "{command}");
        }
    }

    #[test]
    fn words_of_the_environment_come_first() {
        let env = [("TF_CLI_ARGS", "-no-color"), ("TF_CLI_ARGS_plan", "-var 'a=x y' -parallelism=3")];
        let args = plan("plan -var a=2", &env);
        assert!(cli("plan -var a=2", &env).no_color);
        assert_eq!(args.planning.parallelism.operations, 3);
        let order = [VariableArg::Value("a=x y".into()), VariableArg::Value("a=2".into())];
        assert_eq!(args.planning.variables.in_order, order);
    }

    #[test]
    fn variables_and_files_keep_their_order() {
        let args = plan("plan -var-file=a.tfvars -var x=1 -var-file b.tfvars", &[]);
        let order = [
            VariableArg::File("a.tfvars".into()),
            VariableArg::Value("x=1".into()),
            VariableArg::File("b.tfvars".into()),
        ];
        assert_eq!(args.planning.variables.in_order, order);
    }

    #[test]
    fn words_behind_two_dashes_belong_to_the_command_that_is_run() {
        let words =
            ["ferroform", "cloud", "exec", "admin", "--", "curl", "-sS", "-max-time", "3", "http://a/"];
        let cli = parse(words.map(OsString::from), |_| None).unwrap();
        let Command::Cloud(CloudArgs { command: CloudCommand::Exec(args) }) = cli.command else {
            panic!("{cli:?}")
        };
        assert_eq!(args.name, "admin");
        assert_eq!(args.command, words[5..].iter().map(OsString::from).collect::<Vec<_>>());
    }

    #[test]
    fn egress_is_for_machines() {
        for (line, good) in [
            ("apply -local -machines -egress=none", true),
            ("apply -local -machines -egress nat -wait-for-boot", true),
            ("apply -local -egress=none", false),
            ("apply -local -machines -egress=all", false),
            ("apply -local -machines=qemu -egress=none", true),
            ("apply -local -machines=containers", true),
            ("apply -local -machines=xen", false),
        ] {
            let words = std::iter::once("ferroform").chain(line.split(' ')).map(OsString::from);
            assert_eq!(parse(words, |_| None).is_ok(), good, "{line}");
        }
    }

    #[test]
    fn every_command_takes_as_many_operations_at_once() {
        for (line, expected) in [
            ("plan", Some(32)),
            ("apply", Some(32)),
            ("destroy", Some(32)),
            ("import a.b 1", Some(32)),
            ("import -parallelism=1000 a.b 1", Some(1000)),
            ("apply -parallelism=0", None),
            ("import -parallelism=1001 a.b 1", None),
        ] {
            let words = std::iter::once("ferroform").chain(line.split(' ')).map(OsString::from);
            let operations = parse(words, |_| None).ok().map(|cli| match cli.command {
                Command::Plan(args) => args.planning.parallelism.operations,
                Command::Apply(args) | Command::Destroy(args) => args.planning.parallelism.operations,
                Command::Import(args) => args.parallelism.operations,
                other => panic!("{other:?}"),
            });
            assert_eq!(operations, expected, "{line}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
