//! The HTTP side: reads requests, has them answered, and delivers the answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use http::header::AUTHORIZATION;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::connection::Cutter;
use crate::control::snapshot;
use crate::core::{Core, Delivery, Incoming, Outgoing, Work};
use crate::world::Refusal;

/// Longest body of a request: user data of 32 KiB and certificates fit well.
const MAX_BODY: usize = 1 << 20;
/// Longest body of a request to the emulator's own API: a recorded log may be that long.
const MAX_CONTROL_BODY: usize = 64 << 20;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) core: Mutex<Core>,
    /// When the last request came or was answered.
    pub(crate) active: Mutex<Instant>,
    /// Becomes true when the emulator is to end.
    pub(crate) stop: watch::Sender<bool>,
    /// Told of every request that may have begun something.
    pub(crate) stir: Notify,
}

impl Shared {
    pub(crate) fn touch(&self) {
        *self.active.lock() = Instant::now();
    }
}

/// Answers one request.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    request: Request,
) -> Response {
    shared.touch();
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let limit = match parts.uri.path() {
        "/_emulator/snapshot" => snapshot::LONGEST,
        path if path.starts_with("/_emulator/") => MAX_CONTROL_BODY,
        _ => MAX_BODY,
    };
    let Ok(body) = axum::body::to_bytes(body, limit).await else {
        let message = format!("the body is longer than {} MiB or was cut off", limit >> 20);
        let refusal = Refusal::new("json_error", message);
        return respond(shared.core.lock().refuse(&refusal));
    };
    let incoming = Incoming {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        authorization: parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()),
        body: &body,
    };
    let mut outgoing = shared.core.lock().handle(&incoming);
    if incoming.method != "GET" {
        shared.stir.notify_one();
    }
    if let Some(saved) = outgoing.saved.take()
        && !saved.await.unwrap_or(false)
    {
        let message = "the change could not be saved to disk; restart the emulator once there is space";
        let refused = shared.core.lock().refuse(&Refusal::new("server_error", message));
        outgoing = Outgoing { entry: outgoing.entry, ..refused };
    }
    let dropped = matches!(outgoing.delivery, Delivery::Drop | Delivery::TimeOut(..));
    match std::mem::replace(&mut outgoing.delivery, Delivery::Send) {
        Delivery::Send => {}
        Delivery::Drop => cutter.cut(),
        Delivery::Hold(gate) => gate.wait().await,
        Delivery::Delay(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
        Delivery::TimeOut(gate, milliseconds) => {
            gate.wait_at_most(milliseconds).await;
            cutter.cut();
        }
        Delivery::Work(Work(work)) => {
            let failed = || Err(Refusal::new("server_error", "what was asked for came to no end"));
            let result = tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| failed());
            outgoing = outgoing.with_result(result);
        }
        Delivery::Stop => {
            shared.stop.send_replace(true);
        }
    }
    if let Some(entry) = outgoing.entry {
        let status = (!dropped).then_some(outgoing.status);
        shared.core.lock().requests.delivered(entry, status, begun.elapsed());
    }
    shared.touch();
    respond(outgoing)
}

/// How often a world that is real is looked at: while something is under way, and else.
const BUSY: Duration = Duration::from_millis(50);
const CALM: Duration = Duration::from_secs(1);

/// Lets things happen in a world that is real, whether there are requests or not, until the emulator ends.
pub(crate) async fn keep_going(shared: Arc<Shared>) {
    let mut stop = shared.stop.subscribe();
    loop {
        let busy = shared.core.lock().poll();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = shared.stir.notified(), if !busy => {}
            () = tokio::time::sleep(if busy { BUSY } else { CALM }) => {}
        }
    }
}

fn respond(outgoing: Outgoing) -> Response {
    let mut builder = Response::builder().status(outgoing.status);
    for (name, value) in outgoing.headers {
        builder = builder.header(name, value);
    }
    // Only a fault's own status can be one that HTTP does not know.
    builder.body(Body::from(outgoing.body)).unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
