//! The modules of databases on the plain local cloud: their examples tell commands how to find them; what follows from a
//! server type is what the README says; what cannot be right is refused with its reason.

use serde_json::{Value, json};

use crate::harness::{PUBLIC_KEY, Project, Run};
use crate::world::counts;

/// Applies `example` of a module with some variables, and expects these objects and these parts of outputs.
#[track_caller]
fn check_example(module: &str, variables: Value, objects: &[(&str, usize)], outputs: Value) {
    let project = Project::beside_modules("").at(&format!("modules/{module}/example"));
    project.write("terraform.tfvars.json", variables.to_string());
    project.run("apply -local -time-scale=0 -auto-approve").ok();
    let expected = objects.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    assert_eq!(counts_of(&project), expected, "{module}");
    project.run("plan -local -time-scale=0 -detailed-exitcode").ok();
    let told = project.run("output -local -json").ok().json();
    for (name, value) in outputs.as_object().unwrap() {
        assert_includes(&told[name]["value"], value, &format!("{module}: {name}"));
    }
    project.run("destroy -local -auto-approve").ok();
    assert_eq!(counts_of(&project), [].into(), "{module}: destroyed");
}

fn counts_of(project: &Project) -> std::collections::BTreeMap<String, usize> {
    counts(&project.cloud().objects())
}

/// Every attribute that is expected is there; others may be too.
#[track_caller]
fn assert_includes(told: &Value, expected: &Value, place: &str) {
    match expected {
        Value::Object(attributes) => {
            for (name, value) in attributes {
                assert_includes(&told[name], value, &format!("{place}.{name}"));
            }
        }
        _ => assert_eq!(told, expected, "{place}"),
    }
}

#[test]
fn postgres_example() {
    let contract = json!({
        "version": 1,
        "servers": { "shop-postgres": {
            "role": "postgres", "private": "10.0.2.10", "user": "root", "via": null,
        } },
        "postgres": {
            "server": "shop-postgres", "database": "shop", "owner": "shop_admin", "program": "/usr/local/sbin/pg-backup",
        },
    });
    check_example(
        "postgres",
        json!({ "ssh_public_key": PUBLIC_KEY }),
        &[
            ("servers", 1),
            ("volumes", 1),
            ("primary_ips", 2),
            ("networks", 1),
            ("firewalls", 1),
            ("ssh_keys", 1),
        ],
        json!({ "ferroform": contract, "settings": { "shared_buffers": "1024MB", "max_wal_size": "1024MB" } }),
    );
}

#[test]
fn redis_example() {
    let contract = json!({
        "servers": { "shop-redis": { "role": "redis", "private": "10.0.2.20", "user": "root" } },
        "redis": { "server": "shop-redis", "program": null },
    });
    check_example(
        "redis",
        json!({ "ssh_public_key": PUBLIC_KEY }),
        &[("servers", 1), ("primary_ips", 2), ("networks", 1), ("firewalls", 1), ("ssh_keys", 1)],
        json!({ "ferroform": contract, "settings": { "maxmemory": "2150mb", "io-threads": "1" } }),
    );
}

#[test]
fn backup_target_example() {
    check_example(
        "backup-target",
        json!({ "access_key": "AKIDEXAMPLE", "secret_key": "example-of-a-secret" }),
        &[],
        json!({ "lifecycle": { "prefix": "example/machine/", "expiration_days": 30 } }),
    );
}

/// What both databases need besides what a test is about.
fn database(module: &str, arguments: Value) -> Value {
    let mut all = json!({
        "source": format!("../modules/{module}"),
        "name": "db", "stack": "clinic", "location": "fsn1", "server_type": "cx23",
        "subnet": { "id": "1-10.0.2.0/24", "cidr": "10.0.2.0/24" }, "address": "10.0.2.10",
        "client_cidr": "10.0.1.0/24", "admin_cidr": "10.0.0.0/16", "firewall_ids": [], "ssh_key_ids": [],
    });
    if module == "postgres" {
        all["volume_size"] = 100.into();
    }
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    all
}

/// Plans a configuration of one module.
fn plan(module: &Value) -> Run {
    let project = Project::beside_modules("");
    let output = if module["source"] == "../modules/backup-target" { "lifecycle" } else { "settings" };
    let configuration = json!({
        "terraform": { "required_providers": { "hcloud": { "source": "hetznercloud/hcloud" } } },
        "module": { "it": module },
        "output": { "told": { "value": format!("${{module.it.{output}}}") } },
    });
    project.write("main.tf.json", configuration.to_string());
    project.run("plan -local -time-scale=0")
}

