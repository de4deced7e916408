//! `resource`, `data` and `ephemeral` blocks.

use std::sync::Arc;

use ferroform_core::addr::{ModulePath, Resource, ResourceMode};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Span, Step, Value};
use ferroform_hcl::ast::{Block, Expr, ExprKind};

use super::content::{
    check_labels, check_name, literal_bool, place, unsupported_argument, unsupported_block,
};
use super::decode::{
    Context, depends_on, not_supported_yet, quoted_reference, remainder, static_chain, static_list,
};
use super::{IgnoreChanges, Lifecycle, ProviderRef, ResourceBlock, named};
use crate::reference::{Reference, Referent};

const META_ATTRIBUTES: &[&str] = &["count", "for_each", "provider", "depends_on"];
const META_BLOCKS: &[&str] = &["lifecycle", "provisioner", "connection", "locals"];
const LIFECYCLE: &[&str] =
    &["create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by"];

pub(super) fn resource(block: &Block, cx: &mut Context<'_>) -> Option<ResourceBlock> {
    let (type_label, name_label) = (block.labels.first()?, block.labels.get(1)?);
    let mode = match &*block.kind.name {
        "data" => ResourceMode::Data,
        "ephemeral" => ResourceMode::Ephemeral,
        _ => ResourceMode::Managed,
    };
    let diags = &mut *cx.diags;
    let valid = check_name(&type_label.name, type_label.span, "Invalid resource type", diags);
    if !check_name(&name_label.name, name_label.span, "Invalid resource name", diags) || !valid {
        return None;
    }
    if mode == ResourceMode::Ephemeral {
        diags.push(not_supported_yet("ephemeral blocks", block.header));
    }
    let body = &block.body;
    if let (Some(_), Some(for_each)) = (body.attribute("count"), body.attribute("for_each")) {
        diags.push(both_count_and_for_each(for_each.name.span));
    }
    let lifecycle = lifecycle(block, mode, cx);
    let diags = &mut *cx.diags;
    let mut provisioners = Vec::new();
    for nested in &body.blocks {
        match &*nested.kind.name {
            kind @ ("provisioner" | "connection") => {
                diags.push(not_supported_yet(&format!("{kind} blocks"), nested.header));
                provisioners.push(nested.clone());
            }
            "locals" => diags.push(
                Diagnostic::error("Reserved block type name in resource block")
                    .detail("The block type name \"locals\" is reserved for use by the language in a future version.")
                    .subject(nested.kind.span),
            ),
            _ => {}
        }
    }
    Some(ResourceBlock {
        addr: Resource { mode, type_name: type_label.name.clone(), name: name_label.name.clone() },
        count: body.attribute("count").map(|a| a.expr.clone()),
        for_each: body.attribute("for_each").map(|a| a.expr.clone()),
        provider: body.attribute("provider").and_then(|a| provider_ref(&a.expr, diags)),
        depends_on: body.attribute("depends_on").map(|a| depends_on(&a.expr, diags)).unwrap_or_default(),
        lifecycle,
        provisioners,
        check: None,
        header: block.header,
        module: ModulePath::root(),
        body: remainder(body, META_ATTRIBUTES, META_BLOCKS),
    })
}

pub(super) fn both_count_and_for_each(span: Span) -> Diagnostic {
    Diagnostic::error("Invalid combination of \"count\" and \"for_each\"")
        .detail(
            "The \"count\" and \"for_each\" meta-arguments are mutually-exclusive, only one should be used to be \
             explicit about the number of instances to be created.",
        )
        .subject(span)
}

/// `name` or `name.alias`.
pub(super) fn provider_ref(expr: &Expr, diags: &mut Diagnostics) -> Option<ProviderRef> {
    let reference = match &*expr.kind {
        ExprKind::Variable(name) => Some((name.clone(), None)),
        ExprKind::GetAttr { base, name: alias } => match &*base.kind {
            ExprKind::Variable(name) => Some((name.clone(), Some(alias.name.clone()))),
            _ => None,
        },
        // The quoted form of old.
        _ => expr.as_literal_str().and_then(|text| {
            let mut parts = text.split('.').map(Arc::<str>::from);
            let found = (parts.next()?, parts.next());
            parts.next().is_none().then_some(found)
        }),
    };
    let Some((name, alias)) = reference else {
        diags.push(
            Diagnostic::error("Invalid provider configuration reference")
                .detail(
                    "The provider argument requires a provider type name, optionally followed by a period and then a \
                     configuration alias.",
                )
                .subject(expr.span),
        );
        return None;
    };
    Some(ProviderRef { name, alias, span: expr.span })
}

fn lifecycle(block: &Block, mode: ResourceMode, cx: &mut Context<'_>) -> Lifecycle {
    let mut out = Lifecycle::default();
    let mut first: Option<&Block> = None;
    for nested in block.body.blocks_of("lifecycle") {
        if let Some(first) = first {
            let before = place(cx.sources, first.header);
            cx.diags.push(
                Diagnostic::error("Duplicate lifecycle block")
                    .detail(format!("This resource already has a lifecycle block at {before}."))
                    .subject(nested.header),
            );
            continue;
        }
        first = Some(nested);
        read_lifecycle(nested, mode, &mut out, cx.diags);
    }
    out
}

