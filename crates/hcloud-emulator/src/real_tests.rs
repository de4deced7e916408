//! A world with a backend, seen from the world's side: what it shows, what it waits for, what it does about what it is
//! told. The backend here is one that a test decides about.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::Emulator;
use crate::backend::scene::{DiskSource, Filter, Machine, Pass, PassProtocol, Run, Scene};
use crate::backend::{Backend, Host, Object, Place, Report, Standing};
use crate::clock::{Clock, ClockMode};
use crate::core::{Core, Delivery, Incoming, Outgoing};
use crate::limiter::{Limiter, RateLimit};
use crate::store::Store;
use crate::world::World;
use crate::world::fingerprint;

pub(crate) const TOKEN: &str = "0123456789012345678901234567890123456789012345678901234567890123";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f test@example";

/// A backend that has reached everything but what a test holds back or lets fail.
#[derive(Debug, Default)]
pub(crate) struct Fake(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    scenes: Vec<Arc<Scene>>,
    held: BTreeSet<Object>,
    failed: BTreeMap<Object, String>,
    reports: Vec<Report>,
    hosts: Vec<Host>,
    closed: bool,
}

impl Fake {
    fn hold(&self, object: Object) {
        self.0.lock().held.insert(object);
    }

    fn release(&self) {
        self.0.lock().held.clear();
    }

    fn fail(&self, object: Object, message: &str) {
        self.0.lock().failed.insert(object, message.to_owned());
    }

    fn report(&self, report: Report) {
        self.0.lock().reports.push(report);
    }

    pub(crate) fn scene(&self) -> Arc<Scene> {
        Arc::clone(self.0.lock().scenes.last().expect("a scene was shown"))
    }

    fn count(&self) -> usize {
        self.0.lock().scenes.len()
    }
}

impl Backend for Fake {
    fn show(&self, scene: Arc<Scene>) {
        let mut state = self.0.lock();
        let last = state.scenes.last().map_or(0, |scene| scene.revision);
        assert!(scene.revision > last, "revisions count upwards");
        state.scenes.push(scene);
    }

    fn standing(&self, object: Object, revision: u64) -> Standing {
        let state = self.0.lock();
        assert!(state.scenes.last().is_some_and(|scene| scene.revision >= revision), "only what was shown");
        match state.failed.get(&object) {
            Some(message) => Standing::Failed { message: message.clone() },
            None if state.held.contains(&object) => Standing::Pending,
            None => Standing::Reached,
        }
    }

    fn reports(&self) -> Vec<Report> {
        std::mem::take(&mut self.0.lock().reports)
    }

    fn console(&self, machine: i64) -> Option<String> {
        Some(format!("console of {machine}"))
    }

    fn place(&self, machine: i64) -> Option<Place> {
        Some(Place { namespace: PathBuf::from(format!("/run/netns/m{machine}")), leader: None })
    }

    fn hosts(&self) -> Vec<Host> {
        self.0.lock().hosts.clone()
    }

    fn add_host(&self, name: &str, addresses: &[IpAddr]) -> Result<Host, String> {
        let namespace = PathBuf::from(format!("/run/netns/h{name}"));
        let host = Host { name: name.to_owned(), addresses: addresses.to_vec(), namespace };
        self.0.lock().hosts.push(host.clone());
        Ok(host)
    }

    fn remove_host(&self, name: &str) -> Result<bool, String> {
        let hosts = &mut self.0.lock().hosts;
        let before = hosts.len();
        hosts.retain(|host| host.name != name);
        Ok(hosts.len() < before)
    }

    fn close(&self) {
        self.0.lock().closed = true;
    }
}

/// A world with such a backend.
struct Cloud {
    core: Core,
    fake: Arc<Fake>,
}

impl Cloud {
    fn new() -> Self {
        let world = World::new("w".to_owned(), 7);
        Self::with(Core::new(
            world,
            Clock::new(ClockMode::Stepped, 0),
            Limiter::new(RateLimit::Unlimited),
            None,
        ))
    }

    fn open(path: &Path) -> Self {
        let (store, loaded) = Store::open(path, || (World::new("w".to_owned(), 7), 0)).unwrap();
        let clock = Clock::new(ClockMode::Stepped, loaded.at);
        Self::with(Core::new(loaded.world, clock, Limiter::new(RateLimit::Unlimited), Some(store)))
    }

