//! From a body to the value that its schema describes.

use std::sync::Arc;

use ferroform_core::convert::convert;
use ferroform_core::schema::{Attribute, Block as BlockSchema, NestedAttribute, NestedBlock, Nesting};
use ferroform_core::types::ObjectType;
use ferroform_core::{Diagnostic, Diagnostics, Entries, Marks, Span, Type, Value};
use ferroform_hcl::ast::{self, Body};

use super::{Env, Evaluator, Names, Scope};
use crate::config::content::{check_labels, missing_argument, unsupported_argument, unsupported_block};

/// The value of a body, of the type that its schema implies; `dynamic` blocks are expanded. Where something is wrong
/// the value inside is unknown. Marks lie on the values inside, not on the whole.
pub fn decode_body(body: &Body, schema: &BlockSchema, scope: &dyn Scope) -> (Value, Diagnostics) {
    let mut evaluator = Evaluator::new(Names::Scope(scope));
    let value = evaluator.body(body, schema, Marks::NONE, None);
    (value, evaluator.diags)
}

/// The blocks of one type, decoded.
pub(super) struct Found {
    pub(super) items: Vec<FoundBlock>,
    /// A `dynamic` block whose elements are not known: the value as a whole cannot be known.
    pub(super) unknown: bool,
    /// Marks of what the `dynamic` blocks went through.
    pub(super) marks: Marks,
}

pub(super) struct FoundBlock {
    pub(super) label: Option<Arc<str>>,
    pub(super) value: Value,
    pub(super) span: Span,
}

