//! Whatever is asked in whatever order, the world stays sound, and comes back from disk as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::backend::scene::Run;
use crate::backend::{Backend, Live, Scene};
use crate::clock::{Clock, ClockMode};
use crate::core::{Core, Incoming, open};
use crate::faults::Faults;
use crate::limiter::{Limiter, RateLimit};
use crate::real_tests::Fake;
use crate::store::Store;
use crate::world::load_balancers::Target;
use crate::world::servers::{Server, Status};
use crate::world::{Project, Row, Table, World, address, fingerprint};

const TOKEN: &str = "0123456789012345678901234567890123456789012345678901234567890123";

/// A step, whose numbers choose what it does and to which objects.
type Step = (u8, u8, u8, u8);

fn start(path: &Path) -> Core {
    let (store, loaded) = Store::open(path, || (World::new("w".to_owned(), 7), 0)).unwrap();
    let clock = Clock::new(ClockMode::Stepped, loaded.at);
    Core::new(loaded.world, clock, Limiter::new(RateLimit::Unlimited), Some(store))
}

fn send(core: &mut Core, method: &str, path: &str, body: &Value) -> u16 {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let authorization = format!("Bearer {TOKEN}");
    let path = format!("/v1{path}");
    let request = Incoming {
        method,
        path: &path,
        query: "",
        authorization: Some(&authorization),
        body: body.as_bytes(),
    };
    let outgoing = core.handle(&request);
    assert!(outgoing.status < 500, "{method} {path} {body}: {}", outgoing.body);
    outgoing.status
}

fn project(core: &Core) -> &Project {
    &core.world.projects[&fingerprint(TOKEN)]
}

/// One of the rows, or an id that nothing has.
fn pick<T: Row>(table: &Table<T>, choice: u8) -> i64 {
    let count = table.len();
    if count == 0 {
        return 1;
    }
    table.values().nth(usize::from(choice) % count).map_or(1, Row::id)
}

const LOCATIONS: [&str; 3] = ["fsn1", "nbg1", "hil"];
const NETS: [(&str, &str); 3] =
    [("10.0.0.0/16", "10.0.0.0/28"), ("10.0.0.0/8", "10.0.1.0/30"), ("192.168.0.0/24", "192.168.0.0/28")];
const SUBNETS: [&str; 4] = ["10.0.0.0/29", "10.0.1.0/30", "192.168.0.0/28", "10.9.0.0/24"];
const ZONES: [&str; 2] = ["eu-central", "us-west"];
const TYPES: [&str; 3] = ["cx23", "cx33", "cpx21"];

