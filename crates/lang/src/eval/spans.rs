//! From the path of an attribute back to the text that sets it.

use ferroform_core::number::Number;
use ferroform_core::{AttrPath, Span, Step, Value};
use ferroform_hcl::ast::{Block, Body, Expr, ExprKind};

/// Where a body sets the attribute at a path, or the nearest thing around it; none when the body says nothing of the
/// path's first step.
pub fn span_in_body(body: &Body, path: &AttrPath) -> Option<Span> {
    let (first, rest) = path.steps().split_first()?;
    let Step::Attr(name) = first else { return None };
    if let Some(attribute) = body.attribute(name) {
        return Some(span_in_expr(&attribute.expr, rest));
    }
    let blocks: Vec<&Block> = body
        .blocks
        .iter()
        .filter(|b| {
            b.kind.name == *name
                || (&*b.kind.name == "dynamic" && b.labels.first().is_some_and(|label| label.name == *name))
        })
        .collect();
    let only = blocks.first()?;
    let (block, rest) = match rest.split_first() {
        Some((Step::Index(key), rest)) => (numbered(&blocks, key).unwrap_or(only), rest),
        _ => (*only, rest),
    };
    let content = match &*block.kind.name {
        "dynamic" => block.body.blocks_of("content").next().map(|content| &content.body),
        _ => Some(&block.body),
    };
    content.and_then(|body| span_in_body(body, &AttrPath(rest.to_vec()))).or(Some(block.header))
}

/// The block with a position or label, or of a set the one that writes the element. Behind a `dynamic` block positions
/// cannot be told.
fn numbered<'b>(blocks: &[&'b Block], key: &Value) -> Option<&'b Block> {
    if key.as_map().is_some() {
        let dynamic = |block: &&&Block| &*block.kind.name == "dynamic";
        let written = blocks.iter().find(|block| !dynamic(block) && may_write(&block.body, key));
        return written.or_else(|| blocks.iter().find(dynamic)).copied();
    }
    if let Some(label) = key.as_str() {
        return blocks.iter().find(|b| b.labels.iter().any(|l| &*l.name == label)).copied();
    }
    let at = key.as_number()?.to_usize()?;
    let plain = blocks.iter().take(at.saturating_add(1)).all(|b| &*b.kind.name != "dynamic");
    let dynamic = || blocks.iter().find(|b| &*b.kind.name == "dynamic");
    if plain { blocks.get(at).copied() } else { dynamic().copied() }
}

/// Whether a block may be the one that an element comes of: what it writes out is what the element has.
fn may_write(body: &Body, element: &Value) -> bool {
    body.attributes
        .iter()
        .all(|attribute| element.get(&attribute.name.name).is_none_or(|value| may_be(&attribute.expr, value)))
}

/// Whether an expression may have a value; one that is not written out may have any.
fn may_be(expr: &Expr, value: &Value) -> bool {
    let number = |text: &str| text.parse().ok().is_some_and(|n: Number| value.as_number() == Some(&n));
    match &*expr.kind {
        ExprKind::Parens(inner) => may_be(inner, value),
        ExprKind::Null => value.is_null(),
        ExprKind::Bool(written) => {
            value.as_bool().is_some_and(|b| b == *written)
                || value.as_str() == Some(if *written { "true" } else { "false" })
        }
        ExprKind::Number(written) => {
            value.as_number() == Some(written) || value.as_str().is_some_and(|s| *s == *written.to_string())
        }
        ExprKind::Template(_) => {
            expr.as_literal_str().is_none_or(|text| value.as_str() == Some(text) || number(text))
        }
        // The elements of a set are in an order of their own.
        ExprKind::Tuple(items) => value
            .as_slice()
            .is_none_or(|values| items.iter().all(|item| values.iter().any(|value| may_be(item, value)))),
        _ => true,
    }
}

fn span_in_expr(expr: &Expr, path: &[Step]) -> Span {
    let Some((first, rest)) = path.split_first() else { return expr.span };
    let inner = match (&*expr.kind, first) {
        (ExprKind::Parens(inner), _) => return span_in_expr(inner, path),
        (ExprKind::Object(items), Step::Attr(_) | Step::Index(_)) => {
            let name = match first {
                Step::Attr(name) => Some(&**name),
                Step::Index(key) => key.as_str(),
            };
            let is_key =
                |key: &Expr| key.as_keyword().or(key.as_literal_str()).is_some_and(|k| Some(k) == name);
            items.iter().rev().find(|item| is_key(&item.key)).map(|item| &item.value)
        }
        (ExprKind::Tuple(items), Step::Index(key)) => {
            key.as_number().and_then(|n| n.to_usize()).and_then(|at| items.get(at))
        }
        _ => None,
    };
    inner.map_or(expr.span, |inner| span_in_expr(inner, rest))
}
