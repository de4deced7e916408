//! `hcloud_storage_box`: space for files.

use async_trait::async_trait;
use ferroform_catalogue::Catalogue;
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{
    Action, Error, Filter, Labels, Protection, StorageBox as ApiStorageBox, StorageBoxAccess,
    StorageBoxCreate, StorageBoxSnapshotPlan,
};

use super::storage_box_access::{
    self as access, access_attribute, plan_access, validate_password, value_of_access,
};
use super::{changed_flag, number_id, parse_id, schema};
use crate::attrs::{Attrs, State, flag, int, int_or_null, is_empty, labels, nested, text, text_or_null};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct StorageBox;

/// What only storage boxes have among their access settings.
const OWN: &str = "zfs_enabled";

#[async_trait]
impl Resource for StorageBox {
    fn name(&self) -> &'static str {
        "hcloud_storage_box"
    }

    fn noun(&self) -> &'static str {
        "storage box"
    }

    fn schema(&self) -> Schema {
        let text_of_api = || Attribute::computed(Type::String);
        schema(Block::of([
            ("id", Attribute::computed(Type::Number)),
            ("name", Attribute::required(Type::String)),
            ("username", text_of_api()),
            ("storage_box_type", Attribute::required(Type::String)),
            ("location", Attribute::required(Type::String).force_new()),
            ("password", Attribute::required(Type::String).sensitive()),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
            ("ssh_keys", Attribute::optional_computed(Type::set(Type::String)).force_new()),
            ("access_settings", access_attribute(OWN)),
            ("server", text_of_api()),
            ("system", text_of_api()),
            ("delete_protection", Attribute::optional_computed(Type::Bool)),
            ("snapshot_plan", nested(Attribute::optional, Nesting::Single, plan_block())),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![
            super::unprotected(),
            ("labels", labels(&Labels::new())),
            ("ssh_keys", Value::set(Type::String, [])),
        ]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        validate_password(config, problems);
        validate_plan(config, problems);
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan_access(plan, OWN);
        // An import knows neither; that says the same as none.
        plan.keep_if("labels", |before, now| is_empty(before) && is_empty(now));
        plan.keep_if("ssh_keys", |before, now| is_empty(before) && is_empty(now));
        check_offer(plan);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.storage_boxes.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(found) = seen.storage_boxes.find(prior.id())? else { return Ok(None) };
        for (name, value) in shown(found) {
            state.set(name, value);
        }
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, config: Attrs<'_>) -> Result<Begun, Failure> {
        let wanted = StorageBoxCreate {
            name: planned.string("name"),
            storage_box_type: planned.string("storage_box_type"),
            location: planned.string("location"),
            password: access::password(planned, config),
            labels: planned.labels("labels"),
            ssh_keys: planned.texts("ssh_keys"),
            access_settings: settings(planned),
        };
        let created = cx.client.storage_boxes().create(&wanted).await?;
        Ok(Begun::new(created.storage_box.id, created.action))
    }

    async fn finish(&self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = parse_id(id) else { return Ok(()) };
        if let Some(plan) = plan_of(planned) {
            set_plan(cx, id, Some(plan)).await?;
        }
        if planned.flag("delete_protection") { protect(cx, id, true).await } else { Ok(()) }
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        let boxes = cx.client.storage_boxes();
        let protection = changed_flag(prior, planned, "delete_protection");
        if protection == Some(false) {
            protect(cx, id, false).await?;
        }
        if let Some(update) = super::named_update(prior, planned) {
            cx.step(Tolerance::NONE, || async { boxes.update(id, &update).await.map(drop) }).await?;
        }
        let wanted = planned.string("storage_box_type");
        if prior.string("storage_box_type") != wanted {
            cx.step(Tolerance::NONE, || boxes.change_type(id, &wanted)).await?;
        }
        let password = planned.string("password");
        if planned.is_set("password") && prior.string("password") != password {
            cx.step(Tolerance::NONE, || boxes.reset_password(id, &password)).await?;
        }
        let wanted = settings(planned);
        if settings(prior) != wanted {
            cx.step(Tolerance::NONE, || boxes.update_access_settings(id, wanted)).await?;
        }
        let plan = plan_of(planned);
        if plan_of(prior) != plan {
            set_plan(cx, id, plan).await?;
        }
        if protection == Some(true) { protect(cx, id, true).await } else { Ok(()) }
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        Ok(cx.step(Tolerance::REMOVING, || cx.client.storage_boxes().delete(id)).await?)
    }

    async fn named(&self, cx: &Cx, import_id: &str) -> Result<Option<String>, Failure> {
        if parse_id(import_id).is_some() {
            return Ok(None);
        }
        let found = cx.client.storage_boxes().list(&Filter::name(import_id)).await?;
        Ok(found.into_iter().find(|found| found.name == import_id).map(|found| found.id.to_string()))
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the storage box, such as `123`, or its name")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.storage_boxes(), planned, &mut seen.storage_boxes).await
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.storage_boxes(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "storage_box_type", "location", "labels", "access_settings"]
    }
}

/// The attributes of a storage box that the API tells.
pub(crate) fn shown(found: &ApiStorageBox) -> Vec<(&'static str, Value)> {
    let own = |text: &str| text_or_null(Some(text).filter(|text| !text.is_empty()));
    let StorageBoxAccess { reachable_externally, samba_enabled, ssh_enabled, webdav_enabled, zfs_enabled } =
        found.access_settings;
    let common = [reachable_externally, samba_enabled, ssh_enabled, webdav_enabled];
    vec![
        ("id", int(found.id)),
        ("name", text(&found.name)),
        ("username", own(&found.username)),
        ("storage_box_type", text(&found.storage_box_type.name)),
        ("location", text(&found.location.name)),
        ("labels", labels(&found.labels)),
        ("access_settings", value_of_access(common, OWN, zfs_enabled)),
        ("server", own(&found.server)),
        ("system", own(&found.system)),
        ("delete_protection", flag(found.protection.delete)),
        ("snapshot_plan", value_of_plan(found.snapshot_plan.as_ref())),
    ]
}

fn settings(attrs: Attrs<'_>) -> StorageBoxAccess {
    let settings = Attrs(attrs.get("access_settings"));
    StorageBoxAccess {
        reachable_externally: settings.flag("reachable_externally"),
        samba_enabled: settings.flag("samba_enabled"),
        ssh_enabled: settings.flag("ssh_enabled"),
        webdav_enabled: settings.flag("webdav_enabled"),
        zfs_enabled: settings.flag(OWN),
    }
}

fn plan_block() -> Block {
    let required = || Attribute::required(Type::Number);
    let optional = || Attribute::optional(Type::Number);
    Block::of([
        ("max_snapshots", required()),
        ("minute", required()),
        ("hour", required()),
        ("day_of_week", optional().describe("0 for Sunday to 6 for Saturday; every day if not set.")),
        ("day_of_month", optional()),
    ])
}

fn validate_plan(config: Attrs<'_>, problems: &mut Problems) {
    let plan = config.get("snapshot_plan");
    for (name, least, most) in [
        ("max_snapshots", 1, i64::from(i32::MAX)),
        ("minute", 0, 59),
        ("hour", 0, 23),
        ("day_of_week", 0, 6),
        ("day_of_month", 1, 31),
    ] {
        let given = Attrs(plan).get(name).as_number();
        if given.is_some_and(|n| n.to_i64().is_none_or(|n| n < least || n > most)) {
            let path = ferroform_core::AttrPath::attr("snapshot_plan").with_attr(name);
            problems.add_at(
                path,
                rules::INVALID,
                format!("It must be a whole number from {least} to {most}."),
            );
        }
    }
}

/// The plan that is wanted. Configuration counts the days of the week from Sunday, 0, and the API from Monday, 1, to
/// Sunday, 7.
fn plan_of(attrs: Attrs<'_>) -> Option<StorageBoxSnapshotPlan> {
    let plan = Attrs(Some(attrs.get("snapshot_plan")).filter(|plan| !plan.is_null())?);
    Some(StorageBoxSnapshotPlan {
        max_snapshots: plan.int("max_snapshots")?,
        minute: plan.int("minute")?,
        hour: plan.int("hour")?,
        day_of_week: plan.int("day_of_week").map(|day| if day == 0 { 7 } else { day }),
        day_of_month: plan.int("day_of_month"),
    })
}

fn value_of_plan(plan: Option<&StorageBoxSnapshotPlan>) -> Value {
    let Some(plan) = plan else { return Value::null(plan_block().implied_type()) };
    Value::object([
        ("max_snapshots", int(plan.max_snapshots)),
        ("minute", int(plan.minute)),
        ("hour", int(plan.hour)),
        ("day_of_week", int_or_null(plan.day_of_week.map(|day| if day == 7 { 0 } else { day }))),
        ("day_of_month", int_or_null(plan.day_of_month)),
    ])
}

async fn set_plan(cx: &Cx, id: i64, plan: Option<StorageBoxSnapshotPlan>) -> Result<(), Failure> {
    let boxes = cx.client.storage_boxes();
    match &plan {
        Some(plan) => cx.step(Tolerance::NONE, || boxes.enable_snapshot_plan(id, plan)).await?,
        None => cx.step(Tolerance::NONE, || boxes.disable_snapshot_plan(id)).await?,
    }
    Ok(())
}

async fn protect(cx: &Cx, id: i64, delete: bool) -> Result<(), Failure> {
    let protection = Protection { delete };
    Ok(cx.step(Tolerance::NONE, || cx.client.storage_boxes().change_protection(id, protection)).await?)
}

/// Refuses what the catalogue knows to be impossible: a type that is not sold in the location, and a plan that keeps
/// more snapshots than the type allows. What the catalogue does not know is for the API to decide.
fn check_offer(plan: &mut Plan<'_>) {
    let catalogue = Catalogue::builtin();
    let known = plan.get("storage_box_type").as_str().and_then(|name| catalogue.storage_box_type(name));
    let Some(wanted) = known else { return };
    let place = plan.get("location").as_str().filter(|place| catalogue.location(place).is_some());
    if let Some(place) = place.filter(|place| wanted.offer(place).is_none()) {
        let places: Vec<&str> = wanted.offers.iter().map(|offer| offer.location.as_str()).collect();
        let detail = format!(
            "The storage box type {} is not offered in {place}; it is in {}.",
            wanted.name,
            places.join(", ")
        );
        if plan.prior.is_none() || plan.changes("storage_box_type") || plan.changes("location") {
            plan.problems.add("location", "Storage box type not offered in this location", detail);
        }
    }
    let limit = i64::from(wanted.automatic_snapshot_limit);
    if Attrs(plan.get("snapshot_plan")).int("max_snapshots").is_some_and(|wanted| wanted > limit) {
        let path = ferroform_core::AttrPath::attr("snapshot_plan").with_attr("max_snapshots");
        let detail =
            format!("A storage box of the type {} keeps at most {limit} snapshots of its plan.", wanted.name);
        plan.problems.add_at(path, rules::INVALID, detail);
    }
}
