//! Worlds beside each other, and after a restart.

use super::*;

fn two_machines(world: &mut World) {
    world.scene.segments.insert(7, a_segment("10.0.0.0/16"));
    for id in [1, 2] {
        let (v4, v6) = (format!("198.51.100.{id}"), format!("2001:db8:{id}::/64"));
        let mut machine = a_machine("web", Some(&v4), Some(&v6));
        machine.links.push(a_link(7, &format!("10.0.0.{}", id + 1), u8::try_from(id).unwrap()));
        world.scene.machines.insert(id, machine);
    }
    world.show();
    world.configure(1);
    world.configure(2);
}

/// How long it takes to see that nothing is to be done; other work on the same host may hold up any one time.
fn fastest_show(world: &mut World) -> Duration {
    let timed = |_| {
        let began = std::time::Instant::now();
        world.show();
        began.elapsed()
    };
    (0..10).map(timed).min().unwrap()
}

#[test]
fn worlds_with_the_same_addresses_do_not_meet_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let before = of_the_host();
    let (mut one, mut other) = (World::new(), World::new());
    two_machines(&mut one);
    two_machines(&mut other);
    let _server = Server::start(&one.namespace("m1"), 80);
    for address in ["198.51.100.1", "10.0.0.2", "2001:db8:1::1"] {
        reaches(&one.namespace("m2"), address, 80);
        does_not_reach(&other.namespace("m2"), address, 80);
    }
    let strange = format!("ff-not-ours-{}", std::process::id());
    tools::run("ip", &["netns", "add", &strange]).unwrap();
    drop(other);
    reaches(&one.namespace("m2"), "198.51.100.1", 80);
    drop(one);
    let left = std::fs::read_dir("/run/netns").unwrap().flatten().any(|entry| entry.file_name() == *strange);
    tools::run("ip", &["netns", "del", &strange]).unwrap();
    assert!(left);
    assert_eq!(of_the_host(), before);
}

#[test]
fn what_runs_is_taken_over_after_a_restart_and_cleaned_for_real() {
    if !ready(&["ip", "nft", "dnsmasq", "sleep"]) {
        return;
    }
    let mut world = World::new();
    two_machines(&mut world);
    world.machine(1).filter = inbound(vec![tcp(80, &["198.51.100.2/32"])]);
    world.show();
    world.network().add_host("peer", &[ip_of("203.0.113.5"), ip_of("2001:db8:5::5")]).unwrap();
    let (one, two) = (world.namespace("m1"), world.namespace("m2"));
    let _servers = (Server::start(&one, 80), Server::start(&one, 22));
    let (mut lasting, _) = connect(&two, "198.51.100.1", 80, PATIENCE).unwrap();

    // It is killed, so that its servers run on; meanwhile a machine comes, and an address changes.
    let mut network = world.network.take().unwrap();
    std::mem::forget(network.resolver.take());
    std::mem::forget(std::mem::take(&mut network.dhcp));
    drop(network);
    // A guest may run the same program.
    let mut of_the_guest = netns::inside(&one, || {
        std::process::Command::new("dnsmasq")
            .args(["-k", "--conf-file=/dev/null", "--pid-file="])
            .spawn()
            .unwrap()
    })
    .unwrap();
    world.scene.machines.insert(3, a_machine("third", Some("198.51.100.3"), None));
    world.machine(2).public.floating = vec!["198.51.100.20/32".parse().unwrap()];
    world.ip("net", "route add 198.51.100.99 dev m2\nlink add m99 type veth peer name other\n");
    world.network = Some(Network::open_with(&world.site, None).unwrap());
    let peer = ("peer".to_owned(), vec![ip_of("203.0.113.5"), ip_of("2001:db8:5::5")]);
    assert_eq!(world.network().hosts(), [peer]);
    world.show();
    world.configure(3);
    lasting.write_all(b"still?").unwrap();
    let mut answer = [0; 6];
    lasting.read_exact(&mut answer).unwrap();
    for (address, port) in [("10.0.0.2", 22), ("198.51.100.1", 80)] {
        reaches(&two, address, port);
    }
    let peer = world.namespace("hpeer");
    let _server = Server::start(&peer, 80);
    assert_eq!(reaches(&world.namespace("m3"), "203.0.113.5", 80), ip_of("198.51.100.3"));
    reaches(&two, "2001:db8:5::5", 80);
    does_not_reach(&peer, "198.51.100.1", 80);
    let routes = tools::run("ip", &["-n", &world.site.namespace("net"), "route"]).unwrap();
    assert!(routes.contains("198.51.100.20 via 198.51.100.2 dev m2"), "{routes}");
    assert!(!routes.contains("198.51.100.99"), "{routes}");
    let links = tools::run("ip", &["-n", &world.site.namespace("net"), "link"]).unwrap();
    assert!(!links.contains("m99"), "{links}");

    let servers = netns::processes(&world.site, &netns::list(&world.site));
    let servers = servers.into_iter().filter(|pid| !netns::is_zombie(*pid)).count();
    assert_eq!(servers, 3, "one in the internet, one in the network, the guest's");
    assert!(of_the_guest.try_wait().unwrap().is_none());
    of_the_guest.kill().unwrap();
    of_the_guest.wait().unwrap();

    // A machine goes for good, in the presence of the next.
    world.scene.machines.remove(&1);
    world.show();
    assert!(!one.exists());
    let nothing = fastest_show(&mut world);
    assert!(nothing < Duration::from_millis(20), "{nothing:?}");

    // Cleaning ends what runs inside.
    let mut sleeper =
        netns::inside(&two, || std::process::Command::new("sleep").arg("1000").spawn().unwrap()).unwrap();
    let (site, folder) = (world.site.clone(), world.site.dir().join("network"));
    assert!(folder.exists());
    drop(world);
    assert!(!sleeper.wait().unwrap().success());
    assert!(netns::list(&site).is_empty() && !folder.exists());
}

