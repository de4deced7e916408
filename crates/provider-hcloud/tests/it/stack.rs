//! A provider, a cloud of its own, and what an engine would do with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Nesting};
use ferroform_core::{Diagnostic, Diagnostics, Entries, Value, wire};
use ferroform_hcloud_emulator::{ClockMode, Emulator, Handle};
use ferroform_provider::{
    ApplyRequest, ApplyResponse, CheckpointSink, ConfigureRequest, LocateRequest, Located, Occasion,
    PlanRequest, PlanResponse, Provider, ProviderFactory, ReadRequest, proposed::proposed,
};
use ferroform_provider_hcloud::{HcloudFactory, Pace, Settings};
use serde_json::{Value as Json, json};

/// What configuration holds where a value is not known yet.
pub(crate) const UNKNOWN: &str = "(unknown)";

/// Keeps the checkpoints.
#[derive(Default)]
pub(crate) struct Checkpoints(pub(crate) Mutex<Vec<Value>>);

#[async_trait]
impl CheckpointSink for Checkpoints {
    async fn checkpoint(&self, identity: Value) -> Result<(), Diagnostic> {
        self.0.lock().unwrap().push(identity);
        Ok(())
    }
}

pub(crate) struct Stack {
    pub(crate) cloud: Handle,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) http: reqwest::Client,
    /// Type, configuration and state by name.
    pub(crate) objects: BTreeMap<String, (String, Json, Value)>,
}

/// A provider for a cloud, configured.
pub(crate) async fn provider(cloud: &Handle) -> Arc<dyn Provider> {
    let settings = Settings::new().only_world(cloud.endpoint(), cloud.token()).pace(Pace::INSTANT);
    let provider = HcloudFactory::new(settings).create();
    let config = Value::null(provider.schema().provider.implied_type());
    let diagnostics = provider.configure(ConfigureRequest { config }).await;
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    provider
}

pub(crate) async fn stack() -> Stack {
    let cloud = Emulator::builder().clock(ClockMode::Instant).seed(1).start().await.unwrap();
    let provider = provider(&cloud).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Stack { cloud, provider, http, objects: BTreeMap::new() }
}

impl Stack {
    pub(crate) fn block(&self, type_name: &str) -> Block {
        self.provider.schema().resources[type_name].block.clone()
    }

    /// The state of an object.
    pub(crate) fn state(&self, name: &str) -> Json {
        let (_, _, state) = &self.objects[name];
        wire::to_json(state, &state.ty()).unwrap()
    }

    pub(crate) fn id(&self, name: &str) -> String {
        match &self.state(name)["id"] {
            Json::String(id) => id.clone(),
            id => id.to_string(),
        }
    }

    pub(crate) fn number(&self, name: &str) -> i64 {
        self.id(name).parse().unwrap()
    }

    /// Plans one object by itself, whatever was planned before.
    pub(crate) async fn plan(&self, type_name: &str, prior: &Value, config: &Json) -> PlanResponse {
        let config = value(&self.block(type_name), config);
        let problems = self.provider.validate_resource(type_name, &config);
        assert!(!problems.has_errors(), "{problems:?}");
        self.ask_for_plan(type_name, prior, config, Occasion::Apply).await
    }

    /// Plans what was found to be valid, beside what was planned before.
    pub(crate) async fn plan_valid(&self, type_name: &str, prior: &Value, config: Value) -> PlanResponse {
        self.ask_for_plan(type_name, prior, config, Occasion::Plan).await
    }

    /// Plans what was found to be valid, for some reason.
    pub(crate) async fn ask_for_plan(
        &self,
        type_name: &str,
        prior: &Value,
        config: Value,
        occasion: Occasion,
    ) -> PlanResponse {
        let request = PlanRequest {
            type_name: type_name.into(),
            prior: prior.clone(),
            proposed: proposed(&self.block(type_name), prior, &config),
            config,
            private: Vec::new(),
            occasion,
        };
        self.provider.plan_resource(request).await
    }

    /// Plans to delete an object.
    pub(crate) async fn plan_deletion(&self, type_name: &str, prior: &Value) -> PlanResponse {
        let null = Value::null(self.block(type_name).implied_type());
        let request = PlanRequest {
            type_name: type_name.into(),
            prior: prior.clone(),
            proposed: null.clone(),
            config: null,
            private: Vec::new(),
            occasion: Occasion::Plan,
        };
        self.provider.plan_resource(request).await
    }

