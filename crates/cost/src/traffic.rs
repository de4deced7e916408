//! Outgoing traffic that is part of a price.

use std::collections::BTreeSet;

use ferroform_catalogue::{Eur, Offer};

/// Outgoing traffic that servers and load balancers include each month. Incoming and private traffic is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What is included, in bytes.
    pub included_bytes: u64,
    /// How many objects include an amount that the catalogue does not know.
    pub unknown: usize,
    /// The net prices of a further terabyte, each once; they differ by location.
    pub per_tb: BTreeSet<Eur>,
}

/// Bytes in what Hetzner calls a terabyte of traffic: the API gives 20 of them as 21,990,232,555,520.
const TERABYTE: u64 = 1 << 40;

impl Traffic {
    pub(crate) fn of(offer: &Offer) -> Traffic {
        Traffic {
            included_bytes: offer.included_traffic_bytes.unwrap_or_default(),
            unknown: usize::from(offer.included_traffic_bytes.is_none()),
            per_tb: offer.traffic_per_tb.into_iter().collect(),
        }
    }

    /// Adds another one's.
    pub fn add(&mut self, other: &Traffic) {
        self.included_bytes = self.included_bytes.saturating_add(other.included_bytes);
        self.unknown += other.unknown;
        self.per_tb.extend(&other.per_tb);
    }

    /// Whole terabytes that are included.
    #[must_use]
    pub fn included_terabytes(&self) -> u64 {
        self.included_bytes / TERABYTE
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Traffic::default()
    }
}