impl Evaluator<'_> {
    /// Decodes a body. `marks` are put on every argument: what a surrounding `dynamic` block goes through.
    pub(crate) fn body(&mut self, body: &Body, schema: &BlockSchema, marks: Marks, env: Env<'_>) -> Value {
        self.unexpected(body, schema);
        let mut out = Entries::with_capacity(schema.attributes.len() + schema.blocks.len());
        for (name, attribute) in &schema.attributes {
            let value = match body.attribute(name) {
                Some(given) => self.attribute(given, attribute, marks, env),
                None => match as_block(name, attribute, body) {
                    Some(nested) => self.blocks(body, name, &nested, marks, env),
                    None => {
                        if attribute.required {
                            self.diags.push(missing_argument(name, body.end));
                        }
                        Value::null(attribute.ty.clone())
                    }
                },
            };
            out.insert(name.clone(), value);
        }
        for (name, nested) in &schema.blocks {
            out.insert(name.clone(), self.blocks(body, name, nested, marks, env));
        }
        Value::from_attributes(out)
    }

    /// Reports arguments and blocks that the schema does not have.
    fn unexpected(&mut self, body: &Body, schema: &BlockSchema) {
        for given in &body.attributes {
            let name = &*given.name.name;
            if !schema.attributes.contains_key(name) && !is_json_block(given, schema) {
                let known = schema.attributes.iter().filter(|(_, a)| a.is_configurable()).map(|(n, _)| &**n);
                let is_block = schema.blocks.contains_key(name);
                self.diags.push(unsupported_argument(name, given.name.span, given.span, known, is_block));
            }
        }
        for block in &body.blocks {
            let (kind, at) = match (&*block.kind.name, block.labels.first()) {
                ("dynamic", Some(label)) => (&*label.name, label.span),
                ("dynamic", None) => {
                    check_labels(block, &["type"], &mut self.diags);
                    continue;
                }
                (kind, _) => (kind, block.kind.span),
            };
            if schema.blocks.contains_key(kind) {
                continue;
            }
            let attribute = schema.attributes.get(kind);
            if attribute.is_some_and(|a| objects_of(&a.ty).is_some() && a.nested.is_none()) {
                continue;
            }
            let known = schema.blocks.keys().map(|k| &**k);
            self.diags.push(unsupported_block(kind, at, known, attribute.is_some()));
        }
    }

    fn attribute(&mut self, given: &ast::Attribute, schema: &Attribute, marks: Marks, env: Env<'_>) -> Value {
        let name = &*given.name.name;
        let fallback = || Value::unknown(schema.ty.clone());
        let before = self.errors();
        let value = self.expr(&given.expr, env);
        if self.errors() > before {
            return fallback();
        }
        if self.report_unconfigurable && !schema.is_configurable() && !value.is_null() {
            self.diags.push(
                Diagnostic::error("Value for unconfigurable attribute")
                    .detail(format!(
                        "Can't configure a value for {name:?}: its value will be decided automatically based on the \
                         result of applying this configuration.",
                    ))
                    .subject(given.name.span)
                    .context(given.span),
            );
            return fallback();
        }
        let converted = match &schema.nested {
            Some(nested) => convert(&value, &nested_constraint(nested)),
            None => convert(&value, &schema.ty),
        };
        match converted {
            Ok(value) => {
                if value.is_null() && schema.required {
                    let problem = Diagnostic::error("Missing required argument")
                        .detail(format!("The argument {name:?} is required, but its value is null."))
                        .subject(given.expr.span)
                        .context(given.span);
                    self.report(problem, &given.expr, env);
                }
                value.with_marks(marks)
            }
            Err(error) => {
                let problem = Diagnostic::error("Incorrect attribute value type")
                    .detail(format!("Inappropriate value for attribute {name:?}: {}.", error.message))
                    .subject(given.expr.span)
                    .context(given.span);
                self.report(problem, &given.expr, env);
                fallback()
            }
        }
    }

    /// All blocks of a type as one value.
    fn blocks(
        &mut self,
        body: &Body,
        name: &Arc<str>,
        nested: &NestedBlock,
        marks: Marks,
        env: Env<'_>,
    ) -> Value {
        let mut found = Found { items: Vec::new(), unknown: false, marks: Marks::NONE };
        if let Some(given) = body.attribute(name)
            && is_from_json(given)
        {
            self.json_blocks(given, nested, marks, env, &mut found);
        }
        for block in &body.blocks {
            if block.kind.name == *name {
                let labels: &[&str] = if nested.nesting == Nesting::Map { &["key"] } else { &[] };
                if check_labels(block, labels, &mut self.diags) {
                    let value = self.body(&block.body, &nested.block, marks, env);
                    let label = block.labels.first().map(|label| label.name.clone());
                    found.items.push(FoundBlock { label, value, span: block.header });
                }
            } else if &*block.kind.name == "dynamic" && block.labels.first().is_some_and(|l| l.name == *name)
            {
                self.dynamic(block, nested, marks, env, &mut found);
            }
        }
        if found.unknown {
            return Value::unknown(nested.implied_type()).with_marks(found.marks);
        }
        self.check_number(&found, name, nested, body);
        let Found { items, marks, .. } = found;
        match nested.nesting {
            Nesting::Single => match items.into_iter().next() {
                Some(item) => item.value,
                None => Value::null(nested.implied_type()),
            },
            Nesting::Group => match items.into_iter().next() {
                Some(item) => item.value,
                None => empty(&nested.block),
            },
            Nesting::List => {
                Value::list(nested.block.implied_type(), items.into_iter().map(|item| item.value))
            }
            Nesting::Set => Value::set(nested.block.implied_type(), items.into_iter().map(|item| item.value)),
            Nesting::Map => {
                let mut entries = Entries::new();
                for item in items {
                    let Some(label) = item.label else { continue };
                    if entries.contains_key(&label) {
                        self.diags.push(
                            Diagnostic::error(format!("Duplicate {name} block"))
                                .detail(format!(
                                    "There is another {name} block with the label {:?}.",
                                    &*label
                                ))
                                .subject(item.span),
                        );
                    }
                    entries.insert(label, item.value);
                }
                Value::map(nested.block.implied_type(), entries)
            }
        }
        // Without elements there is nothing inside that could carry what the empty collection gives away.
        .with_marks(marks)
    }

    /// Blocks in a JSON file, where only the schema tells them from arguments.
    fn json_blocks(
        &mut self,
        given: &ast::Attribute,
        nested: &NestedBlock,
        marks: Marks,
        env: Env<'_>,
        found: &mut Found,
    ) {
        let mut add = |label: Option<Arc<str>>, expr: &ast::Expr| match ferroform_hcl::json::blocks_of(expr) {
            Some(bodies) => {
                for body in bodies {
                    let value = self.body(&body, &nested.block, marks, env);
                    found.items.push(FoundBlock { label: label.clone(), value, span: expr.span });
                }
            }
            None => self.diags.push(
                Diagnostic::error("Incorrect JSON value type")
                    .detail("A JSON object is required here, or a list of objects, to stand for blocks.")
                    .subject(expr.span),
            ),
        };
        match (nested.nesting, &*given.expr.kind) {
            (Nesting::Map, ast::ExprKind::Object(items)) => {
                for item in items {
                    add(item.key.as_literal_str().map(Into::into), &item.value);
                }
            }
            _ => add(None, &given.expr),
        }
    }

    fn check_number(&mut self, found: &Found, name: &str, nested: &NestedBlock, body: &Body) {
        let number = found.items.len() as u64;
        if matches!(nested.nesting, Nesting::Single | Nesting::Group) {
            if let Some(second) = found.items.get(1) {
                self.diags.push(
                    Diagnostic::error(format!("Duplicate {name} block"))
                        .detail(format!("Only one block of type {name:?} is allowed."))
                        .subject(second.span),
                );
            }
            if number == 0 && nested.min_items > 0 {
                self.diags.push(
                    Diagnostic::error(format!("Missing {name} block"))
                        .detail(format!("A block of type {name:?} is required here."))
                        .subject(body.end),
                );
            }
            return;
        }
        if number < nested.min_items {
            self.diags.push(
                Diagnostic::error(format!("Insufficient {name} blocks"))
                    .detail(format!("At least {} {name:?} blocks are required.", nested.min_items))
                    .subject(body.end),
            );
        }
        if nested.max_items > 0
            && let Some(surplus) = usize::try_from(nested.max_items).ok().and_then(|max| found.items.get(max))
        {
            self.diags.push(
                Diagnostic::error(format!("Too many {name} blocks"))
                    .detail(format!("No more than {} {name:?} blocks are allowed.", nested.max_items))
                    .subject(surplus.span),
            );
        }
    }
}