    /// Applies a change without judging it.
    pub(crate) async fn try_apply(
        &self,
        type_name: &str,
        prior: &Value,
        config: &Json,
        checkpoints: &Checkpoints,
    ) -> (Value, ApplyResponse) {
        let response = self.plan(type_name, prior, config).await;
        assert!(!response.diagnostics.has_errors(), "{:?}", response.diagnostics);
        let planned = response.planned.unwrap();
        let request = ApplyRequest {
            type_name: type_name.into(),
            prior: prior.clone(),
            planned: planned.clone(),
            config: value(&self.block(type_name), config),
            private: Vec::new(),
        };
        (planned, self.provider.apply_resource(request, checkpoints).await)
    }

    /// Creates or updates an object, and holds the provider to its plan: what was known is so, and a second plan
    /// finds nothing to do.
    pub(crate) async fn apply(&mut self, name: &str, type_name: &str, config: Json) {
        let block = self.block(type_name);
        let prior = self
            .objects
            .get(name)
            .map_or_else(|| Value::null(block.implied_type()), |(_, _, state)| state.clone());
        let checkpoints = Checkpoints::default();
        let (planned, applied) = self.try_apply(type_name, &prior, &config, &checkpoints).await;
        assert!(!applied.diagnostics.has_errors(), "{name}: {:#?}", applied.diagnostics);
        assert!(applied.state.is_wholly_known(), "{name}: {:?}", applied.state);
        assert!(fits(&planned, &applied.state), "{name}\nplanned {planned:#?}\nbut is {:#?}", applied.state);
        if prior.is_null() {
            let first = checkpoints.0.lock().unwrap().first().cloned().expect("a creation is checkpointed");
            assert_eq!(first.get("id"), applied.state.get("id"), "{name}");
            // As a settlement reads it after a crash.
            let known = planned.unknown_as_null();
            let own = first.as_map().unwrap().iter().filter(|(_, value)| !is_nothing(value));
            let attributes = known.as_map().unwrap().clone().into_iter();
            let found = self
                .read(type_name, &Value::object(attributes.chain(own.map(|(k, v)| (k.clone(), v.clone())))))
                .await;
            assert!(!found.is_null(), "{name}: what was checkpointed does not name it");
        }
        self.objects.insert(name.to_owned(), (type_name.to_owned(), config, applied.state));
        self.unchanged(name).await;
    }

    /// Plans an object anew: which attributes change, and for which of them a new object is needed.
    pub(crate) async fn changes(&self, name: &str, config: &Json) -> (Vec<String>, Vec<String>) {
        let (type_name, _, state) = &self.objects[name];
        let response = self.plan(type_name, state, config).await;
        assert!(!response.diagnostics.has_errors(), "{:?}", response.diagnostics);
        let planned = response.planned.unwrap();
        let changed = state.as_map().unwrap().iter().filter(|(k, v)| planned.get(k) != Some(v));
        let replace =
            response.requires_replace.iter().map(|path| path.to_string().trim_start_matches('.').to_owned());
        (changed.map(|(k, _)| k.to_string()).collect(), replace.collect())
    }

    /// Refreshes an object and plans it with its configuration: nothing changes.
    pub(crate) async fn unchanged(&mut self, name: &str) {
        self.refresh().await;
        let (_, config, _) = &self.objects[name];
        let (changed, replace) = self.changes(name, config).await;
        assert!(
            changed.is_empty() && replace.is_empty(),
            "{name}: {changed:?} {replace:?}\n{:#}",
            self.state(name)
        );
    }

    async fn read(&self, type_name: &str, prior: &Value) -> Value {
        let (prior, private) = (prior.clone(), Vec::new());
        let request = ReadRequest { type_name: type_name.into(), prior, private };
        let read = self.provider.read_resources(vec![request]).await.remove(0);
        assert!(!read.diagnostics.has_errors(), "{:?}", read.diagnostics);
        read.state
    }

    /// Reads all objects at once; those that are gone leave.
    pub(crate) async fn refresh(&mut self) {
        let requests = self.objects.values().map(|(type_name, _, state)| ReadRequest {
            type_name: type_name.as_str().into(),
            prior: state.clone(),
            private: Vec::new(),
        });
        let answers = self.provider.read_resources(requests.collect()).await;
        let names: Vec<String> = self.objects.keys().cloned().collect();
        for (name, answer) in names.into_iter().zip(answers) {
            assert!(!answer.diagnostics.has_errors(), "{:?}", answer.diagnostics);
            if answer.state.is_null() {
                self.objects.remove(&name);
            } else if let Some((_, _, state)) = self.objects.get_mut(&name) {
                *state = answer.state;
            }
        }
    }

