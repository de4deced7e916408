//! What one object costs: its cost components, by the type of its resource.

use std::fmt;

use ferroform_catalogue::{AddressPrice, Catalogue, Eur, Offer};
use ferroform_core::Value;

use crate::amount::Amount;
use crate::traffic::Traffic;

/// One thing that an object is paid for. Amounts are net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// What it is, such as `server cx23, fsn1`.
    pub what: String,
    /// What an hour costs, until the month's price is reached.
    pub hourly: Option<Amount>,
    /// What a whole month costs.
    pub monthly: Option<Amount>,
    /// Why the price is not known.
    pub unpriced: Option<Unpriced>,
}

/// Why a price is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// The catalogue has the type, but no price for it.
    NoPrice,
    /// The type is not in the catalogue.
    UnknownType,
    /// The type is not sold in the location.
    NotOffered,
    /// What the price depends on is known only when the plan is applied.
    NotYetKnown,
    /// The price goes by use.
    ByUse,
    /// What is stored is not part of the state.
    UnknownSize,
}

impl fmt::Display for Unpriced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unpriced::NoPrice => "no price in the catalogue",
            Unpriced::UnknownType => "not in the catalogue",
            Unpriced::NotOffered => "not sold in this location",
            Unpriced::NotYetKnown => "known after apply",
            Unpriced::ByUse => "priced by use",
            Unpriced::UnknownSize => "priced by size, which is not known",
        })
    }
}

/// Resources that Hetzner takes no money for, or that are part of the price of another one.
/// Source: the price list, docs.hetzner.com/cloud (networks, firewalls, placement groups, DNS are free of charge).
const FREE: &[&str] = &[
    "hcloud_certificate",
    "hcloud_firewall",
    "hcloud_firewall_attachment",
    "hcloud_floating_ip_assignment",
    "hcloud_load_balancer_network",
    "hcloud_load_balancer_service",
    "hcloud_load_balancer_target",
    "hcloud_managed_certificate",
    "hcloud_network",
    "hcloud_network_route",
    "hcloud_network_subnet",
    "hcloud_placement_group",
    "hcloud_primary_ip_assignment",
    "hcloud_rdns",
    "hcloud_server_network",
    "hcloud_ssh_key",
    "hcloud_storage_box_snapshot",
    "hcloud_storage_box_subaccount",
    "hcloud_uploaded_certificate",
    "hcloud_volume_attachment",
    "hcloud_zone",
    "hcloud_zone_record",
    "hcloud_zone_rrset",
    // What is stored is paid for with its bucket.
    "objectstorage_object",
];

/// What a resource is paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bill {
    /// It is not Hetzner's.
    Elsewhere,
    /// It is free.
    Free,
    /// These things, and the traffic that they include.
    Paid(Vec<Component>, Traffic),
}

/// What the objects around one tell of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surroundings<'a> {
    /// The primary IPs with a price of their own on the same side of the plan, by id.
    pub primary_ips: &'a [i64],
    /// Whether configuration makes the object wait for primary IPv4 addresses: one that is not known yet is one of those.
    pub waits_for_primary_ip: bool,
}

/// What an object costs; it is neither null nor unknown.
pub(crate) fn bill(catalogue: &Catalogue, type_name: &str, object: &Value, around: Surroundings<'_>) -> Bill {
    if !type_name.starts_with("hcloud_") && !type_name.starts_with("objectstorage_") {
        return Bill::Elsewhere;
    }
    if FREE.contains(&type_name) {
        return Bill::Free;
    }
    let object = Object { value: object, catalogue };
    match type_name {
        "hcloud_server" => object.server(around),
        "hcloud_load_balancer" => object.load_balancer(),
        "hcloud_volume" => paid(object.volume()),
        "hcloud_primary_ip" => paid(object.address("primary", |catalogue, ipv4| {
            let price = if ipv4 { catalogue.primary_ipv4() } else { catalogue.primary_ipv6() };
            Some((price.hourly.into(), price.monthly.into()))
        })),
        "hcloud_floating_ip" => paid(object.address("floating", |catalogue, ipv4| {
            let monthly =
                if ipv4 { catalogue.floating_ipv4_monthly() } else { catalogue.floating_ipv6_monthly() };
            monthly.map(|monthly| (Amount::from(monthly).hourly_of_month(), monthly.into()))
        })),
        "hcloud_snapshot" => {
            let per_gb = catalogue.snapshot_per_gb_month();
            paid(unpriced(format!("snapshot at {per_gb} per GB"), Unpriced::UnknownSize))
        }
        "objectstorage_bucket" => paid(unpriced("object storage".to_owned(), Unpriced::ByUse)),
        _ => paid(unpriced(spoken(type_name), Unpriced::UnknownType)),
    }
}

