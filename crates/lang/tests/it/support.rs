//! A scope made of values by the text of their references, and configurations of several files in one string.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics, Sources, Span, Value};
use ferroform_lang::eval::render_template;
use ferroform_lang::funcs::{FuncContext, ProviderFunctions};
use ferroform_lang::hcl::ast::Expr;
use ferroform_lang::{Config, MemoryFiles, Referent, Scope};

pub(crate) fn func_context() -> FuncContext {
    FuncContext {
        files: Arc::new(MemoryFiles::default()),
        module_dir: PathBuf::from("."),
        root_dir: PathBuf::from("."),
        working_dir: PathBuf::from("/work"),
        home: None,
        plan_time: None,
        present_time: None,
        template: render_template,
        in_template: false,
        providers: ProviderFunctions::default(),
    }
}

pub(crate) struct TestScope {
    pub(crate) values: BTreeMap<String, Value>,
    context: FuncContext,
}

impl TestScope {
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        TestScope {
            values: values.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            context: func_context(),
        }
    }
}

impl Scope for TestScope {
    fn resolve(&self, referent: &Referent, span: Span) -> Result<Value, Diagnostics> {
        self.values.get(&referent.to_string()).cloned().ok_or_else(|| {
            Diagnostic::error("No such object").detail(referent.to_string()).subject(span).into()
        })
    }

    fn context(&self) -> &FuncContext {
        &self.context
    }
}

pub(crate) fn parse(text: &str) -> Expr {
    let mut sources = Sources::new();
    let source = sources.add("test", text);
    let (expr, diags) = ferroform_lang::hcl::parse_expression(source, text).into_parts();
    assert!(!diags.has_errors(), "{text}: {diags:?}");
    expr
}

/// Files from a text in which a line `=== name` begins a file.
pub(crate) fn files(fixture: &str) -> MemoryFiles {
    let mut files = BTreeMap::new();
    let mut name = "main.tf".to_owned();
    let mut content = String::new();
    for line in fixture.lines() {
        match line.trim().strip_prefix("=== ") {
            Some(next) => {
                if !content.trim().is_empty() {
                    files.insert(PathBuf::from(&name), std::mem::take(&mut content).into_bytes());
                }
                content.clear();
                name = next.to_owned();
            }
            None => {
                content.push_str(line);
                content.push('\n');
            }
        }
    }
    files.insert(PathBuf::from(name), content.into_bytes());
    MemoryFiles(files)
}

pub(crate) fn load(fixture: &str) -> (Config, Sources, Diagnostics) {
    let mut sources = Sources::new();
    let (config, diags) = Config::load(&files(fixture), &mut sources, Path::new("."));
    (config, sources, diags)
}

/// One line a diagnostic: summary, the text it is about, values.
pub(crate) fn show(diags: &Diagnostics, sources: &Sources) -> String {
    diags
        .iter()
        .map(|d| {
            let at =
                d.subject.and_then(|s| Some(sources.get(s.source)?.slice(s).to_owned())).unwrap_or_default();
            format!("{} @ {at}\n", d.summary)
        })
        .collect()
}
