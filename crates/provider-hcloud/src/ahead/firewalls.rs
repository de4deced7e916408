//! Limits of firewalls.

use std::collections::BTreeSet;

use crate::attrs::Attrs;
use crate::resource::Plan;
use crate::rules::Problems;

use super::Name;

/// Most rules of a firewall (Hetzner documentation, "Firewalls").
const MOST_RULES: usize = 50;
/// Most firewalls of a server (the same).
const MOST_PER_SERVER: usize = 5;

/// A firewall has so many rules and no more.
pub(crate) fn rules(config: Attrs<'_>, problems: &mut Problems) {
    let rules = config.blocks("rule").len();
    if config.is_known("rule") && rules > MOST_RULES {
        problems.add(
            "rule",
            "Too many rules",
            format!(
                "A firewall has at most {MOST_RULES} rules, and this one gets {rules}. A rule may hold many ranges and a range \
                 of ports; what is left goes into a second firewall of the same servers."
            ),
        );
    }
}

/// A server has so many firewalls and no more.
pub(crate) fn of_server(plan: &mut Plan<'_>) {
    let firewalls = plan.get("firewall_ids").as_slice().unwrap_or_default();
    let firewalls: BTreeSet<Name> = firewalls.iter().filter_map(Name::of).collect();
    if firewalls.len() > MOST_PER_SERVER {
        plan.problems.add(
            "firewall_ids",
            "Too many firewalls",
            format!(
                "A server has at most {MOST_PER_SERVER} firewalls, and this one gets {}. Put their rules together.",
                firewalls.len()
            ),
        );
    }
}
