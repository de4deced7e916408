//! `hcloud_load_balancer_service`: a port that a load balancer listens on. Its id is `<load balancer id>__<port>`.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{AttrPath, Type, Value};
use ferroform_hcloud::{Error, HealthCheck, HealthCheckHttp, Service, ServiceHttp, code};

use super::{parse_id, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int, int_set, is_empty, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct LoadBalancerService;

const PROTOCOLS: [&str; 3] = ["http", "https", "tcp"];

#[async_trait]
impl Resource for LoadBalancerService {
    fn name(&self) -> &'static str {
        "hcloud_load_balancer_service"
    }

    fn noun(&self) -> &'static str {
        "service of a load balancer"
    }

    fn schema(&self) -> Schema {
        let block = Block::of([
            super::implicit_id(),
            ("load_balancer_id", Attribute::required(Type::String).force_new()),
            ("protocol", Attribute::required(Type::String).force_new()),
            ("listen_port", Attribute::optional_computed(Type::Number).force_new()),
            ("destination_port", Attribute::optional_computed(Type::Number)),
            ("proxyprotocol", Attribute::optional_computed(Type::Bool)),
        ]);
        let one = |block| NestedBlock { max_items: 1, ..NestedBlock::new(Nesting::List, block) };
        schema(block.with_block("http", one(http_block())).with_block("health_check", one(check_block())))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::one_of(config, "protocol", &PROTOCOLS, problems);
        for port in ["listen_port", "destination_port"] {
            rules::between(config, port, 1, 65_535, problems);
            if config.text("protocol") == Some("tcp") && !config.is_set(port) {
                problems.add(
                    "protocol",
                    "Invalid attribute combination",
                    format!("A service with the protocol `tcp` needs `{port}`."),
                );
            }
        }
        if config.text("load_balancer_id").is_some_and(|id| parse_id(id).is_none()) {
            problems.add(
                "load_balancer_id",
                "Invalid attribute value",
                "It must be the number of a load balancer.",
            );
        }
        if config.text("protocol") == Some("https") && config.is_known("http") {
            let certificates = config.block("http").map(|http| http.get("certificates"));
            if certificates.is_none_or(is_empty) {
                problems.add(
                    "protocol",
                    "Invalid attribute combination",
                    "A service with the protocol `https` needs `certificates` in its `http` block: the ids of `hcloud_certificate`, \
                     `hcloud_uploaded_certificate` or `hcloud_managed_certificate` resources.",
                );
            }
        }
        for (at, http) in config.blocks("http").enumerate() {
            problems.within(&AttrPath::attr("http").with_index(at), |problems| {
                rules::between(http, "timeout_idle", 30, 300, problems);
                rules::between(http, "cookie_lifetime", 30, 86_400, problems);
            });
        }
        for (at, check) in config.blocks("health_check").enumerate() {
            problems.within(&AttrPath::attr("health_check").with_index(at), |problems| {
                rules::one_of(check, "protocol", &PROTOCOLS, problems);
                rules::between(check, "port", 1, 65_535, problems);
                rules::between(check, "interval", 3, 60, problems);
                rules::between(check, "timeout", 1, 60, problems);
                rules::between(check, "retries", 1, 5, problems);
            });
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        let protocol = plan.get("protocol").as_str().map(str::to_owned);
        if plan.prior.is_none() {
            // The ports that the API takes when none are given (Hetzner API documentation, "Create a Load Balancer").
            let ports = match protocol.as_deref() {
                Some("http") => [("listen_port", 80), ("destination_port", 80)].as_slice(),
                Some("https") => [("listen_port", 443), ("destination_port", 80)].as_slice(),
                _ => &[],
            };
            for (name, port) in ports {
                if !plan.config.is_set(name) {
                    plan.set(name, int(*port));
                }
            }
            if !plan.config.is_set("proxyprotocol") {
                plan.set("proxyprotocol", flag(false));
            }
        }
        plan_block(plan, "http", protocol.as_deref() == Some("tcp"));
        plan_block(plan, "health_check", false);
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::balancers::service(plan, around);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.load_balancers.extend(place(prior).map(|(balancer, _)| balancer));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some((balancer_id, port)) = place(prior) else { return Ok(None) };
        let Some(balancer) = seen.load_balancers.get(&balancer_id)? else { return Ok(None) };
        let Some(service) = balancer.services.iter().find(|s| s.listen_port == Some(port)) else {
            return Ok(None);
        };
        state.set("id", text(&format!("{balancer_id}__{port}")));
        state.set("load_balancer_id", text(&balancer_id.to_string()));
        state.set("listen_port", int(port));
        state.set("protocol", text(service.protocol.as_deref().unwrap_or_default()));
        state.set("destination_port", int(service.destination_port.unwrap_or_default()));
        state.set("proxyprotocol", flag(service.proxyprotocol.unwrap_or_default()));
        let http = service.http.as_ref().map(http_value);
        state.set("http", Value::list(http_block().implied_type(), http));
        let check = service.health_check.as_ref().map(check_value);
        state.set("health_check", Value::list(check_block().implied_type(), check));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let balancer = planned.text("load_balancer_id").and_then(parse_id).unwrap_or_default();
        let service = service(planned);
        let action = cx.client.load_balancers().add_service(balancer, &service).await?;
        Ok(Begun::new(format!("{balancer}__{}", service.listen_port.unwrap_or_default()), [action]))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some((balancer, port)) = place(prior) else { return Ok(()) };
        let service = Service { listen_port: Some(port), ..service(planned) };
        Ok(cx.step(Tolerance::NONE, || cx.client.load_balancers().update_service(balancer, &service)).await?)
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some((balancer, port)) = place(prior) else { return Ok(()) };
        let tolerance = Tolerance { done: &[code::NOT_FOUND, "service_not_found"], ..Tolerance::NONE };
        Ok(cx.step(tolerance, || cx.client.load_balancers().delete_service(balancer, port)).await?)
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        let (balancer, port) = split_id(id).ok_or(
            "the number of the load balancer, two underscores and the port it listens on, such as `123__443`",
        )?;
        state.set("load_balancer_id", text(&balancer.to_string()));
        state.set("listen_port", int(port));
        Ok(())
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some((id, port)) = place(planned) else { return Ok(Vec::new()) };
        let Some(balancer) = cx.client.load_balancers().find(id).await? else { return Ok(Vec::new()) };
        let listens = balancer.services.iter().any(|s| s.listen_port == Some(port));
        seen.load_balancers.add([balancer]);
        Ok(listens.then(|| Candidate { id: format!("{id}__{port}"), created: None }).into_iter().collect())
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["load_balancer_id", "listen_port", "protocol", "destination_port", "proxyprotocol"]
    }
}

