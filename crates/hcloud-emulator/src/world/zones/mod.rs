//! DNS zones. Their record sets lie inside them; nobody is asked about delegation, so that stays unknown.

pub(crate) mod records;
pub(crate) mod rrsets;
mod zonefile;

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use self::records::{NewRrSet, RecordType, problem_of_zone_name};
use self::rrsets::{Record, RrSet};
use super::table::named_row;
use super::{Action, Command, Effect, Kind, Labels, Refusal, Tx};

/// The nameservers every zone is assigned to (Hetzner API documentation, examples of zones).
pub(crate) const NAMESERVERS: [&str; 3] =
    ["hydrogen.ns.hetzner.com.", "oxygen.ns.hetzner.com.", "helium.ns.hetzner.de."];
/// Seconds that records may be kept for (Hetzner API documentation).
pub(crate) const TTLS: std::ops::RangeInclusive<i64> = 60..=2_147_483_647;
/// A zone's own, unless it is given one.
pub(crate) const DEFAULT_TTL: i64 = 3600;

/// Where the records of a zone come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// From the API.
    Primary,
    /// From other nameservers.
    Secondary,
}

impl Mode {
    /// The name the API uses.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// A nameserver that a secondary zone is transferred from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrimaryNameserver {
    pub(crate) address: IpAddr,
    pub(crate) port: i64,
    /// In base64.
    pub(crate) tsig_key: Option<String>,
    pub(crate) tsig_algorithm: Option<String>,
}

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Zone {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    pub(crate) mode: Mode,
    /// Seconds, for record sets without their own.
    pub(crate) ttl: i64,
    pub(crate) primary_nameservers: Vec<PrimaryNameserver>,
    pub(crate) protect_delete: bool,
    /// Whether the nameservers ever got it.
    pub(crate) published: bool,
    /// By `name/type`, which is their id.
    pub(crate) rrsets: BTreeMap<String, RrSet>,
}

named_row!(Zone);

impl Zone {
    pub(crate) fn record_count(&self) -> usize {
        self.rrsets.values().map(|set| set.records.len()).sum()
    }
}

/// What a zone is asked to be.
pub(crate) struct NewZone {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) mode: Mode,
    pub(crate) ttl: Option<i64>,
    pub(crate) primary_nameservers: Vec<PrimaryNameserver>,
    pub(crate) rrsets: Vec<NewRrSet>,
    pub(crate) zonefile: Option<String>,
}

/// The first serial of a day: `YYYYMMDDnn` (Hetzner API documentation).
fn first_serial(now: i64) -> i64 {
    let day = jiff::Timestamp::from_millisecond(now).unwrap_or_default().strftime("%Y%m%d00").to_string();
    day.parse().unwrap_or_default()
}

/// Gives a zone's SOA record the next serial, as every change of a primary zone does.
fn advance_serial(zone: &mut Zone, now: i64) {
    let Some(record) = zone.rrsets.get_mut("@/SOA").and_then(|set| set.records.first_mut()) else { return };
    let mut fields: Vec<String> = record.value.split_whitespace().map(str::to_owned).collect();
    if let Some(serial) = fields.get_mut(2) {
        let next = serial.parse::<i64>().unwrap_or_default().saturating_add(1).max(first_serial(now));
        // Serials have 32 bits; one that was imported may be the last of them.
        *serial = if next > i64::from(u32::MAX) { first_serial(now) } else { next }.to_string();
    }
    record.value = fields.join(" ");
}

/// The record sets that a new zone has by itself.
fn default_rrsets(now: i64) -> BTreeMap<String, RrSet> {
    let set = |kind, values: Vec<String>| {
        let records = values.into_iter().map(|value| Record { value, comment: String::new() }).collect();
        let set = RrSet::new("@".to_owned(), kind, None, Labels::default(), records, now);
        (set.id(), set)
    };
    let soa = format!("{} dns.hetzner.com. {} 86400 10800 3600000 3600", NAMESERVERS[0], first_serial(now));
    let nameservers = NAMESERVERS.iter().map(|name| (*name).to_owned()).collect();
    BTreeMap::from([set(RecordType::Soa, vec![soa]), set(RecordType::Ns, nameservers)])
}

