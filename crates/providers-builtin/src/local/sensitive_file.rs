//! `local_sensitive_file`: a file with a content that is never shown.

use ferroform_core::Type;
use ferroform_core::schema::Attribute;

use super::common::FileKind;

pub(super) const LOCAL_SENSITIVE_FILE: FileKind = FileKind {
    description: "A file with a content that is never shown. It is kept in state, which must be guarded.",
    own,
    contents: &["content_base64", "source", "content"],
    permission: "0700",
};

fn own() -> Vec<(&'static str, Attribute)> {
    let secret = |what: &str| Attribute::optional(Type::String).force_new().sensitive().describe(what);
    vec![
        ("content", secret("The content.")),
        ("content_base64", secret("The content in base64, for bytes that are not text.")),
    ]
}
