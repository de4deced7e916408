//! What holds answers back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Holds answers back until it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    open: watch::Sender<bool>,
    held: Arc<AtomicUsize>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { open: watch::Sender::new(false), held: Arc::default() }
    }

    /// Lets go what it holds, now and from now on.
    pub(super) fn open(&self) {
        self.open.send_replace(true);
    }

    pub(super) fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// How many it holds.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Waits until the gate is open, but no longer than so many milliseconds if they are given.
    pub(crate) async fn wait_at_most(&self, milliseconds: Option<u64>) {
        match milliseconds {
            None => self.wait().await,
            Some(milliseconds) => {
                // Whether it was opened or the time is over comes to the same.
                let _ = tokio::time::timeout(Duration::from_millis(milliseconds), self.wait()).await;
            }
        }
    }

    /// Waits until the gate is open; whoever gives up waiting is no longer held.
    pub(crate) async fn wait(&self) {
        struct Held<'a>(&'a AtomicUsize);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.held.fetch_add(1, Ordering::Relaxed);
        let _held = Held(&self.held);
        // It cannot be closed: this gate has a sender.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}
