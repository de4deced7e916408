//! Columns of text.

use unicode_width::UnicodeWidthStr;

use super::text::visible;

/// Rows below their headings, each column as wide as it needs to be.
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![headings.map(str::to_owned)];
    lines.extend(rows.into_iter().map(|row| row.map(|cell| visible(&cell))));
    let widths: [usize; N] =
        std::array::from_fn(|n| lines.iter().map(|line| line[n].width()).max().unwrap_or_default());
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(widths) {
            row.push_str(cell);
            row.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let rows = [["ä".to_owned(), "b\u{7}".to_owned()], ["long".to_owned(), String::new()]];
        assert_eq!(table(["N", "HEAD"], rows), "N     HEAD\nä     b\\a\nlong\n");
    }
}
