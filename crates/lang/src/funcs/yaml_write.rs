//! YAML as `yamlencode` writes it: block style, strings in double quotes or as literal blocks.

use ferroform_core::{Value, ValueKind};

/// Spaces a level is indented by.
const INDENT: usize = 2;
/// Double-quoted text is broken at the first space beyond this column.
const WIDTH: usize = 80;
/// Keys longer than this many bytes are written with a `?` on lines of their own.
const MAX_SIMPLE_KEY: usize = 128;

/// A wholly known value as a YAML document.
///
/// # Errors
/// When the value holds infinity or something unknown.
pub(super) fn encode(value: &Value) -> Result<String, String> {
    let mut writer = Writer { out: String::new(), column: 0 };
    writer.node(value, 0, Place::Root)?;
    if writer.column > 0 {
        writer.newline();
    }
    // A plain scalar alone does not show where it ends.
    if matches!(value.kind(), ValueKind::Null(_) | ValueKind::Bool(_) | ValueKind::Number(_)) {
        writer.out.push_str("...\n");
    }
    Ok(writer.out)
}

/// What a node stands behind.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    /// `- `, or the `: ` behind a key on lines of its own.
    Item,
    /// `key:`
    Value,
}

struct Writer {
    out: String,
    column: usize,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn newline(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Starts a line of its own with this indentation.
    fn line(&mut self, indent: usize) {
        if self.column > 0 {
            self.newline();
        }
        self.put(&" ".repeat(indent));
    }

    /// Writes a node; `indent` is that of the collection it is in.
    fn node(&mut self, value: &Value, indent: usize, place: Place) -> Result<(), String> {
        let scalar_indent = indent + INDENT;
        if place != Place::Root && !self.is_block(value) {
            self.put(" ");
        }
        match value.kind() {
            ValueKind::Null(_) => self.put("null"),
            ValueKind::Bool(b) => self.put(if *b { "true" } else { "false" }),
            ValueKind::Number(n) if n.is_infinite() => {
                return Err("infinity cannot be written as YAML".to_owned());
            }
            ValueKind::Number(n) => self.put(&n.to_string()),
            ValueKind::String(text) => self.text(text, scalar_indent, true),
            ValueKind::Unknown(..) => return Err("the value is not known".to_owned()),
            ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items)
                if items.is_empty() =>
            {
                self.put("[]");
            }
            ValueKind::Map(_, entries) | ValueKind::Object(entries) if entries.is_empty() => self.put("{}"),
            ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
                // Under a key a sequence is not indented.
                let own = if place == Place::Item { indent + INDENT } else { indent };
                for (i, item) in items.iter().enumerate() {
                    self.start(i, own, place);
                    self.put("-");
                    self.node(item, own, Place::Item)?;
                }
            }
            ValueKind::Map(_, entries) | ValueKind::Object(entries) => {
                let own = if place == Place::Root { indent } else { indent + INDENT };
                for (i, (key, item)) in entries.iter().enumerate() {
                    self.start(i, own, place);
                    if key.len() > MAX_SIMPLE_KEY || key.contains('\n') {
                        self.put("? ");
                        self.text(key, own + INDENT, true);
                        self.line(own);
                        self.put(":");
                        self.node(item, own, Place::Item)?;
                    } else {
                        self.text(key, own + INDENT, false);
                        self.put(":");
                        self.node(item, own, Place::Value)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a node is written on lines of its own.
    fn is_block(&self, value: &Value) -> bool {
        match value.kind() {
            ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
                !items.is_empty()
            }
            ValueKind::Map(_, entries) | ValueKind::Object(entries) => !entries.is_empty(),
            _ => false,
        }
    }

    /// The first entry of a collection in a sequence stands on the line of its dash.
    fn start(&mut self, index: usize, indent: usize, place: Place) {
        if index == 0 && place == Place::Item {
            self.put(" ");
        } else {
            self.line(indent);
        }
    }

    fn text(&mut self, text: &str, indent: usize, breakable: bool) {
        if text.contains('\n') && breakable && fits_literal(text) {
            self.literal(text, indent);
        } else {
            self.double_quoted(text, indent, breakable);
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put(&INDENT.to_string());
        }
        if !text.ends_with('\n') {
            self.put("-");
        } else if text == "\n" || text.ends_with("\n\n") {
            self.put("+");
        }
        self.newline();
        for line in text.split_inclusive('\n') {
            let content = line.strip_suffix('\n');
            let shown = content.unwrap_or(line);
            if !shown.is_empty() {
                self.put(&" ".repeat(indent));
                self.put(shown);
            }
            if content.is_some() {
                self.newline();
            }
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, breakable: bool) {
        self.put("\"");
        let mut after_space = false;
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c == ' ' {
                let inner = i > 0 && i + 1 < text.len();
                if breakable && !after_space && self.column > WIDTH && inner {
                    self.line(indent);
                    if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                after_space = true;
                continue;
            }
            after_space = false;
            let escaped = match c {
                '\0' => "\\0",
                '\x07' => "\\a",
                '\x08' => "\\b",
                '\t' => "\\t",
                '\n' => "\\n",
                '\x0b' => "\\v",
                '\x0c' => "\\f",
                '\r' => "\\r",
                '\x1b' => "\\e",
                '"' => "\\\"",
                '\\' => "\\\\",
                '\u{85}' => "\\N",

                '\u{2028}' => "\\L",
                '\u{2029}' => "\\P",
                c if is_printable(c) => {
                    self.put(c.encode_utf8(&mut [0; 4]));
                    continue;
                }
                c => {
                    let code = u32::from(c);
                    let escaped = match code {
                        0..=0xff => format!("\\x{code:02X}"),
                        0x100..=0xffff => format!("\\u{code:04X}"),
                        _ => format!("\\U{code:08X}"),
                    };
                    self.put(&escaped);
                    continue;
                }
            };
            self.put(escaped);
        }
        self.put("\"");
    }
}

/// Whether a text can be a literal block: nothing that needs an escape, no space before a line break or at the end.
fn fits_literal(text: &str) -> bool {
    let special = |c: char| c != '\n' && !is_printable(c);
    !text.ends_with(' ') && !text.contains(" \n") && !text.contains(special)
}

/// What needs no escape. The encoder that Terraform uses takes no character beyond the basic plane for printable.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}
