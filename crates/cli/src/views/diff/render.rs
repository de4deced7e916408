//! Changes as text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::{Value, ValueKind};
use unicode_width::UnicodeWidthStr;

use super::{Act, Diff, Group, Node, Note};
use crate::views::style::{Paint, Style};
use crate::views::text::{attribute_name, counted, pad, quote};

/// How a part is printed inside of the whole.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    /// Without `-> null`, which the container says already.
    pub(super) no_null: bool,
    /// What stays as it is, too.
    pub(super) all: bool,
    /// Without `+`, `-` and `~`.
    pub(super) no_symbols: bool,
    /// Every part asks for the replacement.
    pub(super) replace: bool,
}

pub(super) struct Printer<'s> {
    pub(super) style: &'s Style,
}

/// Attributes that are shown even if they stay as they are, because they tell which object this is.
fn is_telling(name: &str) -> bool {
    matches!(name, "id" | "name" | "tags")
}

pub(super) fn margin(indent: usize) -> Cow<'static, str> {
    const BLANKS: &str = "                                ";
    let width = 4 * indent;
    BLANKS.get(..width).map_or_else(|| " ".repeat(width).into(), Cow::Borrowed)
}

impl Printer<'_> {
    pub(super) fn diff(&self, diff: &Diff, indent: usize, options: Options) -> String {
        match &diff.node {
            Node::Scalar { before, after } => self.scalar(diff, before.as_ref(), after.as_ref(), options),
            Node::Text { before, after } => {
                self.text(diff, before.as_deref(), after.as_deref(), indent, options)
            }
            Node::Hidden { .. } => {
                format!("(sensitive value){}{}", self.null(diff, options), self.forces(diff, options))
            }
            Node::Unknown(None) => format!("(known after apply){}", self.forces(diff, options)),
            Node::Unknown(Some(before)) => {
                let before = self.diff(before, indent, Options { no_null: true, ..options });
                format!("{before} {} (known after apply){}", self.arrow(), self.forces(diff, options))
            }
            Node::KindChange(before, after) => {
                let options = Options { no_null: true, ..options };
                let (before, after) = (self.diff(before, indent, options), self.diff(after, indent, options));
                format!("{before} {} {after}{}", self.arrow(), self.forces(diff, options))
            }
            Node::Object { attributes, nested } => self.object(diff, attributes, *nested, indent, options),
            Node::Map { entries, nested } => self.map(diff, entries, *nested, indent, options),
            Node::List { items, nested } => self.list(diff, items, *nested, indent, options),
            Node::Set { items, nested } => self.set(diff, items, *nested, indent, options),
            Node::Block { attributes, groups } => self.block(diff, attributes, groups, indent, options),
            Node::HiddenBlock => {
                let inner = margin(indent + 1);
                format!(
                    "{{{}\n{inner}  # At least one attribute in this block is (or was) sensitive,\n\
                     {inner}  # so its contents will not be displayed.\n{}{}}}",
                    self.forces(diff, options),
                    margin(indent),
                    self.symbol(Act::NoOp, options)
                )
            }
        }
    }

    /// The symbol of an action with a space behind it.
    pub(super) fn symbol(&self, act: Act, options: Options) -> Cow<'static, str> {
        if options.no_symbols {
            return "".into();
        }
        let (paint, plain) = match act {
            Act::NoOp => return "    ".into(),
            Act::Create => (Paint::Green, "  + "),
            Act::Update => (Paint::Yellow, "  ~ "),
            Act::Delete => (Paint::Red, "  - "),
        };
        if !self.style.color {
            return plain.into();
        }
        format!("  {} ", self.style.paint(paint, plain.trim())).into()
    }

    pub(super) fn arrow(&self) -> String {
        self.style.paint(Paint::Yellow, "->")
    }

    pub(super) fn null(&self, diff: &Diff, options: Options) -> String {
        if diff.act == Act::Delete && !options.no_null {
            format!(" {}", self.style.paint(Paint::Dim, "-> null"))
        } else {
            String::new()
        }
    }

    pub(super) fn forces(&self, diff: &Diff, options: Options) -> String {
        if diff.replace || options.replace {
            format!(" {}", self.style.paint(Paint::Red, "# forces replacement"))
        } else {
            String::new()
        }
    }

    fn scalar(&self, diff: &Diff, before: Option<&Value>, after: Option<&Value>, options: Options) -> String {
        let show = |value: Option<&Value>| match value.map(Value::kind) {
            Some(ValueKind::Bool(b)) => b.to_string(),
            Some(ValueKind::Number(n)) => n.to_string(),
            // No other kind is a scalar.
            _ => self.style.paint(Paint::Dim, "null"),
        };
        let forces = self.forces(diff, options);
        match diff.act {
            Act::Create => format!("{}{forces}", show(after)),
            Act::Delete if before.is_none() => format!("{}{forces}", show(before)),
            Act::Delete => format!("{}{}{forces}", show(before), self.null(diff, options)),
            Act::NoOp => format!("{}{forces}", show(before)),
            Act::Update => format!("{} {} {}{forces}", show(before), self.arrow(), show(after)),
        }
    }

    /// Remarks that stand above an attribute.
    fn notes(&self, diff: &Diff, indent: usize) -> String {
        let Node::Hidden { note: Some(note), same } = diff.node else { return String::new() };
        let margin = margin(indent);
        let (first, second) = match note {
            Note::WillHide => (
                "this attribute value will be marked as sensitive and will not",
                "display in UI output after applying this change.",
            ),
            Note::WillShow => {
                ("this attribute value will no longer be marked as sensitive", "after applying this change.")
            }
        };
        let warning = self.style.paint(Paint::Yellow, "Warning");
        let same = if same { " The value is unchanged." } else { "" };
        format!("{margin}  # {warning}: {first}\n{margin}  # {second}{same}\n")
    }

    /// A remark that so many parts are not shown.
    fn left_out(&self, count: usize, noun: &str, indent: usize, options: Options) -> String {
        if count == 0 {
            return String::new();
        }
        let remark = format!("# ({} hidden)", counted(count, &format!("unchanged {noun}")));
        format!(
            "{}{}{}\n",
            margin(indent),
            self.symbol(Act::NoOp, options),
            self.style.paint(Paint::Dim, remark)
        )
    }

    fn closing(&self, bracket: char, indent: usize, options: Options) -> String {
        format!("{}{}{bracket}", margin(indent), self.symbol(Act::NoOp, options))
    }

    /// The lines of attributes and, for those left out, of the remark about them.
    fn attributes(
        &self,
        attributes: &BTreeMap<Arc<str>, Diff>,
        indent: usize,
        options: Options,
        inner: Options,
    ) -> String {
        let names: Vec<String> = attributes.keys().map(|name| attribute_name(name)).collect();
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let (mut out, mut left_out) = (String::new(), 0);
        for ((name, diff), shown) in attributes.iter().zip(&names) {
            let telling = is_telling(name);
            if diff.act == Act::NoOp && !telling && !options.all {
                left_out += 1;
                continue;
            }
            let inner = Options { all: inner.all || telling, ..inner };
            out += &self.notes(diff, indent);
            // A plan has many of these lines: put together without a detour.
            out += &margin(indent);
            out += &self.symbol(diff.act, inner);
            out += &pad(shown, width);
            out += " = ";
            out += &self.diff(diff, indent, inner);
            out.push('\n');
        }
        out + &self.left_out(left_out, "attribute", indent, options)
    }

    fn object(
        &self,
        diff: &Diff,
        attributes: &BTreeMap<Arc<str>, Diff>,
        nested: bool,
        indent: usize,
        options: Options,
    ) -> String {
        let (null, forces) = (self.null(diff, options), self.forces(diff, options));
        if attributes.is_empty() {
            return format!("{{}}{null}{forces}");
        }
        let inner = Options { no_null: options.no_null || !nested, replace: false, ..options };
        let lines = self.attributes(attributes, indent + 1, options, inner);
        format!("{{{forces}\n{lines}{}{null}", self.closing('}', indent, options))
    }

    fn map(
        &self,
        diff: &Diff,
        entries: &BTreeMap<Arc<str>, Diff>,
        nested: bool,
        indent: usize,
        options: Options,
    ) -> String {
        let (null, forces) = (self.null(diff, options), self.forces(diff, options));
        if entries.is_empty() {
            return format!("{{}}{null}{forces}");
        }
        // That everything goes is said once.
        let no_null = options.no_null || diff.act == Act::Delete;
        let inner = Options { no_null, replace: false, ..options };
        let names: Vec<String> = entries.keys().map(|name| quote(name)).collect();
        // Entries that are objects of their own are not aligned: their braces would stand apart from their names.
        let width = if nested { 0 } else { names.iter().map(|name| name.width()).max().unwrap_or(0) };
        let (mut lines, mut left_out) = (String::new(), 0);
        for (diff, name) in entries.values().zip(&names) {
            if diff.act == Act::NoOp && !options.all {
                left_out += 1;
                continue;
            }
            let comma = if matches!(diff.node, Node::Object { .. }) { "," } else { "" };
            lines += &self.notes(diff, indent + 1);
            lines += &format!(
                "{}{}{} = {}{comma}\n",
                margin(indent + 1),
                self.symbol(diff.act, inner),
                pad(name, width),
                self.diff(diff, indent + 1, inner)
            );
        }
        lines += &self.left_out(left_out, "element", indent + 1, options);
        format!("{{{forces}\n{lines}{}{null}", self.closing('}', indent, options))
    }

    fn item(&self, diff: &Diff, indent: usize, options: Options) -> String {
        format!(
            "{}{}{}{},\n",
            self.notes(diff, indent),
            margin(indent),
            self.symbol(diff.act, options),
            self.diff(diff, indent, options)
        )
    }

    /// A list, with the unchanged element before and after each change for orientation.
    fn list(&self, diff: &Diff, items: &[Diff], nested: bool, indent: usize, options: Options) -> String {
        let (null, forces) = (self.null(diff, options), self.forces(diff, options));
        if items.is_empty() {
            return format!("[]{null}{forces}");
        }
        let inner = Options { no_null: options.no_null || !nested, replace: false, ..options };
        let whole = Options { all: true, ..inner };
        let changed =
            |i: Option<usize>| i.and_then(|i| items.get(i)).is_some_and(|item| item.act != Act::NoOp);
        let (mut lines, mut left_out) = (String::new(), 0);
        for (i, item) in items.iter().enumerate() {
            if item.act != Act::NoOp || options.all {
                lines += &self.left_out(std::mem::take(&mut left_out), "element", indent + 1, options);
                lines += &self.item(item, indent + 1, inner);
            } else if !nested && (changed(i.checked_sub(1)) || changed(i.checked_add(1))) {
                lines += &self.left_out(std::mem::take(&mut left_out), "element", indent + 1, options);
                lines += &self.item(item, indent + 1, whole);
            } else {
                left_out += 1;
            }
        }
        lines += &self.left_out(left_out, "element", indent + 1, options);
        format!("[{forces}\n{lines}{}{null}", self.closing(']', indent, options))
    }

    fn set(&self, diff: &Diff, items: &[Diff], nested: bool, indent: usize, options: Options) -> String {
        let null = self.null(diff, options);
        // Of nested objects each changed one bears the remark, since each is a thing of its own.
        let forces = if nested { String::new() } else { self.forces(diff, options) };
        if items.is_empty() {
            return format!("[]{null}{forces}");
        }
        let replace = nested && (diff.replace || options.replace);
        let inner = Options { no_null: true, replace, ..options };
        let (mut lines, mut left_out) = (String::new(), 0);
        for item in items {
            if item.act == Act::NoOp && !options.all {
                left_out += 1;
            } else {
                lines += &self.item(item, indent + 1, inner);
            }
        }
        lines += &self.left_out(left_out, "element", indent + 1, options);
        format!("[{forces}\n{lines}{}{null}", self.closing(']', indent, options))
    }

    fn block(
        &self,
        diff: &Diff,
        attributes: &BTreeMap<Arc<str>, Diff>,
        groups: &[Group],
        indent: usize,
        options: Options,
    ) -> String {
        let forces = self.forces(diff, options);
        if attributes.is_empty() && groups.is_empty() {
            return format!("{{}}{forces}");
        }
        let inner = Options { replace: false, ..options };
        let mut out = format!("{{{forces}\n");
        out += &self.attributes(attributes, indent + 1, inner, inner);
        let mut left_out = 0;
        for group in groups {
            let options = Options { replace: group.replace, ..options };
            let mut first = true;
            for (label, block) in &group.blocks {
                if block.act == Act::NoOp && !options.all {
                    left_out += 1;
                    continue;
                }
                if std::mem::take(&mut first) {
                    out.push('\n');
                }
                let label = label.as_ref().map(|label| format!(" {}", quote(label))).unwrap_or_default();
                out += &format!(
                    "{}{}{}{label} {}\n",
                    margin(indent + 1),
                    self.symbol(block.act, options),
                    attribute_name(&group.name),
                    self.diff(block, indent + 1, options)
                );
            }
        }
        if left_out > 0 {
            out.push('\n');
            out += &self.left_out(left_out, "block", indent + 1, inner);
        }
        out + &self.closing('}', indent, options)
    }
}
