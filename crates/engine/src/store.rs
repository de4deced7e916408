//! The values that evaluation has come to so far, and the view of them that an expression in a module has.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::addr::{InstanceKey, ModuleInstance, ModulePath, Resource, ResourceInstance};
use ferroform_core::{Diagnostic, Diagnostics, Span, Type, Value};
use ferroform_lang::config::Condition;
use ferroform_lang::eval::{Expansion, Scope};
use ferroform_lang::funcs::FuncContext;
use ferroform_lang::reference::Referent;
use rustc_hash::FxHashMap;

use crate::checks::{Kind, Outcome, Results};

/// What is the same for all expressions of a run.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `path.cwd`.
    pub cwd: String,
    /// `path.root`.
    pub root: String,
    /// `terraform.workspace`.
    pub workspace: String,
}

/// Everything evaluated so far.
pub struct Store {
    instances: FxHashMap<ModulePath, Vec<ModuleInstance>>,
    values: FxHashMap<ModuleInstance, ModuleValues>,
    contexts: FxHashMap<ModulePath, FuncContext>,
    /// What came of conditions.
    pub(crate) results: Results,
    /// The same for all expressions.
    pub environment: Environment,
}

/// The values of one module instance.
#[derive(Default)]
pub struct ModuleValues {
    /// Input variables.
    pub variables: FxHashMap<Arc<str>, Value>,
    /// Local values.
    pub locals: FxHashMap<Arc<str>, Value>,
    /// Output values.
    pub outputs: FxHashMap<Arc<str>, Value>,
    /// Resources, each as a whole: an object, or a tuple or object of objects.
    pub resources: FxHashMap<Resource, Value>,
    /// The checks whose data source could not be read, and why.
    pub failed_checks: BTreeMap<Arc<str>, String>,
    /// The instances of the modules that it calls.
    pub calls: FxHashMap<Arc<str>, Expansion>,
}

impl Store {
    /// Nothing evaluated yet; a function context for every module.
    pub fn new(environment: Environment, contexts: FxHashMap<ModulePath, FuncContext>) -> Self {
        let root = ModuleInstance::root();
        Store {
            instances: FxHashMap::from_iter([(ModulePath::root(), vec![root.clone()])]),
            values: FxHashMap::from_iter([(root, ModuleValues::default())]),
            contexts,
            results: Results::default(),
            environment,
        }
    }

    /// The instances of a module; none before its call was expanded.
    pub fn module_instances(&self, path: &ModulePath) -> Vec<ModuleInstance> {
        self.instances.get(path).cloned().unwrap_or_default()
    }

    /// The values of a module instance.
    pub fn module(&self, instance: &ModuleInstance) -> Option<&ModuleValues> {
        self.values.get(instance)
    }

    /// The values of a module instance, to add to.
    pub fn module_mut(&mut self, instance: &ModuleInstance) -> &mut ModuleValues {
        self.values.entry(instance.clone()).or_default()
    }

    /// Keeps the instances of a module call of one calling instance.
    pub fn set_call(&mut self, caller: &ModuleInstance, name: &Arc<str>, expansion: Expansion) {
        for key in keys(&expansion) {
            let child = caller.child(name.clone(), key);
            self.instances.entry(child.path()).or_default().push(child.clone());
            self.values.entry(child).or_default();
        }
        self.module_mut(caller).calls.insert(name.clone(), expansion);
    }

    /// Says that a module's call is expanded in every instance of the calling module, even if none came of it.
    pub fn close_call(&mut self, path: &ModulePath) {
        self.instances.entry(path.clone()).or_default();
    }

    /// Whether the call that a module instance comes from was expanded, so that it is known which instances there are.
    pub fn has_call(&self, module: &ModuleInstance) -> bool {
        self.instances.contains_key(&module.path())
    }

    /// Keeps what came of some of a resource instance's conditions.
    pub(crate) fn report_resource(
        &mut self,
        addr: &ResourceInstance,
        conditions: &[Condition],
        outcome: Outcome,
    ) {
        if !conditions.is_empty() {
            self.results.report(Kind::Resource, &addr.config(), addr, outcome);
        }
    }

    /// What an expression in a module instance sees.
    pub fn scope<'a>(&'a self, module: &'a ModuleInstance) -> ModuleScope<'a> {
        ModuleScope {
            store: self,
            module,
            path: module.path(),
            repetition: Repetition::default(),
            self_object: None,
        }
    }
}

/// `each` and `count` for an expression.
#[derive(Debug, Clone, Default)]
pub struct Repetition {
    /// The instance's key.
    pub key: Option<InstanceKey>,
    /// `each.value`.
    pub value: Option<Value>,
}

impl Repetition {
    /// What the instance with this key sees of its block's expansion.
    pub fn of(expansion: &Expansion, key: Option<&InstanceKey>) -> Self {
        let value = match (expansion, key) {
            (Expansion::ForEach(entries), Some(InstanceKey::String(name))) => entries.get(name).cloned(),
            _ => None,
        };
        Repetition { key: key.cloned(), value }
    }
}

