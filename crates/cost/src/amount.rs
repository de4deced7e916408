//! Exact amounts of money, sums of them, and value added tax.

use std::fmt;
use std::iter::Sum as IterSum;
use std::ops::{Add, Sub};
use std::str::FromStr;

use ferroform_catalogue::Eur;

/// An amount in euros, counted in units of 10⁻¹⁰: prices have four decimals, a percentage takes two more and value
/// added tax in hundredths of a percent four more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

/// Decimals that an amount has.
const DECIMALS: usize = 10;
/// Units in one ten-thousandth of a euro, in which the catalogue counts.
const UNITS_PER_TEN_THOUSANDTH: i128 = 1_000_000;
/// Hours after which a month is paid for in full: an hour costs a 624th of the month.
const HOURS_OF_A_MONTH: i128 = 624;

impl Amount {
    /// Nothing at all.
    pub const ZERO: Amount = Amount(0);

    /// This many times the amount. What is beyond all bounds stays at the bound.
    #[must_use]
    pub fn times(self, quantity: u64) -> Amount {
        Amount(self.0.saturating_mul(i128::from(quantity)))
    }

    /// This share of the amount, in percent. Exact for every price of the catalogue.
    #[must_use]
    pub fn percent(self, percent: u32) -> Amount {
        Amount(self.0.saturating_mul(i128::from(percent)) / 100)
    }

    /// What an hour costs of something with this price a month: a 624th, rounded to four decimals, which is how Hetzner
    /// makes its hourly prices.
    #[must_use]
    pub fn hourly_of_month(self) -> Amount {
        let divisor = HOURS_OF_A_MONTH * UNITS_PER_TEN_THOUSANDTH;
        Amount(round_div(self.0, divisor).saturating_mul(UNITS_PER_TEN_THOUSANDTH))
    }

    /// The amount with so many digits after the point, rounded half away from zero.
    #[must_use]
    pub fn to_decimal(self, decimals: usize) -> String {
        let decimals = decimals.min(DECIMALS);
        let dropped = u32::try_from(DECIMALS - decimals).unwrap_or(0);
        let rounded = round_div(self.0, 10_i128.pow(dropped));
        let digits = format!("{:0>1$}", rounded.unsigned_abs(), decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let sign = if rounded < 0 { "-" } else { "" };
        if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// The amount with all its digits, and at least two after the point.
    #[must_use]
    pub fn exact(self) -> String {
        let text = self.to_decimal(DECIMALS);
        let shortest = text.len() - (DECIMALS - 2);
        let kept = text.trim_end_matches('0').len().max(shortest);
        text[..kept].to_owned()
    }
}

impl From<Eur> for Amount {
    fn from(price: Eur) -> Self {
        Amount(i128::from(price.ten_thousandths()) * UNITS_PER_TEN_THOUSANDTH)
    }
}

impl Add for Amount {
    type Output = Amount;

    fn add(self, other: Amount) -> Amount {
        Amount(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Amount;

    fn sub(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }
}

/// Two digits after the point.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_decimal(2))
    }
}

/// Divides and rounds half away from zero. The divisor is positive.
fn round_div(value: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    let up = rest.unsigned_abs().saturating_mul(2) >= divisor.unsigned_abs();
    if up { quotient + value.signum() } else { quotient }
}

/// A sum of amounts, some of which may not be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The known ones together.
    pub known: Amount,
    /// How many are not known: with any, the sum is at least what is known.
    pub unknown: usize,
}

impl Sum {
    /// Whether everything in it is known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unknown == 0
    }

    /// The sum with value added tax.
    #[must_use]
    pub fn with(self, vat: Vat) -> Sum {
        Sum { known: vat.add_to(self.known), ..self }
    }
}

impl From<Option<Amount>> for Sum {
    fn from(amount: Option<Amount>) -> Self {
        Sum { known: amount.unwrap_or_default(), unknown: usize::from(amount.is_none()) }
    }
}

impl Add for Sum {
    type Output = Sum;

    fn add(self, other: Sum) -> Sum {
        Sum { known: self.known + other.known, unknown: self.unknown + other.unknown }
    }
}

impl IterSum for Sum {
    fn sum<I: Iterator<Item = Sum>>(sums: I) -> Sum {
        sums.fold(Sum::default(), Add::add)
    }
}

/// A rate of value added tax, in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vat(u32);

impl Vat {
    /// The rate of that many percent.
    #[must_use]
    pub const fn percent(percent: u32) -> Vat {
        Vat(percent.saturating_mul(100))
    }

    /// A net amount with the tax.
    #[must_use]
    pub fn add_to(self, net: Amount) -> Amount {
        Amount(net.0.saturating_mul(10_000 + i128::from(self.0)) / 10_000)
    }
}

