//! The query of a request.

use percent_encoding::percent_decode_str;

/// Names and values of a query, in their order; a name may come several times.
#[derive(Debug, Default, Clone)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what stands behind the question mark.
    pub(crate) fn parse(text: &str) -> Self {
        let decode =
            |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        Self(
            text.split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// The names, in their order, as often as they come.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The same query with each value replaced by what a function makes of its name and itself.
    pub(crate) fn map_values(mut self, replace: impl Fn(&str, &str) -> String) -> Self {
        for (name, value) in &mut self.0 {
            *value = replace(name, value);
        }
        self
    }

    /// The first value of a name, unless empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// A truth value, written as clients write it: Python's `True` as well as `true`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
            "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// The values of a name that are not empty.
    pub(crate) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Whether a value is among those of a name, or the name is not there at all.
    pub(crate) fn allows(&self, name: &str, value: &str) -> bool {
        let mut values = self.all(name).peekable();
        values.peek().is_none() || values.any(|wanted| wanted == value)
    }

    /// The query as text again, with another page.
    pub(crate) fn with_page(&self, page: usize) -> String {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut pairs: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| format!("{}={}", name.replace(' ', "+"), encode(value)))
            .collect();
        pairs.push(format!("page={page}"));
        pairs.join("&")
    }
}
