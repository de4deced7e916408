//! `local_file`: a file with a given content.

use ferroform_core::Type;
use ferroform_core::schema::Attribute;

use super::common::FileKind;

pub(super) const LOCAL_FILE: FileKind = FileKind {
    description: "A file with a given content.",
    own,
    contents: &["sensitive_content", "content_base64", "source", "content"],
    permission: "0777",
};

fn own() -> Vec<(&'static str, Attribute)> {
    let text = |what: &str| Attribute::optional(Type::String).force_new().describe(what);
    let sensitive = Attribute {
        deprecated: Some("Use the resource local_sensitive_file instead.".into()),
        ..text("The content, never shown.").sensitive()
    };
    vec![
        ("content", text("The content.")),
        ("content_base64", text("The content in base64, for bytes that are not text.")),
        ("sensitive_content", sensitive),
    ]
}
