//! The functions of the provider that is part of Terraform, `terraform.io/builtin/terraform`: values as text in the
//! language and back. They are about the language and nothing else, so they are here.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use ferroform_core::function::{Function, FunctionError, Parameter};
use ferroform_core::value::Refinements;
use ferroform_core::{Diagnostic, Sources, Type, Value, ValueKind};
use regex::Regex;

use super::provider::FunctionSource;

/// The functions of the provider.
pub(super) struct Functions;

/// What messages call the text that is decoded.
const ARGUMENT: &str = "<decode_tfvars argument>";

static ENCODE_EXPR: LazyLock<Function> = LazyLock::new(|| {
    let value = Parameter::new("value", Type::Dynamic).allow_unknown().describe("The value to write.");
    Function::new([value], Type::String)
        .describe("Writes a value as an expression", "Gives an expression whose value is the argument.")
});

static ENCODE_TFVARS: LazyLock<Function> = LazyLock::new(|| {
    let value = Parameter::new("value", Type::Dynamic)
        .allow_unknown()
        .describe("An object; its attributes are the values of variables by name.");
    Function::new([value], Type::String).describe(
        "Writes values of variables as a .tfvars file holds them",
        "Gives the text of a file that sets a variable for each attribute of the argument.",
    )
});

static DECODE_TFVARS: LazyLock<Function> = LazyLock::new(|| {
    let src = Parameter::new("src", Type::String).describe("The text of the file.");
    Function::new([src], Type::Dynamic).describe(
        "Reads the text of a .tfvars file",
        "Gives an object with an attribute for each variable that the text sets.",
    )
});

impl FunctionSource for Functions {
    fn declaration(&self, name: &str) -> Option<&Function> {
        Some(match name {
            "encode_expr" => &ENCODE_EXPR,
            "encode_tfvars" => &ENCODE_TFVARS,
            "decode_tfvars" => &DECODE_TFVARS,
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, FunctionError> {
        match (name, args) {
            ("encode_expr", [value]) => encode_expr(value),
            ("encode_tfvars", [value]) => encode_tfvars(value),
            ("decode_tfvars", [text]) => decode_tfvars(text.as_str().unwrap_or_default()),
            _ => Err(FunctionError::failed(format!("the provider has no function {name:?}"))),
        }
    }
}

fn encode_expr(value: &Value) -> Result<Value, FunctionError> {
    // Only whole files are formatted.
    const BEFORE: &str = "x = ";
    if !value.is_wholly_known() {
        return Ok(Value::refined(Type::String, begins_like(value)));
    }
    let text = formatted(&format!("{BEFORE}{}\n", written(value)?))?;
    let text = text.strip_prefix(BEFORE).unwrap_or(&text);
    Ok(Value::string_normalised(text.strip_suffix('\n').unwrap_or(text)))
}

/// What is known of the expression for a value that is not known, or not in all its parts.
fn begins_like(value: &Value) -> Refinements {
    let begin = match value.ty() {
        _ if !value.is_definitely_not_null() => "",
        Type::String => "\"",
        Type::List(_) | Type::Set(_) | Type::Tuple(_) => "[",
        Type::Map(_) | Type::Object(_) => "{",
        Type::Dynamic | Type::Bool | Type::Number => "",
    };
    Refinements { string_prefix: begin.into(), ..Refinements::not_null() }
}

fn encode_tfvars(value: &Value) -> Result<Value, FunctionError> {
    if !value.is_wholly_known() {
        return Ok(Value::unknown_not_null(Type::String));
    }
    let Some(variables) = value.as_map() else {
        return Err(FunctionError::failed(
            "invalid value to encode: must be an object whose attribute names will become the encoded variable names",
        ));
    };
    let mut text = String::new();
    for (name, value) in variables {
        if !ferroform_hcl::is_identifier(name) {
            return Err(FunctionError::failed(format!(
                "invalid variable name {name:?}: must be a valid identifier, per Terraform's rules for input variable \
                 declarations"
            )));
        }
        let _ = writeln!(text, "{name} = {}", written(value)?);
    }
    Ok(Value::string_normalised(&formatted(&text)?))
}

/// The same in canonical style. An error only where it is nested deeper than the language allows.
fn formatted(text: &str) -> Result<String, FunctionError> {
    let mut sources = Sources::new();
    let source = sources.add("<encoded value>", text);
    ferroform_hcl::format(source, text).map_err(|problems| {
        let why = problems.iter().find(|d| d.is_error()).map(|d| said(d, &sources)).unwrap_or_default();
        FunctionError::failed(format!("invalid value to encode: {why}"))
    })
}

fn written(value: &Value) -> Result<String, FunctionError> {
    let mut text = String::new();
    write(value, 0, &mut text)?;
    Ok(text)
}

/// How deep a value may be nested: what is written must be readable again.
const MAX_DEPTH: u32 = 100;

/// Writes an expression without indentation.
fn write(value: &Value, depth: u32, out: &mut String) -> Result<(), FunctionError> {
    if depth > MAX_DEPTH {
        return Err(FunctionError::failed(format!(
            "invalid value to encode: it is nested more than {MAX_DEPTH} levels deep"
        )));
    }
    match value.kind() {
        ValueKind::Null(_) => out.push_str("null"),
        ValueKind::Unknown(..) => {
            return Err(FunctionError::failed("invalid value to encode: a part of it is not known"));
        }
        ValueKind::Bool(b) => _ = write!(out, "{b}"),
        ValueKind::Number(n) if n.is_infinite() => {
            return Err(FunctionError::failed(
                "invalid value to encode: an infinite number cannot be written",
            ));
        }
        ValueKind::Number(n) => _ = write!(out, "{n}"),
        ValueKind::String(text) => quote(text, out),
        ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(item, depth + 1, out)?;
            }
            out.push(']');
        }
        ValueKind::Map(_, entries) | ValueKind::Object(entries) => {
            out.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                out.push('\n');
                write_key(key, i == 0, out);
                out.push_str(" = ");
                write(value, depth + 1, out)?;
            }
            if !entries.is_empty() {
                out.push('\n');
            }
            out.push('}');
        }
    }
    Ok(())
}

