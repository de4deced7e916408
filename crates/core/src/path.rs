//! Paths to a place inside a value.

use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// One step into a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// An attribute of an object.
    Attr(Arc<str>),
    /// An element of a list or tuple (a number), of a map (a string) or of a set (the element itself).
    Index(Value),
}

impl Eq for Step {}

/// The way from a value to something inside it; empty for the value itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttrPath(pub Vec<Step>);

impl AttrPath {
    /// The path to the value itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path to an attribute of the value.
    pub fn attr(name: impl Into<Arc<str>>) -> Self {
        Self::root().with_attr(name)
    }

    /// This path and then an attribute.
    #[must_use]
    pub fn with_attr(mut self, name: impl Into<Arc<str>>) -> Self {
        self.0.push(Step::Attr(name.into()));
        self
    }

    /// This path and then an element of a list or tuple.
    #[must_use]
    pub fn with_index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(Value::number(index as u64)));
        self
    }

    /// This path and then an element of a map.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.0.push(Step::Index(Value::string(key)));
        self
    }

    /// This path and then an element by its key, or the element itself for a set.
    #[must_use]
    pub fn with_step(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    /// Whether it names the value itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether `self` names the same place as `other` or one that holds it.
    pub fn is_prefix_of(&self, other: &AttrPath) -> bool {
        other.0.starts_with(&self.0)
    }
}

/// As it would be written in configuration: `.network[0].ip`, with the leading dot; `[…]` for an element of a set.
impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Attr(name) => write!(f, ".{name}")?,
                Step::Index(key) => match (key.as_str(), key.as_number()) {
                    (Some(s), _) => write!(f, "[{s:?}]")?,
                    (_, Some(n)) => write!(f, "[{n}]")?,
                    _ => write!(f, "[…]")?,
                },
            }
        }
        Ok(())
    }
}
