//! Applying one change: creating, updating, deleting, each with what to do when an answer is lost.

use std::sync::LazyLock;

use ferroform_core::schema::Block;
use ferroform_core::{Diagnostic, Diagnostics, Value};
use ferroform_hcloud::{Error, code};
use ferroform_provider::{ApplyRequest, ApplyResponse, CheckpointSink, Located};

use crate::attrs::{Attrs, State, id_like};
use crate::cx::{Cx, PASSING_REPETITIONS};
use crate::failure::{Failure, explain};
use crate::locating::locate;
use crate::note::Note;
use crate::resource::{Begun, Resource};
use crate::seen::{Needs, Seen};

/// How often a creation whose answer was lost, and that was found not to have happened, is begun anew.
const BEGINNINGS: u32 = 3;
/// How often an update or deletion is taken up again after a lost answer.
const RESUMPTIONS: u32 = 3;

static NULL: LazyLock<Value> = LazyLock::new(Value::null_dynamic);

/// What an operation works on.
pub(crate) struct Work<'w> {
    pub(crate) resource: &'w dyn Resource,
    pub(crate) block: &'w Block,
    pub(crate) cx: &'w Cx,
}

impl Work<'_> {
    /// Applies a change.
    pub(crate) async fn apply(
        &self,
        request: ApplyRequest,
        checkpoints: &dyn CheckpointSink,
    ) -> ApplyResponse {
        let mut diagnostics = Diagnostics::new();
        let mut seen = true;
        let state = if request.planned.is_null() {
            self.delete(&request, &mut diagnostics).await
        } else if request.prior.is_null() {
            self.create(&request, checkpoints, &mut diagnostics).await
        } else {
            let state;
            (state, seen) = self.update(&request, &mut diagnostics).await;
            state
        };
        let note = match &state {
            // It was not deleted.
            Some(_) if request.planned.is_null() => Note { public_on: false, ..Note::read(&request.private) },
            Some(state) if diagnostics.has_errors() && !request.prior.is_null() => {
                let note = self.resource.interrupted(Attrs(&request.prior), Attrs(&request.planned));
                // What was not seen since may not be as it was before.
                if seen { self.resource.remains(note, Attrs(state)) } else { note }
            }
            _ => Note::default(),
        };
        let state = state.unwrap_or_else(|| Value::null(self.block.implied_type()));
        ApplyResponse { state, private: note.write(&request.private), diagnostics }
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} the {}", self.resource.noun())
    }

    async fn create(
        &self,
        request: &ApplyRequest,
        checkpoints: &dyn CheckpointSink,
        diagnostics: &mut Diagnostics,
    ) -> Option<Value> {
        let (planned, config) = (Attrs(&request.planned), Attrs(&request.config));
        let mut repetitions = 0;
        let (id, waited) = loop {
            let Begun { id, actions } = match self.begin(planned, config).await {
                Ok(begun) => begun,
                Err(NotBegun { failure, certain }) => {
                    let diagnostic = failure.explain(&self.doing("create"));
                    if certain {
                        diagnostics.push(diagnostic);
                        return None;
                    }
                    diagnostics.push(diagnostic.hint(
                        "Whether it was created all the same is not known. The next run looks for it before anything else.",
                    ));
                    return Some(Value::unknown(self.block.implied_type()));
                }
            };
            let identity = State::identity(self.block, &id).finish();
            if let Err(diagnostic) = checkpoints.checkpoint(identity).await {
                // The object exists: it goes into the state whatever becomes of the journal.
                diagnostics.push(diagnostic);
            }
            let waited = self.cx.client.wait(actions).await;
            match &waited {
                Err(error)
                    if self.resource.creating().is_passing(error) && repetitions < PASSING_REPETITIONS =>
                {
                    repetitions += 1;
                    if self.cx.client.pause(repetitions.min(7)).await.is_err() {
                        break (id, waited);
                    }
                }
                _ => break (id, waited),
            }
        };
        let finished = match waited {
            Ok(()) => match self.resource.finish(self.cx, &id, planned).await {
                Err(failure) if is_lost(&failure) => {
                    self.resume(failure, with_id(&request.planned, &id), planned, config).await
                }
                other => other,
            },
            Err(error) => Err(error.into()),
        };
        let complete = finished.is_ok();
        if let Err(failure) = finished {
            let open = says_nothing(&failure);
            let diagnostic = failure.explain(&self.doing("finish creating"));
            if open {
                // It would be wrong to call it broken, and have it replaced.
                diagnostics.push(diagnostic.hint(format!(
                    "The {} exists, with the id {id}; whether it is complete is not known. The next run looks, and does \
                     what is left to be done.",
                    self.resource.noun()
                )));
                return Some(Value::unknown(self.block.implied_type()));
            }
            diagnostics.push(diagnostic);
        }
        let mut known = State::new(self.block, planned);
        known.set_id(&id);
        let known = known.finish();
        match self.read(with_id(&request.planned, &id)).await {
            Ok(Some(state)) => Some(state),
            // Gone again, or never there: its creation has failed. If all seemed well, somebody has been quick.
            Ok(None) if !complete => None,
            Ok(None) => {
                diagnostics.push(Diagnostic::error("Object vanished").detail(format!(
                    "The {} was created with the id {id}, but does not exist now. Something else has deleted it.",
                    self.resource.noun()
                )));
                None
            }
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                Some(known)
            }
        }
    }

    /// Sends the creating request. When its answer is lost, looks for the object, and begins anew if there is none.
    async fn begin(&self, planned: Attrs<'_>, config: Attrs<'_>) -> Result<Begun, NotBegun> {
        let mut certain = true;
        self.try_begin(planned, config, &mut certain).await.map_err(|failure| NotBegun { failure, certain })
    }

    /// The same; `certain` becomes false while a request may have created the object and nobody has looked since.
    async fn try_begin(
        &self,
        planned: Attrs<'_>,
        config: Attrs<'_>,
        certain: &mut bool,
    ) -> Result<Begun, Failure> {
        let not_before = self.cx.server_time().await?;
        let (mut beginnings, mut passing) = (0, 0);
        loop {
            beginnings += 1;
            let failure = match self.resource.begin(self.cx, planned, config).await {
                Ok(begun) => return Ok(begun),
                Err(failure) => failure,
            };
            let Failure::Api(error) = &failure else { return Err(failure) };
            if self.resource.creating().is_passing(error) && passing < PASSING_REPETITIONS {
                passing += 1;
                beginnings -= 1;
                self.cx.client.pause(passing.min(7)).await?;
                continue;
            }
            // After a beginning whose answer was lost, "taken" may mean taken by ourselves.
            let look = error.may_have_happened() || (beginnings > 1 && error.is(code::UNIQUENESS));
            if !look {
                return Err(failure);
            }
            *certain = false;
            match locate(self, planned, not_before).await {
                Ok(Located::One(state)) => {
                    let id = Attrs(&state).id_text();
                    let actions = self.resource.running(self.cx, &id).await?;
                    return Ok(Begun { id, actions });
                }
                Ok(Located::Nothing) => {
                    *certain = true;
                    if beginnings == BEGINNINGS {
                        return Err(failure);
                    }
                    self.cx.client.pause(beginnings).await?;
                }
                Ok(Located::Ambiguous(candidates)) => {
                    let list: Vec<String> =
                        candidates.iter().map(|(id, what)| format!("{id} ({what})")).collect();
                    return Err(explain(error, &self.doing("create"))
                        .hint(format!(
                            "It may be one of: {}. Import that one, or delete it.",
                            list.join(", ")
                        ))
                        .into());
                }
                Err(_) => return Err(failure),
            }
        }
    }

    /// The object after the change, and whether it was seen then; if not, it is what was known before.
    async fn update(&self, request: &ApplyRequest, diagnostics: &mut Diagnostics) -> (Option<Value>, bool) {
        let planned = Attrs(&request.planned);
        let config = Attrs(&request.config);
        let outcome = match self.change(Attrs(&request.prior), planned, config).await {
            Err(failure) if is_lost(&failure) => {
                self.resume(failure, request.prior.clone(), planned, config).await
            }
            other => other,
        };
        let base = if outcome.is_ok() { &request.planned } else { &request.prior };
        if let Err(failure) = outcome {
            diagnostics.push(failure.explain(&self.doing("change")));
        }
        match self.read(base.clone()).await {
            Ok(Some(state)) => (Some(state), true),
            Ok(None) => {
                diagnostics.push(Diagnostic::error("Object vanished").detail(format!(
                    "The {} does not exist any more. Something else has deleted it; the next plan will create it anew.",
                    self.resource.noun()
                )));
                (None, true)
            }
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                (Some(request.prior.clone()), false)
            }
        }
    }

    async fn change(&self, prior: Attrs<'_>, planned: Attrs<'_>, config: Attrs<'_>) -> Result<(), Failure> {
        self.resource.update(self.cx, prior, planned).await?;
        self.resource.complete_update(self.cx, prior, planned, config).await
    }

    /// Takes a change up again after a lost answer: what has been done shows in the object as it is now, and the rest
    /// is done from there.
    async fn resume(
        &self,
        mut failure: Failure,
        mut prior: Value,
        planned: Attrs<'_>,
        config: Attrs<'_>,
    ) -> Result<(), Failure> {
        for resumption in 1..=RESUMPTIONS {
            self.cx.client.pause(resumption).await?;
            let running = self.resource.running(self.cx, &Attrs(&prior).id_text()).await?;
            // How they end shows in the object as well.
            let _ = self.cx.client.wait(running).await;
            match self.read(prior.clone()).await {
                Ok(Some(now)) => prior = now,
                _ => return Err(failure),
            }
            match self.change(Attrs(&prior), planned, config).await {
                Err(again) if is_lost(&again) => failure = again,
                other => return other,
            }
        }
        Err(failure)
    }

    async fn delete(&self, request: &ApplyRequest, diagnostics: &mut Diagnostics) -> Option<Value> {
        let mut resumptions = 0;
        loop {
            let failure = match self.take_down(request).await {
                Ok(()) => return None,
                Err(failure) => failure,
            };
            let now = self.read(request.prior.clone()).await;
            if matches!(now, Ok(None)) {
                return None;
            }
            resumptions += 1;
            let again = is_lost(&failure) && resumptions <= RESUMPTIONS && now.is_ok();
            if !again || self.cx.client.pause(resumptions).await.is_err() {
                diagnostics.push(failure.explain(&self.doing("delete")));
                return Some(now.ok().flatten().unwrap_or_else(|| request.prior.clone()));
            }
        }
    }

    async fn take_down(&self, request: &ApplyRequest) -> Result<(), Failure> {
        let prior = Attrs(&request.prior);
        self.resource.before_deletion(self.cx, prior, Note::read(&request.private)).await?;
        self.resource.delete(self.cx, prior).await
    }

    /// The object as it is now.
    async fn read(&self, prior: Value) -> Result<Option<Value>, Diagnostic> {
        let mut needs = Needs::default();
        self.resource.needs(Attrs(&prior), &mut needs);
        let seen = Seen::read(&self.cx.client, needs).await;
        self.observe(&prior, &seen)
    }

    /// The object as it was seen.
    pub(crate) fn observe(&self, prior: &Value, seen: &Seen) -> Result<Option<Value>, Diagnostic> {
        let state = State::new(self.block, Attrs(prior));
        match self.resource.observe(Attrs(prior), state, seen) {
            Ok(state) => Ok(state.map(State::finish)),
            Err(error) => Err(explain(&error, &self.doing("read"))),
        }
    }
}

/// Whether something may have been done though it seemed to fail.
fn is_lost(failure: &Failure) -> bool {
    matches!(failure, Failure::Api(error) if error.may_have_happened())
}

/// Whether a failure is one of the way to the API, or of the API as a whole, and says nothing about the object.
fn says_nothing(failure: &Failure) -> bool {
    let Failure::Api(error) = failure else { return false };
    match error {
        Error::Transport { .. }
        | Error::AnswerLost { .. }
        | Error::Unreadable { .. }
        | Error::ActionVanished(_)
        | Error::Stopped => true,
        Error::Api(api) => api.status >= 500 || api.status == 429 || api.status == 401,
        // An action that failed, above all.
        _ => false,
    }
}

/// A creation of which no object came, or none that is known.
struct NotBegun {
    failure: Failure,
    /// Certainly nothing was created.
    certain: bool,
}

/// The same object with its id set.
pub(crate) fn with_id(object: &Value, id: &str) -> Value {
    let attributes = object.as_map().into_iter().flatten().map(|(name, value)| {
        let value = if &**name == "id" { id_like(&value.ty(), id) } else { value.clone() };
        (name.clone(), value)
    });
    if object.is_null() { NULL.clone() } else { Value::object(attributes) }
}
