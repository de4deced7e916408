//! Templates: strings with interpolations and directives.

use ferroform_core::ops::{self, Operand};
use ferroform_core::{Diagnostic, Entries, SourceId, Sources, Span, Type, Value};
use ferroform_hcl::ast::TemplatePart;

use super::collections::Iteration;
use super::{Env, Evaluator, Frame, Names};
use crate::funcs::{FuncContext, FuncError};

impl Evaluator<'_> {
    pub(super) fn template(&mut self, parts: &[TemplatePart], span: Span, env: Env<'_>) -> Value {
        match parts {
            [] => Value::string(""),
            [TemplatePart::Literal(text, _)] => Value::string(text.clone()),
            // Not a string, but the value itself.
            [TemplatePart::Interpolation(expr)] => self.expr(expr, env),
            _ => self.text(parts, span, env),
        }
    }

    /// The parts as one string.
    fn text(&mut self, parts: &[TemplatePart], span: Span, env: Env<'_>) -> Value {
        let before = self.errors();
        let values: Vec<Value> = parts.iter().map(|part| self.part(part, span, env)).collect();
        if self.errors() > before {
            // What is null or no text is reported all the same; that of parts with errors is unknown.
            self.join(&values, parts, span, env);
            return Value::unknown(Type::String);
        }
        self.join(&values, parts, span, env)
    }

    fn join(&mut self, values: &[Value], parts: &[TemplatePart], span: Span, env: Env<'_>) -> Value {
        ops::template(values).unwrap_or_else(|errors| {
            for error in errors {
                let part = match error.operand {
                    Operand::Part(i) => parts.get(i),
                    _ => None,
                };
                let problem = Diagnostic::error(error.summary).detail(error.message).context(span);
                match part {
                    Some(TemplatePart::Interpolation(expr)) => {
                        self.report(problem.subject(expr.span), expr, env)
                    }
                    _ => self.diags.push(problem.subject(span)),
                }
            }
            Value::unknown(Type::String)
        })
    }

    fn part(&mut self, part: &TemplatePart, span: Span, env: Env<'_>) -> Value {
        match part {
            TemplatePart::Literal(text, _) => Value::string(text.clone()),
            TemplatePart::Interpolation(expr) => self.expr(expr, env),
            TemplatePart::If { cond, then, otherwise, span } => {
                let then = self.aside(|this| this.text(then, *span, env));
                let otherwise = self.aside(|this| this.text(otherwise, *span, env));
                self.choose(*span, cond, (cond, then), (cond, otherwise), env)
            }
            TemplatePart::For { key, value, collection, body, span: whole } => {
                match self.iteration(*whole, collection, env) {
                    Iteration::Result(value) => Value::unknown(Type::String).with_marks(value.marks()),
                    Iteration::Over(elements, marks) => {
                        let mut items = Vec::with_capacity(elements.len());
                        for element in elements {
                            let key = key.as_ref().map(|k| Frame {
                                name: Some(&*k.name),
                                value: element.key,
                                outer: env,
                            });
                            let outer = key.as_ref().or(env);
                            let frame = Frame { name: Some(&*value.name), value: element.value, outer };
                            items.push(self.text(body, span, Some(&frame)));
                        }
                        ops::template_join(&Value::tuple(items).with_marks(marks))
                            .unwrap_or_else(|_| Value::unknown(Type::String))
                    }
                }
            }
        }
    }
}

/// Renders a text as a template, with variables by bare name: what `templatefile` and `templatestring` do. `name`
/// stands for the text in messages.
///
/// # Errors
/// When the template cannot be parsed or evaluated; the message says where.
pub fn render_template(text: &str, name: &str, vars: &Value, ctx: &FuncContext) -> Result<Value, FuncError> {
    let mut sources = Sources::new();
    let source = sources.add(name, text);
    let (expr, problems) = ferroform_hcl::parse_template(source, text).into_parts();
    if problems.has_errors() {
        return Err(FuncError::failed(first_problem(&problems.0, &sources, source)));
    }
    let no_vars = Entries::new();
    let inside = FuncContext { in_template: true, ..ctx.clone() };
    let marks = vars.marks();
    let mut evaluator = Evaluator::new(Names::Template(vars.as_map().unwrap_or(&no_vars), &inside));
    let value = evaluator.expr(&expr, None);
    if evaluator.diags.has_errors() {
        let message = first_problem(&evaluator.diags.0, &sources, source);
        let missing =
            evaluator.diags.iter().find(|d| d.is_error()).is_some_and(|d| d.summary == UNKNOWN_VARIABLE);
        return Err(if missing { FuncError::argument(1, message) } else { FuncError::failed(message) });
    }
    Ok(value.with_marks(marks))
}

/// The summary of the error about a variable that a template was not given.
pub(super) const UNKNOWN_VARIABLE: &str = "Unknown variable";

fn first_problem(diags: &[Diagnostic], sources: &Sources, source: SourceId) -> String {
    let Some(problem) = diags.iter().find(|d| d.is_error()) else {
        return "the template is wrong".to_owned();
    };
    let place = match (problem.subject, sources.get(source)) {
        (Some(span), Some(text)) => {
            let at = text.line_column(span.start);
            format!("{}:{},{}: ", text.name(), at.line, at.column)
        }
        _ => String::new(),
    };
    format!("{place}{}; {}", problem.summary, problem.detail.trim_end_matches('.'))
}