/// The keys of the instances of a block, in order.
pub fn keys(expansion: &Expansion) -> Vec<Option<InstanceKey>> {
    match expansion {
        Expansion::Single => vec![None],
        Expansion::Count(n) => (0..*n).map(|i| Some(InstanceKey::Int(i))).collect(),
        Expansion::ForEach(entries) => entries.keys().map(|k| Some(InstanceKey::String(k.clone()))).collect(),
        Expansion::Unknown => Vec::new(),
    }
}

/// The value of a block as a whole, from the values of its instances in the order of [`keys`].
pub fn collect(expansion: &Expansion, mut values: impl Iterator<Item = Value>) -> Value {
    match expansion {
        Expansion::Single => values.next().unwrap_or_else(Value::null_dynamic),
        Expansion::Count(_) => Value::tuple(values),
        Expansion::ForEach(entries) => Value::object(entries.keys().cloned().zip(values)),
        Expansion::Unknown => Value::unknown(Type::Dynamic),
    }
}

/// What an expression in one module instance sees.
pub struct ModuleScope<'a> {
    store: &'a Store,
    module: &'a ModuleInstance,
    path: ModulePath,
    repetition: Repetition,
    self_object: Option<Value>,
}

impl ModuleScope<'_> {
    /// The same with `each` and `count`.
    #[must_use]
    pub fn with_repetition(mut self, repetition: Repetition) -> Self {
        self.repetition = repetition;
        self
    }

    /// The same with `self`.
    #[must_use]
    pub fn with_self(mut self, object: Value) -> Self {
        self.self_object = Some(object);
        self
    }

    fn module_call(&self, name: &Arc<str>) -> Option<Value> {
        let expansion = self.store.module(self.module)?.calls.get(name)?;
        let outputs = keys(expansion).into_iter().map(|key| {
            let child = self.module.child(name.clone(), key);
            let outputs: BTreeMap<Arc<str>, Value> = self
                .store
                .module(&child)
                .map(|m| m.outputs.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
                .unwrap_or_default();
            Value::object(outputs)
        });
        Some(collect(expansion, outputs))
    }

    fn lookup(&self, referent: &Referent) -> Option<Value> {
        let values = self.store.module(self.module)?;
        match referent {
            Referent::Var(name) => values.variables.get(name).cloned(),
            Referent::Local(name) => values.locals.get(name).cloned(),
            Referent::Resource(resource) => values.resources.get(resource).cloned(),
            Referent::ModuleCall(name) => self.module_call(name),
            Referent::ModuleOutput(name, output) => match self.store.module(self.module)?.calls.get(name)? {
                Expansion::Single => {
                    self.store.module(&self.module.child(name.clone(), None))?.outputs.get(output).cloned()
                }
                _ => None,
            },
            Referent::EachKey => match &self.repetition.key {
                Some(InstanceKey::String(key)) => Some(Value::string(key.clone())),
                _ => None,
            },
            Referent::EachValue => self.repetition.value.clone(),
            Referent::CountIndex => match self.repetition.key {
                Some(InstanceKey::Int(index)) => Some(Value::number(index)),
                _ => None,
            },
            Referent::Path(name) => match &**name {
                "module" => {
                    let context = self.store.contexts.get(&self.path)?;
                    Some(Value::string_normalised(&context.module_dir.to_string_lossy()))
                }
                "root" => Some(Value::string_normalised(&self.store.environment.root)),
                "cwd" => Some(Value::string_normalised(&self.store.environment.cwd)),
                _ => None,
            },
            Referent::Terraform(name) if &**name == "workspace" => {
                Some(Value::string_normalised(&self.store.environment.workspace))
            }
            Referent::Terraform(_) => None,
            Referent::SelfObject => self.self_object.clone(),
        }
    }
}

impl Scope for ModuleScope<'_> {
    fn resolve(&self, referent: &Referent, span: Span) -> Result<Value, Diagnostics> {
        self.lookup(referent).ok_or_else(|| unavailable(referent, span).into())
    }

    fn context(&self) -> &FuncContext {
        &self.store.contexts[&self.path]
    }
}

/// Why a reference has no value here. Undeclared names are found by validation before anything is evaluated.
fn unavailable(referent: &Referent, span: Span) -> Diagnostic {
    let (summary, detail) = match referent {
        Referent::EachKey | Referent::EachValue => (
            "Reference to \"each\" in context without for_each",
            "\"each\" has a value only inside a block that sets the for_each argument.",
        ),
        Referent::CountIndex => (
            "Reference to \"count\" in non-counted context",
            "\"count\" has a value only inside a block that sets the count argument.",
        ),
        Referent::SelfObject => (
            "Invalid \"self\" reference",
            "\"self\" has a value only in the postconditions and provisioners of a resource.",
        ),
        Referent::Path(_) => {
            ("Invalid \"path\" attribute", "The attributes of \"path\" are module, root and cwd.")
        }
        Referent::Terraform(_) => {
            ("Invalid \"terraform\" attribute", "The one attribute of \"terraform\" is workspace.")
        }
        _ => ("Reference to undeclared object", "Nothing of this name is declared in this module."),
    };
    Diagnostic::error(summary).detail(detail).subject(span)
}
