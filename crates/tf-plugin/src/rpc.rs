//! gRPC: from the path of a request to the method that answers it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, stream};
use http::{Request as HttpRequest, Response as HttpResponse};
use hyper::body::Incoming;
use prost::Message;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::server::{Grpc, ServerStreamingService, StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::proto;
use crate::service::Service;

/// The largest message that is taken: Terraform's own limit.
const MAX_MESSAGE: usize = 256 << 20;

/// Answers the requests of a connection.
#[derive(Clone)]
pub(crate) struct Rpc {
    service: Service,
    stop: watch::Sender<bool>,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A stream in which nothing ever comes, and that ends.
type Silent<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl hyper::service::Service<HttpRequest<Incoming>> for Rpc {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Boxed<Result<HttpResponse<Body>, Infallible>>;

    fn call(&self, request: HttpRequest<Incoming>) -> Self::Future {
        let rpc = self.clone();
        Box::pin(async move { Ok(rpc.answer(request).await) })
    }
}

impl Rpc {
    /// Serves a provider; `stop` becomes true when the client asks for the end.
    pub(crate) fn new(service: Service, stop: watch::Sender<bool>) -> Rpc {
        Rpc { service, stop }
    }

    /// What becomes true at the end, and ends all streams when it does.
    pub(crate) fn stopped(&self) -> watch::Sender<bool> {
        self.stop.clone()
    }

    async fn answer(self, request: HttpRequest<Incoming>) -> HttpResponse<Body> {
        let path = request.uri().path().to_owned();
        let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
            return unimplemented(&path);
        };
        match service {
            "tfplugin6.Provider" => self.provider(method, request).await,
            "plugin.GRPCController" if method == "Shutdown" => {
                let stop = self.stop.clone();
                let shutdown = move |_, _: proto::Empty| async move {
                    // False only when nobody waits any more.
                    let _ = stop.send(true);
                    proto::Empty {}
                };
                self.unary("Shutdown", request, shutdown).await
            }
            "plugin.GRPCStdio" if method == "StreamStdio" => {
                grpc(ProstCodec::default()).server_streaming(Quiet(self.stop), request).await
            }
            "plugin.GRPCBroker" if method == "StartStream" => {
                grpc(ProstCodec::default()).streaming(Quiet(self.stop), request).await
            }
            "grpc.health.v1.Health" if method == "Check" => {
                let check = |_, _: proto::HealthCheckRequest| async {
                    proto::HealthCheckResponse { status: proto::ServingStatus::Serving.into() }
                };
                self.unary("Check", request, check).await
            }
            _ => unimplemented(&path),
        }
    }

    async fn provider(self, method: &str, request: HttpRequest<Incoming>) -> HttpResponse<Body> {
        macro_rules! methods {
            ($($name:literal => $answer:ident,)*) => {
                match method {
                    $($name => self.unary($name, request, Service::$answer).await,)*
                    _ => unimplemented(request.uri().path()),
                }
            };
        }
        methods! {
            "GetMetadata" => get_metadata,
            "GetProviderSchema" => get_provider_schema,
            "ValidateProviderConfig" => validate_provider_config,
            "ConfigureProvider" => configure_provider,
            "ValidateResourceConfig" => validate_resource_config,
            "ValidateDataResourceConfig" => validate_data_resource_config,
            "UpgradeResourceState" => upgrade_resource_state,
            "ReadResource" => read_resource,
            "PlanResourceChange" => plan_resource_change,
            "ApplyResourceChange" => apply_resource_change,
            "ImportResourceState" => import_resource_state,
            "MoveResourceState" => move_resource_state,
            "ReadDataSource" => read_data_source,
            "ValidateEphemeralResourceConfig" => ephemeral,
            "OpenEphemeralResource" => ephemeral,
            "RenewEphemeralResource" => ephemeral,
            "CloseEphemeralResource" => ephemeral,
            "GetFunctions" => get_functions,
            "CallFunction" => call_function,
            "StopProvider" => stop_provider,
        }
    }

    async fn unary<Q, A, F>(
        self,
        name: &'static str,
        request: HttpRequest<Incoming>,
        method: impl FnOnce(Service, Q) -> F + Send,
    ) -> HttpResponse<Body>
    where
        Q: Message + Default + Send + 'static,
        A: Message + Default + Send + 'static,
        F: Future<Output = A> + Send + 'static,
    {
        let call =
            Call { name, service: self.service, method: Some(method), types: std::marker::PhantomData };
        grpc(ProstCodec::default()).unary(call, request).await
    }
}

fn grpc<A, Q>(codec: ProstCodec<A, Q>) -> Grpc<ProstCodec<A, Q>>
where
    A: Message + Send + 'static,
    Q: Message + Default + Send + 'static,
{
    Grpc::new(codec).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE)
}

fn unimplemented(path: &str) -> HttpResponse<Body> {
    Status::unimplemented(format!("this plugin has no method {path}")).into_http()
}

/// One call of a method.
struct Call<M, Q> {
    name: &'static str,
    service: Service,
    method: Option<M>,
    types: std::marker::PhantomData<fn(Q)>,
}

impl<M, Q, A, F> UnaryService<Q> for Call<M, Q>
where
    M: FnOnce(Service, Q) -> F,
    A: Send + 'static,
    F: Future<Output = A> + Send + 'static,
{
    type Response = A;
    type Future = Boxed<Result<Response<A>, Status>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let name = self.name;
        let Some(method) = self.method.take() else {
            return Box::pin(async move { Err(Status::internal(format!("{name} was called twice"))) });
        };
        // A task of its own: what was begun goes on when the client is gone, and a panic is one call's failure.
        let running = tokio::spawn(method(self.service.clone(), request.into_inner()));
        Box::pin(async move {
            running.await.map(Response::new).map_err(|error| {
                Status::internal(format!("the provider failed in {name}, which is a bug of it: {error}"))
            })
        })
    }
}

/// Streams that go-plugin opens for things that do not happen here: plugins that serve further services, and that
/// write to their standard output.
struct Quiet(watch::Sender<bool>);

impl ServerStreamingService<proto::Empty> for Quiet {
    type Response = proto::StdioData;
    type ResponseStream = Silent<proto::StdioData>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<proto::Empty>) -> Self::Future {
        std::future::ready(Ok(Response::new(stream::pending().take_until(stopped(&self.0)).boxed())))
    }
}

impl StreamingService<proto::ConnInfo> for Quiet {
    type Response = proto::ConnInfo;
    type ResponseStream = Silent<proto::ConnInfo>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<proto::ConnInfo>>) -> Self::Future {
        // What the client says is taken and means nothing, until it has said all.
        let said = request.into_inner().filter_map(|_| async { None });
        std::future::ready(Ok(Response::new(said.take_until(stopped(&self.0)).boxed())))
    }
}

fn stopped(stop: &watch::Sender<bool>) -> Boxed<()> {
    let mut stop = stop.subscribe();
    Box::pin(async move {
        // The sender lives as long as the server does.
        let _ = stop.wait_for(|stop| *stop).await;
    })
}
