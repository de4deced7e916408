//! The HTTP side: reads requests, has them answered, and delivers the answers.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::response::Response;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::keys;
use super::model::{Caller, Storage};
use super::operation::{Request, operation, parse_query};
use super::refusal::{Refused, not_implemented};
use super::signature::{content, signer};
use crate::clock::http_date;
use crate::connection::{CuttableListener, Cutter};
use crate::faults::{Gate, Strike, Subject};
use crate::http::Shared;
use crate::world::Refusal;

/// The longest body of a request; longer objects are sent in parts.
const LONGEST_BODY: usize = 512 << 20;

/// An answer that is not an error.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Reply {
    /// Without a body.
    pub(super) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A document.
    pub(super) fn xml(document: String) -> Reply {
        Reply { body: document.into(), ..Reply::empty(200) }.with("content-type", "application/xml")
    }

    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Object storage that is being served.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// `http://127.0.0.1:PORT`
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it at once.
    pub(crate) fn abort(&self) {
        self.task.abort();
    }
}

/// What all connections share.
#[derive(Debug)]
struct Place {
    shared: Arc<Shared>,
    storage: Arc<Mutex<Storage>>,
}

/// How often a port that is taken is tried, ten milliseconds apart: whoever served there before may still be letting go of it.
const TRIES: u32 = 200;

/// Listens where somebody listened a moment ago.
async fn bind_again(address: (IpAddr, u16)) -> io::Result<TcpListener> {
    for _ in 1..TRIES {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            other => return other,
        }
    }
    TcpListener::bind(address).await
}

