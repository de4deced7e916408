//! `cost`: what configurations cost, from the catalogue's prices.
//!
//! Nothing is asked of Hetzner and nothing is written. What a configuration comes to is planned against a local cloud
//! that lives in this process, in memory, for as long as the planning takes; there is nothing in it but what Hetzner
//! offers. What exists already is taken from the state as it is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferroform_catalogue::Catalogue;
use ferroform_core::{Diagnostic, Diagnostics, Sources, Value};
use ferroform_cost::{Vat, estimate};
use ferroform_engine::events::Silent;
use ferroform_engine::journal::NoJournal;
use ferroform_engine::planning::{self, PlanInput};
use ferroform_engine::{PlanOptions, Registry};
use ferroform_hcloud_emulator::{ClockMode, Emulator, Handle, RateLimit};
use ferroform_lang::variables::{RawInput, parse_tfvars};
use ferroform_plan::{Plan, planfile};
use ferroform_state::State;

use super::Outcome;
use crate::args::{CostArgs, WhereArgs};
use crate::backend;
use crate::cloud::{Owner, new_token};
use crate::context::{Context, Reported};
use crate::inputs::{self, has_automatic_values};
use crate::project::Project;
use crate::providers;
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::views::cost::{Environment, Report, json, markdown, text};
use crate::views::diagnostics::render_all;
use crate::workflow::now;

/// Values for a configuration that nobody has filled in yet.
const EXAMPLE: &str = "terraform.tfvars.example";
/// A public key of zeroes: well-formed, and without a private part.
const STAND_IN_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA example";
/// How many operations a plan may have under way; nothing is waited for, so it hardly matters.
const PARALLELISM: usize = 10;

pub(super) async fn run(args: &CostArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let catalogue = Catalogue::builtin();
    let vat = args.vat.unwrap_or_else(|| Vat::percent(catalogue.vat_rate_percent()));
    let home = std::env::current_dir().map_err(|error| unavailable(Path::new("."), &error));
    let home = context.take(home, &Sources::new())?;
    let here = [PathBuf::from(".")];
    let places = if args.places.is_empty() { &here[..] } else { &args.places };
    let mut cloud = None;
    let mut environments = Vec::new();
    for place in places {
        let found = priced(&context, args, &home, place, &mut cloud).await;
        if found.is_err() && places.len() > 1 {
            context.terminal.print_error(&format!("This was found in {}.\n", place.display()));
        }
        environments.push(found?);
    }
    if let Some((handle, _)) = cloud {
        handle.shutdown().await;
    }
    let report = Report {
        environments: &environments,
        vat: (!args.net).then_some(vat),
        prices_as_of: catalogue.as_of(),
        currency: catalogue.currency(),
    };
    context.print(&match (args.json, args.markdown) {
        (true, _) => json(&report),
        (_, true) => markdown(&report),
        _ => text(&report, &context.style),
    });
    Ok(ExitCode::SUCCESS)
}

/// The costs of one directory or saved plan.
async fn priced(
    context: &Context<'_>,
    args: &CostArgs,
    home: &Path,
    place: &Path,
    cloud: &mut Option<(Handle, Registry)>,
) -> Result<Environment, Reported> {
    let none = Sources::new();
    let full = home.join(place);
    let mut notes = Vec::new();
    let plan = if full.is_file() {
        context.take(planfile::read(&full), &none)?.plan
    } else {
        let entered = std::env::set_current_dir(&full).map_err(|error| unavailable(place, &error));
        context.take(entered, &none)?;
        let registry = match cloud {
            Some((_, registry)) => registry.clone(),
            None => {
                let started = start().await;
                cloud.insert(context.take(started, &none)?).1.clone()
            }
        };
        let plan = plan(context, args, &registry, &mut notes).await;
        let left = std::env::set_current_dir(home).map_err(|error| unavailable(home, &error));
        context.take(left, &none)?;
        plan?
    };
    let name = match place.display().to_string() {
        name if name.len() > 1 => name.trim_end_matches('/').to_owned(),
        name => name,
    };
    Ok(Environment { name, estimate: estimate(&plan, Catalogue::builtin()), notes })
}

/// A local cloud inside this process with the providers that use it. It keeps nothing.
async fn start() -> Result<(Handle, Registry), Diagnostic> {
    let token = new_token()?;
    let builder = Emulator::builder().clock(ClockMode::Instant).rate_limit(RateLimit::Unlimited);
    let handle = builder.token(&token).start().await.map_err(|error| {
        Diagnostic::error("Local cloud not available").detail(format!(
            "A plan needs something to plan against, and the local cloud for it cannot start: {error}."
        ))
    })?;
    let owner = Owner {
        endpoint: handle.endpoint(),
        token,
        object_storage: Some(handle.object_storage().into()),
        pid: std::process::id(),
        time_scale: 0.0,
        machines: None,
    };
    let registry = providers::registry(Some(&owner));
    Ok((handle, registry))
}

