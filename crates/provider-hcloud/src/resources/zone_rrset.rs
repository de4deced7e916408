//! `hcloud_zone_rrset`: the records of a zone with one name and one type. Its id is `<name>/<type>`.
//!
//! The SOA record of a zone comes and goes with it: creating one takes over what is there, deleting one leaves it.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Error, Labels, Record, Rrset, RrsetCreate, RrsetKey, RrsetProtection, Rrsets};

use super::records::{self, TTLS, key, problem_of_value, same_value, without_serial};
use super::schema;
use crate::attrs::{Attrs, State, flag, int_or_null, labels, nested, text, text_or_null};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, INVALID, Problems};
use crate::seen::{Kind, Needs, Seen};

pub(crate) struct ZoneRrset;

const SOA: &str = "SOA";

/// The zone, as configuration names it, and the set in it.
fn place(attrs: Attrs<'_>) -> Option<(String, RrsetKey)> {
    Some((attrs.text("zone")?.to_owned(), key(attrs)?))
}

/// What states and imports call a set.
pub(crate) fn id(key: &RrsetKey) -> String {
    format!("{}/{}", key.name, key.kind)
}

#[async_trait]
impl Resource for ZoneRrset {
    fn name(&self) -> &'static str {
        "hcloud_zone_rrset"
    }

    fn noun(&self) -> &'static str {
        "record set"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("zone", Attribute::required(Type::String).force_new()),
            ("id", Attribute::computed(Type::String)),
            ("name", Attribute::required(Type::String).force_new()),
            ("type", Attribute::required(Type::String).force_new()),
            ("ttl", Attribute::optional(Type::Number)),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
            ("change_protection", Attribute::optional_computed(Type::Bool)),
            ("records", nested(Attribute::required, Nesting::Set, record_block())),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![("labels", labels(&Labels::new()))]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        records::validate_place(config, problems);
        rules::between(config, "ttl", TTLS.0, TTLS.1, problems);
        let Some(items) = config.get("records").as_slice() else { return };
        let kind = config.text("type").unwrap_or_default();
        if items.is_empty() {
            problems.add("records", INVALID, "It must have one record at least.");
        }
        if items.len() > 1 && matches!(kind, "CNAME" | SOA) {
            problems.add("records", INVALID, format!("A set of type {kind} has one record only."));
        }
        let mut known: Vec<&str> =
            items.iter().filter_map(|item| Attrs(item).get("value").as_str()).collect();
        for problem in known.iter().filter_map(|value| problem_of_value(kind, value)) {
            problems.add("records", INVALID, problem);
        }
        known.sort_unstable();
        if let Some(pair) = known.windows(2).find(|pair| pair[0] == pair[1]) {
            problems.add("records", INVALID, format!("The value {:?} is given twice.", pair[0]));
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let Some(prior) = plan.prior else { return };
        let kind = plan.get("type").as_str().unwrap_or_default().to_owned();
        if let Some(items) = plan.get("records").as_slice() {
            let before: Vec<Attrs<'_>> = prior.blocks("records").collect();
            let planned: Vec<Value> =
                items.iter().map(|item| in_known_spelling(&kind, item, &before)).collect();
            plan.set("records", Value::set(record_block().implied_type(), planned));
        }
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        if let Some((zone, key)) = place(prior) {
            needs.rrsets.entry(zone).or_default().insert(key);
        }
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some((zone, key)) = place(prior) else { return Ok(None) };
        let Some(rrset) = seen.rrsets.get(&zone).map_or(Ok(None), |sets| sets.get(&key))? else {
            return Ok(None);
        };
        let before: Vec<Attrs<'_>> = prior.blocks("records").collect();
        for (name, value) in shown(rrset) {
            state.set(name, value);
        }
        state.set("zone", text(&zone));
        let items =
            rrset.records.iter().map(|r| in_known_spelling(&rrset.kind, &value(&rrset.kind, r), &before));
        state.set("records", Value::set(record_block().implied_type(), items));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let rrsets = cx.client.rrsets(planned.string("zone"));
        if let Some(key) = key(planned).filter(|key| key.kind == SOA)
            && let Some(rrset) = rrsets.find(&key).await?
        {
            return Ok(Begun::new(id(&rrset.key()), []));
        }
        let rrset = RrsetCreate {
            name: planned.string("name"),
            kind: planned.string("type"),
            ttl: planned.int("ttl"),
            labels: planned.labels("labels"),
            records: wanted(planned),
        };
        let (created, action) = rrsets.create(&rrset).await?;
        Ok(Begun::new(id(&created.key()), action))
    }

    async fn finish(&self, cx: &Cx, _id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        match planned.text("type") == Some(SOA) || planned.flag("change_protection") {
            true => change(cx, planned).await,
            false => Ok(()),
        }
    }

    async fn update(&self, cx: &Cx, _prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        change(cx, planned).await
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        match place(prior) {
            Some((zone, key)) if key.kind != SOA => {
                let rrsets = cx.client.rrsets(zone);
                Ok(cx.step(Tolerance::REMOVING, || rrsets.delete(&key)).await?)
            }
            _ => Ok(()),
        }
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        let parts = id.split_once('/').and_then(|(zone, rest)| Some((zone, rest, rest.rsplit_once('/')?)));
        let (zone, rest, (name, kind)) = parts
            .filter(|(zone, _, (name, kind))| ![*zone, *name, *kind].contains(&""))
            .ok_or("zone, name and type, such as `example.com/www/A`")?;
        state.set_id(rest);
        for (attribute, value) in [("zone", zone), ("name", name), ("type", kind)] {
            state.set(attribute, text(value));
        }
        Ok(())
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some((zone, key)) = place(planned) else { return Ok(Vec::new()) };
        Ok(Candidate::at_place(look(cx, zone, &key, seen).await?.is_some(), id(&key)))
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["zone", "name", "type", "ttl", "labels", "records"]
    }
}

