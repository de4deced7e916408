//! From the top-level blocks of a module's files to a [`Module`].

use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics, Sources, Span};
use ferroform_hcl::ast::{Block, Body, Expr, ExprKind};

use super::content::{check_labels, check_name, place, unsupported_block};
use super::{Local, Module, ResourceBlock, check, named, refactor, resource, terraform};
use crate::reference::{Chain, Reference, is_constant};

/// The block types at top level with the meaning of their labels.
pub(super) const TOP_LEVEL: &[(&str, &[&str])] = &[
    ("terraform", &[]),
    ("provider", &["name"]),
    ("variable", &["name"]),
    ("locals", &[]),
    ("output", &["name"]),
    ("module", &["name"]),
    ("resource", &["type", "name"]),
    ("data", &["type", "name"]),
    ("ephemeral", &["type", "name"]),
    ("moved", &[]),
    ("import", &[]),
    ("removed", &[]),
    ("check", &["name"]),
];

/// What decoding a block needs around it.
pub(super) struct Context<'a> {
    pub(super) sources: &'a Sources,
    pub(super) diags: &'a mut Diagnostics,
}

impl Context<'_> {
    /// Reports that something was defined before.
    pub(super) fn duplicate(&mut self, summary: String, what: &str, before: Span, unique: &str, span: Span) {
        let before = place(self.sources, before);
        self.diags.push(
            Diagnostic::error(summary)
                .detail(format!("{what} was already defined at {before}. {unique}"))
                .subject(span),
        );
    }
}

/// Decodes all blocks of a module.
pub(super) fn module(blocks: &[Block], sources: &Sources, diags: &mut Diagnostics) -> Module {
    let mut module = Module::default();
    module
        .resources
        .reserve(blocks.iter().filter(|block| matches!(&*block.kind.name, "resource" | "data")).count());
    let mut cx = Context { sources, diags };
    for block in blocks {
        let kind = &*block.kind.name;
        let Some((_, labels)) = TOP_LEVEL.iter().find(|(k, _)| *k == kind) else {
            let known = TOP_LEVEL.iter().map(|(k, _)| *k);
            cx.diags.push(unsupported_block(kind, block.kind.span, known, false));
            continue;
        };
        if !check_labels(block, labels, cx.diags) {
            continue;
        }
        match kind {
            "terraform" => terraform::settings(block, &mut module, &mut cx),
            "provider" => terraform::provider(block, &mut module, &mut cx),
            "variable" => add_variable(block, &mut module, &mut cx),
            "locals" => add_locals(block, &mut module, &mut cx),
            "output" => add_output(block, &mut module, &mut cx),
            "module" => terraform::call(block, &mut module, &mut cx),
            "moved" => module.moved.extend(refactor::moved(block, &mut cx)),
            "removed" => module.removed.extend(refactor::removed(block, &mut cx)),
            "import" => module.imports.extend(refactor::import(block, &module.imports, &mut cx)),
            "check" => check::add(block, &mut module, &mut cx),
            _ => add_resource(block, &mut module, &mut cx),
        }
    }
    module
}

/// A part of the language that is understood but not acted on yet.
pub(super) fn not_supported_yet(what: &str, span: Span) -> Diagnostic {
    Diagnostic::error("Not supported yet")
        .detail(format!(
            "This version of Ferroform does not support {what} yet. Ignoring them could do harm, so nothing is done.",
        ))
        .subject(span)
}

fn add_variable(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    let Some(variable) = named::variable(block, cx.diags) else { return };
    if let Some(before) = module.variables.get(&variable.name) {
        let what = format!("A variable named {:?}", &*variable.name);
        let unique = "Variable names must be unique within a module.";
        return cx.duplicate(
            "Duplicate variable declaration".into(),
            &what,
            before.span,
            unique,
            block.header,
        );
    }
    module.variables.insert(variable.name.clone(), variable);
}

fn add_locals(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    for nested in &block.body.blocks {
        cx.diags.push(
            Diagnostic::error(format!("Unexpected {:?} block", &*nested.kind.name))
                .detail("Blocks are not allowed here.")
                .subject(nested.header),
        );
    }
    for attribute in &block.body.attributes {
        let name = attribute.name.name.clone();
        if !check_name(&name, attribute.name.span, "Invalid local value name", cx.diags) {
            continue;
        }
        if let Some(before) = module.locals.get(&name) {
            let what = format!("A local value named {:?}", &*name);
            let unique = "Local value names must be unique within a module.";
            cx.duplicate(
                "Duplicate local value definition".into(),
                &what,
                before.span,
                unique,
                attribute.span,
            );
            continue;
        }
        module
            .locals
            .insert(name.clone(), Local { name, expr: attribute.expr.clone(), span: attribute.span });
    }
}

fn add_output(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    let Some(output) = named::output(block, cx.diags) else { return };
    if let Some(before) = module.outputs.get(&output.name) {
        let what = format!("An output named {:?}", &*output.name);
        let unique = "Output names must be unique within a module.";
        return cx.duplicate("Duplicate output definition".into(), &what, before.span, unique, block.header);
    }
    module.outputs.insert(output.name.clone(), output);
}

