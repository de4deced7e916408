//! What an operation works with: the client, and how steps are repeated.

use std::collections::BTreeMap;
use std::future::Future;

use ferroform_hcloud::{Action, Client, Error, code};
use parking_lot::Mutex;

use crate::ahead::lists::Lists;
use crate::cluster::Cluster;
use crate::turns::Turns;

/// A configured provider, as operations see it.
#[derive(Debug)]
pub(crate) struct Cx {
    /// The client.
    pub(crate) client: Client,
    /// Ids of images by name and architecture, once looked up.
    pub(crate) images: Mutex<BTreeMap<(String, String), i64>>,
    /// What a plan has looked up.
    pub(crate) lists: Lists,
    /// Turns on what only one may change at a time.
    pub(crate) turns: Turns,
    /// What a cluster made on servers and in networks that are to be deleted.
    pub(crate) cluster: Mutex<Cluster>,
}

/// Refusals that are no failure of a step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tolerance {
    /// These codes say that the step was done already.
    pub(crate) done: &'static [&'static str],
    /// These codes go away by waiting.
    pub(crate) passing: &'static [&'static str],
    /// Texts in the message of a `service_error` that goes away by waiting.
    pub(crate) passing_messages: &'static [&'static str],
}

impl Tolerance {
    /// None.
    pub(crate) const NONE: Tolerance = Tolerance { done: &[], passing: &[], passing_messages: &[] };

    /// For steps that remove something: when it is not there, it is done.
    pub(crate) const REMOVING: Tolerance = Tolerance { done: &[code::NOT_FOUND], ..Tolerance::NONE };

    fn is_done(self, error: &Error) -> bool {
        error.code().is_some_and(|code| self.done.contains(&code))
    }

    /// Whether this goes away by waiting.
    pub(crate) fn is_passing(self, error: &Error) -> bool {
        let message = || match error {
            Error::Api(api) => api.message.as_str(),
            Error::Action(action) => action.error.as_ref().map_or("", |e| e.message.as_str()),
            _ => "",
        };
        error.code().is_some_and(|code| {
            self.passing.contains(&code)
                || code == code::SERVICE_ERROR
                    && self.passing_messages.iter().any(|text| message().contains(text))
        })
    }
}

/// How often a step is repeated that may pass by waiting: about two minutes at the real pace.
pub(crate) const PASSING_REPETITIONS: u32 = 20;
/// How often a step is repeated whose answer was lost.
const LOST_REPETITIONS: u32 = 3;

impl Cx {
    /// Waits for the turn to change a network.
    pub(crate) async fn network_turn(&self, id: i64) {
        self.turns.network(id, self.client.pace()).await;
    }

    /// The server's clock by its last answer, in seconds since 1970; asks for an answer if there was none yet.
    ///
    /// # Errors
    /// With what came instead of an answer, or of one that is worth anything.
    pub(crate) async fn server_time(&self) -> Result<Option<i64>, Error> {
        if self.client.last_server_date().is_none() {
            self.client.locations().find(1).await?;
        }
        Ok(self.client.last_server_date())
    }

    /// Does one step and waits for it. If its answer is lost, it is repeated; and if it is refused then, it may be
    /// because it was done the first time: the answer remains lost, and the caller must look.
    pub(crate) async fn step<F, A>(
        &self,
        tolerance: Tolerance,
        call: impl Fn() -> F + Send,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<A, Error>> + Send,
        A: IntoActions + Send,
    {
        let (mut passing, mut lost) = (0, 0);
        let mut first_lost = None;
        loop {
            let error = match call().await {
                Ok(actions) => match self.client.wait(actions.into_actions()).await {
                    Ok(()) => return Ok(()),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if tolerance.is_done(&error) {
                return Ok(());
            }
            if tolerance.is_passing(&error) && passing < PASSING_REPETITIONS {
                passing += 1;
                self.client.pause(passing.min(7)).await?;
            } else if error.may_have_happened() && lost < LOST_REPETITIONS {
                lost += 1;
                self.client.pause(lost).await?;
                first_lost.get_or_insert(error);
            } else {
                return Err(first_lost.filter(|_| error.as_api().is_some()).unwrap_or(error));
            }
        }
    }
}

/// What a mutation may answer with.
pub(crate) trait IntoActions {
    /// The actions to wait for.
    fn into_actions(self) -> Vec<Action>;
}

impl IntoActions for () {
    fn into_actions(self) -> Vec<Action> {
        Vec::new()
    }
}

impl IntoActions for Action {
    fn into_actions(self) -> Vec<Action> {
        vec![self]
    }
}

impl IntoActions for Option<Action> {
    fn into_actions(self) -> Vec<Action> {
        self.into_iter().collect()
    }
}

impl IntoActions for Vec<Action> {
    fn into_actions(self) -> Vec<Action> {
        self
    }
}
