//! What a kind of resource has to tell; everything else is the same for all.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use ferroform_core::schema::{Block, Schema};
use ferroform_core::{Entries, Type, Value};
use ferroform_hcloud::{Action, Error};

use crate::ahead::Around;
use crate::attrs::{Attrs, State};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::note::Note;
use crate::rules::Problems;
use crate::seen::{Needs, Seen};

/// A kind of resource.
#[async_trait]
pub(crate) trait Resource: Send + Sync {
    /// Its type, such as `hcloud_server`.
    fn name(&self) -> &'static str;

    /// What it is in prose, such as "server".
    fn noun(&self) -> &'static str;

    /// Its attributes and blocks, as the published provider has them.
    fn schema(&self) -> Schema;

    /// Values of optional attributes that are not set.
    fn defaults(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Checks configuration; what is unknown may become anything.
    fn validate(&self, _config: Attrs<'_>, _problems: &mut Problems) {}

    /// Adds to a plan that was made by the schema alone.
    fn plan(&self, _plan: &mut Plan<'_>) {}

    /// Holds what is planned against what else is, so that what the API would refuse is found before anything is made. Not
    /// called for an object that is to be replaced: its successor is planned next.
    async fn check(&self, _plan: &mut Plan<'_>, _around: &Around<'_>) {}

    /// Adds what reading the object needs.
    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs);

    /// The object as it was seen, or None if it is gone. Attributes that the API does not tell stay as in `prior`.
    fn observe(&self, prior: Attrs<'_>, state: State, seen: &Seen) -> Result<Option<State>, Error>;

    /// Refusals of the creating request, and failures of what runs on after it, that go away by waiting. Only for
    /// objects that are named by their place, where asking again can make no second one.
    fn creating(&self) -> Tolerance {
        Tolerance::NONE
    }

    /// Sends the request that creates the object, and returns as soon as it is answered.
    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, config: Attrs<'_>) -> Result<Begun, Failure>;

    /// Does what follows the creation. Every step may be one that was done before.
    async fn finish(&self, _cx: &Cx, _id: &str, _planned: Attrs<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Changes the object from `prior` to `planned`. Every step may be one that was done before.
    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure>;

    /// Does what follows an update that has succeeded and needs what configuration has and the plan does not.
    async fn complete_update(
        &self,
        _cx: &Cx,
        _prior: Attrs<'_>,
        _planned: Attrs<'_>,
        _config: Attrs<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// What must be remembered of an update from `prior` to `planned`, or of a creation (`prior` is null then), that
    /// stopped somewhere on its way.
    fn interrupted(&self, _prior: Attrs<'_>, _planned: Attrs<'_>) -> Note {
        Note::default()
    }

    /// What is left of a note now that the object is seen to be like this.
    fn remains(&self, note: Note, _seen: Attrs<'_>) -> Note {
        note
    }

    /// The note with which the object is to be deleted, for good or (where something is `planned`) to make room for the
    /// next one.
    fn leaving(&self, _prior: Attrs<'_>, _planned: Option<Attrs<'_>>, note: Note) -> Note {
        note
    }

    /// Does before the deletion what its note says.
    async fn before_deletion(&self, _cx: &Cx, _prior: Attrs<'_>, _note: Note) -> Result<(), Failure> {
        Ok(())
    }

    /// Deletes the object; that it does not exist is no failure.
    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure>;

    /// The id of the object that an import id names in another way, if this kind has such a way and the object exists.
    async fn named(&self, _cx: &Cx, _import_id: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    /// Puts the parts of an import id into an object that otherwise only has its `id`; or says what an id looks like.
    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str>;

    /// The objects that may have come of a creation of `planned`, put into `seen` as well.
    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure>;

    /// What the API is still doing to an object whose creating request was answered out of our sight.
    async fn running(&self, _cx: &Cx, _id: &str) -> Result<Vec<Action>, Failure> {
        Ok(Vec::new())
    }

    /// Whether an attribute of [`created_with`](Self::created_with) that is not as planned may still come of the creating
    /// request.
    fn may_have_become(&self, _name: &str, _planned: Attrs<'_>, _seen: Attrs<'_>) -> bool {
        false
    }

    /// The attributes that the creating request sets and that can be read back: an object that was created by it has
    /// them as planned.
    fn created_with(&self) -> &'static [&'static str];
}

/// The answer to a creating request.
#[derive(Debug)]
pub(crate) struct Begun {
    /// The id of the new object.
    pub(crate) id: String,
    /// What runs on.
    pub(crate) actions: Vec<Action>,
}

impl Begun {
    /// An object with a number for an id.
    pub(crate) fn new(id: impl ToString, actions: impl IntoIterator<Item = Action>) -> Begun {
        Begun { id: id.to_string(), actions: actions.into_iter().collect() }
    }
}

/// An object that may have come of a creation.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Its id.
    pub(crate) id: String,
    /// When it was created, as the API writes it; None for those that have no such time, and that are named by their
    /// place instead.
    pub(crate) created: Option<String>,
}

impl Candidate {
    /// What is named by its place, if it is there.
    pub(crate) fn at_place(is_there: bool, id: impl ToString) -> Vec<Candidate> {
        is_there.then(|| Candidate { id: id.to_string(), created: None }).into_iter().collect()
    }
}

/// A plan in the making.
pub(crate) struct Plan<'p> {
    /// The object as it is; None when it is to be created.
    pub(crate) prior: Option<Attrs<'p>>,
    /// The configuration.
    pub(crate) config: Attrs<'p>,
    /// What an earlier update left to be done.
    pub(crate) note: Note,
    /// What goes wrong.
    pub(crate) problems: Problems,
    pub(crate) planned: Entries,
    pub(crate) replace: BTreeSet<Arc<str>>,
    /// What does not replace the object though its schema says so.
    pub(crate) in_place: BTreeSet<&'static str>,
    block: &'p Block,
}

impl<'p> Plan<'p> {
    pub(crate) fn new(
        block: &'p Block,
        prior: Option<Attrs<'p>>,
        config: Attrs<'p>,
        planned: Entries,
    ) -> Plan<'p> {
        let (note, problems) = (Note::default(), Problems::default());
        Plan {
            prior,
            config,
            note,
            problems,
            planned,
            replace: BTreeSet::new(),
            in_place: BTreeSet::new(),
            block,
        }
    }

    /// The planned value of an attribute or block.
    pub(crate) fn get(&self, name: &str) -> &Value {
        static NULL: std::sync::LazyLock<Value> = std::sync::LazyLock::new(Value::null_dynamic);
        self.planned.get(name).unwrap_or(&NULL)
    }

    /// Plans a value.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        if let Some(place) = self.planned.get_mut(name) {
            *place = value;
        }
    }

    /// Whether an attribute becomes another than it is. False for a new object.
    pub(crate) fn changes(&self, name: &str) -> bool {
        self.prior.is_some_and(|prior| prior.get(name) != self.get(name))
    }

    /// Lets an attribute change without the object being replaced.
    pub(crate) fn keep_in_place(&mut self, name: &'static str) {
        self.in_place.insert(name);
    }

    /// Leaves an attribute as it is if what is planned says the same by `same` (given prior, then planned).
    pub(crate) fn keep_if(&mut self, name: &str, same: impl FnOnce(&Value, &Value) -> bool) {
        if let Some(prior) = self.prior {
            let before = prior.get(name);
            if before.is_wholly_known() && same(before, self.get(name)) {
                self.set(name, before.clone());
            }
        }
    }

    /// Plans that only applying will tell the value.
    pub(crate) fn unknown(&mut self, name: &str) {
        let ty = match (self.block.attributes.get(name), self.block.blocks.get(name)) {
            (Some(attribute), _) => attribute.ty.clone(),
            (_, Some(block)) => block.implied_type(),
            _ => Type::Dynamic,
        };
        self.set(name, Value::unknown(ty));
    }
}
