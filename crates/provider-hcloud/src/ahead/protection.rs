//! Protection from deletion: the API refuses to delete what has it, after other objects are gone already.

use ferroform_core::Diagnostic;

use crate::attrs::Attrs;
use crate::resource::Resource;

/// The attribute that protects objects of a type; a record set is protected from all changes at once.
fn attribute(type_name: &str) -> &'static str {
    match type_name {
        "hcloud_zone_rrset" => "change_protection",
        _ => "delete_protection",
    }
}

/// What is wrong with deleting an object, as far as its state tells: protection is lifted by an apply of its own.
pub(crate) fn of_deleted(resource: &dyn Resource, prior: Attrs<'_>) -> Option<Diagnostic> {
    let attribute = attribute(resource.name());
    // Zones come and go with theirs.
    let comes_along = resource.name() == "hcloud_zone_rrset" && prior.text("type") == Some("SOA");
    if !prior.flag(attribute) || comes_along {
        return None;
    }
    let noun = resource.noun();
    let name = prior.text("name").map(|name| format!(" {name}")).unwrap_or_default();
    Some(
        Diagnostic::error("Object is protected")
            .detail(format!(
                "The {noun}{name} would be deleted, and `{attribute}` is on: Hetzner Cloud refuses to delete it, while other \
                 objects would be gone already."
            ))
            .hint(format!(
                "Set `{attribute}` to false and apply that first. What is not in the configuration any more loses its protection in \
                 the Hetzner Console."
            )),
    )
}