    fn with(mut core: Core) -> Self {
        core.admit(TOKEN);
        let fake = Arc::new(Fake::default());
        core.set_backend(Arc::clone(&fake) as Arc<dyn Backend>);
        Self { core, fake }
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) -> Outgoing {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let authorization = Some(format!("Bearer {TOKEN}"));
        let authorization = authorization.as_deref();
        let mut outgoing =
            self.core.handle(&Incoming { method, path, query: "", authorization, body: text.as_bytes() });
        match std::mem::replace(&mut outgoing.delivery, Delivery::Send) {
            Delivery::Work(work) => outgoing.with_result((work.0)()),
            _ => outgoing,
        }
    }

    #[track_caller]
    fn call(&mut self, method: &str, path: &str, body: Value) -> Value {
        let outgoing = self.send(method, path, &body);
        assert!(outgoing.status < 300, "{method} {path}: {}", outgoing.body);
        serde_json::from_str(&outgoing.body).unwrap_or_default()
    }

    #[track_caller]
    fn post(&mut self, path: &str, body: Value) -> Value {
        self.call("POST", &format!("/v1{path}"), body)
    }

    #[track_caller]
    fn get(&mut self, path: &str) -> Value {
        self.call("GET", &format!("/v1{path}"), Value::Null)
    }

    /// Creates something; gives its id.
    #[track_caller]
    fn create(&mut self, kind: &str, body: Value) -> i64 {
        let created = self.post(&format!("/{kind}"), body);
        self.core.poll();
        created[kind.strip_suffix('s').unwrap()]["id"].as_i64().unwrap()
    }

    #[track_caller]
    fn server(&mut self, name: &str) -> i64 {
        self.create("servers", server(name))
    }

    #[track_caller]
    fn status(&mut self, server: i64) -> String {
        self.get(&format!("/servers/{server}"))["server"]["status"].as_str().unwrap().to_owned()
    }

    /// Status, and the error if there is one, of an action.
    #[track_caller]
    fn outcome(&mut self, action: &Value) -> String {
        let shown = self.get(&format!("/actions/{}", action["id"]))["action"].take();
        let error = &shown["error"];
        match error.is_null() {
            true => shown["status"].as_str().unwrap().to_owned(),
            false => format!("{} {}", error["code"].as_str().unwrap(), error["message"].as_str().unwrap()),
        }
    }

    fn machine(&self, id: i64) -> Machine {
        self.fake.scene().machines[&id].clone()
    }
}

fn server(name: &str) -> Value {
    json!({"name": name, "server_type": "cx23", "image": "debian-12", "location": "fsn1"})
}

#[test]
fn a_server_is_running_when_its_machine_has_booted_and_holds_up_nobody() {
    let mut cloud = Cloud::new();
    let key = cloud.create("ssh_keys", json!({"name": "k", "public_key": KEY}));
    cloud.fake.hold(Object::Machine(125_000_001));
    let mut wanted = server("web");
    wanted["ssh_keys"] = json!([key]);
    wanted["user_data"] = json!("#cloud-config\n{}");
    let created = cloud.post("/servers", wanted);
    let id = created["server"]["id"].as_i64().unwrap();
    assert_eq!(created["root_password"], Value::Null);

    let machine = cloud.machine(id);
    let boot = created["next_actions"][0]["id"].as_i64().unwrap();
    assert_eq!(machine.run, Run::On { boot, gracefully: false });
    assert_eq!(machine.disk.written_by, created["action"]["id"].as_i64().unwrap());
    assert_eq!(machine.disk.from, DiskSource::System("debian-12".to_owned()));
    assert_eq!((machine.size.cores, machine.size.memory_mb, machine.size.disk_gb), (2, 4096, 40));
    assert_eq!((machine.ssh_keys, machine.root_password), (vec![KEY.to_owned()], None));
    assert_eq!(machine.user_data.as_deref(), Some("#cloud-config\n{}"));
    assert_eq!(machine.public.v4.unwrap().to_string(), "192.0.2.1");
    assert_eq!(machine.public.v6.unwrap().to_string(), "2001:db8:0:1::/64");
    assert_eq!(machine.filter, None);

    cloud.core.clock.advance(3_600_000);
    assert!(cloud.core.poll(), "something is under way");
    assert_eq!(cloud.status(id), "initializing");
    assert_eq!(cloud.outcome(&created["action"]), "running");
    let volume = cloud.create("volumes", json!({"name": "v", "size": 10, "location": "fsn1"}));
    assert_eq!(cloud.get(&format!("/volumes/{volume}"))["volume"]["status"], "available");

    cloud.fake.release();
    assert!(!cloud.core.poll());
    assert_eq!(cloud.status(id), "running");
    assert_eq!(cloud.outcome(&created["next_actions"][0]), "success");
    let shown = cloud.fake.count();
    cloud.get("/servers");
    cloud.core.poll();
    assert_eq!(cloud.fake.count(), shown, "what has not changed is not shown again");
}

