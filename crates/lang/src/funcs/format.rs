//! `format` and `formatlist`: the `printf` family as Terraform knows it.

use ferroform_core::convert::convert;
use ferroform_core::number::Notation;
use ferroform_core::{Number, Refinements, Type, Value, ValueKind};

use super::driver::arg::text;
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError, json, text as unicode};

const FORMAT: Param = Param::new("format", Ty::String);
const ARGS: Param = Param::new("args", Ty::Any).allow_null().allow_unknown();

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("format", &[FORMAT], Ty::String, format).variadic(ARGS),
    Function::new("formatlist", &[FORMAT], Ty::List(&Ty::String), formatlist).variadic(ARGS),
];

/// Widths and precisions above this are refused: a short format must not take all memory.
const MAX_WIDTH: usize = 1_000_000;

fn format(args: &[Value], _: &FuncContext) -> Result<Value, FuncError> {
    let template = text(args, 0);
    if args[1..].iter().any(|arg| !arg.is_wholly_known()) {
        let literal = &template[..template.find('%').unwrap_or(template.len())];
        let known = Refinements { not_null: true, ..Refinements::default() }.with_string_prefix(literal);
        return Ok(Value::unknown_refined(Type::String, known));
    }
    let values: Vec<&Value> = args[1..].iter().collect();
    Ok(Value::string_normalised(&render(template, &values)?))
}

/// Formats once for each element of the lists among the arguments; other arguments stay the same each time.
fn formatlist(args: &[Value], _: &FuncContext) -> Result<Value, FuncError> {
    let template = text(args, 0);
    let is_sequence = |v: &Value| match v.kind() {
        ValueKind::List(..) | ValueKind::Set(..) | ValueKind::Tuple(_) => true,
        ValueKind::Unknown(ty, _) => matches!(ty, Type::List(_) | Type::Set(_) | Type::Tuple(_)),
        _ => false,
    };
    let sequences: Vec<usize> = (1..args.len()).filter(|&i| is_sequence(&args[i])).collect();
    let mut length: Option<(usize, usize)> = None;
    for &i in &sequences {
        let own = match args[i].ty() {
            Type::Tuple(types) => types.len(),
            _ => match args[i].as_slice() {
                Some(items) => items.len(),
                None => continue,
            },
        };
        match length {
            Some((first, expected)) if expected != own => {
                let message = format!(
                    "argument {i} has length {own}, which is inconsistent with argument {first} of length {expected}"
                );
                return Err(FuncError::argument(i, message));
            }
            Some(_) => {}
            None => length = Some((i, own)),
        }
    }
    if sequences.iter().any(|&i| !args[i].is_known()) {
        return Ok(Value::unknown(Type::list(Type::String)));
    }
    let length = if sequences.is_empty() { 1 } else { length.map_or(0, |(_, n)| n) };
    let mut out = Vec::with_capacity(length);
    for n in 0..length {
        let values: Vec<&Value> = args[1..]
            .iter()
            .map(|arg| {
                if is_sequence(arg) {
                    arg.as_slice().and_then(|items| items.get(n)).unwrap_or(arg)
                } else {
                    arg
                }
            })
            .collect();
        if values.iter().any(|v| !v.is_wholly_known()) {
            out.push(Value::unknown_not_null(Type::String));
            continue;
        }
        let rendered = render(template, &values).map_err(|error| {
            FuncError::failed(format!("error on format iteration {n}: {}", error.message))
        })?;
        out.push(Value::string_normalised(&rendered));
    }
    Ok(Value::list(Type::String, out))
}

/// One `%` with what follows it.
#[derive(Default)]
struct Verb<'a> {
    /// As written, for messages.
    raw: &'a str,
    plus: bool,
    minus: bool,
    sharp: bool,
    zero: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
    mode: char,
    /// Which argument, from zero.
    index: usize,
    /// Where in the format it stands.
    at: usize,
}

