//! Writing values.

use ferroform_core::wire::{WireError, type_to_json};
use ferroform_core::{AttrPath, Number, Refinements, Step, Type, Value, ValueKind};

use super::{REFINED, UNKNOWN, refinement};

/// The value in MessagePack, to be read as `ty`, which it must conform to.
///
/// # Errors
/// When the value, or something in it, has marks or is of another type.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, WireError> {
    let mut out = Vec::new();
    write(value, ty, &mut AttrPath::root(), &mut out)?;
    Ok(out)
}

fn write(value: &Value, ty: &Type, path: &mut AttrPath, out: &mut Vec<u8>) -> Result<(), WireError> {
    if !value.marks().is_empty() {
        return Err(wrong(path, "value has marks, so it cannot be sent"));
    }
    if *ty == Type::Dynamic {
        let own = value.ty();
        if own != Type::Dynamic {
            array(out, 2);
            bin(out, type_to_json(&own).to_string().as_bytes());
            return write(value, &own, path, out);
        }
    }
    match (value.kind(), ty) {
        (ValueKind::Null(_), _) => out.push(0xc0),
        (ValueKind::Unknown(_, known), _) => unknown(known.as_deref(), ty, out),
        (ValueKind::Bool(b), Type::Bool) => out.push(if *b { 0xc3 } else { 0xc2 }),
        (ValueKind::String(s), Type::String) => text(out, s),
        (ValueKind::Number(n), Type::Number) => number(out, n),
        (ValueKind::List(_, items), Type::List(ty)) | (ValueKind::Set(_, items), Type::Set(ty)) => {
            array(out, items.len());
            for (step, item) in value.children() {
                at(path, step, |path| write(item, ty, path, out))?;
            }
        }
        (ValueKind::Tuple(items), Type::Tuple(types)) if items.len() == types.len() => {
            array(out, items.len());
            for ((step, item), ty) in value.children().zip(types.iter()) {
                at(path, step, |path| write(item, ty, path, out))?;
            }
        }
        (ValueKind::Map(_, entries), Type::Map(ty)) => {
            map(out, entries.len());
            for (key, entry) in entries.iter() {
                text(out, key);
                at(path, Step::Index(Value::string(key.clone())), |path| write(entry, ty, path, out))?;
            }
        }
        (ValueKind::Object(attributes), Type::Object(object))
            if attributes.keys().eq(object.attributes.keys()) =>
        {
            map(out, attributes.len());
            for ((name, attribute), ty) in attributes.iter().zip(object.attributes.values()) {
                text(out, name);
                at(path, Step::Attr(name.clone()), |path| write(attribute, ty, path, out))?;
            }
        }
        _ => {
            let (wanted, own) = (ty.friendly_name(), value.ty().friendly_name());
            return Err(wrong(path, &format!("{wanted} is required, but the value is {own}")));
        }
    }
    Ok(())
}

fn wrong(path: &AttrPath, message: &str) -> WireError {
    WireError { path: path.clone(), message: message.to_owned() }
}

fn at<T>(path: &mut AttrPath, step: Step, f: impl FnOnce(&mut AttrPath) -> T) -> T {
    path.0.push(step);
    let result = f(path);
    path.0.pop();
    result
}

fn unknown(known: Option<&Refinements>, ty: &Type, out: &mut Vec<u8>) {
    let mut fields = 0;
    let mut body = Vec::new();
    if let Some(known) = known.filter(|_| *ty != Type::Dynamic) {
        let mut field = |key: i64| {
            fields += 1;
            key
        };
        if known.not_null {
            int(&mut body, field(refinement::NULL));
            body.push(0xc2);
        }
        match ty {
            Type::String if !known.string_prefix.is_empty() => {
                int(&mut body, field(refinement::STRING_PREFIX));
                text(&mut body, &known.string_prefix);
            }
            Type::Number => {
                for (key, bound) in
                    [(refinement::NUMBER_MIN, &known.number_min), (refinement::NUMBER_MAX, &known.number_max)]
                {
                    if let Some((bound, inclusive)) = bound {
                        int(&mut body, field(key));
                        array(&mut body, 2);
                        number(&mut body, bound);
                        body.push(if *inclusive { 0xc3 } else { 0xc2 });
                    }
                }
            }
            Type::List(_) | Type::Set(_) | Type::Map(_) => {
                if known.length_min > 0 {
                    int(&mut body, field(refinement::LENGTH_MIN));
                    uint(&mut body, known.length_min);
                }
                if let Some(max) = known.length_max {
                    int(&mut body, field(refinement::LENGTH_MAX));
                    uint(&mut body, max);
                }
            }
            _ => {}
        }
    }
    if fields == 0 {
        extension(out, UNKNOWN, &[0]);
        return;
    }
    let mut payload = Vec::with_capacity(body.len() + 1);
    map(&mut payload, fields);
    payload.extend(body);
    extension(out, REFINED, &payload);
}

