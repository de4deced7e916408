//! Points in time as the API writes them.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Seconds since 1970 of a time in RFC 3339 format, as in the `created` fields; None if it is not one.
pub fn seconds_since_1970(rfc3339: &str) -> Option<i64> {
    rfc3339.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// Seconds since 1970 of a `Date` header.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected seconds: `date -u -d … +%s`.
    #[test]
    fn times_of_the_api_are_read() {
        assert_eq!(seconds_since_1970("2016-01-30T23:55:00+00:00"), Some(1_454_198_100));
        assert_eq!(seconds_since_1970("2016-01-30T23:55:00Z"), Some(1_454_198_100));
        assert_eq!(seconds_since_1970("yesterday"), None);
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("soon"), None);
    }
}
