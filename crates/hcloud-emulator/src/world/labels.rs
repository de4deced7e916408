//! Labels and the selectors that match them (Hetzner API documentation, sections "Labels" and "Label Selector").

use std::collections::BTreeMap;

/// Labels of an object.
pub(crate) type Labels = BTreeMap<String, String>;

fn is_segment(text: &str, longest: usize) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= longest
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_segment(prefix, 253) && is_segment(name, 63),
        None => is_segment(key, 63),
    }
}

fn is_value(value: &str) -> bool {
    value.is_empty() || is_segment(value, 63)
}

/// What is wrong with a set of labels, if anything is.
pub(crate) fn problem(labels: &Labels) -> Option<String> {
    labels.iter().find_map(|(key, value)| {
        if !is_key(key) {
            Some(format!("label key '{key}' is not correctly formatted"))
        } else if key.starts_with("hetzner.cloud/") {
            Some(format!("label key '{key}' uses the reserved prefix 'hetzner.cloud/'"))
        } else if !is_value(value) {
            Some(format!("label value '{value}' (key: {key}) is not correctly formatted"))
        } else {
            None
        }
    })
}

/// A parsed label selector: all of its terms must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Exists(String),
    Missing(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

impl Selector {
    /// Reads a selector; `None` if it is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        split_terms(text)?.into_iter().map(parse_term).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether labels match. A term that something is *not* a value holds where the key is missing.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|term| match term {
            Term::Exists(key) => labels.contains_key(key),
            Term::Missing(key) => !labels.contains_key(key),
            Term::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Term::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
        })
    }
}

/// Splits at the commas that stand outside parentheses.
fn split_terms(text: &str) -> Option<Vec<&str>> {
    let mut terms = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (index, character) in text.char_indices() {
        match character {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return None,
            ',' if !inside => {
                terms.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(text[start..].trim());
    (!inside).then_some(terms)
}

fn parse_term(term: &str) -> Option<Term> {
    let key = |text: &str| is_key(text.trim()).then(|| text.trim().to_owned());
    let value = |text: &str| is_value(text.trim()).then(|| text.trim().to_owned());
    if let Some(list) = term.strip_suffix(')') {
        let (head, list) = list.split_once('(')?;
        let values = list.split(',').map(value).collect::<Option<Vec<_>>>()?;
        let (name, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => Some(Term::In(key(name)?, values)),
            "notin" => Some(Term::NotIn(key(name)?, values)),
            _ => None,
        };
    }
    if let Some((name, wanted)) = term.split_once("!=") {
        return Some(Term::NotIn(key(name)?, vec![value(wanted)?]));
    }
    if let Some((name, wanted)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Some(Term::In(key(name)?, vec![value(wanted)?]));
    }
    match term.strip_prefix('!') {
        Some(name) => Some(Term::Missing(key(name)?)),
        None => Some(Term::Exists(key(term)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn selectors_match_as_documented() {
        let set = labels(&[("env", "prod"), ("role", "db"), ("example.com/x", "")]);
        for (selector, expected) in [
            ("env==prod", true),
            ("env=prod", true),
            ("env=dev", false),
            ("env!=dev", true),
            ("missing!=dev", true),
            ("env", true),
            ("!env", false),
            ("!missing", true),
            ("env in (dev,prod)", true),
            ("env in (dev, test)", false),
            ("env notin (dev, test)", true),
            ("missing notin (dev)", true),
            ("env==prod,role in (db,web),!gone", true),
            ("env==prod,role=web", false),
            ("example.com/x", true),
            ("example.com/x==", true),
        ] {
            assert_eq!(Selector::parse(selector).map(|s| s.matches(&set)), Some(expected), "{selector}");
        }
    }

    #[test]
    fn malformed_selectors_are_refused() {
        for selector in
            ["", ",", "a==b==c", "a in b", "a in (b", "a (b)", "-a", "a=b c", "((a))", "a in (b)x"]
        {
            assert_eq!(Selector::parse(selector), None, "{selector}");
        }
    }

    #[test]
    fn labels_follow_the_documented_rules() {
        let long = "a".repeat(64);
        for (key, value, good) in [
            ("env", "prod", true),
            ("a", "", true),
            ("example.com/name", "v_1.x-y", true),
            ("hetzner.cloud/x", "", false),
            ("-a", "", false),
            ("a/b/c", "", false),
            ("a", "-b", false),
            ("a b", "", false),
            ("", "x", false),
            (long.as_str(), "", false),
            ("a", long.as_str(), false),
        ] {
            assert_eq!(problem(&labels(&[(key, value)])).is_none(), good, "{key}={value}");
        }
    }
}
