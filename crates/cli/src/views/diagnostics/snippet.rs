//! The piece of source text that a diagnostic is about.

use std::sync::Arc;

use ferroform_core::{Source, Sources, Span};
use unicode_width::UnicodeWidthStr;

use crate::views::style::{Paint, Style};
use crate::views::text::visible;

/// More lines than this are not shown of a large context.
const LINES: u32 = 12;
/// Lines longer than this are shown in part.
const LINE_WIDTH: usize = 320;

/// Lines of a source text with the part in them that matters.
pub(super) struct Snippet<'a> {
    pub(super) source: &'a Arc<Source>,
    /// The part that matters, within the text.
    pub(super) subject: Span,
    /// First line shown, from one.
    pub(super) first: u32,
    /// Last line shown.
    pub(super) last: u32,
    /// Where subject and context end.
    end: u32,
}

impl<'a> Snippet<'a> {
    /// The lines of subject and context; none when the text is not at hand.
    pub(super) fn of(subject: Span, context: Option<Span>, sources: &'a Sources) -> Option<Self> {
        let source = sources.get(subject.source)?;
        let end = source.text().len() as u32;
        let subject =
            Span::new(subject.source, subject.start.min(end), subject.end.clamp(subject.start.min(end), end));
        let whole = context.map_or(subject, |context| subject.to(context));
        let mut first = source.line_column(whole.start).line;
        let mut last = source.line_column(whole.end).line;
        let line = source.line_column(subject.start).line;
        if last - first >= LINES {
            first = first.max(line.saturating_sub(LINES / 3));
            last = last.min(first + LINES - 1);
        }
        Some(Snippet { source, subject, first, last, end: whole.end })
    }

    /// Values given on the command line or in the environment may be secrets, and whoever gave them knows them.
    pub(super) fn is_secret(&self) -> bool {
        self.source.name().starts_with("<value for")
    }

    /// The top-level block around the subject: `resource "a" "b"`, as far as the layout of the text tells.
    pub(super) fn block(&self) -> Option<String> {
        let line = self.source.line_column(self.subject.start).line;
        for number in (1..=line).rev() {
            let text = self.source.line(number);
            if number < line && text.starts_with('}') {
                return None;
            }
            if text.starts_with(|c: char| c.is_alphabetic()) {
                return header(text);
            }
        }
        None
    }

    pub(super) fn render(&self, style: &Style) -> String {
        let line = self.source.line_column(self.subject.start).line;
        let block = self.block().map(|block| format!(", in {}", visible(&block))).unwrap_or_default();
        let mut out = format!("  on {} line {line}{block}:\n", visible(self.source.name()));
        if self.is_secret() {
            return out + "  (source code not shown)\n";
        }
        // What ends with a line break ends on that line.
        let ends_before = self.last > line && self.source.line_column(self.subject.end).column == 1;
        let last = if ends_before && self.subject.end == self.end { self.last - 1 } else { self.last };
        for number in self.first..=last {
            let (text, marked) = self.line(number);
            out += &format!("{}\n", format!("{number:>4}: {}", visible(&text)).trim_end());
            if let Some((start, end)) = marked {
                let before: String = visible(&text[..start])
                    .chars()
                    .map(|c| if c == '\t' { "\t".to_owned() } else { " ".repeat(char_width(c)) })
                    .collect();
                let carets = "^".repeat(visible(&text[start..end]).width().max(1));
                out += &format!("      {before}{}\n", style.paint(Paint::Red, carets));
            }
        }
        out
    }

    /// The text of a line, cut if it is very long, and the range in it that belongs to the subject.
    fn line(&self, number: u32) -> (String, Option<(usize, usize)>) {
        let text = self.source.line(number);
        let offset = text.as_ptr() as usize - self.source.text().as_ptr() as usize;
        let from = (self.subject.start as usize).saturating_sub(offset);
        let to = (self.subject.end as usize).saturating_sub(offset).min(text.len());
        // Of a subject of several lines the first is enough to point at.
        let starts_here = self.source.line_column(self.subject.start).line == number;
        let from = from.min(text.len());
        cut(text, starts_here.then(|| (from, to.max(from))))
    }
}

/// At most so many bytes of a line, around what is marked in it.
fn cut(text: &str, marked: Option<(usize, usize)>) -> (String, Option<(usize, usize)>) {
    if text.len() <= LINE_WIDTH {
        return (text.to_owned(), marked);
    }
    let (start, end) = marked.unwrap_or((0, 0));
    let from = text.floor_char_boundary(start.saturating_sub(LINE_WIDTH / 4));
    let to = text.floor_char_boundary((from + LINE_WIDTH).min(text.len()));
    let lead = if from > 0 { "… " } else { "" };
    let tail = if to < text.len() { " …" } else { "" };
    let shift = |at: usize| text.floor_char_boundary(at).clamp(from, to) - from + lead.len();
    (format!("{lead}{}{tail}", &text[from..to]), marked.map(|_| (shift(start), shift(end))))
}

fn char_width(c: char) -> usize {
    c.to_string().width()
}

/// The block that a line opens; none if it opens none.
fn header(line: &str) -> Option<String> {
    let head = line.split('{').next().filter(|head| head.len() < line.len())?.trim_end();
    let mut words = Vec::new();
    let mut rest = head;
    while !rest.is_empty() {
        let length = match rest.strip_prefix('"') {
            Some(inner) => inner.find('"')? + 2,
            None => rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len()),
        };
        let (word, tail) = rest.split_at(length);
        let quoted = word.starts_with('"');
        if !quoted && !word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            return None;
        }
        words.push(if quoted || words.is_empty() { word.to_owned() } else { format!("\"{word}\"") });
        rest = tail.trim_start();
    }
    (!words.is_empty()).then(|| words.join(" "))
}
