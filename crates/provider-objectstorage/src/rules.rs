//! Rules that configuration must keep, each with a message that says how to.

use ferroform_core::{AttrPath, Diagnostic, Diagnostics};

use crate::attrs::Attrs;

pub(crate) const INVALID: &str = "Invalid attribute value";
pub(crate) const COMBINATION: &str = "Invalid attribute combination";

/// The problems found in a block.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Diagnostic>,
}

impl Problems {
    /// Notes a problem of an attribute.
    pub(crate) fn add(&mut self, attribute: &str, summary: &'static str, detail: impl Into<String>) {
        self.add_at(AttrPath::attr(attribute), summary, detail);
    }

    /// Notes a problem of a place inside the block.
    pub(crate) fn add_at(&mut self, path: AttrPath, summary: &'static str, detail: impl Into<String>) {
        self.found.push(Diagnostic::error(summary).detail(detail).attribute(path));
    }

    /// All of them.
    pub(crate) fn into_diagnostics(self) -> Diagnostics {
        Diagnostics(self.found)
    }
}

/// A text attribute is one of these, if it is known.
pub(crate) fn one_of(config: Attrs<'_>, name: &str, at: AttrPath, allowed: &[&str], problems: &mut Problems) {
    if let Some(value) = config.text(name)
        && !allowed.contains(&value)
    {
        let quoted: Vec<String> = allowed.iter().map(|item| format!("`{item}`")).collect();
        let detail = format!("{value:?} is not possible; it must be one of {}.", quoted.join(", "));
        problems.add_at(at, INVALID, detail);
    }
}

/// A number is above zero, if it is known.
pub(crate) fn positive(config: Attrs<'_>, name: &str, at: AttrPath, problems: &mut Problems) {
    let Some(number) = config.get(name).as_number() else { return };
    if number.to_i64().is_none_or(|number| !(1..=i64::from(i32::MAX)).contains(&number)) {
        problems.add_at(at, INVALID, "It must be a whole number above zero.");
    }
}

/// What is wrong with the name of a bucket, if anything. The rules are S3's (Amazon S3 User Guide, "Bucket naming rules"),
/// without dots: the certificate of an endpoint is not valid for such names below it.
pub(crate) fn bucket_name(name: &str) -> Result<(), &'static str> {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| inside(*byte));
    let bytes = name.as_bytes();
    if !(3..=63).contains(&bytes.len()) {
        Err("it must have from 3 to 63 characters")
    } else if !bytes.iter().all(|byte| inside(*byte) || *byte == b'-') {
        Err("only small letters, digits and `-` are possible")
    } else if !ends(bytes.first()) || !ends(bytes.last()) {
        Err("it must begin and end with a letter or digit")
    } else if name.starts_with("xn--") || name.ends_with("-s3alias") || name.ends_with("--ol-s3") {
        Err("names of this form are reserved")
    } else {
        Ok(())
    }
}

/// What is wrong with the key of an object, if anything (Amazon S3 User Guide, "Naming Amazon S3 objects").
pub(crate) fn object_key(key: &str) -> Result<(), &'static str> {
    if key.is_empty() || key.len() > 1024 {
        Err("it must have from 1 to 1024 bytes")
    } else if key.chars().any(char::is_control) {
        Err("control characters are not possible")
    } else if key.starts_with('/') {
        Err("it must not begin with a slash, which clients and services treat differently")
    } else if key.split('/').any(|part| part == "." || part == "..") {
        Err("the parts `.` and `..` are not possible: clients resolve them as in a path")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_buckets_are_those_that_s3_allows_in_host_names() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        for (name, good) in [
            ("abc", true),
            ("nornos-documents-1", true),
            ("123", true),
            (&*long, true),
            (&*longer, false),
            ("ab", false),
            ("", false),
            ("Abc", false),
            ("a_b", false),
            ("a.b.c", false),
            ("-abc", false),
            ("abc-", false),
            ("xn--abc", false),
            ("abc-s3alias", false),
            ("äbc", false),
        ] {
            assert_eq!(bucket_name(name).is_ok(), good, "{name:?}");
        }
    }

    #[test]
    fn keys_of_objects_are_those_that_every_client_can_name() {
        let long = "k".repeat(1024);
        let longer = "k".repeat(1025);
        for (key, good) in [
            ("a", true),
            ("a/b c/ü.txt", true),
            ("a//b", true),
            ("folder/", true),
            ("...", true),
            (&*long, true),
            (&*longer, false),
            ("", false),
            ("/a", false),
            ("a/../b", false),
            ("./a", false),
            ("a\nb", false),
        ] {
            assert_eq!(object_key(key).is_ok(), good, "{key:?}");
        }
    }
}