#[test]
fn a_machine_that_cannot_boot_fails_its_actions_and_can_be_tried_again() {
    let mut cloud = Cloud::new();
    let object = Object::Machine(125_000_001);
    cloud.fake.fail(object, "there is no image debian-12; build it");
    let created = cloud.post("/servers", server("web"));
    let id = created["server"]["id"].as_i64().unwrap();
    cloud.core.poll();
    let failure = "server_error there is no image debian-12; build it";
    assert_eq!(cloud.outcome(&created["action"]), failure);
    assert_eq!(cloud.outcome(&created["next_actions"][0]), failure);
    assert_eq!(cloud.status(id), "off");
    assert_eq!(cloud.machine(id).run, Run::Off { gracefully: false });
    cloud.fake.0.lock().failed.clear();
    let started = cloud.post(&format!("/servers/{id}/actions/poweron"), Value::Null)["action"].take();
    cloud.core.poll();
    assert_eq!(cloud.outcome(&started), "success");
    assert_eq!(cloud.status(id), "running");
}

#[test]
fn a_machine_that_goes_off_is_shown_as_off_and_fails_its_boot() {
    let mut cloud = Cloud::new();
    let id = cloud.server("web");
    let Run::On { boot, .. } = cloud.machine(id).run else { panic!("it is on") };
    cloud.fake.report(Report::WentOff { machine: id, boot: boot - 1 });
    cloud.core.poll();
    assert_eq!(cloud.status(id), "running", "an earlier boot ended");
    cloud.fake.report(Report::WentOff { machine: id, boot });
    cloud.core.poll();
    assert_eq!(cloud.status(id), "off");
    assert_eq!(cloud.machine(id).run, Run::Off { gracefully: false });

    cloud.fake.hold(Object::Machine(id));
    let started = cloud.post(&format!("/servers/{id}/actions/poweron"), Value::Null)["action"].take();
    cloud.fake.report(Report::WentOff { machine: id, boot: started["id"].as_i64().unwrap() });
    cloud.core.poll();
    cloud.core.poll();
    assert!(cloud.outcome(&started).starts_with("server_error the machine went off"));
    assert_eq!(cloud.status(id), "off");
}

/// What each operation wants of a machine that runs, or is off.
#[test]
fn power_operations_want_boots_and_ends() {
    let again = |gracefully| (true, true, gracefully);
    let same = |on, gracefully| (on, false, gracefully);
    for (operation, when_on, when_off) in [
        ("poweron", same(true, false), again(false)),
        ("poweroff", same(false, false), same(false, false)),
        ("shutdown", same(false, true), same(false, true)),
        ("reboot", again(true), same(false, false)),
        ("reset", again(false), again(false)),
    ] {
        for (off, expected) in [(false, when_on), (true, when_off)] {
            let mut cloud = Cloud::new();
            let id = cloud.server("web");
            if off {
                cloud.post(&format!("/servers/{id}/actions/poweroff"), Value::Null);
                cloud.core.poll();
            }
            let action = cloud.post(&format!("/servers/{id}/actions/{operation}"), Value::Null);
            let action = action["action"]["id"].as_i64().unwrap();
            let shown = match cloud.machine(id).run {
                Run::On { boot, gracefully } => (true, boot == action, gracefully),
                Run::Off { gracefully } => (false, false, gracefully),
            };
            assert_eq!(shown, expected, "{operation}, off: {off}");
            cloud.core.poll();
            assert_eq!(cloud.status(id), if expected.0 { "running" } else { "off" }, "{operation}");
        }
    }
}