/// The request of a step.
#[expect(clippy::too_many_lines, reason = "a table of requests")]
fn request(core: &Core, (what, a, b, c): Step) -> (&'static str, String, Value) {
    let p = project(core);
    let name = format!("n{}", a % 12);
    let labels = json!({"k": format!("v{}", b % 3)});
    let location = LOCATIONS[usize::from(b) % 3];
    let (server, volume, network) = (pick(&p.servers, a), pick(&p.volumes, b), pick(&p.networks, b));
    let (firewall, balancer) = (pick(&p.firewalls, b), pick(&p.load_balancers, b));
    let (primary, floating) = (pick(&p.primary_ips, b), pick(&p.floating_ips, b));
    let group = pick(&p.placement_groups, b);
    let subnet = SUBNETS[usize::from(c) % 4];
    let on_server = json!([{"type": "server", "server": {"id": server}}]);
    let selector = json!([{"type": "label_selector", "label_selector": {"selector": "k=v1"}}]);
    let on = if c % 2 == 0 { on_server } else { selector };
    let target = if c % 3 == 0 {
        json!({"type": "label_selector", "label_selector": {"selector": "k"}, "use_private_ip": c % 2 == 0})
    } else {
        json!({"type": "server", "server": {"id": server}, "use_private_ip": c % 2 == 0})
    };
    let act = |kind: &str, id: i64, action: &str| format!("/{kind}/{id}/actions/{action}");
    match what % 40 {
        0..=3 => {
            let net = json!({"enable_ipv4": c % 4 != 0, "enable_ipv6": c % 5 != 0});
            let mut body = json!({
                "name": name, "labels": labels, "server_type": TYPES[usize::from(c) % 3], "location": location,
                "image": "debian-12", "start_after_create": c % 3 != 0, "public_net": net,
            });
            if c & 8 != 0 {
                body["networks"] = json!([network]);
            }
            if c & 16 != 0 {
                body["volumes"] = json!([volume]);
            }
            if c & 32 != 0 {
                body["firewalls"] = json!([{"firewall": firewall}]);
            }
            if c & 64 != 0 {
                body["placement_group"] = json!(group);
            }
            if c & 128 != 0 {
                body["public_net"]["ipv4"] = json!(primary);
            }
            ("POST", "/servers".to_owned(), body)
        }
        4 if c % 2 == 0 => ("DELETE", format!("/servers/{server}"), Value::Null),
        5 => (
            "POST",
            act("servers", server, ["poweron", "poweroff", "reboot"][usize::from(c) % 3]),
            Value::Null,
        ),
        6 => {
            let body = json!({"server_type": TYPES[usize::from(c) % 3], "upgrade_disk": b % 2 == 0});
            ("POST", act("servers", server, "change_type"), body)
        }
        7 => ("PUT", format!("/servers/{server}"), json!({"name": format!("n{}", b % 12), "labels": labels})),
        8 => ("POST", act("servers", server, "attach_to_network"), json!({"network": network})),
        9 => {
            let ip = format!("10.0.0.{}", c % 9);
            let alias = format!("10.0.0.{}", a % 9);
            let body = json!({"network": network, "ip": ip, "alias_ips": [alias]});
            ("POST", act("servers", server, "attach_to_network"), body)
        }
        10 => ("POST", act("servers", server, "detach_from_network"), json!({"network": network})),
        11 => {
            let aliases = json!([format!("10.0.0.{}", c % 9), format!("10.0.1.{}", b % 5)]);
            let body = json!({"network": network, "alias_ips": aliases});
            ("POST", act("servers", server, "change_alias_ips"), body)
        }
        12 => ("POST", act("servers", server, "add_to_placement_group"), json!({"placement_group": group})),
        13 => ("POST", act("servers", server, "remove_from_placement_group"), Value::Null),
        14 => ("POST", act("servers", server, "create_image"), json!({"type": "snapshot"})),
        15 => ("POST", act("servers", server, "rebuild"), json!({"image": "ubuntu-24.04"})),
        16 => {
            let zone = ZONES[usize::from(b % 4 == 0)];
            let (range, first) = NETS[usize::from(c) % 3];
            let subnets = json!([{"type": "cloud", "ip_range": first, "network_zone": zone}]);
            let body = json!({"name": name, "ip_range": range, "subnets": subnets});
            ("POST", "/networks".to_owned(), body)
        }
        17 if c % 4 == 0 => ("DELETE", format!("/networks/{network}"), Value::Null),
        17 => ("POST", act("servers", server, "attach_to_network"), json!({"network": network})),
        18 => {
            let body = json!({"type": "cloud", "ip_range": subnet, "network_zone": "eu-central"});
            ("POST", act("networks", network, "add_subnet"), body)
        }
        19 => ("POST", act("networks", network, "delete_subnet"), json!({"ip_range": subnet})),
        20 => {
            let mut body = json!({"name": name, "size": 10});
            if c % 2 == 0 {
                body["location"] = json!(location);
            } else {
                body["server"] = json!(server);
            }
            ("POST", "/volumes".to_owned(), body)
        }
        21 => ("POST", act("volumes", volume, "attach"), json!({"server": server})),
        22 => ("POST", act("volumes", volume, "detach"), Value::Null),
        23 => ("DELETE", format!("/volumes/{volume}"), Value::Null),
        24 => ("POST", "/firewalls".to_owned(), json!({"name": name, "apply_to": on})),
        25 => ("POST", act("firewalls", firewall, "apply_to_resources"), json!({"apply_to": on})),
        26 => ("POST", act("firewalls", firewall, "remove_from_resources"), json!({"remove_from": on})),
        27 => ("DELETE", format!("/firewalls/{firewall}"), Value::Null),
        28 => {
            let body = json!({"name": name, "load_balancer_type": "lb11", "location": location, "targets": [target]});
            ("POST", "/load_balancers".to_owned(), body)
        }
        29 => ("POST", act("load_balancers", balancer, "attach_to_network"), json!({"network": network})),
        30 => ("POST", act("load_balancers", balancer, "detach_from_network"), json!({"network": network})),
        31 => ("POST", act("load_balancers", balancer, "add_target"), target),
        32 => ("DELETE", format!("/load_balancers/{balancer}"), Value::Null),
        33 => {
            let kind = ["ipv4", "ipv6"][usize::from(c) % 2];
            let body = json!({"name": name, "type": kind, "location": location, "auto_delete": a % 2 == 0});
            ("POST", "/primary_ips".to_owned(), body)
        }
        34 => {
            let body = json!({"assignee_type": "server", "assignee_id": server});
            ("POST", act("primary_ips", primary, "assign"), body)
        }
        35 => ("POST", act("primary_ips", primary, "unassign"), Value::Null),
        36 => ("DELETE", format!("/primary_ips/{primary}"), Value::Null),
        37 => ("POST", "/floating_ips".to_owned(), json!({"type": "ipv4", "server": server})),
        38 => ("DELETE", format!("/floating_ips/{floating}"), Value::Null),
        _ => ("POST", "/placement_groups".to_owned(), json!({"name": name, "type": "spread"})),
    }
}

