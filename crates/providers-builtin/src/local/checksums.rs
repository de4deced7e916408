//! The checksums of a file's content, which resources and data sources export alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::schema::Attribute;
use ferroform_core::{Type, Value};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::values::hex;

/// The SHA-1 of the content, by which a file is recognised.
pub(super) fn id(content: &[u8]) -> String {
    hex(&Sha1::digest(content))
}

/// The attributes with checksums, and the id.
pub(super) fn attributes() -> Vec<(&'static str, Attribute)> {
    let computed = |text: &str| Attribute::computed(Type::String).describe(text);
    vec![
        ("id", computed("The SHA-1 of the content in hexadecimal digits.")),
        ("content_md5", computed("The MD5 of the content in hexadecimal digits.")),
        ("content_sha1", computed("The SHA-1 of the content in hexadecimal digits.")),
        ("content_sha256", computed("The SHA-256 of the content in hexadecimal digits.")),
        ("content_base64sha256", computed("The SHA-256 of the content in base64.")),
        ("content_sha512", computed("The SHA-512 of the content in hexadecimal digits.")),
        ("content_base64sha512", computed("The SHA-512 of the content in base64.")),
    ]
}

/// The values of [`attributes`] for a content.
pub(super) fn values(content: &[u8]) -> Vec<(&'static str, Value)> {
    let (sha256, sha512) = (Sha256::digest(content), Sha512::digest(content));
    vec![
        ("id", Value::string(id(content))),
        ("content_md5", Value::string(hex(&Md5::digest(content)))),
        ("content_sha1", Value::string(id(content))),
        ("content_sha256", Value::string(hex(&sha256))),
        ("content_base64sha256", Value::string(STANDARD.encode(sha256))),
        ("content_sha512", Value::string(hex(&sha512))),
        ("content_base64sha512", Value::string(STANDARD.encode(sha512))),
    ]
}