fn render(template: &str, values: &[&Value]) -> Result<String, FuncError> {
    let mut out = String::with_capacity(template.len());
    let (mut next, mut highest, mut at) = (0, 0, 0);
    while let Some(found) = template[at..].find('%') {
        out.push_str(&template[at..at + found]);
        at += found;
        if template[at + 1..].starts_with('%') {
            out.push('%');
            at += 2;
            continue;
        }
        let verb = parse(template, at, &mut next)?;
        at += verb.raw.len();
        highest = highest.max(verb.index + 1);
        let Some(value) = values.get(verb.index) else {
            return Err(FuncError::failed(format!(
                "not enough arguments for {:?} at {}: need index {} but have {} total",
                verb.raw,
                verb.at,
                verb.index + 1,
                values.len()
            )));
        };
        verb.append(value, &mut out)?;
    }
    out.push_str(&template[at..]);
    if highest < values.len() {
        let message = if highest == 0 {
            "too many arguments; no verbs in format string".to_owned()
        } else {
            format!("too many arguments; only {highest} used by format string")
        };
        return Err(FuncError::argument(highest + 1, message));
    }
    Ok(out)
}

/// Reads a verb: `%`, flags, width, precision, number of the argument in brackets, letter.
fn parse<'a>(template: &'a str, at: usize, next: &mut usize) -> Result<Verb<'a>, FuncError> {
    let mut verb = Verb { at, ..Verb::default() };
    let mut rest = &template[at + 1..];
    loop {
        match rest.as_bytes().first() {
            Some(b'+') => verb.plus = true,
            Some(b'-') => verb.minus = true,
            Some(b'#') => verb.sharp = true,
            Some(b'0') => verb.zero = true,
            Some(b' ') => verb.space = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    let number = |rest: &mut &'a str| {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = rest.split_at(length);
        *rest = after;
        (length > 0).then(|| digits.parse().unwrap_or(usize::MAX))
    };
    let too_wide = |n: Option<usize>| match n {
        Some(n) if n > MAX_WIDTH => {
            Err(FuncError::failed(format!("the width or precision of the verb at offset {at} is too large")))
        }
        n => Ok(n),
    };
    verb.width = too_wide(number(&mut rest))?;
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        verb.precision = Some(too_wide(number(&mut rest))?.unwrap_or(0));
    }
    verb.index = *next;
    if let Some(after) = rest.strip_prefix('[') {
        rest = after;
        let index = number(&mut rest);
        match (index, rest.strip_prefix(']')) {
            (Some(index @ 1..), Some(after)) => {
                verb.index = index - 1;
                rest = after;
            }
            _ => {
                let c = rest.chars().next().map_or_else(|| "end of string".to_owned(), |c| format!("{c:?}"));
                return Err(FuncError::failed(format!("unrecognized format character {c} at offset {at}")));
            }
        }
    }
    match rest.chars().next() {
        Some(c @ ('v' | 't' | 'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' | 's' | 'q')) => {
            verb.mode = c;
            rest = &rest[1..];
        }
        Some(c) => {
            let offset = template.len() - rest.len();
            return Err(FuncError::failed(format!("unrecognized format character {c:?} at offset {offset}")));
        }
        None => return Err(FuncError::failed("unexpected end of format string")),
    }
    *next = verb.index + 1;
    verb.raw = &template[at..template.len() - rest.len()];
    Ok(verb)
}

