//! Whether references name things that exist, and that can be named where they stand.

use ferroform_core::addr::{ModulePath, Resource, ResourceMode};
use ferroform_core::{Diagnostic, Span};
use ferroform_hcl::ast::{Body, Expr};

use super::Checker;
use crate::config::Module;
use crate::reference::{Checked, Follow, Reference, Referent, check_body, check_expr};
use crate::suggest::did_you_mean;

/// What an expression may refer to besides what the module declares.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    /// `count.index`
    pub(super) count: bool,
    /// `each.key` and `each.value`
    pub(super) each: bool,
    /// `self`
    pub(super) this: bool,
    /// The resource whose block this is; it may not refer to itself.
    pub(super) own: Option<&'a Resource>,
    /// The `check` block that this is in.
    pub(super) check: Option<&'a str>,
}

impl Checker<'_> {
    /// Whether all is well with the references of an expression.
    pub(super) fn references(&mut self, expr: &Expr, place: Place<'_>) -> bool {
        self.checked(check_expr(expr), place)
    }

    /// Whether all is well with the references in a body.
    pub(super) fn body_references(&mut self, body: &Body, place: Place<'_>) -> bool {
        self.checked(check_body(body), place)
    }

    fn checked(&mut self, checked: Checked, place: Place<'_>) -> bool {
        let before = self.diags.len();
        self.diags.append(checked.problems);
        for (reference, follow) in &checked.found {
            let problem = self.check(reference, place).or_else(|| self.instance_key(reference, *follow));
            self.diags.extend(problem);
        }
        self.diags.len() == before
    }

    /// Whether a reference to a resource has an index just when the resource has instances by key.
    fn instance_key(&self, reference: &Reference, follow: Follow) -> Option<Diagnostic> {
        let Referent::Resource(addr) = &reference.referent else { return None };
        let resource = self.module.resources.get(addr)?;
        let problem = match (&resource.count, &resource.for_each, follow) {
            (None, None, Follow::Index) => {
                Diagnostic::error("Unexpected resource instance key").detail(format!(
                    "Because {addr} does not have \"count\" or \"for_each\" set, references to it must not include an \
                     index key. Remove the bracketed index to refer to the single instance of this resource.",
                ))
            }
            (Some(_), _, Follow::Attr) => Diagnostic::error("Missing resource instance key").detail(format!(
                "Because {addr} has \"count\" set, its attributes must be accessed on specific instances.\n\nFor \
                 example, to correlate with indices of a referring resource, use:\n    {addr}[count.index]",
            )),
            (None, Some(_), Follow::Attr) => Diagnostic::error("Missing resource instance key").detail(format!(
                "Because {addr} has \"for_each\" set, its attributes must be accessed on specific instances.\n\nFor \
                 example, to correlate with indices of a referring resource, use:\n    {addr}[each.key]",
            )),
            _ => return None,
        };
        Some(problem.subject(reference.span))
    }

    pub(super) fn depends_on(&mut self, references: &[Reference]) {
        let declared: Vec<Reference> =
            references.iter().filter(|r| r.referent.is_declared()).cloned().collect();
        for other in references.iter().filter(|r| !r.referent.is_declared()) {
            self.diags.push(
                Diagnostic::error("Invalid depends_on reference")
                    .detail(format!("{} is nothing that could be waited for.", other.referent))
                    .subject(other.span),
            );
        }
        for reference in &declared {
            let problem = self.check(reference, Place::default());
            self.diags.extend(problem);
        }
    }

    fn check(&self, reference: &Reference, place: Place<'_>) -> Option<Diagnostic> {
        let span = reference.span;
        let error = |summary: &'static str, detail: String| {
            Some(Diagnostic::error(summary).detail(detail).subject(span))
        };
        match &reference.referent {
            Referent::EachKey | Referent::EachValue if !place.each => error(
                "Reference to \"each\" in context without for_each",
                "The \"each\" object can be used only in \"module\", \"resource\" and \"data\" blocks, and only when the \
                 \"for_each\" argument is set."
                    .to_owned(),
            ),
            Referent::CountIndex if !place.count => error(
                "Reference to \"count\" in non-counted context",
                "The \"count\" object can only be used in \"module\", \"resource\", and \"data\" blocks, and only when \
                 the \"count\" argument is set."
                    .to_owned(),
            ),
            Referent::SelfObject if !place.this => error(
                "Invalid \"self\" reference",
                "The \"self\" object is not available in this context. This object can be used only in resource \
                 provisioner, connection, and postcondition blocks."
                    .to_owned(),
            ),
            Referent::Path(name) if !matches!(&**name, "module" | "root" | "cwd") => error(
                "Invalid \"path\" attribute",
                format!(
                    "The \"path\" object does not have an attribute named {:?}.{}",
                    &**name,
                    did_you_mean(name, ["module", "root", "cwd"])
                ),
            ),
            Referent::Terraform(name) if &**name == "env" => error(
                "Invalid \"terraform\" attribute",
                "The terraform.env attribute was removed; use terraform.workspace.".to_owned(),
            ),
            Referent::Terraform(name) if !matches!(&**name, "workspace" | "applying") => error(
                "Invalid \"terraform\" attribute",
                format!(
                    "The \"terraform\" object does not have an attribute named {:?}. The only supported attributes are \
                     terraform.workspace, the name of the currently-selected workspace, and terraform.applying, a \
                     boolean which is true only during apply.",
                    &**name
                ),
            ),
            Referent::Resource(resource) if place.own == Some(resource) => error(
                "Self-referential block",
                format!("Configuration for {resource} may not refer to itself."),
            ),
            Referent::Resource(resource) if self.is_hidden(resource, place) => error(
                "Reference to scoped resource",
                format!("{resource} is declared inside of a check block, and can be referred to only there."),
            ),
            referent => undeclared(self.module, referent, span).or_else(|| self.no_such_output(referent, span)),
        }
    }

    /// Whether a resource belongs to a `check` block that this is not in.
    fn is_hidden(&self, resource: &Resource, place: Place<'_>) -> bool {
        let check = self.module.resources.get(resource).and_then(|block| block.check.as_deref());
        check.is_some() && check != place.check
    }

    fn no_such_output(&self, referent: &Referent, span: Span) -> Option<Diagnostic> {
        let Referent::ModuleOutput(call, output) = referent else { return None };
        let called = self.config.module(&self.module.path.child(call.clone()))?;
        if called.outputs.contains_key(output) {
            return None;
        }
        let hint = did_you_mean(output, called.outputs.keys().map(|k| &**k));
        Some(
            Diagnostic::error("Unsupported attribute")
                .detail(format!("The module module.{call} has no output named {:?}.{hint}", &**output))
                .subject(span),
        )
    }
}

