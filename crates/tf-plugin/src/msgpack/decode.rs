//! Reading values.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::types::ObjectType;
use ferroform_core::wire::{WireError, type_from_json};
use ferroform_core::{AttrPath, Entries, Number, Refinements, Step, Type, Value};

use super::{MAX_DEPTH, REFINED, refinement};

/// The value of a type that MessagePack holds.
///
/// # Errors
/// When the bytes are no MessagePack, not of that type, nested too deeply, or more than one value.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, WireError> {
    let mut input = Input { bytes, path: AttrPath::root(), depth: 0 };
    let value = input.value(ty)?;
    if !input.bytes.is_empty() {
        return Err(input.wrong(format!("{} bytes follow the value", input.bytes.len())));
    }
    Ok(value)
}

/// What stands at a place, with containers opened: their elements follow.
#[derive(Debug, Clone, PartialEq)]
enum Token<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// One that is too large for an `i64`.
    Large(u64),
    Float(f64),
    Text(&'a [u8]),
    Bin(&'a [u8]),
    Array(usize),
    Map(usize),
    Extension(u8, &'a [u8]),
}

impl Token<'_> {
    fn name(&self) -> &'static str {
        match self {
            Token::Nil => "nil",
            Token::Bool(_) => "a bool",
            Token::Int(_) | Token::Large(_) | Token::Float(_) => "a number",
            Token::Text(_) => "a text",
            Token::Bin(_) => "bytes",
            Token::Array(_) => "an array",
            Token::Map(_) => "a map",
            Token::Extension(..) => "an extension",
        }
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    path: AttrPath,
    depth: usize,
}

impl<'a> Input<'a> {
    fn wrong(&self, message: impl Into<String>) -> WireError {
        WireError { path: self.path.clone(), message: message.into() }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        match self.bytes.split_at_checked(count) {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(taken)
            }
            None => Err(self.wrong("the value ends early")),
        }
    }

    fn uint(&mut self, width: usize) -> Result<u64, WireError> {
        Ok(self.take(width)?.iter().fold(0, |n, byte| (n << 8) | u64::from(*byte)))
    }

    fn int(&mut self, width: usize) -> Result<i64, WireError> {
        let shift = 64 - 8 * width as u32;
        Ok(((self.uint(width)? << shift) as i64) >> shift)
    }

    fn len(&mut self, width: usize) -> Result<usize, WireError> {
        usize::try_from(self.uint(width)?).map_err(|_| self.wrong("the value is too long"))
    }

    fn extension(&mut self, len: usize) -> Result<Token<'a>, WireError> {
        let kind = self.take(1)?[0];
        Ok(Token::Extension(kind, self.take(len)?))
    }

    fn token(&mut self) -> Result<Token<'a>, WireError> {
        let tag = self.take(1)?[0];
        Ok(match tag {
            0x00..=0x7f => Token::Int(i64::from(tag)),
            0x80..=0x8f => Token::Map(usize::from(tag & 0x0f)),
            0x90..=0x9f => Token::Array(usize::from(tag & 0x0f)),
            0xa0..=0xbf => Token::Text(self.take(usize::from(tag & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return Err(self.wrong("the value has a tag that MessagePack does not use")),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4..=0xc6 => {
                let len = self.len(1 << (tag - 0xc4))?;
                Token::Bin(self.take(len)?)
            }
            0xc7..=0xc9 => {
                let len = self.len(1 << (tag - 0xc7))?;
                self.extension(len)?
            }
            0xca => Token::Float(f32::from_bits(self.uint(4)? as u32).into()),
            0xcb => Token::Float(f64::from_bits(self.uint(8)?)),
            0xcc..=0xcf => {
                let n = self.uint(1 << (tag - 0xcc))?;
                i64::try_from(n).map_or(Token::Large(n), Token::Int)
            }
            0xd0..=0xd3 => Token::Int(self.int(1 << (tag - 0xd0))?),
            0xd4..=0xd8 => self.extension(1 << (tag - 0xd4))?,
            0xd9..=0xdb => {
                let len = self.len(1 << (tag - 0xd9))?;
                Token::Text(self.take(len)?)
            }
            0xdc | 0xdd => Token::Array(self.len(2 << (tag - 0xdc))?),
            0xde | 0xdf => Token::Map(self.len(2 << (tag - 0xde))?),
            0xe0..=0xff => Token::Int(i64::from(tag as i8)),
        })
    }

    fn text(&self, bytes: &[u8]) -> Result<Value, WireError> {
        let text = std::str::from_utf8(bytes).map_err(|_| self.wrong("the text is not UTF-8"))?;
        Ok(Value::string_normalised(text))
    }

    fn key(&mut self) -> Result<Arc<str>, WireError> {
        match self.token()? {
            Token::Text(bytes) => Ok(self.text(bytes)?.as_str().unwrap_or_default().into()),
            other => Err(self.wrong(format!("a key must be a text, but is {}", other.name()))),
        }
    }

    fn inside<T>(
        &mut self,
        step: Step,
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.wrong("the value is nested too deeply"));
        }
        self.depth += 1;
        self.path.0.push(step);
        let result = read(self);
        self.path.0.pop();
        self.depth -= 1;
        result
    }

    fn value(&mut self, ty: &Type) -> Result<Value, WireError> {
        let token = self.token()?;
        Ok(match (ty, token) {
            (ty, Token::Nil) => Value::null(ty.without_optional()),
            (ty, Token::Extension(kind, payload)) => self.unknown(&ty.without_optional(), kind, payload)?,
            (Type::Dynamic, Token::Array(2)) => {
                let own = match self.token()? {
                    Token::Bin(json) | Token::Text(json) => serde_json::from_slice(json)
                        .map_err(|e| self.wrong(format!("the type is not JSON: {e}")))?,
                    other => {
                        return Err(self.wrong(format!("a type is required, but found {}", other.name())));
                    }
                };
                let own = type_from_json(&own).map_err(|e| self.wrong(e.message))?;
                // The path stays the same, the depth does not: types may leave open what they hold as often as they like.
                if self.depth >= MAX_DEPTH {
                    return Err(self.wrong("the value is nested too deeply"));
                }
                self.depth += 1;
                let value = self.value(&own);
                self.depth -= 1;
                value?
            }
            (Type::Bool, Token::Bool(b)) => Value::bool(b),
            (Type::String, Token::Text(bytes)) => self.text(bytes)?,
            (Type::Number, token @ (Token::Int(_) | Token::Large(_) | Token::Float(_) | Token::Text(_))) => {
                Value::number(self.number(token)?)
            }
            (Type::List(element), Token::Array(len)) => {
                let items = self.items(element, len)?;
                Value::list(self.settled(element, items.iter())?, items)
            }
            (Type::Set(element), Token::Array(len)) => {
                let items = self.items(element, len)?;
                Value::set(self.settled(element, items.iter())?, items)
            }
            (Type::Map(element), Token::Map(len)) => {
                let mut entries = BTreeMap::new();
                for _ in 0..len {
                    let key = self.key()?;
                    let step = Step::Index(Value::string(key.clone()));
                    let entry = self.inside(step, |input| input.value(element))?;
                    if entries.insert(key, entry).is_some() {
                        return Err(self.wrong("a key stands there twice"));
                    }
                }
                Value::map(self.settled(element, entries.values())?, entries)
            }
            (Type::Tuple(types), Token::Array(len)) if len == types.len() => {
                let items = types
                    .iter()
                    .enumerate()
                    .map(|(i, ty)| self.inside(Step::Index(Value::number(i)), |input| input.value(ty)));
                Value::tuple(items.collect::<Result<Vec<_>, _>>()?)
            }
            (Type::Object(object), Token::Map(len)) => self.object(object, len)?,
            (ty, other) => {
                return Err(self.wrong(format!(
                    "{} is required, but found {}",
                    ty.friendly_name(),
                    other.name()
                )));
            }
        })
    }

    fn object(&mut self, object: &ObjectType, len: usize) -> Result<Value, WireError> {
        let mut attributes = Entries::new();
        for _ in 0..len {
            let name = self.key()?;
            let Some(ty) = object.attributes.get(&name) else {
                return Err(self.wrong(format!("unsupported attribute {name:?}")));
            };
            let attribute = self.inside(Step::Attr(name.clone()), |input| input.value(ty))?;
            if attributes.insert(name, attribute).is_some() {
                return Err(self.wrong("an attribute stands there twice"));
            }
        }
        match object.attributes.keys().find(|name| !attributes.contains_key(name)) {
            Some(missing) => Err(self.wrong(format!("attribute {missing:?} is required"))),
            None => Ok(Value::from_attributes(attributes)),
        }
    }

    fn items(&mut self, element: &Type, len: usize) -> Result<Vec<Value>, WireError> {
        // Every element takes a byte at least, so a length that is a lie ends with the input.
        (0..len).map(|i| self.inside(Step::Index(Value::number(i)), |input| input.value(element))).collect()
    }

    /// The type of the elements that were read: the wanted one, or their own where it left something open.
    fn settled<'v>(
        &self,
        element: &Type,
        mut items: impl Iterator<Item = &'v Value>,
    ) -> Result<Type, WireError> {
        if !element.has_dynamic() {
            return Ok(element.without_optional());
        }
        let Some(first) = items.next().map(Value::ty) else { return Ok(element.without_optional()) };
        if items.all(|item| item.is_of_type(&first)) {
            return Ok(first);
        }
        Err(self.wrong("all elements of a collection must have the same type"))
    }

    fn number(&self, token: Token<'_>) -> Result<Number, WireError> {
        match token {
            Token::Int(i) => Ok(i.into()),
            Token::Large(u) => Ok(u.into()),
            Token::Float(f) => Number::from_f64(f).ok_or_else(|| self.wrong("the number is none")),
            Token::Text(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| self.wrong("a number is required"))?;
                text.parse().map_err(|e| self.wrong(format!("{e}")))
            }
            other => Err(self.wrong(format!("a number is required, but found {}", other.name()))),
        }
    }

    /// An unknown value; extensions other than that of refinements mean that nothing is known of it.
    fn unknown(&mut self, ty: &Type, kind: u8, payload: &'a [u8]) -> Result<Value, WireError> {
        if kind != REFINED || *ty == Type::Dynamic {
            return Ok(Value::unknown(ty.clone()));
        }
        let mut inner = Input { bytes: payload, path: self.path.clone(), depth: self.depth };
        let Token::Map(fields) = inner.token()? else {
            return Err(inner.wrong("what is known of an unknown value must be a map"));
        };
        let mut known = Refinements::default();
        for _ in 0..fields {
            let Token::Int(key) = inner.token()? else {
                return Err(inner.wrong("what is known of an unknown value must have numbers for keys"));
            };
            match key {
                refinement::NULL => match inner.token()? {
                    Token::Bool(true) => return Ok(Value::null(ty.clone())),
                    Token::Bool(false) => known.not_null = true,
                    other => {
                        return Err(inner.wrong(format!("a bool is required, but found {}", other.name())));
                    }
                },
                refinement::STRING_PREFIX => match inner.token()? {
                    Token::Text(bytes) => {
                        known.string_prefix = inner.text(bytes)?.as_str().unwrap_or_default().into();
                    }
                    other => {
                        return Err(inner.wrong(format!("a text is required, but found {}", other.name())));
                    }
                },
                refinement::NUMBER_MIN => known.number_min = Some(inner.bound()?),
                refinement::NUMBER_MAX => known.number_max = Some(inner.bound()?),
                refinement::LENGTH_MIN => known.length_min = inner.length()?,
                refinement::LENGTH_MAX => known.length_max = Some(inner.length()?),
                other => {
                    return Err(
                        inner.wrong(format!("nothing is known about refinement {other} of an unknown value"))
                    );
                }
            }
        }
        // What does not go with the type means nothing.
        if *ty != Type::String {
            known.string_prefix = "".into();
        }
        if *ty != Type::Number {
            (known.number_min, known.number_max) = (None, None);
        }
        if !ty.is_collection() {
            (known.length_min, known.length_max) = (0, None);
        }
        Ok(Value::refined(ty.clone(), known))
    }

    fn bound(&mut self) -> Result<(Number, bool), WireError> {
        let (Token::Array(2), number, inclusive) = (self.token()?, self.token()?, self.token()?) else {
            return Err(self.wrong("a bound must be a number and whether it is possible itself"));
        };
        match inclusive {
            Token::Bool(inclusive) => Ok((self.number(number)?, inclusive)),
            other => Err(self.wrong(format!("a bool is required, but found {}", other.name()))),
        }
    }

    fn length(&mut self) -> Result<u64, WireError> {
        match self.token()? {
            Token::Int(n) => u64::try_from(n).map_err(|_| self.wrong("a length cannot be negative")),
            Token::Large(n) => Ok(n),
            other => Err(self.wrong(format!("a length is required, but found {}", other.name()))),
        }
    }
}
