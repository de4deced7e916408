//! Which image a name means for a server type.

use ferroform_catalogue::Catalogue;
use ferroform_core::{AttrPath, Diagnostic};
use ferroform_hcloud::Filter;

use crate::attrs::Attrs;
use crate::cx::Cx;
use crate::failure::Failure;
use crate::resources::parse_id;

/// The image to ask for: a number as it is; of the images of a name the one for the type's architecture.
pub(super) async fn resolve(cx: &Cx, planned: Attrs<'_>, server_type: &str) -> Result<String, Failure> {
    let Some(name) = planned.text("image") else {
        return Err(Diagnostic::error("Missing image")
            .detail("A new server needs an `image`: the name of a system image such as `ubuntu-24.04`, or the number of any image.")
            .attribute(AttrPath::attr("image"))
            .into());
    };
    if parse_id(name).is_some() {
        return Ok(name.to_owned());
    }
    let architecture = architecture_of(cx, server_type).await?;
    let key = (name.to_owned(), architecture);
    let known = cx.images.lock().get(&key).copied();
    let id = match known {
        Some(id) => id,
        None => {
            let filter = Filter::name(name).with("architecture", &key.1).with("include_deprecated", "true");
            let found = cx.client.images().list(&filter).await?;
            let id = found.first().map(|image| image.id).ok_or_else(|| not_found(name, &key.1))?;
            cx.images.lock().insert(key, id);
            id
        }
    };
    Ok(id.to_string())
}

async fn architecture_of(cx: &Cx, server_type: &str) -> Result<String, Failure> {
    if let Some(known) = Catalogue::builtin().server_type(server_type) {
        return Ok(known.architecture.as_str().to_owned());
    }
    let found = match parse_id(server_type) {
        Some(id) => cx.client.server_types().find(id).await?,
        None => cx.client.server_types().list(&Filter::name(server_type)).await?.into_iter().next(),
    };
    found.map(|t| t.architecture).ok_or_else(|| {
        Diagnostic::error("Unknown server type")
            .detail(format!("Hetzner Cloud has no server type {server_type:?}."))
            .attribute(AttrPath::attr("server_type"))
            .into()
    })
}

fn not_found(name: &str, architecture: &str) -> Failure {
    let known = Catalogue::builtin().images().iter().filter(|i| i.architecture.as_str() == architecture);
    let names: Vec<&str> = known.map(|i| i.name.as_str()).collect();
    Diagnostic::error("Unknown image")
        .detail(format!(
            "Hetzner Cloud has no image {name:?} for the architecture {architecture}. System images are: {}.",
            names.join(", ")
        ))
        .attribute(AttrPath::attr("image"))
        .into()
}
