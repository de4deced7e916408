//! `terraform`, `provider` and `module` blocks.

use ferroform_core::addr::ProviderSource;
use ferroform_core::{Diagnostic, Diagnostics, Span};
use ferroform_hcl::ast::{Attribute, Block, ExprKind};

use super::content::{Spec, check_name, literal_string, place};
use super::decode::{Context, depends_on, not_supported_yet, remainder};
use super::resource::{both_count_and_for_each, provider_ref};
use super::{Backend, Module, ModuleCall, ProviderBlock, ProviderRef, RequiredProvider};

const SETTINGS: Spec = Spec {
    attributes: &[("required_version", false), ("experiments", false), ("language", false)],
    blocks: &[
        ("backend", &["type"]),
        ("cloud", &[]),
        ("required_providers", &[]),
        ("provider_meta", &["provider"]),
        // OpenTofu's state encryption.
        ("encryption", &[]),
    ],
};

pub(super) fn settings(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    SETTINGS.check(&block.body, cx.diags);
    if let Some(attribute) = block.body.attribute("required_version")
        && let Some(text) = literal_string(&attribute.expr, cx.diags)
    {
        module.required_versions.push((text, attribute.expr.span));
    }
    for nested in &block.body.blocks {
        match &*nested.kind.name {
            "required_providers" => required_providers(nested, module, cx),
            "backend" | "cloud" => backend(nested, module, cx),
            "encryption" => cx.diags.push(not_supported_yet("state encryption", nested.header)),
            _ => {}
        }
    }
}

fn backend(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    let kind = match (&*block.kind.name, block.labels.first()) {
        ("backend", Some(label)) => label.name.clone(),
        ("cloud", _) => "cloud".into(),
        _ => return,
    };
    if let Some(before) = &module.backend {
        let before = place(cx.sources, before.span);
        cx.diags.push(
            Diagnostic::error("Duplicate backend configuration")
                .detail(format!(
                    "A module may have only one backend configuration. The backend was previously configured at {before}.",
                ))
                .subject(block.header),
        );
        return;
    }
    module.backend = Some(Backend { kind, body: block.body.clone(), span: block.header });
}

fn required_providers(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    for attribute in &block.body.attributes {
        let name = attribute.name.name.clone();
        if !check_name(&name, attribute.name.span, "Invalid provider local name", cx.diags) {
            continue;
        }
        if let Some(before) = module.required_providers.get(&name) {
            let before = place(cx.sources, before.span);
            cx.diags.push(
                Diagnostic::error("Duplicate required providers configuration")
                    .detail(format!(
                        "A module may have only one required providers configuration. The provider {:?} was already \
                         required at {before}.",
                        &*name
                    ))
                    .subject(attribute.span),
            );
            continue;
        }
        let required = required_provider(attribute, cx.diags);
        module.required_providers.insert(name, required);
    }
}

fn required_provider(attribute: &Attribute, diags: &mut Diagnostics) -> RequiredProvider {
    let name = &*attribute.name.name;
    let mut out = RequiredProvider {
        source: ProviderSource::implied(name),
        version: None,
        configuration_aliases: Vec::new(),
        span: attribute.span,
    };
    let invalid = |detail: String, span: Span| {
        Diagnostic::error("Invalid required_providers object").detail(detail).subject(span)
    };
    // The short form of old: just a version.
    if let Some(text) = attribute.expr.as_literal_str() {
        out.version = Some((text.into(), attribute.expr.span));
        return out;
    }
    let ExprKind::Object(items) = &*attribute.expr.kind else {
        diags.push(invalid(
            "required_providers entries must be objects with a \"source\" and a \"version\".".to_owned(),
            attribute.expr.span,
        ));
        return out;
    };
    for item in items {
        match item.key.as_keyword().or(item.key.as_literal_str()) {
            Some("version") => {
                out.version = literal_string(&item.value, diags).map(|text| (text, item.value.span));
            }
            Some("source") => {
                let Some(text) = literal_string(&item.value, diags) else { continue };
                match text.parse() {
                    Ok(source) => out.source = source,
                    Err(error) => diags.push(
                        Diagnostic::error("Invalid provider source string")
                            .detail(format!(
                                "The \"source\" attribute must be in the format \"[hostname/][namespace/]name\": {error}.",
                            ))
                            .subject(item.value.span),
                    ),
                }
            }
            Some("configuration_aliases") => {
                let ExprKind::Tuple(aliases) = &*item.value.kind else {
                    diags.push(invalid("configuration_aliases must be a list.".to_owned(), item.value.span));
                    continue;
                };
                for alias in aliases {
                    out.configuration_aliases.extend(provider_ref(alias, diags).and_then(|r| r.alias));
                }
            }
            _ => diags.push(invalid(
                "required_providers objects can only contain \"version\", \"source\" and \"configuration_aliases\" \
                 attributes. To configure a provider, use a \"provider\" block."
                    .to_owned(),
                item.key.span,
            )),
        }
    }
    out
}

