//! Moments in time as RFC 3339 has them.

use ferroform_core::{Type, Value};

use super::driver::arg::text;
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError};

type Result = std::result::Result<Value, FuncError>;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("timestamp", &[], Ty::String, |_, ctx| {
        Ok(ctx
            .present_time
            .as_ref()
            .map_or_else(|| Value::unknown(Type::String), |t| Value::string(t.clone())))
    }),
    Function::new("plantimestamp", &[], Ty::String, |_, ctx| {
        Ok(ctx.plan_time.as_ref().map_or_else(|| Value::unknown(Type::String), |t| Value::string(t.clone())))
    }),
    Function::new(
        "formatdate",
        &[Param::new("format", Ty::String), Param::new("time", Ty::String)],
        Ty::String,
        formatdate,
    ),
    Function::new(
        "timeadd",
        &[Param::new("timestamp", Ty::String), Param::new("duration", Ty::String)],
        Ty::String,
        timeadd,
    )
    .may_be_null(),
    Function::new(
        "timecmp",
        &[Param::new("timestamp_a", Ty::String), Param::new("timestamp_b", Ty::String)],
        Ty::Number,
        |args, _| {
            let moment =
                |i| Time::parse(text(args, i)).map_err(|e| FuncError::argument(i, e)).map(|t| t.instant());
            let order = moment(0)?.cmp(&moment(1)?);
            Ok(Value::number(order as i64))
        },
    ),
];

const SECOND: i128 = 1_000_000_000;

/// A moment with its offset from UTC.
pub(super) struct Time {
    /// Seconds of the local clock since 1970-01-01T00:00:00.
    local: i64,
    nanos: u32,
    /// Seconds that the local clock is ahead of UTC.
    offset: i32,
}

impl Time {
    /// Reads `2006-01-02T15:04:05.999Z` or with an offset such as `+02:00`.
    pub(super) fn parse(given: &str) -> std::result::Result<Time, String> {
        Self::read(given).ok_or_else(|| {
            format!(
                "{given:?} is not a valid RFC3339 timestamp: it must look like 2006-01-02T15:04:05Z, with an offset such \
                 as +02:00 in place of the Z if need be"
            )
        })
    }

    fn read(given: &str) -> Option<Time> {
        let (date_and_time, rest) = given.split_at_checked(19)?;
        let bytes = date_and_time.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(i, separator)| bytes[i] != separator) {
            return None;
        }
        let number = |from: usize, to: usize| {
            let digits = &bytes[from..to];
            digits
                .iter()
                .all(u8::is_ascii_digit)
                .then(|| digits.iter().fold(0i64, |n, d| n * 10 + i64::from(d - b'0')))
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let in_range = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let (nanos, zone) = match rest.strip_prefix('.') {
            None => (0, rest),
            Some(fraction) => {
                let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
                let digits = fraction.get(..length.min(9)).filter(|d| !d.is_empty())?;
                (format!("{digits:0<9}").parse().ok()?, &fraction[length..])
            }
        };
        let offset = match zone.as_bytes() {
            b"Z" => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2]
                if [h1, h2, m1, m2].iter().all(|d| d.is_ascii_digit()) =>
            {
                let (hours, minutes) = ((h1 - b'0') * 10 + h2 - b'0', (m1 - b'0') * 10 + m2 - b'0');
                if hours > 24 || minutes > 59 {
                    return None;
                }
                let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        let local = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        in_range.then_some(Time { local, nanos, offset })
    }

    /// Nanoseconds since 1970 in UTC.
    fn instant(&self) -> i128 {
        i128::from(self.local - i64::from(self.offset)) * SECOND + i128::from(self.nanos)
    }

    /// Without fractions of a second, as Terraform prints moments.
    pub(super) fn show(&self) -> String {
        let (year, month, day) = self.date();
        let (hour, minute, second) = self.clock();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{}", self.zone(true, ":"))
    }

    fn date(&self) -> (i64, i64, i64) {
        civil_from_days(self.local.div_euclid(86_400))
    }

    fn clock(&self) -> (i64, i64, i64) {
        let second = self.local.rem_euclid(86_400);
        (second / 3600, second / 60 % 60, second % 60)
    }

    fn zone(&self, short_utc: bool, separator: &str) -> String {
        if self.offset == 0 && short_utc {
            return "Z".to_owned();
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs() / 60;
        format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. The year is counted from March, so that the leap day
/// comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// From the first of January 1970 on.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

fn formatdate(args: &[Value], _: &FuncContext) -> Result {
    let format = text(args, 0);
    let time = Time::parse(text(args, 1)).map_err(|message| FuncError::argument(1, message))?;
    let mut out = String::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            rest = quoted(&rest[1..], &mut out)?;
        } else if c.is_ascii_alphabetic() {
            let length = rest.find(|other| other != c).unwrap_or(rest.len());
            let (verb, after) = rest.split_at(length);
            out.push_str(&verb_text(verb, &time)?);
            rest = after;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(Value::string_normalised(&out))
}

/// Literal text up to the closing quote; a doubled quote stands for one.
fn quoted<'a>(mut rest: &'a str, out: &mut String) -> std::result::Result<&'a str, FuncError> {
    loop {
        let Some(end) = rest.find('\'') else {
            return Err(FuncError::argument(0, "unterminated literal '"));
        };
        out.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                out.push('\'');
                rest = after;
            }
            None => return Ok(rest),
        }
    }
}