    /// Deletes an object.
    pub(crate) async fn delete(&mut self, name: &str) {
        let answer = self.try_delete(name).await;
        assert!(
            !answer.diagnostics.has_errors() && answer.state.is_null(),
            "{name}: {:#?}",
            answer.diagnostics
        );
        self.objects.remove(name);
    }

    pub(crate) async fn try_delete(&self, name: &str) -> ApplyResponse {
        let (type_name, _, state) = &self.objects[name];
        let null = Value::null(self.block(type_name).implied_type());
        let request = ApplyRequest {
            type_name: type_name.as_str().into(),
            prior: state.clone(),
            planned: null.clone(),
            config: null,
            private: Vec::new(),
        };
        self.provider.apply_resource(request, &Checkpoints::default()).await
    }

    /// Imports an object and compares it with its state, apart from what the API does not tell.
    pub(crate) async fn imports_as(&self, name: &str, import_id: &str, untold: &[&str]) {
        let (type_name, config, state) = &self.objects[name];
        let imported = self.provider.import_resource(type_name, import_id).await.unwrap();
        let read = self.read(type_name, &imported[0].state).await;
        for (attribute, value) in state.as_map().unwrap() {
            let other = read.get(attribute).unwrap();
            let same = other == value || (is_nothing(other) && is_nothing(value));
            assert!(
                same || untold.contains(&&**attribute),
                "{name}.{attribute}: {other:?} instead of {value:?}"
            );
        }
        let planned = self.plan(type_name, &read, config).await.planned.unwrap();
        for (attribute, value) in read.as_map().unwrap().iter().filter(|(a, _)| !untold.contains(&&***a)) {
            assert_eq!(planned.get(attribute), Some(value), "{name}.{attribute} changes once it is imported");
        }
    }

    pub(crate) async fn locate(
        &self,
        type_name: &str,
        config: &Json,
        not_before: Option<i64>,
    ) -> Result<Located, Diagnostics> {
        let planned = self.plan(type_name, &Value::null(self.block(type_name).implied_type()), config).await;
        let request =
            LocateRequest { type_name: type_name.into(), planned: planned.planned.unwrap(), not_before };
        self.provider.locate(request).await
    }

    /// A request to the API, past the provider.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let url = format!("{}{path}", self.cloud.endpoint());
        self.send(method, &url, body).await
    }

    /// A request to what controls the cloud.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let url = format!("{}/_emulator{path}", self.cloud.endpoint().trim_end_matches("/v1"));
        self.send(method, &url, body).await
    }

    async fn send(&self, method: &str, url: &str, body: Option<Json>) -> Json {
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(self.cloud.token());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{method} {url}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }

    pub(crate) async fn fault(&self, fault: Json) {
        self.control("POST", "/faults", Some(fault)).await;
    }

    /// How many objects of a kind there are.
    pub(crate) async fn count(&self, kind: &str) -> usize {
        self.call("GET", &format!("/{kind}?per_page=50"), None).await[kind].as_array().unwrap().len()
    }

    /// Requests since the count was last set back.
    pub(crate) async fn requests(&self) -> u64 {
        let stats = self.control("GET", "/stats", None).await;
        stats["total"].as_u64().unwrap_or_else(|| panic!("{stats}"))
    }
}

/// Null, or a collection of nothing.
fn is_nothing(value: &Value) -> bool {
    value.is_null()
        || value.as_slice().is_some_and(<[_]>::is_empty)
        || value.as_map().is_some_and(Entries::is_empty)
}