fn names_are_unique<T: Row>(table: &Table<T>, kind: &str) {
    let names: BTreeSet<&str> = table.values().map(Row::name).collect();
    assert_eq!(names.len(), table.len(), "two {kind} have one name");
}

/// Everything that must hold at any time.
fn check(world: &World) {
    let mut public: BTreeSet<IpAddr> = BTreeSet::new();
    for project in world.projects.values() {
        names_are_unique(&project.servers, "servers");
        names_are_unique(&project.networks, "networks");
        names_are_unique(&project.volumes, "volumes");
        names_are_unique(&project.firewalls, "firewalls");
        names_are_unique(&project.load_balancers, "load balancers");
        names_are_unique(&project.primary_ips, "primary IPs");
        names_are_unique(&project.floating_ips, "floating IPs");
        names_are_unique(&project.placement_groups, "placement groups");
        let addresses = (project.primary_ips.values().map(|ip| ip.address))
            .chain(project.floating_ips.values().map(|ip| ip.address))
            .chain(project.load_balancers.values().flat_map(|balancer| [balancer.ipv4, balancer.ipv6]));
        for address in addresses {
            assert!(public.insert(address), "{address} was given out twice");
        }
        check_networks(project);
        check_references(project);
    }
}

fn check_networks(project: &Project) {
    let catalogue = ferroform_catalogue::Catalogue::builtin();
    let servers = project.servers.values().map(|server| (&server.location, &server.private_nets));
    let balancers =
        project.load_balancers.values().map(|balancer| (&balancer.location, &balancer.private_nets));
    let mut used: BTreeMap<i64, BTreeSet<std::net::Ipv4Addr>> = BTreeMap::new();
    for (location, attachments) in servers.chain(balancers) {
        let mut joined: Vec<ipnet::Ipv4Net> = Vec::new();
        for attachment in attachments {
            let network = project.networks.get(attachment.network).expect("an attached network exists");
            for other in &joined {
                assert!(
                    !other.contains(&network.ip_range) && !network.ip_range.contains(other),
                    "networks overlap"
                );
            }
            joined.push(network.ip_range);
            for ip in std::iter::once(&attachment.ip).chain(&attachment.alias_ips) {
                let subnet = network.subnet_of(*ip).expect("a member is in a subnet");
                assert_eq!(Some(subnet.network_zone.as_str()), catalogue.network_zone_of(location));
                assert_ne!(*ip, address::gateway(network.ip_range));
                assert!(used.entry(network.id).or_default().insert(*ip), "{ip} was given out twice");
            }
        }
    }
}

