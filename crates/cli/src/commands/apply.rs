//! `apply` and `destroy`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ferroform_core::{Diagnostic, Diagnostics, Sources};
use ferroform_engine::planning::{ConfiguredProviders, give_ephemeral};
use ferroform_engine::{Applied, ApplyInput, StopLevel, applying};
use ferroform_plan::{Plan, PlanMode, planfile};
use ferroform_state::file;
use ferroform_state::local::{newer, rescue};
use tokio::sync::watch;

use super::cloud::machines::ready;
use super::plan::{mode, show};
use super::{Outcome, cluster_objects};
use crate::args::{ApplyArgs, WaitFor};
use crate::cloud::control::Control;
use crate::cloud::{LocalCloud, boots};
use crate::context::{Context, Reported};
use crate::project::Project;
use crate::settings::{Settings, parse_duration};
use crate::terminal::Terminal;
use crate::views::cluster_objects::render_removed;
use crate::views::messages;
use crate::views::outputs::render_outputs;
use crate::views::progress::render_done;
use crate::workflow::{Session, now};
use crate::{failpoints, inputs, interrupt};

pub(super) async fn run(args: &ApplyArgs, destroy: bool, terminal: &Terminal) -> Outcome {
    run_checked(args, destroy, terminal, None, &|_| Ok(())).await
}

/// The same for a command that does not accept every plan, and that may listen to Ctrl-C already.
pub(super) async fn run_checked(
    args: &ApplyArgs,
    destroy: bool,
    terminal: &Terminal,
    stop: Option<watch::Receiver<StopLevel>>,
    check: &dyn Fn(&Plan) -> Result<(), Diagnostic>,
) -> Outcome {
    let context = Context::for_run(terminal, &args.planning, args.json);
    context.take(unasked(args), &Sources::new())?;
    let limit = boot_limit(&context, args)?;
    let mut interruptible = None;
    let (mut session, plan, providers) = match &args.planfile {
        Some(path) if !destroy => {
            let (session, plan, providers) = saved(&context, args, path)?;
            context.take(cluster_objects_fit(args, &plan), &session.project.sources)?;
            context.say(String::new, || messages::begun(&plan));
            (session, plan, providers)
        }
        Some(path) => {
            let detail = format!("destroy makes its own plan, so {} cannot be given.", path.display());
            context.report(&Diagnostic::error("Too many arguments").detail(detail).into(), &Sources::new());
            return Err(Reported);
        }
        None => {
            let planning = &args.planning;
            let mut session = Session::open(&context, &planning.place, &planning.lock, "OperationTypeApply")?;
            interruptible = stop.is_none().then(|| session.interruptible(terminal, &planning.lock));
            let progress = context.progress();
            let planned = session.plan(&context, planning, mode(planning, destroy), &progress).await;
            progress.finish();
            let (plan, planned) = planned?;
            show(&context, &plan, &session.registry);
            session.tell_holdups(&context, &plan, &planned.providers).await;
            context.take(check(&plan), &session.project.sources)?;
            context.take(cluster_objects_fit(args, &plan), &session.project.sources)?;
            let made = cluster_objects::show(&context, &plan, &planned.providers).await;
            if !approved(&context, args, &plan)? {
                return Err(Reported);
            }
            made.decide(&context, args.cluster_objects, !args.auto_approve)?;
            (session, plan, planned.providers)
        }
    };
    let stop = stop.unwrap_or_else(interrupt::listen);
    drop(interruptible);
    let outcome = carry_out(&context, args, destroy, &mut session, &plan, providers, stop).await;
    let cloud = LocalCloud::new(session.settings.local_dir());
    let closed = session.close(&context);
    let code = outcome.and_then(|code| closed.map(|()| code))?;
    if let Some(limit) = limit {
        wait_for_boot(&context, &cloud, limit).await?;
    }
    Ok(code)
}

