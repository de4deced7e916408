//! `hcloud_storage_box_snapshot`: a snapshot of a storage box.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{AttrPath, Type, Value};
use ferroform_hcloud::{Error, Labels, StorageBoxSnapshot as ApiSnapshot, StorageBoxSnapshotInput};

use super::{schema, storage_box_part as part};
use crate::attrs::{Attrs, State, flag, int, is_empty, labels, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct StorageBoxSnapshot;

#[async_trait]
impl Resource for StorageBoxSnapshot {
    fn name(&self) -> &'static str {
        "hcloud_storage_box_snapshot"
    }

    fn noun(&self) -> &'static str {
        "snapshot of a storage box"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("storage_box_id", Attribute::required(Type::Number).force_new()),
            ("id", Attribute::computed(Type::Number)),
            ("name", Attribute::computed(Type::String)),
            ("description", Attribute::optional_computed(Type::String)),
            ("is_automatic", Attribute::computed(Type::Bool)),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![("description", text("")), ("labels", labels(&Labels::new()))]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_,:<>+#!()[]{} ".contains(c);
        let description = config.get("description").as_str().unwrap_or_default();
        if description.chars().count() > 1000 || !description.chars().all(allowed) {
            let detail =
                "It must have at most 1000 characters: letters, digits, spaces and those of -_,:<>+#!()[]{}.";
            problems.add_at(AttrPath::attr("description"), rules::INVALID, detail);
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.keep_if("labels", |before, now| is_empty(before) && is_empty(now));
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        part::need(prior, &mut needs.storage_box_snapshots);
    }

    fn observe(&self, prior: Attrs<'_>, state: State, seen: &Seen) -> Result<Option<State>, Error> {
        part::observe(prior, state, &seen.storage_box_snapshots, shown)
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let wanted = StorageBoxSnapshotInput {
            description: Some(planned.string("description")),
            labels: Some(planned.labels("labels")),
        };
        let storage_box = planned.int("storage_box_id").unwrap_or_default();
        let (id, action) = cx.client.storage_box_snapshots(storage_box).create(&wanted).await?;
        Ok(Begun::new(id, action))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let (storage_box, id) = part::must_place(prior)?;
        let (description, all) = (planned.string("description"), planned.labels("labels"));
        let update = StorageBoxSnapshotInput {
            description: (prior.string("description") != description).then_some(description),
            labels: (prior.labels("labels") != all).then_some(all),
        };
        if update == StorageBoxSnapshotInput::default() {
            return Ok(());
        }
        let snapshots = cx.client.storage_box_snapshots(storage_box);
        Ok(cx.step(Tolerance::NONE, || async { snapshots.update(id, &update).await.map(drop) }).await?)
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let (storage_box, id) = part::must_place(prior)?;
        let snapshots = cx.client.storage_box_snapshots(storage_box);
        Ok(cx.step(Tolerance::REMOVING, || snapshots.delete(id)).await?)
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        part::import(id, state)
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some(storage_box) = planned.int("storage_box_id") else { return Ok(Vec::new()) };
        let snapshots = cx.client.storage_box_snapshots(storage_box);
        // It has no name of its own: only one with the planned description and labels can be the one.
        let (description, all) = (planned.string("description"), planned.labels("labels"));
        let may_be = |snapshot: &ApiSnapshot| {
            !snapshot.is_automatic && snapshot.description == description && snapshot.labels == all
        };
        part::candidates(snapshots, &mut seen.storage_box_snapshots, may_be).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["storage_box_id", "description", "labels"]
    }
}

/// The attributes of a snapshot.
pub(crate) fn shown(snapshot: &ApiSnapshot) -> Vec<(&'static str, Value)> {
    vec![
        ("storage_box_id", int(snapshot.storage_box)),
        ("id", int(snapshot.id)),
        ("name", text(&snapshot.name)),
        ("description", text(&snapshot.description)),
        ("is_automatic", flag(snapshot.is_automatic)),
        ("labels", labels(&snapshot.labels)),
    ]
}
