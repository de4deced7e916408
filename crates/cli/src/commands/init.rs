//! `init`

use std::collections::BTreeSet;
use std::process::ExitCode;

use ferroform_core::addr::ProviderSource;
use ferroform_core::{Diagnostic, Diagnostics, Sources};
use ferroform_engine::providers::short;

use super::Outcome;
use crate::args::InitArgs;
use crate::project::Project;
use crate::providers;
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::workflow::Context;

pub(super) fn run(args: &InitArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal, &args.style);
    let settings = context.take(Settings::new(&args.place), &Sources::new())?;
    let (project, diagnostics) = Project::load(&settings);
    context.check(&diagnostics, &project.sources)?;
    if !settings.local {
        context.take(project.backend_path(), &project.sources)?;
    }
    let made = std::fs::create_dir_all(&settings.data_dir).map_err(|error| {
        Diagnostic::error("Directory cannot be made")
            .detail(format!("{}: {error}.", settings.data_dir.display()))
    });
    context.take(made, &project.sources)?;

    let registry = providers::registry(None);
    let used = used_sources(&project);
    let mut text = String::from("Initializing provider plugins...\n");
    let mut missing = Diagnostics::new();
    for source in project.config.required_sources().union(&used) {
        match registry.get(source) {
            Some(factory) => {
                text.push_str(&format!("- {} v{} is built in\n", short(source), factory.version()))
            }
            None if used.contains(source) => missing.push(registry.missing(source, None)),
            None => text.push_str(&format!("- {} is not available, and not used either\n", short(source))),
        }
    }
    context.print(&text);
    context.check(&missing, &project.sources)?;
    context.print(
        "\nFerroform has been successfully initialized!\n\nYou may now begin working with Ferroform: \"ferroform plan\" shows what \
         would change.\n",
    );
    Ok(ExitCode::SUCCESS)
}

/// The sources of the providers that resources and data sources need.
fn used_sources(project: &Project) -> BTreeSet<ProviderSource> {
    let blocks =
        project.config.modules().flat_map(|(path, module)| module.resources.values().map(move |b| (path, b)));
    blocks
        .filter_map(|(path, block)| project.config.provider_for(path, block).ok())
        .map(|p| p.source)
        .collect()
}
