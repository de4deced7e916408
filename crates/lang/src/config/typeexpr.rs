//! Type constraints, and the default values of optional attributes in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferroform_core::convert::convert;
use ferroform_core::types::ObjectType;
use ferroform_core::{Diagnostic, Diagnostics, Entries, Span, Type, Value, ValueKind};
use ferroform_hcl::ast::{Expr, ExprKind};

/// Values for the optional attributes that a value of some type leaves out.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// Defaults by attribute, converted to the attribute's type; only of an object type.
    values: Entries,
    /// Defaults inside attributes (by name) and elements of tuples (by position).
    inside: BTreeMap<Arc<str>, Defaults>,
    /// Defaults inside every element of a list, set or map.
    element: Option<Box<Defaults>>,
}

impl Defaults {
    /// Whether nothing is ever filled in.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.inside.is_empty() && self.element.is_none()
    }

    /// The value with defaults for attributes that are missing or null. To be done before conversion to the type;
    /// parts that do not fit the type are left as they are. The result may have tuples and objects where the value
    /// had lists and maps.
    #[must_use]
    pub fn apply(&self, value: &Value) -> Value {
        if self.is_empty() {
            return value.clone();
        }
        let marks = value.marks();
        let filled = match value.kind() {
            ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
                if items.is_empty() {
                    return value.clone();
                }
                Value::tuple(items.iter().enumerate().map(|(i, item)| {
                    match (&self.element, self.inside.is_empty()) {
                        (Some(element), _) => element.apply(item),
                        (None, true) => item.clone(),
                        (None, false) => self
                            .inside
                            .get(i.to_string().as_str())
                            .map_or_else(|| item.clone(), |d| d.apply(item)),
                    }
                }))
            }
            ValueKind::Map(_, entries) | ValueKind::Object(entries) => {
                if let Some(element) = &self.element {
                    if entries.is_empty() {
                        return value.clone();
                    }
                    return Value::object(entries.iter().map(|(k, v)| (k.clone(), element.apply(v))))
                        .with_marks(marks);
                }
                let mut attributes = (**entries).clone();
                for (name, default) in &self.values {
                    let missing = attributes.get(name).is_none_or(|v| v.is_null() && v.marks().is_empty());
                    if missing {
                        attributes.insert(name.clone(), default.clone());
                    }
                }
                for (name, defaults) in &self.inside {
                    if let Some(v) = attributes.get_mut(name) {
                        *v = defaults.apply(v);
                    }
                }
                Value::from_attributes(attributes)
            }
            _ => return value.clone(),
        };
        filled.with_marks(marks)
    }
}

/// Reads a type constraint. With errors the type is [`Type::Dynamic`] where they are.
pub fn parse_type(expr: &Expr) -> (Type, Defaults, Diagnostics) {
    let mut reader = Reader { diags: Diagnostics::new() };
    let (ty, defaults) = reader.read(expr);
    (ty, defaults, reader.diags)
}

struct Reader {
    diags: Diagnostics,
}

const OBJECT_HELP: &str =
    "The object type constructor requires one argument specifying the attribute types and values as a map.";
const TUPLE_HELP: &str =
    "The tuple type constructor requires one argument specifying the element types as a list.";

impl Reader {
    fn error(&mut self, span: Span, detail: impl Into<String>) -> (Type, Defaults) {
        self.diags.push(Diagnostic::error("Invalid type specification").detail(detail).subject(span));
        (Type::Dynamic, Defaults::default())
    }