#[test]
fn one_failure_is_one_objects_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = World::new();
    two_machines(&mut world);
    world.scene.segments.insert(8, a_segment("192.168.0.0/16"));
    for id in [1, 2] {
        let link = a_link(8, &format!("192.168.0.{}", id + 1), u8::try_from(id).unwrap());
        world.machine(id).links.push(link);
    }
    // The guest made itself an interface of the name that the new one should have.
    world.ip("m1", "link add ens11 type bridge\n");
    let failures = world.network.as_mut().unwrap().reconcile(&world.scene);
    assert_eq!(failures.keys().collect::<Vec<_>>(), [&Object::Machine(1)]);
    assert!(failures[&Object::Machine(1)].contains("exists"), "{failures:?}");
    world.configure(2);
    // It is tried again, and once it is possible it is done.
    assert_eq!(world.network.as_mut().unwrap().reconcile(&world.scene).len(), 1);
    world.ip("m1", "link del ens11\n");
    world.show();
    world.configure(1);
    let _server = Server::start(&world.namespace("m1"), 80);
    reaches(&world.namespace("m2"), "192.168.0.2", 80);

    let refused = Network::open(&world.site, crate::machines::network::Egress::Nat).unwrap_err().to_string();
    assert!(refused.contains("choose `packages`"), "{refused}");
    let refused = |network: &mut Network, name: &str, address: &str, why: &str| {
        let refusal = network.add_host(name, &[ip_of(address)]).unwrap_err().to_string();
        assert!(refusal.contains(why), "{refusal}");
    };
    refused(world.network(), "a/b", "203.0.113.1", "letters, digits");
    refused(world.network(), "a", "198.51.100.1", "belongs to m1");
    refused(world.network(), "a", "172.31.1.1", "cannot be");
    world.network().add_host("a", &[ip_of("203.0.113.1")]).unwrap();
    refused(world.network(), "a", "203.0.113.2", "already");
    refused(world.network(), "b", "203.0.113.1", "belongs to a");
    world.network().remove_host("a").unwrap();
    assert!(world.network().remove_host("a").is_err());
}

#[test]
fn ten_machines_take_a_moment_for_real() {
    if !ready(&["ip", "nft", "dnsmasq"]) {
        return;
    }
    let mut world = World::new();
    world.scene.segments.insert(7, a_segment("10.0.0.0/16"));
    for id in 1..=10 {
        let mut machine =
            a_machine("web", Some(&format!("198.51.100.{id}")), Some(&format!("2001:db8:{id}::/64")));
        machine.links.push(a_link(7, &format!("10.0.0.{}", id + 1), u8::try_from(id).unwrap()));
        machine.filter = inbound(vec![tcp(80, &["0.0.0.0/0"])]);
        world.scene.machines.insert(id, machine);
    }
    let timed = |world: &mut World| {
        let began = std::time::Instant::now();
        world.show();
        began.elapsed()
    };
    let made = timed(&mut world);
    world.machine(5).filter = inbound(Vec::new());
    let firewall = timed(&mut world);
    world.machine(5).links.clear();
    let detached = timed(&mut world);
    let nothing = fastest_show(&mut world);
    #[expect(clippy::print_stderr, reason = "a measurement")]
    {
        eprintln!("made {made:?}, firewall {firewall:?}, detached {detached:?}, nothing {nothing:?}");
    }
    assert!(made < Duration::from_secs(5), "{made:?}");
    assert!(firewall < Duration::from_secs(1), "{firewall:?}");
    assert!(nothing < Duration::from_millis(20), "{nothing:?}");
}

#[test]
fn the_folder_of_names_goes_with_the_last_world_for_real() {
    const INNER: &str = "FERROFORM_TEST_OF_AN_EMPTY_RUN";
    if !ready(&["ip", "nft", "dnsmasq", "unshare", "mount"]) {
        return;
    }
    if std::env::var_os(INNER).is_none() {
        // Where /run is empty and nobody else's.
        let own = std::env::current_exe().unwrap();
        let name = "machines::network::tests::worlds::the_folder_of_names_goes_with_the_last_world_for_real";
        let script = format!("mount -t tmpfs none /run && {INNER}=1 exec '{}' --exact {name}", own.display());
        tools::run("unshare", &["--mount", "sh", "-c", &script]).unwrap();
        return;
    }
    // `umount` keeps a folder there.
    let shown = || {
        let entries = std::fs::read_dir("/run").unwrap().flatten();
        entries.filter(|entry| entry.file_name() != "mount").count()
    };
    let (one, other) = (World::new(), World::new());
    drop(one);
    assert!(Path::new("/run/netns").exists());
    drop(other);
    assert_eq!(shown(), 0);
    // One that was there before stays.
    tools::run("ip", &["netns", "add", "before"]).unwrap();
    tools::run("ip", &["netns", "del", "before"]).unwrap();
    drop(World::new());
    assert_eq!(shown(), 1);
}
