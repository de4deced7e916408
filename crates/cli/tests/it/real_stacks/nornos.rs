//! A cluster, its databases and its load balancer: eight servers.

use serde_json::{Value, json};

use super::cluster::{reboot, starts, verdict};
use super::mirror::Mirror;
use super::{Stage, soon};
use crate::harness::say;
use crate::k3s::{RELEASE, node};

const CLIENT: &str = "45.33.32.156";
const ADMINISTRATOR: &str = "100.64.7.7";

/// What the stand-in for k3s expects of a platform of so many control planes, workers and agents.
pub(super) fn platform(control_planes: usize, workers: usize, agents: usize) -> Value {
    let servers: Vec<String> = (0..control_planes).map(|index| format!("10.0.1.{}", 10 + index)).collect();
    let mut names = servers.clone();
    if control_planes > 1 {
        names.push("10.0.3.11".to_owned());
    }
    let mut nodes = json!({});
    let taint = ["CriticalAddonsOnly=true:NoExecute"];
    for index in 1..=control_planes {
        nodes[format!("nornos-dev-control-{index}")] = node("server", &[], &taint);
    }
    for index in 1..=workers {
        let labels = ["nornos/pool=workers", "nornos/ingress=true"];
        nodes[format!("nornos-dev-worker-{index}")] = node("agent", &labels, &[]);
    }
    for index in 1..=agents {
        let (labels, taints) = (["nornos/pool=agents"], ["nornos/agents=true:NoSchedule"]);
        nodes[format!("nornos-dev-agent-{index}")] = node("agent", &labels, &taints);
    }
    json!({"first": "nornos-dev-control-1", "servers": servers, "names": names, "nodes": nodes, "joining_seconds": 1.5})
}

