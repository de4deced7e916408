//! What answers besides machines: metadata, names, packages.

use super::super::proxy::Proxy;
use super::super::proxy::sources::Sources;
use super::*;

const GET: &str = "GET /hetzner/v1/";

fn get(namespace: &Path, path: &str) -> (u16, String) {
    http(namespace, "169.254.169.254", 80, &format!("{GET}{path}"))
}

#[test]
fn metadata_tell_each_machine_about_itself_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = World::new();
    let mut segment = a_segment("10.0.0.0/8");
    segment.subnets = vec!["10.0.0.0/24".parse().unwrap()];
    world.scene.segments.insert(7, segment);
    let mut one = a_machine("my-server", Some("198.51.100.4"), Some("2001:db8:4::/64"));
    one.ssh_keys = vec!["ssh-ed25519 AAAA me@example".into()];
    one.user_data = Some("#cloud-config\nruncmd: [true]\n".into());
    one.links.push(a_link(7, "10.0.0.2", 1));
    one.links[0].aliases = vec![v4("10.0.0.3"), v4("10.0.0.4")];
    let mut two = a_machine("no", None, None);
    two.location = "ash".into();
    two.links.push(a_link(7, "10.0.0.9", 2));
    world.scene.machines.extend([(42, one), (43, two)]);
    world.show();
    world.configure(42);
    world.configure(43);
    world.ip("m43", "route add 169.254.169.254 via 10.0.0.1\n");
    let (one, two) = (world.namespace("m42"), world.namespace("m43"));

    let check = |namespace: &Path, path: &str, expected: (u16, &str)| {
        let (status, body) = get(namespace, path);
        assert_eq!((status, body.as_str()), expected, "{path}");
    };
    check(&one, "metadata/hostname", (200, "my-server"));
    check(&one, "metadata/instance-id", (200, "42"));
    check(&one, "metadata/public-ipv4", (200, "198.51.100.4"));
    check(&one, "metadata/region", (200, "eu-central"));
    check(&one, "metadata/availability-zone", (200, "hel1-dc2"));
    check(&one, "metadata/public-keys", (200, "- \"ssh-ed25519 AAAA me@example\"\n"));
    check(&one, "userdata", (200, "#cloud-config\nruncmd: [true]\n"));
    check(&one, "metadata/nothing", (404, "not found\n"));
    // As in Hetzner's documentation.
    let networks = "- ip: 10.0.0.2\n  alias_ips: [10.0.0.3, 10.0.0.4]\n  interface_num: 1\n  \
                    mac_address: \"86:00:00:00:07:01\"\n  network_id: 7\n  network_name: nw-test1\n  \
                    network: 10.0.0.0/8\n  subnet: 10.0.0.0/24\n  gateway: 10.0.0.1\n";
    check(&one, "metadata/private-networks", (200, networks));
    let (_, summary) = get(&one, "metadata");
    for line in [
        "availability-zone: hel1-dc2",
        "hostname: my-server",
        "instance-id: 42",
        "public-ipv4: 198.51.100.4",
        "region: eu-central",
        "network-config:",
        "    mac_address: \"96:00:00:00:00:2a\"",
        "      address: 2001:db8:4::1/64",
        "- \"ssh-ed25519 AAAA me@example\"",
    ] {
        assert!(summary.lines().any(|other| other == line), "{line} in {summary}");
    }
    // By way of a private network; a name that YAML would take for false is quoted.
    check(&two, "metadata/instance-id", (200, "43"));
    check(&two, "metadata/region", (200, "us-east"));
    check(&two, "userdata", (204, ""));
    assert!(get(&two, "metadata").1.contains("\nhostname: \"no\"\n"));
    // By IPv6, where the link tells who asks.
    let index = netns::inside(&one, || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        rustix::net::netdevice::name_to_index(&socket, "eth0").unwrap()
    })
    .unwrap();
    let scoped = format!("[fe80::a9fe:a9fe%{index}]");
    assert_eq!(http(&one, &scoped, 80, &format!("{GET}metadata/instance-id")), (200, "42".into()));
    // Hosts are told nothing.
    world.network().add_host("peer", &[ip_of("203.0.113.5")]).unwrap();
    check(&world.namespace("hpeer"), "metadata/hostname", (404, "no server has this address\n"));
}

