//! `plan`

use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};
use ferroform_engine::Registry;
use ferroform_plan::{Plan, PlanMode, planfile};

use super::{Outcome, cluster_objects};
use crate::args::{PlanArgs, PlanningArgs};
use crate::context::Context;
use crate::terminal::Terminal;
use crate::views::messages;
use crate::views::plan::render_plan;
use crate::views::schemas::schemas_of;
use crate::workflow::Session;

pub(super) async fn run(args: &PlanArgs, terminal: &Terminal) -> Outcome {
    let context = Context::for_run(terminal, &args.planning, args.json);
    if args.generate_config_out.is_some() {
        let diagnostic = Diagnostic::error("Configuration is not generated")
            .detail("Ferroform imports to resource blocks that are there, and does not write any itself.")
            .hint("Write the block for each import, and let `plan` show what differs from the object.");
        return context.take(Err(diagnostic), &Sources::new());
    }
    let planning = &args.planning;
    let mut session = Session::open(&context, &planning.place, &planning.lock, "OperationTypePlan")?;
    let _interruptible = session.interruptible(terminal, &planning.lock);
    let progress = context.progress();
    let planned = session.plan(&context, planning, mode(planning, false), &progress).await;
    progress.finish();
    let (plan, planned) = planned?;
    show(&context, &plan, &session.registry);
    session.tell_holdups(&context, &plan, &planned.providers).await;
    cluster_objects::show(&context, &plan, &planned.providers).await.report_unknown(&context);
    if let Some(out) = &args.out {
        context.take(planfile::write(out, &plan, &session.project.pack()), &session.project.sources)?;
        let path = out.display();
        context.remark(&format!(
            "\nSaved the plan to: {path}\n\nTo perform exactly these actions, run the following command to apply:\n    ferroform apply {path:?}\n"
        ));
    } else if plan.is_applicable() {
        let rule = "─".repeat(context.style.width);
        context.remark(&format!(
            "\n{rule}\n\nNote: You didn't use the -out option to save this plan, so Ferroform can't\nguarantee to take exactly \
             these actions if you run \"ferroform apply\" now.\n"
        ));
    }
    let changes = plan.is_applicable();
    // As with the session: nobody needs the room any more.
    std::mem::forget((plan, planned));
    session.close(&context)?;
    Ok(ExitCode::from(if args.detailed_exitcode && changes { 2 } else { 0 }))
}

/// Shows a plan.
pub(super) fn show(context: &Context<'_>, plan: &Plan, registry: &Registry) {
    context.say(|| render_plan(plan, &schemas_of(registry), &context.style), || messages::planned(plan));
}

/// What the options ask for.
pub(super) fn mode(args: &PlanningArgs, destroy: bool) -> PlanMode {
    if destroy || args.destroy {
        PlanMode::Destroy
    } else if args.refresh_only {
        PlanMode::RefreshOnly
    } else {
        PlanMode::Normal
    }
}
