//! `condition ? a : b`

use super::{OpError, Operand, marks_of};
use crate::convert::{convert, unify_unsafe};
use crate::number::Number;
use crate::types::Type;
use crate::value::{Refinements, Value, ValueKind, quoted};

/// The result that the condition chooses, of the type that both results convert to, with the marks of all three.
/// With an unknown condition, an unknown value with what is common to both.
pub fn conditional(condition: &Value, if_true: &Value, if_false: &Value) -> Result<Value, OpError> {
    const INCONSISTENT: &str = "Inconsistent conditional result types";
    let bare_null = |v: &Value| matches!(v.kind(), ValueKind::Null(Type::Dynamic)) && v.marks().is_empty();
    let (true_ty, false_ty) = (if_true.ty(), if_false.ty());
    let ty = if bare_null(if_true) {
        false_ty.clone()
    } else if bare_null(if_false) {
        true_ty.clone()
    } else if true_ty == Type::Dynamic || false_ty == Type::Dynamic {
        Type::Dynamic
    } else {
        unify_unsafe(&[true_ty.clone(), false_ty.clone()]).ok_or_else(|| {
            let why = describe_mismatch(&true_ty, &false_ty);
            let message = format!("The true and false result expressions must have consistent types. {why}.");
            OpError::new(INCONSISTENT, message, Operand::Results)
        })?
    };
    let marks = marks_of([condition, if_true, if_false]);
    if condition.is_null() {
        let message = "The condition value is null. Conditions must either be true or false.";
        return Err(OpError::new("Null condition", message, Operand::Condition));
    }
    if !condition.is_known() {
        return Ok(either(ty, (if_true, &true_ty), (if_false, &false_ty)).with_marks(marks));
    }
    let chosen = convert(condition, &Type::Bool).ok().and_then(|c| c.as_bool()).ok_or_else(|| {
        let message = "The condition expression must be of type bool.";
        OpError::new("Incorrect condition type", message, Operand::Condition)
    })?;
    let (result, which, operand) =
        if chosen { (if_true, "true", Operand::IfTrue) } else { (if_false, "false", Operand::IfFalse) };
    let result = convert(result, &ty).map_err(|e| {
        OpError::new(INCONSISTENT, format!("The {which} result value has the wrong type: {e}."), operand)
    })?;
    Ok(result.with_marks(marks))
}

/// What is known of the result while the condition is not.
fn either(ty: Type, (if_true, true_ty): (&Value, &Type), (if_false, false_ty): (&Value, &Type)) -> Value {
    if if_true.is_null() && if_false.is_null() {
        return Value::null(ty);
    }
    let mut known = Refinements {
        not_null: if_true.is_definitely_not_null() && if_false.is_definitely_not_null(),
        ..Refinements::default()
    };
    let (a, b) = (if_true.range(), if_false.range());
    match (true_ty, false_ty) {
        // Null has no bounds, so nothing can be said of a number that may be null.
        (Type::Number, Type::Number) => {
            known.number_min = wider(a.number_min, b.number_min, |a, b| a < b);
            known.number_max = wider(a.number_max, b.number_max, |a, b| a > b);
        }
        (a_ty, b_ty) if a_ty == b_ty && a_ty.is_collection() => {
            known.length_min = a.length_min.min(b.length_min);
            known.length_max = a.length_max.zip(b.length_max).map(|(a, b)| a.max(b));
        }
        _ => {}
    }
    Value::refined(ty, known)
}

type Bound = Option<(Number, bool)>;

/// The bound that both others lie within; none if one has none.
fn wider(a: Bound, b: Bound, beyond: fn(&Number, &Number) -> bool) -> Bound {
    let (a, b) = (a?, b?);
    Some(match (beyond(&a.0, &b.0), beyond(&b.0, &a.0)) {
        (true, _) => a,
        (_, true) => b,
        _ => (a.0, a.1 || b.1),
    })
}

/// In what two types differ that nothing unifies, as a sentence without its full stop.
fn describe_mismatch(true_ty: &Type, false_ty: &Type) -> String {
    match (true_ty, false_ty) {
        (Type::Object(a), Type::Object(b)) => {
            for (name, a_ty) in &a.attributes {
                match b.attributes.get(name) {
                    None => {
                        return format!(
                            "The 'true' value includes object attribute {}, which is absent in the 'false' value",
                            quoted(name)
                        );
                    }
                    Some(b_ty) if b_ty != a_ty => {
                        let why = describe_mismatch(a_ty, b_ty);
                        return format!("Type mismatch for object attribute {}: {why}", quoted(name));
                    }
                    Some(_) => {}
                }
            }
            if let Some(name) = b.attributes.keys().find(|name| !a.attributes.contains_key(*name)) {
                return format!(
                    "The 'false' value includes object attribute {}, which is absent in the 'true' value",
                    quoted(name)
                );
            }
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() != b.len() => {
            return format!(
                "The 'true' tuple has length {}, but the 'false' tuple has length {}",
                a.len(),
                b.len()
            );
        }
        (Type::Tuple(a), Type::Tuple(b)) => {
            if let Some((i, (a, b))) = a.iter().zip(b.iter()).enumerate().find(|(_, (a, b))| a != b) {
                return format!("Type mismatch for tuple element {i}: {}", describe_mismatch(a, b));
            }
        }
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b))
            if matches!(
                (&**a, &**b),
                (Type::Object(_), Type::Object(_)) | (Type::Tuple(_), Type::Tuple(_))
            ) =>
        {
            let noun = match true_ty {
                Type::List(_) => "list",
                Type::Set(_) => "set",
                _ => "map",
            };
            return format!("Mismatched {noun} element types: {}", describe_mismatch(a, b));
        }
        _ => {}
    }
    let (true_name, false_name) = (true_ty.friendly_name(), false_ty.friendly_name());
    if true_name == false_name {
        return "At least one deeply-nested attribute or element is not compatible across both the 'true' and the \
                'false' value"
            .into();
    }
    format!("The 'true' value is {true_name}, but the 'false' value is {false_name}")
}
