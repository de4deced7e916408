//! From expressions and bodies to values.
//!
//! Evaluation is pure: what references stand for comes from a [`Scope`]. It never fails as a whole: where something
//! is wrong the value is unknown and the diagnostics say why.

use std::sync::Arc;

use ferroform_core::ops::{self, OpError};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Entries, Span, Step, Type, Value, ValueKind};
use ferroform_hcl::ast::{Expr, ExprKind};

use crate::funcs::FuncContext;
use crate::reference::{Chain, Referent};

mod call;
mod collections;
mod condition;
mod decode;
mod dynamic;
mod expand;
mod expr;
mod report;
mod spans;
mod template;

pub use condition::{ConditionOutcome, check_condition};
pub use decode::decode_body;
pub use expand::{Expansion, expand};
pub use report::describe_references;
pub use spans::span_in_body;
pub use template::render_template;

/// What references stand for at the place of an expression.
pub trait Scope {
    /// The whole value of a referent: a resource is an object, or a tuple (`count`) or an object by key (`for_each`) of
    /// its instances' objects; a module call likewise, with objects of its outputs. `span` is where the reference is
    /// written, for diagnostics.
    ///
    /// # Errors
    /// When there is no such thing, or it has no value here.
    fn resolve(&self, referent: &Referent, span: Span) -> Result<Value, Diagnostics>;

    /// What functions may look at.
    fn context(&self) -> &FuncContext;
}

/// The value of an expression; unknown where there are errors.
pub fn eval_expr(expr: &Expr, scope: &dyn Scope) -> (Value, Diagnostics) {
    let mut evaluator = Evaluator::new(Names::Scope(scope));
    let value = evaluator.expr(expr, None);
    (value, evaluator.diags)
}

/// The value of an expression, converted to a type.
pub fn eval_expr_as(expr: &Expr, want: &Type, scope: &dyn Scope) -> (Value, Diagnostics) {
    let mut evaluator = Evaluator::new(Names::Scope(scope));
    let value = evaluator.expr(expr, None);
    if evaluator.diags.has_errors() {
        return (Value::unknown(want.without_optional()), evaluator.diags);
    }
    match ferroform_core::convert::convert(&value, want) {
        Ok(value) => (value, evaluator.diags),
        Err(error) => {
            let at = describe_path(&error.path);
            let colon = if at.is_empty() { "" } else { ": " };
            let diagnostic = Diagnostic::error("Incorrect value type")
                .detail(format!("Invalid expression value: {at}{colon}{}.", error.message))
                .subject(expr.span);
            evaluator.report(diagnostic, expr, None);
            (Value::unknown(want.without_optional()), evaluator.diags)
        }
    }
}

/// The value of an expression that may neither refer to anything nor call functions.
pub fn eval_constant(expr: &Expr) -> (Value, Diagnostics) {
    let mut evaluator = Evaluator::new(Names::Nothing);
    let value = evaluator.expr(expr, None);
    (value, evaluator.diags)
}

/// A path inside a value as messages have it, without a leading dot.
pub(crate) fn describe_path(path: &AttrPath) -> String {
    let text = path.to_string();
    match path.steps().first() {
        Some(Step::Attr(_)) => text.trim_start_matches('.').to_owned(),
        _ => text,
    }
}

/// How deep expressions may be nested in each other while evaluating.
const MAX_DEPTH: u32 = 512;

/// What names stand for.
#[derive(Clone, Copy)]
pub(crate) enum Names<'a> {
    /// Nothing may be named, and no function called.
    Nothing,
    /// References, as everywhere in configuration.
    Scope(&'a dyn Scope),
    /// The variables of a template file.
    Template(&'a Entries, &'a FuncContext),
}

/// A name that a `for` expression or a `dynamic` block gives to a value, or the current element of a splat. Frames are
/// linked from the inside to the outside.
pub(crate) struct Frame<'f> {
    /// None for a splat's element.
    pub(crate) name: Option<&'f str>,
    pub(crate) value: Value,
    pub(crate) outer: Env<'f>,
}

/// The innermost name.
pub(crate) type Env<'f> = Option<&'f Frame<'f>>;

