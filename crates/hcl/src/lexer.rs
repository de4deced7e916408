//! Cutting a text into tokens. Every byte belongs to exactly one token, whatever the text.
//!
//! Templates nest (a string in an interpolation in a heredoc …), so the lexer keeps a stack of modes. The text of a
//! template is cut where HCL cuts it (at the end of a line in heredocs, and at every `$` and `%`), because strip
//! markers and indentation work on those pieces.

use crate::syntax::SyntaxKind;

/// One token; it ends where the next begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: SyntaxKind,
    pub(crate) start: u32,
}

/// What a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// A configuration file or an expression.
    Code,
    /// A template: text with sequences in it.
    Template,
}

/// Where the lexer is.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Code; the number counts braces that are open.
    Code(u32),
    /// Between quotes.
    Quoted,
    /// In a heredoc whose marker is `text[start..end]`.
    Heredoc { start: usize, end: usize, line_start: bool },
    /// In a text that is a template as a whole.
    Bare,
}

/// How many lines below an unclosed quote are searched for its counterpart.
const QUOTE_SEARCH_LINES: usize = 20;

/// Whether a text can stand as a name: an argument's, a variable's.
pub fn is_identifier(text: &str) -> bool {
    matches!(tokenize(text, Start::Code)[..], [Token { kind: SyntaxKind::Ident, .. }, _])
}