fn paid(component: Component) -> Bill {
    Bill::Paid(vec![component], Traffic::default())
}

fn unpriced(what: String, why: Unpriced) -> Component {
    Component { what, hourly: None, monthly: None, unpriced: Some(why) }
}

/// `hcloud_storage_box` as words.
fn spoken(type_name: &str) -> String {
    type_name.split_once('_').map_or(type_name, |(_, kind)| kind).replace('_', " ")
}

/// An object with the prices it is held against.
struct Object<'a> {
    value: &'a Value,
    catalogue: &'a Catalogue,
}

/// An attribute that a price depends on.
enum Known<'a> {
    /// It is this.
    Text(&'a str),
    /// It is known only when the plan is applied.
    Later,
    /// It is not set.
    Absent,
}

impl<'a> Object<'a> {
    fn text(&self, name: &str) -> Known<'a> {
        match self.value.get(name) {
            Some(value) if !value.is_known() => Known::Later,
            Some(value) => value.as_str().filter(|text| !text.is_empty()).map_or(Known::Absent, Known::Text),
            None => Known::Absent,
        }
    }

    /// The locations that the object may be in: one if that is known, else all that are possible.
    fn locations(&self) -> Vec<&'a str> {
        let named = match (self.text("location"), self.text("datacenter")) {
            (Known::Text(location), _) => Some(location),
            // A datacenter is named after its location: `fsn1-dc14`.
            (_, Known::Text(datacenter)) => datacenter.split('-').next(),
            _ => None,
        };
        if let Some(location) = named {
            return vec![location];
        }
        let zone = match self.text("network_zone") {
            Known::Text(zone) => Some(zone),
            _ => None,
        };
        let all = self.catalogue.locations().iter();
        let possible = all.filter(|location| zone.is_none_or(|zone| location.network_zone == zone));
        possible.map(|location| location.name.as_str()).collect()
    }

    /// The component of a type that is sold in locations at different prices, with the offer that it is.
    fn offered(
        &self,
        kind: &str,
        type_attribute: &str,
        offers_of: impl Fn(&'a Catalogue, &str) -> Option<&'a [Offer]>,
    ) -> (Component, Option<&'a Offer>) {
        let name = match self.text(type_attribute) {
            Known::Text(name) => name,
            Known::Later | Known::Absent => {
                return (unpriced(kind.to_owned(), Unpriced::NotYetKnown), None);
            }
        };
        let locations = self.locations();
        let place = match locations.as_slice() {
            [one] => format!(", {one}"),
            _ => String::new(),
        };
        let what = format!("{kind} {name}{place}");
        let Some(offers) = offers_of(self.catalogue, name) else {
            return (unpriced(what, Unpriced::UnknownType), None);
        };
        let mut found = offers.iter().filter(|offer| locations.contains(&offer.location.as_str()));
        let Some(first) = found.next() else {
            return (unpriced(what, Unpriced::NotOffered), None);
        };
        // In another location it may cost something else: only a price that all have in common is known.
        if !found.all(|offer| offer.monthly == first.monthly && offer.hourly == first.hourly) {
            return (unpriced(what, Unpriced::NotYetKnown), None);
        }
        let (hourly, monthly) = (first.hourly.map(Amount::from), first.monthly.map(Amount::from));
        let why = (hourly.is_none() || monthly.is_none()).then_some(Unpriced::NoPrice);
        (Component { what, hourly, monthly, unpriced: why }, Some(first))
    }

    fn server(&self, around: Surroundings<'_>) -> Bill {
        let (server, offer) = self.offered("server", "server_type", |catalogue, name| {
            catalogue.server_type(name).map(|found| found.offers.as_slice())
        });
        let mut components = vec![server];
        if self.value.get("backups").and_then(Value::as_bool) == Some(true) {
            components.push(self.backups(&components[0]));
        }
        if self.has_address_of_its_own(around) {
            let AddressPrice { monthly, hourly, .. } = self.catalogue.primary_ipv4();
            components.push(priced("IPv4 address".to_owned(), hourly, monthly));
        }
        Bill::Paid(components, offer.map(Traffic::of).unwrap_or_default())
    }

    /// Automatic backups, a share of the server's price without its address.
    fn backups(&self, server: &Component) -> Component {
        let percent = self.catalogue.backup_percent();
        let share = |price: Option<Amount>| price.map(|price| price.percent(percent));
        Component {
            what: format!("backups, {percent} % of the server"),
            hourly: share(server.hourly),
            monthly: share(server.monthly),
            unpriced: server.unpriced,
        }
    }

    /// Whether the server has a public IPv4 address that is not a resource with a price of its own.
    fn has_address_of_its_own(&self, around: Surroundings<'_>) -> bool {
        let Some([net]) = self.value.get("public_net").and_then(Value::as_slice) else {
            // Without the block a server gets both kinds of addresses.
            return true;
        };
        if net.get("ipv4_enabled").and_then(Value::as_bool) == Some(false) {
            return false;
        }
        let Some(address) = net.get("ipv4") else { return true };
        if !address.is_known() {
            return !around.waits_for_primary_ip;
        }
        let id = address.as_number().and_then(|number| number.to_i64());
        id.is_none_or(|id| !around.primary_ips.contains(&id))
    }

    fn load_balancer(&self) -> Bill {
        let (component, offer) = self.offered("load balancer", "load_balancer_type", |catalogue, name| {
            catalogue.load_balancer_type(name).map(|found| found.offers.as_slice())
        });
        Bill::Paid(vec![component], offer.map(Traffic::of).unwrap_or_default())
    }

    fn volume(&self) -> Component {
        let size = self.value.get("size");
        let Some(gigabytes) = size.and_then(Value::as_number).and_then(|number| number.to_u64()) else {
            return unpriced("volume".to_owned(), Unpriced::NotYetKnown);
        };
        let monthly = Amount::from(self.catalogue.volume_per_gb_month()).times(gigabytes);
        Component {
            what: format!("volume, {gigabytes} GB"),
            // The price list has no price of an hour for volumes; the rule is that of everything else.
            hourly: Some(monthly.hourly_of_month()),
            monthly: Some(monthly),
            unpriced: None,
        }
    }

    /// An address that is a resource of its own; `price` gives hour and month, of IPv4 if asked for.
    fn address(&self, kind: &str, price: impl Fn(&Catalogue, bool) -> Option<(Amount, Amount)>) -> Component {
        let (family, ipv4) = match self.text("type") {
            Known::Text("ipv4") => ("IPv4", true),
            Known::Text("ipv6") => ("IPv6", false),
            _ => return unpriced(format!("{kind} IP"), Unpriced::NotYetKnown),
        };
        let what = format!("{kind} {family} address");
        match price(self.catalogue, ipv4) {
            Some((hourly, monthly)) => {
                Component { what, hourly: Some(hourly), monthly: Some(monthly), unpriced: None }
            }
            None => unpriced(what, Unpriced::NoPrice),
        }
    }
}

fn priced(what: String, hourly: Eur, monthly: Eur) -> Component {
    Component { what, hourly: Some(hourly.into()), monthly: Some(monthly.into()), unpriced: None }
}
