//! Diagnostics: what is wrong, where, why and what to do about it, as plain data. Rendering lies elsewhere.

use std::borrow::Cow;

use crate::path::AttrPath;
use crate::span::Span;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth saying; the work goes on.
    Warning,
    /// The work cannot be done.
    Error,
}

/// One thing to tell the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A constant phrase that names the kind of problem, without values in it ("Unsupported argument").
    pub summary: Cow<'static, str>,
    /// What happened, why, and how to fix it; whole sentences. Values of secrets never appear.
    pub detail: String,
    /// The text the problem is about.
    pub subject: Option<Span>,
    /// A larger range that should be shown around the subject.
    pub context: Option<Span>,
    /// The resource instance, output or provider concerned, if the source alone does not say.
    pub address: Option<String>,
    /// The attribute of a block concerned; given by providers, turned into `subject` by whoever knows the configuration.
    pub attribute: Option<AttrPath>,
    /// Further steps that may help, a sentence or command each.
    pub hints: Vec<String>,
    /// References of the expression concerned with a description of their values ("var.size" → `is "cx22"`).
    pub values: Vec<(String, String)>,
}

impl Diagnostic {
    /// A diagnostic with nothing but severity and summary.
    pub fn new(severity: Severity, summary: impl Into<Cow<'static, str>>) -> Self {
        Diagnostic {
            severity,
            summary: summary.into(),
            detail: String::new(),
            subject: None,
            context: None,
            address: None,
            attribute: None,
            hints: Vec::new(),
            values: Vec::new(),
        }
    }

    /// An error with a summary.
    pub fn error(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Severity::Error, summary)
    }

    /// A warning with a summary.
    pub fn warning(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Severity::Warning, summary)
    }

    /// Sets the detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Sets the text the problem is about.
    #[must_use]
    pub fn subject(mut self, span: impl Into<Option<Span>>) -> Self {
        self.subject = span.into();
        self
    }

    /// Sets the range to show around the subject.
    #[must_use]
    pub fn context(mut self, span: impl Into<Option<Span>>) -> Self {
        self.context = span.into();
        self
    }

    /// Names the object concerned.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Names the attribute concerned.
    #[must_use]
    pub fn attribute(mut self, path: AttrPath) -> Self {
        self.attribute = Some(path);
        self
    }

    /// Adds a further step that may help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The diagnostics of one piece of work, in the order in which they came up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Diagnostic::is_error)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Appends all of `other`.
    pub fn append(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(other);
    }

    /// Takes the value of a step that returns both, keeping its diagnostics here.
    pub fn take<T>(&mut self, (value, other): (T, Diagnostics)) -> T {
        self.append(other);
        value
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics(vec![diagnostic])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, iter: T) {
        self.0.extend(iter);
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<T: IntoIterator<Item = Diagnostic>>(iter: T) -> Self {
        Diagnostics(iter.into_iter().collect())
    }
}
