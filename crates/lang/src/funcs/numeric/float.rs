//! Logarithms and powers of `f64` to the last bit as Terraform has them.
//!
//! The last bits of these functions differ from library to library. Results stand in states, so that they have to be
//! those of Go: its logarithm is FreeBSD's, whole powers are products.

/// The natural logarithm: the number is taken apart into `2^k * (1 + f)`, and `log(1 + f)` is a polynomial.
pub(super) fn log(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const L1: f64 = 6.666_666_666_666_735e-1;
    const L2: f64 = 3.999_999_999_940_942e-1;
    const L3: f64 = 2.857_142_874_366_239e-1;
    const L4: f64 = 2.222_219_843_214_978_4e-1;
    const L5: f64 = 1.818_357_216_161_805e-1;
    const L6: f64 = 1.531_383_769_920_937_3e-1;
    const L7: f64 = 1.479_819_860_511_658_6e-1;
    if x.is_nan() || x.is_infinite() || x <= 0.0 {
        return x.ln();
    }
    let (mut fraction, mut exponent) = split(x);
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let f = fraction - 1.0;
    let k = f64::from(exponent);
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let t1 = s2 * (L1 + s4 * (L3 + s4 * (L5 + s4 * L7)));
    let t2 = s4 * (L2 + s4 * (L4 + s4 * L6));
    let r = t1 + t2;
    let half_square = 0.5 * f * f;
    k * LN2_HIGH - ((half_square - (s * (half_square + r) + k * LN2_LOW)) - f)
}

/// `x` to the power of `y`: the whole part of `y` by repeated squaring, the rest by the exponential function.
pub(super) fn pow(x: f64, y: f64) -> f64 {
    // From here on whole parts are even, and results overflow or vanish unless x is -1.
    const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;
    let special = !x.is_finite() || !y.is_finite() || x == 0.0 || y == 0.0 || x == 1.0;
    if special || y.abs() >= TOO_LARGE {
        return x.powf(y);
    }
    if y == 1.0 {
        return x;
    }
    if y == 0.5 {
        return x.sqrt();
    }
    if y == -0.5 {
        return 1.0 / x.sqrt();
    }
    let mut whole = y.abs().trunc();
    let mut rest = y.abs() - whole;
    if rest != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    let (mut product, mut exponent) = (1.0, 0i64);
    if rest != 0.0 {
        if rest > 0.5 {
            rest -= 1.0;
            whole += 1.0;
        }
        product = (rest * log(x)).exp();
    }
    let (mut square, power) = split(x);
    let mut power = i64::from(power);
    let mut bits = whole as u64;
    while bits != 0 {
        if power.abs() > 1 << 12 {
            // Beyond what an f64 can hold, whatever follows.
            exponent += power;
            break;
        }
        if bits & 1 == 1 {
            product *= square;
            exponent += power;
        }
        square *= square;
        power *= 2;
        if square < 0.5 {
            square += square;
            power -= 1;
        }
        bits >>= 1;
    }
    if y < 0.0 {
        product = 1.0 / product;
        exponent = -exponent;
    }
    scale(product, exponent)
}

/// A fraction from a half to one and a power of two, whose product is the number; for normal and subnormal numbers.
fn split(x: f64) -> (f64, i32) {
    const SHIFT: i32 = 52;
    let (x, shift) = if x.is_subnormal() { (x * (1u64 << SHIFT) as f64, SHIFT) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1022 - shift;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent)
}

/// `x * 2^exponent`, rounded once.
fn scale(x: f64, exponent: i64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let (fraction, own) = split(x);
    // What lies beyond these bounds is infinite or zero in any case.
    let exponent = exponent.clamp(-4000, 4000) as i32 + own;
    // In two steps, as two to the power need not be a number itself; only the last one can round.
    let half = exponent.clamp(-2000, 2000) / 2;
    if exponent > 1024 {
        return f64::INFINITY.copysign(x);
    }
    if exponent < -1080 {
        return 0f64.copysign(x);
    }
    fraction * 2f64.powi(half) * 2f64.powi(exponent - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_within_a_few_units_of_the_last_place_of_the_true_ones() {
        let close = |a: f64, b: f64| a == b || ((a - b) / b).abs() < 1e-12 || a.is_nan() && b.is_nan();
        for x in [1e-300, 0.1, 0.5, 0.75, 1.0, 1.5, 2.0, 10.0, 12345.678, 1e300, 5e-324] {
            assert!(close(log(x), x.ln()), "log {x}");
            for y in [-3.0, -1.0, -0.5, 0.25, 0.5, 1.0, 2.0, 2.75, 10.0, 100.0] {
                assert!(close(pow(x, y), x.powf(y)), "{x} to {y}: {} {}", pow(x, y), x.powf(y));
            }
        }
        assert!(pow(-8.0, 1.0 / 3.0).is_nan());
        assert_eq!(pow(-2.0, 3.0), -8.0);
    }
}
