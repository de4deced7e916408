//! What a cluster made by itself and a destroy leaves behind: shown with the plan, and removed when that is wanted.

use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics, Sources};
use ferroform_engine::left_behind;
use ferroform_engine::planning::ConfiguredProviders;
use ferroform_plan::Plan;
use ferroform_provider::{LeftBehind, LeftBehindFound, Provider};

use crate::args::ClusterObjects;
use crate::context::{Context, Reported};
use crate::views::cluster_objects::{render_found, render_kept};

/// What the providers of a plan found.
pub(super) struct Found {
    of: Vec<(Arc<dyn Provider>, LeftBehindFound)>,
    /// What could not be found out.
    unknown: Diagnostics,
}

/// Asks the providers, and shows what they found.
pub(super) async fn show(context: &Context<'_>, plan: &Plan, providers: &ConfiguredProviders) -> Found {
    let mut found = Found { of: Vec::new(), unknown: Diagnostics::new() };
    for (config, provider) in providers {
        match left_behind::find(plan, config, &**provider).await {
            Ok(here) => {
                context.print(&render_found(&here, &context.style));
                found.of.push((Arc::clone(provider), here));
            }
            Err(diagnostics) => found.unknown.append(diagnostics),
        }
    }
    found
}

impl Found {
    /// Says what could not be found out, where that changes nothing.
    pub(super) fn report_unknown(&self, context: &Context<'_>) {
        context.report(&as_warnings(&self.unknown), &Sources::new());
    }

    /// Decides what is removed, asking if somebody can be asked, and tells the providers.
    pub(super) fn decide(
        &self,
        context: &Context<'_>,
        wish: Option<ClusterObjects>,
        ask: bool,
    ) -> Result<(), Reported> {
        if wish == Some(ClusterObjects::Remove) {
            context.check(&self.unknown, &Sources::new())?;
        } else {
            self.report_unknown(context);
        }
        let objects: Vec<&LeftBehind> = self.of.iter().flat_map(|(_, found)| &found.objects).collect();
        if objects.is_empty() {
            return Ok(());
        }
        let remove = match wish {
            Some(wish) => wish == ClusterObjects::Remove,
            None if ask => asked(context, objects.len()),
            None => false,
        };
        if remove {
            self.of.iter().for_each(|(provider, found)| provider.remove_left_behind(&found.objects));
        } else if wish.is_none() {
            context.report(&kept(&objects).into(), &Sources::new());
        }
        Ok(())
    }
}

/// The decision about what a provider finds that is configured only while a saved plan is applied.
pub(super) fn later<'c>(
    context: &'c Context<'_>,
    wish: Option<ClusterObjects>,
) -> impl Fn(Result<LeftBehindFound, Diagnostics>) -> Result<Vec<LeftBehind>, Diagnostics> + Sync + 'c {
    move |found| {
        let remove = wish == Some(ClusterObjects::Remove);
        let found = match found {
            Ok(found) => found,
            Err(diagnostics) if remove => return Err(diagnostics),
            Err(diagnostics) => {
                context.report(&as_warnings(&diagnostics), &Sources::new());
                return Ok(Vec::new());
            }
        };
        context.print(&render_found(&found, &context.style));
        if remove {
            return Ok(found.objects);
        }
        let objects: Vec<&LeftBehind> = found.objects.iter().collect();
        if wish.is_none() && !objects.is_empty() {
            context.report(&kept(&objects).into(), &Sources::new());
        }
        Ok(Vec::new())
    }
}

/// The second question. Only `yes` removes anything.
fn asked(context: &Context<'_>, count: usize) -> bool {
    let text = format!(
        "\nDo you want to remove what the cluster made as well?\n  Objects that are in no state, as listed above: {count}. What \
         is on volumes is lost.\n  Only 'yes' will be accepted to remove them; anything else keeps them.\n\n  Enter a value: "
    );
    let answer = context.terminal.ask(&text);
    context.print("\n");
    answer.as_deref().map(str::trim) == Some("yes")
}

fn kept(objects: &[&LeftBehind]) -> Diagnostic {
    Diagnostic::warning("Objects of the cluster are kept").detail(render_kept(objects)).hint(
        "With -cluster-objects=remove they are removed as well, with -cluster-objects=keep this is not told.",
    )
}

fn as_warnings(diagnostics: &Diagnostics) -> Diagnostics {
    let warning = |d: &Diagnostic| {
        Diagnostic::warning(d.summary.clone()).detail(format!(
            "{} What a cluster made by itself is not known, and stays if there is any.",
            d.detail
        ))
    };
    diagnostics.iter().map(warning).collect()
}
