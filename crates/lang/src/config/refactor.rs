//! `moved`, `removed` and `import` blocks: what became, or is to become, of objects whose address changes.

use std::sync::Arc;

use ferroform_core::addr::{ConfigResource, InstanceKey, ModulePath, ModuleStep, Resource, ResourceMode};
use ferroform_core::{Diagnostic, Diagnostics, Span};
use ferroform_hcl::ast::{Block, Expr, ExprKind};

use super::ProviderRef;
use super::content::{Spec, literal_bool, place};
use super::decode::{Context, not_static, not_supported_yet};
use super::resource::provider_ref;
use crate::reference::{Chain, Reference, is_constant, references_in_expr};

const MOVED: Spec = Spec { attributes: &[("from", true), ("to", true)], blocks: &[] };
const REMOVED: Spec = Spec {
    attributes: &[("from", true)],
    blocks: &[("lifecycle", &[]), ("provisioner", &["type"]), ("connection", &[])],
};
const REMOVED_LIFECYCLE: Spec = Spec { attributes: &[("destroy", false)], blocks: &[] };
const IMPORT: Spec =
    Spec { attributes: &[("to", true), ("id", true), ("for_each", false), ("provider", false)], blocks: &[] };

/// The names that begin something else than the address of a resource.
const RESERVED: &[&str] =
    &["var", "local", "count", "each", "self", "path", "terraform", "template", "lazy", "arg"];

/// A module or resource, or an instance of one, seen from the module in which it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The modules on the way, and for a module that itself; from the module of the block on.
    pub modules: Vec<ModuleStep>,
    /// The resource; none for a module.
    pub resource: Option<Resource>,
    /// The instance of the resource.
    pub key: Option<InstanceKey>,
    /// Every instance of the last part is meant, rather than the one with the key that is given, or without any.
    pub every: bool,
}

impl Endpoint {
    /// Whether its last part names one instance by a key.
    fn has_key(&self) -> bool {
        match &self.resource {
            Some(_) => self.key.is_some(),
            None => self.modules.last().is_some_and(|step| step.key.is_some()),
        }
    }
}

/// A `moved` block.
#[derive(Debug, Clone)]
pub struct MovedBlock {
    /// Where objects were.
    pub from: Endpoint,
    /// Where they are now; of the same kind as `from`.
    pub to: Endpoint,
    /// The header of the block.
    pub span: Span,
}

/// A `removed` block.
#[derive(Debug, Clone)]
pub struct RemovedBlock {
    /// What is not managed any more: every instance of a module or resource.
    pub from: Endpoint,
    /// Whether the objects are deleted, rather than left as they are.
    pub destroy: bool,
    /// The header of the block.
    pub span: Span,
}

/// An `import` block.
#[derive(Debug, Clone)]
pub struct ImportBlock {
    /// The resource of `to`.
    pub resource: ConfigResource,
    /// The keys in `to`: of each module and of the resource.
    pub keys: Vec<Option<Expr>>,
    /// The whole of `to`.
    pub to: Expr,
    /// What the provider calls the object.
    pub id: Expr,
    /// One import for each element.
    pub for_each: Option<Expr>,
    /// Which provider would be configured for generated configuration.
    pub provider: Option<ProviderRef>,
    /// The header of the block.
    pub span: Span,
}

impl ImportBlock {
    /// Everything that it refers to, apart from its target.
    pub fn references(&self) -> Vec<Reference> {
        let all = self.keys.iter().flatten().chain([&self.id]).chain(&self.for_each);
        all.flat_map(references_in_expr).collect()
    }
}

pub(super) fn moved(block: &Block, cx: &mut Context<'_>) -> Option<MovedBlock> {
    MOVED.check(&block.body, cx.diags);
    let from = endpoint(&block.body.attribute("from")?.expr, cx);
    let to = endpoint(&block.body.attribute("to")?.expr, cx);
    let (mut from, mut to) = (from?, to?);
    if from.resource.is_some() != to.resource.is_some() {
        cx.diags.push(
            Diagnostic::error("Invalid \"moved\" addresses")
                .detail("\"from\" and \"to\" must both name a resource, or both a module.")
                .subject(block.header),
        );
        return None;
    }
    // A single instance on one side means a single one on the other.
    let every = !from.has_key() && !to.has_key();
    (from.every, to.every) = (every, every);
    Some(MovedBlock { from, to, span: block.header })
}

