//! Object constructors, `for` expressions and splats.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use ferroform_core::convert::convert;
use ferroform_core::{Diagnostic, Marks, Refinements, Span, Type, Value, ValueKind};
use ferroform_hcl::ast::{Expr, ForIntro, ForObject, ForTuple, ObjectItem};

use super::{Env, Evaluator, Frame, unknown};

/// An element of something that can be iterated over.
pub(super) struct Element {
    pub(super) key: Value,
    pub(super) value: Value,
}

/// The elements of a known, unmarked collection, tuple or object; none for anything else.
pub(super) fn elements(collection: &Value) -> Option<Vec<Element>> {
    Some(match collection.kind() {
        ValueKind::List(_, items) | ValueKind::Tuple(items) => items
            .iter()
            .enumerate()
            .map(|(i, value)| Element { key: Value::number(i as u64), value: value.clone() })
            .collect(),
        ValueKind::Set(_, items) => {
            items.iter().map(|value| Element { key: value.clone(), value: value.clone() }).collect()
        }
        ValueKind::Map(_, entries) | ValueKind::Object(entries) => entries
            .iter()
            .map(|(key, value)| Element { key: Value::string(key.clone()), value: value.clone() })
            .collect(),
        _ => return None,
    })
}

/// Whether values of the type can be iterated over.
pub(super) fn is_iterable(ty: &Type) -> bool {
    ty.is_collection() || matches!(ty, Type::Tuple(_) | Type::Object(_))
}

/// What a `for` expression goes through.
pub(super) enum Iteration {
    Over(Vec<Element>, Marks),
    /// Nothing to go through; the whole result is this.
    Result(Value),
}

