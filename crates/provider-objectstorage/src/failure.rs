//! Turning failures into what people read.

use ferroform_core::Diagnostic;

use ferroform_s3::Error;

/// Why an operation failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service, or the way to it.
    S3(Error),
    /// Something that the provider itself found.
    Told(Box<Diagnostic>),
}

impl Failure {
    /// The failure for people; `doing` says what was tried ("create the bucket").
    pub(crate) fn explain(self, doing: &str) -> Diagnostic {
        match self {
            Failure::S3(error) => explain(&error, doing),
            Failure::Told(diagnostic) => *diagnostic,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::S3(error)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure::Told(Box::new(diagnostic))
    }
}

const UNREACHABLE: &str = "Object storage cannot be reached";
const KEYS_REFUSED: &str = "Keys refused by object storage";
const BUSY: &str = "Object storage is busy";

/// Whether what is told is true of every request of the provider alike.
pub(crate) fn concerns_all(diagnostic: &Diagnostic) -> bool {
    [UNREACHABLE, KEYS_REFUSED, BUSY].contains(&&*diagnostic.summary)
}

/// A failure of a call for people.
pub(crate) fn explain(error: &Error, doing: &str) -> Diagnostic {
    let (summary, hint) = match error {
        Error::Refused(refusal) => by_code(&refusal.code, refusal.status),
        Error::Unreachable { .. } => {
            (UNREACHABLE, Some("Check the network connection and the provider's `location` or `endpoint`."))
        }
        Error::Lost { .. } => (
            "Answer lost",
            Some(
                "Whether it was done is not known. The next plan reads what is there and goes on from that.",
            ),
        ),
        Error::Unreadable { .. } => ("Unexpected answer from object storage", None),
        Error::File { .. } => ("File cannot be read", None),
        Error::Stopped => ("Stopped", None),
    };
    let diagnostic = Diagnostic::error(summary).detail(format!("Could not {doing}: {error}."));
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

fn by_code(code: &str, status: u16) -> (&'static str, Option<&'static str>) {
    match code {
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" => (
            KEYS_REFUSED,
            Some(
                "Set the provider's `access_key` and `secret_key` (or OBJECTSTORAGE_ACCESS_KEY and OBJECTSTORAGE_SECRET_KEY) to a \
                 pair of S3 keys of the project, from the Hetzner Console. Keys are shown there only once, and work in all locations.",
            ),
        ),
        "RequestTimeTooSkewed" => (
            KEYS_REFUSED,
            Some("The clock of this computer differs from the service's. Set it, and try again."),
        ),
        "BucketAlreadyExists" => (
            "Name of the bucket is taken",
            Some(
                "Names are shared by all customers of a location. Choose another one, for instance with a prefix of your own.",
            ),
        ),
        "BucketAlreadyOwnedByYou" => (
            "Bucket exists already",
            Some("A bucket of this project has the name. Import it, or choose another name."),
        ),
        "BucketNotEmpty" => (
            "Bucket is not empty",
            Some(
                "Delete what is in it, old versions included; or set `force_destroy = true`, apply that, and all its objects are \
                 deleted with the bucket.",
            ),
        ),
        "TooManyBuckets" | "QuotaExceeded" | "EntityTooLarge" => (
            "Limit of object storage reached",
            Some("Hetzner raises limits on request, in the Hetzner Console."),
        ),
        "NoSuchBucket" => {
            ("No such bucket", Some("It must exist in the provider's location, in the project of the keys."))
        }
        "PermanentRedirect" | "IllegalLocationConstraintException" => (
            "Bucket is in another location",
            Some(
                "Set the provider's `location` to where the bucket is, or choose another name: they are shared by all locations.",
            ),
        ),
        "AccessDenied" | "AllAccessDisabled" | "Forbidden" => (
            "Not permitted by object storage",
            Some(
                "The bucket belongs to another project, its policy denies this, or object lock keeps a version: such a version \
                 cannot be deleted before its retention ends.",
            ),
        ),
        "MalformedPolicy" | "MalformedXML" | "InvalidArgument" | "InvalidRequest" | "InvalidBucketName"
        | "InvalidBucketState" => ("Refused by object storage", None),
        "NotImplemented" | "MethodNotAllowed" => (
            "Not supported by this object storage",
            Some("Hetzner's list of supported actions says what can be used."),
        ),
        "BadDigest" | "XAmzContentSHA256Mismatch" => (
            "Content changed on its way",
            Some(
                "The file was changed while it was sent, or something between changes requests. Apply again.",
            ),
        ),
        _ if matches!(status, 429 | 503) => (BUSY, Some("Apply again later.")),
        _ if status >= 500 => {
            ("Object storage failed", Some("Apply again; if it goes on, ask the service's support."))
        }
        _ => ("Refused by object storage", None),
    }
}