/// Cuts a text into tokens; the last is [`SyntaxKind::Eof`].
pub(crate) fn tokenize(text: &str, start: Start) -> Vec<Token> {
    let mode = match start {
        Start::Code => Mode::Code(0),
        Start::Template => Mode::Bare,
    };
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        pos: 0,
        modes: vec![mode],
        tokens: Vec::with_capacity(text.len() / 4),
    };
    lexer.run();
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    pos: usize,
    modes: Vec<Mode>,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.push(SyntaxKind::ByteOrderMark, 3);
        }
        while self.pos < self.bytes.len() {
            match self.modes.last().copied() {
                Some(Mode::Quoted) => self.quoted(),
                Some(Mode::Heredoc { start, end, line_start }) => self.heredoc(start, end, line_start),
                Some(Mode::Bare) => self.bare(),
                Some(Mode::Code(_)) | None => self.code(),
            }
        }
        self.tokens.push(Token { kind: SyntaxKind::Eof, start: self.pos as u32 });
    }

    /// Ends a token at `end`, which must lie behind the current position.
    fn push(&mut self, kind: SyntaxKind, end: usize) {
        self.tokens.push(Token { kind, start: self.pos as u32 });
        self.pos = end;
    }

    fn at(&self, index: usize) -> u8 {
        self.bytes.get(index).copied().unwrap_or(0)
    }

    /// The first index from `from` on whose byte does not satisfy the predicate.
    fn span(&self, from: usize, accept: impl Fn(u8) -> bool) -> usize {
        from + self.bytes[from..].iter().take_while(|b| accept(**b)).count()
    }

    fn char_at(&self, index: usize) -> Option<char> {
        self.text.get(index..).and_then(|rest| rest.chars().next())
    }

    fn ident_end(&self, start: usize) -> Option<usize> {
        let first = self.char_at(start)?;
        if first != '_' && !unicode_ident::is_xid_start(first) {
            return None;
        }
        let mut end = start + first.len_utf8();
        loop {
            let byte = self.at(end);
            if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
                end += 1;
            } else if byte >= 0x80 {
                match self.char_at(end) {
                    Some(c) if unicode_ident::is_xid_continue(c) => end += c.len_utf8(),
                    _ => return Some(end),
                }
            } else {
                return Some(end);
            }
        }
    }

    fn code(&mut self) {
        use SyntaxKind::*;
        let pos = self.pos;
        let next = self.at(pos + 1);
        let two = |kind| (kind, 2);
        let (kind, len) = match self.bytes[pos] {
            b' ' | b'\t' => return self.push(Whitespace, self.span(pos, |b| b == b' ' || b == b'\t')),
            b'\n' => (Newline, 1),
            b'\r' if next == b'\n' => two(Newline),
            b'#' => return self.line_comment(),
            b'/' if next == b'/' => return self.line_comment(),
            b'/' if next == b'*' => return self.block_comment(),
            b'0'..=b'9' => return self.push(Number, self.number_end(pos)),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => return self.ident_or_invalid(),
            b'"' => {
                self.modes.push(Mode::Quoted);
                (QuoteOpen, 1)
            }
            b'<' if next == b'<' => match self.heredoc_open() {
                Some(end) => return self.push(HeredocOpen, end),
                None => (Less, 1),
            },
            b'{' => {
                if let Some(Mode::Code(depth)) = self.modes.last_mut() {
                    *depth = depth.saturating_add(1);
                }
                (LBrace, 1)
            }
            b'}' => (self.close_brace(), 1),
            // Even where no sequence is open, so that the parser sees what was meant.
            b'~' if next == b'}' => {
                self.close_brace();
                two(TemplateClose)
            }
            b'=' if next == b'=' => two(EqualTo),
            b'=' if next == b'>' => two(FatArrow),
            b'!' if next == b'=' => two(NotEqual),
            b'<' if next == b'=' => two(LessEqual),
            b'>' if next == b'=' => two(GreaterEqual),
            b'&' if next == b'&' => two(AndAnd),
            b'|' if next == b'|' => two(OrOr),
            b':' if next == b':' => two(ColonColon),
            b'.' if next == b'.' && self.at(pos + 2) == b'.' => (Ellipsis, 3),
            b'[' => (LBracket, 1),
            b']' => (RBracket, 1),
            b'(' => (LParen, 1),
            b')' => (RParen, 1),
            b'=' => (Equals, 1),
            b'<' => (Less, 1),
            b'>' => (Greater, 1),
            b'!' => (Bang, 1),
            b'+' => (Plus, 1),
            b'-' => (Minus, 1),
            b'*' => (Star, 1),
            b'/' => (Slash, 1),
            b'%' => (Percent, 1),
            b'.' => (Dot, 1),
            b',' => (Comma, 1),
            b'?' => (Question, 1),
            b':' => (Colon, 1),
            b'&' | b'|' | b'^' | b'~' => (BitwiseOperator, 1),
            b'`' => (Backtick, 1),
            b'\'' => (Apostrophe, 1),
            b';' => (Semicolon, 1),
            _ => (Invalid, 1),
        };
        self.push(kind, pos + len);
    }

    fn line_comment(&mut self) {
        let mut end = self.span(self.pos, |b| b != b'\n');
        if self.at(end) == b'\n' && end > self.pos && self.bytes[end - 1] == b'\r' {
            end -= 1;
        }
        self.push(SyntaxKind::Comment, end);
    }

    fn block_comment(&mut self) {
        match self.text[self.pos + 2..].find("*/") {
            Some(len) => self.push(SyntaxKind::Comment, self.pos + 2 + len + 2),
            None => self.push(SyntaxKind::UnterminatedComment, self.bytes.len()),
        }
    }

    fn ident_or_invalid(&mut self) {
        match self.ident_end(self.pos) {
            Some(end) => self.push(SyntaxKind::Ident, end),
            None => {
                let len = self.char_at(self.pos).map_or(1, char::len_utf8);
                self.push(SyntaxKind::Invalid, self.pos + len);
            }
        }
    }

    /// Digits, dots and exponents in any order, but no dot at the end; what is no number is left to the parser.
    fn number_end(&self, start: usize) -> usize {
        let mut scan = start + 1;
        let mut end = scan;
        loop {
            match self.at(scan) {
                b'0'..=b'9' => {
                    scan += 1;
                    end = scan;
                }
                b'.' => scan += 1,
                b'e' | b'E' => {
                    let digit = if matches!(self.at(scan + 1), b'+' | b'-') { scan + 2 } else { scan + 1 };
                    if !self.at(digit).is_ascii_digit() {
                        return end;
                    }
                    scan = digit + 1;
                    end = scan;
                }
                _ => return end,
            }
        }
    }

    /// What a `}` is here.
    fn close_brace(&mut self) -> SyntaxKind {
        let nested = self.modes.len() > 1;
        match self.modes.last_mut() {
            Some(Mode::Code(depth)) if *depth > 0 => {
                *depth -= 1;
                SyntaxKind::RBrace
            }
            Some(Mode::Code(_)) if nested => {
                self.modes.pop();
                SyntaxKind::TemplateClose
            }
            _ => SyntaxKind::RBrace,
        }
    }

    fn heredoc_open(&mut self) -> Option<usize> {
        let mut start = self.pos + 2;
        if self.at(start) == b'-' {
            start += 1;
        }
        let end = self.ident_end(start)?;
        let after = match (self.at(end), self.at(end + 1)) {
            (b'\n', _) => end + 1,
            (b'\r', b'\n') => end + 2,
            _ => return None,
        };
        self.modes.push(Mode::Heredoc { start, end, line_start: true });
        Some(after)
    }

    /// `${`, `%{` (begins a sequence), `$${`, `%%{` (is text), or a `$` or `%` on its own (is text).
    fn dollar_or_percent(&mut self) {
        let pos = self.pos;
        let sign = self.bytes[pos];
        let strip = |at: usize| usize::from(self.at(at) == b'~');
        if self.at(pos + 1) == b'{' {
            let end = pos + 2 + strip(pos + 2);
            if let Some(Mode::Heredoc { line_start, .. }) = self.modes.last_mut() {
                *line_start = false;
            }
            self.modes.push(Mode::Code(0));
            let kind = if sign == b'$' { SyntaxKind::InterpolationOpen } else { SyntaxKind::DirectiveOpen };
            return self.push(kind, end);
        }
        let (one, two) = (self.at(pos + 1), self.at(pos + 2));
        let end = if one == sign && two == b'{' {
            pos + 3 + strip(pos + 3)
        } else if two == b'\n' && one.is_ascii() && !matches!(self.modes.last(), Some(Mode::Quoted)) {
            // HCL cuts between the last character of a line and its ending here, which shows when the character is a
            // blank: a strip marker on the line below does not reach it.
            pos + 2
        } else {
            pos + 1
        };
        self.text_piece(end);
    }

    fn text_piece(&mut self, end: usize) {
        if let Some(Mode::Heredoc { line_start, .. }) = self.modes.last_mut() {
            *line_start = self.bytes[end - 1] == b'\n';
        }
        self.push(SyntaxKind::TemplateText, end);
    }

    fn quoted(&mut self) {
        match self.bytes[self.pos] {
            b'"' => {
                self.modes.pop();
                self.push(SyntaxKind::QuoteClose, self.pos + 1);
            }
            b'$' | b'%' => self.dollar_or_percent(),
            b'\n' | b'\r' => self.newline_in_quotes(),
            _ => {
                let mut end = self.pos;
                loop {
                    end = self.span(end, |b| !matches!(b, b'$' | b'%' | b'"' | b'\n' | b'\r' | b'\\'));
                    if self.at(end) != b'\\' {
                        break;
                    }
                    end += 1;
                    // What is escaped is no end of the string. Bytes inside a character never match above.
                    if end < self.bytes.len() && !matches!(self.at(end), b'\n' | b'\r') {
                        end += 1;
                    }
                }
                self.text_piece(end);
            }
        }
    }

    /// A quoted string must end on its line. Whether its author forgot the closing quote or meant a string of many
    /// lines is guessed, so that what follows is read as it was meant: a line below with an odd number of quotes
    /// closes a string of many lines.
    fn newline_in_quotes(&mut self) {
        let newlines = self.span(self.pos, |b| b == b'\n' || b == b'\r');
        let nested = self.modes.len() > 2;
        if !nested && self.quote_closes_below(newlines) {
            return self.push(SyntaxKind::QuotedNewline, newlines);
        }
        if nested {
            // The string inside an interpolation spoils all quoted strings around it.
            while self.modes.len() > 1 && !matches!(self.modes.last(), Some(Mode::Heredoc { .. })) {
                self.modes.pop();
            }
        } else {
            self.modes.pop();
        }
    }

    fn quote_closes_below(&self, from: usize) -> bool {
        self.text[from..]
            .lines()
            .take(QUOTE_SEARCH_LINES)
            .any(|line| line.bytes().filter(|b| *b == b'"').count() % 2 == 1)
    }

    fn line_end(&self) -> usize {
        let stop = self.span(self.pos, |b| !matches!(b, b'$' | b'%' | b'\n'));
        if self.at(stop) == b'\n' { stop + 1 } else { stop }
    }

    fn heredoc(&mut self, start: usize, end: usize, line_start: bool) {
        if matches!(self.bytes[self.pos], b'$' | b'%') {
            return self.dollar_or_percent();
        }
        let stop = self.line_end();
        let line = &self.text[self.pos..stop];
        if line_start && line.ends_with('\n') && line.trim() == &self.text[start..end] {
            self.modes.pop();
            let content = line.trim_end_matches('\n');
            let content = content.strip_suffix('\r').unwrap_or(content);
            return self.push(SyntaxKind::HeredocClose, self.pos + content.len());
        }
        self.text_piece(stop);
    }

    fn bare(&mut self) {
        if matches!(self.bytes[self.pos], b'$' | b'%') {
            return self.dollar_or_percent();
        }
        let stop = self.line_end();
        self.text_piece(stop);
    }
}
