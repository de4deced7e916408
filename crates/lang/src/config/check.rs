//! `check` blocks: assertions that are told about and stop nothing.

use std::sync::Arc;

use ferroform_core::addr::{Resource, ResourceMode};
use ferroform_core::{Diagnostic, Span};
use ferroform_hcl::ast::Block;

use super::content::{Spec, check_name};
use super::decode::Context;
use super::{Condition, Module, ResourceBlock, named, resource};

const CHECK: Spec = Spec { attributes: &[], blocks: &[("data", &["type", "name"]), ("assert", &[])] };

/// A `check` block.
#[derive(Debug, Clone)]
pub struct CheckBlock {
    /// The name.
    pub name: Arc<str>,
    /// The data source that nothing but the assertions sees; declared among the module's resources.
    pub data: Option<Resource>,
    /// What must hold.
    pub asserts: Vec<Condition>,
    /// The header of the block.
    pub span: Span,
}

/// Decodes a block; its data source goes to the other resources of the module.
pub(super) fn check(block: &Block, cx: &mut Context<'_>) -> Option<(CheckBlock, Option<ResourceBlock>)> {
    let label = block.labels.first()?;
    if !check_name(&label.name, label.span, "Invalid check block name", cx.diags) {
        return None;
    }
    CHECK.check(&block.body, cx.diags);
    let mut data = None;
    for nested in block.body.blocks_of("data") {
        if data.is_some() {
            cx.diags.push(
                Diagnostic::error("Multiple data resource blocks")
                    .detail(format!(
                        "The check {:?} has a data source already, and it can have one only. Write another check for the \
                         other.",
                        &*label.name
                    ))
                    .subject(nested.header),
            );
            continue;
        }
        for name in ["count", "for_each"] {
            if let Some(attribute) = nested.body.attribute(name) {
                cx.diags.push(
                    Diagnostic::error(format!("Invalid {name:?} attribute"))
                        .detail("A data source inside of a check is a single one: it has neither count nor for_each.")
                        .subject(attribute.span),
                );
            }
        }
        for lifecycle in nested.body.blocks_of("lifecycle") {
            cx.diags.push(
                Diagnostic::error("Invalid lifecycle block")
                    .detail("A data source inside of a check has no lifecycle block: the check says when it is read, and what must hold.")
                    .subject(lifecycle.header),
            );
        }
        data = resource::resource(nested, cx)
            .map(|found| ResourceBlock { check: Some(label.name.clone()), ..found });
    }
    let mut written = block.body.blocks_of("assert").peekable();
    if written.peek().is_none() {
        cx.diags.push(
            Diagnostic::error("Zero assert blocks")
                .detail("A check without an assert block checks nothing. Add one.")
                .subject(block.header),
        );
    }
    let asserts = written.filter_map(|nested| named::condition(nested, cx.diags)).collect();
    let addr = data.as_ref().map(|found| found.addr.clone()).filter(|addr| addr.mode == ResourceMode::Data);
    Some((CheckBlock { name: label.name.clone(), data: addr, asserts, span: block.header }, data))
}

/// Adds a check and its data source to a module.
pub(super) fn add(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    let Some((found, data)) = check(block, cx) else { return };
    if let Some(before) = module.checks.get(&found.name) {
        let what = format!("A check block named {:?}", &*found.name);
        let unique = "Check blocks must have unique names in each module.";
        let summary = format!("Duplicate check {:?} configuration", &*found.name);
        return cx.duplicate(summary, &what, before.span, unique, block.header);
    }
    if let Some(data) = data {
        super::decode::insert_resource(data, "data", module, cx);
    }
    module.checks.insert(found.name.clone(), found);
}
