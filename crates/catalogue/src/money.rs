//! Exact amounts of money: prices have at most four decimals, so they are counted, never approximated.

use std::fmt;
use std::str::FromStr;

/// An amount in euros, counted in ten-thousandths, because hourly prices are quoted to four decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Eur(i64);

/// Ten-thousandths in one euro.
const SCALE: i64 = 10_000;

impl Eur {
    /// The amount of `units` ten-thousandths of a euro.
    #[must_use]
    pub const fn from_ten_thousandths(units: i64) -> Self {
        Self(units)
    }

    /// The amount in ten-thousandths of a euro.
    #[must_use]
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// The amount with `decimals` digits after the point, as the API prints prices (`"5.4900000000"`).
    /// Amounts are exact to four decimals; more are zeroes, fewer cut the amount off.
    #[must_use]
    pub fn to_decimal(self, decimals: usize) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let scale = SCALE.unsigned_abs();
        let digits = format!("{:04}", units % scale);
        let fraction: String = digits.chars().chain(std::iter::repeat('0')).take(decimals).collect();
        if decimals == 0 {
            format!("{sign}{}", units / scale)
        } else {
            format!("{sign}{}.{fraction}", units / scale)
        }
    }
}

impl fmt::Display for Eur {
    /// Two decimals where they say it all (`5.49`), four otherwise (`0.0088`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_decimal(if self.0 % 100 == 0 { 2 } else { 4 }))
    }
}

/// A string that is not a decimal number with at most four decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEurError(String);

impl fmt::Display for ParseEurError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an amount of euros with at most four decimals, such as `5.49`", self.0)
    }
}

impl std::error::Error for ParseEurError {}

impl FromStr for Eur {
    type Err = ParseEurError;

    fn from_str(text: &str) -> Result<Self, ParseEurError> {
        let error = || ParseEurError(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 4 {
            return Err(error());
        }
        let whole: i64 = whole.parse().map_err(|_| error())?;
        let fraction: i64 = format!("{fraction:0<4}").parse().map_err(|_| error())?;
        whole.checked_mul(SCALE).and_then(|units| units.checked_add(fraction)).map(Self).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_printed_exactly() {
        for (text, units, short, long) in [
            ("5.49", 54_900, "5.49", "5.4900000000"),
            ("0.0088", 88, "0.0088", "0.0088000000"),
            ("0", 0, "0.00", "0.0000000000"),
            ("853.4", 8_534_000, "853.40", "853.4000000000"),
        ] {
            let amount: Eur = text.parse().unwrap();
            assert_eq!(amount.ten_thousandths(), units, "{text}");
            assert_eq!(amount.to_string(), short, "{text}");
            assert_eq!(amount.to_decimal(10), long, "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".5", "-1", "1.00001", "1,5", "1e3", "99999999999999999999"] {
            assert!(text.parse::<Eur>().is_err(), "{text}");
        }
    }
}
