//! Servers: type, image, keys, addresses and placement group.

use ferroform_catalogue::{Architecture, Catalogue};
use ferroform_core::{Diagnostic, Value};

use super::offers::{self, ServerTypeFacts};
use super::{Around, Name, concerns, firewalls, listed, networks};
use crate::resource::Plan;
use crate::resources::parse_id;
use crate::rules::in_block;

/// Most servers of a spread group (Hetzner documentation, "Placement groups").
const MOST_SPREAD: usize = 10;

/// How many alternatives a message names.
const ALTERNATIVES: usize = 6;

/// All that is held against a server.
pub(crate) async fn check(plan: &mut Plan<'_>, around: &Around<'_>) {
    offers::location(plan, around, "location").await;
    let facts = server_type(plan, around).await;
    if let Some(facts) = &facts {
        image(plan, around, facts).await;
        change_of_type(plan, around, facts).await;
    }
    ssh_keys(plan, around).await;
    placement_group(plan, around);
    addresses(plan, around);
    firewalls::of_server(plan);
    networks::of_server(plan, around);
}

async fn server_type(plan: &mut Plan<'_>, around: &Around<'_>) -> Option<ServerTypeFacts> {
    if !concerns(plan, &["server_type", "image"]) {
        return None;
    }
    let name = plan.get("server_type").as_str()?.to_owned();
    let location = plan.get("location").as_str().map(str::to_owned);
    match offers::server_type(around, &name, location.as_deref()).await {
        Ok(facts) => facts,
        Err(problem) => {
            plan.problems.push(problem.attribute(ferroform_core::AttrPath::attr("server_type")));
            None
        }
    }
}

/// The image exists, for the architecture of the type, and fits on its disk.
async fn image(plan: &mut Plan<'_>, around: &Around<'_>, facts: &ServerTypeFacts) {
    if !concerns(plan, &["image"]) {
        return;
    }
    let Some(name) = plan.get("image").as_str().filter(|name| !name.is_empty()).map(str::to_owned) else {
        return;
    };
    let other = |architecture: &str| {
        format!(
            "The server type {} has the architecture {}, and the image {name} is for {architecture}. Use an image for {}, or a \
             server type of {architecture}{}.",
            facts.name,
            facts.architecture,
            facts.architecture,
            types_of(architecture, plan.get("location").as_str())
        )
    };
    const MISFIT: &str = "Image for another architecture";
    if let Some(id) = parse_id(&name) {
        match around.image_of_id(id).await {
            Some(None) => {
                let detail = format!("There is no image with the number {id}, or it is of another project.");
                plan.problems.add("image", "Unknown image", detail);
            }
            Some(Some(image))
                if !image.architecture.is_empty() && image.architecture != facts.architecture =>
            {
                let detail = other(&image.architecture);
                plan.problems.add("image", MISFIT, detail);
            }
            Some(Some(image)) => room_for(plan, &name, image.disk_size, facts),
            None => {}
        }
        return;
    }
    let known = Catalogue::builtin()
        .images()
        .iter()
        .any(|image| image.name == name && image.architecture.as_str() == facts.architecture);
    if known {
        return;
    }
    let Some(found) = around.images_of_name(&name).await else { return };
    if found.iter().any(|image| image.architecture == facts.architecture) {
        return;
    }
    match found.first() {
        Some(image) => {
            let detail = other(&image.architecture);
            plan.problems.add("image", MISFIT, detail);
        }
        None => {
            let system = Catalogue::builtin().images().iter();
            let system = system.filter(|image| image.architecture.as_str() == facts.architecture);
            let detail = format!(
                "Hetzner Cloud has no image {name:?} for the architecture {}. System images are: {}.",
                facts.architecture,
                listed(system.map(|image| image.name.clone()))
            );
            plan.problems.add("image", "Unknown image", detail);
        }
    }
}

