//! Reading JSON with spans. The first mistake ends the reading.

use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics, Number, SourceId, Span};

use super::{Kind, Property, Text, Value};

/// How deeply arrays and objects may nest.
const MAX_DEPTH: usize = 200;

const STARTS: &str =
    "A value is expected here: an object, an array, a string, a number, true, false or null.";

/// Parses a JSON text. If it is wrong, the value is null and there is one diagnostic.
pub fn parse(source: SourceId, text: &str) -> (Value, Diagnostics) {
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = Reader { source, text, bytes: text.as_bytes(), pos: start, depth: 0 };
    match reader.document() {
        Ok(value) => (value, Diagnostics::new()),
        Err(problem) => (Value { kind: Kind::Null, span: reader.span(0, text.len()) }, (*problem).into()),
    }
}

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

struct Reader<'t> {
    source: SourceId,
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    depth: usize,
}

impl Reader<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span::new(self.source, offset(start), offset(end))
    }

    /// An error about the character at the current position.
    fn problem(&self, summary: &'static str, detail: impl Into<String>) -> Box<Diagnostic> {
        let len = self.text.get(self.pos..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        self.problem_at(summary, detail, self.pos, self.pos + len)
    }

    fn problem_at(
        &self,
        summary: &'static str,
        detail: impl Into<String>,
        start: usize,
        end: usize,
    ) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(summary).detail(detail).subject(self.span(start, end)))
    }

    /// The next byte that is not blank, or 0 at the end.
    fn peek(&mut self) -> u8 {
        while matches!(self.bytes.get(self.pos), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
        self.bytes.get(self.pos).copied().unwrap_or(0)
    }

    fn at_end(&self) -> bool {
        self.pos >= self.bytes.len()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte && !self.at_end();
        self.pos += usize::from(found);
        found
    }

    fn document(&mut self) -> Result<Value> {
        if self.bytes.len() > crate::parse::MAX_LEN {
            return Err(Box::new(crate::parser::too_large(self.span(0, 0))));
        }
        let value = self.value()?;
        self.peek();
        if self.at_end() {
            return Ok(value);
        }
        Err(self.problem("Extraneous data after value", "The JSON value is complete before this point."))
    }

    fn value(&mut self) -> Result<Value> {
        let first = self.peek();
        let start = self.pos;
        if self.at_end() {
            return Err(self.problem("Missing value", "A JSON value is expected, but the text ends."));
        }
        let kind = match first {
            b'{' | b'[' => {
                if self.depth >= MAX_DEPTH {
                    return Err(self.problem(
                        "Expression nested too deeply",
                        "Arrays and objects are nested more than 200 levels deep here.",
                    ));
                }
                self.depth += 1;
                let kind = if first == b'{' { self.object() } else { self.array() }?;
                self.depth -= 1;
                kind
            }
            b'"' => Kind::String(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            b'a'..=b'z' | b'A'..=b'Z' => self.keyword()?,
            b'}' => return Err(self.problem("Missing JSON value", STARTS)),
            b']' => return Err(self.problem("Missing array element value", STARTS)),
            _ => return Err(self.problem("Invalid start of value", STARTS)),
        };
        Ok(Value { kind, span: self.span(start, self.pos) })
    }

    fn object(&mut self) -> Result<Kind> {
        let open = self.pos;
        self.pos += 1;
        let mut properties = Vec::new();
        if self.eat(b'}') {
            return Ok(Kind::Object(properties));
        }
        loop {
            if self.peek() != b'"' {
                let value = self.value()?;
                let (start, end) = (value.span.start as usize, value.span.end as usize);
                let detail = "The name of a property is a string, in double quotes.";
                return Err(self.problem_at("Invalid object property name", detail, start, end));
            }
            let name = self.string()?;
            if !self.eat(b':') {
                return Err(match self.peek() {
                    b'}' | b',' => self.problem(
                        "Missing object value",
                        "A property has a value, which follows its name and a colon.",
                    ),
                    _ => self.problem(
                        "Missing property value colon",
                        "A colon is expected between the name of a property and its value.",
                    ),
                });
            }
            let value = self.value()?;
            properties.push(Property { name, value });
            if self.eat(b'}') {
                return Ok(Kind::Object(properties));
            }
            let separator = self.pos;
            if !self.eat(b',') {
                return Err(match self.peek() {
                    _ if self.at_end() => {
                        self.problem_at("Unclosed object", "The object has no closing brace.", open, open + 1)
                    }
                    b']' => {
                        self.problem("Mismatched braces", "An object is closed by a brace, not by a bracket.")
                    }
                    _ => self.problem(
                        "Missing attribute seperator comma",
                        "The properties of an object are separated by commas.",
                    ),
                });
            }
            if self.peek() == b'}' {
                let detail = "In JSON no comma follows the last property.";
                return Err(self.problem_at("Trailing comma in object", detail, separator, separator + 1));
            }
        }
    }

    fn array(&mut self) -> Result<Kind> {
        let open = self.pos;
        self.pos += 1;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Kind::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.eat(b']') {
                return Ok(Kind::Array(items));
            }
            let separator = self.pos;
            if !self.eat(b',') {
                return Err(match self.peek() {
                    _ if self.at_end() => self.problem_at(
                        "Unclosed object",
                        "The array has no closing bracket.",
                        open,
                        open + 1,
                    ),
                    b':' => self.problem("Invalid array value", "The elements of an array have no names."),
                    b'}' => self
                        .problem("Mismatched brackets", "An array is closed by a bracket, not by a brace."),
                    _ => self.problem(
                        "Missing attribute seperator comma",
                        "The elements of an array are separated by commas.",
                    ),
                });
            }
            if self.peek() == b']' {
                let detail = "In JSON no comma follows the last element.";
                return Err(self.problem_at("Trailing comma in array", detail, separator, separator + 1));
            }
        }
    }

    fn keyword(&mut self) -> Result<Kind> {
        let start = self.pos;
        let len = self.bytes[start..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        self.pos += len;
        match &self.text[start..self.pos] {
            "null" => Ok(Kind::Null),
            "true" => Ok(Kind::Bool(true)),
            "false" => Ok(Kind::Bool(false)),
            other => {
                let detail =
                    format!("{other:?} means nothing in JSON, which knows the words true, false and null.");
                Err(self.problem_at("Invalid JSON keyword", detail, start, self.pos))
            }
        }
    }

    fn number(&mut self) -> Result<Kind> {
        let start = self.pos;
        let part = |b: &&u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
        self.pos += self.bytes[start..].iter().take_while(part).count();
        let text = &self.text[start..self.pos];
        let number = if is_json_number(text) { text.parse::<Number>().ok() } else { None };
        match number {
            Some(number) => Ok(Kind::Number(number)),
            None => {
                let detail = format!("{text:?} is not a number as JSON writes it, or one out of range.");
                Err(self.problem_at("Invalid JSON number", detail, start, self.pos))
            }
        }
    }

    fn string(&mut self) -> Result<Text> {
        let start = self.pos;
        self.pos += 1;
        let mut value = String::new();
        let mut plain = true;
        loop {
            let from = self.pos;
            let ordinary = |b: &&u8| !matches!(b, b'"' | b'\\') && **b >= 0x20;
            self.pos += self.bytes[from..].iter().take_while(ordinary).count();
            value.push_str(&self.text[from..self.pos]);
            match self.bytes.get(self.pos) {
                Some(b'"') => {
                    self.pos += 1;
                    let span = self.span(start, self.pos);
                    return Ok(Text { value: Arc::from(value), span, plain });
                }
                Some(b'\\') => {
                    plain = false;
                    value.push(self.escape()?);
                }
                Some(_) => {
                    let detail =
                        "A string holds no line endings, tabs or other control characters; write \\n or \\t.";
                    return Err(self.problem("Invalid JSON string", detail));
                }
                None => {
                    let detail = "The string has no closing quote.";
                    return Err(self.problem_at("Invalid JSON string", detail, start, start + 1));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let start = self.pos;
        self.pos += 2;
        Ok(match self.bytes.get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.hex(start)?;
                if !(0xd800..0xdc00).contains(&unit) {
                    // As in Go, half a surrogate pair is replaced.
                    return Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                let before = self.pos;
                if self.bytes[before..].starts_with(b"\\u") {
                    self.pos += 2;
                    let low = self.hex(before)?;
                    if (0xdc00..0xe000).contains(&low) {
                        let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.pos = before;
                }
                char::REPLACEMENT_CHARACTER
            }
            _ => {
                self.pos = start;
                let detail =
                    "This is no escape. There are \\\", \\\\, \\/, \\b, \\f, \\n, \\r, \\t and \\uNNNN.";
                return Err(self.problem("Invalid JSON string", detail));
            }
        })
    }

    /// The four digits at the current position of an escape that begins at `start`.
    fn hex(&mut self, start: usize) -> Result<u32> {
        let digits =
            self.text.get(self.pos..self.pos + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.pos += 4;
                Ok(unit)
            }
            None => {
                let detail = "\\u must be followed by four hexadecimal digits.";
                Err(self.problem_at("Invalid JSON string", detail, start, start + 2))
            }
        }
    }
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn is_json_number(text: &str) -> bool {
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let len = digits(fraction);
        if len == 0 {
            return false;
        }
        rest = &fraction[len..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let len = digits(exponent);
        return len > 0 && len == exponent.len();
    }
    rest.is_empty()
}