#[test]
fn rebuilding_rescaling_rescue_and_passwords_reach_the_machine() {
    let mut cloud = Cloud::new();
    let id = cloud.server("web");
    let first = cloud.machine(id);
    let password = first.root_password.clone().expect("a password where there are no keys");
    let act = |action: &str| format!("/servers/{id}/actions/{action}");

    let reset = cloud.post(&act("reset_password"), Value::Null);
    let set = cloud.machine(id).root_password.unwrap();
    assert!(set != password && reset["root_password"] == json!(set));
    cloud.core.poll();

    cloud.post(&act("enable_rescue"), json!({"type": "linux64"}));
    assert_eq!(cloud.machine(id).rescue, None, "it is for the next boot");
    cloud.post(&act("reboot"), Value::Null);
    assert!(cloud.machine(id).rescue.is_some());
    cloud.core.poll();
    cloud.post(&act("reboot"), Value::Null);
    assert_eq!(cloud.machine(id).rescue, None, "it is for one boot");
    cloud.core.poll();

    let rebuilt = cloud.post(&act("rebuild"), json!({"image": "ubuntu-24.04"}));
    let machine = cloud.machine(id);
    let action = rebuilt["action"]["id"].as_i64().unwrap();
    assert_eq!(machine.disk.written_by, action);
    assert_eq!(machine.disk.from, DiskSource::System("ubuntu-24.04".to_owned()));
    assert_eq!(machine.run, Run::On { boot: action, gracefully: false });
    assert_eq!(json!(machine.root_password), rebuilt["root_password"]);
    cloud.core.poll();

    cloud.fake.fail(Object::Machine(id), "the disk is full");
    let again = cloud.post(&act("rebuild"), json!({"image": "debian-13"}))["action"]["id"].as_i64();
    cloud.core.poll();
    let shown = cloud.get(&format!("/servers/{id}"))["server"].take();
    assert_eq!((shown["status"].as_str(), shown["image"]["name"].as_str()), (Some("off"), Some("debian-13")));
    cloud.fake.0.lock().failed.clear();
    cloud.post(&act("poweron"), Value::Null);
    assert_eq!(Some(cloud.machine(id).disk.written_by), again, "it is to be written still");
    cloud.core.poll();

    cloud.post(&act("poweroff"), Value::Null);
    cloud.core.poll();
    cloud.fake.hold(Object::Machine(id));
    cloud.post(&act("change_type"), json!({"server_type": "cx33", "upgrade_disk": false}));
    assert_eq!((cloud.machine(id).size.memory_mb, cloud.machine(id).size.disk_gb), (8192, 40));
    cloud.fake.release();
    cloud.core.poll();
    assert_eq!(cloud.machine(id).size.memory_mb, 8192);

    cloud.post(&act("change_type"), json!({"server_type": "cx43", "upgrade_disk": true}));
    cloud.fake.fail(Object::Machine(id), "no");
    cloud.core.poll();
    let shown = cloud.get(&format!("/servers/{id}"))["server"].take();
    assert_eq!(
        (shown["status"].as_str(), shown["server_type"]["name"].as_str()),
        (Some("off"), Some("cx33"))
    );
    assert_eq!(cloud.machine(id).size.memory_mb, 8192, "what cannot be done is not shown any longer");
}

#[test]
fn volumes_are_shown_where_they_are_to_be_and_stay_where_they_cannot_go() {
    let mut cloud = Cloud::new();
    let id = cloud.server("web");
    let volume =
        cloud.create("volumes", json!({"name": "v", "size": 10, "location": "fsn1", "format": "ext4"}));
    assert_eq!(cloud.fake.scene().volumes[&volume].format.as_deref(), Some("ext4"));
    cloud.fake.hold(Object::Volume(volume));
    let attach = format!("/volumes/{volume}/actions/attach");
    let attached = cloud.post(&attach, json!({"server": id, "automount": true}))["action"].take();
    assert!(cloud.machine(id).volumes.contains(&volume) && cloud.fake.scene().volumes[&volume].automount);
    cloud.core.poll();
    assert_eq!(cloud.get(&format!("/volumes/{volume}"))["volume"]["server"], Value::Null);
    cloud.fake.release();
    cloud.core.poll();
    assert_eq!(cloud.outcome(&attached), "success");
    assert_eq!(cloud.get(&format!("/volumes/{volume}"))["volume"]["server"], json!(id));

    let detached = cloud.post(&format!("/volumes/{volume}/actions/detach"), Value::Null)["action"].take();
    assert!(cloud.machine(id).volumes.is_empty());
    cloud.fake.fail(Object::Volume(volume), "it is in use");
    cloud.core.poll();
    assert_eq!(cloud.outcome(&detached), "server_error it is in use");
    assert!(cloud.machine(id).volumes.contains(&volume), "it is where it was");

    cloud.fake.fail(Object::Volume(volume + 1), "the disk is full");
    let created = cloud.post("/volumes", json!({"name": "w", "size": 10, "server": id}));
    cloud.core.poll();
    assert_eq!(cloud.outcome(&created["action"]), "server_error the disk is full");
    assert_eq!(cloud.outcome(&created["next_actions"][0]), "server_error the disk is full");
    assert_eq!(cloud.send("GET", &format!("/v1/volumes/{}", volume + 1), &Value::Null).status, 404);
}

