//! PEM (RFC 7468): base64 between lines that name what it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of base64 on a line.
const WIDTH: usize = 64;

/// The bytes under a label, with a line break at the end.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(WIDTH));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// The label and the bytes of the first PEM block in a text; none when there is none.
pub(super) fn decode(pem: &str) -> Option<(&str, Vec<u8>)> {
    let (_, block) = pem.split_once("-----BEGIN ")?;
    let (label, block) = block.split_once("-----")?;
    let (body, _) = block.split_once(format!("-----END {label}-----").as_str())?;
    let body: String = body.split_whitespace().collect();
    Some((label, STANDARD.decode(body).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_at_any_length() {
        for length in [0, 1, 47, 48, 49, 95, 96, 1000] {
            let der: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let pem = encode("PRIVATE KEY", &der);
            assert!(pem.lines().all(|line| line.len() <= 64) && pem.ends_with("-----END PRIVATE KEY-----\n"));
            assert_eq!(decode(&pem), Some(("PRIVATE KEY", der)));
        }
    }

    #[test]
    fn what_is_no_pem_is_nothing() {
        for text in [
            "",
            "-----BEGIN X",
            "-----BEGIN X-----",
            "-----BEGIN X-----\n@@@\n-----END X-----",
            "-----BEGIN X-----\nAA==\n-----END Y-----",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
