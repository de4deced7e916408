//! What subnets and routes have in common: parts of a network that are named by it and a range. Their ids are
//! `<network id>-<range>`.

use ferroform_hcloud::Network;

use super::parse_id;
use crate::attrs::{Attrs, State, int, text};
use crate::cx::Cx;
use crate::failure::Failure;
use crate::resource::Candidate;
use crate::rules;
use crate::seen::Seen;

/// An id taken apart: the network and the range.
pub(crate) fn split_id(id: &str) -> Option<(i64, &str)> {
    let (network, range) = id.split_once('-')?;
    Some((parse_id(network)?, range)).filter(|(_, range)| rules::parse_cidr(range).is_ok())
}

/// The network and the range, which is in the attribute `range`: by attributes, or by the id alone.
pub(super) fn place(attrs: Attrs<'_>, range: &str) -> Option<(i64, String)> {
    if let (Some(network), Some(range)) = (attrs.int("network_id"), attrs.text(range)) {
        return Some((network, range.to_owned()));
    }
    split_id(attrs.text("id")?).map(|(network, range)| (network, range.to_owned()))
}

/// Fills the state of an import.
pub(super) fn import(id: &str, range: &str, state: &mut State) -> Option<()> {
    let (network, value) = split_id(id)?;
    state.set("network_id", int(network));
    state.set(range, text(value));
    Some(())
}

/// The part of the network at a place, if there is one.
pub(super) async fn candidates(
    cx: &Cx,
    place: Option<(i64, String)>,
    seen: &mut Seen,
    is_there: impl Fn(&Network, &str) -> bool,
) -> Result<Vec<Candidate>, Failure> {
    let Some((id, range)) = place else { return Ok(Vec::new()) };
    let Some(network) = cx.client.networks().find(id).await? else { return Ok(Vec::new()) };
    let found = Candidate::at_place(is_there(&network, &range), format!("{id}-{range}"));
    seen.networks.add([network]);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_network_and_range() {
        for (id, parts) in [
            ("5-10.0.1.0/24", Some((5, "10.0.1.0/24"))),
            ("5-10.0.1.1/24", None),
            ("5", None),
            ("-10.0.1.0/24", None),
            ("x-10.0.1.0/24", None),
            ("", None),
        ] {
            assert_eq!(split_id(id), parts, "{id}");
        }
    }
}