/// Serves storage at a free port of an address: at the one noted in `port_file` if that is free still, so that addresses
/// which were given away stay good.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    storage: Arc<Mutex<Storage>>,
    ip: IpAddr,
    port_file: Option<PathBuf>,
) -> io::Result<Server> {
    let noted = port_file.as_ref().and_then(|path| std::fs::read_to_string(path).ok()?.trim().parse().ok());
    let listener = match noted {
        Some(port) => match bind_again((ip, port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((ip, 0)).await?,
        },
        None => TcpListener::bind((ip, 0)).await?,
    };
    let address = listener.local_addr()?;
    if let Some(path) = port_file
        && noted != Some(address.port())
    {
        std::fs::write(path, format!("{}\n", address.port()))?;
    }
    let mut stop = shared.stop.subscribe();
    let router = Router::new().fallback(handle).with_state(Arc::new(Place { shared, storage }));
    let service = router.into_make_service_with_connect_info::<Cutter>();
    let task = tokio::spawn(async move {
        let stopped = async move {
            // The sender lives as long as the handle does.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        // It only ends when told to.
        let _ = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(stopped).await;
    });
    Ok(Server { address, task })
}

/// What becomes of the connection once a request was executed.
enum Ending {
    Send,
    Drop,
    Hold(Gate),
    Delay(u64),
    TimeOut(Gate, Option<u64>),
}

async fn handle(
    State(place): State<Arc<Place>>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    request: HttpRequest,
) -> Response {
    place.shared.touch();
    let (parts, body) = request.into_parts();
    let is_head = parts.method == http::Method::HEAD;
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|known| {
                known.push(',');
                known.push_str(&value);
            })
            .or_insert(value);
    }
    let body = axum::body::to_bytes(body, LONGEST_BODY).await;
    let request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parse_query(parts.uri.query().unwrap_or_default()),
        headers,
        body: body.as_ref().map(Bytes::clone).unwrap_or_default(),
    };
    let operation = operation(&request);
    let (now, ending, refusal) = judge(&place, &request, operation);
    // What is not executed and gets no answer is cut off before it ends.
    let ending = match ending {
        Ending::Drop if refusal.is_some() => {
            cutter.cut();
            Ending::Drop
        }
        other => other,
    };
    let outcome = match refusal {
        Some(refused) => Err(refused),
        None if body.is_err() => {
            Err(Refused::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"))
        }
        None => {
            let at = Arc::clone(&place);
            // Files are read and written.
            let work = tokio::task::spawn_blocking(move || execute(&at, operation, &request, now));
            let failed = |_| Err(Refused::new(500, "InternalError", "The request came to no end"));
            work.await.unwrap_or_else(failed)
        }
    };
    match ending {
        Ending::Send => {}
        Ending::Drop => cutter.cut(),
        Ending::Hold(gate) => gate.wait().await,
        Ending::Delay(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
        Ending::TimeOut(gate, milliseconds) => {
            gate.wait_at_most(milliseconds).await;
            cutter.cut();
        }
    }
    place.shared.touch();
    respond(outcome, parts.uri.path(), is_head, now)
}

/// What the cloud has to say about a request before it is executed: the time, what becomes of the answer, and an error
/// that a fault wants.
fn judge(
    place: &Place,
    request: &Request,
    operation: Option<&'static str>,
) -> (i64, Ending, Option<Refused>) {
    let mut core = place.shared.core.lock();
    let mut now = core.clock.now();
    let method = request.method.as_str();
    let path = format!("/s3/{}", operation.unwrap_or("(none)"));
    if core.is_closed() {
        let closed = Refused::new(503, "ServiceUnavailable", "The local cloud has ended");
        return (now, Ending::Drop, Some(closed));
    }
    core.stats.count(method, &path);
    let (bucket, key) = request.target();
    let names = [bucket.as_str(), key.as_str()];
    let subject = Subject::new(method, &path).with_names(&names);
    let unexecuted = || Some(Refused::new(503, "ServiceUnavailable", ""));
    let (ending, refusal) = match core.faults.strike(&subject, None) {
        None => (Ending::Send, None),
        Some(Strike::JumpClock { milliseconds }) => {
            core.clock.jump(milliseconds);
            now = core.clock.now();
            (Ending::Send, None)
        }
        Some(Strike::Answer(Refusal { status, code, message, .. })) => {
            (Ending::Send, Some(Refused::new(status, &code, message)))
        }
        // Its keys are not the token, and are not revoked with it; this request is refused all the same.
        Some(Strike::Revoked) => (Ending::Send, Some(Refused::new(403, "AccessDenied", "Access Denied."))),
        Some(Strike::RateLimit) => {
            (Ending::Send, Some(Refused::new(503, "SlowDown", "Please reduce your request rate.")))
        }
        Some(Strike::Drop { execute }) => (Ending::Drop, if execute { None } else { unexecuted() }),
        Some(Strike::TimeOut { execute, gate, milliseconds }) => {
            (Ending::TimeOut(gate, milliseconds), if execute { None } else { unexecuted() })
        }
        Some(Strike::Hold(gate)) => (Ending::Hold(gate), None),
        Some(Strike::Delay { milliseconds }) => (Ending::Delay(milliseconds), None),
    };
    (now, ending, refusal)
}

/// Executes a request.
fn execute(
    place: &Place,
    operation: Option<&'static str>,
    request: &Request,
    now: i64,
) -> Result<Reply, Refused> {
    let secret = |access_key: &str| {
        let core = place.shared.core.lock();
        core.world.projects.keys().find_map(|project| {
            let (known, secret) = keys(project);
            (known == access_key).then(|| (project.clone(), secret))
        })
    };
    let signer = signer(request, secret)?;
    let operation = operation.ok_or_else(not_implemented)?;
    let body = content(request)?;
    let (project, region) = signer.map_or((None, String::new()), |(project, region)| (Some(project), region));
    let caller = &Caller { project, region, now };
    let (bucket, key) = request.target();
    let (name, key) = (bucket.as_str(), key.as_str());
    let mut storage = place.storage.lock();
    match operation {
        "ListBuckets" => storage.list_buckets(caller),
        "CreateBucket" => storage.create_bucket(caller, name, request, &body),
        "HeadBucket" => storage.head_bucket(caller, name),
        "DeleteBucket" => storage.delete_bucket(caller, name),
        "GetBucketLocation" => storage.get_bucket_location(caller, name),
        "GetBucketAcl" => storage.get_bucket_acl(caller, name),
        "PutBucketAcl" => storage.put_bucket_acl(caller, name, request, &body),
        "GetBucketVersioning" => storage.get_versioning(caller, name),
        "PutBucketVersioning" => storage.put_versioning(caller, name, &body),
        "GetBucketPolicy" => storage.get_policy(caller, name),
        "PutBucketPolicy" => storage.put_policy(caller, name, &body),
        "DeleteBucketPolicy" => storage.delete_policy(caller, name),
        "GetBucketLifecycleConfiguration" => storage.get_lifecycle(caller, name),
        "PutBucketLifecycleConfiguration" => storage.put_lifecycle(caller, name, &body),
        "DeleteBucketLifecycle" => storage.delete_lifecycle(caller, name),
        "GetBucketCors" => storage.get_cors(caller, name),
        "PutBucketCors" => storage.put_cors(caller, name, &body),
        "DeleteBucketCors" => storage.delete_cors(caller, name),
        "GetObjectLockConfiguration" => storage.get_object_lock(caller, name),
        "PutObjectLockConfiguration" => storage.put_object_lock(caller, name, &body),
        "ListObjects" => storage.list_objects(caller, name, request, false),
        "ListObjectsV2" => storage.list_objects(caller, name, request, true),
        "ListObjectVersions" => storage.list_versions(caller, name, request),
        "ListMultipartUploads" => storage.list_uploads(caller, name, request),
        "DeleteObjects" => storage.delete_objects(caller, name, request, &body),
        "PutObject" => storage.put_object(caller, name, key, request, body),
        "CopyObject" => storage.copy_object(caller, name, key, request),
        "GetObject" => storage.get_object(caller, name, key, request, true),
        "HeadObject" => storage.get_object(caller, name, key, request, false),
        "DeleteObject" => storage.delete_object(caller, name, key, request),
        "CreateMultipartUpload" => storage.create_upload(caller, name, key, request),
        "UploadPart" => storage.upload_part(caller, name, key, request, body),
        "ListParts" => storage.list_parts(caller, name, key, request),
        "CompleteMultipartUpload" => storage.complete_upload(caller, name, key, request, &body),
        "AbortMultipartUpload" => storage.abort_upload(caller, name, key, request),
        _ => Err(not_implemented()),
    }
}

fn respond(outcome: Result<Reply, Refused>, resource: &str, is_head: bool, now: i64) -> Response {
    let request_id = uuid::Uuid::new_v4().simple().to_string();
    let reply = outcome.unwrap_or_else(|refused| {
        let body = if is_head || refused.status == 304 {
            Bytes::new()
        } else {
            refused.body(resource, &request_id).into()
        };
        let reply = Reply { status: refused.status, body, ..Reply::empty(0) };
        refused
            .headers
            .into_iter()
            .fold(reply, |reply, (name, value)| reply.with(name, value))
            .with("content-type", "application/xml")
    });
    let mut builder = Response::builder()
        .status(reply.status)
        .header("date", http_date(now))
        .header("x-amz-request-id", request_id);
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    // Only a fault's own status can be one that HTTP does not know.
    builder.body(Body::from(reply.body)).unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
