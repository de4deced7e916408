//! `init`

use std::collections::BTreeSet;
use std::process::ExitCode;

use ferroform_core::addr::ProviderSource;
use ferroform_core::{Diagnostic, Diagnostics, Sources};
use ferroform_engine::providers::short;
use ferroform_lang::Backend;
use ferroform_s3::backend::Backend as S3;
use ferroform_state::local::read_file;
use ferroform_state::remote::StoreError;

use super::Outcome;
use crate::args::InitArgs;
use crate::backend;
use crate::context::{Context, Reported};
use crate::project::Project;
use crate::providers;
use crate::settings::{LocalPlace, Settings};
use crate::terminal::Terminal;

pub(super) fn run(args: &InitArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let settings = context.take(Settings::new(&args.place), &Sources::new())?;
    let (mut project, diagnostics) = Project::load(&settings);
    context.check(&diagnostics, &project.sources)?;
    let made = std::fs::create_dir_all(&settings.data_dir).map_err(|error| {
        Diagnostic::error("Directory cannot be made")
            .detail(format!("{}: {error}.", settings.data_dir.display()))
    });
    context.take(made, &project.sources)?;
    if !settings.local && args.backend {
        backend_ready(&context, args, &settings, &mut project)?;
    }

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

/// Reads the backend's arguments, remembers those of the command line, and looks whether the backend can be reached.
fn backend_ready(
    context: &Context<'_>,
    args: &InitArgs,
    settings: &Settings,
    project: &mut Project,
) -> Result<(), Reported> {
    if args.migrate_state {
        let diagnostic = Diagnostic::error("States are moved by hand")
            .detail("The option -migrate-state is not there: what is moved where should be seen.")
            .hint("Keep the state of before with `ferroform state pull > old.tfstate`, then change the backend, run `ferroform init`, and put the state there with `ferroform state push old.tfstate`.");
        return context.take(Err(diagnostic), &project.sources);
    }
    let given = backend::given(settings, &mut project.sources, &args.backend_config);
    let given = context.take(given, &project.sources)?;
    let Some(block) = project.config.root().backend.clone() else {
        if !given.is_empty() {
            let warning = Diagnostic::warning("Missing backend configuration")
                .detail("The option -backend-config was given, but the configuration has no backend block. It has no effect.");
            context.report(&warning.into(), &project.sources);
        }
        return context.take(backend::remember(settings, "", backend::Arguments::new()), &project.sources);
    };
    // What cannot be used is not remembered.
    let anew = args.reconfigure || !given.is_empty();
    let place = if anew {
        let arguments = context.take(backend::arguments_with(&block, &given), &project.sources)?;
        backend::place_of(settings, project, &arguments)
    } else {
        backend::place(settings, project)
    };
    if let backend::Place::S3(s3) = context.take(place, &project.sources)? {
        context.print("Initializing the backend...\n");
        context.take(has_bucket(&s3, &block), &project.sources)?;
        context.print(&format!(
            "\nSuccessfully configured the backend \"s3\": the state is in the bucket {} at {}.\n\n",
            s3.bucket, s3.endpoint
        ));
    }
    if anew {
        context.take(backend::remember(settings, &block.kind, given), &project.sources)?;
    }
    if &*block.kind == "local" { Ok(()) } else { left_behind(context, settings, project) }
}

/// Looks whether the bucket of a backend is there.
fn has_bucket(s3: &S3, block: &Backend) -> Result<(), Diagnostic> {
    let cannot = |why: String, hint: &str| {
        Diagnostic::error("Backend cannot be used").detail(why).subject(block.span).hint(hint.to_owned())
    };
    let found = backend::S3Store::new(s3)?.has_bucket().map_err(|error| {
        let hint = match &error {
            StoreError::Failed { hint: Some(hint), .. } => hint.clone(),
            _ => "Check the backend's arguments.".to_owned(),
        };
        cannot(format!("The bucket {:?} at {} cannot be looked at: {error}.", s3.bucket, s3.endpoint), &hint)
    })?;
    if found {
        return Ok(());
    }
    let why = format!("There is no bucket {:?} at {}.", s3.bucket, s3.endpoint);
    let hint = "Create it first, outside of this configuration: a state cannot be in a bucket that it manages itself.";
    Err(cannot(why, hint))
}

/// Says how a local state gets into a backend that has none yet.
fn left_behind(context: &Context<'_>, settings: &Settings, project: &Project) -> Result<(), Reported> {
    let path = settings.state_path(&LocalPlace::default());
    let Ok(Some(state)) = read_file(&path) else { return Ok(()) };
    if state.is_empty() {
        return Ok(());
    }
    let manager = context.take(backend::manager(settings, project), &project.sources)?;
    if context.take(manager.read(), &project.sources)?.exists {
        return Ok(());
    }
    let warning = Diagnostic::warning("Local state is not in the backend")
        .detail(format!(
            "{} holds a state, and {} has none: without it, everything would be created a second time.",
            path.display(),
            manager.location()
        ))
        .hint(format!(
            "Put it there with `ferroform state push {}`, and remove the file when `ferroform plan` shows no changes.",
            path.display()
        ));
    context.report(&warning.into(), &project.sources);
    Ok(())
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
