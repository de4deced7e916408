//! `hcloud_volume_attachment`: a volume attached to a server. Its id is that of the volume.

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_hcloud::Error;

use super::volume::{ATTACHING, begin_attaching, detach};
use super::{parse_id, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::seen::{Needs, Seen};

pub(crate) struct VolumeAttachment;

fn volume_id(attrs: Attrs<'_>) -> Option<i64> {
    attrs.positive("volume_id").or(attrs.id())
}

#[async_trait]
impl Resource for VolumeAttachment {
    fn name(&self) -> &'static str {
        "hcloud_volume_attachment"
    }

    fn noun(&self) -> &'static str {
        "volume's attachment"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("volume_id", Attribute::required(Type::Number).force_new()),
            ("server_id", Attribute::required(Type::Number).force_new()),
            ("automount", Attribute::optional_computed(Type::Bool)),
        ]))
    }

    fn creating(&self) -> Tolerance {
        ATTACHING
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::volumes::attachment(plan, around);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.volumes.extend(volume_id(prior));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(volume) = seen.volumes.find(volume_id(prior))? else { return Ok(None) };
        let Some(server) = volume.server else { return Ok(None) };
        state.set("id", text(&volume.id.to_string()));
        state.set("volume_id", int(volume.id));
        state.set("server_id", int(server));
        if !prior.is_known("automount") {
            // The API does not tell; what was not asked for was not done.
            state.set("automount", flag(false));
        }
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, config: Attrs<'_>) -> Result<Begun, Failure> {
        let volume = planned.int("volume_id").unwrap_or_default();
        let server = planned.int("server_id").unwrap_or_default();
        Ok(Begun::new(volume, begin_attaching(cx, volume, server, config.get("automount").as_bool()).await?))
    }

    async fn update(&self, _cx: &Cx, _prior: Attrs<'_>, _planned: Attrs<'_>) -> Result<(), Failure> {
        // Mounting happens when attaching; there is nothing to change after.
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = volume_id(prior) else { return Ok(()) };
        // Attached elsewhere by now, it is not this attachment any more.
        match cx.client.volumes().find(id).await? {
            Some(volume) if volume.server == prior.int("server_id") => detach(cx, id).await,
            _ => Ok(()),
        }
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        let volume = parse_id(id).ok_or("the number of the volume, such as `123`")?;
        state.set("volume_id", int(volume));
        Ok(())
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some(id) = volume_id(planned) else { return Ok(Vec::new()) };
        let Some(volume) = cx.client.volumes().find(id).await? else { return Ok(Vec::new()) };
        // Attached to another server, it is not what was asked for: attaching again will say so.
        let here = volume.server.is_some() && volume.server == planned.int("server_id");
        seen.volumes.add([volume]);
        Ok(Candidate::at_place(here, id))
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["volume_id", "server_id"]
    }
}