impl Evaluator<'_> {
    pub(super) fn object(&mut self, items: &[ObjectItem], env: Env<'_>) -> Value {
        let mut attributes: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        let mut marks = Marks::NONE;
        let mut known = true;
        for item in items {
            let key = self.object_key(item, env, &mut marks);
            let value = self.expr(&item.value, env);
            match key {
                Some(key) => {
                    attributes.insert(key, value);
                }
                None => known = false,
            }
        }
        if known { Value::object(attributes).with_marks(marks) } else { unknown().with_marks(marks) }
    }

    /// The key of an item; none when it is unknown or wrong, and reported then.
    fn object_key(&mut self, item: &ObjectItem, env: Env<'_>, marks: &mut Marks) -> Option<Arc<str>> {
        if item.bare
            && let Some(name) = item.key.as_keyword()
        {
            return Some(name.into());
        }
        let before = self.errors();
        let key = self.expr(&item.key, env);
        if self.errors() > before {
            return None;
        }
        *marks = marks.union(key.marks());
        let problem = if key.is_null() {
            Diagnostic::error("Null value as key").detail("Can't use a null value as a key.")
        } else {
            match convert(&key, &Type::String).map(Value::into_kind) {
                Ok(ValueKind::String(text)) => return Some(text),
                Ok(_) => return None,
                Err(error) => Diagnostic::error("Incorrect key type")
                    .detail(format!("Can't use this value as a key: {}.", error.message)),
            }
        };
        self.report(problem.subject(item.key.span), &item.key, env);
        None
    }

    pub(super) fn iteration(&mut self, whole: Span, source: &Expr, env: Env<'_>) -> Iteration {
        let before = self.errors();
        let collection = self.expr(source, env);
        if self.errors() > before {
            return Iteration::Result(unknown());
        }
        let marks = collection.marks();
        let ty = match collection.kind() {
            ValueKind::Null(_) => {
                let problem = Diagnostic::error("Iteration over null value")
                    .detail("A null value cannot be used as the collection in a 'for' expression.");
                self.report(problem.subject(source.span).context(whole), source, env);
                return Iteration::Result(unknown());
            }
            ValueKind::Unknown(Type::Dynamic, _) => return Iteration::Result(unknown().with_marks(marks)),
            ValueKind::Unknown(ty, _) => ty.clone(),
            _ => match elements(&collection) {
                Some(elements) => return Iteration::Over(elements, marks),
                None => collection.ty(),
            },
        };
        if is_iterable(&ty) {
            return Iteration::Result(unknown().with_marks(marks));
        }
        let problem = Diagnostic::error("Iteration over non-iterable value").detail(format!(
            "A value of type {} cannot be used as the collection in a 'for' expression.",
            ty.friendly_name()
        ));
        self.report(problem.subject(source.span).context(whole), source, env);
        Iteration::Result(unknown())
    }

    /// Calls `each` with the names bound to every element that the condition lets pass. False when the condition is
    /// unknown or wrong for some element, so that the result cannot be known.
    fn for_elements(
        &mut self,
        intro: &ForIntro,
        elements: Vec<Element>,
        marks: &mut Marks,
        env: Env<'_>,
        mut each: impl FnMut(&mut Self, Env<'_>, &mut Marks) -> bool,
    ) -> bool {
        if let Some(cond) = &intro.cond
            && !self.condition_could_hold(intro, cond, env)
        {
            return false;
        }
        let mut known = true;
        for element in elements {
            let key =
                intro.key.as_ref().map(|k| Frame { name: Some(&k.name), value: element.key, outer: env });
            let outer = key.as_ref().or(env);
            let value = Frame { name: Some(&intro.value.name), value: element.value, outer };
            let inner = Some(&value);
            if let Some(cond) = &intro.cond {
                match self.for_condition(cond, inner, marks, known) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => {
                        known = false;
                        continue;
                    }
                }
            }
            known &= each(self, inner, marks);
        }
        known
    }

    /// Looks at the condition once with nothing known of the elements, so that what is wrong for all of them is said
    /// once. False if it was.
    fn condition_could_hold(&mut self, intro: &ForIntro, cond: &Expr, env: Env<'_>) -> bool {
        let key = intro.key.as_ref().map(|k| Frame { name: Some(&k.name), value: unknown(), outer: env });
        let outer = key.as_ref().or(env);
        let frame = Frame { name: Some(&intro.value.name), value: unknown(), outer };
        let before = self.errors();
        let include = self.expr(cond, Some(&frame));
        if self.errors() > before {
            return false;
        }
        let problem = if include.is_null() {
            Diagnostic::error("Condition is null").detail("The value of the 'if' clause must not be null.")
        } else {
            match convert(&include, &Type::Bool) {
                Ok(_) => return true,
                Err(error) => Diagnostic::error("Invalid 'for' condition")
                    .detail(format!("The 'if' clause value is invalid: {}.", error.message)),
            }
        };
        self.report(problem.subject(cond.span), cond, Some(&frame));
        false
    }

    /// Whether an element counts; none when that is unknown or wrong. Only the first wrong one is reported.
    fn for_condition(&mut self, cond: &Expr, env: Env<'_>, marks: &mut Marks, report: bool) -> Option<bool> {
        let before = self.errors();
        let include = self.expr(cond, env);
        if self.errors() > before {
            return None;
        }
        *marks = marks.union(include.marks());
        let problem = if include.is_null() {
            "The value of the 'if' clause must not be null.".to_owned()
        } else {
            match convert(&include, &Type::Bool) {
                Ok(include) => return include.as_bool(),
                Err(error) => format!("The 'if' clause value is invalid: {}.", error.message),
            }
        };
        if report {
            let problem = Diagnostic::error("Invalid 'for' condition").detail(problem).subject(cond.span);
            self.report(problem, cond, env);
        }
        None
    }

    pub(super) fn for_tuple(&mut self, expr: &Expr, f: &ForTuple, env: Env<'_>) -> Value {
        let (elements, mut marks) = match self.iteration(expr.span, &f.intro.collection, env) {
            Iteration::Over(elements, marks) => (elements, marks),
            Iteration::Result(value) => return value,
        };
        let mut items = Vec::with_capacity(elements.len());
        let known = self.for_elements(&f.intro, elements, &mut marks, env, |this, inner, _| {
            items.push(this.expr(&f.value, inner));
            true
        });
        if known { Value::tuple(items).with_marks(marks) } else { unknown().with_marks(marks) }
    }

    pub(super) fn for_object(&mut self, expr: &Expr, f: &ForObject, env: Env<'_>) -> Value {
        let (elements, mut marks) = match self.iteration(expr.span, &f.intro.collection, env) {
            Iteration::Over(elements, marks) => (elements, marks),
            Iteration::Result(value) => return value,
        };
        let mut single: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        let mut grouped: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
        let mut reported = false;
        let known = self.for_elements(&f.intro, elements, &mut marks, env, |this, inner, marks| {
            let before = this.errors();
            let key = this.expr(&f.key, inner);
            if this.errors() > before {
                return false;
            }
            *marks = marks.union(key.marks());
            let problem = if key.is_null() {
                "Key expression in 'for' expression must not produce a null value.".to_owned()
            } else {
                match convert(&key, &Type::String).map(Value::into_kind) {
                    Ok(ValueKind::String(key)) => {
                        let value = this.expr(&f.value, inner);
                        if f.group {
                            grouped.entry(key).or_default().push(value);
                            return true;
                        }
                        match single.entry(key) {
                            Entry::Vacant(entry) => {
                                entry.insert(value);
                            }
                            Entry::Occupied(entry) => {
                                let problem = Diagnostic::error("Duplicate object key")
                                    .detail(format!(
                                        "Two different items produced the key {:?} in this 'for' expression. If \
                                         duplicates are expected, use the ellipsis (...) after the value expression to \
                                         enable grouping by key.",
                                        &**entry.key()
                                    ))
                                    .subject(f.key.span)
                                    .context(expr.span);
                                this.report(problem, &f.key, inner);
                            }
                        }
                        return true;
                    }
                    Ok(_) => return false,
                    Err(error) => format!("The key expression produced an invalid result: {}.", error.message),
                }
            };
            if !reported {
                reported = true;
                let problem = Diagnostic::error("Invalid object key").detail(problem).subject(f.key.span);
                this.report(problem.context(expr.span), &f.key, inner);
            }
            false
        });
        if !known {
            return unknown().with_marks(marks);
        }
        single.extend(grouped.into_iter().map(|(key, values)| (key, Value::tuple(values))));
        Value::object(single).with_marks(marks)
    }

    /// `base[*].each`: every element of a list, set or tuple; any other value counts as the only element, and null as
    /// no element.
    pub(super) fn splat(&mut self, expr: &Expr, base: &Expr, each: &Expr, env: Env<'_>) -> Value {
        let before = self.errors();
        let source = self.expr(base, env);
        if self.errors() > before {
            return unknown();
        }
        let marks = source.marks();
        let ty_is_sequence = match source.kind() {
            ValueKind::List(..) | ValueKind::Set(..) | ValueKind::Tuple(_) => true,
            ValueKind::Null(ty) | ValueKind::Unknown(ty, _) => {
                matches!(ty, Type::List(_) | Type::Set(_) | Type::Tuple(_))
            }
            _ => false,
        };
        match source.kind() {
            ValueKind::Null(_) if ty_is_sequence => {
                let problem = Diagnostic::error("Splat of null value")
                    .detail("Splat expressions (with the * symbol) cannot be applied to null sequences.")
                    .subject(base.span)
                    .context(expr.span);
                self.report(problem, base, env);
                unknown()
            }
            ValueKind::Null(_) => Value::tuple([]).with_marks(marks),
            ValueKind::Unknown(Type::Dynamic, _) => unknown().with_marks(marks),
            ValueKind::Unknown(ty, _) if ty_is_sequence => {
                let result = self.splat_type(ty, each, env);
                let mut refinements = Refinements::not_null();
                if let Some(known) = source.refinements().filter(|_| ty.is_collection()) {
                    refinements.length_min = known.length_min;
                    refinements.length_max = known.length_max;
                }
                Value::refined(result, refinements).with_marks(marks)
            }
            ValueKind::Unknown(..) if !source.is_definitely_not_null() => {
                // Whether there will be no element or one depends on whether it will be null. What follows is looked
                // at all the same, for what is wrong with it.
                self.splat_item(source.clone().unmarked(), each, env);
                unknown().with_marks(marks)
            }
            ValueKind::List(element, items) | ValueKind::Set(element, items) => {
                let results: Vec<Value> =
                    items.iter().map(|item| self.splat_item(item.clone(), each, env)).collect();
                let found = match results.first() {
                    Some(first) => first.ty(),
                    None => match self.splat_type(&Type::list(element.clone()), each, env) {
                        Type::List(t) => (*t).clone(),
                        _ => Type::Dynamic,
                    },
                };
                let uniform = results.iter().all(|r| r.is_of_type(&found));
                if uniform {
                    Value::list(found, results).with_marks(marks)
                } else {
                    Value::tuple(results).with_marks(marks)
                }
            }
            ValueKind::Tuple(items) => {
                let results: Vec<Value> =
                    items.iter().map(|item| self.splat_item(item.clone(), each, env)).collect();
                Value::tuple(results).with_marks(marks)
            }
            // As in Terraform, a mark lies on the tuple and on the one value in it.
            _ => Value::tuple([self.splat_item(source.clone(), each, env)]).with_marks(marks),
        }
    }

    fn splat_item(&mut self, item: Value, each: &Expr, env: Env<'_>) -> Value {
        self.expr(each, Some(&Frame { name: None, value: item, outer: env }))
    }

    /// The type that a splat over an unknown or empty sequence has.
    fn splat_type(&mut self, ty: &Type, each: &Expr, env: Env<'_>) -> Type {
        match ty {
            Type::List(element) | Type::Set(element) => {
                Type::list(self.splat_item(Value::unknown((**element).clone()), each, env).ty())
            }
            Type::Tuple(types) => {
                let types: Vec<Type> = types
                    .iter()
                    .map(|t| self.splat_item(Value::unknown(t.clone()), each, env).ty())
                    .collect();
                Type::tuple(types)
            }
            _ => Type::Dynamic,
        }
    }
}
