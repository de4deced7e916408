//! `hcloud_load_balancer_network`: a load balancer in a network. Its id is `<load balancer id>-<network id>`.
//!
//! The attachment alone says whether the load balancer has a public side, so that this follows it. A creation makes the
//! public side what is planned. An attachment that goes for good, or to another load balancer, leaves the public side on:
//! off it would cut the load balancer off from everything, and no configuration asks for that. Where the next attachment
//! is of the same load balancer the public side stays off until then: what was never public is not for a moment.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Error, code};

use super::{attached, changed_flag, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::note::Note;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::Problems;
use crate::seen::{Needs, Seen};

pub(crate) struct LoadBalancerNetwork;

/// The load balancer and the network.
fn place(attrs: Attrs<'_>) -> Option<(i64, i64)> {
    attached::place(attrs, "load_balancer_id")
}

#[async_trait]
impl Resource for LoadBalancerNetwork {
    fn name(&self) -> &'static str {
        "hcloud_load_balancer_network"
    }

    fn noun(&self) -> &'static str {
        "load balancer's attachment to a network"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("id", Attribute::computed(Type::String)),
            ("load_balancer_id", Attribute::required(Type::Number).force_new()),
            ("network_id", Attribute::optional_computed(Type::Number).force_new()),
            ("subnet_id", Attribute::optional(Type::String).force_new()),
            ("ip", Attribute::optional_computed(Type::String).force_new()),
            ("enable_public_interface", Attribute::optional_computed(Type::Bool)),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![("enable_public_interface", flag(true))]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        attached::validate(config, problems);
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        attached::plan(plan);
    }

    fn creating(&self) -> Tolerance {
        attached::ATTACHING
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::networks::attachment(plan, around, "hcloud_load_balancer", "load_balancer_id");
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.load_balancers.extend(place(prior).map(|(balancer, _)| balancer));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some((balancer_id, network_id)) = place(prior) else { return Ok(None) };
        let Some(balancer) = seen.load_balancers.get(&balancer_id)? else { return Ok(None) };
        let Some(net) = balancer.private_net.iter().find(|net| net.network == network_id) else {
            return Ok(None);
        };
        state.set("id", text(&format!("{balancer_id}-{network_id}")));
        state.set("load_balancer_id", int(balancer_id));
        state.set("network_id", int(network_id));
        state.set("ip", text(&net.ip));
        state.set("enable_public_interface", flag(balancer.public_net.enabled));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let (balancer, attachment) = attached::request(planned, "load_balancer_id")?;
        let action = match cx.client.load_balancers().attach_to_network(balancer, &attachment).await {
            Err(error) if error.is(code::LOAD_BALANCER_ALREADY_ATTACHED) => None,
            answer => Some(answer?),
        };
        Ok(Begun::new(format!("{balancer}-{}", attachment.network), action))
    }

    async fn finish(&self, cx: &Cx, _id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some((id, _)) = place(planned) else { return Ok(()) };
        let wanted = planned.flag("enable_public_interface");
        match cx.client.load_balancers().find(id).await? {
            Some(balancer) if balancer.public_net.enabled != wanted => show(cx, id, wanted).await,
            _ => Ok(()),
        }
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        match (place(prior), changed_flag(prior, planned, "enable_public_interface")) {
            (Some((balancer, _)), Some(enabled)) => show(cx, balancer, enabled).await,
            _ => Ok(()),
        }
    }

    fn leaving(&self, prior: Attrs<'_>, planned: Option<Attrs<'_>>, note: Note) -> Note {
        let is_off = prior.get("enable_public_interface").as_bool() == Some(false);
        // Where the next load balancer is not known yet this one is most likely to be replaced, too.
        let goes = planned.is_none_or(|planned| {
            let next = planned.positive("load_balancer_id");
            next.is_some() && next != prior.positive("load_balancer_id")
        });
        Note { public_on: is_off && goes, ..note }
    }

    /// Before, not after: when it stops in between, the attachment is still there and the next run goes on.
    async fn before_deletion(&self, cx: &Cx, prior: Attrs<'_>, note: Note) -> Result<(), Failure> {
        let Some((balancer, _)) = place(prior).filter(|_| note.public_on) else { return Ok(()) };
        let call = || cx.client.load_balancers().enable_public_interface(balancer);
        Ok(cx.step(Tolerance::REMOVING, call).await?)
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some((balancer, network)) = place(prior) else { return Ok(()) };
        let call = || cx.client.load_balancers().detach_from_network(balancer, network);
        Ok(cx.step(attached::DETACHING, call).await?)
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        attached::import(id, "load_balancer_id", state)
            .ok_or("the numbers of load balancer and network, such as `123-456`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some((id, network)) = place(planned) else { return Ok(Vec::new()) };
        let Some(balancer) = cx.client.load_balancers().find(id).await? else { return Ok(Vec::new()) };
        let attached = balancer.private_net.iter().any(|net| net.network == network);
        seen.load_balancers.add([balancer]);
        Ok(Candidate::at_place(attached, format!("{id}-{network}")))
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["load_balancer_id", "network_id", "ip"]
    }
}

async fn show(cx: &Cx, balancer: i64, enabled: bool) -> Result<(), Failure> {
    let balancers = cx.client.load_balancers();
    if enabled {
        Ok(cx.step(Tolerance::NONE, || balancers.enable_public_interface(balancer)).await?)
    } else {
        Ok(cx.step(Tolerance::NONE, || balancers.disable_public_interface(balancer)).await?)
    }
}
