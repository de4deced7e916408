//! What the objects of a project would cost at Hetzner, from the prices of the catalogue: net, for a full month.

use ferroform_catalogue::{Catalogue, Eur, Offer};

use crate::world::Project;
use crate::world::images::SNAPSHOT_TENTHS_OF_GB;
use crate::world::load_balancers::LoadBalancer;
use crate::world::primary_ips::Version;
use crate::world::servers::Server;
use crate::world::storage_boxes::StorageBox;
use crate::world::volumes::Volume;

/// A sum of prices, some of which may not be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// How many objects.
    pub(super) count: usize,
    /// Ten-thousandths of a euro.
    units: i64,
    /// Of how many the price is not known.
    unknown: usize,
}

impl Sum {
    fn of(prices: impl Iterator<Item = Option<Eur>>) -> Self {
        prices.fold(Self::default(), |sum, price| Self {
            count: sum.count + 1,
            units: sum.units.saturating_add(price.unwrap_or_default().ten_thousandths()),
            unknown: sum.unknown + usize::from(price.is_none()),
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            units: self.units.saturating_add(other.units),
            unknown: self.unknown + other.unknown,
        }
    }

    /// The amount in euros.
    pub(super) fn show(self) -> String {
        let known = euros(Eur::from_ten_thousandths(self.units));
        if self.unknown == 0 { known } else { format!("{known} and {} of unknown price", self.unknown) }
    }
}

/// An amount in whole cents, rounded half up.
fn euros(amount: Eur) -> String {
    Eur::from_ten_thousandths(amount.ten_thousandths().saturating_add(50)).to_decimal(2)
}

/// A price as a cell shows it.
pub(super) fn cell(price: Option<Eur>) -> String {
    price.map_or_else(|| "unknown".to_owned(), euros)
}

fn monthly(offer: Option<&Offer>) -> Option<Eur> {
    offer.and_then(|offer| offer.monthly)
}

fn share(price: Eur, percent: u32) -> Eur {
    Eur::from_ten_thousandths(price.ten_thousandths().saturating_mul(i64::from(percent)) / 100)
}

/// A server without its addresses and backups.
pub(super) fn of_server(server: &Server) -> Option<Eur> {
    let server_type = Catalogue::builtin().server_type(&server.server_type);
    monthly(server_type.and_then(|server_type| server_type.offer(&server.location)))
}

fn of_backups(server: &Server) -> Option<Eur> {
    of_server(server).map(|price| share(price, Catalogue::builtin().backup_percent()))
}

pub(super) fn of_volume(volume: &Volume) -> Option<Eur> {
    let each = Catalogue::builtin().volume_per_gb_month().ten_thousandths();
    Some(Eur::from_ten_thousandths(each.saturating_mul(volume.size)))
}

pub(super) fn of_load_balancer(balancer: &LoadBalancer) -> Option<Eur> {
    let balancer_type = Catalogue::builtin().load_balancer_type(&balancer.load_balancer_type);
    monthly(balancer_type.and_then(|balancer_type| balancer_type.offer(&balancer.location)))
}

fn of_storage_box(storage_box: &StorageBox) -> Option<Eur> {
    let box_type = Catalogue::builtin().storage_box_type(&storage_box.box_type);
    box_type.and_then(|box_type| box_type.offer(&storage_box.location)).map(|offer| offer.monthly)
}

/// A snapshot, by what it holds. Backups are paid with their server.
fn of_snapshot() -> Option<Eur> {
    let each = Catalogue::builtin().snapshot_per_gb_month().ten_thousandths();
    Some(Eur::from_ten_thousandths(each.saturating_mul(i64::from(SNAPSHOT_TENTHS_OF_GB)) / 10))
}

/// What is paid for by kind, and all of it together. What is not there costs nothing: networks, firewalls and zones.
pub(super) fn costs(project: &Project) -> Vec<(&'static str, Sum)> {
    let catalogue = Catalogue::builtin();
    let with_backups = project.servers.values().filter(|server| server.backup_window.is_some());
    let ips = |wanted: Version| project.primary_ips.values().filter(move |ip| ip.version == wanted);
    let floating = |version: Version| match version {
        Version::V4 => catalogue.floating_ipv4_monthly(),
        Version::V6 => catalogue.floating_ipv6_monthly(),
    };
    let mut rows = vec![
        ("servers", Sum::of(project.servers.values().map(of_server))),
        ("backups of servers", Sum::of(with_backups.map(of_backups))),
        ("primary IPv4 addresses", Sum::of(ips(Version::V4).map(|_| Some(catalogue.primary_ipv4().monthly)))),
        ("primary IPv6 networks", Sum::of(ips(Version::V6).map(|_| Some(catalogue.primary_ipv6().monthly)))),
        ("floating IPs", Sum::of(project.floating_ips.values().map(|ip| floating(ip.version)))),
        ("volumes", Sum::of(project.volumes.values().map(of_volume))),
        ("snapshots", Sum::of(project.images.values().filter(|image| !image.backup).map(|_| of_snapshot()))),
        ("storage boxes", Sum::of(project.storage_boxes.values().map(of_storage_box))),
        ("load balancers", Sum::of(project.load_balancers.values().map(of_load_balancer))),
    ];
    rows.retain(|(_, sum)| sum.count > 0);
    let total = rows.iter().fold(Sum::default(), |total, (_, sum)| total.plus(*sum));
    rows.push(("together", total));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_say_what_they_lack() {
        let price = |units| Some(Eur::from_ten_thousandths(units));
        let sum = Sum::of([price(54_900), price(49), None].into_iter());
        assert_eq!((sum.count, sum.show().as_str()), (3, "5.49 and 1 of unknown price"));
        assert_eq!(Sum::of([price(54_900), price(50)].into_iter()).show(), "5.50");
        assert_eq!(share(Eur::from_ten_thousandths(54_900), 20), Eur::from_ten_thousandths(10_980));
    }
}
