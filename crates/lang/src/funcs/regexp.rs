//! Regular expressions: RE2 syntax, as Go reads it, on the engine of the `regex` crate.
//!
//! The two differ in details (`\d` is ASCII only, `[` inside a class stands for itself, `a**` is an error), so that a
//! pattern is read here and written anew. Groups lose their names on the way: Go allows a name twice.

use std::sync::Arc;

use ferroform_core::{Type, Value};
use regex::Regex;

use super::driver::arg::text;
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError};

const PATTERN: Param = Param::new("pattern", Ty::String);
const STRING: Param = Param::new("string", Ty::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regex", &[PATTERN, STRING], Ty::Any, regex).returns_by(|args| match args[0].as_str() {
        Some(pattern) => Pattern::for_captures(pattern)?.result_type(),
        None => Ok(Type::Dynamic),
    }),
    Function::new("regexall", &[PATTERN, STRING], Ty::Any, regexall).returns_by(|args| {
        match args[0].as_str() {
            Some(pattern) => Pattern::for_captures(pattern)?.result_type().map(Type::list),
            None => Ok(Type::list(Type::Dynamic)),
        }
    }),
    Function::new(
        "replace",
        &[Param::new("str", Ty::String), Param::new("substr", Ty::String), Param::new("replace", Ty::String)],
        Ty::String,
        replace,
    ),
];

fn regex(args: &[Value], _: &FuncContext) -> Result<Value, FuncError> {
    let pattern = Pattern::for_captures(text(args, 0))?;
    pattern.result_type()?;
    match pattern.regex.captures(text(args, 1)) {
        Some(found) => Ok(pattern.result(&found)),
        None => Err(FuncError::failed("pattern did not match any part of the given string")),
    }
}

fn regexall(args: &[Value], _: &FuncContext) -> Result<Value, FuncError> {
    let pattern = Pattern::for_captures(text(args, 0))?;
    let element = pattern.result_type()?;
    let found = pattern.regex.captures_iter(text(args, 1));
    Ok(Value::list(element, found.map(|found| pattern.result(&found)).collect::<Vec<_>>()))
}

/// Replaces a text, or what a pattern between slashes matches.
fn replace(args: &[Value], _: &FuncContext) -> Result<Value, FuncError> {
    let (given, what, with) = (text(args, 0), text(args, 1), text(args, 2));
    let inner = what.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let Some(inner) = inner else {
        return Ok(Value::string_normalised(&given.replace(what, with)));
    };
    let pattern = Pattern::new(inner).map_err(FuncError::failed)?;
    let mut out = String::new();
    let mut done = 0;
    for found in pattern.regex.captures_iter(given) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&given[done..whole.start()]);
        pattern.expand(&found, with, &mut out);
        done = whole.end();
    }
    out.push_str(&given[done..]);
    Ok(Value::string_normalised(&out))
}

/// A pattern with the names of its groups.
struct Pattern {
    regex: Regex,
    /// For each group its name, if it has one.
    groups: Vec<Option<Arc<str>>>,
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self, String> {
        let (translated, groups) = Translator::new(pattern).run()?;
        let regex = Regex::new(&translated).map_err(|e| match e {
            regex::Error::CompiledTooBig(_) => {
                "invalid regexp pattern: the expression is too large".to_owned()
            }
            // The last line says what is wrong; the lines before show the translated pattern.
            e => match e.to_string().lines().last() {
                Some(line) => format!("invalid regexp pattern: {}", line.trim_start_matches("error: ")),
                None => "invalid regexp pattern".to_owned(),
            },
        })?;
        Ok(Pattern { regex, groups })
    }

    fn for_captures(pattern: &str) -> Result<Self, FuncError> {
        Self::new(pattern).map_err(|message| FuncError::argument(0, message))
    }

    fn named(&self) -> bool {
        self.groups.first().is_some_and(Option::is_some)
    }

    /// A string without groups, a tuple of unnamed ones, an object of named ones.
    fn result_type(&self) -> Result<Type, FuncError> {
        if self.groups.iter().any(|g| g.is_some() != self.named()) {
            let message = "invalid regexp pattern: cannot mix both named and unnamed capture groups";
            return Err(FuncError::argument(0, message));
        }
        Ok(match self.groups.len() {
            0 => Type::String,
            _ if self.named() => {
                Type::object(self.groups.iter().flatten().map(|n| (n.clone(), Type::String)))
            }
            count => Type::tuple(vec![Type::String; count]),
        })
    }

    fn result(&self, found: &regex::Captures<'_>) -> Value {
        let group = |i: usize| match found.get(i) {
            Some(part) => Value::string_normalised(part.as_str()),
            None => Value::null(Type::String),
        };
        match self.groups.len() {
            0 => group(0),
            _ if self.named() => {
                let names = self.groups.iter().enumerate();
                Value::object(names.filter_map(|(i, name)| Some((name.clone()?, group(i + 1)))))
            }
            count => Value::tuple((1..=count).map(group)),
        }
    }