/// The attributes of a set, but the zone, which is called what configuration calls it.
pub(crate) fn shown(rrset: &Rrset) -> Vec<(&'static str, Value)> {
    let records = rrset.records.iter().map(|record| value(&rrset.kind, record));
    vec![
        ("id", text(&id(&rrset.key()))),
        ("name", text(&rrset.name)),
        ("type", text(&rrset.kind)),
        ("ttl", int_or_null(rrset.ttl)),
        ("labels", labels(&rrset.labels)),
        ("change_protection", flag(rrset.protection.change)),
        ("records", Value::set(record_block().implied_type(), records)),
    ]
}

/// Reads one set, puts it into what was seen, and gives its records.
pub(super) async fn look(
    cx: &Cx,
    zone: String,
    key: &RrsetKey,
    seen: &mut Seen,
) -> Result<Option<Vec<Record>>, Error> {
    let Some(rrset) = cx.client.rrsets(&zone).find(key).await? else { return Ok(None) };
    let records = rrset.records.clone();
    let kind: &mut Kind<Rrset, RrsetKey> = seen.rrsets.entry(zone).or_default();
    kind.insert(key.clone(), rrset);
    Ok(Some(records))
}

/// Makes a set what the plan says, from what it is now.
async fn change(cx: &Cx, planned: Attrs<'_>) -> Result<(), Failure> {
    let Some((zone, key)) = place(planned) else { return Ok(()) };
    let rrsets = cx.client.rrsets(zone);
    let Some(is) = rrsets.find(&key).await? else { return Ok(()) };
    let protected = planned.get("change_protection").as_bool().unwrap_or(is.protection.change);
    if is.protection.change && !protected {
        protect(cx, &rrsets, &key, false).await?;
    }
    let ttl = planned.int("ttl");
    if planned.is_known("ttl") && ttl != is.ttl {
        cx.step(Tolerance::NONE, || rrsets.change_ttl(&key, ttl)).await?;
    }
    let wanted = wanted(planned);
    if !same_records(&key.kind, &wanted, &is.records) {
        cx.step(Tolerance::NONE, || rrsets.set_records(&key, &wanted)).await?;
    }
    let labels = planned.labels("labels");
    if labels != is.labels {
        cx.step(Tolerance::NONE, || rrsets.update(&key, &labels)).await?;
    }
    if protected && !is.protection.change {
        protect(cx, &rrsets, &key, true).await?;
    }
    Ok(())
}

async fn protect(cx: &Cx, rrsets: &Rrsets<'_>, key: &RrsetKey, change: bool) -> Result<(), Failure> {
    let protection = RrsetProtection { change };
    Ok(cx.step(Tolerance::NONE, || rrsets.change_protection(key, protection)).await?)
}

fn record_block() -> Block {
    Block::of([("value", Attribute::required(Type::String)), ("comment", Attribute::optional(Type::String))])
}

/// A record as states have it.
fn value(kind: &str, record: &Record) -> Value {
    let value = if kind == SOA { without_serial(&record.value) } else { record.value.clone() };
    let comment = text_or_null(Some(record.comment.as_str()).filter(|comment| !comment.is_empty()));
    Value::object([("value", text(&value)), ("comment", comment)])
}

fn record(attrs: Attrs<'_>) -> Record {
    Record { value: attrs.string("value"), comment: attrs.string("comment") }
}

fn wanted(planned: Attrs<'_>) -> Vec<Record> {
    planned.blocks("records").map(record).collect()
}

fn same_record(kind: &str, a: &Record, b: &Record) -> bool {
    a.comment == b.comment && same_value(kind, &a.value, &b.value)
}

fn same_records(kind: &str, a: &[Record], b: &[Record]) -> bool {
    a.len() == b.len() && a.iter().all(|a| b.iter().any(|b| same_record(kind, a, b)))
}

/// A record in the spelling of those that are known, if one of them says the same.
fn in_known_spelling(kind: &str, item: &Value, known: &[Attrs<'_>]) -> Value {
    if !item.is_wholly_known() {
        return item.clone();
    }
    let own = record(Attrs(item));
    let same = known.iter().find(|known| same_record(kind, &record(**known), &own));
    same.map_or_else(|| item.clone(), |same| same.0.clone())
}