/// Whether an argument comes from a JSON file: its name is in quotes there, which the span takes in.
fn is_from_json(given: &ast::Attribute) -> bool {
    let written = given.name.span.end.saturating_sub(given.name.span.start);
    written as usize > given.name.name.len()
}

fn is_json_block(given: &ast::Attribute, schema: &BlockSchema) -> bool {
    schema.blocks.contains_key(&given.name.name) && is_from_json(given)
}

/// The object of a block that is not given.
fn empty(schema: &BlockSchema) -> Value {
    let attributes = schema.attributes.iter().map(|(name, a)| (name.clone(), Value::null(a.ty.clone())));
    let blocks = schema.blocks.iter().map(|(name, nested)| {
        let value = match nested.nesting {
            Nesting::Single => Value::null(nested.implied_type()),
            Nesting::Group => empty(&nested.block),
            Nesting::List => Value::list(nested.block.implied_type(), []),
            Nesting::Set => Value::set(nested.block.implied_type(), []),
            Nesting::Map => Value::map(nested.block.implied_type(), std::iter::empty::<(Arc<str>, Value)>()),
        };
        (name.clone(), value)
    });
    Value::object(attributes.chain(blocks))
}

/// The element type of a list or set of objects.
fn objects_of(ty: &Type) -> Option<&Arc<ObjectType>> {
    match ty {
        Type::List(element) | Type::Set(element) => match &**element {
            Type::Object(object) => Some(object),
            _ => None,
        },
        _ => None,
    }
}

/// An attribute that is a list or set of objects may be written as blocks instead, as of old.
fn as_block(name: &str, attribute: &Attribute, body: &Body) -> Option<NestedBlock> {
    let object = objects_of(&attribute.ty)?;
    let is_given = |b: &ast::Block| {
        &*b.kind.name == name
            || (&*b.kind.name == "dynamic" && b.labels.first().is_some_and(|label| &*label.name == name))
    };
    if attribute.nested.is_some() || !attribute.is_configurable() || !body.blocks.iter().any(is_given) {
        return None;
    }
    let attributes =
        object.attributes.iter().map(|(name, ty)| (name.clone(), Attribute::optional(ty.clone())));
    let nesting = if matches!(attribute.ty, Type::Set(_)) { Nesting::Set } else { Nesting::List };
    Some(NestedBlock::new(nesting, BlockSchema::of(attributes)))
}

/// What a value for nested attributes is converted to: attributes that are not required may be left out.
fn nested_constraint(nested: &NestedAttribute) -> Type {
    let attributes = nested.attributes.iter().map(|(name, a)| {
        let ty = a.nested.as_ref().map_or_else(|| a.ty.clone(), |inner| nested_constraint(inner));
        (name.clone(), ty)
    });
    let optional = nested.attributes.iter().filter(|(_, a)| !a.required).map(|(name, _)| name.clone());
    let object = Type::object_with_optional(attributes, optional);
    match nested.nesting {
        Nesting::Single | Nesting::Group => object,
        Nesting::List => Type::list(object),
        Nesting::Set => Type::set(object),
        Nesting::Map => Type::map(object),
    }
}
