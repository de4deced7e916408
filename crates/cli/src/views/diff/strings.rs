//! Changes of texts: short ones, those of several lines, and those that are JSON.

use ferroform_core::{Value, wire};

use super::change::Change;
use super::render::{Options, Printer};
use super::sequence::{self, Pair};
use super::{Act, Diff, dynamic};
use crate::views::style::Paint;
use crate::views::text::{push_quoted, visible};

/// A text, by how it is shown.
enum Text<'a> {
    Null,
    /// In quotes.
    Short(&'a str),
    /// As a heredoc.
    Lines(&'a str),
    /// As the value that the JSON means.
    Json(&'a str, Value),
}

impl<'a> Text<'a> {
    fn of(text: Option<&'a str>) -> Text<'a> {
        match text {
            None => Text::Null,
            Some(text) => match json(text) {
                Some(value) => Text::Json(text, value),
                None if text.contains('\n') => Text::Lines(text),
                None => Text::Short(text),
            },
        }
    }
}

/// The value of a text that is a JSON object or array.
fn json(text: &str) -> Option<Value> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    let ty = wire::implied_type(&json).ok()?;
    wire::from_json(&json, &ty).ok()
}

impl Printer<'_> {
    pub(super) fn text(
        &self,
        out: &mut String,
        diff: &Diff,
        before: Option<&str>,
        after: Option<&str>,
        indent: usize,
        options: Options,
    ) {
        match diff.act {
            Act::Create | Act::NoOp | Act::Delete => {
                let shown = if diff.act == Act::Delete { before } else { after };
                match Text::of(shown) {
                    Text::Null => {
                        out.push_str(&self.null_text());
                        self.forces(out, diff, options);
                    }
                    Text::Short(text) => {
                        push_quoted(out, text);
                        self.null(out, diff, options);
                        self.forces(out, diff, options);
                    }
                    Text::Json(_, value) => self.json(out, diff, &value, &value, indent, options),
                    Text::Lines(text) => {
                        let lines = text.trim().split('\n').map(|line| (Act::NoOp, line));
                        self.heredoc(out, diff, lines, indent, options);
                    }
                }
            }
            Act::Update => match (Text::of(before), Text::of(after)) {
                (Text::Json(_, before), Text::Json(_, after)) => {
                    self.json(out, diff, &before, &after, indent, options);
                }
                (Text::Json(..), _) | (_, Text::Json(..)) => {
                    let options_of_parts = Options { no_null: true, replace: false, ..options };
                    let part = |out: &mut String, act, before, after| {
                        let part = Diff { act, replace: false, node: super::Node::Text { before, after } };
                        self.write(out, &part, indent, options_of_parts);
                    };
                    part(out, Act::Delete, before.map(Into::into), None);
                    self.arrow(out);
                    part(out, Act::Create, None, after.map(Into::into));
                    self.forces(out, diff, options);
                }
                (Text::Lines(before), Text::Lines(after) | Text::Short(after))
                | (Text::Short(before), Text::Lines(after)) => {
                    let before: Vec<&str> = lines(before);
                    let after: Vec<&str> = lines(after);
                    let pairs = sequence::common(&before, &after, |_, _| false);
                    let lines = pairs.iter().map(|pair| match *pair {
                        Pair::Both(i, _) => (Act::NoOp, before[i]),
                        Pair::Before(i) => (Act::Delete, before[i]),
                        Pair::After(j) => (Act::Create, after[j]),
                    });
                    self.heredoc(out, diff, lines, indent, options);
                }
                (before, after) => {
                    self.simple(out, &before);
                    self.arrow(out);
                    self.simple(out, &after);
                    self.forces(out, diff, options);
                }
            },
        }
    }

    fn null_text(&self) -> String {
        self.style.paint(Paint::Dim, "null")
    }

    fn simple(&self, out: &mut String, text: &Text<'_>) {
        match text {
            Text::Null => out.push_str(&self.null_text()),
            Text::Short(text) | Text::Lines(text) | Text::Json(text, _) => push_quoted(out, text),
        }
    }

    fn heredoc<'t>(
        &self,
        out: &mut String,
        diff: &Diff,
        lines: impl Iterator<Item = (Act, &'t str)>,
        indent: usize,
        options: Options,
    ) {
        out.push_str("<<-EOT");
        self.forces(out, diff, options);
        out.push('\n');
        for (act, line) in lines {
            self.begin_line(out, act, indent + 1, options);
            out.push_str(&visible(line));
            out.push('\n');
        }
        self.begin_line(out, Act::NoOp, indent, options);
        out.push_str("EOT");
        self.null(out, diff, options);
    }

    fn json(
        &self,
        out: &mut String,
        diff: &Diff,
        before: &Value,
        after: &Value,
        indent: usize,
        options: Options,
    ) {
        let change = Change::new(before, after, Vec::new());
        let content = match diff.act {
            Act::Create => dynamic::compute(&change.only_after()),
            Act::Delete => dynamic::compute(&change.only_before()),
            Act::NoOp | Act::Update => dynamic::compute(&change),
        };
        let spaces_only = diff.act == Act::Update && content.act == Act::NoOp;
        let remark = match (spaces_only, diff.replace || options.replace) {
            (true, true) => " # whitespace changes force replacement",
            (true, false) => " # whitespace changes",
            (false, _) => "",
        };
        let forces = |out: &mut String| {
            if !spaces_only {
                self.forces(out, diff, options);
            }
        };
        // The symbol of the whole stands at its opening bracket, but for what is new or goes as a whole.
        let act = if diff.act == Act::Update && !spaces_only { Act::Update } else { Act::NoOp };
        let inner = Options { no_null: true, all: options.all || spaces_only, replace: false, ..options };
        let text = self.diff(&content, indent + 1, inner);
        out.push_str("jsonencode(");
        if !text.contains('\n') {
            out.push_str(&text);
            out.push(')');
            out.push_str(remark);
            self.null(out, diff, options);
            return forces(out);
        }
        out.push_str(remark);
        out.push('\n');
        self.begin_line(out, act, indent + 1, options);
        out.push_str(&text);
        forces(out);
        out.push('\n');
        self.closing(out, ')', indent, options);
        self.null(out, diff, options);
    }
}

/// The lines of a text that is compared; blank ones at the end and space before the first do not count.
fn lines(text: &str) -> Vec<&str> {
    if text.contains('\n') { text.trim().split('\n').collect() } else { vec![text] }
}
