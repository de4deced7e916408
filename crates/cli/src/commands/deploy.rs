//! `deploy`: to the stack's cluster, or to its Docker host.

use std::path::Path;
use std::process::ExitCode;

use ferroform_core::Diagnostic;
use ferroform_platform::contract::{Deploy, Kubernetes};
use ferroform_platform::{deploy, docker};
use serde_json::{Value, json};

use super::Outcome;
use super::stack::Stack;
use crate::args::DeployArgs;
use crate::terminal::Terminal;
use crate::views::day2::{render_deployed, render_difference};

pub(super) async fn run(args: &DeployArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    stack.announce_stop();
    let contract = &stack.contract;
    if let Some(host) = &contract.deploy {
        return on_host(&stack, args, host);
    }
    let cluster = contract.kubernetes.as_ref().and_then(|k| k.manifests.as_deref().map(|folder| (k, folder)));
    match cluster {
        Some((kubernetes, folder)) => on_cluster(&stack, args, kubernetes, Path::new(folder)),
        None => stack.take(Err(contract.without("deploy\" or \"kubernetes.manifests", "place to deploy to"))),
    }
}

fn on_host(stack: &Stack<'_>, args: &DeployArgs, host: &Deploy) -> Outcome {
    if args.rollback {
        stack.say(&format!("Going back on {} to what ran before", host.server));
        stack.take(docker::roll_back(stack.remote(), host))?;
    } else {
        stack.say(&format!("Deploying on {}", host.server));
        stack.take(docker::deploy(stack.remote(), host, &args.image, args.dry_run))?;
    }
    let running = stack.take(docker::status(stack.remote(), host))?;
    let told =
        json!({"server": host.server, "dry_run": args.dry_run, "rollback": args.rollback, "status": running});
    Ok(stack.result(args.json, &told, || {
        let what = match (args.dry_run, args.rollback) {
            (true, _) => "Nothing was changed. Running",
            (_, true) => "Rolled back. Running now",
            _ => "Deployed. Running now",
        };
        crate::views::day2::render_services(what, &running)
    }))
}

fn on_cluster(stack: &Stack<'_>, args: &DeployArgs, kubernetes: &Kubernetes, folder: &Path) -> Outcome {
    if args.rollback {
        return stack.take(Err(Diagnostic::error("No rollback on clusters")
            .detail("What a cluster runs follows from the manifests, so there is nothing that could be gone back to apart from them.")
            .hint("Deploy the tag before: deploy -image=SERVICE=TAG, or the manifests of an earlier commit.")));
    }
    let options = deploy::Options {
        force_conflicts: args.force_conflicts,
        rollout_limit: stack.duration(&args.timeout)?,
    };
    stack.say(&format!("Building {}", folder.display()));
    let built = stack.take(deploy::build(&stack.runner, folder, &args.image))?;
    let kubectl = stack.kubectl(&args.cluster)?;
    let name = format!("ferroform-{}", stack.contract.full_name());
    let context = kubernetes.context.clone().unwrap_or_else(|| stack.contract.full_name());
    if args.dry_run {
        let difference = stack.take(deploy::difference(&kubectl, &name, &built))?;
        let removed: Vec<String> = difference.removed.iter().map(ToString::to_string).collect();
        let told =
            json!({"context": context, "dry_run": true, "diff": difference.text, "would_remove": removed});
        return Ok(stack.result(args.json, &told, || render_difference(&difference, &stack.context.style)));
    }
    let deployed = stack.take(deploy::deploy(&kubectl, &name, &built, &options, &|text| stack.say(text)))?;
    let names = |items: &[ferroform_platform::inventory::Item]| -> Value {
        items.iter().map(|item| Value::from(item.to_string())).collect()
    };
    let told = json!({
        "context": context,
        "dry_run": false,
        "applied": deployed.applied,
        "rolled_out": names(&deployed.rolled_out),
        "removed": names(&deployed.removed),
        "kept": names(&deployed.kept),
    });
    stack.result(args.json, &told, || render_deployed(&deployed));
    Ok(ExitCode::SUCCESS)
}
