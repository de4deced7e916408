//! `hcloud_firewall_attachment`: all that a firewall is applied to. Its id is that of the firewall.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Type, Value};
use ferroform_hcloud::{Error, FirewallResource};

use super::firewall::{APPLYING, REMOVING, Target, resources};
use super::{parse_id, schema};
use crate::attrs::{Attrs, State, int, int_set, text_set};
use crate::cx::Cx;
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Resource};
use crate::rules::{COMBINATION, INVALID, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct FirewallAttachment;

fn firewall_id(attrs: Attrs<'_>) -> Option<i64> {
    attrs.positive("firewall_id").or(attrs.id())
}

fn targets(attrs: Attrs<'_>) -> BTreeSet<Target> {
    let servers = attrs.ints("server_ids").into_iter().map(Target::Server);
    servers.chain(attrs.texts("label_selectors").into_iter().map(Target::Selector)).collect()
}

#[async_trait]
impl Resource for FirewallAttachment {
    fn name(&self) -> &'static str {
        "hcloud_firewall_attachment"
    }

    fn noun(&self) -> &'static str {
        "firewall's attachment"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("firewall_id", Attribute::required(Type::Number).force_new()),
            ("server_ids", Attribute::optional(Type::set(Type::Number))),
            ("label_selectors", Attribute::optional(Type::set(Type::String))),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        let none = |name: &str| {
            let value = config.get(name);
            value.is_null() || value.as_slice().is_some_and(<[Value]>::is_empty)
        };
        if none("server_ids") && none("label_selectors") {
            problems.push(Diagnostic::error(COMBINATION).detail(
                "One of `server_ids` and `label_selectors` must name something to apply the firewall to.",
            ));
        }
        if config.texts("label_selectors").iter().any(String::is_empty) {
            problems.add("label_selectors", INVALID, "A label selector must not be empty.");
        }
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.firewalls.extend(firewall_id(prior));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(firewall) = seen.firewalls.find(firewall_id(prior))? else { return Ok(None) };
        let (mut servers, mut selectors) = (Vec::new(), Vec::new());
        for target in resources(firewall) {
            match target {
                Target::Server(id) => servers.push(id),
                Target::Selector(selector) => selectors.push(selector),
            }
        }
        if servers.is_empty() && selectors.is_empty() {
            return Ok(None);
        }
        state.set_id(firewall.id);
        state.set("firewall_id", int(firewall.id));
        state.set("server_ids", int_set(servers));
        state.set("label_selectors", text_set(&selectors));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let id = firewall_id(planned).unwrap_or_default();
        // What it is applied to already must not be asked for again.
        let is = resources(&cx.client.firewalls().get(id).await?);
        let missing: Vec<FirewallResource> = targets(planned).difference(&is).map(Target::resource).collect();
        let actions = if missing.is_empty() {
            Vec::new()
        } else {
            cx.client.firewalls().apply_to(id, &missing).await?
        };
        Ok(Begun::new(id, actions))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = firewall_id(prior) else { return Ok(()) };
        let (before, after) = (targets(prior), targets(planned));
        // New ones first, so that nothing is without that had one of two ways to it.
        let added: Vec<_> = after.difference(&before).map(Target::resource).collect();
        if !added.is_empty() {
            cx.step(APPLYING, || cx.client.firewalls().apply_to(id, &added)).await?;
        }
        let removed: Vec<_> = before.difference(&after).map(Target::resource).collect();
        if !removed.is_empty() {
            cx.step(REMOVING, || cx.client.firewalls().remove_from(id, &removed)).await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = firewall_id(prior) else { return Ok(()) };
        let Some(firewall) = cx.client.firewalls().find(id).await? else { return Ok(()) };
        let applied: Vec<_> =
            resources(&firewall).intersection(&targets(prior)).map(Target::resource).collect();
        if applied.is_empty() {
            return Ok(());
        }
        Ok(cx.step(REMOVING, || cx.client.firewalls().remove_from(id, &applied)).await?)
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        let firewall = parse_id(id).ok_or("the number of the firewall, such as `123`")?;
        state.set("firewall_id", int(firewall));
        Ok(())
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some(id) = firewall_id(planned) else { return Ok(Vec::new()) };
        let Some(firewall) = cx.client.firewalls().find(id).await? else { return Ok(Vec::new()) };
        // Applied to a part of it only, the rest is still to be asked for.
        let there = resources(&firewall).is_superset(&targets(planned));
        seen.firewalls.add([firewall]);
        Ok(Candidate::at_place(there, id))
    }

    fn created_with(&self) -> &'static [&'static str] {
        // Others may have applied it to more, which the next plan tells.
        &["firewall_id"]
    }
}
