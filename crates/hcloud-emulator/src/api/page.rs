//! Lists: filters, order and pages (Hetzner API documentation, sections "Pagination", "Sorting").

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::object::object;
use super::{Call, Reply};
use crate::world::labels::Selector;
use crate::world::table::Table;
use crate::world::{Refusal, Row};

/// Entries of a page unless the request says otherwise, and at most.
const DEFAULT_PER_PAGE: usize = 25;
const MAX_PER_PAGE: usize = 50;

impl Call<'_> {
    /// The rows of a table that a list is about: those of the `name` asked for, or all.
    pub(super) fn rows<'t, T: Row>(&self, table: &'t Table<T>) -> impl Iterator<Item = &'t T> {
        let named = self.query.get("name").map(|name| table.named(name));
        let all = named.is_none().then(|| table.values());
        let named = named.into_iter().flatten().filter_map(|id| table.get(id));
        named.chain(all.into_iter().flatten())
    }

    /// The rows that the usual filters (`name`, `label_selector`) leave, in the order asked for.
    pub(super) fn select<'r, T: Row>(
        &self,
        rows: impl Iterator<Item = &'r T>,
    ) -> Result<Vec<&'r T>, Refusal> {
        let selector = match self.query.get("label_selector") {
            None => None,
            Some(text) => Some(Selector::parse(text).ok_or_else(|| {
                Refusal::invalid("label_selector", format!("label selector '{text}' is malformed"))
            })?),
        };
        let name = self.query.get("name");
        let mut selected: Vec<&T> = rows
            .filter(|row| name.is_none_or(|name| row.name() == name))
            .filter(|row| match (&selector, row.labels()) {
                (None, _) => true,
                (Some(selector), Some(labels)) => selector.matches(labels),
                (Some(_), None) => false,
            })
            .collect();
        self.sort_by(&mut selected, |field, a, b| match field {
            "id" => Some(a.id().cmp(&b.id())),
            "name" => Some(a.name().cmp(b.name())),
            "created" => Some(a.created().cmp(&b.created())),
            _ => None,
        });
        Ok(selected)
    }

    /// Sorts by the request's `sort`, as given and in order; what is not a field is ignored.
    pub(super) fn sort_by<T>(&self, rows: &mut [T], compare: impl Fn(&str, &T, &T) -> Option<Ordering>) {
        let keys: Vec<(&str, bool)> = self
            .query
            .all("sort")
            .map(|key| match key.split_once(':') {
                Some((field, direction)) => (field, direction == "desc"),
                None => (key, false),
            })
            .collect();
        rows.sort_by(|a, b| {
            keys.iter()
                .filter_map(|(field, descending)| {
                    let order = compare(field, a, b)?;
                    Some(if *descending { order.reverse() } else { order })
                })
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
    }

    /// The page asked for of the rows, rendered under a key.
    pub(super) fn page<T>(
        &self,
        key: &str,
        rows: &[T],
        render: impl Fn(&T) -> Value,
    ) -> Result<Reply, Refusal> {
        self.page_of_at_most(MAX_PER_PAGE, key, rows, render)
    }

    /// The same where pages have another limit than usual.
    pub(super) fn page_of_at_most<T>(
        &self,
        most: usize,
        key: &str,
        rows: &[T],
        render: impl Fn(&T) -> Value,
    ) -> Result<Reply, Refusal> {
        let number = |name: &str, default: usize| match self.query.get(name) {
            None => Ok(default),
            Some(text) => text
                .parse::<usize>()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| Refusal::invalid(name, format!("{name} must be a number greater than 0"))),
        };
        let page = number("page", 1)?;
        let per_page = number("per_page", DEFAULT_PER_PAGE)?.min(most);
        let last = rows.len().div_ceil(per_page).max(1);
        let start = (page - 1).saturating_mul(per_page).min(rows.len());
        let shown: Vec<Value> = rows[start..].iter().take(per_page).map(render).collect();
        let previous = (page > 1).then(|| (page - 1).min(last));
        let next = (page < last).then_some(page + 1);
        let relations = [("prev", previous), ("next", next), ("last", Some(last))];
        let link: Vec<String> = relations
            .into_iter()
            .filter_map(|(relation, page)| {
                Some(format!("<{}?{}>; rel=\"{relation}\"", self.path, self.query.with_page(page?)))
            })
            .collect();
        let pagination = json!({
            "page": page,
            "per_page": per_page,
            "previous_page": previous,
            "next_page": next,
            "last_page": last,
            "total_entries": rows.len(),
        });
        let body = object! {key: shown, "meta": object! {"pagination": pagination}};
        Ok(Reply { link: Some(link.join(", ")), ..Reply::ok(body) })
    }
}
