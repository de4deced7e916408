//! Encodings, apart from YAML.

use std::sync::Arc;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ferroform_core::{Refinements, Type, Value, ValueKind, gzip};

use super::driver::arg::text;
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError, csv, json};

type Result = std::result::Result<Value, FuncError>;

const STR: Param = Param::new("str", Ty::String);
const ENCODING: Param = Param::new("encoding", Ty::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("base64decode", &[STR], Ty::String, base64decode),
    Function::new("base64encode", &[STR], Ty::String, |args, _| {
        Ok(Value::string(BASE64.encode(text(args, 0))))
    }),
    Function::new("base64gzip", &[STR], Ty::String, |args, _| {
        Ok(Value::string(BASE64.encode(gzip::compress_flushed(text(args, 0).as_bytes()))))
    }),
    Function::new("csvdecode", &[STR], Ty::Any, csvdecode),
    Function::new("jsondecode", &[STR], Ty::Any, |args, _| {
        json::decode(text(args, 0)).map_err(FuncError::failed)
    })
    .returns_by(|args| {
        let known = args[0].refinements().map_or("", |r| &r.string_prefix);
        json::type_of_prefix(known).map_err(|message| FuncError::argument(0, message))
    })
    .may_be_null(),
    Function::new(
        "jsonencode",
        &[Param::new("val", Ty::Any).allow_null().allow_unknown().allow_dynamic()],
        Ty::String,
        jsonencode,
    ),
    Function::new(
        "textencodebase64",
        &[Param::new("string", Ty::String), ENCODING],
        Ty::String,
        textencodebase64,
    ),
    Function::new(
        "textdecodebase64",
        &[Param::new("source", Ty::String), ENCODING],
        Ty::String,
        textdecodebase64,
    ),
    Function::new("urlencode", &[STR], Ty::String, urlencode),
];

/// Base64 with padding that, like Go's, does not mind bits left over at the end.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Decodes base64 that may be broken into lines.
pub(super) fn from_base64(given: &str) -> std::result::Result<Vec<u8>, String> {
    let bytes: Vec<u8> = given.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    BASE64.decode(bytes).map_err(|e| match e {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => {
            format!("the value is not valid base64: illegal data at byte {at}")
        }
        _ => "the value is not valid base64: its length or padding is wrong".to_owned(),
    })
}

fn base64decode(args: &[Value], _: &FuncContext) -> Result {
    let bytes = from_base64(text(args, 0)).map_err(FuncError::failed)?;
    match std::str::from_utf8(&bytes) {
        Ok(decoded) => Ok(Value::string_normalised(decoded)),
        Err(_) => Err(FuncError::failed("the result of decoding the provided string is not valid UTF-8")),
    }
}

/// One object for each record after the first, which names the attributes.
fn csvdecode(args: &[Value], _: &FuncContext) -> Result {
    let records = csv::records(text(args, 0)).map_err(FuncError::failed)?;
    let Some((header, rows)) = records.split_first() else {
        return Err(FuncError::failed("missing header line"));
    };
    let mut names: Vec<Arc<str>> = Vec::with_capacity(header.len());
    for name in header {
        let ValueKind::String(name) = Value::string_normalised(name).into_kind() else { continue };
        if names.contains(&name) {
            return Err(FuncError::failed(format!("duplicate column name {name:?}")));
        }
        names.push(name);
    }
    let row_type = Type::object(names.iter().map(|name| (name.clone(), Type::String)));
    let rows = rows.iter().map(|row| {
        let fields = names.iter().cloned().zip(row.iter().map(|field| Value::string_normalised(field)));
        Value::object(fields)
    });
    Ok(Value::list(row_type, rows))
}

fn jsonencode(args: &[Value], _: &FuncContext) -> Result {
    let given = &args[0];
    if given.is_wholly_known() {
        return json::encode(given).map(Value::string).map_err(FuncError::failed);
    }
    // Of what is known to be no null at least the first character is known.
    let prefix = match given.ty() {
        _ if !given.is_definitely_not_null() => "",
        Type::String => "\"",
        Type::Object(_) | Type::Map(_) => "{",
        Type::Tuple(_) | Type::List(_) | Type::Set(_) => "[",
        _ => "",
    };
    let known = Refinements { string_prefix: prefix.into(), ..Refinements::not_null() };
    Ok(Value::unknown_refined(Type::String, known))
}

