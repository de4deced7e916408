//! Templates: quoted strings, heredocs and files.

use ferroform_core::{Diagnostic, Span};

use crate::ast::{Expr, ExprKind, TemplatePart};
use crate::syntax::SyntaxKind;
use crate::template::{self, Piece, Quoting};

use super::Parser;

/// The words a directive can begin with.
const DIRECTIVES: [&str; 5] = ["if", "else", "endif", "for", "endfor"];

impl<'t> Parser<'t> {
    /// A quoted string or heredoc, whose opening is the current token.
    pub(super) fn template(&mut self) -> Expr {
        let mark = self.mark();
        let start = self.start();
        let (close, quoting, node) = match self.peek() {
            SyntaxKind::QuoteOpen => (SyntaxKind::QuoteClose, Quoting::Quoted, SyntaxKind::QuotedTemplate),
            _ => (SyntaxKind::HeredocClose, Quoting::Verbatim, SyntaxKind::HeredocTemplate),
        };
        let flush = self.token_text(self.current).starts_with("<<-");
        self.bump();
        if let Some(parts) = self.plain_string() {
            return self.node(mark, start, node, ExprKind::Template(parts));
        }
        let open = self.span_from(start);
        let mut pieces = self.pieces(close, quoting, open);
        if self.peek_raw() == close {
            self.bump();
        }
        if flush {
            template::flush(&mut pieces);
        }
        let parts = self.assemble(pieces);
        self.node(mark, start, node, ExprKind::Template(parts))
    }

    /// The rest of a string that is empty or a single piece of text, as nearly all strings are.
    fn plain_string(&mut self) -> Option<Vec<TemplatePart>> {
        let is = |ahead: usize, kind| self.token(self.pos + ahead).kind == kind;
        let mut parts = Vec::new();
        if is(0, SyntaxKind::TemplateText) && is(1, SyntaxKind::QuoteClose) {
            let text = self.text_piece(Quoting::Quoted);
            parts = vec![template::literal(text)];
        } else if !is(0, SyntaxKind::QuoteClose) {
            return None;
        }
        self.bump();
        Some(parts)
    }

    /// A text that is a template as a whole.
    pub(super) fn bare_template(&mut self) -> Vec<TemplatePart> {
        let open = self.span(0, 0);
        let pieces = self.pieces(SyntaxKind::Eof, Quoting::Verbatim, open);
        self.assemble(pieces)
    }

    fn assemble(&mut self, pieces: Vec<Piece<'t>>) -> Vec<TemplatePart> {
        let end = self.span(self.previous_end, self.previous_end);
        let (parts, problem) = template::assemble(pieces, end);
        if let Some(problem) = problem.filter(|_| !self.recovering) {
            self.report(problem);
        }
        parts
    }

