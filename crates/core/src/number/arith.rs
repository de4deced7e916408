//! Arithmetic, with the precision and the rounding of Go's `big.Float` as cty uses it.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::Zero;

use super::{Big, Number, NumberError, PARSED, Parts, Repr, WHOLE};

impl Number {
    /// The sum.
    pub fn add(&self, other: &Number) -> Result<Number, NumberError> {
        self.sum(other, self.precision.max(other.precision)).ok_or(NumberError::OpposingInfinities)?
    }

    /// The difference.
    pub fn sub(&self, other: &Number) -> Result<Number, NumberError> {
        let precision = self.precision.max(other.precision);
        self.sum(&other.neg(), precision).ok_or(NumberError::InfinityMinusItself)?
    }

    /// The product. It keeps as many bits as it needs, up to 512.
    pub fn mul(&self, other: &Number) -> Result<Number, NumberError> {
        let precision = self.precision.max(other.precision);
        if let (Repr::Int(a), Repr::Int(b)) = (&self.repr, &other.repr)
            && let Some(product) = a.checked_mul(*b)
            && product != 0
            && precision >= WHOLE
        {
            return Ok(Number { repr: Repr::Int(product), precision });
        }
        let mut product = self.product(other, PARSED).ok_or(NumberError::ZeroTimesInfinity)??;
        let needed = match &product.repr {
            Repr::Big(big) => big.mantissa.bits(),
            Repr::Int(i) => u64::from(64 - i.unsigned_abs().leading_zeros()),
            _ => 0,
        };
        product.precision = precision.max(needed.min(u64::from(PARSED)) as u16);
        Ok(product)
    }

    /// The quotient; infinite when `other` is zero.
    pub fn div(&self, other: &Number) -> Result<Number, NumberError> {
        let precision = self.precision.max(other.precision);
        let negative = self.is_sign_negative() != other.is_sign_negative();
        match (self.parts(), other.parts()) {
            (Parts::Zero { .. }, Parts::Zero { .. }) | (Parts::Infinity { .. }, Parts::Infinity { .. }) => {
                Err(NumberError::IndeterminateQuotient)
            }
            (Parts::Zero { .. }, _) | (_, Parts::Infinity { .. }) => Ok(Self::zero(negative, precision)),
            (Parts::Infinity { .. }, _) | (_, Parts::Zero { .. }) => Ok(Self::infinity(negative, precision)),
            (Parts::Finite(a), Parts::Finite(b)) => quotient(negative, a, b, precision),
        }
    }

    /// The remainder of the division truncated towards zero; the number itself when `other` is zero.
    pub fn rem(&self, other: &Number) -> Result<Number, NumberError> {
        if self.is_infinite() {
            return Err(NumberError::IndeterminateRemainder);
        }
        if other.is_zero() {
            return Ok(self.clone());
        }
        if let (Repr::Int(a), Repr::Int(b)) = (&self.repr, &other.repr)
            && self.precision == PARSED
        {
            return Ok(Number { repr: Repr::Int(a.wrapping_rem(*b)), precision: PARSED });
        }
        let precision = self.precision;
        let whole = self.div(other)?.to_bigint().ok_or(NumberError::IndeterminateRemainder)?;
        let (sign, whole) = whole.into_parts();
        let whole = Self::rounded(sign == Sign::Minus, whole, 0, precision)?;
        let multiple = other.product(&whole, precision).ok_or(NumberError::IndeterminateRemainder)??;
        self.sum(&multiple.neg(), precision).ok_or(NumberError::IndeterminateRemainder)?
    }

