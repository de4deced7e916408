//! The action waiter: everything that waits for actions shares one stream of polls.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::actions::{Action, ActionStatus, IDS_PER_REQUEST};
use crate::client::Client;
use crate::error::Error;
use crate::pace::Pace;

/// Longest pause between two looks at the same action, in units of the pace.
const LONGEST_PAUSE: f64 = 5.0;
/// How much longer each pause is than the one before.
const GROWTH: f64 = 1.5;
/// Units for each request, on average.
const USUAL_GAP: f64 = 2.0;
/// How far apart the ends of actions may be, in units, to be looked at together.
const TOGETHER: f64 = 0.5;
/// How often an action may be missing from the answer before it counts as vanished.
const MOST_MISSES: u32 = 3;

/// How long a command usually takes, in seconds. Rough: of public experience, not from any document. It only places
/// the first poll.
fn typical_seconds(command: &str) -> f64 {
    match command {
        "create_server" => 8.0,
        "rebuild_server" => 15.0,
        "change_server_type" => 20.0,
        "create_image" => 30.0,
        "create_load_balancer" | "shutdown_server" => 3.0,
        "start_server" => 3.0,
        "stop_server" | "reboot_server" | "reset_server" => 2.0,
        "create_volume" | "attach_volume" | "detach_volume" | "resize_volume" | "delete_server" => 2.0,
        "attach_to_network" | "detach_from_network" | "assign_primary_ip" | "unassign_primary_ip" => 2.0,
        "add_subnet" | "add_route" | "add_service" | "add_target" => 0.5,
        _ => 1.0,
    }
}

/// How long actions of one answer usually take together. What comes with a creation follows on it: a server is started
/// when it is there. None is worth a look before the last is due.
fn typical_seconds_of_all(actions: &[Action]) -> f64 {
    let running = |action: &&Action| matches!(action.status, ActionStatus::Running | ActionStatus::Unknown);
    let first = actions.first().filter(|action| action.command.starts_with("create_")).filter(running);
    let lead = first.map_or(0.0, |action| typical_seconds(&action.command));
    let followers = actions.iter().skip(usize::from(first.is_some())).filter(running);
    followers.map(|action| lead + typical_seconds(&action.command)).fold(lead, f64::max)
}

/// Where the state of actions is read.
pub(crate) trait ActionSource: Send + Sync + 'static {
    /// The actions of these ids, in one request.
    fn read(&self, ids: Vec<i64>) -> Pin<Box<dyn Future<Output = Result<Vec<Action>, Error>> + Send + '_>>;
    /// Ends when waiting is to end.
    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl ActionSource for Client {
    fn read(&self, ids: Vec<i64>) -> Pin<Box<dyn Future<Output = Result<Vec<Action>, Error>> + Send + '_>> {
        Box::pin(async move { self.actions(&ids).await })
    }

    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.until_stopped())
    }
}

/// The one waiter of a client.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A new action may be due before those that the poller sleeps for.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    pending: BTreeMap<i64, Pending>,
    /// Whether a poller runs; it ends with the last pending action.
    polling: bool,
    last_poll: Option<Instant>,
    /// Requests so far.
    polls: u32,
    /// For how long there was something to wait for, but for the time since `since`.
    waited: Duration,
    since: Option<Instant>,
}

impl State {
    /// There is nothing to wait for any more.
    fn rest(&mut self) {
        self.polling = false;
        self.waited += self.since.take().map(|since| since.elapsed()).unwrap_or_default();
    }

    /// How many units must lie between two requests: one, as long as there were few for the time that was waited.
    fn gap(&self, pace: Pace, now: Instant) -> f64 {
        let waited =
            self.waited + self.since.map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        let earned = waited.as_secs_f64() / pace.unit.as_secs_f64().max(f64::MIN_POSITIVE) + USUAL_GAP;
        if f64::from(self.polls + 1) * USUAL_GAP > earned { USUAL_GAP } else { 1.0 }
    }
}

#[derive(Debug)]
struct Pending {
    due: Instant,
    pause: f64,
    misses: u32,
    waiters: Vec<oneshot::Sender<Result<(), Error>>>,
}

