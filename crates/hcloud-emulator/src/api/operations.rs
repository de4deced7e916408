//! What the official documents call their operations, so that logs and tables can use the same names.

use std::collections::HashMap;
use std::sync::OnceLock;

/// One line an operation: its `operationId`, method and path, in the order of the OpenAPI documents of the Cloud API
/// (190) and of the Storage Box API (32) as of October 2026.
const OPERATIONS: &str = include_str!("operations.txt");

/// The official name of the operation with this method and path template (without `/v1`); `None` if the documents
/// have no such operation.
pub(crate) fn name_of(method: &str, template: &str) -> Option<&'static str> {
    static NAMES: OnceLock<HashMap<(&str, &str), &str>> = OnceLock::new();
    NAMES
        .get_or_init(|| lines().map(|[name, method, path]| ((method, path), name)).collect())
        .get(&(method, template))
        .copied()
}

fn lines() -> impl Iterator<Item = [&'static str; 3]> {
    OPERATIONS.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some([words.next()?, words.next()?, words.next()?])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::api::ROUTES;

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = lines().map(|[name, ..]| name).collect();
        assert_eq!((lines().count(), names.len()), (222, 222));
    }

    #[test]
    fn everything_that_is_served_has_an_official_name() {
        let unnamed: Vec<String> = (ROUTES.iter().flat_map(|routes| routes.iter()))
            .filter(|route| name_of(route.method, route.template).is_none())
            .map(|route| format!("{} {}", route.method, route.template))
            .collect();
        assert_eq!(unnamed, Vec::<String>::new());
        assert_eq!(name_of("POST", "/servers"), Some("create_server"));
        assert_eq!(name_of("PATCH", "/servers"), None);
    }
}
