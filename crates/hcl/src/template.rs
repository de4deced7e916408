//! What becomes of the text of templates: escapes, strip markers, indentation, and the nesting of directives.

use std::borrow::Cow;
use std::sync::Arc;

use ferroform_core::{Diagnostic, Span};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::ast::{Expr, Ident, TemplatePart};

/// How a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// Between quotes: with backslash escapes.
    Quoted,
    /// In a heredoc or a file: backslashes are text.
    Verbatim,
}

/// A piece of text, its escapes resolved.
#[derive(Debug, Clone)]
pub(crate) struct Text<'t> {
    text: Cow<'t, str>,
    span: Span,
}

/// An element of a template before directives are nested.
#[derive(Debug, Clone)]
pub(crate) enum Piece<'t> {
    Text(Text<'t>),
    Interpolation(Expr),
    If { cond: Expr, span: Span },
    Else(Span),
    EndIf(Span),
    For { key: Option<Ident>, value: Ident, collection: Expr, span: Span },
    EndFor(Span),
}

impl<'t> Text<'t> {
    pub(crate) fn new(text: Cow<'t, str>, span: Span) -> Self {
        Text { text, span }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Applies the strip marker of the sequence before.
    pub(crate) fn strip_start(&mut self) {
        self.cut(self.text.len() - self.text.trim_start().len(), self.text.len());
    }

    /// Applies the strip marker of the sequence behind.
    pub(crate) fn strip_end(&mut self) {
        self.cut(0, self.text.trim_end().len());
    }

    fn cut(&mut self, start: usize, end: usize) {
        self.text = match &self.text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(start..end).unwrap_or_default()),
            Cow::Owned(text) => Cow::Owned(text.get(start..end).unwrap_or_default().to_owned()),
        };
    }
}

impl Piece<'_> {
    /// The same piece with the span of a directive replaced.
    pub(crate) fn with_span(mut self, new: Span) -> Self {
        match &mut self {
            Piece::Text(_) | Piece::Interpolation(_) => {}
            Piece::If { span, .. } | Piece::For { span, .. } => *span = new,
            Piece::Else(span) | Piece::EndIf(span) | Piece::EndFor(span) => *span = new,
        }
        self
    }
}

/// An escape that is wrong, at an offset into the text.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) at: u32,
    pub(crate) len: u32,
    pub(crate) detail: String,
}

