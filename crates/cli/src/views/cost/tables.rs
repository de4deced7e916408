//! Tables as aligned text and as Markdown.

use unicode_width::UnicodeWidthStr;

use crate::views::style::{Paint, Style};
use crate::views::text::visible;

/// Which side the cells of a column stand at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A column.
pub(super) struct Column {
    name: String,
    align: Align,
}

impl Column {
    pub(super) fn new(name: &str, align: Align) -> Self {
        Column { name: name.to_owned(), align }
    }
}

/// A row with a cell for each column.
pub(super) struct Row {
    cells: Vec<String>,
    /// A sum or a heading.
    strong: bool,
    /// Belongs to the strong row above.
    below: bool,
}

impl Row {
    pub(super) fn plain(cells: Vec<String>) -> Self {
        Row { cells, strong: false, below: false }
    }

    pub(super) fn strong(cells: Vec<String>) -> Self {
        Row { cells, strong: true, below: false }
    }

    pub(super) fn below(cells: Vec<String>) -> Self {
        Row { cells, strong: false, below: true }
    }
}

/// A table.
pub(super) struct Table {
    columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Table { columns, rows: Vec::new() }
    }

    /// Aligned columns below their names in capitals.
    pub(super) fn text(&self, style: &Style) -> String {
        let mut lines = vec![(self.columns.iter().map(|c| c.name.to_uppercase()).collect::<Vec<_>>(), false)];
        for row in &self.rows {
            let mut cells: Vec<String> = row.cells.iter().map(|cell| visible(cell)).collect();
            if let (true, Some(first)) = (row.below, cells.first_mut()) {
                first.insert_str(0, "  ");
            }
            lines.push((cells, row.strong));
        }
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|n| lines.iter().filter_map(|(cells, _)| cells.get(n)).map(|c| c.width()).max().unwrap_or(0))
            .collect();
        let mut out = String::new();
        for (cells, strong) in &lines {
            let mut line = String::new();
            for ((cell, width), column) in cells.iter().zip(&widths).zip(&self.columns) {
                let missing = " ".repeat(width.saturating_sub(cell.width()));
                match column.align {
                    Align::Left => line.push_str(&format!("{cell}{missing}  ")),
                    Align::Right => line.push_str(&format!("{missing}{cell}  ")),
                }
            }
            let line = line.trim_end();
            out.push_str(&if *strong { style.paint(Paint::Bold, line) } else { line.to_owned() });
            out.push('\n');
        }
        out
    }

    /// A table of GitHub's Markdown.
    pub(super) fn markdown(&self) -> String {
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut out = row(self.columns.iter().map(|c| escaped(&c.name)).collect());
        let rule = |c: &Column| if c.align == Align::Right { "---:" } else { "---" }.to_owned();
        out.push_str(&row(self.columns.iter().map(rule).collect()));
        for line in &self.rows {
            let cell = |cell: &String| match escaped(cell) {
                text if line.strong && !text.is_empty() => format!("**{text}**"),
                text => text,
            };
            out.push_str(&row(line.cells.iter().map(cell).collect()));
        }
        out
    }
}

/// Text that Markdown leaves as it is.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        if matches!(c, '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '#') {
            out.push('\\');
        }
        out.push(if c == '\n' { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new(vec![Column::new("what", Align::Left), Column::new("price", Align::Right)]);
        table.rows.push(Row::strong(vec!["sum".to_owned(), "10.00".to_owned()]));
        table.rows.push(Row::below(vec!["a_b|c".to_owned(), "9".to_owned()]));
        table
    }

    #[test]
    fn columns_are_aligned_and_rows_indented() {
        assert_eq!(table().text(&Style::plain()), "WHAT     PRICE\nsum      10.00\n  a_b|c      9\n");
    }

    #[test]
    fn markdown_is_escaped_and_sums_are_bold() {
        let expected = "| what | price |\n| --- | ---: |\n| **sum** | **10.00** |\n| a\\_b\\|c | 9 |\n";
        assert_eq!(table().markdown(), expected);
    }
}
