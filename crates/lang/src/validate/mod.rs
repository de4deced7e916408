//! Checks that need no values from outside: undeclared names, arguments and blocks that schemas do not have, wrong
//! types, functions that do not exist, arguments of module calls, provider configurations.
//!
//! Everything is evaluated once with unknown values of the right types in place of variables and resources.

use rustc_hash::FxHashMap;
use std::path::PathBuf;
use std::sync::Arc;

use ferroform_core::addr::{ProviderSource, Resource, ResourceMode};
use ferroform_core::convert::convert;
use ferroform_core::parallel;
use ferroform_core::schema::{Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Span, Type, Value};
use ferroform_hcl::ast::Expr;

use crate::config::{Condition, Config, Module, ModuleCall, ResourceBlock};
use crate::eval::{Evaluator, Names, render_template};
use crate::files::MemoryFiles;
use crate::funcs::{FuncContext, FunctionSource, ProviderFunctions};
use crate::reference::Referent;
use crate::version::{Constraints, Version};

mod calls;
mod references;
mod scope;

use references::Place;
use scope::StaticScope;

/// The schemas of the providers that are at hand.
pub trait Schemas: Sync {
    /// What a resource, data source or ephemeral resource may hold; none if the provider does not have it.
    fn resource(&self, source: &ProviderSource, resource: &Resource) -> Option<Schema>;
    /// What a `provider` block may hold; none if the provider is not at hand, so that nothing can be said of its
    /// resources either.
    fn provider(&self, source: &ProviderSource) -> Option<Block>;
    /// The functions of a provider; none if the provider is not at hand.
    fn functions(&self, _source: &ProviderSource) -> Option<Arc<dyn FunctionSource>> {
        None
    }
    /// The types of resources of a mode that the provider has, to suggest one.
    fn types(&self, _source: &ProviderSource, _mode: ResourceMode) -> Vec<Arc<str>> {
        Vec::new()
    }
}

/// Checks a configuration as far as that goes without values. To be called before planning, which relies on it:
/// evaluation reports undeclared names only in passing.
pub fn validate(config: &Config, schemas: &dyn Schemas) -> Diagnostics {
    let mut cache = SchemaCache { schemas, blocks: FxHashMap::default() };
    let mut diags = Diagnostics::new();
    for (_, module) in config.modules() {
        let context = static_context(ProviderFunctions::of(module, |source| schemas.functions(source)));
        Checker { config, module, schemas, diags: &mut diags }.module(&mut cache, &context);
    }
    diags
}

/// Functions see no files while validating: those that read any are not called.
fn static_context(providers: ProviderFunctions) -> FuncContext {
    FuncContext {
        files: Arc::new(MemoryFiles::default()),
        module_dir: PathBuf::from("."),
        root_dir: PathBuf::from("."),
        working_dir: PathBuf::from("/"),
        home: None,
        plan_time: None,
        present_time: None,
        template: render_template,
        in_template: false,
        providers,
    }
}

/// Schemas by type: there are many more resources than types.
struct SchemaCache<'a> {
    schemas: &'a dyn Schemas,
    blocks: FxHashMap<(ProviderSource, ResourceMode, Arc<str>), Option<Arc<Block>>>,
}

impl SchemaCache<'_> {
    fn resource(&mut self, source: &ProviderSource, resource: &Resource) -> Option<Arc<Block>> {
        let key = (source.clone(), resource.mode, resource.type_name.clone());
        self.blocks
            .entry(key)
            .or_insert_with(|| self.schemas.resource(source, resource).map(|schema| Arc::new(schema.block)))
            .clone()
    }
}

