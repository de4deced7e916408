//! `hcloud_volume`: a block device.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Type, Value};
use ferroform_hcloud::{Action, Error, Protection, VolumeCreate, code};

use super::{changed_flag, number_id, parse_id, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int, int_or_null, labels, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct Volume;

/// Volumes have this size in gigabytes (Hetzner API documentation, "Create a Volume").
const SIZE: (i64, i64) = (10, 10_240);

/// An attachment fails while something else holds the server.
pub(super) const ATTACHING: Tolerance =
    Tolerance { done: &[], passing: &[code::LOCKED], passing_messages: &["locked"] };

#[async_trait]
impl Resource for Volume {
    fn name(&self) -> &'static str {
        "hcloud_volume"
    }

    fn noun(&self) -> &'static str {
        "volume"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("name", Attribute::required(Type::String)),
            ("size", Attribute::required(Type::Number)),
            ("location", Attribute::optional_computed(Type::String).force_new()),
            ("server_id", Attribute::optional_computed(Type::Number)),
            super::optional_labels(),
            ("linux_device", Attribute::computed(Type::String)),
            ("automount", Attribute::optional(Type::Bool)),
            ("format", Attribute::optional(Type::String)),
            super::delete_protection(),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![super::unprotected()]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        rules::not_empty(config, "name", problems);
        rules::between(config, "size", SIZE.0, SIZE.1, problems);
        rules::one_of(config, "format", &["xfs", "ext4"], problems);
        if !config.is_set("location") && !config.is_set("server_id") {
            problems.push(
                Diagnostic::error("Invalid attribute combination")
                    .detail("A volume needs a `location`, or a `server_id` to be where that server is."),
            );
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let size = |v: &Value| v.as_number().and_then(|n| n.to_i64());
        if let (Some(before), Some(after)) = (plan.prior.and_then(|p| p.int("size")), size(plan.get("size")))
            && after < before
        {
            plan.problems.add(
                "size",
                "Volumes cannot shrink",
                format!("The volume has {before} GB, and {after} GB are wanted. Make a new volume of that size and copy the data."),
            );
        }
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::offers::location(plan, around, "location").await;
        ahead::volumes::volume(plan, around);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.volumes.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(volume) = seen.volumes.find(prior.id())? else { return Ok(None) };
        state.set("id", text(&volume.id.to_string()));
        state.set("name", text(&volume.name));
        state.set("size", int(volume.size));
        state.set("location", text(&volume.location.name));
        state.set_unless("server_id", int_or_null(volume.server), |_| {
            volume.server.is_none() && prior.int("server_id") == Some(0)
        });
        state.set("labels", labels(&volume.labels));
        state.set("linux_device", text(&volume.linux_device));
        state.set("delete_protection", flag(volume.protection.delete));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let server = planned.positive("server_id");
        let volume = VolumeCreate {
            name: planned.string("name"),
            size: planned.int("size").unwrap_or_default(),
            location: planned.text("location").filter(|_| server.is_none()).map(str::to_owned),
            server,
            format: planned.text("format").map(str::to_owned),
            automount: planned.get("automount").as_bool().filter(|_| server.is_some()),
            labels: planned.labels("labels"),
        };
        let created = cx.client.volumes().create(&volume).await?;
        Ok(Begun::new(created.volume.id, created.actions))
    }

    async fn finish(&self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        match parse_id(id).filter(|_| planned.flag("delete_protection")) {
            Some(id) => protect(cx, id, true).await,
            None => Ok(()),
        }
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let volumes = cx.client.volumes();
        let protection = changed_flag(prior, planned, "delete_protection");
        if protection == Some(false) {
            protect(cx, id, false).await?;
        }
        if let Some(update) = super::named_update(prior, planned) {
            cx.step(Tolerance::NONE, || async { volumes.update(id, &update).await.map(drop) }).await?;
        }
        if planned.is_known("server_id") && prior.positive("server_id") != planned.positive("server_id") {
            if prior.positive("server_id").is_some() {
                detach(cx, id).await?;
            }
            if let Some(server) = planned.positive("server_id") {
                let automount = planned.get("automount").as_bool();
                cx.step(ATTACHING, || begin_attaching(cx, id, server, automount)).await?;
            }
        }
        if let (Some(before), Some(after)) = (prior.int("size"), planned.int("size"))
            && after > before
        {
            cx.step(ATTACHING, || volumes.resize(id, after)).await?;
        }
        if protection == Some(true) {
            protect(cx, id, true).await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        remove(cx, number_id(prior)?).await
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the volume, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.volumes(), planned, &mut seen.volumes).await
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.volumes(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "size", "location", "labels"]
    }
}

/// Begins to attach a volume, unless it is attached to that server already.
pub(super) async fn begin_attaching(
    cx: &Cx,
    volume: i64,
    server: i64,
    automount: Option<bool>,
) -> Result<Option<Action>, Error> {
    match cx.client.volumes().attach(volume, server, automount).await {
        Err(error) if error.is(code::VOLUME_ALREADY_ATTACHED) => {
            let there = cx.client.volumes().get(volume).await?.server == Some(server);
            if there { Ok(None) } else { Err(error) }
        }
        answer => answer.map(Some),
    }
}

/// Detaches and deletes a volume, if it exists.
pub(crate) async fn remove(cx: &Cx, id: i64) -> Result<(), Failure> {
    let Some(volume) = cx.client.volumes().find(id).await? else { return Ok(()) };
    if volume.protection.delete {
        // Refused anyway, and a refused deletion must not leave it detached.
        return Err(super::protected("volume", &volume.name, id));
    }
    if volume.server.is_some() {
        detach(cx, id).await?;
    }
    Ok(cx.step(Tolerance::REMOVING, || cx.client.volumes().delete(id)).await?)
}

/// Detaches a volume, if it is attached.
pub(super) async fn detach(cx: &Cx, volume: i64) -> Result<(), Failure> {
    let tolerance = Tolerance { done: &[code::NOT_FOUND, "volume_not_attached"], ..ATTACHING };
    Ok(cx.step(tolerance, || cx.client.volumes().detach(volume)).await?)
}

async fn protect(cx: &Cx, id: i64, delete: bool) -> Result<(), Failure> {
    let protection = Protection { delete };
    Ok(cx.step(Tolerance::NONE, || cx.client.volumes().change_protection(id, protection)).await?)
}
