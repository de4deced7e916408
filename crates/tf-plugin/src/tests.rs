//! The whole server, asked over its socket as Terraform asks it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ferroform_core::{Type, Value};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::convert::{dynamic, value};
use crate::proto::{self, DynamicValue};
use crate::testing::{Things, thing, thing_type};
use crate::{Expectations, Server, StartError};

const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// What Terraform says with these variables beside the cookie.
fn expecting(variables: &[(&str, &str)]) -> Expectations {
    let all: Vec<_> = [("TF_PLUGIN_MAGIC_COOKIE", COOKIE)].iter().chain(variables).collect();
    Expectations::from_environment(|name| all.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
}

/// A client of a plugin without TLS.
struct Client {
    requests: hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    server: JoinHandle<std::io::Result<()>>,
    socket: String,
}

impl Client {
    async fn new() -> Client {
        let server = Server::start(&expecting(&[]), Things::new()).unwrap();
        let [_, _, _, socket, _, certificate] = fields(&server);
        assert_eq!(certificate, "");
        let server = tokio::spawn(server.run());
        let requests = http2(UnixStream::connect(&socket).await.unwrap()).await;
        Client { requests, server, socket }
    }

    /// The answer to a call, or the status that it failed with.
    async fn call<A: Message + Default>(
        &mut self,
        path: &str,
        request: &impl Message,
    ) -> Result<A, (u32, String)> {
        let (body, status, message) = send(&mut self.requests, path, &request.encode_to_vec()).await;
        match status {
            0 => Ok(A::decode(&body[5..]).unwrap()),
            status => Err((status, message)),
        }
    }

    async fn provider<A: Message + Default>(&mut self, method: &str, request: &impl Message) -> A {
        self.call(&format!("/tfplugin6.Provider/{method}"), request).await.unwrap()
    }
}

fn fields(server: &Server) -> [String; 6] {
    let fields: Vec<String> = server.handshake().split('|').map(str::to_owned).collect();
    fields.try_into().unwrap()
}

async fn http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let (requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    requests
}

/// Body, status and message of the answer.
async fn send(
    requests: &mut hyper::client::conn::http2::SendRequest<Full<Bytes>>,
    path: &str,
    message: &[u8],
) -> (Vec<u8>, u32, String) {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend(message);
    let request = http::Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::from(framed))
        .unwrap();
    let (parts, body) = requests.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let mut headers = parts.headers;
    headers.extend(body.trailers().cloned().unwrap_or_default());
    let body = body.to_bytes().to_vec();
    let header = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    (body, header("grpc-status").parse().unwrap(), header("grpc-message"))
}

fn packed(value: &Value) -> Option<DynamicValue> {
    Some(dynamic(value, &thing_type()).unwrap())
}

fn unpacked(message: Option<&DynamicValue>) -> Value {
    value(message, &thing_type()).unwrap()
}

fn summaries(diagnostics: &[proto::Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|d| d.summary.as_str()).collect()
}

