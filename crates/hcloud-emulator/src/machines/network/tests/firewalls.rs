//! Who reaches whom in the internet.

use rustix::net::ipproto;

use super::*;

const WEB: &str = "198.51.100.1";
const WEB_V6: &str = "2001:db8:1::1";
const OTHER: &str = "198.51.100.2";
const CLOUDFLARE: &str = "173.245.48.10";
const STRANGER: &str = "203.0.113.66";

fn world() -> World {
    let mut world = World::new();
    world.scene.machines.insert(1, a_machine("web-1", Some(WEB), Some("2001:db8:1::/64")));
    world.scene.machines.insert(2, a_machine("web-2", Some(OTHER), Some("2001:db8:2::/64")));
    world.show();
    world.configure(1);
    world.configure(2);
    world.network().add_host("cloudflare", &[ip_of(CLOUDFLARE), ip_of("2400:cb00::10")]).unwrap();
    world.network().add_host("stranger", &[ip_of(STRANGER), ip_of("2001:db8:ffff::66")]).unwrap();
    world
}

#[test]
fn firewalls_let_pass_what_their_rules_say_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = world();
    let (web, other) = (world.namespace("m1"), world.namespace("m2"));
    let (cloudflare, stranger) = (world.namespace("hcloudflare"), world.namespace("hstranger"));
    let _web = (Server::start(&web, 80), Server::start(&web, 22));
    let _out = (Server::start(&stranger, 80), Server::start(&stranger, 81));

    // Without a firewall everything passes, and with the source that it has.
    assert_eq!(reaches(&stranger, WEB, 80), ip_of(STRANGER));
    assert_eq!(reaches(&stranger, WEB_V6, 80), ip_of("2001:db8:ffff::66"));
    assert_eq!(reaches(&other, WEB, 22), ip_of(OTHER));

    let from_cloudflare = ["173.245.48.0/20", "2400:cb00::/32"];
    world.machine(1).filter = inbound(vec![tcp(80, &from_cloudflare)]);
    world.show();
    reaches(&cloudflare, WEB, 80);
    reaches(&cloudflare, WEB_V6, 80);
    does_not_reach(&cloudflare, WEB, 22);
    does_not_reach(&stranger, WEB, 80);
    does_not_reach(&stranger, WEB_V6, 80);
    // A neighbour is a stranger too.
    does_not_reach(&other, WEB, 80);
    // Replies pass.
    assert_eq!(reaches(&web, STRANGER, 80), ip_of(WEB));
    reaches(&web, "2001:db8:ffff::66", 81);

    // With a rule for what goes out nothing else does.
    let outbound = Some(vec![tcp(80, &["0.0.0.0/0"])]);
    world.machine(1).filter = Some(Filter { inbound: vec![tcp(80, &from_cloudflare)], outbound });
    world.show();
    reaches(&web, STRANGER, 80);
    does_not_reach(&web, STRANGER, 81);
    does_not_reach(&web, "2001:db8:ffff::66", 80);
    // Answers are no new connections.
    reaches(&cloudflare, WEB, 80);

    // No rule at all: nothing comes in, everything goes out. What is established stays so.
    let (mut old, _) = connect(&cloudflare, WEB, 80, PATIENCE).unwrap();
    world.machine(1).filter = inbound(Vec::new());
    world.show();
    does_not_reach(&cloudflare, WEB, 80);
    reaches(&web, STRANGER, 81);
    old.write_all(b"still?").unwrap();
    let mut answer = [0; 6];
    old.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"still?");

    // Somebody else's firewall is nobody's business.
    world.machine(1).filter = None;
    world.machine(2).filter = inbound(Vec::new());
    world.show();
    reaches(&stranger, WEB, 80);
    reaches(&other, WEB, 80);
    assert!(!packet_passes(&stranger, &other, ipproto::ICMP, OTHER));
}

#[test]
fn firewalls_know_protocols_without_ports_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = world();
    let (web, stranger) = (world.namespace("m1"), world.namespace("hstranger"));
    let all = [
        (PassProtocol::Icmp, ipproto::ICMP, WEB),
        (PassProtocol::Icmp, ipproto::ICMPV6, WEB_V6),
        (PassProtocol::Esp, ipproto::ESP, WEB),
        (PassProtocol::Gre, ipproto::GRE, WEB),
    ];
    for (allowed, ..) in &all {
        world.machine(1).filter = inbound(vec![pass(allowed.clone(), &["0.0.0.0/0", "::/0"])]);
        world.show();
        for (kind, protocol, address) in &all {
            let passed = packet_passes(&stranger, &web, *protocol, address);
            assert_eq!(passed, kind == allowed, "{kind:?} where {allowed:?} is allowed");
        }
    }
}

#[test]
fn nobody_speaks_for_another_and_nothing_leaves_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let before = of_the_host();
    let mut world = world();
    let (web, other, stranger) = (world.namespace("m1"), world.namespace("m2"), world.namespace("hstranger"));
    world.machine(2).public.floating =
        vec!["198.51.100.9/32".parse().unwrap(), "2001:db8:9::/64".parse().unwrap()];
    world.show();
    // The machine takes addresses: its floating one, which is its own, and the neighbour's.
    for address in
        ["198.51.100.9/32", "198.51.100.1/32", "2001:db8:9::1/128 nodad", "2001:db8:1::1/128 nodad"]
    {
        world.ip("m2", &format!("address add dev eth0 {address}\n"));
    }
    let says = |source: &str, target: &str| {
        let bind = |namespace: &Path, address: &str| {
            netns::inside(namespace, || UdpSocket::bind(SocketAddr::new(ip_of(address), 0)).unwrap()).unwrap()
        };
        let (receiver, sender) = (bind(&stranger, target), bind(&other, source));
        receiver.set_read_timeout(Some(SILENCE)).unwrap();
        sender.send_to(b"hello", receiver.local_addr().unwrap()).unwrap();
        receiver.recv_from(&mut [0; 16]).ok().map(|(_, from)| from.ip())
    };
    assert_eq!(says(OTHER, STRANGER), Some(ip_of(OTHER)));
    assert_eq!(says("198.51.100.9", STRANGER), Some(ip_of("198.51.100.9")));
    assert_eq!(says(WEB, STRANGER), None);
    assert_eq!(says("2001:db8:2::1", "2001:db8:ffff::66"), Some(ip_of("2001:db8:2::1")));
    assert_eq!(says("2001:db8:9::1", "2001:db8:ffff::66"), Some(ip_of("2001:db8:9::1")));
    assert_eq!(says(WEB_V6, "2001:db8:ffff::66"), None);
    // What leads to the floating addresses arrives.
    let _server = Server::start(&other, 80);
    reaches(&stranger, "198.51.100.9", 80);
    reaches(&stranger, "2001:db8:9::1", 80);

    // Nobody's addresses, the host's and its loopback among them, are nowhere.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut own: Vec<String> = vec!["192.0.2.200".into(), "8.8.8.8".into(), "2001:db8:77::1".into()];
    let shown = tools::run("ip", &["-json", "-4", "address"]).unwrap();
    let interfaces: Vec<netns::Interface> = serde_json::from_str(&shown).unwrap();
    own.extend(
        interfaces.iter().flat_map(|one| &one.addresses).filter_map(|one| Some(one.local?.to_string())),
    );
    for address in own {
        does_not_reach(&web, &address, port);
    }
    drop(world);
    assert_eq!(of_the_host(), before);
}
