//! Override files: their blocks replace parts of the blocks in the other files.

use std::collections::HashMap;
use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics, Span};
use ferroform_hcl::ast::{Block, Body};

use super::content::unsupported_argument;

/// All top-level blocks of the files, with those of the override files merged in. Arguments at top level are reported.
pub(super) fn merge(primary: Vec<Body>, over: Vec<Body>, diags: &mut Diagnostics) -> Vec<Block> {
    for attribute in primary.iter().chain(&over).flat_map(|body| &body.attributes) {
        let name = &*attribute.name.name;
        let is_block = super::decode::TOP_LEVEL.iter().any(|(kind, _)| *kind == name);
        diags.push(unsupported_argument(name, attribute.name.span, attribute.span, [], is_block));
    }
    let mut blocks: Vec<Block> = primary.into_iter().flat_map(|body| body.blocks).collect();
    if over.is_empty() {
        return blocks;
    }
    let index: HashMap<Key, usize> =
        blocks.iter().enumerate().rev().map(|(i, block)| (key(block), i)).collect();
    for block in over.into_iter().flat_map(|body| body.blocks) {
        match &*block.kind.name {
            "locals" => override_locals(&mut blocks, &block, diags),
            "terraform" => override_settings(&mut blocks, block),
            "moved" | "import" | "removed" | "check" => diags.push(
                Diagnostic::error(format!("Cannot override '{}' blocks", block.kind.name))
                    .detail("Blocks of this type can appear only in normal files, not in override files.")
                    .subject(block.header),
            ),
            kind => match index.get(&key(&block)).and_then(|i| blocks.get_mut(*i)) {
                Some(base) => base.body = Arc::new(merge_bodies(&base.body, &block.body, kind)),
                None => diags.push(missing_base(&block)),
            },
        }
    }
    blocks
}

type Key = (Arc<str>, Vec<Arc<str>>, Option<String>);

/// What makes two blocks the same one: type, labels, and for providers the alias.
fn key(block: &Block) -> Key {
    let alias = match &*block.kind.name {
        "provider" => block.body.attribute("alias").and_then(|a| a.expr.as_literal_str()).map(str::to_owned),
        _ => None,
    };
    (block.kind.name.clone(), block.labels.iter().map(|label| label.name.clone()).collect(), alias)
}

/// Arguments replace those of the same name; nested blocks replace all blocks of their type, except that `lifecycle`
/// is merged argument by argument.
fn merge_bodies(base: &Body, over: &Body, kind: &str) -> Body {
    let mut merged = base.clone();
    for attribute in &over.attributes {
        match merged.attributes.iter_mut().find(|a| a.name.name == attribute.name.name) {
            Some(slot) => *slot = attribute.clone(),
            None => merged.attributes.push(attribute.clone()),
        }
    }
    // `count` and `for_each` exclude each other: the overriding file's choice replaces both.
    for (given, other) in [("count", "for_each"), ("for_each", "count")] {
        if over.attribute(given).is_some() && over.attribute(other).is_none() {
            merged.attributes.retain(|a| &*a.name.name != other);
        }
    }
    let merges = |block: &Block| matches!(kind, "resource" | "data") && &*block.kind.name == "lifecycle";
    for block in over.blocks.iter().filter(|b| merges(b)) {
        match merged.blocks.iter_mut().find(|b| merges(b)) {
            Some(slot) => slot.body = Arc::new(merge_bodies(&slot.body, &block.body, "lifecycle")),
            None => merged.blocks.push(block.clone()),
        }
    }
    let replaced: Vec<&str> = over.blocks.iter().filter(|b| !merges(b)).map(generated_kind).collect();
    merged.blocks.retain(|b| !replaced.contains(&generated_kind(b)));
    merged.blocks.extend(over.blocks.iter().filter(|b| !merges(b)).cloned());
    merged
}

/// The type of the block, or of the blocks that a `dynamic` block makes.
fn generated_kind(block: &Block) -> &str {
    match (&*block.kind.name, block.labels.first()) {
        ("dynamic", Some(label)) => &label.name,
        (kind, _) => kind,
    }
}

fn override_locals(blocks: &mut [Block], over: &Block, diags: &mut Diagnostics) {
    for attribute in &over.body.attributes {
        let name = &attribute.name.name;
        let base = blocks.iter_mut().find(|b| &*b.kind.name == "locals" && b.body.attribute(name).is_some());
        match base {
            Some(base) => {
                let mut body = (*base.body).clone();
                body.attributes
                    .iter_mut()
                    .filter(|a| a.name.name == *name)
                    .for_each(|a| *a = attribute.clone());
                base.body = Arc::new(body);
            }
            None => diags.push(no_base(
                "Missing base local value definition to override",
                "local value",
                name,
                attribute.span,
            )),
        }
    }
}

/// Settings of a `terraform` block: `required_providers` are merged entry by entry, a backend replaces the other.
fn override_settings(blocks: &mut Vec<Block>, over: Block) {
    for block in &over.body.blocks {
        let kind = &*block.kind.name;
        for base in blocks.iter_mut().filter(|b| &*b.kind.name == "terraform") {
            let mut body = (*base.body).clone();
            match kind {
                "backend" | "cloud" => {
                    body.blocks.retain(|b| !matches!(&*b.kind.name, "backend" | "cloud"));
                }
                "required_providers" => {
                    for nested in body.blocks.iter_mut().filter(|b| &*b.kind.name == kind) {
                        let mut entries = (*nested.body).clone();
                        entries.attributes.retain(|a| block.body.attribute(&a.name.name).is_none());
                        entries.attributes.extend(block.body.attributes.iter().cloned());
                        nested.body = Arc::new(entries);
                    }
                }
                _ => continue,
            }
            base.body = Arc::new(body);
        }
    }
    let mut rest = (*over.body).clone();
    let has_requirements = blocks
        .iter()
        .any(|b| &*b.kind.name == "terraform" && b.body.blocks_of("required_providers").next().is_some());
    if has_requirements {
        rest.blocks.retain(|b| &*b.kind.name != "required_providers");
    }
    if rest.attribute("required_version").is_some() {
        for base in blocks.iter_mut().filter(|b| &*b.kind.name == "terraform") {
            let mut body = (*base.body).clone();
            body.attributes.retain(|a| &*a.name.name != "required_version");
            base.body = Arc::new(body);
        }
    }
    blocks.push(Block { body: Arc::new(rest), ..over });
}

fn missing_base(block: &Block) -> Diagnostic {
    let name = block.labels.iter().map(|l| &*l.name).collect::<Vec<_>>().join(".");
    let (summary, what) = match &*block.kind.name {
        "variable" => ("Missing base variable declaration to override", "variable"),
        "output" => ("Missing base output definition to override", "output value"),
        "module" => ("Missing module call to override", "module call"),
        "provider" => ("Missing base provider configuration for override", "provider configuration"),
        "resource" => ("Missing resource to override", "resource"),
        "data" => ("Missing data resource to override", "data resource"),
        _ => ("Missing block to override", "block"),
    };
    no_base(summary, what, &name, block.header)
}

fn no_base(summary: &'static str, what: &str, name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(summary)
        .detail(format!(
            "There is no {what} named {name:?}. An override file can only override what a normal file of the module \
             already has.",
        ))
        .subject(span)
}