/// A value of a block from JSON: what is missing is null or without blocks.
pub(crate) fn value(block: &Block, json: &Json) -> Value {
    if json.is_null() {
        return Value::null(block.implied_type());
    }
    let known: Vec<&str> = block.attributes.keys().chain(block.blocks.keys()).map(|k| &**k).collect();
    for key in json.as_object().unwrap().keys() {
        assert!(known.contains(&key.as_str()), "no attribute {key}");
    }
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let value = match &json[&**name] {
            Json::String(text) if text == UNKNOWN => Value::unknown(attribute.ty.clone()),
            given if attribute.nested.is_some() && !given.is_null() => nested_value(attribute, given),
            given => wire::from_json(given, &attribute.ty).unwrap_or_else(|e| panic!("{name}: {e}")),
        };
        (name.clone(), value)
    });
    let blocks = block.blocks.iter().map(|(name, nested)| {
        let items = json[&**name].as_array().into_iter().flatten().map(|item| value(&nested.block, item));
        let value = match nested.nesting {
            Nesting::List => Value::list(nested.block.implied_type(), items),
            Nesting::Set => Value::set(nested.block.implied_type(), items),
            _ => Value::null(nested.block.implied_type()),
        };
        (name.clone(), value)
    });
    Value::object(attributes.chain(blocks))
}

fn nested_value(attribute: &Attribute, json: &Json) -> Value {
    let nested = attribute.nested.as_ref().unwrap();
    let block = Block { attributes: nested.attributes.clone(), ..Block::default() };
    let items = || json.as_array().unwrap().iter().map(|item| value(&block, item));
    match nested.nesting {
        Nesting::List => Value::list(block.implied_type(), items()),
        Nesting::Set => Value::set(block.implied_type(), items()),
        _ => value(&block, json),
    }
}

/// Whether an object is what was planned: equal wherever the plan knew something.
pub(crate) fn fits(planned: &Value, is: &Value) -> bool {
    if !planned.is_known() {
        return true;
    }
    match (planned.as_map(), is.as_map(), planned.as_slice(), is.as_slice()) {
        (Some(planned), Some(is), _, _) => {
            planned.len() == is.len() && planned.iter().all(|(k, v)| is.get(k).is_some_and(|is| fits(v, is)))
        }
        (_, _, Some(planned), Some(is)) => {
            planned.len() == is.len() && planned.iter().all(|v| is.iter().any(|is| fits(v, is)))
        }
        _ => planned == is,
    }
}

