//! The two encodings inside a Terraform planfile, as far as they are needed: protocol buffers and MessagePack.

use super::Result;

/// A field of a protocol buffers message.
pub(super) enum Field<'a> {
    /// A scalar, whatever its width.
    Scalar,
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
}

/// The fields of a message, in order, with their numbers.
pub(super) fn fields(mut input: &[u8]) -> Result<Vec<(u64, Field<'_>)>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        let key = varint(&mut input)?;
        let field = match key & 7 {
            0 => {
                varint(&mut input)?;
                Field::Scalar
            }
            1 => {
                take(&mut input, 8)?;
                Field::Scalar
            }
            2 => {
                let length = usize::try_from(varint(&mut input)?)?;
                Field::Bytes(take(&mut input, length)?)
            }
            5 => {
                take(&mut input, 4)?;
                Field::Scalar
            }
            other => return Err(format!("the planfile has a field of wire type {other}").into()),
        };
        out.push((key >> 3, field));
    }
    Ok(out)
}

/// All messages, texts or bytes of one field.
pub(super) fn bytes_of(message: &[u8], number: u64) -> Result<Vec<&[u8]>> {
    let fields = fields(message)?.into_iter();
    Ok(fields
        .filter_map(|(n, field)| match field {
            Field::Bytes(bytes) if n == number => Some(bytes),
            _ => None,
        })
        .collect())
}

fn varint(input: &mut &[u8]) -> Result<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(input, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("the planfile has a number that does not end".into())
}

fn take<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    if count > input.len() {
        return Err("the planfile ends early".into());
    }
    let (taken, rest) = input.split_at(count);
    *input = rest;
    Ok(taken)
}

/// A MessagePack value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pack {
    /// Nothing.
    Nil,
    /// A bool.
    Bool(bool),
    /// A number, as its decimal digits.
    Number(String),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A sequence.
    Array(Vec<Pack>),
    /// Keys and values in order.
    Map(Vec<(Pack, Pack)>),
    /// A value of an application's own type: here an unknown value, with its encoded refinements.
    Extension(Vec<u8>),
}

/// Decodes one MessagePack value off the front.
pub(super) fn unpack(input: &mut &[u8]) -> Result<Pack> {
    let tag = take(input, 1)?[0];
    Ok(match tag {
        0x00..=0x7f => Pack::Number(tag.to_string()),
        0x80..=0x8f => map(input, usize::from(tag & 0x0f))?,
        0x90..=0x9f => array(input, usize::from(tag & 0x0f))?,
        0xa0..=0xbf => text(input, usize::from(tag & 0x1f))?,
        0xc0 => Pack::Nil,
        0xc2 => Pack::Bool(false),
        0xc3 => Pack::Bool(true),
        0xc4..=0xc6 => {
            let length = size(input, 1 << (tag - 0xc4))?;
            Pack::Bytes(take(input, length)?.to_vec())
        }
        0xc7..=0xc9 => {
            let length = size(input, 1 << (tag - 0xc7))?;
            take(input, 1)?;
            Pack::Extension(take(input, length)?.to_vec())
        }
        0xca => Pack::Number(decimal(f64::from(f32::from_be_bytes(take(input, 4)?.try_into()?)))),
        0xcb => Pack::Number(decimal(f64::from_be_bytes(take(input, 8)?.try_into()?))),
        0xcc..=0xcf => Pack::Number(unsigned(input, 1 << (tag - 0xcc))?.to_string()),
        0xd0 => Pack::Number(i8::from_be_bytes(take(input, 1)?.try_into()?).to_string()),
        0xd1 => Pack::Number(i16::from_be_bytes(take(input, 2)?.try_into()?).to_string()),
        0xd2 => Pack::Number(i32::from_be_bytes(take(input, 4)?.try_into()?).to_string()),
        0xd3 => Pack::Number(i64::from_be_bytes(take(input, 8)?.try_into()?).to_string()),
        0xd4..=0xd8 => {
            take(input, 1)?;
            Pack::Extension(take(input, 1 << (tag - 0xd4))?.to_vec())
        }
        0xd9..=0xdb => {
            let length = size(input, 1 << (tag - 0xd9))?;
            text(input, length)?
        }
        0xdc | 0xdd => {
            let length = size(input, 2 << (tag - 0xdc))?;
            array(input, length)?
        }
        0xde | 0xdf => {
            let length = size(input, 2 << (tag - 0xde))?;
            map(input, length)?
        }
        0xe0..=0xff => Pack::Number(i8::from_be_bytes([tag]).to_string()),
        0xc1 => return Err("the planfile has a value of an unassigned MessagePack type".into()),
    })
}

fn unsigned(input: &mut &[u8], width: usize) -> Result<u64> {
    Ok(take(input, width)?.iter().fold(0, |n, byte| (n << 8) | u64::from(*byte)))
}

fn size(input: &mut &[u8], width: usize) -> Result<usize> {
    Ok(usize::try_from(unsigned(input, width)?)?)
}

fn text(input: &mut &[u8], length: usize) -> Result<Pack> {
    Ok(Pack::Text(String::from_utf8(take(input, length)?.to_vec())?))
}

fn array(input: &mut &[u8], length: usize) -> Result<Pack> {
    (0..length).map(|_| unpack(input)).collect::<Result<_>>().map(Pack::Array)
}

fn map(input: &mut &[u8], length: usize) -> Result<Pack> {
    (0..length).map(|_| Ok((unpack(input)?, unpack(input)?))).collect::<Result<_>>().map(Pack::Map)
}

/// A float as Terraform prints one: the shortest digits that mean it.
fn decimal(f: f64) -> String {
    f.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messagepack_values_of_every_width_are_read() {
        let check = |bytes: &[u8], expected: Pack| {
            let mut input = bytes;
            assert_eq!(unpack(&mut input).unwrap(), expected);
            assert!(input.is_empty());
        };
        check(&[0xff], Pack::Number("-1".into()));
        check(&[0xcd, 1, 0], Pack::Number("256".into()));
        check(&[0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0], Pack::Number("0.5".into()));
        check(&[0x92, 0xc0, 0xa1, b'x'], Pack::Array(vec![Pack::Nil, Pack::Text("x".into())]));
        check(&[0xd4, 0, 0], Pack::Extension(vec![0]));
        check(&[0xc7, 3, 12, 0x81, 1, 0xc2], Pack::Extension(vec![0x81, 1, 0xc2]));
    }

    #[test]
    fn a_cut_message_is_an_error() {
        assert!(fields(&[0x0a, 5, 1]).is_err());
        assert!(unpack(&mut &[0x92, 0xc0][..]).is_err());
    }
}
