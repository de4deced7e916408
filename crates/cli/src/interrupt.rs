//! Ctrl-C and SIGTERM. While a plan is made or approved, nothing has begun and the first ends the program. While changes are
//! made, the first asks to finish what is under way, the second to stop waiting.

use ferroform_engine::StopLevel;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::terminal::Terminal;

/// Listens from now on; the receiver tells how far stopping has been asked for.
pub(crate) fn listen() -> watch::Receiver<StopLevel> {
    let (sender, receiver) = watch::channel(StopLevel::Run);
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for level in [StopLevel::Finish, StopLevel::Abandon] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send(level).is_err() {
                return;
            }
        }
    });
    receiver
}

/// While this is held, the first signal ends the program: nothing has begun that would have to be finished. What would be left
/// of the lock on the state goes before.
pub(crate) struct EndsAtOnce {
    task: JoinHandle<()>,
}

impl EndsAtOnce {
    /// From now on. `before` is done first, see [`Manager::at_exit`](ferroform_state::Manager::at_exit).
    pub(crate) fn new(terminal: &Terminal, before: Option<Box<dyn FnOnce() + Send>>) -> Self {
        let terminal = terminal.clone();
        let task = tokio::spawn(async move {
            let mut stop = listen();
            if stop.wait_for(|level| *level > StopLevel::Run).await.is_err() {
                return;
            }
            if let Some(before) = before {
                before();
            }
            terminal.print_error("\nInterrupted. Nothing was begun.\n");
            std::process::exit(1);
        });
        EndsAtOnce { task }
    }
}

impl Drop for EndsAtOnce {
    fn drop(&mut self) {
        self.task.abort();
    }
}
