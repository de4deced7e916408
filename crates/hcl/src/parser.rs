//! The parser: one pass over the tokens that records the lossless tree and builds the [`crate::ast`] beside it.
//!
//! After an error the parser keeps quiet until it stands again where it knows what should follow (the next argument
//! or block), so that one mistake makes one diagnostic. Nesting is limited, both on the way down (`depth`, which
//! guards the stack) and on the way up (the height of the tree, which long chains of operators or steps drive up and
//! which guards whoever walks the result).

mod body;
mod collections;
mod expr;
mod messages;
mod pieces;
mod recovery;
mod template;

use std::borrow::Cow;
use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics, SourceId, Span};
use rustc_hash::FxHashMap;

use crate::ast::{Body, Expr, ExprKind, Ident, TemplatePart};
use crate::lexer::{Start, Token, tokenize};
use crate::syntax::SyntaxKind;
use crate::tree::{Mark, Tree};

/// How deeply brackets, blocks, templates and their like may nest.
const MAX_DEPTH: u32 = 200;
/// How high the tree may grow, counting operators and steps of a chain as well.
const MAX_HEIGHT: u16 = 600;

/// Where the parsed text lies in the source that spans name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// At this offset, byte for byte.
    At(SourceId, u32),
    /// Somewhere inside this span, not byte for byte (a string with escapes).
    Inside(Span),
}

/// What parsing a text gave, apart from the value.
pub(crate) struct Outcome<T> {
    pub(crate) value: T,
    pub(crate) tree: Tree,
    pub(crate) diagnostics: Diagnostics,
}

/// Parses a text as a body.
pub(crate) fn parse_body(place: Place, text: &str) -> Outcome<Body> {
    let tokens = tokenize(text, Start::Code);
    pieces::parse(place, text, &tokens).unwrap_or_else(|| whole_body(place, text, tokens))
}

fn whole_body(place: Place, text: &str, tokens: Vec<Token>) -> Outcome<Body> {
    let mut parser = Parser::over(place, text, tokens);
    let root = parser.tree.mark();
    let body = parser.file();
    parser.finish(root, body)
}

/// Parses a text as one expression; newlines mean nothing in it, as in parentheses.
pub(crate) fn parse_expression(place: Place, text: &str) -> Outcome<Expr> {
    let mut parser = Parser::new(place, text, Start::Code);
    let root = parser.tree.mark();
    parser.set_newlines(false);
    let expr = parser.expression();
    if parser.peek() != SyntaxKind::Eof {
        parser.unexpected(
            "Extra characters after expression",
            "The expression is complete before this point; remove what follows it, or join it with an operator.",
            None,
        );
    }
    parser.finish(root, expr)
}

/// Parses a text as a template.
pub(crate) fn parse_template(place: Place, text: &str) -> Outcome<Expr> {
    let mut parser = Parser::new(place, text, Start::Template);
    let root = parser.tree.mark();
    let parts: Vec<TemplatePart> = parser.bare_template();
    let span = parser.span(0, text.len() as u32);
    parser.finish(root, Expr::new(ExprKind::Template(parts), span))
}

pub(crate) use messages::too_large;

struct Parser<'t> {
    text: &'t str,
    place: Place,
    tokens: Vec<Token>,
    /// The first token that is not in the tree yet.
    pos: usize,
    /// The first token from `pos` on that means something.
    current: usize,
    /// Offset behind the last token taken that means something.
    previous_end: u32,
    /// Whether newlines mean something.
    newlines: bool,
    tree: Tree,
    diagnostics: Diagnostics,
    /// An error was reported for what is being parsed; keep quiet until the next item of the body.
    recovering: bool,
    /// The text nests too deeply; the rest of it was taken without a look.
    aborted: bool,
    depth: u32,
    names: FxHashMap<&'t str, Arc<str>>,
    line_starts: Option<Vec<u32>>,
}

impl<'t> Parser<'t> {
    fn new(place: Place, text: &'t str, start: Start) -> Self {
        Self::over(place, text, tokenize(text, start))
    }

    /// A parser of some tokens of the text; the last of them is the end.
    fn over(place: Place, text: &'t str, tokens: Vec<Token>) -> Self {
        let mut parser = Parser {
            text,
            place,
            pos: 0,
            current: 0,
            previous_end: 0,
            newlines: true,
            tree: Tree::with_capacity(tokens.len() * 3 / 2),
            diagnostics: Diagnostics::new(),
            recovering: false,
            aborted: false,
            depth: 0,
            names: FxHashMap::default(),
            line_starts: None,
            tokens,
        };
        parser.settle();
        parser
    }

    fn finish<T>(mut self, root: Mark, value: T) -> Outcome<T> {
        self.take_rest();
        self.tree.complete(root, SyntaxKind::Root);
        Outcome { value, tree: self.tree, diagnostics: self.diagnostics }
    }
}

/// Looking at tokens and taking them.
impl<'t> Parser<'t> {
    fn token(&self, index: usize) -> Token {
        match self.tokens.get(index) {
            Some(token) => *token,
            None => Token { kind: SyntaxKind::Eof, start: self.text.len() as u32 },
        }
    }

