//! The canonical style, as `terraform fmt` has it: indentation by brackets, one blank between tokens, equals signs and
//! comments of neighbouring lines in columns. Line endings and comments stay as they are.

use std::borrow::Cow;
use std::ops::Range;

use ferroform_core::{Diagnostics, SourceId};

use crate::ast::{Body, Expr, ExprKind, TemplatePart};
use crate::lexer::{Start, tokenize};
use crate::syntax::SyntaxKind;

/// Formats a configuration file. A text that is wrong is not formatted; `source` is what its diagnostics name.
pub fn format(source: SourceId, text: &str) -> Result<String, Diagnostics> {
    let (body, diagnostics) = crate::parse_body(source, text).into_parts();
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let text = modernise(text, &body);
    let mut formatter = Formatter::new(&text);
    formatter.indent();
    formatter.space();
    formatter.align();
    Ok(formatter.print())
}

/// Replaces what was written differently in older versions of the language: labels without quotes, arguments that are
/// a single interpolation, and types in quotes.
fn modernise<'t>(text: &'t str, body: &Body) -> Cow<'t, str> {
    let mut edits = Vec::new();
    collect_edits(text, body, false, &mut edits);
    if edits.is_empty() {
        return Cow::Borrowed(text);
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, new) in edits {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(&new);
        done = range.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

fn collect_edits(text: &str, body: &Body, variable: bool, edits: &mut Vec<(Range<usize>, String)>) {
    for attribute in &body.attributes {
        let range = attribute.expr.span.start as usize..attribute.expr.span.end as usize;
        let new = match &*attribute.expr.kind {
            _ if variable && &*attribute.name.name == "type" => {
                modern_type(&attribute.expr).map(str::to_owned)
            }
            ExprKind::Template(parts) => match parts.as_slice() {
                [TemplatePart::Interpolation(inner)] => unwrapped(text, range.clone(), inner),
                _ => None,
            },
            _ => None,
        };
        edits.extend(new.map(|new| (range, new)));
    }
    for block in &body.blocks {
        if let Some(last) = block.labels.last() {
            let quoted =
                block.labels.iter().fold(String::new(), |out, label| out + " " + &quote(&label.name));
            edits.push((block.kind.span.end as usize..last.span.end as usize, quoted));
        }
        collect_edits(text, &block.body, &*block.kind.name == "variable", edits);
    }
}

/// What stands for `"${inner}"`, unless there are comments in it.
fn unwrapped(text: &str, whole: Range<usize>, inner: &Expr) -> Option<String> {
    let (start, end) = (inner.span.start as usize, inner.span.end as usize);
    let opening = text.get(whole.start..start)?.strip_prefix("\"${")?;
    let closing = text.get(end..whole.end)?.strip_suffix("}\"")?;
    if ![opening, closing].iter().all(|blanks| blanks.trim_matches('~').trim().is_empty()) {
        return None;
    }
    let inner = text.get(start..end)?;
    // Newlines mean nothing in an interpolation, so that they need other brackets now.
    Some(if inner.contains('\n') { format!("({inner})") } else { inner.to_owned() })
}

/// How a type of a variable is written today, if it is written otherwise.
fn modern_type(expr: &Expr) -> Option<&'static str> {
    match (expr.as_keyword(), expr.as_literal_str()) {
        (Some("list"), _) => Some("list(any)"),
        (Some("map"), _) => Some("map(any)"),
        (Some("set"), _) => Some("set(any)"),
        (_, Some("string")) => Some("string"),
        (_, Some("list")) => Some("list(string)"),
        (_, Some("map")) => Some("map(string)"),
        _ => None,
    }
}

fn quote(label: &str) -> String {
    let mut out = String::from("\"");
    for (index, c) in label.char_indices() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' => out.extend(['\\', c]),
            '$' | '%' if label[index + 1..].starts_with('{') => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Token<'t> {
    kind: SyntaxKind,
    text: &'t str,
    /// Blanks before it.
    blanks: usize,
}

impl Token<'_> {
    /// How many brackets it opens, less those it closes.
    fn brackets(&self) -> isize {
        use SyntaxKind::*;
        match self.kind {
            LBrace | LBracket | LParen | InterpolationOpen | DirectiveOpen => 1,
            RBrace | RBracket | RParen | TemplateClose => -1,
            _ => 0,
        }
    }
}

/// The tokens up to a newline, in three cells.
struct Line {
    lead: Range<usize>,
    /// From the equals sign on, if the value is complete on this line.
    assign: Range<usize>,
    /// A comment behind something else.
    comment: Option<usize>,
    /// The newline, unless the text ends.
    newline: Option<usize>,
}

struct Formatter<'t> {
    tokens: Vec<Token<'t>>,
    lines: Vec<Line>,
}

impl<'t> Formatter<'t> {
    fn new(text: &'t str) -> Self {
        let raw = tokenize(text, Start::Code);
        let tokens: Vec<_> = raw
            .windows(2)
            .filter(|pair| {
                pair[0].kind != SyntaxKind::Whitespace && pair[0].kind != SyntaxKind::ByteOrderMark
            })
            .map(|pair| Token {
                kind: pair[0].kind,
                text: text.get(pair[0].start as usize..pair[1].start as usize).unwrap_or_default(),
                blanks: 0,
            })
            .collect();
        let mut lines = Vec::new();
        let mut start = 0;
        for (index, token) in tokens.iter().enumerate() {
            if token.kind == SyntaxKind::Newline {
                lines.push(Self::line(&tokens, start..index, Some(index)));
                start = index + 1;
            }
        }
        if start < tokens.len() {
            lines.push(Self::line(&tokens, start..tokens.len(), None));
        }
        Formatter { tokens, lines }
    }