    fn read(&mut self, expr: &Expr) -> (Type, Defaults) {
        let plain = |ty| (ty, Defaults::default());
        match &*expr.kind {
            ExprKind::Parens(inner) => self.read(inner),
            ExprKind::Variable(name) => match &**name {
                "bool" => plain(Type::Bool),
                "string" => plain(Type::String),
                "number" => plain(Type::Number),
                "any" => plain(Type::Dynamic),
                "list" | "set" | "map" => self.error(
                    expr.span,
                    format!("The {name} type constructor requires one argument specifying the element type."),
                ),
                "object" => self.error(expr.span, OBJECT_HELP),
                "tuple" => self.error(expr.span, TUPLE_HELP),
                _ => self.error(expr.span, format!("The keyword {name:?} is not a valid type specification.")),
            },
            ExprKind::Call { name, args, .. } => match (&*name.name, args.as_slice()) {
                (kind @ ("list" | "set" | "map"), [element]) => {
                    let (ty, defaults) = self.read(element);
                    let ty = match kind {
                        "list" => Type::list(ty),
                        "set" => Type::set(ty),
                        _ => Type::map(ty),
                    };
                    let element = (!defaults.is_empty()).then(|| Box::new(defaults));
                    (ty, Defaults { element, ..Defaults::default() })
                }
                (kind @ ("list" | "set" | "map"), _) => self.error(
                    expr.span,
                    format!("The {kind} type constructor requires one argument specifying the element type."),
                ),
                ("object", [argument]) => self.object(argument),
                ("object", _) => self.error(expr.span, OBJECT_HELP),
                ("tuple", [argument]) => self.tuple(argument),
                ("tuple", _) => self.error(expr.span, TUPLE_HELP),
                ("bool" | "string" | "number" | "any", _) => self.error(
                    name.span,
                    format!("Primitive type keyword {:?} does not expect arguments.", name.name),
                ),
                ("optional", _) => self.error(
                    name.span,
                    "Keyword \"optional\" is valid only as a modifier for object type attributes.",
                ),
                (other, _) => self.error(name.span, format!("Keyword {other:?} is not a valid type constructor.")),
            },
            ExprKind::Error => plain(Type::Dynamic),
            _ => self.error(
                expr.span,
                "A type specification is either a primitive type keyword (bool, number, string) or a complex type \
                 constructor call, like list(string).",
            ),
        }
    }

    fn tuple(&mut self, argument: &Expr) -> (Type, Defaults) {
        let ExprKind::Tuple(items) = &*argument.kind else {
            return self.error(argument.span, "Tuple type constructor requires a list of element types.");
        };
        let mut defaults = Defaults::default();
        let mut types = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let (ty, inner) = self.read(item);
            if !inner.is_empty() {
                defaults.inside.insert(i.to_string().into(), inner);
            }
            types.push(ty);
        }
        (Type::tuple(types), defaults)
    }

    fn object(&mut self, argument: &Expr) -> (Type, Defaults) {
        let ExprKind::Object(items) = &*argument.kind else {
            return self
                .error(argument.span, "Object type constructor requires a map whose keys are attribute names and whose values are the corresponding attribute types.");
        };
        let mut object = ObjectType { attributes: BTreeMap::new(), optional: BTreeSet::new() };
        let mut defaults = Defaults::default();
        for item in items {
            let name: Option<Arc<str>> = item.key.as_keyword().or(item.key.as_literal_str()).map(Into::into);
            let Some(name) = name else {
                self.error(item.key.span, "Object constructor map keys must be attribute names.");
                continue;
            };
            let (ty, inner) = self.attribute(&item.value, &name, &mut object, &mut defaults);
            if !inner.is_empty() {
                defaults.inside.insert(name.clone(), inner);
            }
            object.attributes.insert(name, ty);
        }
        (Type::Object(Arc::new(object)), defaults)
    }

    /// The type of one attribute, looking through `optional(…)`.
    fn attribute(
        &mut self,
        expr: &Expr,
        name: &Arc<str>,
        object: &mut ObjectType,
        defaults: &mut Defaults,
    ) -> (Type, Defaults) {
        let ExprKind::Call { name: function, args, .. } = &*expr.kind else { return self.read(expr) };
        if &*function.name != "optional" {
            return self.read(expr);
        }
        let (ty_expr, default) = match args.as_slice() {
            [ty] => (ty, None),
            [ty, default] => (ty, Some(default)),
            [] => {
                return self.error(
                    function.span,
                    "Optional attribute modifier requires the attribute type as its argument.",
                );
            }
            [_, _, extra, ..] => {
                return self.error(
                    extra.span,
                    "Optional attribute modifier expects at most two arguments: the attribute type, and a default value.",
                );
            }
        };
        object.optional.insert(name.clone());
        let (ty, inner) = self.read(ty_expr);
        if let Some(default) = default {
            let before = self.diags.len();
            let value = self.diags.take(crate::eval::eval_constant(default));
            if self.diags.len() == before {
                match convert(&inner.apply(&value), &ty) {
                    Ok(value) => {
                        defaults.values.insert(name.clone(), value);
                    }
                    Err(error) => self.diags.push(
                        Diagnostic::error("Invalid default value for optional attribute")
                            .detail(format!(
                                "This default value is not compatible with the attribute's type constraint: {}.",
                                error.message
                            ))
                            .subject(default.span),
                    ),
                }
            }
        }
        (ty, inner)
    }
}
