//! What the commands that plan and apply have in common.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use ferroform_core::addr::{AddrError, ResourceInstance};
use ferroform_core::{Diagnostic, Sources};
use ferroform_engine::journal::NoJournal;
use ferroform_engine::planning::{self, PlanInput, Planned};
use ferroform_engine::{EventSink, PlanOptions, Registry};
use ferroform_hcloud_emulator::MachineKind;
use ferroform_plan::{Action, Plan, PlanMode};
use ferroform_provider::Workload;
use ferroform_state::journal::Journal;
use ferroform_state::manager::{Loaded, LockInfo, LockWait, Manager};

use crate::args::{LockArgs, PlanningArgs, WhereArgs};
use crate::cloud::{LocalCloud, Owner};
use crate::commands::images;
use crate::context::{Context, Reported};
use crate::failpoints::Failpoint;
use crate::interrupt::EndsAtOnce;
use crate::project::Project;
use crate::settings::{Settings, parse_duration};
use crate::terminal::Terminal;
use crate::views::holdup::render_holdup;
use crate::{backend, inputs, providers};

/// A directory opened for planning or applying, its state locked.
pub(crate) struct Session {
    /// Where things are.
    pub settings: Settings,
    /// The configuration.
    pub project: Project,
    /// The providers at hand.
    pub registry: Registry,
    /// Where the state is.
    pub manager: Arc<dyn Manager>,
    /// The state.
    pub loaded: Loaded,
}

/// The local cloud of the directory if it is to be used, running.
pub(crate) fn local_cloud(context: &Context<'_>, settings: &Settings) -> Result<Option<Owner>, Reported> {
    if !settings.local {
        return Ok(None);
    }
    let cloud = LocalCloud::new(settings.local_dir());
    // The image of virtual machines is made when the first one needs it.
    if settings.wish.machines.machines.is_some() && cloud.kind_for(&settings.wish) == MachineKind::Containers
    {
        images::ensure(context, cloud.folder_for(&settings.wish))?;
    }
    context.take(cloud.ensure(&settings.wish), &Sources::new()).map(Some)
}

impl Session {
    /// Loads and checks the configuration, then locks and reads the state.
    pub(crate) fn open(
        context: &Context<'_>,
        place: &WhereArgs,
        lock: &LockArgs,
        operation: &'static str,
    ) -> Result<Session, Reported> {
        let none = Sources::new();
        let settings = context.take(Settings::new(place), &none)?;
        let (project, diagnostics) = Project::load(&settings);
        context.check(&diagnostics, &project.sources)?;
        Self::with_project(context, settings, project, lock, operation)
    }

    /// The same with a configuration that is loaded already.
    pub(crate) fn with_project(
        context: &Context<'_>,
        settings: Settings,
        project: Project,
        lock: &LockArgs,
        operation: &'static str,
    ) -> Result<Session, Reported> {
        let none = Sources::new();
        let owner = local_cloud(context, &settings)?;
        let registry = providers::registry(owner.as_ref());
        context.check(&project.validate(&registry), &project.sources)?;
        let manager = manager(context, &settings, &project)?;
        if lock.lock {
            acquire(context, &*manager, lock, operation)?;
        }
        let mut loaded = context.take(manager.read(), &none)?;
        if loaded.recovered && lock.lock {
            // What an interrupted run did is in the journal; from here on it is in the statefile.
            context.take(manager.write(&loaded.state), &none)?;
            loaded = context.take(manager.read(), &none)?;
        }
        if Failpoint::from_env() == Some(Failpoint::NoSettlement) {
            loaded.open.clear();
        }
        Ok(Session { settings, project, registry, manager, loaded })
    }

    /// Lets the first Ctrl-C end the program, as long as what is given back is held: for planning and asking.
    pub(crate) fn interruptible(&self, terminal: &Terminal, lock: &LockArgs) -> EndsAtOnce {
        EndsAtOnce::new(terminal, lock.lock.then(|| self.manager.at_exit()))
    }

    /// Plans, reports what is wrong and gives the plan.
    pub(crate) async fn plan(
        &mut self,
        context: &Context<'_>,
        args: &PlanningArgs,
        mode: PlanMode,
        events: &dyn EventSink,
    ) -> Result<(Plan, Planned), Reported> {
        self.plan_importing(context, args, mode, Vec::new(), events).await
    }

