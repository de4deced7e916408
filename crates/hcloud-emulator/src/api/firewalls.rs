//! Firewalls.

use serde_json::{Value, json};

use super::actions::{action_routes, all_begun, render_all};
use super::input::Input;
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::firewalls::{Firewall, Rule, Target};
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/firewalls", list),
    post("/firewalls", create),
    get("/firewalls/{id}", show),
    put("/firewalls/{id}", update),
    delete("/firewalls/{id}", remove),
    post("/firewalls/{id}/actions/set_rules", set_rules),
    post("/firewalls/{id}/actions/apply_to_resources", apply),
    post("/firewalls/{id}/actions/remove_from_resources", unapply),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/firewalls", Kind::Firewall, firewall);

/// A firewall as the API shows it.
pub(super) fn render(tx: &Tx<'_>, firewall: &Firewall) -> Value {
    let servers =
        firewall.servers.iter().map(|applied| json!({"type": "server", "server": {"id": applied.server}}));
    let selectors = firewall.selectors.iter().map(|selector| {
        let reached: Vec<Value> = tx
            .servers_selected(selector)
            .into_iter()
            .map(|id| json!({"type": "server", "server": {"id": id}}))
            .collect();
        json!({
            "type": "label_selector",
            "label_selector": {"selector": selector},
            "applied_to_resources": reached,
        })
    });
    let applied_to: Vec<Value> = servers.chain(selectors).collect();
    let rules: Vec<Value> = firewall
        .rules
        .iter()
        .map(|rule| {
            json!({
                "description": rule.description,
                "direction": rule.direction,
                "protocol": rule.protocol,
                "port": rule.port,
                "source_ips": rule.source_ips,
                "destination_ips": rule.destination_ips,
            })
        })
        .collect();
    json!({
        "id": firewall.id,
        "name": firewall.name,
        "labels": firewall.labels,
        "created": rfc3339(firewall.created),
        "rules": rules,
        "applied_to": applied_to,
    })
}

fn read_rule(input: &mut Input) -> Rule {
    Rule {
        description: input.string("description"),
        direction: input.required_string("direction"),
        protocol: input.required_string("protocol"),
        port: input.string("port"),
        source_ips: input.strings("source_ips").unwrap_or_default(),
        destination_ips: input.strings("destination_ips").unwrap_or_default(),
    }
}

fn read_target(input: &mut Input) -> Target {
    match input.required_word("type", &[("server", true), ("label_selector", false)]) {
        Some(false) => Target::Selector(
            input.required_nested("label_selector", |selector| selector.required_string("selector")),
        ),
        _ => Target::Server(input.required_nested("server", |server| server.required_integer("id"))),
    }
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = call.select(call.rows(&call.tx.project.firewalls))?;
    call.page("firewalls", &rows, |firewall| render(&call.tx, firewall))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"firewall": render(&call.tx, call.tx.firewall(id)?)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let name = input.required_string("name");
    let labels = input.labels("labels").unwrap_or_default();
    let rules = input.each("rules", read_rule).unwrap_or_default();
    let targets = input.each("apply_to", read_target).unwrap_or_default();
    input.finish()?;
    let (id, actions) = call.tx.create_firewall(name, labels, rules, &targets)?;
    let firewall = render(&call.tx, call.tx.firewall(id)?);
    Ok(Reply::created(json!({"firewall": firewall, "actions": render_all(&actions, call.tx.now)})))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    input.finish()?;
    call.tx.update_firewall(call.id(), name, labels)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_firewall(call.id())?;
    Ok(Reply::empty())
}

fn set_rules(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let rules = input.required_each("rules", read_rule);
    input.finish()?;
    let actions = call.tx.set_rules(call.id(), rules)?;
    Ok(all_begun(call, &actions))
}

fn apply(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let targets = input.required_each("apply_to", read_target);
    input.finish()?;
    let actions = call.tx.apply_firewall(call.id(), &targets)?;
    Ok(all_begun(call, &actions))
}

fn unapply(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let targets = input.required_each("remove_from", read_target);
    input.finish()?;
    let actions = call.tx.remove_firewall(call.id(), &targets)?;
    Ok(all_begun(call, &actions))
}
