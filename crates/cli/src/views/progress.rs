//! What the engine tells of its work, while it works.

mod lines;
mod live;

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ferroform_engine::applying::Done;
use ferroform_engine::events::{Event, EventSink};
use ferroform_plan::PlanMode;

use super::style::{Paint, Style};
use lines::Teller;
use live::Board;

/// Tells the time that has passed.
trait Clock: Send + Sync {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;
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
}

/// Where finished lines go, and what is shown below them.
enum Output {
    Lines(Box<dyn Write + Send>),
    Live(Board),
}

/// The progress of one run: a line for each event; on a terminal also what is under way, with its times.
///
/// Used for one plan or one apply. [`Progress::finish`] leaves the terminal clean; dropping does too.
pub(crate) struct Progress {
    shared: Arc<Mutex<Shared>>,
    ticker: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

struct Shared {
    teller: Teller,
    clock: Box<dyn Clock>,
    output: Output,
}

impl Progress {
    /// Progress on standard output: as a live list if it is `interactive`, as lines otherwise.
    pub(crate) fn new(style: Style, interactive: bool) -> Self {
        let board = if interactive { Board::on_stdout() } else { None };
        let (output, every) = match board {
            Some(board) => (Output::Live(board), Duration::from_millis(100)),
            None => (Output::Lines(Box::new(std::io::stdout())), Duration::from_secs(1)),
        };
        let progress = Self::with(style, Box::new(Monotonic::start()), output);
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

    fn with(style: Style, clock: Box<dyn Clock>, output: Output) -> Self {
        let shared = Shared { teller: Teller::new(style), clock, output };
        Progress { shared: Arc::new(Mutex::new(shared)), ticker: Mutex::new(None) }
    }

    /// Ends the display: what was shown as being under way disappears.
    pub(crate) fn finish(&self) {
        let ticker = lock(&self.ticker).take();
        if let Some((stop, thread)) = ticker {
            drop(stop);
            // The thread does nothing that could panic and matter here.
            let _ = thread.join();
        }
        if let Output::Live(board) = &mut lock(&self.shared).output {
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
        let now = self.clock.now();
        match &mut self.output {
            Output::Lines(_) => {
                let lines = self.teller.still(now);
                self.write(&lines);
            }
            Output::Live(board) => board.show(&self.teller.under_way(now), &self.teller.count()),
        }
    }

    fn emit(&mut self, event: Event) {
        let now = self.clock.now();
        // On a terminal what begins is shown as being under way, and needs no line.
        let live = matches!(self.output, Output::Live(_));
        let lines = self.teller.tell(event, now, !live);
        self.write(&lines);
        if let Output::Live(board) = &mut self.output {
            board.show(&self.teller.under_way(now), &self.teller.count());
        }
    }

    fn write(&mut self, lines: &[String]) {
        match &mut self.output {
            // A reader that has gone away is nobody's error.
            Output::Lines(out) => {
                let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            }
            Output::Live(board) => lines.iter().for_each(|line| board.line(line)),
        }
    }
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

/// The last word of an apply.
pub(crate) fn render_done(done: Done, mode: PlanMode, style: &Style) -> String {
    let text = match mode {
        PlanMode::Destroy => format!("Destroy complete! Resources: {} destroyed.", done.destroyed),
        PlanMode::Normal | PlanMode::RefreshOnly => {
            let imported =
                if done.imported > 0 { format!("{} imported, ", done.imported) } else { String::new() };
            format!(
                "Apply complete! Resources: {imported}{} added, {} changed, {} destroyed.",
                done.added, done.changed, done.destroyed
            )
        }
    };
    format!("\n{}\n", style.paint(Paint::BoldGreen, text))
}

#[cfg(test)]
mod tests;
