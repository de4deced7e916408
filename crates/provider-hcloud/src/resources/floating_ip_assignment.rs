//! `hcloud_floating_ip_assignment`: a floating IP led to a server. Its id is that of the floating IP.

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_hcloud::{Action, Error};

use super::floating_ip::{assign, unassign};
use super::{parse_id, schema};
use crate::attrs::{Attrs, State, int};
use crate::cx::Cx;
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Resource};
use crate::seen::{Needs, Seen};

pub(crate) struct FloatingIpAssignment;

fn floating_ip(attrs: Attrs<'_>) -> Option<i64> {
    attrs.positive("floating_ip_id").or(attrs.id())
}

#[async_trait]
impl Resource for FloatingIpAssignment {
    fn name(&self) -> &'static str {
        "hcloud_floating_ip_assignment"
    }

    fn noun(&self) -> &'static str {
        "floating IP's assignment"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("floating_ip_id", Attribute::required(Type::Number).force_new()),
            ("server_id", Attribute::required(Type::Number)),
        ]))
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.floating_ips.extend(floating_ip(prior));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(ip) = seen.floating_ips.find(floating_ip(prior))? else { return Ok(None) };
        let Some(server) = ip.server else { return Ok(None) };
        state.set_id(ip.id);
        state.set("floating_ip_id", int(ip.id));
        state.set("server_id", int(server));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let id = floating_ip(planned).unwrap_or_default();
        let server = planned.int("server_id").unwrap_or_default();
        Ok(Begun::new(id, [cx.client.floating_ips().assign(id, server).await?]))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        match (floating_ip(prior), planned.positive("server_id")) {
            (Some(id), Some(server)) => assign(cx, id, server).await,
            _ => Ok(()),
        }
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = floating_ip(prior) else { return Ok(()) };
        // Assigned elsewhere by now, it is not this assignment any more.
        match cx.client.floating_ips().find(id).await? {
            Some(ip) if ip.server == prior.int("server_id") => unassign(cx, id).await,
            _ => Ok(()),
        }
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        let floating_ip = parse_id(id).ok_or("the number of the floating IP, such as `123`")?;
        state.set("floating_ip_id", int(floating_ip));
        Ok(())
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some(id) = floating_ip(planned) else { return Ok(Vec::new()) };
        let Some(ip) = cx.client.floating_ips().find(id).await? else { return Ok(Vec::new()) };
        // Assigned to another server, it is not what was asked for: assigning again moves it.
        let here = ip.server.is_some() && ip.server == planned.int("server_id");
        seen.floating_ips.add([ip]);
        Ok(Candidate::at_place(here, id))
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.floating_ips(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["floating_ip_id", "server_id"]
    }
}
