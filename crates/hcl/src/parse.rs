//! The entry points and what they return.

use ferroform_core::{Diagnostics, SourceId, Span};

use crate::ast::{Body, Expr, ExprKind};
use crate::parser::{self, Outcome, Place};
use crate::syntax::SyntaxNode;
use crate::tree::Tree;

/// Longest text that is parsed, in bytes.
pub(crate) const MAX_LEN: usize = 256 << 20;

/// A text that was parsed: the value, the lossless tree and what is wrong. There is always a value; where the text is
/// wrong, it holds what could be understood, with [`ExprKind::Error`] in place of broken expressions.
#[derive(Debug, Clone)]
pub struct Parse<T> {
    text: Box<str>,
    value: T,
    tree: Tree,
    diagnostics: Diagnostics,
}

impl<T> Parse<T> {
    fn new(text: &str, outcome: Outcome<T>) -> Self {
        let Outcome { value, tree, diagnostics } = outcome;
        Parse { text: text.into(), value, tree, diagnostics }
    }

    /// The lossless tree: its text is the parsed text, byte for byte. Made anew by every call.
    pub fn syntax(&self) -> SyntaxNode {
        self.tree.to_rowan(&self.text)
    }

    /// What the text means.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// What is wrong with the text, in the order of the text as far as possible.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// The value with its diagnostics, as [`Diagnostics::take`] wants them.
    pub fn into_parts(self) -> (T, Diagnostics) {
        (self.value, self.diagnostics)
    }
}

impl Parse<Body> {
    /// What the file holds.
    pub fn body(&self) -> &Body {
        &self.value
    }
}

impl Parse<Expr> {
    /// The expression.
    pub fn expr(&self) -> &Expr {
        &self.value
    }
}

/// Parses a configuration file. `source` is what spans name; `text` is the whole of it.
pub fn parse_body(source: SourceId, text: &str) -> Parse<Body> {
    if let Some(span) = too_large(source, text) {
        let body = Body { attributes: Vec::new(), blocks: Vec::new(), span, end: span };
        return refuse(body, span);
    }
    Parse::new(text, parser::parse_body(Place::At(source, 0), text))
}

/// Parses one expression, as on a command line or in a console. Newlines mean nothing in it, as in parentheses.
pub fn parse_expression(source: SourceId, text: &str) -> Parse<Expr> {
    if let Some(span) = too_large(source, text) {
        return refuse(Expr::new(ExprKind::Error, span), span);
    }
    Parse::new(text, parser::parse_expression(Place::At(source, 0), text))
}

/// Parses a text that is a template as a whole, as `templatefile` reads it. The expression is always an
/// [`ExprKind::Template`].
pub fn parse_template(source: SourceId, text: &str) -> Parse<Expr> {
    if let Some(span) = too_large(source, text) {
        return refuse(Expr::new(ExprKind::Error, span), span);
    }
    Parse::new(text, parser::parse_template(Place::At(source, 0), text))
}

/// Parses a template that was taken out of a source text, such as a string of a JSON file with its escapes resolved.
/// Every span in the result is `inside`, the place of the whole string.
pub fn parse_template_inside(inside: Span, text: &str) -> Parse<Expr> {
    if text.len() > MAX_LEN {
        return refuse(Expr::new(ExprKind::Error, inside), inside);
    }
    Parse::new(text, parser::parse_template(Place::Inside(inside), text))
}

fn too_large(source: SourceId, text: &str) -> Option<Span> {
    (text.len() > MAX_LEN).then(|| Span::new(source, 0, 0))
}

/// The result for a text that is not looked at.
fn refuse<T>(value: T, span: Span) -> Parse<T> {
    let diagnostics = parser::too_large(span).into();
    Parse::new("", Outcome { value, tree: Tree::default(), diagnostics })
}
