//! Looking ahead: what the API would only refuse while a plan is applied, after other objects were made, is found while
//! planning, from what else is planned and what was read.
//!
//! The engine plans instances one by one. A provider lives as long as one plan, so it remembers in a [`View`] what it has
//! planned. What refers to an object that there is has its id; what refers to one that is yet to be made has the unknown
//! value that stands for its id, which is recognised by its [`Origin`] (a plan that comes over the plugin protocol has
//! none, and then nothing is said). A rule over several objects is held against each of them, so that the last one
//! planned finds what is wrong whatever the order; objects that are to be replaced count as the new ones only.
//!
//! What the built-in catalogue does not know may be newer than it: before it is refused, the API is asked, once a list
//! and plan ([`Lists`](lists::Lists)). Where the API does not answer, nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use ferroform_core::{Origin, Value};
use ferroform_hcloud::Network;
use ferroform_provider::Occasion;
use parking_lot::Mutex;

use crate::cx::Cx;
use crate::resource::Plan;

pub(crate) mod balancers;
pub(crate) mod firewalls;
pub(crate) mod lists;
pub(crate) mod networks;
pub(crate) mod offers;
pub(crate) mod protection;
pub(crate) mod servers;
pub(crate) mod volumes;

/// What names an object within a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// The id of one that there is.
    Known(String),
    /// The unknown that stands for the id of a new one.
    New(Origin),
}

impl Name {
    /// The object that an id names; None for zero, null and an unknown of which nothing is known.
    pub(crate) fn of(id: &Value) -> Option<Name> {
        if let Some(number) = id.as_number() {
            return Some(Name::Known(number.to_string())).filter(|_| !number.is_zero());
        }
        match id.as_str() {
            Some("") => None,
            Some(text) => Some(Name::Known(text.to_owned())),
            None => id.refinements()?.origin.map(Name::New),
        }
    }
}

/// By type: the attributes that name what the object is a part or member of.
const PLACES: [(&str, &str); 8] = [
    ("hcloud_load_balancer_service", "load_balancer_id"),
    ("hcloud_load_balancer_target", "load_balancer_id"),
    ("hcloud_network_route", "network_id"),
    ("hcloud_network_subnet", "network_id"),
    ("hcloud_server", "placement_group_id"),
    ("hcloud_server_network", "server_id"),
    ("hcloud_volume", "server_id"),
    ("hcloud_volume_attachment", "server_id"),
];

/// By type: the kind of which no two objects of a project have the same name (Hetzner API documentation, `uniqueness_error`).
const UNIQUELY_NAMED: [(&str, &str); 14] = [
    ("hcloud_certificate", "certificate"),
    ("hcloud_firewall", "firewall"),
    ("hcloud_floating_ip", "floating IP"),
    ("hcloud_load_balancer", "load balancer"),
    ("hcloud_managed_certificate", "certificate"),
    ("hcloud_network", "network"),
    ("hcloud_placement_group", "placement group"),
    ("hcloud_primary_ip", "primary IP"),
    ("hcloud_server", "server"),
    ("hcloud_ssh_key", "SSH key"),
    ("hcloud_storage_box", "storage box"),
    ("hcloud_uploaded_certificate", "certificate"),
    ("hcloud_volume", "volume"),
    ("hcloud_zone", "zone"),
];

#[derive(Debug)]
struct Planned {
    config: Value,
    value: Value,
}