fn split_id(id: &str) -> Option<(i64, i64)> {
    let (balancer, port) = id.split_once("__")?;
    Some((parse_id(balancer)?, port.parse().ok().filter(|p| (1..=65_535).contains(p))?))
}

/// The load balancer and the port it listens on.
fn place(attrs: Attrs<'_>) -> Option<(i64, i64)> {
    match (attrs.text("load_balancer_id").and_then(parse_id), attrs.positive("listen_port")) {
        (Some(balancer), Some(port)) => Some((balancer, port)),
        _ => split_id(attrs.text("id")?),
    }
}

fn http_block() -> Block {
    Block::of([
        ("sticky_sessions", Attribute::optional_computed(Type::Bool)),
        ("cookie_name", Attribute::optional_computed(Type::String)),
        ("cookie_lifetime", Attribute::optional_computed(Type::Number)),
        ("certificates", Attribute::optional_computed(Type::set(Type::Number))),
        ("redirect_http", Attribute::optional_computed(Type::Bool)),
        ("timeout_idle", Attribute::optional_computed(Type::Number)),
    ])
}

fn check_block() -> Block {
    let http = NestedBlock { max_items: 1, ..NestedBlock::new(Nesting::List, check_http_block()) };
    Block::of([
        ("protocol", Attribute::required(Type::String)),
        ("port", Attribute::required(Type::Number)),
        ("interval", Attribute::required(Type::Number)),
        ("timeout", Attribute::required(Type::Number)),
        ("retries", Attribute::required(Type::Number)),
    ])
    .with_block("http", http)
}

fn check_http_block() -> Block {
    Block::of([
        ("domain", Attribute::optional(Type::String)),
        ("path", Attribute::optional(Type::String)),
        ("response", Attribute::optional(Type::String)),
        ("tls", Attribute::optional(Type::Bool)),
        ("status_codes", Attribute::optional(Type::list(Type::String))),
    ])
}

/// Plans a block of which the API fills in what configuration leaves out.
fn plan_block(plan: &mut Plan<'_>, name: &str, absent: bool) {
    let block = if name == "http" { http_block() } else { check_block() };
    let prior = plan.prior.map(|prior| prior.get(name));
    let planned = match (plan.config.block(name), prior) {
        (Some(config), _) => {
            let before = plan.prior.and_then(|prior| prior.block(name));
            Value::list(block.implied_type(), [fill(&block, config, before)])
        }
        (None, _) if !plan.config.is_known(name) => return,
        (None, Some(prior)) => prior.clone(),
        (None, None) if absent => Value::list(block.implied_type(), []),
        (None, None) => Value::unknown(Type::list(block.implied_type())),
    };
    plan.set(name, planned);
}

