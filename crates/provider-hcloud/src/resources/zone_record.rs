//! `hcloud_zone_record`: one record of a zone, in a set that others have records in too. It has no id: zone, name, type
//! and value name it.

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_hcloud::{Error, Record, RrsetKey};

use super::zone_rrset::look;
use super::{records, schema};
use crate::attrs::{Attrs, State, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Resource};
use crate::rules::{INVALID, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct ZoneRecord;

/// What names a record.
const PLACE: &[&str] = &["zone", "name", "type", "value"];

struct Place {
    zone: String,
    key: RrsetKey,
    value: String,
}

impl Place {
    fn of(attrs: Attrs<'_>) -> Option<Place> {
        let own = |name: &str| attrs.text(name).map(str::to_owned);
        let key = RrsetKey { name: own("name")?, kind: own("type")? };
        Some(Place { zone: own("zone")?, key, value: own("value")? })
    }

    fn find<'r>(&self, records: &'r [Record]) -> Option<&'r Record> {
        records.iter().find(|record| records::same_value(&self.key.kind, &record.value, &self.value))
    }

    /// For people, and for imports.
    fn id(&self) -> String {
        format!("{}/{}/{}/{}", self.zone, self.key.name, self.key.kind, self.value)
    }
}

#[async_trait]
impl Resource for ZoneRecord {
    fn name(&self) -> &'static str {
        "hcloud_zone_record"
    }

    fn noun(&self) -> &'static str {
        "record"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("zone", Attribute::required(Type::String).force_new()),
            ("name", Attribute::required(Type::String).force_new()),
            ("type", Attribute::required(Type::String).force_new()),
            ("value", Attribute::required(Type::String).force_new()),
            ("comment", Attribute::optional_computed(Type::String)),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        records::validate_place(config, problems);
        let kind = config.text("type").unwrap_or_default();
        if kind == "SOA" {
            problems.add(
                "type",
                INVALID,
                "The SOA record is the zone's own. Use `hcloud_zone_rrset` to change it.",
            );
        }
        let value = config.get("value").as_str();
        if let Some(problem) = value.and_then(|value| records::problem_of_value(kind, value)) {
            problems.add("value", INVALID, problem);
        }
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        if let Some(place) = Place::of(prior) {
            needs.rrsets.entry(place.zone).or_default().insert(place.key);
        }
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(place) = Place::of(prior) else { return Ok(None) };
        let rrset = seen.rrsets.get(&place.zone).map_or(Ok(None), |sets| sets.get(&place.key))?;
        let Some(record) = rrset.and_then(|rrset| place.find(&rrset.records)) else { return Ok(None) };
        for name in PLACE {
            state.set(name, prior.get(name).clone());
        }
        state.set("comment", text(&record.comment));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let rrsets = cx.client.rrsets(planned.string("zone"));
        let key = RrsetKey { name: planned.string("name"), kind: planned.string("type") };
        let record = Record { value: planned.string("value"), comment: planned.string("comment") };
        let action = rrsets.add_records(&key, &[record]).await?;
        Ok(Begun::new(Place::of(planned).map(|place| place.id()).unwrap_or_default(), [action]))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some(place) = Place::of(prior) else { return Ok(()) };
        if planned.is_known("comment") && prior.string("comment") != planned.string("comment") {
            let rrsets = cx.client.rrsets(place.zone);
            let records = [Record { value: place.value, comment: planned.string("comment") }];
            cx.step(Tolerance::NONE, || rrsets.update_records(&place.key, &records)).await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some(place) = Place::of(prior) else { return Ok(()) };
        let rrsets = cx.client.rrsets(&place.zone);
        let Some(rrset) = rrsets.find(&place.key).await? else { return Ok(()) };
        match place.find(&rrset.records) {
            Some(record) => {
                let values = [record.value.as_str()];
                Ok(cx.step(Tolerance::REMOVING, || rrsets.remove_records(&place.key, &values)).await?)
            }
            None => Ok(()),
        }
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        // Values may have slashes.
        let parts: Vec<&str> = id.splitn(4, '/').collect();
        if parts.len() != 4 || parts.contains(&"") {
            return Err("zone, name, type and value, such as `example.com/www/A/192.0.2.1`");
        }
        for (name, part) in PLACE.iter().zip(parts) {
            state.set(name, text(part));
        }
        Ok(())
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some(place) = Place::of(planned) else { return Ok(Vec::new()) };
        let records = look(cx, place.zone.clone(), &place.key, seen).await?.unwrap_or_default();
        Ok(Candidate::at_place(place.find(&records).is_some(), place.id()))
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["zone", "name", "type", "value", "comment"]
    }
}
