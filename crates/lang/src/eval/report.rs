//! Diagnostics with the values of the references that they are about.

use ferroform_core::{Diagnostic, Value};
use ferroform_hcl::ast::{Expr, ExprKind, TemplatePart};

use super::{Env, Evaluator, Names, Scope};
use crate::reference::{Chain, is_constant};

/// Diagnostics behind so many others go without values: a `for` over many elements can fail for each of them.
const MAX_DESCRIBED: usize = 64;
/// How many references are shown beneath one diagnostic.
const MAX_VALUES: usize = 16;

impl Evaluator<'_> {
    /// Adds a diagnostic about an expression, with the values of what that refers to.
    pub(crate) fn report(&mut self, mut diagnostic: Diagnostic, about: &Expr, env: Env<'_>) {
        if !self.quiet && self.diags.len() < MAX_DESCRIBED {
            diagnostic.values = self.describe_references(about, env);
        }
        self.diags.push(diagnostic);
    }

    fn describe_references(&mut self, about: &Expr, env: Env<'_>) -> Vec<(String, String)> {
        let mut chains = Vec::new();
        collect(about, &mut chains);
        let mut values: Vec<(String, String)> = Vec::new();
        for chain in chains {
            if values.len() < MAX_VALUES
                && let Some((text, value)) = self.longest(chain, env)
                && !values.iter().any(|(known, _)| *known == text)
            {
                values.push((text, value.describe()));
            }
        }
        values.sort();
        values
    }

    /// The reference as far as it has a value, with its text. A bare name says nothing.
    fn longest(&mut self, mut expr: &Expr, env: Env<'_>) -> Option<(String, Value)> {
        while let ExprKind::GetAttr { base, .. } | ExprKind::Index { base, .. } = &*expr.kind {
            if let Some(value) = self.attempt(|this| this.expr(expr, env))
                // That a value is unknown while validating says nothing of it.
                && (value.is_known() || !self.validating)
            {
                return Some((text(expr), value));
            }
            expr = base;
        }
        None
    }
}

/// The references of an expression with descriptions of their values, as diagnostics have them.
pub fn describe_references(expr: &Expr, scope: &dyn Scope) -> Vec<(String, String)> {
    Evaluator::new(Names::Scope(scope)).describe_references(expr, None)
}

/// A reference as it is written.
fn text(expr: &Expr) -> String {
    let chain = Chain::of(expr);
    let mut out = match &*chain.root.kind {
        ExprKind::Variable(name) => name.to_string(),
        _ => String::new(),
    };
    for step in &chain.steps {
        match &*step.kind {
            ExprKind::GetAttr { name, .. } => {
                out.push('.');
                out.push_str(&name.name);
            }
            ExprKind::Index { key, .. } => match (&*key.kind, key.as_literal_str()) {
                (ExprKind::Number(n), _) => out.push_str(&format!("[{n}]")),
                (_, k) => out.push_str(&format!("[{:?}]", k.unwrap_or_default())),
            },
            _ => {}
        }
    }
    out
}

/// The references in an expression, each up to the first step that is computed. Bodies of `for` expressions are left
/// out: their names have no one value.
fn collect<'e>(expr: &'e Expr, out: &mut Vec<&'e Expr>) {
    match &*expr.kind {
        ExprKind::Null | ExprKind::Bool(_) | ExprKind::Number(_) | ExprKind::SplatItem | ExprKind::Error => {}
        ExprKind::Variable(_) | ExprKind::GetAttr { .. } | ExprKind::Index { .. } => {
            let chain = Chain::of(expr);
            let (mut upto, mut constant) = (chain.root, true);
            for step in &chain.steps {
                if let ExprKind::Index { key, .. } = &*step.kind
                    && !is_constant(key)
                {
                    constant = false;
                    collect(key, out);
                }
                if constant {
                    upto = step;
                }
            }
            match &*chain.root.kind {
                ExprKind::Variable(_) => out.push(upto),
                _ => collect(chain.root, out),
            }
        }
        ExprKind::Template(parts) => collect_parts(parts, out),
        ExprKind::Splat { base, .. } => collect(base, out),
        ExprKind::Call { args, .. } | ExprKind::Tuple(args) => args.iter().for_each(|arg| collect(arg, out)),
        ExprKind::Object(items) => items.iter().for_each(|item| {
            if !item.bare {
                collect(&item.key, out);
            }
            collect(&item.value, out);
        }),
        ExprKind::ForTuple(f) => collect(&f.intro.collection, out),
        ExprKind::ForObject(f) => collect(&f.intro.collection, out),
        ExprKind::Unary(_, operand) | ExprKind::Parens(operand) => collect(operand, out),
        ExprKind::Binary(_, left, right) => {
            collect(left, out);
            collect(right, out);
        }
        ExprKind::Conditional { cond, then, otherwise } => {
            for part in [cond, then, otherwise] {
                collect(part, out);
            }
        }
    }
}

fn collect_parts<'e>(parts: &'e [TemplatePart], out: &mut Vec<&'e Expr>) {
    for part in parts {
        match part {
            TemplatePart::Literal(..) => {}
            TemplatePart::Interpolation(expr) => collect(expr, out),
            TemplatePart::If { cond, .. } => collect(cond, out),
            TemplatePart::For { collection, .. } => collect(collection, out),
        }
    }
}
