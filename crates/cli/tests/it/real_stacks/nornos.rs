//! A cluster, its databases and its load balancer: seven servers.

use serde_json::Value;

use super::{Stage, soon};
use crate::harness::say;

const CLIENT: &str = "45.33.32.156";

#[test]
fn nornos_dev_balances_to_workers_and_keeps_its_databases_to_itself() {
    let Some(mut stage) = Stage::open("nornos/dev") else { return };
    stage.project.set_env("TF_VAR_package_upgrade", "false");
    stage.project.set_env("TF_VAR_k3s", "{install = false}");
    // What Debian 12 has.
    stage.project.set_env("TF_VAR_postgres", "{version = 15}");
    say("left out: k3s, the upgrade of all packages; PostgreSQL 15 in the place of 16");
    stage.apply();
    assert_eq!(stage.machines().len(), 7);

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

    // Databases: for the nodes' subnet, and for nobody else.
    stage.add_host("client", CLIENT);
    for (role, port) in [("postgres", 5432), ("redis", 6379)] {
        let name = &of_role(role)[0];
        stage.only_from(
            &private(name),
            port,
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

    // The load balancer leads to the workers, and not to one that has stopped.
    for worker in &workers {
        stage.serve_http(worker, 80);
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
    soon("both workers answer", || workers.iter().all(|worker| answers(4).contains(worker)));
    soon("the API shows both healthy", || healthy(&stage) == 2);
    assert!(
        !stage.connects("client", servers[&workers[0]]["ipv4"].as_str().unwrap(), 80),
        "a worker from outside"
    );
    stage.exec(&workers[0], &["systemctl", "stop", "test-http-80.service"]).ok();
    let took = soon("the API shows one healthy", || healthy(&stage) == 1);
    say(&format!("a stopped service is taken out after {:.1} s", took.as_secs_f64()));
    assert_eq!(answers(6), [workers[1].as_str(); 6]);

    stage.destroy();
}

/// How many targets of the load balancer are healthy on port 80, by the API.
fn healthy(stage: &Stage) -> usize {
    let told = stage.project.cloud().call("GET", "/v1/load_balancers", &Value::Null);
    let targets = told["load_balancers"][0]["targets"].as_array().unwrap().clone();
    let status = |target: &Value| -> Option<Value> {
        target["health_status"].as_array()?.iter().find(|status| status["listen_port"] == 80).cloned()
    };
    targets.iter().filter_map(status).filter(|status| status["status"] == "healthy").count()
}
