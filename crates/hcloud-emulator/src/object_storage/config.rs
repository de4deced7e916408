//! The parts of a bucket's configuration.

use super::model::{Caller, Lock, Retention, Storage, Versioning};
use super::policy;
use super::refusal::{Refused, invalid, malformed_xml};
use super::server::Reply;
use super::xml::{self, Xml};

/// The most rules of a kind.
const MOST_LIFECYCLE_RULES: usize = 1000;
const MOST_CORS_RULES: usize = 100;

fn invalid_state(message: &str) -> Refused {
    Refused::new(409, "InvalidBucketState", message)
}

fn missing(code: &str, what: &str) -> Refused {
    Refused::new(404, code, format!("The {what} does not exist"))
}

impl Storage {
    pub(super) fn get_versioning(&self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let mut xml = Xml::new("VersioningConfiguration");
        if let Some(status) = self.own(caller, name)?.status() {
            xml.text("Status", status);
        }
        Ok(Reply::xml(xml.finish()))
    }

    pub(super) fn put_versioning(
        &mut self,
        caller: &Caller,
        name: &str,
        body: &[u8],
    ) -> Result<Reply, Refused> {
        let wanted: xml::Versioning = xml::read(body)?;
        let versioning = match wanted.status.as_deref() {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            _ => return Err(malformed_xml()),
        };
        self.change(caller, name, |bucket| {
            if bucket.object_lock.is_some() && versioning != Versioning::Enabled {
                return Err(invalid_state(
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                ));
            }
            bucket.versioning = versioning;
            Ok(())
        })?;
        Ok(Reply::empty(200))
    }

    pub(super) fn get_policy(&self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let policy = self.own(caller, name)?.policy.clone();
        let policy = policy.ok_or_else(|| missing("NoSuchBucketPolicy", "bucket policy"))?;
        Ok(Reply { body: policy.into(), ..Reply::empty(200) }.with("content-type", "application/json"))
    }

    pub(super) fn put_policy(&mut self, caller: &Caller, name: &str, body: &[u8]) -> Result<Reply, Refused> {
        let text = String::from_utf8_lossy(body).into_owned();
        policy::check(&text, name)?;
        self.change(caller, name, |bucket| {
            bucket.policy = Some(text);
            Ok(())
        })?;
        Ok(Reply::empty(204))
    }

    pub(super) fn delete_policy(&mut self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        self.change(caller, name, |bucket| {
            bucket.policy = None;
            Ok(())
        })?;
        Ok(Reply::empty(204))
    }

    pub(super) fn get_lifecycle(&self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let code = "NoSuchLifecycleConfiguration";
        let lifecycle = self.own(caller, name)?.lifecycle.as_ref();
        let lifecycle = lifecycle.ok_or_else(|| missing(code, "lifecycle configuration"))?;
        Ok(Reply::xml(xml::write("LifecycleConfiguration", lifecycle)))
    }

    pub(super) fn put_lifecycle(
        &mut self,
        caller: &Caller,
        name: &str,
        body: &[u8],
    ) -> Result<Reply, Refused> {
        let mut wanted: xml::Lifecycle = xml::read(body)?;
        if wanted.rules.is_empty() || wanted.rules.len() > MOST_LIFECYCLE_RULES {
            return Err(malformed_xml());
        }
        for (index, rule) in wanted.rules.iter_mut().enumerate() {
            check_rule(rule)?;
            rule.id.get_or_insert_with(|| format!("rule-{index}"));
        }
        // Ceph keeps them by their ids.
        wanted.rules.sort_by(|a, b| a.id.cmp(&b.id));
        if wanted.rules.windows(2).any(|pair| pair[0].id == pair[1].id) {
            return Err(invalid("Rule ID must be unique. Found same ID for more than one rule"));
        }
        self.change(caller, name, |bucket| {
            bucket.lifecycle = Some(wanted);
            Ok(())
        })?;
        Ok(Reply::empty(200))
    }

    pub(super) fn delete_lifecycle(&mut self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        self.change(caller, name, |bucket| {
            bucket.lifecycle = None;
            Ok(())
        })?;
        Ok(Reply::empty(204))
    }

    pub(super) fn get_cors(&self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let cors = self.own(caller, name)?.cors.as_ref();
        let cors = cors.ok_or_else(|| missing("NoSuchCORSConfiguration", "CORS configuration"))?;
        Ok(Reply::xml(xml::write("CORSConfiguration", cors)))
    }

