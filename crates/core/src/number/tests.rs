//! Expected texts come from `terraform console` 1.11.4 unless a comment says otherwise.

use proptest::prelude::*;

use super::*;

fn number(text: &str) -> Number {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// A whole number as the program itself makes it, with 64 bits.
fn whole(n: i64) -> Number {
    n.into()
}

#[test]
fn text_reads_as_terraform_reads_it() {
    let cases = [
        ("0", "0"),
        ("-0", "-0"),
        ("+5", "5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("010", "10"),
        ("1e5", "100000"),
        ("1.5e-7", "0.00000015"),
        ("1p5", "32"),
        ("inf", "+Inf"),
        ("-Inf", "-Inf"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "9223372036854775808"),
        ("0.1", "0.1"),
        ("123456789.123456789", "123456789.123456789"),
    ];
    for (text, expected) in cases {
        assert_eq!(number(text).to_string(), expected, "{text}");
    }
    let long = format!("1{}", "0".repeat(400));
    assert_eq!(number("1e400").to_string(), long);
    assert_eq!(number("1e-400").to_string(), format!("0.{}1", "0".repeat(399)));
}

#[test]
fn text_that_is_no_number_is_refused() {
    for text in [
        "", " 5", "5 ", "0x10", "1_000", "1e", "e5", ".", "-", "0b11", "--1", "1.2.3", "infinity", "NaN",
        "1e+", "５",
    ] {
        assert_eq!(text.parse::<Number>(), Err(NumberError::Syntax), "{text}");
    }
    // Terraform takes gigabytes for these, or rounds to infinity and zero.
    for text in ["1e999999999999", "1e-999999999999", "1e1000000000", "1p400000", "-1e80000"] {
        assert_eq!(text.parse::<Number>(), Err(NumberError::OutOfRange), "{text}");
    }
    assert_eq!("9".repeat(300_000).parse::<Number>(), Err(NumberError::OutOfRange));
    assert_eq!(number("0e999999999999").to_string(), "0");
}

#[test]
fn results_are_as_precise_as_the_better_operand() {
    let third = "0.33333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333335";
    let div = |a: Number, b: Number| a.div(&b).unwrap().to_string();
    assert_eq!(div(number("1"), number("3")), third);
    assert_eq!(div(whole(1), number("3")), third);
    assert_eq!(div(whole(1), whole(3)), "0.33333333333333333334");
    assert_eq!(number("1").div(&number("3")).unwrap().mul(&number("3")).unwrap(), number("1"));
    assert_eq!(number("0.1").add(&number("0.2")).unwrap().to_string(), "0.3");
    let large = whole(1).mul(&whole(i64::MAX)).unwrap().add(&whole(1)).unwrap();
    assert_eq!(large.to_string(), "9223372036854775808");
    // A product keeps all the bits that it needs.
    assert_eq!(
        whole(i64::MAX).mul(&whole(i64::MAX)).unwrap().to_string(),
        "85070591730234615847396907784232501249"
    );
    // pow(2, 0.5)
    assert_eq!(whole(2).pow(&number("0.5")).unwrap().to_string(), "1.4142135623730951");
}

#[test]
fn arithmetic_of_signs_zeros_and_infinities() {
    let inf = Number::INFINITY;
    type Op = fn(&Number, &Number) -> Result<Number, NumberError>;
    let cases: [(&str, Op, Number, Number, Result<&str, NumberError>); 22] = [
        ("0 * -1", Number::mul, number("0"), number("-1"), Ok("-0")),
        ("0 / -5", Number::div, number("0"), number("-5"), Ok("-0")),
        ("-0 - 0", Number::sub, number("-0"), number("0"), Ok("-0")),
        ("-0 + 0", Number::add, number("-0"), number("0"), Ok("0")),
        ("1 - 1", Number::sub, number("1"), number("1"), Ok("0")),
        ("1.5 - 1.5", Number::sub, number("1.5"), number("1.5"), Ok("0")),
        ("5 % 3", Number::rem, number("5"), number("3"), Ok("2")),
        ("-5 % 3", Number::rem, number("-5"), number("3"), Ok("-2")),
        ("-6 % 3", Number::rem, number("-6"), number("3"), Ok("0")),
        ("5.5 % -2", Number::rem, number("5.5"), number("-2"), Ok("1.5")),
        ("1 % 0", Number::rem, number("1"), number("0"), Ok("1")),
        ("1 / 0", Number::div, number("1"), number("0"), Ok("+Inf")),
        ("-1 / 0", Number::div, number("-1"), number("0"), Ok("-Inf")),
        ("0 / 0", Number::div, number("0"), number("0"), Err(NumberError::IndeterminateQuotient)),
        ("inf / inf", Number::div, inf.clone(), inf.clone(), Err(NumberError::IndeterminateQuotient)),
        ("inf - inf", Number::sub, inf.clone(), inf.clone(), Err(NumberError::InfinityMinusItself)),
        ("inf + -inf", Number::add, inf.clone(), inf.neg(), Err(NumberError::OpposingInfinities)),
        ("inf * 0", Number::mul, inf.clone(), number("0"), Err(NumberError::ZeroTimesInfinity)),
        ("3 % inf", Number::rem, number("3"), inf.clone(), Err(NumberError::IndeterminateRemainder)),
        ("inf % 3", Number::rem, inf.clone(), number("3"), Err(NumberError::IndeterminateRemainder)),
        ("1 / inf", Number::div, number("1"), inf.clone(), Ok("0")),
        ("inf * -2", Number::mul, inf.clone(), number("-2"), Ok("-Inf")),
    ];
    for (what, op, a, b, expected) in cases {
        assert_eq!(op(&a, &b).map(|n| n.to_string()), expected.map(str::to_owned), "{what}");
    }
}

#[test]
fn rounding_to_whole_numbers() {
    let cases = [
        ("-0.5", "-1", "0", "0"),
        ("0.5", "0", "1", "0"),
        ("-1.5", "-2", "-1", "-1"),
        ("7", "7", "7", "7"),
        ("-0", "0", "0", "0"),
    ];
    for (text, floor, ceil, trunc) in cases {
        let n = number(text);
        assert_eq!(
            (n.floor().to_string(), n.ceil().to_string(), n.trunc().to_string()),
            (floor.into(), ceil.into(), trunc.into()),
            "{text}"
        );
    }
}

#[test]
fn zeros_are_equal_and_order_is_by_value() {
    let ascending = [
        "-inf",
        "-1e300",
        "-2.5",
        "-2",
        "-1e-300",
        "0",
        "1e-300",
        "0.1",
        "0.25",
        "1",
        "9223372036854775807",
        "9223372036854775808",
        "1e300",
        "inf",
    ];
    let numbers: Vec<Number> = ascending.iter().map(|t| number(t)).collect();
    for (i, a) in numbers.iter().enumerate() {
        for (j, b) in numbers.iter().enumerate() {
            assert_eq!(a.cmp(b), i.cmp(&j), "{a} and {b}");
            assert_eq!(a == b, i == j);
        }
    }
    assert_eq!(number("-0"), number("0"));
    assert_eq!(whole(2), number("2.0"));
}

#[test]
fn conversions_are_exact_or_nothing() {
    assert_eq!(number("1.5").to_i64(), None);
    assert_eq!(number("-9223372036854775808").to_i64(), Some(i64::MIN));
    assert_eq!(number("18446744073709551615").to_u64(), Some(u64::MAX));
    assert_eq!(number("18446744073709551616").to_u64(), None);
    assert_eq!(number("-1").to_u64(), None);
    assert_eq!(Number::from(u64::MAX), number("18446744073709551615"));
    assert_eq!(Number::from(1u64 << 63), number("9223372036854775808"));
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(Number::from_f64(-0.0).unwrap().to_string(), "-0");
    assert!(Number::INFINITY.to_i64().is_none() && !Number::INFINITY.is_integer());
    assert_eq!(number("-9223372036854775808").neg().to_string(), "9223372036854775808");
    assert_eq!(number("9223372036854775808").neg().to_i64(), Some(i64::MIN));
    assert_eq!(whole(6).with_precision(2).unwrap().precision(), 2);
    assert!(whole(5).with_precision(2).is_none());
}

/// Expected texts from the documentation of the verbs in Go's fmt and C's printf.
#[test]
fn other_notations() {
    let cases = [
        ("1.5", Notation::Plain, Some(2), "1.50"),
        ("2.675", Notation::Plain, Some(2), "2.67"),
        ("-2.5", Notation::Plain, Some(0), "-2"),
        ("0.04", Notation::Plain, Some(1), "0.0"),
        ("0.06", Notation::Plain, Some(1), "0.1"),
        ("999.96", Notation::Plain, Some(1), "1000.0"),
        ("1234.5", Notation::Exponent, Some(2), "1.23e+03"),
        ("0", Notation::Exponent, Some(2), "0.00e+00"),
        ("0.00012", Notation::Exponent, None, "1.2e-04"),
        ("100", Notation::Shorter, Some(10), "100"),
        ("12345678901", Notation::Shorter, Some(10), "1.23456789e+10"),
        ("10000000000", Notation::Shorter, Some(10), "1e+10"),
        ("0.00001", Notation::Shorter, Some(10), "1e-05"),
        ("1234567", Notation::Shorter, None, "1.234567e+06"),
        ("0", Notation::Shorter, Some(10), "0"),
    ];
    for (text, notation, digits, expected) in cases {
        assert_eq!(number(text).text(notation, digits), expected, "{text} {notation:?} {digits:?}");
    }
}

#[test]
fn parse_int_reads_any_base() {
    // parseint("ff", 16) and the like.
    let cases = [
        ("ff", 16, Ok("255")),
        ("-FF", 16, Ok("-255")),
        ("1011", 2, Ok("11")),
        ("z", 36, Ok("35")),
        ("aA", 62, Ok("656")),
        ("12", 2, Err(NumberError::Syntax)),
        ("", 10, Err(NumberError::Syntax)),
        ("1", 63, Err(NumberError::Syntax)),
    ];
    for (text, base, expected) in cases {
        assert_eq!(
            Number::parse_int(text, base).map(|n| n.to_string()),
            expected.map(str::to_owned),
            "{text} in {base}"
        );
    }
}

/// Decimals of any size with a fraction and an exponent.
fn decimals() -> impl Strategy<Value = Number> {
    ("-?[0-9]{1,40}(\\.[0-9]{1,40})?", -60i32..60)
        .prop_map(|(mantissa, exponent)| number(&format!("{mantissa}e{exponent}")))
}

/// Plus or minus `mantissa * 2^exponent`.
fn exact(n: &Number) -> (BigInt, i64) {
    match n.parts() {
        Parts::Finite(b) => {
            (BigInt::from_biguint(if b.negative { Sign::Minus } else { Sign::Plus }, b.mantissa), b.exponent)
        }
        _ => (BigInt::zero(), 0),
    }
}

/// Whether `n` is `wanted * 2^exponent / divisor` rounded to 512 bits: no number of 512 bits lies nearer.
fn is_nearest(n: &Number, wanted: &BigInt, exponent: i64, divisor: &BigInt) -> bool {
    let (mantissa, own) = exact(n);
    // One unit in the last place of a number of 512 bits.
    let ulp = own + mantissa.bits() as i64 - 512;
    let low = ulp.min(exponent).min(own) - 1;
    let off = (mantissa << (own - low)) * divisor - (wanted << (exponent - low));
    let half = (BigInt::from(1) << (ulp - low - 1)) * BigInt::from(divisor.magnitude().clone());
    off.magnitude() <= half.magnitude()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn display_reads_back_as_the_same_number(n in decimals()) {
        prop_assert_eq!(number(&n.to_string()), n);
    }

    #[test]
    fn quotients_read_back_as_the_same_number(a in decimals(), b in decimals()) {
        if let Ok(n) = a.div(&b) {
            prop_assert_eq!(number(&n.to_string()), n);
        }
    }

    #[test]
    fn doubles_survive(x in any::<f64>()) {
        if let Some(n) = Number::from_f64(x) {
            prop_assert_eq!(n.to_f64().to_bits(), x.to_bits());
            // Rust prints the shortest decimal too, which is unique except for its last digit.
            if x.is_normal() {
                prop_assert_eq!(n.to_string().parse::<f64>().unwrap().to_bits(), x.to_bits());
                prop_assert!(n.to_string().len() <= x.to_string().len());
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+.eEpPinf0-9]{0,12}") {
        if let Ok(n) = text.parse::<Number>() {
            let _ = n.to_string();
        }
    }

    #[test]
    fn results_are_rounded_correctly(a in decimals(), b in decimals()) {
        let ((am, ae), (bm, be)) = (exact(&a), exact(&b));
        let one = BigInt::from(1);
        let low = ae.min(be);
        let sum = (&am << (ae - low)) + (&bm << (be - low));
        prop_assert!(is_nearest(&a.add(&b).unwrap(), &sum, low, &one));
        prop_assert!(is_nearest(&a.mul(&b).unwrap(), &(&am * &bm), ae + be, &one));
        if !b.is_zero() {
            prop_assert!(is_nearest(&a.div(&b).unwrap(), &am, ae - be, &bm));
        }
    }

    #[test]
    fn order_agrees_with_subtraction(a in decimals(), b in decimals()) {
        prop_assert_eq!(a.cmp(&b) as i32, a.sub(&b).unwrap().signum());
    }

    #[test]
    fn small_whole_numbers_compute_like_integers(a in any::<i32>(), b in any::<i32>()) {
        let (x, y) = (i64::from(a), i64::from(b));
        for (a, b) in [(whole(x), whole(y)), (number(&x.to_string()), number(&y.to_string()))] {
            prop_assert_eq!(a.add(&b).unwrap().to_i64(), Some(x + y));
            prop_assert_eq!(a.mul(&b).unwrap().to_i64(), Some(x * y));
            if y != 0 {
                prop_assert_eq!(a.rem(&b).unwrap().to_i64(), Some(x % y));
            }
        }
    }
}
