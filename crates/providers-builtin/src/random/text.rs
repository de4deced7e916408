//! What `random_string` and `random_password` share: attributes, checks, planning and the draw itself.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::same_keepers;
use crate::planning::{self, Attributes, Rules};
use crate::randomness::{RandomSource, below, generator};
use crate::values::{attribute_error, flag, integer, is_unknown, not_whole, text, with};

/// Longer values are refused rather than the memory for them asked of the system.
const MAX_LENGTH: i64 = 1 << 20;

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const SPECIAL: &str = "!@#$%&*()-_=+[]{}<>:?";

/// The flags that let a class of characters in, each true by default.
const CLASSES: [&str; 5] = ["special", "upper", "lower", "number", "numeric"];
const MINIMA: [&str; 4] = ["min_upper", "min_lower", "min_numeric", "min_special"];

/// The attributes that both resources have, apart from `result` and `id`.
pub(super) fn attributes() -> Vec<(&'static str, Attribute)> {
    let class = |text: &str| Attribute::optional_computed(Type::Bool).force_new().describe(text);
    let minimum = |text: &str| Attribute::optional_computed(Type::Number).force_new().describe(text);
    let number = Attribute {
        deprecated: Some("Use numeric instead.".into()),
        ..class("Whether digits may occur; the old name of numeric.")
    };
    vec![
        ("keepers", super::keepers()),
        (
            "length",
            Attribute::required(Type::Number)
                .force_new()
                .describe("How many characters; at least 1 and at least the sum of all minima."),
        ),
        ("special", class("Whether special characters may occur, true by default.")),
        ("upper", class("Whether uppercase letters may occur, true by default.")),
        ("lower", class("Whether lowercase letters may occur, true by default.")),
        ("number", number),
        ("numeric", class("Whether digits may occur, true by default.")),
        ("min_numeric", minimum("How many digits must occur at least, 0 by default.")),
        ("min_upper", minimum("How many uppercase letters must occur at least, 0 by default.")),
        ("min_lower", minimum("How many lowercase letters must occur at least, 0 by default.")),
        ("min_special", minimum("How many special characters must occur at least, 0 by default.")),
        (
            "override_special",
            Attribute::optional(Type::String)
                .force_new()
                .describe("The special characters to choose from, in place of the usual ones."),
        ),
    ]
}

/// Checks configuration beyond the schema.
pub(super) fn validate(config: &Value) -> Diagnostics {
    let mut diagnostics: Diagnostics =
        MINIMA.into_iter().chain(["length"]).filter_map(|name| not_whole(config, name)).collect();
    for name in MINIMA {
        if let Some(minimum) = integer(config, name).filter(|n| *n < 0) {
            let detail = format!("The attribute {name} must not be negative, got: {minimum}.");
            diagnostics.push(attribute_error(name, "Invalid Attribute Value", detail));
        }
    }
    if let Some(length) = integer(config, "length") {
        if !(1..=MAX_LENGTH).contains(&length) {
            let detail = format!("The attribute length must be between 1 and {MAX_LENGTH}, got: {length}.");
            diagnostics.push(attribute_error("length", "Invalid Attribute Value", detail));
            return diagnostics;
        }
        let minima = MINIMA.iter().filter_map(|name| integer(config, name)).fold(0_i64, i64::saturating_add);
        let settled = MINIMA.iter().all(|name| !is_unknown(config, name));
        if settled && length < minima {
            let detail = format!(
                "The attribute length must be at least the sum of min_upper, min_lower, min_numeric and min_special, \
                 which is {minima}, got: {length}."
            );
            diagnostics.push(attribute_error("length", "Invalid Attribute Value", detail));
        }
    }
    let off = |name: &str| flag(config, name) == Some(false);
    if off("special") && off("upper") && off("lower") && (off("number") || off("numeric")) {
        let detail = format!(
            "With {} all false there is no character to choose from. Set at least one of them to true.",
            CLASSES.join(", ")
        );
        diagnostics.push(attribute_error("special", "Invalid Attribute Combination", detail));
    }
    diagnostics.append(differing_digits(config));
    diagnostics
}

/// `number` is the old name of `numeric`: both may be set, but not differently.
fn differing_digits(config: &Value) -> Option<Diagnostic> {
    let (number, numeric) = (flag(config, "number")?, flag(config, "numeric")?);
    (number != numeric).then(|| {
        let detail = "The attribute number is deprecated and means the same as numeric. Remove number.";
        attribute_error("number", "Number and numeric are both configured with different values", detail)
    })
}

