//! Changes as text.

use std::borrow::Cow;

use ferroform_core::{Value, ValueKind};
use unicode_width::UnicodeWidthStr;

use super::{Act, Diff, Group, Named, Node, Note};
use crate::views::style::{Paint, Style};
use crate::views::text::{attribute_name, counted, push_padded, push_quoted, quote};

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

fn margin(indent: usize) -> Cow<'static, str> {
    const BLANKS: &str = "                                ";
    let width = 4 * indent;
    BLANKS.get(..width).map_or_else(|| " ".repeat(width).into(), Cow::Borrowed)
}

impl Printer<'_> {
    pub(super) fn diff(&self, diff: &Diff, indent: usize, options: Options) -> String {
        let mut out = String::with_capacity(256);
        self.write(&mut out, diff, indent, options);
        out
    }

    /// Appends a change. A plan has thousands of them, which is why they are all written into one text.
    pub(super) fn write(&self, out: &mut String, diff: &Diff, indent: usize, options: Options) {
        match &diff.node {
            Node::Scalar { before, after } => {
                self.scalar(out, diff, before.as_ref(), after.as_ref(), options);
            }
            Node::Text { before, after } => {
                self.text(out, diff, before.as_deref(), after.as_deref(), indent, options);
            }
            Node::Hidden { .. } => {
                out.push_str("(sensitive value)");
                self.null(out, diff, options);
                self.forces(out, diff, options);
            }
            Node::Unknown(None) => {
                out.push_str("(known after apply)");
                self.forces(out, diff, options);
            }
            Node::Unknown(Some(before)) => {
                self.write(out, before, indent, Options { no_null: true, ..options });
                self.arrow(out);
                out.push_str("(known after apply)");
                self.forces(out, diff, options);
            }
            Node::KindChange(before, after) => {
                let inner = Options { no_null: true, ..options };
                self.write(out, before, indent, inner);
                self.arrow(out);
                self.write(out, after, indent, inner);
                self.forces(out, diff, inner);
            }
            Node::Object { attributes, nested } => {
                self.object(out, diff, attributes, *nested, indent, options);
            }
            Node::Map { entries, nested } => self.map(out, diff, entries, *nested, indent, options),
            Node::List { items, nested } => self.list(out, diff, items, *nested, indent, options),
            Node::Set { items, nested } => self.set(out, diff, items, *nested, indent, options),
            Node::Block { attributes, groups } => self.block(out, diff, attributes, groups, indent, options),
            Node::HiddenBlock => {
                out.push('{');
                self.forces(out, diff, options);
                out.push('\n');
                for line in [
                    "# At least one attribute in this block is (or was) sensitive,",
                    "# so its contents will not be displayed.",
                ] {
                    self.remark(out, line, indent + 1);
                }
                self.closing(out, '}', indent, options);
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

    /// What stands between before and after.
    pub(super) fn arrow(&self, out: &mut String) {
        out.push(' ');
        out.push_str(&self.style.paint(Paint::Yellow, "->"));
        out.push(' ');
    }

    /// What stands behind something that goes away.
    pub(super) fn null(&self, out: &mut String, diff: &Diff, options: Options) {
        if diff.act == Act::Delete && !options.no_null {
            out.push(' ');
            out.push_str(&self.style.paint(Paint::Dim, "-> null"));
        }
    }

    pub(super) fn forces(&self, out: &mut String, diff: &Diff, options: Options) {
        if diff.replace || options.replace {
            out.push(' ');
            out.push_str(&self.style.paint(Paint::Red, "# forces replacement"));
        }
    }

    fn scalar(
        &self,
        out: &mut String,
        diff: &Diff,
        before: Option<&Value>,
        after: Option<&Value>,
        options: Options,
    ) {
        let show = |value: Option<&Value>| match value.map(Value::kind) {
            Some(ValueKind::Bool(b)) => b.to_string(),
            Some(ValueKind::Number(n)) => n.to_string(),
            // No other kind is a scalar.
            _ => self.style.paint(Paint::Dim, "null"),
        };
        match diff.act {
            Act::Create => out.push_str(&show(after)),
            Act::NoOp => out.push_str(&show(before)),
            Act::Delete => {
                out.push_str(&show(before));
                if before.is_some() {
                    self.null(out, diff, options);
                }
            }
            Act::Update => {
                out.push_str(&show(before));
                self.arrow(out);
                out.push_str(&show(after));
            }
        }
        self.forces(out, diff, options);
    }

    /// A line of its own that is not part of the value.
    fn remark(&self, out: &mut String, text: &str, indent: usize) {
        out.push_str(&margin(indent));
        out.push_str("  ");
        out.push_str(text);
        out.push('\n');
    }

    /// Remarks that stand above an attribute.
    fn notes(&self, out: &mut String, diff: &Diff, indent: usize) {
        let Node::Hidden { note: Some(note), same } = diff.node else { return };
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
        self.remark(out, &format!("# {warning}: {first}"), indent);
        self.remark(out, &format!("# {second}{same}"), indent);
    }

    /// A remark that so many parts are not shown.
    fn left_out(&self, out: &mut String, count: usize, noun: &str, indent: usize, options: Options) {
        if count > 0 {
            let remark = format!("# ({} hidden)", counted(count, &format!("unchanged {noun}")));
            self.begin_line(out, Act::NoOp, indent, options);
            out.push_str(&self.style.paint(Paint::Dim, remark));
            out.push('\n');
        }
    }

    pub(super) fn begin_line(&self, out: &mut String, act: Act, indent: usize, options: Options) {
        out.push_str(&margin(indent));
        out.push_str(&self.symbol(act, options));
    }

    pub(super) fn closing(&self, out: &mut String, bracket: char, indent: usize, options: Options) {
        self.begin_line(out, Act::NoOp, indent, options);
        out.push(bracket);
    }

    /// A container without content.
    fn empty(&self, out: &mut String, brackets: &str, diff: &Diff, options: Options) {
        out.push_str(brackets);
        self.null(out, diff, options);
        self.forces(out, diff, options);
    }

    /// The first line of a container that has content.
    fn opening(&self, out: &mut String, bracket: char, diff: &Diff, options: Options) {
        out.push(bracket);
        self.forces(out, diff, options);
        out.push('\n');
    }

    /// The lines of attributes and, for those left out, of the remark about them.
    fn attributes(
        &self,
        out: &mut String,
        attributes: &Named,
        indent: usize,
        options: Options,
        inner: Options,
    ) {
        let width = attributes.iter().map(|(name, _)| attribute_name(name).width()).max().unwrap_or(0);
        let mut left_out = 0;
        for (name, diff) in attributes {
            let telling = is_telling(name);
            if diff.act == Act::NoOp && !telling && !options.all {
                left_out += 1;
                continue;
            }
            let inner = Options { all: inner.all || telling, ..inner };
            self.notes(out, diff, indent);
            self.begin_line(out, diff.act, indent, inner);
            push_padded(out, &attribute_name(name), width);
            out.push_str(" = ");
            self.write(out, diff, indent, inner);
            out.push('\n');
        }
        self.left_out(out, left_out, "attribute", indent, options);
    }

    fn object(
        &self,
        out: &mut String,
        diff: &Diff,
        attributes: &Named,
        nested: bool,
        indent: usize,
        options: Options,
    ) {
        if attributes.is_empty() {
            return self.empty(out, "{}", diff, options);
        }
        let inner = Options { no_null: options.no_null || !nested, replace: false, ..options };
        self.opening(out, '{', diff, options);
        self.attributes(out, attributes, indent + 1, options, inner);
        self.closing(out, '}', indent, options);
        self.null(out, diff, options);
    }

    fn map(
        &self,
        out: &mut String,
        diff: &Diff,
        entries: &Named,
        nested: bool,
        indent: usize,
        options: Options,
    ) {
        if entries.is_empty() {
            return self.empty(out, "{}", diff, options);
        }
        // That everything goes is said once.
        let no_null = options.no_null || diff.act == Act::Delete;
        let inner = Options { no_null, replace: false, ..options };
        let names: Vec<String> = entries.iter().map(|(name, _)| quote(name)).collect();
        // Entries that are objects of their own are not aligned: their braces would stand apart from their names.
        let width = if nested { 0 } else { names.iter().map(|name| name.width()).max().unwrap_or(0) };
        let mut left_out = 0;
        self.opening(out, '{', diff, options);
        for ((_, diff), name) in entries.iter().zip(&names) {
            if diff.act == Act::NoOp && !options.all {
                left_out += 1;
                continue;
            }
            self.notes(out, diff, indent + 1);
            self.begin_line(out, diff.act, indent + 1, inner);
            push_padded(out, name, width);
            out.push_str(" = ");
            self.write(out, diff, indent + 1, inner);
            out.push_str(if matches!(diff.node, Node::Object { .. }) { ",\n" } else { "\n" });
        }
        self.left_out(out, left_out, "element", indent + 1, options);
        self.closing(out, '}', indent, options);
        self.null(out, diff, options);
    }

    fn item(&self, out: &mut String, diff: &Diff, indent: usize, options: Options) {
        self.notes(out, diff, indent);
        self.begin_line(out, diff.act, indent, options);
        self.write(out, diff, indent, options);
        out.push_str(",\n");
    }

    /// A list, with the unchanged element before and after each change for orientation.
    fn list(
        &self,
        out: &mut String,
        diff: &Diff,
        items: &[Diff],
        nested: bool,
        indent: usize,
        options: Options,
    ) {
        if items.is_empty() {
            return self.empty(out, "[]", diff, options);
        }
        let inner = Options { no_null: options.no_null || !nested, replace: false, ..options };
        let whole = Options { all: true, ..inner };
        let changed =
            |i: Option<usize>| i.and_then(|i| items.get(i)).is_some_and(|item| item.act != Act::NoOp);
        let mut left_out = 0;
        self.opening(out, '[', diff, options);
        for (i, item) in items.iter().enumerate() {
            let shown = if item.act != Act::NoOp || options.all {
                inner
            } else if !nested && (changed(i.checked_sub(1)) || changed(i.checked_add(1))) {
                whole
            } else {
                left_out += 1;
                continue;
            };
            self.left_out(out, std::mem::take(&mut left_out), "element", indent + 1, options);
            self.item(out, item, indent + 1, shown);
        }
        self.left_out(out, left_out, "element", indent + 1, options);
        self.closing(out, ']', indent, options);
        self.null(out, diff, options);
    }

    fn set(
        &self,
        out: &mut String,
        diff: &Diff,
        items: &[Diff],
        nested: bool,
        indent: usize,
        options: Options,
    ) {
        let replace = diff.replace || options.replace;
        out.push('[');
        if items.is_empty() {
            out.push(']');
            self.null(out, diff, options);
        }
        // Of nested objects each changed one bears the remark, since each is a thing of its own.
        if !nested {
            self.forces(out, diff, options);
        }
        if items.is_empty() {
            return;
        }
        out.push('\n');
        let inner = Options { no_null: true, replace: nested && replace, ..options };
        let mut left_out = 0;
        for item in items {
            if item.act == Act::NoOp && !options.all {
                left_out += 1;
            } else {
                self.item(out, item, indent + 1, inner);
            }
        }
        self.left_out(out, left_out, "element", indent + 1, options);
        self.closing(out, ']', indent, options);
        self.null(out, diff, options);
    }

    fn block(
        &self,
        out: &mut String,
        diff: &Diff,
        attributes: &Named,
        groups: &[Group],
        indent: usize,
        options: Options,
    ) {
        if attributes.is_empty() && groups.is_empty() {
            out.push_str("{}");
            return self.forces(out, diff, options);
        }
        let inner = Options { replace: false, ..options };
        self.opening(out, '{', diff, options);
        self.attributes(out, attributes, indent + 1, inner, inner);
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
                self.begin_line(out, block.act, indent + 1, options);
                out.push_str(&attribute_name(&group.name));
                if let Some(label) = label {
                    out.push(' ');
                    push_quoted(out, label);
                }
                out.push(' ');
                self.write(out, block, indent + 1, options);
                out.push('\n');
            }
        }
        if left_out > 0 {
            out.push('\n');
            self.left_out(out, left_out, "block", indent + 1, inner);
        }
        self.closing(out, '}', indent, options);
    }
}
