//! Objects that are under nobody's management and hang on objects that are to be deleted: what a program made that ran
//! on them, such as a cluster's load balancers and volumes.
//!
//! A provider finds them ([`Provider::left_behind`](crate::Provider::left_behind)), is told which of them it is to remove
//! ([`remove_left_behind`](crate::Provider::remove_left_behind)), removes each when that can be done for good, and tells
//! at the end what it removed ([`finish_left_behind`](crate::Provider::finish_left_behind)).

use std::sync::Arc;

use ferroform_core::{Diagnostics, Value};

/// An object as a state has it.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownObject {
    /// The resource type.
    pub type_name: Arc<str>,
    /// Its attributes; not null, without marks.
    pub state: Value,
}

/// What is to be deleted, and what else is under management.
#[derive(Debug, Clone, Default)]
pub struct LeftBehindRequest {
    /// The objects that the provider is to delete.
    pub going: Vec<KnownObject>,
    /// All other objects that are under management with a provider of the same source: they are no concern of a search
    /// for what is not.
    pub others: Vec<KnownObject>,
}

/// An object that will be left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftBehind {
    /// What it is in prose, such as "load balancer".
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it has to do with the objects that are deleted, such as "attached to the server web-1 (17)".
    pub why: String,
    /// What it was made for, as far as it tells, such as "claim shop/data".
    pub made_for: Option<String>,
    /// Which of the objects to be deleted cannot be deleted as long as it exists, such as "the subnet 10.0.1.0/24".
    pub blocks: Vec<String>,
    /// A resource that costs the same.
    pub like: KnownObject,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LeftBehindFound {
    /// What can be removed as well, in an order that is the same each time.
    pub objects: Vec<LeftBehind>,
    /// What is worth knowing of others, in sentences.
    pub notes: Vec<String>,
}

/// What came of removing.
#[derive(Debug, Clone, Default)]
pub struct LeftBehindRemoved {
    /// What is gone, in the order of [`LeftBehindFound::objects`].
    pub objects: Vec<LeftBehind>,
    /// What could not be removed, and why.
    pub diagnostics: Diagnostics,
}
