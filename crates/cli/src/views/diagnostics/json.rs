//! Diagnostics as JSON, in the shape of `terraform validate -json`.

use ferroform_core::{Diagnostic, Diagnostics, Severity, Source, Sources};
use serde_json::{Map, Value as Json, json};

use super::snippet::Snippet;
use crate::views::outputs::pretty;

/// One diagnostic: severity, summary, detail, and where known address, range and snippet. Hints are added to the detail.
pub(in crate::views) fn to_json(diagnostic: &Diagnostic, sources: &Sources) -> Json {
    let mut out = Map::new();
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    out.insert("severity".into(), severity.into());
    out.insert("summary".into(), diagnostic.summary.as_ref().into());
    let hints = diagnostic.hints.iter().map(|hint| format!("Hint: {hint}"));
    let detail: Vec<String> =
        Some(diagnostic.detail.clone()).filter(|d| !d.is_empty()).into_iter().chain(hints).collect();
    out.insert("detail".into(), detail.join("\n").into());
    if let Some(address) = &diagnostic.address {
        out.insert("address".into(), address.as_str().into());
    }
    let snippet = diagnostic.subject.and_then(|span| Snippet::of(span, diagnostic.context, sources));
    if let Some(snippet) = snippet {
        let (start, mut end) = (snippet.subject.start, snippet.subject.end);
        if start == end {
            end += 1;
        }
        out.insert(
            "range".into(),
            json!({
                "filename": snippet.source.name(),
                "start": position(snippet.source, start),
                "end": position(snippet.source, end),
            }),
        );
        if !snippet.is_secret() {
            out.insert("snippet".into(), lines(&snippet, diagnostic, end));
        }
    }
    Json::Object(out)
}

fn position(source: &Source, offset: u32) -> Json {
    let mut at = source.line_column(offset);
    // One behind the end of the text stands for an empty range there.
    at.column += offset.saturating_sub(source.text().len() as u32);
    json!({ "line": at.line, "column": at.column, "byte": offset })
}

fn lines(snippet: &Snippet<'_>, diagnostic: &Diagnostic, end: u32) -> Json {
    let code: Vec<&str> = (snippet.first..=snippet.last).map(|line| snippet.source.line(line)).collect();
    let code = code.join("\n");
    let base = snippet.source.line(snippet.first).as_ptr() as usize - snippet.source.text().as_ptr() as usize;
    let offset = |at: u32| (at as usize).saturating_sub(base).min(code.len());
    let mut values: Vec<_> = diagnostic.values.iter().collect();
    values.sort();
    let values: Vec<Json> = values
        .into_iter()
        .map(|(reference, statement)| json!({ "traversal": reference, "statement": statement }))
        .collect();
    json!({
        "context": snippet.block(),
        "code": code,
        "start_line": snippet.first,
        "highlight_start_offset": offset(snippet.subject.start),
        "highlight_end_offset": offset(end),
        "values": values,
    })
}

/// What `validate -json` prints.
pub(crate) fn validation_json(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    let all: Vec<Json> = diagnostics.iter().map(|d| to_json(d, sources)).collect();
    pretty(&json!({
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": diagnostics.len() - errors,
        "diagnostics": all,
    }))
}
