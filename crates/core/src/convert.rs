//! Conversion of values between types, as cty does it for Terraform.
//!
//! Whether a type converts to another is decided from the types alone (`Conversion::between`); a conversion that
//! exists may still fail for a value ("a number is required"). *Safe* conversions never fail; *unsafe* ones are those
//! that may (text to number), or that lose something (the order of a list in a set).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::number::Number;
use crate::path::{AttrPath, Step};
use crate::types::{ObjectType, Type};
use crate::value::{Entries, Refinements, Value, ValueKind};

mod conform;
mod mismatch;
#[cfg(test)]
mod tests;
mod unify;

pub use conform::{conforms, same_type, value_conforms};
pub use mismatch::mismatch;
pub use unify::{unify, unify_unsafe};

/// Why a value does not convert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    /// Where in the value; the root when the type as a whole does not fit.
    pub path: AttrPath,
    /// What is wrong, without a full stop: "a number is required".
    pub message: String,
}

/// The message alone, as Terraform prints it.
impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConvertError {}

/// Converts a value to a type, by an unsafe conversion if need be. [`Type::Dynamic`] in `ty` takes any value as it
/// is (in a collection: any values that one type fits); optional attributes that are missing become null.
pub fn convert(value: &Value, ty: &Type) -> Result<Value, ConvertError> {
    convert_at(value, ty, &mut AttrPath::root())
}

fn convert_at(value: &Value, ty: &Type, path: &mut AttrPath) -> Result<Value, ConvertError> {
    if value.is_of_type(ty) {
        return Ok(value.clone());
    }
    let own = value.ty();
    match Conversion::between(&own, ty, true) {
        Some(conversion) => conversion.apply(value, path),
        None => Err(ConvertError { path: path.clone(), message: mismatch(&own, ty) }),
    }
}

/// A way to make values of one type from values of another.
pub(crate) struct Conversion {
    how: How,
    /// The wanted type, nothing in it optional.
    to: Type,
}

enum How {
    /// The types are the same.
    Keep,
    /// Any type is wanted.
    Accept,
    /// Values of a type not known before: each is converted by its own.
    ByValue(Type),
    NumberToString,
    BoolToString,
    StringToNumber,
    StringToBool,
    /// The wanted attributes, each with its conversion, or none when it is optional and not there.
    Object(Vec<(Arc<str>, Option<Conversion>)>),
    /// Tuple to tuple, or to a list or set of the type that was found.
    Elements(Vec<Conversion>),
    /// List, set or map to another of these.
    Each(Box<Conversion>),
    /// Object to map.
    Attributes(BTreeMap<Arc<str>, Conversion>),
    /// Map to object: the wanted attributes; none for an optional one that elements of the map do not convert to.
    FromMap {
        attributes: BTreeMap<Arc<str>, Option<Conversion>>,
        wanted: Arc<ObjectType>,
    },
}

impl Conversion {
    /// The conversion from one type to another, if there is one.
    pub(crate) fn between(from: &Type, to: &Type, allow_unsafe: bool) -> Option<Conversion> {
        let how = if same_type(from, to) { How::Keep } else { Self::how(from, to, allow_unsafe)? };
        Some(Conversion { how, to: to.without_optional() })
    }

    fn how(from: &Type, to: &Type, allow_unsafe: bool) -> Option<How> {
        let between = |from: &Type, to: &Type| Self::between(from, to, allow_unsafe);
        Some(match (from, to) {
            (_, Type::Dynamic) => How::Accept,
            (Type::Dynamic, to) if allow_unsafe => How::ByValue(to.clone()),
            (Type::Number, Type::String) => How::NumberToString,
            (Type::Bool, Type::String) => How::BoolToString,
            (Type::String, Type::Number) if allow_unsafe => How::StringToNumber,
            (Type::String, Type::Bool) if allow_unsafe => How::StringToBool,
            (Type::Object(from), Type::Object(to)) => {
                let attributes = to.attributes.iter().map(|(name, ty)| {
                    Some(match from.attributes.get(name) {
                        Some(own) => (name.clone(), Some(between(own, ty)?)),
                        None if to.optional.contains(name) => (name.clone(), None),
                        None => return None,
                    })
                });
                How::Object(attributes.collect::<Option<_>>()?)
            }
            (Type::Tuple(from), Type::Tuple(to)) if from.len() == to.len() => {
                let pairs = from.iter().zip(to.iter());
                How::Elements(pairs.map(|(from, to)| between(from, to)).collect::<Option<_>>()?)
            }
            (Type::List(_), Type::Set(_)) if !allow_unsafe => return None,
            (Type::List(from) | Type::Set(from), Type::List(to) | Type::Set(to))
            | (Type::Map(from), Type::Map(to)) => How::Each(Box::new(between(from, to)?)),
            (Type::Tuple(from), Type::List(to) | Type::Set(to)) => {
                let common = common_type(from.iter(), to, allow_unsafe)?;
                // Elements whose common type stays open must all be open; not so for maps.
                if common == Type::Dynamic && from.iter().any(|own| *own != Type::Dynamic) {
                    return None;
                }
                How::Elements(from.iter().map(|own| between(own, &common)).collect::<Option<_>>()?)
            }
            (Type::Object(from), Type::Map(to)) => {
                let common = common_type(from.attributes.values(), to, allow_unsafe)?;
                let attributes = from.attributes.iter();
                let attributes = attributes.map(|(name, own)| Some((name.clone(), between(own, &common)?)));
                How::Attributes(attributes.collect::<Option<_>>()?)
            }
            (Type::Map(from), Type::Object(to)) if allow_unsafe => {
                let attributes = to.attributes.iter().map(|(name, ty)| match between(from, ty) {
                    None if !to.optional.contains(name) => None,
                    conversion => Some((name.clone(), conversion)),
                });
                How::FromMap { attributes: attributes.collect::<Option<_>>()?, wanted: to.clone() }
            }
            _ => return None,
        })
    }