/// What becomes of a cluster's objects is a question only when everything is destroyed.
fn cluster_objects_fit(args: &ApplyArgs, plan: &Plan) -> Result<(), Diagnostic> {
    if args.cluster_objects.is_none() || plan.mode == PlanMode::Destroy && plan.targets.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error("Nothing of the cluster to decide about")
        .detail(
            "The option -cluster-objects says what becomes of load balancers and volumes that a cluster made, when everything \
             is destroyed. This plan leaves something, and the cluster with it.",
        )
        .hint("Leave the option out, or destroy without -target."))
}

/// How long to wait for machines when all is applied, if that is wanted.
fn boot_limit(context: &Context<'_>, args: &ApplyArgs) -> Result<Option<Duration>, Reported> {
    let Some(text) = &args.wait_for_boot else { return Ok(None) };
    let none = Sources::new();
    let limit = context.take(parse_duration(text), &none)?;
    if !context.take(Settings::new(&args.planning.place), &none)?.local {
        let diagnostic = Diagnostic::error("Nothing to wait for")
            .detail("The option -wait-for-boot waits for machines, which only the local cloud has.")
            .hint("Add -local -machines.");
        return context.take(Err(diagnostic), &none);
    }
    Ok(Some(limit))
}

/// Waits until cloud-init is done on every machine of the local cloud.
async fn wait_for_boot(context: &Context<'_>, cloud: &LocalCloud, limit: Duration) -> Result<(), Reported> {
    let none = Sources::new();
    let owner = context.take(cloud.with_machines(), &none)?;
    let waited = tokio::task::spawn_blocking(move || {
        boots::wait(&Control::new(&owner), &[], WaitFor::CloudInit, limit)
    });
    let waited = waited.await.unwrap_or_else(|error| {
        let detail = format!("Waiting for the machines ended too early: {error}.");
        Err(Diagnostic::error("Waiting failed").detail(detail).into())
    });
    let names = context.take(waited, &none)?;
    context.print(&format!("\n{}", ready(&names, WaitFor::CloudInit)));
    Ok(())
}

/// A saved plan with the state that it was made for.
fn saved(
    context: &Context<'_>,
    args: &ApplyArgs,
    path: &Path,
) -> Result<(Session, Plan, ConfiguredProviders), Reported> {
    let none = Sources::new();
    let planning = &args.planning;
    if !planning.target.is_empty() || !planning.replace.is_empty() || planning.destroy {
        let diagnostic = Diagnostic::error("Options cannot be used with a saved plan").detail(
            "Targets and the mode are part of a saved plan and cannot be changed when it is applied.",
        );
        return context.take(Err(diagnostic), &none);
    }
    let mut file = context.take(planfile::read(path), &none)?;
    let (project, diagnostics) = Project::from_planfile(&file.configuration);
    let sources = project.as_ref().map(|p| p.sources.clone()).unwrap_or_default();
    context.check(&diagnostics, &sources)?;
    let Some(mut project) = project else { return Err(Reported) };
    let settings = context.take(Settings::new(&planning.place), &none)?;
    let workspace = &settings.workspace.name;
    if *workspace != file.plan.workspace {
        let diagnostic = Diagnostic::error("Saved plan is of another workspace")
            .detail(format!(
                "The plan in {} was made in the workspace {:?}; the present one is {workspace:?}.",
                path.display(),
                file.plan.workspace
            ))
            .hint(format!("Apply it with TF_WORKSPACE={}, or make a new plan.", file.plan.workspace));
        return context.take(Err(diagnostic), &none);
    }
    let given =
        inputs::gather_ephemeral(&mut project, &settings.files(), &planning.variables, std::env::vars());
    let given = context.take(given, &project.sources)?;
    context.check(&give_ephemeral(&mut file.plan, &project.config, &given), &project.sources)?;
    let session = Session::with_project(context, settings, project, &planning.lock, "OperationTypeApply")?;
    let state = &session.loaded.state;
    let same_lineage = state.lineage == file.plan.lineage || !session.loaded.exists;
    if !same_lineage || state.serial != file.plan.serial || !session.loaded.open.is_empty() {
        let diagnostic = Diagnostic::error("Saved plan is stale")
            .detail(format!(
                "The plan in {} was made for another version of the state: it can only be applied to the state that it \
                 was made for, and that has changed since.",
                path.display()
            ))
            .hint("Make a new plan.");
        return context.take(Err(diagnostic), &none);
    }
    session.manager.begin_lineage(&file.plan.lineage);
    context.take(session.manager.bind(&file.plan.worlds).map_err(Diagnostics::from), &none)?;
    Ok((session, file.plan, ConfiguredProviders::new()))
}

