//! Function calls.

use ferroform_core::{Diagnostic, Type, Value, ValueKind};
use ferroform_hcl::ast::{Expr, ExprKind, Ident};

use super::{Env, Evaluator, Names, unknown};
use crate::funcs;

impl Evaluator<'_> {
    pub(super) fn call(
        &mut self,
        whole: &Expr,
        name: &Ident,
        args: &[Expr],
        expand: bool,
        env: Env<'_>,
    ) -> Value {
        let context = match self.names {
            Names::Scope(scope) => scope.context(),
            Names::Template(_, context) => context,
            Names::Nothing => {
                self.diags.push(
                    Diagnostic::error("Function calls not allowed")
                        .detail("Functions may not be called here.")
                        .subject(name.span)
                        .context(whole.span),
                );
                return unknown();
            }
        };
        match name.name.strip_prefix("core::").unwrap_or(&name.name) {
            "try" => return self.call_try(whole, args, env),
            "can" => return self.call_can(whole, args, env),
            _ => {}
        }
        let function = match funcs::find(&name.name, context) {
            Ok(function) => function,
            Err(error) => {
                // Said without looking at the arguments.
                self.diags.push(
                    Diagnostic::error(error.summary())
                        .detail(error.detail(&name.name))
                        .subject(name.span)
                        .context(whole.span),
                );
                return unknown();
            }
        };
        if let ("templatestring", Some(template)) = (name.name.trim_start_matches("core::"), args.first())
            && !is_reference(template)
        {
            self.diags.push(
                Diagnostic::error("Invalid function argument")
                    .detail(
                        "Invalid value for \"template\" parameter: the template must be a reference to a value that \
                         holds it; a template written here can be used directly, without the function.",
                    )
                    .subject(template.span)
                    .context(whole.span),
            );
            return unknown();
        }
        let before = self.errors();
        let mut values: Vec<Value> = args.iter().map(|arg| self.expr(arg, env)).collect();
        if self.errors() > before {
            return unknown();
        }
        if expand && let Some(last) = values.pop() {
            let span = args.last().map_or(whole.span, |arg| arg.span);
            match expanded(&last) {
                Expanded::Values(more) => values.extend(more),
                Expanded::Unknown => return unknown().with_marks(last.marks()),
                Expanded::Wrong(detail) => {
                    let problem = Diagnostic::error("Invalid expanding argument value")
                        .detail(detail)
                        .subject(span)
                        .context(whole.span);
                    self.report(problem, args.last().unwrap_or(whole), env);
                    return unknown();
                }
            }
        }
        if self.validating && reads_files(&name.name) {
            return Value::unknown(function.returns());
        }
        match function.call(&values, context) {
            Ok(value) => value,
            Err(error) => {
                // An argument that came of an expansion is shown as the one that was expanded.
                let at = error.arg.and_then(|i| args.get(i).or(args.last()));
                let problem = Diagnostic::error(error.summary())
                    .detail(error.detail(&name.name))
                    .subject(
                        at.map_or(if error.arg.is_some() { name.span } else { whole.span }, |arg| arg.span),
                    )
                    .context(whole.span);
                self.report(problem, at.unwrap_or(whole), env);
                unknown()
            }
        }
    }

    /// The first argument that can be evaluated.
    fn call_try(&mut self, whole: &Expr, args: &[Expr], env: Env<'_>) -> Value {
        for arg in args {
            match self.attempt(|this| this.expr(arg, env)) {
                // What is unknown now may turn out an error later.
                Some(value) if !value.is_wholly_known() => return unknown().with_marks(value.marks_deep()),
                Some(value) => return value,
                None => {}
            }
        }
        let problem = if args.is_empty() {
            Diagnostic::error("Error in function call")
                .detail("Call to function \"try\" failed: at least one argument is required.")
        } else {
            Diagnostic::error("Error in function call").detail(
                "Call to function \"try\" failed: no expression succeeded:\n".to_owned()
                    + &self.why_each_failed(args, env)
                    + "\n\nAt least one expression must produce a successful result.",
            )
        };
        self.report(problem.subject(whole.span), whole, env);
        unknown()
    }

    fn why_each_failed(&mut self, args: &[Expr], env: Env<'_>) -> String {
        let kept = std::mem::take(&mut self.diags);
        for arg in args {
            self.expr(arg, env);
        }
        let failed = std::mem::replace(&mut self.diags, kept);
        let lines: Vec<String> = failed
            .iter()
            .filter(|d| d.is_error())
            .map(|d| format!("- {}: {}", d.summary, d.detail))
            .collect();
        lines.join("\n")
    }

    /// Whether the argument can be evaluated.
    fn call_can(&mut self, whole: &Expr, args: &[Expr], env: Env<'_>) -> Value {
        let [arg] = args else {
            let (summary, detail) = if args.is_empty() {
                (
                    "Not enough function arguments",
                    "Function \"can\" expects 1 argument. Missing value for \"expression\".",
                )
            } else {
                ("Too many function arguments", "Function \"can\" expects only 1 argument.")
            };
            self.diags.push(Diagnostic::error(summary).detail(detail).subject(whole.span));
            return unknown();
        };
        match self.attempt(|this| this.expr(arg, env)) {
            None => Value::bool(false),
            Some(value) if !value.is_wholly_known() => Value::unknown(Type::Bool),
            Some(_) => Value::bool(true),
        }
    }
}

/// Whether a function looks at files.
fn reads_files(name: &str) -> bool {
    let name = name.strip_prefix("core::").unwrap_or(name);
    name.starts_with("file") || name == "templatefile"
}

enum Expanded {
    Values(Vec<Value>),
    Unknown,
    Wrong(&'static str),
}

/// The elements of the argument in front of `...`; its marks go to each of them.
fn expanded(last: &Value) -> Expanded {
    match last.kind() {
        ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
            Expanded::Values(items.iter().map(|item| item.clone().with_marks(last.marks())).collect())
        }
        ValueKind::Null(Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
            Expanded::Wrong("The expanding argument (indicated by ...) must not be null.")
        }
        ValueKind::Unknown(Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_), _) => {
            Expanded::Unknown
        }
        _ => Expanded::Wrong(
            "The expanding argument (indicated by ...) must be of a tuple, list, or set type.",
        ),
    }
}

/// Whether an expression only refers to a value or something inside one.
fn is_reference(expr: &Expr) -> bool {
    match &*expr.kind {
        ExprKind::Variable(_) => true,
        ExprKind::GetAttr { base, .. } | ExprKind::Index { base, .. } => is_reference(base),
        _ => false,
    }
}
