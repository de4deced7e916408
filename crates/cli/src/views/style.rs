//! Colours and width.

use anstyle::{AnsiColor, Color, Style as Ansi};

/// How to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Style {
    /// With colours and other attributes of terminals.
    pub color: bool,
    /// Columns to wrap prose at.
    pub width: usize,
}

/// What a piece of text is, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Headings and addresses.
    Bold,
    /// What comes into being, and success.
    Green,
    /// What goes away, and errors.
    Red,
    /// What changes, and warnings.
    Yellow,
    /// What is read, and remarks.
    Cyan,
    /// What matters less.
    Dim,
    /// A heading of success.
    BoldGreen,
    /// A heading of failure, and replacements.
    BoldRed,
    /// A heading of a warning.
    BoldYellow,
    /// A heading of a remark.
    BoldCyan,
}

impl Paint {
    fn ansi(self) -> Ansi {
        let fg = |color: AnsiColor| Ansi::new().fg_color(Some(Color::Ansi(color)));
        match self {
            Paint::Bold => Ansi::new().bold(),
            Paint::Green => fg(AnsiColor::Green),
            Paint::Red => fg(AnsiColor::Red),
            Paint::Yellow => fg(AnsiColor::Yellow),
            Paint::Cyan => fg(AnsiColor::Cyan),
            Paint::Dim => fg(AnsiColor::BrightBlack),
            Paint::BoldGreen => fg(AnsiColor::Green).bold(),
            Paint::BoldRed => fg(AnsiColor::Red).bold(),
            Paint::BoldYellow => fg(AnsiColor::Yellow).bold(),
            Paint::BoldCyan => fg(AnsiColor::Cyan).bold(),
        }
    }
}

impl Style {
    /// Without colours, 78 columns wide.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Style { color: false, width: 78 }
    }

    /// The text in a paint; the text itself without colours.
    pub(crate) fn paint(&self, paint: Paint, text: impl Into<String>) -> String {
        let text = text.into();
        if !self.color || text.is_empty() {
            return text;
        }
        let ansi = paint.ansi();
        format!("{ansi}{text}{ansi:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_nothing_is_added() {
        assert_eq!(Style::plain().paint(Paint::BoldRed, "x"), "x");
    }

    #[test]
    fn with_colour_the_text_stands_between_escapes_that_undo_each_other() {
        let style = Style { color: true, width: 78 };
        assert_eq!(style.paint(Paint::Green, "+"), "\u{1b}[32m+\u{1b}[0m");
        assert_eq!(style.paint(Paint::Green, ""), "");
    }
}
