//! Numbers as decimal text: reading and writing, with the results of Go's `big.Float`.

use std::str::FromStr;

use num_bigint::BigUint;

use super::{Big, MAX_MAGNITUDE, Number, NumberError, PARSED, Parts, Repr};

/// More digits than this are refused unread; a number that large would be [`NumberError::OutOfRange`] anyway, and
/// one with so long a fraction means nothing.
pub(super) const MAX_DIGITS: usize = 200_000;

/// How a number is written, after the letters of the `printf` family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `-ddd.ddd` (`%f`).
    Plain,
    /// `-d.ddde±dd` (`%e`).
    Exponent,
    /// The shorter of both (`%g`): with an exponent when it is below -4 or not below the precision.
    Shorter,
}

/// A decimal as cty's `ParseNumberVal` reads it: sign, digits, fraction, and an exponent of ten (`e`) or of two (`p`);
/// also `Inf` with a sign or without. Rounded to 512 bits.
impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        if matches!(rest, b"Inf" | b"inf") {
            return Ok(Number::infinity(negative, PARSED));
        }
        // Most numbers are small whole ones.
        if (1..=18).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit) {
            let whole = rest.iter().fold(0i64, |n, c| n * 10 + i64::from(c - b'0'));
            return Ok(match (whole, negative) {
                (0, true) => Number::zero(true, PARSED),
                _ => Number { repr: Repr::Int(if negative { -whole } else { whole }), precision: PARSED },
            });
        }
        parse(negative, rest, PARSED)
    }
}

fn parse(negative: bool, text: &[u8], precision: u16) -> Result<Number, NumberError> {
    let (mantissa, exponent) = match text.iter().position(|c| matches!(c, b'e' | b'E' | b'p' | b'P')) {
        Some(at) => (&text[..at], Some((text[at].to_ascii_lowercase(), &text[at + 1..]))),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.iter().position(|&c| c == b'.') {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &[][..]),
    };
    let digits = || whole.iter().chain(fraction);
    if digits().next().is_none() || !digits().all(u8::is_ascii_digit) {
        return Err(NumberError::Syntax);
    }
    let (mut ten, mut two) = (-(fraction.len() as i64), 0i64);
    if let Some((kind, exponent)) = exponent {
        let exponent = parse_exponent(exponent)?;
        *(if kind == b'p' { &mut two } else { &mut ten }) += exponent;
    }
    let significant: Vec<u8> = digits().skip_while(|&&c| c == b'0').map(|c| c - b'0').collect();
    if significant.is_empty() {
        return Ok(Number::zero(negative, precision));
    }
    // 3.3 bits a digit: whatever passes here is at most a few times too large, and refused after rounding.
    let magnitude = ten.saturating_add(significant.len() as i64).saturating_add(two);
    if significant.len() > MAX_DIGITS || magnitude.abs() > MAX_MAGNITUDE || two.abs() > MAX_MAGNITUDE {
        return Err(NumberError::OutOfRange);
    }
    let mantissa = BigUint::from_radix_be(&significant, 10).ok_or(NumberError::Syntax)?;
    // Ten to a power is five to it and two to it.
    let five = BigUint::from(5u8).pow(ten.unsigned_abs() as u32);
    if ten >= 0 {
        return Number::rounded(negative, mantissa * five, ten + two, precision);
    }
    let dividend = Big { negative, mantissa, exponent: ten + two };
    super::arith::quotient(
        negative,
        dividend,
        Big { negative: false, mantissa: five, exponent: 0 },
        precision,
    )
}

/// A decimal exponent with an optional sign; those that would not fit are capped, being out of range anyway.
fn parse_exponent(text: &[u8]) -> Result<i64, NumberError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberError::Syntax);
    }
    let value = digits.iter().fold(0i64, |n, c| (n * 10 + i64::from(c - b'0')).min(1 << 40));
    Ok(if negative { -value } else { value })
}

impl Number {
    /// The decimal rounded to so many bits (1 to 512), which results computed from it keep too.
    pub fn parse_with_precision(text: &str, precision: u16) -> Result<Number, NumberError> {
        let precision = precision.clamp(1, PARSED);
        let digits = text.trim_start_matches(['-', '+']);
        if text.len() - digits.len() > 1 {
            return Err(NumberError::Syntax);
        }
        let negative = text.starts_with('-');
        match digits {
            "Inf" | "inf" => Ok(Number::infinity(negative, precision)),
            digits => parse(negative, digits.as_bytes(), precision),
        }
    }

    /// The number as text with that many digits: after the point for [`Notation::Plain`] and [`Notation::Exponent`],
    /// in all for [`Notation::Shorter`]; without a count, as many as it takes to read the same number back.
    pub fn text(&self, notation: Notation, digits: Option<usize>) -> String {
        let sign = if self.is_sign_negative() { "-" } else { "" };
        let mut decimal = match self.parts() {
            Parts::Infinity { negative } => return if negative { "-Inf" } else { "+Inf" }.to_owned(),
            Parts::Zero { .. } => Decimal::default(),
            Parts::Finite(big) => match digits {
                None => Decimal::shortest(&big, self.precision),
                Some(_) => Decimal::exact(&big.mantissa, big.exponent),
            },
        };
        let len = |d: &Decimal| d.digits.len() as i64;
        let count = match digits {
            None => match notation {
                Notation::Plain => (len(&decimal) - decimal.exponent).max(0),
                Notation::Exponent => (len(&decimal) - 1).max(0),
                Notation::Shorter => len(&decimal),
            },
            Some(count) => {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                let (count, keep) = match notation {
                    Notation::Plain => (count, decimal.exponent.saturating_add(count)),
                    Notation::Exponent => (count, count.saturating_add(1)),
                    Notation::Shorter => (count.max(1), count.max(1)),
                };
                decimal.round(keep);
                count
            }
        };
        let body = match notation {
            Notation::Plain => decimal.plain(count),
            Notation::Exponent => decimal.with_exponent(count),
            Notation::Shorter => decimal.shorter(count, digits.is_none()),
        };
        format!("{sign}{body}")
    }
}

