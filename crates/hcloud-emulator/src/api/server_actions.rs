//! What one can do with a server.

use serde_json::{Value, json};

use super::actions::{begun, render};
use super::images::render_own;
use super::{Call, Reply, Route, get, post};
use crate::clock::rfc3339;
use crate::world::Refusal;
use crate::world::server_actions::Power;
use crate::world::servers::Join;

pub(super) const ROUTES: &[Route] = &[
    post("/servers/{id}/actions/poweron", |call| power(call, Power::On)),
    post("/servers/{id}/actions/poweroff", |call| power(call, Power::Off)),
    post("/servers/{id}/actions/shutdown", |call| power(call, Power::Shutdown)),
    post("/servers/{id}/actions/reboot", |call| power(call, Power::Reboot)),
    post("/servers/{id}/actions/reset", |call| power(call, Power::Reset)),
    post("/servers/{id}/actions/change_type", change_type),
    post("/servers/{id}/actions/rebuild", rebuild),
    post("/servers/{id}/actions/attach_to_network", attach_to_network),
    post("/servers/{id}/actions/detach_from_network", detach_from_network),
    post("/servers/{id}/actions/change_alias_ips", change_alias_ips),
    post("/servers/{id}/actions/enable_backup", |call| backups(call, true)),
    post("/servers/{id}/actions/disable_backup", |call| backups(call, false)),
    post("/servers/{id}/actions/change_protection", change_protection),
    post("/servers/{id}/actions/add_to_placement_group", add_to_placement_group),
    post("/servers/{id}/actions/remove_from_placement_group", remove_from_placement_group),
    post("/servers/{id}/actions/change_dns_ptr", change_dns_ptr),
    post("/servers/{id}/actions/reset_password", reset_password),
    post("/servers/{id}/actions/enable_rescue", enable_rescue),
    post("/servers/{id}/actions/disable_rescue", disable_rescue),
    post("/servers/{id}/actions/attach_iso", attach_iso),
    post("/servers/{id}/actions/detach_iso", detach_iso),
    post("/servers/{id}/actions/create_image", create_image),
    post("/servers/{id}/actions/request_console", request_console),
    get("/servers/{id}/metrics", metrics),
];

fn power(call: &mut Call<'_>, power: Power) -> Result<Reply, Refusal> {
    let action = call.tx.power(call.id(), power)?;
    Ok(begun(call, &action))
}

fn change_type(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let server_type = input.required_id_or_name("server_type");
    let upgrade_disk = input.required_boolean("upgrade_disk");
    input.finish()?;
    let action = call.tx.change_type(call.id(), &server_type, upgrade_disk)?;
    Ok(begun(call, &action))
}

fn rebuild(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let image = input.required_id_or_name("image");
    let user_data = input.string("user_data");
    input.finish()?;
    let (action, password) = call.tx.rebuild(call.id(), &image, user_data)?;
    Ok(Reply::created(json!({"action": render(&action, call.tx.now), "root_password": password})))
}

fn attach_to_network(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let join = Join {
        network: input.required_integer("network"),
        ip: input.ipv4("ip"),
        alias_ips: input.ipv4s("alias_ips").unwrap_or_default(),
        ip_range: input.range("ip_range"),
    };
    input.finish()?;
    let action = call.tx.attach_server(call.id(), &join)?;
    Ok(begun(call, &action))
}

fn detach_from_network(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let network = input.required_integer("network");
    input.finish()?;
    let action = call.tx.detach_server(call.id(), network)?;
    Ok(begun(call, &action))
}

fn change_alias_ips(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let network = input.required_integer("network");
    let aliases = input.ipv4s("alias_ips");
    if aliases.is_none() && !input.has("alias_ips") {
        input.fail("alias_ips", "is required");
    }
    input.finish()?;
    let action = call.tx.change_alias_ips(call.id(), network, aliases.unwrap_or_default())?;
    Ok(begun(call, &action))
}

fn backups(call: &mut Call<'_>, on: bool) -> Result<Reply, Refusal> {
    let action = call.tx.set_backups(call.id(), on)?;
    Ok(begun(call, &action))
}

fn change_protection(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (delete, rebuild) = (input.boolean("delete"), input.boolean("rebuild"));
    input.finish()?;
    let action = call.tx.protect_server(call.id(), delete, rebuild)?;
    Ok(begun(call, &action))
}

fn add_to_placement_group(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let group = input.required_integer("placement_group");
    input.finish()?;
    let action = call.tx.add_to_placement_group(call.id(), group)?;
    Ok(begun(call, &action))
}

fn remove_from_placement_group(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.remove_from_placement_group(call.id())?;
    Ok(begun(call, &action))
}

