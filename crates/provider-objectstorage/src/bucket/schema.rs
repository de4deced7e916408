//! What a bucket's configuration and state hold.

use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};

/// The schema.
pub(crate) fn schema() -> Schema {
    let text = || Attribute::optional(Type::String);
    let flag = || Attribute::optional_computed(Type::Bool);
    let mut block = Block::of([
        ("id", Attribute::computed(Type::String).describe("The name.")),
        (
            "name",
            Attribute::required(Type::String).force_new().describe(
                "Shared by all customers: 3 to 63 small letters, digits and hyphens. A change makes a new bucket.",
            ),
        ),
        (
            "acl",
            Attribute::optional_computed(Type::String).describe(
                "`private` (the default), or `public-read`: everybody may read the objects who knows their keys.",
            ),
        ),
        (
            "versioning",
            flag().describe("Whether objects that are overwritten or deleted stay as older versions."),
        ),
        (
            "object_lock",
            flag().force_new().describe(
                "Whether versions can be kept from being deleted. It goes with versioning, and cannot be changed later.",
            ),
        ),
        ("policy", text().describe("A policy in JSON; none if not set.")),
        (
            "force_destroy",
            flag().describe("Whether the bucket is deleted with all objects in it. Otherwise it must be empty."),
        ),
        ("location", Attribute::computed(Type::String).describe("Where the bucket is, such as fsn1.")),
        ("endpoint", Attribute::computed(Type::String).describe("The address of the S3 API.")),
        ("created", Attribute::computed(Type::String).describe("When it was created, as the service tells it.")),
    ])
    .with_block("lifecycle_rule", NestedBlock::new(Nesting::List, lifecycle_rule()))
    .with_block("cors_rule", NestedBlock::new(Nesting::List, cors_rule()));
    let retention = NestedBlock { max_items: 1, ..NestedBlock::new(Nesting::List, retention()) };
    block = block.with_block("object_lock_retention", retention);
    block.description = "A bucket of Hetzner Object Storage.".to_owned();
    Schema { version: 0, block }
}

fn lifecycle_rule() -> Block {
    let days = || Attribute::optional(Type::Number);
    let mut block = Block::of([
        ("id", Attribute::required(Type::String).describe("The rule's name in the bucket.")),
        (
            "enabled",
            Attribute::optional_computed(Type::Bool).describe("Whether it is in force; it is by default."),
        ),
        (
            "prefix",
            Attribute::optional(Type::String)
                .describe("The rule is for objects whose key begins so; for all if not set."),
        ),
        ("expiration_days", days().describe("Objects are deleted so many days after they were written.")),
        (
            "expiration_date",
            Attribute::optional(Type::String).describe(
                "Objects are deleted from this day on: midnight UTC, such as `2027-01-01T00:00:00Z`.",
            ),
        ),
        (
            "expired_object_delete_marker",
            Attribute::optional(Type::Bool)
                .describe("Whether delete markers are removed that hide no older version."),
        ),
        (
            "noncurrent_version_expiration_days",
            days().describe("Older versions are deleted so many days after they were superseded."),
        ),
        (
            "abort_incomplete_multipart_upload_days",
            days().describe("Uploads in parts are ended so many days after they were begun."),
        ),
    ]);
    block.description = "What happens to objects by themselves as they grow old.".to_owned();
    block
}

fn cors_rule() -> Block {
    let texts = || Type::set(Type::String);
    let mut block = Block::of([
        (
            "allowed_origins",
            Attribute::required(texts())
                .describe("Origins such as `https://example.com`, with at most one `*`."),
        ),
        (
            "allowed_methods",
            Attribute::required(texts()).describe("Of `GET`, `PUT`, `POST`, `DELETE`, `HEAD`."),
        ),
        ("allowed_headers", Attribute::optional(texts()).describe("Headers that requests may carry.")),
        (
            "expose_headers",
            Attribute::optional(texts()).describe("Headers of answers that scripts may read."),
        ),
        (
            "max_age_seconds",
            Attribute::optional(Type::Number).describe("How long browsers may remember the permission."),
        ),
    ]);
    block.description = "From where browsers may use the bucket. The first rule that fits holds.".to_owned();
    block
}

fn retention() -> Block {
    let mut block = Block::of([
        (
            "mode",
            Attribute::required(Type::String)
                .describe("`GOVERNANCE`, or `COMPLIANCE`: nobody can end the retention early."),
        ),
        ("days", Attribute::optional(Type::Number).describe("How many days versions are kept.")),
        ("years", Attribute::optional(Type::Number).describe("How many years versions are kept.")),
    ]);
    block.description = "How long new versions are kept from being deleted, with object_lock.".to_owned();
    block
}