/// What configuration says; where it says nothing, what is there, or whatever the API will say.
fn fill(block: &Block, config: Attrs<'_>, before: Option<Attrs<'_>>) -> Value {
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let value = match before {
            _ if config.is_set(name) => config.get(name).clone(),
            // A text that was removed from configuration is removed.
            Some(_) if matches!(&**name, "domain" | "response") => text(""),
            Some(before) if before.is_set(name) => before.get(name).clone(),
            _ => Value::unknown(attribute.ty.clone()),
        };
        (name.clone(), value)
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        let before_block = before.and_then(|before| before.block(name));
        let value = match (config.block(name), before) {
            (Some(config), _) => {
                Value::list(nested.block.implied_type(), [fill(&nested.block, config, before_block)])
            }
            // A check that speaks another protocol than before has other settings.
            (None, Some(before)) if before.get("protocol") == config.get("protocol") => {
                before.get(name).clone()
            }
            (None, _) if config.get("protocol").as_str() == Some("tcp") => {
                Value::list(nested.block.implied_type(), [])
            }
            (None, _) => Value::unknown(nested.implied_type()),
        };
        (name.clone(), value)
    });
    Value::object(attributes.chain(blocks))
}

/// The service that a plan asks for; what is not known is left to the API.
fn service(planned: Attrs<'_>) -> Service {
    Service {
        listen_port: planned.positive("listen_port"),
        protocol: planned.text("protocol").map(str::to_owned),
        destination_port: planned.positive("destination_port"),
        proxyprotocol: planned.get("proxyprotocol").as_bool(),
        http: planned.block("http").map(|http| ServiceHttp {
            sticky_sessions: http.get("sticky_sessions").as_bool(),
            cookie_name: http.text("cookie_name").map(str::to_owned),
            cookie_lifetime: http.positive("cookie_lifetime"),
            certificates: http.get("certificates").as_slice().map(|_| http.ints("certificates")),
            redirect_http: http.get("redirect_http").as_bool(),
            timeout_idle: http.positive("timeout_idle"),
        }),
        health_check: planned.block("health_check").map(|check| HealthCheck {
            protocol: check.text("protocol").map(str::to_owned),
            port: check.positive("port"),
            interval: check.positive("interval"),
            timeout: check.positive("timeout"),
            retries: check.positive("retries"),
            http: check.block("http").map(|http| HealthCheckHttp {
                domain: http.get("domain").as_str().map(str::to_owned),
                path: http.text("path").map(str::to_owned),
                response: http.get("response").as_str().map(str::to_owned),
                tls: http.get("tls").as_bool(),
                status_codes: http.get("status_codes").as_slice().map(|_| http.texts("status_codes")),
            }),
        }),
    }
}

fn http_value(http: &ServiceHttp) -> Value {
    Value::object([
        ("sticky_sessions", flag(http.sticky_sessions.unwrap_or_default())),
        ("cookie_name", text(http.cookie_name.as_deref().unwrap_or_default())),
        ("cookie_lifetime", int(http.cookie_lifetime.unwrap_or_default())),
        ("certificates", int_set(http.certificates.iter().flatten().copied())),
        ("redirect_http", flag(http.redirect_http.unwrap_or_default())),
        ("timeout_idle", int(http.timeout_idle.unwrap_or_default())),
    ])
}

fn check_value(check: &HealthCheck) -> Value {
    let http = check.http.as_ref().map(|http| {
        let codes = http.status_codes.iter().flatten().map(|code| text(code));
        Value::object([
            ("domain", text(http.domain.as_deref().unwrap_or_default())),
            ("path", text(http.path.as_deref().unwrap_or_default())),
            ("response", text(http.response.as_deref().unwrap_or_default())),
            ("tls", flag(http.tls.unwrap_or_default())),
            ("status_codes", Value::list(Type::String, codes)),
        ])
    });
    Value::object([
        ("protocol", text(check.protocol.as_deref().unwrap_or_default())),
        ("port", int(check.port.unwrap_or_default())),
        ("interval", int(check.interval.unwrap_or_default())),
        ("timeout", int(check.timeout.unwrap_or_default())),
        ("retries", int(check.retries.unwrap_or_default())),
        ("http", Value::list(check_http_block().implied_type(), http)),
    ])
}
