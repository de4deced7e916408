//! YAML: reading, and the table for both directions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ferroform_core::{Number, Type, Value, ValueKind};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::datetime::Time;
use super::driver::arg::text;
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError, yaml_write};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("yamldecode", &[Param::new("src", Ty::String)], Ty::Any, yamldecode).may_be_null(),
    Function::new(
        "yamlencode",
        &[Param::new("value", Ty::Any).allow_null().allow_unknown().allow_dynamic()],
        Ty::String,
        yamlencode,
    )
    .may_be_null(),
];

/// Documents nested deeper than this are refused.
const MAX_DEPTH: usize = 200;
/// More nodes than this, each alias counting what it stands for, are refused.
const MAX_NODES: usize = 1_000_000;

fn yamlencode(args: &[Value], _: &FuncContext) -> Result<Value, FuncError> {
    if !args[0].is_wholly_known() {
        return Ok(Value::unknown(Type::String));
    }
    Ok(Value::string(yaml_write::encode(&args[0]).map_err(FuncError::failed)?))
}

fn yamldecode(args: &[Value], _: &FuncContext) -> Result<Value, FuncError> {
    if text(args, 0).starts_with('\t') {
        return Err(FuncError::failed("on line 1, column 1: a tab cannot indent anything"));
    }
    let mut reader =
        Reader { parser: Parser::new_from_str(text(args, 0)), anchors: HashMap::new(), nodes: 0 };
    reader.document().map_err(FuncError::failed)
}

/// A node and how many nodes it stands for.
type Node = (Value, usize);

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

