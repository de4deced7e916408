//! Whether the configuration of an object can be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::AttrPath;

use crate::attrs::Attrs;
use crate::rules::{self, COMBINATION, INVALID, Problems};

/// The most metadata of one's own, names and values together (Amazon S3 User Guide, "Working with object metadata").
const MOST_METADATA: usize = 2048;

/// Notes what is wrong.
pub(crate) fn validate(config: Attrs<'_>, problems: &mut Problems) {
    if let Some(bucket) = config.text("bucket")
        && let Err(why) = rules::bucket_name(bucket)
    {
        problems.add("bucket", INVALID, format!("{bucket:?} cannot be the name of a bucket: {why}."));
    }
    if let Some(key) = config.text("key")
        && let Err(why) = rules::object_key(key)
    {
        problems.add("key", INVALID, format!("{key:?} cannot be the key of an object: {why}."));
    }
    let contents = ["content", "content_base64", "source"];
    let set: Vec<&&str> = contents.iter().filter(|name| config.is_set(name)).collect();
    match set.as_slice() {
        [_] => {}
        [] => problems.add(
            "content",
            COMBINATION,
            "One of content, content_base64 and source must be set; an empty text is possible.",
        ),
        [_, second, ..] => {
            problems.add(second, COMBINATION, "Only one of content, content_base64 and source can be set.")
        }
    }
    if let Some(text) = config.text("content_base64")
        && let Err(error) = STANDARD.decode(text)
    {
        problems.add("content_base64", INVALID, format!("It is not base64: {error}."));
    }
    for name in
        ["content_type", "cache_control", "content_disposition", "content_encoding", "content_language"]
    {
        if config.text(name).is_some_and(|value| value.is_empty() || !is_header_value(value)) {
            problems.add(
                name,
                INVALID,
                "A header holds visible ASCII characters, with spaces only between them; leave it out for none.",
            );
        }
    }
    metadata(config, problems);
}

fn metadata(config: Attrs<'_>, problems: &mut Problems) {
    let metadata = config.text_map("metadata");
    let at = |name: &str| AttrPath::attr("metadata").with_key(name);
    for (name, value) in &metadata {
        let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(inside) {
            let detail = format!("{name:?} is not possible: names have small letters, digits and `-`.");
            problems.add_at(at(name), INVALID, detail);
        }
        if value.is_empty() || !is_header_value(value) {
            let detail = "A value holds visible ASCII characters, with spaces only between them.";
            problems.add_at(at(name), INVALID, detail);
        }
    }
    if metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MOST_METADATA {
        problems.add("metadata", INVALID, format!("Names and values have at most {MOST_METADATA} bytes."));
    }
    if config.is_known("metadata") && config.is_set("metadata") && metadata.is_empty() {
        problems.add("metadata", INVALID, "It must not be empty; leave it out instead.");
    }
}

/// What can stand in a header and comes back as it was.
fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim() == text
}