    /// Converts a value of the type that this conversion is from.
    pub(crate) fn apply(&self, value: &Value, path: &mut AttrPath) -> Result<Value, ConvertError> {
        let kind = match (&self.how, value.kind()) {
            (How::Keep | How::Accept, _) => return Ok(value.clone()),
            (_, ValueKind::Unknown(ty, known)) => {
                let unknown = converted_unknown(ty, known.as_deref(), fill_dynamic(ty, &self.to));
                return Ok(unknown.with_marks(value.marks()));
            }
            (_, ValueKind::Null(ty)) => Value::null(fill_dynamic(ty, &self.to)),
            (How::ByValue(to), _) => return convert_at(value, to, path),
            (How::NumberToString, ValueKind::Number(n)) => Value::string(n.to_string()),
            (How::BoolToString, ValueKind::Bool(b)) => Value::string(if *b { "true" } else { "false" }),
            (How::StringToNumber, ValueKind::String(text)) => match text.parse::<Number>() {
                Ok(n) => Value::number(n),
                Err(error) => return Err(ConvertError { path: path.clone(), message: error.to_string() }),
            },
            (How::StringToBool, ValueKind::String(text)) => Value::bool(parse_bool(text, path)?),
            (How::Object(attributes), ValueKind::Object(own)) => {
                let mut converted = Entries::new();
                for (name, conversion) in attributes {
                    let attribute = match (conversion, own.get(name)) {
                        (Some(conversion), Some(attribute)) => {
                            at(path, Step::Attr(name.clone()), |path| conversion.apply(attribute, path))?
                        }
                        _ => Value::null(self.attribute_type(name)),
                    };
                    converted.insert(name.clone(), attribute);
                }
                ValueKind::Object(Arc::new(converted)).into()
            }
            (How::Elements(conversions), ValueKind::Tuple(items)) => {
                let items = apply_all(items.iter().zip(conversions), path)?;
                self.sequence(items, path)?
            }
            (How::Each(conversion), ValueKind::List(element, items) | ValueKind::Set(element, items)) => {
                if matches!(self.to, Type::List(_)) && value.known_length().is_none() {
                    // Which elements of the set will turn out the same is not known, so neither is the length.
                    return Ok(Value::unknown(fill_dynamic(&value.ty(), &self.to)).with_marks(value.marks()));
                }
                let items = apply_all(items.iter().map(|item| (item, &**conversion)), path)?;
                match &self.to {
                    Type::List(ty) if items.is_empty() && **ty == Type::Dynamic => {
                        Value::list(element.clone(), [])
                    }
                    Type::Set(ty) if items.is_empty() && **ty == Type::Dynamic => {
                        Value::set(element.clone(), [])
                    }
                    _ => self.sequence(items, path)?,
                }
            }
            (How::Each(conversion), ValueKind::Map(element, entries)) => {
                let entries = apply_entries(entries.iter().map(|(k, v)| (k, v, &**conversion)), path)?;
                match &self.to {
                    Type::Map(ty) if entries.is_empty() && **ty == Type::Dynamic => {
                        Value::map(element.clone(), entries)
                    }
                    _ => self.map(entries, path)?,
                }
            }
            (How::Attributes(conversions), ValueKind::Object(attributes)) => {
                let entries = attributes.iter().filter_map(|(k, v)| Some((k, v, conversions.get(k)?)));
                let entries = apply_entries(entries, path)?;
                self.map(entries, path)?
            }
            (How::FromMap { attributes, wanted }, ValueKind::Map(element, entries)) => {
                self.object_from_map(attributes, wanted, element, entries, path)?
            }
            // The value is not of the type that the conversion was made for.
            _ => return convert_at(value, &self.to, path),
        };
        Ok(kind.with_marks(value.marks()))
    }