struct Checker<'a> {
    config: &'a Config,
    module: &'a Module,
    schemas: &'a dyn Schemas,
    diags: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn module(&mut self, cache: &mut SchemaCache<'_>, context: &FuncContext) {
        let module = self.module;
        let schemas: FxHashMap<&Resource, Arc<Block>> = module
            .resources
            .iter()
            .filter_map(|(addr, resource)| {
                let source = module.provider_source(resource.provider_name());
                Some((addr, cache.resource(&source, addr)?))
            })
            .collect();
        self.versions();
        let (scope, mut problems) = StaticScope::new(module, &schemas, context);

        for variable in module.variables.values() {
            for validation in &variable.validations {
                self.condition(validation, Place::default(), &scope);
            }
        }
        for (name, local) in &module.locals {
            if self.references(&local.expr, Place::default()) {
                self.diags.append(problems.remove(name).unwrap_or_default());
            }
        }
        for ((name, _), provider) in &module.providers {
            let source = module.provider_source(name);
            let sound = self.body_references(&provider.body, Place::default());
            if let Some(schema) = self.schemas.provider(&source).filter(|_| sound) {
                self.decode(&provider.body, &schema, false, &scope);
            }
        }
        let (config, known) = (self.config, self.schemas);
        let resources: Vec<&ResourceBlock> = module.resources.values().collect();
        let found = parallel::map(&resources, |resource| {
            let mut diags = Diagnostics::new();
            let mut checker = Checker { config, module, schemas: known, diags: &mut diags };
            checker.resource(resource, schemas.get(&resource.addr).map(|s| &**s), &scope);
            diags
        });
        found.into_iter().for_each(|diags| self.diags.append(diags));
        for call in module.calls.values() {
            self.call(call, &scope);
        }
        for check in module.checks.values() {
            for condition in &check.asserts {
                self.condition(condition, Place { check: Some(&check.name), ..Place::default() }, &scope);
            }
        }
        for output in module.outputs.values() {
            self.expr(&output.expr, Place::default(), &scope);
            self.depends_on(&output.depends_on);
            for condition in &output.preconditions {
                self.condition(condition, Place::default(), &scope);
            }
        }
    }

    /// Holds `required_version` against the version of the language, and looks at the form of all constraints.
    fn versions(&mut self) {
        for (text, span) in &self.module.required_versions {
            match Constraints::parse(text) {
                Ok(constraints) if !constraints.allow(&Version::LANGUAGE) => self.diags.push(
                    Diagnostic::error("Unsupported Terraform Core version")
                        .detail(format!(
                            "This configuration requires Terraform {text}, and Ferroform has the language of Terraform \
                             {}. To go on, change the required_version setting; the configuration may then mean \
                             something else than it was written for.",
                            Version::LANGUAGE
                        ))
                        .subject(*span),
                ),
                Ok(_) => {}
                Err(problem) => self.diags.push(invalid_constraint(&problem, *span)),
            }
        }
        for required in self.module.required_providers.values() {
            if let Some((text, span)) = &required.version
                && let Err(problem) = Constraints::parse(text)
            {
                self.diags.push(invalid_constraint(&problem, *span));
            }
        }
    }

    fn resource(&mut self, resource: &ResourceBlock, schema: Option<&Block>, scope: &StaticScope<'_>) {
        let source = self.module.provider_source(resource.provider_name());
        if let Err(problem) = self.config.provider_for(&self.module.path, resource) {
            self.diags.push(problem);
        }
        let place = Place {
            count: resource.count.is_some(),
            each: resource.for_each.is_some(),
            own: Some(&resource.addr),
            this: false,
            check: resource.check.as_deref(),
        };
        self.expansion(resource.count.as_ref(), resource.for_each.as_ref(), scope);
        let sound = self.body_references(&resource.body, place);
        self.depends_on(&resource.depends_on);
        match schema {
            // Providers that are part of the engine say themselves what may not be set.
            Some(schema) if sound => {
                self.decode(&resource.body, schema, &*source.namespace != "builtin", scope)
            }
            Some(_) => {}
            None => self.no_such_type(resource, &source),
        }
        let lifecycle = &resource.lifecycle;
        for trigger in &lifecycle.replace_triggered_by {
            self.references(trigger, Place { own: None, ..place });
        }
        for condition in &lifecycle.preconditions {
            self.condition(condition, place, scope);
        }
        for condition in &lifecycle.postconditions {
            self.condition(condition, Place { this: true, ..place }, scope);
        }
        if let (crate::config::IgnoreChanges::Paths(paths), Some(schema)) =
            (&lifecycle.ignore_changes, schema)
        {
            for (path, span) in paths {
                let Some(ferroform_core::Step::Attr(name)) = path.steps().first() else { continue };
                if !schema.attributes.contains_key(name) && !schema.blocks.contains_key(name) {
                    let known = schema.attributes.keys().chain(schema.blocks.keys()).map(|k| &**k);
                    let hint = crate::suggest::did_you_mean(name, known);
                    self.diags.push(
                        Diagnostic::error("Unsupported attribute")
                            .detail(format!(
                                "This object has no argument, nested block, or exported attribute named {:?}.{hint}",
                                &**name
                            ))
                            .subject(*span),
                    );
                }
            }
        }
    }

    fn no_such_type(&mut self, resource: &ResourceBlock, source: &ProviderSource) {
        if self.schemas.provider(source).is_none() {
            // That the provider is not there is for whoever offers providers to say.
            return;
        }
        let (summary, what) = match resource.addr.mode {
            ResourceMode::Managed => ("Invalid resource type", "resource type"),
            ResourceMode::Data => ("Invalid data source", "data source"),
            ResourceMode::Ephemeral => ("Invalid ephemeral resource", "ephemeral resource type"),
        };
        let type_name = &*resource.addr.type_name;
        let types = self.schemas.types(source, resource.addr.mode);
        let hint = crate::suggest::did_you_mean(type_name, types.iter().map(|t| &**t));
        self.diags.push(
            Diagnostic::error(summary)
                .detail(format!("The provider {source} does not support {what} {type_name:?}.{hint}"))
                .subject(resource.header),
        );
    }

    fn call(&mut self, call: &ModuleCall, scope: &StaticScope<'_>) {
        let place = Place { count: call.count.is_some(), each: call.for_each.is_some(), ..Place::default() };
        self.expansion(call.count.as_ref(), call.for_each.as_ref(), scope);
        self.depends_on(&call.depends_on);
        let values: FxHashMap<&str, Value> =
            call.inputs.iter().map(|(name, input)| (&**name, self.expr(&input.expr, place, scope))).collect();
        if let Some(called) = self.config.module(&self.module.path.child(call.name.clone())) {
            calls::check(self.module, call, called, &values, self.diags);
        }
    }

    /// Checks references and, if all is well with them, evaluates.
    fn expr(&mut self, expr: &Expr, place: Place<'_>, scope: &StaticScope<'_>) -> Value {
        if !self.references(expr, place) {
            return Value::unknown(Type::Dynamic);
        }
        let mut evaluator = Evaluator::for_validation(Names::Scope(scope));
        let value = evaluator.expr(expr, None);
        self.diags.append(evaluator.diags);
        value
    }

    fn decode(
        &mut self,
        body: &ferroform_hcl::ast::Body,
        schema: &Block,
        report_unconfigurable: bool,
        scope: &StaticScope<'_>,
    ) {
        let mut evaluator = Evaluator::for_validation(Names::Scope(scope));
        evaluator.report_unconfigurable = report_unconfigurable;
        evaluator.body(body, schema, ferroform_core::Marks::NONE, None);
        self.diags.append(evaluator.diags);
    }

    fn condition(&mut self, condition: &Condition, place: Place<'_>, scope: &StaticScope<'_>) {
        let before = self.diags.len();
        let value = self.expr(&condition.condition, place, scope);
        let message = self.expr(&condition.error_message, place, scope);
        if self.diags.len() > before {
            return;
        }
        for (value, ty, expr, summary, what) in [
            (
                &value,
                Type::Bool,
                &condition.condition,
                "Invalid condition result",
                "Invalid condition result value",
            ),
            (
                &message,
                Type::String,
                &condition.error_message,
                "Invalid error message",
                "Unsuitable value for error message",
            ),
        ] {
            if let Err(error) = convert(value, &ty) {
                let detail = format!("{what}: {}.", error.message);
                self.diags.push(Diagnostic::error(summary).detail(detail).subject(expr.span));
            }
        }
    }

    /// Checks `count` and `for_each` as far as their values are known.
    fn expansion(&mut self, count: Option<&Expr>, for_each: Option<&Expr>, scope: &StaticScope<'_>) {
        for expr in count.into_iter().chain(for_each) {
            self.references(expr, Place::default());
        }
        let before = self.diags.len();
        let mut evaluator = Evaluator::for_validation(Names::Scope(scope));
        match (count, for_each) {
            (Some(count), _) => evaluator.count(count),
            (None, Some(for_each)) => evaluator.for_each(for_each),
            (None, None) => return,
        };
        if before == self.diags.len() {
            self.diags.append(evaluator.diags);
        }
    }
}

fn invalid_constraint(problem: &str, span: Span) -> Diagnostic {
    Diagnostic::error("Invalid version constraint")
        .detail(format!("This string does not use correct version constraint syntax: {problem}."))
        .subject(span)
}

impl Referent {
    /// Whether it stands for the same in the whole module, and is not `each`, `count`, `self` or the like.
    pub(crate) fn is_declared(&self) -> bool {
        matches!(
            self,
            Referent::Var(_)
                | Referent::Local(_)
                | Referent::Resource(_)
                | Referent::ModuleCall(_)
                | Referent::ModuleOutput(..)
        )
    }
}