/// Asks for records of a name; gives the code of the answer and all of its bytes.
fn ask(namespace: &Path, server: &str, name: &str, kind: u16) -> (u8, Vec<u8>) {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 0, 0, 1]);
    let place = query.len() - 4;
    query[place..place + 2].copy_from_slice(&kind.to_be_bytes());
    let any: SocketAddr = if server.contains(':') { "[::]:0" } else { "0.0.0.0:0" }.parse().unwrap();
    let socket = netns::inside(namespace, || UdpSocket::bind(any).unwrap()).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let mut buffer = [0; 512];
    for _ in 0..20 {
        // It may still be starting.
        let _ = socket.send_to(&query, SocketAddr::new(ip_of(server), 53));
        if let Ok(count) = socket.recv(&mut buffer) {
            return (buffer[3] & 15, buffer[..count].to_vec());
        }
    }
    panic!("{server} does not answer");
}

#[test]
fn names_of_the_world_are_known_and_no_others_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let (a, ptr): (u16, u16) = (1, 12);
    let mut world = World::new();
    world.scene.machines.insert(1, a_machine("web-1", Some("198.51.100.1"), Some("2001:db8:1::/64")));
    world.scene.names.insert(ip_of("198.51.100.1"), "static.1.example.net".into());
    world.scene.names.insert(ip_of("2001:db8:1::1"), "six.example.net".into());
    world.show();
    world.configure(1);
    let machine = world.namespace("m1");
    let check = |server: &str, name: &str, kind: u16, expected: Result<&[u8], u8>| {
        let (code, answer) = ask(&machine, server, name, kind);
        match expected {
            Ok(end) => assert!(
                code == 0 && answer.windows(end.len()).any(|part| part == end),
                "{name}: {code} {answer:?}"
            ),
            Err(expected) => assert_eq!(code, expected, "{name}"),
        }
    };
    let reverse = "1.100.51.198.in-addr.arpa";
    check("185.12.64.1", "web-1", a, Ok(&[198, 51, 100, 1]));
    check("185.12.64.2", "static.1.example.net", a, Ok(&[198, 51, 100, 1]));
    check("2a01:4ff:ff00::add:1", reverse, ptr, Ok(b"\x06static\x011\x07example\x03net"));
    let six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    check("185.12.64.1", six, ptr, Ok(b"\x03six\x07example\x03net"));
    check("185.12.64.1", "deb.debian.org", a, Err(3));
    check("185.12.64.1", "9.100.51.198.in-addr.arpa", ptr, Err(3));
    // Another name is answered soon.
    world.scene.names.insert(ip_of("198.51.100.1"), "mail.example.net".into());
    world.show();
    let (began, new) = (std::time::Instant::now(), b"\x04mail\x07example\x03net");
    while !ask(&machine, "185.12.64.1", reverse, ptr).1.windows(new.len()).any(|part| part == new) {
        assert!(began.elapsed() < PATIENCE, "the former name is still answered");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn packages_come_through_the_proxy_and_nothing_else_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    // An archive in the host's own network.
    let archive = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = archive.local_addr().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in archive.incoming() {
            let mut stream = stream.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let line = String::from_utf8_lossy(&request[..length]);
            let body = line.split(' ').nth(1).unwrap().repeat(20_000);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let mut world = World::new();
    let mut sources = Sources::default();
    sources.add_lines(&format!("deb http://{at}/debian bookworm main"));
    drop(world.network.take());
    let proxy = Proxy::new(sources, world.site.dir().join("packages")).unwrap();
    world.network = Some(Network::open_with(&world.site, Some(proxy)).unwrap());
    assert_eq!(world.network().package_proxy().unwrap(), "http://169.254.169.254:3142");
    world.scene.machines.insert(1, a_machine("web-1", Some("198.51.100.1"), None));
    world.show();
    world.configure(1);
    let machine = world.namespace("m1");
    let fetch = |url: &str| http(&machine, "169.254.169.254", 3142, &format!("GET {url}"));

    for times in [1, 2] {
        let (status, body) = fetch(&format!("http://{at}/debian/dists/InRelease"));
        assert_eq!((status, body), (200, "/debian/dists/InRelease".repeat(20_000)));
        assert_eq!(asked.load(Ordering::SeqCst), times);
    }
    // A package does not change.
    for _ in [1, 2] {
        let (status, body) = fetch(&format!("http://{at}/debian/pool/a_1_all.deb"));
        assert_eq!((status, body), (200, "/debian/pool/a_1_all.deb".repeat(20_000)));
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
    let refused = |request: &str, why: &str| {
        let (status, body) = http(&machine, "169.254.169.254", 3142, request);
        assert!(status == 403 && body.contains(why), "{request}: {status} {body}");
    };
    refused(&format!("GET http://{at}/other"), "package sources");
    refused(&format!("GET http://{at}/debian/../other"), "not plain");
    refused("GET http://127.0.0.1:22/debian/x", "package sources");
    refused("GET /debian/x", "whole addresses");
    refused("CONNECT deb.debian.org:443", "by GET");
    refused(&format!("POST http://{at}/debian/x"), "by GET");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}