/// Who speaks to a program has nobody to ask.
fn unasked(args: &ApplyArgs) -> Result<(), Diagnostic> {
    if !args.json || args.auto_approve || args.planfile.is_some() {
        return Ok(());
    }
    Err(Diagnostic::error("Plan file or auto-approve required")
        .detail("With -json nobody can be asked for approval.")
        .hint("Apply a saved plan, or add -auto-approve."))
}

/// Asks whether to go on, unless that is answered already or there is nothing to do.
fn approved(context: &Context<'_>, args: &ApplyArgs, plan: &Plan) -> Result<bool, Reported> {
    if args.auto_approve || !plan.is_applicable() {
        return Ok(true);
    }
    if !args.planning.input || !context.can_ask() {
        let diagnostic = Diagnostic::error("Approval needed")
            .detail("The plan was not approved: nobody can be asked, since input is not a terminal or was switched off.")
            .hint("Add -auto-approve to apply without being asked, or save the plan with plan -out=FILE and apply that.");
        return context.take(Err(diagnostic), &Sources::new());
    }
    let (question, what) = match plan.mode {
        PlanMode::Destroy => (
            "Do you really want to destroy all resources?",
            "Ferroform will destroy all your managed infrastructure, as shown above.\n  There is no undo.",
        ),
        PlanMode::RefreshOnly => (
            "Would you like to update the state to reflect these detected changes?",
            "Ferroform will write these changes to the state without modifying any real infrastructure.",
        ),
        PlanMode::Normal => {
            ("Do you want to perform these actions?", "Ferroform will perform the actions described above.")
        }
    };
    let text =
        format!("\n{question}\n  {what}\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ");
    let answer = context.terminal.ask(&text);
    let yes = answer.as_deref().map(str::trim) == Some("yes");
    context.print(if yes { "\n" } else { "\nApply cancelled.\n" });
    Ok(yes)
}

async fn carry_out(
    context: &Context<'_>,
    args: &ApplyArgs,
    destroy: bool,
    session: &mut Session,
    plan: &Plan,
    providers: ConfiguredProviders,
    stop: watch::Receiver<StopLevel>,
) -> Outcome {
    let sources = session.project.sources.clone();
    let journal = failpoints::journal(context.take(session.manager.journal(), &sources)?);
    let present = now();
    let setup = session.project.setup(
        &session.settings,
        &session.registry,
        usize::from(args.planning.parallelism.operations),
        &plan.timestamp,
        Some(&present),
    );
    let progress = context.progress();
    let later = cluster_objects::later(context, args.cluster_objects);
    let input =
        ApplyInput { journal, providers, events: &progress, stop: stop.clone(), left_behind: Some(&later) };
    let applied = applying::apply(&setup, plan, input).await;
    progress.finish();
    let kept = keep(context, session, &applied);
    let failed = context.report(&applied.diagnostics, &sources);
    context.print(&render_removed(&applied.left_behind));
    let interrupted = *stop.borrow() > StopLevel::Run;
    if applied.skipped > 0 || applied.abandoned > 0 || failed {
        context.print(&account(&applied, interrupted));
    }
    if !kept || failed || interrupted && (applied.skipped > 0 || applied.abandoned > 0) {
        return Err(Reported);
    }
    context.say(
        || {
            let mut text = render_done(applied.done, destroy, &context.style);
            if !destroy && !applied.state.outputs.is_empty() {
                text.push_str("\nOutputs:\n\n");
                text.push_str(&render_outputs(&applied.state.outputs, &context.style));
            }
            text
        },
        || messages::applied(applied.done, destroy, &applied.state.outputs),
    );
    Ok(ExitCode::SUCCESS)
}

