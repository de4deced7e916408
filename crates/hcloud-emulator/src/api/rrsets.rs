//! Record sets of DNS zones.

use serde_json::{Value, json};

use super::actions::{begun, render as render_action};
use super::input::Input;
use super::{Call, Reply, Route, delete, get, post, put};
use crate::world::labels::Selector;
use crate::world::zones::records::{NewRrSet, RecordType};
use crate::world::zones::rrsets::{Record, RrSet};
use crate::world::zones::{Mode, TTLS};
use crate::world::{Action, Refusal};

pub(super) const ROUTES: &[Route] = &[
    get("/zones/{id_or_name}/rrsets", list),
    post("/zones/{id_or_name}/rrsets", create),
    get("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}", show),
    put("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}", update),
    delete("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}", remove),
    post("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}/actions/change_protection", change_protection),
    post("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}/actions/change_ttl", change_ttl),
    post("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}/actions/set_records", set_records),
    post("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}/actions/add_records", add_records),
    post("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}/actions/remove_records", remove_records),
    post("/zones/{id_or_name}/rrsets/{rr_name}/{rr_type}/actions/update_records", update_records),
];

/// Entries of a page of record sets, at most, and records of one request (Hetzner API documentation).
const MAX_PER_PAGE: usize = 100;
const MAX_RECORDS: usize = 50;

/// A record set as the API shows it.
pub(super) fn render(zone: i64, set: &RrSet) -> Value {
    let records: Vec<Value> =
        set.records.iter().map(|record| json!({"value": record.value, "comment": record.comment})).collect();
    json!({
        "id": set.id(),
        "zone": zone,
        "name": set.name,
        "type": set.kind.as_str(),
        "ttl": set.ttl,
        "labels": set.labels,
        "protection": {"change": set.protect_change},
        "records": records,
    })
}

/// Reads a record set that is asked for; `None` only if its type is wrong, which was reported.
pub(super) fn read(input: &mut Input) -> Option<NewRrSet> {
    let name = input.required_string("name");
    let kind = input.required_word("type", RecordType::ALL);
    let ttl = input.bounded("ttl", TTLS);
    let labels = input.labels("labels").unwrap_or_default();
    let records = input.required_each("records", record);
    Some(NewRrSet { name, kind: kind?, ttl, labels, records })
}

fn record(input: &mut Input) -> Record {
    Record { value: input.required_string("value"), comment: input.string("comment").unwrap_or_default() }
}

/// The records of a request that changes some.
fn records(input: &mut Input, read: impl FnMut(&mut Input) -> Record) -> Vec<Record> {
    let records = input.required_each("records", read);
    if !(1..=MAX_RECORDS).contains(&records.len()) && !input.has_failed() {
        input.fail("records", format!("must have 1 to {MAX_RECORDS} records"));
    }
    records
}

/// The record set of the path: its zone, name and type.
fn place(call: &Call<'_>) -> Result<(i64, String, RecordType), Refusal> {
    let zone = call.zone()?;
    call.tx.zone_in(zone, Mode::Primary)?;
    let kind = RecordType::parse(call.name(2))
        .ok_or_else(|| Refusal::invalid("rr_type", format!("'{}' is no type of record", call.name(2))))?;
    Ok((zone, call.name(1).to_owned(), kind))
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.zone()?;
    let zone = call.tx.zone_in(id, Mode::Primary)?;
    let selector = match call.query.get("label_selector") {
        None => None,
        Some(text) => Some(Selector::parse(text).ok_or_else(|| {
            Refusal::invalid("label_selector", format!("label selector '{text}' is malformed"))
        })?),
    };
    let mut rows: Vec<&RrSet> = zone
        .rrsets
        .values()
        .filter(|set| call.query.allows("name", &set.name) && call.query.allows("type", set.kind.as_str()))
        .filter(|set| selector.as_ref().is_none_or(|selector| selector.matches(&set.labels)))
        .collect();
    call.sort_by(&mut rows, |field, a, b| match field {
        "id" => Some(a.id().cmp(&b.id())),
        "name" => Some(a.name.cmp(&b.name)),
        "created" => Some(a.created.cmp(&b.created)),
        _ => None,
    });
    call.page_of_at_most(MAX_PER_PAGE, "rrsets", &rows, |set| render(id, set))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let zone = call.zone()?;
    call.tx.zone_in(zone, Mode::Primary)?;
    let mut input = call.input()?;
    let new = read(&mut input);
    input.finish()?;
    let new = new.ok_or_else(|| Refusal::invalid("type", "is required"))?;
    let (set, action) = call.tx.create_rrset(zone, new)?;
    let action = render_action(&action, call.tx.now);
    Ok(Reply::created(json!({"rrset": render(zone, &set), "action": action})))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    Ok(Reply::ok(json!({"rrset": render(zone, call.tx.rrset(zone, &name, kind)?)})))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    let mut input = call.input()?;
    let labels = input.labels("labels");
    input.finish()?;
    call.tx.update_rrset(zone, &name, kind, labels)?;
    show(call)
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    let action = call.tx.delete_rrset(zone, &name, kind)?;
    Ok(begun(call, &action))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    let mut input = call.input()?;
    let change = input.required_boolean("change");
    input.finish()?;
    let action = call.tx.protect_rrset(zone, &name, kind, change)?;
    Ok(begun(call, &action))
}

fn change_ttl(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    let mut input = call.input()?;
    // Null means the zone's, and so has to be said.
    if !input.has("ttl") {
        input.fail("ttl", "is required");
    }
    let ttl = input.bounded("ttl", TTLS);
    input.finish()?;
    let action = call.tx.change_rrset_ttl(zone, &name, kind, ttl)?;
    Ok(begun(call, &action))
}

fn set_records(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    let mut input = call.input()?;
    let records = records(&mut input, record);
    input.finish()?;
    let action = call.tx.set_records(zone, &name, kind, records)?;
    Ok(begun(call, &action))
}

fn add_records(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    let mut input = call.input()?;
    let ttl = input.bounded("ttl", TTLS);
    let records = records(&mut input, record);
    input.finish()?;
    let action = call.tx.add_records(zone, &name, kind, ttl, records)?;
    Ok(begun(call, &action))
}

fn remove_records(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    let mut input = call.input()?;
    let records = records(&mut input, record);
    input.finish()?;
    let action = call.tx.remove_records(zone, &name, kind, &records)?;
    Ok(begun(call, &action))
}

/// Unlike every other operation that begins an action, this one answers with 200 (Hetzner API documentation).
fn update_records(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (zone, name, kind) = place(call)?;
    let mut input = call.input()?;
    let records = records(&mut input, |input| Record {
        value: input.required_string("value"),
        comment: input.required_string("comment"),
    });
    input.finish()?;
    let action: Action = call.tx.update_records(zone, &name, kind, records)?;
    Ok(Reply::ok(json!({"action": render_action(&action, call.tx.now)})))
}
