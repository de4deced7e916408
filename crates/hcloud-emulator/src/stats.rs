//! How many requests were made, by operation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Counts of requests.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    by_route: BTreeMap<String, u64>,
    total: u64,
    refused: u64,
}

impl Stats {
    /// Counts a request of a method and a path template.
    pub(crate) fn count(&mut self, method: &str, template: &str) {
        self.total += 1;
        *self.by_route.entry(format!("{method} {template}")).or_default() += 1;
    }

    /// Counts a request that was over the limit, beside counting it as one of its route.
    pub(crate) fn count_refused(&mut self) {
        self.refused += 1;
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    pub(crate) fn by_route(&self) -> &BTreeMap<String, u64> {
        &self.by_route
    }

    /// How many requests there were.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn show(&self) -> Value {
        json!({"total": self.total, "rate_limited": self.refused, "routes": self.by_route})
    }
}
