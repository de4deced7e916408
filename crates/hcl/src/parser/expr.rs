//! Expressions: operators, terms, and the steps behind them.

use ferroform_core::{Diagnostic, Number};

use crate::ast::{BinaryOp, Expr, ExprKind, Ident, UnaryOp};
use crate::syntax::SyntaxKind;
use crate::tree::Mark;

use super::Parser;

/// An operator and how tightly it binds, from 1.
fn binary_op(kind: SyntaxKind) -> Option<(BinaryOp, u8)> {
    Some(match kind {
        SyntaxKind::OrOr => (BinaryOp::Or, 1),
        SyntaxKind::AndAnd => (BinaryOp::And, 2),
        SyntaxKind::EqualTo => (BinaryOp::Equal, 3),
        SyntaxKind::NotEqual => (BinaryOp::NotEqual, 3),
        SyntaxKind::Greater => (BinaryOp::Greater, 4),
        SyntaxKind::GreaterEqual => (BinaryOp::GreaterEqual, 4),
        SyntaxKind::Less => (BinaryOp::Less, 4),
        SyntaxKind::LessEqual => (BinaryOp::LessEqual, 4),
        SyntaxKind::Plus => (BinaryOp::Add, 5),
        SyntaxKind::Minus => (BinaryOp::Subtract, 5),
        SyntaxKind::Star => (BinaryOp::Multiply, 6),
        SyntaxKind::Slash => (BinaryOp::Divide, 6),
        SyntaxKind::Percent => (BinaryOp::Modulo, 6),
        _ => return None,
    })
}

impl<'t> Parser<'t> {
    /// What stands for an expression that is missing or wrong.
    pub(super) fn error_expr(&self) -> Expr {
        Expr::new(ExprKind::Error, self.current_span())
    }

    pub(super) fn node(&mut self, mark: Mark, start: u32, kind: SyntaxKind, expr: ExprKind) -> Expr {
        self.complete(mark, kind);
        Expr::new(expr, self.span_from(start))
    }

    /// An expression of any kind.
    pub(super) fn expression(&mut self) -> Expr {
        if !self.enter() {
            return self.error_expr();
        }
        let mark = self.mark();
        let start = self.start();
        let cond = self.binary(1);
        let expr = if !self.recovering && self.peek() == SyntaxKind::Question {
            self.conditional(mark, start, cond)
        } else {
            cond
        };
        self.leave();
        expr
    }

    fn conditional(&mut self, mark: Mark, start: u32, cond: Expr) -> Expr {
        self.bump();
        let then = self.expression();
        if !self.recovering && self.peek() != SyntaxKind::Colon {
            self.unexpected(
                "Missing false expression in conditional",
                "A conditional is written condition ? value : other value; the colon and the value for the false case \
                 are expected here.",
                start,
            );
        }
        if self.recovering {
            return self.node(mark, start, SyntaxKind::ErrorNode, ExprKind::Error);
        }
        self.bump();
        let otherwise = self.expression();
        self.node(mark, start, SyntaxKind::Conditional, ExprKind::Conditional { cond, then, otherwise })
    }

    /// Operators that bind at least as tightly as `least`.
    fn binary(&mut self, least: u8) -> Expr {
        let mark = self.mark();
        let start = self.start();
        let mut left = self.operand();
        while let Some((op, binding)) = binary_op(self.peek()) {
            if binding < least || self.recovering {
                break;
            }
            self.bump();
            let right = self.binary(binding + 1);
            left = self.node(mark, start, SyntaxKind::Binary, ExprKind::Binary(op, left, right));
        }
        left
    }

    /// A term with its prefix operator or with the steps behind it.
    fn operand(&mut self) -> Expr {
        let op = match self.peek() {
            SyntaxKind::Minus => UnaryOp::Negate,
            SyntaxKind::Bang => UnaryOp::Not,
            _ => {
                let mark = self.mark();
                let start = self.start();
                let term = self.term();
                return self.steps(mark, start, term);
            }
        };
        if !self.enter() {
            return self.error_expr();
        }
        let mark = self.mark();
        let start = self.start();
        self.bump();
        let operand = self.operand();
        self.leave();
        self.node(mark, start, SyntaxKind::Unary, ExprKind::Unary(op, operand))
    }

    fn term(&mut self) -> Expr {
        let mark = self.mark();
        let start = self.start();
        match self.peek() {
            SyntaxKind::Number => {
                let text = self.token_text(self.current);
                let number = self.number(text);
                self.bump();
                self.node(mark, start, SyntaxKind::Literal, number)
            }
            SyntaxKind::Ident => self.name_or_call(mark, start),
            SyntaxKind::QuoteOpen | SyntaxKind::HeredocOpen => self.template(),
            SyntaxKind::LParen => self.parens(mark, start),
            SyntaxKind::LBracket => self.tuple(mark, start),
            SyntaxKind::LBrace => self.object(mark, start),
            SyntaxKind::Eof => {
                self.unexpected(
                    "Missing expression",
                    "An expression is expected here, but the text ends.",
                    None,
                );
                self.error_expr()
            }
            kind => {
                let expr = self.error_expr();
                let heredoc =
                    kind == SyntaxKind::Less && self.token(self.current + 1).kind == SyntaxKind::Less;
                let detail = if heredoc {
                    "A heredoc begins with \"<<\" or \"<<-\" and its marker, a bare name, which ends the line: <<EOT."
                } else {
                    "An expression is expected here: a value, a reference, a function call, or something in brackets."
                };
                self.unexpected("Invalid expression", detail, None);
                expr
            }
        }
    }

