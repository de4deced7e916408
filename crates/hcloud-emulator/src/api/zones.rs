//! DNS zones.

use serde_json::{Value, json};

use super::actions::{
    begun, list_of_kind, list_of_object, render as render_action, show_of_kind, show_of_object,
};
use super::input::Input;
use super::{Call, Reply, Route, delete, get, post, put, rrsets};
use crate::clock::rfc3339;
use crate::world::zones::{Mode, NAMESERVERS, NewZone, PrimaryNameserver, TTLS, Zone};
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/zones", list),
    post("/zones", create),
    get("/zones/actions", |call| list_of_kind(call, Kind::Zone)),
    get("/zones/actions/{id}", |call| show_of_kind(call, Kind::Zone)),
    get("/zones/{id_or_name}", show),
    put("/zones/{id_or_name}", update),
    delete("/zones/{id_or_name}", remove),
    get("/zones/{id_or_name}/zonefile", export),
    get("/zones/{id_or_name}/actions", list_actions),
    get("/zones/{id_or_name}/actions/{action_id}", show_action),
    post("/zones/{id_or_name}/actions/change_primary_nameservers", change_primary_nameservers),
    post("/zones/{id_or_name}/actions/change_protection", change_protection),
    post("/zones/{id_or_name}/actions/change_ttl", change_ttl),
    post("/zones/{id_or_name}/actions/import_zonefile", import),
];

impl Call<'_> {
    /// A name of the path.
    pub(super) fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    /// The id of the zone of the path.
    pub(super) fn zone(&self) -> Result<i64, Refusal> {
        self.tx.find_zone(self.name(0))
    }
}

fn status(tx: &Tx<'_>, zone: &Zone) -> &'static str {
    match (tx.is_zone_updating(zone.id), zone.published) {
        (true, _) => "updating",
        (false, true) => "ok",
        (false, false) => "error",
    }
}

fn render_nameserver(server: &PrimaryNameserver) -> Value {
    let mut shown = json!({"address": server.address, "port": server.port});
    for (field, value) in [("tsig_key", &server.tsig_key), ("tsig_algorithm", &server.tsig_algorithm)] {
        if let Some(value) = value {
            shown[field] = json!(value);
        }
    }
    shown
}

/// A zone as the API shows it.
fn render(tx: &Tx<'_>, zone: &Zone) -> Value {
    json!({
        "id": zone.id,
        "name": zone.name,
        "mode": zone.mode.as_str(),
        "status": status(tx, zone),
        "ttl": zone.ttl,
        "record_count": zone.record_count(),
        "protection": {"delete": zone.protect_delete},
        "labels": zone.labels,
        "created": rfc3339(zone.created),
        "primary_nameservers": zone.primary_nameservers.iter().map(render_nameserver).collect::<Vec<_>>(),
        "registrar": "unknown",
        "authoritative_nameservers": {
            "assigned": NAMESERVERS,
            "delegated": [],
            "delegation_last_check": null,
            "delegation_status": "unknown",
        },
    })
}

/// A zone with its record sets, which the API shows apart.
pub(super) fn render_whole(tx: &Tx<'_>, zone: &Zone) -> Value {
    let mut shown = render(tx, zone);
    shown["rrsets"] = zone.rrsets.values().map(|set| rrsets::render(zone.id, set)).collect();
    shown
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let zones = call.tx.project.zones.values();
    let rows = call.select(zones.filter(|zone| call.query.allows("mode", zone.mode.as_str())))?;
    call.page("zones", &rows, |zone| render(&call.tx, zone))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.zone()?)
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"zone": render(&call.tx, call.tx.zone(id)?)})))
}

fn nameservers(input: &mut Input) -> Option<Vec<PrimaryNameserver>> {
    const ALGORITHMS: [(&str, &str); 3] =
        [("hmac-md5", "hmac-md5"), ("hmac-sha1", "hmac-sha1"), ("hmac-sha256", "hmac-sha256")];
    input.each("primary_nameservers", |server| PrimaryNameserver {
        address: server.required_ip("address"),
        port: server.bounded("port", 1..=65_535).unwrap_or(53),
        tsig_key: server.string("tsig_key"),
        tsig_algorithm: server.word("tsig_algorithm", &ALGORITHMS).map(str::to_owned),
    })
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let new = NewZone {
        name: input.required_string("name"),
        mode: input
            .required_word("mode", &[("primary", Mode::Primary), ("secondary", Mode::Secondary)])
            .unwrap_or(Mode::Primary),
        ttl: input.bounded("ttl", TTLS),
        labels: input.labels("labels").unwrap_or_default(),
        primary_nameservers: nameservers(&mut input).unwrap_or_default(),
        rrsets: input.each("rrsets", rrsets::read).unwrap_or_default().into_iter().flatten().collect(),
        zonefile: input.string("zonefile"),
    };
    input.finish()?;
    let (id, action) = call.tx.create_zone(new)?;
    Ok(Reply::created(json!({
        "zone": render(&call.tx, call.tx.zone(id)?),
        "action": render_action(&action, call.tx.now),
    })))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.zone()?;
    let mut input = call.input()?;
    let labels = input.labels("labels");
    input.finish()?;
    call.tx.update_zone(id, labels)?;
    one(call, id)
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.delete_zone(call.zone()?)?;
    Ok(begun(call, &action))
}

fn export(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"zonefile": call.tx.export_zone(call.zone()?)?})))
}

fn list_actions(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.ids.insert(0, call.zone()?);
    list_of_object(call, Kind::Zone)
}

fn show_action(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.ids.insert(0, call.zone()?);
    show_of_object(call, Kind::Zone)
}

fn change_primary_nameservers(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.zone()?;
    let mut input = call.input()?;
    let servers = nameservers(&mut input);
    if servers.is_none() && !input.has_failed() {
        input.fail("primary_nameservers", "is required");
    }
    input.finish()?;
    let action = call.tx.change_primary_nameservers(id, servers.unwrap_or_default())?;
    Ok(begun(call, &action))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.zone()?;
    let mut input = call.input()?;
    let delete = input.boolean("delete");
    input.finish()?;
    let action = call.tx.protect_zone(id, delete)?;
    Ok(begun(call, &action))
}

fn change_ttl(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.zone()?;
    let mut input = call.input()?;
    let ttl = input.bounded("ttl", TTLS);
    if ttl.is_none() && !input.has_failed() {
        input.fail("ttl", "is required");
    }
    input.finish()?;
    let action = call.tx.change_zone_ttl(id, ttl.unwrap_or(*TTLS.start()))?;
    Ok(begun(call, &action))
}

fn import(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.zone()?;
    let mut input = call.input()?;
    let text = input.required_string("zonefile");
    input.finish()?;
    let action = call.tx.import_zone(id, &text)?;
    Ok(begun(call, &action))
}
