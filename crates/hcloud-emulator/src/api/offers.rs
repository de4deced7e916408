//! What the cloud offers: locations, types, media and prices. All of it comes from the catalogue.

use ferroform_catalogue::{Catalogue, Eur, Iso, LoadBalancerType, Location, Offer, ServerType};
use serde_json::{Value, json};

use super::object::object;
use super::{Call, Reply, Route, get};
use crate::world::server_create::disk_of;
use crate::world::{Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/locations", list_locations),
    get("/locations/{id}", show_location),
    get("/server_types", list_server_types),
    get("/server_types/{id}", show_server_type),
    get("/load_balancer_types", list_load_balancer_types),
    get("/load_balancer_types/{id}", show_load_balancer_type),
    get("/isos", list_isos),
    get("/isos/{id}", show_iso),
    get("/pricing", show_pricing),
    get("/datacenters", datacenters_are_gone),
    get("/datacenters/{id}", datacenters_are_gone),
];

/// The moment a day begins, for what only the day is known of.
pub(super) fn midnight(day: &str) -> String {
    format!("{day}T00:00:00Z")
}

pub(super) fn location(location: &Location) -> Value {
    object! {
        "id": location.id,
        "name": location.name.as_str(),
        "description": location.description.as_str(),
        "country": location.country.as_str(),
        "city": location.city.as_str(),
        "latitude": location.latitude,
        "longitude": location.longitude,
        "network_zone": location.network_zone.as_str(),
    }
}

/// A location by its name, as other objects show it.
pub(super) fn location_named(name: &str) -> Value {
    Catalogue::builtin().location(name).map_or(Value::Null, location)
}

/// A price with ten decimals, as the API writes it.
pub(super) fn price(net: Eur) -> Value {
    let vat = i64::from(Catalogue::builtin().vat_rate_percent());
    // In millionths of a euro, so that the tax is exact.
    let gross = net.ten_thousandths() * (100 + vat);
    let gross = format!("{}.{:06}0000", gross / 1_000_000, gross % 1_000_000);
    object! {"net": net.to_decimal(10), "gross": gross}
}

/// The prices of an offer; `None` where they are not known, as the API has no way to say so.
fn offer(offer: &Offer) -> Option<Value> {
    Some(object! {
        "location": offer.location.as_str(),
        "price_hourly": price(offer.hourly?),
        "price_monthly": price(offer.monthly?),
        "included_traffic": offer.included_traffic_bytes.unwrap_or(0),
        "price_per_tb_traffic": price(offer.traffic_per_tb.unwrap_or_default()),
    })
}

fn prices(offers: &[Offer]) -> Vec<Value> {
    offers.iter().filter_map(offer).collect()
}

/// When types were retired of which it is not known: announced on 2025-10-16 for January 2026
/// (Hetzner API changelog).
const RETIRED_SOMETIME: &str = "2026-01-01";

pub(super) fn server_type(tx: &Tx<'_>, server_type: &ServerType) -> Value {
    let catalogue = Catalogue::builtin();
    let deprecation = match &server_type.retired {
        Some(retired) => {
            let day = retired.unavailable_after.as_deref().unwrap_or(RETIRED_SOMETIME);
            object! {"announced": midnight(day), "unavailable_after": midnight(day)}
        }
        None => Value::Null,
    };
    // A retired type is still shown in the locations where it was sold, which were those in Europe.
    let places = catalogue.locations().iter().filter(|place| match &server_type.retired {
        Some(_) => place.network_zone == "eu-central",
        None => server_type.offer(&place.name).is_some(),
    });
    let locations: Vec<Value> = places
        .map(|place| {
            let sold = server_type.retired.is_none();
            object! {
                "id": place.id,
                "name": place.name.as_str(),
                "available": sold && !tx.fate.is_sold_out(&server_type.name, &place.name),
                "recommended": sold,
                "deprecation": deprecation.clone(),
            }
        })
        .collect();
    let mut shown = object! {
        "id": server_type.id,
        "name": server_type.name.as_str(),
        "description": server_type.description.as_str(),
        "cores": server_type.cores,
        "memory": server_type.memory_gb,
        "disk": disk_of(server_type),
        "deprecated": server_type.retired.is_some(),
        "deprecation": deprecation,
        "prices": prices(&server_type.offers),
        "storage_type": server_type.storage_type.as_str(),
        "cpu_type": server_type.cpu_type.as_str(),
        "architecture": server_type.architecture.as_str(),
        "locations": locations,
    };
    if let (Some(category), Some(shown)) = (&server_type.category, shown.as_object_mut()) {
        shown.insert("category".to_owned(), json!(category));
    }
    shown
}

pub(super) fn load_balancer_type(balancer_type: &LoadBalancerType) -> Value {
    json!({
        "id": balancer_type.id,
        "name": balancer_type.name,
        "description": balancer_type.description,
        "max_connections": balancer_type.max_connections,
        "max_services": balancer_type.max_services,
        "max_targets": balancer_type.max_targets,
        "max_assigned_certificates": balancer_type.max_assigned_certificates,
        "deprecated": null,
        "deprecation": null,
        "prices": prices(&balancer_type.offers),
    })
}

pub(super) fn iso(iso: &Iso) -> Value {
    json!({
        "id": iso.id,
        "name": iso.name,
        "description": iso.description,
        "type": "public",
        "deprecation": null,
        "architecture": iso.architecture.map(|architecture| architecture.as_str()),
    })
}

