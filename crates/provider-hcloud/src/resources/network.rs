//! `hcloud_network`: a private network.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Error, NetworkCreate, NetworkUpdate, Protection};
use ipnet::Ipv4Net;

use super::{changed_flag, number_id, parse_id, schema};
use crate::attrs::{Attrs, State, flag, labels, text};
use crate::cluster;
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct Network;

#[async_trait]
impl Resource for Network {
    fn name(&self) -> &'static str {
        "hcloud_network"
    }

    fn noun(&self) -> &'static str {
        "network"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("name", Attribute::required(Type::String)),
            (
                "ip_range",
                Attribute::required(Type::String).force_new().describe(
                    "Its range. One that begins at the same address and is larger is taken in place.",
                ),
            ),
            super::optional_labels(),
            super::delete_protection(),
            ("expose_routes_to_vswitch", Attribute::optional(Type::Bool)),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![super::unprotected(), ("expose_routes_to_vswitch", flag(false))]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        rules::not_empty(config, "name", problems);
        // The smallest network is a /24 (Hetzner API documentation, "Create a Network").
        rules::range_of_network(config, "ip_range", 24, problems);
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.keep_if("ip_range", rules::same_address_value);
        if plan.prior.is_some_and(|prior| extends(prior.get("ip_range"), plan.get("ip_range"))) {
            plan.keep_in_place("ip_range");
        }
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.networks.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(network) = seen.networks.find(prior.id())? else { return Ok(None) };
        state.set("id", text(&network.id.to_string()));
        state.set("name", text(&network.name));
        let ip_range = text(&network.ip_range);
        state.set_unless("ip_range", ip_range.clone(), |known| rules::same_address_value(known, &ip_range));
        state.set("labels", labels(&network.labels));
        state.set("delete_protection", flag(network.protection.delete));
        state.set("expose_routes_to_vswitch", flag(network.expose_routes_to_vswitch));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let network = NetworkCreate {
            name: planned.string("name"),
            ip_range: planned.string("ip_range"),
            labels: planned.labels("labels"),
            expose_routes_to_vswitch: planned.flag("expose_routes_to_vswitch"),
        };
        Ok(Begun::new(cx.client.networks().create(&network).await?.id, []))
    }

    async fn finish(&self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        match parse_id(id).filter(|_| planned.flag("delete_protection")) {
            Some(id) => protect(cx, id, true).await,
            None => Ok(()),
        }
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        if prior.get("ip_range") != planned.get("ip_range") {
            let range = planned.string("ip_range");
            cx.network_turn(id).await;
            cx.step(Tolerance::NONE, || cx.client.networks().change_ip_range(id, &range)).await?;
        }
        let named = super::named_update(prior, planned).unwrap_or_default();
        let update = NetworkUpdate {
            name: named.name,
            labels: named.labels,
            expose_routes_to_vswitch: changed_flag(prior, planned, "expose_routes_to_vswitch"),
        };
        if update != NetworkUpdate::default() {
            cx.step(Tolerance::NONE, || async { cx.client.networks().update(id, &update).await.map(drop) })
                .await?;
        }
        match changed_flag(prior, planned, "delete_protection") {
            Some(delete) => protect(cx, id, delete).await,
            None => Ok(()),
        }
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        // Those that stay do not hold it up: the API detaches them.
        cluster::before_place(cx, id, None).await?;
        Ok(cx.step(Tolerance::REMOVING, || cx.client.networks().delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the network, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.networks(), planned, &mut seen.networks).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "ip_range", "labels", "expose_routes_to_vswitch"]
    }
}

/// Whether a network becomes larger in a way that the API can do without a new one: from the same address on (Hetzner API
/// documentation, "Change IP range of a Network").
fn extends(before: &Value, after: &Value) -> bool {
    let range = |value: &Value| value.as_str().and_then(|text| text.parse::<Ipv4Net>().ok());
    matches!((range(before), range(after)), (Some(before), Some(after))
        if before.network() == after.network() && after.prefix_len() < before.prefix_len())
}

async fn protect(cx: &Cx, id: i64, delete: bool) -> Result<(), Failure> {
    let protection = Protection { delete };
    Ok(cx.step(Tolerance::NONE, || cx.client.networks().change_protection(id, protection)).await?)
}