    /// The pieces up to the closing token, which is not taken. Tokens in a template have no trivia between them.
    fn pieces(&mut self, close: SyntaxKind, quoting: Quoting, open: Span) -> Vec<Piece<'t>> {
        let mut pieces = Vec::new();
        let mut strip_next = false;
        let depth = self.depth;
        loop {
            let strip = std::mem::take(&mut strip_next);
            let kind = self.peek_raw();
            match kind {
                _ if kind == close => break,
                SyntaxKind::TemplateText => {
                    let mut text = self.text_piece(quoting);
                    if strip {
                        text.strip_start();
                    }
                    pieces.push(Piece::Text(text));
                }
                SyntaxKind::InterpolationOpen | SyntaxKind::DirectiveOpen => {
                    if self.token_text(self.pos).ends_with('~')
                        && let Some(Piece::Text(text)) = pieces.last_mut()
                    {
                        text.strip_end();
                    }
                    let newlines = self.newlines;
                    let piece = match kind {
                        SyntaxKind::InterpolationOpen => Some(self.interpolation(close, open)),
                        _ => self.directive(),
                    };
                    self.set_newlines(newlines);
                    strip_next = self.pos > 0 && self.token_text(self.pos - 1) == "~}";
                    self.depth = match &piece {
                        Some(Piece::If { .. } | Piece::For { .. }) => self.depth.saturating_add(1),
                        Some(Piece::EndIf(_) | Piece::EndFor(_)) => self.depth.saturating_sub(1).max(depth),
                        _ => self.depth,
                    };
                    if self.depth > super::MAX_DEPTH {
                        self.abort();
                    }
                    pieces.extend(piece);
                }
                SyntaxKind::QuotedNewline => {
                    self.string_over_lines(open);
                    self.bump();
                }
                _ => {
                    self.unterminated(close, open);
                    break;
                }
            }
        }
        self.depth = depth;
        pieces
    }

    /// Reports, once a string, that a quoted string goes on behind the line ending that comes next.
    fn string_over_lines(&mut self, open: Span) {
        let first_line = open.to(self.span(self.token(self.pos).start, self.token(self.pos).start));
        if let Some(diagnostic) = super::messages::invalid_token(SyntaxKind::QuotedNewline, "") {
            self.error(diagnostic.subject(first_line));
        }
    }

    fn unterminated(&mut self, close: SyntaxKind, open: Span) {
        let detail = match (close, self.peek_raw()) {
            (SyntaxKind::QuoteClose, SyntaxKind::Newline) => return self.string_over_lines(open),
            (SyntaxKind::HeredocClose, _) => {
                "The heredoc that begins here does not end: its marker is expected at the end, alone on a line with a \
                 line ending."
            }
            _ => "The string that begins here does not end: its closing quote is missing.",
        };
        self.error(Diagnostic::error("Unterminated template string").detail(detail).subject(open));
    }

    /// Takes a piece of text and resolves its escapes.
    fn text_piece(&mut self, quoting: Quoting) -> template::Text<'t> {
        let raw = self.token_text(self.pos);
        let start = self.token(self.pos).start;
        let span = self.span(start, start + raw.len() as u32);
        let (text, problems) = template::unescape(raw, quoting);
        for problem in problems {
            let at = start + problem.at;
            self.report(
                Diagnostic::error("Invalid escape sequence")
                    .detail(problem.detail)
                    .subject(self.span(at, at + problem.len)),
            );
        }
        self.bump();
        template::Text::new(text, span)
    }

    fn interpolation(&mut self, close: SyntaxKind, open: Span) -> Piece<'t> {
        let mark = self.mark();
        let start = self.start();
        self.bump();
        self.set_newlines(false);
        let expr = self.expression();
        if !self.recovering && self.peek() != SyntaxKind::TemplateClose {
            let sequence = self.span(start, start + 2);
            match self.peek() {
                SyntaxKind::Eof => self.error(
                    Diagnostic::error("Unclosed template interpolation sequence")
                        .detail("The interpolation that begins here has no closing brace before the end of the text.")
                        .subject(sequence)
                        .context(open.to(sequence)),
                ),
                SyntaxKind::QuoteOpen | SyntaxKind::QuoteClose if close == SyntaxKind::QuoteClose => self.error(
                    Diagnostic::error("Unclosed template interpolation sequence")
                        .detail(
                            "The interpolation that begins here has no closing brace before the end of the string.",
                        )
                        .subject(sequence)
                        .context(open.to(sequence)),
                ),
                _ => self.unexpected(
                    "Extra characters after interpolation expression",
                    "The closing brace of the interpolation is expected here. If \"${\" is meant for another language, \
                     such as a shell, write \"$${\".",
                    start,
                ),
            }
        }
        self.close_sequence();
        self.complete(mark, SyntaxKind::Interpolation);
        Piece::Interpolation(expr)
    }

    /// Takes the closing brace of a sequence, after an error with all that lies before it.
    fn close_sequence(&mut self) {
        if self.recovering {
            self.recover_to(SyntaxKind::TemplateClose);
        } else {
            self.bump();
        }
    }

    fn directive(&mut self) -> Option<Piece<'t>> {
        let mark = self.mark();
        let start = self.start();
        self.bump();
        self.set_newlines(false);
        let word = self.token_text(self.current);
        let mut piece = None;
        if self.peek() != SyntaxKind::Ident {
            self.unexpected(
                "Invalid template directive",
                "A directive begins with one of the words if, else, endif, for and endfor. If \"%{\" is meant as text, \
                 write \"%%{\".",
                start,
            );
        } else if let Some(known) = DIRECTIVES.iter().find(|known| **known == word) {
            self.bump();
            piece = self.directive_inside(known, start);
            if !self.recovering && self.peek() != SyntaxKind::TemplateClose {
                self.unexpected(
                    format!("Extra characters in {known} marker"),
                    "The directive is complete before this point; its closing brace is expected.",
                    start,
                );
            }
        } else {
            self.unexpected(
                "Invalid template control keyword",
                format!("{word:?} is not a directive. Directives begin with if, else, endif, for or endfor."),
                start,
            );
        }
        self.close_sequence();
        self.complete(mark, SyntaxKind::Directive);
        let span = self.span_from(start);
        piece.map(|piece| piece.with_span(span))
    }

    /// A directive behind its first word.
    fn directive_inside(&mut self, word: &str, start: u32) -> Option<Piece<'t>> {
        let span = self.span_from(start);
        Some(match word {
            "if" => Piece::If { cond: self.expression(), span },
            "else" => Piece::Else(span),
            "endif" => Piece::EndIf(span),
            "endfor" => Piece::EndFor(span),
            _ => return self.for_directive(span),
        })
    }

    fn for_directive(&mut self, span: Span) -> Option<Piece<'t>> {
        let (key, value) = self.for_names("Invalid 'for' directive", None)?;
        Some(Piece::For { key, value, collection: self.expression(), span })
    }

    /// A string that must be plain text, as labels are; returns the text.
    pub(super) fn label_text(&mut self) -> String {
        let start = self.start();
        self.bump();
        let open = self.span_from(start);
        let mut text = String::new();
        loop {
            match self.peek_raw() {
                SyntaxKind::QuoteClose => {
                    self.bump();
                    return text;
                }
                SyntaxKind::TemplateText => text.push_str(self.text_piece(Quoting::Quoted).as_str()),
                SyntaxKind::InterpolationOpen | SyntaxKind::DirectiveOpen => {
                    let sign = &self.token_text(self.pos)[..1];
                    let span = self.current_span();
                    self.report(
                        Diagnostic::error("Invalid string literal")
                            .detail(format!(
                                "This string must be plain text, without template sequences. If \"{sign}{{\" is meant \
                                 as text, write \"{sign}{sign}{{\"."
                            ))
                            .subject(span)
                            .context(open.to(span)),
                    );
                    self.bump();
                    let recovering = self.recovering;
                    self.recover_to(SyntaxKind::TemplateClose);
                    self.recovering = recovering;
                }
                SyntaxKind::QuotedNewline => {
                    self.string_over_lines(open);
                    self.bump();
                }
                SyntaxKind::Newline => {
                    self.string_over_lines(open);
                    return text;
                }
                _ => {
                    self.error(
                        Diagnostic::error("Unterminated string literal")
                            .detail("The string that begins here does not end: its closing quote is missing.")
                            .subject(open),
                    );
                    return text;
                }
            }
        }
    }
}
