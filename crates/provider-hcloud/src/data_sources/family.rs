//! What the data sources of one object and of many have in common: a kind of object is described once, by a [`Family`].

use std::sync::LazyLock;

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Nesting, Schema};
use ferroform_core::{Diagnostic, Type, Value};
use ferroform_hcloud::{Client, Collection, Filter, Object};
use sha1::{Digest, Sha1};

use super::schema;
use crate::attrs::{Attrs, State, nested, text};
use crate::cx::Cx;
use crate::data_source::{DataSource, existing, only};
use crate::failure::Failure;
use crate::rules::{self, COMBINATION, Problems, same_address};

static NULL: LazyLock<Value> = LazyLock::new(Value::null_dynamic);

/// A kind of object that is looked up.
pub(crate) struct Family<T> {
    /// The type of the data source of one, such as `hcloud_server`.
    pub(super) one: &'static str,
    /// The type of the data source of many, such as `hcloud_servers`; it has them in an attribute of that name.
    pub(super) many: &'static str,
    /// What it is in prose.
    pub(super) noun: &'static str,
    /// Where they are.
    pub(super) objects: fn(&Client) -> Collection<'_, T>,
    /// The attributes and blocks of an object.
    pub(super) holds: fn() -> Block,
    /// Their values, if they are not null.
    pub(super) show: fn(&T) -> Vec<(&'static str, Value)>,
    /// Attributes that one is looked up by beside its id, each with the query parameter of the API if there is one.
    pub(super) keys: &'static [(&'static str, Option<&'static str>)],
    /// Attributes of one that configuration may set, those to look it up by among them.
    pub(super) settable: &'static [(&'static str, fn(Type) -> Attribute)],
    /// What else one is narrowed by.
    pub(super) one_takes: &'static [Argument],
    /// What many are narrowed by.
    pub(super) many_takes: &'static [Argument],
    /// Attributes of many that list one attribute of each, out of use.
    pub(super) lists: &'static [(&'static str, &'static str)],
    /// Whether the published provider has the older plugin library for it: more than one way to look it up may be
    /// given, and many are a plain list of objects.
    pub(super) older: bool,
    /// The `id` of many, if they have one.
    pub(super) id_of_many: Option<fn(Type) -> Attribute>,
}

/// A way to narrow a search.
#[derive(Clone, Copy)]
pub(crate) enum Argument {
    /// Labels.
    Selector,
    /// The same under its old name.
    OldSelector,
    /// Any of several statuses.
    Status(fn(Type) -> Type),
    /// One architecture; x86 where an object is looked up by name.
    Architecture,
    /// Any of several architectures.
    Architectures,
    /// The latest of those found; many in the order of their age.
    MostRecent,
    /// What does nothing any more.
    OldMostRecent,
    /// Those out of use as well.
    IncludeDeprecated,
}

impl Argument {
    fn attribute(self) -> (&'static str, Attribute) {
        let optional = Attribute::optional;
        let old = |ty: Type, advice: &str| Attribute { deprecated: Some(advice.to_owned()), ..optional(ty) };
        match self {
            Argument::Selector => ("with_selector", optional(Type::String)),
            Argument::OldSelector => ("selector", old(Type::String, "Use `with_selector`.")),
            Argument::Status(several) => ("with_status", optional(several(Type::String))),
            Argument::Architecture => ("with_architecture", optional(Type::String)),
            Argument::Architectures => ("with_architecture", optional(Type::set(Type::String))),
            Argument::MostRecent => ("most_recent", optional(Type::Bool)),
            Argument::OldMostRecent => ("most_recent", old(Type::Bool, "It does nothing; remove it.")),
            Argument::IncludeDeprecated => ("include_deprecated", optional(Type::Bool)),
        }
    }
}

/// The label selector that was given, under its new or old name.
fn selector(config: Attrs<'_>) -> Option<&str> {
    config.text("with_selector").or(config.text("selector"))
}

