//! Diagnostics that are made in more than one place or need a choice of words.

use ferroform_core::{Diagnostic, Span};

use crate::syntax::SyntaxKind;

pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error("Expression nested too deeply")
        .detail(
            "Brackets, blocks, operators or template sequences are nested so deeply here that the rest of the file \
             was not read. Split the expression, for example with local values.",
        )
        .subject(span)
}

pub(crate) fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error("File too large")
        .detail("The text is larger than 256 MiB, which no configuration should be; it was not read.")
        .subject(span)
}

/// What to say of a token that can stand nowhere; nothing for any other.
pub(super) fn invalid_token(kind: SyntaxKind, text: &str) -> Option<Diagnostic> {
    let (summary, detail) = match kind {
        SyntaxKind::BitwiseOperator => {
            let instead = match text {
                "&" => " For the logical \"and\", write \"&&\".",
                "|" => " For the logical \"or\", write \"||\".",
                "~" => " For the logical \"not\", write \"!\".",
                _ => "",
            };
            ("Unsupported operator", format!("The language has no operators on bits such as {text:?}.{instead}"))
        }
        SyntaxKind::Backtick => (
            "Invalid character",
            "Backticks have no meaning in the language. For a string of several lines, use a heredoc such as \"<<EOT\"."
                .to_owned(),
        ),
        SyntaxKind::Apostrophe => (
            "Invalid character",
            "Single quotes have no meaning in the language. Strings stand between double quotes (\").".to_owned(),
        ),
        SyntaxKind::Semicolon => (
            "Invalid character",
            "Semicolons have no meaning in the language. Arguments and blocks stand on lines of their own; the \
             elements of lists and objects are separated by commas."
                .to_owned(),
        ),
        SyntaxKind::QuotedNewline => (
            "Invalid multi-line string",
            "A quoted string must end on the line on which it begins. Close it with a quote, or, for a string of \
             several lines, write \\n for each line ending or use a heredoc such as \"<<EOT\"."
                .to_owned(),
        ),
        SyntaxKind::UnterminatedComment => {
            ("Unterminated comment", "The comment that begins here has no \"*/\" at its end.".to_owned())
        }
        SyntaxKind::Invalid => {
            let code = text.chars().next().map_or(0, u32::from);
            (
                "Invalid character",
                format!("The character {text:?} (U+{code:04X}) has no meaning in the language; remove it."),
            )
        }
        _ => return None,
    };
    Some(Diagnostic::error(summary).detail(detail))
}
