//! What the engine tells of its work, while it works.

mod json;
mod lines;
mod live;
mod under_way;

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ferroform_engine::applying::Done;
use ferroform_engine::events::{Event, EventSink};

use super::style::{Paint, Style};
use json::JsonTeller;
use lines::Teller;
use live::Board;

/// Tells the time.
trait Clock: Send + Sync {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;
    /// The present moment in RFC 3339.
    fn moment(&self) -> String;
}

/// The time since it was made.
struct Monotonic(Instant);

impl Monotonic {
    fn start() -> Self {
        Monotonic(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn moment(&self) -> String {
        moment()
    }
}

/// The present moment in RFC 3339, UTC, with microseconds.
pub(crate) fn moment() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Words what happens, for people or programs.
trait Tell: Send {
    /// The lines for an event.
    fn tell(&mut self, event: Event, clock: &dyn Clock) -> Vec<String>;
    /// Lines for what has been under way for long, or longer than when it was last said.
    fn still(&mut self, clock: &dyn Clock) -> Vec<String>;
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// What is under way as a list that changes, where there is a terminal.
    Live,
    /// A line for each event.
    Lines,
    /// A message of JSON for each event, see [`messages`](super::messages).
    Json,
}

/// Where finished lines go, who words them, and what is shown below them.
enum Output {
    Lines(Box<dyn Tell>, Box<dyn Write + Send>),
    Live(Teller, Board),
}

/// The progress of one run: a line for each event; on a terminal also what is under way, with its times.
///
/// Used for one plan or one apply. [`Progress::finish`] leaves the terminal clean; dropping does too.
pub(crate) struct Progress {
    shared: Arc<Mutex<Shared>>,
    ticker: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

struct Shared {
    clock: Box<dyn Clock>,
    output: Output,
}

impl Progress {
    /// Progress on standard output.
    pub(crate) fn new(style: Style, form: Form) -> Self {
        let board = if form == Form::Live { Board::on_stdout() } else { None };
        let stdout = Box::new(std::io::stdout());
        let (output, every) = match board {
            Some(board) => (Output::Live(Teller::new(style), board), Duration::from_millis(100)),
            None if form == Form::Json => {
                (Output::Lines(Box::new(JsonTeller::default()), stdout), Duration::from_secs(1))
            }
            None => (Output::Lines(Box::new(Teller::new(style)), stdout), Duration::from_secs(1)),
        };
        let progress = Self::with(Box::new(Monotonic::start()), output);
        let (stop, stopped) = channel();
        let shared = progress.shared.clone();
        let tick = move || {
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                lock(&shared).tick();
            }
        };
        // Without the thread only the times are missing.
        if let Ok(thread) = std::thread::Builder::new().name("progress".into()).spawn(tick) {
            *lock(&progress.ticker) = Some((stop, thread));
        }
        progress
    }

    fn with(clock: Box<dyn Clock>, output: Output) -> Self {
        Progress { shared: Arc::new(Mutex::new(Shared { clock, output })), ticker: Mutex::new(None) }
    }

    /// Ends the display: what was shown as being under way disappears.
    pub(crate) fn finish(&self) {
        let ticker = lock(&self.ticker).take();
        if let Some((stop, thread)) = ticker {
            drop(stop);
            // The thread does nothing that could panic and matter here.
            let _ = thread.join();
        }
        if let Output::Live(_, board) = &mut lock(&self.shared).output {
            board.clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    /// Looks at the clock: says or shows what is under way.
    fn tick(&mut self) {
        match &mut self.output {
            Output::Lines(teller, out) => write(&teller.still(&*self.clock), out),
            Output::Live(teller, board) => {
                board.show(&teller.under_way(self.clock.now()), &teller.count());
            }
        }
    }

    fn emit(&mut self, event: Event) {
        match &mut self.output {
            Output::Lines(teller, out) => write(&teller.tell(event, &*self.clock), out),
            Output::Live(teller, board) => {
                let now = self.clock.now();
                // What begins is shown as being under way, and needs no line.
                teller.line(event, now, false).iter().for_each(|line| board.line(line));
                board.show(&teller.under_way(now), &teller.count());
            }
        }
    }
}

/// A reader that has gone away is nobody's error.
fn write(lines: &[String], out: &mut impl Write) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

impl EventSink for Progress {
    fn emit(&self, event: Event) {
        lock(&self.shared).emit(event);
    }
}

/// A panic elsewhere does not make the display worse than it is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last word of `apply`, or of `destroy`.
pub(crate) fn render_done(done: Done, destroy: bool, style: &Style) -> String {
    format!("\n{}\n", style.paint(Paint::BoldGreen, last_word(done, destroy)))
}

/// The same without its place among other text.
pub(super) fn last_word(done: Done, destroy: bool) -> String {
    if destroy {
        return format!("Destroy complete! Resources: {} destroyed.", done.destroyed);
    }
    let imported = if done.imported > 0 { format!("{} imported, ", done.imported) } else { String::new() };
    format!(
        "Apply complete! Resources: {imported}{} added, {} changed, {} destroyed.",
        done.added, done.changed, done.destroyed
    )
}

#[cfg(test)]
mod tests;
