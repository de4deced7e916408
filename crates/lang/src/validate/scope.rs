//! What references stand for while nothing is known but types.

use rustc_hash::FxHashMap;
use std::sync::Arc;

use ferroform_core::addr::Resource;
use ferroform_core::schema::Block;
use ferroform_core::{Diagnostics, Marks, Span, Type, Value};

use crate::config::Module;
use crate::eval::{Evaluator, Names, Scope};
use crate::funcs::FuncContext;
use crate::reference::{Referent, references_in_expr};

/// Unknown values of the right types for a module's expressions; local values are computed from them.
pub(super) struct StaticScope<'a> {
    module: &'a Module,
    resources: FxHashMap<&'a Resource, Value>,
    locals: FxHashMap<Arc<str>, Value>,
    context: &'a FuncContext,
}

impl<'a> StaticScope<'a> {
    /// The scope of a module, and what is wrong with its local values, apart from references.
    pub(super) fn new(
        module: &'a Module,
        schemas: &FxHashMap<&'a Resource, Arc<Block>>,
        context: &'a FuncContext,
    ) -> (Self, FxHashMap<Arc<str>, Diagnostics>) {
        // A type is put together once, however many resources have it.
        let mut types: FxHashMap<*const Block, Type> = FxHashMap::default();
        let resources = module
            .resources
            .iter()
            .map(|(addr, resource)| {
                let single = resource.count.is_none() && resource.for_each.is_none();
                let ty = match schemas.get(addr) {
                    Some(schema) if single => {
                        types.entry(Arc::as_ptr(schema)).or_insert_with(|| schema.implied_type()).clone()
                    }
                    _ => Type::Dynamic,
                };
                (addr, Value::unknown(ty))
            })
            .collect();
        let mut scope = StaticScope { module, resources, locals: FxHashMap::default(), context };
        let mut problems = FxHashMap::default();
        for name in scope.order() {
            let Some(local) = module.locals.get(&name) else { continue };
            let mut evaluator = Evaluator::for_validation(Names::Scope(&scope));
            let value = evaluator.expr(&local.expr, None);
            if !evaluator.diags.is_empty() {
                problems.insert(name.clone(), evaluator.diags);
            }
            scope.locals.insert(name, value);
        }
        (scope, problems)
    }

    /// Local values, each behind those that it refers to as far as there is no cycle.
    fn order(&self) -> Vec<Arc<str>> {
        let locals = &self.module.locals;
        let mut done: FxHashMap<&str, bool> = FxHashMap::default();
        let mut order = Vec::with_capacity(locals.len());
        for start in locals.keys() {
            // A chain of references may be longer than the stack is deep, so the way down is kept here.
            let mut stack: Vec<(&Arc<str>, bool)> = vec![(start, false)];
            while let Some((name, finished)) = stack.pop() {
                if finished {
                    order.push(name.clone());
                    continue;
                }
                if done.insert(name, true).is_some() {
                    continue;
                }
                stack.push((name, true));
                let Some(local) = locals.get(name) else { continue };
                for reference in references_in_expr(&local.expr) {
                    if let Referent::Local(needed) = &reference.referent
                        && let Some((needed, _)) = locals.get_key_value(needed)
                        && !done.contains_key(&**needed)
                    {
                        stack.push((needed, false));
                    }
                }
            }
        }
        order
    }
}

impl Scope for StaticScope<'_> {
    /// What is not declared has no value and no diagnostic either: references are checked apart from evaluation.
    fn resolve(&self, referent: &Referent, _span: Span) -> Result<Value, Diagnostics> {
        let value = match referent {
            Referent::Var(name) => self.module.variables.get(name).map(|variable| {
                let value = Value::unknown(variable.ty.without_optional());
                let marks = if variable.sensitive { Marks::SENSITIVE } else { Marks::NONE };
                value.with_marks(marks.union(if variable.ephemeral { Marks::EPHEMERAL } else { Marks::NONE }))
            }),
            Referent::Local(name) => self.locals.get(name).cloned(),
            Referent::Resource(resource) => self.resources.get(resource).cloned(),
            Referent::EachKey | Referent::Path(_) | Referent::Terraform(_) => {
                Some(Value::unknown(Type::String))
            }
            Referent::CountIndex => Some(Value::unknown(Type::Number)),
            Referent::ModuleCall(_)
            | Referent::ModuleOutput(..)
            | Referent::EachValue
            | Referent::SelfObject => None,
        };
        Ok(value.unwrap_or_else(|| Value::unknown(Type::Dynamic)))
    }

    fn context(&self) -> &FuncContext {
        self.context
    }
}