    fn token_text(&self, index: usize) -> &'t str {
        let text: &'t str = self.text;
        text.get(self.token(index).start as usize..self.token(index + 1).start as usize).unwrap_or_default()
    }

    /// Finds the current token anew after `pos` or `newlines` changed.
    fn settle(&mut self) {
        self.current = self.significant_from(self.pos, self.newlines);
    }

    fn significant_from(&self, mut index: usize, newlines: bool) -> usize {
        loop {
            let kind = self.token(index).kind;
            if kind.is_trivia() || (kind == SyntaxKind::Newline && !newlines) {
                index += 1;
            } else {
                return index;
            }
        }
    }

    /// Sets whether newlines mean something and returns whether they did.
    fn set_newlines(&mut self, newlines: bool) -> bool {
        let before = std::mem::replace(&mut self.newlines, newlines);
        self.settle();
        before
    }

    fn peek(&self) -> SyntaxKind {
        self.token(self.current).kind
    }

    /// The kind of the next token, be it trivia or not.
    fn peek_raw(&self) -> SyntaxKind {
        self.token(self.pos).kind
    }

    fn at_keyword(&self, word: &str) -> bool {
        self.peek() == SyntaxKind::Ident && self.token_text(self.current) == word
    }

    /// Where the current token begins.
    fn start(&self) -> u32 {
        self.token(self.current).start
    }

    fn current_span(&self) -> Span {
        self.span(self.start(), self.token(self.current + 1).start)
    }

    /// The span from an offset to the end of the last token taken.
    fn span_from(&self, start: u32) -> Span {
        self.span(start, self.previous_end.max(start))
    }

    /// The span from an offset to the end of the current token.
    fn span_through_current(&self, start: u32) -> Span {
        self.span(start, self.token(self.current + 1).start)
    }

    fn span(&self, start: u32, end: u32) -> Span {
        match self.place {
            Place::At(source, offset) => {
                Span::new(source, offset.saturating_add(start), offset.saturating_add(end))
            }
            Place::Inside(span) => span,
        }
    }

    /// Puts the token at `pos` into the tree.
    fn take_raw(&mut self) {
        let Token { kind, start } = self.token(self.pos);
        if kind != SyntaxKind::Eof {
            self.pos += 1;
            self.tree.token(kind, self.token(self.pos).start - start);
        }
    }

    fn take_trivia(&mut self) {
        while self.pos < self.current {
            self.take_raw();
        }
    }

    /// Takes the current token and what lies before it.
    fn bump(&mut self) {
        self.take_trivia();
        self.take_raw();
        self.previous_end = self.token(self.pos).start;
        self.settle();
    }

    fn eat(&mut self, kind: SyntaxKind) -> bool {
        let found = self.peek() == kind;
        if found {
            self.bump();
        }
        found
    }

    /// Takes everything to the end of the text.
    fn take_rest(&mut self) {
        while self.peek_raw() != SyntaxKind::Eof {
            self.take_raw();
        }
        self.settle();
    }

    /// Begins a node at the current token; trivia before it stays outside.
    fn mark(&mut self) -> Mark {
        self.take_trivia();
        self.tree.mark()
    }

    fn complete(&mut self, mark: Mark, kind: SyntaxKind) {
        if self.tree.complete(mark, kind) > MAX_HEIGHT {
            self.abort();
        }
    }

    fn name(&mut self, text: &'t str) -> Arc<str> {
        self.names.entry(text).or_insert_with(|| Arc::from(text)).clone()
    }

    /// Takes the current token, which must be a name.
    fn ident(&mut self) -> Ident {
        let span = self.current_span();
        let text = self.token_text(self.current);
        self.bump();
        Ident { name: self.name(text), span }
    }
}

/// Limits and reports.
impl Parser<'_> {
    /// Goes one level deeper; false if that is too deep. To be paired with [`Parser::leave`] if true.
    fn enter(&mut self) -> bool {
        if self.depth >= MAX_DEPTH {
            self.abort();
            return false;
        }
        self.depth += 1;
        true
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn abort(&mut self) {
        if self.aborted {
            return;
        }
        let span = self.current_span();
        self.recovering = false;
        self.error(messages::too_deep(span));
        self.aborted = true;
        self.take_rest();
    }

    /// Reports an error after which the place in the text is uncertain, unless one was reported already.
    fn error(&mut self, diagnostic: Diagnostic) {
        if !self.recovering {
            self.report(diagnostic);
        }
        self.recovering = true;
    }

    /// Reports an error that does not disturb the parsing.
    fn report(&mut self, diagnostic: Diagnostic) {
        if !self.aborted {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports that the current token is not what should stand here. `context` is where the surrounding thing begins.
    /// If the token can stand nowhere, that is the more helpful thing to say.
    fn unexpected(
        &mut self,
        summary: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
        context: impl Into<Option<u32>>,
    ) {
        let span = self.current_span();
        let diagnostic = messages::invalid_token(self.peek(), self.token_text(self.current))
            .unwrap_or_else(|| Diagnostic::error(summary).detail(detail))
            .subject(span)
            .context(context.into().map(|start| self.span_through_current(start)));
        self.error(diagnostic);
    }

    /// The line an offset lies in, from one.
    fn line_of(&mut self, span: Span) -> usize {
        let Place::At(_, base) = self.place else { return 1 };
        let starts = self.line_starts.get_or_insert_with(|| {
            std::iter::once(0)
                .chain(self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1))
                .collect()
        });
        starts.partition_point(|start| *start <= span.start.saturating_sub(base))
    }
}
