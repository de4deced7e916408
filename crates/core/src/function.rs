//! Functions that providers offer: how they are declared and how they fail.

use std::fmt;
use std::sync::Arc;

use crate::types::Type;

/// How a function is called and what it gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// What every call must give, in order.
    pub parameters: Vec<Parameter>,
    /// What further arguments are, if there may be any.
    pub variadic: Option<Parameter>,
    /// The type of the result; [`Type::Dynamic`] where it depends on the arguments.
    pub returns: Type,
    /// A few words for people, without a full stop.
    pub summary: String,
    /// Some sentences for people, in Markdown.
    pub description: String,
    /// Set when it should no longer be called: what to call instead.
    pub deprecated: Option<String>,
}

/// What a function takes in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The name used in messages.
    pub name: Arc<str>,
    /// What arguments are converted to.
    pub ty: Type,
    /// Whether null is an argument like others. Otherwise it is refused before the function is called.
    pub nullable: bool,
    /// Whether the function deals itself with values that are unknown or have unknown parts. Otherwise the result is
    /// unknown without the function being called.
    pub unknown: bool,
    /// A sentence for people, in Markdown.
    pub description: String,
}

impl Function {
    /// A function of these parameters.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, returns: Type) -> Self {
        Function {
            parameters: parameters.into_iter().collect(),
            variadic: None,
            returns,
            summary: String::new(),
            description: String::new(),
            deprecated: None,
        }
    }

    /// The same, with words for people.
    #[must_use]
    pub fn describe(mut self, summary: impl Into<String>, description: impl Into<String>) -> Self {
        self.summary = summary.into();
        self.description = description.into();
        self
    }

    /// The parameter that the argument at an index, from zero, is for.
    pub fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }
}

impl Parameter {
    /// A parameter for wholly known values other than null.
    pub fn new(name: &str, ty: Type) -> Self {
        Parameter { name: name.into(), ty, nullable: false, unknown: false, description: String::new() }
    }

    /// The same, for unknown values too.
    #[must_use]
    pub fn allow_unknown(mut self) -> Self {
        self.unknown = true;
        self
    }

    /// The same, with a description.
    #[must_use]
    pub fn describe(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }
}

/// Why a function has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// Which argument it is about, from zero; none when it is about the call as a whole.
    pub argument: Option<usize>,
    /// What is wrong: a phrase without a full stop.
    pub message: String,
}

impl FunctionError {
    /// The call as a whole failed.
    pub fn failed(message: impl Into<String>) -> Self {
        FunctionError { argument: None, message: message.into() }
    }

    /// The argument at an index, from zero, will not do.
    pub fn argument(index: usize, message: impl Into<String>) -> Self {
        FunctionError { argument: Some(index), message: message.into() }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FunctionError {}
