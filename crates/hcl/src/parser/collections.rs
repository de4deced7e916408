//! Constructors of tuples and objects, and `for` expressions.

use ferroform_core::Diagnostic;

use crate::ast::{Expr, ExprKind, ForIntro, ForObject, ForTuple, Ident, ObjectItem};
use crate::syntax::SyntaxKind;
use crate::tree::Mark;

use super::Parser;

const INVALID_FOR: &str = "Invalid 'for' expression";

impl<'t> Parser<'t> {
    pub(super) fn tuple(&mut self, mark: Mark, start: u32) -> Expr {
        let open = self.current_span();
        self.bump();
        let newlines = self.set_newlines(false);
        let expr = if self.at_keyword("for") {
            self.for_expr(mark, start, SyntaxKind::RBracket)
        } else {
            let items = self.tuple_items(start, open);
            self.node(mark, start, SyntaxKind::Tuple, ExprKind::Tuple(items))
        };
        self.set_newlines(newlines);
        expr
    }

    fn tuple_items(&mut self, start: u32, open: ferroform_core::Span) -> Vec<Expr> {
        let mut items = Vec::new();
        while !self.eat(SyntaxKind::RBracket) {
            if self.peek() != SyntaxKind::Eof {
                items.push(self.expression());
            }
            if !self.recovering {
                match self.peek() {
                    SyntaxKind::RBracket => continue,
                    SyntaxKind::Comma => {
                        self.bump();
                        continue;
                    }
                    SyntaxKind::Eof => self.error(
                        Diagnostic::error("Unterminated tuple constructor expression")
                            .detail("The bracket that opens here is not closed before the end of the file.")
                            .subject(open),
                    ),
                    _ => self.unexpected(
                        "Missing item separator",
                        "The elements of a list are separated by commas; a comma or the closing bracket is expected \
                         here.",
                        start,
                    ),
                }
            }
            self.recover_to(SyntaxKind::RBracket);
            break;
        }
        items
    }

    pub(super) fn object(&mut self, mark: Mark, start: u32) -> Expr {
        let open = self.current_span();
        self.bump();
        // A `for` may stand on a line below; the rest of an object cares for newlines.
        let newlines = self.set_newlines(false);
        let expr = if self.at_keyword("for") {
            self.for_expr(mark, start, SyntaxKind::RBrace)
        } else {
            self.set_newlines(true);
            let items = self.object_items(start, open);
            self.node(mark, start, SyntaxKind::Object, ExprKind::Object(items))
        };
        self.set_newlines(newlines);
        expr
    }

    fn object_items(&mut self, start: u32, open: ferroform_core::Span) -> Vec<ObjectItem> {
        let mut items = Vec::new();
        loop {
            match self.peek() {
                SyntaxKind::Newline => {
                    self.bump();
                    continue;
                }
                SyntaxKind::RBrace => {
                    self.bump();
                    break;
                }
                _ => {}
            }
            let unterminated = Diagnostic::error("Unterminated object constructor expression")
                .detail("The brace that opens here is not closed before the end of the file.")
                .subject(open);
            if self.peek() == SyntaxKind::Eof {
                self.error(unterminated);
                break;
            }
            items.extend(self.object_item(start));
            if !self.recovering {
                match self.peek() {
                    SyntaxKind::RBrace => continue,
                    SyntaxKind::Comma | SyntaxKind::Newline => {
                        self.bump();
                        continue;
                    }
                    SyntaxKind::Eof => self.error(unterminated),
                    _ => self.unexpected(
                        "Missing attribute separator",
                        "The attributes of an object are separated by newlines or commas; one of them or the closing \
                         brace is expected here.",
                        start,
                    ),
                }
            }
            self.recover_to(SyntaxKind::RBrace);
            break;
        }
        items
    }

    fn object_item(&mut self, start: u32) -> Option<ObjectItem> {
        let mark = self.mark();
        let parenthesised = self.peek() == SyntaxKind::LParen;
        let key = self.expression();
        if self.recovering {
            self.complete(mark, SyntaxKind::ErrorNode);
            return None;
        }
        let (key, bare) = if parenthesised { (key, false) } else { self.object_key(key) };
        match self.peek() {
            SyntaxKind::Equals | SyntaxKind::Colon => self.bump(),
            kind => {
                match kind {
                    SyntaxKind::Newline | SyntaxKind::Comma => self.unexpected(
                        "Missing attribute value",
                        "An attribute of an object has a value, which follows an equals sign \"=\".",
                        start,
                    ),
                    SyntaxKind::Ident => self.unexpected(
                        "Missing key/value separator",
                        "An equals sign \"=\" is expected between the name and the value of an attribute. A name with \
                         dots or blanks in it stands in quotes.",
                        start,
                    ),
                    _ => self.unexpected(
                        "Missing key/value separator",
                        "An equals sign \"=\" is expected between the name and the value of an attribute.",
                        start,
                    ),
                }
                self.complete(mark, SyntaxKind::ErrorNode);
                return None;
            }
        }
        let value = self.expression();
        self.complete(mark, SyntaxKind::ObjectItem);
        Some(ObjectItem { key, bare, value })
    }