/// Keeps the state; if that cannot be done, puts it where the user can save it. Whether it was kept.
fn keep(context: &Context<'_>, session: &Session, applied: &Applied) -> bool {
    let none = Sources::new();
    let error = match session.manager.write(&applied.state) {
        Ok(written) => {
            context.report(&written.warnings, &none);
            return true;
        }
        Err(error) => error,
    };
    context.report(&error, &none);
    let journal = session.manager.journal_location();
    let rescued = rescue(&applied.state, &rescue_places(&applied.state.lineage));
    let path = match rescued {
        Ok(path) => Some(path),
        Err(diagnostics) => {
            context.report(&diagnostics, &none);
            // The last place that there is, as with Terraform: a journal may go with the computer that it is on.
            match file::write(&newer(&applied.state)) {
                Ok(bytes) => context.terminal.print_error(&String::from_utf8_lossy(&bytes)),
                Err(diagnostics) => drop(context.report(&diagnostics, &none)),
            }
            None
        }
    };
    context.print(&how_to_go_on(&session.settings, path.as_deref(), journal.as_deref()));
    false
}

/// Where a state goes that cannot be kept: where Terraform puts it, else where anybody may write.
fn rescue_places(lineage: &str) -> Vec<PathBuf> {
    let name: String = lineage.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let elsewhere = std::env::temp_dir().join(format!("ferroform-errored-{name}.tfstate"));
    vec![PathBuf::from("errored.tfstate"), elsewhere]
}

/// What there is of a state that was not kept, and what to do with it.
fn how_to_go_on(settings: &Settings, rescued: Option<&Path>, journal: Option<&str>) -> String {
    let mut text = "\nThe state could not be kept where it belongs; the error above says why.\n".to_owned();
    if let Some(journal) = journal {
        text.push_str(&format!(
            "What this run did is in the operations journal {journal}.\nWhen the cause is removed, run the same command again: it takes \
             up the journal and goes on from there.\n"
        ));
    }
    match (rescued, journal) {
        (Some(path), _) => {
            let local = if settings.local { "-local " } else { "" };
            let alone = if journal.is_some() {
                "To put it in its place without applying anything"
            } else {
                "When the cause is removed, put it in its place"
            };
            text.push_str(&format!(
                "The whole state is in {} as well. {alone}:\n\n    ferroform state push {local}{}\n\nThe file holds secrets as \
                 every state does: remove it when it has served.\n",
                path.display(),
                path.display()
            ));
        }
        (None, _) => {
            if journal.is_some() {
                text.push_str("Do not remove the journal: no other file holds what was done.\n");
            }
            let local = if settings.local { "-local " } else { "" };
            text.push_str(&format!(
                "No file took the state, so that all of it was written to standard error, with its secrets. Kept in a file by \
                 hand, it is put in its place by:\n\n    ferroform state push {local}FILE\n"
            ));
        }
    }
    text
}

/// What was done and what was not, when not all was.
fn account(applied: &Applied, interrupted: bool) -> String {
    let why = if interrupted { "Stopped before the end." } else { "Not everything could be done." };
    let mut text = format!(
        "\n{why} Done: {} added, {} changed, {} destroyed.",
        applied.done.added, applied.done.changed, applied.done.destroyed
    );
    if applied.failed > 0 {
        text.push_str(&format!(" Failed: {}.", applied.failed));
    }
    text.push_str(&format!(" Not begun: {}.", applied.skipped));
    if applied.abandoned > 0 {
        text.push_str(&format!(
            " Under way when waiting ended: {}; the next run finds out what became of them.",
            applied.abandoned
        ));
    }
    text.push_str("\nThe state holds everything that was done. Run the same command again to go on.\n");
    text
}
