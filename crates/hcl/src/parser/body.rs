//! Bodies: arguments and blocks.

use std::sync::Arc;

use ferroform_core::Diagnostic;
use rustc_hash::FxHashMap;

use crate::ast::{Attribute, Block, Body, Ident};
use crate::syntax::SyntaxKind;

use super::Parser;

const NEEDS_EQUALS: &str = "An argument or block is expected here. An argument is written with an equals sign \"=\" \
                            between its name and its value; a block has its content in braces.";

/// A body that is being put together.
#[derive(Default)]
struct Items {
    attributes: Vec<Attribute>,
    /// Index of each argument by name; kept only when there are many.
    index: FxHashMap<Arc<str>, usize>,
    blocks: Vec<Block>,
}

impl Items {
    /// So few arguments are searched faster than indexed.
    const FEW: usize = 16;

    fn position(&self, name: &str) -> Option<usize> {
        if self.attributes.len() <= Self::FEW {
            return self.attributes.iter().position(|a| &*a.name.name == name);
        }
        self.index.get(name).copied()
    }

    fn push(&mut self, attribute: Attribute) {
        self.attributes.push(attribute);
        let len = self.attributes.len();
        if len > Self::FEW {
            let from = if len == Self::FEW + 1 { 0 } else { len - 1 };
            self.index.extend((from..len).map(|i| (self.attributes[i].name.name.clone(), i)));
        }
    }
}

impl<'t> Parser<'t> {
    pub(super) fn file(&mut self) -> Body {
        let mut items = Items::default();
        while self.peek() != SyntaxKind::Eof {
            if self.peek() == SyntaxKind::RBrace {
                self.unexpected(
                    "Argument or block definition required",
                    "This brace closes nothing: every block is closed already. Remove it, or look for a brace that is \
                     missing above.",
                    None,
                );
                self.bump();
                continue;
            }
            self.item(&mut items);
        }
        let len = self.text.len() as u32;
        let (span, end) = (self.span(0, len), self.span(len, len));
        Body { attributes: items.attributes, blocks: items.blocks, span, end }
    }

    /// One argument or block, or a newline. Where a name begins an item, the way is found again after an error.
    fn item(&mut self, items: &mut Items) {
        match self.peek() {
            SyntaxKind::Newline => self.bump(),
            SyntaxKind::Ident => {
                self.recovering = false;
                self.named_item(items);
            }
            SyntaxKind::QuoteOpen => {
                self.recovering = false;
                let mark = self.mark();
                let start = self.start();
                // The whole string is what is wrong, so it is what the message points at.
                let name = self.label_text();
                self.error(
                    Diagnostic::error("Invalid argument name")
                        .detail(format!(
                            "Names of arguments and types of blocks are not quoted: write {name} alone."
                        ))
                        .subject(self.span_from(start)),
                );
                self.recover_item();
                self.complete(mark, SyntaxKind::ErrorNode);
            }
            _ => {
                let mark = self.mark();
                self.unexpected(
                    "Argument or block definition required",
                    "An argument or block is expected here, which begins with its name.",
                    None,
                );
                if self.peek() != SyntaxKind::Eof {
                    self.bump();
                }
                self.recover_item();
                self.complete(mark, SyntaxKind::ErrorNode);
            }
        }
    }

    fn named_item(&mut self, items: &mut Items) {
        let mark = self.mark();
        let start = self.start();
        let name = self.ident();
        match self.peek() {
            SyntaxKind::Equals => {
                let attribute = self.attribute(name, start);
                self.complete(mark, SyntaxKind::Attribute);
                self.end_of_argument(start);
                self.define(items, attribute);
            }
            SyntaxKind::QuoteOpen | SyntaxKind::LBrace | SyntaxKind::Ident => {
                let block = self.block(name, start);
                self.complete(mark, SyntaxKind::Block);
                self.end_of_block(start);
                items.blocks.extend(block);
            }
            _ => {
                let invalid = super::messages::invalid_token(self.peek(), "").is_some();
                if invalid {
                    self.unexpected("Argument or block definition required", NEEDS_EQUALS, start);
                } else {
                    self.error(
                        Diagnostic::error("Argument or block definition required")
                            .detail(NEEDS_EQUALS)
                            .subject(name.span),
                    );
                }
                self.recover_item();
                self.complete(mark, SyntaxKind::ErrorNode);
            }
        }
    }

    fn define(&mut self, items: &mut Items, attribute: Attribute) {
        let name = &attribute.name.name;
        if let Some(first) = items.position(name) {
            let line = self.line_of(items.attributes[first].name.span);
            self.report(
                Diagnostic::error("Attribute redefined")
                    .detail(format!(
                        "The argument {name:?} is set already on line {line}. Each argument may be set once only."
                    ))
                    .subject(attribute.name.span),
            );
            return;
        }
        items.push(attribute);
    }

    /// From the equals sign to the end of the value.
    fn attribute(&mut self, name: Ident, start: u32) -> Attribute {
        self.bump();
        let expr = self.expression();
        Attribute { name, expr, span: self.span_from(start) }
    }

    fn end_of_argument(&mut self, start: u32) {
        match self.peek() {
            SyntaxKind::Newline if !self.recovering => self.bump(),
            SyntaxKind::Eof => {}
            SyntaxKind::Comma => {
                self.unexpected(
                    "Unexpected comma after argument",
                    "Arguments are separated by newlines, not by commas. Remove the comma.",
                    start,
                );
                self.recover_item();
            }
            _ => {
                self.unexpected(
                    "Missing newline after argument",
                    "The argument is complete before this point; a newline is expected behind it.",
                    start,
                );
                self.recover_item();
            }
        }
    }

