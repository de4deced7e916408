//! Reads that come one by one, as Terraform asks for them, brought together into the batches that a provider answers
//! with far fewer requests.
//!
//! Terraform reads as many objects at once as its `-parallelism` allows. The first of them waits a moment for the
//! others; each that comes prolongs that moment, up to a limit.

use std::sync::Arc;
use std::time::Duration;

use ferroform_core::{Diagnostic, Value};
use ferroform_provider::{Provider, ReadRequest, ReadResponse};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// How long a batch waits for more.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// When nothing has come for so long, it is complete.
    quiet: Duration,
    /// The first of a batch waits so long at most.
    longest: Duration,
}

const PATIENCE: Patience = Patience { quiet: Duration::from_millis(10), longest: Duration::from_millis(100) };
/// How many reads a batch has at most.
const MOST: usize = 5000;

type Waiting = (ReadRequest, oneshot::Sender<ReadResponse>);

/// Where single reads go in.
#[derive(Debug, Clone)]
pub(crate) struct Batcher {
    reads: mpsc::UnboundedSender<Waiting>,
}

impl Batcher {
    /// Begins to gather reads for a provider, until all clones of this are gone.
    pub(crate) fn new(provider: Arc<dyn Provider>) -> Batcher {
        Self::patient(provider, PATIENCE)
    }

    fn patient(provider: Arc<dyn Provider>, patience: Patience) -> Batcher {
        let (reads, incoming) = mpsc::unbounded_channel();
        tokio::spawn(gather(provider, incoming, patience));
        Batcher { reads }
    }

    /// Reads one object.
    pub(crate) async fn read(&self, request: ReadRequest) -> ReadResponse {
        let lost = ReadResponse {
            state: Value::null_dynamic(),
            private: request.private.clone(),
            diagnostics: Diagnostic::error("Object not read")
                .detail(format!(
                    "The provider did not answer for an object of type {}. It has failed in a way that it should not, \
                     which its messages may tell more of.",
                    request.type_name
                ))
                .into(),
        };
        let (sender, answer) = oneshot::channel();
        match self.reads.send((request, sender)) {
            Ok(()) => answer.await.unwrap_or(lost),
            Err(_) => lost,
        }
    }
}

async fn gather(
    provider: Arc<dyn Provider>,
    mut incoming: mpsc::UnboundedReceiver<Waiting>,
    patience: Patience,
) {
    while let Some(first) = incoming.recv().await {
        let mut batch = vec![first];
        let begun = Instant::now();
        while batch.len() < MOST {
            let until = (begun + patience.longest).min(Instant::now() + patience.quiet);
            match timeout_at(until, incoming.recv()).await {
                Ok(Some(next)) => batch.push(next),
                Ok(None) | Err(_) => break,
            }
        }
        // While one batch is read, the next is gathered; a panic takes only its own batch with it.
        let provider = Arc::clone(&provider);
        tokio::spawn(async move {
            let (requests, senders): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let answers = provider.read_resources(requests).await;
            for (sender, answer) in senders.into_iter().zip(answers) {
                // Whoever asked may have gone.
                let _ = sender.send(answer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Things, thing};

    fn request(name: &str, id: u8) -> ReadRequest {
        ReadRequest { type_name: "test_thing".into(), prior: thing(name, None), private: vec![id] }
    }

    #[tokio::test]
    async fn reads_at_the_same_time_are_one_batch_and_each_gets_its_own_answer() {
        let provider = Things::new();
        // Long beside what a busy machine takes to start seven tasks.
        let patience = Patience { quiet: Duration::from_millis(300), longest: Duration::from_secs(60) };
        let batcher = Batcher::patient(provider.clone(), patience);
        let read = |id: u8| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.read(request(&id.to_string(), id)).await })
        };
        for (id, read) in (0..7).map(read).collect::<Vec<_>>().into_iter().enumerate() {
            let answer = read.await.unwrap();
            assert_eq!((answer.state, answer.private), (thing(&id.to_string(), None), vec![id as u8]));
        }
        assert_eq!(*provider.batches.lock().unwrap(), [7]);
        batcher.read(request("later", 8)).await;
        assert_eq!(*provider.batches.lock().unwrap(), [7, 1]);
    }

    #[tokio::test]
    async fn a_steady_flow_is_cut_at_the_limit() {
        let provider = Things::new();
        // It is never quiet for so long, so only the limit ends a batch.
        let patience = Patience { quiet: Duration::from_secs(60), longest: Duration::from_millis(20) };
        let batcher = Batcher::patient(provider.clone(), patience);
        let mut reads = Vec::new();
        for id in 0..20 {
            let batcher = batcher.clone();
            reads.push(tokio::spawn(async move { batcher.read(request("thing", id)).await }));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for read in reads {
            read.await.unwrap();
        }
        let batches = provider.batches.lock().unwrap().clone();
        assert_eq!(batches.iter().sum::<usize>(), 20);
        assert!(batches.len() >= 2, "{batches:?}");
    }

    #[tokio::test]
    async fn a_panic_is_told_and_ends_nothing_else() {
        let batcher = Batcher::new(Things::new());
        let answer = batcher.read(request("panic", 1)).await;
        assert_eq!(answer.diagnostics.0[0].summary, "Object not read");
        assert!(batcher.read(request("thing", 2)).await.diagnostics.is_empty());
    }
}
