//! Walking through values, by path.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Entries, Marks, Value, ValueKind};
use crate::path::{AttrPath, Step};
use crate::types::Type;

impl Value {
    /// Visits the value and everything in it, containers before their content; where `visit` returns false the
    /// content is left out.
    pub fn walk(&self, mut visit: impl FnMut(&AttrPath, &Value) -> bool) {
        self.walk_from(&mut AttrPath::root(), &mut visit);
    }

    fn walk_from(&self, path: &mut AttrPath, visit: &mut dyn FnMut(&AttrPath, &Value) -> bool) {
        if !visit(path, self) {
            return;
        }
        for (step, inner) in self.children() {
            path.0.push(step);
            inner.walk_from(path, visit);
            path.0.pop();
        }
    }

    /// The elements or attributes of a known value with the step to each.
    pub fn children(&self) -> impl Iterator<Item = (Step, &Value)> {
        let (sequence, entries) = match &self.kind {
            ValueKind::List(_, items) | ValueKind::Tuple(items) | ValueKind::Set(_, items) => {
                (&items[..], None)
            }
            ValueKind::Map(_, entries) | ValueKind::Object(entries) => (&[][..], Some(entries)),
            _ => (&[][..], None),
        };
        let is_set = matches!(self.kind, ValueKind::Set(..));
        let is_object = matches!(self.kind, ValueKind::Object(..));
        let sequence = sequence.iter().enumerate().map(move |(i, inner)| {
            let key = if is_set { inner.clone() } else { Value::number(i) };
            (Step::Index(key), inner)
        });
        let entries = entries.into_iter().flat_map(|e| e.iter()).map(move |(name, inner)| {
            let step =
                if is_object { Step::Attr(name.clone()) } else { Step::Index(Value::string(name.clone())) };
            (step, inner)
        });
        sequence.chain(entries)
    }

    /// The value with every unknown inside it replaced by null of its type.
    pub fn unknown_as_null(&self) -> Value {
        self.transform(|_, value| if value.is_known() { value } else { Value::null(value.ty()) })
    }

    /// The value with everything in it replaced by what `change` makes of it, content before its container. Elements
    /// of a collection must be given one type.
    pub fn transform(&self, mut change: impl FnMut(&AttrPath, Value) -> Value) -> Value {
        self.transform_from(&mut AttrPath::root(), &mut change)
    }

    fn transform_from(
        &self,
        path: &mut AttrPath,
        change: &mut dyn FnMut(&AttrPath, Value) -> Value,
    ) -> Value {
        let changed = self.map_children(|step, inner| {
            path.0.push(step);
            let inner = inner.transform_from(path, change);
            path.0.pop();
            inner
        });
        change(path, changed)
    }

    /// The same value, marks included, with each element or attribute replaced.
    pub(crate) fn map_children(&self, mut f: impl FnMut(Step, &Value) -> Value) -> Value {
        let mut sequence = || self.children().map(|(step, inner)| f(step, inner)).collect::<Vec<_>>();
        let kind = match &self.kind {
            ValueKind::List(ty, _) => {
                let items = sequence();
                ValueKind::List(element_type(ty, items.iter()), items.into())
            }
            ValueKind::Set(ty, _) => {
                let items = sequence();
                return Value::set(element_type(ty, items.iter()), items).with_marks(self.marks);
            }
            ValueKind::Tuple(_) => ValueKind::Tuple(sequence().into()),
            ValueKind::Map(ty, entries) => {
                let entries: Entries = entries.keys().cloned().zip(sequence()).collect();
                ValueKind::Map(element_type(ty, entries.values()), Arc::new(entries))
            }
            ValueKind::Object(attributes) => {
                ValueKind::Object(Arc::new(attributes.keys().cloned().zip(sequence()).collect()))
            }
            _ => return self.clone(),
        };
        Value { kind, marks: self.marks }
    }

    /// What lies at a path, with the marks of everything around it. Inside something unknown it is an unknown value;
    /// there is none inside null, and none where the path does not fit the value.
    pub fn at(&self, path: &AttrPath) -> Option<Value> {
        let mut marks = self.marks;
        let mut here = self;
        for (i, step) in path.steps().iter().enumerate() {
            if let ValueKind::Unknown(ty, _) = &here.kind {
                let ty = path.steps()[i..].iter().try_fold(ty.clone(), |ty, step| type_at(&ty, step))?;
                return Some(Value::unknown(ty).with_marks(marks));
            }
            here = here.child(step)?;
            marks = marks.union(here.marks);
        }
        Some(here.clone().with_marks(marks))
    }

    /// The element or attribute one step away; none where there is none or nothing is known.
    pub fn child(&self, step: &Step) -> Option<&Value> {
        match (&self.kind, step) {
            (ValueKind::Object(attributes), Step::Attr(name)) => attributes.get(name),
            (ValueKind::List(_, items) | ValueKind::Tuple(items), Step::Index(key)) => {
                items.get(key.as_number()?.to_usize()?)
            }
            (ValueKind::Map(_, entries), Step::Index(key)) => entries.get(key.as_str()?),
            (ValueKind::Set(_, items), Step::Index(key)) => items.iter().find(|item| *item == key),
            _ => None,
        }
    }

    /// The value with these marks added wherever a path leads; a path into a set marks the set, one that leads
    /// nowhere marks nothing. An unknown or null value on the way is marked itself.
    #[must_use]
    pub fn with_marks_at_paths(&self, paths: &[AttrPath], marks: Marks) -> Value {
        let paths: Vec<_> = paths.iter().map(|path| (path.steps(), marks)).collect();
        self.marked_at(&paths)
    }

