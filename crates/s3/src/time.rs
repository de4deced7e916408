//! Points in time, as S3 writes them.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Seconds since 1970 of a time in ISO 8601 format, as in lists; None if it is not one.
pub(crate) fn iso(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// Seconds since 1970 of a time in a header, such as `Date` or `Last-Modified`.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second())
}

/// This moment as requests carry it: `20261006T120000Z`.
pub(crate) fn amz_now() -> String {
    Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}