    fn object_from_map(
        &self,
        attributes: &BTreeMap<Arc<str>, Option<Conversion>>,
        wanted: &ObjectType,
        element: &Type,
        entries: &Entries,
        path: &mut AttrPath,
    ) -> Result<Value, ConvertError> {
        let mut converted = Entries::new();
        for (name, conversion) in attributes {
            let fail = |message| Err(ConvertError { path: path.clone(), message });
            let attribute = match (entries.get(name), conversion) {
                (Some(entry), Some(conversion)) => {
                    at(path, Step::Index(Value::string(name.clone())), |path| conversion.apply(entry, path))?
                }
                (Some(_), None) => {
                    let why = wanted.attributes.get(name).map(|ty| mismatch(element, ty)).unwrap_or_default();
                    return fail(format!("map element type is incompatible with attribute {name:?}: {why}"));
                }
                (None, _) if wanted.optional.contains(name) => Value::null(self.attribute_type(name)),
                (None, _) => return fail(format!("map has no element for required attribute {name:?}")),
            };
            converted.insert(name.clone(), attribute);
        }
        Ok(ValueKind::Object(Arc::new(converted)).into())
    }

    fn attribute_type(&self, name: &str) -> Type {
        match &self.to {
            Type::Object(object) => object.attributes.get(name).cloned().unwrap_or(Type::Dynamic),
            _ => Type::Dynamic,
        }
    }

    /// The converted elements as the list, set or tuple wanted.
    fn sequence(&self, items: Vec<Value>, path: &AttrPath) -> Result<Value, ConvertError> {
        let (element, kind) = match &self.to {
            Type::List(element) => (element, "list"),
            Type::Set(element) => (element, "set"),
            _ => return Ok(Value::tuple(items)),
        };
        let (element, items) = settle(element, items, kind, path)?;
        Ok(if kind == "list" { Value::list(element, items) } else { Value::set(element, items) })
    }

    fn map(&self, entries: Entries, path: &AttrPath) -> Result<Value, ConvertError> {
        let Type::Map(element) = &self.to else { return Ok(Value::object(entries)) };
        let (names, items): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let (element, items) = settle(element, items, "map", path)?;
        Ok(Value::map(element, names.into_iter().zip(items)))
    }
}

/// The type that all of `types` are to be converted to on the way to a collection of `wanted`.
fn common_type<'a>(
    types: impl ExactSizeIterator<Item = &'a Type>,
    wanted: &Type,
    allow_unsafe: bool,
) -> Option<Type> {
    if *wanted != Type::Dynamic || types.len() == 0 {
        return Some(wanted.clone());
    }
    let types: Vec<Type> = types.cloned().collect();
    if allow_unsafe { unify_unsafe(&types) } else { unify(&types) }
}

/// Gives elements whose wanted type left something open one type, and says which.
fn settle(
    wanted: &Type,
    items: Vec<Value>,
    kind: &str,
    path: &AttrPath,
) -> Result<(Type, Vec<Value>), ConvertError> {
    if items.is_empty() || !wanted.has_dynamic() {
        return Ok((wanted.clone(), items));
    }
    let fail = |message: String| ConvertError { path: path.clone(), message };
    let first = items[0].ty();
    if items.iter().all(|item| item.is_of_type(&first)) {
        return Ok((first, items));
    }
    let types: Vec<Type> = items.iter().map(Value::ty).collect();
    let common = unify_unsafe(&types)
        .ok_or_else(|| fail("cannot find a common base type for all elements".to_owned()))?;
    let items: Vec<Value> = items.iter().map(|item| convert(item, &common)).collect::<Result<_, _>>()?;
    // Unifying with something of an open type leaves elements as they are; null and unknown ones then fit any type.
    let known = items.iter().map(Value::ty).find(|ty| *ty != Type::Dynamic).unwrap_or(Type::Dynamic);
    let items = items
        .into_iter()
        .map(|item| match item.kind() {
            ValueKind::Null(Type::Dynamic) => Ok(Value::null(known.clone()).with_marks(item.marks())),
            ValueKind::Unknown(Type::Dynamic, _) => {
                Ok(Value::unknown(known.clone()).with_marks(item.marks()))
            }
            _ if item.is_of_type(&known) => Ok(item),
            _ => Err(fail(format!("element types must all match for conversion to {kind}"))),
        })
        .collect::<Result<_, _>>()?;
    Ok((known, items))
}

