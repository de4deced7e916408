//! Values and types for property tests.

use proptest::prelude::*;

use super::{Marks, Value};
use crate::number::Number;
use crate::types::Type;

/// Values of every kind, nested up to four deep, with marks and unknown parts.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::bool),
        any::<i64>().prop_map(Value::number),
        any::<f64>().prop_map(|f| Number::from_f64(f).map_or_else(Value::null_dynamic, Value::number)),
        "-?[0-9]{1,30}\\.[0-9]{1,30}".prop_map(|t| Value::number(t.parse::<Number>().unwrap())),
        ".{0,6}".prop_map(|t| Value::string_normalised(&t)),
        Just(Value::null(Type::String)),
        Just(Value::unknown_not_null(Type::Number)),
        Just(Value::unknown(Type::Dynamic)),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let marked = (inner.clone(), 0u64..4);
        prop_oneof![
            marked.prop_map(|(value, marks)| value.with_marks(Marks::from_bits(marks).unwrap())),
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::tuple),
            prop::collection::btree_map("[a-c]{1,2}", inner.clone(), 0..4).prop_map(Value::object),
            (inner.clone(), 0usize..3).prop_map(|(v, n)| Value::list(v.ty(), vec![v; n])),
            (inner.clone(), 0usize..3).prop_map(|(v, n)| Value::set(v.ty(), vec![v; n])),
            (inner, prop::collection::btree_set("[a-c]{0,2}", 0..3))
                .prop_map(|(v, keys)| Value::map(v.ty(), keys.into_iter().map(|k| (k, v.clone())))),
        ]
    })
}

/// Type constraints of every kind, with open parts and optional attributes.
pub(crate) fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop::sample::select(vec![Type::Dynamic, Type::Bool, Type::Number, Type::String]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let attributes = prop::collection::btree_map("[a-c]", inner.clone(), 0..3);
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            prop::collection::vec(inner, 0..3).prop_map(Type::tuple),
            attributes.clone().prop_map(Type::object),
            attributes.prop_map(|a| {
                let optional: Vec<String> = a.keys().cloned().collect();
                Type::object_with_optional(a, optional)
            }),
        ]
    })
}
