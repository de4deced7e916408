//! `dynamic` blocks: blocks made for the elements of a collection.

use std::sync::Arc;

use ferroform_core::convert::convert;
use ferroform_core::schema::{NestedBlock, Nesting};
use ferroform_core::{Diagnostic, Marks, Type, Value, ValueKind};
use ferroform_hcl::ast::{Block, Body, Expr, ExprKind};

use super::collections::{Element, elements, is_iterable};
use super::decode::{Found, FoundBlock};
use super::{Env, Evaluator, Frame, unknown};
use crate::config::content::{Spec, check_labels};

const DYNAMIC: Spec = Spec {
    attributes: &[("for_each", true), ("iterator", false), ("labels", false)],
    blocks: &[("content", &[])],
};

impl Evaluator<'_> {
    /// Adds the blocks that a `dynamic` block makes.
    pub(super) fn dynamic(
        &mut self,
        block: &Block,
        nested: &NestedBlock,
        marks: Marks,
        env: Env<'_>,
        found: &mut Found,
    ) {
        if !check_labels(block, &["type"], &mut self.diags) {
            return;
        }
        DYNAMIC.check(&block.body, &mut self.diags);
        let Some(iterator) = self.iterator(block) else { return };
        let Some(content) = self.content(block) else { return };
        let Some(for_each) = block.body.attribute("for_each") else { return };
        let Some(source) = self.dynamic_source(&for_each.expr, env) else {
            found.unknown = true;
            return;
        };
        let marks = marks.union(source.marks());
        found.marks = found.marks.union(source.marks());
        let labels = block.body.attribute("labels").map(|a| &a.expr);
        let Some(elements) = elements(&source) else {
            // What is wrong with the content whatever the elements is said now.
            let element = Element { key: unknown(), value: unknown() };
            self.made(iterator, content, labels, element, nested, marks, env);
            found.unknown = true;
            return;
        };
        for element in elements {
            match self.made(iterator, content, labels, element, nested, marks, env) {
                Some((label, value)) => found.items.push(FoundBlock { label, value, span: block.header }),
                None => found.unknown = true,
            }
        }
    }

    /// The name for the current element.
    fn iterator<'b>(&mut self, block: &'b Block) -> Option<&'b str> {
        let name = crate::reference::dynamic_iterator(block);
        if name.is_none()
            && let Some(attribute) = block.body.attribute("iterator")
        {
            self.diags.push(
                Diagnostic::error("Invalid dynamic iterator name")
                    .detail("Dynamic iterator must be a single variable name.")
                    .subject(attribute.expr.span),
            );
        }
        name
    }

    fn content<'b>(&mut self, block: &'b Block) -> Option<&'b Arc<Body>> {
        let mut contents = block.body.blocks_of("content");
        let first = contents.next();
        if first.is_none() {
            self.diags.push(
                Diagnostic::error("Missing dynamic content block")
                    .detail("A dynamic block needs a \"content\" block that describes the blocks to make.")
                    .subject(block.body.end),
            );
        }
        if let Some(second) = contents.next() {
            self.diags.push(
                Diagnostic::error("Extraneous dynamic content block")
                    .detail("Only one nested content block is allowed for each dynamic block.")
                    .subject(second.header),
            );
        }
        first.map(|content| &content.body)
    }

    /// What is gone through, known or not; none when it is wrong.
    fn dynamic_source(&mut self, expr: &Expr, env: Env<'_>) -> Option<Value> {
        let before = self.errors();
        let source = self.expr(expr, env);
        if self.errors() > before {
            return None;
        }
        let problem = match source.kind() {
            ValueKind::Null(_) => "Cannot use a null value in for_each.".to_owned(),
            ValueKind::Unknown(Type::Dynamic, _) => return Some(source),
            _ => {
                let ty = source.ty();
                if is_iterable(&ty) {
                    return Some(source);
                }
                format!(
                    "Cannot use a {} value in for_each. An iterable collection is required.",
                    ty.friendly_name()
                )
            }
        };
        self.report(
            Diagnostic::error("Invalid dynamic for_each value").detail(problem).subject(expr.span),
            expr,
            env,
        );
        None
    }

    /// The block made for an element, with its label; none if the label is not known or wrong.
    fn made(
        &mut self,
        iterator: &str,
        content: &Body,
        labels: Option<&Expr>,
        element: Element,
        nested: &NestedBlock,
        marks: Marks,
        env: Env<'_>,
    ) -> Option<(Option<Arc<str>>, Value)> {
        let value = Value::object([("key", element.key), ("value", element.value)]);
        let frame = Frame { name: Some(iterator), value, outer: env };
        let inner = Some(&frame);
        let label = match (nested.nesting, labels) {
            (Nesting::Map, Some(labels)) => Some(self.label(labels, inner)?),
            _ => None,
        };
        Some((label, self.body(content, &nested.block, marks, inner)))
    }

    fn label(&mut self, labels: &Expr, env: Env<'_>) -> Option<Arc<str>> {
        let before = self.errors();
        let expr = match &*labels.kind {
            ExprKind::Tuple(items) if items.len() == 1 => items.first()?,
            _ => {
                self.diags.push(
                    Diagnostic::error("Invalid dynamic block labels")
                        .detail("The labels must be a list of exactly one string.")
                        .subject(labels.span),
                );
                return None;
            }
        };
        let value = self.expr(expr, env);
        if self.errors() > before {
            return None;
        }
        let problem = match convert(&value, &Type::String).map(Value::into_kind) {
            Ok(ValueKind::String(_)) if !value.marks().is_empty() => {
                "Cannot use a sensitive value as a block label.".to_owned()
            }
            Ok(ValueKind::String(label)) => return Some(label),
            Ok(ValueKind::Null(_)) => "Cannot use a null value as a dynamic block label.".to_owned(),
            Ok(_) => "This value is not yet known. Dynamic block labels must be immediately-known values."
                .to_owned(),
            Err(error) => format!("Cannot use this value as a dynamic block label: {}.", error.message),
        };
        self.report(
            Diagnostic::error("Invalid dynamic block label").detail(problem).subject(expr.span),
            expr,
            env,
        );
        None
    }
}