/// What is found by name and by server is what a search through all rows finds.
fn check_index<T: Row>(table: &Table<T>, servers: &Table<Server>) {
    for row in table.values().filter(|row| !row.name().is_empty()) {
        let all = table.values().filter(|other| other.name() == row.name()).map(Row::id);
        assert_eq!(table.named(row.name()), all.collect::<Vec<_>>());
    }
    for id in servers.values().map(Row::id).chain([1]) {
        let owned = table.values().filter(|row| row.owners().any(|owner| owner == id)).map(Row::id);
        assert!(table.owned_by(id).map(Row::id).eq(owned), "what belongs to {id}");
    }
}

fn check_references(project: &Project) {
    let servers = &project.servers;
    check_index(servers, servers);
    check_index(&project.volumes, servers);
    check_index(&project.primary_ips, servers);
    check_index(&project.floating_ips, servers);
    check_index(&project.actions, servers);
    for volume in project.volumes.values() {
        if let Some(id) = volume.server {
            let server = servers.get(id).expect("the server of a volume exists");
            assert_eq!(server.location, volume.location);
        }
    }
    let mut families = BTreeSet::new();
    for ip in project.primary_ips.values() {
        if let Some(id) = ip.assignee {
            let server = servers.get(id).expect("the server of an address exists");
            assert_eq!(server.location, ip.location);
            assert!(families.insert((id, ip.version.as_str())), "two addresses of one family");
        }
    }
    assert!(project.floating_ips.values().filter_map(|ip| ip.server).all(|id| servers.contains(id)));
    for firewall in project.firewalls.values() {
        assert!(firewall.servers.iter().all(|applied| servers.contains(applied.server)));
    }
    for balancer in project.load_balancers.values() {
        for target in &balancer.targets {
            assert!(!matches!(target, Target::Server { id, .. } if !servers.contains(*id)));
        }
    }
    let mut placed: BTreeMap<i64, usize> = BTreeMap::new();
    for group in servers.values().filter_map(|server| server.placement_group) {
        assert!(project.placement_groups.contains(group));
        *placed.entry(group).or_default() += 1;
    }
    assert!(placed.values().all(|count| *count <= 10));
}

/// What is shown to a backend refers to nothing that is not in it, and gives nothing to two at once.
fn check_scene(scene: &Scene) {
    let mut volumes = BTreeSet::new();
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    let mut floating = BTreeSet::new();
    let mut private = BTreeSet::new();
    for machine in scene.machines.values() {
        for volume in &machine.volumes {
            assert_eq!(scene.volumes[volume].location, machine.location);
            assert!(volumes.insert(*volume), "a volume is attached twice");
        }
        let public = &machine.public;
        assert!(
            public.v4.is_none_or(|address| addresses.insert(address.into())),
            "an address is given twice"
        );
        assert!(public.v6.is_none_or(|net| addresses.insert(net.addr().into())), "a network is given twice");
        assert!(public.floating.iter().all(|net| floating.insert(*net)), "a floating IP leads to two");
        let macs: BTreeSet<&str> = machine.links.iter().map(|link| link.mac.as_str()).collect();
        assert_eq!(macs.len(), machine.links.len(), "two interfaces have one hardware address");
    }
    let machines = scene.machines.values().flat_map(|machine| &machine.links);
    for link in machines.chain(scene.balancers.values().flat_map(|balancer| &balancer.link)) {
        let segment = &scene.segments[&link.segment];
        for address in std::iter::once(&link.address).chain(&link.aliases) {
            assert!(segment.range.contains(address) && private.insert((link.segment, *address)));
        }
    }
    for balancer in scene.balancers.values() {
        for target in &balancer.targets {
            let known = addresses.contains(target)
                || private.iter().any(|(segment, address)| {
                    balancer.link.as_ref().is_some_and(|link| link.segment == *segment)
                        && IpAddr::V4(*address) == *target
                });
            assert!(known, "{target} is nobody's");
        }
    }
}

