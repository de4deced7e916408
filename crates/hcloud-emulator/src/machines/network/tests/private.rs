//! Private networks.

use super::*;
use crate::backend::scene::Balancer;

const CLIENT: &str = "10.0.0.3";

fn world() -> World {
    let mut world = World::new();
    world.scene.segments.insert(7, a_segment("10.0.0.0/16"));
    let mut gateway = a_machine("nat", Some("198.51.100.1"), None);
    gateway.links.push(a_link(7, "10.0.0.2", 1));
    let mut client = a_machine("client", None, None);
    client.links.push(a_link(7, CLIENT, 2));
    world.scene.machines.extend([(1, gateway), (2, client)]);
    world.show();
    world.configure(1);
    world.configure(2);
    world
}

#[test]
fn members_meet_at_the_gateway_and_no_firewall_is_between_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = world();
    world.machine(1).filter = inbound(Vec::new());
    world.machine(2).links[0].aliases = vec![v4("10.0.0.30")];
    world.show();
    let (gateway, client) = (world.namespace("m1"), world.namespace("m2"));
    let _servers = (Server::start(&gateway, 5432), Server::start(&client, 80));
    assert_eq!(reaches(&client, "10.0.0.2", 5432), ip_of(CLIENT));
    reaches(&gateway, CLIENT, 80);
    // The alias leads to the machine, which has to take it.
    does_not_reach(&gateway, "10.0.0.30", 80);
    world.ip("m2", "address add 10.0.0.30/32 dev ens10\n");
    reaches(&gateway, "10.0.0.30", 80);
    // A member sees the gateway on the link, nobody else; the largest packet is Hetzner's.
    let neighbours = tools::run("ip", &["-n", &world.site.namespace("m2"), "neighbour"]).unwrap();
    assert_eq!(neighbours.lines().count(), 1, "{neighbours}");
    assert!(neighbours.starts_with("10.0.0.1 dev ens10"), "{neighbours}");
    let link = tools::run("ip", &["-n", &world.site.namespace("m2"), "link", "show", "ens10"]).unwrap();
    assert!(link.contains("mtu 1450") && link.contains("86:00:00:00:07:02"), "{link}");
    // Even one that thinks it is on a switch.
    world.ip("m2", "route del 10.0.0.0/16\naddress add 10.0.0.3/16 dev ens10\n");
    reaches(&client, "10.0.0.2", 5432);
    // A stranger's address is not carried.
    world.ip("m2", "address add 10.0.0.77/32 dev ens10\nroute replace 10.0.0.2 dev ens10 src 10.0.0.77\n");
    does_not_reach(&client, "10.0.0.2", 5432);
}

#[test]
fn a_machine_can_be_the_gateway_of_a_network_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = world();
    world.network().add_host("peer", &[ip_of("203.0.113.5")]).unwrap();
    let (gateway, client, peer) = (world.namespace("m1"), world.namespace("m2"), world.namespace("hpeer"));
    let _server = Server::start(&peer, 80);
    netns::sysctl(&gateway, &[("ipv4/ip_forward", "1")]).unwrap();
    let rules = "table ip nat { chain post { type nat hook postrouting priority srcnat; oifname eth0 masquerade; }; }";
    netns::inside(&gateway, || tools::run("nft", &[rules]).unwrap()).unwrap();
    world.ip("m2", "route add default via 10.0.0.1\n");
    does_not_reach(&client, "203.0.113.5", 80);
    world.scene.segments.get_mut(&7).unwrap().routes = vec![("0.0.0.0/0".parse().unwrap(), v4("10.0.0.2"))];
    world.show();
    assert_eq!(reaches(&client, "203.0.113.5", 80), ip_of("198.51.100.1"));
    world.scene.segments.get_mut(&7).unwrap().routes.clear();
    world.show();
    does_not_reach(&client, "203.0.113.5", 80);
}

#[test]
fn links_come_and_go_while_machines_run_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = world();
    world.scene.segments.insert(8, a_segment("192.168.0.0/24"));
    world.machine(2).links.push(a_link(8, "192.168.0.2", 2));
    world.machine(1).links.push(a_link(8, "192.168.0.3", 1));
    world.show();
    let names = |world: &World| {
        let shown = tools::run("ip", &["-n", &world.site.namespace("m2"), "-json", "address"]).unwrap();
        let interfaces: Vec<netns::Interface> = serde_json::from_str(&shown).unwrap();
        interfaces.into_iter().map(|interface| (interface.name, interface.mac)).skip(1).collect::<Vec<_>>()
    };
    let pair = |name: &str, mac: &str| (name.to_owned(), mac.to_owned());
    assert_eq!(names(&world), [pair("ens10", "86:00:00:00:07:02"), pair("ens11", "86:00:00:00:08:02")]);
    world.configure(1);
    world.configure(2);
    let _server = Server::start(&world.namespace("m1"), 80);
    reaches(&world.namespace("m2"), "192.168.0.3", 80);
    // The first goes: the other one stays what it is.
    world.machine(2).links.remove(0);
    world.show();
    assert_eq!(names(&world), [pair("ens11", "86:00:00:00:08:02")]);
    reaches(&world.namespace("m2"), "192.168.0.3", 80);
    world.machine(2).links.push(a_link(7, "10.0.0.9", 3));
    world.show();
    assert_eq!(names(&world).last(), Some(&pair("ens10", "86:00:00:00:07:03")));
    // A boot begins with nothing but the links.
    world.ip("m2", "link add strange type bridge\n");
    world.network().renew_guest(2).unwrap();
    let mut renewed = names(&world);
    renewed.sort();
    assert_eq!(renewed, [pair("ens10", "86:00:00:00:07:03"), pair("ens11", "86:00:00:00:08:02")]);
    // A network that is gone takes its namespace along.
    world.scene.machines.values_mut().for_each(|machine| machine.links.retain(|link| link.segment == 7));
    world.scene.segments.remove(&8);
    world.show();
    assert!(!world.namespace("s8").exists() && world.namespace("s7").exists());
}