fn at<T>(path: &mut AttrPath, step: Step, f: impl FnOnce(&mut AttrPath) -> T) -> T {
    path.0.push(step);
    let result = f(path);
    path.0.pop();
    result
}

fn apply_all<'a>(
    items: impl Iterator<Item = (&'a Value, &'a Conversion)>,
    path: &mut AttrPath,
) -> Result<Vec<Value>, ConvertError> {
    items
        .enumerate()
        .map(|(i, (item, conversion))| {
            at(path, Step::Index(Value::number(i)), |path| conversion.apply(item, path))
        })
        .collect()
}

fn apply_entries<'a>(
    entries: impl Iterator<Item = (&'a Arc<str>, &'a Value, &'a Conversion)>,
    path: &mut AttrPath,
) -> Result<Entries, ConvertError> {
    entries
        .map(|(name, entry, conversion)| {
            let step = Step::Index(Value::string(name.clone()));
            Ok((name.clone(), at(path, step, |path| conversion.apply(entry, path))?))
        })
        .collect()
}

fn parse_bool(text: &str, path: &AttrPath) -> Result<bool, ConvertError> {
    let message = match text {
        "true" | "1" => return Ok(true),
        "false" | "0" => return Ok(false),
        _ => match text.to_lowercase().as_str() {
            word @ ("true" | "false") => {
                format!("a bool is required; to convert from string, use lowercase \"{word}\"")
            }
            _ => "a bool is required".to_owned(),
        },
    };
    Err(ConvertError { path: path.clone(), message })
}

/// The unknown value that an unknown one converts to, with what is still known of it.
fn converted_unknown(from: &Type, known: Option<&Refinements>, to: Type) -> Value {
    let mut kept = Refinements { not_null: known.is_some_and(|k| k.not_null), ..Refinements::default() };
    if from.is_primitive() && to.is_primitive() {
        kept.origin = known.and_then(|k| k.origin);
    }
    let length = match (from, &to) {
        (Type::Object(object), Type::Map(_)) => Some(object.attributes.len() as u64),
        (Type::Tuple(types), Type::List(_) | Type::Set(_)) => Some(types.len() as u64),
        _ => None,
    };
    if let Some(length) = length {
        // Elements of a set may turn out the same, but never none of them.
        kept.length_min = if matches!(to, Type::Set(_)) { length.min(1) } else { length };
        kept.length_max = Some(length);
    } else if from.is_collection()
        && to.is_collection()
        && let Some(known) = known
    {
        kept.length_min = if matches!(to, Type::Set(_)) { known.length_min.min(1) } else { known.length_min };
        kept.length_max = known.length_max;
    }
    Value::refined(to, kept)
}

/// `to` with what it leaves open taken from `from`, which converts to it.
fn fill_dynamic(from: &Type, to: &Type) -> Type {
    if *from == Type::Dynamic || !to.has_dynamic() {
        return to.clone();
    }
    let unified = |types: Vec<Type>, to: &Type| match unify_unsafe(&types) {
        Some(ty) => fill_dynamic(&ty, to),
        None => to.clone(),
    };
    let element = |to: &Type| match from {
        Type::List(own) | Type::Set(own) | Type::Map(own) => fill_dynamic(own, to),
        Type::Tuple(own) => unified(own.to_vec(), to),
        Type::Object(own) => unified(own.attributes.values().cloned().collect(), to),
        _ => to.clone(),
    };
    match to {
        Type::Dynamic => from.clone(),
        Type::Bool | Type::Number | Type::String => to.clone(),
        Type::List(to) => Type::list(element(to)),
        Type::Set(to) => Type::set(element(to)),
        Type::Map(to) => Type::map(element(to)),
        Type::Tuple(to) => match from {
            Type::Tuple(own) if own.len() == to.len() => {
                Type::tuple(own.iter().zip(to.iter()).map(|(from, to)| fill_dynamic(from, to)))
            }
            _ => Type::Tuple(to.clone()),
        },
        Type::Object(to) => Type::object(to.attributes.iter().map(|(name, ty)| {
            let own = match from {
                Type::Object(own) => own.attributes.get(name),
                Type::Map(own) => Some(&**own),
                _ => None,
            };
            (name.clone(), own.map_or_else(|| ty.clone(), |own| fill_dynamic(own, ty)))
        })),
    }
}