fn change_dns_ptr(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (address, name) = (input.required_ip("ip"), input.string("dns_ptr"));
    input.finish()?;
    let action = call.tx.set_server_dns(call.id(), address, name)?;
    Ok(begun(call, &action))
}

fn reset_password(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (action, password) = call.tx.reset_password(call.id())?;
    Ok(Reply::created(json!({"action": render(&action, call.tx.now), "root_password": password})))
}

fn enable_rescue(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    input.word("type", &[("linux64", ())]);
    let keys = input.ids("ssh_keys");
    input.finish()?;
    let (action, password) = call.tx.enable_rescue(call.id(), &keys)?;
    Ok(Reply::created(json!({"action": render(&action, call.tx.now), "root_password": password})))
}

fn disable_rescue(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.disable_rescue(call.id())?;
    Ok(begun(call, &action))
}

fn attach_iso(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let iso = input.required_id_or_name("iso");
    input.finish()?;
    let action = call.tx.attach_iso(call.id(), &iso)?;
    Ok(begun(call, &action))
}

fn detach_iso(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.detach_iso(call.id())?;
    Ok(begun(call, &action))
}

fn create_image(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let description = input.string("description");
    let backup = input.word("type", &[("snapshot", false), ("backup", true)]).unwrap_or(false);
    let labels = input.labels("labels").unwrap_or_default();
    input.finish()?;
    let (id, action) = call.tx.create_image(call.id(), description, backup, labels)?;
    let image = call.tx.project.images.get(id).map(render_own);
    Ok(Reply::created(json!({"image": image, "action": render(&action, call.tx.now)})))
}

/// The address leads nowhere: nothing is served on it.
fn request_console(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (action, password) = call.tx.request_console(call.id())?;
    let url = format!("wss://127.0.0.1/?server_id={}&token={}", call.id(), action.id);
    Ok(Reply::created(json!({
        "action": render(&action, call.tx.now),
        "wss_url": url,
        "password": password,
    })))
}

/// The time series of each type of metrics (Hetzner API documentation).
fn series(metric: &str) -> Option<&'static [&'static str]> {
    Some(match metric {
        "cpu" => &["cpu"],
        "disk" => {
            &["disk.0.iops.read", "disk.0.iops.write", "disk.0.bandwidth.read", "disk.0.bandwidth.write"]
        }
        "network" => {
            &["network.0.pps.in", "network.0.pps.out", "network.0.bandwidth.in", "network.0.bandwidth.out"]
        }
        _ => return None,
    })
}

/// Metrics of a machine that idles: zero all the time.
fn metrics(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.server(call.id())?;
    render_metrics(call, series)
}

/// Most samples of a series, and how many there are unless asked otherwise (Hetzner API documentation).
const MAX_SAMPLES: i64 = 500;
const USUAL_SAMPLES: i64 = 200;

/// Reads `type`, `start`, `end` and `step` and shows series of zeroes.
pub(super) fn render_metrics(
    call: &Call<'_>,
    series: impl Fn(&str) -> Option<&'static [&'static str]>,
) -> Result<Reply, Refusal> {
    let moment = |name: &str| {
        call.query.get(name).and_then(|text| text.parse::<jiff::Timestamp>().ok()).ok_or_else(|| {
            Refusal::invalid(name, format!("{name} must be a point in time in ISO 8601 format"))
        })
    };
    let (start, end) = (moment("start")?.as_second(), moment("end")?.as_second());
    if end < start {
        return Err(Refusal::invalid("end", "end must not be before start"));
    }
    let step = match call.query.get("step") {
        None => ((end - start) / USUAL_SAMPLES).max(1),
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|step| *step > 0)
            .ok_or_else(|| Refusal::invalid("step", "step must be a number of seconds greater than 0"))?,
    }
    .max((end - start) / MAX_SAMPLES);
    let mut time_series = serde_json::Map::new();
    for metric in call.query.all("type").flat_map(|types| types.split(',')) {
        let names = series(metric)
            .ok_or_else(|| Refusal::invalid("type", format!("unknown type of metrics '{metric}'")))?;
        for name in names {
            let samples = (0..=(end - start) / step).take(500).map(|n| json!([start + n * step, "0"]));
            let values: Vec<Value> = samples.collect();
            time_series.insert((*name).to_owned(), json!({"values": values}));
        }
    }
    if time_series.is_empty() {
        return Err(Refusal::invalid("type", "type is required"));
    }
    let shown = |seconds: i64| rfc3339(seconds.saturating_mul(1000));
    Ok(Reply::ok(json!({"metrics": {
        "start": shown(start),
        "end": shown(end),
        "step": step,
        "time_series": time_series,
    }})))
}
