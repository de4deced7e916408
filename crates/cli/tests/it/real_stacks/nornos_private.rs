//! The same platform, its nodes without public addresses: a gateway leads out, and administrators in.

use serde_json::json;

use super::cluster::{reboot, starts, verdict};
use super::mirror::Mirror;
use super::nornos::platform;
use super::{Stage, soon};

const STRANGER: &str = "45.33.32.156";
const ADMINISTRATOR: &str = "100.64.7.7";
/// Somewhere in the internet, where a machine's address is seen.
const ELSEWHERE: &str = "203.0.113.99";

#[test]
fn nornos_with_private_nodes_is_reached_by_its_load_balancer_and_over_its_gateway_alone() {
    let Some(mut stage) = Stage::open("nornos/dev", 5) else { return };
    let own = [
        ("TF_VAR_package_upgrade", "false"),
        ("TF_VAR_private_nodes", "true"),
        ("TF_VAR_workers", "{count = 1}"),
        ("TF_VAR_agents", "{count = 0}"),
        ("TF_VAR_admin_ips", r#"["100.64.7.7/32"]"#),
        ("TF_VAR_postgres", "{version = 15}"),
    ];
    for (name, value) in own {
        stage.project.set_env(name, value);
    }
    // k3s is fetched from the internet, so the way out works when this is done.
    let _mirror = Mirror::open(&mut stage, &platform(1, 1, 0));
    stage.apply();
    let (postgres, redis) = ("nornos-dev-postgres", "nornos-dev-redis");
    let (worker, control, gateway) = ("nornos-dev-worker-1", "nornos-dev-control-1", "nornos-dev-gateway");
    let servers = stage.output("servers");
    for name in [worker, control, postgres, redis] {
        assert_eq!(servers[name]["ipv4"], json!(null), "{servers}");
        let public = stage.exec(name, &["ip", "-oneline", "link", "show", "eth0"]);
        assert_ne!(public.code(), Some(0), "{name} has a public interface: {public}");
    }
    let cluster = verdict(&stage, control);
    assert_eq!(cluster["wrong"], json!([]), "{cluster}");

    // The databases are installed and set up, by way of the gateway too.
    for (name, port) in [(postgres, 5432), (redis, 6379)] {
        let address = servers[name]["private"].as_str().unwrap();
        stage.only_from(address, &[port], worker, gateway);
    }

    // From outside only the load balancer answers, and the gateway its administrators.
    stage.add_host("stranger", STRANGER);
    stage.add_host("administrator", ADMINISTRATOR);
    let address = servers[gateway]["ipv4"].as_str().unwrap().to_owned();
    let addresses: Vec<String> = servers
        .as_object()
        .unwrap()
        .values()
        .filter_map(|server| Some(server["ipv4"].as_str()?.to_owned()))
        .collect();
    assert_eq!(stage.open_ports("stranger", &addresses), [""; 0]);
    assert_eq!(stage.open_ports("administrator", &addresses), [format!("{address}:22")]);
    // The gateway forwards nothing from outside: not even to one who sends it what is for a private address.
    assert!(!stage.connects("stranger", "10.0.1.20", 22), "a private address is reached from the internet");

    // Over the gateway, with the host keys that the apply knows, and believing no other.
    let contract = stage.output("ferroform");
    let mut known = String::new();
    for name in [worker, gateway] {
        let server = &contract["servers"][name];
        known += &format!("{name} {}\n", server["host_key"].as_str().unwrap());
    }
    assert_eq!(
        (&contract["servers"][worker]["via"], &contract["servers"][gateway]["via"]),
        (&json!(gateway), &json!(null))
    );
    stage.project.write("known_hosts", known);
    let (key, hosts) = (stage.key(), stage.project.path("known_hosts").display().to_string());
    let options = format!(
        "-i {key} -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={hosts} -o ConnectTimeout=10"
    );
    let jump = format!("ssh {options} -o HostKeyAlias={gateway} -W %h:%p root@{address}");
    let private = servers[worker]["private"].as_str().unwrap();
    let login =
        format!("ssh {options} -o HostKeyAlias={worker} -o ProxyCommand='{jump}' root@{private} hostname");
    let run = stage.exec("administrator", &["sh", "-c", &login]).ok();
    assert_eq!(run.stdout.trim(), worker);

    // The internet sees the gateway's address; so it is after both have started again, and the node is in the cluster again.
    stage.add_host("elsewhere", ELSEWHERE);
    let seen = "import socket\ns = socket.create_server(('', 8080), reuse_port=True)\n\
                while True:\n c, a = s.accept()\n c.sendall(a[0].encode())\n c.close()";
    let mut listening = stage.project.command("cloud exec elsewhere -- python3 -c");
    listening.arg(seen);
    let _listening = crate::harness::Running::start(listening);
    let ask = format!("timeout 3 bash -c 'cat </dev/tcp/{ELSEWHERE}/8080'");
    let seen_as = |name: &str| stage.exec(name, &["sh", "-c", &ask]).stdout;
    soon("the way out", || seen_as(worker) == address);
    for name in [gateway, worker] {
        let before = starts(&stage, control, worker);
        reboot(&stage, name);
        soon("the way out after a reboot", || seen_as(worker) == address);
        if name == worker {
            soon("it has joined again", || starts(&stage, control, worker) > before);
        }
    }
    stage.destroy();
}