/// Those of a list that the `name` of the request leaves.
pub(super) fn named<'c, T>(call: &Call<'_>, all: &'c [T], name: impl Fn(&T) -> &str) -> Vec<&'c T> {
    let wanted = call.query.get("name");
    all.iter().filter(|item| wanted.is_none_or(|wanted| name(item) == wanted)).collect()
}

pub(super) fn one<'c, T>(
    call: &Call<'_>,
    kind: &str,
    all: &'c [T],
    id: impl Fn(&T) -> i64,
) -> Result<&'c T, Refusal> {
    all.iter().find(|item| id(item) == call.id()).ok_or_else(|| Refusal::not_found(kind, call.id()))
}

fn list_locations(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut rows = named(call, call.tx.catalogue().locations(), |row| &row.name);
    call.sort_by(&mut rows, |field, a, b| match field {
        "id" => Some(a.id.cmp(&b.id)),
        "name" => Some(a.name.cmp(&b.name)),
        _ => None,
    });
    call.page("locations", &rows, |row| location(row))
}

fn show_location(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let found = one(call, "location", call.tx.catalogue().locations(), |row| row.id)?;
    Ok(Reply::ok(json!({"location": location(found)})))
}

fn list_server_types(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut rows = named(call, call.tx.catalogue().server_types(), |row| &row.name);
    rows.retain(|row| row.retired.is_none());
    rows.sort_by_key(|row| row.id);
    call.page("server_types", &rows, |row| server_type(&call.tx, row))
}

fn show_server_type(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let found = one(call, "server_type", call.tx.catalogue().server_types(), |row| row.id)?;
    Ok(Reply::ok(json!({"server_type": server_type(&call.tx, found)})))
}

fn list_load_balancer_types(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let rows = named(call, call.tx.catalogue().load_balancer_types(), |row| &row.name);
    call.page("load_balancer_types", &rows, |row| load_balancer_type(row))
}

fn show_load_balancer_type(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let found = one(call, "load_balancer_type", call.tx.catalogue().load_balancer_types(), |row| row.id)?;
    Ok(Reply::ok(json!({"load_balancer_type": load_balancer_type(found)})))
}

fn list_isos(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut rows = named(call, call.tx.catalogue().isos(), |row| &row.name);
    let wildcard = call.query.flag("include_architecture_wildcard") == Some(true);
    let filtered = call.query.get("architecture").is_some();
    rows.retain(|row| match row.architecture {
        Some(architecture) => call.query.allows("architecture", architecture.as_str()),
        None => !filtered || wildcard,
    });
    call.page("isos", &rows, |row| iso(row))
}

fn show_iso(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let found = one(call, "iso", call.tx.catalogue().isos(), |row| row.id)?;
    Ok(Reply::ok(json!({"iso": iso(found)})))
}

fn show_pricing(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let catalogue = call.tx.catalogue();
    let everywhere = |prices: &dyn Fn(&str) -> Value| -> Vec<Value> {
        catalogue.locations().iter().map(|place| prices(&place.name)).collect()
    };
    let primary = |kind: &str, price_of: ferroform_catalogue::AddressPrice| {
        json!({
            "type": kind,
            "prices": everywhere(&|place| json!({
                "location": place,
                "price_hourly": price(price_of.hourly),
                "price_monthly": price(price_of.monthly),
            })),
        })
    };
    // What is not known is told as zero: the API has no way to say so.
    let floating = |kind: &str, monthly: Option<Eur>| {
        json!({
            "type": kind,
            "prices": everywhere(&|place| json!({
                "location": place,
                "price_monthly": price(monthly.unwrap_or_default()),
            })),
        })
    };
    let server_types: Vec<Value> = catalogue
        .server_types()
        .iter()
        .filter(|row| row.retired.is_none())
        .map(|row| json!({"id": row.id, "name": row.name, "prices": prices(&row.offers)}))
        .collect();
    let balancer_types: Vec<Value> = catalogue
        .load_balancer_types()
        .iter()
        .map(|row| json!({"id": row.id, "name": row.name, "prices": prices(&row.offers)}))
        .collect();
    Ok(Reply::ok(json!({"pricing": {
        "currency": catalogue.currency(),
        "vat_rate": format!("{}.000000", catalogue.vat_rate_percent()),
        "primary_ips": [primary("ipv4", catalogue.primary_ipv4()), primary("ipv6", catalogue.primary_ipv6())],
        "floating_ip": {"price_monthly": price(catalogue.floating_ipv4_monthly().unwrap_or_default())},
        "floating_ips": [
            floating("ipv4", catalogue.floating_ipv4_monthly()),
            floating("ipv6", catalogue.floating_ipv6_monthly()),
        ],
        "image": {"price_per_gb_month": price(catalogue.snapshot_per_gb_month())},
        "volume": {"price_per_gb_month": price(catalogue.volume_per_gb_month())},
        "server_backup": {"percentage": format!("{}.0000000000", catalogue.backup_percent())},
        "server_types": server_types,
        "load_balancer_types": balancer_types,
    }})))
}

/// Since 2026-10-01 (Hetzner API changelog).
fn datacenters_are_gone(_: &mut Call<'_>) -> Result<Reply, Refusal> {
    let announcement = "https://docs.hetzner.cloud/changelog";
    Err(Refusal {
        details: json!({"announcement": announcement}),
        ..Refusal::new("deprecated_api_endpoint", "datacenters were removed, use locations instead")
    })
}
