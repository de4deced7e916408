//! Diagnostics for people, and as JSON.

mod json;
mod snippet;

use ferroform_core::{Diagnostic, Diagnostics, Severity, Sources};

pub(in crate::views) use json::to_json;
pub(crate) use json::validation_json;

use super::style::{Paint, Style};
use super::text::{visible, wrap};
use snippet::Snippet;

/// A diagnostic as text: with a coloured rule at its left, or, without colours, after a blank line.
pub(crate) fn render(diagnostic: &Diagnostic, sources: &Sources, style: &Style) -> String {
    let (heading, rule) = match diagnostic.severity {
        Severity::Error => ("Error: ", Paint::Red),
        Severity::Warning => ("Warning: ", Paint::Yellow),
    };
    // The rule at the left takes two columns, and one stays free at the right.
    let width = if style.color { style.width.saturating_sub(3) } else { style.width }.max(1);
    let bold = if diagnostic.is_error() { Paint::BoldRed } else { Paint::BoldYellow };
    let mut body = format!(
        "{}{}\n\n",
        style.paint(bold, heading),
        style.paint(Paint::Bold, visible(diagnostic.summary.trim_end()))
    );
    body += &whereabouts(diagnostic, sources, style);
    let detail = visible(diagnostic.detail.trim_end());
    if !detail.is_empty() {
        body += &wrap(&detail, width);
        body.push('\n');
    }
    for (i, hint) in diagnostic.hints.iter().enumerate() {
        if i == 0 && !detail.is_empty() {
            body.push('\n');
        }
        body += &wrap(&format!("Hint: {}", visible(hint.trim_end())), width);
        body.push('\n');
    }
    let body = body.trim_end_matches('\n');
    if !style.color {
        return format!("\n{body}\n");
    }
    let mut out = style.paint(rule, "╷") + "\n";
    for line in body.split('\n') {
        out += &style.paint(rule, "│");
        if !line.is_empty() {
            out.push(' ');
            out += line;
        }
        out.push('\n');
    }
    out + &style.paint(rule, "╵") + "\n"
}

/// The object concerned, the source text, and the values of what it refers to.
fn whereabouts(diagnostic: &Diagnostic, sources: &Sources, style: &Style) -> String {
    let mut out = String::new();
    if let Some(address) = &diagnostic.address {
        let attribute = match &diagnostic.attribute {
            // The source shows it where there is one.
            Some(path) if diagnostic.subject.is_none() && !path.is_root() => {
                format!(" attribute {}", visible(path.to_string().trim_start_matches('.')))
            }
            _ => String::new(),
        };
        out += &format!("  with {},{attribute}\n", visible(address));
    }
    if let Some(span) = diagnostic.subject {
        match Snippet::of(span, diagnostic.context, sources) {
            Some(snippet) => out += &snippet.render(style),
            None => out += "  (source code not available)\n",
        }
    }
    if !diagnostic.values.is_empty() {
        let bar = style.paint(Paint::Dim, "│");
        out += &format!("    {}\n", style.paint(Paint::Dim, "├────────────────"));
        let mut values: Vec<_> = diagnostic.values.iter().collect();
        values.sort();
        for (reference, statement) in values {
            let reference = style.paint(Paint::Bold, visible(reference));
            out += &format!("    {bar} {reference} {}\n", visible(statement));
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Diagnostics one after the other. Of warnings with one summary the first is shown, and the number of the others.
pub(crate) fn render_all(diagnostics: &Diagnostics, sources: &Sources, style: &Style) -> String {
    grouped(diagnostics)
        .into_iter()
        .map(|(diagnostic, more)| {
            if more == 0 {
                return render(diagnostic, sources, style);
            }
            let noun = if more == 1 { "warning" } else { "warnings" };
            let mut first = diagnostic.clone();
            let gap = if first.detail.is_empty() { "" } else { "\n\n" };
            first.detail += &format!("{gap}(and {more} more similar {noun} elsewhere)");
            render(&first, sources, style)
        })
        .collect()
}

/// Warnings in two lines each; errors in full.
pub(crate) fn render_compact(diagnostics: &Diagnostics, sources: &Sources, style: &Style) -> String {
    let (mut errors, mut warnings) = (String::new(), String::new());
    for (diagnostic, more) in grouped(diagnostics) {
        if diagnostic.is_error() {
            errors += &render(diagnostic, sources, style);
            continue;
        }
        warnings += &format!("- {}", visible(diagnostic.summary.trim_end()));
        warnings += &if more > 0 { format!(" (and {more} more)\n") } else { "\n".into() };
        let source = diagnostic.subject.and_then(|span| Some((span, sources.get(span.source)?)));
        if let Some((span, source)) = source {
            warnings +=
                &format!("  on {} line {}\n", visible(source.name()), source.line_column(span.start).line);
        } else if let Some(address) = &diagnostic.address {
            warnings += &format!("  with {}\n", visible(address));
        }
    }
    if !warnings.is_empty() {
        warnings = format!(
            "\n{}\n\n{warnings}\nTo see the full warning notes, run Ferroform without -compact-warnings.\n",
            style.paint(Paint::BoldYellow, "Warnings:")
        );
    }
    warnings + &errors
}

/// Each diagnostic with the number of others that it stands for: later warnings with its summary.
fn grouped(diagnostics: &Diagnostics) -> Vec<(&Diagnostic, usize)> {
    let mut groups: Vec<(&Diagnostic, usize)> = Vec::new();
    let mut first_of = std::collections::HashMap::new();
    for diagnostic in diagnostics.iter() {
        if !diagnostic.is_error() {
            let next = groups.len();
            let first = *first_of.entry(diagnostic.summary.as_ref()).or_insert(next);
            if first < next {
                groups[first].1 += 1;
                continue;
            }
        }
        groups.push((diagnostic, 0));
    }
    groups
}

#[cfg(test)]
mod tests;
