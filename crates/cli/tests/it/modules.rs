//! The repository's modules on the plain local cloud: each one's example from nothing and back, and what they refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{PUBLIC_KEY, Project};
use crate::world::counts;

/// What there is after the example of a module has been applied: kinds of objects in the cloud, and how many.
type There = &'static [(&'static str, usize)];

const EXAMPLES: &[(&str, There)] = &[
    ("backup-target", &[]),
    ("docker-host", &[("firewalls", 1), ("primary_ips", 2), ("servers", 1), ("ssh_keys", 1), ("volumes", 1)]),
    ("firewall-cloudflare", &[("firewalls", 1)]),
    (
        "k3s-cluster",
        &[
            ("firewalls", 1),
            ("load_balancers", 2),
            ("networks", 1),
            ("placement_groups", 2),
            ("primary_ips", 10),
            ("servers", 5),
            ("ssh_keys", 1),
        ],
    ),
    ("load-balancer", &[("load_balancers", 1), ("networks", 1), ("primary_ips", 4), ("servers", 2)]),
    (
        "nat-gateway",
        &[("firewalls", 1), ("networks", 1), ("primary_ips", 2), ("servers", 2), ("ssh_keys", 1)],
    ),
    ("network", &[("networks", 1)]),
    ("object-storage", &[("buckets", 3)]),
    (
        "postgres",
        &[
            ("firewalls", 1),
            ("networks", 1),
            ("primary_ips", 2),
            ("servers", 1),
            ("ssh_keys", 1),
            ("volumes", 1),
        ],
    ),
    ("redis", &[("firewalls", 1), ("networks", 1), ("primary_ips", 2), ("servers", 1), ("ssh_keys", 1)]),
];

/// Where the example of a module is; None for one that makes nothing by itself and is part of others.
fn example(module: &str) -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../modules");
    let place = Path::new(module).join("example");
    modules.join(&place).is_dir().then(|| Path::new("modules").join(place))
}

/// A copy of a module's example, with what examples ask for.
fn example_of(module: &str) -> Project {
    let mut project = Project::repository_folder(&example(module).unwrap());
    for (name, value) in
        [("ssh_public_key", PUBLIC_KEY), ("access_key", "an-access-key"), ("secret_key", "a-secret")]
    {
        project.set_env(&format!("TF_VAR_{name}"), value);
    }
    project
}

#[test]
fn every_module_with_an_example_is_listed_here() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../modules");
    let names = fs::read_dir(modules).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let with_example: BTreeSet<String> = names.filter(|name| example(name).is_some()).collect();
    assert_eq!(with_example, EXAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect());
}

#[test]
fn examples_from_nothing_and_back() {
    for (module, there) in EXAMPLES {
        let project = example_of(module);
        project.run("apply -local -time-scale=0 -auto-approve").ok();
        let expected: BTreeMap<String, usize> =
            there.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        if !there.is_empty() {
            assert_eq!(counts(&project.cloud().objects()), expected, "{module}");
        }
        project.run("plan -local -detailed-exitcode").ok();
        project.run("destroy -local -auto-approve").ok();
        if !there.is_empty() {
            assert_eq!(counts(&project.cloud().objects()), BTreeMap::new(), "{module}: destroyed");
        }
    }
}

/// An example with something else in the place of a part of it: refused while planning, with these words.
#[track_caller]
fn check_refused(module: &str, from: &str, to: &str, words: &str) {
    let project =
        Project::repository_folder(&example(module).unwrap()).env("TF_VAR_ssh_public_key", PUBLIC_KEY);
    let text = project.read("main.tf");
    assert!(text.contains(from), "the example of {module} has {from:?} no more");
    project.write("main.tf", text.replacen(from, to, 1));
    let run = project.run("plan -local -time-scale=0").code_is(1);
    // Lines of an explanation are broken at the width of the terminal.
    let said: Vec<&str> = run.stderr.split_whitespace().collect();
    assert!(said.join(" ").contains(words), "{module} with {to:?}: {run}");
}

#[test]
fn a_cluster_has_an_odd_number_of_control_planes() {
    check_refused("k3s-cluster", "{ count = 3,", "{ count = 2,", "etcd needs an odd number");
    check_refused("k3s-cluster", "{ count = 3,", "{ count = 0,", "etcd needs an odd number");
}

#[test]
fn a_cluster_of_several_control_planes_has_an_address_for_its_api() {
    let line = "    api_address   = \"10.0.3.11\"\n";
    check_refused("k3s-cluster", line, "", "set network.api_address and network.api_subnet_id");
}

#[test]
fn pools_do_not_meet_and_one_has_the_ingress() {
    check_refused("k3s-cluster", "first_host = 20", "first_host = 12", "Two pools meet");
    check_refused("k3s-cluster", "ingress = true }", "ingress = false }", "ingress = true");
    check_refused("k3s-cluster", "worker = {", "control = {", "not \"control\"");
    check_refused("k3s-cluster", "count = 2,", "count = 91,", "0 to 90 machines");
}

#[test]
fn a_release_of_k3s_is_pinned_by_its_checksum() {
    let name = "  name                  = \"shop\"\n";
    let of = |line: &str| format!("{name}  {line}\n");
    let unknown = of("k3s_version = \"v1.99.1+k3s1\"");
    check_refused("k3s-cluster", name, &unknown, "set k3s_sha256 to what sha256sum-amd64.txt");
    check_refused("k3s-cluster", name, &of("k3s_version = \"1.36\""), "is written like v1.36.4+k3s1");
    check_refused("k3s-cluster", name, &of("k3s_sha256 = \"abc\""), "64 hexadecimal digits");
    check_refused("k3s-cluster", name, &of("k3s_mirror = \"https://mirror/\""), "without a slash at its end");
    check_refused(
        "k3s-cluster",
        name,
        &of("manifests = { \"../x\" = \"\" }"),
        "file name that ends in .yaml",
    );
}

#[test]
fn a_load_balancer_stays_within_what_its_type_takes() {
    let few = "{ for key, server in hcloud_server.web : key => server.id }";
    let many = "{ for index in range(26) : \"target-${index}\" => hcloud_server.web[\"1\"].id }";
    check_refused("load-balancer", few, many, "takes 25 targets, and there are 26");
    let one = "{ http = { listen_port = 80 } }";
    let six = "{ for port in range(80, 86) : \"port-${port}\" => { listen_port = port } }";
    check_refused("load-balancer", one, six, "takes 5 services, and there are 6");
    let twice = "{ a = { listen_port = 80 }, b = { listen_port = 80 } }";
    check_refused("load-balancer", one, twice, "listens at a port of its own");
    let slow = "{ http = { listen_port = 80, health_check = { timeout = 20 } } }";
    check_refused("load-balancer", one, slow, "not longer than its interval");
}

#[test]
fn subnets_lie_in_their_network_which_is_a_private_one() {
    let servers = "servers = \"10.0.1.0/24\"";
    check_refused("network", servers, "servers = \"10.1.0.0/24\"", "within the network's range 10.0.0.0/16");
    check_refused("network", servers, "servers = \"10.0.1.7/24\"", "written by its first address");
    check_refused("network", "\"10.0.0.0/16\"", "\"8.0.0.0/16\"", "private addresses only");
}

#[test]
fn administrators_come_from_ranges() {
    check_refused("nat-gateway", "203.0.113.7/32", "203.0.113.7/24", "written by its first address");
    let none = "default     = []";
    check_refused("k3s-cluster", none, "default     = [\"203.0.113.7\"]", "written by its first address");
}
