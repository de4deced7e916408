//! `hcloud_zone`: a DNS zone.

use std::net::IpAddr;

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::{AttrPath, Type, Value};
use ferroform_hcloud::{Error, Labels, PrimaryNameserver, Protection, Zone as ApiZone, ZoneCreate};

use super::records::TTLS;
use super::{changed_flag, number_id, parse_id, schema};
use crate::attrs::{Attrs, State, flag, int, labels, nested, text, text_list, text_or_null};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, COMBINATION, INVALID, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct Zone;

/// Seconds that records may be kept for unless configuration says otherwise.
const DEFAULT_TTL: i64 = 3600;
/// The port of nameservers.
const DEFAULT_PORT: i64 = 53;
/// How transfers may be signed (Hetzner API documentation, "Create a Zone").
const ALGORITHMS: &[&str] = &["hmac-md5", "hmac-sha1", "hmac-sha256"];

#[async_trait]
impl Resource for Zone {
    fn name(&self) -> &'static str {
        "hcloud_zone"
    }

    fn noun(&self) -> &'static str {
        "zone"
    }

    fn schema(&self) -> Schema {
        let authoritative = Block::of([("assigned", Attribute::computed(Type::list(Type::String)))]);
        schema(Block::of([
            ("id", Attribute::computed(Type::Number)),
            ("name", Attribute::required(Type::String).force_new()),
            ("mode", Attribute::required(Type::String).force_new()),
            ("ttl", Attribute::optional_computed(Type::Number)),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
            ("delete_protection", Attribute::optional_computed(Type::Bool)),
            ("primary_nameservers", nested(Attribute::optional_computed, Nesting::List, nameserver_block())),
            ("authoritative_nameservers", nested(Attribute::computed, Nesting::Single, authoritative)),
            ("registrar", Attribute::computed(Type::String)),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![("ttl", int(DEFAULT_TTL)), ("labels", labels(&Labels::new()))]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        rules::one_of(config, "mode", &["primary", "secondary"], problems);
        rules::between(config, "ttl", TTLS.0, TTLS.1, problems);
        if let Some(problem) = config.get("name").as_str().and_then(problem_of_name) {
            problems.add("name", INVALID, problem);
        }
        let servers = config.get("primary_nameservers");
        match config.text("mode") {
            Some("primary") if !servers.is_null() => problems.add(
                "primary_nameservers",
                COMBINATION,
                "Only a zone in the mode `secondary` has primary nameservers.",
            ),
            Some("secondary") if servers.is_null() => {
                problems.add(
                    "mode",
                    COMBINATION,
                    "A zone in the mode `secondary` needs `primary_nameservers`.",
                );
            }
            _ => {}
        }
        validate_nameservers(config, problems);
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let Some(servers) = plan.config.get("primary_nameservers").as_slice() else { return };
        let planned = servers.iter().map(|server| {
            let attributes = server.as_map().into_iter().flatten().map(|(name, value)| {
                let port = &**name == "port" && value.is_null();
                (name.clone(), if port { int(DEFAULT_PORT) } else { value.clone() })
            });
            if server.is_known() { Value::object(attributes) } else { server.clone() }
        });
        plan.set("primary_nameservers", Value::list(nameserver_block().implied_type(), planned));
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.zones.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(zone) = seen.zones.find(prior.id())? else { return Ok(None) };
        for (name, value) in shown(zone) {
            state.set(name, value);
        }
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let zone = ZoneCreate {
            name: planned.string("name"),
            mode: planned.string("mode"),
            ttl: planned.int("ttl"),
            primary_nameservers: nameservers(planned),
            labels: planned.labels("labels"),
        };
        let created = cx.client.zones().create(&zone).await?;
        Ok(Begun::new(created.zone.id, created.action))
    }

    async fn finish(&self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        match parse_id(id).filter(|_| planned.flag("delete_protection")) {
            Some(id) => protect(cx, id, true).await,
            None => Ok(()),
        }
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let zones = cx.client.zones();
        let (before, after) = (prior.labels("labels"), planned.labels("labels"));
        if before != after {
            cx.step(Tolerance::NONE, || async { zones.update(id, &after).await.map(drop) }).await?;
        }
        if let Some(ttl) = planned.int("ttl").filter(|ttl| prior.int("ttl") != Some(*ttl)) {
            cx.step(Tolerance::NONE, || zones.change_ttl(id, ttl)).await?;
        }
        let servers = nameservers(planned);
        if planned.text("mode") == Some("secondary") && servers != nameservers(prior) {
            cx.step(Tolerance::NONE, || zones.change_primary_nameservers(id, &servers)).await?;
        }
        match changed_flag(prior, planned, "delete_protection")
            .filter(|_| planned.is_known("delete_protection"))
        {
            Some(delete) => protect(cx, id, delete).await,
            None => Ok(()),
        }
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        Ok(cx.step(Tolerance::REMOVING, || cx.client.zones().delete(id)).await?)
    }

    async fn named(&self, cx: &Cx, import_id: &str) -> Result<Option<String>, Failure> {
        if parse_id(import_id).is_some() {
            return Ok(None);
        }
        Ok(cx.client.zones().find_by_name(import_id).await?.map(|zone| zone.id.to_string()))
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the zone, such as `123`, or its name")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.zones(), planned, &mut seen.zones).await
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<ferroform_hcloud::Action>, Failure> {
        super::running(cx.client.zones(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "mode", "ttl", "labels", "primary_nameservers"]
    }
}

/// The attributes of a zone.
pub(crate) fn shown(zone: &ApiZone) -> Vec<(&'static str, Value)> {
    let servers = zone.primary_nameservers.iter().map(nameserver_value);
    let assigned = text_list(&zone.authoritative_nameservers.assigned);
    vec![
        ("id", int(zone.id)),
        ("name", text(&zone.name)),
        ("mode", text(&zone.mode)),
        ("ttl", int(zone.ttl)),
        ("labels", labels(&zone.labels)),
        ("delete_protection", flag(zone.protection.delete)),
        ("primary_nameservers", Value::list(nameserver_block().implied_type(), servers)),
        ("authoritative_nameservers", Value::object([("assigned", assigned)])),
        ("registrar", text(&zone.registrar)),
    ]
}

/// What is wrong with the name of a zone (Hetzner API documentation, "Create a Zone").
fn problem_of_name(name: &str) -> Option<String> {
    if !name.is_ascii() {
        return Some(format!(
            "{name:?} has characters beyond ASCII; write it in Punycode, such as \"xn--mnchen-3ya.de\"."
        ));
    }
    let right = name.trim_end_matches('.').to_ascii_lowercase();
    if right != name {
        return Some(format!("It must be in lower case and without a dot at its end: {right:?}."));
    }
    let bad_part = |part: &str| part.is_empty() || part.contains(|c: char| c.is_whitespace() || c == '/');
    (!name.contains('.') || name.split('.').any(bad_part))
        .then(|| format!("{name:?} is not the name of a zone, such as \"example.com\"."))
}

fn nameserver_block() -> Block {
    Block::of([
        ("address", Attribute::required(Type::String)),
        ("port", Attribute::optional_computed(Type::Number)),
        ("tsig_algorithm", Attribute::optional(Type::String)),
        ("tsig_key", Attribute::optional(Type::String)),
    ])
}

fn validate_nameservers(config: Attrs<'_>, problems: &mut Problems) {
    let Some(servers) = config.get("primary_nameservers").as_slice() else { return };
    let at =
        |index: usize, name: &str| AttrPath::attr("primary_nameservers").with_index(index).with_attr(name);
    if servers.is_empty() {
        problems.add("primary_nameservers", INVALID, "It must have one nameserver at least.");
    }
    for (index, server) in servers.iter().map(Attrs).enumerate() {
        let address = server.get("address").as_str();
        if let Some(address) = address.filter(|address| address.parse::<IpAddr>().is_err()) {
            problems.add_at(at(index, "address"), INVALID, format!("{address:?} is not an IP address."));
        }
        let earlier = servers[..index].iter().map(|other| Attrs(other).get("address").as_str());
        if address.is_some() && earlier.into_iter().any(|other| other == address) {
            problems.add_at(at(index, "address"), INVALID, "The same address is given twice.");
        }
        let algorithm = server.get("tsig_algorithm").as_str();
        if let Some(algorithm) = algorithm.filter(|name| !ALGORITHMS.contains(name)) {
            let possible = rules::alternatives(ALGORITHMS);
            let detail = format!("{algorithm:?} is not possible; it must be {possible}.");
            problems.add_at(at(index, "tsig_algorithm"), INVALID, detail);
        }
        if server.is_set("tsig_algorithm") != server.is_set("tsig_key")
            && server.is_known("tsig_algorithm")
            && server.is_known("tsig_key")
        {
            problems.add_at(
                at(index, "tsig_key"),
                COMBINATION,
                "`tsig_key` and `tsig_algorithm` belong together: set both or none.",
            );
        }
    }
}

fn nameservers(attrs: Attrs<'_>) -> Vec<PrimaryNameserver> {
    let own = |server: Attrs<'_>, name: &str| server.text(name).map(str::to_owned);
    let nameserver = |server: Attrs<'_>| PrimaryNameserver {
        address: server.string("address"),
        port: server.positive("port"),
        tsig_algorithm: own(server, "tsig_algorithm"),
        tsig_key: own(server, "tsig_key"),
    };
    attrs.blocks("primary_nameservers").map(nameserver).collect()
}

fn nameserver_value(server: &PrimaryNameserver) -> Value {
    let own = |value: &Option<String>| text_or_null(value.as_deref().filter(|value| !value.is_empty()));
    Value::object([
        ("address", text(&server.address)),
        ("port", int(server.port.unwrap_or(DEFAULT_PORT))),
        ("tsig_algorithm", own(&server.tsig_algorithm)),
        ("tsig_key", own(&server.tsig_key)),
    ])
}

async fn protect(cx: &Cx, id: i64, delete: bool) -> Result<(), Failure> {
    let protection = Protection { delete };
    Ok(cx.step(Tolerance::NONE, || cx.client.zones().change_protection(id, protection)).await?)
}
