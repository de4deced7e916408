//! What will become of one object or output.

use std::sync::Arc;

use ferroform_core::addr::{ConfigResource, ProviderConfig, ResourceInstance, ResourceMode};
use ferroform_core::{AttrPath, Span, Value};
use ferroform_state::DeposedKey;

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing.
    NoOp,
    /// A new object is made.
    Create,
    /// A data source is read while applying.
    Read,
    /// The object is changed in place.
    Update,
    /// The object is deleted, then a new one made.
    DeleteThenCreate,
    /// A new object is made, then the old one deleted.
    CreateThenDelete,
    /// The object is deleted.
    Delete,
    /// The object leaves the state and stays as it is.
    Forget,
}

impl Action {
    /// Whether one object makes way for another.
    pub fn is_replace(self) -> bool {
        matches!(self, Action::DeleteThenCreate | Action::CreateThenDelete)
    }

    /// The word in files.
    pub fn name(self) -> &'static str {
        match self {
            Action::NoOp => "no-op",
            Action::Create => "create",
            Action::Read => "read",
            Action::Update => "update",
            Action::DeleteThenCreate => "delete-then-create",
            Action::CreateThenDelete => "create-then-delete",
            Action::Delete => "delete",
            Action::Forget => "forget",
        }
    }

    /// The action of that word.
    pub fn from_name(name: &str) -> Option<Action> {
        use Action::*;
        [NoOp, Create, Read, Update, DeleteThenCreate, CreateThenDelete, Delete, Forget]
            .into_iter()
            .find(|a| a.name() == name)
    }
}

/// Why this action and not another, where that is not plain from the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionReason {
    /// An earlier creation did not end well.
    Tainted,
    /// `-replace` names it.
    ReplaceByRequest,
    /// Something in `replace_triggered_by` changes.
    ReplaceByTriggers,
    /// An attribute changes that the provider cannot change in place.
    CannotUpdate,
    /// Its block is no longer in configuration.
    NoResourceConfig,
    /// It has moved to an address that is not in configuration.
    NoMoveTarget,
    /// Its module is no longer in configuration.
    NoModule,
    /// Its key is of the wrong kind for the block's `count` or `for_each`.
    WrongRepetition,
    /// Its number is beyond `count`.
    CountIndex,
    /// Its key is not in `for_each`.
    EachKey,
    /// The data source's arguments are not known yet.
    ConfigUnknown,
    /// Something that the data source depends on changes first.
    DependencyPending,
    /// The data source belongs to a check, and is read whenever that is looked at.
    CheckNested,
    /// A deposed object is left over from a replacement.
    Deposed,
}

impl ActionReason {
    const NAMES: [(ActionReason, &'static str); 14] = [
        (ActionReason::Tainted, "tainted"),
        (ActionReason::ReplaceByRequest, "replace-by-request"),
        (ActionReason::ReplaceByTriggers, "replace-by-triggers"),
        (ActionReason::CannotUpdate, "cannot-update"),
        (ActionReason::NoResourceConfig, "no-resource-config"),
        (ActionReason::NoMoveTarget, "no-move-target"),
        (ActionReason::NoModule, "no-module"),
        (ActionReason::WrongRepetition, "wrong-repetition"),
        (ActionReason::CountIndex, "count-index"),
        (ActionReason::EachKey, "each-key"),
        (ActionReason::ConfigUnknown, "config-unknown"),
        (ActionReason::DependencyPending, "dependency-pending"),
        (ActionReason::CheckNested, "check-nested"),
        (ActionReason::Deposed, "deposed"),
    ];

    /// The word in files.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(reason, _)| *reason == self).map_or("", |(_, name)| name)
    }

    /// The reason of that word.
    pub fn from_name(name: &str) -> Option<ActionReason> {
        Self::NAMES.iter().find(|(_, n)| *n == name).map(|(reason, _)| *reason)
    }
}

/// What will become of one object.
#[derive(Debug, Clone)]
pub struct ResourceChange {
    /// The instance that the object belongs to.
    pub addr: ResourceInstance,
    /// The deposed object meant, rather than the current one.
    pub deposed: Option<DeposedKey>,
    /// Who does it.
    pub provider: ProviderConfig,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Option<ActionReason>,
    /// The object before, null if there is none; marked where it is sensitive.
    pub before: Value,
    /// The object after, null if there will be none, with unknowns; marked where it is sensitive.
    pub after: Value,
    /// The attributes that ask for a new object.
    pub replace_paths: Vec<AttrPath>,
    /// Configuration held unknown values, so that the change is planned again when they are known.
    pub config_unknown: bool,
    /// The provider's own data.
    pub private: Vec<u8>,
    /// Every resource that configuration makes this one wait for, directly or not; sorted by their text.
    pub dependencies: Vec<ConfigResource>,
    /// The resources that the object there is was made to wait for, as the state has it.
    pub prior_dependencies: Vec<ConfigResource>,
    /// A replacement makes the new object first.
    pub create_before_destroy: bool,
    /// The block in configuration. Not kept in planfiles: it points into texts of this run.
    pub source: Option<Span>,
}

impl ResourceChange {
    /// Whether it is about a managed object rather than a data source.
    pub fn is_managed(&self) -> bool {
        self.addr.resource.mode == ResourceMode::Managed
    }
}

/// What will become of an output of the root module.
#[derive(Debug, Clone)]
pub struct OutputChange {
    /// Its name.
    pub name: Arc<str>,
    /// Create, update, delete or no-op.
    pub action: Action,
    /// The value before, null if there is none; marked if it is sensitive.
    pub before: Value,
    /// The value after, null if there will be none; marked if it is sensitive.
    pub after: Value,
}