#[test]
fn deletion_takes_a_machine_out_at_once_and_the_server_away_when_it_is_gone() {
    let mut cloud = Cloud::new();
    let id = cloud.server("web");
    cloud.fake.hold(Object::Machine(id));
    cloud.call("DELETE", &format!("/v1/servers/{id}"), Value::Null);
    assert!(cloud.fake.scene().machines.is_empty());
    assert_eq!(cloud.status(id), "deleting");
    cloud.fake.release();
    cloud.core.poll();
    assert_eq!(cloud.send("GET", &format!("/v1/servers/{id}"), &Value::Null).status, 404);
}

#[test]
fn networks_are_joined_and_left_by_machines() {
    let mut cloud = Cloud::new();
    let subnets = json!([{"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]);
    let network =
        cloud.create("networks", json!({"name": "n", "ip_range": "10.0.0.0/16", "subnets": subnets}));
    let id = cloud.server("web");
    let join = json!({"network": network, "alias_ips": ["10.0.1.9"]});
    cloud.fake.fail(Object::Segment(network), "no");
    cloud.post(&format!("/servers/{id}/actions/attach_to_network"), join.clone());
    assert_eq!(cloud.machine(id).links.len(), 1);
    cloud.core.poll();
    assert!(cloud.machine(id).links.is_empty(), "what failed is undone");
    cloud.fake.0.lock().failed.clear();
    cloud.post(&format!("/servers/{id}/actions/attach_to_network"), join);
    cloud.core.poll();
    let link = cloud.machine(id).links.remove(0);
    assert_eq!((link.segment, link.address.to_string()), (network, "10.0.1.1".to_owned()));
    assert_eq!(link.aliases, ["10.0.1.9".parse::<std::net::Ipv4Addr>().unwrap()]);
    let route = json!({"destination": "0.0.0.0/0", "gateway": "10.0.1.1"});
    cloud.post(&format!("/networks/{network}/actions/add_route"), route);
    assert_eq!(cloud.fake.scene().segments[&network].routes[0].1.to_string(), "10.0.1.1");
    cloud.core.poll();
    cloud.post(&format!("/servers/{id}/actions/detach_from_network"), json!({"network": network}));
    assert!(cloud.machine(id).links.is_empty());
}

fn tcp(ports: std::ops::RangeInclusive<u16>, peers: &[&str]) -> Pass {
    let peers = peers.iter().map(|peer| peer.parse().unwrap()).collect();
    Pass { protocol: PassProtocol::Tcp(ports), peers }
}

/// Hetzner documentation, firewalls: no firewall lets everything pass, one without rules nothing in and everything
/// out; several add up.
#[test]
fn firewalls_add_up_and_follow_labels() {
    let mut cloud = Cloud::new();
    let id = cloud.server("web");
    let rule = |direction: &str, port: &str, ips: &[&str]| {
        let field = if direction == "in" { "source_ips" } else { "destination_ips" };
        json!({"direction": direction, "protocol": "tcp", "port": port, field: ips})
    };
    let on_server = json!([{"type": "server", "server": {"id": id}}]);
    cloud.create("firewalls", json!({"name": "empty", "apply_to": on_server}));
    assert_eq!(cloud.machine(id).filter, Some(Filter::default()));
    let rules = json!([rule("in", "80-85", &["0.0.0.0/0", "::/0"]), rule("out", "any", &["10.0.0.0/8"])]);
    let by_label = json!([{"type": "label_selector", "label_selector": {"selector": "role=web"}}]);
    cloud.create("firewalls", json!({"name": "web", "rules": rules, "apply_to": by_label}));
    assert_eq!(cloud.machine(id).filter, Some(Filter::default()), "the label is not there");
    cloud.call("PUT", &format!("/v1/servers/{id}"), json!({"labels": {"role": "web"}}));
    let web = Filter {
        inbound: vec![tcp(80..=85, &["0.0.0.0/0", "::/0"])],
        outbound: Some(vec![tcp(1..=65_535, &["10.0.0.0/8"])]),
    };
    assert_eq!(cloud.machine(id).filter, Some(web.clone()));
    let rules = json!([rule("in", "22", &["198.51.100.7/32"])]);
    let admin = cloud.create("firewalls", json!({"name": "admin", "rules": rules, "apply_to": on_server}));
    let inbound = vec![web.inbound[0].clone(), tcp(22..=22, &["198.51.100.7/32"])];
    assert_eq!(cloud.machine(id).filter, Some(Filter { inbound, ..web.clone() }));
    cloud.post(
        &format!("/firewalls/{admin}/actions/remove_from_resources"),
        json!({"remove_from": on_server}),
    );
    assert_eq!(cloud.machine(id).filter, Some(web));
    cloud.call("PUT", &format!("/v1/servers/{id}"), json!({"labels": {}}));
    assert_eq!(cloud.machine(id).filter, Some(Filter::default()));
}

#[test]
fn load_balancers_are_shown_with_their_targets_and_show_their_health() {
    let mut cloud = Cloud::new();
    let subnets = json!([{"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]);
    let network =
        cloud.create("networks", json!({"name": "n", "ip_range": "10.0.0.0/16", "subnets": subnets}));
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let mut wanted = server(name);
        wanted["networks"] = json!([network]);
        wanted["labels"] = json!({"role": "worker"});
        ids.push(cloud.create("servers", wanted));
    }
    let targets = json!([
        {"type": "label_selector", "label_selector": {"selector": "role=worker"}, "use_private_ip": true},
        {"type": "server", "server": {"id": ids[0]}, "use_private_ip": true},
    ]);
    let services = json!([{"protocol": "http", "listen_port": 80, "destination_port": 8080}]);
    let balancer = cloud.create(
        "load_balancers",
        json!({"name": "lb", "load_balancer_type": "lb11", "location": "fsn1", "network": network,
            "targets": targets, "services": services}),
    );
    let shown = cloud.fake.scene().balancers[&balancer].clone();
    let private: Vec<IpAddr> = vec!["10.0.1.1".parse().unwrap(), "10.0.1.2".parse().unwrap()];
    assert_eq!(shown.targets, private, "each once");
    assert_eq!((shown.services[0].listen_port, shown.services[0].destination_port), (80, 8080));
    assert!(shown.public.is_some() && shown.link.is_some());
    let health = |cloud: &mut Cloud| -> Vec<String> {
        let shown = cloud.get(&format!("/load_balancers/{balancer}"));
        let targets = shown["load_balancer"]["targets"][0]["targets"].as_array().unwrap().clone();
        targets.iter().map(|t| t["health_status"][0]["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(health(&mut cloud), ["unknown", "unknown"]);
    for (target, healthy) in [(private[0], true), (private[1], false)] {
        cloud.fake.report(Report::Health { balancer, listen_port: 80, target, healthy });
    }
    cloud.core.poll();
    assert_eq!(health(&mut cloud), ["healthy", "unhealthy"]);
    cloud.call("PUT", &format!("/v1/servers/{}", ids[1]), json!({"labels": {}}));
    assert_eq!(cloud.fake.scene().balancers[&balancer].targets, private[..1]);
    cloud.call("PUT", &format!("/v1/servers/{}", ids[1]), json!({"labels": {"role": "worker"}}));
    assert_eq!(health(&mut cloud), ["healthy", "unknown"], "what is new is not known yet");
    cloud.call("DELETE", &format!("/v1/servers/{}", ids[0]), Value::Null);
    assert_eq!(cloud.fake.scene().balancers[&balancer].targets, private[1..]);
}

#[test]
fn floating_ips_names_and_snapshots_are_shown() {
    let mut cloud = Cloud::new();
    let id = cloud.server("web");
    let floating = cloud.create("floating_ips", json!({"type": "ipv4", "server": id}));
    assert_eq!(cloud.machine(id).public.floating[0].to_string(), "192.0.2.2/32");
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(cloud.fake.scene().names[&address], "static.1.2.0.192.clients.your-server.de");
    let name = json!({"ip": address, "dns_ptr": "web.example"});
    cloud.post(&format!("/servers/{id}/actions/change_dns_ptr"), name);
    assert_eq!(cloud.fake.scene().names[&address], "web.example");
    cloud.post(&format!("/floating_ips/{floating}/actions/unassign"), Value::Null);
    assert!(cloud.machine(id).public.floating.is_empty());
    let snapshot = cloud.post(&format!("/servers/{id}/actions/create_image"), json!({}));
    let image = snapshot["image"]["id"].as_i64().unwrap();
    assert_eq!(cloud.fake.scene().snapshots[&image].of, id);
    cloud.core.poll();
    let mut wanted = server("copy");
    wanted["image"] = json!(image);
    let copy = cloud.create("servers", wanted);
    assert_eq!(cloud.machine(copy).disk.from, DiskSource::Snapshot(image));
    cloud.call("DELETE", &format!("/v1/images/{image}"), Value::Null);
    assert!(cloud.fake.scene().snapshots.is_empty());
}

#[test]
fn a_killed_emulator_goes_on_where_it_was_and_says_what_is_coming_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world");
    let mut cloud = Cloud::open(&path);
    let (up, lost) = (cloud.server("up"), cloud.server("lost"));
    cloud.fake.hold(Object::Machine(lost + 1));
    let created = cloud.post("/servers", server("new"));
    let new = created["server"]["id"].as_i64().unwrap();
    let before = cloud.fake.scene();
    cloud.core.close();

    let (store, loaded) = Store::open(&path, || unreachable!("there is a world")).unwrap();
    let clock = Clock::new(ClockMode::Stepped, loaded.at);
    let mut core = Core::new(loaded.world, clock, Limiter::new(RateLimit::Unlimited), Some(store));
    let fake = Arc::new(Fake::default());
    for id in [up, lost, new] {
        fake.hold(Object::Machine(id));
    }
    core.set_backend(Arc::clone(&fake) as Arc<dyn Backend>);
    let mut cloud = Cloud { core, fake };
    let after = cloud.fake.scene();
    assert_eq!(
        (&after.machines, after.revision),
        (&before.machines, 1),
        "the same boots and disks are wanted"
    );
    assert!(cloud.core.poll());
    assert_eq!((cloud.status(up), cloud.status(new)), ("starting".to_owned(), "initializing".to_owned()));
    assert_eq!(cloud.outcome(&created["action"]), "running");
    cloud.fake.release();
    cloud.fake.fail(Object::Machine(lost), "its disk is gone");
    cloud.core.poll();
    cloud.core.poll();
    let statuses = [up, lost, new].map(|id| cloud.status(id));
    assert_eq!(statuses, ["running", "off", "running"]);
    assert_eq!(cloud.outcome(&created["action"]), "success");
}

/// A server as it was written before servers had machines.
#[test]
fn worlds_without_machines_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world");
    let mut cloud = Cloud::open(&path);
    let key = cloud.create("ssh_keys", json!({"name": "k", "public_key": KEY}));
    let mut wanted = server("on");
    wanted["ssh_keys"] = json!([key]);
    let on = cloud.create("servers", wanted);
    let off = cloud.create(
        "servers",
        json!({"name": "off", "server_type": "cx23", "image": "debian-12",
        "location": "fsn1", "start_after_create": false}),
    );
    cloud.core.finish();
    let mut world: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for project in world["world"]["projects"].as_object_mut().unwrap().values_mut() {
        for server in project["servers"].as_array_mut().unwrap() {
            server.as_object_mut().unwrap().remove("machine").expect("it is kept");
        }
    }
    std::fs::write(&path, world.to_string()).unwrap();
    let cloud = Cloud::open(&path);
    assert!(matches!(cloud.machine(on).run, Run::On { .. }));
    assert_eq!(cloud.machine(on).ssh_keys, [KEY]);
    assert_eq!(cloud.machine(on).disk.from, DiskSource::System("debian-12".to_owned()));
    assert_eq!(cloud.machine(off).run, Run::Off { gracefully: false });
}

#[test]
fn what_is_real_and_further_hosts_are_told_and_checked() {
    let mut cloud = Cloud::new();
    let id = cloud.server("web");
    let told = cloud.call("GET", "/_emulator/machines", Value::Null);
    let machine = &told["machines"][0];
    assert_eq!(
        (machine["status"].as_str(), machine["standing"].as_str()),
        (Some("running"), Some("reached"))
    );
    assert_eq!(machine["namespace"], json!(format!("/run/netns/m{id}")));
    assert_eq!((told["settled"].as_bool(), &machine["ipv6"]), (Some(true), &json!("2001:db8:0:1::1")));
    let console = cloud.call("GET", &format!("/_emulator/servers/{id}/console"), Value::Null);
    assert_eq!(console["console"], json!(format!("console of {id}")));
    let boot = cloud.call("GET", &format!("/_emulator/servers/{id}/first_boot"), Value::Null);
    assert_eq!(boot, json!({"running": false, "cloud_init": null}));

    let host =
        cloud.call("POST", "/_emulator/hosts", json!({"addresses": ["173.245.48.10", "2400:cb00::1"]}));
    assert_eq!(host["host"]["name"], "host1");
    for (body, status) in [
        (json!({"name": "admin", "addresses": ["8.8.4.4"]}), 201),
        (json!({"name": "admin", "addresses": ["8.8.4.5"]}), 409),
        (json!({"addresses": ["173.245.48.10"]}), 422),
        (json!({"addresses": ["192.0.2.1"]}), 422),
        (json!({"addresses": ["2001:db8:0:1::77"]}), 422),
        (json!({"addresses": ["127.0.0.1"]}), 422),
        (json!({"addresses": ["fe80::2"]}), 422),
        (json!({"addresses": []}), 422),
        (json!({"name": "Not/good", "addresses": ["8.8.8.8"]}), 422),
        (json!({"addresses": ["nonsense"]}), 400),
    ] {
        assert_eq!(cloud.send("POST", "/_emulator/hosts", &body).status, status, "{body}");
    }
    let hosts = cloud.call("GET", "/_emulator/hosts", Value::Null);
    assert_eq!(hosts["hosts"].as_array().unwrap().len(), 2);
    assert_eq!(cloud.send("DELETE", "/_emulator/hosts/admin", &Value::Null).status, 200);
    assert_eq!(cloud.send("DELETE", "/_emulator/hosts/admin", &Value::Null).status, 404);
}

#[test]
fn without_a_backend_nothing_is_real() {
    let world = World::new("w".to_owned(), 7);
    let clock = Clock::new(ClockMode::Stepped, 0);
    let mut core = Core::new(world, clock, Limiter::new(RateLimit::Unlimited), None);
    core.admit(TOKEN);
    assert!(!core.poll());
    let mut cloud = Cloud { core, fake: Arc::default() };
    for path in ["/_emulator/machines", "/_emulator/hosts"] {
        let refused = cloud.send("GET", path, &Value::Null);
        assert!(refused.status == 422 && refused.body.contains("--machines"), "{}", refused.body);
    }
}

/// Over the wire, with the clock of the wall: things happen without requests, and the end is an orderly one.
#[tokio::test]
async fn a_real_world_goes_on_by_itself() {
    let fake = Arc::new(Fake::default());
    fake.hold(Object::Machine(125_000_001));
    let backend = Arc::clone(&fake) as Arc<dyn Backend>;
    let emulator = Emulator::builder().token(TOKEN).backend(backend).start().await.unwrap();
    let mut cloud_body = server("web").to_string();
    cloud_body.push('\n');
    let answer = emulator.shared.core.lock().handle(&Incoming {
        method: "POST",
        path: "/v1/servers",
        query: "",
        authorization: Some(&format!("Bearer {TOKEN}")),
        body: cloud_body.as_bytes(),
    });
    assert_eq!(answer.status, 201, "{}", answer.body);
    fake.release();
    let running = || {
        let core = emulator.shared.core.lock();
        let project = &core.world.projects[&fingerprint(TOKEN)];
        project.servers.values().all(|server| server.status == crate::world::servers::Status::Running)
    };
    for _ in 0..100 {
        if running() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(running(), "nobody asked, and it is running all the same");
    emulator.shutdown().await;
    assert!(fake.0.lock().closed);
}
