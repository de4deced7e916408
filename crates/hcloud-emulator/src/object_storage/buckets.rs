//! Operations on buckets as wholes.

use super::model::{Bucket, Caller, Lock, Storage, Versioning};
use super::operation::Request;
use super::refusal::{
    Refused, access_denied, bucket_exists, bucket_not_empty, invalid, no_such_bucket, not_implemented,
};
use super::server::Reply;
use super::xml::{self, Xml};
use crate::clock::rfc3339;

/// The only regions that there are at Hetzner; what is signed for another one is in the first.
const REGIONS: [&str; 3] = ["fsn1", "nbg1", "hel1"];
/// How many buckets a project may have at first (docs.hetzner.com/storage/object-storage/overview, "Limits").
const MOST_BUCKETS: usize = 100;

impl Storage {
    pub(super) fn list_buckets(&self, caller: &Caller) -> Result<Reply, Refused> {
        let project = caller.project.as_ref().ok_or_else(access_denied)?;
        let mut xml = Xml::new("ListAllMyBucketsResult");
        owner(&mut xml, project);
        xml.open("Buckets");
        for bucket in self.buckets.values().filter(|bucket| bucket.owner == *project) {
            xml.open("Bucket");
            xml.text("Name", &bucket.name);
            xml.text("CreationDate", rfc3339(bucket.created));
            xml.close();
        }
        Ok(Reply::xml(xml.finish()))
    }

    pub(super) fn create_bucket(
        &mut self,
        caller: &Caller,
        name: &str,
        request: &Request,
        body: &[u8],
    ) -> Result<Reply, Refused> {
        let project = caller.project.clone().ok_or_else(access_denied)?;
        let known = |name: &str| {
            !name.starts_with("x-amz-")
                || [
                    "x-amz-acl",
                    "x-amz-bucket-object-lock-enabled",
                    "x-amz-content-sha256",
                    "x-amz-date",
                    "x-amz-user-agent",
                ]
                .contains(&name)
                || name.starts_with("x-amz-checksum-")
                || name.starts_with("x-amz-sdk-")
        };
        if !request.headers.keys().all(|name| known(name)) {
            return Err(not_implemented());
        }
        if !is_name(name) {
            return Err(Refused::new(400, "InvalidBucketName", "The specified bucket is not valid."));
        }
        let wanted: xml::CreateBucket = match body {
            [] => xml::CreateBucket::default(),
            body => xml::read(body)?,
        };
        let region = wanted.location.unwrap_or_else(|| caller.region.clone());
        let region = REGIONS.into_iter().find(|known| *known == region).unwrap_or(REGIONS[0]);
        let public = public(request)?;
        let location = Reply::empty(200).with("location", format!("/{name}"));
        match self.buckets.get(name) {
            // As Ceph answers: who has it already, has it.
            Some(bucket) if bucket.owner == project => return Ok(location),
            Some(_) => return Err(bucket_exists()),
            None => {}
        }
        if self.buckets.values().filter(|bucket| bucket.owner == project).count() >= MOST_BUCKETS {
            let message = "You have attempted to create more buckets than allowed.";
            return Err(Refused::new(400, "TooManyBuckets", message));
        }
        let locked = request.header("x-amz-bucket-object-lock-enabled") == Some("true");
        self.put_bucket(Bucket {
            name: name.to_owned(),
            owner: project,
            created: caller.now,
            region: region.to_owned(),
            public,
            versioning: if locked { Versioning::Enabled } else { Versioning::Never },
            object_lock: locked.then(Lock::default),
            policy: None,
            lifecycle: None,
            cors: None,
            objects: Default::default(),
        })?;
        Ok(location)
    }

    pub(super) fn head_bucket(&self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let bucket = self.own(caller, name)?;
        Ok(Reply::empty(200).with("x-amz-bucket-region", bucket.region.clone()))
    }

    pub(super) fn delete_bucket(&mut self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let bucket = self.own(caller, name)?;
        if !bucket.objects.is_empty() || self.uploads.values().any(|upload| upload.bucket == name) {
            return Err(bucket_not_empty());
        }
        self.remove_bucket(name)?;
        Ok(Reply::empty(204))
    }

    pub(super) fn get_bucket_location(&self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let bucket = self.own(caller, name)?;
        let mut xml = Xml::new("LocationConstraint");
        xml.raw(&bucket.region);
        Ok(Reply::xml(xml.finish()))
    }

    pub(super) fn get_bucket_acl(&self, caller: &Caller, name: &str) -> Result<Reply, Refused> {
        let bucket = self.own(caller, name)?;
        let mut xml = Xml::new("AccessControlPolicy");
        owner(&mut xml, &bucket.owner);
        xml.open("AccessControlList");
        let grant = |xml: &mut Xml, kind: &str, who: (&str, &str), permission: &str| {
            xml.open("Grant");
            xml.raw(&format!(
                "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\">"
            ));
            xml.text(who.0, who.1);
            xml.raw("</Grantee>");
            xml.text("Permission", permission);
            xml.close();
        };
        grant(&mut xml, "CanonicalUser", ("ID", &bucket.owner), "FULL_CONTROL");
        if bucket.public {
            let everybody = ("URI", "http://acs.amazonaws.com/groups/global/AllUsers");
            grant(&mut xml, "Group", everybody, "READ");
        }
        Ok(Reply::xml(xml.finish()))
    }

    pub(super) fn put_bucket_acl(
        &mut self,
        caller: &Caller,
        name: &str,
        request: &Request,
        body: &[u8],
    ) -> Result<Reply, Refused> {
        let public = public(request)?;
        if request.header("x-amz-acl").is_none() || !body.is_empty() {
            return Err(not_implemented());
        }
        self.change(caller, name, |bucket| {
            bucket.public = public;
            Ok(())
        })?;
        Ok(Reply::empty(200))
    }
}

/// Who owns something.
pub(super) fn owner(xml: &mut Xml, project: &str) {
    xml.open("Owner");
    xml.text("ID", project);
    xml.text("DisplayName", project);
    xml.close();
}

/// Whether the access control list that is asked for lets everybody read.
fn public(request: &Request) -> Result<bool, Refused> {
    match request.header("x-amz-acl") {
        None | Some("private") => Ok(false),
        Some("public-read") => Ok(true),
        Some(other) => Err(invalid(format!("The access control list {other:?} is not supported"))),
    }
}

/// Whether a bucket can be called so.
fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| inside(*byte) || matches!(byte, b'-' | b'.'))
        && bytes.first().is_some_and(|byte| inside(*byte))
        && bytes.last().is_some_and(|byte| inside(*byte))
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

impl Storage {
    /// A bucket that somebody may at least know of.
    pub(super) fn any(&self, name: &str) -> Result<&Bucket, Refused> {
        self.buckets.get(name).ok_or_else(no_such_bucket)
    }
}
