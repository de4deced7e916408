//! A running stack, as the commands that work on one find it: by the output `ferroform` in its state.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};
use ferroform_engine::StopLevel;
use ferroform_platform::contract;
use ferroform_platform::kubectl::Kubectl;
use ferroform_platform::run::Stop;
use ferroform_platform::ssh::{Access, Ways};
use ferroform_platform::{Contract, Remote, SystemRunner};
use serde::Serialize;
use tokio::sync::watch;

use super::state::read_state;
use crate::args::{ClusterArgs, StackArgs, WhereArgs};
use crate::cloud::control::{Control, find};
use crate::cloud::{Owner, entering};
use crate::context::{Context, Reported};
use crate::interrupt;
use crate::settings::{Settings, parse_duration};
use crate::terminal::Terminal;
use crate::views::outputs::value_json;
use crate::views::text::visible;
use crate::workflow::local_cloud;

/// A running stack.
pub(super) struct Stack<'t> {
    /// How to talk to the person.
    pub context: Context<'t>,
    /// Where things are.
    pub settings: Settings,
    /// What the stack tells.
    pub contract: Contract,
    /// Runs ssh and kubectl.
    pub runner: SystemRunner,
    /// The local cloud, if the stack is there.
    pub owner: Option<Owner>,
    access: Access,
    stop: watch::Receiver<StopLevel>,
}

impl<'t> Stack<'t> {
    /// Reads the contract and prepares the ways to the servers.
    pub(super) fn open(args: &StackArgs, terminal: &'t Terminal) -> Result<Stack<'t>, Reported> {
        let context = Context::new(terminal);
        let stop = interrupt::listen();
        Self::with(context, &args.place, args.identity.as_deref(), stop)
    }

    /// The same for a command that listens to Ctrl-C already.
    pub(super) fn with(
        context: Context<'t>,
        place: &WhereArgs,
        identity: Option<&Path>,
        stop: watch::Receiver<StopLevel>,
    ) -> Result<Stack<'t>, Reported> {
        let none = Sources::new();
        let settings = context.take(Settings::new(place), &none)?;
        let contract = read_contract(&context, place)?;
        let owner = local_cloud(&context, &settings)?;
        let ways = match &owner {
            Some(owner) => context.take(ways_inside(owner, &contract), &none)?,
            None => Ways::new(),
        };
        let access = context.take(Access::new(&contract, ways, identity), &none)?;
        let heard = stop.clone();
        let runner = SystemRunner::new(move || match *heard.borrow() {
            StopLevel::Run => Stop::No,
            StopLevel::Finish => Stop::Finish,
            StopLevel::Abandon => Stop::Now,
        });
        Ok(Stack { context, settings, contract, runner, owner, access, stop })
    }

    /// Tells on the first Ctrl-C what happens now. For commands that have the terminal to themselves.
    pub(super) fn announce_stop(&self) {
        let (mut stop, terminal) = (self.stop.clone(), self.context.terminal.clone());
        tokio::spawn(async move {
            if stop.changed().await.is_ok() {
                terminal.print_error(
                    "\nStopping as soon as the step under way is done; Ctrl-C again stops at once.\n",
                );
            }
        });
    }

