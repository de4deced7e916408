//! Wrapping, quoting and escaping.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

/// Prose broken at spaces so that no line is wider than `width` columns, unless a single word is. Line breaks stay, and
/// lines that begin with a space are left as they are: they are listings.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let width = width.max(1);
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| if line.starts_with(' ') { line.to_owned() } else { wrap_line(line, width) })
        .collect();
    lines.join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut column = 0;
    for word in line.split(' ') {
        let wide = word.width();
        if column > 0 {
            if column + 1 + wide > width {
                out.push('\n');
                column = 0;
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out.push_str(word);
        column += wide;
    }
    out
}

/// The text with control characters made visible, so that nothing in it can steer a terminal. Line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    if !text.chars().any(|c| c != '\n' && c != '\t' && is_unsafe(c)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c != '\n' && c != '\t' && is_unsafe(c) {
            push_escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that do something rather than show something, or change the order in which others are shown.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff9}'..='\u{fffb}')
}

fn push_escape(out: &mut String, c: char) {
    let short = match c {
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        _ => {
            let code = u32::from(c);
            out.push_str(&match code {
                0..0x80 => format!("\\x{code:02x}"),
                0x80..0x1_0000 => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            });
            return;
        }
    };
    out.push_str(short);
}

/// A string in double quotes as Terraform shows it: with the escapes of Go, `${` as it is.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    out
}

/// Appends what [`quote`] gives.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
        out.push_str(text);
    } else {
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                c if is_unsafe(c) => push_escape(out, c),
                c => out.push(c),
            }
        }
    }
    out.push('"');
}

/// The name of an attribute: as it is if it is an identifier of the language, in quotes otherwise.
pub(super) fn attribute_name(name: &str) -> Cow<'_, str> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    let valid = first && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if valid { name.into() } else { quote(name).into() }
}

/// Appends the text and as many spaces as it needs to be `width` columns wide.
pub(super) fn push_padded(out: &mut String, text: &str, width: usize) {
    out.push_str(text);
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width())));
}

/// The text followed by as many spaces as it needs to be `width` columns wide.
pub(super) fn pad(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len().max(width));
    push_padded(&mut out, text, width);
    out
}

/// "1 element", "2 elements".
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_at_spaces_and_listings_are_not() {
        fn check(text: &str, width: usize, expected: &str) {
            assert_eq!(wrap(text, width), expected, "{text:?} at {width}");
        }
        check("one two three", 7, "one two\nthree");
        check("one two three", 8, "one two\nthree");
        check("incomprehensibilities are", 5, "incomprehensibilities\nare");
        check("a b\n\nc d", 3, "a b\n\nc d");
        check("  - listed words stay", 5, "  - listed words stay");
        check("äöü äöü", 7, "äöü äöü");
        check("日本 語", 4, "日本\n語");
        check("x", 0, "x");
    }

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        fn check(text: &str, expected: &str) {
            assert_eq!(quote(text), expected);
        }
        check("plain é", "\"plain é\"");
        check("a\"b\\", r#""a\"b\\""#);
        check("a\0b\u{1b}[31m\u{200b}", r#""a\x00b\x1b[31m\u200b""#);
        check("${x} %{y}", "\"${x} %{y}\"");
        check("\t\r\n\u{7}\u{85}", r#""\t\r\n\a\u0085""#);
    }

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(visible("a\tb\nc"), "a\tb\nc");
        assert_eq!(visible("\u{1b}[2J\r\u{202e}"), "\\x1b[2J\\r\\u202e");
    }

    #[test]
    fn names_that_are_no_identifiers_are_quoted() {
        for (name, expected) in
            [("a-b", "a-b"), ("_u", "_u"), ("é", "é"), ("1x", "\"1x\""), ("a b", "\"a b\""), ("", "\"\"")]
        {
            assert_eq!(attribute_name(name), expected);
        }
    }
}
