//! What answers in the namespaces from within this process: the metadata service and the package proxy. They share
//! one thread; only their listening sockets are in the namespaces.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::super::site::Site;
use super::super::tools::ToolError;
use super::metadata::{Place, View};
use super::netns;
use super::plan::METADATA;
use super::proxy::Proxy;

/// Where the package proxy listens, beside the metadata service.
pub(super) const PROXY_PORT: u16 = 3142;

/// Most connections at once to one listener.
const CONNECTIONS: usize = 512;

/// The services of a world.
#[derive(Debug)]
pub(super) struct Services {
    /// Taken when it is dropped.
    runtime: Option<Runtime>,
    view: View,
    proxy: Option<Arc<Proxy>>,
    tasks: BTreeMap<String, Vec<JoinHandle<()>>>,
}

impl Services {
    pub(super) fn new(proxy: Option<Proxy>) -> Result<Self, ToolError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("machines-services")
            .enable_all()
            .build()
            .map_err(ToolError::file("starting the thread of the metadata service"))?;
        Ok(Self {
            runtime: Some(runtime),
            view: View::default(),
            proxy: proxy.map(Arc::new),
            tasks: BTreeMap::new(),
        })
    }

    /// What the metadata service tells.
    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// Whether there is a package proxy.
    pub(super) fn has_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    /// Whether a namespace is served.
    pub(super) fn serves(&self, suffix: &str) -> bool {
        self.tasks.contains_key(suffix)
    }

    /// Begins to serve a namespace that has the address of the metadata service.
    pub(super) fn serve(&mut self, site: &Site, suffix: &str, place: Place) -> Result<(), ToolError> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let path = site.namespace_path(suffix);
        let at = |port: u16| SocketAddr::new(IpAddr::V4(METADATA), port);
        let (metadata, proxy) = netns::inside(&path, || {
            // In the internet it is found by IPv6 too, on every link at the same address.
            let anywhere = SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), 80);
            let metadata = match place {
                Place::Internet => listen(anywhere).or_else(|_| listen(at(80))),
                Place::Segment(_) => listen(at(80)),
            };
            (metadata, self.proxy.as_ref().map(|_| listen(at(PROXY_PORT))))
        })?;
        let opening = |what: &str| ToolError::file(format!("listening for {what} in {}", path.display()));
        let metadata = metadata.map_err(opening("the metadata service"))?;
        let proxy = proxy.transpose().map_err(opening("the package proxy"))?;

        let _entered = runtime.enter();
        // Kept to ask for the names of the namespace's interfaces.
        let asked = Arc::new(metadata.try_clone().map_err(opening("the metadata service"))?);
        let view = self.view.clone();
        let app =
            Router::new().fallback(move |ConnectInfo(Peer(peer)): ConnectInfo<Peer>, request: Request| {
                let (view, asked) = (view.clone(), Arc::clone(&asked));
                async move {
                    let port = match peer {
                        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
                            rustix::net::netdevice::index_to_name(&*asked, v6.scope_id()).ok()
                        }
                        _ => None,
                    };
                    let source = peer.ip().to_canonical();
                    view.answer(place, source, port.as_deref(), request.method(), request.uri().path())
                }
            });
        let mut tasks = vec![runtime.spawn(run(Limited::new(metadata).map_err(opening("metadata"))?, app))];
        if let (Some(listener), Some(proxy)) = (proxy, &self.proxy) {
            let proxy = Arc::clone(proxy);
            let app = Router::new().fallback(move |request: Request| {
                let proxy = Arc::clone(&proxy);
                async move { proxy.answer(request).await }
            });
            tasks.push(runtime.spawn(run(Limited::new(listener).map_err(opening("packages"))?, app)));
        }
        self.tasks.insert(suffix.to_owned(), tasks);
        Ok(())
    }

    /// Serves a namespace no longer.
    pub(super) fn stop(&mut self, suffix: &str) {
        for task in self.tasks.remove(suffix).unwrap_or_default() {
            task.abort();
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is impossible where a runtime drops this.
            runtime.shutdown_background();
        }
    }
}

/// Listens at an address. One who listened before may still be about to end.
fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        match StdListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

async fn run(listener: Limited, app: Router) {
    // It never ends by itself.
    let _ = axum::serve(listener, app.into_make_service_with_connect_info::<Peer>()).await;
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Limited>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Limited>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Accepts only so many connections at once.
#[derive(Debug)]
struct Limited {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

impl Limited {
    fn new(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, permits: Arc::new(Semaphore::new(CONNECTIONS)) })
    }
}

impl Listener for Limited {
    type Io = LimitedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (LimitedStream, SocketAddr) {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => return (LimitedStream { stream, _permit: permit }, address),
                // Such as too many open files: it passes, and trying at once would burn the processor.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that counts.
#[derive(Debug)]
struct LimitedStream {
    stream: TcpStream,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