    /// What an expression means as a key that is not in parentheses, and whether it is a bare name.
    fn object_key(&mut self, key: Expr) -> (Expr, bool) {
        let name = match &*key.kind {
            ExprKind::Variable(_) => return (key, true),
            ExprKind::Bool(true) => "true",
            ExprKind::Bool(false) => "false",
            ExprKind::Null => "null",
            _ => {
                if is_reference(&key) {
                    self.report(
                        Diagnostic::error("Ambiguous attribute key")
                            .detail(
                                "As the key of an object this could be a reference or a name with dots in it. Put it \
                                 in parentheses if it is a reference, in quotes if it is a name.",
                            )
                            .subject(key.span),
                    );
                }
                return (key, false);
            }
        };
        let name = self.name(name);
        (Expr::new(ExprKind::Variable(name), key.span), true)
    }

    /// A `for` expression up to its closing bracket; the opening one is taken.
    fn for_expr(&mut self, mark: Mark, start: u32, close: SyntaxKind) -> Expr {
        let (kind, node) = match close {
            SyntaxKind::RBrace => (self.for_inside(start, close), SyntaxKind::ForObject),
            _ => (self.for_inside(start, close), SyntaxKind::ForTuple),
        };
        if self.recovering {
            self.recover_to(close);
        }
        match kind {
            Some(kind) => self.node(mark, start, node, kind),
            None => self.node(mark, start, SyntaxKind::ErrorNode, ExprKind::Error),
        }
    }

    /// The names behind `for`, up to and with the word `in`: that of the key or index, if there is one, and that of the
    /// element. None if they are not what they should be, which is reported with this summary.
    pub(super) fn for_names(
        &mut self,
        summary: &'static str,
        context: Option<u32>,
    ) -> Option<(Option<Ident>, Ident)> {
        if self.peek() != SyntaxKind::Ident {
            self.unexpected(summary, "A name for the element is expected behind \"for\".", context);
            return None;
        }
        let mut key = None;
        let mut value = self.ident();
        if self.eat(SyntaxKind::Comma) {
            if self.peek() != SyntaxKind::Ident {
                self.unexpected(
                    summary,
                    "A second name, for the element, is expected behind the comma.",
                    context,
                );
                return None;
            }
            key = Some(std::mem::replace(&mut value, self.ident()));
        }
        if !self.at_keyword("in") {
            self.unexpected(
                summary,
                "The word \"in\" is expected between the names and the collection.",
                context,
            );
            return None;
        }
        self.bump();
        Some((key, value))
    }

    fn for_inside(&mut self, start: u32, close: SyntaxKind) -> Option<ExprKind> {
        self.bump();
        let (key, value) = self.for_names(INVALID_FOR, Some(start))?;
        let collection = self.expression();
        if !self.recovering && self.peek() != SyntaxKind::Colon {
            self.unexpected(INVALID_FOR, "A colon is expected behind the collection.", start);
        }
        if self.recovering {
            return None;
        }
        self.bump();
        let first = self.expression();
        let second = (!self.recovering && self.eat(SyntaxKind::FatArrow)).then(|| self.expression());
        let ellipsis = self.current_span();
        let group = !self.recovering && self.eat(SyntaxKind::Ellipsis);
        let cond = (!self.recovering && self.at_keyword("if")).then(|| {
            self.bump();
            self.expression()
        });
        if !self.recovering && !self.eat(close) {
            self.unexpected(
                INVALID_FOR,
                "The 'for' expression is complete here; its closing bracket is expected.",
                start,
            );
        }
        if self.recovering {
            return None;
        }
        let intro = ForIntro { key, value, collection, cond };
        let whole = self.span_from(start);
        let mut wrong = |detail: &str, subject| {
            self.report(Diagnostic::error(INVALID_FOR).detail(detail).subject(subject).context(whole));
        };
        match (close, second) {
            (SyntaxKind::RBrace, Some(value)) => {
                Some(ExprKind::ForObject(Box::new(ForObject { intro, key: first, value, group })))
            }
            (SyntaxKind::RBrace, None) => {
                wrong(
                    "Between braces, a 'for' expression makes an object, which needs a key: key => value.",
                    first.span,
                );
                None
            }
            (_, second) => {
                if second.is_some() {
                    wrong(
                        "Between brackets, a 'for' expression makes a list, which has no keys.",
                        first.span,
                    );
                    return None;
                }
                if group {
                    wrong("Grouping with \"...\" is for objects; a list has no keys to group by.", ellipsis);
                    return None;
                }
                Some(ExprKind::ForTuple(Box::new(ForTuple { intro, value: first })))
            }
        }
    }
}

/// Whether an expression is a name with steps whose keys are all constant.
fn is_reference(expr: &Expr) -> bool {
    let mut expr = expr;
    let mut steps = 0;
    loop {
        expr = match &*expr.kind {
            ExprKind::Variable(_) => return steps > 0,
            ExprKind::GetAttr { base, .. } => base,
            ExprKind::Index { base, key }
                if matches!(&*key.kind, ExprKind::Number(_)) || key.as_literal_str().is_some() =>
            {
                base
            }
            _ => return false,
        };
        steps += 1;
    }
}