fn read_lifecycle(block: &Block, mode: ResourceMode, out: &mut Lifecycle, diags: &mut Diagnostics) {
    check_labels(block, &[], diags);
    for attribute in &block.body.attributes {
        let name = &*attribute.name.name;
        if !LIFECYCLE.contains(&name) {
            let known = LIFECYCLE.iter().copied();
            let is_block = matches!(name, "precondition" | "postcondition");
            diags.push(unsupported_argument(name, attribute.name.span, attribute.span, known, is_block));
            continue;
        }
        if mode != ResourceMode::Managed {
            diags.push(
                Diagnostic::error("Invalid data resource lifecycle argument")
                    .detail(format!(
                        "The lifecycle argument {name:?} is defined only for managed resources (\"resource\" blocks), \
                         and is not valid for data resources.",
                    ))
                    .subject(attribute.name.span),
            );
            continue;
        }
        let expr = &attribute.expr;
        match name {
            "create_before_destroy" => out.create_before_destroy = literal_bool(expr, diags),
            "prevent_destroy" => out.prevent_destroy = literal_bool(expr, diags).map(|b| (b, attribute.span)),
            "ignore_changes" => out.ignore_changes = ignore_changes(expr, diags),
            _ => out.replace_triggered_by = replace_triggered_by(expr, diags),
        }
    }
    for nested in &block.body.blocks {
        match &*nested.kind.name {
            "precondition" => out.preconditions.extend(named::condition(nested, diags)),
            "postcondition" => out.postconditions.extend(named::condition(nested, diags)),
            kind => {
                let known = ["precondition", "postcondition"];
                diags.push(unsupported_block(kind, nested.kind.span, known, LIFECYCLE.contains(&kind)));
            }
        }
    }
}

fn ignore_changes(expr: &Expr, diags: &mut Diagnostics) -> IgnoreChanges {
    if expr.as_keyword() == Some("all") {
        return IgnoreChanges::All;
    }
    let Some(items) = static_list(expr, diags) else { return IgnoreChanges::None };
    let mut paths = Vec::new();
    for item in items {
        match item.as_literal_str() {
            Some("*") => {
                diags.push(
                    Diagnostic::error("Invalid ignore_changes wildcard")
                        .detail("To ignore changes to all attributes, use the keyword \"all\": ignore_changes = all.")
                        .subject(item.span),
                );
            }
            Some(text) => {
                diags.push(quoted_reference(item.span));
                let mut path = AttrPath::root();
                for name in text.split('.') {
                    path = match name.parse::<usize>() {
                        Ok(index) => path.with_index(index),
                        Err(_) => path.with_attr(name),
                    };
                }
                paths.push((path, item.span));
            }
            None => paths.extend(relative_path(item, diags).map(|path| (path, item.span))),
        }
    }
    IgnoreChanges::Paths(paths)
}

/// An attribute of the block itself: `name`, `labels["a"]`, `network[0].ip`.
fn relative_path(expr: &Expr, diags: &mut Diagnostics) -> Option<AttrPath> {
    let chain = static_chain(expr, diags)?;
    let ExprKind::Variable(root) = &*chain.root.kind else { return None };
    let mut path = AttrPath::attr(root.clone());
    for step in &chain.steps {
        path = match &*step.kind {
            ExprKind::GetAttr { name, .. } => path.with_attr(name.name.clone()),
            ExprKind::Index { key, .. } => match (&*key.kind, key.as_literal_str()) {
                (ExprKind::Number(n), _) => path.with_step(Step::Index(Value::number(n.clone()))),
                (_, Some(text)) => path.with_key(text),
                _ => return None,
            },
            _ => return None,
        };
    }
    Some(path)
}

fn replace_triggered_by(expr: &Expr, diags: &mut Diagnostics) -> Vec<Expr> {
    let Some(items) = static_list(expr, diags) else { return Vec::new() };
    let mut out = Vec::new();
    for item in items {
        let checked = crate::reference::check_expr(item);
        if !checked.problems.is_empty() {
            diags.append(checked.problems);
            continue;
        }
        let is_managed =
            |r: &Reference| matches!(&r.referent, Referent::Resource(r) if r.mode == ResourceMode::Managed);
        let managed = checked.found.iter().filter(|(reference, _)| is_managed(reference)).count();
        let problem = (managed != 1).then_some(
            "A replace_triggered_by expression must be a single reference to a managed resource, one of its instances, \
             or an attribute of one.",
        );
        match problem {
            Some(detail) => diags.push(
                Diagnostic::error("Invalid replace_triggered_by expression")
                    .detail(detail)
                    .subject(item.span),
            ),
            None => out.push(item.clone()),
        }
    }
    out
}
