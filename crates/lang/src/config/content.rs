//! Holding a body against the arguments and blocks that it may have.

use ferroform_core::{Diagnostic, Diagnostics, Source, Sources, Span, Value};
use ferroform_hcl::ast::{Block, Body, Expr};

use crate::suggest::did_you_mean;

/// What a block of the language itself may hold.
pub(crate) struct Spec {
    /// Arguments, and whether they must be given.
    pub(crate) attributes: &'static [(&'static str, bool)],
    /// Blocks and what their labels mean.
    pub(crate) blocks: &'static [(&'static str, &'static [&'static str])],
}

impl Spec {
    /// Whether it has an argument of this name.
    pub(crate) fn has_attribute(&self, name: &str) -> bool {
        self.attributes.iter().any(|(n, _)| *n == name)
    }

    /// Reports everything in the body that does not fit.
    pub(crate) fn check(&self, body: &Body, diags: &mut Diagnostics) {
        for attribute in &body.attributes {
            let name = &*attribute.name.name;
            if !self.has_attribute(name) {
                let known = self.attributes.iter().map(|(n, _)| *n);
                let is_block = self.blocks.iter().any(|(kind, _)| *kind == name);
                diags.push(unsupported_argument(name, attribute.name.span, attribute.span, known, is_block));
            }
        }
        for block in &body.blocks {
            let kind = &*block.kind.name;
            match self.blocks.iter().find(|(k, _)| *k == kind) {
                Some((_, labels)) => {
                    check_labels(block, labels, diags);
                }
                None => {
                    let known = self.blocks.iter().map(|(k, _)| *k);
                    diags.push(unsupported_block(kind, block.kind.span, known, self.has_attribute(kind)));
                }
            }
        }
        self.require(body, diags);
    }

    /// Reports required arguments that are missing.
    pub(crate) fn require(&self, body: &Body, diags: &mut Diagnostics) {
        for (name, _) in self.attributes.iter().filter(|(_, required)| *required) {
            if body.attribute(name).is_none() {
                diags.push(missing_argument(name, body.end));
            }
        }
    }
}

/// Reports missing and surplus labels; true if all is well.
pub(crate) fn check_labels(block: &Block, labels: &[&str], diags: &mut Diagnostics) -> bool {
    let kind = &*block.kind.name;
    let names = labels.join(", ");
    if let Some(extra) = block.labels.get(labels.len()) {
        let detail = match labels.len() {
            0 => format!("No labels are expected for {kind} blocks."),
            n => format!("Only {n} labels ({names}) are expected for {kind} blocks."),
        };
        diags.push(
            Diagnostic::error(format!("Extraneous label for {kind}"))
                .detail(detail)
                .subject(extra.span)
                .context(block.header),
        );
        return false;
    }
    if let Some(missing) = labels.get(block.labels.len()) {
        diags.push(
            Diagnostic::error(format!("Missing {missing} for {kind}"))
                .detail(format!("All {kind} blocks must have {} labels ({names}).", labels.len()))
                .subject(block.header),
        );
        return false;
    }
    true
}

/// An argument that the body may not have.
pub(crate) fn unsupported_argument<'a>(
    name: &str,
    subject: Span,
    context: Span,
    known: impl IntoIterator<Item = &'a str>,
    is_block: bool,
) -> Diagnostic {
    let hint = if is_block {
        format!(" Did you mean to define a block of type {name:?}?")
    } else {
        did_you_mean(name, known)
    };
    Diagnostic::error("Unsupported argument")
        .detail(format!("An argument named {name:?} is not expected here.{hint}"))
        .subject(subject)
        .context(context)
}

/// A block that the body may not have.
pub(crate) fn unsupported_block<'a>(
    kind: &str,
    subject: Span,
    known: impl IntoIterator<Item = &'a str>,
    is_attribute: bool,
) -> Diagnostic {
    let hint = if is_attribute {
        format!(" Did you mean to define argument {kind:?}? If so, use the equals sign to assign it a value.")
    } else {
        did_you_mean(kind, known)
    };
    Diagnostic::error("Unsupported block type")
        .detail(format!("Blocks of type {kind:?} are not expected here.{hint}"))
        .subject(subject)
}

/// An argument that must be given.
pub(crate) fn missing_argument(name: &str, subject: Span) -> Diagnostic {
    Diagnostic::error("Missing required argument")
        .detail(format!("The argument {name:?} is required, but no definition was found."))
        .subject(subject)
}

/// `main.tf:3,1-20`, for messages that mention a second place.
pub(crate) fn place(sources: &Sources, span: Span) -> String {
    let Some(source) = sources.get(span.source) else { return "another place".to_owned() };
    let (start, end) = (source.line_column(span.start), source.line_column(span.end));
    let until = if start.line == end.line {
        format!("{}", end.column)
    } else {
        format!("{},{}", end.line, end.column)
    };
    format!("{}:{},{}-{until}", Source::name(source), start.line, start.column)
}

/// Whether a name follows the rules; reports it otherwise.
pub(crate) fn check_name(name: &str, span: Span, summary: &'static str, diags: &mut Diagnostics) -> bool {
    let mut chars = name.chars();
    let valid = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if !valid {
        diags.push(
            Diagnostic::error(summary)
                .detail(
                    "A name must start with a letter or underscore and may contain only letters, digits, underscores, \
                     and dashes.",
                )
                .subject(span),
        );
    }
    valid
}

/// A bool that may not refer to anything.
pub(crate) fn literal_bool(expr: &Expr, diags: &mut Diagnostics) -> Option<bool> {
    let value = literal(expr, &ferroform_core::Type::Bool, diags)?;
    value.as_bool()
}

/// A string that may not refer to anything.
pub(crate) fn literal_string(expr: &Expr, diags: &mut Diagnostics) -> Option<std::sync::Arc<str>> {
    if let Some(text) = expr.as_literal_str() {
        return Some(text.into());
    }
    let value = literal(expr, &ferroform_core::Type::String, diags)?;
    value.as_str().map(Into::into)
}

fn literal(expr: &Expr, want: &ferroform_core::Type, diags: &mut Diagnostics) -> Option<Value> {
    let before = diags.len();
    let value = diags.take(crate::eval::eval_constant(expr));
    if diags.len() > before {
        return None;
    }
    match ferroform_core::convert::convert(&value, want) {
        Ok(value) => Some(value),
        Err(error) => {
            diags.push(
                Diagnostic::error("Unsuitable value type")
                    .detail(format!("Unsuitable value: {}", error.message))
                    .subject(expr.span),
            );
            None
        }
    }
}