fn number(out: &mut Vec<u8>, n: &Number) {
    if let Some(i) = n.to_i64() {
        return int(out, i);
    }
    let nearest = n.to_f64();
    if n.is_infinite() || Number::from_f64(nearest).is_some_and(|f| f == *n) {
        out.push(0xcb);
        out.extend(nearest.to_be_bytes());
    } else {
        text(out, &n.to_string());
    }
}

fn int(out: &mut Vec<u8>, i: i64) {
    if let Ok(u) = u64::try_from(i) {
        return uint(out, u);
    }
    match (i8::try_from(i), i16::try_from(i), i32::try_from(i)) {
        (Ok(i @ -32..), ..) => out.extend(i.to_be_bytes()),
        (Ok(i), ..) => tagged(out, 0xd0, &i.to_be_bytes()),
        (_, Ok(i), _) => tagged(out, 0xd1, &i.to_be_bytes()),
        (.., Ok(i)) => tagged(out, 0xd2, &i.to_be_bytes()),
        _ => tagged(out, 0xd3, &i.to_be_bytes()),
    }
}

fn uint(out: &mut Vec<u8>, u: u64) {
    match (u8::try_from(u), u16::try_from(u), u32::try_from(u)) {
        (Ok(u @ 0..0x80), ..) => out.push(u),
        (Ok(u), ..) => out.extend([0xcc, u]),
        (_, Ok(u), _) => tagged(out, 0xcd, &u.to_be_bytes()),
        (.., Ok(u)) => tagged(out, 0xce, &u.to_be_bytes()),
        _ => tagged(out, 0xcf, &u.to_be_bytes()),
    }
}

fn tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// A length with the shortest of the tags that there are for it; none for one byte means that there is no such tag.
/// Nothing that fits in memory is longer than 32 bits here: Terraform's messages are limited to 256 MB.
fn length(out: &mut Vec<u8>, len: usize, tags: (Option<u8>, u8, u8)) {
    match (u8::try_from(len), u16::try_from(len), tags.0) {
        (Ok(len), _, Some(tag)) => out.extend([tag, len]),
        (_, Ok(len), _) => tagged(out, tags.1, &len.to_be_bytes()),
        _ => tagged(out, tags.2, &u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()),
    }
}

fn text(out: &mut Vec<u8>, s: &str) {
    match s.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len => length(out, len, (Some(0xd9), 0xda, 0xdb)),
    }
    out.extend_from_slice(s.as_bytes());
}

fn bin(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, bytes.len(), (Some(0xc4), 0xc5, 0xc6));
    out.extend_from_slice(bytes);
}

fn array(out: &mut Vec<u8>, len: usize) {
    match len {
        0..16 => out.push(0x90 | len as u8),
        _ => length(out, len, (None, 0xdc, 0xdd)),
    }
}

fn map(out: &mut Vec<u8>, len: usize) {
    match len {
        0..16 => out.push(0x80 | len as u8),
        _ => length(out, len, (None, 0xde, 0xdf)),
    }
}

fn extension(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    match payload.len() {
        1 => out.push(0xd4),
        2 => out.push(0xd5),
        4 => out.push(0xd6),
        8 => out.push(0xd7),
        16 => out.push(0xd8),
        len => length(out, len, (Some(0xc7), 0xc8, 0xc9)),
    }
    out.push(kind);
    out.extend_from_slice(payload);
}