/// `0.DIGITS * 10^exponent`; no trailing zeros, no digits at all for zero.
#[derive(Default)]
struct Decimal {
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Every digit of `mantissa * 2^exponent`.
    fn exact(mantissa: &BigUint, exponent: i64) -> Decimal {
        let (whole, fraction_digits) = if exponent >= 0 {
            (mantissa << exponent, 0)
        } else {
            (mantissa * BigUint::from(5u8).pow(exponent.unsigned_abs() as u32), -exponent)
        };
        let digits = whole.to_radix_be(10);
        let mut decimal = Decimal { exponent: digits.len() as i64 - fraction_digits, digits };
        decimal.trim();
        decimal
    }

    /// The fewest digits that read back as the same number at this precision, the nearest of them to it.
    fn shortest(big: &Big, precision: u16) -> Decimal {
        let mut exact = Self::exact(&big.mantissa, big.exponent);
        // The bounds lie half a unit in the last place away; with one bit more than the precision that half is one.
        let shift = u64::from(precision) + 1 - big.mantissa.bits().min(u64::from(precision));
        let (mantissa, exponent) = (&big.mantissa << shift, big.exponent - shift as i64);
        let lower = Self::exact(&(&mantissa - 1u8), exponent);
        let upper = Self::exact(&(&mantissa + 1u8), exponent);
        // A bound itself reads back as this number only if rounding half to even prefers this one.
        let inclusive = !mantissa.bit(1);
        let at = |d: &Decimal, i: usize| d.digits.get(i).copied().unwrap_or(0);
        for (i, &digit) in exact.digits.iter().enumerate() {
            let (low, high) = (at(&lower, i), at(&upper, i));
            let down = low != digit || (inclusive && i + 1 == lower.digits.len());
            let up = digit != high && (inclusive || digit + 1 < high || i + 1 < upper.digits.len());
            let keep = i + 1;
            match (down, up) {
                (true, true) => exact.round(keep as i64),
                (true, false) => exact.round_down(keep),
                (false, true) => exact.round_up(keep),
                (false, false) => continue,
            }
            break;
        }
        exact
    }

    fn trim(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.exponent = 0;
        }
    }

    /// Keeps that many digits, half to even.
    fn round(&mut self, keep: i64) {
        let Ok(keep) = usize::try_from(keep) else {
            // Not even the first digit counts.
            *self = Decimal::default();
            return;
        };
        let Some(&next) = self.digits.get(keep) else { return };
        let up = if next == 5 && keep + 1 == self.digits.len() {
            keep > 0 && self.digits[keep - 1] % 2 == 1
        } else {
            next >= 5
        };
        if up { self.round_up(keep) } else { self.round_down(keep) }
    }

    fn round_down(&mut self, keep: usize) {
        self.digits.truncate(keep);
        self.trim();
    }

    fn round_up(&mut self, keep: usize) {
        if keep >= self.digits.len() {
            return;
        }
        self.digits.truncate(keep);
        while self.digits.last() == Some(&9) {
            self.digits.pop();
        }
        match self.digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                self.digits.push(1);
                self.exponent += 1;
            }
        }
    }

    fn digit(&self, at: i64) -> char {
        let digit = usize::try_from(at).ok().and_then(|i| self.digits.get(i)).copied().unwrap_or(0);
        char::from(b'0' + digit)
    }

    fn plain(&self, fraction: i64) -> String {
        let mut out = String::new();
        if self.exponent > 0 {
            out.extend((0..self.exponent).map(|i| self.digit(i)));
        } else {
            out.push('0');
        }
        if fraction > 0 {
            out.push('.');
            out.extend((0..fraction).map(|i| self.digit(self.exponent + i)));
        }
        out
    }

    fn with_exponent(&self, fraction: i64) -> String {
        let mut out = String::from(self.digit(0));
        if fraction > 0 {
            out.push('.');
            out.extend((1..=fraction).map(|i| self.digit(i)));
        }
        let exponent = if self.digits.is_empty() { 0 } else { self.exponent - 1 };
        out.push_str(if exponent < 0 { "e-" } else { "e+" });
        out.push_str(&format!("{:02}", exponent.abs()));
        out
    }

    fn shorter(&self, mut precision: i64, shortest: bool) -> String {
        let len = self.digits.len() as i64;
        let threshold = match () {
            () if shortest => 6,
            () if precision > len && len >= self.exponent => len,
            () => precision,
        };
        let exponent = self.exponent - 1;
        if exponent < -4 || exponent >= threshold {
            precision = precision.min(len);
            return self.with_exponent(precision - 1);
        }
        if precision > self.exponent {
            precision = len;
        }
        self.plain((precision - self.exponent).max(0))
    }
}
