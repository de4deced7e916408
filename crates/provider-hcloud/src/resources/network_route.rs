//! `hcloud_network_route`: a route of a private network. Its id is `<network id>-<destination>`.

use std::net::IpAddr;

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_hcloud::{Error, Network, Route};

use super::{part, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, int, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, INVALID, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct NetworkRoute;

/// The gateway of public interfaces (Hetzner API documentation, "Add a route to a Network").
const PUBLIC_GATEWAY: &str = "172.31.1.1";

fn find<'n>(network: &'n Network, destination: &str) -> Option<&'n Route> {
    network.routes.iter().find(|route| rules::same_address(&route.destination, destination))
}

/// The network and the destination of the route.
fn place(attrs: Attrs<'_>) -> Option<(i64, String)> {
    part::place(attrs, "destination")
}

#[async_trait]
impl Resource for NetworkRoute {
    fn name(&self) -> &'static str {
        "hcloud_network_route"
    }

    fn noun(&self) -> &'static str {
        "route"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("network_id", Attribute::required(Type::Number).force_new()),
            ("destination", Attribute::required(Type::String).force_new()),
            ("gateway", Attribute::required(Type::String).force_new()),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::private_cidr(config, "destination", true, problems);
        rules::address(config, "gateway", problems);
        match config.text("gateway").map(|gateway| (gateway, gateway.parse::<IpAddr>())) {
            Some((PUBLIC_GATEWAY, _)) => problems.add(
                "gateway",
                INVALID,
                format!(
                    "{PUBLIC_GATEWAY} is the gateway of public interfaces and cannot be that of a route."
                ),
            ),
            Some((gateway, Ok(IpAddr::V6(_)))) => {
                problems.add("gateway", INVALID, format!("{gateway:?} is not an IPv4 address."));
            }
            _ => {}
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.keep_if("destination", rules::same_address_value);
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::networks::route(plan, around);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.networks.extend(place(prior).map(|(network, _)| network));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some((network_id, destination)) = place(prior) else { return Ok(None) };
        let Some(network) = seen.networks.get(&network_id)? else { return Ok(None) };
        let Some(route) = find(network, &destination) else { return Ok(None) };
        state.set_id(format!("{network_id}-{destination}"));
        state.set("network_id", int(network_id));
        state.set("destination", text(&destination));
        state.set("gateway", text(&route.gateway));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let network = planned.int("network_id").unwrap_or_default();
        let route = Route { destination: planned.string("destination"), gateway: planned.string("gateway") };
        cx.network_turn(network).await;
        let action = cx.client.networks().add_route(network, &route).await?;
        Ok(Begun::new(format!("{network}-{}", route.destination), [action]))
    }

    async fn update(&self, _cx: &Cx, _prior: Attrs<'_>, _planned: Attrs<'_>) -> Result<(), Failure> {
        // Every attribute makes a new route.
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some((id, destination)) = place(prior) else { return Ok(()) };
        // The API deletes by destination and gateway, so a gateway that was changed elsewhere has to be known.
        let Some(network) = cx.client.networks().find(id).await? else { return Ok(()) };
        match find(&network, &destination) {
            Some(route) => {
                cx.network_turn(id).await;
                Ok(cx.step(Tolerance::REMOVING, || cx.client.networks().delete_route(id, route)).await?)
            }
            None => Ok(()),
        }
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        part::import(id, "destination", state)
            .ok_or("the number of the network, a hyphen and the destination, such as `123-10.100.1.0/24`")
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
        &["network_id", "destination", "gateway"]
    }
}