/// The disk of an image fits on that of the server type. Those of system images fit everywhere.
fn room_for(plan: &mut Plan<'_>, image: &str, needs: Option<f64>, facts: &ServerTypeFacts) {
    let (Some(needs), Some(has)) = (needs, facts.disk) else { return };
    if needs > has {
        let detail = format!(
            "The image {image} is of a disk of {needs} GB, and {} has {has} GB. {}",
            facts.name,
            possible(&facts.architecture, Some(needs.ceil() as i64), plan.get("location").as_str()),
        );
        plan.problems.add("image", "Image too large for the server type", detail);
    }
}

/// "; in fsn1 these are a, b": types of an architecture, cheapest first.
fn types_of(architecture: &str, location: Option<&str>) -> String {
    let required = match architecture {
        "arm" => Architecture::Arm,
        _ => Architecture::X86,
    };
    let required = ferroform_catalogue::Requirements {
        architecture: Some(required),
        ..ferroform_catalogue::Requirements::default()
    };
    let Some(location) = location else { return String::new() };
    let found = Catalogue::builtin().cheapest(location, required);
    let names: Vec<&str> = found.iter().take(ALTERNATIVES).map(|t| t.name.as_str()).collect();
    if names.is_empty() {
        return format!(" (there is none in {location})");
    }
    format!(" (in {location}, cheapest first: {})", names.join(", "))
}

/// A server becomes another type only of its own architecture and storage, with room for its disk.
async fn change_of_type(plan: &mut Plan<'_>, around: &Around<'_>, wanted: &ServerTypeFacts) {
    let Some(prior) = plan.prior.filter(|_| plan.changes("server_type")) else { return };
    let before = match prior.text("server_type") {
        Some(before) => offers::server_type(around, before, None).await.ok().flatten(),
        None => None,
    };
    let instead = "A new server of the type takes the place of this one with -replace; what is on its disk does not come along.";
    if let Some(before) = before {
        if before.architecture != wanted.architecture {
            let detail = format!(
                "The server is of the type {} ({}), and {} has the architecture {}: a server keeps its architecture. {} {instead}",
                before.name,
                before.architecture,
                wanted.name,
                wanted.architecture,
                possible(&before.architecture, prior.int("primary_disk_size"), prior.text("location")),
            );
            plan.problems.add("server_type", "Server type of another architecture", detail);
            return;
        }
        if before.storage_type != wanted.storage_type {
            let detail = format!(
                "The server is of the type {} with {} storage, and {} has {} storage: a server keeps its storage. {instead}",
                before.name, before.storage_type, wanted.name, wanted.storage_type
            );
            plan.problems.add("server_type", "Server type of another storage", detail);
            return;
        }
    }
    if let (Some(has), Some(gets)) = (prior.positive("primary_disk_size"), wanted.disk)
        && gets < has as f64
    {
        let detail = format!(
            "The server's disk has {has} GB, and {} has {gets} GB: a disk never shrinks. {} To go back to a smaller type one \
             day, grow with `keep_disk` = true. {instead}",
            wanted.name,
            possible(&wanted.architecture, Some(has), prior.text("location")),
        );
        plan.problems.add("server_type", "Disk too large for the server type", detail);
    }
}