impl Waiter {
    /// Waits until all of the actions have ended; the first failure in their order is the answer.
    pub(crate) async fn wait(
        &self,
        source: Arc<dyn ActionSource>,
        pace: Pace,
        actions: Vec<Action>,
    ) -> Result<(), Error> {
        let mut waiting = Vec::with_capacity(actions.len());
        let due = Instant::now() + pace.unit.mul_f64(typical_seconds_of_all(&actions));
        for action in actions {
            waiting.push(match action.status {
                ActionStatus::Success => Err(Ok(())),
                ActionStatus::Error => Err(Err(Error::Action(Box::new(action)))),
                ActionStatus::Running | ActionStatus::Unknown => Ok(self.register(&action, due)),
            });
        }
        if waiting.iter().any(Result::is_ok) {
            self.ensure_poller(&source, pace);
        }
        let mut outcome = Ok(());
        for one in waiting {
            let ended = match one {
                Err(ended) => ended,
                Ok(receiver) => tokio::select! {
                    biased;
                    // A poller that went without an answer went down with its runtime.
                    ended = receiver => ended.unwrap_or(Err(Error::Stopped)),
                    () = source.stopped() => Err(Error::Stopped),
                },
            };
            outcome = outcome.and(ended);
        }
        outcome
    }

    fn register(&self, action: &Action, due: Instant) -> oneshot::Receiver<Result<(), Error>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.shared.state.lock();
        state
            .pending
            .entry(action.id)
            .or_insert_with(|| Pending { due, pause: 1.0, misses: 0, waiters: Vec::new() })
            .waiters
            .push(sender);
        receiver
    }

    fn ensure_poller(&self, source: &Arc<dyn ActionSource>, pace: Pace) {
        let mut state = self.shared.state.lock();
        if state.polling {
            self.shared.changed.notify_one();
        } else {
            state.polling = true;
            state.since = Some(Instant::now());
            tokio::spawn(poll(Arc::clone(&self.shared), Arc::clone(source), pace));
        }
    }
}

/// Marks the poller as gone when it ends early, so that nobody waits for it and the next wait starts another.
struct Polling {
    shared: Arc<Shared>,
    /// It ended with nothing pending, and said so already.
    done: bool,
}

impl Drop for Polling {
    fn drop(&mut self) {
        if !self.done {
            let mut state = self.shared.state.lock();
            state.rest();
            state.pending.clear();
        }
    }
}

async fn poll(shared: Arc<Shared>, source: Arc<dyn ActionSource>, pace: Pace) {
    let mut polling = Polling { shared: Arc::clone(&shared), done: false };
    loop {
        let step = next_step(&mut shared.state.lock(), pace);
        match step {
            Step::Done => {
                polling.done = true;
                return;
            }
            Step::Sleep(until) => {
                tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    () = shared.changed.notified() => {}
                    () = source.stopped() => return,
                }
            }
            Step::Read(ids) => {
                let answer = tokio::select! {
                    answer = source.read(ids.clone()) => answer,
                    () = source.stopped() => return,
                };
                settle(&mut shared.state.lock(), pace, &ids, answer);
            }
        }
    }
}

enum Step {
    Done,
    Sleep(Instant),
    Read(Vec<i64>),
}

fn next_step(state: &mut State, pace: Pace) -> Step {
    state.pending.retain(|_, pending| {
        pending.waiters.retain(|waiter| !waiter.is_closed());
        !pending.waiters.is_empty()
    });
    let Some(earliest) = state.pending.values().map(|p| p.due).min() else {
        // In the same breath as seeing nothing pending: whoever comes next starts another poller.
        state.rest();
        return Step::Done;
    };
    let now = Instant::now();
    // However many wait: never more than one request in a unit, and one in two on average.
    let possible = state.last_poll.map_or(earliest, |last| {
        let soonest = last + pace.unit.mul_f64(state.gap(pace, earliest.max(last + pace.unit)));
        earliest.max(soonest)
    });
    // What was begun together is done together, but for a moment: one look at all of it instead of one too early for half.
    let together = possible + pace.unit.mul_f64(TOGETHER);
    let soon = state.pending.values().map(|p| p.due).filter(|due| *due <= together).max();
    let allowed = soon.map_or(possible, |soon| possible.max(soon));
    if allowed > now {
        return Step::Sleep(allowed);
    }
    // Those due come first; the rest of the request is filled with those due next, since it costs the same.
    let mut order: Vec<(Instant, i64)> = state.pending.iter().map(|(&id, p)| (p.due, id)).collect();
    order.sort_unstable();
    order.truncate(IDS_PER_REQUEST);
    state.last_poll = Some(now);
    state.polls = state.polls.saturating_add(1);
    Step::Read(order.into_iter().map(|(_, id)| id).collect())
}

