//! `upgrade k3s`: one node after the other, shown first.

use std::process::ExitCode;

use ferroform_core::Diagnostic;
use ferroform_platform::upgrade::{self, Options, Upgrade};
use serde_json::json;

use super::Outcome;
use super::stack::Stack;
use crate::args::{UpgradeArgs, UpgradeCommand, UpgradeK3sArgs};
use crate::terminal::Terminal;
use crate::views::day2::render_upgrade;

pub(super) async fn run(args: &UpgradeArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        UpgradeCommand::K3s(args) => k3s(args, terminal),
    }
}

fn k3s(args: &UpgradeK3sArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    stack.announce_stop();
    stack.take(stack.contract.kubernetes())?;
    let options = Options {
        drain_limit: stack.duration(&args.drain_timeout)?,
        ready_limit: stack.duration(&args.ready_timeout)?,
        sha256: args.sha256.clone(),
    };
    let kubectl = stack.kubectl(&args.cluster)?;
    let list = stack.take(kubectl.get("list the nodes", &["nodes"]))?.unwrap_or_default();
    let plan = stack.take(upgrade::plan(&stack.contract, &upgrade::nodes(&list), &args.to))?;
    let told = |done: &[String]| json!({"plan": plan, "dry_run": args.dry_run, "upgraded": done});
    if args.dry_run || plan.is_empty() {
        return Ok(stack.result(args.json, &told(&[]), || render_upgrade(&plan)));
    }
    stack.say(&render_upgrade(&plan));
    if plan.steps.iter().filter(|step| step.role == "control plane").count() == 1 {
        stack.say("There is one control plane: the API does not answer while k3s restarts there. What runs goes on.");
    }
    let question = format!("\nk3s is upgraded to {}, one node after the other.", plan.to);
    if !stack.confirmed(args.auto_approve, &question, "yes")? {
        return Ok(ExitCode::from(1));
    }
    let upgrade =
        Upgrade { kubectl: &kubectl, remote: stack.remote(), options, say: &|text| stack.say(text) };
    let done = stack.take(upgrade.carry_out(&plan))?;
    if stack.contract.kubernetes.as_ref().and_then(|k| k.version.as_deref()) != Some(plan.to.as_str()) {
        stack.context.report(
            &Diagnostic::warning("Configuration has another version")
                .detail(format!(
                    "All nodes are at {}. The configuration still installs {} on new ones.",
                    plan.to,
                    stack
                        .contract
                        .kubernetes
                        .as_ref()
                        .and_then(|k| k.version.as_deref())
                        .unwrap_or("another")
                ))
                .hint("Set the version of k3s in the configuration, and its checksum, and apply.")
                .into(),
            &Default::default(),
        );
    }
    Ok(stack.result(args.json, &told(&done), || format!("All nodes are at {}.\n", plan.to)))
}