/// In percent, without needless zeroes: `19`, `8.1`.
impl fmt::Display for Vat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, hundredths) = (self.0 / 100, self.0 % 100);
        match (hundredths, hundredths % 10) {
            (0, _) => write!(f, "{percent}"),
            (_, 0) => write!(f, "{percent}.{}", hundredths / 10),
            _ => write!(f, "{percent}.{hundredths:02}"),
        }
    }
}

/// A text that is no rate of value added tax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidVat(String);

impl fmt::Display for InvalidVat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no rate of value added tax; write percent from 0 to 100 with at most two decimals, such as 19 or 8.1",
            self.0
        )
    }
}

impl std::error::Error for InvalidVat {}

impl FromStr for Vat {
    type Err = InvalidVat;

    /// Reads percent: `19`, `8.1`, `25.5`.
    fn from_str(text: &str) -> Result<Self, InvalidVat> {
        let error = || InvalidVat(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return Err(error());
        }
        let whole: u32 = whole.parse().map_err(|_| error())?;
        let fraction: u32 = format!("{fraction:0<2}").parse().map_err(|_| error())?;
        let rate = whole.checked_mul(100).and_then(|rate| rate.checked_add(fraction));
        rate.filter(|rate| *rate <= 10_000).map(Vat).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(text: &str) -> Amount {
        Amount::from(text.parse::<Eur>().unwrap())
    }

    #[test]
    fn amounts_are_rounded_only_when_printed() {
        for (amount, decimals, expected) in [
            (eur("5.49"), 2, "5.49"),
            (eur("0.0088"), 2, "0.01"),
            (eur("0.0044"), 2, "0.00"),
            (eur("0.0050"), 2, "0.01"),
            (eur("1.9950"), 2, "2.00"),
            (eur("7.49"), 0, "7"),
            (Amount::ZERO - eur("0.0050"), 2, "-0.01"),
            (Amount::ZERO - eur("0.0049"), 2, "0.00"),
            (eur("0.0088").percent(20), 6, "0.001760"),
        ] {
            assert_eq!(amount.to_decimal(decimals), expected, "{amount:?}");
        }
        // Ten times 0.0044 is 0.044, although each of them prints as 0.00.
        assert_eq!((0..10).fold(Amount::ZERO, |sum, _| sum + eur("0.0044")).to_string(), "0.04");
    }

    #[test]
    fn every_digit_can_be_had() {
        let gross = "8.1".parse::<Vat>().unwrap().add_to(eur("0.0088").percent(20));
        // 0.0088 × 0.20 × 1.081
        assert_eq!(gross.exact(), "0.00190256");
        assert_eq!(eur("12").exact(), "12.00");
        assert_eq!(eur("12.5").exact(), "12.50");
    }

    #[test]
    fn an_hour_is_a_624th_of_the_month_to_four_decimals() {
        for (month, hour) in [("5.49", "0.0088"), ("42.99", "0.0689"), ("7.49", "0.0120"), ("0", "0.00")] {
            assert_eq!(eur(month).hourly_of_month(), eur(hour), "{month}");
        }
    }

    #[test]
    fn tax_is_added_to_the_net() {
        for (net, vat, gross) in [
            ("5.49", "19", "6.5331"),
            ("100", "25.5", "125.50"),
            ("100", "0", "100.00"),
            ("1", "8.25", "1.0825"),
        ] {
            assert_eq!(vat.parse::<Vat>().unwrap().add_to(eur(net)).exact(), gross, "{net} {vat}");
        }
    }

    #[test]
    fn rates_are_read_and_shown() {
        for (text, shown) in
            [("19", "19"), ("8.1", "8.1"), ("7.70", "7.7"), ("8.25", "8.25"), ("0.05", "0.05")]
        {
            assert_eq!(text.parse::<Vat>().unwrap().to_string(), shown);
        }
        for text in ["", "x", "-1", "1e1", "100.01", "5.123", ".5", "5.", "99999999999", "１９"] {
            assert!(text.parse::<Vat>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_sum_with_something_unknown_says_so() {
        let sum: Sum = [Some(eur("1.50")), None, Some(eur("2")), None].map(Sum::from).into_iter().sum();
        assert_eq!(sum, Sum { known: eur("3.50"), unknown: 2 });
        assert!(!sum.is_complete());
    }

    #[test]
    fn beyond_all_bounds_nothing_breaks() {
        let huge = Amount(i128::MAX);
        assert_eq!(huge.times(u64::MAX) + huge, huge);
        assert!(!Vat::percent(100).add_to(huge).to_decimal(2).is_empty());
        assert!(!(Amount(i128::MIN) - huge).exact().is_empty());
    }
}
