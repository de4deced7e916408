//! Numbers of the language: binary floating point with a mantissa of up to 512 bits, rounded half to even.
//!
//! Terraform computes with Go's `big.Float`, and how precise a result is depends on where the operands come from:
//! literals, strings and JSON carry 512 bits, whole numbers that the program itself makes (a length, an index) 64,
//! results of floating-point functions 53; a sum, difference or quotient is as precise as its better operand. This
//! is observable (`length([1])/length([1, 2, 3])` prints 20 digits, `1/3` 155), so a [`Number`] keeps its precision.
//! Comparison looks at the value alone.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{ToPrimitive, Zero};

mod arith;
mod decimal;

pub use decimal::Notation;

/// Bits of a number that was written in configuration, text or JSON.
const PARSED: u16 = 512;
/// Bits of a whole number that the program itself made.
const WHOLE: u16 = 64;
/// Bits of a number that came from an `f64`.
const DOUBLE: u16 = 53;
/// Numbers of a magnitude beyond two to this power, and fractions below its inverse, are refused: a few characters
/// of input (`1e999999999`) must not take gigabytes. It allows 78,913 decimal digits.
const MAX_MAGNITUDE: i64 = 1 << 18;

/// A number; see the [module](self) for its precision. May be infinite (`1/0` is), never "not a number".
#[derive(Clone)]
pub struct Number {
    repr: Repr,
    /// Bits of the mantissa that results computed from this number keep.
    precision: u16,
}

/// Every value has exactly one representation: the first of these that can hold it.
#[derive(Clone)]
enum Repr {
    Int(i64),
    /// Equal to zero, but printed `-0`.
    NegativeZero,
    Big(Arc<Big>),
    Infinity {
        negative: bool,
    },
}

/// Plus or minus `mantissa * 2^exponent`; the mantissa is odd.
#[derive(PartialEq, Eq, Hash)]
struct Big {
    negative: bool,
    mantissa: BigUint,
    exponent: i64,
}

/// Why there is no number to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    /// The text is not a decimal number.
    Syntax,
    /// The number is too large, or too close to zero, to compute with.
    OutOfRange,
    /// Infinity plus negative infinity.
    OpposingInfinities,
    /// Infinity minus infinity.
    InfinityMinusItself,
    /// Zero times infinity.
    ZeroTimesInfinity,
    /// Zero by zero or infinity by infinity.
    IndeterminateQuotient,
    /// A remainder in which infinity takes part.
    IndeterminateRemainder,
    /// A function has no value there (a logarithm of a negative number).
    Undefined,
}

/// Worded to follow "Error during operation: ", as Terraform has it.
impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NumberError::Syntax => "a number is required",
            NumberError::OutOfRange => "the number is too large or too close to zero to compute with",
            NumberError::OpposingInfinities => "can't compute sum of opposing infinities",
            NumberError::InfinityMinusItself => "can't subtract infinity from itself",
            NumberError::ZeroTimesInfinity => "can't multiply zero by infinity",
            NumberError::IndeterminateQuotient => "can't divide zero by zero or infinity by infinity",
            NumberError::IndeterminateRemainder => "can't use modulo with zero and infinity",
            NumberError::Undefined => "the function has no value for the given number",
        })
    }
}

impl std::error::Error for NumberError {}

/// A number taken apart for computing.
enum Parts {
    Zero { negative: bool },
    Finite(Big),
    Infinity { negative: bool },
}

/// Making numbers.
impl Number {
    /// Zero.
    pub const ZERO: Number = Number { repr: Repr::Int(0), precision: WHOLE };
    /// Greater than every other number.
    pub const INFINITY: Number = Number { repr: Repr::Infinity { negative: false }, precision: WHOLE };
    /// Less than every other number.
    pub const NEG_INFINITY: Number = Number { repr: Repr::Infinity { negative: true }, precision: WHOLE };

    /// A number from an `f64`; none for "not a number".
    pub fn from_f64(value: f64) -> Option<Number> {
        if value.is_nan() {
            return None;
        }
        if value.is_infinite() {
            return Some(Self::infinity(value < 0.0, DOUBLE));
        }
        let bits = value.to_bits();
        let (fraction, exponent) = (bits & ((1 << 52) - 1), ((bits >> 52) & 0x7ff) as i64);
        let (mantissa, exponent) =
            if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
        Self::rounded(value.is_sign_negative(), mantissa.into(), exponent, DOUBLE).ok()
    }

    /// Plus or minus zero.
    fn zero(negative: bool, precision: u16) -> Number {
        Number { repr: if negative { Repr::NegativeZero } else { Repr::Int(0) }, precision }
    }

    fn infinity(negative: bool, precision: u16) -> Number {
        Number { repr: Repr::Infinity { negative }, precision }
    }

