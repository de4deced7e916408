//! `hcloud_floating_ip`: a public address that is led to one server or another.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Type, Value};
use ferroform_hcloud::{
    Action, Error, FloatingIp as ApiFloatingIp, FloatingIpCreate, FloatingIpUpdate, Protection,
};

use super::{changed_flag, number_id, parse_id, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int_or_null, is_empty, labels, text, text_or_null};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, COMBINATION, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct FloatingIp;

/// Taking an address from its server: that it has none, or is gone, is no failure.
const UNASSIGNING: Tolerance =
    Tolerance { done: &["not_found", "floating_ip_not_assigned"], ..Tolerance::NONE };

#[async_trait]
impl Resource for FloatingIp {
    fn name(&self) -> &'static str {
        "hcloud_floating_ip"
    }

    fn noun(&self) -> &'static str {
        "floating IP"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("type", Attribute::required(Type::String).force_new()),
            ("name", Attribute::optional_computed(Type::String)),
            ("description", Attribute::optional(Type::String)),
            ("home_location", Attribute::optional_computed(Type::String).force_new()),
            ("server_id", Attribute::optional_computed(Type::Number)),
            ("ip_address", Attribute::computed(Type::String)),
            ("ip_network", Attribute::computed(Type::String)),
            super::optional_labels(),
            super::delete_protection(),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![super::unprotected()]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        rules::one_of(config, "type", &["ipv4", "ipv6"], problems);
        if config.get("home_location").is_null() && config.get("server_id").is_null() {
            problems.push(
                Diagnostic::error(COMBINATION).detail(
                    "A floating IP needs a `home_location`, or a `server_id` whose location it takes.",
                ),
            );
        }
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::offers::location(plan, around, "home_location").await;
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.floating_ips.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(ip) = seen.floating_ips.find(prior.id())? else { return Ok(None) };
        state.set_id(ip.id);
        state.set("type", text(&ip.kind));
        state.set("name", text(&ip.name));
        state.set_unless("description", text(&ip.description), |known| {
            ip.description.is_empty() && is_empty(known)
        });
        state.set("home_location", text(&ip.home_location.name));
        state.set_unless("server_id", int_or_null(ip.server), |_| {
            ip.server.is_none() && prior.int("server_id") == Some(0)
        });
        let (address, network) = address_and_network(&ip.kind, &ip.ip);
        state.set("ip_address", text(address));
        state.set("ip_network", text_or_null(network));
        state.set("labels", labels(&ip.labels));
        state.set("delete_protection", flag(ip.protection.delete));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let own = |name: &str| planned.text(name).map(str::to_owned);
        let home_location = own("home_location");
        let floating_ip = FloatingIpCreate {
            kind: planned.string("type"),
            name: own("name"),
            description: own("description"),
            // The API wants one of the two; with a home given, it is assigned afterwards.
            server: planned.positive("server_id").filter(|_| home_location.is_none()),
            home_location,
            labels: planned.labels("labels"),
        };
        let created = cx.client.floating_ips().create(&floating_ip).await?;
        Ok(Begun::new(created.floating_ip.id, created.action))
    }

    async fn finish(&self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = parse_id(id) else { return Ok(()) };
        if let Some(server) =
            planned.positive("server_id").filter(|_| planned.text("home_location").is_some())
        {
            assign(cx, id, server).await?;
        }
        if planned.flag("delete_protection") { protect(cx, id, true).await } else { Ok(()) }
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let ips = cx.client.floating_ips();
        let named = super::named_update(prior, planned).unwrap_or_default();
        let description = planned.string("description");
        let update = FloatingIpUpdate {
            name: named.name,
            description: Some(description).filter(|text| prior.string("description") != *text),
            labels: named.labels,
        };
        if update != FloatingIpUpdate::default() {
            cx.step(Tolerance::NONE, || async { ips.update(id, &update).await.map(drop) }).await?;
        }
        let server = planned.positive("server_id");
        if planned.is_known("server_id") && prior.positive("server_id") != server {
            match server {
                Some(server) => assign(cx, id, server).await?,
                None => unassign(cx, id).await?,
            }
        }
        match changed_flag(prior, planned, "delete_protection") {
            Some(delete) => protect(cx, id, delete).await,
            None => Ok(()),
        }
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let ips = cx.client.floating_ips();
        let Some(ip) = ips.find(id).await? else { return Ok(()) };
        if ip.protection.delete {
            // Refused anyway, and a refused deletion must not leave it unassigned.
            return Err(super::protected(self.noun(), &ip.name, id));
        }
        if ip.server.is_some() {
            unassign(cx, id).await?;
        }
        Ok(cx.step(super::LETTING_GO, || ips.delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the floating IP, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        if planned.text("name").is_some() {
            return super::by_name(cx.client.floating_ips(), planned, &mut seen.floating_ips).await;
        }
        // Without a name of its own, it can be any that looks as planned.
        let like = |ip: &ApiFloatingIp| {
            ip.kind == planned.string("type")
                && ip.description == planned.string("description")
                && ip.labels == planned.labels("labels")
        };
        let mut all = cx.client.floating_ips().list(&ferroform_hcloud::Filter::all()).await?;
        all.retain(like);
        super::found(all, &mut seen.floating_ips)
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.floating_ips(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["type", "name", "description", "home_location", "labels"]
    }
}

/// The two ways in which states hold what the API calls `ip`: an address, and for IPv6 the network that it begins.
pub(crate) fn address_and_network<'i>(kind: &str, ip: &'i str) -> (&'i str, Option<&'i str>) {
    let address = ip.split('/').next().unwrap_or_default();
    (address, Some(ip).filter(|_| kind == "ipv6"))
}

/// Leads a floating IP to a server, unless it leads there.
pub(super) async fn assign(cx: &Cx, id: i64, server: i64) -> Result<(), Failure> {
    let ips = cx.client.floating_ips();
    Ok(cx
        .step(Tolerance::NONE, || async move {
            match ips.get(id).await?.server {
                Some(now) if now == server => Ok(None),
                _ => ips.assign(id, server).await.map(Some),
            }
        })
        .await?)
}

/// Takes a floating IP from a server.
pub(super) async fn unassign(cx: &Cx, id: i64) -> Result<(), Failure> {
    Ok(cx.step(UNASSIGNING, || cx.client.floating_ips().unassign(id)).await?)
}

async fn protect(cx: &Cx, id: i64, delete: bool) -> Result<(), Failure> {
    let protection = Protection { delete };
    Ok(cx.step(Tolerance::NONE, || cx.client.floating_ips().change_protection(id, protection)).await?)
}
