//! `hcloud_placement_group`: servers that are kept apart.

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_hcloud::{Error, PlacementGroupCreate, code};

use super::{number_id, parse_id, schema};
use crate::attrs::{Attrs, State, int_set, labels, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct PlacementGroup;

/// Servers that are being deleted leave their group in a moment.
const DELETING: Tolerance =
    Tolerance { done: &[code::NOT_FOUND], passing: &[code::RESOURCE_IN_USE], passing_messages: &[] };

#[async_trait]
impl Resource for PlacementGroup {
    fn name(&self) -> &'static str {
        "hcloud_placement_group"
    }

    fn noun(&self) -> &'static str {
        "placement group"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("name", Attribute::required(Type::String)),
            super::optional_labels(),
            ("servers", Attribute::computed(Type::set(Type::Number))),
            ("type", Attribute::required(Type::String)),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        rules::not_empty(config, "name", problems);
        rules::one_of(config, "type", &["spread"], problems);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.placement_groups.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(group) = seen.placement_groups.find(prior.id())? else { return Ok(None) };
        state.set("id", text(&group.id.to_string()));
        state.set("name", text(&group.name));
        state.set("labels", labels(&group.labels));
        state.set("servers", int_set(group.servers.iter().copied()));
        state.set("type", text(&group.kind));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let group = PlacementGroupCreate {
            name: planned.string("name"),
            kind: planned.string("type"),
            labels: planned.labels("labels"),
        };
        let (group, action) = cx.client.placement_groups().create(&group).await?;
        Ok(Begun::new(group.id, action))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        if let Some(update) = super::named_update(prior, planned) {
            cx.step(Tolerance::NONE, || async {
                cx.client.placement_groups().update(id, &update).await.map(drop)
            })
            .await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        Ok(cx.step(DELETING, || cx.client.placement_groups().delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the placement group, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.placement_groups(), planned, &mut seen.placement_groups).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "type", "labels"]
    }
}