#[test]
fn dhcp_gives_what_hetzner_gives_for_real() {
    if !ready(&["ip", "nft", "dnsmasq", "busybox"]) {
        return;
    }
    let mut world = world();
    let script = world.site.folder("test").unwrap().join("udhcpc");
    std::fs::write(&script, "#!/bin/sh\n[ \"$1\" = bound ] && env\nexit 0\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let ask = |world: &World, suffix: &str, interface: &str| {
        let script = script.to_str().unwrap();
        let arguments =
            ["udhcpc", "-fqn", "-i", interface, "-T", "1", "-O", "121", "-O", "mtu", "-s", script];
        let said = netns::inside(&world.namespace(suffix), || tools::run("busybox", &arguments)).unwrap();
        let said = said.unwrap_or_else(|error| {
            let logs = ["net", "s7"].map(|suffix| world.site.dir().join(format!("network/{suffix}.log")));
            panic!(
                "{suffix} {interface}: {error}
{:#?}",
                logs.map(std::fs::read_to_string)
            )
        });
        let wanted = ["ip=", "mask=", "mtu=", "router=", "dns=", "staticroutes="];
        let mut lines: Vec<String> = said
            .lines()
            .filter(|line| wanted.iter().any(|name| line.starts_with(name)))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    let far = "staticroutes=10.0.0.1/32 0.0.0.0 10.0.0.0/16 10.0.0.1";
    assert_eq!(ask(&world, "m1", "ens10"), ["ip=10.0.0.2", "mask=32", "mtu=1450", far]);
    let alone = format!("{far} 169.254.169.254/32 10.0.0.1");
    assert_eq!(ask(&world, "m2", "ens10"), ["ip=10.0.0.3", "mask=32", "mtu=1450", alone.as_str()]);
    let public = [
        "dns=185.12.64.1 185.12.64.2",
        "ip=198.51.100.1",
        "mask=32",
        "router=172.31.1.1",
        "staticroutes=172.31.1.1/32 0.0.0.0 0.0.0.0/0 172.31.1.1",
    ];
    assert_eq!(ask(&world, "m1", "eth0"), public);
    // Somebody who is attached later is known at once.
    let mut third = a_machine("third", Some("192.0.2.3"), None);
    third.links.push(a_link(7, "10.0.1.1", 9));
    world.scene.machines.insert(3, third);
    world.show();
    world.ip("m3", "link set eth0 up\nlink set ens10 up\n");
    let running = |network: &mut Network| {
        network.resolver.iter_mut().chain(network.dhcp.values_mut()).all(super::super::Dnsmasq::is_alive)
    };
    assert!(running(world.network()), "a new lease ends no server");
    assert_eq!(ask(&world, "m3", "ens10")[0], "ip=10.0.1.1");
    assert_eq!(ask(&world, "m3", "eth0")[1], "ip=192.0.2.3");
    // Somebody else who gets the addresses of one that is gone.
    world.scene.machines.remove(&3);
    world.show();
    let mut fourth = a_machine("fourth", Some("192.0.2.3"), None);
    fourth.links.push(a_link(7, "10.0.1.1", 10));
    world.scene.machines.insert(4, fourth);
    world.show();
    world.ip("m4", "link set eth0 up\nlink set ens10 up\n");
    assert_eq!(ask(&world, "m4", "ens10")[0], "ip=10.0.1.1");
    assert_eq!(ask(&world, "m4", "eth0")[1], "ip=192.0.2.3");
}

#[test]
fn load_balancers_are_members_with_their_addresses_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = world();
    let balancer = |public: Option<(&str, &str)>, link| Balancer {
        public: public.map(|(one, other)| (v4(one), other.parse().unwrap())),
        link,
        least_connections: false,
        services: Vec::new(),
        targets: Vec::new(),
    };
    let member = Some(a_link(7, "10.0.0.4", 4));
    world.scene.balancers.insert(3, balancer(Some(("203.0.113.7", "2001:db8:7::1")), member.clone()));
    world.network().add_host("peer", &[ip_of("192.0.2.5"), ip_of("2001:db8:5::5")]).unwrap();
    world.show();
    let (balancer_namespace, peer) = (world.network().balancer_namespace(3), world.namespace("hpeer"));
    let _servers = (Server::start(&balancer_namespace, 80), Server::start(&world.namespace("m2"), 80));
    assert_eq!(reaches(&peer, "203.0.113.7", 80), ip_of("192.0.2.5"));
    reaches(&peer, "2001:db8:7::1", 80);
    assert_eq!(reaches(&balancer_namespace, CLIENT, 80), ip_of("10.0.0.4"));
    reaches(&world.namespace("m2"), "10.0.0.4", 80);
    // Other addresses, then none; what is private stays.
    world.scene.balancers.insert(3, balancer(Some(("203.0.113.8", "2001:db8:7::1")), member.clone()));
    world.show();
    does_not_reach(&peer, "203.0.113.7", 80);
    reaches(&peer, "203.0.113.8", 80);
    world.scene.balancers.insert(3, balancer(None, member));
    world.show();
    does_not_reach(&peer, "203.0.113.8", 80);
    reaches(&balancer_namespace, CLIENT, 80);
    world.scene.balancers.clear();
    world.show();
    assert!(!balancer_namespace.exists());
}
