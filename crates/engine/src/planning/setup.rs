//! What a run of the engine is given.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferroform_core::addr::ModulePath;
use ferroform_lang::eval::render_template;
use ferroform_lang::funcs::FuncContext;
use ferroform_lang::{Config, Files};
use rustc_hash::FxHashMap;

use crate::providers::Registry;
use crate::store::Environment;

/// What expressions may know of where and when they are evaluated.
pub struct Surroundings {
    /// Where functions read files.
    pub files: Arc<dyn Files>,
    /// The directory of the root module, absolute.
    pub working_dir: PathBuf,
    /// The home directory, for a leading `~` in paths; none if there is none.
    pub home: Option<PathBuf>,
    /// `terraform.workspace`.
    pub workspace: String,
    /// The moment of planning, RFC 3339 in UTC with whole seconds.
    pub plan_time: String,
    /// The present moment in the same form; only while applying.
    pub present_time: Option<String>,
}

/// Everything that a run of the engine is given.
#[derive(Clone)]
pub struct Setup {
    /// The configuration.
    pub config: Arc<Config>,
    /// What functions see, for each module.
    pub contexts: FxHashMap<ModulePath, FuncContext>,
    /// What expressions see.
    pub environment: Environment,
    /// The providers at hand.
    pub registry: Registry,
    /// How many operations may run at once; at least one.
    pub parallelism: usize,
}

impl Setup {
    /// A run with a configuration and these providers, and that many operations at once.
    pub fn new(
        config: Arc<Config>,
        surroundings: &Surroundings,
        registry: Registry,
        parallelism: usize,
    ) -> Setup {
        let contexts = config.modules().map(|(path, module)| {
            let context = FuncContext {
                files: surroundings.files.clone(),
                module_dir: dot(&module.dir),
                root_dir: PathBuf::from("."),
                working_dir: surroundings.working_dir.clone(),
                home: surroundings.home.clone(),
                plan_time: Some(surroundings.plan_time.as_str().into()),
                present_time: surroundings.present_time.as_deref().map(Into::into),
                template: render_template,
                in_template: false,
                providers: registry.module_functions(module),
            };
            (path.clone(), context)
        });
        let environment = Environment {
            cwd: surroundings.working_dir.display().to_string(),
            root: ".".to_owned(),
            workspace: surroundings.workspace.clone(),
        };
        Setup { contexts: contexts.collect(), config, environment, registry, parallelism }
    }
}

fn dot(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
}
