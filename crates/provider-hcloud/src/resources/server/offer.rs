//! Whether a type is sold where a server is wanted, by the built-in catalogue.

use ferroform_catalogue::{Catalogue, Requirements, ServerType};
use ferroform_core::{AttrPath, Diagnostic};

use super::wishes;
use crate::resource::Plan;

/// How many alternatives a message names.
const ALTERNATIVES: usize = 5;

/// Refuses a new server of a type that is not offered in its location. Servers that exist may keep a type that is no
/// longer sold; what the catalogue does not know is for the API to decide.
pub(super) fn check(plan: &mut Plan<'_>) {
    let new = plan.prior.is_none() || plan.changes("server_type") || plan.changes("location");
    let (Some(name), Some(location)) = (plan.get("server_type").as_str(), plan.get("location").as_str())
    else {
        return;
    };
    let catalogue = Catalogue::builtin();
    let Some(server_type) = catalogue.server_type(name).filter(|_| catalogue.location(location).is_some())
    else {
        return;
    };
    if !new {
        return;
    }
    let refused = server_type.offer(location).is_none().then(|| refusal(catalogue, server_type, location));
    let fallbacks =
        wishes::fallbacks(plan.config).into_iter().filter_map(|name| catalogue.server_type(&name));
    let useless = fallbacks.filter(|fallback| fallback.offer(location).is_none());
    let useless: Vec<Diagnostic> = useless.map(|fallback| useless_fallback(fallback, location)).collect();
    if let Some(detail) = refused {
        plan.problems.add("server_type", "Server type not offered in this location", detail);
    }
    for warning in useless {
        plan.problems.push(warning);
    }
}

fn useless_fallback(fallback: &ServerType, location: &str) -> Diagnostic {
    Diagnostic::warning("Fallback not offered in this location")
        .detail(format!(
            "The label {} names {}, which is not offered in {location} and so will never be taken.",
            wishes::FALLBACKS,
            fallback.name
        ))
        .attribute(AttrPath::attr("labels").with_key(wishes::FALLBACKS))
}

fn refusal(catalogue: &Catalogue, wanted: &ServerType, location: &str) -> String {
    let mut text = format!("The server type {} is not offered in {location}", wanted.name);
    if let Some(retired) = &wanted.retired {
        text.push_str(&format!(", nor anywhere else any more; its successor is {}", retired.replacement));
    } else {
        let places: Vec<&str> = wanted.offers.iter().map(|offer| offer.location.as_str()).collect();
        if !places.is_empty() {
            text.push_str(&format!("; it is in {}", places.join(", ")));
        }
    }
    let size = Requirements { cores: wanted.cores, memory_gb: wanted.memory_gb, ..Requirements::default() };
    let same = Requirements { architecture: Some(wanted.architecture), ..size };
    let mut found = catalogue.cheapest(location, same);
    if found.is_empty() {
        found = catalogue.cheapest(location, size);
    }
    let alternatives: Vec<String> = found.iter().take(ALTERNATIVES).map(|t| describe(t, location)).collect();
    text.push_str(&if alternatives.is_empty() {
        format!(
            ". Nothing of at least {} and {} GB is offered in {location}.",
            cores(wanted.cores),
            wanted.memory_gb
        )
    } else {
        format!(
            ". With at least {} and {} GB of memory, {location} offers, cheapest first: {}.",
            cores(wanted.cores),
            wanted.memory_gb,
            alternatives.join("; ")
        )
    });
    text.push_str(&format!(" (Catalogue of {}, net prices.)", catalogue.as_of()));
    text
}

fn cores(number: u32) -> String {
    if number == 1 { "1 core".to_owned() } else { format!("{number} cores") }
}

fn describe(server_type: &ServerType, location: &str) -> String {
    let price = server_type.offer(location).and_then(|offer| offer.monthly);
    let price = price.map(|p| format!(", {p} EUR a month")).unwrap_or_default();
    format!("{} ({}, {} GB{price})", server_type.name, cores(server_type.cores), server_type.memory_gb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_is_offered_cheapest_first() {
        let catalogue = Catalogue::builtin();
        let wanted = catalogue.server_type("cx22").unwrap();
        let text = refusal(catalogue, wanted, "hil");
        assert!(text.starts_with("The server type cx22 is not offered in hil"), "{text}");
        let cheapest =
            catalogue.cheapest("hil", Requirements { cores: 2, memory_gb: 4, ..Requirements::default() });
        let (first, second) =
            (text.find(&format!("{} (", cheapest[0].name)), text.find(&format!("{} (", cheapest[1].name)));
        assert!(first.is_some() && first < second, "{text}");
    }
}
