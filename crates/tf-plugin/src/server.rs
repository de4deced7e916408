//! The process side of a plugin, as HashiCorp's go-plugin has it: who starts it says in the environment what it
//! expects, the plugin says on standard output where it listens, and ends when it is told to.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ferroform_provider::Provider;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::rpc::Rpc;
use crate::service::Service;
use crate::tls::{self, Tls};

/// The variable by which Terraform tells a plugin that it is the one who starts it, and its value. Not a secret.
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");
/// The version of go-plugin's own protocol, and that of Terraform's provider protocol.
const VERSIONS: (u32, u32) = (1, 6);
/// How long requests that run may go on when the end is asked for. go-plugin kills after two seconds.
const GRACE: Duration = Duration::from_millis(1500);
/// How often it is looked whether whoever started this process is still there.
const PARENT_CHECK: Duration = Duration::from_secs(1);
/// A handshake of TLS that takes longer is given up.
const TLS_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a plugin does not start.
#[derive(Debug)]
pub enum StartError {
    /// Somebody other than Terraform started it.
    NotAPlugin,
    /// There can be no mutual TLS.
    Tls(String),
    /// There is no socket to listen on.
    Listen(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NotAPlugin => f.write_str(
                "this is a plugin: Terraform and OpenTofu start it when a configuration needs it, and it does nothing by itself",
            ),
            StartError::Tls(problem) => f.write_str(problem),
            StartError::Listen(error) => write!(f, "cannot listen on a socket of its own: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// What the client wants, told in the environment.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    cookie: bool,
    client_certificate: Option<String>,
    socket_dir: Option<PathBuf>,
}

impl Expectations {
    /// Reads them from environment variables, which `lookup` gives by name.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Expectations {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        Expectations {
            cookie: lookup(COOKIE.0).as_deref() == Some(COOKIE.1),
            client_certificate: set("PLUGIN_CLIENT_CERT"),
            socket_dir: set("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
        }
    }
}

/// A plugin that listens.
pub struct Server {
    listener: UnixListener,
    /// Holds the socket, for this user alone; removed at the end.
    _dir: TempDir,
    tls: Option<TlsAcceptor>,
    rpc: Rpc,
    stop: watch::Receiver<bool>,
    handshake: String,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

impl Server {
    /// Begins to listen, for a client that expects this. Must be called in a Tokio runtime.
    ///
    /// # Errors
    /// When nobody expects a plugin, the client's certificate is none, or no socket can be made.
    pub fn start(expected: &Expectations, provider: Arc<dyn Provider>) -> Result<Server, StartError> {
        if !expected.cookie {
            return Err(StartError::NotAPlugin);
        }
        let client = expected.client_certificate.as_deref();
        let tls = client.map(tls::admitting).transpose().map_err(StartError::Tls)?;
        let dir = expected.socket_dir.clone().unwrap_or_else(std::env::temp_dir);
        let dir = tempfile::Builder::new().prefix("ferroform-plugin-").tempdir_in(dir);
        let dir = dir.map_err(StartError::Listen)?;
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).map_err(StartError::Listen)?;
        let certificate = tls.as_ref().map(|tls| STANDARD_NO_PAD.encode(&tls.certificate));
        let handshake = format!(
            "{}|{}|unix|{}|grpc|{}",
            VERSIONS.0,
            VERSIONS.1,
            path.display(),
            certificate.unwrap_or_default()
        );
        let (stopping, stop) = watch::channel(false);
        Ok(Server {
            listener,
            _dir: dir,
            tls: tls.map(|Tls { config, .. }| TlsAcceptor::from(config)),
            rpc: Rpc::new(Service::new(provider), stopping),
            stop,
            handshake,
        })
    }

    /// The line that the client waits for on standard output, without its end.
    pub fn handshake(&self) -> &str {
        &self.handshake
    }

    /// Answers until the client asks for the end or is gone.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn run(self) -> std::io::Result<()> {
        let Server { listener, _dir, tls, rpc, mut stop, .. } = self;
        let told = stop.clone();
        let stopped = rpc.stopped();
        let mut connections = JoinSet::new();
        let orphaned = orphaned();
        tokio::pin!(orphaned);
        loop {
            tokio::select! {
                () = ended(&mut stop) => break,
                () = &mut orphaned => break,
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    connections.spawn(connection(stream, tls.clone(), rpc.clone(), told.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
        // Streams and connections end by it, whichever way it came here.
        stopped.send_replace(true);
        let all = async { while connections.join_next().await.is_some() {} };
        // What still runs then is cut off, as it would be by the client.
        let _ = tokio::time::timeout(GRACE, all).await;
        Ok(())
    }
}

/// Completes when the end was asked for.
async fn ended(stop: &mut watch::Receiver<bool>) {
    // An error would mean that the sender is gone, and with it the server.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Completes when the process that started this one has ended, which then has another parent.
async fn orphaned() {
    let parent = rustix::process::getppid();
    let mut check = tokio::time::interval(PARENT_CHECK);
    while rustix::process::getppid() == parent {
        check.tick().await;
    }
}

/// A connection, to its end. One that fails is the client's to notice.
async fn connection(stream: UnixStream, tls: Option<TlsAcceptor>, rpc: Rpc, stop: watch::Receiver<bool>) {
    match tls {
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(TLS_TIMEOUT, tls.accept(stream)).await {
                serve(stream, rpc, stop).await;
            }
        }
        None => serve(stream, rpc, stop).await,
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    rpc: Rpc,
    mut stop: watch::Receiver<bool>,
) {
    let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), rpc);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = ended(&mut stop) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        // Nobody is left to be told of a failure.
        let _ = connection.await;
    }
}