fn check_nameservers(nameservers: &[PrimaryNameserver]) -> Result<(), Refusal> {
    let invalid = |index: usize, field: &str, message: &str| {
        Err(Refusal::invalid(&format!("primary_nameservers.{index}.{field}"), message))
    };
    if nameservers.is_empty() {
        return Err(Refusal::invalid("primary_nameservers", "a secondary zone needs a primary nameserver"));
    }
    for (index, server) in nameservers.iter().enumerate() {
        if nameservers[..index].iter().any(|other| other.address == server.address) {
            return invalid(index, "address", "address must be unique among the primary nameservers");
        }
        let decodes = |key: &String| base64::engine::general_purpose::STANDARD.decode(key).is_ok();
        if !server.tsig_key.as_ref().is_none_or(decodes) {
            return invalid(index, "tsig_key", "tsig_key must be base64 encoded");
        }
    }
    Ok(())
}

impl Tx<'_> {
    /// The id of the zone that an id or a name in a path means.
    pub(crate) fn find_zone(&self, id_or_name: &str) -> Result<i64, Refusal> {
        let zones = &self.project.zones;
        let by_id = id_or_name.parse().ok().filter(|id| zones.contains(*id));
        by_id
            .or_else(|| zones.values().find(|zone| zone.name == id_or_name).map(|zone| zone.id))
            .ok_or_else(|| Refusal::new("not_found", format!("zone '{id_or_name}' not found")))
    }

    /// The zone, or the refusal that there is none.
    pub(crate) fn zone(&self, id: i64) -> Result<&Zone, Refusal> {
        self.project.zones.get(id).ok_or_else(|| Refusal::not_found("zone", id))
    }

    /// The zone if it has the mode that an operation is for.
    pub(crate) fn zone_in(&self, id: i64, mode: Mode) -> Result<&Zone, Refusal> {
        let zone = self.zone(id)?;
        if zone.mode != mode {
            let message = format!("this operation is only possible for zones in {} mode", mode.as_str());
            return Err(Refusal::new("incorrect_zone_mode", message));
        }
        Ok(zone)
    }

    /// Whether what was changed in a zone is still on its way to the nameservers.
    pub(crate) fn is_zone_updating(&self, id: i64) -> bool {
        self.project.running().any(|action| match action.effect {
            Effect::ZonePublished { zone } | Effect::ZoneDeleted { zone } => zone == id,
            _ => false,
        })
    }

    /// Begins an action that brings a change to the nameservers, and makes the change.
    fn publish(&mut self, command: Command, id: i64, change: impl FnOnce(&mut Zone)) -> Action {
        let action = self.begin(command, &[(Kind::Zone, id)], Effect::ZonePublished { zone: id });
        if let (false, Some(zone)) = (action.fails(), self.project.zones.get_mut(id)) {
            change(zone);
            advance_serial(zone, self.now);
        }
        action
    }

    pub(crate) fn create_zone(&mut self, new: NewZone) -> Result<(i64, Action), Refusal> {
        if let Some(problem) = problem_of_zone_name(&new.name) {
            return Err(Refusal::invalid("name", problem));
        }
        if self.project.zones.name_taken(&new.name, None) {
            return Err(Refusal::not_unique("zone", "name"));
        }
        self.within_limit(Kind::Zone, self.project.zones.len())?;
        let mut zone = Zone {
            id: 0,
            name: new.name,
            labels: new.labels,
            created: self.now,
            mode: new.mode,
            ttl: new.ttl.unwrap_or(DEFAULT_TTL),
            primary_nameservers: Vec::new(),
            protect_delete: false,
            published: false,
            rrsets: BTreeMap::new(),
        };
        // What belongs to the other mode is ignored (Hetzner API documentation).
        match (new.mode, new.zonefile) {
            (Mode::Secondary, _) => {
                check_nameservers(&new.primary_nameservers)?;
                zone.primary_nameservers = new.primary_nameservers;
            }
            (Mode::Primary, Some(_)) if !new.rrsets.is_empty() => {
                return Err(Refusal::invalid("rrsets", "rrsets and zonefile must not both be given"));
            }
            (Mode::Primary, Some(text)) => self.fill_from_file(&mut zone, &text)?,
            (Mode::Primary, None) => {
                for (index, set) in new.rrsets.into_iter().enumerate() {
                    zone.add(set, self.now, |field| format!("rrsets.{index}.{field}"))?;
                }
                for (id, set) in default_rrsets(self.now) {
                    zone.rrsets.entry(id).or_insert(set);
                }
            }
        }
        zone.id = self.new_id(Kind::Zone);
        let id = zone.id;
        self.project.zones.insert(zone);
        let effect = Effect::ZonePublished { zone: id };
        Ok((id, self.begin(Command::CreateZone, &[(Kind::Zone, id)], effect)))
    }

    /// Replaces the record sets of a zone by those of a zone file.
    fn fill_from_file(&self, zone: &mut Zone, text: &str) -> Result<(), Refusal> {
        let file = zonefile::read(&zone.name, text)
            .map_err(|problem| Refusal::invalid("zonefile", format!("zone file: {problem}")))?;
        zone.rrsets.clear();
        for set in file.rrsets {
            zone.add(set, self.now, |_| "zonefile".to_owned())?;
        }
        let missing = |what: &str| Refusal::invalid("zonefile", format!("zone file: {what} is missing"));
        if !zone.rrsets.contains_key("@/SOA") {
            return Err(missing("the SOA record"));
        }
        let own = zone.rrsets.get("@/NS");
        for name in NAMESERVERS {
            if !own.is_some_and(|set| set.records.iter().any(|record| record.value == name)) {
                return Err(missing(&format!("the NS record for {name}")));
            }
        }
        zone.ttl = file.ttl.unwrap_or(zone.ttl);
        Ok(())
    }

    pub(crate) fn update_zone(&mut self, id: i64, labels: Option<Labels>) -> Result<(), Refusal> {
        let zone = self.project.zones.get_mut(id).ok_or_else(|| Refusal::not_found("zone", id))?;
        zone.labels = labels.unwrap_or_else(|| zone.labels.clone());
        Ok(())
    }

    pub(crate) fn delete_zone(&mut self, id: i64) -> Result<Action, Refusal> {
        if self.zone(id)?.protect_delete {
            return Err(Refusal::protected("zone"));
        }
        self.project.ensure_free(Kind::Zone, id)?;
        Ok(self.begin(Command::DeleteZone, &[(Kind::Zone, id)], Effect::ZoneDeleted { zone: id }))
    }

    /// The zone as a zone file.
    pub(crate) fn export_zone(&self, id: i64) -> Result<String, Refusal> {
        Ok(zonefile::write(self.zone_in(id, Mode::Primary)?))
    }

    pub(crate) fn import_zone(&mut self, id: i64, text: &str) -> Result<Action, Refusal> {
        let mut zone = self.zone_in(id, Mode::Primary)?.clone();
        self.project.ensure_free(Kind::Zone, id)?;
        if zone.rrsets.values().any(|set| set.protect_change) {
            return Err(Refusal::protected("rrset"));
        }
        self.fill_from_file(&mut zone, text)?;
        Ok(self.publish(Command::ImportZonefile, id, |row| *row = zone))
    }

    pub(crate) fn change_primary_nameservers(
        &mut self,
        id: i64,
        nameservers: Vec<PrimaryNameserver>,
    ) -> Result<Action, Refusal> {
        self.zone_in(id, Mode::Secondary)?;
        check_nameservers(&nameservers)?;
        self.project.ensure_free(Kind::Zone, id)?;
        Ok(self.publish(Command::ChangePrimaryNameservers, id, |zone| zone.primary_nameservers = nameservers))
    }

    pub(crate) fn protect_zone(&mut self, id: i64, delete: Option<bool>) -> Result<Action, Refusal> {
        self.zone(id)?;
        let action = self.begin(Command::ChangeProtection, &[(Kind::Zone, id)], Effect::Nothing);
        if let (false, Some(delete), Some(zone)) = (action.fails(), delete, self.project.zones.get_mut(id)) {
            zone.protect_delete = delete;
        }
        Ok(action)
    }

    pub(crate) fn change_zone_ttl(&mut self, id: i64, ttl: i64) -> Result<Action, Refusal> {
        self.zone_in(id, Mode::Primary)?;
        self.project.ensure_free(Kind::Zone, id)?;
        Ok(self.publish(Command::ChangeTtl, id, |zone| zone.ttl = ttl))
    }

    pub(super) fn zone_published(&mut self, id: i64) {
        if let Some(zone) = self.project.zones.get_mut(id) {
            zone.published = true;
        }
    }

    pub(super) fn zone_deleted(&mut self, id: i64) {
        self.project.zones.remove(id);
    }
}
