//! `replace_triggered_by`: whether something named there changes.

use ferroform_core::addr::{AbsResource, InstanceKey, ModuleInstance};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Step, Value};
use ferroform_hcl::ast::{Expr, ExprKind};
use ferroform_lang::eval::{Scope, eval_expr};
use ferroform_lang::reference::{Referent, references_in_expr};
use ferroform_plan::{Action, ResourceChange};

/// Whether the resource, instance or attribute that `expr` names changes in this plan. `changes` gives what is planned
/// for a resource of the module instance.
pub(super) fn fires<'a>(
    expr: &Expr,
    module: &ModuleInstance,
    scope: &dyn Scope,
    changes: &dyn Fn(&AbsResource) -> Vec<&'a ResourceChange>,
) -> Result<bool, Diagnostics> {
    let (base, steps) = split(expr, scope)?;
    let Some(Referent::Resource(resource)) = references_in_expr(&base).into_iter().map(|r| r.referent).next()
    else {
        return Err(invalid(expr).into());
    };
    let mut steps = steps.into_iter().peekable();
    let key = match steps.peek() {
        Some(Step::Index(key)) => {
            let key = instance_key(key);
            steps.next();
            key
        }
        _ => None,
    };
    let path = AttrPath(steps.collect());
    let resource = AbsResource { module: module.clone(), resource };
    let concerned = changes(&resource)
        .into_iter()
        .filter(|c| c.deposed.is_none() && (key.is_none() || c.addr.key == key));
    Ok(concerned.into_iter().any(|change| match change.action {
        Action::NoOp | Action::Read | Action::Forget => false,
        Action::Delete => path.is_root() && key.is_none(),
        _ if path.is_root() => true,
        _ => change.before.at(&path) != change.after.at(&path) || unknown_at(&change.after, &path),
    }))
}

fn unknown_at(value: &Value, path: &AttrPath) -> bool {
    value.at(path).is_none_or(|v| !v.is_wholly_known())
}

fn instance_key(key: &Value) -> Option<InstanceKey> {
    match key.as_str() {
        Some(text) => Some(InstanceKey::String(text.into())),
        None => key.as_number()?.to_u64().map(InstanceKey::Int),
    }
}

/// The `type.name` at the root of a traversal, and the steps behind it.
fn split(expr: &Expr, scope: &dyn Scope) -> Result<(Expr, Vec<Step>), Diagnostics> {
    let mut steps = Vec::new();
    let mut current = expr.clone();
    loop {
        let next = match &*current.kind {
            ExprKind::GetAttr { base, .. } if matches!(&*base.kind, ExprKind::Variable(_)) => break,
            ExprKind::GetAttr { base, name } => {
                steps.push(Step::Attr(name.name.clone()));
                base.clone()
            }
            ExprKind::Index { base, key } => {
                let (key, diagnostics) = eval_expr(key, scope);
                if diagnostics.has_errors() {
                    return Err(diagnostics);
                }
                steps.push(Step::Index(key.unmarked()));
                base.clone()
            }
            _ => return Err(invalid(expr).into()),
        };
        current = next;
    }
    steps.reverse();
    Ok((current, steps))
}

fn invalid(expr: &Expr) -> Diagnostic {
    Diagnostic::error("Invalid replace_triggered_by expression")
        .detail("Each element must name a managed resource of the same module, one of its instances, or an attribute of it.")
        .subject(expr.span)
}