    /// `mantissa * 2^exponent`, rounded half to even to `precision` bits.
    fn rounded(
        negative: bool,
        mut mantissa: BigUint,
        mut exponent: i64,
        precision: u16,
    ) -> Result<Number, NumberError> {
        let Some(mut zeros) = mantissa.trailing_zeros() else {
            return Ok(Self::zero(negative, precision));
        };
        let excess = mantissa.bits().saturating_sub(u64::from(precision));
        if excess > zeros {
            let half = mantissa.bit(excess - 1);
            let beyond_half = zeros < excess - 1;
            mantissa >>= excess;
            exponent += excess as i64;
            if half && (beyond_half || mantissa.bit(0)) {
                mantissa += 1u8;
            }
            zeros = mantissa.trailing_zeros().unwrap_or(0);
        }
        if zeros > 0 {
            mantissa >>= zeros;
            exponent += zeros as i64;
        }
        let magnitude = exponent + mantissa.bits() as i64;
        if !(-MAX_MAGNITUDE..=MAX_MAGNITUDE).contains(&magnitude) {
            return Err(NumberError::OutOfRange);
        }
        if (0..64).contains(&exponent)
            && magnitude <= 64
            && let Some(mantissa) = mantissa.to_i128()
        {
            let whole = mantissa << exponent;
            if let Ok(whole) = i64::try_from(if negative { -whole } else { whole }) {
                return Ok(Number { repr: Repr::Int(whole), precision });
            }
        }
        Ok(Number { repr: Repr::Big(Arc::new(Big { negative, mantissa, exponent })), precision })
    }

    fn parts(&self) -> Parts {
        match &self.repr {
            Repr::Int(0) => Parts::Zero { negative: false },
            Repr::NegativeZero => Parts::Zero { negative: true },
            Repr::Int(i) => {
                Parts::Finite(Big { negative: *i < 0, mantissa: i.unsigned_abs().into(), exponent: 0 })
            }
            Repr::Big(big) => Parts::Finite(Big {
                negative: big.negative,
                mantissa: big.mantissa.clone(),
                exponent: big.exponent,
            }),
            Repr::Infinity { negative } => Parts::Infinity { negative: *negative },
        }
    }
}

/// Looking at numbers.
impl Number {
    /// Whether it has no fraction; infinity has none, and is no whole number either.
    pub fn is_integer(&self) -> bool {
        match &self.repr {
            Repr::Int(_) | Repr::NegativeZero => true,
            Repr::Big(big) => big.exponent >= 0,
            Repr::Infinity { .. } => false,
        }
    }

    /// Whether it is infinity or negative infinity.
    pub fn is_infinite(&self) -> bool {
        matches!(self.repr, Repr::Infinity { .. })
    }

    /// Whether it is zero, of either sign.
    pub fn is_zero(&self) -> bool {
        matches!(self.repr, Repr::Int(0) | Repr::NegativeZero)
    }

    /// Whether it is less than zero, or the zero that is printed `-0`.
    pub fn is_sign_negative(&self) -> bool {
        match &self.repr {
            Repr::Int(i) => *i < 0,
            Repr::NegativeZero => true,
            Repr::Big(big) => big.negative,
            Repr::Infinity { negative } => *negative,
        }
    }