pub(super) fn removed(block: &Block, cx: &mut Context<'_>) -> Option<RemovedBlock> {
    REMOVED.check(&block.body, cx.diags);
    let mut destroy = true;
    for nested in &block.body.blocks {
        match &*nested.kind.name {
            "lifecycle" => {
                REMOVED_LIFECYCLE.check(&nested.body, cx.diags);
                if let Some(attribute) = nested.body.attribute("destroy") {
                    destroy = literal_bool(&attribute.expr, cx.diags)?;
                }
            }
            kind @ ("provisioner" | "connection") => {
                cx.diags.push(not_supported_yet(&format!("{kind} blocks"), nested.header));
            }
            _ => {}
        }
    }
    let expr = address(&block.body.attribute("from")?.expr, cx)?;
    let found = parts(&expr, cx)?;
    let mut wrong = |summary: &'static str, detail: &str| {
        cx.diags.push(Diagnostic::error(summary).detail(detail.to_owned()).subject(expr.span));
        None
    };
    if found.modules().iter().any(|part| part.key.is_some()) {
        return wrong(
            "Module instance keys not allowed",
            "A removed block is about all instances of a module: give its address without a key, such as module.name.",
        );
    }
    // What stands behind type and name can only be meant for an instance.
    let (head, extra) = found.resource_parts();
    if extra || head.iter().any(|part| part.key.is_some()) {
        return wrong(
            "Resource instance keys not allowed",
            "A removed block is about all instances of a resource: give its address without a key, such as \
             hcloud_server.web.",
        );
    }
    let mut from = match found.endpoint(false) {
        Ok(from) => from,
        Err(detail) => {
            cx.diags.push(invalid_address(&detail, expr.span));
            return None;
        }
    };
    if from.resource.as_ref().is_some_and(|r| r.mode == ResourceMode::Data) {
        cx.diags.push(
            Diagnostic::error("Data source address not allowed")
                .detail(
                    "There is nothing to destroy behind a data source, so it needs no removed block: take its data block \
                     out, and it leaves the state.",
                )
                .subject(expr.span),
        );
        return None;
    }
    from.every = true;
    Some(RemovedBlock { from, destroy, span: block.header })
}

pub(super) fn import(block: &Block, earlier: &[ImportBlock], cx: &mut Context<'_>) -> Option<ImportBlock> {
    let body = &block.body;
    IMPORT.check(body, cx.diags);
    let provider = body.attribute("provider").and_then(|a| provider_ref(&a.expr, cx.diags));
    let to = address(&body.attribute("to")?.expr, cx)?;
    let found = all_parts(&to, cx)?;
    let endpoint = match found.endpoint(true) {
        Ok(endpoint) => endpoint,
        Err(detail) => {
            cx.diags.push(invalid_address(&detail, to.span));
            return None;
        }
    };
    let Some(resource) = endpoint.resource else {
        let detail = "The address of a resource instance is needed here, not that of a module.";
        cx.diags.push(invalid_address(detail, to.span));
        return None;
    };
    if resource.mode != ResourceMode::Managed {
        cx.diags.push(
            Diagnostic::error("Invalid import address")
                .detail("Only what a \"resource\" block declares can be imported.")
                .subject(to.span),
        );
        return None;
    }
    let module = ModulePath(endpoint.modules.iter().map(|step| step.name.clone()).collect());
    let mut keys: Vec<Option<Expr>> = found.modules().iter().map(|part| part.key.cloned()).collect();
    keys.push(found.0.last().and_then(|part| part.key.cloned()));
    let import = ImportBlock {
        resource: ConfigResource { module, resource },
        keys,
        to: to.clone(),
        id: body.attribute("id")?.expr.clone(),
        for_each: body.attribute("for_each").map(|a| a.expr.clone()),
        provider,
        span: block.header,
    };
    if let Some(address) = import.static_address()
        && let Some(before) = earlier.iter().find(|e| e.static_address().is_some_and(|a| a == address))
    {
        let before = place(cx.sources, before.span);
        cx.diags.push(
            Diagnostic::error(format!("Duplicate import configuration for {address:?}"))
                .detail(format!("{address} is the target of the import block at {before} already. An object can be imported once only."))
                .subject(to.span),
        );
        return None;
    }
    Some(import)
}

impl ImportBlock {
    /// The target as text, if it is written out.
    fn static_address(&self) -> Option<String> {
        if self.for_each.is_some() {
            return None;
        }
        let mut out = String::new();
        let mut keys = self.keys.iter();
        let key = |keys: &mut std::slice::Iter<'_, Option<Expr>>| -> Option<String> {
            match keys.next()? {
                None => Some(String::new()),
                Some(expr) => Some(constant_key(expr)?.to_string()),
            }
        };
        for name in &self.resource.module.0 {
            out += &format!("module.{name}{}.", key(&mut keys)?);
        }
        Some(format!("{out}{}{}", self.resource.resource, key(&mut keys)?))
    }
}

/// A name of an address with the key behind it.
struct Part<'a> {
    name: Arc<str>,
    key: Option<&'a Expr>,
    /// More than one key stands behind it.
    more: bool,
}

/// An address, name by name.
struct Parts<'a>(Vec<Part<'a>>);

