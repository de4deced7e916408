//! JSON as another way to write configuration (`.tf.json`, `.tfvars.json`).
//!
//! What a property of an object is, an argument or blocks, cannot be told from the JSON alone; so [`parse`] gives a
//! tree with spans, and whoever knows the [`Shape`] of a body turns it into the [`crate::ast`] with [`body`].

mod parse;

use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics, Number, Span};
use rustc_hash::FxHashSet;

use crate::ast::{Attribute, Block, Body, Expr, ExprKind, Ident, ObjectItem, TemplatePart};
use crate::parser::{self, Place};

pub use parse::parse;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Where it is written, with quotes and brackets.
    pub span: Span,
}

/// The kinds of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`; also what stands for a text that is wrong.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Text),
    /// `[…]`
    Array(Vec<Value>),
    /// `{…}` with its properties as they are written, repetitions included.
    Object(Vec<Property>),
}

/// The content of a string, its escapes resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The content.
    pub value: Arc<str>,
    /// Where the string is written, with its quotes.
    pub span: Span,
    /// Written without escapes, so that offsets in the content are offsets in the source.
    plain: bool,
}

/// `"name": value`
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// The name.
    pub name: Text,
    /// The value.
    pub value: Value,
}

/// What the properties of an object mean that stands for a body.
pub trait Shape {
    /// If the property of this name stands for blocks: how many labels they have, and the shape of their bodies.
    /// Otherwise it is an argument.
    fn block(&self, name: &str) -> Option<(usize, &dyn Shape)>;
}

/// The shape of a body that holds arguments only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arguments;

impl Shape for Arguments {
    fn block(&self, _name: &str) -> Option<(usize, &dyn Shape)> {
        None
    }
}

/// The value as an expression whose strings and names of properties are templates, as everywhere in configuration.
pub fn expr(value: &Value) -> (Expr, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let expr = Lowering { templates: true, diagnostics: &mut diagnostics }.expr(value);
    (expr, diagnostics)
}

/// The value as an expression whose strings are taken as they are, as in `.tfvars.json`.
pub fn literal(value: &Value) -> Expr {
    Lowering { templates: false, diagnostics: &mut Diagnostics::new() }.expr(value)
}

/// The body that an object, or an array of objects whose properties count together, stands for. Properties named
/// `//` are comments.
pub fn body(value: &Value, shape: &dyn Shape) -> (Body, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let body = Lowering { templates: true, diagnostics: &mut diagnostics }.body(value, shape);
    (body, diagnostics)
}

/// The bodies of blocks that were taken for an argument, because their shape was not known when [`body`] was called:
/// the expression's object, or each of the objects of its list. Nothing if the expression does not come from JSON
/// objects with constant names. Null stands for no block.
pub fn blocks_of(expr: &Expr) -> Option<Vec<Body>> {
    match &*expr.kind {
        ExprKind::Null => Some(Vec::new()),
        ExprKind::Tuple(items) => items.iter().map(body_of).collect(),
        _ => Some(vec![body_of(expr)?]),
    }
}

fn body_of(expr: &Expr) -> Option<Body> {
    let ExprKind::Object(items) = &*expr.kind else { return None };
    let mut attributes = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| item.key.as_literal_str() != Some("//")) {
        let name = Ident { name: item.key.as_literal_str()?.into(), span: item.key.span };
        attributes.push(Attribute {
            name,
            expr: item.value.clone(),
            span: item.key.span.to(item.value.span),
        });
    }
    Some(Body { attributes, blocks: Vec::new(), span: expr.span, end: closing(expr.span) })
}

/// The closing bracket of a span that ends with one.
fn closing(span: Span) -> Span {
    Span { start: span.end.saturating_sub(1).max(span.start), ..span }
}

struct Lowering<'d> {
    templates: bool,
    diagnostics: &'d mut Diagnostics,
}