    /// The value of a number literal, which is the current token.
    fn number(&mut self, text: &'t str) -> ExprKind {
        match text.parse::<Number>() {
            Ok(number) => ExprKind::Number(number),
            Err(_) => {
                let span = self.current_span();
                self.report(
                    Diagnostic::error("Invalid number literal")
                        .detail(format!(
                            "{text:?} is not a number. Numbers are written like 12, 0.5 or 1e10."
                        ))
                        .subject(span),
                );
                ExprKind::Error
            }
        }
    }

    fn name_or_call(&mut self, mark: Mark, start: u32) -> Expr {
        let name = self.ident();
        if matches!(self.peek(), SyntaxKind::LParen | SyntaxKind::ColonColon) {
            return self.call(mark, start, name);
        }
        let (kind, expr) = match &*name.name {
            "true" => (SyntaxKind::Literal, ExprKind::Bool(true)),
            "false" => (SyntaxKind::Literal, ExprKind::Bool(false)),
            "null" => (SyntaxKind::Literal, ExprKind::Null),
            _ => (SyntaxKind::Variable, ExprKind::Variable(name.name)),
        };
        self.node(mark, start, kind, expr)
    }

    fn parens(&mut self, mark: Mark, start: u32) -> Expr {
        self.bump();
        let newlines = self.set_newlines(false);
        let inner = self.expression();
        if self.recovering {
            self.recover_to(SyntaxKind::RParen);
        } else if !self.eat(SyntaxKind::RParen) {
            self.unexpected("Unbalanced parentheses", "The closing parenthesis is expected here.", start);
            self.recover_to(SyntaxKind::RParen);
        }
        self.set_newlines(newlines);
        self.node(mark, start, SyntaxKind::Parens, ExprKind::Parens(inner))
    }

    /// A call whose (first) name is taken.
    fn call(&mut self, mark: Mark, start: u32, first: Ident) -> Expr {
        let mut name = first;
        let mut namespaced = String::new();
        while self.eat(SyntaxKind::ColonColon) {
            if self.peek() != SyntaxKind::Ident {
                self.unexpected(
                    "Missing function name",
                    "The name of a function is expected behind \"::\", as in provider::NAME::FUNCTION(…).",
                    start,
                );
                return self.node(mark, start, SyntaxKind::ErrorNode, ExprKind::Error);
            }
            namespaced.push_str(&name.name);
            namespaced.push_str("::");
            let next = self.ident();
            name = Ident { name: next.name, span: name.span.to(next.span) };
        }
        if !namespaced.is_empty() {
            name.name = (namespaced + &name.name).into();
        }
        if self.peek() != SyntaxKind::LParen {
            self.unexpected(
                "Missing open parenthesis",
                "The name of a function is followed by its arguments in parentheses.",
                start,
            );
            return self.node(mark, start, SyntaxKind::ErrorNode, ExprKind::Error);
        }
        self.bump();
        let opened = self.previous_end;
        let newlines = self.set_newlines(false);
        let mut args = Vec::new();
        let mut expand = false;
        while !self.eat(SyntaxKind::RParen) {
            if self.peek() != SyntaxKind::Eof {
                args.push(self.expression());
            }
            if !self.recovering {
                match self.peek() {
                    SyntaxKind::RParen => continue,
                    SyntaxKind::Comma => {
                        self.bump();
                        continue;
                    }
                    SyntaxKind::Ellipsis => {
                        expand = true;
                        self.bump();
                        if self.eat(SyntaxKind::RParen) {
                            break;
                        }
                        self.unexpected(
                            "Missing closing parenthesis",
                            "\"...\" belongs to the last argument; the closing parenthesis must follow.",
                            start,
                        );
                    }
                    SyntaxKind::Eof => self.error(
                        Diagnostic::error("Unterminated function call")
                            .detail(
                                "The arguments of the function call that begins here have no closing parenthesis \
                                 before the end of the file.",
                            )
                            .subject(self.span(start, opened)),
                    ),
                    _ => self.unexpected(
                        "Missing argument separator",
                        "The arguments of a function are separated by commas.",
                        start,
                    ),
                }
            }
            self.recover_to(SyntaxKind::RParen);
            break;
        }
        self.set_newlines(newlines);
        self.node(mark, start, SyntaxKind::Call, ExprKind::Call { name, args, expand })
    }

