//! Conversion between types, and marks.

use std::sync::Arc;

use ferroform_core::convert::{convert, mismatch};
use ferroform_core::{Marks, Type, Value, ValueKind};

use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError};

type Result = std::result::Result<Value, FuncError>;

const V: Param = Param::new("v", Ty::Any).allow_null().allow_dynamic().allow_marked();
const VALUE: Param = Param::new("value", Ty::Any).allow_null().allow_unknown().allow_dynamic().allow_marked();

/// A conversion. Of an unknown value not even the element type is said, but it must be of a type that converts.
macro_rules! to {
    ($name:literal, $ty:expr) => {
        Function::new($name, &[V], $ty, |args, _| converted(args, &$ty.to_type()))
            .returns_by(|args| converted(args, &$ty.to_type()).map(|_| $ty.to_type()))
            .may_be_null()
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    to!("tobool", Ty::Bool),
    to!("tonumber", Ty::Number),
    to!("tostring", Ty::String),
    to!("tolist", Ty::List(&Ty::Any)),
    to!("toset", Ty::Set(&Ty::Any)),
    to!("tomap", Ty::Map(&Ty::Any)),
    Function::new("sensitive", &[VALUE], Ty::Any, |args, _| Ok(args[0].clone().sensitive())).may_be_null(),
    Function::new("nonsensitive", &[VALUE], Ty::Any, |args, _| {
        let marks = args[0].marks().without(Marks::SENSITIVE);
        Ok(args[0].clone().unmarked().with_marks(marks))
    })
    .may_be_null(),
    Function::new("issensitive", &[VALUE], Ty::Bool, issensitive).may_be_null(),
    Function::new("ephemeralasnull", &[VALUE], Ty::Any, |args, _| Ok(without_ephemeral(&args[0])))
        .may_be_null(),
];

fn converted(args: &[Value], want: &Type) -> Result {
    let given = &args[0];
    convert(given, want).map_err(|error| {
        let ty = given.ty();
        let (got, wanted) = (ty.friendly_name(), describe(want));
        // A message must not show a secret.
        let message = if !given.marks_deep().is_empty() {
            format!("cannot convert this sensitive {got} to {wanted}")
        } else {
            match (given.as_str(), want) {
                (Some(text), Type::Bool) => {
                    format!("cannot convert {text:?} to bool; only the strings \"true\" or \"false\" are allowed")
                }
                (Some(text), Type::Number) => format!(
                    "cannot convert {text:?} to number; given string must be a decimal representation of a number"
                ),
                // For a structure the reason lies inside.
                _ if !ty.is_primitive() => {
                    let reason =
                        if error.path.is_root() { mismatch(&ty, want) } else { format!("{}: {}", error.path, error.message) };
                    format!("cannot convert {got} to {wanted}: {reason}")
                }
                _ => format!("cannot convert {got} to {wanted}"),
            }
        };
        FuncError::argument(0, message)
    })
}

fn describe(ty: &Type) -> String {
    match ty {
        Type::List(_) => "list of any single type".to_owned(),
        Type::Set(_) => "set of any single type".to_owned(),
        Type::Map(_) => "map of any single type".to_owned(),
        ty => ty.friendly_name(),
    }
}

fn issensitive(args: &[Value], _: &FuncContext) -> Result {
    // A value that is not known yet may turn out sensitive, unless it is already.
    Ok(if args[0].is_sensitive() {
        Value::bool(true)
    } else if args[0].is_known() {
        Value::bool(false)
    } else {
        Value::unknown(Type::Bool)
    })
}

/// The value with null in place of everything ephemeral in it.
fn without_ephemeral(value: &Value) -> Value {
    if value.marks().contains(Marks::EPHEMERAL) {
        let marks = value.marks().without(Marks::EPHEMERAL);
        return Value::null(value.ty()).with_marks(marks);
    }
    if !value.marks_deep().contains(Marks::EPHEMERAL) {
        return value.clone();
    }
    let inner: Value = match value.kind() {
        ValueKind::List(ty, items) => {
            ValueKind::List(ty.clone(), items.iter().map(without_ephemeral).collect()).into()
        }
        ValueKind::Tuple(items) => ValueKind::Tuple(items.iter().map(without_ephemeral).collect()).into(),
        ValueKind::Map(ty, entries) => {
            let entries = entries.iter().map(|(k, v)| (k.clone(), without_ephemeral(v))).collect();
            ValueKind::Map(ty.clone(), Arc::new(entries)).into()
        }
        ValueKind::Object(attributes) => {
            let attributes = attributes.iter().map(|(k, v)| (k.clone(), without_ephemeral(v))).collect();
            ValueKind::Object(Arc::new(attributes)).into()
        }
        _ => return value.clone(),
    };
    inner.with_marks(value.marks())
}
