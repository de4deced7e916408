//! What Hetzner Cloud sells, as built-in dated data: locations, server types, load balancer types, images and
//! their prices, with the lookups that planning, cost estimates and the local cloud need.
//!
//! The data is one JSON file, compiled in and read once. It states the day it was true
//! ([`Catalogue::as_of`]). What no public source tells is `None` (a price) or, where an id must exist, an
//! invented id of at least 1,000,000 that `id_is_known: false` marks. Whether a type is in stock today is no
//! part of it.

mod money;
mod raw;
mod types;

use std::sync::OnceLock;

use serde::Deserialize;

pub use money::{Eur, ParseEurError};
use raw::{optional_price, price};
pub use types::{
    AddressPrice, Architecture, CpuType, Image, ImageDeprecation, Iso, LoadBalancerType, Location, Offer,
    Retired, ServerType, StorageBoxOffer, StorageBoxType,
};

/// All of the data.
#[derive(Clone, Debug, Deserialize)]
pub struct Catalogue {
    as_of: String,
    currency: String,
    vat_rate_percent: u32,
    #[serde(deserialize_with = "price")]
    volume_per_gb_month: Eur,
    #[serde(deserialize_with = "price")]
    snapshot_per_gb_month: Eur,
    backup_percent: u32,
    backup_slots: u32,
    primary_ipv4: AddressPrice,
    primary_ipv6: AddressPrice,
    #[serde(deserialize_with = "optional_price")]
    floating_ipv4_monthly: Option<Eur>,
    #[serde(deserialize_with = "optional_price")]
    floating_ipv6_monthly: Option<Eur>,
    locations: Vec<Location>,
    server_types: Vec<ServerType>,
    load_balancer_types: Vec<LoadBalancerType>,
    storage_box_types: Vec<StorageBoxType>,
    images: Vec<Image>,
    isos: Vec<Iso>,
}

/// What a server type must have at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Number of cores.
    pub cores: u32,
    /// Memory in gigabytes.
    pub memory_gb: u32,
    /// Architecture; `None` takes any.
    pub architecture: Option<Architecture>,
    /// Kind of cores; `None` takes any.
    pub cpu_type: Option<CpuType>,
}

