//! `rotate`: secrets of a running stack, replaced.
//!
//! A secret is a resource of the configuration, so the new one is made by an apply that replaces it: from then on the
//! state has it. Then the servers follow. Each of those steps can be done again, and `-resume` does just them: whatever
//! fails in between, the state says what the servers are to be brought to.

mod secret;
mod ssh_key;

use std::process::ExitCode;
use std::time::Duration;

use ferroform_core::Diagnostic;
use ferroform_core::addr::ResourceInstance;
use ferroform_engine::StopLevel;
use ferroform_plan::{Action, Plan};
use ferroform_platform::backup::Program;
use ferroform_platform::contract::Secret;
use ferroform_platform::remote::Call;
use tokio::sync::watch;

use self::secret::{Kind, Source};
use super::Outcome;
use super::apply::run_checked;
use super::stack::{Stack, read_contract};
use super::state::read_state;
use crate::args::{ApplyArgs, RotateArgs, RotateCommand, RotateSecretArgs};
use crate::context::{Context, Reported};
use crate::interrupt;
use crate::terminal::Terminal;

/// Resources that no rotation may replace or delete: data and addresses are in them.
const PRECIOUS: [&str; 5] =
    ["hcloud_server", "hcloud_volume", "hcloud_load_balancer", "hcloud_network", "hcloud_primary_ip"];
/// How long a node may take to have a new token: the node program itself gives a restart fifteen minutes.
const RESTART_LIMIT: Duration = Duration::from_secs(20 * 60);

pub(super) async fn run(args: RotateArgs, terminal: &Terminal) -> Outcome {
    let mut command = args.command;
    let is_key = matches!(command, RotateCommand::SshKey(_));
    let kind = match command {
        RotateCommand::SshKey(_) => Kind::SshKey,
        RotateCommand::DbPassword(_) => Kind::DbPassword,
        RotateCommand::K3sToken(_) => Kind::K3sToken,
    };
    let mut rotation = Rotation { kind, args: take(&mut command), terminal, stop: interrupt::listen() };
    if is_key { ssh_key::run(&mut rotation).await } else { rotation.secret().await }
}

fn take(command: &mut RotateCommand) -> RotateSecretArgs {
    command.secret_mut().clone()
}

/// A rotation.
pub(super) struct Rotation<'t> {
    kind: Kind,
    args: RotateSecretArgs,
    terminal: &'t Terminal,
    stop: watch::Receiver<StopLevel>,
}

