//! The live list at the foot of a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// More rows than this would fill small terminals.
const ROWS: usize = 12;
/// Redraws a second at most.
const RATE: u8 = 10;

/// Rows that are drawn again and again, with finished lines scrolling by above them.
pub(super) struct Board {
    all: MultiProgress,
    rows: Vec<ProgressBar>,
}

impl Board {
    /// On standard output; none if that is not a terminal.
    pub(super) fn on_stdout() -> Option<Self> {
        let target = ProgressDrawTarget::stdout_with_hz(RATE);
        (!target.is_hidden()).then(|| Self::on(target))
    }

    pub(super) fn on(target: ProgressDrawTarget) -> Self {
        Board { all: MultiProgress::with_draw_target(target), rows: Vec::new() }
    }

    /// A line above the rows, for good.
    pub(super) fn line(&self, text: &str) {
        // A terminal that has gone away is nobody's error.
        let _ = self.all.println(text);
    }

    /// Shows these lines, the first of them if there are many, and the count below.
    pub(super) fn show(&mut self, lines: &[String], count: &str) {
        let mut rows: Vec<String> = lines.iter().take(ROWS).map(|line| format!("  {line}")).collect();
        let more = lines.len().saturating_sub(ROWS);
        let foot: Vec<String> = [
            Some(count.to_owned()).filter(|c| !c.is_empty()),
            (more > 0).then(|| format!("and {more} more")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !rows.is_empty() && !foot.is_empty() {
            rows.push(format!("  {}", foot.join(", ")));
        }
        while self.rows.len() > rows.len() {
            if let Some(row) = self.rows.pop() {
                row.finish_and_clear();
                self.all.remove(&row);
            }
        }
        while self.rows.len() < rows.len() {
            let row = ProgressBar::no_length();
            if let Ok(template) = ProgressStyle::with_template("{wide_msg}") {
                row.set_style(template);
            }
            self.rows.push(self.all.add(row));
        }
        for (row, text) in self.rows.iter().zip(rows) {
            row.set_message(text);
        }
    }

    /// Takes all rows away.
    pub(super) fn clear(&mut self) {
        self.show(&[], "");
        let _ = self.all.clear();
    }
}
