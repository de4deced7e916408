//! Who a request is from: AWS Signature Version 4, in a header or in the query; and whether its body is as it was signed.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use hmac::{Hmac, Mac};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use md5::Md5;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::operation::Request;
use super::refusal::{Refused, access_denied, bad_digest, invalid_request};

/// How far the clocks of client and server may be apart, in seconds (Amazon S3 API Reference, "RequestTimeTooSkewed").
const SKEW: i64 = 15 * 60;
/// The longest that a signed address is good, in seconds.
const LONGEST_EXPIRY: i64 = 7 * 24 * 3600;

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// What a signature says of itself.
struct Claim<'r> {
    access_key: &'r str,
    date: &'r str,
    region: &'r str,
    time: String,
    signed_headers: &'r str,
    signature: &'r str,
    payload: &'r str,
    /// Seconds that an address is good for.
    expires: Option<i64>,
}

/// Whom a request is from, as the project behind the keys and the region that was signed for; None for strangers.
/// `secret` finds the project and the secret key of an access key.
pub(super) fn signer(
    request: &Request,
    secret: impl Fn(&str) -> Option<(String, String)>,
) -> Result<Option<(String, String)>, Refused> {
    let Some(claim) = claim(request)? else { return Ok(None) };
    let (project, secret) = secret(claim.access_key).ok_or_else(|| {
        Refused::new(403, "InvalidAccessKeyId", "The access key you provided does not exist in our records.")
    })?;
    check_time(&claim)?;
    if expected(request, &claim, &secret) != claim.signature {
        let message =
            "The request signature we calculated does not match the signature you provided. Check your key.";
        return Err(Refused::new(403, "SignatureDoesNotMatch", message));
    }
    Ok(Some((project, claim.region.to_owned())))
}

fn claim(request: &Request) -> Result<Option<Claim<'_>>, Refused> {
    let malformed =
        || Refused::new(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.");
    let (credential, signed_headers, signature, time, payload, expires) = if let Some(header) =
        request.header("authorization")
    {
        let rest = header.strip_prefix("AWS4-HMAC-SHA256").ok_or_else(malformed)?;
        let field =
            |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let time = request.header("x-amz-date").ok_or_else(access_denied)?;
        let payload = request.header("x-amz-content-sha256").ok_or_else(|| {
            invalid_request("Missing required header for this request: x-amz-content-sha256")
        })?;
        let fields = (field("Credential"), field("SignedHeaders"), field("Signature"));
        let (Some(credential), Some(headers), Some(signature)) = fields else { return Err(malformed()) };
        (credential, headers, signature, time, payload, None)
    } else if request.query("X-Amz-Algorithm").is_some() {
        let field = |name: &str| request.query(name).ok_or_else(malformed);
        let expires = field("X-Amz-Expires")?.parse().map_err(|_| malformed())?;
        if !(1..=LONGEST_EXPIRY).contains(&expires) {
            return Err(malformed());
        }
        let payload = request.header("x-amz-content-sha256").unwrap_or(UNSIGNED);
        let headers = field("X-Amz-SignedHeaders")?;
        let (credential, time) = (field("X-Amz-Credential")?, field("X-Amz-Date")?);
        (credential, headers, field("X-Amz-Signature")?, time, payload, Some(expires))
    } else {
        return Ok(None);
    };
    let parts: Vec<&str> = credential.split('/').collect();
    let [access_key, date, region, "s3", "aws4_request"] = parts.as_slice() else { return Err(malformed()) };
    if !time.starts_with(date) || !signed_headers.split(';').any(|name| name == "host") {
        return Err(malformed());
    }
    let time = time.to_owned();
    Ok(Some(Claim { access_key, date, region, time, signed_headers, signature, payload, expires }))
}

fn check_time(claim: &Claim<'_>) -> Result<(), Refused> {
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", &claim.time)
        .ok()
        .and_then(|time| time.to_zoned(TimeZone::UTC).ok())
        .map(|zoned| zoned.timestamp().as_second())
        .ok_or_else(access_denied)?;
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX).saturating_sub(signed);
    match claim.expires {
        Some(expires) if age > expires => Err(Refused::new(403, "AccessDenied", "Request has expired")),
        None if age.abs() > SKEW => Err(Refused::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )),
        _ => Ok(()),
    }
}