/// A text without the breaks and the alignment of its lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().flat_map(|word| [word, " "]).collect()
}

/// Computed by hand from the README's tables: memory in GB of the type, and what follows.
#[test]
fn settings_follow_from_the_server_type() {
    let postgres = [
        (
            "ash",
            "cpx11",
            json!({ "shared_buffers": "512MB", "effective_cache_size": "1536MB", "max_connections": "50",
            "work_mem": "10485kB", "maintenance_work_mem": "128MB", "autovacuum_work_mem": "85MB",
            "max_parallel_workers": "2", "max_wal_size": "5120MB", "min_wal_size": "1280MB" }),
        ),
        (
            "fsn1",
            "cx33",
            json!({ "shared_buffers": "2048MB", "max_connections": "200", "work_mem": "10485kB",
            "maintenance_work_mem": "512MB", "max_parallel_workers": "4", "max_parallel_workers_per_gather": "2" }),
        ),
        (
            "fsn1",
            "cx53",
            json!({ "shared_buffers": "8192MB", "effective_cache_size": "24576MB", "max_connections": "400",
            "work_mem": "20971kB", "maintenance_work_mem": "2048MB", "autovacuum_work_mem": "1024MB",
            "max_parallel_workers": "16", "max_parallel_workers_per_gather": "4", "max_worker_processes": "20" }),
        ),
    ];
    let redis = [
        ("ash", "cpx11", json!({ "maxmemory": "921mb", "io-threads": "1", "io-threads-do-reads": "no" })),
        (
            "fsn1",
            "cx43",
            json!({ "maxmemory": "9523mb", "io-threads": "4", "maxmemory-policy": "noeviction" }),
        ),
    ];
    let rows = postgres.map(|row| ("postgres", row)).into_iter().chain(redis.map(|row| ("redis", row)));
    for (module, (location, server_type, expected)) in rows {
        let run = plan(&database(module, json!({ "location": location, "server_type": server_type }))).ok();
        let told = unwrapped(&run.stdout);
        for (name, value) in expected.as_object().unwrap() {
            assert!(
                told.contains(&format!("{name} = {value} ")),
                "{module} on {server_type}: no {name} = {value}: {run}"
            );
        }
    }
}

#[test]
fn what_cannot_be_right_is_refused_with_its_reason() {
    let target = |arguments: Value| {
        let mut all = json!({
            "source": "../modules/backup-target", "region": "fsn1", "bucket": "backups", "prefix": "clinic",
            "directory": "/etc/clinic", "access_key": "AKIDEXAMPLE", "secret_key": "example-of-a-secret",
        });
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        all
    };
    let rows = [
        (database("postgres", json!({ "volume_size": 5 })), "10 to 10240 GB"),
        (database("postgres", json!({ "owner": "postgres" })), "neither PostgreSQL's own"),
        (database("postgres", json!({ "database": "Nornos" })), "lower-case letters"),
        (database("postgres", json!({ "postgres_version": 14 })), "from 15 on"),
        (database("postgres", json!({ "client_cidr": "0.0.0.0/0" })), "is not the whole internet"),
        (database("postgres", json!({ "address": "10.0.3.10" })), "is not in the subnet"),
        (database("postgres", json!({ "slow_query_ms": 0 })), "100 milliseconds"),
        (database("postgres", json!({ "backup": { "schedule": "*-*-* 03:00:00" } })), "ends with a zone"),
        (database("postgres", json!({ "backup": { "keep_days": 0 } })), "1 to 366 days"),
        (database("redis", json!({ "user": "default" })), "none of admin, default and exporter"),
        (database("redis", json!({ "maxmemory_policy": "drop" })), "The policy is noeviction"),
        (target(json!({ "endpoint": "http://objects.example" })), "https URL without a path"),
        (target(json!({ "region": "us-east-1" })), "For another service set endpoint"),
        (target(json!({ "bucket": "Backups" })), "3 to 63 lower-case letters"),
        (target(json!({ "secret_key": "with a \"quote\"" })), "A secret key has"),
        (target(json!({ "keep_days": 1 })), "at least 7 days"),
    ];
    for (module, reason) in rows {
        let run = plan(&module).code_is(1);
        assert!(unwrapped(&run.stderr).contains(reason), "no {reason:?} for {module}: {run}");
    }
}
