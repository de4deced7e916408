//! A world to plan and apply in: configuration, state, fake cloud, journal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use ferroform_core::{Diagnostics, Sources};
use ferroform_engine::planning::{self, PlanInput, Planned, Setup};
use ferroform_engine::{
    Applied, ApplyInput, Event, EventSink, PlanOptions, Registry, StopLevel, Surroundings, applying,
};
use ferroform_lang::variables::{InputValue, RawInput};
use ferroform_lang::{Config, MemoryFiles};
use ferroform_plan::{Plan, PlanMode};
use ferroform_provider::ProviderFactory;
use ferroform_state::State;
use ferroform_state::journal::OpenOperation;
use ferroform_state::world::{self, WorldBinding};
use ferroform_test_support::{FakeProvider, MemoryJournal, files};
use tokio::sync::watch;

#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Event>>);

impl EventSink for Recorder {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Recorder {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) struct World {
    pub fake: FakeProvider,
    pub state: State,
    pub open: Vec<OpenOperation>,
    pub bound: Mutex<Vec<WorldBinding>>,
    pub journal: Arc<MemoryJournal>,
    pub recorder: Recorder,
    pub options: PlanOptions,
    pub stop: watch::Sender<StopLevel>,
}

impl Default for World {
    fn default() -> Self {
        World {
            fake: FakeProvider::new(),
            state: State::with_lineage("test"),
            open: Vec::new(),
            bound: Mutex::default(),
            journal: Arc::new(MemoryJournal::new()),
            recorder: Recorder::default(),
            options: PlanOptions {
                refresh: true,
                timestamp: "2026-10-01T00:00:00Z".into(),
                ..PlanOptions::default()
            },
            stop: watch::Sender::new(StopLevel::Run),
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn mode(mut self, mode: PlanMode) -> Self {
        self.options.mode = mode;
        self
    }

    pub(crate) fn targets(&mut self, targets: &[&str]) {
        self.options.targets = targets.iter().map(|t| t.parse().unwrap()).collect();
    }

    pub(crate) fn replace(&mut self, addresses: &[&str]) {
        self.options.replace = addresses.iter().map(|a| a.parse().unwrap()).collect::<BTreeSet<_>>();
    }

    pub(crate) fn variable(&mut self, name: &str, text: &str) {
        let value = InputValue { raw: RawInput::Text(text.into()), origin: "in a test".into(), span: None };
        self.options.variables.insert(name.into(), value);
    }

    pub(crate) fn setup(&self, text: &str) -> Result<Setup, Diagnostics> {
        let files = Arc::new(MemoryFiles(files(text)));
        let mut sources = Sources::new();
        let (config, diagnostics) = Config::load(&*files, &mut sources, Path::new(""));
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let builtin = ferroform_providers_builtin::factories();
        let fake: Arc<dyn ProviderFactory> = Arc::new(self.fake.clone());
        let registry = Registry::new(builtin.into_iter().chain([fake]));
        let surroundings = Surroundings {
            files,
            working_dir: "/".into(),
            home: None,
            workspace: "default".into(),
            plan_time: self.options.timestamp.clone(),
            present_time: None,
        };
        Ok(Setup::new(Arc::new(config), &surroundings, registry, 4))
    }

    pub(crate) async fn plan_all(&self, text: &str) -> Planned {
        let setup = match self.setup(text) {
            Ok(setup) => setup,
            Err(diagnostics) => panic!("{diagnostics:?}"),
        };
        let input = PlanInput {
            state: self.state.clone(),
            open: self.open.clone(),
            journal: &*self.journal,
            bind: &|worlds| {
                let mut bound = self.bound.lock().unwrap();
                *bound = world::check(&bound, worlds, |_| !self.state.resources.is_empty())?;
                Ok(())
            },
            events: &self.recorder,
        };
        planning::plan(&setup, &self.options, input).await
    }

    pub(crate) async fn plan(&self, text: &str) -> Result<Plan, Vec<String>> {
        let planned = self.plan_all(text).await;
        planned.plan.ok_or_else(|| summaries(&planned.diagnostics))
    }

    /// Plans and applies; the state is the new one then.
    pub(crate) async fn apply(&mut self, text: &str) -> Applied {
        let planned = self.plan_all(text).await;
        let Some(plan) = planned.plan else { panic!("{:?}", planned.diagnostics) };
        self.apply_plan(text, &plan).await
    }

    pub(crate) async fn apply_plan(&mut self, text: &str, plan: &Plan) -> Applied {
        let setup = self.setup(text).unwrap();
        let input = ApplyInput {
            journal: self.journal.clone(),
            providers: BTreeMap::new(),
            events: &self.recorder,
            stop: self.stop.subscribe(),
            left_behind: None,
        };
        let applied = applying::apply(&setup, plan, input).await;
        self.state = applied.state.clone();
        self.open.clear();
        applied
    }
}

pub(crate) fn summaries(diagnostics: &Diagnostics) -> Vec<String> {
    diagnostics.iter().filter(|d| d.is_error()).map(|d| d.summary.to_string()).collect()
}

/// Every change but no-ops: `address action (reason)`.
pub(crate) fn actions(plan: &Plan) -> Vec<String> {
    let changes = plan.changes.iter().filter(|c| c.action != ferroform_plan::Action::NoOp);
    changes
        .map(|c| {
            let deposed = c.deposed.map(|_| " deposed").unwrap_or_default();
            let reason = c.reason.map(|r| format!(" ({})", r.name())).unwrap_or_default();
            format!("{}{deposed} {}{reason}", c.addr, c.action.name())
        })
        .collect()
}