    /// Appends the replacement for a match: `$1`, `${1}`, `$name`, `${name}`, `$$`.
    fn expand(&self, found: &regex::Captures<'_>, template: &str, out: &mut String) {
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let word = |s: &str| s.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(s.len());
            let (name, after) = match rest.strip_prefix('{').map(|inner| (inner, word(inner))) {
                Some((inner, end)) if inner[end..].starts_with('}') => (&inner[..end], &inner[end + 1..]),
                Some(_) => ("", rest),
                None => rest.split_at(word(rest)),
            };
            if name.is_empty() {
                out.push('$');
                continue;
            }
            rest = after;
            let by_number = name.bytes().all(|b| b.is_ascii_digit()).then(|| name.parse().ok()).flatten();
            let part = match by_number {
                Some(index) => found.get(index),
                // Of several groups with a name, one that took part.
                None => self.groups.iter().enumerate().rev().find_map(|(i, group)| {
                    (group.as_deref() == Some(name)).then(|| found.get(i + 1)).flatten()
                }),
            };
            out.push_str(part.map_or("", |p| p.as_str()));
        }
        out.push_str(rest);
    }
}

/// Repetition counts above this are refused, as in Go.
const MAX_REPEAT: u32 = 1000;

/// Reads a pattern in RE2 syntax and writes it for the `regex` crate.
struct Translator<'a> {
    rest: &'a str,
    out: String,
    groups: Vec<Option<Arc<str>>>,
}

impl<'a> Translator<'a> {
    fn new(pattern: &'a str) -> Self {
        Translator { rest: pattern, out: String::with_capacity(pattern.len() + 16), groups: Vec::new() }
    }