/// What is given of [`Argument`]s, but the selector.
fn narrowed(mut filter: Filter, config: Attrs<'_>) -> Filter {
    for status in config.texts("with_status") {
        filter = filter.with("status", status);
    }
    let one = config.text("with_architecture").map(str::to_owned);
    for architecture in config.texts("with_architecture").into_iter().chain(one) {
        filter = filter.with("architecture", architecture);
    }
    if config.flag("include_deprecated") { filter.with("include_deprecated", "true") } else { filter }
}

/// The latest first. Times of the API are all in UTC and of one form, so that their order is that of the text; of what
/// was created in the same second, the later one has the greater id.
fn by_age<T: Object>(objects: &mut [T]) {
    objects.sort_by(|a, b| (b.created(), b.id()).cmp(&(a.created(), a.id())));
}

impl<T: Object> Family<T> {
    /// A family without any of what only some have.
    pub(super) const fn new(
        one: &'static str,
        many: &'static str,
        noun: &'static str,
        objects: fn(&Client) -> Collection<'_, T>,
        holds: fn() -> Block,
        show: fn(&T) -> Vec<(&'static str, Value)>,
    ) -> Family<T> {
        Family {
            one,
            many,
            noun,
            objects,
            holds,
            show,
            keys: &[("name", Some("name"))],
            settable: &[("id", Attribute::optional), ("name", Attribute::optional)],
            one_takes: &[Argument::Selector],
            many_takes: &[Argument::Selector],
            lists: &[],
            older: false,
            id_of_many: Some(Attribute::computed),
        }
    }

    /// All the ways to look one up.
    fn ways(&self) -> Vec<&'static str> {
        let keys = self.keys.iter().map(|(name, _)| *name);
        let selectors = self.one_takes.iter().filter_map(|argument| match argument {
            Argument::Selector | Argument::OldSelector => Some(argument.attribute().0),
            _ => None,
        });
        ["id"].into_iter().chain(keys).chain(selectors).collect()
    }

    /// An object with all that it holds.
    fn value(&self, object: &T) -> Value {
        let mut state = State::answer(&(self.holds)(), Attrs(&NULL));
        for (name, value) in (self.show)(object) {
            state.set(name, value);
        }
        state.finish()
    }
}

/// The data source of one.
pub(crate) struct One<T: 'static>(pub(crate) &'static Family<T>);

#[async_trait]
impl<T: Object> DataSource for One<T> {
    fn name(&self) -> &'static str {
        self.0.one
    }

    fn schema(&self) -> Schema {
        let mut block = (self.0.holds)();
        for (name, flags) in self.0.settable {
            if let Some(attribute) = block.attributes.get_mut(*name) {
                *attribute = flags(attribute.ty.clone());
            }
        }
        let arguments = self.0.one_takes.iter().map(|argument| argument.attribute());
        block.attributes.extend(arguments.map(|(name, attribute)| (name.into(), attribute)));
        schema(block)
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        let ways = self.0.ways();
        if !self.0.older {
            rules::exactly_one(config, &ways, problems);
        } else if !ways.iter().any(|name| config.is_set(name)) {
            let ways = rules::alternatives(&ways);
            problems.push(Diagnostic::error(COMBINATION).detail(format!("One of {ways} must be set.")));
        }
        rules::not_together(config, "selector", "with_selector", problems);
    }

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let family = self.0;
        let objects = (family.objects)(&cx.client);
        let key =
            family.keys.iter().find_map(|(name, parameter)| Some((*name, *parameter, config.text(name)?)));
        let object = match (config.positive("id"), key) {
            (Some(id), _) => existing(objects.find(id).await?, family.noun, id)?,
            (None, Some((name, parameter, wanted))) => {
                let mut filter = narrowed(Filter::all(), config);
                if let Some(parameter) = parameter {
                    filter = filter.with(parameter, wanted);
                }
                // Images of both architectures have the same name.
                let by_architecture = family.one_takes.iter().any(|a| matches!(a, Argument::Architecture));
                if by_architecture && !config.is_set("with_architecture") {
                    filter = filter.with("architecture", "x86");
                }
                let mut found = objects.list(&filter).await?;
                found.retain(|object| {
                    let mut shown = (family.show)(object).into_iter();
                    let value = shown.find(|(shown, _)| *shown == name).map(|(_, value)| value);
                    value.as_ref().and_then(Value::as_str).is_some_and(|is| same_address(is, wanted))
                });
                self.choose(found, config, &format!("the {} {wanted:?}", name.replace('_', " ")))?
            }
            (None, None) => {
                let selector = selector(config).unwrap_or_default();
                let found = objects.list(&narrowed(Filter::labels(selector), config)).await?;
                self.choose(found, config, &format!("labels that fit {selector:?}"))?
            }
        };
        for (name, value) in (family.show)(&object) {
            state.set(name, value);
        }
        Ok(state.finish())
    }
}

