//! What formatting changes.

use similar::TextDiff;

use super::text::visible;

/// The difference as `diff -u` has it.
pub(crate) fn diff(name: &str, before: &str, after: &str) -> String {
    let difference = TextDiff::from_lines(before, after);
    let (old, new) = (format!("old/{name}"), format!("new/{name}"));
    visible(&difference.unified_diff().header(&old, &new).to_string())
}