    fn run(mut self) -> Result<(String, Vec<Option<Arc<str>>>), String> {
        // Whether the last thing was a repetition, which cannot be repeated again directly.
        let mut repeated = false;
        while let Some(c) = self.peek() {
            let mut now_repeated = false;
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '*' | '+' | '?' => {
                    self.bump();
                    self.repeat(&c.to_string(), repeated)?;
                    now_repeated = true;
                }
                '{' => match bounds(self.rest) {
                    Some((length, min, max)) => {
                        let text = &self.rest[..length];
                        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
                            return Err(format!("invalid regexp pattern: invalid repeat count in {text}"));
                        }
                        self.rest = &self.rest[length..];
                        self.repeat(text, repeated)?;
                        now_repeated = true;
                    }
                    None => {
                        self.bump();
                        self.out.push_str("\\{");
                    }
                },
                '}' | ']' | '#' | '&' | '-' | '~' | '/' => {
                    self.bump();
                    self.literal(c);
                }
                c => {
                    self.bump();
                    self.out.push(c);
                }
            }
            repeated = now_repeated;
        }
        Ok((self.out, self.groups))
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest.strip_prefix(text);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    }

    fn repeat(&mut self, operator: &str, again: bool) -> Result<(), String> {
        if again {
            return Err(format!("invalid regexp pattern: invalid nested repetition operator in {operator}"));
        }
        self.out.push_str(operator);
        if self.eat("?") {
            self.out.push('?');
        }
        Ok(())
    }

    /// A backslash outside a class.
    fn escape(&mut self) -> Result<(), String> {
        self.bump();
        if self.eat("Q") {
            let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            for c in quoted.chars() {
                self.literal(c);
            }
            return Ok(());
        }
        for (letter, translated) in [
            ("A", "\\A"),
            ("z", "\\z"),
            ("b", "(?-u:\\b)"),
            ("B", "(?-u:\\B)"),
            ("d", "[0-9]"),
            ("D", "[^0-9]"),
            ("s", "[\\t\\n\\x0c\\r ]"),
            ("S", "[^\\t\\n\\x0c\\r ]"),
            ("w", "[0-9A-Za-z_]"),
            ("W", "[^0-9A-Za-z_]"),
        ] {
            if self.eat(letter) {
                self.out.push_str(translated);
                return Ok(());
            }
        }
        if self.property()? {
            return Ok(());
        }
        let c = self.escaped_char()?;
        self.literal(c);
        Ok(())
    }

    /// `\p{Greek}`, `\pL`, `\P…` after the backslash.
    fn property(&mut self) -> Result<bool, String> {
        let mut negated = match self.peek() {
            Some('p') => false,
            Some('P') => true,
            _ => return Ok(false),
        };
        self.bump();
        let name = if self.eat("{") {
            let Some((name, rest)) = self.rest.split_once('}') else {
                return Err("invalid regexp pattern: invalid character class range".to_owned());
            };
            self.rest = rest;
            name.to_owned()
        } else {
            self.bump().map(String::from).unwrap_or_default()
        };
        let name = name.strip_prefix('^').inspect(|_| negated = !negated).unwrap_or(&name);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err("invalid regexp pattern: invalid character class range".to_owned());
        }
        self.out.push_str(&format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }));
        Ok(true)
    }

    /// The character that stands behind a backslash.
    fn escaped_char(&mut self) -> Result<char, String> {
        let rest = self.rest;
        let invalid = |c: Option<char>| match c {
            Some(c) => format!("invalid regexp pattern: invalid escape sequence \\{c}"),
            None => "invalid regexp pattern: trailing backslash at end of expression".to_owned(),
        };
        let c = self.bump().ok_or_else(|| invalid(None))?;
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => {
                let digits = if self.eat("{") {
                    let (digits, rest) = self.rest.split_once('}').ok_or_else(|| invalid(Some('x')))?;
                    self.rest = rest;
                    digits
                } else {
                    let digits = self.rest.get(..2).ok_or_else(|| invalid(Some('x')))?;
                    self.rest = &self.rest[2..];
                    digits
                };
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
                code.and_then(char::from_u32).ok_or_else(|| invalid(Some('x')))?
            }
            // Octal; a single digit other than zero would refer back, which RE2 cannot do.
            '0'..='7' => {
                let length = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
                if c != '0' && length < 2 {
                    return Err(invalid(Some(c)));
                }
                self.rest = &rest[length..];
                let code = u32::from_str_radix(&rest[..length], 8).ok();
                code.and_then(char::from_u32).ok_or_else(|| invalid(Some(c)))?
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            c => return Err(invalid(Some(c))),
        })
    }

    /// `(` and what makes it special.
    fn group(&mut self) -> Result<(), String> {
        self.bump();
        if !self.eat("?") {
            self.groups.push(None);
            self.out.push('(');
            return Ok(());
        }
        if self.eat("P<") || self.eat("<") {
            let (name, rest) = self
                .rest
                .split_once('>')
                .filter(|(name, _)| !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric()))
                .ok_or("invalid regexp pattern: invalid named capture")?;
            self.rest = rest;
            self.groups.push(Some(name.into()));
            self.out.push('(');
            return Ok(());
        }
        let length = self.rest.find(|c| !matches!(c, 'i' | 'm' | 's' | 'U' | '-')).unwrap_or(self.rest.len());
        let (flags, after) = self.rest.split_at(length);
        let (on, off) = flags.split_once('-').unwrap_or((flags, ""));
        let ends_well = after.starts_with(':') || after.starts_with(')') && !flags.is_empty();
        if !ends_well || off.contains('-') || flags.contains('-') && off.is_empty() {
            return Err("invalid regexp pattern: invalid or unsupported Perl syntax".to_owned());
        }
        self.out.push_str("(?");
        // A flag given twice is an error to the engine.
        for (sign, letters) in [("", on), ("-", off)] {
            let mut seen = String::new();
            for flag in letters.chars().filter(|f| !(sign.is_empty() && off.contains(*f))) {
                if !seen.contains(flag) {
                    seen.push(flag);
                }
            }
            if !seen.is_empty() {
                self.out.push_str(sign);
                self.out.push_str(&seen);
            }
        }
        self.rest = &after[1..];
        self.out.push_str(&after[..1]);
        Ok(())
    }

    /// A bracketed class.
    fn class(&mut self) -> Result<(), String> {
        self.bump();
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.peek() {
                None => return Err("invalid regexp pattern: missing closing ]".to_owned()),
                Some(']') if !first => break,
                _ => self.class_item()?,
            }
            first = false;
        }
        self.bump();
        self.out.push(']');
        Ok(())
    }

    fn class_item(&mut self) -> Result<(), String> {
        if self.rest.starts_with("[:")
            && let Some((name, rest)) = self.rest[2..].split_once(":]")
        {
            self.rest = rest;
            self.out.push_str(&format!("[:{name}:]"));
            return Ok(());
        }
        if self.rest.starts_with('\\') {
            let before = self.rest;
            self.bump();
            for (letter, translated) in [
                ("d", "0-9"),
                ("D", "[^0-9]"),
                ("s", "\\t\\n\\x0c\\r "),
                ("S", "[^\\t\\n\\x0c\\r ]"),
                ("w", "0-9A-Za-z_"),
                ("W", "[^0-9A-Za-z_]"),
            ] {
                if self.eat(letter) {
                    self.out.push_str(translated);
                    return Ok(());
                }
            }
            if self.property()? {
                return Ok(());
            }
            self.rest = before;
        }
        let from = self.class_char()?;
        self.literal(from);
        if self.rest.starts_with('-') && !self.rest[1..].starts_with(']') && self.rest.len() > 1 {
            self.bump();
            let to = self.class_char()?;
            self.out.push('-');
            self.literal(to);
        }
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, String> {
        match self.bump() {
            Some('\\') => self.escaped_char(),
            Some(c) => Ok(c),
            None => Err("invalid regexp pattern: missing closing ]".to_owned()),
        }
    }
}

/// `{n}`, `{n,}` or `{n,m}` at the start of a text: its length and the bounds. Anything else stands for itself.
fn bounds(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let (inner, _) = text.strip_prefix('{')?.split_once('}')?;
    let number = |s: &str| {
        let digits = !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        // What is too large to read is too large in any case.
        digits.then(|| s.parse().unwrap_or(u32::MAX))
    };
    let (min, max) = match inner.split_once(',') {
        None => (number(inner)?, Some(number(inner)?)),
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    Some((inner.len() + 2, min, max))
}
