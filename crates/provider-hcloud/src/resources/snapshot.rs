//! `hcloud_snapshot`: an image of a server's disk.

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_hcloud::{Action, Error, Filter, Image, ImageUpdate};

use super::{number_id, parse_id, schema};
use crate::attrs::{Attrs, State, int, is_empty, labels, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct Snapshot;

/// What it is called among images.
const KIND: &str = "snapshot";

#[async_trait]
impl Resource for Snapshot {
    fn name(&self) -> &'static str {
        "hcloud_snapshot"
    }

    fn noun(&self) -> &'static str {
        "snapshot"
    }

    fn schema(&self) -> Schema {
        let timeouts = Block::of([("create", Attribute::optional(Type::String))]);
        let block = Block::of([
            super::implicit_id(),
            ("description", Attribute::optional(Type::String)),
            ("server_id", Attribute::required(Type::Number).force_new()),
            super::optional_labels(),
        ]);
        schema(block.with_block("timeouts", NestedBlock::new(Nesting::Single, timeouts)))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.images.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let found = seen.images.find(prior.id())?.filter(|image| image.kind == KIND);
        let Some(image) = found else { return Ok(None) };
        // The API makes a description up where none was asked for.
        let made_up = prior.is_set("server_id") && is_empty(prior.get("description"));
        state.set_id(image.id);
        state.set_unless("description", text(&image.description), |_| made_up);
        if let Some(server) = &image.created_from {
            state.set("server_id", int(server.id));
        }
        state.set("labels", labels(&image.labels));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let server = planned.int("server_id").unwrap_or_default();
        let (description, labels) = (planned.string("description"), planned.labels("labels"));
        let (image, action) = cx.client.servers().create_snapshot(server, &description, &labels).await?;
        Ok(Begun::new(image.id, action))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let description = planned.string("description");
        let update = ImageUpdate {
            description: Some(description).filter(|text| prior.string("description") != *text),
            labels: super::named_update(prior, planned).and_then(|update| update.labels),
        };
        if update != ImageUpdate::default() {
            cx.step(Tolerance::NONE, || async { cx.client.images().update(id, &update).await.map(drop) })
                .await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        Ok(cx.step(Tolerance::REMOVING, || cx.client.images().delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the snapshot, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        // It has no name: one of that server that looks as planned may be it.
        let like = |image: &Image| {
            image.created_from.as_ref().map(|server| server.id) == planned.int("server_id")
                && image.labels == planned.labels("labels")
                && planned.text("description").is_none_or(|wanted| image.description == wanted)
        };
        let mut all = cx.client.images().list(&Filter::all().with("type", KIND)).await?;
        all.retain(like);
        super::found(all, &mut seen.images)
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.images(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["server_id", "description", "labels"]
    }
}