/// What to say of a reference to something that its module does not declare; none if it does.
pub(crate) fn undeclared(module: &Module, referent: &Referent, span: Span) -> Option<Diagnostic> {
    let place = module_name(&module.path);
    let error =
        |summary: &'static str, detail: String| Some(Diagnostic::error(summary).detail(detail).subject(span));
    match referent {
        Referent::Var(name) if !module.variables.contains_key(name) => {
            let hint = did_you_mean(name, module.variables.keys().map(|k| &**k));
            let hint = if hint.is_empty() {
                format!(" This variable can be declared with a variable {:?} {{}} block.", &**name)
            } else {
                hint
            };
            error(
                "Reference to undeclared input variable",
                format!("An input variable with the name {:?} has not been declared.{hint}", &**name),
            )
        }
        Referent::Local(name) if !module.locals.contains_key(name) => error(
            "Reference to undeclared local value",
            format!(
                "A local value with the name {:?} has not been declared.{}",
                &**name,
                did_you_mean(name, module.locals.keys().map(|k| &**k))
            ),
        ),
        Referent::Resource(resource) if !module.resources.contains_key(resource) => {
            let kind = match resource.mode {
                ResourceMode::Managed => "A managed resource",
                ResourceMode::Data => "A data resource",
                ResourceMode::Ephemeral => "An ephemeral resource",
            };
            error(
                "Reference to undeclared resource",
                format!(
                    "{kind} {:?} {:?} has not been declared in {place}.{}",
                    &*resource.type_name,
                    &*resource.name,
                    similar_resource(module, resource)
                ),
            )
        }
        Referent::ModuleCall(name) | Referent::ModuleOutput(name, _) if !module.calls.contains_key(name) => {
            error(
                "Reference to undeclared module",
                format!(
                    "No module call named {:?} is declared in {place}.{}",
                    &**name,
                    did_you_mean(name, module.calls.keys().map(|k| &**k))
                ),
            )
        }
        _ => None,
    }
}

/// A resource of the other mode, or of the same type with a similar name, or of the same name and a similar type.
fn similar_resource(module: &Module, wanted: &Resource) -> String {
    let other_mode = |r: &&Resource| r.type_name == wanted.type_name && r.name == wanted.name;
    if let Some(found) = module.resources.keys().find(other_mode) {
        return format!(" Did you mean {found}?");
    }
    let same_type =
        module.resources.keys().filter(|r| r.mode == wanted.mode && r.type_name == wanted.type_name);
    if let Some(name) = crate::suggest::nearest(&wanted.name, same_type.map(|r| &*r.name)) {
        return format!(" Did you mean {}?", Resource { name: name.into(), ..wanted.clone() });
    }
    let same_name = module.resources.keys().filter(|r| r.mode == wanted.mode && r.name == wanted.name);
    match crate::suggest::nearest(&wanted.type_name, same_name.map(|r| &*r.type_name)) {
        Some(type_name) => {
            format!(" Did you mean {}?", Resource { type_name: type_name.into(), ..wanted.clone() })
        }
        None => String::new(),
    }
}

pub(super) fn module_name(path: &ModulePath) -> String {
    if path.is_root() { "the root module".to_owned() } else { path.to_string() }
}
