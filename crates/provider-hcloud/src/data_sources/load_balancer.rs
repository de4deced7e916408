//! `hcloud_load_balancer`, `hcloud_load_balancers`: load balancers with their services and targets.

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Client, HealthCheck, HealthCheckHttp, LoadBalancer, Service, ServiceHttp, Target};

use super::computed_text;
use super::family::Family;
use crate::attrs::{flag, int, int_list, int_or_null, labels, text, text_list, text_or_null};

pub(crate) static FAMILY: Family<LoadBalancer> = Family {
    settable: &[("id", Attribute::optional_computed), ("name", Attribute::optional)],
    older: true,
    id_of_many: Some(Attribute::optional_computed),
    ..Family::new(
        "hcloud_load_balancer",
        "hcloud_load_balancers",
        "load balancer",
        Client::load_balancers,
        holds,
        show,
    )
};

fn holds() -> Block {
    let objects = |ty: Type| Attribute::computed(Type::list(ty));
    Block::of([
        ("id", Attribute::computed(Type::Number)),
        ("name", computed_text()),
        ("load_balancer_type", computed_text()),
        ("ipv4", computed_text()),
        ("ipv6", computed_text()),
        ("location", computed_text()),
        ("network_zone", computed_text()),
        ("network_id", Attribute::computed(Type::Number)),
        ("network_ip", computed_text()),
        ("algorithm", objects(algorithm_type())),
        ("labels", Attribute::computed(Type::map(Type::String))),
        ("target", objects(target_type())),
        ("service", objects(service_type())),
        ("delete_protection", Attribute::computed(Type::Bool)),
    ])
}

fn show(balancer: &LoadBalancer) -> Vec<(&'static str, Value)> {
    let network = balancer.private_net.first();
    let algorithm = Value::object([("type", text(&balancer.algorithm.kind))]);
    vec![
        ("id", int(balancer.id)),
        ("name", text(&balancer.name)),
        ("load_balancer_type", text(&balancer.load_balancer_type.name)),
        ("ipv4", text(&balancer.public_net.ipv4.ip)),
        ("ipv6", text(&balancer.public_net.ipv6.ip)),
        ("location", text(&balancer.location.name)),
        ("network_zone", text(&balancer.location.network_zone)),
        ("network_id", int_or_null(network.map(|net| net.network))),
        ("network_ip", text_or_null(network.map(|net| net.ip.as_str()))),
        ("algorithm", Value::list(algorithm_type(), [algorithm])),
        ("labels", labels(&balancer.labels)),
        ("target", Value::list(target_type(), balancer.targets.iter().map(target))),
        ("service", Value::list(service_type(), balancer.services.iter().map(service))),
        ("delete_protection", flag(balancer.protection.delete)),
    ]
}

fn algorithm_type() -> Type {
    Type::object([("type", Type::String)])
}

fn target_type() -> Type {
    Type::object([("type", Type::String), ("server_id", Type::Number), ("label_selector", Type::String)])
}

fn target(target: &Target) -> Value {
    let selector = target.label_selector.as_ref().map(|labels| labels.selector.as_str());
    Value::object([
        ("type", text(&target.kind)),
        ("server_id", int_or_null(target.server.as_ref().map(|server| server.id))),
        ("label_selector", text_or_null(selector)),
    ])
}

fn service_type() -> Type {
    Type::object([
        ("protocol", Type::String),
        ("listen_port", Type::Number),
        ("destination_port", Type::Number),
        ("proxyprotocol", Type::Bool),
        ("http", Type::list(http_type())),
        ("health_check", Type::list(health_check_type())),
    ])
}

fn service(service: &Service) -> Value {
    Value::object([
        ("protocol", text_or_null(service.protocol.as_deref())),
        ("listen_port", int_or_null(service.listen_port)),
        ("destination_port", int_or_null(service.destination_port)),
        ("proxyprotocol", flag(service.proxyprotocol.unwrap_or(false))),
        ("http", Value::list(http_type(), service.http.iter().map(http))),
        ("health_check", Value::list(health_check_type(), service.health_check.iter().map(health_check))),
    ])
}

fn http_type() -> Type {
    Type::object([
        ("sticky_sessions", Type::Bool),
        ("cookie_name", Type::String),
        ("cookie_lifetime", Type::Number),
        ("certificates", Type::list(Type::String)),
        ("redirect_http", Type::Bool),
        ("timeout_idle", Type::Number),
    ])
}

fn http(http: &ServiceHttp) -> Value {
    let certificates: Vec<String> = http.certificates.iter().flatten().map(ToString::to_string).collect();
    Value::object([
        ("sticky_sessions", flag(http.sticky_sessions.unwrap_or(false))),
        ("cookie_name", text_or_null(http.cookie_name.as_deref())),
        ("cookie_lifetime", int_or_null(http.cookie_lifetime)),
        ("certificates", text_list(&certificates)),
        ("redirect_http", flag(http.redirect_http.unwrap_or(false))),
        ("timeout_idle", int_or_null(http.timeout_idle)),
    ])
}

fn health_check_type() -> Type {
    Type::object([
        ("protocol", Type::String),
        ("port", Type::Number),
        ("interval", Type::Number),
        ("timeout", Type::Number),
        ("retries", Type::Number),
        ("http", Type::list(health_check_http_type())),
    ])
}

fn health_check(check: &HealthCheck) -> Value {
    Value::object([
        ("protocol", text_or_null(check.protocol.as_deref())),
        ("port", int_or_null(check.port)),
        ("interval", int_or_null(check.interval)),
        ("timeout", int_or_null(check.timeout)),
        ("retries", int_or_null(check.retries)),
        ("http", Value::list(health_check_http_type(), check.http.iter().map(health_check_http))),
    ])
}

fn health_check_http_type() -> Type {
    Type::object([
        ("domain", Type::String),
        ("path", Type::String),
        ("response", Type::String),
        ("tls", Type::Bool),
        ("status_codes", Type::list(Type::Number)),
    ])
}

fn health_check_http(http: &HealthCheckHttp) -> Value {
    // The published type has numbers, which patterns such as `2??` are not.
    let codes = http.status_codes.iter().flatten().filter_map(|code| code.parse().ok());
    Value::object([
        ("domain", text_or_null(http.domain.as_deref())),
        ("path", text_or_null(http.path.as_deref())),
        ("response", text_or_null(http.response.as_deref())),
        ("tls", flag(http.tls.unwrap_or(false))),
        ("status_codes", int_list(codes)),
    ])
}