fn scan_error(error: &ScanError) -> String {
    let at = error.marker();
    format!("on line {}, column {}: {}", at.line(), at.col() + 1, error.info())
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), String> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(scan_error(&error)),
            None => Err("unexpected end of the document".to_owned()),
        }
    }

    fn document(&mut self) -> Result<Value, String> {
        loop {
            match self.next()?.0 {
                Event::StreamStart => {}
                Event::DocumentStart(_) => break,
                _ => return Err("missing start of document".to_owned()),
            }
        }
        let first = self.next()?;
        let (value, _) = self.node(first, 0)?;
        loop {
            match self.next()? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(value),
                (_, span) => {
                    let line = span.start.line();
                    return Err(format!(
                        "on line {line}: unexpected extra content after the value; only one document is allowed"
                    ));
                }
            }
        }
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Node, String> {
        let here = |message: &str| {
            format!("on line {}, column {}: {message}", span.start.line(), span.start.col() + 1)
        };
        if depth > MAX_DEPTH {
            return Err(here("the document is nested too deeply"));
        }
        let (node, anchor) = match event {
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned();
                (node.ok_or_else(|| here("the alias refers to an anchor that is not complete yet"))?, 0)
            }
            Event::Scalar(content, style, anchor, tag) => {
                let value = scalar(&content, style, tag.as_deref()).map_err(|e| here(&e))?;
                ((value, 1), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq").map_err(|e| here(&e))?;
                (self.sequence(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map").map_err(|e| here(&e))?;
                (self.mapping(depth)?, anchor)
            }
            _ => return Err(here("a value is missing")),
        };
        self.nodes += node.1;
        if self.nodes > MAX_NODES {
            return Err(here("the document has too many values"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Node, String> {
        let (mut items, mut nodes) = (Vec::new(), 1);
        loop {
            let next = self.next()?;
            if next.0 == Event::SequenceEnd {
                return Ok((Value::tuple(items), nodes));
            }
            let (item, count) = self.node(next, depth + 1)?;
            items.push(item);
            nodes += count;
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, String> {
        let (mut attributes, mut nodes): (BTreeMap<Arc<str>, Value>, usize) = (BTreeMap::new(), 1);
        loop {
            let next = self.next()?;
            if next.0 == Event::MappingEnd {
                return Ok((Value::object(attributes), nodes));
            }
            let span = next.1;
            let line = span.start.line();
            let merge = matches!(&next.0, Event::Scalar(key, ScalarStyle::Plain, _, None) if key == "<<");
            let key = if merge { None } else { Some(key_text(&self.node(next, depth + 1)?.0, line)?) };
            let next = self.next()?;
            let (value, count) = self.node(next, depth + 1)?;
            nodes += count;
            match (key, value.kind()) {
                (Some(key), _) => {
                    attributes.insert(key, value);
                }
                (None, ValueKind::Object(merged)) => {
                    attributes.extend(merged.iter().map(|(k, v)| (k.clone(), v.clone())));
                }
                (None, _) => return Err(format!("on line {line}: a merge key needs a mapping")),
            }
        }
    }
}

fn key_text(key: &Value, line: usize) -> Result<Arc<str>, String> {
    let text = ferroform_core::convert::convert(key, &Type::String);
    match text.map(Value::into_kind) {
        Ok(ValueKind::String(text)) => Ok(text),
        _ => Err(format!("on line {line}: mapping keys must be strings, numbers or bools that are not null")),
    }
}

/// The short name of a tag of YAML's own schema.
fn core_tag(tag: Option<&Tag>) -> Result<Option<&str>, String> {
    match tag {
        None => Ok(None),
        Some(tag) if tag.is_yaml_core_schema() => Ok(Some(&tag.suffix)),
        Some(tag) => Err(format!("unsupported tag {:?}", format!("{}{}", tag.handle, tag.suffix))),
    }
}

fn check_tag(tag: Option<&Tag>, expected: &str) -> Result<(), String> {
    match core_tag(tag)? {
        None => Ok(()),
        Some(name) if name == expected => Ok(()),
        Some(name) => Err(format!("unsupported tag {name:?} for a collection")),
    }
}

fn scalar(content: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let plain = style == ScalarStyle::Plain;
    let string = || Ok(Value::string_normalised(content));
    let wrong = |what: &str| Err(format!("cannot parse {content:?} as tag {what:?}"));
    match core_tag(tag)? {
        None if plain => resolve(content),
        None | Some("str" | "binary") => string(),
        Some("null") => Ok(Value::null_dynamic()),
        Some(name @ ("int" | "float" | "bool" | "timestamp")) if !plain => {
            // What is quoted is text, whatever its tag says.
            let _ = name;
            string()
        }
        Some(name @ ("int" | "float")) => match resolve(content)? {
            value if value.as_number().is_some_and(|n| name == "float" || n.is_integer()) => Ok(value),
            _ => wrong(name),
        },
        Some("bool") => match resolve(content)? {
            value if value.as_bool().is_some() => Ok(value),
            _ => wrong("bool"),
        },
        Some("timestamp") => timestamp(content).map_or_else(|| wrong("timestamp"), |t| Ok(Value::string(t))),
        Some(other) => Err(format!("unsupported tag {other:?}")),
    }
}

/// What a plain scalar means.
fn resolve(content: &str) -> Result<Value, String> {
    Ok(match content {
        "" | "~" | "null" | "Null" | "NULL" => Value::null_dynamic(),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => return Err("floating point NaN is not supported".to_owned()),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::number(Number::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::number(Number::NEG_INFINITY),
        _ => {
            let number = match content.as_bytes()[0] {
                b'0'..=b'9' | b'+' | b'-' | b'.' => number(content),
                _ => None,
            };
            match number {
                Some(number) => Value::number(number),
                None => timestamp(content).map_or_else(|| Value::string_normalised(content), Value::string),
            }
        }
    })
}

fn number(content: &str) -> Option<Number> {
    for (prefix, base) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = content.strip_prefix(prefix) {
            let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric());
            return Number::parse_int(digits, base).ok().filter(|_| plain);
        }
    }
    let decimal = content.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    content.parse().ok().filter(|_| decimal)
}

/// A date, with or without a time, as RFC 3339 without fractions of a second.
fn timestamp(content: &str) -> Option<String> {
    let bytes = content.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let split = content.find(['T', 't', ' ', '\t']);
    let (date, time) = match split {
        Some(at) => (&content[..at], Some((&content[at..=at], content[at + 1..].trim_start()))),
        None => (content, None),
    };
    let two = |part: &str| {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| format!("{part:0>2}"))
    };
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, two(parts.next()?)?, two(parts.next()?)?);
    let time = match time {
        None => "00:00:00Z".to_owned(),
        Some((separator, time)) => {
            let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
            let (clock, zone) = time.split_at(zone_at);
            let zone = match (zone, separator) {
                // Only the form with a space may go without a zone, and only it.
                ("", " ") => "Z",
                ("", _) | (_, " " | "\t") => return None,
                (zone, _) => zone,
            };
            let mut parts = clock.splitn(3, ':');
            let (hour, minute, second) = (two(parts.next()?)?, two(parts.next()?)?, parts.next()?);
            let (second, fraction) = second.split_once('.').map_or((second, None), |(s, f)| (s, Some(f)));
            let fraction = fraction.map_or_else(String::new, |f| format!(".{f}"));
            format!("{hour}:{minute}:{}{fraction}{zone}", two(second)?)
        }
    };
    Time::parse(&format!("{year}-{month}-{day}T{time}")).ok().map(|time| time.show())
}
