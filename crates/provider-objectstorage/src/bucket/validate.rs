//! Whether the configuration of a bucket can be.

use std::collections::BTreeSet;

use ferroform_core::AttrPath;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::values::instant;
use crate::attrs::Attrs;
use crate::rules::{self, COMBINATION, INVALID, Problems};

/// The most rules of a kind (Amazon S3 API Reference, "PutBucketLifecycleConfiguration", "PutBucketCors").
const MOST_LIFECYCLE_RULES: usize = 1000;
const MOST_CORS_RULES: usize = 100;
/// The longest policy, in bytes (Amazon S3 API Reference, "PutBucketPolicy").
const LONGEST_POLICY: usize = 20 << 10;

/// Notes what is wrong.
pub(crate) fn validate(config: Attrs<'_>, problems: &mut Problems) {
    if let Some(name) = config.text("name")
        && let Err(why) = rules::bucket_name(name)
    {
        problems.add("name", INVALID, format!("{name:?} cannot be the name of a bucket: {why}."));
    }
    rules::one_of(config, "acl", AttrPath::attr("acl"), &["private", "public-read"], problems);
    policy(config, problems);
    object_lock(config, problems);
    lifecycle(config, problems);
    cors(config, problems);
}

fn policy(config: Attrs<'_>, problems: &mut Problems) {
    let Some(text) = config.text("policy") else { return };
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(policy) if text.len() > LONGEST_POLICY => {
            drop(policy);
            problems.add("policy", INVALID, format!("A policy has at most {LONGEST_POLICY} bytes."));
        }
        Ok(policy) if policy["Statement"].is_array() || policy["Statement"].is_object() => {}
        Ok(_) => problems.add(
            "policy",
            INVALID,
            "A policy is a JSON object with `Version` and `Statement`. For no policy leave the attribute out.",
        ),
        Err(error) => problems.add("policy", INVALID, format!("It is not JSON: {error}.")),
    }
}

fn object_lock(config: Attrs<'_>, problems: &mut Problems) {
    let locked = config.flag("object_lock");
    if locked == Some(true) && config.flag("versioning") == Some(false) {
        problems.add(
            "versioning",
            COMBINATION,
            "Object lock keeps versions, so it needs versioning: leave `versioning` out or set it to true.",
        );
    }
    for (index, retention) in config.blocks("object_lock_retention").enumerate() {
        let at = |name: &str| AttrPath::attr("object_lock_retention").with_index(index).with_attr(name);
        rules::one_of(retention, "mode", at("mode"), &["GOVERNANCE", "COMPLIANCE"], problems);
        for name in ["days", "years"] {
            rules::positive(retention, name, at(name), problems);
        }
        if retention.is_set("days") == retention.is_set("years") {
            problems.add_at(at("days"), COMBINATION, "Set either `days` or `years`.");
        }
        if locked != Some(true) && config.is_known("object_lock") {
            problems.add(
                "object_lock",
                COMBINATION,
                "A retention needs object lock: set `object_lock = true`, which is only possible for a new bucket.",
            );
        }
    }
}

fn lifecycle(config: Attrs<'_>, problems: &mut Problems) {
    const ACTIONS: [&str; 5] = [
        "expiration_days",
        "expiration_date",
        "expired_object_delete_marker",
        "noncurrent_version_expiration_days",
        "abort_incomplete_multipart_upload_days",
    ];
    let mut ids = BTreeSet::new();
    for (index, rule) in config.blocks("lifecycle_rule").enumerate() {
        let at = |name: &str| AttrPath::attr("lifecycle_rule").with_index(index).with_attr(name);
        if index == MOST_LIFECYCLE_RULES {
            problems.add("lifecycle_rule", INVALID, format!("There can be {MOST_LIFECYCLE_RULES} rules."));
        }
        if let Some(id) = rule.text("id") {
            if id.is_empty() || id.len() > 255 {
                problems.add_at(at("id"), INVALID, "It must have from 1 to 255 bytes.");
            } else if !ids.insert(id) {
                problems.add_at(at("id"), INVALID, format!("Another rule has the id {id:?} as well."));
            }
        }
        for name in ACTIONS.into_iter().filter(|name| name.ends_with("_days")) {
            rules::positive(rule, name, at(name), problems);
        }
        if let Some(date) = rule.text("expiration_date") {
            let midnight = |at: &Timestamp| at.as_second() % 86_400 == 0 && at.subsec_nanosecond() == 0;
            if !instant(date).as_ref().is_some_and(midnight) {
                problems.add_at(
                    at("expiration_date"),
                    INVALID,
                    format!("{date:?} is not the midnight of a day in UTC, such as \"{}\".", example_date()),
                );
            }
        }
        // These three are parts of one action, of which one is chosen.
        let chosen: Vec<&&str> = ACTIONS[..3].iter().filter(|name| rule.is_set(name)).collect();
        if let [_, second, ..] = chosen.as_slice() {
            problems.add_at(
                at(second),
                COMBINATION,
                format!("Only one of {} can be set in a rule; use two rules.", ACTIONS[..3].join(", ")),
            );
        }
        if !ACTIONS.iter().any(|name| rule.is_set(name) && rule.flag(name) != Some(false)) {
            problems.add_at(
                at("id"),
                COMBINATION,
                format!("The rule does nothing: set at least one of {}.", ACTIONS.join(", ")),
            );
        }
    }
}

/// The first day of next year.
fn example_date() -> String {
    let year = Timestamp::now().to_zoned(TimeZone::UTC).year();
    format!("{}-01-01T00:00:00Z", i32::from(year) + 1)
}

fn cors(config: Attrs<'_>, problems: &mut Problems) {
    const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];
    for (index, rule) in config.blocks("cors_rule").enumerate() {
        let at = |name: &str| AttrPath::attr("cors_rule").with_index(index).with_attr(name);
        if index == MOST_CORS_RULES {
            problems.add("cors_rule", INVALID, format!("There can be {MOST_CORS_RULES} rules."));
        }
        for method in rule.texts("allowed_methods").iter().filter(|m| !METHODS.contains(&m.as_str())) {
            let detail = format!("{method:?} is not possible; it must be one of {}.", METHODS.join(", "));
            problems.add_at(at("allowed_methods"), INVALID, detail);
        }
        for name in ["allowed_origins", "allowed_headers"] {
            for text in rule.texts(name).iter().filter(|text| text.matches('*').count() > 1) {
                let detail = format!("{text:?} has more than one `*`.");
                problems.add_at(at(name), INVALID, detail);
            }
        }
        for name in ["allowed_origins", "allowed_methods"] {
            if rule.is_known(name) && rule.texts(name).is_empty() {
                problems.add_at(at(name), INVALID, "It must not be empty.");
            }
        }
        for name in ["allowed_headers", "expose_headers"] {
            if rule.is_known(name) && rule.is_set(name) && rule.texts(name).is_empty() {
                problems.add_at(at(name), INVALID, "It must not be empty; leave it out instead.");
            }
        }
        let age = rule.get("max_age_seconds").as_number();
        if age.is_some_and(|age| age.to_i64().is_none_or(|age| !(0..=i64::from(i32::MAX)).contains(&age))) {
            problems.add_at(at("max_age_seconds"), INVALID, "It must be a whole number, zero or above.");
        }
    }
}
