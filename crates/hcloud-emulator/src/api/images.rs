//! Images.

use ferroform_catalogue::Image as SystemImage;
use serde_json::{Value, json};

use super::actions::{action_routes, begun};
use super::object::object;
use super::offers::midnight;
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::images::{Image, SNAPSHOT_TENTHS_OF_GB, SYSTEM_IMAGE_DISK};
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/images", list),
    get("/images/{id}", show),
    put("/images/{id}", update),
    delete("/images/{id}", remove),
    post("/images/{id}/actions/change_protection", change_protection),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/images", Kind::Image, any_image);

/// System images have been there all along: this stands in for the day, which is not known.
const SYSTEM_IMAGES_CREATED: &str = "2025-01-01T00:00:00Z";

/// A system image as the API shows it.
fn render_system(image: &SystemImage) -> Value {
    let deprecation = image.deprecation.as_ref().map(|deprecation| {
        let until = midnight(&deprecation.unavailable_after);
        let announced = deprecation.announced.as_deref().map_or_else(|| until.clone(), midnight);
        object! {"announced": announced, "unavailable_after": until}
    });
    let deprecated = deprecation.as_ref().map(|deprecation| deprecation["announced"].clone());
    object! {
        "id": image.id,
        "type": "system",
        "status": "available",
        "name": image.name.as_str(),
        "description": image.description.as_str(),
        "image_size": (),
        "disk_size": SYSTEM_IMAGE_DISK,
        "created": SYSTEM_IMAGES_CREATED,
        "created_from": (),
        "bound_to": (),
        "os_flavor": image.os_flavor.as_str(),
        "os_version": image.os_version.as_str(),
        "rapid_deploy": image.rapid_deploy,
        "protection": object! {"delete": false},
        "deprecated": deprecated,
        "deprecation": deprecation,
        "labels": object! {},
        "deleted": (),
        "architecture": image.architecture.as_str(),
    }
}

/// A snapshot or backup as the API shows it.
pub(super) fn render_own(image: &Image) -> Value {
    json!({
        "id": image.id,
        "type": if image.backup { "backup" } else { "snapshot" },
        "status": if image.available { "available" } else { "creating" },
        "name": null,
        "description": image.description,
        "image_size": image.available.then_some(f64::from(SNAPSHOT_TENTHS_OF_GB) / 10.0),
        "disk_size": image.disk,
        "created": rfc3339(image.created),
        "created_from": {"id": image.server, "name": image.server_name},
        "bound_to": image.backup.then_some(image.server),
        "os_flavor": image.os_flavor,
        "os_version": image.os_version,
        "rapid_deploy": false,
        "protection": {"delete": image.protect_delete},
        "deprecated": null,
        "deprecation": null,
        "labels": image.labels,
        "deleted": null,
        "architecture": if image.arm { "arm" } else { "x86" },
    })
}

/// The image of an id as the API shows it; `None` if there is none (any more).
pub(super) fn render_any(tx: &Tx<'_>, id: i64) -> Option<Value> {
    tx.system_image(id).map(render_system).or_else(|| tx.project.images.get(id).map(render_own))
}

fn text<'v>(image: &'v Value, field: &str) -> &'v str {
    image[field].as_str().unwrap_or_default()
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let query = &call.query;
    let with_deprecated = query.flag("include_deprecated") == Some(true);
    let unfiltered = query.get("label_selector").is_none();
    let named = |name: &str| query.get("name").is_none_or(|wanted| wanted == name);
    let system = call.tx.catalogue().images().iter().filter(|image| unfiltered && named(&image.name));
    let mut rows: Vec<Value> = system.map(render_system).collect();
    rows.extend(call.select(call.rows(&call.tx.project.images))?.into_iter().map(render_own));
    rows.retain(|image| {
        (with_deprecated || image["deprecation"].is_null())
            && query.allows("type", text(image, "type"))
            && query.allows("status", text(image, "status"))
            && query.allows("architecture", text(image, "architecture"))
            && query.allows("bound_to", &image["bound_to"].to_string())
    });
    call.sort_by(&mut rows, |field, a, b| match field {
        "id" => Some(a["id"].as_i64().cmp(&b["id"].as_i64())),
        "name" | "created" => Some(text(a, field).cmp(text(b, field))),
        _ => None,
    });
    call.page("images", &rows, Clone::clone)
}

fn one(call: &Call<'_>) -> Result<Reply, Refusal> {
    let image = render_any(&call.tx, call.id()).ok_or_else(|| Refusal::not_found("image", call.id()))?;
    Ok(Reply::ok(json!({"image": image})))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call)
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (description, labels) = (input.string("description"), input.labels("labels"));
    let snapshot = input.word("type", &[("snapshot", ())]).is_some();
    input.finish()?;
    call.tx.update_image(call.id(), description, snapshot, labels)?;
    one(call)
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_image(call.id())?;
    Ok(Reply::empty())
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let delete = input.boolean("delete");
    input.finish()?;
    let action = call.tx.protect_image(call.id(), delete)?;
    Ok(begun(call, &action))
}