fn settle(state: &mut State, pace: Pace, asked: &[i64], answer: Result<Vec<Action>, Error>) {
    let actions = match answer {
        Ok(actions) => actions,
        Err(error) => {
            for id in asked {
                finish(state, *id, &Err(error.clone()));
            }
            return;
        }
    };
    let now = Instant::now();
    let mut known: BTreeMap<i64, Action> = actions.into_iter().map(|action| (action.id, action)).collect();
    for &id in asked {
        match known.remove(&id) {
            Some(action) if action.status == ActionStatus::Success => finish(state, id, &Ok(())),
            Some(action) if action.status == ActionStatus::Error => {
                finish(state, id, &Err(Error::Action(Box::new(action))));
            }
            seen => {
                let Some(pending) = state.pending.get_mut(&id) else { continue };
                pending.misses = if seen.is_some() { 0 } else { pending.misses + 1 };
                if pending.misses >= MOST_MISSES {
                    finish(state, id, &Err(Error::ActionVanished(id)));
                } else {
                    // Filling up a request for others must not make this one's pauses grow.
                    if pending.due <= now {
                        pending.due = now + pause(pace, pending.pause);
                        pending.pause = (pending.pause * GROWTH).min(LONGEST_PAUSE);
                    }
                }
            }
        }
    }
}

fn pause(pace: Pace, units: f64) -> Duration {
    pace.unit.mul_f64(units)
}