impl<T: Object> One<T> {
    fn choose(&self, mut found: Vec<T>, config: Attrs<'_>, by: &str) -> Result<T, Failure> {
        let recent = self.0.one_takes.iter().any(|argument| matches!(argument, Argument::MostRecent));
        if recent && config.flag("most_recent") {
            by_age(&mut found);
            found.truncate(1);
        }
        only(found, self.0.noun, by)
    }
}

/// The data source of many.
pub(crate) struct Many<T: 'static>(pub(crate) &'static Family<T>);

impl<T: Object> Many<T> {
    /// The attribute that has them.
    fn field(&self) -> &'static str {
        self.0.many.trim_start_matches("hcloud_")
    }
}

#[async_trait]
impl<T: Object> DataSource for Many<T> {
    fn name(&self) -> &'static str {
        self.0.many
    }

    fn schema(&self) -> Schema {
        let holds = (self.0.holds)();
        let objects = if self.0.older {
            Attribute::computed(Type::list(holds.implied_type()))
        } else {
            nested(Attribute::computed, Nesting::List, holds)
        };
        let mut block = Block::of([(self.field(), objects)]);
        if let Some(flags) = self.0.id_of_many {
            block.attributes.insert("id".into(), flags(Type::String));
        }
        for (name, _) in self.0.lists {
            let mut list = Attribute::computed(Type::list(Type::String));
            list.deprecated = Some(format!("Use `{}`.", self.field()));
            block.attributes.insert((*name).into(), list);
        }
        let arguments = self.0.many_takes.iter().map(|argument| argument.attribute());
        block.attributes.extend(arguments.map(|(name, attribute)| (name.into(), attribute)));
        schema(block)
    }

    fn validate(&self, _config: Attrs<'_>, _problems: &mut Problems) {}

    async fn read(&self, cx: &Cx, config: Attrs<'_>, mut state: State) -> Result<Value, Failure> {
        let all = selector(config).map_or_else(Filter::all, Filter::labels);
        let mut found = (self.0.objects)(&cx.client).list(&narrowed(all, config)).await?;
        if config.flag("most_recent") {
            by_age(&mut found);
        }
        state.set("id", text(&id_of_list(found.iter().map(|object| object.id().to_string()))));
        let values: Vec<Value> = found.iter().map(|object| self.0.value(object)).collect();
        for (name, of) in self.0.lists {
            let each = values.iter().filter_map(|value| value.get(of)).map(|value| {
                value.as_number().map_or_else(|| value.clone(), |number| text(&number.to_string()))
            });
            state.set(name, Value::list(Type::String, each));
        }
        state.set(self.field(), Value::list((self.0.holds)().implied_type(), values));
        Ok(state.finish())
    }
}

/// The `id` of a list, as the published provider makes it: the SHA-1 digest of the ids in it, one after the other.
pub(super) fn id_of_list(ids: impl IntoIterator<Item = String>) -> String {
    let all: String = ids.into_iter().collect();
    Sha1::digest(all).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: `printf 123 | sha1sum`.
    #[test]
    fn lists_are_named_by_what_is_in_them() {
        let ids = ["1", "2", "3"].map(str::to_owned);
        assert_eq!(id_of_list(ids), "40bd001563085fc35165329ea1ff5c5ecbdbbeef");
    }
}
