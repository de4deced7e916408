//! Rules for names.

/// Whether a server may have the name: a host name of RFC 1123, at most 253 characters in labels of at most 63.
pub(crate) fn is_hostname(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            !bytes.is_empty()
                && bytes.len() <= 63
                && bytes[0] != b'-'
                && bytes[bytes.len() - 1] != b'-'
                && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        })
}

/// Whether a volume may have the name: at most 64 letters, digits, dashes, underscores and dots, beginning and
/// ending with a letter or digit.
pub(crate) fn is_volume_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 64
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether something else may have the name: not blank, no space at its ends, at most `longest` characters.
pub(crate) fn is_plain_name(name: &str, longest: usize) -> bool {
    !name.is_empty() && name.trim() == name && name.chars().count() <= longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_follow_rfc_1123() {
        let label = "a".repeat(63);
        let long = format!("{label}a");
        for (name, good) in [
            ("web-1", true),
            ("web-1.example.com", true),
            ("1", true),
            (label.as_str(), true),
            (long.as_str(), false),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("a_b", false),
            ("a..b", false),
            ("käse", false),
        ] {
            assert_eq!(is_hostname(name), good, "{name}");
        }
    }

    #[test]
    fn volume_names_follow_the_documentation() {
        for (name, good) in [("data_1.x-y", true), ("_a", false), ("a.", false), ("a b", false), ("", false)]
        {
            assert_eq!(is_volume_name(name), good, "{name}");
        }
        assert!(is_volume_name(&"a".repeat(64)) && !is_volume_name(&"a".repeat(65)));
    }
}