    fn line(tokens: &[Token], mut lead: Range<usize>, newline: Option<usize>) -> Line {
        let mut comment = None;
        if let Some(last) = lead.clone().next_back().filter(|_| lead.len() > 1)
            && tokens[last].kind == SyntaxKind::Comment
            && !tokens[last].text.starts_with("/*")
        {
            comment = Some(last);
            lead.end = last;
        }
        let mut assign = lead.end..lead.end;
        let equals = lead.clone().skip(1).find(|i| tokens[*i].kind == SyntaxKind::Equals);
        if let Some(equals) = equals
            && tokens[equals..lead.end].iter().map(Token::brackets).sum::<isize>() == 0
        {
            assign.start = equals;
            lead.end = equals;
        }
        Line { lead, assign, comment, newline }
    }

    /// Two blanks for every line that opened more brackets than it closed and whose brackets are still open.
    fn indent(&mut self) {
        let mut open: Vec<isize> = Vec::new();
        let mut in_heredoc = false;
        for line in &self.lines {
            let tokens = line.lead.start..line.assign.end;
            if in_heredoc {
                in_heredoc = !tokens.clone().any(|i| self.tokens[i].kind == SyntaxKind::HeredocClose);
                continue;
            }
            let Some(first) = line.lead.clone().next() else { continue };
            let mut net = 0;
            for token in &self.tokens[tokens] {
                if !in_heredoc {
                    net += token.brackets();
                }
                match token.kind {
                    SyntaxKind::HeredocOpen => in_heredoc = true,
                    SyntaxKind::HeredocClose => in_heredoc = false,
                    _ => {}
                }
            }
            let mut closed = -net;
            while closed > 0
                && let Some(innermost) = open.last_mut()
            {
                if closed < *innermost {
                    *innermost -= closed;
                    break;
                }
                closed -= *innermost;
                open.pop();
            }
            self.tokens[first].blanks = 2 * open.len();
            if net > 0 {
                open.push(net);
            }
        }
    }

    fn space(&mut self) {
        for line in &self.lines {
            for cell in [line.lead.clone(), line.assign.clone()] {
                for index in cell.clone().skip(1) {
                    let before = (index >= cell.start + 2).then(|| &self.tokens[index - 2]);
                    let blank = blank_between(before, &self.tokens[index - 1], &self.tokens[index]);
                    self.tokens[index].blanks = usize::from(blank);
                }
            }
            for first in [line.assign.clone().next(), line.comment].into_iter().flatten() {
                self.tokens[first].blanks = 1;
            }
        }
    }

    /// Puts the equals signs of neighbouring lines below each other, then the comments.
    fn align(&mut self) {
        self.align_cell(|line| line.assign.clone().next(), |line| line.lead.clone());
        self.align_cell(|line| line.comment, |line| line.lead.start..line.assign.end);
    }

    fn align_cell(&mut self, cell: impl Fn(&Line) -> Option<usize>, before: impl Fn(&Line) -> Range<usize>) {
        for group in self.lines.chunk_by(|a, b| cell(a).is_some() == cell(b).is_some()) {
            let width = |tokens: &[Token]| -> usize {
                tokens.iter().map(|t| t.blanks + t.text.chars().count()).sum()
            };
            let widths: Vec<_> = group.iter().map(|line| width(&self.tokens[before(line)])).collect();
            let widest = widths.iter().copied().max().unwrap_or(0);
            for (line, width) in group.iter().zip(widths) {
                if let Some(token) = cell(line) {
                    self.tokens[token].blanks = widest - width + 1;
                }
            }
        }
    }

    fn print(&self) -> String {
        let mut out = String::with_capacity(self.tokens.iter().map(|t| t.text.len() + t.blanks).sum());
        for line in &self.lines {
            let cells = (line.lead.start..line.assign.end).chain(line.comment).chain(line.newline);
            for token in cells.map(|i| &self.tokens[i]) {
                out.extend(std::iter::repeat_n(' ', token.blanks));
                out.push_str(token.text);
            }
        }
        out
    }
}

/// Whether a blank stands between two tokens of a line; `before` is the token before them.
fn blank_between(before: Option<&Token>, left: &Token, right: &Token) -> bool {
    use SyntaxKind::*;
    let before = before.map(|t| t.kind);
    match (left.kind, right.kind) {
        (Ident, LParen) | (Ident, ColonColon) | (ColonColon, Ident) => false,
        (Dot, _) | (_, Dot | Comma | Ellipsis) => false,
        (Comma, _) => true,
        (TemplateText | QuoteOpen | HeredocOpen, _) | (_, TemplateText | QuoteClose | HeredocClose) => false,
        // `in` before a bracket is the word of a `for`, not a collection that is indexed.
        (Ident, _) if left.text == "in" && before == Some(Ident) => true,
        (Ident | Number, LBracket) => false,
        (_, LBracket) if left.brackets() < 0 => false,
        (Bang, _) => false,
        // A minus is a sign unless it stands behind what can be an operand.
        (Minus, _) => !matches!(
            before,
            None | Some(
                LParen
                    | LBrace
                    | LBracket
                    | Equals
                    | Colon
                    | Comma
                    | Question
                    | Plus
                    | Star
                    | Slash
                    | Percent
                    | Minus
                    | EqualTo
                    | NotEqual
                    | Greater
                    | GreaterEqual
                    | Less
                    | LessEqual
                    | AndAnd
                    | OrOr
                    | Bang
            )
        ),
        (LBrace, RBrace) => false,
        (LBrace, _) | (_, RBrace) => true,
        (InterpolationOpen | DirectiveOpen, LBrace) | (RBrace, TemplateClose) => true,
        (TemplateClose, InterpolationOpen | DirectiveOpen) => false,
        _ => left.brackets() <= 0 && right.brackets() >= 0,
    }
}
