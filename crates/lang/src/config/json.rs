//! `.tf.json` and `.tfvars.json` files.

use std::sync::Arc;

use ferroform_core::{Diagnostics, SourceId};
use ferroform_hcl::ast::{Attribute, Body, Expr, ExprKind, ObjectItem, TemplatePart};
use ferroform_hcl::json::{self, Shape};

/// Which properties of a body are blocks, with the number of their labels.
struct Blocks(&'static [(&'static str, usize, &'static Blocks)]);

impl Shape for Blocks {
    fn block(&self, name: &str) -> Option<(usize, &dyn Shape)> {
        self.0
            .iter()
            .find(|(kind, _, _)| *kind == name)
            .map(|(_, labels, inner)| (*labels, *inner as &dyn Shape))
    }
}

const PLAIN: &Blocks = &Blocks(&[]);
const CONDITIONS: &Blocks = &Blocks(&[("precondition", 0, PLAIN), ("postcondition", 0, PLAIN)]);
/// `dynamic` blocks inside the content of `dynamic` blocks are read this many levels deep.
const DYNAMIC: &Blocks = &Blocks(&[("content", 0, INNER)]);
const INNER: &Blocks =
    &Blocks(&[("dynamic", 1, &Blocks(&[("content", 0, &Blocks(&[("dynamic", 1, CONTENT)]))]))]);
const CONTENT: &Blocks = &Blocks(&[("content", 0, PLAIN)]);
const RESOURCE: &Blocks = &Blocks(&[
    ("lifecycle", 0, CONDITIONS),
    ("provisioner", 1, &Blocks(&[("connection", 0, PLAIN)])),
    ("connection", 0, PLAIN),
    ("dynamic", 1, DYNAMIC),
]);
const FILE: &Blocks = &Blocks(&[
    (
        "terraform",
        0,
        &Blocks(&[
            ("backend", 1, PLAIN),
            ("cloud", 0, &Blocks(&[("workspaces", 0, PLAIN)])),
            ("required_providers", 0, PLAIN),
            ("provider_meta", 1, PLAIN),
        ]),
    ),
    ("provider", 1, INNER),
    ("variable", 1, &Blocks(&[("validation", 0, PLAIN)])),
    ("locals", 0, PLAIN),
    ("output", 1, CONDITIONS),
    ("module", 1, PLAIN),
    ("resource", 2, RESOURCE),
    ("data", 2, RESOURCE),
    ("ephemeral", 2, RESOURCE),
    ("moved", 0, PLAIN),
    ("import", 0, PLAIN),
    ("removed", 0, &Blocks(&[("lifecycle", 0, PLAIN), ("provisioner", 1, PLAIN)])),
    ("check", 1, &Blocks(&[("data", 2, RESOURCE), ("assert", 0, PLAIN)])),
]);

/// The body that a JSON file stands for.
pub(super) fn body(source: SourceId, text: &str) -> (Body, Diagnostics) {
    let (value, mut diags) = json::parse(source, text);
    let mut body = diags.take(json::body(&value, FILE));
    if diags.has_errors() {
        // A file that is no JSON gives no blocks; what follows from that need not be said.
        return (body, diags);
    }
    for block in &mut body.blocks {
        let kind = block.kind.name.clone();
        read_references(Arc::make_mut(&mut block.body), &kind, &mut diags);
    }
    (body, diags)
}

/// The expression that a JSON text stands for, strings taken as they are.
pub(crate) fn expr(source: SourceId, text: &str) -> (Expr, Diagnostics) {
    let (value, diags) = json::parse(source, text);
    (json::literal(&value), diags)
}

/// Arguments that are references or types rather than values are strings in JSON; here they become what they would be
/// in native syntax.
fn read_references(body: &mut Body, kind: &str, diags: &mut Diagnostics) {
    let names: &[&str] = match kind {
        "variable" => &["type"],
        "resource" | "data" | "ephemeral" => &["provider", "depends_on"],
        "module" => &["providers", "depends_on"],
        "output" => &["depends_on"],
        "lifecycle" => &["ignore_changes", "replace_triggered_by"],
        "dynamic" => &["iterator"],
        _ => &[],
    };
    for Attribute { name, expr, .. } in &mut body.attributes {
        if names.contains(&&*name.name) {
            *expr = native(expr, diags);
        }
    }
    for block in &mut body.blocks {
        let kind = block.kind.name.clone();
        read_references(Arc::make_mut(&mut block.body), &kind, diags);
    }
}

/// Strings read as expressions; lists and objects element by element.
fn native(expr: &Expr, diags: &mut Diagnostics) -> Expr {
    let kind = match &*expr.kind {
        ExprKind::Tuple(items) => ExprKind::Tuple(items.iter().map(|item| native(item, diags)).collect()),
        ExprKind::Object(items) => ExprKind::Object(
            items
                .iter()
                .map(|item| ObjectItem {
                    key: native(&item.key, diags),
                    bare: item.bare,
                    value: native(&item.value, diags),
                })
                .collect(),
        ),
        _ => {
            let Some(text) = expr.as_literal_str() else { return expr.clone() };
            let template = format!("${{{text}}}");
            let parsed = diags.take(ferroform_hcl::parse_template_inside(expr.span, &template).into_parts());
            return match &*parsed.kind {
                ExprKind::Template(parts) => match parts.as_slice() {
                    [TemplatePart::Interpolation(inner)] => inner.clone(),
                    _ => parsed,
                },
                _ => parsed,
            };
        }
    };
    Expr::new(kind, expr.span)
}