pub(super) fn provider(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    let Some(label) = block.labels.first() else { return };
    let name = label.name.clone();
    if !check_name(&name, label.span, "Invalid provider local name", cx.diags) {
        return;
    }
    let alias = block.body.attribute("alias").and_then(|a| {
        let alias = literal_string(&a.expr, cx.diags)?;
        check_name(&alias, a.expr.span, "Invalid provider configuration alias", cx.diags).then_some(alias)
    });
    let body = remainder(&block.body, &["alias", "version"], &[]);
    if let Some(version) = block.body.attribute("version") {
        cx.diags.push(
            Diagnostic::warning("Version constraints inside provider configuration blocks are deprecated")
                .detail("Move the version constraint into the required_providers block; here it is not looked at.")
                .subject(version.span),
        );
    }
    let key = (name.clone(), alias.clone());
    if let Some(before) = module.providers.get(&key) {
        let before = place(cx.sources, before.span);
        let detail = match &alias {
            None => format!(
                "A default (non-aliased) provider configuration for {:?} was already given at {before}. If multiple \
                 configurations are required, set the \"alias\" argument for alternative configurations.",
                &*name
            ),
            Some(alias) => format!(
                "A provider configuration for {:?} with alias {:?} was already given at {before}. Each configuration \
                 for the same provider must have a distinct alias.",
                &*name, &**alias
            ),
        };
        cx.diags
            .push(Diagnostic::error("Duplicate provider configuration").detail(detail).subject(block.header));
        return;
    }
    module.providers.insert(key, ProviderBlock { name, alias, body, span: block.header });
}

pub(super) fn call(block: &Block, module: &mut Module, cx: &mut Context<'_>) {
    let Some(label) = block.labels.first() else { return };
    let name = label.name.clone();
    if !check_name(&name, label.span, "Invalid module instance name", cx.diags) {
        return;
    }
    if let Some(before) = module.calls.get(&name) {
        let what = format!("A module call named {:?}", &*name);
        let unique = "Module calls must have unique names within a module.";
        return cx.duplicate("Duplicate module call".into(), &what, before.span, unique, block.header);
    }
    let body = &block.body;
    let diags = &mut *cx.diags;
    for nested in &body.blocks {
        let kind = &*nested.kind.name;
        let (summary, detail) = match kind {
            "_" => continue,
            "lifecycle" | "locals" | "provider" => (
                "Reserved block type name in module block".to_owned(),
                format!(
                    "The block type name {kind:?} is reserved for use by the language in a future version."
                ),
            ),
            _ => (format!("Unexpected {kind:?} block"), "Blocks are not allowed here.".to_owned()),
        };
        diags.push(Diagnostic::error(summary).detail(detail).subject(nested.header));
    }
    let source = match body.attribute("source") {
        Some(attribute) => literal_string(&attribute.expr, diags).map(|text| (text, attribute.expr.span)),
        None => {
            diags.push(super::content::missing_argument("source", body.end));
            None
        }
    };
    if let (Some(version), Some((text, _))) = (body.attribute("version"), &source)
        && (text.starts_with("./") || text.starts_with("../"))
    {
        diags.push(
            Diagnostic::error("Invalid registry module source address")
                .detail("A version can be chosen only of a module from a registry; this one is a local directory.")
                .subject(version.span),
        );
    }
    if let (Some(_), Some(for_each)) = (body.attribute("count"), body.attribute("for_each")) {
        diags.push(both_count_and_for_each(for_each.name.span));
    }
    let meta = ["source", "version", "count", "for_each", "depends_on", "providers"];
    let rest = remainder(body, &meta, &[]);
    let inputs = rest.attributes.iter().map(|a| (a.name.name.clone(), a.clone())).collect();
    let call = ModuleCall {
        name: name.clone(),
        source,
        inputs,
        count: body.attribute("count").map(|a| a.expr.clone()),
        for_each: body.attribute("for_each").map(|a| a.expr.clone()),
        depends_on: body.attribute("depends_on").map(|a| depends_on(&a.expr, diags)).unwrap_or_default(),
        providers: body.attribute("providers").map(|a| passed_providers(a, diags)).unwrap_or_default(),
        span: block.header,
        end: body.end,
    };
    module.calls.insert(name, call);
}

fn passed_providers(attribute: &Attribute, diags: &mut Diagnostics) -> Vec<(ProviderRef, ProviderRef)> {
    let ExprKind::Object(items) = &*attribute.expr.kind else {
        diags.push(
            Diagnostic::error("Invalid expression")
                .detail("A static map expression is required: local names of the called module to those of this one.")
                .subject(attribute.expr.span),
        );
        return Vec::new();
    };
    let mut out: Vec<(ProviderRef, ProviderRef)> = Vec::with_capacity(items.len());
    for item in items {
        let (Some(child), Some(parent)) = (provider_ref(&item.key, diags), provider_ref(&item.value, diags))
        else {
            continue;
        };
        if out.iter().any(|(other, _)| other.name == child.name && other.alias == child.alias) {
            diags.push(
                Diagnostic::error("Duplicate provider address")
                    .detail(format!(
                        "A provider configuration was already passed to {child}. Each can be passed once."
                    ))
                    .subject(child.span),
            );
            continue;
        }
        out.push((child, parent));
    }
    out
}
