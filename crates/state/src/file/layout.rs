//! The look of JSON as Go's `encoding/json` writes it with an indent of two spaces.

use std::io::{self, Write};

use serde_json::ser::Formatter;

use crate::json::go_escape;

/// Lays out JSON as `json.MarshalIndent(v, "", "  ")` does, which escapes `<`, `>` and `&` for HTML, and U+2028 and
/// U+2029 for JavaScript. Raw fragments come from [`RawJson`](crate::RawJson) and are laid out as well.
#[derive(Default)]
pub(super) struct GoLayout {
    depth: usize,
    has_value: bool,
}

impl GoLayout {
    fn open<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: u8) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        writer.write_all(&[bracket])
    }

    fn close<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: u8) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.has_value {
            self.new_line(writer)?;
        }
        self.has_value = true;
        writer.write_all(&[bracket])
    }

    fn item<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        self.new_line(writer)
    }

    fn new_line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        const SPACES: [u8; 64] = [b' '; 64];
        writer.write_all(b"\n")?;
        let mut left = self.depth * 2;
        while left > 0 {
            let n = left.min(SPACES.len());
            writer.write_all(&SPACES[..n])?;
            left -= n;
        }
        Ok(())
    }
}

impl Formatter for GoLayout {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b'[')
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b']')
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.item(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b'{')
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b'}')
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        let mut start = 0;
        for i in 0..bytes.len() {
            if let Some((escape, len)) = go_escape(&bytes[i..]) {
                writer.write_all(&bytes[start..i])?;
                writer.write_all(escape.as_bytes())?;
                start = i + len;
            }
        }
        writer.write_all(&bytes[start..])
    }

    /// Lays out the text of a [`RawJson`](crate::RawJson), which has Go's escapes already.
    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        let mut at = 0;
        while let Some(&b) = bytes.get(at) {
            match b {
                b'"' => {
                    let end = string_end(bytes, at);
                    writer.write_all(&bytes[at..end.min(bytes.len())])?;
                    at = end;
                    continue;
                }
                b'{' | b'[' if matches!(bytes.get(at + 1), Some(b'}' | b']')) => {
                    writer.write_all(&bytes[at..at + 2])?;
                    at += 2;
                    continue;
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    writer.write_all(&[b])?;
                    self.new_line(writer)?;
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.new_line(writer)?;
                    writer.write_all(&[b])?;
                }
                b',' => {
                    writer.write_all(b",")?;
                    self.new_line(writer)?;
                }
                b':' => writer.write_all(b": ")?,
                _ => {
                    let rest = &bytes[at..];
                    let len = rest.iter().position(|b| b",:{}[]\"".contains(b)).unwrap_or(rest.len());
                    writer.write_all(&rest[..len])?;
                    at += len;
                    continue;
                }
            }
            at += 1;
        }
        Ok(())
    }
}

/// The offset behind the closing quote of the string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(b) = bytes.get(at) {
        match b {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::RawJson;
    use serde::Serialize;

    fn layout(value: impl Serialize) -> String {
        let mut out = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, GoLayout::default())).unwrap();
        String::from_utf8(out).unwrap()
    }

    // Expected texts are those of Go's json.MarshalIndent.
    #[test]
    fn raw_and_structured_values_look_alike() {
        let text = r#"{"a":[],"b":{},"c":[1,[{"d":"x,y:{\"}<&>"}]],"e":null,"f":[[],[[]]]}"#;
        let expected = "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    [\n      {\n        \"d\": \
            \"x,y:{\\\"}\\u003c\\u0026\\u003e\"\n      }\n    ]\n  ],\n  \"e\": null,\n  \"f\": [\n    [],\n    [\n      \
            []\n    ]\n  ]\n}";
        assert_eq!(layout(RawJson::from_text(text).unwrap()), expected);
        assert_eq!(layout(serde_json::from_str::<serde_json::Value>(text).unwrap()), expected);
    }

    #[test]
    fn line_separators_are_escaped_and_other_letters_are_not() {
        assert_eq!(layout("\u{2028}\u{2029}\u{2027}é\u{7f}"), "\"\\u2028\\u2029\u{2027}é\u{7f}\"");
        assert_eq!(layout("\u{1}\u{8}\u{c}\n"), "\"\\u0001\\b\\f\\n\"");
    }
}
