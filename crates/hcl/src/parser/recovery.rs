//! Finding the way after an error: which tokens to skip.

use crate::syntax::SyntaxKind;

use super::Parser;

/// Brackets that are followed while skipping; text nested more deeply is given up.
const MAX_OPEN: usize = 400;

/// Follows brackets of all kinds, strings and template sequences through tokens that are skipped.
#[derive(Default)]
struct Brackets(Vec<SyntaxKind>);

impl Brackets {
    /// At the end of a line, where a string without a closing quote ends as well.
    fn end_line(&mut self) {
        while self.0.last() == Some(&SyntaxKind::QuoteOpen) {
            self.0.pop();
        }
    }

    /// Takes note of a token; false if it closes something that was open before the skipping began.
    fn pass(&mut self, kind: SyntaxKind) -> bool {
        use SyntaxKind::*;
        let opener: &[SyntaxKind] = match kind {
            LBrace | LBracket | LParen | QuoteOpen | HeredocOpen | InterpolationOpen | DirectiveOpen => {
                self.0.push(kind);
                return true;
            }
            RBrace => &[LBrace],
            RBracket => &[LBracket],
            RParen => &[LParen],
            QuoteClose => &[QuoteOpen],
            HeredocClose => &[HeredocOpen],
            TemplateClose => &[InterpolationOpen, DirectiveOpen],
            _ => return true,
        };
        match self.0.iter().rposition(|open| opener.contains(open)) {
            Some(index) => {
                self.0.truncate(index);
                true
            }
            None => false,
        }
    }
}

impl Parser<'_> {
    /// Skips to behind the bracket `close` of what is being parsed. Stops before it where something else ends or an
    /// argument or block of the body around seems to begin. Returns whether the bracket was found.
    pub(super) fn recover_to(&mut self, close: SyntaxKind) -> bool {
        self.recovering = true;
        let mut brackets = Brackets::default();
        loop {
            let kind = self.peek_raw();
            if kind == SyntaxKind::Eof || brackets.0.len() > MAX_OPEN {
                break;
            }
            if kind == SyntaxKind::Newline {
                brackets.end_line();
            }
            if brackets.0.is_empty() {
                if kind == close {
                    self.take_skipped();
                    self.settle();
                    return true;
                }
                if kind == SyntaxKind::Newline {
                    let line = self.significant_from(self.pos, false);
                    if self.item_begins(line, close) {
                        break;
                    }
                    // Looked at once, not once for every empty line before it.
                    while self.pos < line {
                        self.take_skipped();
                    }
                    continue;
                }
            }
            if !brackets.pass(kind) {
                break;
            }
            self.take_skipped();
        }
        self.settle();
        false
    }

    /// Skips the rest of an argument or block, to before the newline or the brace that ends it.
    pub(super) fn recover_item(&mut self) {
        self.recovering = true;
        let mut brackets = Brackets::default();
        loop {
            let kind = self.peek_raw();
            if kind == SyntaxKind::Newline {
                brackets.end_line();
            }
            let ends = brackets.0.is_empty() && matches!(kind, SyntaxKind::Newline | SyntaxKind::RBrace);
            if kind == SyntaxKind::Eof || ends || brackets.0.len() > MAX_OPEN {
                break;
            }
            // Stray closing brackets are part of what is skipped.
            brackets.pass(kind);
            self.take_skipped();
        }
        self.settle();
    }

    fn take_skipped(&mut self) {
        let kind = self.peek_raw();
        self.take_raw();
        if !kind.is_trivia() && kind != SyntaxKind::Newline {
            self.previous_end = self.token(self.pos).start;
        }
    }

    /// Whether the line that begins with this token looks like an argument or block rather than like a part of what
    /// is in brackets.
    fn item_begins(&self, first: usize, close: SyntaxKind) -> bool {
        if self.token(first).kind != SyntaxKind::Ident {
            return false;
        }
        let second = self.token(self.significant_from(first + 1, true)).kind;
        match close {
            // In an object, `name =` is at home.
            SyntaxKind::RBrace => matches!(second, SyntaxKind::QuoteOpen | SyntaxKind::Ident),
            _ => matches!(second, SyntaxKind::Equals | SyntaxKind::QuoteOpen | SyntaxKind::LBrace),
        }
    }
}