fn expected(request: &Request, claim: &Claim<'_>, secret: &str) -> String {
    let decoded = percent_decode_str(&request.path).collect::<Vec<u8>>();
    let path = percent_encoding::percent_encode(&decoded, ENCODED_PATH).to_string();
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut query: Vec<(String, String)> = request
        .query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    query.sort();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String = claim
        .signed_headers
        .split(';')
        .map(|name| {
            let value = request.header(name).unwrap_or_default();
            let value: Vec<&str> = value.split_ascii_whitespace().collect();
            format!("{name}:{}\n", value.join(" "))
        })
        .collect();
    let canonical = format!(
        "{}\n{path}\n{}\n{headers}\n{}\n{}",
        request.method,
        query.join("&"),
        claim.signed_headers,
        claim.payload
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{}\n{}/{}/s3/aws4_request\n{}",
        claim.time,
        claim.date,
        claim.region,
        hex(&Sha256::digest(canonical))
    );
    let key = [claim.date, claim.region, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part.as_bytes()));
    hex(&mac(&key, to_sign.as_bytes()))
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length; an empty result would match no signature.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The body without the chunks that it may have been sent in, checked against what was said of it.
pub(super) fn content(request: &Request) -> Result<Bytes, Refused> {
    let declared = request.header("x-amz-content-sha256").unwrap_or(UNSIGNED);
    let body = if declared.starts_with("STREAMING-") {
        unchunked(&request.body)
            .ok_or_else(|| Refused::new(400, "IncompleteBody", "The request body terminated unexpectedly"))?
    } else {
        if declared != UNSIGNED && declared != hex(&Sha256::digest(&request.body)) {
            let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            return Err(Refused::new(400, "XAmzContentSHA256Mismatch", message));
        }
        request.body.clone()
    };
    if let Some(md5) = request.header("content-md5") {
        use base64::Engine as _;
        if md5 != base64::engine::general_purpose::STANDARD.encode(Md5::digest(&body)) {
            return Err(bad_digest());
        }
    }
    Ok(body)
}

/// A body without its chunks: `LENGTH[;chunk-signature=…]`, the bytes, and so on to a chunk of no length. Trailers follow.
fn unchunked(body: &[u8]) -> Option<Bytes> {
    let mut rest = body;
    let mut whole = BytesMut::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let head = std::str::from_utf8(&rest[..end]).ok()?;
        let length = usize::from_str_radix(head.split(';').next()?, 16).ok()?;
        rest = &rest[end + 2..];
        if length == 0 {
            return Some(whole.freeze());
        }
        whole.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn bodies_in_chunks_become_whole() {
        for (body, expected) in [
            (&b"5;chunk-signature=ab\r\nhello\r\n0;chunk-signature=cd\r\n\r\n"[..], Some(&b"hello"[..])),
            (b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", Some(b"abcde")),
            (b"0\r\n\r\n", Some(b"")),
            (b"5\r\nhel", None),
            (b"zz\r\n", None),
            (b"ffffffffffffffff\r\nx", None),
            (b"", None),
        ] {
            assert_eq!(unchunked(body).as_deref(), expected, "{body:?}");
        }
    }

    fn request(authorization: Option<&str>, query: &str) -> Request {
        let mut headers = BTreeMap::from([
            ("host".to_owned(), "127.0.0.1:1".to_owned()),
            ("x-amz-date".to_owned(), "20130524T000000Z".to_owned()),
            ("x-amz-content-sha256".to_owned(), UNSIGNED.to_owned()),
        ]);
        headers.extend(authorization.map(|text| ("authorization".to_owned(), text.to_owned())));
        Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: super::super::operation::parse_query(query),
            headers,
            body: Bytes::new(),
        }
    }

    #[test]
    fn what_is_wrong_with_a_signature_is_told() {
        let scope = "20130524/fsn1/s3/aws4_request";
        let good =
            format!("AWS4-HMAC-SHA256 Credential=KNOWN/{scope}, SignedHeaders=host;x-amz-date, Signature=00");
        for (authorization, query, code) in [
            (None, "", None),
            (Some("Bearer x".to_owned()), "", Some("AuthorizationHeaderMalformed")),
            (Some(good.replace("host;", "")), "", Some("AuthorizationHeaderMalformed")),
            (Some(good.replace("/s3/", "/ec2/")), "", Some("AuthorizationHeaderMalformed")),
            (Some(good.replace("KNOWN", "OTHER")), "", Some("InvalidAccessKeyId")),
            (Some(good.clone()), "", Some("RequestTimeTooSkewed")),
            (None, "X-Amz-Algorithm=AWS4-HMAC-SHA256", Some("AuthorizationHeaderMalformed")),
            (
                None,
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00\
                 &X-Amz-Date=20130524T000000Z&X-Amz-Credential=KNOWN/20130524/fsn1/s3/aws4_request",
                Some("AccessDenied"),
            ),
        ] {
            let secret = |key: &str| (key == "KNOWN").then(|| ("p".to_owned(), "s".to_owned()));
            let outcome = signer(&request(authorization.as_deref(), query), secret);
            assert_eq!(
                outcome.err().map(|refused| refused.code).as_deref(),
                code,
                "{authorization:?} {query}"
            );
        }
    }
}