/// A character encoding by its IANA name.
enum Charset {
    Utf16 {
        big_endian: bool,
        bom: bool,
    },
    /// The first so many code points, a byte each.
    Direct(u32),
    Other(&'static encoding_rs::Encoding),
}

fn charset(name: &str) -> std::result::Result<Charset, FuncError> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "utf-16" => Charset::Utf16 { big_endian: true, bom: true },
        "utf-16be" => Charset::Utf16 { big_endian: true, bom: false },
        "utf-16le" => Charset::Utf16 { big_endian: false, bom: false },
        "iso-8859-1" | "iso_8859-1" | "iso_8859-1:1987" | "latin1" | "l1" | "iso-ir-100" | "ibm819"
        | "cp819" => Charset::Direct(256),
        "us-ascii" | "ascii" | "iso646-us" | "ansi_x3.4-1968" | "us" | "cp367" | "ibm367" | "iso-ir-6" => {
            Charset::Direct(128)
        }
        _ => {
            // Labels that only browsers know are not names of the registry.
            let lower = name.to_ascii_lowercase();
            let foreign = ["x-", "cp125", "utf8", "unicode", "dos-874", "sun_eu", "logical", "visual"];
            let foreign = foreign.iter().any(|prefix| lower.starts_with(prefix));
            let found = encoding_rs::Encoding::for_label_no_replacement(name.as_bytes()).filter(|_| !foreign);
            Charset::Other(found.ok_or_else(|| {
                let message = format!("{name:?} is not a supported IANA encoding name or alias");
                FuncError::argument(1, message)
            })?)
        }
    })
}

fn textencodebase64(args: &[Value], _: &FuncContext) -> Result {
    let (given, name) = (text(args, 0), text(args, 1));
    let bytes = match charset(name)? {
        Charset::Utf16 { big_endian, bom } => {
            let units = bom.then_some(0xfeff).into_iter().chain(given.encode_utf16());
            units
                .flat_map(|unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect()
        }
        Charset::Direct(limit) => {
            let byte = |c: char| u8::try_from(u32::from(c)).ok().filter(|&b| u32::from(b) < limit);
            given.chars().map(byte).collect::<Option<Vec<u8>>>().ok_or_else(|| {
                FuncError::argument(
                    0,
                    format!("the given string contains characters that cannot be represented in {name}"),
                )
            })?
        }
        Charset::Other(encoding) => {
            let (bytes, _, lossy) = encoding.encode(given);
            if lossy {
                let message = format!(
                    "the given string contains characters that cannot be represented in {}",
                    encoding.name()
                );
                return Err(FuncError::argument(0, message));
            }
            bytes.into_owned()
        }
    };
    Ok(Value::string(BASE64.encode(bytes)))
}

fn textdecodebase64(args: &[Value], _: &FuncContext) -> Result {
    let name = text(args, 1);
    let charset = charset(name)?;
    let bytes = from_base64(text(args, 0)).map_err(|message| FuncError::argument(0, message))?;
    let invalid = || {
        let message = format!("the given string contains symbols that are not defined for {name}");
        FuncError::argument(0, message)
    };
    let decoded = match charset {
        Charset::Utf16 { big_endian, bom } => {
            let (mut bytes, mut big_endian) = (bytes.as_slice(), big_endian);
            if bom {
                match bytes {
                    [0xfe, 0xff, rest @ ..] => bytes = rest,
                    [0xff, 0xfe, rest @ ..] => (bytes, big_endian) = (rest, false),
                    // A byte order mark is required.
                    _ => return Err(invalid()),
                }
            }
            if bytes.len() % 2 != 0 {
                return Err(invalid());
            }
            let units = bytes.chunks_exact(2).map(|pair| {
                let pair = [pair[0], pair[1]];
                if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
            });
            char::decode_utf16(units).collect::<std::result::Result<String, _>>().map_err(|_| invalid())?
        }
        Charset::Direct(limit) => {
            if bytes.iter().any(|&b| u32::from(b) >= limit) {
                return Err(invalid());
            }
            bytes.iter().map(|&b| char::from(b)).collect()
        }
        Charset::Other(encoding) => {
            let decoded = encoding.decode_without_bom_handling_and_without_replacement(&bytes);
            decoded.ok_or_else(invalid)?.into_owned()
        }
    };
    Ok(Value::string_normalised(&decoded))
}

/// Percent-encoding for a query string: letters, digits and `-_.~` stay, a space becomes `+`.
fn urlencode(args: &[Value], _: &FuncContext) -> Result {
    let mut out = String::new();
    for byte in text(args, 0).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(Value::string(out))
}
