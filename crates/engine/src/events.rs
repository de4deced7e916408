//! What happens while the engine works, as data. Views make text or JSON of it.

use std::sync::Arc;

use ferroform_core::Diagnostic;
use ferroform_core::addr::ResourceInstance;
use ferroform_plan::Action;
use ferroform_state::DeposedKey;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// Objects are being read, all of a provider together.
    RefreshStarted {
        /// How many.
        objects: usize,
    },
    /// Those objects have been read.
    RefreshDone {
        /// How many.
        objects: usize,
    },
    /// A data source is being read.
    ReadStarted {
        /// Which.
        addr: ResourceInstance,
    },
    /// A data source has been read.
    ReadDone {
        /// Which.
        addr: ResourceInstance,
        /// The `id` attribute, if it has one.
        id: Option<String>,
    },
    /// An operation that an earlier run left open has been settled.
    Settled {
        /// On which object.
        addr: ResourceInstance,
        /// How it ended.
        outcome: Settlement,
    },
    /// An object that existed already is under management now.
    Imported {
        /// Which.
        addr: ResourceInstance,
        /// What its provider knows it by.
        id: Arc<str>,
    },
    /// How many operations applying consists of; comes first.
    ApplyPlanned {
        /// Creations, updates and deletions; a replacement counts twice.
        operations: usize,
    },
    /// Work on an object begins.
    OperationStarted(Operation),
    /// Work on an object is done.
    OperationDone(Operation),
    /// Work on an object failed; the diagnostics come at the end.
    OperationFailed(Operation),
    /// Something worth saying at once.
    Diagnostic(Diagnostic),
    /// The first request to stop has been heard: nothing new begins, what runs is waited for.
    Stopping {
        /// How many operations are under way.
        running: usize,
    },
}

/// Work on one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operation {
    /// Which.
    pub addr: ResourceInstance,
    /// The deposed object meant, rather than the current one.
    pub deposed: Option<DeposedKey>,
    /// Create, update, delete or read; never a replacement as a whole.
    pub action: Action,
    /// The `id` attribute, as far as it is known.
    pub id: Option<Arc<str>>,
}

/// How an operation ended that an earlier run left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The object exists and is in the state now.
    Adopted {
        /// Its `id` attribute.
        id: Option<String>,
    },
    /// It had not happened.
    NotDone,
    /// The object is in the state and has been read again.
    ReadAgain,
}

/// Who hears of events. Called from one task, in order; must return quickly.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: Event);
}

/// Hears nothing.
pub struct Silent;

impl EventSink for Silent {
    fn emit(&self, _event: Event) {}
}