fn add_resource(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    let Some(resource) = resource::resource(block, cx) else { return };
    insert_resource(resource, &block.kind.name, module, cx);
}

/// Adds a resource to a module; `kind` is its block's type.
pub(super) fn insert_resource(
    resource: ResourceBlock,
    kind: &str,
    module: &mut Module,
    cx: &mut Context<'_>,
) {
    if let Some(before) = module.resources.get(&resource.addr) {
        let summary = format!("Duplicate {kind} {:?} configuration", &*resource.addr.type_name);
        let what = format!("A {} {kind} named {:?}", resource.addr.type_name, &*resource.addr.name);
        let unique = "Resource names must be unique per type in each module.";
        return cx.duplicate(summary, &what, before.header, unique, resource.header);
    }
    module.resources.insert(resource.addr.clone(), resource);
}

/// The body without the arguments and blocks that have a meaning of their own; `_` blocks are opened, as they exist
/// to hold arguments with reserved names.
pub(super) fn remainder(body: &Body, attributes: &[&str], blocks: &[&str]) -> Arc<Body> {
    let mut rest = Body {
        attributes: body
            .attributes
            .iter()
            .filter(|a| !attributes.contains(&&*a.name.name))
            .cloned()
            .collect(),
        blocks: body
            .blocks
            .iter()
            .filter(|b| &*b.kind.name != "_" && !blocks.contains(&&*b.kind.name))
            .cloned()
            .collect(),
        span: body.span,
        end: body.end,
    };
    for escaped in body.blocks_of("_") {
        rest.attributes.extend(escaped.body.attributes.iter().cloned());
        rest.blocks.extend(escaped.body.blocks.iter().cloned());
    }
    Arc::new(rest)
}

/// The references in `depends_on`.
pub(super) fn depends_on(expr: &Expr, diags: &mut Diagnostics) -> Vec<Reference> {
    let Some(items) = static_list(expr, diags) else { return Vec::new() };
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        if let Some(reference) = static_reference(item, diags) {
            out.push(reference);
        }
    }
    out
}

/// The elements of a list that must be written out.
pub(super) fn static_list<'a>(expr: &'a Expr, diags: &mut Diagnostics) -> Option<&'a [Expr]> {
    match &*expr.kind {
        ExprKind::Tuple(items) => Some(items),
        ExprKind::Error => None,
        _ => {
            diags.push(
                Diagnostic::error("Invalid expression")
                    .detail("A static list expression is required.")
                    .subject(expr.span),
            );
            None
        }
    }
}

/// A reference to a whole object, without any computation. The quoted form of old is read as well.
fn static_reference(expr: &Expr, diags: &mut Diagnostics) -> Option<Reference> {
    let inner = match expr.as_literal_str() {
        Some(text) => {
            diags.push(quoted_reference(expr.span));
            let parsed = ferroform_hcl::parse_expression(expr.span.source, text);
            if parsed.diagnostics().has_errors() {
                diags.push(not_static(expr.span));
                return None;
            }
            Some(parsed.into_parts().0)
        }
        None => None,
    };
    let chain = static_chain(inner.as_ref().unwrap_or(expr), diags)?;
    let ExprKind::Variable(root) = &*chain.root.kind else { return None };
    match chain.referent(root) {
        Ok((referent, steps)) => {
            let indexes =
                chain.steps.iter().skip(steps).filter(|s| matches!(&*s.kind, ExprKind::Index { .. })).count();
            if chain.steps.len() > steps + indexes.min(1) {
                diags.push(
                    Diagnostic::error("Invalid depends_on reference")
                        .detail(
                            "References in depends_on must be to a whole object (resource, etc), not to an attribute \
                             of an object.",
                        )
                        .subject(expr.span),
                );
                return None;
            }
            Some(Reference { referent, span: expr.span })
        }
        Err(problem) => {
            diags.push(problem.subject(expr.span));
            None
        }
    }
}

/// A reference in quotes, as it was written before Terraform 0.12.
pub(super) fn quoted_reference(span: Span) -> Diagnostic {
    Diagnostic::warning("Quoted references are deprecated")
        .detail("References are expected literally rather than in quotes. Remove the quotes.")
        .subject(span)
}

pub(super) fn not_static(span: Span) -> Diagnostic {
    Diagnostic::error("Invalid expression")
        .detail(
            "A single static variable reference is required: only attribute access and indexing with constant keys. No \
             calculations, function calls, template expressions, etc are allowed here.",
        )
        .subject(span)
}

/// A name with attribute accesses and constant indexes.
pub(super) fn static_chain<'a>(expr: &'a Expr, diags: &mut Diagnostics) -> Option<Chain<'a>> {
    let chain = Chain::of(expr);
    let constant = chain.steps.iter().all(|step| match &*step.kind {
        ExprKind::Index { key, .. } => is_constant(key),
        _ => true,
    });
    if constant && matches!(&*chain.root.kind, ExprKind::Variable(_)) {
        return Some(chain);
    }
    if matches!(&*chain.root.kind, ExprKind::Error) {
        return None;
    }
    diags.push(not_static(expr.span));
    None
}
