//! The cases: configurations in steps, and what happens outside of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ferroform_test_support::files;

/// In every configuration: which provider is meant.
const PROVIDER: &str = "terraform {\n  required_providers {\n    hcloud = {\n      source = \"hetznercloud/hcloud\"\n    }\n  }\n}\n";

/// A case as its file has it.
pub(crate) struct Case {
    pub(crate) name: String,
    /// All of it, to see whether a recording is of this case.
    pub(crate) text: String,
    pub(crate) steps: Vec<Step>,
}

/// One plan and its application.
#[derive(Default)]
pub(crate) struct Step {
    /// Requests that somebody else makes before the plan.
    pub(crate) outside: Vec<Outside>,
    /// Options for planning.
    pub(crate) options: Vec<String>,
    /// The configuration, by path.
    pub(crate) files: BTreeMap<PathBuf, String>,
}

/// A request to the API past the engine.
pub(crate) struct Outside {
    /// How later text names the id of the object that the answer holds.
    pub(crate) name: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Option<String>,
}

/// Where cases and recordings lie.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle")
}

/// All cases by name.
pub(crate) fn all() -> Vec<Case> {
    names("cases", "txt").into_iter().map(|name| read(&name)).collect()
}

/// The names of the files in a folder, without this extension.
pub(crate) fn names(folder: &str, extension: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.filter(|path| path.extension().is_some_and(|e| e == extension));
    named.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

fn read(name: &str) -> Case {
    let text = std::fs::read_to_string(root().join("cases").join(name).with_extension("txt")).unwrap();
    let mut steps: Vec<Step> = Vec::new();
    // What stands before the first file is a comment.
    let first = text.find("//- ").unwrap_or_else(|| panic!("{name} has no step"));
    for (path, content) in files(&text[first..]) {
        let content = String::from_utf8(content).unwrap();
        let mut parts = path.components();
        let number = parts.next().and_then(|part| part.as_os_str().to_str()?.parse::<usize>().ok());
        let number = number.unwrap_or_else(|| panic!("{name}: {} is in no step", path.display()));
        while steps.len() < number {
            steps.push(Step::default());
        }
        let step = &mut steps[number - 1];
        match parts.as_path().to_str() {
            Some("outside") => step.outside = content.lines().map(outside).collect(),
            Some("options") => step.options = content.split_whitespace().map(str::to_owned).collect(),
            _ => _ = step.files.insert(parts.as_path().to_owned(), content),
        }
    }
    // A step without files of its own plans the configuration of the one before.
    for index in 0..steps.len() {
        if steps[index].files.is_empty() {
            steps[index].files = steps[index - 1].files.clone();
        }
        steps[index].files.insert("provider.tf".into(), PROVIDER.to_owned());
    }
    Case { name: name.to_owned(), text, steps }
}

/// `name = METHOD path body`, of which name and body may be missing.
fn outside(line: &str) -> Outside {
    let (name, request) = match line.split_once(" = ") {
        Some((name, request)) if !name.contains(' ') => (Some(name.to_owned()), request),
        _ => (None, line),
    };
    let mut parts = request.splitn(3, ' ');
    let mut next = || parts.next().map(str::to_owned);
    let (Some(method), Some(path)) = (next(), next()) else { panic!("no request: {line}") };
    Outside { name, method, path, body: next() }
}