    pub(super) fn put_cors(&mut self, caller: &Caller, name: &str, body: &[u8]) -> Result<Reply, Refused> {
        const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];
        let wanted: xml::Cors = xml::read(body)?;
        if wanted.rules.is_empty() || wanted.rules.len() > MOST_CORS_RULES {
            return Err(malformed_xml());
        }
        for rule in &wanted.rules {
            if rule.allowed_origin.is_empty() || rule.allowed_method.is_empty() {
                return Err(malformed_xml());
            }
            if let Some(method) =
                rule.allowed_method.iter().find(|method| !METHODS.contains(&method.as_str()))
            {
                let message =
                    format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}");
                return Err(Refused::new(400, "InvalidRequest", message));
            }
        }
        self.change(caller, name, |bucket| {
            bucket.cors = Some(wanted);
            Ok(())
        })?;
        Ok(Reply::empty(200))
    }

    pub(super) fn delete_cors(&mut self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        self.change(caller, name, |bucket| {
            bucket.cors = None;
            Ok(())
        })?;
        Ok(Reply::empty(204))
    }

    pub(super) fn get_object_lock(&self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let lock = self.own(caller, name)?.object_lock.as_ref().ok_or_else(|| {
            missing("ObjectLockConfigurationNotFoundError", "Object Lock configuration for this bucket")
        })?;
        let rule = lock.retention.as_ref().map(|retention| xml::LockRule {
            default_retention: xml::DefaultRetention {
                mode: if retention.compliance { "COMPLIANCE" } else { "GOVERNANCE" }.to_owned(),
                days: retention.days,
                years: retention.years,
            },
        });
        let lock = xml::ObjectLock { object_lock_enabled: "Enabled".to_owned(), rule };
        Ok(Reply::xml(xml::write("ObjectLockConfiguration", &lock)))
    }

    pub(super) fn put_object_lock(
        &mut self,
        caller: &Caller,
        name: &str,
        body: &[u8],
    ) -> Result<Reply, Refused> {
        let wanted: xml::ObjectLock = xml::read(body)?;
        if wanted.object_lock_enabled != "Enabled" {
            return Err(malformed_xml());
        }
        let retention = match wanted.rule.map(|rule| rule.default_retention) {
            None => None,
            Some(xml::DefaultRetention { mode, days, years }) => {
                let compliance = match mode.as_str() {
                    "COMPLIANCE" => true,
                    "GOVERNANCE" => false,
                    _ => return Err(malformed_xml()),
                };
                match (days, years) {
                    (Some(count), None) | (None, Some(count)) if count > 0 => {}
                    (Some(_), None) | (None, Some(_)) => {
                        return Err(invalid("Default retention period must be a positive integer value."));
                    }
                    _ => return Err(malformed_xml()),
                }
                Some(Retention { compliance, days, years })
            }
        };
        self.change(caller, name, |bucket| {
            let message = "Object Lock configuration cannot be enabled on existing buckets";
            bucket.object_lock.as_ref().ok_or_else(|| invalid_state(message))?;
            bucket.object_lock = Some(Lock { retention });
            Ok(())
        })?;
        Ok(Reply::empty(200))
    }
}

fn check_rule(rule: &xml::LifecycleRule) -> Result<(), Refused> {
    if !matches!(rule.status.as_str(), "Enabled" | "Disabled") {
        return Err(malformed_xml());
    }
    if rule.prefix.is_some() == rule.filter.is_some() {
        return Err(malformed_xml());
    }
    let expiration = rule.expiration.as_ref();
    let days = [
        expiration.and_then(|expiration| expiration.days),
        rule.noncurrent_version_expiration.as_ref().map(|expiration| expiration.noncurrent_days),
        rule.abort_incomplete_multipart_upload.as_ref().map(|abort| abort.days_after_initiation),
    ];
    if days.iter().flatten().any(|days| *days <= 0) {
        return Err(invalid("'Days' for an action must be a positive integer"));
    }
    if let Some(expiration) = expiration {
        let kinds = [
            expiration.days.is_some(),
            expiration.date.is_some(),
            expiration.expired_object_delete_marker.is_some(),
        ];
        if kinds.iter().filter(|is| **is).count() != 1 {
            return Err(malformed_xml());
        }
        let is_midnight =
            |date: &String| date.parse::<jiff::Timestamp>().is_ok_and(|at| at.as_second() % 86_400 == 0);
        if expiration.date.as_ref().is_some_and(|date| !is_midnight(date)) {
            return Err(invalid("'Date' must be at midnight GMT"));
        }
    }
    if expiration.is_none() && days.iter().all(Option::is_none) {
        return Err(invalid_request_action());
    }
    Ok(())
}

fn invalid_request_action() -> Refused {
    Refused::new(400, "InvalidRequest", "At least one action needs to be specified in a rule.")
}
