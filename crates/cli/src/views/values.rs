//! Values as expressions of the language, the way `terraform output` and `terraform console` print them.

use ferroform_core::{Entries, Marks, Type, Value, ValueKind};

use super::text::quote;

/// A value as an expression; what must not be shown is replaced. Lines after the first are indented by `indent`.
pub(super) fn expression(value: &Value, indent: usize) -> String {
    if value.marks().contains(Marks::SENSITIVE) {
        return "(sensitive value)".into();
    }
    if value.marks().contains(Marks::EPHEMERAL) {
        return "(ephemeral value)".into();
    }
    match value.kind() {
        ValueKind::Unknown(..) => "(known after apply)".into(),
        ValueKind::Null(ty) => null(ty),
        ValueKind::Bool(b) => b.to_string(),
        ValueKind::Number(n) => n.to_string(),
        ValueKind::String(text) if text.contains('\n') => heredoc(text, indent),
        ValueKind::String(text) => quote(text),
        ValueKind::Tuple(items) => sequence(items, indent),
        ValueKind::List(_, items) => format!("tolist({})", sequence(items, indent)),
        ValueKind::Set(_, items) => format!("toset({})", sequence(items, indent)),
        ValueKind::Object(attributes) => mapping(attributes, indent),
        ValueKind::Map(_, entries) => format!("tomap({})", mapping(entries, indent)),
    }
}

fn null(ty: &Type) -> String {
    match ty {
        Type::Dynamic => "null".into(),
        Type::String => "tostring(null)".into(),
        Type::Number => "tonumber(null)".into(),
        Type::Bool => "tobool(null)".into(),
        Type::List(element) => format!("tolist(null) /* of {} */", element.friendly_name()),
        Type::Set(element) => format!("toset(null) /* of {} */", element.friendly_name()),
        Type::Map(element) => format!("tomap(null) /* of {} */", element.friendly_name()),
        Type::Tuple(_) | Type::Object(_) => format!("null /* {} */", ty.friendly_name()),
    }
}

fn heredoc(text: &str, indent: usize) -> String {
    let mut delimiter = String::from("EOT");
    // Each round that goes on has met another line, so that there are no more rounds than lines.
    while text.split('\n').any(|line| line.trim() == delimiter) {
        delimiter.push('_');
    }
    let margin = " ".repeat(indent);
    let mut out = format!("{}{delimiter}\n", if indent > 0 { "<<-" } else { "<<" });
    for line in text.split('\n') {
        out.push_str(&format!("{margin}{}\n", super::text::visible(line)));
    }
    out + &margin + &delimiter
}

fn sequence(items: &[Value], indent: usize) -> String {
    if items.is_empty() {
        return "[]".into();
    }
    let inner = indent + 2;
    let margin = " ".repeat(inner);
    let items: String = items.iter().map(|item| format!("{margin}{},\n", expression(item, inner))).collect();
    format!("[\n{items}{}]", " ".repeat(indent))
}

fn mapping(entries: &Entries, indent: usize) -> String {
    if entries.is_empty() {
        return "{}".into();
    }
    let inner = indent + 2;
    let margin = " ".repeat(inner);
    let entries: String = entries
        .iter()
        .map(|(key, value)| format!("{margin}{} = {}\n", quote(key), expression(value, inner)))
        .collect();
    format!("{{\n{entries}{}}}", " ".repeat(indent))
}