impl<'t> Rotation<'t> {
    fn context(&self) -> Context<'t> {
        Context::new(self.terminal)
    }

    /// The stack, with the contract that the state has now.
    fn stack(&self) -> Result<Stack<'t>, Reported> {
        Stack::with(
            self.context(),
            &self.args.planning.place,
            self.args.identity.as_deref(),
            self.stop.clone(),
        )
    }

    /// The resource that the secret comes from.
    fn source(&self, current: Option<&Secret>) -> Result<Source, Reported> {
        let context = self.context();
        let state = read_state(&context, &self.args.planning.place)?;
        context.take(
            Source::find(state.as_ref(), &self.kind, self.args.resource.as_deref(), current),
            &Default::default(),
        )
    }

    /// What the state has for it now.
    fn value(&self, source: &Source, attribute: &str) -> Result<Secret, Reported> {
        let context = self.context();
        let state = read_state(&context, &self.args.planning.place)?;
        context.take(source.value(state.as_ref(), attribute), &Default::default())
    }

    /// Replaces the resource, shown and approved as every apply. Whether it was approved.
    async fn replace(&self, source: &Source) -> Outcome {
        let mut planning = self.args.planning.clone();
        planning.replace.push(source.address.to_string());
        let apply = ApplyArgs {
            planning,
            auto_approve: self.args.auto_approve,
            cluster_objects: None,
            wait_for_boot: None,
            json: false,
            planfile: None,
        };
        let check = |plan: &Plan| harmless(plan, &source.address);
        run_checked(&apply, false, self.terminal, Some(self.stop.clone()), &check).await
    }

    /// `rotate db-password` and `rotate k3s-token`.
    async fn secret(&self) -> Outcome {
        let before = self.stack()?;
        before.take(self.preflight(&before))?;
        let source = self.source(self.kind.current(&before.contract))?;
        let old = self.value(&source, self.kind.attribute())?;
        drop(before);
        if !self.args.resume {
            self.replace(&source).await?;
        }
        // The state is the truth from here on.
        let stack = self.stack()?;
        let new = self.value(&source, self.kind.attribute())?;
        if new == old && !self.args.resume {
            return stack.take(Err(Diagnostic::error("Secret is the old one").detail(format!(
                "{} was to be replaced, and the state has the same value as before.",
                source.address
            ))));
        }
        stack.announce_stop();
        stack.take(self.follow(&stack, &new).map_err(|failed| {
            failed.hint(format!(
                "The state has the new {what} and the servers may not. When this is mended, ferroform rotate {name} \
                 -resume brings them to it; it makes no new one.",
                what = self.kind.what(),
                name = self.kind.name(),
            ))
        }))?;
        stack.context.print(&format!(
            "\nThe {} is replaced, in the state and on the servers.\n{}\n",
            self.kind.what(),
            self.kind.afterwards()
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// The servers concerned can be reached and have the program: before anything is changed.
    fn preflight(&self, stack: &Stack<'_>) -> Result<(), Diagnostic> {
        let (servers, program): (Vec<&str>, &str) = match self.kind {
            Kind::DbPassword => {
                let postgres = stack.contract.postgres()?;
                let program = postgres.program.as_deref();
                let program =
                    program.ok_or_else(|| stack.contract.without("postgres.program", "backup program"))?;
                (vec![&postgres.server], program)
            }
            Kind::K3sToken | Kind::SshKey => {
                let kubernetes = stack.contract.kubernetes()?;
                (kubernetes.nodes().collect(), kubernetes.program())
            }
        };
        for server in servers {
            stack.say(&format!("Checking {server}"));
            stack.remote().done(server, Call::reading(["test", "-x", program], 60)).map_err(|failed| {
                failed.hint(format!("Nothing was changed. {program} must be there and executable."))
            })?;
        }
        Ok(())
    }

    /// Brings the servers to the new secret. May be done any number of times.
    fn follow(&self, stack: &Stack<'_>, new: &Secret) -> Result<(), Diagnostic> {
        match self.kind {
            Kind::DbPassword => {
                let program = Program::of(stack.remote(), &stack.contract)?;
                stack.say(&format!("Setting the password on {}", program.postgres().server));
                program.set_password(new.reveal())
            }
            Kind::K3sToken | Kind::SshKey => {
                // The cluster keeps its token, and each node has it in a file that is read when k3s starts. So control
                // planes come first, the first of which changes it in the cluster, and one node restarts at a time.
                let kubernetes = stack.contract.kubernetes()?;
                for server in kubernetes.nodes() {
                    stack.say(&format!("Setting the token on {server}"));
                    let call = Call {
                        stdin: Some(format!("{}\n", new.reveal()).into_bytes()),
                        limit: Some(RESTART_LIMIT),
                        ..Call::new([kubernetes.program(), "token"])
                    };
                    stack.remote().done(server, call)?;
                }
                Ok(())
            }
        }
    }

    /// The contract as the state has it now.
    fn contract(&self) -> Result<ferroform_platform::Contract, Reported> {
        read_contract(&self.context(), &self.args.planning.place)
    }
}

/// Refuses a plan that does more than replace a secret and what merely holds it.
fn harmless(plan: &Plan, source: &ResourceInstance) -> Result<(), Diagnostic> {
    let lost: Vec<String> = plan
        .changes
        .iter()
        .filter(|change| change.action.is_replace() || change.action == Action::Delete)
        .filter(|change| PRECIOUS.contains(&&*change.addr.resource.type_name))
        .map(|change| change.addr.to_string())
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error("Rotation would replace more than a secret")
        .detail(format!(
            "With {source} replaced, the plan also replaces or deletes: {}. Nothing was changed.",
            lost.join(", ")
        ))
        .hint(
            "If other changes are pending, apply them first. If a server's user data or keys hold the secret, it needs \
             lifecycle { ignore_changes = [user_data, ssh_keys] }.",
        ))
}