fn verb_text(verb: &str, time: &Time) -> std::result::Result<String, FuncError> {
    let (year, month, day) = time.date();
    let (hour, minute, second) = time.clock();
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let month_name = MONTHS.get((month - 1) as usize).copied().unwrap_or_default();
    let weekday = WEEKDAYS[time.local.div_euclid(86_400).rem_euclid(7) as usize];
    let wrong = |why: &str| Err(FuncError::argument(0, format!("invalid date format verb {verb:?}: {why}")));
    Ok(match verb {
        "YYYY" => format!("{year:04}"),
        "YY" => format!("{:02}", year % 100),
        "M" => month.to_string(),
        "MM" => format!("{month:02}"),
        "MMM" => month_name[..3].to_owned(),
        "MMMM" => month_name.to_owned(),
        "D" => day.to_string(),
        "DD" => format!("{day:02}"),
        "EEE" => weekday[..3].to_owned(),
        "EEEE" => weekday.to_owned(),
        "h" => hour.to_string(),
        "hh" => format!("{hour:02}"),
        "H" => hour12.to_string(),
        "HH" => format!("{hour12:02}"),
        "AA" => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        "aa" => if hour < 12 { "am" } else { "pm" }.to_owned(),
        "m" => minute.to_string(),
        "mm" => format!("{minute:02}"),
        "s" => second.to_string(),
        "ss" => format!("{second:02}"),
        "Z" => time.zone(true, ":"),
        "ZZZ" if time.offset == 0 => "UTC".to_owned(),
        "ZZZ" | "ZZZZ" => time.zone(false, ""),
        "ZZZZZ" => time.zone(false, ":"),
        _ => {
            return match verb.as_bytes().first() {
                Some(b'Y') => wrong("year must either be \"YY\" or \"YYYY\""),
                Some(b'M') => wrong("month must be \"M\", \"MM\", \"MMM\", or \"MMMM\""),
                Some(b'D') => wrong("day of month must either be \"D\" or \"DD\""),
                Some(b'E') => wrong("day of week must either be \"EEE\" or \"EEEE\""),
                Some(b'h') => wrong("24-hour must either be \"h\" or \"hh\""),
                Some(b'H') => wrong("12-hour must either be \"H\" or \"HH\""),
                Some(b'a' | b'A') => wrong("must be \"AA\" or \"aa\""),
                Some(b'm') => wrong("minute must either be \"m\" or \"mm\""),
                Some(b's') => wrong("second must either be \"s\" or \"ss\""),
                Some(b'Z') => wrong("timezone must be Z, ZZZ, ZZZZ, or ZZZZZ"),
                _ => wrong("not a format verb; write literal letters between single quotes"),
            };
        }
    })
}

fn timeadd(args: &[Value], _: &FuncContext) -> Result {
    let mut time = Time::parse(text(args, 0)).map_err(FuncError::failed)?;
    let duration = text(args, 1);
    let added = parse_duration(duration).ok_or_else(|| {
        FuncError::failed(format!("{duration:?} is not a valid duration, such as \"1h30m\" or \"-10s\""))
    })?;
    let nanos = i128::from(time.local) * SECOND + i128::from(time.nanos) + i128::from(added);
    time.local = i64::try_from(nanos.div_euclid(SECOND)).unwrap_or(time.local);
    Ok(Value::string(time.show()))
}

/// Nanoseconds of a duration: numbers with fractions, each with a unit from `ns` to `h`, and one sign for all.
fn parse_duration(given: &str) -> Option<i64> {
    let (negative, mut rest) = match given.as_bytes().first()? {
        b'-' => (true, &given[1..]),
        b'+' => (false, &given[1..]),
        _ => (false, given),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        rest = after;
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3600 * SECOND,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 19 {
            return None;
        }
        let digits = |s: &str| if s.is_empty() { Some(0) } else { s.parse::<i128>().ok() };
        // More digits than these mean less than a nanosecond.
        let fraction = &fraction[..fraction.len().min(18)];
        let part = digits(fraction)? * unit / 10i128.pow(fraction.len() as u32);
        total = total.checked_add(digits(whole)?.checked_mul(unit)?)?.checked_add(part)?;
        // Checked here too, so that no number of parts can overflow.
        if total > i128::from(i64::MAX) + i128::from(negative) {
            return None;
        }
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_survives_the_calendar_and_back() {
        for days in -200_000..200_000 {
            let (year, month, day) = civil_from_days(days);
            assert!((1..=days_in_month(year, month)).contains(&day));
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(19_782), (2024, 2, 29));
    }
}