impl Lowering<'_> {
    fn expr(&mut self, value: &Value) -> Expr {
        let kind = match &value.kind {
            Kind::Null => ExprKind::Null,
            Kind::Bool(b) => ExprKind::Bool(*b),
            Kind::Number(n) => ExprKind::Number(n.clone()),
            Kind::String(text) => return self.text(text),
            Kind::Array(items) => ExprKind::Tuple(items.iter().map(|item| self.expr(item)).collect()),
            Kind::Object(properties) => {
                self.report_repetitions(properties);
                let item = |p: &Property| ObjectItem {
                    key: self.text(&p.name),
                    bare: false,
                    value: self.expr(&p.value),
                };
                ExprKind::Object(properties.iter().map(item).collect())
            }
        };
        Expr::new(kind, value.span)
    }

    /// Unlike the native syntax, JSON lets no attribute of an object be given twice.
    fn report_repetitions(&mut self, properties: &[Property]) {
        let mut seen = FxHashSet::default();
        for Property { name, value } in properties {
            if !seen.insert(&*name.value) {
                self.diagnostics.push(
                    Diagnostic::error("Duplicate object attribute")
                        .detail(format!("The attribute {:?} is given already in this object.", name.value))
                        .subject(name.span)
                        .context(name.span.to(value.span)),
                );
            }
        }
    }

    fn text(&mut self, text: &Text) -> Expr {
        let whole = text.span;
        if !self.templates || !text.value.contains(['$', '%']) {
            let literal = crate::template::normalised(&text.value);
            let parts =
                if literal.is_empty() { Vec::new() } else { vec![TemplatePart::Literal(literal, whole)] };
            return Expr::new(ExprKind::Template(parts), whole);
        }
        let place = if text.plain {
            Place::At(whole.source, whole.start.saturating_add(1))
        } else {
            Place::Inside(whole)
        };
        let outcome = parser::parse_template(place, &text.value);
        self.diagnostics.append(outcome.diagnostics);
        Expr { span: whole, ..outcome.value }
    }

    /// The properties of an object or of all objects in an array.
    fn properties<'v>(&mut self, value: &'v Value, wanted: &str) -> Vec<&'v Property> {
        let mut found = Vec::new();
        match &value.kind {
            Kind::Null => {}
            Kind::Object(properties) => found.extend(properties),
            Kind::Array(items) => {
                for item in items {
                    match &item.kind {
                        Kind::Object(properties) => found.extend(properties),
                        _ => self.wrong_type(item, format!("An object is expected here, {wanted}.")),
                    }
                }
            }
            _ => self
                .wrong_type(value, format!("An object or an array of objects is expected here, {wanted}.")),
        }
        found
    }

    fn wrong_type(&mut self, value: &Value, detail: String) {
        self.diagnostics
            .push(Diagnostic::error("Incorrect JSON value type").detail(detail).subject(value.span));
    }

    fn body(&mut self, value: &Value, shape: &dyn Shape) -> Body {
        let mut attributes = Vec::new();
        let mut blocks = Vec::new();
        let mut seen = FxHashSet::default();
        for property in self.properties(value, "which holds the arguments and blocks") {
            let Property { name: Text { value: name, span, .. }, value } = property;
            if &**name == "//" {
                continue;
            }
            let ident = Ident { name: name.clone(), span: *span };
            if let Some((labels, inside)) = shape.block(name) {
                let mut prefix = Vec::new();
                self.blocks(&ident, labels, &mut prefix, value, inside, &mut blocks);
            } else if seen.insert(name.clone()) {
                attributes.push(Attribute { name: ident, expr: self.expr(value), span: span.to(value.span) });
            } else {
                self.diagnostics.push(
                    Diagnostic::error("Duplicate argument")
                        .detail(format!(
                            "The argument {name:?} is set already. Each argument may be set once only."
                        ))
                        .subject(*span)
                        .context(span.to(value.span)),
                );
            }
        }
        Body { attributes, blocks, span: value.span, end: closing(value.span) }
    }

    /// Blocks below a property: an object for each label, then an object a block.
    fn blocks(
        &mut self,
        kind: &Ident,
        missing: usize,
        labels: &mut Vec<Ident>,
        value: &Value,
        shape: &dyn Shape,
        found: &mut Vec<Block>,
    ) {
        if missing > 0 {
            let properties = self.properties(value, "whose names are labels of the block");
            if properties.is_empty()
                && !matches!(value.kind, Kind::Bool(_) | Kind::Number(_) | Kind::String(_))
            {
                self.diagnostics.push(
                    Diagnostic::error("Missing block label")
                        .detail(format!(
                            "An object with at least one property is expected here, whose name is a label of the {:?} \
                             block.",
                            kind.name
                        ))
                        .subject(value.span),
                );
            }
            for property in properties {
                labels.push(Ident { name: property.name.value.clone(), span: property.name.span });
                self.blocks(kind, missing - 1, labels, &property.value, shape, found);
                labels.pop();
            }
            return;
        }
        let bodies = match &value.kind {
            Kind::Null => return,
            Kind::Object(_) => std::slice::from_ref(value),
            Kind::Array(items) => items,
            _ => {
                let detail = format!(
                    "An object or an array is expected here, with the content of {:?} blocks.",
                    kind.name
                );
                return self.wrong_type(value, detail);
            }
        };
        let header = labels.last().map_or(kind.span, |last| kind.span.to(last.span));
        for inside in bodies {
            let body = Arc::new(self.body(inside, shape));
            let span = kind.span.to(inside.span);
            found.push(Block { kind: kind.clone(), labels: labels.clone(), body, header, span });
        }
    }
}