#[test]
fn nornos_dev_joins_its_cluster_balances_to_workers_and_keeps_everything_else_to_itself() {
    let Some(mut stage) = Stage::open("nornos/dev", 8) else { return };
    let own = [
        ("TF_VAR_package_upgrade", "false"),
        ("TF_VAR_control_planes", "{count = 3}"),
        ("TF_VAR_agents", "{count = 1}"),
        ("TF_VAR_admin_ips", r#"["100.64.7.7/32"]"#),
        // What Debian 12 has.
        ("TF_VAR_postgres", "{version = 15}"),
    ];
    for (name, value) in own {
        stage.project.set_env(name, value);
    }
    say("left out: the upgrade of all packages; PostgreSQL 15 in the place of 16; k3s is a stand-in");
    let _mirror = Mirror::open(&mut stage, &platform(3, 2, 1));
    stage.apply();
    assert_eq!(stage.machines().len(), 8);

    // Private network: every server has the address that was planned, and reaches the others.
    let servers = stage.output("servers");
    let private = |name: &str| servers[name]["private"].as_str().unwrap().to_owned();
    let names: Vec<String> = servers.as_object().unwrap().keys().cloned().collect();
    let of_role = |role: &str| -> Vec<String> {
        names.iter().filter(|name| servers[name.as_str()]["role"] == role).cloned().collect()
    };
    let workers = of_role("worker");
    assert_eq!(workers.len(), 2, "{servers}");
    for name in &names {
        stage.exec(&workers[0], &["ping", "-c", "1", "-W", "3", &private(name)]).ok();
    }

    // The cluster: installed from the mirror, joined in order, nothing wrong about what it was given.
    let cluster = verdict(&stage, "nornos-dev-control-1");
    assert_eq!(cluster["wrong"], json!([]), "{cluster}");
    let order = ["nornos-dev-control-1", "nornos-dev-control-2", "nornos-dev-control-3"];
    assert_eq!((&cluster["order"], &cluster["members"]), (&json!(order), &json!(order)));
    assert_eq!(cluster["nodes"].as_object().unwrap().len(), 6, "{cluster}");
    let ping = |place: &str, address: &str| {
        let url = format!("https://{address}:6443/ping");
        let words = ["curl", "-sS", "-m", "5", "--cacert", "/etc/rancher/k3s/cluster-ca.pem", &url];
        stage.exec(place, &words).stdout
    };
    // The API's load balancer, and the second control plane's own public address, are names of the certificates.
    soon("the API answers behind its load balancer", || ping(&workers[0], "10.0.3.11") == "pong");
    let public = servers["nornos-dev-control-2"]["ipv4"].as_str().unwrap().to_owned();
    assert_eq!(ping("nornos-dev-control-2", &public), "pong");

    // Databases: for the nodes' subnet, and for nobody else.
    stage.add_host("client", CLIENT);
    for (role, port) in [("postgres", 5432), ("redis", 6379)] {
        let name = &of_role(role)[0];
        stage.only_from(
            &private(name),
            &[port],
            &workers[0],
            &of_role(if role == "redis" { "postgres" } else { "redis" })[0],
        );
        assert!(
            !stage.connects("client", servers[name]["ipv4"].as_str().unwrap(), port),
            "{role} from outside"
        );
    }
    let postgres = &of_role("postgres")[0];
    let query =
        "runuser -u postgres -- psql -tAc \"select count(*) from pg_database where datname = 'nornos'\"";
    assert_eq!(stage.exec(postgres, &["sh", "-c", query]).ok().stdout.trim(), "1");
    let mounted = stage.exec(postgres, &["findmnt", "--noheadings", "--output", "FSTYPE", "/mnt/data"]).ok();
    assert_eq!(mounted.stdout.trim(), "ext4");

    // The load balancer leads to the workers with the client's address, and not to one that has stopped.
    for worker in &workers {
        serve_behind_balancer(&stage, worker);
    }
    let balancer = stage.output("load_balancer")["ipv4"].as_str().unwrap().to_owned();
    let answers = |count: usize| -> Vec<String> {
        let one = |_| stage.exec("client", &["curl", "-sS", "-m", "5", &format!("http://{balancer}/")]);
        (0..count)
            .map(one)
            .filter(|run| run.code() == Some(0))
            .map(|run| run.stdout.trim().to_owned())
            .collect()
    };
    let from = |worker: &String| format!("{worker} for {CLIENT} by 10.0.3.10");
    soon("both workers answer", || workers.iter().all(|worker| answers(4).contains(&from(worker))));
    soon("the API shows both healthy", || healthy(&stage) == 2);

    // From outside nothing else answers: whatever listens on the machines, and something does.
    let addresses: Vec<String> =
        names.iter().map(|name| servers[name]["ipv4"].as_str().unwrap().to_owned()).collect();
    let everything = [addresses.as_slice(), std::slice::from_ref(&balancer)].concat();
    let services = [80, 443].map(|port| format!("{balancer}:{port}"));
    assert_eq!(stage.open_ports("client", &everything), services);
    stage.add_host("administrator", ADMINISTRATOR);
    let open = stage.open_ports("administrator", std::slice::from_ref(&public));
    assert_eq!(open, [format!("{public}:22"), format!("{public}:6443")]);

    stage.exec(&workers[0], &["systemctl", "stop", "test-http-80.service"]).ok();
    let took = soon("the API shows one healthy", || healthy(&stage) == 1);
    say(&format!("a stopped service is taken out after {:.1} s", took.as_secs_f64()));
    assert_eq!(answers(6), [(); 6].map(|()| from(&workers[1])));

    // The program on each node tells how it is.
    let status = stage.exec(&workers[1], &["k3s-node", "status", "--json"]).ok().json();
    assert_eq!(
        status,
        json!({"role": "agent", "version": RELEASE, "state": "active", "address": private(&workers[1])})
    );
    // A machine that starts again is in the cluster again, a control plane too.
    for name in [workers[1].as_str(), "nornos-dev-control-3"] {
        let before = starts(&stage, order[0], name);
        reboot(&stage, name);
        soon("it has joined again", || starts(&stage, order[0], name) > before);
    }
    assert_eq!(verdict(&stage, "nornos-dev-control-1")["wrong"], json!([]));

    stage.destroy();
}

/// A web server on port 80 of a worker, as the ingress is one: it expects the PROXY protocol, and tells its machine, for whom
/// it answers and who sent it.
fn serve_behind_balancer(stage: &Stage, machine: &str) {
    let script = r#"
import socket, socketserver
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(5)
        head = self.request.recv(16, socket.MSG_WAITALL)
        if head[:12] != b"\r\n\r\n\0\r\nQUIT\n":
            return
        rest = self.request.recv(int.from_bytes(head[14:16], "big"), socket.MSG_WAITALL)
        client = socket.inet_ntoa(rest[:4]) if head[12] & 15 == 1 and head[13] >> 4 == 1 else "nobody"
        if not self.request.recv(4096):
            return
        text = f"{socket.gethostname()} for {client} by {self.client_address[0]}\n"
        self.request.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", 80), Handler).serve_forever()
"#;
    let words = ["systemd-run", "--quiet", "--collect", "--unit=test-http-80", "python3", "-c", script];
    stage.exec(machine, &words).ok();
}

/// How many targets of the ingress are healthy on port 80, by the API.
fn healthy(stage: &Stage) -> usize {
    let told = stage.project.cloud().call("GET", "/v1/load_balancers?name=nornos-dev-ingress", &Value::Null);
    let targets = told["load_balancers"][0]["targets"].as_array().unwrap().clone();
    let status = |target: &Value| -> Option<Value> {
        target["health_status"].as_array()?.iter().find(|status| status["listen_port"] == 80).cloned()
    };
    targets.iter().filter_map(status).filter(|status| status["status"] == "healthy").count()
}
