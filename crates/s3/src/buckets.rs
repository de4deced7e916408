//! Buckets and their configuration.

use std::collections::BTreeSet;

use http::Method;

use crate::call::{Answer, Body, Call, Failed};
use crate::client::Client;
use crate::error::Error;
use crate::time::iso;
use crate::xml;

/// Who the group of everybody is in access control lists (Amazon S3 User Guide, "Access control list (ACL) overview").
const EVERYBODY: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
/// Most pages of a list that are read: a million entries, a thousand a page.
const MOST_PAGES: usize = 1000;

/// A bucket in the list of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// As the service writes it.
    pub created: String,
}

impl Bucket {
    /// When it was created, in seconds since 1970.
    pub fn created_at(&self) -> Option<i64> {
        iso(&self.created)
    }
}

/// Who may read a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acl {
    /// Its owner.
    Private,
    /// Everybody.
    PublicRead,
    /// Something that none of the names that Hetzner allows stands for.
    Other,
}

impl Acl {
    /// The name of the list.
    pub fn as_str(self) -> &'static str {
        match self {
            Acl::Private => "private",
            Acl::PublicRead => "public-read",
            Acl::Other => "other",
        }
    }
}

/// When objects of a bucket are deleted by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LifecycleRule {
    /// Its name within the bucket.
    pub id: String,
    /// Whether it is followed.
    pub enabled: bool,
    /// The beginning of the keys that it is for; all if absent.
    pub prefix: Option<String>,
    /// Days after creation.
    pub expiration_days: Option<i64>,
    /// Midnight UTC of a day, in ISO 8601 format.
    pub expiration_date: Option<String>,
    /// Whether delete markers go that hide nothing.
    pub expired_object_delete_marker: Option<bool>,
    /// Days after a version was superseded.
    pub noncurrent_version_expiration_days: Option<i64>,
    /// Days after an upload in parts was begun.
    pub abort_incomplete_multipart_upload_days: Option<i64>,
    /// Whether the rule has more to it than this.
    pub has_more: bool,
}

/// From where browsers may use a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CorsRule {
    /// Origins, such as `https://example.com`; `*` for any.
    pub allowed_origins: BTreeSet<String>,
    /// HTTP methods.
    pub allowed_methods: BTreeSet<String>,
    /// Headers that requests may have.
    pub allowed_headers: BTreeSet<String>,
    /// Headers of answers that scripts may see.
    pub expose_headers: BTreeSet<String>,
    /// How long browsers may rely on it.
    pub max_age_seconds: Option<i64>,
}

/// How firmly versions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Until then, but for those with a special permission.
    Governance,
    /// Until then, whoever wants otherwise.
    Compliance,
}

impl LockMode {
    /// As S3 writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            LockMode::Governance => "GOVERNANCE",
            LockMode::Compliance => "COMPLIANCE",
        }
    }

    /// From S3's word.
    pub fn parse(text: &str) -> Option<LockMode> {
        [LockMode::Governance, LockMode::Compliance].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// How long new versions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Who can lift it.
    pub mode: LockMode,
    /// Days; either these or years.
    pub days: Option<i64>,
    /// Years.
    pub years: Option<i64>,
}

/// Object lock of a bucket that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLock {
    /// How long new versions are kept, if by themselves.
    pub retention: Option<Retention>,
}

/// All configuration of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketConfig {
    /// Who may read it.
    pub acl: Acl,
    /// Whether it keeps versions.
    pub versioning: bool,
    /// Whether versions can be kept from deletion.
    pub object_lock: Option<ObjectLock>,
    /// Its policy, as JSON.
    pub policy: Option<String>,
    /// When objects are deleted by themselves.
    pub lifecycle: Vec<LifecycleRule>,
    /// From where browsers may use it.
    pub cors: Vec<CorsRule>,
}

