//! Values in prose, for diagnostics.

use super::{Marks, Value, ValueKind};
use crate::number::Notation;
use crate::types::Type;

impl Value {
    /// Its type in prose: "list of string", "object".
    pub fn describe_type(&self) -> String {
        self.ty().friendly_name()
    }

    /// What Terraform says of the value of a reference beneath a diagnostic: `is "cx22"`, `is object with 3 attributes`,
    /// `is a string, known only after apply`. Marked values are not shown.
    pub fn describe(&self) -> String {
        if self.marks.contains(Marks::SENSITIVE) {
            return "has a sensitive value".into();
        }
        if self.marks.contains(Marks::EPHEMERAL) {
            return "has an ephemeral value".into();
        }
        let counted = |ty: &str, length: usize| match length {
            0 => format!("is empty {ty}"),
            1 => format!("is {ty} with 1 element"),
            n => format!("is {ty} with {n} elements"),
        };
        match &self.kind {
            ValueKind::Unknown(Type::Dynamic, _) => "will be known only after apply".into(),
            ValueKind::Unknown(ty, _) => format!("is a {}, known only after apply", ty.friendly_name()),
            ValueKind::Null(_) => "is null".into(),
            ValueKind::Bool(b) => format!("is {b}"),
            ValueKind::Number(n) => format!("is {}", n.text(Notation::Shorter, Some(10))),
            ValueKind::String(s) => format!("is {}", quoted(s)),
            ValueKind::List(_, items) | ValueKind::Set(_, items) | ValueKind::Tuple(items) => {
                counted(&self.describe_type(), items.len())
            }
            ValueKind::Map(_, entries) => counted(&self.describe_type(), entries.len()),
            ValueKind::Object(attributes) => match attributes.keys().next() {
                None => "is object with no attributes".into(),
                Some(name) if attributes.len() == 1 => format!("is object with 1 attribute {}", quoted(name)),
                Some(_) => format!("is object with {} attributes", attributes.len()),
            },
        }
    }
}

/// A string in double quotes, with escapes for what would not show.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
