//! `count` and `for_each`.

use ferroform_core::convert::convert;
use ferroform_core::{Diagnostic, Diagnostics, Entries, Marks, Type, Value, ValueKind};
use ferroform_hcl::ast::Expr;

use super::{Evaluator, Names, Scope};

/// The instances of a resource or module.
#[derive(Debug, Clone, PartialEq)]
pub enum Expansion {
    /// One, without a key.
    Single,
    /// So many, by number.
    Count(u64),
    /// One for each element, with `each.value`.
    ForEach(Entries),
    /// Not known; with an error, unless there was one before.
    Unknown,
}

/// More instances than this are taken for a mistake.
const MAX_COUNT: u64 = 1 << 20;

const COUNT: &str = "Invalid count argument";
const FOR_EACH: &str = "Invalid for_each argument";
const FOR_EACH_SET: &str = "Invalid for_each set argument";

/// The instances that `count` or `for_each` ask for; a single one without either.
pub fn expand(count: Option<&Expr>, for_each: Option<&Expr>, scope: &dyn Scope) -> (Expansion, Diagnostics) {
    let mut evaluator = Evaluator::new(Names::Scope(scope));
    let expansion = match (count, for_each) {
        (Some(count), _) => evaluator.count(count),
        (None, Some(for_each)) => evaluator.for_each(for_each),
        (None, None) => Some(Expansion::Single),
    };
    (expansion.unwrap_or(Expansion::Unknown), evaluator.diags)
}

impl Evaluator<'_> {
    /// For a value that is not known yet; no mistake while nothing can be known.
    fn refuse_unknown<T>(&mut self, summary: &'static str, detail: &str, expr: &Expr) -> Option<T> {
        if self.validating { None } else { self.refuse(summary, detail, expr) }
    }

    fn refuse<T>(&mut self, summary: &'static str, detail: impl Into<String>, expr: &Expr) -> Option<T> {
        self.report(Diagnostic::error(summary).detail(detail).subject(expr.span), expr, None);
        None
    }

    pub(crate) fn count(&mut self, expr: &Expr) -> Option<Expansion> {
        let value = self.expr(expr, None);
        if self.diags.has_errors() {
            return None;
        }
        if value.marks().contains(Marks::EPHEMERAL) {
            return self.refuse(
                COUNT,
                "The given \"count\" is derived from an ephemeral value, which cannot be kept from plan to apply. Use \
                 only values that are not ephemeral for the number of instances.",
                expr,
            );
        }
        let unsuitable = |why: &str| format!("The given \"count\" argument value is unsuitable: {why}.");
        if value.is_null() {
            return self.refuse(
                COUNT,
                "The given \"count\" argument value is null. An integer is required.",
                expr,
            );
        }
        let number = match convert(&value, &Type::Number) {
            Ok(number) => number,
            Err(error) => {
                let detail = format!("Invalid expression value: {}.", error.message);
                return self.refuse("Incorrect value type", detail, expr);
            }
        };
        let Some(number) = number.as_number() else {
            return self.refuse_unknown(
                COUNT,
                "The \"count\" value depends on resource attributes that cannot be determined until apply, so it is \
                 not known how many instances will be created. To work around this, use the -target argument to first \
                 apply only the resources that the count depends on.",
                expr,
            );
        };
        if !number.is_integer() {
            let why = format!("a whole number is required, and {number} has a fractional part");
            return self.refuse(COUNT, unsuitable(&why), expr);
        }
        if number.signum() < 0 {
            return self.refuse(COUNT, unsuitable("must be greater than or equal to zero"), expr);
        }
        match number.to_u64() {
            Some(n) if n <= MAX_COUNT => Some(Expansion::Count(n)),
            _ => self.refuse(COUNT, unsuitable(&format!("at most {MAX_COUNT} instances are possible")), expr),
        }
    }

    pub(crate) fn for_each(&mut self, expr: &Expr) -> Option<Expansion> {
        let value = self.expr(expr, None);
        if self.diags.has_errors() {
            return None;
        }
        if value.marks().contains(Marks::SENSITIVE) {
            return self.refuse(
                FOR_EACH,
                "Sensitive values, or values derived from sensitive values, cannot be used as for_each arguments. If \
                 used, the sensitive value could be disclosed as a resource instance key.",
                expr,
            );
        }
        if value.marks().contains(Marks::EPHEMERAL) {
            return self.refuse(
                FOR_EACH,
                "The given \"for_each\" value is derived from an ephemeral value, which cannot be kept from plan to \
                 apply. Use only values that are not ephemeral for the keys of instances.",
                expr,
            );
        }
        match value.kind() {
            ValueKind::Map(_, entries) | ValueKind::Object(entries) => Some(Expansion::ForEach((**entries).clone())),
            ValueKind::Set(element, items) => self.for_each_set(element, items, expr),
            ValueKind::Null(_) => self.refuse(
                FOR_EACH,
                "The given \"for_each\" argument value is null. A map, or set of strings is allowed.",
                expr,
            ),
            ValueKind::Unknown(Type::Map(_) | Type::Object(_), _) => self.refuse_unknown(FOR_EACH, UNKNOWN_MAP, expr),
            ValueKind::Unknown(Type::Set(_) | Type::Dynamic, _) => self.refuse_unknown(FOR_EACH, UNKNOWN_SET, expr),
            _ => self.refuse(
                FOR_EACH,
                format!(
                    "The given \"for_each\" argument value is unsuitable: the \"for_each\" argument must be a map, or \
                     set of strings, and you have provided a value of type {}.",
                    value.describe_type()
                ),
                expr,
            ),
        }
    }

    fn for_each_set(&mut self, element: &Type, items: &[Value], expr: &Expr) -> Option<Expansion> {
        if *element == Type::String && items.iter().any(|item| !item.is_wholly_known()) {
            return self.refuse_unknown(FOR_EACH, UNKNOWN_SET, expr);
        }
        if *element != Type::String && !(items.is_empty() && *element == Type::Dynamic) {
            return self.refuse(
                FOR_EACH_SET,
                format!(
                    "The given \"for_each\" argument value is unsuitable: \"for_each\" supports maps and sets of \
                     strings, but you have provided a set containing type {}.",
                    element.friendly_name()
                ),
                expr,
            );
        }
        let mut entries = Entries::new();
        for item in items {
            match item.kind() {
                ValueKind::String(key) => {
                    entries.insert(key.clone(), item.clone());
                }
                _ => {
                    return self.refuse(
                        FOR_EACH_SET,
                        "The given \"for_each\" argument value is unsuitable: \"for_each\" sets must not contain null \
                         values.",
                        expr,
                    );
                }
            }
        }
        Some(Expansion::ForEach(entries))
    }
}

const UNKNOWN_MAP: &str = "The \"for_each\" map includes keys derived from resource attributes that cannot be \
determined until apply, and so the full set of keys that will identify the instances is not known.\n\nWhen working with \
unknown values in for_each, it's better to define the map keys statically in your configuration and place apply-time \
results only in the map values.\n\nAlternatively, you could use the -target planning option to first apply only the \
resources that the for_each value depends on, and then apply a second time to fully converge.";

const UNKNOWN_SET: &str = "The \"for_each\" set includes values derived from resource attributes that cannot be \
determined until apply, and so the full set of keys that will identify the instances is not known.\n\nWhen working with \
unknown values in for_each, it's better to use a map value where the keys are defined statically in your configuration \
and where only the values contain apply-time results.\n\nAlternatively, you could use the -target planning option to \
first apply only the resources that the for_each value depends on, and then apply a second time to fully converge.";