impl<'a> Parts<'a> {
    /// The parts that name modules: the names after `module.`.
    fn modules(&self) -> Vec<&Part<'a>> {
        self.0
            .chunks(2)
            .take_while(|pair| &*pair[0].name == "module")
            .filter_map(|pair| pair.get(1))
            .collect()
    }

    /// Type and name of the resource, and whether more follows.
    fn resource_parts(&self) -> (&[Part<'a>], bool) {
        let mut rest = self.0.get(2 * self.modules().len()..).unwrap_or_default();
        if rest.first().is_some_and(|part| matches!(&*part.name, "data" | "ephemeral" | "resource")) {
            rest = &rest[1..];
        }
        (&rest[..rest.len().min(2)], rest.len() > 2)
    }

    /// What the parts name; keys that are no constants are left out where they may be. Errors say what is missing.
    fn endpoint(&self, computed: bool) -> Result<Endpoint, String> {
        let key = |part: &Part<'_>| -> Result<Option<InstanceKey>, String> {
            match part.key {
                _ if part.more => Err("Only one key may follow a name.".into()),
                None => Ok(None),
                Some(expr) => match constant_key(expr) {
                    None if !computed => {
                        Err("The key of an instance is a whole number that is not negative, or a text."
                            .into())
                    }
                    key => Ok(key),
                },
            }
        };
        let mut modules = Vec::new();
        for pair in self.0.chunks(2).take_while(|pair| &*pair[0].name == "module") {
            let [word, part] = pair else {
                return Err("\"module.\" must be followed by the name of a module call.".into());
            };
            if word.key.is_some() {
                return Err("\"module\" must be followed by a name, not by a key.".into());
            }
            modules.push(ModuleStep { name: part.name.clone(), key: key(part)? });
        }
        let rest = &self.0[2 * modules.len()..];
        let Some(first) = rest.first() else {
            return Ok(Endpoint { modules, resource: None, key: None, every: false });
        };
        if RESERVED.contains(&&*first.name) {
            return Err(format!(
                "{:?} begins something else than the address of a resource. If it is the type of one, write \
                 \"resource.{}\".",
                &*first.name, first.name
            ));
        }
        let mode = match &*first.name {
            "data" => ResourceMode::Data,
            "ephemeral" => ResourceMode::Ephemeral,
            _ => ResourceMode::Managed,
        };
        let ([type_part, name_part], more) = self.resource_parts() else {
            return Err("The address of a resource consists of its type and its name.".into());
        };
        if type_part.key.is_some() {
            return Err("The address of a resource consists of its type and its name.".into());
        }
        if more {
            return Err(
                "The key of an instance stands in square brackets, and nothing comes after it.".into()
            );
        }
        let resource = Resource { mode, type_name: type_part.name.clone(), name: name_part.name.clone() };
        Ok(Endpoint { modules, resource: Some(resource), key: key(name_part)?, every: false })
    }
}

fn endpoint(expr: &Expr, cx: &mut Context<'_>) -> Option<Endpoint> {
    let expr = address(expr, cx)?;
    match parts(&expr, cx)?.endpoint(false) {
        Ok(endpoint) => Some(endpoint),
        Err(detail) => {
            cx.diags.push(invalid_address(&detail, expr.span));
            None
        }
    }
}

/// The expression of an address; JSON has it as a text.
fn address(expr: &Expr, cx: &mut Context<'_>) -> Option<Expr> {
    let json = cx.sources.get(expr.span.source).is_some_and(|source| source.name().ends_with(".json"));
    let Some(text) = expr.as_literal_str().filter(|_| json) else { return Some(expr.clone()) };
    let parsed = ferroform_hcl::parse_expression(expr.span.source, text);
    if parsed.diagnostics().has_errors() {
        cx.diags.push(not_static(expr.span));
        return None;
    }
    let (inner, _): (Expr, Diagnostics) = parsed.into_parts();
    Some(inner)
}

/// The parts of an address whose keys are written out.
fn parts<'a>(expr: &'a Expr, cx: &mut Context<'_>) -> Option<Parts<'a>> {
    let found = all_parts(expr, cx)?;
    if found.0.iter().filter_map(|part| part.key).all(is_constant) {
        return Some(found);
    }
    cx.diags.push(not_static(expr.span));
    None
}

fn all_parts<'a>(expr: &'a Expr, cx: &mut Context<'_>) -> Option<Parts<'a>> {
    let chain = Chain::of(expr);
    let ExprKind::Variable(root) = &*chain.root.kind else {
        if !matches!(&*chain.root.kind, ExprKind::Error) {
            cx.diags.push(not_static(expr.span));
        }
        return None;
    };
    let mut parts = vec![Part { name: root.clone(), key: None, more: false }];
    for step in chain.steps {
        match (&*step.kind, parts.last_mut()) {
            (ExprKind::GetAttr { name, .. }, _) => {
                parts.push(Part { name: name.name.clone(), key: None, more: false });
            }
            (ExprKind::Index { key, .. }, Some(last)) => {
                last.more |= last.key.is_some();
                last.key = Some(key);
            }
            _ => {}
        }
    }
    Some(Parts(parts))
}

/// The instance key that an expression writes out.
fn constant_key(expr: &Expr) -> Option<InstanceKey> {
    match (&*expr.kind, expr.as_literal_str()) {
        (_, Some(text)) => Some(InstanceKey::String(text.into())),
        (ExprKind::Number(n), _) => n.to_usize().map(|n| InstanceKey::Int(n as u64)),
        _ => None,
    }
}

fn invalid_address(detail: &str, span: Span) -> Diagnostic {
    Diagnostic::error("Invalid address").detail(detail.to_owned()).subject(span)
}