    /// Steps behind a term: `.name`, `[key]`, `.0`, `[*]`, `.*`.
    fn steps(&mut self, mark: Mark, start: u32, mut base: Expr) -> Expr {
        while !self.recovering {
            base = match self.peek() {
                SyntaxKind::Dot => self.dot(mark, start, base),
                SyntaxKind::LBracket => {
                    self.bump();
                    if self.peek() == SyntaxKind::Star {
                        return self.full_splat(mark, start, base);
                    }
                    self.index(mark, start, base)
                }
                _ => break,
            };
        }
        base
    }

    fn dot(&mut self, mark: Mark, start: u32, base: Expr) -> Expr {
        self.bump();
        if self.peek() == SyntaxKind::Star {
            return self.attribute_splat(mark, start, base);
        }
        self.dot_step(Some(mark), start, base, "[{}][{}]")
    }

    /// What follows the dot: a name, or the number of an element as in ancient configurations. It becomes a node of
    /// its own unless it is one of many steps of a splat.
    fn dot_step(&mut self, mark: Option<Mark>, start: u32, base: Expr, better: &str) -> Expr {
        let (kind, step) = match self.peek() {
            SyntaxKind::Ident => {
                let name = self.ident();
                (SyntaxKind::GetAttr, ExprKind::GetAttr { base, name })
            }
            SyntaxKind::Number => {
                let text = self.token_text(self.current);
                let span = self.current_span();
                let key = if let Some((first, second)) = text.split_once('.') {
                    let better = better.replacen("{}", first, 1).replacen("{}", second, 1);
                    self.report(
                        Diagnostic::error("Invalid legacy index syntax")
                            .detail(format!(
                                "Two indexes in a row cannot be written with dots, because {text} reads as a number. \
                                 Write them in brackets: {better}."
                            ))
                            .subject(span),
                    );
                    ExprKind::Error
                } else {
                    self.number(text)
                };
                self.bump();
                (SyntaxKind::Index, ExprKind::Index { base, key: Expr::new(key, span) })
            }
            SyntaxKind::Star if mark.is_none() => {
                self.unexpected(
                    "Nested splat expression not allowed",
                    "A splat \".*\" cannot stand inside another. Use the full form, [*], for both.",
                    start,
                );
                (SyntaxKind::ErrorNode, ExprKind::Error)
            }
            _ => {
                self.unexpected(
                    "Invalid attribute name",
                    "The name of an attribute is expected behind the dot.",
                    start,
                );
                (SyntaxKind::ErrorNode, ExprKind::Error)
            }
        };
        match mark {
            Some(mark) => self.node(mark, start, kind, step),
            None => Expr::new(step, self.span_from(start)),
        }
    }

    /// `.*` and the attributes behind it, which belong to it; nothing else does.
    fn attribute_splat(&mut self, mark: Mark, start: u32, base: Expr) -> Expr {
        let item_start = self.start();
        self.bump();
        let mut each = Expr::new(ExprKind::SplatItem, self.span_from(item_start));
        let mut steps = 0u16;
        while self.peek() == SyntaxKind::Dot && !self.recovering {
            self.bump();
            each = self.dot_step(None, item_start, each, "[*][{}][{}]");
            // These steps are no nodes, so that the height of the tree does not tell how many they are.
            steps = steps.saturating_add(1);
            if steps > super::MAX_HEIGHT {
                self.abort();
            }
        }
        self.node(mark, start, SyntaxKind::Splat, ExprKind::Splat { base, each, full: false })
    }

    /// From the star of `[*]` on; every step behind it belongs to it.
    fn full_splat(&mut self, mark: Mark, start: u32, base: Expr) -> Expr {
        let item_start = self.start();
        if !self.enter() {
            return base;
        }
        self.bump();
        if !self.eat(SyntaxKind::RBracket) {
            self.unexpected(
                "Missing close bracket on splat index",
                "The star of a splat is followed by its closing bracket at once: [*].",
                start,
            );
            self.recover_to(SyntaxKind::RBracket);
        }
        let item = Expr::new(ExprKind::SplatItem, self.span_from(item_start));
        self.complete(mark, SyntaxKind::Splat);
        let each = self.steps(mark, item_start, item);
        self.leave();
        Expr::new(ExprKind::Splat { base, each, full: true }, self.span_from(start))
    }

    /// From the key of `[key]` on.
    fn index(&mut self, mark: Mark, start: u32, base: Expr) -> Expr {
        let newlines = self.set_newlines(false);
        let key = self.expression();
        if self.recovering {
            self.recover_to(SyntaxKind::RBracket);
        } else if !self.eat(SyntaxKind::RBracket) {
            self.unexpected(
                "Missing close bracket on index",
                "The closing bracket of the index is expected here.",
                start,
            );
            self.recover_to(SyntaxKind::RBracket);
        }
        self.set_newlines(newlines);
        self.node(mark, start, SyntaxKind::Index, ExprKind::Index { base, key })
    }
}
