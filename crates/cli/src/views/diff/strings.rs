//! Changes of texts: short ones, those of several lines, and those that are JSON.

use ferroform_core::{Value, wire};

use super::change::Change;
use super::render::{Options, Printer, margin};
use super::sequence::{self, Pair};
use super::{Act, Diff, dynamic};
use crate::views::style::Paint;
use crate::views::text::{quote, visible};

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
        diff: &Diff,
        before: Option<&str>,
        after: Option<&str>,
        indent: usize,
        options: Options,
    ) -> String {
        let forces = self.forces(diff, options);
        match diff.act {
            Act::Create | Act::NoOp | Act::Delete => {
                let shown = if diff.act == Act::Delete { before } else { after };
                match Text::of(shown) {
                    Text::Null => format!("{}{forces}", self.null_text()),
                    Text::Short(text) => format!("{}{}{forces}", quote(text), self.null(diff, options)),
                    Text::Json(_, value) => self.json(diff, &value, &value, indent, options),
                    Text::Lines(text) => {
                        let lines = text.trim().split('\n').map(|line| (Act::NoOp, line));
                        self.heredoc(diff, lines, indent, options)
                    }
                }
            }
            Act::Update => match (Text::of(before), Text::of(after)) {
                (Text::Json(_, before), Text::Json(_, after)) => {
                    self.json(diff, &before, &after, indent, options)
                }
                (Text::Json(..), _) | (_, Text::Json(..)) => {
                    let part = |act, before, after| {
                        let part = Diff { act, replace: false, node: super::Node::Text { before, after } };
                        self.diff(&part, indent, Options { no_null: true, replace: false, ..options })
                    };
                    let old = part(Act::Delete, before.map(Into::into), None);
                    let new = part(Act::Create, None, after.map(Into::into));
                    format!("{old} {} {new}{forces}", self.arrow())
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
                    self.heredoc(diff, lines, indent, options)
                }
                (before, after) => {
                    format!("{} {} {}{forces}", self.simple(&before), self.arrow(), self.simple(&after))
                }
            },
        }
    }

    fn null_text(&self) -> String {
        self.style.paint(Paint::Dim, "null")
    }

    fn simple(&self, text: &Text<'_>) -> String {
        match text {
            Text::Null => self.null_text(),
            Text::Short(text) | Text::Lines(text) | Text::Json(text, _) => quote(text),
        }
    }

    fn heredoc<'t>(
        &self,
        diff: &Diff,
        lines: impl Iterator<Item = (Act, &'t str)>,
        indent: usize,
        options: Options,
    ) -> String {
        let inner = margin(indent + 1);
        let mut out = format!("<<-EOT{}\n", self.forces(diff, options));
        for (act, line) in lines {
            out += &format!("{inner}{}{}\n", self.symbol(act, options), visible(line));
        }
        let end = format!("{}{}EOT", margin(indent), self.symbol(Act::NoOp, options));
        format!("{out}{end}{}", self.null(diff, options))
    }

    fn json(&self, diff: &Diff, before: &Value, after: &Value, indent: usize, options: Options) -> String {
        let change = Change::new(before, after, Vec::new());
        let content = match diff.act {
            Act::Create => dynamic::compute(&change.only_after()),
            Act::Delete => dynamic::compute(&change.only_before()),
            Act::NoOp | Act::Update => dynamic::compute(&change),
        };
        let spaces_only = diff.act == Act::Update && content.act == Act::NoOp;
        let (remark, forces) = match (spaces_only, diff.replace || options.replace) {
            (true, true) => (" # whitespace changes force replacement", String::new()),
            (true, false) => (" # whitespace changes", String::new()),
            (false, _) => ("", self.forces(diff, options)),
        };
        // The symbol of the whole stands at its opening bracket, but for what is new or goes as a whole.
        let act = if diff.act == Act::Update && !spaces_only { Act::Update } else { Act::NoOp };
        let inner = Options { no_null: true, all: options.all || spaces_only, replace: false, ..options };
        let text = self.diff(&content, indent + 1, inner);
        let null = self.null(diff, options);
        if !text.contains('\n') {
            return format!("jsonencode({text}){remark}{null}{forces}");
        }
        format!(
            "jsonencode({remark}\n{}{}{text}{forces}\n{}{}){null}",
            margin(indent + 1),
            self.symbol(act, options),
            margin(indent),
            self.symbol(Act::NoOp, options),
        )
    }
}

/// The lines of a text that is compared; blank ones at the end and space before the first do not count.
fn lines(text: &str) -> Vec<&str> {
    if text.contains('\n') { text.trim().split('\n').collect() } else { vec![text] }
}
