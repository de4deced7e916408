//! What the catalogue lists.

use serde::Deserialize;

use crate::Eur;
use crate::raw::{optional_price, price};

/// A place where servers run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// Id of the location at Hetzner.
    pub id: i64,
    /// Name, such as `fsn1`.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// ISO 3166-1 alpha-2 code of the country.
    pub country: String,
    /// City.
    pub city: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// The zone that private networks of this location belong to, such as `eu-central`.
    pub network_zone: String,
}

/// Processor architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// 64-bit Intel and AMD.
    X86,
    /// 64-bit Arm.
    Arm,
}

impl Architecture {
    /// The name the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86 => "x86",
            Self::Arm => "arm",
        }
    }
}

/// Whether the cores of a server type are shared with other servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CpuType {
    /// Shared cores.
    Shared,
    /// Dedicated cores.
    Dedicated,
}

impl CpuType {
    /// The name the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Dedicated => "dedicated",
        }
    }
}

/// What a server or load balancer type costs in one location where it is offered. All prices are net.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Offer {
    /// Name of the location.
    pub location: String,
    /// Price of a full month, without the IPv4 address; `None` where it is not known.
    #[serde(deserialize_with = "optional_price")]
    pub monthly: Option<Eur>,
    /// Price of an hour; billing never exceeds the monthly price. `None` where it is not known.
    #[serde(deserialize_with = "optional_price")]
    pub hourly: Option<Eur>,
    /// Outgoing traffic included each month, in bytes; `None` where it is not known.
    pub included_traffic_bytes: Option<u64>,
    /// Price of a further terabyte of outgoing traffic; `None` where it is not known.
    #[serde(deserialize_with = "optional_price")]
    pub traffic_per_tb: Option<Eur>,
}

/// The end of a type's or an image's life.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Retired {
    /// Day (`YYYY-MM-DD`) after which it could not be ordered any more; `None` where it is not known.
    pub unavailable_after: Option<String>,
    /// Name of the type that took its place.
    pub replacement: String,
}

/// A kind of server one can rent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ServerType {
    /// Id at Hetzner, or an invented one of at least 1,000,000.
    pub id: i64,
    /// Whether `id` is Hetzner's own.
    pub id_is_known: bool,
    /// Name, such as `cx23`.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Number of cores.
    pub cores: u32,
    /// Memory in gigabytes.
    pub memory_gb: u32,
    /// Disk in gigabytes; `None` where it is not known.
    pub disk_gb: Option<u32>,
    /// `local` or `network`.
    pub storage_type: String,
    /// Shared or dedicated cores.
    pub cpu_type: CpuType,
    /// Processor architecture.
    pub architecture: Architecture,
    /// Product line as the API names it; `None` where it is not known.
    pub category: Option<String>,
    /// Set when the type is not sold anywhere any more: lists omit it, a look-up by id still finds it.
    pub retired: Option<Retired>,
    /// Where the type is offered, and for how much.
    pub offers: Vec<Offer>,
}

impl ServerType {
    /// The offer in a location; `None` if the type is never sold there.
    #[must_use]
    pub fn offer(&self, location: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.location == location)
    }
}

/// A kind of load balancer one can rent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct LoadBalancerType {
    /// Id at Hetzner, or an invented one of at least 1,000,000.
    pub id: i64,
    /// Whether `id` is Hetzner's own.
    pub id_is_known: bool,
    /// Name, such as `lb11`.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Most services.
    pub max_services: u32,
    /// Most targets.
    pub max_targets: u32,
    /// Most connections open at a time.
    pub max_connections: u32,
    /// Most certificates.
    pub max_assigned_certificates: u32,
    /// Whether connections and certificates were read from the API; otherwise they follow the product pages.
    pub limits_are_confirmed: bool,
    /// Where the type is offered, and for how much.
    pub offers: Vec<Offer>,
}

impl LoadBalancerType {
    /// The offer in a location; `None` if the type is never sold there.
    #[must_use]
    pub fn offer(&self, location: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.location == location)
    }
}

/// What a storage box type costs in one location where it is offered. All prices are net.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct StorageBoxOffer {
    /// Name of the location.
    pub location: String,
    /// Price of a full month.
    #[serde(deserialize_with = "price")]
    pub monthly: Eur,
    /// Price of an hour; billing never exceeds the monthly price.
    #[serde(deserialize_with = "price")]
    pub hourly: Eur,
    /// What is paid once.
    #[serde(deserialize_with = "price")]
    pub setup_fee: Eur,
}

/// A kind of storage box one can rent (Hetzner's product page; ids are those of its order links).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct StorageBoxType {
    /// Id at Hetzner, or an invented one of at least 1,000,000.
    pub id: i64,
    /// Whether `id` is Hetzner's own.
    pub id_is_known: bool,
    /// Name, such as `bx11`.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Space in bytes.
    pub size_bytes: u64,
    /// Most snapshots taken by hand.
    pub snapshot_limit: u32,
    /// Most snapshots kept of those that a plan takes.
    pub automatic_snapshot_limit: u32,
    /// Most subaccounts.
    pub subaccounts_limit: u32,
    /// Where the type is offered, and for how much.
    pub offers: Vec<StorageBoxOffer>,
}

impl StorageBoxType {
    /// The offer in a location; `None` if the type is not sold there.
    #[must_use]
    pub fn offer(&self, location: &str) -> Option<&StorageBoxOffer> {
        self.offers.iter().find(|offer| offer.location == location)
    }
}

/// Days between which an image is on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ImageDeprecation {
    /// Day (`YYYY-MM-DD`) of the announcement; `None` where it is not known.
    pub announced: Option<String>,
    /// Day (`YYYY-MM-DD`) after which no new server can use the image.
    pub unavailable_after: String,
}

/// A system image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// Id at Hetzner, or an invented one of at least 1,000,000.
    pub id: i64,
    /// Whether `id` is Hetzner's own.
    pub id_is_known: bool,
    /// Name, such as `ubuntu-24.04`; the same for both architectures.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Processor architecture.
    pub architecture: Architecture,
    /// Distribution, such as `ubuntu`.
    pub os_flavor: String,
    /// Version of the distribution.
    pub os_version: String,
    /// Whether servers start from it without copying the whole disk first.
    pub rapid_deploy: bool,
    /// Set when the image is on its way out.
    pub deprecation: Option<ImageDeprecation>,
}

/// A bootable medium. The list is a small selection with invented ids: the real one is long and changes weekly.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Iso {
    /// An invented id of at least 1,000,000.
    pub id: i64,
    /// File name.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Processor architecture; `None` fits both.
    pub architecture: Option<Architecture>,
}

/// The price of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AddressPrice {
    /// Price of a full month.
    #[serde(deserialize_with = "price")]
    pub monthly: Eur,
    /// Price of an hour.
    #[serde(deserialize_with = "price")]
    pub hourly: Eur,
}