    /// The same with objects to import, besides those that configuration names, by their ids.
    pub(crate) async fn plan_importing(
        &mut self,
        context: &Context<'_>,
        args: &PlanningArgs,
        mode: PlanMode,
        imports: Vec<(ResourceInstance, String)>,
        events: &dyn EventSink,
    ) -> Result<(Plan, Planned), Reported> {
        let can_ask = args.input && context.can_ask();
        let ask = can_ask.then_some(context.terminal);
        let (variables, diagnostics) =
            inputs::gather(&mut self.project, &self.settings.files(), &args.variables, std::env::vars(), ask);
        context.check(&diagnostics, &self.project.sources)?;
        let now = now();
        let options = PlanOptions {
            mode,
            targets: self.addresses(context, &args.target, "-target")?,
            replace: self.addresses(context, &args.replace, "-replace")?.into_iter().collect::<BTreeSet<_>>(),
            imports,
            refresh: args.refresh,
            variables,
            timestamp: now.clone(),
        };
        let operations = usize::from(args.parallelism.operations);
        let setup = self.project.setup(&self.settings, &self.registry, operations, &now, None);
        let unsettled = !self.loaded.open.is_empty() && args.lock.lock;
        let journal: Arc<dyn Journal> = if unsettled {
            context.take(self.manager.journal(), &self.project.sources)?
        } else {
            Arc::new(NoJournal::default())
        };
        let manager = &self.manager;
        let bind = |worlds: &[ferroform_state::world::WorldBinding]| manager.bind(worlds);
        let input = PlanInput {
            state: self.loaded.state.clone(),
            open: self.loaded.open.clone(),
            journal: &*journal,
            bind: &bind,
            events,
        };
        let mut planned = planning::plan(&setup, &options, input).await;
        if unsettled {
            let written = context.take(self.manager.write(&planned.settled), &self.project.sources)?;
            context.report(&written.warnings, &self.project.sources);
            if let Some(plan) = &mut planned.plan {
                plan.serial = written.serial;
                plan.prior.serial = written.serial;
            }
        }
        let failed = context.report(&planned.diagnostics, &self.project.sources);
        match planned.plan.take() {
            Some(plan) if !failed => Ok((plan, planned)),
            _ => Err(Reported),
        }
    }

    /// Says which providers will be held up by a rate limit, and for how long.
    pub(crate) async fn tell_holdups(
        &self,
        context: &Context<'_>,
        plan: &Plan,
        providers: &planning::ConfiguredProviders,
    ) {
        for (config, provider) in providers {
            let mut workload = Workload::default();
            for change in plan.changes.iter().filter(|change| change.provider == *config) {
                workload.creations +=
                    u64::from(matches!(change.action, Action::Create) || change.action.is_replace());
                workload.updates += u64::from(matches!(change.action, Action::Update));
                workload.deletions +=
                    u64::from(matches!(change.action, Action::Delete) || change.action.is_replace());
            }
            if let Some(holdup) = provider.holdup(workload).await {
                context.print(&render_holdup(&config.source.name, &holdup));
            }
        }
    }

    fn addresses<T: FromStr<Err = AddrError>>(
        &self,
        context: &Context<'_>,
        texts: &[String],
        option: &'static str,
    ) -> Result<Vec<T>, Reported> {
        let parsed = texts.iter().map(|text| {
            text.parse().map_err(|why: AddrError| {
                Diagnostic::error("Invalid address").detail(format!("The option {option}: {why}."))
            })
        });
        context.take(parsed.collect::<Result<Vec<T>, Diagnostic>>(), &self.project.sources)
    }

    /// Gives the lock back. The process ends after this: what a large configuration takes is left to the system, since
    /// giving it back piece by piece would only be waited for.
    pub(crate) fn close(self, context: &Context<'_>) -> Result<(), Reported> {
        let unlocked = context.take(self.manager.unlock(), &self.project.sources);
        std::mem::forget(self);
        unlocked
    }
}

/// The configuration of a directory as far as it says where its state is. Reports and fails where its mistakes may hide that.
pub(crate) fn project_of_state(context: &Context<'_>, settings: &Settings) -> Result<Project, Reported> {
    let (project, hidden) = Project::of_state(settings);
    context.check(&hidden, &project.sources)?;
    Ok(project)
}

/// The state of a project.
pub(crate) fn manager(
    context: &Context<'_>,
    settings: &Settings,
    project: &Project,
) -> Result<Arc<dyn Manager>, Reported> {
    if settings.local {
        let made = std::fs::create_dir_all(settings.local_dir());
        let failed = |error| {
            Diagnostic::error("Directory cannot be made")
                .detail(format!("{}: {error}.", settings.local_dir().display()))
        };
        context.take(made.map_err(failed), &project.sources)?;
    }
    context.take(backend::manager(settings, project), &project.sources)
}

/// Takes the lock, waiting as long as the options say.
pub(crate) fn acquire(
    context: &Context<'_>,
    manager: &dyn Manager,
    lock: &LockArgs,
    operation: &'static str,
) -> Result<(), Reported> {
    let none = Sources::new();
    let timeout = context.take(parse_duration(&lock.lock_timeout), &none)?;
    if !manager.locks() {
        let note = Diagnostic::warning("State is not locked")
            .detail(format!(
                "Nothing keeps another run from working on {} at the same time: the backend takes no lock, as in Terraform, unless \
                 it is told to.",
                manager.location()
            ))
            .hint("Set `use_lockfile = true` in the backend, as Terraform 1.10 and later understand it too.");
        context.report(&note.into(), &none);
    }
    let info = LockInfo::new(operation, who(), env!("CARGO_PKG_VERSION"), now());
    let sleep = |duration| {
        std::thread::sleep(duration);
        true
    };
    context.take(manager.lock(&info, &LockWait { timeout, sleep: &sleep }), &none)
}

fn who() -> String {
    let user =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".into());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{host}")
}

/// The present moment in RFC 3339, UTC, whole seconds.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
