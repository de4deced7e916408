//! `hcloud_network_subnet`: a part of a private network. Its id is `<network id>-<range>`.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Type};
use ferroform_hcloud::{Error, Network, Subnet, code};

use super::{part, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, int, int_or_null, text};
use crate::cluster;
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct NetworkSubnet;

/// What the API says while something is still attached to a subnet that is being deleted.
const STILL_IN_USE: &[&str] = &["servers are attached", "network has attached resources"];

fn find<'n>(network: &'n Network, ip_range: &str) -> Option<&'n Subnet> {
    network.subnets.iter().find(|s| s.ip_range.as_deref().is_some_and(|r| rules::same_address(r, ip_range)))
}

/// The network and the range of the subnet.
fn place(attrs: Attrs<'_>) -> Option<(i64, String)> {
    part::place(attrs, "ip_range")
}

/// Why a subnet is not deleted that load balancers are in.
fn held(range: &str, balancers: &[String], error: &Error) -> Failure {
    Diagnostic::error("Load balancers hold the subnet")
        .detail(format!(
            "Could not delete the subnet {range}: {error}. These load balancers are attached to it: {}.",
            balancers.join(", ")
        ))
        .hint(
            "A load balancer that is in no state was made by somebody else, such as the cloud controller manager of a \
             Kubernetes cluster. Delete it, or let a destroy of everything remove what a cluster made: \
             -cluster-objects=remove.",
        )
        .into()
}

#[async_trait]
impl Resource for NetworkSubnet {
    fn name(&self) -> &'static str {
        "hcloud_network_subnet"
    }

    fn noun(&self) -> &'static str {
        "subnet"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("network_id", Attribute::required(Type::Number).force_new()),
            ("type", Attribute::required(Type::String).force_new()),
            ("network_zone", Attribute::required(Type::String).force_new()),
            ("ip_range", Attribute::required(Type::String).force_new()),
            ("gateway", Attribute::computed(Type::String)),
            ("vswitch_id", Attribute::optional(Type::Number).force_new()),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::one_of(config, "type", &["cloud", "server", "vswitch"], problems);
        // The smallest subnet is a /30 (Hetzner API documentation, "Add a subnet to a Network").
        rules::range_of_network(config, "ip_range", 30, problems);
        match config.text("type") {
            Some("vswitch") if !config.is_set("vswitch_id") => {
                problems.add(
                    "type",
                    "Invalid attribute combination",
                    "A subnet of type `vswitch` needs a `vswitch_id`.",
                );
            }
            Some("cloud" | "server") if config.positive("vswitch_id").is_some() => {
                problems.add(
                    "vswitch_id",
                    "Invalid attribute combination",
                    "Only a subnet of type `vswitch` has a `vswitch_id`.",
                );
            }
            _ => {}
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.keep_if("ip_range", rules::same_address_value);
        // An old name of the same type; the API answers with the new one.
        let cloud = |v: &ferroform_core::Value| matches!(v.as_str(), Some("cloud" | "server"));
        plan.keep_if("type", |before, now| cloud(before) && cloud(now));
    }

    fn creating(&self) -> Tolerance {
        // A vSwitch is let go by the network that had it before in a moment.
        Tolerance { passing: &[code::VSWITCH_ID_ALREADY_USED], ..Tolerance::NONE }
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::networks::subnet(plan, around).await;
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.networks.extend(place(prior).map(|(network, _)| network));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some((network_id, range)) = place(prior) else { return Ok(None) };
        let Some(network) = seen.networks.get(&network_id)? else { return Ok(None) };
        let Some(subnet) = find(network, &range) else { return Ok(None) };
        state.set("id", text(&format!("{network_id}-{range}")));
        state.set("network_id", int(network_id));
        state.set("ip_range", text(&range));
        let kind = text(&subnet.kind);
        state.set_unless("type", kind, |known| known.as_str() == Some("server") && subnet.kind == "cloud");
        state.set("network_zone", text(&subnet.network_zone));
        state.set("gateway", text(subnet.gateway.as_deref().unwrap_or_default()));
        let vswitch = subnet.vswitch_id.filter(|&id| id > 0);
        state.set_unless("vswitch_id", int_or_null(vswitch), |_| {
            vswitch.is_none() && prior.int("vswitch_id") == Some(0)
        });
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let network = planned.int("network_id").unwrap_or_default();
        let ip_range = planned.string("ip_range");
        let subnet = Subnet {
            kind: planned.string("type"),
            ip_range: Some(ip_range.clone()),
            network_zone: planned.string("network_zone"),
            gateway: None,
            vswitch_id: planned.positive("vswitch_id"),
        };
        cx.network_turn(network).await;
        let action = cx.client.networks().add_subnet(network, &subnet).await?;
        Ok(Begun::new(format!("{network}-{ip_range}"), [action]))
    }

    async fn update(&self, _cx: &Cx, _prior: Attrs<'_>, _planned: Attrs<'_>) -> Result<(), Failure> {
        // Every attribute makes a new subnet.
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some((network, range)) = place(prior) else { return Ok(()) };
        let kept = cluster::before_place(cx, network, Some(&range)).await?;
        let in_use = Tolerance { passing_messages: STILL_IN_USE, ..Tolerance::REMOVING };
        cx.network_turn(network).await;
        // What stays does not go away by waiting.
        let tolerance = if kept.is_empty() { in_use } else { Tolerance::REMOVING };
        let Err(error) = cx.step(tolerance, || cx.client.networks().delete_subnet(network, &range)).await
        else {
            return Ok(());
        };
        if !in_use.is_passing(&error) {
            return Err(error.into());
        }
        let holders = match kept.is_empty() {
            // Why it is in use is only worth knowing, and the refusal is told whatever comes of asking.
            true => cluster::held_by(cx, network, &range).await.unwrap_or_default(),
            false => kept,
        };
        Err(if holders.is_empty() { error.into() } else { held(&range, &holders, &error) })
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        part::import(id, "ip_range", state)
            .ok_or("the number of the network, a hyphen and the range, such as `123-10.0.1.0/24`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        part::candidates(cx, place(planned), seen, |network, range| find(network, range).is_some()).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["network_id", "type", "network_zone", "ip_range", "vswitch_id"]
    }
}