/// A world as data, with everything settled that is due at a moment.
fn settled(world: &mut World, now: i64) -> Value {
    let mut faults = Faults::default();
    let mut fate = faults.fate_of_time();
    open(world, &mut fate, &fingerprint(TOKEN), now, false, &Live::default()).settle();
    serde_json::to_value(&*world).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_world_stays_sound_and_survives(steps in prop::collection::vec(any::<Step>(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world");
        let mut core = start(&path);
        core.admit(TOKEN);
        for step in steps {
            let (method, path, body) = request(&core, step);
            send(&mut core, method, &path, &body);
            check(&core.world);
            core.clock.advance([0, 0, 500, 3000, 60_000][usize::from(step.3) % 5]);
        }
        // As after a crash: what happened by itself since the last change is not on disk, but happens again.
        let now = core.clock.now();
        let live = settled(&mut core.world, now);
        core.close();
        let mut loaded = start(&path);
        prop_assert_eq!(settled(&mut loaded.world, now), live);

        let end = now + 3_600_000;
        settled(&mut loaded.world, end);
        check(&loaded.world);
        for server in project(&loaded).servers.values() {
            prop_assert!(matches!(server.status, Status::Running | Status::Off), "{:?}", server.status);
            let resource = crate::world::ResourceRef { kind: crate::world::Kind::Server, id: server.id };
            prop_assert!(!project(&loaded).is_locked(resource));
        }
    }

    #[test]
    fn what_is_shown_to_a_backend_is_sound(steps in prop::collection::vec(any::<Step>(), 1..120)) {
        let mut core = start(&tempfile::tempdir().unwrap().path().join("world"));
        core.admit(TOKEN);
        let fake = Arc::new(Fake::default());
        core.set_backend(Arc::clone(&fake) as Arc<dyn Backend>);
        for step in steps {
            let (method, path, body) = request(&core, step);
            send(&mut core, method, &path, &body);
            check_scene(&fake.scene());
            if step.3 % 3 > 0 {
                core.poll();
                check(&core.world);
                check_scene(&fake.scene());
            }
            core.clock.advance([0, 3000][usize::from(step.3) % 2]);
        }
        core.clock.advance(3_600_000);
        prop_assert!(!core.poll(), "what the backend has done is over");
        for server in project(&core).servers.values() {
            let on = matches!(fake.scene().machines[&server.id].run, Run::On { .. });
            prop_assert_eq!(server.status, if on { Status::Running } else { Status::Off });
        }
    }
}

/// Random requests are of use only if enough of them are granted.
#[test]
fn random_steps_get_every_kind_of_request_granted() {
    let folder = tempfile::tempdir().unwrap();
    let mut core = start(&folder.path().join("world"));
    core.admit(TOKEN);
    let mut granted: BTreeMap<u8, u32> = BTreeMap::new();
    // A linear congruential generator: the same numbers every time.
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()
    };
    for step in 0..6000 {
        let [what, a, b, c, ..] = next();
        let (method, path, body) = request(&core, (what, a, b, c));
        if send(&mut core, method, &path, &body) < 300 {
            *granted.entry(what % 40).or_default() += 1;
        }
        core.clock.advance([0, 3000, 30_000][usize::from(c) % 3]);
        if step % 8 == 0 {
            check(&core.world);
        }
    }
    let never: Vec<u8> = (0..40).filter(|what| !granted.contains_key(what)).collect();
    assert!(never.is_empty(), "never granted: {never:?} of {granted:?}");
}

/// Fields of requests, and values that may or may not fit them.
const FIELDS: &[&str] = &[
    "address",
    "algorithm",
    "alias_ips",
    "apply_to",
    "assignee_id",
    "assignee_type",
    "auto_delete",
    "automount",
    "certificate",
    "change",
    "comment",
    "cookie_lifetime",
    "delete",
    "description",
    "destination",
    "destination_port",
    "direction",
    "dns_ptr",
    "domain_names",
    "firewall",
    "firewalls",
    "format",
    "gateway",
    "health_check",
    "home_location",
    "http",
    "id",
    "image",
    "interval",
    "ip",
    "ip_range",
    "iso",
    "label_selector",
    "labels",
    "listen_port",
    "load_balancer_type",
    "location",
    "mode",
    "name",
    "network",
    "network_zone",
    "networks",
    "placement_group",
    "port",
    "primary_nameservers",
    "private_key",
    "protocol",
    "public_key",
    "public_net",
    "rebuild",
    "records",
    "remove_from",
    "routes",
    "rrsets",
    "rules",
    "selector",
    "server",
    "server_type",
    "services",
    "size",
    "source_ips",
    "ssh_keys",
    "subnets",
    "targets",
    "timeout",
    "ttl",
    "type",
    "upgrade_disk",
    "use_private_ip",
    "user_data",
    "value",
    "volumes",
    "vswitch_id",
    "zonefile",
];

fn any_value() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        "x",
        "10.0.0.0/8",
        "10.0.0.0/24",
        "0.0.0.0/0",
        "10.0.0.5",
        "::1",
        "server",
        "ipv4",
        "tcp",
        "https",
        "in",
        "fsn1",
        "cx23",
        "lb11",
        "debian-12",
        "cloud",
        "eu-central",
        "spread",
        "k=v",
        "any",
        "80-81",
        "uploaded",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![-1, 0, 1, 10, 80, 70_000, 125_000_001, i64::MAX, i64::MIN])
            .prop_map(Value::from),
        Just(json!(1e300)),
        prop::sample::select(texts.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(FIELDS.to_vec()), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Value>()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every operation takes any body there is without a failure of the emulator itself.
    #[test]
    fn no_body_brings_an_operation_down(
        fields in prop::collection::vec((prop::sample::select(FIELDS.to_vec()), any_value()), 0..24),
        query in "[a-z_=&%,!()0-9:]{0,24}",
    ) {
        let body: Value = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let world = World::new("w".to_owned(), 7);
        let clock = Clock::new(ClockMode::Instant, 0);
        let mut core = Core::new(world, clock, Limiter::new(RateLimit::Unlimited), None);
        core.admit(TOKEN);
        let authorization = format!("Bearer {TOKEN}");
        send(&mut core, "POST", "/servers", &json!({"name": "a", "server_type": "cx23", "image": "debian-12"}));
        send(&mut core, "POST", "/networks", &json!({"name": "a", "ip_range": "10.0.0.0/8"}));
        send(&mut core, "POST", "/load_balancers",
            &json!({"name": "a", "load_balancer_type": "lb11", "location": "fsn1"}));
        send(&mut core, "POST", "/firewalls", &json!({"name": "a"}));
        send(&mut core, "POST", "/zones", &json!({"name": "example.com", "mode": "primary"}));
        for route in crate::api::ROUTES.iter().flat_map(|routes| routes.iter()) {
            let first = ["servers", "networks", "load_balancers", "firewalls"];
            let ids = ["125000001", "11500001", "5200001", "3100001"];
            let kind = route.template.split('/').nth(1).unwrap_or_default();
            let id = first.iter().position(|name| *name == kind).map_or("1", |index| ids[index]);
            let blanks = [("{id}", id), ("{action_id}", "1700000001"), ("{id_or_name}", "example.com"),
                ("{rr_name}", "%40"), ("{rr_type}", "NS")];
            let path = blanks.iter().fold(format!("/v1{}", route.template), |path, (blank, value)| {
                path.replace(blank, value)
            });
            let body = body.to_string();
            let request = Incoming {
                method: route.method,
                path: &path,
                query: &query,
                authorization: Some(&authorization),
                body: body.as_bytes(),
            };
            let outgoing = core.handle(&request);
            prop_assert!(outgoing.status < 500, "{path} {body} {}", outgoing.body);
        }
        check(&core.world);
    }
}
