//! `http`: what a web server answers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Type, Value};
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, Identity, Method, Url};

use super::request::{self, MAX_DELAY, MIN_DELAY, Request};
use crate::builtin::DataSource;
use crate::values::{attribute_error, flag, integer, is_null, is_unknown, not_whole, text, with};

const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];
const DELAYS: [&str; 3] = ["attempts", "min_delay_ms", "max_delay_ms"];
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Http;

/// A number of milliseconds of the object.
fn millis(object: &Value, name: &str) -> Option<Duration> {
    integer(object, name).and_then(|n| u64::try_from(n).ok()).map(Duration::from_millis)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn client(config: &Value, url: &Url) -> Result<Client, Diagnostics> {
    let wrong = |name: &str, why: String| {
        Diagnostics::from(attribute_error(name, "Error configuring TLS client", why))
    };
    let mut builder = Client::builder()
        .user_agent(concat!("ferroform/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .danger_accept_invalid_certs(flag(config, "insecure").unwrap_or_default());
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if let Some(timeout) = millis(config, "request_timeout_ms") {
        builder = builder.timeout(timeout);
    }
    if let Some(pem) = text(config, "ca_cert_pem") {
        let authorities = Certificate::from_pem_bundle(pem.as_bytes()).ok().filter(|list| !list.is_empty());
        let authorities = authorities.ok_or_else(|| {
            wrong("ca_cert_pem", "The attribute ca_cert_pem holds no certificate in PEM.".into())
        })?;
        builder = builder.tls_built_in_root_certs(false);
        for authority in authorities {
            builder = builder.add_root_certificate(authority);
        }
    }
    if let Some((certificate, key)) = text(config, "client_cert_pem").zip(text(config, "client_key_pem")) {
        // The library's error may quote the key: it is not shown.
        let identity = Identity::from_pem(format!("{certificate}\n{key}\n").as_bytes()).map_err(|_| {
            let why = "The attributes client_cert_pem and client_key_pem do not hold a certificate and its key in PEM.";
            wrong("client_cert_pem", why.into())
        })?;
        builder = builder.identity(identity);
    }
    builder.build().map_err(|error| {
        wrong("url", format!("The HTTP client cannot be set up: {}.", request::chain(&error)))
    })
}

fn request(config: &Value) -> Result<Request, Diagnostics> {
    let given = text(config, "url").unwrap_or_default();
    let url = Url::parse(given).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| {
        let detail = "The attribute url must be a URL that begins with http:// or https:// and names a host.";
        Diagnostics::from(attribute_error("url", "Error creating request", detail))
    })?;
    let mut headers = HeaderMap::new();
    for (name, value) in config.get("request_headers").and_then(Value::as_map).into_iter().flatten() {
        let (name, value) = request::header(name, value.as_str().unwrap_or_default()).map_err(|why| {
            attribute_error(
                "request_headers",
                "Error creating request",
                format!("A header cannot be sent: {why}."),
            )
        })?;
        headers.insert(name, value);
    }
    let null = Value::null_dynamic();
    let retry = config.get("retry").unwrap_or(&null);
    Ok(Request {
        client: client(config, &url)?,
        method: match text(config, "method") {
            Some("POST") => Method::POST,
            Some("HEAD") => Method::HEAD,
            _ => Method::GET,
        },
        url,
        headers,
        body: text(config, "request_body").map(str::to_owned),
        retries: integer(retry, "attempts").and_then(|n| u64::try_from(n).ok()).unwrap_or_default(),
        min_delay: millis(retry, "min_delay_ms").unwrap_or(MIN_DELAY),
        max_delay: millis(retry, "max_delay_ms").unwrap_or(MAX_DELAY),
    })
}

#[async_trait]
impl DataSource for Http {
    fn schema(&self) -> Schema {
        let optional = |ty, what: &str| Attribute::optional(ty).describe(what);
        let computed = |ty, what: &str| Attribute::computed(ty).describe(what);
        let texts = || Type::map(Type::String);
        let retry = Block {
            description: "Asks again where there is no answer, or one that says that the server failed."
                .into(),
            ..Block::of([
                ("attempts", optional(Type::Number, "How often to ask again at most, 0 by default.")),
                (
                    "min_delay_ms",
                    optional(
                        Type::Number,
                        "Milliseconds before it asks again the first time, then twice as many.",
                    ),
                ),
                ("max_delay_ms", optional(Type::Number, "Milliseconds that it waits at most.")),
            ])
        };
        let block = Block {
            description: "What a web server answers. Who controls the server controls the answer.".into(),
            ..Block::of([
                ("url", Attribute::required(Type::String).describe("Whom to ask: an http or https URL.")),
                ("method", optional(Type::String, "GET (by default), HEAD or POST.")),
                ("request_headers", optional(texts(), "Headers of the request.")),
                ("request_body", optional(Type::String, "The body of the request.")),
                ("request_timeout_ms", optional(Type::Number, "Milliseconds that an attempt may take.")),
                (
                    "ca_cert_pem",
                    optional(Type::String, "Certificates of authorities in PEM to trust, and no others."),
                ),
                ("client_cert_pem", optional(Type::String, "A certificate in PEM to show the server.")),
                ("client_key_pem", optional(Type::String, "The private key of that certificate in PEM.")),
                ("insecure", optional(Type::Bool, "Whether to trust any server, false by default.")),
                ("response_body", computed(Type::String, "The body of the answer as text.")),
                (
                    "body",
                    Attribute {
                        deprecated: Some("Use response_body instead.".into()),
                        ..computed(Type::String, "The body of the answer as text.")
                    },
                ),
                ("response_body_base64", computed(Type::String, "The body of the answer in base64.")),
                (
                    "response_headers",
                    computed(texts(), "Headers of the answer; those given twice with commas."),
                ),
                ("status_code", computed(Type::Number, "The status of the answer.")),
                ("id", computed(Type::String, "The URL.")),
            ])
            .with_block("retry", NestedBlock::new(Nesting::Single, retry))
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        if let Some(method) = text(config, "method").filter(|method| !METHODS.contains(method)) {
            let detail =
                format!("The attribute method must be one of {}, got: {method:?}.", METHODS.join(", "));
            diagnostics.push(attribute_error("method", "Invalid Attribute Value Match", detail));
        }
        let null = Value::null_dynamic();
        let retry = config.get("retry").unwrap_or(&null);
        let numbers =
            [(config, "request_timeout_ms", 1)].into_iter().chain(DELAYS.map(|name| (retry, name, 0)));
        for (object, name, least) in numbers {
            diagnostics.append(not_whole(object, name));
            if let Some(number) = integer(object, name).filter(|number| *number < least) {
                let detail = format!("The attribute {name} must be at least {least}, got: {number}.");
                diagnostics.push(attribute_error(name, "Invalid Attribute Value", detail));
            }
        }
        let delays = integer(retry, "min_delay_ms").zip(integer(retry, "max_delay_ms"));
        if let Some((min, max)) = delays.filter(|(min, max)| min > max) {
            let detail = format!(
                "The attribute max_delay_ms must be at least min_delay_ms, which is {min}, got: {max}."
            );
            diagnostics.push(attribute_error("retry", "Invalid Attribute Value", detail));
        }
        let unsettled = |name| is_unknown(config, name);
        let set = |name| !is_null(config, name);
        let mut combination = |name, detail| {
            diagnostics.push(attribute_error(name, "Invalid Attribute Combination", detail));
        };
        if set("ca_cert_pem") && set("insecure") && !unsettled("ca_cert_pem") && !unsettled("insecure") {
            combination(
                "ca_cert_pem",
                "Only one of ca_cert_pem and insecure can be set: who trusts any server needs \
                                        no authority.",
            );
        }
        if set("client_cert_pem") != set("client_key_pem")
            && !unsettled("client_cert_pem")
            && !unsettled("client_key_pem")
        {
            combination(
                "client_cert_pem",
                "The attributes client_cert_pem and client_key_pem belong together: set \
                                            both, or none.",
            );
        }
        diagnostics
    }

    async fn read(&self, config: &Value, warnings: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let invalid = self.validate(config);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let request = request(config)?;
        let answer = request.send().await.map_err(|why| {
            let host = request.url.host_str().unwrap_or_default();
            let detail = format!("{} of {host} failed: {why}.", request.method);
            attribute_error("url", "Error making request", detail)
        })?;
        if std::str::from_utf8(&answer.body).is_err() {
            warnings.push(
                Diagnostic::warning("Response body is not recognized as UTF-8")
                    .detail(
                        "What is not text was replaced in response_body; response_body_base64 holds it unchanged.",
                    )
                    .attribute(AttrPath::attr("url")),
            );
        }
        let mut headers: BTreeMap<Arc<str>, String> = BTreeMap::new();
        for (name, value) in &answer.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            let joined = headers.entry(request::canonical(name).into()).or_default();
            joined.push_str(if joined.is_empty() { "" } else { ", " });
            joined.push_str(&value);
        }
        let headers = headers.into_iter().map(|(name, value)| (name, Value::string_normalised(&value)));
        let body = Value::string_normalised(&String::from_utf8_lossy(&answer.body));
        let values = [
            ("id", Value::string_normalised(text(config, "url").unwrap_or_default())),
            ("status_code", Value::number(u64::from(answer.status.as_u16()))),
            ("response_headers", Value::map(Type::String, headers)),
            ("response_body", body.clone()),
            ("body", body),
            ("response_body_base64", Value::string(STANDARD.encode(&answer.body))),
        ];
        Ok(with(config, values))
    }
}
