//! What an object's configuration and state hold.

use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};

/// The schema.
pub(crate) fn schema() -> Schema {
    let text = || Attribute::optional(Type::String);
    let told = |ty: Type| Attribute::computed(ty);
    let mut block = Block::of([
        ("id", told(Type::String).describe("Bucket and key, with a slash between.")),
        ("bucket", Attribute::required(Type::String).force_new().describe("The name of the bucket.")),
        ("key", Attribute::required(Type::String).force_new().describe("The name of the object in the bucket.")),
        ("content", text().describe("The content as text. One of content, content_base64 and source is to be set.")),
        ("content_base64", text().describe("The content in base64, for what is no text.")),
        ("source", text().describe("The name of a file that holds the content. The file is not kept in the state.")),
        (
            "content_type",
            Attribute::optional_computed(Type::String)
                .describe("What the content is; `application/octet-stream` by default."),
        ),
        ("cache_control", text().describe("How long answers may be kept, as the header of HTTP says it.")),
        ("content_disposition", text().describe("How browsers show it, as the header of HTTP says it.")),
        ("content_encoding", text().describe("How it is packed, as the header of HTTP says it.")),
        ("content_language", text().describe("Its language, as the header of HTTP says it.")),
        (
            "metadata",
            Attribute::optional(Type::map(Type::String)).describe("Metadata of your own, by names in small letters."),
        ),
        (
            "force_destroy",
            Attribute::optional_computed(Type::Bool).describe(
                "Whether deleting it deletes all versions; otherwise, in a bucket with versioning, it is hidden only.",
            ),
        ),
        ("etag", told(Type::String).describe("The service's mark of this content.")),
        ("sha256", told(Type::String).describe("SHA-256 of the content, in hexadecimal.")),
        ("size", told(Type::Number).describe("Its length in bytes.")),
        ("version_id", told(Type::String).describe("Its version; null in a bucket that has none.")),
    ]);
    block.description = "An object of Hetzner Object Storage, up to 5 GiB.".to_owned();
    Schema { version: 0, block }
}