/// The configuration of a small stack of one of each kind, in the order of creation. Numbers of objects are filled in
/// as they become known.
pub(crate) async fn one_of_each() -> Stack {
    let mut stack = stack().await;
    stack
        .apply("key", "hcloud_ssh_key", json!({"name": "key", "public_key": KEY, "labels": {"env": "test"}}))
        .await;
    stack.apply("net", "hcloud_network", json!({"name": "net", "ip_range": "10.0.0.0/16"})).await;
    let net = stack.number("net");
    let subnet =
        json!({"network_id": net, "type": "cloud", "network_zone": "eu-central", "ip_range": "10.0.1.0/24"});
    stack.apply("subnet", "hcloud_network_subnet", subnet).await;
    let rules = json!([
        {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["0.0.0.0/0", "::/0"]},
        {"direction": "in", "protocol": "icmp", "source_ips": ["0.0.0.0/0"], "description": "ping"},
        {"direction": "out", "protocol": "udp", "port": "any", "destination_ips": ["0.0.0.0/0"]},
    ]);
    stack.apply("wall", "hcloud_firewall", json!({"name": "wall", "rule": rules})).await;
    stack.apply("group", "hcloud_placement_group", json!({"name": "group", "type": "spread"})).await;
    let server = json!({
        "name": "web", "server_type": "cx23", "image": "ubuntu-24.04", "location": "fsn1",
        "ssh_keys": [stack.id("key")], "firewall_ids": [stack.number("wall")],
        "placement_group_id": stack.number("group"), "user_data": "#cloud-config\n", "labels": {"role": "web"},
    });
    stack.apply("server", "hcloud_server", server).await;
    let web = stack.number("server");
    let attached = json!({"server_id": web, "subnet_id": stack.id("subnet"), "ip": "10.0.1.10"});
    stack.apply("server_net", "hcloud_server_network", attached).await;
    stack
        .apply(
            "volume",
            "hcloud_volume",
            json!({"name": "data", "size": 20, "location": "fsn1", "format": "ext4"}),
        )
        .await;
    let attachment = json!({"volume_id": stack.number("volume"), "server_id": web, "automount": true});
    stack.apply("attachment", "hcloud_volume_attachment", attachment).await;
    let balancer = json!({"name": "lb", "load_balancer_type": "lb11", "location": "fsn1"});
    stack.apply("lb", "hcloud_load_balancer", balancer).await;
    let lb = stack.number("lb");
    stack
        .apply("lb_net", "hcloud_load_balancer_network", json!({"load_balancer_id": lb, "network_id": net}))
        .await;
    let service = json!({
        "load_balancer_id": lb.to_string(), "protocol": "tcp", "listen_port": 443, "destination_port": 30443,
        "health_check": [{"protocol": "tcp", "port": 30443, "interval": 10, "timeout": 5, "retries": 3}],
    });
    stack.apply("service", "hcloud_load_balancer_service", service).await;
    let target = json!({"load_balancer_id": lb, "type": "server", "server_id": web, "use_private_ip": true});
    stack.apply("target", "hcloud_load_balancer_target", target).await;
    let route = json!({"network_id": net, "destination": "10.100.1.0/24", "gateway": "10.0.1.10"});
    stack.apply("route", "hcloud_network_route", route).await;
    stack
        .apply(
            "zone",
            "hcloud_zone",
            json!({"name": "example.com", "mode": "primary", "labels": {"env": "test"}}),
        )
        .await;
    let records = json!([{"value": "192.0.2.1", "comment": "one"}, {"value": "192.0.2.2"}]);
    let rrset = json!({"zone": "example.com", "name": "www", "type": "A", "ttl": 300, "records": records});
    stack.apply("rrset", "hcloud_zone_rrset", rrset).await;
    for (name, value) in [("record", "10 a.example.net."), ("record_2", "20 b.example.net.")] {
        let record = json!({"zone": stack.id("zone"), "name": "@", "type": "MX", "value": value});
        stack.apply(name, "hcloud_zone_record", record).await;
    }
    let address = json!({"name": "address", "type": "ipv6", "location": "fsn1"});
    stack.apply("address", "hcloud_primary_ip", address).await;
    let floating = json!({"type": "ipv4", "home_location": "fsn1", "labels": {"env": "test"}});
    stack.apply("floating", "hcloud_floating_ip", floating).await;
    let floating = stack.number("floating");
    let led = json!({"floating_ip_id": floating, "server_id": web});
    stack.apply("floating_on", "hcloud_floating_ip_assignment", led).await;
    let ip = stack.state("floating")["ip_address"].clone();
    let name = json!({"floating_ip_id": floating, "ip_address": ip, "dns_ptr": "www.example.com"});
    stack.apply("name", "hcloud_rdns", name).await;
    let certificate = json!({"name": "www", "certificate": CERTIFICATE, "private_key": PRIVATE_KEY});
    stack.apply("certificate", "hcloud_uploaded_certificate", certificate).await;
    stack.apply("snapshot", "hcloud_snapshot", json!({"server_id": web, "description": "before"})).await;
    stack.apply("wall_2", "hcloud_firewall", json!({"name": "other-wall"})).await;
    let applied = json!({"firewall_id": stack.number("wall_2"), "label_selectors": ["role=db"]});
    stack.apply("wall_on", "hcloud_firewall_attachment", applied).await;
    let storage = json!({
        "name": "files", "storage_box_type": "bx11", "location": "fsn1", "password": PASSWORD,
        "labels": {"env": "test"}, "ssh_keys": [KEY], "access_settings": {"ssh_enabled": true},
        "snapshot_plan": {"max_snapshots": 3, "minute": 30, "hour": 4, "day_of_week": 0},
    });
    stack.apply("box", "hcloud_storage_box", storage).await;
    let storage = stack.number("box");
    let snapshot = json!({"storage_box_id": storage, "description": "before", "labels": {"env": "test"}});
    stack.apply("box_snapshot", "hcloud_storage_box_snapshot", snapshot).await;
    let user = json!({
        "storage_box_id": storage, "home_directory": "backups/web", "password": PASSWORD,
        "labels": {"env": "test"}, "access_settings": {"readonly": true},
    });
    stack.apply("box_user", "hcloud_storage_box_subaccount", user).await;
    stack
}

pub(crate) const PASSWORD: &str = "Grünkohl-2026";

pub(crate) const CERTIFICATE: &str = include_str!("certificate.pem");
/// The cloud keeps it and shows it to nobody.
pub(crate) const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\nbm9uZQ==\n-----END PRIVATE KEY-----\n";

pub(crate) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm1nRZ8Hl3rJ7rPVGCSFb4yhYzE2fJ8T0Tj0cZ1dX1u key@example";