/// The key of an object, without quotes where it can go without. Behind the brace `for` would begin something else.
fn write_key(key: &Arc<str>, is_first: bool, out: &mut String) {
    if ferroform_hcl::is_identifier(key) && !(is_first && &**key == "for") {
        out.push_str(key);
    } else {
        quote(key, out);
    }
}

/// A string in quotes; whatever would not be seen as it is, or be read as something else, is escaped.
fn quote(text: &str, out: &mut String) {
    static VISIBLE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$").ok());
    let mut buffer = [0; 4];
    let mut chars = text.chars().peekable();
    out.push('"');
    while let Some(c) = chars.next() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '$' | '%' if chars.peek() == Some(&'{') => out.extend([c, c]),
            ' '..='~' => out.push(c),
            c if VISIBLE.as_ref().is_some_and(|visible| visible.is_match(c.encode_utf8(&mut buffer))) => {
                out.push(c);
            }
            c if c as u32 > 0xffff => _ = write!(out, "\\U{:08x}", c as u32),
            c => _ = write!(out, "\\u{:04x}", c as u32),
        }
    }
    out.push('"');
}

fn decode_tfvars(text: &str) -> Result<Value, FunctionError> {
    let mut sources = Sources::new();
    let source = sources.add(ARGUMENT, text);
    let failed = |what: &str, problem: &Diagnostic| {
        FunctionError::failed(format!("{what}: {}", said(problem, &sources)))
    };
    let (body, problems) = ferroform_hcl::parse_body(source, text).into_parts();
    if let Some(problem) = problems.iter().find(|d| d.is_error()) {
        return Err(failed("invalid tfvars syntax", problem));
    }
    if let Some(block) = body.blocks.first() {
        let problem = Diagnostic::error(format!("Unexpected {:?} block", &*block.kind.name))
            .detail("Blocks are not allowed here.")
            .subject(block.kind.span);
        return Err(failed("invalid tfvars content", &problem));
    }
    let mut variables = Vec::with_capacity(body.attributes.len());
    for attribute in &body.attributes {
        let name = &attribute.name.name;
        let (value, problems) = crate::eval::eval_constant(&attribute.expr);
        if let Some(problem) = problems.iter().find(|d| d.is_error()) {
            return Err(failed(&format!("invalid expression for variable {:?}", &**name), problem));
        }
        variables.push((name.clone(), value));
    }
    Ok(Value::object(variables))
}

/// A diagnostic in a line: where, what, and why, without a full stop.
fn said(problem: &Diagnostic, sources: &Sources) -> String {
    let mut out = String::new();
    if let Some(span) = problem.subject
        && let Some(source) = sources.get(span.source)
    {
        let (start, end) = (source.line_column(span.start), source.line_column(span.end));
        let _ = write!(out, "{}:{},{}-", source.name(), start.line, start.column);
        if end.line != start.line {
            let _ = write!(out, "{},", end.line);
        }
        let _ = write!(out, "{}: ", end.column);
    }
    out.push_str(&problem.summary);
    if !problem.detail.is_empty() {
        let _ = write!(out, "; {}", problem.detail);
    }
    out.truncate(out.trim_end_matches('.').len());
    out
}
