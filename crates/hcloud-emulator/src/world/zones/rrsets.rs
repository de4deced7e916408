//! Record sets of zones: what has one name and one type.

use serde::{Deserialize, Serialize};

use super::records::{NewRrSet, RecordType, problem_of_name, problem_of_value};
use super::{Mode, Zone};
use crate::world::{Action, Command, Effect, Kind, Labels, Refusal, Tx};

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) value: String,
    pub(crate) comment: String,
}

/// A record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RrSet {
    /// Relative to the zone; `@` for the zone itself.
    pub(crate) name: String,
    pub(crate) kind: RecordType,
    /// Seconds; the zone's if there is none.
    pub(crate) ttl: Option<i64>,
    pub(crate) labels: Labels,
    pub(crate) protect_change: bool,
    pub(crate) records: Vec<Record>,
    pub(crate) created: i64,
}

impl RrSet {
    pub(super) fn new(
        name: String,
        kind: RecordType,
        ttl: Option<i64>,
        labels: Labels,
        records: Vec<Record>,
        created: i64,
    ) -> Self {
        Self { name, kind, ttl, labels, protect_change: false, records, created }
    }

    /// `name/type`.
    pub(crate) fn id(&self) -> String {
        key(&self.name, self.kind)
    }

    /// Whether a zone cannot do without it.
    fn is_essential(&self) -> bool {
        self.name == "@" && matches!(self.kind, RecordType::Soa | RecordType::Ns)
    }
}

fn key(name: &str, kind: RecordType) -> String {
    format!("{name}/{}", kind.as_str())
}

