//! Reading of what requests say about load balancers.

use super::input::Input;
use crate::world::load_balancers::{CheckHttp, HealthCheck, Http, Protocol, Service, Target};

/// Protocols of services by their names.
const PROTOCOLS: [(&str, Protocol); 3] =
    [("tcp", Protocol::Tcp), ("http", Protocol::Http), ("https", Protocol::Https)];

/// What a service has where the request says nothing: the documented defaults.
fn default_service(protocol: Protocol) -> Service {
    let (listen_port, destination_port) = match protocol {
        Protocol::Tcp => (0, 0),
        Protocol::Http => (80, 80),
        Protocol::Https => (443, 80),
    };
    let speaks_http = protocol != Protocol::Tcp;
    Service {
        protocol,
        listen_port,
        destination_port,
        proxyprotocol: false,
        health_check: HealthCheck {
            http_protocol: speaks_http,
            port: destination_port,
            interval: 15,
            timeout: 10,
            retries: 3,
            http: speaks_http.then(default_check),
        },
        http: speaks_http.then(default_http),
    }
}

fn default_check() -> CheckHttp {
    CheckHttp {
        domain: None,
        path: "/".to_owned(),
        response: String::new(),
        status_codes: vec!["2??".to_owned(), "3??".to_owned()],
        tls: false,
    }
}

fn default_http() -> Http {
    Http {
        cookie_name: "HCLBSTICKY".to_owned(),
        cookie_lifetime: 300,
        timeout_idle: 50,
        sticky_sessions: false,
        redirect_http: false,
        certificates: Vec::new(),
    }
}

/// Reads a service that is to be made.
pub(super) fn read_service(input: &mut Input) -> Service {
    let protocol = input.required_word("protocol", &PROTOCOLS).unwrap_or(Protocol::Tcp);
    let mut service = default_service(protocol);
    if protocol == Protocol::Tcp {
        service.listen_port = input.required_integer("listen_port");
        service.destination_port = input.required_integer("destination_port");
    } else {
        service.listen_port = input.integer("listen_port").unwrap_or(service.listen_port);
        service.destination_port = input.integer("destination_port").unwrap_or(service.destination_port);
    }
    service.health_check.port = service.destination_port;
    read_rest(input, &mut service);
    service
}

/// Reads what is to change of a service.
pub(super) fn read_change(input: &mut Input, old: &Service) -> Service {
    let mut service = old.clone();
    if let Some(protocol) = input.word("protocol", &PROTOCOLS) {
        service.protocol = protocol;
        service.http = (protocol != Protocol::Tcp).then(|| service.http.unwrap_or_else(default_http));
    }
    service.destination_port = input.integer("destination_port").unwrap_or(service.destination_port);
    if service.http.is_none() {
        // The official command-line tool sends one with every change, whatever the protocol is.
        input.drop_empty("http");
    }
    read_rest(input, &mut service);
    service
}

fn read_rest(input: &mut Input, service: &mut Service) {
    service.proxyprotocol = input.boolean("proxyprotocol").unwrap_or(service.proxyprotocol);
    input.nested("health_check", |check| read_health_check(check, &mut service.health_check));
    if let Some(http) = &mut service.http {
        input.nested("http", |input| read_http(input, http));
    } else if input.nested("http", |_| ()).is_some() {
        input.fail("http", "is for the protocols http and https only");
    }
}

fn read_health_check(input: &mut Input, check: &mut HealthCheck) {
    if let Some(http) = input.word("protocol", &[("tcp", false), ("http", true)]) {
        check.http_protocol = http;
        check.http = http.then(|| check.http.take().unwrap_or_else(default_check));
    }
    check.port = input.integer("port").unwrap_or(check.port);
    check.interval = input.bounded("interval", 3..=60).unwrap_or(check.interval);
    check.timeout = input.bounded("timeout", 1..=60).unwrap_or(check.timeout);
    check.retries = input.bounded("retries", 1..=5).unwrap_or(check.retries);
    let Some(http) = &mut check.http else { return };
    input.nested("http", |input| {
        http.domain = input.string("domain").or_else(|| http.domain.take());
        http.path = input.string("path").unwrap_or_else(|| http.path.clone());
        http.response = input.string("response").unwrap_or_else(|| http.response.clone());
        http.status_codes = input.strings("status_codes").unwrap_or_else(|| http.status_codes.clone());
        http.tls = input.boolean("tls").unwrap_or(http.tls);
        if http.domain.as_ref().is_some_and(|domain| domain.len() > 128) {
            input.fail("domain", "must have at most 128 characters");
        }
        if http.path.is_empty() || http.path.len() > 256 {
            input.fail("path", "must have 1 to 256 characters");
        }
        if http.status_codes.len() > 20 {
            input.fail("status_codes", "must be at most 20");
        }
    });
}

fn read_http(input: &mut Input, http: &mut Http) {
    http.cookie_name = input.string("cookie_name").unwrap_or_else(|| http.cookie_name.clone());
    http.cookie_lifetime = input.bounded("cookie_lifetime", 30..=86_400).unwrap_or(http.cookie_lifetime);
    http.timeout_idle = input.bounded("timeout_idle", 30..=300).unwrap_or(http.timeout_idle);
    http.sticky_sessions = input.boolean("sticky_sessions").unwrap_or(http.sticky_sessions);
    http.redirect_http = input.boolean("redirect_http").unwrap_or(http.redirect_http);
    if input.has("certificates") {
        http.certificates = input.ids("certificates");
    }
    if http.cookie_name.is_empty() || http.cookie_name.len() > 100 {
        input.fail("cookie_name", "must have 1 to 100 characters");
    }
}

/// Reads a target.
pub(super) fn read_target(input: &mut Input) -> Target {
    let use_private_ip = input.boolean("use_private_ip").unwrap_or(false);
    match input.required_word("type", &[("server", 0), ("label_selector", 1), ("ip", 2)]) {
        Some(1) => Target::Selector {
            selector: input.required_nested("label_selector", |inner| inner.required_string("selector")),
            use_private_ip,
        },
        Some(2) => {
            let unread = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
            let ip = input.nested("ip", |inner| inner.required_ip("ip"));
            if ip.is_none() {
                input.fail("ip", "is required");
            }
            Target::Ip { ip: ip.unwrap_or(unread) }
        }
        _ => Target::Server {
            id: input.required_nested("server", |inner| inner.required_integer("id")),
            use_private_ip,
        },
    }
}
