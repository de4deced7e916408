//! Several files in one string.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Splits a text at lines such as `//- modules/a/main.tf` into files. What comes before the first such line is
/// `main.tf`. Indentation that all lines of the text share is removed.
pub fn files(text: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let text = dedent(text);
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut path = PathBuf::from("main.tf");
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("//- ") {
            Some(name) => {
                path = PathBuf::from(name.trim());
                files.entry(path.clone()).or_default();
            }
            None if line.trim().is_empty() && !files.contains_key(&path) => {}
            None => files.entry(path.clone()).or_default().extend(line.bytes()),
        }
    }
    files
}

fn dedent(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let least = text.lines().filter(|l| !l.trim().is_empty()).map(indent).min().unwrap_or(0);
    text.lines().map(|line| format!("{}\n", line.get(least..).unwrap_or(""))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_files_without_its_common_indentation() {
        let found = files(
            "
            a = {
              b = 1
            }
            //- modules/x/main.tf
            c = 2
            ",
        );
        let text = |path: &str| String::from_utf8(found[&PathBuf::from(path)].clone()).unwrap();
        assert_eq!(text("main.tf"), "a = {\n  b = 1\n}\n");
        assert_eq!(text("modules/x/main.tf").trim_end(), "c = 2");
        assert_eq!(found.len(), 2);
    }
}