impl Catalogue {
    /// The data compiled into this program.
    ///
    /// # Panics
    /// Never in a released build: the file is part of the program and a test reads it.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Catalogue> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            serde_json::from_str(include_str!("../data/catalogue.json"))
                .expect("the built-in catalogue is well-formed")
        })
    }

    /// The day (`YYYY-MM-DD`) on which the data was true.
    #[must_use]
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// ISO 4217 code of the currency of every price: `EUR`.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Value added tax in percent, which the net prices do not contain.
    #[must_use]
    pub fn vat_rate_percent(&self) -> u32 {
        self.vat_rate_percent
    }

    /// Net price of one gigabyte of volume for a month.
    #[must_use]
    pub fn volume_per_gb_month(&self) -> Eur {
        self.volume_per_gb_month
    }

    /// Net price of one gigabyte of snapshot for a month.
    #[must_use]
    pub fn snapshot_per_gb_month(&self) -> Eur {
        self.snapshot_per_gb_month
    }

    /// What automatic backups add to the price of a server, in percent.
    #[must_use]
    pub fn backup_percent(&self) -> u32 {
        self.backup_percent
    }

    /// How many automatic backups a server keeps.
    #[must_use]
    pub fn backup_slots(&self) -> u32 {
        self.backup_slots
    }

    /// Net price of a primary IPv4 address.
    #[must_use]
    pub fn primary_ipv4(&self) -> AddressPrice {
        self.primary_ipv4
    }

    /// Net price of a primary IPv6 network.
    #[must_use]
    pub fn primary_ipv6(&self) -> AddressPrice {
        self.primary_ipv6
    }

    /// Net price of a floating IPv4 address for a month; `None` where it is not known.
    #[must_use]
    pub fn floating_ipv4_monthly(&self) -> Option<Eur> {
        self.floating_ipv4_monthly
    }

    /// Net price of a floating IPv6 network for a month; `None` where it is not known.
    #[must_use]
    pub fn floating_ipv6_monthly(&self) -> Option<Eur> {
        self.floating_ipv6_monthly
    }

    /// All locations, by id.
    #[must_use]
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// The location of that name.
    #[must_use]
    pub fn location(&self, name: &str) -> Option<&Location> {
        self.locations.iter().find(|location| location.name == name)
    }

    /// The network zone a location belongs to.
    #[must_use]
    pub fn network_zone_of(&self, location: &str) -> Option<&str> {
        self.location(location).map(|location| location.network_zone.as_str())
    }

    /// The names of all network zones, each once, in the order of the locations.
    #[must_use]
    pub fn network_zones(&self) -> Vec<&str> {
        let mut zones = Vec::new();
        for location in &self.locations {
            if !zones.contains(&location.network_zone.as_str()) {
                zones.push(location.network_zone.as_str());
            }
        }
        zones
    }

    /// All server types, the retired ones at the end.
    #[must_use]
    pub fn server_types(&self) -> &[ServerType] {
        &self.server_types
    }

    /// The server type of that name, retired or not.
    #[must_use]
    pub fn server_type(&self, name: &str) -> Option<&ServerType> {
        self.server_types.iter().find(|server_type| server_type.name == name)
    }

    /// Whether a server type is sold in a location at all (not whether it is in stock).
    #[must_use]
    pub fn offered(&self, server_type: &str, location: &str) -> bool {
        self.server_type(server_type).is_some_and(|found| found.offer(location).is_some())
    }

    /// The server types sold in a location that have at least what is required, cheapest first; those
    /// without a known price come last, and equal prices are in the order of the names.
    #[must_use]
    pub fn cheapest(&self, location: &str, required: Requirements) -> Vec<&ServerType> {
        let mut found: Vec<(Option<Eur>, &ServerType)> = self
            .server_types
            .iter()
            .filter(|candidate| {
                candidate.cores >= required.cores
                    && candidate.memory_gb >= required.memory_gb
                    && required.architecture.is_none_or(|wanted| candidate.architecture == wanted)
                    && required.cpu_type.is_none_or(|wanted| candidate.cpu_type == wanted)
            })
            .filter_map(|candidate| candidate.offer(location).map(|offer| (offer.monthly, candidate)))
            .collect();
        found.sort_by_key(|(monthly, candidate)| (monthly.is_none(), *monthly, candidate.name.as_str()));
        found.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// All load balancer types.
    #[must_use]
    pub fn load_balancer_types(&self) -> &[LoadBalancerType] {
        &self.load_balancer_types
    }

    /// The load balancer type of that name.
    #[must_use]
    pub fn load_balancer_type(&self, name: &str) -> Option<&LoadBalancerType> {
        self.load_balancer_types.iter().find(|found| found.name == name)
    }

    /// All storage box types, the smallest first.
    #[must_use]
    pub fn storage_box_types(&self) -> &[StorageBoxType] {
        &self.storage_box_types
    }

    /// The storage box type of that name.
    #[must_use]
    pub fn storage_box_type(&self, name: &str) -> Option<&StorageBoxType> {
        self.storage_box_types.iter().find(|found| found.name == name)
    }

    /// All system images, each architecture an entry of its own.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The system image of that name for an architecture.
    #[must_use]
    pub fn image(&self, name: &str, architecture: Architecture) -> Option<&Image> {
        self.images.iter().find(|image| image.name == name && image.architecture == architecture)
    }

    /// A selection of bootable media.
    #[must_use]
    pub fn isos(&self) -> &[Iso] {
        &self.isos
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_names_are_unique_and_unknown_ids_are_marked() {
        let catalogue = Catalogue::builtin();
        let types = catalogue.server_types();
        assert_eq!(types.iter().map(|t| t.id).collect::<BTreeSet<_>>().len(), types.len());
        assert_eq!(types.iter().map(|t| &t.name).collect::<BTreeSet<_>>().len(), types.len());
        assert!(types.iter().all(|t| t.id_is_known == (t.id < 1_000_000)));
        let images = catalogue.images();
        assert_eq!(images.iter().map(|i| i.id).collect::<BTreeSet<_>>().len(), images.len());
        let keys: BTreeSet<_> = images.iter().map(|i| (&i.name, i.architecture.as_str())).collect();
        assert_eq!(keys.len(), images.len());
    }

    #[test]
    fn every_offer_names_a_known_location() {
        let catalogue = Catalogue::builtin();
        for offer in catalogue.server_types().iter().flat_map(|t| &t.offers) {
            assert!(catalogue.location(&offer.location).is_some(), "{}", offer.location);
        }
    }

    #[test]
    fn storage_boxes_are_sold_in_germany_and_finland_and_grow_with_their_price() {
        let catalogue = Catalogue::builtin();
        let types = catalogue.storage_box_types();
        assert!(types.is_sorted_by_key(|t| (t.size_bytes, t.snapshot_limit, t.offers[0].monthly)));
        for found in types {
            let places: Vec<&str> = found.offers.iter().map(|offer| offer.location.as_str()).collect();
            assert_eq!(places, ["fsn1", "hel1"], "{}", found.name);
            for offer in &found.offers {
                let rounded = (offer.monthly.ten_thousandths() * 2 + 624) / (2 * 624);
                assert!(
                    (offer.hourly.ten_thousandths() - rounded).abs() <= 1,
                    "{}: {}",
                    found.name,
                    offer.hourly
                );
            }
        }
        assert_eq!(
            catalogue.storage_box_type("bx11").map(|found| (found.id, found.size_bytes)),
            Some((1333, 1 << 40))
        );
    }

    /// The published rule: an hour costs a 624th of the month, rounded to four decimals.
    #[test]
    fn hourly_prices_follow_from_the_monthly_ones() {
        for server_type in Catalogue::builtin().server_types() {
            for offer in &server_type.offers {
                let (Some(monthly), Some(hourly)) = (offer.monthly, offer.hourly) else { continue };
                let rounded = (monthly.ten_thousandths() * 2 + 624) / (2 * 624);
                let difference = (hourly.ten_thousandths() - rounded).abs();
                assert!(difference <= 1, "{} in {}: {hourly}", server_type.name, offer.location);
            }
        }
    }

    #[test]
    fn types_are_offered_where_hetzner_sells_them() {
        let catalogue = Catalogue::builtin();
        for (server_type, location, offered) in [
            ("cx23", "fsn1", true),
            ("cx23", "hil", false),
            ("cx22", "fsn1", false),
            ("cpx21", "hil", true),
            ("cpx21", "nbg1", false),
            ("cax11", "ash", false),
            ("ccx23", "sin", true),
            ("nosuch", "fsn1", false),
            ("cx23", "nosuch", false),
        ] {
            assert_eq!(catalogue.offered(server_type, location), offered, "{server_type} in {location}");
        }
    }

    #[test]
    fn the_cheapest_sufficient_type_comes_first() {
        let catalogue = Catalogue::builtin();
        let names = |location, cores, memory_gb| -> Vec<&str> {
            let required = Requirements { cores, memory_gb, ..Requirements::default() };
            catalogue.cheapest(location, required).iter().map(|found| found.name.as_str()).collect()
        };
        assert_eq!(names("hil", 2, 4)[..3], ["cpx21", "ccx13", "cpx31"]);
        assert_eq!(names("fsn1", 4, 8)[..2], ["cx33", "cax21"]);
        assert_eq!(names("sin", 32, 128), ["ccx53", "ccx63"]);
        assert!(names("hil", 64, 1).is_empty());
        let arm = Requirements { architecture: Some(Architecture::Arm), ..Requirements::default() };
        assert_eq!(catalogue.cheapest("nbg1", arm)[0].name, "cax11");
    }

    #[test]
    fn both_architectures_have_the_usual_images() {
        let catalogue = Catalogue::builtin();
        for name in
            ["ubuntu-22.04", "ubuntu-24.04", "debian-12", "rocky-9", "centos-stream-10", "opensuse-16"]
        {
            for architecture in [Architecture::X86, Architecture::Arm] {
                assert!(catalogue.image(name, architecture).is_some(), "{name}");
            }
        }
        assert_eq!(
            catalogue.image("ubuntu-24.04", Architecture::X86).map(|image| image.id),
            Some(161_547_269)
        );
    }

    #[test]
    fn zones_follow_from_locations() {
        let catalogue = Catalogue::builtin();
        assert_eq!(catalogue.network_zone_of("hel1"), Some("eu-central"));
        assert_eq!(catalogue.network_zone_of("hil"), Some("us-west"));
        assert_eq!(catalogue.network_zone_of("mars"), None);
        assert_eq!(catalogue.network_zones(), ["eu-central", "us-east", "us-west", "ap-southeast"]);
    }
}