/// What the configuration of the current directory comes to.
async fn plan(
    context: &Context<'_>,
    args: &CostArgs,
    registry: &Registry,
    notes: &mut Vec<String>,
) -> Result<Plan, Reported> {
    let none = Sources::new();
    let settings = Settings::new(&WhereArgs { local: args.local, ..WhereArgs::default() });
    let settings = context.take(settings, &none)?;
    let (mut project, diagnostics) = Project::load(&settings);
    check(context, &diagnostics, &project.sources)?;
    check(context, &project.validate(registry), &project.sources)?;
    let state = state(context, &settings, &project, notes)?;

    let environment = std::env::vars();
    let (mut variables, diagnostics) =
        inputs::gather(&mut project, &settings.files(), &args.variables, environment, None);
    check(context, &diagnostics, &project.sources)?;
    if project.files.is_file(Path::new(EXAMPLE)) {
        let nothing_given = !has_automatic_values(&*project.files);
        let files = project.files.clone();
        let (examples, diagnostics) = parse_tfvars(&*files, &mut project.sources, Path::new(EXAMPLE));
        check(context, &diagnostics, &project.sources)?;
        let declared = &project.config.root().variables;
        let mut used = Vec::new();
        for (name, mut value) in examples.into_iter().filter(|(name, _)| declared.contains_key(name)) {
            let stands_in = fill_up(&mut value.raw);
            if !variables.contains_key(&name) && (nothing_given || stands_in) {
                used.push(name.to_string());
                variables.insert(name, value);
            }
        }
        if !used.is_empty() {
            notes.push(format!("Not given, and taken from {EXAMPLE}: {}.", used.join(", ")));
        }
    }

    let now = now();
    let options = PlanOptions { refresh: false, variables, timestamp: now.clone(), ..PlanOptions::default() };
    let setup = project.setup(&settings, registry, PARALLELISM, &now, None);
    let journal = NoJournal::default();
    let input = PlanInput {
        state,
        open: Vec::new(),
        journal: &journal,
        // What is in the state belongs to another world. It is not looked for in this one.
        bind: &|_| Ok(()),
        events: &Silent,
    };
    let planned = planning::plan(&setup, &options, input).await;
    let checked = check(context, &planned.diagnostics, &project.sources);
    match planned.plan {
        Some(plan) if checked.is_ok() => Ok(plan),
        _ => {
            context.terminal.print_error(
                "Costs are planned against an empty project. A configuration that reads objects which exist already\n\
                 can be told the costs of from a saved plan: ferroform plan -out=FILE, then ferroform cost FILE.\n",
            );
            Err(Reported)
        }
    }
}

/// Makes a whole SSH key of one that an example shortens (`ssh-ed25519 AAAA… you@example.org`), so that it passes for
/// one. No price depends on it, and nothing is made with it. Whether it was such a key.
fn fill_up(value: &mut RawInput) -> bool {
    match value {
        RawInput::Value(given)
            if given.as_str().is_some_and(|text| text.starts_with("ssh-") && text.contains('…')) =>
        {
            *given = Value::string(STAND_IN_KEY);
            true
        }
        _ => false,
    }
}

/// What exists by the state, without a lock and without changing anything.
fn state(
    context: &Context<'_>,
    settings: &Settings,
    project: &Project,
    notes: &mut Vec<String>,
) -> Result<State, Reported> {
    let Ok(manager) = backend::manager(settings, project) else {
        notes
            .push("The state is in a backend that cannot be read, so every object counts as new.".to_owned());
        return Ok(State::empty());
    };
    let loaded = context.take(manager.read(), &project.sources)?;
    if !loaded.open.is_empty() {
        notes.push(format!(
            "An interrupted run left {} operations that the next plan settles; they are not counted.",
            loaded.open.len()
        ));
    }
    Ok(loaded.state)
}

/// Tells everything on standard error, where it is not in the way of JSON and Markdown. Fails if there are errors.
fn check(context: &Context<'_>, diagnostics: &Diagnostics, sources: &Sources) -> Result<(), Reported> {
    if diagnostics.iter().next().is_some() {
        context.terminal.print_error(&render_all(diagnostics, sources, &context.style));
    }
    if diagnostics.has_errors() { Err(Reported) } else { Ok(()) }
}

fn unavailable(place: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("Directory not available")
        .detail(format!("{} cannot be entered: {error}.", place.display()))
        .hint("Name directories with a configuration, or plans that ferroform plan -out=FILE made.")
}