    /// The servers, reached.
    pub(super) fn remote(&self) -> Remote<'_> {
        Remote { runner: &self.runner, access: &self.access, contract: &self.contract }
    }

    /// The way to the servers.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// The way to the servers with another key.
    pub(super) fn access_with(&self, key: &Path) -> Result<Access, Diagnostic> {
        let ways = match &self.owner {
            Some(owner) => ways_inside(owner, &self.contract)?,
            None => Ways::new(),
        };
        Access::new(&self.contract, ways, Some(key))
    }

    /// The cluster's API: with the person's kubeconfig, or through the first control plane that lets us in.
    pub(super) fn kubectl(&self, args: &ClusterArgs) -> Result<Kubectl<'_>, Reported> {
        if let Some(path) = &args.kubeconfig {
            return self.take(Kubectl::with(&self.runner, path, args.context.as_deref()));
        }
        let kubernetes = self.take(self.contract.kubernetes())?;
        let mut why = None;
        for server in &kubernetes.servers {
            match Kubectl::through(self.remote(), server) {
                Ok(kubectl) => return Ok(kubectl),
                Err(error) => why = why.or(Some(error)),
            }
        }
        // A contract with a cluster names at least one control plane.
        self.take(Err(why.unwrap_or_else(|| self.contract.without("kubernetes.servers", "control plane"))))
    }

    /// The value of something that fails with a diagnostic.
    pub(super) fn take<T>(&self, result: Result<T, Diagnostic>) -> Result<T, Reported> {
        self.context.take(result, &Sources::new())
    }

    /// Tells what is being done, on standard error.
    pub(super) fn say(&self, text: &str) {
        self.context.terminal.print_error(&format!("{}\n", visible(text)));
    }

    /// Prints the result: JSON if that is wanted, else the text.
    pub(super) fn result(
        &self,
        json: bool,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> ExitCode {
        // Nothing that is shown can fail to become JSON.
        let json = json.then(|| serde_json::to_string_pretty(value).unwrap_or_default() + "\n");
        self.context.print(&json.unwrap_or_else(text));
        ExitCode::SUCCESS
    }

    /// A duration of an option.
    pub(super) fn duration(&self, text: &str) -> Result<std::time::Duration, Reported> {
        self.take(parse_duration(text))
    }

    /// A client of the API of the stack's project.
    pub(super) fn client(&self) -> Result<ferroform_hcloud::Client, Reported> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut builder =
            ferroform_hcloud::Client::builder().user_agent(concat!("ferroform/", env!("CARGO_PKG_VERSION")));
        match &self.owner {
            Some(owner) => {
                builder = builder.endpoint(&owner.endpoint).token(&owner.token).loopback_only();
                if owner.time_scale == 0.0 {
                    builder = builder.pace(ferroform_hcloud::Pace::INSTANT);
                }
            }
            None => {
                let token = env("HCLOUD_TOKEN").or_else(|| env("TF_VAR_hcloud_token")).ok_or_else(|| {
                    Diagnostic::error("No token")
                        .detail(
                            "This command asks the Hetzner API, and neither HCLOUD_TOKEN nor TF_VAR_hcloud_token is set.",
                        )
                        .hint("Set HCLOUD_TOKEN to a token of the stack's project.")
                });
                builder = builder.token(self.take(token)?);
                if let Some(endpoint) = env("HCLOUD_ENDPOINT") {
                    builder = builder.endpoint(endpoint);
                }
                if env("FERROFORM_FORBID_PUBLIC_ENDPOINT").is_some() {
                    builder = builder.loopback_only();
                }
            }
        }
        self.take(
            builder
                .build()
                .map_err(|error| Diagnostic::error("API client cannot be made").detail(format!("{error}."))),
        )
    }

    /// Asks for a certain answer, unless that is given already. Whether it was given.
    pub(super) fn confirmed(&self, approved: bool, question: &str, answer: &str) -> Result<bool, Reported> {
        if approved {
            return Ok(true);
        }
        if !self.context.terminal.can_ask {
            let diagnostic = Diagnostic::error("Approval needed")
                .detail("Nobody can be asked, since input is not a terminal.")
                .hint("Add -auto-approve to go on without being asked.");
            return self.take(Err(diagnostic));
        }
        let text = format!("{question}\n  Only '{answer}' will be accepted to approve.\n\n  Enter a value: ");
        let given = self.context.terminal.ask(&text);
        let yes = given.as_deref().map(str::trim) == Some(answer);
        self.context.print(if yes { "\n" } else { "\nCancelled: nothing was done.\n" });
        Ok(yes)
    }
}

/// The contract in the state.
pub(super) fn read_contract(context: &Context<'_>, place: &WhereArgs) -> Result<Contract, Reported> {
    let none = Sources::new();
    let state = read_state(context, place)?;
    let output = state.as_ref().and_then(|state| state.outputs.get(contract::OUTPUT));
    let output = context.take(output.ok_or_else(contract::missing), &none)?;
    context.take(Contract::parse(&value_json(output)), &none)
}

/// The ways to the machines of a local cloud: from inside their networks, whatever their addresses.
fn ways_inside(owner: &Owner, contract: &Contract) -> Result<Ways, Diagnostic> {
    if owner.machines.is_none() {
        let why = Diagnostic::error("Servers are not real here")
            .detail("The servers of this local cloud exist in its API only: nothing runs on them that could be logged in to.")
            .hint("apply -local -machines makes them real machines; ferroform cloud doctor says whether that works here.");
        return Ok(contract.servers.keys().map(|name| (name.clone(), Err(why.clone()))).collect());
    }
    entering::need_root()?;
    let machines = Control::new(owner).machines()?.machines;
    let this = std::env::current_exe().map_err(|error| {
        Diagnostic::error("Program not found")
            .detail(format!("The path of this program cannot be told: {error}."))
    })?;
    let way = |name: &String| {
        let machine = find(&machines, name).ok_or_else(|| {
            Diagnostic::error("No such machine")
                .detail(format!("The local cloud has no machine for server {name}."))
                .hint("ferroform cloud ps lists the machines; apply -local brings back what is missing.")
        })?;
        let line = entering::relay(machine, &this)?;
        Ok(line.into_iter().map(|word| word.to_string_lossy().into_owned()).collect())
    };
    Ok(contract.servers.keys().map(|name| (name.clone(), way(name))).collect())
}

/// Where a command keeps a file of this directory's stack.
pub(super) fn data_file(settings: &Settings, name: &str) -> PathBuf {
    settings.notes_dir().join(name)
}