impl Verb<'_> {
    fn append(&self, value: &Value, out: &mut String) -> Result<(), FuncError> {
        let mut mode = self.mode;
        if mode == 'v' {
            mode = match value.kind() {
                _ if self.sharp => 'j',
                ValueKind::String(_) => 's',
                ValueKind::Number(_) => 'g',
                ValueKind::Bool(_) => 'p',
                _ => 'j',
            };
        }
        if mode == 'j' {
            let encoded = json::encode(value).map_err(FuncError::failed)?;
            self.pad(&encoded, out);
            return Ok(());
        }
        let want = match mode {
            't' | 'p' => Type::Bool,
            's' | 'q' => Type::String,
            _ => Type::Number,
        };
        if value.is_null() {
            return Err(self.unsupported(value, "null value cannot be formatted"));
        }
        let converted = convert(value, &want).map_err(|e| self.unsupported(value, &e.message))?;
        match (converted.kind(), mode) {
            (ValueKind::Bool(b), 't') => out.push_str(if *b { "true" } else { "false" }),
            (ValueKind::Bool(b), _) => self.pad(if *b { "true" } else { "false" }, out),
            (ValueKind::String(s), 's') => self.pad(self.cut(s), out),
            (ValueKind::String(s), _) => self.pad(&json::quote(self.cut(s)), out),
            (ValueKind::Number(n), 'b' | 'd' | 'o' | 'x' | 'X') => self.whole(n, out)?,
            (ValueKind::Number(n), _) => self.float(n, mode, out),
            _ => return Err(self.unsupported(value, "the value is not known")),
        }
        Ok(())
    }

    fn unsupported(&self, value: &Value, why: &str) -> FuncError {
        let what = if value.is_null() { "null".to_owned() } else { value.ty().friendly_name() };
        FuncError::failed(format!(
            "unsupported value for {:?} at {}: {why} (the value is {what})",
            self.raw, self.at
        ))
    }

    fn cut<'s>(&self, text: &'s str) -> &'s str {
        match self.precision {
            // Terraform takes no digits and zero for no limit.
            None | Some(0) => text,
            Some(limit) => {
                let end: usize = unicode::clusters(text).take(limit).map(str::len).sum();
                &text[..end]
            }
        }
    }

    fn pad(&self, text: &str, out: &mut String) {
        let missing = self.width.unwrap_or(0).saturating_sub(unicode::length(text));
        let filler = if self.zero && !self.minus { '0' } else { ' ' };
        if self.minus {
            out.push_str(text);
        }
        out.extend(std::iter::repeat_n(filler, missing));
        if !self.minus {
            out.push_str(text);
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn whole(&self, n: &Number, out: &mut String) -> Result<(), FuncError> {
        let Some(int) = n.to_bigint().filter(|_| n.is_integer()) else {
            return Err(FuncError::failed(format!(
                "unsupported value for {:?} at {}: a whole number is required, not {n}",
                self.raw, self.at
            )));
        };
        let (radix, prefix) = match self.mode {
            'b' => (2, "0b"),
            'o' => (8, "0"),
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            _ => (10, ""),
        };
        let mut digits = int.magnitude().to_str_radix(radix);
        if self.mode == 'X' {
            digits.make_ascii_uppercase();
        }
        let prefix = if self.sharp { prefix } else { "" };
        let sign = self.sign(n.signum() < 0);
        let mut zeros = self.precision.unwrap_or(0).saturating_sub(digits.len());
        let length = sign.len() + prefix.len() + zeros + digits.len();
        let mut spaces = self.width.unwrap_or(0).saturating_sub(length);
        if self.zero && !self.minus && self.precision.is_none() {
            zeros += std::mem::take(&mut spaces);
        }
        self.spaced(spaces, &[sign, prefix, &"0".repeat(zeros), &digits], out);
        Ok(())
    }

    fn float(&self, n: &Number, mode: char, out: &mut String) {
        let (notation, precision) = match mode {
            'e' | 'E' => (Notation::Exponent, Some(self.precision.unwrap_or(6))),
            'f' => (Notation::Plain, Some(self.precision.unwrap_or(6))),
            _ => (Notation::Shorter, self.precision),
        };
        let text = n.text(notation, precision);
        let digits = text.trim_start_matches(['-', '+']);
        let digits = if mode.is_ascii_uppercase() { digits.to_ascii_uppercase() } else { digits.to_owned() };
        let sign = if n.is_infinite() && n.signum() > 0 && !self.space {
            "+"
        } else {
            self.sign(n.is_sign_negative())
        };
        let missing = self.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
        if self.zero && !n.is_infinite() {
            out.push_str(sign);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(&digits);
        } else {
            self.spaced(missing, &[sign, &digits], out);
        }
    }

    fn spaced(&self, spaces: usize, parts: &[&str], out: &mut String) {
        let filler = std::iter::repeat_n(' ', spaces);
        if self.minus {
            out.extend(parts.iter().copied());
            out.extend(filler);
        } else {
            out.extend(filler);
            out.extend(parts.iter().copied());
        }
    }
}
