//! What the program is connected to, and the one place that writes to it.

use std::io::{IsTerminal, Write};

use crate::views::style::Style;

/// Standard output and error with what is known of them.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    /// Standard output is a terminal.
    pub interactive: bool,
    /// Standard input is a terminal, so that somebody can be asked.
    pub can_ask: bool,
    /// Columns; 78 where nothing is known.
    pub width: usize,
    /// Colours were not switched off.
    pub color: bool,
}

impl Terminal {
    /// Looks at the process's standard streams and the environment (`NO_COLOR`, `TERM`, `COLUMNS`).
    pub(crate) fn detect() -> Self {
        let interactive = std::io::stdout().is_terminal();
        let columns =
            std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|columns| *columns > 0);
        let width = columns.or_else(|| interactive.then(window_width).flatten()).unwrap_or(78);
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var("TERM").is_ok_and(|t| t == "dumb");
        Terminal { interactive, can_ask: std::io::stdin().is_terminal(), width, color: interactive && !plain }
    }

    /// How to print.
    pub(crate) fn style(&self) -> Style {
        Style { color: self.color, width: self.width }
    }

    /// Writes to standard output. A closed pipe is nobody's error.
    pub(crate) fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Writes to standard error.
    pub(crate) fn print_error(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Asks for a line; none at the end of input.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        self.print(question);
        let mut line = String::new();
        match std::io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }
}

fn window_width() -> Option<usize> {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|w| *w > 0)
}
