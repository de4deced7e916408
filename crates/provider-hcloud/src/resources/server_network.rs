//! `hcloud_server_network`: a server in a network. Its id is `<server id>-<network id>`.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Error, code};

use super::{attached, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, int, text, text_set};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct ServerNetwork;

/// The server and the network.
fn place(attrs: Attrs<'_>) -> Option<(i64, i64)> {
    attached::place(attrs, "server_id")
}

#[async_trait]
impl Resource for ServerNetwork {
    fn name(&self) -> &'static str {
        "hcloud_server_network"
    }

    fn noun(&self) -> &'static str {
        "server's attachment to a network"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("id", Attribute::computed(Type::String)),
            ("server_id", Attribute::required(Type::Number).force_new()),
            ("network_id", Attribute::optional_computed(Type::Number).force_new()),
            ("subnet_id", Attribute::optional(Type::String).force_new()),
            ("ip", Attribute::optional_computed(Type::String).force_new()),
            ("alias_ips", Attribute::optional_computed(Type::set(Type::String))),
            ("mac_address", Attribute::computed(Type::String)),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![("alias_ips", Value::set(Type::String, []))]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        attached::validate(config, problems);
        rules::addresses(config, "alias_ips", problems);
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        attached::plan(plan);
    }

    fn creating(&self) -> Tolerance {
        attached::ATTACHING
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::networks::attachment(plan, around, "hcloud_server", "server_id");
        ahead::networks::of_server_by_parts(plan, around);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.servers.extend(place(prior).map(|(server, _)| server));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some((server_id, network_id)) = place(prior) else { return Ok(None) };
        let Some(server) = seen.servers.get(&server_id)? else { return Ok(None) };
        let Some(net) = server.private_net.iter().find(|net| net.network == network_id) else {
            return Ok(None);
        };
        state.set("id", text(&format!("{server_id}-{network_id}")));
        state.set("server_id", int(server_id));
        state.set("network_id", int(network_id));
        state.set("ip", text(&net.ip));
        state.set("alias_ips", text_set(&net.alias_ips));
        state.set("mac_address", text(&net.mac_address));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let (server, attachment) = attached::request(planned, "server_id")?;
        let action = match cx.client.servers().attach_to_network(server, &attachment).await {
            Err(error) if error.is(code::SERVER_ALREADY_ATTACHED) => None,
            answer => Some(answer?),
        };
        Ok(Begun::new(format!("{server}-{}", attachment.network), action))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some((server, network)) = place(prior) else { return Ok(()) };
        if prior.get("alias_ips") != planned.get("alias_ips") {
            let aliases = planned.texts("alias_ips");
            cx.step(Tolerance::NONE, || cx.client.servers().change_alias_ips(server, network, &aliases))
                .await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some((server, network)) = place(prior) else { return Ok(()) };
        let call = || cx.client.servers().detach_from_network(server, network);
        Ok(cx.step(attached::DETACHING, call).await?)
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        attached::import(id, "server_id", state).ok_or("the numbers of server and network, such as `123-456`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some((id, network)) = place(planned) else { return Ok(Vec::new()) };
        let Some(server) = cx.client.servers().find(id).await? else { return Ok(Vec::new()) };
        let attached = server.private_net.iter().any(|net| net.network == network);
        seen.servers.add([server]);
        Ok(Candidate::at_place(attached, format!("{id}-{network}")))
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["server_id", "network_id", "ip", "alias_ips"]
    }
}