/// Resolves the escapes of a piece of text.
pub(crate) fn unescape(raw: &str, quoting: Quoting) -> (Cow<'_, str>, Vec<Problem>) {
    let special = |b: u8| matches!(b, b'$' | b'%') || (b == b'\\' && quoting == Quoting::Quoted);
    if !raw.bytes().any(special) {
        return (Cow::Borrowed(raw), Vec::new());
    }
    let mut text = String::with_capacity(raw.len());
    let mut problems = Vec::new();
    let mut rest = raw;
    while let Some(at) = rest.bytes().position(special) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(doubled) = ["$${", "%%{"].into_iter().find(|doubled| rest.starts_with(doubled)) {
            text.push_str(&doubled[1..]);
            rest = &rest[3..];
        } else if rest.starts_with('\\') {
            let len = match backslash(rest) {
                Ok((c, len)) => {
                    text.push(c);
                    len
                }
                Err((len, detail)) => {
                    let at = (raw.len() - rest.len()) as u32;
                    problems.push(Problem { at, len: len as u32, detail });
                    text.push_str(&rest[..len]);
                    len
                }
            };
            rest = &rest[len..];
        } else {
            text.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    (Cow::Owned(text), problems)
}

/// The character that an escape stands for and its length, or the length of what is wrong and why it is.
fn backslash(rest: &str) -> Result<(char, usize), (usize, String)> {
    let Some(selector) = rest[1..].chars().next() else {
        return Err((
            1,
            "A backslash begins an escape sequence, but nothing follows. For a backslash, write \\\\.".into(),
        ));
    };
    let digits = match selector {
        'n' => return Ok(('\n', 2)),
        'r' => return Ok(('\r', 2)),
        't' => return Ok(('\t', 2)),
        '"' => return Ok(('"', 2)),
        '\\' => return Ok(('\\', 2)),
        'u' => 4,
        'U' => 8,
        other => {
            return Err((
                1 + other.len_utf8(),
                format!(
                    "\\{other} is not an escape sequence. There are \\n, \\r, \\t, \\\", \\\\, \\uNNNN and \\UNNNNNNNN."
                ),
            ));
        }
    };
    let hex = rest.get(2..2 + digits).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let Some(hex) = hex else {
        let wanted = if digits == 4 { "four" } else { "eight" };
        return Err((2, format!("\\{selector} must be followed by {wanted} hexadecimal digits.")));
    };
    match u32::from_str_radix(hex, 16).ok().and_then(char::from_u32) {
        Some(c) => Ok((c, 2 + digits)),
        None => Err((2 + digits, format!("There is no character U+{hex}."))),
    }
}

/// Removes the indentation that all lines of a `<<-` heredoc share.
///
/// As in HCL this looks at the pieces as they are cut (strip markers are applied already): lines of nothing but
/// whitespace do not count and stay as they are; a line that begins with a sequence has no indentation.
pub(crate) fn flush(pieces: &mut [Piece]) {
    let mut least = usize::MAX;
    let mut first_of_lines = Vec::new();
    let mut line_start = true;
    for (index, piece) in pieces.iter().enumerate() {
        let Piece::Text(text) = piece else {
            if line_start {
                least = 0;
            }
            line_start = false;
            continue;
        };
        let text = text.as_str();
        let line_ends = text.ends_with('\n');
        if line_start {
            let indentation = text.len() - text.trim_start().len();
            if indentation < text.len() || !line_ends {
                least = least.min(text[..indentation].chars().count());
                first_of_lines.push(index);
            }
        }
        line_start = line_ends;
    }
    for index in first_of_lines {
        if let Piece::Text(text) = &mut pieces[index] {
            let cut = text.text.char_indices().nth(least).map_or(text.text.len(), |(at, _)| at);
            text.cut(cut, text.text.len());
            text.span.start = text.span.start.saturating_add(cut as u32).min(text.span.end);
        }
    }
}

/// A directive that is open, with what stood before it.
struct Open {
    directive: Directive,
    outside: Vec<TemplatePart>,
}

enum Directive {
    If { cond: Expr, then: Option<Vec<TemplatePart>>, span: Span },
    For { key: Option<Ident>, value: Ident, collection: Expr, span: Span },
}

/// Joins neighbouring texts and nests what stands between directives. After an error, which
/// comes second, the parts are those around the directives that are wrong.
pub(crate) fn assemble(pieces: Vec<Piece>, end: Span) -> (Vec<TemplatePart>, Option<Diagnostic>) {
    let mut open: Vec<Open> = Vec::new();
    let mut parts = Vec::with_capacity(pieces.len());
    let mut text: Option<Text> = None;
    for piece in pieces {
        let piece = match piece {
            Piece::Text(piece) => {
                match &mut text {
                    Some(joined) => {
                        joined.text.to_mut().push_str(&piece.text);
                        joined.span = joined.span.to(piece.span);
                    }
                    None => text = Some(piece),
                }
                continue;
            }
            other => other,
        };
        parts.extend(text.take().map(literal));
        match piece {
            Piece::Text(_) => {}
            Piece::Interpolation(expr) => parts.push(TemplatePart::Interpolation(expr)),
            Piece::If { cond, span } => {
                let directive = Directive::If { cond, then: None, span };
                open.push(Open { directive, outside: std::mem::take(&mut parts) });
            }
            Piece::For { key, value, collection, span } => {
                let directive = Directive::For { key, value, collection, span };
                open.push(Open { directive, outside: std::mem::take(&mut parts) });
            }
            Piece::Else(span) => match open.last_mut() {
                Some(Open { directive: Directive::If { then: then @ None, .. }, .. }) => {
                    *then = Some(std::mem::take(&mut parts));
                }
                Some(Open { directive: Directive::If { .. }, .. }) => {
                    return unwind(open, parts, unexpected("else", span, "This 'if' has an 'else' already."));
                }
                Some(_) => {
                    return unwind(open, parts, unexpected("else", span, "A 'for' directive has no 'else'."));
                }
                None => return unwind(open, parts, unexpected("else", span, NOTHING_OPEN)),
            },
            Piece::EndIf(span) => match open.pop() {
                Some(Open { directive: Directive::If { cond, then, span: begin }, mut outside }) => {
                    let (then, otherwise) = match then {
                        Some(then) => (then, std::mem::take(&mut parts)),
                        None => (std::mem::take(&mut parts), Vec::new()),
                    };
                    outside.push(TemplatePart::If { cond, then, otherwise, span: begin.to(span) });
                    parts = outside;
                }
                other => {
                    let why = if other.is_some() {
                        "The innermost open directive is a 'for'."
                    } else {
                        NOTHING_OPEN
                    };
                    open.extend(other);
                    return unwind(open, parts, unexpected("endif", span, why));
                }
            },
            Piece::EndFor(span) => match open.pop() {
                Some(Open {
                    directive: Directive::For { key, value, collection, span: begin },
                    mut outside,
                }) => {
                    let body = std::mem::take(&mut parts);
                    outside.push(TemplatePart::For { key, value, collection, body, span: begin.to(span) });
                    parts = outside;
                }
                other => {
                    let why = if other.is_some() {
                        "The innermost open directive is an 'if'."
                    } else {
                        NOTHING_OPEN
                    };
                    open.extend(other);
                    return unwind(open, parts, unexpected("endfor", span, why));
                }
            },
        }
    }
    parts.extend(text.map(literal));
    let Some(innermost) = open.last() else { return (parts, None) };
    let (word, span) = match &innermost.directive {
        Directive::If { span, .. } => ("endif", *span),
        Directive::For { span, .. } => ("endfor", *span),
    };
    let diagnostic = Diagnostic::error("Unexpected end of template")
        .detail(format!("The directive that begins here has no {word} before the end of the template."))
        .subject(span)
        .context(span.to(end));
    unwind(open, parts, diagnostic)
}

const NOTHING_OPEN: &str = "No directive is open here.";

fn unexpected(word: &str, span: Span, why: &str) -> Diagnostic {
    Diagnostic::error(format!("Unexpected {word} directive"))
        .detail(format!(
            "{why} Every \"if\" is closed by \"endif\" and every \"for\" by \"endfor\", the innermost first."
        ))
        .subject(span)
}

/// The parts around the directives that were left open.
fn unwind(
    open: Vec<Open>,
    parts: Vec<TemplatePart>,
    why: Diagnostic,
) -> (Vec<TemplatePart>, Option<Diagnostic>) {
    let outermost = open.into_iter().next().map_or(parts, |open| open.outside);
    (outermost, Some(why))
}

/// The text as a part of its own.
pub(crate) fn literal(Text { text, span }: Text) -> TemplatePart {
    TemplatePart::Literal(normalised(&text), span)
}

/// The text in NFC, which all strings of the language are in.
pub(crate) fn normalised(text: &str) -> Arc<str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text.into();
    }
    text.nfc().collect::<String>().into()
}