#[tokio::test]
async fn an_object_is_planned_made_read_and_imported() {
    let mut client = Client::new().await;
    let schema: proto::GetProviderSchemaResponse =
        client.provider("GetProviderSchema", &proto::Empty {}).await;
    let of_thing = &schema.resource_schemas["test_thing"];
    assert_eq!(of_thing.version, 3);
    let names: Vec<_> = of_thing.block.as_ref().unwrap().attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["id", "name"]);
    let metadata: proto::GetMetadataResponse = client.provider("GetMetadata", &proto::Empty {}).await;
    assert_eq!(metadata.resources[0].type_name, "test_thing");
    assert_eq!(metadata.server_capabilities, schema.server_capabilities);

    let (config, null) = (packed(&thing("a", None)), packed(&Value::null(thing_type())));
    let plan = proto::PlanResourceChangeRequest {
        type_name: "test_thing".into(),
        proposed_new_state: config.clone(),
        config: config.clone(),
        ..Default::default()
    };
    let planned: proto::PlanResourceChangeResponse = client.provider("PlanResourceChange", &plan).await;
    let wanted = Value::object([("name", Value::string("a")), ("id", Value::unknown(Type::String))]);
    assert_eq!(unpacked(planned.planned_state.as_ref()), wanted);
    let apply = proto::ApplyResourceChangeRequest {
        type_name: "test_thing".into(),
        planned_private: b"note".to_vec(),
        ..Default::default()
    };
    // Nothing at all, then a thing.
    let deleted: proto::ApplyResourceChangeResponse = client.provider("ApplyResourceChange", &apply).await;
    assert_eq!((deleted.new_state, deleted.diagnostics), (null, vec![]));
    let apply = proto::ApplyResourceChangeRequest { planned_state: config.clone(), config, ..apply };
    let made: proto::ApplyResourceChangeResponse = client.provider("ApplyResourceChange", &apply).await;
    assert_eq!(unpacked(made.new_state.as_ref()), thing("a", Some("1")));
    assert_eq!(made.private, b"note");

    // Terraform has no creation whose end is open: what is known to exist is kept.
    for (name, left) in
        [("half made", thing("half made", Some("7"))), ("not seen", Value::null(thing_type()))]
    {
        let planned = Value::object([("name", Value::string(name)), ("id", Value::unknown(Type::String))]);
        let apply = proto::ApplyResourceChangeRequest { planned_state: packed(&planned), ..apply.clone() };
        let made: proto::ApplyResourceChangeResponse = client.provider("ApplyResourceChange", &apply).await;
        assert_eq!(made.diagnostics[0].summary, "Answer lost");
        assert_eq!(unpacked(made.new_state.as_ref()), left);
    }

    let read = proto::ReadResourceRequest {
        type_name: "test_thing".into(),
        current_state: made.new_state.clone(),
        private: b"note".to_vec(),
    };
    let found: proto::ReadResourceResponse = client.provider("ReadResource", &read).await;
    assert_eq!((&found.new_state, &found.private), (&made.new_state, &read.private));
    let gone = proto::ReadResourceRequest { current_state: packed(&thing("gone", None)), ..read.clone() };
    let gone: proto::ReadResourceResponse = client.provider("ReadResource", &gone).await;
    assert_eq!(unpacked(gone.new_state.as_ref()), Value::null(thing_type()));
    // An error leaves what is known as it is.
    let broken = proto::ReadResourceRequest { current_state: packed(&thing("broken", None)), ..read };
    let answer: proto::ReadResourceResponse = client.provider("ReadResource", &broken).await;
    assert_eq!(summaries(&answer.diagnostics), ["Broken"]);
    assert_eq!((answer.new_state, answer.private), (broken.current_state, broken.private));

    let import =
        |id: &str| proto::ImportResourceStateRequest { type_name: "test_thing".into(), id: id.into() };
    let found: proto::ImportResourceStateResponse =
        client.provider("ImportResourceState", &import("1")).await;
    assert_eq!(unpacked(found.imported_resources[0].state.as_ref()), thing("imported", Some("1")));
    let none: proto::ImportResourceStateResponse = client.provider("ImportResourceState", &import("2")).await;
    assert_eq!((none.imported_resources.len(), summaries(&none.diagnostics)), (0, vec!["No such thing"]));
    let data =
        proto::ReadDataSourceRequest { type_name: "test_thing".into(), config: packed(&thing("a", None)) };
    let data: proto::ReadDataSourceResponse = client.provider("ReadDataSource", &data).await;
    assert_eq!(unpacked(data.state.as_ref()), thing("a", Some("1")));
}

