//! Ctrl-C and SIGTERM: the first asks to finish what is under way, the second to stop waiting.

use ferroform_engine::StopLevel;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

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
