//! What labels of a server ask of Ferroform beyond what the published provider does. For Terraform, and for Hetzner Cloud,
//! they are labels like any other.

use ferroform_catalogue::Catalogue;
use ferroform_core::{AttrPath, Diagnostic};

use crate::attrs::Attrs;
use crate::rules::Problems;

/// What the keys of all such labels begin with.
const OURS: &str = "ferroform/";
/// Server types to take, in this order, where the one of `server_type` is sold out; a list, see [`items`].
pub(super) const FALLBACKS: &str = "ferroform/server-type-fallbacks";
/// Which of `user_data` and `image` lead to a rebuild of the server's disk instead of a new server when they change; a list.
pub(super) const REBUILD_ON: &str = "ferroform/rebuild-on";

/// What may be in [`REBUILD_ON`].
const REBUILDING: [&str; 2] = ["user_data", "image"];

/// The items of a list in a label. Labels may hold letters, digits, dots, hyphens and underscores only, so that dots
/// separate them.
fn items(attrs: Attrs<'_>, label: &str) -> Vec<String> {
    let list = attrs.labels("labels").remove(label).unwrap_or_default();
    list.split('.').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// The server types to take when that of `server_type` is sold out, in order.
pub(super) fn fallbacks(attrs: Attrs<'_>) -> Vec<String> {
    items(attrs, FALLBACKS)
}

/// Whether a change of an attribute rebuilds the server instead of replacing it.
pub(super) fn rebuilds_on(attrs: Attrs<'_>, attribute: &str) -> bool {
    items(attrs, REBUILD_ON).iter().any(|item| item == attribute)
}

/// Checks what the labels ask for.
pub(super) fn validate(config: Attrs<'_>, problems: &mut Problems) {
    for key in config.labels("labels").keys() {
        if key.starts_with(OURS) && ![FALLBACKS, REBUILD_ON].contains(&key.as_str()) {
            // Perhaps a newer version knows it.
            problems.push(
                Diagnostic::warning("Label without meaning")
                    .detail(format!(
                        "Of the labels of a server that begin with {OURS:?}, {FALLBACKS} and {REBUILD_ON} mean something; {key} does \
                         not."
                    ))
                    .attribute(AttrPath::attr("labels").with_key(key.as_str())),
            );
        }
    }
    for item in items(config, REBUILD_ON) {
        if !REBUILDING.contains(&item.as_str()) {
            let detail = format!(
                "The label {REBUILD_ON} lists what rebuilds the server when it changes: {}; not {item:?}. Several are \
                 separated by a dot.",
                REBUILDING.join(" or ")
            );
            problems.add("labels", super::INVALID, detail);
        }
    }
    let catalogue = Catalogue::builtin();
    let first = config.get("server_type").as_str().and_then(|name| catalogue.server_type(name));
    for name in fallbacks(config) {
        // What the catalogue does not know is for the API to decide.
        let (Some(first), Some(other)) = (first, catalogue.server_type(&name)) else { continue };
        if first.architecture != other.architecture {
            let detail = format!(
                "The label {FALLBACKS} names {name}, which is of the architecture {}; {} is of {}, and what is installed \
                 on a server is for one of them.",
                other.architecture.as_str(),
                first.name,
                first.architecture.as_str()
            );
            problems.add("labels", super::INVALID, detail);
        }
    }
}