/// The answer; None if it says that there is no such configuration. That there is no bucket is an error still.
fn unless_missing(answer: Result<Answer, Error>) -> Result<Option<Answer>, Error> {
    const MISSING: &[&str] = &[
        "NoSuchLifecycleConfiguration",
        "NoSuchCORSConfiguration",
        "NoSuchBucketPolicy",
        "ObjectLockConfigurationNotFoundError",
        "ObjectLockConfigurationNotFound",
    ];
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code().is_some_and(|code| MISSING.contains(&code)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Client {
    /// The buckets of the project at this endpoint.
    pub async fn list_buckets(&self) -> Result<Vec<Bucket>, Error> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut call = Call::new("ListBuckets", Method::GET, "");
            if let Some(token) = &token {
                call = call.query("continuation-token", token);
            }
            let page: xml::ListBuckets = self.call(call).await?.xml("ListBuckets")?;
            found.extend(
                page.buckets.bucket.into_iter().map(|b| Bucket { name: b.name, created: b.creation_date }),
            );
            token = page.continuation_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Whether a bucket exists and is ours.
    pub async fn has_bucket(&self, name: &str) -> Result<bool, Error> {
        match self.call(Call::new("HeadBucket", Method::HEAD, name)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates a bucket that must not exist.
    pub async fn create_bucket(&self, name: &str, acl: Acl, object_lock: bool) -> Result<(), Error> {
        let mut call = Call::new("CreateBucket", Method::PUT, name).header("x-amz-acl", acl.as_str());
        if object_lock {
            call = call.header("x-amz-bucket-object-lock-enabled", "true");
        }
        match self.call_noting(call).await {
            Ok(_) => Ok(()),
            // It was not there before: an earlier try of ours has made it, and its answer was lost.
            Err(Failed { error, repeated: true }) if error.is("BucketAlreadyOwnedByYou") => Ok(()),
            Err(Failed { error, .. }) => Err(error),
        }
    }

    /// Deletes an empty bucket; that it does not exist is no failure.
    pub async fn delete_bucket(&self, name: &str) -> Result<(), Error> {
        match self.call(Call::new("DeleteBucket", Method::DELETE, name)).await {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// All configuration of a bucket; None if there is no such bucket.
    pub async fn bucket_config(&self, name: &str) -> Result<Option<BucketConfig>, Error> {
        let read = async {
            tokio::try_join!(
                self.acl(name),
                self.versioning(name),
                self.object_lock(name),
                self.policy(name),
                self.lifecycle(name),
                self.cors(name),
            )
        };
        match read.await {
            Ok((acl, versioning, object_lock, policy, lifecycle, cors)) => {
                Ok(Some(BucketConfig { acl, versioning, object_lock, policy, lifecycle, cors }))
            }
            Err(error) if error.is("NoSuchBucket") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn acl(&self, name: &str) -> Result<Acl, Error> {
        let call = Call::new("GetBucketAcl", Method::GET, name).query("acl", "");
        let list: xml::AccessControl = self.call(call).await?.xml("GetBucketAcl")?;
        // What the owner has says nothing: owners have everything.
        let others = list.access_control_list.grant.into_iter().filter(|grant| grant.grantee.uri.is_some());
        let others: Vec<(Option<String>, String)> =
            others.map(|grant| (grant.grantee.uri, grant.permission)).collect();
        Ok(match others.as_slice() {
            [] => Acl::Private,
            [(Some(uri), permission)] if uri == EVERYBODY && permission == "READ" => Acl::PublicRead,
            _ => Acl::Other,
        })
    }

    /// Sets the access control list.
    pub async fn put_acl(&self, name: &str, acl: Acl) -> Result<(), Error> {
        let call = Call::new("PutBucketAcl", Method::PUT, name).query("acl", "");
        self.call(call.header("x-amz-acl", acl.as_str())).await.map(drop)
    }

    async fn versioning(&self, name: &str) -> Result<bool, Error> {
        let call = Call::new("GetBucketVersioning", Method::GET, name).query("versioning", "");
        let answer: xml::Versioning = self.call(call).await?.xml("GetBucketVersioning")?;
        Ok(answer.status.as_deref() == Some("Enabled"))
    }

    /// Turns versioning on, or suspends it.
    pub async fn put_versioning(&self, name: &str, enabled: bool) -> Result<(), Error> {
        let status = if enabled { "Enabled" } else { "Suspended" };
        let body = xml::Versioning { status: Some(status.to_owned()) };
        let body = xml::write("VersioningConfiguration", &body);
        self.configure("PutBucketVersioning", name, "versioning", Some(body)).await
    }

    async fn object_lock(&self, name: &str) -> Result<Option<ObjectLock>, Error> {
        const OPERATION: &str = "GetObjectLockConfiguration";
        let call = Call::new(OPERATION, Method::GET, name).query("object-lock", "");
        let Some(answer) = unless_missing(self.call(call).await)? else { return Ok(None) };
        let lock: xml::ObjectLock = answer.xml(OPERATION)?;
        if lock.object_lock_enabled != "Enabled" {
            return Ok(None);
        }
        let retention = lock.rule.map(|rule| rule.default_retention);
        // The one of the two that is not set is zero in the answers of some services.
        let set = |count: Option<i64>| count.filter(|count| *count > 0);
        let retention = retention.and_then(|r| {
            Some(Retention { mode: LockMode::parse(&r.mode)?, days: set(r.days), years: set(r.years) })
        });
        Ok(Some(ObjectLock { retention }))
    }

    /// Sets how long new versions are kept, of a bucket that was created with object lock.
    pub async fn put_object_lock(&self, name: &str, retention: Option<Retention>) -> Result<(), Error> {
        let rule = retention.map(|retention| xml::LockRule {
            default_retention: xml::DefaultRetention {
                mode: retention.mode.as_str().to_owned(),
                days: retention.days,
                years: retention.years,
            },
        });
        let body = xml::ObjectLock { object_lock_enabled: "Enabled".to_owned(), rule };
        let body = xml::write("ObjectLockConfiguration", &body);
        self.configure("PutObjectLockConfiguration", name, "object-lock", Some(body)).await
    }

    async fn policy(&self, name: &str) -> Result<Option<String>, Error> {
        let call = Call::new("GetBucketPolicy", Method::GET, name).query("policy", "");
        let Some(answer) = unless_missing(self.call(call).await)? else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(&answer.body).into_owned()).filter(|text| !text.trim().is_empty()))
    }

    /// Sets or removes the policy, a JSON document.
    pub async fn put_policy(&self, name: &str, policy: Option<&str>) -> Result<(), Error> {
        let operation = if policy.is_some() { "PutBucketPolicy" } else { "DeleteBucketPolicy" };
        self.configure(operation, name, "policy", policy.map(|text| text.as_bytes().to_vec())).await
    }

    async fn lifecycle(&self, name: &str) -> Result<Vec<LifecycleRule>, Error> {
        const OPERATION: &str = "GetBucketLifecycleConfiguration";
        let call = Call::new(OPERATION, Method::GET, name).query("lifecycle", "");
        let Some(answer) = unless_missing(self.call(call).await)? else { return Ok(Vec::new()) };
        let lifecycle: xml::Lifecycle = answer.xml(OPERATION)?;
        Ok(lifecycle.rule.into_iter().map(LifecycleRule::from).collect())
    }

    /// Replaces all rules; removes them when there are none.
    pub async fn put_lifecycle(&self, name: &str, rules: &[LifecycleRule]) -> Result<(), Error> {
        let body = xml::Lifecycle { rule: rules.iter().map(xml::LifecycleRule::from).collect() };
        let body = (!rules.is_empty()).then(|| xml::write("LifecycleConfiguration", &body));
        let operation =
            if body.is_some() { "PutBucketLifecycleConfiguration" } else { "DeleteBucketLifecycle" };
        self.configure(operation, name, "lifecycle", body).await
    }

    async fn cors(&self, name: &str) -> Result<Vec<CorsRule>, Error> {
        let call = Call::new("GetBucketCors", Method::GET, name).query("cors", "");
        let Some(answer) = unless_missing(self.call(call).await)? else { return Ok(Vec::new()) };
        let cors: xml::Cors = answer.xml("GetBucketCors")?;
        let rule = |rule: xml::CorsRule| CorsRule {
            allowed_origins: rule.allowed_origin.into_iter().collect(),
            allowed_methods: rule.allowed_method.into_iter().collect(),
            allowed_headers: rule.allowed_header.into_iter().collect(),
            expose_headers: rule.expose_header.into_iter().collect(),
            max_age_seconds: rule.max_age_seconds,
        };
        Ok(cors.rules.into_iter().map(rule).collect())
    }

    /// Replaces all rules; removes them when there are none.
    pub async fn put_cors(&self, name: &str, rules: &[CorsRule]) -> Result<(), Error> {
        let rule = |rule: &CorsRule| xml::CorsRule {
            allowed_origin: rule.allowed_origins.iter().cloned().collect(),
            allowed_method: rule.allowed_methods.iter().cloned().collect(),
            allowed_header: rule.allowed_headers.iter().cloned().collect(),
            expose_header: rule.expose_headers.iter().cloned().collect(),
            max_age_seconds: rule.max_age_seconds,
        };
        let body = xml::Cors { rules: rules.iter().map(rule).collect() };
        let body = (!rules.is_empty()).then(|| xml::write("CORSConfiguration", &body));
        let operation = if body.is_some() { "PutBucketCors" } else { "DeleteBucketCors" };
        self.configure(operation, name, "cors", body).await
    }

    /// Replaces a part of the configuration, or removes it.
    async fn configure(
        &self,
        operation: &'static str,
        name: &str,
        part: &'static str,
        body: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let method = if body.is_some() { Method::PUT } else { Method::DELETE };
        let mut call = Call::new(operation, method, name).query(part, "");
        if let Some(body) = body {
            let kind = if part == "policy" { "application/json" } else { "application/xml" };
            call = call.header("content-type", kind).body(Body::Bytes(body.into()));
        }
        self.call(call).await.map(drop)
    }
}

impl From<xml::LifecycleRule> for LifecycleRule {
    fn from(rule: xml::LifecycleRule) -> Self {
        let filter = rule.filter.unwrap_or_default();
        let by_more = filter.and.is_some()
            || filter.tag.is_some()
            || filter.object_size_greater_than.is_some()
            || filter.object_size_less_than.is_some();
        let expiration = rule.expiration.unwrap_or_default();
        LifecycleRule {
            id: rule.id.unwrap_or_default(),
            enabled: rule.status == "Enabled",
            prefix: filter.prefix.or(rule.prefix).filter(|prefix| !prefix.is_empty()),
            expiration_days: expiration.days.filter(|days| *days > 0),
            expiration_date: expiration.date,
            expired_object_delete_marker: expiration.expired_object_delete_marker.filter(|is| *is),
            noncurrent_version_expiration_days: rule
                .noncurrent_version_expiration
                .and_then(|expiration| expiration.noncurrent_days),
            abort_incomplete_multipart_upload_days: rule
                .abort_incomplete_multipart_upload
                .and_then(|abort| abort.days_after_initiation),
            has_more: by_more
                || !rule.transition.is_empty()
                || !rule.noncurrent_version_transition.is_empty(),
        }
    }
}

impl From<&LifecycleRule> for xml::LifecycleRule {
    fn from(rule: &LifecycleRule) -> Self {
        let expiration = xml::Expiration {
            days: rule.expiration_days,
            date: rule.expiration_date.clone(),
            expired_object_delete_marker: rule.expired_object_delete_marker,
        };
        let expires = rule.expiration_days.is_some()
            || rule.expiration_date.is_some()
            || rule.expired_object_delete_marker.is_some();
        xml::LifecycleRule {
            id: Some(rule.id.clone()),
            status: if rule.enabled { "Enabled" } else { "Disabled" }.to_owned(),
            filter: Some(xml::Filter {
                prefix: Some(rule.prefix.clone().unwrap_or_default()),
                ..xml::Filter::default()
            }),
            expiration: expires.then_some(expiration),
            noncurrent_version_expiration: rule
                .noncurrent_version_expiration_days
                .map(|days| xml::NoncurrentExpiration { noncurrent_days: Some(days) }),
            abort_incomplete_multipart_upload: rule
                .abort_incomplete_multipart_upload_days
                .map(|days| xml::AbortUploads { days_after_initiation: Some(days) }),
            ..xml::LifecycleRule::default()
        }
    }
}