fn lookup<'f>(mut env: Env<'f>, name: Option<&str>) -> Option<&'f Value> {
    while let Some(frame) = env {
        if frame.name == name {
            return Some(&frame.value);
        }
        env = frame.outer;
    }
    None
}

pub(crate) struct Evaluator<'a> {
    pub(crate) names: Names<'a>,
    pub(crate) diags: Diagnostics,
    depth: u32,
    /// Diagnostics will be thrown away: whether there are any is all that matters.
    quiet: bool,
    /// Only types are known: what is unknown is no mistake, references are checked elsewhere, and no file is read.
    pub(crate) validating: bool,
    /// Whether arguments that only the provider can set are an error here.
    pub(crate) report_unconfigurable: bool,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(names: Names<'a>) -> Self {
        Evaluator {
            names,
            diags: Diagnostics::new(),
            depth: 0,
            quiet: false,
            validating: false,
            report_unconfigurable: false,
        }
    }

    /// For checks before anything is known.
    pub(crate) fn for_validation(names: Names<'a>) -> Self {
        Evaluator { validating: true, ..Self::new(names) }
    }

    /// The value of an expression where the names of `env` are bound.
    pub(crate) fn expr(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        if self.depth >= MAX_DEPTH {
            let diagnostic = Diagnostic::error("Expression nested too deeply")
                .detail(format!(
                    "Expressions may be nested in each other at most {MAX_DEPTH} levels deep. Move parts of it into \
                     local values.",
                ))
                .subject(expr.span);
            self.diags.push(diagnostic);
            return unknown();
        }
        self.depth += 1;
        let value = self.kind(expr, env);
        self.depth -= 1;
        value
    }

    fn kind(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        match &*expr.kind {
            ExprKind::Null => Value::null_dynamic(),
            ExprKind::Bool(b) => Value::bool(*b),
            ExprKind::Number(n) => Value::number(n.clone()),
            ExprKind::Template(parts) => self.template(parts, expr.span, env),
            ExprKind::Variable(_) | ExprKind::GetAttr { .. } | ExprKind::Index { .. } => {
                self.chain(expr, env)
            }
            ExprKind::Splat { base, each, .. } => self.splat(expr, base, each, env),
            ExprKind::SplatItem => lookup(env, None).cloned().unwrap_or_else(unknown),
            ExprKind::Call { name, args, expand } => self.call(expr, name, args, *expand, env),
            ExprKind::Tuple(items) => {
                let items: Vec<Value> = items.iter().map(|item| self.expr(item, env)).collect();
                Value::tuple(items)
            }
            ExprKind::Object(items) => self.object(items, env),
            ExprKind::ForTuple(f) => self.for_tuple(expr, f, env),
            ExprKind::ForObject(f) => self.for_object(expr, f, env),
            ExprKind::Unary(op, operand) => self.unary(expr, *op, operand, env),
            ExprKind::Binary(..) => self.binary(expr, env),
            ExprKind::Conditional { .. } => self.conditional(expr, env),
            ExprKind::Parens(inner) => self.expr(inner, env),
            ExprKind::Error => {
                // Reported by the parser; an error here as well, so that `try` does not take it for a value.
                if self.quiet {
                    self.diags.push(Diagnostic::error("Invalid expression").subject(expr.span));
                }
                unknown()
            }
        }
    }

    /// A name or other expression with attribute accesses and indexes behind it.
    fn chain(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        let chain = Chain::of(expr);
        let (mut value, done) = match &*chain.root.kind {
            ExprKind::Variable(name) => match self.name(name, &chain, env) {
                Ok(found) => found,
                Err(problems) => {
                    for problem in problems {
                        self.report(problem, expr, env);
                    }
                    // Keys are looked at all the same, so that all that is wrong is said at once.
                    self.keys(&chain, env);
                    return unknown();
                }
            },
            _ => (self.expr(chain.root, env), 0),
        };
        for step in chain.steps.iter().skip(done) {
            let result = match &*step.kind {
                ExprKind::GetAttr { name, .. } => {
                    ops::get_attr(&value, &name.name).map_err(|e| suggest_attribute(e, &value, &name.name))
                }
                ExprKind::Index { key, .. } => {
                    let before = self.errors();
                    let key = self.expr(key, env);
                    if self.errors() > before {
                        return unknown();
                    }
                    ops::index(&value, &key)
                }
                _ => return unknown(),
            };
            value = match result {
                Ok(value) => value,
                Err(problem) => {
                    let subject = match &*step.kind {
                        ExprKind::GetAttr { name, .. } => {
                            Span { start: name.span.start.saturating_sub(1), ..name.span }
                        }
                        ExprKind::Index { base, .. } => {
                            Span { start: base.span.end.min(step.span.end), ..step.span }
                        }
                        _ => step.span,
                    };
                    let diagnostic = Diagnostic::error(problem.summary)
                        .detail(problem.message)
                        .subject(subject)
                        .context(step.span);
                    self.report(diagnostic, expr, env);
                    return unknown();
                }
            };
        }
        value
    }

    fn keys(&mut self, chain: &Chain<'_>, env: Env<'_>) {
        for step in &chain.steps {
            if let ExprKind::Index { key, .. } = &*step.kind {
                self.expr(key, env);
            }
        }
    }

    /// The value that a chain begins with, and how many of its steps are part of the reference.
    fn name(&mut self, name: &str, chain: &Chain<'_>, env: Env<'_>) -> Result<(Value, usize), Diagnostics> {
        if let Some(value) = lookup(env, Some(name)) {
            return Ok((value.clone(), 0));
        }
        match self.names {
            Names::Nothing => Err(Diagnostic::error("Variables not allowed")
                .detail("Variables may not be used here.")
                .subject(chain.span(chain.steps.len()))
                .into()),
            Names::Template(vars, _) => match vars.get(name) {
                Some(value) => Ok((value.clone(), 0)),
                None => Err(Diagnostic::error(template::UNKNOWN_VARIABLE)
                    .detail(format!("vars map does not contain key {name:?}."))
                    .subject(chain.root.span)
                    .into()),
            },
            Names::Scope(scope) => {
                let (referent, steps) = match chain.referent(name) {
                    Ok(found) => found,
                    Err(_) if self.validating && !self.quiet => return Err(Diagnostics::new()),
                    Err(problem) => return Err(problem.into()),
                };
                // One output of a module without instances can be had before the others are known. Behind an index
                // the whole is needed, as only it tells whether the index is right.
                let (referent, steps) = match referent {
                    Referent::ModuleOutput(call, _) if steps == 3 => (Referent::ModuleCall(call), 1),
                    other => (other, steps),
                };
                match (scope.resolve(&referent, chain.span(steps)), &referent) {
                    (Ok(value), _) => Ok((value, steps)),
                    // No such output, or a call with instances: the access to the whole says what is wrong.
                    (Err(problems), Referent::ModuleOutput(call, _)) => {
                        let whole = Referent::ModuleCall(call.clone());
                        scope.resolve(&whole, chain.span(1)).map(|value| (value, 1)).map_err(|_| problems)
                    }
                    (Err(problems), _) => Err(problems),
                }
            }
        }
    }

    /// How many errors there were. Evaluation has no warnings, so that there is nothing to count.
    pub(crate) fn errors(&self) -> usize {
        self.diags.len()
    }

    /// Runs a part whose diagnostics are thrown away; gives its value if it had no errors.
    pub(crate) fn attempt(&mut self, part: impl FnOnce(&mut Self) -> Value) -> Option<Value> {
        let kept = std::mem::take(&mut self.diags);
        let was_quiet = std::mem::replace(&mut self.quiet, true);
        let value = part(self);
        self.quiet = was_quiet;
        let failed = !std::mem::replace(&mut self.diags, kept).is_empty();
        (!failed).then_some(value)
    }
}

/// What stands for a value that could not be computed.
pub(crate) fn unknown() -> Value {
    Value::unknown(Type::Dynamic)
}

/// Names the attribute that was probably meant.
fn suggest_attribute(mut error: OpError, value: &Value, name: &str) -> OpError {
    let known: Vec<Arc<str>> = match value.kind() {
        ValueKind::Object(attributes) => attributes.keys().cloned().collect(),
        ValueKind::Unknown(Type::Object(ty), _) => ty.attributes.keys().cloned().collect(),
        _ => Vec::new(),
    };
    error.message.push_str(&crate::suggest::did_you_mean(name, known.iter().map(|k| &**k)));
    error
}