type Place = (&'static str, Name);

/// A kind from [`UNIQUELY_NAMED`] and a name.
type Called = (&'static str, String);

/// What is planned so far.
#[derive(Debug, Default)]
pub(crate) struct View {
    objects: BTreeMap<(&'static str, Name), Planned>,
    members: BTreeMap<Place, BTreeSet<Name>>,
    /// Those with the same `name`, where names are unique.
    namesakes: BTreeMap<Called, BTreeSet<(&'static str, Name)>>,
    networks: BTreeMap<i64, Network>,
}

impl View {
    /// Remembers networks that were read.
    pub(crate) fn read<'n>(&mut self, networks: impl IntoIterator<Item = &'n Network>) {
        self.networks.extend(networks.into_iter().map(|network| (network.id, network.clone())));
    }

    /// Remembers what is planned for an object that stays or is made.
    fn planned(&mut self, type_name: &'static str, name: Name, config: &Value, value: &Value) {
        self.forget(type_name, &name);
        if let Some(place) = place_of(type_name, |name| value.get(name)) {
            self.members.entry(place).or_default().insert(name.clone());
        }
        if let Some(called) = called(type_name, value.get("name")) {
            self.namesakes.entry(called).or_default().insert((type_name, name.clone()));
        }
        let planned = Planned { config: config.clone(), value: value.clone() };
        self.objects.insert((type_name, name), planned);
    }

    /// An object that is replaced whatever its plan says (it is tainted, or the command asks for that) was planned as if
    /// it stayed, and then as a new one of the same configuration, which takes its place. That is for callers that do not
    /// tell which it is.
    fn replaced(&mut self, type_name: &'static str, place: &Place, config: &Value) {
        let members = self.members.get(place).into_iter().flatten();
        let stays = |name: &&Name| matches!(name, Name::Known(_));
        let same = |name: &&Name| {
            self.objects.get(&(type_name, Name::clone(name))).is_some_and(|planned| planned.config == *config)
        };
        if let Some(old) = members.filter(stays).find(same).cloned() {
            self.forget(type_name, &old);
        }
    }

    fn forget(&mut self, type_name: &'static str, name: &Name) {
        let Some(before) = self.objects.remove(&(type_name, name.clone())) else { return };
        if let Some(members) =
            place_of(type_name, |name| before.value.get(name)).and_then(|place| self.members.get_mut(&place))
        {
            members.remove(name);
        }
        if let Some(namesakes) =
            called(type_name, before.value.get("name")).and_then(|called| self.namesakes.get_mut(&called))
        {
            namesakes.remove(&(type_name, name.clone()));
        }
    }

    /// Whether another object has the name; one that exists counts only where it is certain to stay.
    fn is_taken(&self, called: &Called, own: (&'static str, Option<&Name>), stay: bool) -> bool {
        let others = self.namesakes.get(called).into_iter().flatten();
        let mut others = others.filter(|(type_name, name)| (*type_name, Some(name)) != own);
        others.any(|(_, name)| stay || matches!(name, Name::New(_)))
    }
}

/// What an object is called, where that is unique.
fn called(type_name: &str, name: Option<&Value>) -> Option<Called> {
    let name = name?.as_str().filter(|name| !name.is_empty())?;
    let (_, kind) = UNIQUELY_NAMED.iter().find(|(of, _)| *of == type_name)?;
    Some((kind, name.to_owned()))
}

/// The place of an object of a type among others of it.
fn place_of<'v>(
    type_name: &'static str,
    get: impl FnOnce(&'static str) -> Option<&'v Value>,
) -> Option<Place> {
    let (_, attribute) = PLACES.iter().find(|(of, _)| *of == type_name)?;
    Some((type_name, Name::of(get(attribute)?)?))
}

/// What rules over several objects have to go by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    view: &'a Mutex<View>,
    cx: Option<&'a Cx>,
}

impl<'a> Around<'a> {
    pub(crate) fn new(view: &'a Mutex<View>, cx: Option<&'a Cx>) -> Around<'a> {
        Around { view, cx }
    }

    /// What is planned for the object that an id names, if that was planned already.
    pub(crate) fn object(&self, type_name: &'static str, id: &Value) -> Option<Value> {
        let name = Name::of(id)?;
        self.view.lock().objects.get(&(type_name, name)).map(|planned| planned.value.clone())
    }

    /// What is planned for the others of a type at the same place: the other subnets of a network, for example.
    pub(crate) fn others(&self, type_name: &'static str, place: &Value, than: Option<&Value>) -> Vec<Value> {
        let Some(place) = Name::of(place) else { return Vec::new() };
        let own = than.and_then(Name::of);
        let view = self.view.lock();
        let members = view.members.get(&(type_name, place)).into_iter().flatten();
        let others = members.filter(|name| Some(*name) != own.as_ref());
        others.filter_map(|name| Some(view.objects.get(&(type_name, name.clone()))?.value.clone())).collect()
    }

    /// Refuses a name that another object is planned to have.
    pub(crate) fn check_name(&self, type_name: &'static str, plan: &mut Plan<'_>, occasion: &Occasion) {
        if !concerns(plan, &["name"]) {
            return;
        }
        let Some(called) = called(type_name, Some(plan.get("name"))) else { return };
        let own = Name::of(plan.get("id"));
        let stay = plan.prior.is_some() || !matches!(occasion, Occasion::Untold);
        let taken = self.view.lock().is_taken(&called, (type_name, own.as_ref()), stay);
        if taken {
            let (kind, name) = called;
            let detail = format!(
                "Another {kind} of this configuration has the name {name:?}. Names are unique in a project: give one of them another name."
            );
            plan.problems.add("name", "Name is taken", detail);
        }
    }

    /// Whether an SSH key of this name or number is planned.
    fn plans_ssh_key(&self, key: &str) -> bool {
        let view = self.view.lock();
        let named = |value: &Value| value.get("name").and_then(Value::as_str) == Some(key);
        let id = ("hcloud_ssh_key", Name::Known(key.to_owned()));
        let first = ("hcloud_ssh_key", Name::Known(String::new()));
        let mut keys = view.objects.range(first..).take_while(|((type_name, _), _)| *type_name == id.0);
        view.objects.contains_key(&id) || keys.any(|(_, planned)| named(&planned.value))
    }

    /// A network as it was read.
    pub(crate) fn network_read(&self, id: i64) -> Option<Network> {
        self.view.lock().networks.get(&id).cloned()
    }

    /// A new object is to be planned: what it replaces is no longer there.
    pub(crate) fn begins(&self, type_name: &'static str, plan: &Plan<'_>) {
        if let Some(place) = place_of(type_name, |name| Some(plan.get(name))) {
            self.view.lock().replaced(type_name, &place, plan.config.0);
        }
    }

    /// Remembers what came of planning an object.
    pub(crate) fn planned(&self, type_name: &'static str, config: &Value, value: &Value) {
        if let Some(name) = value.get("id").and_then(Name::of) {
            self.view.lock().planned(type_name, name, config, value);
        }
    }

    /// An object goes, or is replaced by a new one.
    pub(crate) fn leaves(&self, type_name: &'static str, prior: &Value) {
        if let Some(name) = prior.get("id").and_then(Name::of) {
            self.view.lock().forget(type_name, &name);
        }
    }
}

/// Whether an object is new, or one of these attributes changes.
fn concerns(plan: &Plan<'_>, attributes: &[&str]) -> bool {
    plan.prior.is_none() || attributes.iter().any(|name| plan.changes(name))
}

/// "a, b and c", sorted, each once.
fn listed(items: impl IntoIterator<Item = String>) -> String {
    let items: BTreeSet<String> = items.into_iter().collect();
    items.into_iter().collect::<Vec<_>>().join(", ")
}
