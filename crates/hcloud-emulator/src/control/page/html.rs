//! Tables as HTML, in which nothing but text can be put.

use std::fmt::Write as _;

/// Most rows of a table that are shown: a browser takes long over tens of thousands.
const MOST_ROWS: usize = 500;

/// What the page may do: use the style that is in it, and nothing else, not even scripts of its own.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;max-width:110rem}\
h1{font-size:1.3rem}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}\
div{overflow-x:auto}table{border-collapse:collapse}\
th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8886;white-space:nowrap}\
td.long{white-space:normal;overflow-wrap:anywhere;min-width:18rem}\
th{font-weight:600}td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}\
p.none,p.note{color:#888;margin:.2rem 0}";

/// Text as HTML shows it, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Longer cells, in bytes, are lists and may go over several lines; shorter ones are read as one word.
const LONG: usize = 48;

/// A column: its heading, and whether numbers stand in it.
pub(super) struct Column(pub(super) &'static str, pub(super) bool);

/// A column of text.
pub(super) const fn text(heading: &'static str) -> Column {
    Column(heading, false)
}

/// A column of numbers.
pub(super) const fn number(heading: &'static str) -> Column {
    Column(heading, true)
}

/// A page that is being written.
pub(super) struct Page {
    html: String,
}

impl Page {
    /// Begins a page; the facts stand below its heading, a line each.
    pub(super) fn new(title: &str, facts: &[String]) -> Self {
        let title = escape(title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
             <meta name=\"viewport\" content=\"width=device-width\"/><title>{title}</title>\
             <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
        );
        for fact in facts {
            let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(fact));
        }
        Self { html }
    }

    /// Adds a table of so many rows, each with a cell a column.
    pub(super) fn table<const N: usize>(
        &mut self,
        title: &str,
        columns: [Column; N],
        rows: impl Iterator<Item = [String; N]>,
    ) {
        let mut rows = rows.peekable();
        let _ = writeln!(self.html, "<h2>{}</h2>", escape(title));
        if rows.peek().is_none() {
            self.html.push_str("<p class=\"none\">none</p>\n");
            return;
        }
        let class = |column: &Column, cell: &str| match (column.1, cell.len() > LONG) {
            (true, _) => " class=\"number\"",
            (false, true) => " class=\"long\"",
            (false, false) => "",
        };
        self.html.push_str("<div><table><thead><tr>");
        for column in &columns {
            let _ = write!(self.html, "<th{}>{}</th>", class(column, column.0), escape(column.0));
        }
        self.html.push_str("</tr></thead><tbody>\n");
        for row in rows.by_ref().take(MOST_ROWS) {
            self.html.push_str("<tr>");
            for (column, cell) in columns.iter().zip(&row) {
                let _ = write!(self.html, "<td{}>{}</td>", class(column, cell), escape(cell));
            }
            self.html.push_str("</tr>\n");
        }
        self.html.push_str("</tbody></table></div>\n");
        let more = rows.count();
        if more > 0 {
            let _ = writeln!(self.html, "<p class=\"note\">and {more} more, which are not shown</p>");
        }
    }

    /// Ends the page.
    pub(super) fn finish(mut self) -> String {
        self.html.push_str("</body></html>\n");
        self.html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_wherever_it_stands() {
        let evil = "<script>alert('x')</script>\"&amp;\u{202e}";
        let mut page = Page::new(evil, &[evil.to_owned()]);
        page.table(evil, [text("a"), number("b")], std::iter::once([evil.to_owned(), evil.to_owned()]));
        let html = page.finish();
        let expected = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;amp;\u{202e}";
        // Title, heading, fact, heading of the table, two cells.
        assert_eq!(html.matches(expected).count(), 6);
        assert!(!html.contains("<script") && !html.contains(evil));
    }

    #[test]
    fn long_tables_are_cut_off_and_say_so() {
        let mut page = Page::new("t", &[]);
        page.table("many", [number("n")], (0..MOST_ROWS + 7).map(|n| [n.to_string()]));
        page.table("none", [number("n")], std::iter::empty());
        let html = page.finish();
        assert_eq!(html.matches("<tr><td").count(), MOST_ROWS);
        assert!(html.contains("and 7 more") && html.contains("<p class=\"none\">none</p>"));
    }
}
