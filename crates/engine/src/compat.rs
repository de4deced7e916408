//! Whether what a provider made of an object is what was planned.

use std::sync::Arc;

use ferroform_core::addr::ResourceInstance;
use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Step, Value, ValueKind};

/// The places at which `actual` differs from what `planned` promised: a known value must come true, an unknown one may
/// become anything of its type. Elements of sets are held against each other as wholes.
pub(crate) fn deviations(planned: &Value, actual: &Value) -> Vec<AttrPath> {
    let mut found = Vec::new();
    compare(planned, actual, &AttrPath::root(), &mut found);
    found
}

fn compare(planned: &Value, actual: &Value, at: &AttrPath, found: &mut Vec<AttrPath>) {
    match (planned.kind(), actual.kind()) {
        (ValueKind::Unknown(..), _) => {}
        (ValueKind::Object(a) | ValueKind::Map(_, a), ValueKind::Object(b) | ValueKind::Map(_, b)) => {
            let is_map = matches!(planned.kind(), ValueKind::Map(..));
            let path = |name: &std::sync::Arc<str>| {
                if is_map { at.clone().with_key(name.clone()) } else { at.clone().with_attr(name.clone()) }
            };
            for (name, before) in a.iter() {
                match b.get(name) {
                    Some(after) if before == after => {}
                    Some(after) => compare(before, after, &path(name), found),
                    None => found.push(path(name)),
                }
            }
            found.extend(b.keys().filter(|name| !a.contains_key(name)).map(path));
        }
        (ValueKind::List(_, a) | ValueKind::Tuple(a), ValueKind::List(_, b) | ValueKind::Tuple(b))
            if a.len() == b.len() =>
        {
            for (i, (before, after)) in a.iter().zip(b.iter()).enumerate() {
                compare(before, after, &at.clone().with_index(i), found);
            }
        }
        (ValueKind::Set(_, a), ValueKind::Set(_, b)) => {
            let matched = |before: &Value| b.iter().any(|after| deviations(before, after).is_empty());
            let has_unknown = a.iter().any(|v| !v.is_wholly_known());
            if (!has_unknown && a.len() != b.len()) || !a.iter().all(matched) {
                found.push(at.clone());
            }
        }
        _ if planned == actual => {}
        _ => found.push(at.clone()),
    }
}

/// The attributes for which a plan is neither what configuration says nor, where configuration says nothing, the
/// provider's to decide. A provider may keep the prior value where it means the same as the configured one.
pub(crate) fn plan_violations(
    block: &Block,
    config: &Value,
    prior: &Value,
    planned: &Value,
) -> Vec<AttrPath> {
    let wrong = |(name, attribute): (&Arc<str>, &Attribute)| {
        let (config, planned) = (config.get(name)?, planned.get(name)?);
        let kept = !prior.is_null() && prior.get(name) == Some(planned);
        let allowed = match config.is_null() {
            true => attribute.computed || planned.is_null(),
            false => {
                kept || attribute.write_only
                    || deviations(config, planned).is_empty()
                    || attribute.nested.is_some()
            }
        };
        (!allowed).then(|| AttrPath::attr(name.clone()))
    };
    block.attributes.iter().filter_map(wrong).collect()
}

/// The error for a plan that configuration does not allow.
pub(crate) fn invalid_plan(addr: &ResourceInstance, paths: &[AttrPath]) -> Diagnostics {
    report(
        addr,
        paths,
        "Provider produced invalid plan",
        "was planned as something that configuration does not say",
    )
}

/// The error for a final object that is not the planned one.
pub(crate) fn inconsistent_result(addr: &ResourceInstance, paths: &[AttrPath]) -> Diagnostics {
    report(
        addr,
        paths,
        "Provider produced inconsistent result after apply",
        "came out different from what was planned",
    )
}

/// The error for a second plan that contradicts the first one.
pub(crate) fn inconsistent_final_plan(addr: &ResourceInstance, paths: &[AttrPath]) -> Diagnostics {
    report(
        addr,
        paths,
        "Provider produced inconsistent final plan",
        "was planned differently once all values were known",
    )
}

fn report(addr: &ResourceInstance, paths: &[AttrPath], summary: &'static str, what: &str) -> Diagnostics {
    let diagnostic = |path: &AttrPath| {
        let name = match path.steps().first() {
            Some(Step::Attr(_)) => path.to_string(),
            _ => "the object itself".to_owned(),
        };
        Diagnostic::error(summary)
            .detail(format!("While working on {addr}: {name} {what}. This is a bug in the provider, which should be reported."))
            .address(addr.to_string())
            .attribute(path.clone())
    };
    paths.iter().map(diagnostic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferroform_core::Type;

    #[test]
    fn known_values_must_come_true_and_unknown_ones_may_become_anything() {
        let planned = Value::object([
            ("name", Value::string("a")),
            ("id", Value::unknown(Type::String)),
            ("tags", Value::set(Type::String, [Value::string("x")])),
        ]);
        let actual = |name: &str, tag: &str| {
            Value::object([
                ("name", Value::string(name)),
                ("id", Value::string("7")),
                ("tags", Value::set(Type::String, [Value::string(tag)])),
            ])
        };
        assert_eq!(deviations(&planned, &actual("a", "x")), []);
        assert_eq!(deviations(&planned, &actual("b", "x")), [AttrPath::attr("name")]);
        assert_eq!(deviations(&planned, &actual("a", "y")), [AttrPath::attr("tags")]);
    }
}