    /// The number with the other sign; of zero too, which is then printed `-0`.
    #[must_use]
    pub fn neg(&self) -> Number {
        let repr = match &self.repr {
            Repr::Int(0) => Repr::NegativeZero,
            Repr::NegativeZero => Repr::Int(0),
            Repr::Infinity { negative } => Repr::Infinity { negative: !negative },
            Repr::Int(i) if *i != i64::MIN => Repr::Int(-i),
            _ => match self.parts() {
                Parts::Finite(Big { negative, mantissa, exponent }) => {
                    // The same digits as before, so rounding cannot change or refuse them.
                    let precision = mantissa.bits().min(u64::from(u16::MAX)) as u16;
                    return Self::rounded(!negative, mantissa, exponent, precision)
                        .map_or_else(|_| self.clone(), |n| Number { precision: self.precision, ..n });
                }
                _ => self.repr.clone(),
            },
        };
        Number { repr, precision: self.precision }
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(&self) -> Number {
        if self.is_sign_negative() { self.neg() } else { self.clone() }
    }

    /// The greatest whole number that is not greater.
    #[must_use]
    pub fn floor(&self) -> Number {
        self.to_whole(|value, truncated| if value.is_sign_negative() { truncated - 1u8 } else { truncated })
    }

    /// The least whole number that is not less.
    #[must_use]
    pub fn ceil(&self) -> Number {
        self.to_whole(|value, truncated| if value.is_sign_negative() { truncated } else { truncated + 1u8 })
    }

    /// The number without its fraction.
    #[must_use]
    pub fn trunc(&self) -> Number {
        self.to_whole(|_, truncated| truncated)
    }

    /// The number as it is if whole, or what `adjust` makes of its whole part. Negative zero becomes zero.
    fn to_whole(&self, adjust: impl Fn(&Number, BigInt) -> BigInt) -> Number {
        match &self.repr {
            Repr::NegativeZero => Self::zero(false, self.precision),
            Repr::Big(big) if big.exponent < 0 => {
                let Some(truncated) = self.to_bigint() else { return self.clone() };
                let (sign, mantissa) = adjust(self, truncated).into_parts();
                Self::rounded(sign == Sign::Minus, mantissa, 0, self.precision)
                    .unwrap_or_else(|_| self.clone())
            }
            _ => self.clone(),
        }
    }

    /// `self` to the power of `exponent`, computed with `f64` as Terraform does.
    pub fn pow(&self, exponent: &Number) -> Result<Number, NumberError> {
        Number::from_f64(self.to_f64().powf(exponent.to_f64())).ok_or(NumberError::Undefined)
    }

    /// The logarithm to a base, computed with `f64` as Terraform does.
    pub fn log(&self, base: &Number) -> Result<Number, NumberError> {
        Number::from_f64(self.to_f64().ln() / base.to_f64().ln()).ok_or(NumberError::Undefined)
    }

    /// The whole number that `text` means in a base from 2 to 62, as Terraform's `parseint` reads it: a sign, then
    /// digits; for bases above 36 lower-case letters come before upper-case ones, below they mean the same.
    pub fn parse_int(text: &str, base: u32) -> Result<Number, NumberError> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        if digits.is_empty() || !(2..=62).contains(&base) {
            return Err(NumberError::Syntax);
        }
        if digits.len() > super::decimal::MAX_DIGITS {
            return Err(NumberError::OutOfRange);
        }
        let digit = |c: u8| {
            let value = match c {
                b'0'..=b'9' => c - b'0',
                b'a'..=b'z' => c - b'a' + 10,
                b'A'..=b'Z' if base <= 36 => c - b'A' + 10,
                b'A'..=b'Z' => c - b'A' + 36,
                _ => return Err(NumberError::Syntax),
            };
            if u32::from(value) < base { Ok(value) } else { Err(NumberError::Syntax) }
        };
        let digits = digits.iter().map(|&c| digit(c)).collect::<Result<Vec<u8>, _>>()?;
        let whole = BigUint::from_radix_be(&digits, base).ok_or(NumberError::Syntax)?;
        BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, whole).try_into()
    }

    /// The sum to a precision; none for opposing infinities.
    fn sum(&self, other: &Number, precision: u16) -> Option<Result<Number, NumberError>> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.repr, &other.repr)
            && let Some(sum) = a.checked_add(*b)
            && precision >= WHOLE
        {
            return Some(Ok(Number { repr: Repr::Int(sum), precision }));
        }
        Some(match (self.parts(), other.parts()) {
            (Parts::Infinity { negative: a }, Parts::Infinity { negative: b }) if a != b => return None,
            (Parts::Infinity { negative }, _) | (_, Parts::Infinity { negative }) => {
                Ok(Self::infinity(negative, precision))
            }
            (Parts::Zero { negative: a }, Parts::Zero { negative: b }) => Ok(Self::zero(a && b, precision)),
            (Parts::Zero { .. }, Parts::Finite(n)) | (Parts::Finite(n), Parts::Zero { .. }) => {
                Self::rounded(n.negative, n.mantissa, n.exponent, precision)
            }
            (Parts::Finite(a), Parts::Finite(b)) => {
                let exponent = a.exponent.min(b.exponent);
                let (sign, mantissa) = (a.aligned(exponent) + b.aligned(exponent)).into_parts();
                Self::rounded(sign == Sign::Minus, mantissa, exponent, precision)
            }
        })
    }

    /// The product to a precision; none for zero times infinity.
    fn product(&self, other: &Number, precision: u16) -> Option<Result<Number, NumberError>> {
        let negative = self.is_sign_negative() != other.is_sign_negative();
        Some(match (self.parts(), other.parts()) {
            (Parts::Zero { .. }, Parts::Infinity { .. }) | (Parts::Infinity { .. }, Parts::Zero { .. }) => {
                return None;
            }
            (Parts::Zero { .. }, _) | (_, Parts::Zero { .. }) => Ok(Self::zero(negative, precision)),
            (Parts::Infinity { .. }, _) | (_, Parts::Infinity { .. }) => {
                Ok(Self::infinity(negative, precision))
            }
            (Parts::Finite(a), Parts::Finite(b)) => {
                Self::rounded(negative, a.mantissa * b.mantissa, a.exponent + b.exponent, precision)
            }
        })
    }
}

impl Big {
    /// The number as a multiple of `2^exponent`, which is not above its own exponent.
    fn aligned(self, exponent: i64) -> BigInt {
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_biguint(sign, self.mantissa << (self.exponent - exponent))
    }
}

/// `a / b` without regard to their signs, rounded once.
pub(super) fn quotient(negative: bool, a: Big, b: Big, precision: u16) -> Result<Number, NumberError> {
    // Two bits more than wanted, then one that says whether anything follows: enough to round correctly.
    let wanted = u64::from(precision) + 2 + b.mantissa.bits();
    let shift = wanted.saturating_sub(a.mantissa.bits());
    let (whole, rest) = (a.mantissa << shift).div_rem(&b.mantissa);
    let mut mantissa: BigUint = whole << 1u8;
    if !rest.is_zero() {
        mantissa += 1u8;
    }
    Number::rounded(negative, mantissa, a.exponent - b.exponent - shift as i64 - 1, precision)
}