/// Refuses records that are none, several times there, or malformed. `at` says where they stand in the request.
fn check_records(kind: RecordType, records: &[Record], at: impl Fn(&str) -> String) -> Result<(), Refusal> {
    if records.is_empty() {
        return Err(Refusal::invalid(&at("records"), "records must not be empty"));
    }
    if kind.is_single() && records.len() > 1 {
        let message = format!("a record set of type {} has one record only", kind.as_str());
        return Err(Refusal::invalid(&at("records"), message));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (index, record) in records.iter().enumerate() {
        let field = at(&format!("records.{index}.value"));
        if let Some(problem) = problem_of_value(kind, &record.value) {
            return Err(Refusal::invalid(&field, problem));
        }
        if !seen.insert(&record.value) {
            return Err(Refusal::invalid(&field, "records must have distinct values"));
        }
    }
    Ok(())
}

impl Zone {
    /// The set that is asked for, if it is as sets must be and goes with those that are there.
    fn fit(&self, new: NewRrSet, now: i64, at: impl Fn(&str) -> String) -> Result<RrSet, Refusal> {
        if let Some(problem) = problem_of_name(&new.name, &self.name) {
            return Err(Refusal::invalid(&at("name"), problem));
        }
        match (new.kind, new.name == "@") {
            (RecordType::Soa, false) => {
                return Err(Refusal::invalid(&at("name"), "a SOA record is for the zone itself, '@'"));
            }
            (RecordType::Cname, true) => {
                return Err(Refusal::invalid(&at("name"), "the zone itself cannot have a CNAME record"));
            }
            _ => {}
        }
        check_records(new.kind, &new.records, &at)?;
        let set = RrSet::new(new.name, new.kind, new.ttl, new.labels, new.records, now);
        if self.rrsets.contains_key(&set.id()) {
            return Err(Refusal::not_unique("rrset", "name"));
        }
        let prefix = format!("{}/", set.name);
        let mut others = self.rrsets.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        if others.any(|(_, other)| RecordType::Cname == set.kind || RecordType::Cname == other.kind) {
            let message = "a name with a CNAME record has no other records";
            return Err(Refusal::invalid(&at("type"), message));
        }
        Ok(set)
    }

    /// Adds a set.
    pub(super) fn add(
        &mut self,
        new: NewRrSet,
        now: i64,
        at: impl Fn(&str) -> String,
    ) -> Result<(), Refusal> {
        let set = self.fit(new, now, at)?;
        self.rrsets.insert(set.id(), set);
        Ok(())
    }
}

impl Tx<'_> {
    /// The set of a primary zone, or the refusal that there is none.
    pub(crate) fn rrset(&self, zone: i64, name: &str, kind: RecordType) -> Result<&RrSet, Refusal> {
        let sets = &self.zone_in(zone, Mode::Primary)?.rrsets;
        let id = key(name, kind);
        sets.get(&id).ok_or_else(|| Refusal::new("not_found", format!("rrset '{id}' not found")))
    }

    /// The set, if it may be changed now.
    fn changeable(&self, zone: i64, name: &str, kind: RecordType) -> Result<RrSet, Refusal> {
        let set = self.rrset(zone, name, kind)?.clone();
        if set.protect_change {
            return Err(Refusal::protected("rrset"));
        }
        self.project.ensure_free(Kind::Zone, zone)?;
        Ok(set)
    }

    /// Puts a changed set in the place of what it was.
    fn replace(&mut self, command: Command, zone: i64, set: RrSet) -> Action {
        self.publish(command, zone, |zone| {
            zone.rrsets.insert(set.id(), set);
        })
    }

    pub(crate) fn create_rrset(&mut self, zone: i64, new: NewRrSet) -> Result<(RrSet, Action), Refusal> {
        self.add_rrset(Command::CreateRrset, zone, new)
    }

    fn add_rrset(&mut self, command: Command, id: i64, new: NewRrSet) -> Result<(RrSet, Action), Refusal> {
        let zone = self.zone_in(id, Mode::Primary)?;
        self.project.ensure_free(Kind::Zone, id)?;
        let set = zone.fit(new, self.now, str::to_owned)?;
        Ok((set.clone(), self.replace(command, id, set)))
    }

    pub(crate) fn update_rrset(
        &mut self,
        zone: i64,
        name: &str,
        kind: RecordType,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.rrset(zone, name, kind)?;
        let sets = self.project.zones.get_mut(zone).map(|zone| &mut zone.rrsets);
        if let (Some(set), Some(labels)) = (sets.and_then(|sets| sets.get_mut(&key(name, kind))), labels) {
            set.labels = labels;
        }
        Ok(())
    }

    pub(crate) fn delete_rrset(
        &mut self,
        zone: i64,
        name: &str,
        kind: RecordType,
    ) -> Result<Action, Refusal> {
        let set = self.changeable(zone, name, kind)?;
        self.drop_rrset(Command::DeleteRrset, zone, &set)
    }

    fn drop_rrset(&mut self, command: Command, zone: i64, set: &RrSet) -> Result<Action, Refusal> {
        if set.is_essential() {
            let message = format!("the record set '{}' cannot be deleted: a zone needs it", set.id());
            return Err(Refusal::new("unsupported_error", message));
        }
        Ok(self.publish(command, zone, |zone| {
            zone.rrsets.remove(&set.id());
        }))
    }

    pub(crate) fn protect_rrset(
        &mut self,
        zone: i64,
        name: &str,
        kind: RecordType,
        change: bool,
    ) -> Result<Action, Refusal> {
        self.rrset(zone, name, kind)?;
        let action = self.begin(Command::ChangeRrsetProtection, &[(Kind::Zone, zone)], Effect::Nothing);
        let sets = self.project.zones.get_mut(zone).map(|zone| &mut zone.rrsets);
        if let (false, Some(set)) = (action.fails(), sets.and_then(|sets| sets.get_mut(&key(name, kind)))) {
            set.protect_change = change;
        }
        Ok(action)
    }

    pub(crate) fn change_rrset_ttl(
        &mut self,
        zone: i64,
        name: &str,
        kind: RecordType,
        ttl: Option<i64>,
    ) -> Result<Action, Refusal> {
        let set = self.changeable(zone, name, kind)?;
        Ok(self.replace(Command::ChangeRrsetTtl, zone, RrSet { ttl, ..set }))
    }

    pub(crate) fn set_records(
        &mut self,
        zone: i64,
        name: &str,
        kind: RecordType,
        records: Vec<Record>,
    ) -> Result<Action, Refusal> {
        let set = self.changeable(zone, name, kind)?;
        check_records(kind, &records, str::to_owned)?;
        Ok(self.replace(Command::SetRrsetRecords, zone, RrSet { records, ..set }))
    }

    /// Adds records to a set, which is made if it is not there.
    pub(crate) fn add_records(
        &mut self,
        zone: i64,
        name: &str,
        kind: RecordType,
        ttl: Option<i64>,
        mut records: Vec<Record>,
    ) -> Result<Action, Refusal> {
        if !self.zone_in(zone, Mode::Primary)?.rrsets.contains_key(&key(name, kind)) {
            let new = NewRrSet { name: name.to_owned(), kind, ttl, labels: Labels::default(), records };
            return Ok(self.add_rrset(Command::AddRrsetRecords, zone, new)?.1);
        }
        let mut set = self.changeable(zone, name, kind)?;
        if ttl.is_some() && set.ttl.is_some() && ttl != set.ttl {
            let message = "the record set exists and has another ttl, change that first";
            return Err(Refusal::invalid("ttl", message));
        }
        set.ttl = set.ttl.or(ttl);
        check_records(kind, &records, str::to_owned)?;
        for (index, record) in records.iter().enumerate() {
            if set.records.iter().any(|there| there.value == record.value) {
                let message = "the record set has a record with this value already";
                return Err(Refusal::invalid(&format!("records.{index}.value"), message));
            }
        }
        set.records.append(&mut records);
        check_records(kind, &set.records, str::to_owned)?;
        Ok(self.replace(Command::AddRrsetRecords, zone, set))
    }

    /// Removes records from a set, which goes with the last of them.
    pub(crate) fn remove_records(
        &mut self,
        zone: i64,
        name: &str,
        kind: RecordType,
        records: &[Record],
    ) -> Result<Action, Refusal> {
        let mut set = self.changeable(zone, name, kind)?;
        for (index, record) in records.iter().enumerate() {
            let before = set.records.len();
            set.records.retain(|there| there.value != record.value);
            if set.records.len() == before {
                return Err(no_such_record(index));
            }
        }
        if set.records.is_empty() {
            return self.drop_rrset(Command::RemoveRrsetRecords, zone, &set);
        }
        Ok(self.replace(Command::RemoveRrsetRecords, zone, set))
    }

    /// Changes the comments of records.
    pub(crate) fn update_records(
        &mut self,
        zone: i64,
        name: &str,
        kind: RecordType,
        records: Vec<Record>,
    ) -> Result<Action, Refusal> {
        let mut set = self.changeable(zone, name, kind)?;
        for (index, record) in records.into_iter().enumerate() {
            let there = set.records.iter_mut().find(|there| there.value == record.value);
            there.ok_or_else(|| no_such_record(index))?.comment = record.comment;
        }
        Ok(self.replace(Command::UpdateRrsetRecords, zone, set))
    }
}

fn no_such_record(index: usize) -> Refusal {
    Refusal::invalid(&format!("records.{index}.value"), "the record set has no record with this value")
}