#[tokio::test]
async fn states_of_older_versions_are_read_and_those_of_newer_ones_refused() {
    let mut client = Client::new().await;
    for (version, json, wanted) in [
        (1, r#"{"name": "a", "colour": "red"}"#, Ok(thing("a", None))),
        (3, r#"{"name": "a", "id": "1"}"#, Ok(thing("a", Some("1")))),
        (4, "{}", Err("Unreadable object in state")),
        (-1, "{}", Err("Unreadable object in state")),
        (3, "none", Err("Unreadable object in state")),
        (3, "", Err("State is too old")),
    ] {
        let raw_state = Some(proto::RawState { json: json.into(), ..Default::default() });
        let request =
            proto::UpgradeResourceStateRequest { type_name: "test_thing".into(), version, raw_state };
        let found: proto::UpgradeResourceStateResponse =
            client.provider("UpgradeResourceState", &request).await;
        match wanted {
            Ok(state) => assert_eq!(unpacked(found.upgraded_state.as_ref()), state, "{json}"),
            Err(summary) => assert_eq!(summaries(&found.diagnostics), [summary], "{version} {json}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_the_answer() {
    let mut client = Client::new().await;
    let validate =
        |type_name: &str, config| proto::ValidateConfigRequest { type_name: type_name.into(), config };
    let nameless = validate("test_thing", packed(&thing("", None)));
    let told: proto::DiagnosticsResponse = client.provider("ValidateResourceConfig", &nameless).await;
    let told = &told.diagnostics[0];
    assert_eq!(
        (told.summary.as_str(), told.detail.as_str()),
        ("No name", "A thing has one.\n\nGive it one.")
    );
    assert_eq!(told.attribute, Some(crate::convert::path(&ferroform_core::AttrPath::attr("name"))));
    let garbage = Some(DynamicValue { msgpack: b"!".to_vec(), json: Vec::new() });
    for (method, request, wanted) in [
        ("ValidateResourceConfig", validate("test_other", None), "Unknown resource type"),
        ("ValidateDataResourceConfig", validate("test_other", None), "Unknown data source"),
        ("ValidateResourceConfig", validate("test_thing", garbage), "Value does not fit the schema"),
        ("ValidateEphemeralResourceConfig", validate("test_thing", None), "Unknown ephemeral resource"),
        ("OpenEphemeralResource", validate("test_thing", None), "Unknown ephemeral resource"),
    ] {
        let told: proto::DiagnosticsResponse = client.provider(method, &request).await;
        assert_eq!(summaries(&told.diagnostics), [wanted], "{method}");
    }
    let request =
        proto::MoveResourceStateRequest { target_type_name: "test_thing".into(), ..Default::default() };
    let told: proto::MoveResourceStateResponse = client.provider("MoveResourceState", &request).await;
    assert_eq!(summaries(&told.diagnostics), ["Object cannot be moved to another type"]);
}

#[tokio::test]
async fn functions_are_declared_in_every_answer_that_holds_them() {
    let mut client = Client::new().await;
    let metadata: proto::GetMetadataResponse = client.provider("GetMetadata", &proto::Empty {}).await;
    let names: Vec<&str> = metadata.functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["first", "lie", "repeat"]);
    let schema: proto::GetProviderSchemaResponse =
        client.provider("GetProviderSchema", &proto::Empty {}).await;
    let functions: proto::GetFunctionsResponse = client.provider("GetFunctions", &proto::Empty {}).await;
    assert_eq!(functions.functions, schema.functions);
    let markdown = i32::from(proto::StringKind::Markdown);
    let parameter = |name: &str, ty: &str, description: &str| proto::Parameter {
        name: name.into(),
        r#type: ty.into(),
        description: description.into(),
        description_kind: markdown,
        ..Default::default()
    };
    let string = |ty: &str| Some(proto::Return { r#type: ty.into() });
    let repeat = proto::Function {
        parameters: vec![parameter("text", "\"string\"", "What."), parameter("times", "\"number\"", "")],
        r#return: string("\"string\""),
        summary: "Repeats a text".into(),
        description: "Over and **over**.".into(),
        description_kind: markdown,
        ..Default::default()
    };
    let values = proto::Parameter {
        allow_null_value: true,
        allow_unknown_values: true,
        ..parameter("values", "\"string\"", "")
    };
    let first = proto::Function {
        variadic_parameter: Some(values),
        r#return: string("\"string\""),
        description_kind: markdown,
        ..Default::default()
    };
    assert_eq!((&functions.functions["repeat"], &functions.functions["first"]), (&repeat, &first));
}

#[tokio::test]
async fn functions_are_called_with_arguments_as_declared() {
    let mut client = Client::new().await;
    let packed = |value: &Value| dynamic(value, &value.ty()).unwrap();
    let (text, number) = (Value::string, |n: i64| Value::number(n));
    let (null, unknown) = (Value::null(Type::String), Value::unknown(Type::String));
    let failed = |text: &str, argument: Option<i64>| Err((text.to_owned(), argument));
    for (name, arguments, wanted) in [
        ("repeat", vec![text("ab"), number(3)], Ok(text("ababab"))),
        ("repeat", vec![unknown.clone(), number(3)], Ok(unknown.clone())),
        ("first", vec![], Ok(null.clone())),
        ("first", vec![null.clone(), text("b"), text("c")], Ok(text("b"))),
        ("first", vec![unknown.clone(), text("b")], Ok(unknown)),
        ("repeat", vec![text("ab"), number(-1)], failed("must be a whole number", Some(1))),
        ("repeat", vec![null, number(1)], failed("argument must not be null", Some(0))),
        ("repeat", vec![number(1), number(1)], failed("string is required, but found a number", Some(0))),
        (
            "repeat",
            vec![text("a")],
            failed("the function \"repeat\" takes 2 argument(s) and was given 1", None),
        ),
        ("lie", vec![text("a")], failed("the function \"lie\" takes 0 argument(s) and was given 1", None)),
        (
            "lie",
            vec![],
            failed(
                "the value of the function \"lie\" is not as declared: number is required, but the value is string",
                None,
            ),
        ),
        ("fly", vec![], failed("the provider has no function \"fly\"", None)),
    ] {
        let request = proto::CallFunctionRequest {
            name: name.into(),
            arguments: arguments.iter().map(packed).collect(),
        };
        let told: proto::CallFunctionResponse = client.provider("CallFunction", &request).await;
        let got = match told.error {
            Some(error) => Err((error.text, error.function_argument)),
            None => Ok(value(told.result.as_ref(), &Type::String).unwrap()),
        };
        assert_eq!(got, wanted, "{name} {arguments:?}");
    }
}

#[tokio::test]
async fn a_panic_fails_its_call_and_no_other() {
    let mut client = Client::new().await;
    let plan = |name: &str| proto::PlanResourceChangeRequest {
        type_name: "test_thing".into(),
        proposed_new_state: packed(&thing(name, None)),
        config: packed(&thing(name, None)),
        ..Default::default()
    };
    let path = "/tfplugin6.Provider/PlanResourceChange";
    let failed = client.call::<proto::PlanResourceChangeResponse>(path, &plan("panic")).await.unwrap_err();
    assert_eq!(failed.0, 13);
    assert!(failed.1.contains("PlanResourceChange"), "{failed:?}");
    let planned = client.call::<proto::PlanResourceChangeResponse>(path, &plan("a")).await.unwrap();
    assert_eq!(planned.diagnostics, []);
    for unknown in ["/tfplugin6.Provider/Fly", "/tfplugin5.Provider/GetSchema", "/nothing"] {
        let failed = client.call::<proto::Empty>(unknown, &proto::Empty {}).await.unwrap_err();
        assert_eq!(failed.0, 12, "{unknown}");
    }
}

#[tokio::test]
async fn it_ends_when_it_is_told_to_and_leaves_no_socket() {
    let mut client = Client::new().await;
    let health = proto::HealthCheckRequest { service: "plugin".into() };
    let healthy: proto::HealthCheckResponse =
        client.call("/grpc.health.v1.Health/Check", &health).await.unwrap();
    assert_eq!(healthy.status(), proto::ServingStatus::Serving);
    // Terraform keeps this one open all the time.
    let mut streams = client.requests.clone();
    let stream = tokio::spawn(async move { send(&mut streams, "/plugin.GRPCStdio/StreamStdio", b"").await });
    let stopped: proto::StopProviderResponse = client.provider("StopProvider", &proto::Empty {}).await;
    assert_eq!(stopped.error, "");
    assert!(Path::new(&client.socket).exists());
    let _: proto::Empty = client.call("/plugin.GRPCController/Shutdown", &proto::Empty {}).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), client.server).await;
    ended.unwrap().unwrap().unwrap();
    assert_eq!(stream.await.unwrap(), (Vec::new(), 0, String::new()));
    assert!(!Path::new(&client.socket).exists());
}

#[tokio::test]
async fn only_terraform_starts_it() {
    let variables =
        |value: &'static str| move |name: &str| (name == "TF_PLUGIN_MAGIC_COOKIE").then(|| value.to_owned());
    for value in ["", "biscuit"] {
        let refused = Server::start(&Expectations::from_environment(variables(value)), Things::new());
        assert!(matches!(refused, Err(StartError::NotAPlugin)));
    }
    let refused = Server::start(&expecting(&[("PLUGIN_CLIENT_CERT", "none")]), Things::new());
    assert!(
        matches!(&refused, Err(StartError::Tls(problem)) if problem.contains("PLUGIN_CLIENT_CERT")),
        "{refused:?}"
    );
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let refused =
        Server::start(&expecting(&[("PLUGIN_UNIX_SOCKET_DIR", missing.to_str().unwrap())]), Things::new());
    assert!(matches!(refused, Err(StartError::Listen(_))));
    let server = Server::start(
        &expecting(&[("PLUGIN_UNIX_SOCKET_DIR", folder.path().to_str().unwrap())]),
        Things::new(),
    );
    let [own, protocol, network, socket, kind, _] = fields(&server.unwrap());
    assert_eq!([own, protocol, network, kind], ["1", "6", "unix", "grpc"]);
    assert!(Path::new(&socket).starts_with(folder.path()));
}

/// A certificate of a client, and the key that goes with it.
fn identity() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[tokio::test]
async fn only_the_client_whose_certificate_was_told_is_admitted() {
    let (expected, other) = (identity(), identity());
    for (index, (certificate, key)) in [(expected.0.clone(), expected.1), other].into_iter().enumerate() {
        let server =
            Server::start(&expecting(&[("PLUGIN_CLIENT_CERT", &pem(&expected.0))]), Things::new()).unwrap();
        let [_, _, _, socket, _, own] = fields(&server);
        tokio::spawn(server.run());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(STANDARD_NO_PAD.decode(own).unwrap())).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = UnixStream::connect(&socket).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        // In TLS 1.3 the client is done before the server has looked at its certificate.
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        if index == 0 {
            let mut requests = http2(stream).await;
            let (_, status, message) = send(&mut requests, "/tfplugin6.Provider/GetMetadata", b"").await;
            assert_eq!((status, message.as_str()), (0, ""));
        } else {
            assert!(stream.read_u8().await.is_err(), "another client was admitted");
        }
    }
}