    /// The value with marks added at paths each of its own, as [`Value::unmark_deep`] took them off.
    #[must_use]
    pub fn with_path_marks(&self, paths: &[(AttrPath, Marks)]) -> Value {
        let paths: Vec<_> = paths.iter().map(|(path, marks)| (path.steps(), *marks)).collect();
        self.marked_at(&paths)
    }

    fn marked_at(&self, paths: &[(&[Step], Marks)]) -> Value {
        if paths.is_empty() {
            return self.clone();
        }
        let ends_here = |steps: &[Step]| {
            steps.is_empty()
                || matches!(self.kind, ValueKind::Set(..) | ValueKind::Unknown(..) | ValueKind::Null(_))
        };
        let own =
            paths.iter().filter(|(steps, _)| ends_here(steps)).fold(Marks::NONE, |m, (_, n)| m.union(*n));
        // Grouped by the next step, so that each place is rebuilt once however many paths lead through it.
        let mut by_step: BTreeMap<Key<'_>, Vec<(&[Step], Marks)>> = BTreeMap::new();
        for (steps, marks) in paths.iter().filter(|(steps, _)| !ends_here(steps)) {
            if let Some((first, rest)) = steps.split_first()
                && let Some(key) = Key::of(first)
            {
                by_step.entry(key).or_default().push((rest, *marks));
            }
        }
        let marked = if by_step.is_empty() {
            self.clone()
        } else {
            self.map_children(|step, inner| match Key::of(&step).and_then(|key| by_step.get(&key)) {
                Some(paths) => inner.marked_at(paths),
                None => inner.clone(),
            })
        };
        marked.with_marks(own)
    }

    /// The value without any mark, and the marks with their places.
    pub fn unmark_deep(&self) -> (Value, Vec<(AttrPath, Marks)>) {
        if self.marks_deep().is_empty() {
            return (self.clone(), Vec::new());
        }
        let mut found = Vec::new();
        self.walk(|path, value| {
            if !value.marks.is_empty() {
                found.push((path.clone(), value.marks));
            }
            true
        });
        (self.without_marks_deep(), found)
    }

    /// The value without any mark on it or in it.
    #[must_use]
    pub fn without_marks_deep(&self) -> Value {
        if self.marks_deep().is_empty() {
            return self.clone();
        }
        self.map_children(|_, inner| inner.without_marks_deep()).unmarked()
    }

    /// The places that are marked sensitive themselves.
    pub fn sensitive_paths(&self) -> Vec<AttrPath> {
        let mut found = Vec::new();
        self.walk(|path, value| {
            if value.is_sensitive() {
                found.push(path.clone());
            }
            true
        });
        found
    }

    /// Whether its type is this one; optional attributes in `ty` count as ordinary ones. Cheaper than [`Value::ty`].
    pub fn is_of_type(&self, ty: &Type) -> bool {
        match (&self.kind, ty) {
            (ValueKind::Null(own) | ValueKind::Unknown(own, _), ty) => crate::convert::same_type(own, ty),
            (ValueKind::Bool(_), Type::Bool)
            | (ValueKind::Number(_), Type::Number)
            | (ValueKind::String(_), Type::String) => true,
            (ValueKind::List(own, _), Type::List(element))
            | (ValueKind::Set(own, _), Type::Set(element))
            | (ValueKind::Map(own, _), Type::Map(element)) => crate::convert::same_type(own, element),
            (ValueKind::Tuple(items), Type::Tuple(types)) => {
                items.len() == types.len() && items.iter().zip(types.iter()).all(|(v, t)| v.is_of_type(t))
            }
            (ValueKind::Object(own), Type::Object(object)) => {
                own.len() == object.attributes.len()
                    && own
                        .iter()
                        .zip(object.attributes.iter())
                        .all(|((a, v), (b, t))| a == b && v.is_of_type(t))
            }
            _ => false,
        }
    }
}

/// The type that elements share, `declared` if they are of that type or of several.
fn element_type<'a>(declared: &Type, mut items: impl Iterator<Item = &'a Value> + Clone) -> Type {
    let Some(odd) = items.clone().find(|item| !item.is_of_type(declared)) else {
        return declared.clone();
    };
    let ty = odd.ty();
    if items.all(|item| item.is_of_type(&ty)) { ty } else { declared.clone() }
}

/// The type one step into values of a type.
fn type_at(ty: &Type, step: &Step) -> Option<Type> {
    match (ty, step) {
        (Type::Dynamic, _) => Some(Type::Dynamic),
        (Type::Object(object), Step::Attr(name)) => object.attributes.get(name).cloned(),
        (Type::List(element) | Type::Set(element) | Type::Map(element), Step::Index(_)) => {
            Some(Type::clone(element))
        }
        (Type::Tuple(types), Step::Index(key)) => types.get(key.as_number()?.to_usize()?).cloned(),
        _ => None,
    }
}

/// A step that can be looked up.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Attr(&'a str),
    Position(usize),
    Entry(&'a str),
}

impl<'a> Key<'a> {
    fn of(step: &'a Step) -> Option<Self> {
        match step {
            Step::Attr(name) => Some(Key::Attr(name)),
            Step::Index(key) => match key.as_str() {
                Some(name) => Some(Key::Entry(name)),
                None => key.as_number()?.to_usize().map(Key::Position),
            },
        }
    }
}
