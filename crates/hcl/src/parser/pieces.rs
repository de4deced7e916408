//! Large files, parsed in pieces on all processors.
//!
//! A file is cut behind line endings outside of everything, where the parser stands as it does at the beginning. That
//! holds for files without mistakes only, so a file with one is parsed once more as a whole: it is what people are
//! told about it that counts then, not the time.

use rustc_hash::FxHashSet;

use ferroform_core::{Diagnostics, parallel};

use super::{Outcome, Parser, Place};
use crate::ast::Body;
use crate::lexer::Token;
use crate::syntax::SyntaxKind;
use crate::tree::Tree;

/// Below so many tokens another thread costs more than it saves.
const LEAST: usize = 8_000;

/// Parses a file in pieces; `None` if it is too small for that, or has mistakes.
pub(super) fn parse(place: Place, text: &str, tokens: &[Token]) -> Option<Outcome<Body>> {
    let most = tokens.len() / LEAST;
    if most < 2 {
        return None;
    }
    let count = parallel::processors().min(most);
    if count < 2 {
        return None;
    }
    parse_all(place, text, cut(tokens, count)?)
}

fn parse_all(place: Place, text: &str, pieces: Vec<Vec<Token>>) -> Option<Outcome<Body>> {
    join(parallel::each(pieces, |piece| {
        let mut parser = Parser::over(place, text, piece);
        let body = parser.file();
        // Comments at the end.
        parser.take_rest();
        Outcome { value: body, tree: parser.tree, diagnostics: parser.diagnostics }
    }))
}

/// The tokens in up to `count` pieces of about the same size, each with an end of its own; `None` if something is not
/// closed where it should be.
fn cut(tokens: &[Token], count: usize) -> Option<Vec<Vec<Token>>> {
    use SyntaxKind::*;
    let size = tokens.len().div_ceil(count);
    let mut pieces = Vec::with_capacity(count);
    let mut begun = 0;
    let mut open = 0usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            QuoteOpen | HeredocOpen | InterpolationOpen | DirectiveOpen | LBrace | LBracket | LParen => {
                open += 1
            }
            QuoteClose | HeredocClose | TemplateClose | RBrace | RBracket | RParen => {
                open = open.checked_sub(1)?
            }
            Newline if open == 0 && index + 1 - begun >= size => {
                let next = tokens.get(index + 1)?.start;
                let mut piece = tokens[begun..=index].to_vec();
                piece.push(Token { kind: Eof, start: next });
                pieces.push(piece);
                begun = index + 1;
            }
            _ => {}
        }
    }
    pieces.push(tokens[begun..].to_vec());
    (open == 0).then_some(pieces)
}

/// The whole of what was parsed; `None` if anything is wrong, be it only a name that comes twice.
fn join(parsed: Vec<Outcome<Body>>) -> Option<Outcome<Body>> {
    if parsed.iter().any(|piece| !piece.diagnostics.is_empty()) {
        return None;
    }
    let mut pieces = parsed.into_iter();
    let Outcome { mut value, mut tree, .. } = pieces.next()?;
    for piece in pieces {
        value.attributes.extend(piece.value.attributes);
        value.blocks.extend(piece.value.blocks);
        tree.append(&piece.tree);
    }
    let mut names = FxHashSet::default();
    let once = value.attributes.iter().all(|attribute| names.insert(&*attribute.name.name));
    if !once {
        return None;
    }
    tree.complete(Tree::default().mark(), SyntaxKind::Root);
    Some(Outcome { value, tree, diagnostics: Diagnostics::new() })
}

#[cfg(test)]
mod tests {
    use ferroform_core::SourceId;

    use super::*;
    use crate::lexer::{Start, tokenize};
    use crate::syntax::SyntaxNode;

    /// A file as one piece and in several, as text that can be compared.
    fn both(text: &str, count: usize) -> (String, Option<String>) {
        let place = Place::At(SourceId(0), 0);
        let tokens = tokenize(text, Start::Code);
        let shown = |outcome: Outcome<Body>| {
            let tree: SyntaxNode = outcome.tree.to_rowan(text);
            format!("{:?}\n{tree:#?}\n{:?}", outcome.value, outcome.diagnostics)
        };
        let pieces = cut(&tokens, count).and_then(|pieces| parse_all(place, text, pieces));
        (shown(super::super::whole_body(place, text, tokens)), pieces.map(shown))
    }

    const GOOD: &[&str] = &[
        "",
        "a = 1\nb = 2\n",
        "a = 1\nb = 2",
        "\u{feff}# first\n\n/* of\nmany lines */ a = [\n  1,\n  2,\n]\n\n\nb = (1 +\n  2)\n# last",
        "block \"x\" {\n  a = \"${b[\"}\\n\"]}\"\n}\nblock {}\r\nblock {\r\n  c = 1\r\n}\r\n",
        "a = <<EOT\n}\n${x}\n%{ if y }{%{ endif }\nEOT\nb = <<-EOT\n  {\n  EOT\nc = { d = 1\n e = 2 }\n",
    ];

    #[test]
    fn pieces_make_what_the_whole_makes() {
        for text in GOOD {
            for count in 1..8 {
                let (whole, pieces) = both(text, count);
                assert_eq!(pieces.as_deref(), Some(&*whole), "{count} pieces of {text:?}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_left_to_the_whole() {
        for text in [
            "a = 1\nb = 2\na = 3\n",
            "a = 1\n}\nb = 2\n",
            "a {\nb = 1\n",
            "a = \"x\nb = 1\n",
            "a = 1 2\nb = 1\n",
        ] {
            for count in 2..8 {
                assert_eq!(both(text, count).1, None, "{count} pieces of {text:?}");
            }
        }
    }
}