/// Plans either resource; `stable` are its computed attributes.
pub(super) fn plan(block: &Block, request: &PlanRequest, stable: &'static [&'static str]) -> PlanResponse {
    let mut defaults: Vec<_> = ["special", "upper", "lower"].map(|name| (name, Value::bool(true))).into();
    defaults.extend(MINIMA.map(|name| (name, Value::number(0_u64))));
    planning::plan(block, &Rules { defaults, stable, adjust: same_digits, harmless }, request)
}

/// Keeps `number` and `numeric` the same, whichever of them is configured.
fn same_digits(config: &Value, planned: &mut Attributes, diagnostics: &mut Diagnostics) {
    if let Some(error) = differing_digits(config) {
        diagnostics.push(error);
        return;
    }
    let configured = |name: &str| config.get(name).filter(|v| !v.is_null()).cloned();
    let (number, numeric) = (configured("number"), configured("numeric"));
    let either = number.clone().or_else(|| numeric.clone()).unwrap_or_else(|| Value::bool(true));
    planned.insert("number".into(), number.unwrap_or_else(|| either.clone()));
    planned.insert("numeric".into(), numeric.unwrap_or(either));
}

/// Version 3.4.2 of the published provider kept an empty `override_special` in state where none was configured.
fn harmless(name: &str, prior: &Value, config: &Value) -> bool {
    same_keepers(name, prior, config)
        || name == "override_special" && config.is_null() && prior.as_str() == Some("")
}

/// Draws the text that the planned object asks for.
pub(super) fn draw(planned: &Value, random: &dyn RandomSource) -> Result<String, Diagnostics> {
    // Checked again: what was unknown when configuration was checked is known now.
    let invalid = validate(planned);
    if invalid.has_errors() {
        return Err(invalid);
    }
    let count = |name: &str| integer(planned, name).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let special = text(planned, "override_special").filter(|s| !s.is_empty()).unwrap_or(SPECIAL);
    let allowed = |name: &str| flag(planned, name).unwrap_or(true);
    let classes = [
        (UPPER, allowed("upper"), count("min_upper")),
        (LOWER, allowed("lower"), count("min_lower")),
        (DIGITS, allowed("numeric"), count("min_numeric")),
        (special, allowed("special"), count("min_special")),
    ];
    let mut rng = generator(random)?;
    let mut pick = |from: &[char], count: usize, into: &mut Vec<char>| {
        into.extend((0..count).filter_map(|_| from.get(below(&mut rng, from.len()))));
    };
    let length = count("length");
    let mut chars = Vec::with_capacity(length);
    for (class, _, minimum) in classes {
        let class: Vec<char> = class.chars().collect();
        pick(&class, minimum, &mut chars);
    }
    let all: Vec<char> =
        classes.iter().filter(|(_, on, _)| *on).flat_map(|(class, ..)| class.chars()).collect();
    pick(&all, length.saturating_sub(chars.len()), &mut chars);
    // The demanded characters stand at the front; a shuffle gives every order the same chance.
    for last in (1..chars.len()).rev() {
        chars.swap(last, below(&mut rng, last + 1));
    }
    Ok(chars.into_iter().collect())
}

/// Fills what older schema versions, and imports by older providers, left null, so that nothing forces replacement.
pub(super) fn upgrade(state: &Value) -> Value {
    let or = |name: &'static str, default: Value| {
        let kept = state.get(name).filter(|v| !v.is_null()).cloned();
        (name, kept.unwrap_or(default))
    };
    let drawn = text(state, "result").map_or(0, str::len);
    let digits = or("number", Value::bool(true)).1;
    let mut filled =
        vec![or("length", Value::number(drawn)), ("number", digits.clone()), ("numeric", digits)];
    filled.extend(["special", "upper", "lower"].map(|name| or(name, Value::bool(true))));
    filled.extend(MINIMA.map(|name| or(name, Value::number(0_u64))));
    with(state, filled)
}

/// The attributes of an imported object, whose id is the text itself.
pub(super) fn imported(id: &str) -> Vec<(&'static str, Value)> {
    let mut attributes = vec![("length", Value::number(id.len())), ("result", Value::string_normalised(id))];
    attributes.extend(CLASSES.map(|name| (name, Value::bool(true))));
    attributes.extend(MINIMA.map(|name| (name, Value::number(0_u64))));
    attributes
}
