//! Signatures of requests: AWS Signature Version 4, in the `Authorization` header.
//!
//! Written here because the crates that do it bring two dozen others; it is held against signatures of botocore below.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::call::hex;

/// An access key with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half, which requests carry.
    pub access_key: String,
    /// The secret half, which they are signed with.
    pub secret_key: String,
    /// What temporary keys are only good with.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// What of a request is signed.
pub(crate) struct Signed<'r> {
    pub(crate) method: &'r str,
    /// As it is sent, encoded.
    pub(crate) path: &'r str,
    /// Names and values, encoded.
    pub(crate) query: &'r [(String, String)],
    /// Lower-case names; `host`, `x-amz-date` and `x-amz-content-sha256` among them.
    pub(crate) headers: &'r BTreeMap<String, String>,
    /// The SHA-256 of the body, in hexadecimal.
    pub(crate) payload: &'r str,
    /// `20261006T120000Z`
    pub(crate) time: &'r str,
    pub(crate) region: &'r str,
}

/// The `Authorization` header of a request.
pub(crate) fn authorization(credentials: &Credentials, request: &Signed<'_>) -> String {
    let date = request.time.get(..8).unwrap_or_default();
    let scope = format!("{date}/{}/s3/aws4_request", request.region);
    let names = request.headers.keys().map(String::as_str).collect::<Vec<_>>().join(";");
    let canonical = canonical(request, &names);
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", request.time, hex(&Sha256::digest(canonical)));
    let mut key = format!("AWS4{}", credentials.secret_key).into_bytes();
    for part in [date, request.region, "s3", "aws4_request"] {
        key = mac(&key, part.as_bytes());
    }
    let signature = hex(&mac(&key, to_sign.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        credentials.access_key
    )
}

fn canonical(request: &Signed<'_>, names: &str) -> String {
    let mut query = request.query.to_vec();
    query.sort();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String =
        request.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let (method, path, query) = (request.method, request.path, query.join("&"));
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{}", request.payload)
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length; an empty result would only make a signature that is refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, path: &str, query: &[(&str, &str)], headers: &[(&str, &str)], expected: &str) {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
        };
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        let headers: BTreeMap<String, String> = owned(headers).into_iter().collect();
        let payload = headers["x-amz-content-sha256"].clone();
        let request = Signed {
            method,
            path,
            query: &owned(query),
            headers: &headers,
            payload: &payload,
            time: &headers["x-amz-date"],
            region: "us-east-1",
        };
        let authorization = authorization(&credentials, &request);
        assert_eq!(authorization.rsplit_once("Signature=").unwrap().1, expected, "{authorization}");
    }

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// Expected: the examples of the Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header".
    #[test]
    fn signatures_are_those_of_amazons_examples() {
        let host = ("host", "examplebucket.s3.amazonaws.com");
        let time = ("x-amz-date", "20130524T000000Z");
        check(
            "GET",
            "/test.txt",
            &[],
            &[host, time, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY)],
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        );
        check(
            "PUT",
            "/test%24file.text",
            &[],
            &[
                host,
                time,
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
            ],
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        );
        check(
            "GET",
            "/",
            &[("lifecycle", "")],
            &[host, time, ("x-amz-content-sha256", EMPTY)],
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        );
        check(
            "GET",
            "/",
            &[("max-keys", "2"), ("prefix", "J")],
            &[host, time, ("x-amz-content-sha256", EMPTY)],
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        );
    }

    #[test]
    fn the_secret_is_not_shown() {
        let credentials =
            Credentials { access_key: "a".to_owned(), secret_key: "hidden".to_owned(), session_token: None };
        assert!(!format!("{credentials:?}").contains("hidden"));
    }
}
