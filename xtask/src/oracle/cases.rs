//! Reading the case files: one expression a paragraph, lines starting with `#` before it are comments.

use std::path::Path;

use super::Result;

/// The names of all families that have cases, sorted.
pub(super) fn families(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| format!("cannot list {}: {e}", dir.display()))? {
        let name = entry?.file_name();
        if let Some(family) = name.to_str().and_then(|n| n.strip_suffix(".txt")) {
            names.push(family.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The expressions of one family, in order.
pub(super) fn read(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let cases = split(&text);
    for (i, case) in cases.iter().enumerate() {
        if cases[..i].contains(case) {
            return Err(format!("{}: this case stands there twice: {case}", path.display()).into());
        }
    }
    Ok(cases)
}

fn split(text: &str) -> Vec<String> {
    text.split("\n\n")
        .map(|paragraph| {
            let lines = paragraph.lines().skip_while(|line| line.starts_with('#') || line.trim().is_empty());
            lines.collect::<Vec<_>>().join("\n")
        })
        .filter(|case| !case.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn paragraphs_become_cases_without_their_leading_comments() {
        let text = "# about\n\n# more\nupper(\"a\")\n\n<<EOT\n# kept\nEOT\n";
        assert_eq!(super::split(text), ["upper(\"a\")", "<<EOT\n# kept\nEOT"]);
    }
}
