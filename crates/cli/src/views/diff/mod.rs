//! What changes between two values, as a tree that knows how to print itself the way Terraform prints plans.

mod change;
mod dynamic;
mod render;
mod schema;
mod sequence;
mod strings;

use std::sync::Arc;

use ferroform_core::schema::Schema;
use ferroform_core::{AttrPath, Step, Type, Value};

use super::style::Style;
use change::Change;
use render::{Options, Printer};

/// What happens to a part of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    NoOp,
    Create,
    Update,
    Delete,
}

impl Act {
    /// What happens to a container when this has happened to it and `next` to one more part of it.
    fn and(self, next: Act) -> Act {
        match next {
            Act::NoOp => self,
            next if next == self => self,
            _ => Act::Update,
        }
    }
}

/// What happens to a value and to the parts of it.
#[derive(Debug)]
pub(super) struct Diff {
    /// What happens.
    pub(super) act: Act,
    /// It is because of this change that the object must be replaced.
    replace: bool,
    node: Node,
}

#[derive(Debug)]
enum Node {
    /// A number, a bool or null.
    Scalar {
        before: Option<Value>,
        after: Option<Value>,
    },
    Text {
        before: Option<Arc<str>>,
        after: Option<Arc<str>>,
    },
    /// Not to be shown.
    Hidden {
        note: Option<Note>,
        same: bool,
    },
    /// Known later, with what it is before.
    Unknown(Option<Box<Diff>>),
    /// `nested`: from nested attributes, which keep marks of their own.
    Object {
        attributes: Named,
        nested: bool,
    },
    Map {
        entries: Named,
        nested: bool,
    },
    /// `nested`: as above; unchanged neighbours are not shown then.
    List {
        items: Vec<Diff>,
        nested: bool,
    },
    Set {
        items: Vec<Diff>,
        nested: bool,
    },
    Block {
        attributes: Named,
        groups: Vec<Group>,
    },
    /// A block of which nothing may be shown.
    HiddenBlock,
    /// A value of one kind makes way for one of another.
    KindChange(Box<Diff>, Box<Diff>),
}

/// A change of whether a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    WillHide,
    WillShow,
}

/// Changes with the names of what changes, in the order of the names.
type Named = Vec<(Arc<str>, Diff)>;

/// Nested blocks, with their labels if they are kept as a map.
type Blocks = Vec<(Option<Arc<str>>, Diff)>;

/// The nested blocks of one type.
#[derive(Debug)]
struct Group {
    name: Arc<str>,
    /// A change of any of them replaces the object.
    replace: bool,
    blocks: Blocks,
}

/// The change of an object. Without a schema its attributes are shown as far as they can be told from the values.
pub(super) fn object(before: &Value, after: &Value, schema: Option<&Schema>, replace: &[AttrPath]) -> Diff {
    let paths: Vec<&[Step]> = replace.iter().map(AttrPath::steps).collect();
    let change = Change::new(before, after, paths);
    match schema {
        Some(schema) => schema::block(&change, &schema.block),
        None => schema::without_schema(&change),
    }
}

/// The change of an output.
pub(super) fn output(before: &Value, after: &Value) -> Diff {
    dynamic::compute(&Change::new(before, after, Vec::new()))
}

/// A value as it is, shown by its type.
pub(super) fn unchanged(value: &Value, ty: &Type) -> Diff {
    schema::typed(&Change::new(value, value, Vec::new()), ty)
}

impl Diff {
    fn new(act: Act, change: &Change<'_>, node: Node) -> Diff {
        Diff { act, replace: change.is_replaced(), node }
    }

    /// As part of a plan: with symbols, without what stays as it is.
    pub(super) fn render_change(&self, style: &Style) -> String {
        Printer { style }.diff(self, 0, Options::default())
    }

    /// As part of a state: whole and without symbols.
    pub(super) fn render_whole(&self, style: &Style) -> String {
        let options = Options { all: true, no_symbols: true, ..Options::default() };
        Printer { style }.diff(self, 0, options)
    }
}