    /// Minus one, zero or one: the sign, zero for either zero.
    pub fn signum(&self) -> i32 {
        match (self.is_zero(), self.is_sign_negative()) {
            (true, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    /// How many bits results computed from it keep.
    pub fn precision(&self) -> u16 {
        self.precision
    }

    /// The same number keeping that many bits (at most 512) from here on; none if it needs more.
    pub fn with_precision(&self, precision: u16) -> Option<Number> {
        let needed = match &self.repr {
            Repr::Int(i) => 64 - i.unsigned_abs().leading_zeros() as u64 - u64::from(i.trailing_zeros() % 64),
            Repr::Big(big) => big.mantissa.bits(),
            Repr::NegativeZero | Repr::Infinity { .. } => 0,
        };
        let fits = (1..=PARSED).contains(&precision) && needed <= u64::from(precision);
        fits.then(|| Number { repr: self.repr.clone(), precision })
    }

    /// The number as an `i64`, if it is one exactly.
    pub fn to_i64(&self) -> Option<i64> {
        match &self.repr {
            Repr::Int(i) => Some(*i),
            Repr::NegativeZero => Some(0),
            Repr::Big(_) | Repr::Infinity { .. } => None,
        }
    }

    /// The number as a `u64`, if it is one exactly.
    pub fn to_u64(&self) -> Option<u64> {
        match &self.repr {
            Repr::Big(big) if !big.negative && (0..64).contains(&big.exponent) => {
                (&big.mantissa << big.exponent).to_u64()
            }
            _ => self.to_i64()?.try_into().ok(),
        }
    }

    /// The number as a `usize`, if it is one exactly.
    pub fn to_usize(&self) -> Option<usize> {
        self.to_u64()?.try_into().ok()
    }

    /// The whole number without its fraction; none for infinity.
    pub fn to_bigint(&self) -> Option<BigInt> {
        match self.parts() {
            Parts::Zero { .. } => Some(BigInt::zero()),
            Parts::Infinity { .. } => None,
            Parts::Finite(Big { negative, mantissa, exponent }) => {
                let whole =
                    if exponent >= 0 { mantissa << exponent } else { mantissa >> exponent.unsigned_abs() };
                Some(BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, whole))
            }
        }
    }

    /// The nearest `f64`.
    pub fn to_f64(&self) -> f64 {
        let magnitude = match self.parts() {
            Parts::Zero { .. } => 0.0,
            Parts::Infinity { .. } => f64::INFINITY,
            Parts::Finite(Big { mantissa, exponent, .. }) => nearest_f64(&mantissa, exponent),
        };
        if self.is_sign_negative() { -magnitude } else { magnitude }
    }
}

/// The `f64` nearest to `mantissa * 2^exponent`, half to even.
fn nearest_f64(mantissa: &BigUint, exponent: i64) -> f64 {
    let top = mantissa.bits() as i64 + exponent;
    if top > 1024 {
        return f64::INFINITY;
    }
    // Numbers below the least normal one have fewer bits, the last of which stands for 2^-1074.
    let last = (top - 53).max(-1074);
    if last > top {
        return 0.0;
    }
    let drop = last - exponent;
    let mut kept = if drop <= 0 { mantissa << -drop } else { mantissa >> drop };
    if drop > 0 {
        let drop = drop as u64;
        let beyond_half = mantissa.trailing_zeros().unwrap_or(0) < drop - 1;
        if mantissa.bit(drop - 1) && (beyond_half || kept.bit(0)) {
            kept += 1u8;
        }
    }
    let kept = kept.to_u64().unwrap_or(0) as f64;
    // Two steps, because 2^-1074 itself times a large number is exact while 2^last need not be a normal number.
    let half = last / 2;
    kept * 2f64.powi(half as i32) * 2f64.powi((last - half) as i32)
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Number { repr: Repr::Int(n), precision: WHOLE }
    }
}

impl From<i32> for Number {
    fn from(n: i32) -> Self {
        i64::from(n).into()
    }
}

impl From<u32> for Number {
    fn from(n: u32) -> Self {
        i64::from(n).into()
    }
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        match i64::try_from(n) {
            Ok(n) => n.into(),
            Err(_) => {
                let zeros = n.trailing_zeros();
                let big = Big { negative: false, mantissa: (n >> zeros).into(), exponent: i64::from(zeros) };
                Number { repr: Repr::Big(Arc::new(big)), precision: WHOLE }
            }
        }
    }
}

impl From<usize> for Number {
    fn from(n: usize) -> Self {
        (n as u64).into()
    }
}

/// Exact up to 512 bits, rounded beyond; an error only for numbers beyond all computing.
impl TryFrom<BigInt> for Number {
    type Error = NumberError;

    fn try_from(n: BigInt) -> Result<Self, NumberError> {
        let precision = n.bits().clamp(u64::from(WHOLE), u64::from(PARSED)) as u16;
        let (sign, mantissa) = n.into_parts();
        Self::rounded(sign == Sign::Minus, mantissa, 0, precision)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (&self.repr, &other.repr) {
            (Repr::Int(a), Repr::Int(b)) => a == b,
            (Repr::Big(a), Repr::Big(b)) => a == b,
            (Repr::Infinity { negative: a }, Repr::Infinity { negative: b }) => a == b,
            _ => self.is_zero() && other.is_zero(),
        }
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.repr {
            Repr::Int(i) => i.hash(state),
            Repr::NegativeZero => 0i64.hash(state),
            Repr::Big(big) => big.hash(state),
            Repr::Infinity { negative } => negative.hash(state),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.repr, &other.repr) {
            return a.cmp(b);
        }
        let by_sign = self.signum().cmp(&other.signum());
        if by_sign != Ordering::Equal {
            return by_sign;
        }
        let by_magnitude = match (self.parts(), other.parts()) {
            (Parts::Finite(a), Parts::Finite(b)) => a.cmp_magnitude(&b),
            (Parts::Infinity { .. }, Parts::Infinity { .. }) => Ordering::Equal,
            (Parts::Infinity { .. }, _) => Ordering::Greater,
            (_, Parts::Infinity { .. }) => Ordering::Less,
            // Of the same sign, so both are zero.
            _ => Ordering::Equal,
        };
        if self.is_sign_negative() { by_magnitude.reverse() } else { by_magnitude }
    }
}

impl Big {
    fn cmp_magnitude(&self, other: &Big) -> Ordering {
        let top = |b: &Big| b.exponent + b.mantissa.bits() as i64;
        top(self).cmp(&top(other)).then_with(|| {
            let common = self.exponent.min(other.exponent);
            let aligned = |b: &Big| &b.mantissa << (b.exponent - common);
            aligned(self).cmp(&aligned(other))
        })
    }
}

/// As Terraform writes a number: the shortest decimal that reads back as the same number, without an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.repr {
            Repr::Int(i) => fmt::Display::fmt(&i, f),
            _ => f.pad(&self.text(Notation::Plain, None)),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests;
