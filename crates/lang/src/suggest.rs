//! "Did you mean …?"

/// The known name that a mistyped one is nearest to, if it is near enough to be worth mentioning: fewer than three
/// edits away, as in Terraform. The first of equally near names wins.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LIMIT: usize = 3;
    let mut best: Option<(&str, usize)> = None;
    for name in known {
        let limit = best.map_or(LIMIT, |(_, d)| d);
        if name == given {
            continue;
        }
        if let Some(distance) = distance_below(given, name, limit) {
            best = Some((name, distance));
        }
    }
    best.map(|(name, _)| name)
}

/// ` Did you mean "name"?`, or nothing.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known).map_or_else(String::new, |name| format!(" Did you mean {name:?}?"))
}

/// The Levenshtein distance, if it is less than `limit`.
fn distance_below(a: &str, b: &str, limit: usize) -> Option<usize> {
    let b: Vec<char> = b.chars().collect();
    if a.chars().count().abs_diff(b.len()) >= limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().filter(|d| *d < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_less_than_three_edits_away_are_suggested() {
        for (given, want) in [
            ("sever_type", Some("server_type")),
            ("server_typ", Some("server_type")),
            ("nmae", Some("name")),
            ("labels", None),
            ("server", None),
        ] {
            assert_eq!(nearest(given, ["name", "server_type", "image"]), want, "{given}");
        }
    }
}
