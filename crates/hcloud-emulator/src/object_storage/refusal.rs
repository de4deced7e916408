//! Errors, as S3 tells them.

use super::xml::Xml;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Refused {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Refused {
        Refused { status, code: code.to_owned(), message: message.into(), headers: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Refused {
        self.headers.push((name, value.into()));
        self
    }

    /// The body; answers to HEAD have none.
    pub(super) fn body(&self, resource: &str, request_id: &str) -> String {
        let mut xml = Xml::new("Error");
        xml.text("Code", &self.code);
        xml.text("Message", &self.message);
        xml.text("Resource", resource);
        xml.text("RequestId", request_id);
        xml.finish()
    }
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident => $status:literal $code:literal $message:literal;)*) => {
        $($(#[$doc])* pub(super) fn $name() -> Refused { Refused::new($status, $code, $message) })*
    };
}

refusals! {
    access_denied => 403 "AccessDenied" "Access Denied";
    no_such_bucket => 404 "NoSuchBucket" "The specified bucket does not exist";
    no_such_key => 404 "NoSuchKey" "The specified key does not exist.";
    no_such_version => 404 "NoSuchVersion" "The specified version does not exist.";
    no_such_upload => 404 "NoSuchUpload" "The specified multipart upload does not exist.";
    bucket_exists => 409 "BucketAlreadyExists" "The requested bucket name is not available.";
    bucket_not_empty => 409 "BucketNotEmpty" "The bucket you tried to delete is not empty";
    bad_digest => 400 "BadDigest" "The Content-MD5 you specified did not match what we received.";
    malformed_xml => 400 "MalformedXML" "The XML you provided was not well-formed or did not validate.";
    not_implemented => 501 "NotImplemented" "A header or query you provided implies functionality that is not implemented.";
    method_not_allowed => 405 "MethodNotAllowed" "The specified method is not allowed against this resource.";
    precondition_failed => 412 "PreconditionFailed" "At least one of the preconditions you specified did not hold.";
    disk_failed => 500 "InternalError" "What was asked for could not be kept on disk.";
}

/// A value that cannot be.
pub(super) fn invalid(message: impl Into<String>) -> Refused {
    Refused::new(400, "InvalidArgument", message)
}

/// A request that makes no sense as things are.
pub(super) fn invalid_request(message: impl Into<String>) -> Refused {
    Refused::new(400, "InvalidRequest", message)
}
