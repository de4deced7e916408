//! `hcloud_primary_ip`: a public address that servers are created with, or that is given to one.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{
    Action, Error, Labels, PrimaryIp as ApiPrimaryIp, PrimaryIpCreate, PrimaryIpUpdate, Protection, Server,
};

use super::floating_ip::address_and_network;
use super::server::{let_go, switch_off, take_from_server};
use super::{changed_flag, number_id, parse_id, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int, labels, text, text_or_null};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, COMBINATION, INVALID, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct PrimaryIp;

#[async_trait]
impl Resource for PrimaryIp {
    fn name(&self) -> &'static str {
        "hcloud_primary_ip"
    }

    fn noun(&self) -> &'static str {
        "primary IP"
    }

    fn schema(&self) -> Schema {
        let mut datacenter = Attribute::optional_computed(Type::String);
        datacenter.deprecated =
            Some("Hetzner Cloud has no data centers any more; use `location`.".to_owned());
        schema(Block::of([
            ("id", Attribute::computed(Type::Number)),
            ("name", Attribute::required(Type::String)),
            ("type", Attribute::required(Type::String).force_new()),
            ("location", Attribute::optional_computed(Type::String).force_new()),
            ("datacenter", datacenter),
            ("assignee_id", Attribute::optional_computed(Type::Number)),
            ("assignee_type", Attribute::optional_computed(Type::String)),
            (
                "auto_delete",
                Attribute::optional_computed(Type::Bool)
                    .describe("Whether it is deleted with its server: it does not survive the server's replacement then."),
            ),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
            ("delete_protection", Attribute::optional_computed(Type::Bool)),
            ("ip_address", Attribute::computed(Type::String)),
            ("ip_network", Attribute::computed(Type::String)),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![("auto_delete", flag(false)), ("labels", labels(&Labels::new())), super::unprotected()]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        rules::one_of(config, "type", &["ipv4", "ipv6"], problems);
        rules::one_of(config, "assignee_type", &["server", "unassigned"], problems);
        rules::exactly_one(config, &["location", "assignee_id"], problems);
        if config.get("name").as_str() == Some("") {
            problems.add("name", INVALID, "It must not be empty.");
        }
        if config.get("datacenter").as_str().is_some() {
            problems.add(
                "datacenter",
                INVALID,
                "Hetzner Cloud has no data centers any more. Use `location`.",
            );
        }
        if config.flag("auto_delete") && config.flag("delete_protection") {
            problems.add(
                "delete_protection",
                COMBINATION,
                "What is deleted with its server (`auto_delete`) cannot be protected from deletion.",
            );
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        if plan.config.is_set("assignee_id")
            && !plan.config.is_set("assignee_type")
            && plan.changes("assignee_id")
        {
            plan.set("assignee_type", text("server"));
        }
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::offers::location(plan, around, "location").await;
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.primary_ips.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(ip) = seen.primary_ips.find(prior.id())? else { return Ok(None) };
        state.set_id(ip.id);
        state.set("name", text(&ip.name));
        state.set("type", text(&ip.kind));
        if let Some(location) = &ip.location {
            state.set("location", text(&location.name));
        }
        state.set("datacenter", text_or_null(None));
        state.set("assignee_id", int(ip.assignee_id.unwrap_or(0)));
        // What it is meant for, when nothing has it: the API tells what has it.
        let reserved = ip.assignee_id.is_none() && prior.positive("assignee_id").is_none();
        if !(reserved && prior.text("assignee_type") == Some("server")) {
            state.set("assignee_type", text(&ip.assignee_type));
        }
        state.set("auto_delete", flag(ip.auto_delete));
        state.set("labels", labels(&ip.labels));
        state.set("delete_protection", flag(ip.protection.delete));
        let (address, network) = address_and_network(&ip.kind, &ip.ip);
        state.set("ip_address", text(address));
        state.set("ip_network", text_or_null(network));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        // The API would assign it at once only to a server that is off and has no other.
        let location = match (planned.text("location"), planned.positive("assignee_id")) {
            (Some(location), _) => Some(location.to_owned()),
            (None, Some(server)) => Some(cx.client.servers().get(server).await?.location.name),
            (None, None) => None,
        };
        let request = PrimaryIpCreate {
            name: planned.string("name"),
            kind: planned.string("type"),
            auto_delete: planned.flag("auto_delete"),
            location,
            labels: planned.labels("labels"),
            ..PrimaryIpCreate::default()
        };
        let created = cx.client.primary_ips().create(&request).await?;
        Ok(Begun::new(created.primary_ip.id, created.action))
    }

    async fn finish(&self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = parse_id(id) else { return Ok(()) };
        if let Some(server) = planned.positive("assignee_id") {
            assign(cx, id, server).await?;
        }
        if planned.flag("delete_protection") { protect(cx, id, true).await } else { Ok(()) }
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let ips = cx.client.primary_ips();
        let protection = changed_flag(prior, planned, "delete_protection");
        if protection == Some(false) {
            protect(cx, id, false).await?;
        }
        let named = super::named_update(prior, planned).unwrap_or_default();
        let update = PrimaryIpUpdate {
            name: named.name,
            labels: named.labels,
            auto_delete: changed_flag(prior, planned, "auto_delete"),
        };
        if update != PrimaryIpUpdate::default() {
            cx.step(Tolerance::NONE, || async { ips.update(id, &update).await.map(drop) }).await?;
        }
        let server = planned.positive("assignee_id");
        if planned.is_known("assignee_id") && prior.positive("assignee_id") != server {
            match server {
                Some(server) => assign(cx, id, server).await?,
                None => {
                    if let Some(ip) = ips.find(id).await? {
                        release(cx, &ip).await?;
                    }
                }
            }
        }
        if protection == Some(true) { protect(cx, id, true).await } else { Ok(()) }
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let ips = cx.client.primary_ips();
        let Some(ip) = ips.find(id).await? else { return Ok(()) };
        if ip.protection.delete {
            // Refused anyway, and a refused deletion must not leave its server without.
            return Err(super::protected(self.noun(), &ip.name, id));
        }
        release(cx, &ip).await?;
        Ok(cx.step(super::LETTING_GO, || ips.delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the primary IP, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.primary_ips(), planned, &mut seen.primary_ips).await
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.primary_ips(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "type", "location", "auto_delete", "labels"]
    }
}

/// Gives an address to a server in place of the one of its kind that it has. Servers must be off for that, and run again
/// after it if they did before.
async fn assign(cx: &Cx, id: i64, server: i64) -> Result<(), Failure> {
    let ip = cx.client.primary_ips().get(id).await?;
    if ip.assignee_id == Some(server) {
        return Ok(());
    }
    release(cx, &ip).await?;
    let server = cx.client.servers().get(server).await?;
    switch_off(cx, &server).await?;
    let own = if ip.kind == "ipv6" { &server.public_net.ipv6 } else { &server.public_net.ipv4 };
    let assigned = async {
        if let Some(own) = own {
            let_go(cx, own).await?;
        }
        Ok(cx.step(Tolerance::NONE, || cx.client.primary_ips().assign(id, server.id)).await?)
    };
    let assigned: Result<(), Failure> = assigned.await;
    // Whatever came of that: a server that ran does not stay off.
    assigned.and(switch_on_again(cx, &server).await)
}

/// Takes an address from its server, if it has one.
async fn release(cx: &Cx, ip: &ApiPrimaryIp) -> Result<(), Failure> {
    let Some(server) = ip.assignee_id else { return Ok(()) };
    let Some(server) = cx.client.servers().find(server).await? else { return Ok(()) };
    switch_off(cx, &server).await?;
    let released = take_from_server(cx, ip.id).await;
    let others = [&server.public_net.ipv4, &server.public_net.ipv6];
    let connected = others.into_iter().flatten().any(|address| address.id != Some(ip.id))
        || !server.private_net.is_empty()
        || released.is_err();
    // Without any address it could not run.
    let on = if connected { switch_on_again(cx, &server).await } else { Ok(()) };
    released.map_err(Failure::from).and(on)
}

async fn switch_on_again(cx: &Cx, before: &Server) -> Result<(), Failure> {
    if before.status == "off" {
        return Ok(());
    }
    Ok(cx.step(Tolerance::REMOVING, || cx.client.servers().poweron(before.id)).await?)
}

async fn protect(cx: &Cx, id: i64, delete: bool) -> Result<(), Failure> {
    let protection = Protection { delete };
    Ok(cx.step(Tolerance::NONE, || cx.client.primary_ips().change_protection(id, protection)).await?)
}
