//! The configuration of a bucket as values of the language, and back.

use ferroform_core::schema::Block;
use ferroform_core::{Type, Value};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::attrs::{Attrs, State, flag_or_null, int_or_null, text_or_null, texts_or_null};
use crate::policy;
use ferroform_s3::{Acl, BucketConfig, CorsRule, LifecycleRule, LockMode, ObjectLock, Retention};

/// A moment, or the midnight UTC at which a day begins.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>().ok().or_else(day)
}

/// A moment as it is sent.
fn canonical(text: &str) -> String {
    instant(text).map_or_else(|| text.to_owned(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// What a state or plan says that a bucket is like.
pub(super) fn wanted(attrs: Attrs<'_>) -> BucketConfig {
    let acl = match attrs.text("acl") {
        Some("public-read") => Acl::PublicRead,
        Some("private") | None => Acl::Private,
        Some(_) => Acl::Other,
    };
    let lock = attrs.flag("object_lock").unwrap_or_default();
    BucketConfig {
        acl,
        versioning: attrs.flag("versioning").unwrap_or_default(),
        object_lock: lock
            .then(|| ObjectLock { retention: attrs.blocks("object_lock_retention").find_map(retention) }),
        policy: attrs.filled("policy").map(str::to_owned),
        lifecycle: attrs.blocks("lifecycle_rule").map(lifecycle_rule).collect(),
        cors: attrs.blocks("cors_rule").map(cors_rule).collect(),
    }
}

fn retention(attrs: Attrs<'_>) -> Option<Retention> {
    let mode = LockMode::parse(attrs.text("mode")?)?;
    Some(Retention { mode, days: attrs.int("days"), years: attrs.int("years") })
}

fn lifecycle_rule(attrs: Attrs<'_>) -> LifecycleRule {
    LifecycleRule {
        id: attrs.string("id"),
        enabled: attrs.flag("enabled").unwrap_or(true),
        prefix: attrs.filled("prefix").map(str::to_owned),
        expiration_days: attrs.int("expiration_days"),
        expiration_date: attrs.filled("expiration_date").map(canonical),
        expired_object_delete_marker: attrs.flag("expired_object_delete_marker").filter(|is| *is),
        noncurrent_version_expiration_days: attrs.int("noncurrent_version_expiration_days"),
        abort_incomplete_multipart_upload_days: attrs.int("abort_incomplete_multipart_upload_days"),
        has_more: false,
    }
}

fn cors_rule(attrs: Attrs<'_>) -> CorsRule {
    CorsRule {
        allowed_origins: attrs.texts("allowed_origins"),
        allowed_methods: attrs.texts("allowed_methods"),
        allowed_headers: attrs.texts("allowed_headers"),
        expose_headers: attrs.texts("expose_headers"),
        max_age_seconds: attrs.int("max_age_seconds"),
    }
}

/// Puts what a bucket is like into its state. What is said there in other words already stays in those words.
pub(super) fn show(block: &Block, prior: Attrs<'_>, state: &mut State, config: &BucketConfig) {
    let before = wanted(prior);
    state.text("acl", config.acl.as_str());
    state.set("versioning", Value::bool(config.versioning));
    state.set("object_lock", Value::bool(config.object_lock.is_some()));
    let says_so = match (&before.policy, &config.policy) {
        (Some(before), Some(now)) => policy::same(before, now),
        (before, now) => before == now,
    };
    if !says_so {
        state.set("policy", text_or_null(config.policy.as_deref()));
    }
    let list = |name: &str, items: Vec<Value>| {
        let ty = block.blocks.get(name).map_or(Type::Dynamic, |nested| nested.block.implied_type());
        Value::list(ty, items)
    };
    let retention = config.object_lock.and_then(|lock| lock.retention);
    let retention: Vec<Value> = retention.iter().map(show_retention).collect();
    state.set("object_lock_retention", list("object_lock_retention", retention));
    let rules = show_lifecycle(prior, &config.lifecycle);
    state.set("lifecycle_rule", list("lifecycle_rule", rules));
    if before.cors != config.cors {
        let rules = config.cors.iter().map(show_cors_rule).collect();
        state.set("cors_rule", list("cors_rule", rules));
    }
}

/// Rules have no order among each other, and the service may tell them in another one.
fn show_lifecycle(prior: Attrs<'_>, rules: &[LifecycleRule]) -> Vec<Value> {
    let known: Vec<(Attrs<'_>, LifecycleRule)> =
        prior.blocks("lifecycle_rule").map(|attrs| (attrs, lifecycle_rule(attrs))).collect();
    let place = |rule: &LifecycleRule| {
        known.iter().position(|(_, before)| before.id == rule.id).unwrap_or(usize::MAX)
    };
    let mut sorted: Vec<&LifecycleRule> = rules.iter().collect();
    sorted.sort_by_key(|rule| place(rule));
    let value = |rule: &LifecycleRule| {
        let rule = LifecycleRule {
            expiration_date: rule.expiration_date.as_deref().map(canonical),
            has_more: false,
            ..rule.clone()
        };
        match known.iter().find(|(_, before)| *before == rule) {
            Some((attrs, _)) => attrs.0.clone(),
            None => show_lifecycle_rule(&rule),
        }
    };
    sorted.into_iter().map(value).collect()
}

fn show_lifecycle_rule(rule: &LifecycleRule) -> Value {
    Value::object([
        ("id", Value::string_normalised(&rule.id)),
        ("enabled", Value::bool(rule.enabled)),
        ("prefix", text_or_null(rule.prefix.as_deref())),
        ("expiration_days", int_or_null(rule.expiration_days)),
        ("expiration_date", text_or_null(rule.expiration_date.as_deref())),
        ("expired_object_delete_marker", flag_or_null(rule.expired_object_delete_marker)),
        ("noncurrent_version_expiration_days", int_or_null(rule.noncurrent_version_expiration_days)),
        ("abort_incomplete_multipart_upload_days", int_or_null(rule.abort_incomplete_multipart_upload_days)),
    ])
}

fn show_cors_rule(rule: &CorsRule) -> Value {
    Value::object([
        ("allowed_origins", texts_or_null(&rule.allowed_origins)),
        ("allowed_methods", texts_or_null(&rule.allowed_methods)),
        ("allowed_headers", texts_or_null(&rule.allowed_headers)),
        ("expose_headers", texts_or_null(&rule.expose_headers)),
        ("max_age_seconds", int_or_null(rule.max_age_seconds)),
    ])
}

fn show_retention(retention: &Retention) -> Value {
    Value::object([
        ("mode", Value::string(retention.mode.as_str())),
        ("days", int_or_null(retention.days)),
        ("years", int_or_null(retention.years)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_are_the_same_instant() {
        for (text, expected) in [
            ("2027-01-01", Some("2027-01-01T00:00:00Z")),
            ("2027-01-01T00:00:00Z", Some("2027-01-01T00:00:00Z")),
            ("2027-01-01T00:00:00.000Z", Some("2027-01-01T00:00:00Z")),
            ("2027-01-01T01:00:00+01:00", Some("2027-01-01T00:00:00Z")),
            ("soon", None),
        ] {
            assert_eq!(instant(text).is_some(), expected.is_some(), "{text}");
            assert_eq!(canonical(text), expected.unwrap_or(text), "{text}");
        }
    }
}