    fn end_of_block(&mut self, start: u32) {
        match self.peek() {
            SyntaxKind::Newline if !self.recovering => self.bump(),
            SyntaxKind::Eof => {}
            _ => {
                self.unexpected(
                    "Missing newline after block definition",
                    "The block is complete before this point; a newline is expected behind it.",
                    start,
                );
                self.recover_item();
            }
        }
    }

    /// From the labels to the closing brace. Nothing if there are no braces.
    fn block(&mut self, kind: Ident, start: u32) -> Option<Block> {
        let mut labels = Vec::new();
        loop {
            match self.peek() {
                SyntaxKind::LBrace => break,
                SyntaxKind::Ident => labels.push(self.ident()),
                SyntaxKind::QuoteOpen => labels.push(self.label()),
                SyntaxKind::Equals => {
                    self.unexpected(
                        "Invalid block definition",
                        "An equals sign belongs to an argument, which has no labels; a block has none before its \
                         opening brace. Remove the equals sign or the labels.",
                        start,
                    );
                    self.recover_item();
                    return None;
                }
                SyntaxKind::Newline => {
                    self.unexpected(
                        "Invalid block definition",
                        "The content of a block stands in braces, and the opening brace \"{\" stands on the line of \
                         the block's type.",
                        start,
                    );
                    if !self.find_brace(&labels) {
                        return None;
                    }
                    break;
                }
                _ => {
                    self.unexpected(
                        "Invalid block definition",
                        "Either a label in quotes or the opening brace \"{\" of the block is expected here.",
                        start,
                    );
                    self.recover_item();
                    return None;
                }
            }
        }
        let header = self.span_from(start);
        let body = self.block_body(start);
        Some(Block { kind, labels, body: Arc::new(body), header, span: self.span_from(start) })
    }

    /// Where the line ends before the opening brace: whether the content follows all the same, because the brace
    /// stands on the next line or was taken in by a label without its closing quote.
    fn find_brace(&mut self, labels: &[Ident]) -> bool {
        if labels.last().is_some_and(|label| label.name.ends_with('{')) {
            return true;
        }
        let found = self.token(self.significant_from(self.current, false)).kind == SyntaxKind::LBrace;
        while found && self.peek() == SyntaxKind::Newline {
            self.bump();
        }
        found
    }

    fn label(&mut self) -> Ident {
        let mark = self.mark();
        let start = self.start();
        let text = self.label_text();
        self.complete(mark, SyntaxKind::Label);
        Ident { name: Arc::from(text), span: self.span_from(start) }
    }

    fn block_body(&mut self, header: u32) -> Body {
        let mark = self.mark();
        let open = self.current_span();
        self.eat(SyntaxKind::LBrace);
        let inside = self.previous_end;
        let mut items = Items::default();
        if self.enter() {
            match self.peek() {
                SyntaxKind::Newline | SyntaxKind::RBrace | SyntaxKind::Eof => self.block_items(&mut items),
                _ => self.single_item(&mut items),
            }
            self.leave();
        }
        let end = self.current_span();
        let span = self.span(inside, self.start());
        if !self.eat(SyntaxKind::RBrace) {
            self.error(
                Diagnostic::error("Unclosed configuration block")
                    .detail(
                        "The block that begins here has no closing brace before the end of the file. It may be that \
                         another brace is missing further inside.",
                    )
                    .subject(open)
                    .context(self.span(header, inside)),
            );
        }
        self.complete(mark, SyntaxKind::BlockBody);
        Body { attributes: items.attributes, blocks: items.blocks, span, end }
    }

    fn block_items(&mut self, items: &mut Items) {
        while !matches!(self.peek(), SyntaxKind::RBrace | SyntaxKind::Eof) {
            self.item(items);
        }
        self.recovering = false;
    }

    /// The single argument of a block on one line.
    fn single_item(&mut self, items: &mut Items) {
        const ONE_ARGUMENT: &str = "A block on one line holds a single argument and ends on the same line. Write each \
                                    argument on a line of its own, and the closing brace as well.";
        if self.peek() != SyntaxKind::Ident {
            self.item(items);
        } else {
            let mark = self.mark();
            let start = self.start();
            let name = self.ident();
            match self.peek() {
                SyntaxKind::Equals => {
                    let attribute = self.attribute(name, start);
                    self.complete(mark, SyntaxKind::Attribute);
                    self.define(items, attribute);
                }
                SyntaxKind::QuoteOpen | SyntaxKind::LBrace | SyntaxKind::Ident => {
                    let span = self.span_through_current(start);
                    self.error(
                        Diagnostic::error("Argument definition required")
                            .detail(format!(
                                "A block on one line holds a single argument and no further block. To set the \
                                 argument {:?}, put an equals sign behind its name; a nested block stands on lines of \
                                 its own.",
                                name.name
                            ))
                            .subject(span),
                    );
                    self.complete(mark, SyntaxKind::ErrorNode);
                }
                _ => {
                    self.error(
                        Diagnostic::error("Argument or block definition required")
                            .detail(NEEDS_EQUALS)
                            .subject(name.span),
                    );
                    self.complete(mark, SyntaxKind::ErrorNode);
                }
            }
        }
        if matches!(self.peek(), SyntaxKind::RBrace | SyntaxKind::Eof) {
            return;
        }
        self.unexpected("Invalid single-argument block definition", ONE_ARGUMENT, None);
        self.recover_item();
        self.block_items(items);
        // A closing brace that is missing belongs to the same mistake.
        self.recovering = true;
    }
}
