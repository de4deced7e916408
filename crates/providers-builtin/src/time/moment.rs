//! Times as the provider reads, reckons and writes them: RFC 3339, with the offset from UTC that was given.

use std::fmt;
use std::time::SystemTime;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

/// A civil time to the second, with its offset from UTC in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    civil: DateTime,
    offset: i32,
}

impl Moment {
    /// The time that a clock tells, in UTC; none before the year 0 or after 9999, which RFC 3339 cannot write.
    pub(crate) fn of(time: SystemTime) -> Option<Moment> {
        let timestamp = Timestamp::try_from(time).ok()?;
        let second = timestamp.as_second();
        Self::from_unix(second)
    }

    /// The time so many seconds after 1970 began, in UTC.
    pub(crate) fn from_unix(second: i64) -> Option<Moment> {
        let civil = Timestamp::from_second(second).ok()?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        Moment { civil, offset: 0 }.writable()
    }

    /// Reads a time of RFC 3339. Fractions of a second are dropped, as they are when it is written.
    pub(crate) fn parse(text: &str) -> Option<Moment> {
        let number = |range: std::ops::Range<usize>| -> Option<i16> {
            let digits = text.get(range)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        let is = |at: usize, wanted: u8| text.as_bytes().get(at) == Some(&wanted);
        if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
            return None;
        }
        let field = |at: usize| -> Option<i8> { i8::try_from(number(at..at + 2)?).ok() };
        let civil =
            DateTime::new(number(0..4)?, field(5)?, field(8)?, field(11)?, field(14)?, field(17)?, 0).ok()?;
        let mut zone = text.get(19..)?;
        if let Some(fraction) = zone.strip_prefix('.') {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            zone = fraction.get(digits..).filter(|_| digits > 0)?;
        }
        let offset = if zone == "Z" {
            0
        } else {
            let (sign, [h1, h2, b':', m1, m2]) = (zone.get(..1)?, zone.as_bytes().get(1..)?) else {
                return None;
            };
            let digit = |b: u8| char::from(b).to_digit(10).and_then(|d| i32::try_from(d).ok());
            let (hours, minutes) = (digit(*h1)? * 10 + digit(*h2)?, digit(*m1)? * 10 + digit(*m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = (hours * 60 + minutes) * 60;
            match sign {
                "+" => offset,
                "-" => -offset,
                _ => return None,
            }
        };
        Some(Moment { civil, offset })
    }

    /// So many years, months and days later. A day that the month does not have counts into the next month: a month
    /// after the 31st of January is the 2nd or 3rd of March.
    pub(crate) fn add_date(self, years: i64, months: i64, days: i64) -> Option<Moment> {
        let date = self.civil.date();
        let months = i64::from(date.month() - 1).checked_add(months)?;
        let year = i64::from(date.year()).checked_add(years)?.checked_add(months.div_euclid(12))?;
        let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
        let first = Date::new(i16::try_from(year).ok()?, month, 1).ok()?;
        let days = i64::from(date.day() - 1).checked_add(days)?;
        let date = first.checked_add(SignedDuration::from_secs(days.checked_mul(86_400)?)).ok()?;
        Moment { civil: date.to_datetime(self.civil.time()), ..self }.writable()
    }

    /// So many seconds later.
    pub(crate) fn add_seconds(self, seconds: i64) -> Option<Moment> {
        let civil = self.civil.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        Moment { civil, ..self }.writable()
    }

    fn writable(self) -> Option<Moment> {
        (0..=9999).contains(&self.civil.year()).then_some(self)
    }

    /// Seconds since 1970 began in UTC.
    pub(crate) fn unix(self) -> i64 {
        let epoch = Date::constant(1970, 1, 1).to_datetime(jiff::civil::Time::midnight());
        self.civil.duration_since(epoch).as_secs() - i64::from(self.offset)
    }

    /// The fields with the names of the attributes that show them.
    pub(crate) fn fields(self) -> [(&'static str, i64); 7] {
        let civil = self.civil;
        [
            ("year", civil.year().into()),
            ("month", civil.month().into()),
            ("day", civil.day().into()),
            ("hour", civil.hour().into()),
            ("minute", civil.minute().into()),
            ("second", civil.second().into()),
            ("unix", self.unix()),
        ]
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.civil.date(), self.civil.time());
        write!(f, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day())?;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        if self.offset == 0 {
            return f.write_str("Z");
        }
        let (sign, offset) = (if self.offset < 0 { '-' } else { '+' }, self.offset.abs() / 60);
        write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::parse(text).expect("a time")
    }

    #[test]
    fn times_are_written_as_they_are_read_without_fractions() {
        let cases = [
            ("2020-02-12T06:36:13Z", "2020-02-12T06:36:13Z"),
            ("2020-02-12T06:36:13.999Z", "2020-02-12T06:36:13Z"),
            ("2020-02-12T06:36:13+01:30", "2020-02-12T06:36:13+01:30"),
            ("2020-02-12T06:36:13-08:00", "2020-02-12T06:36:13-08:00"),
            ("2020-02-12T06:36:13+00:00", "2020-02-12T06:36:13Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ];
        for (text, written) in cases {
            assert_eq!(moment(text).to_string(), written);
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2020-02-12",
            "2020-02-12T06:36:13",
            "2020-02-12t06:36:13Z",
            "2020-02-12T06:36:13z",
            "2020-02-12 06:36:13Z",
            "2020-02-30T06:36:13Z",
            "2020-13-12T06:36:13Z",
            "2020-02-12T24:36:13Z",
            "2020-02-12T06:60:13Z",
            "2020-02-12T06:36:60Z",
            "2020-02-12T06:36:13.Z",
            "2020-02-12T06:36:13+0100",
            "2020-02-12T06:36:13+24:00",
            "2020-02-12T06:36:13Zx",
            "+020-02-12T06:36:13Z",
            "2020-02-12T06:36:1",
            "２020-02-12T06:36:13Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    /// The dates of Go's own tests of `AddDate`, and sums made with Python's `datetime`.
    #[test]
    fn dates_are_reckoned_as_go_does() {
        let cases = [
            ("2011-11-18T07:56:35Z", (4, 4, 1), "2016-03-19T07:56:35Z"),
            ("2011-11-18T07:56:35Z", (3, 16, 1), "2016-03-19T07:56:35Z"),
            ("2011-11-18T07:56:35Z", (3, 15, 30), "2016-03-19T07:56:35Z"),
            ("2011-11-18T07:56:35Z", (5, -6, -60), "2016-03-19T07:56:35Z"),
            ("2020-01-31T00:00:00Z", (0, 1, 0), "2020-03-02T00:00:00Z"),
            ("2021-01-31T00:00:00Z", (0, 1, 0), "2021-03-03T00:00:00Z"),
            ("2020-02-29T12:00:00Z", (1, 0, 0), "2021-03-01T12:00:00Z"),
            ("2020-01-01T00:00:00Z", (0, -1, 0), "2019-12-01T00:00:00Z"),
            ("2020-01-01T00:00:00Z", (0, 0, -1), "2019-12-31T00:00:00Z"),
            ("2020-02-12T06:36:13+01:00", (0, 0, 30), "2020-03-13T06:36:13+01:00"),
        ];
        for (text, (years, months, days), expected) in cases {
            let sum = moment(text).add_date(years, months, days).map(|m| m.to_string());
            assert_eq!(sum.as_deref(), Some(expected), "{text} + {years}, {months}, {days}");
        }
        assert_eq!(moment("9999-12-31T00:00:00Z").add_date(0, 0, 1), None);
        for (years, months, days) in [(i64::MAX, 0, 0), (0, i64::MIN, 0), (0, 0, i64::MAX), (-3000, 0, 0)] {
            assert_eq!(moment("2020-01-01T00:00:00Z").add_date(years, months, days), None);
        }
    }

    #[test]
    fn seconds_count_from_1970_whatever_the_offset() {
        assert_eq!(moment("2020-02-12T06:36:13Z").unix(), 1_581_489_373);
        assert_eq!(moment("2020-02-12T07:36:13+01:00").unix(), 1_581_489_373);
        assert_eq!(moment("1969-12-31T23:59:59Z").unix(), -1);
        assert_eq!(Moment::from_unix(1_581_489_373), Some(moment("2020-02-12T06:36:13Z")));
        assert_eq!(moment("2020-02-12T23:59:59Z").add_seconds(1), Some(moment("2020-02-13T00:00:00Z")));
        assert_eq!(moment("2020-02-12T23:59:59Z").add_seconds(i64::MAX), None);
    }
}