/// A sentence with types that have room for a disk of so many GB.
fn possible(architecture: &str, disk: Option<i64>, location: Option<&str>) -> String {
    let disk = disk.unwrap_or_default();
    let Some(location) = location else { return String::new() };
    let all = Catalogue::builtin().cheapest(location, ferroform_catalogue::Requirements::default());
    let fit = all.iter().filter(|t| {
        t.architecture.as_str() == architecture && t.disk_gb.is_some_and(|size| i64::from(size) >= disk)
    });
    let names: Vec<&str> = fit.take(ALTERNATIVES).map(|t| t.name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("Possible in {location}, cheapest first: {}.", names.join(", "))
}

/// The SSH keys exist, or are made by the same plan.
async fn ssh_keys(plan: &mut Plan<'_>, around: &Around<'_>) {
    if plan.prior.is_some() {
        return;
    }
    let keys = plan.config.get("ssh_keys").as_slice().unwrap_or_default();
    let named: Vec<(usize, String)> = keys
        .iter()
        .enumerate()
        .filter_map(|(at, key)| Some((at, key.as_str()?.to_owned())))
        .filter(|(_, key)| !around.plans_ssh_key(key))
        .collect();
    if named.is_empty() {
        return;
    }
    let Some(known) = around.ssh_keys().await else { return };
    for (at, key) in named {
        if known.iter().any(|k| k.name == key || k.id.to_string() == key) {
            continue;
        }
        let there_are = match listed(known.iter().map(|k| k.name.clone())) {
            none if none.is_empty() => "The project has none yet.".to_owned(),
            names => format!("The project has: {names}."),
        };
        plan.problems.add_at(
            ferroform_core::AttrPath::attr("ssh_keys").with_index(at),
            "Unknown SSH key",
            format!(
                "No SSH key has the name or number {key:?}. {there_are} One that this configuration makes is referred to by its \
                 attributes, such as `hcloud_ssh_key.NAME.id`, so that it is made first."
            ),
        );
    }
}

/// A spread group has room for so many servers, and takes those that are off.
fn placement_group(plan: &mut Plan<'_>, around: &Around<'_>) {
    let running = plan.prior.is_some_and(|prior| prior.text("status") == Some("running"));
    if running && plan.changes("placement_group_id") && !plan.changes("server_type") {
        plan.problems.push(
            Diagnostic::warning("Server must be off")
                .detail(
                    "The server is running, and Hetzner Cloud changes the placement group only of servers that are off. Switch it off \
                     before this is applied, and on again after; a change of its type in the same plan does both.",
                )
                .attribute(ferroform_core::AttrPath::attr("placement_group_id")),
        );
    }
    let group = plan.get("placement_group_id").clone();
    let members = around.others("hcloud_server", &group, Some(plan.get("id"))).len() + 1;
    if Name::of(&group).is_some() && members > MOST_SPREAD {
        plan.problems.add(
            "placement_group_id",
            "Placement group is full",
            format!(
                "A spread group has at most {MOST_SPREAD} servers, and this would be number {members}. Use one group for every \
                 {MOST_SPREAD} servers."
            ),
        );
    }
}

/// Primary IPs are of the right family and in the server's location, and a server has some interface.
fn addresses(plan: &mut Plan<'_>, around: &Around<'_>) {
    if !concerns(plan, &["public_net"]) {
        return;
    }
    let config = plan.config;
    let location = plan.get("location").as_str().map(str::to_owned);
    for block in config.blocks("public_net") {
        for family in ["ipv4", "ipv6"] {
            let Some(ip) = around.object("hcloud_primary_ip", block.get(family)) else { continue };
            let text = |name: &str| ip.get(name).and_then(Value::as_str).map(str::to_owned);
            if let Some(kind) = text("type").filter(|kind| kind != family) {
                plan.problems.add_at(
                    in_block("public_net", block, family),
                    "Primary IP of the other family",
                    format!(
                        "The primary IP is of the type `{kind}`; `{family}` takes one of the type `{family}`."
                    ),
                );
            } else if let (Some(at), Some(location)) = (text("location"), &location)
                && at != *location
            {
                plan.problems.add_at(
                    in_block("public_net", block, family),
                    "Primary IP in another location",
                    format!(
                        "The primary IP is in {at} and the server in {location}; both must be in the same location. Set the `location` \
                         of one of them to that of the other."
                    ),
                );
            }
        }
    }
    let off =
        |name: &str| config.block("public_net").is_some_and(|block| block.get(name).as_bool() == Some(false));
    let no_block = config.get("network").as_slice().is_some_and(<[Value]>::is_empty);
    if plan.prior.is_none() && off("ipv4_enabled") && off("ipv6_enabled") && no_block {
        plan.problems.push(
            Diagnostic::error("Server without any network")
                .detail(
                    "The server has neither a public address nor a private network, so that it could not be started. Enable one of \
                     `ipv4_enabled` and `ipv6_enabled`, or give it a `network` block; an `hcloud_server_network` comes too late for \
                     its first start.",
                )
                .attribute(ferroform_core::AttrPath::attr("public_net")),
        );
    }
}