fn finish(state: &mut State, id: i64, outcome: &Result<(), Error>) {
    for waiter in state.pending.remove(&id).into_iter().flat_map(|p| p.waiters) {
        // Who waited may have gone.
        let _ = waiter.send(outcome.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Actions that end at set times, and the times of the polls.
    #[derive(Default)]
    struct Fake {
        ends: BTreeMap<i64, (Instant, ActionStatus)>,
        polls: Mutex<Vec<(Instant, usize)>>,
        fails: bool,
    }

    impl ActionSource for Fake {
        fn read(
            &self,
            ids: Vec<i64>,
        ) -> Pin<Box<dyn Future<Output = Result<Vec<Action>, Error>> + Send + '_>> {
            let now = Instant::now();
            self.polls.lock().push((now, ids.len()));
            let state = |id| {
                let &(end, status) = self.ends.get(&id)?;
                Some(action(id, "attach_volume", if now < end { ActionStatus::Running } else { status }))
            };
            let answer = if self.fails {
                Err(Error::Config("down".into()))
            } else {
                Ok(ids.into_iter().filter_map(state).collect())
            };
            Box::pin(std::future::ready(answer))
        }

        fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::pending())
        }
    }

    fn action(id: i64, command: &str, status: ActionStatus) -> Action {
        Action { id, command: command.into(), status, progress: 0, resources: Vec::new(), error: None }
    }

    fn running(id: i64) -> Action {
        action(id, "attach_volume", ActionStatus::Running)
    }

    fn fake(ends: impl IntoIterator<Item = (i64, u64, ActionStatus)>) -> Arc<Fake> {
        let start = Instant::now();
        let ends =
            ends.into_iter().map(|(id, s, status)| (id, (start + Duration::from_secs(s), status))).collect();
        Arc::new(Fake { ends, ..Fake::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn ended_actions_cost_no_poll() {
        let (waiter, fake) = (Waiter::default(), fake([]));
        let done = vec![action(1, "create_server", ActionStatus::Success)];
        waiter.wait(fake.clone(), Pace::REAL, done).await.unwrap();
        let failed =
            vec![action(1, "create_server", ActionStatus::Error), action(2, "x", ActionStatus::Success)];
        assert!(
            matches!(waiter.wait(fake.clone(), Pace::REAL, failed).await, Err(Error::Action(a)) if a.id == 1)
        );
        assert!(fake.polls.lock().is_empty());
    }

    #[test]
    fn a_server_is_looked_at_when_it_is_created_and_started() {
        let running = |command| action(1, command, ActionStatus::Running);
        for (actions, seconds) in [
            (vec![running("create_server")], 8.0),
            (vec![running("create_server"), running("start_server")], 11.0),
            (vec![action(1, "create_server", ActionStatus::Success), running("start_server")], 3.0),
            (vec![running("apply_firewall"), running("apply_firewall"), running("attach_volume")], 2.0),
            (vec![], 0.0),
        ] {
            assert_eq!(typical_seconds_of_all(&actions), seconds, "{actions:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sixty_waiters_share_polls_of_50_ids_at_most_one_a_second() {
        let waiter = Arc::new(Waiter::default());
        let fake = fake((0..60).map(|id| (id, 1 + id as u64 % 13, ActionStatus::Success)));
        let start = Instant::now();
        let tasks: Vec<_> = (0..60)
            .map(|id| {
                let (waiter, fake) = (waiter.clone(), fake.clone());
                tokio::spawn(async move { waiter.wait(fake, Pace::REAL, vec![running(id)]).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let polls = fake.polls.lock();
        assert!(polls.iter().all(|&(_, ids)| ids <= 50), "{polls:?}");
        assert!(polls.windows(2).all(|pair| pair[1].0 - pair[0].0 >= Duration::from_secs(1)), "{polls:?}");
        assert_eq!(polls[0].0 - start, Duration::from_secs(2), "the typical time of attach_volume");
        assert!(start.elapsed() <= Duration::from_secs(20), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn many_short_waits_are_polled_for_once_in_two_seconds_on_average() {
        let waiter = Waiter::default();
        let start = Instant::now();
        let mut polls = 0;
        for id in 0..20 {
            // Each takes half a second longer than it usually does.
            let end = Instant::now() + Duration::from_millis(2500);
            let ends = BTreeMap::from([(id, (end, ActionStatus::Success))]);
            let fake = Arc::new(Fake { ends, ..Fake::default() });
            waiter.wait(fake.clone(), Pace::REAL, vec![running(id)]).await.unwrap();
            polls += fake.polls.lock().len();
        }
        let average = start.elapsed().as_secs_f64() / (polls - 1) as f64;
        assert!((2.0..2.6).contains(&average), "{polls} polls in {:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_within_a_moment_is_seen_by_one_request() {
        let (waiter, fake) =
            (Arc::new(Waiter::default()), fake((0..40).map(|id| (id, 3, ActionStatus::Success))));
        let mut tasks = Vec::new();
        for id in 0..40 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let (waiter, fake) = (waiter.clone(), fake.clone());
            let start = action(id, "start_server", ActionStatus::Running);
            tasks.push(tokio::spawn(async move { waiter.wait(fake, Pace::REAL, vec![start]).await }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(fake.polls.lock().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_from_one_to_five_seconds() {
        let (waiter, fake) = (Waiter::default(), fake([(7, 60, ActionStatus::Success)]));
        waiter.wait(fake.clone(), Pace::REAL, vec![running(7)]).await.unwrap();
        let polls = fake.polls.lock();
        let pauses: Vec<f64> = polls.windows(2).map(|p| (p[1].0 - p[0].0).as_secs_f64()).collect();
        assert_eq!(pauses[..4], [1.0, 1.5, 2.25, 3.375].map(|s: f64| (s * 1000.0).round() / 1000.0));
        assert!(pauses[4..].iter().all(|&s| (s - 5.0).abs() < 0.1), "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn all_end_before_the_first_failure_in_order_is_told() {
        let waiter = Waiter::default();
        let fake =
            fake([(1, 9, ActionStatus::Error), (2, 3, ActionStatus::Error), (3, 30, ActionStatus::Success)]);
        let start = Instant::now();
        let outcome = waiter.wait(fake, Pace::REAL, (1..=3).map(running).collect()).await;
        assert!(matches!(outcome, Err(Error::Action(a)) if a.id == 1));
        assert!(start.elapsed() >= Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn an_action_that_is_never_answered_counts_as_vanished() {
        let waiter = Waiter::default();
        let fake = fake([]);
        let outcome = waiter.wait(fake.clone(), Pace::REAL, vec![running(5)]).await;
        assert!(matches!(outcome, Err(Error::ActionVanished(5))), "{outcome:?}");
        assert_eq!(fake.polls.lock().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_poll_reaches_those_it_was_for_and_the_next_wait_polls_anew() {
        let waiter = Waiter::default();
        let down = Arc::new(Fake { fails: true, ..Fake::default() });
        assert!(waiter.wait(down, Pace::REAL, vec![running(1)]).await.is_err());
        let up = fake([(1, 2, ActionStatus::Success)]);
        waiter.wait(up, Pace::REAL, vec![running(1)]).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn waits_that_were_given_up_are_not_polled_for() {
        let (waiter, fake) = (Waiter::default(), fake([(1, 1000, ActionStatus::Success)]));
        let wait = waiter.wait(fake.clone(), Pace::REAL, vec![running(1)]);
        assert!(tokio::time::timeout(Duration::from_secs(4), wait).await.is_err());
        let polls = fake.polls.lock().len();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(fake.polls.lock().len(), polls);
    }
}
