//! `new`: a project of one's own that stands by itself and plans at once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::harness::{PROGRAM, PUBLIC_KEY, Project, Run, Running, has_oracle};

/// Runs the program in a folder below the project.
fn run_in(project: &Project, folder: &str, args: &[&str]) -> Run {
    let mut command = Command::new(PROGRAM);
    command.arg(format!("-chdir={folder}")).args(args);
    project.prepare(&mut command);
    Running::start(command).wait()
}

/// Ends the local cloud of a folder when the test does.
struct Cloud<'p>(&'p Project, &'p str);

impl Drop for Cloud<'_> {
    fn drop(&mut self) {
        let run = run_in(self.0, self.1, &["cloud", "reset"]);
        assert!(run.code() == Some(0) || std::thread::panicking(), "{run}");
    }
}

/// Makes a project.
fn new(project: &Project, args: &[&str]) -> Run {
    let mut command = Command::new(PROGRAM);
    command.arg("new").args(args);
    project.prepare(&mut command);
    Running::start(command).wait()
}

/// Every file below a folder with its mode.
fn files(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            found.insert(path, mode);
        }
    }
    found
}

#[track_caller]
fn check(stack: &str, options: &[&str], environments: &[&str]) {
    let project = Project::new("");
    let mut args = vec![stack, "shop", "-ssh-key", PUBLIC_KEY];
    args.extend(options);
    let run = new(&project, &args).ok();
    assert!(!run.stdout.contains("Still to be said"), "{run}");
    let root = project.path("shop");
    // The whole repository's layout is gone: nothing leads out of the project.
    for (path, mode) in files(&root) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let expected = if name == "terraform.tfvars" { 0o600 } else { mode & 0o755 };
        assert_eq!(mode, expected, "{}", path.display());
        assert_eq!(mode & 0o100 != 0, starts_like_a_program(&path) && mode != 0o644, "{}", path.display());
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        if name.ends_with(".tf") {
            assert!(!text.contains("../../.."), "{}", path.display());
        }
        // What is done with this repository is no advice for somebody else's.
        for only_here in ["cargo xtask", "cargo run", "cargo test", ".ci/run"] {
            assert!(!text.contains(only_here), "{}: {only_here}", path.display());
        }
        assert!(!name.contains("tfstate") && name != "terraform.tfstate.backup", "{}", path.display());
    }
    assert_eq!(fs::read_dir(project.path(".")).unwrap().count(), 1, "something lies beside the project");
    if has_oracle("terraform") {
        let mut fmt = Command::new("terraform");
        fmt.args(["fmt", "-check", "-diff", "-recursive", "shop"]);
        project.prepare(&mut fmt);
        Running::start(fmt).wait().ok();
    }
    for environment in environments {
        let folder = if environment.is_empty() {
            "shop".to_owned()
        } else {
            format!("shop/environments/{environment}")
        };
        let _cloud = Cloud(&project, &folder);
        let plan = run_in(&project, &folder, &["plan", "-local", "-time-scale=0"]).ok();
        assert!(plan.stdout.contains("Plan: "), "{plan}");
        let values = fs::read_to_string(project.path(&folder).join("terraform.tfvars")).unwrap();
        assert!(values.contains(PUBLIC_KEY), "{values}");
        assert!(!values.contains("hcloud_token"), "{values}");
        run_in(&project, &folder, &["cost"]).ok();
    }
    let listed = run_in(&project, "shop", &["validate"]);
    assert_eq!(listed.code() == Some(0), environments == [""], "{listed}");
}

fn starts_like_a_program(path: &Path) -> bool {
    fs::read(path).unwrap().starts_with(b"#!")
}

#[test]
fn a_platform_of_ones_own_plans_at_once_in_every_environment() {
    check("nornos", &["-location", "hel1", "-size", "workers=medium"], &["dev", "staging", "production"]);
}

#[test]
fn a_host_of_ones_own_plans_at_once_in_every_environment() {
    check("consult", &["-admin", "203.0.113.7"], &["dev", "prod"]);
}

#[test]
fn a_host_in_another_location_gets_a_type_that_is_offered_there() {
    check("consult", &["-location", "nbg1", "-admin", "2001:db8::/48"], &["dev", "prod"]);
}

#[test]
fn a_minimal_project_plans_at_once_and_applies() {
    check("empty", &[], &[""]);
    let project = Project::new("");
    new(&project, &["empty", "shop", "-name", "corner"]).ok();
    let _cloud = Cloud(&project, "shop");
    run_in(&project, "shop", &["apply", "-local", "-time-scale=0", "-auto-approve"]).ok();
    run_in(&project, "shop", &["plan", "-local", "-time-scale=0", "-detailed-exitcode"]).ok();
    let contract = run_in(&project, "shop", &["output", "-local", "-json", "ferroform"]).ok().json();
    let server = &contract["servers"]["corner"];
    assert!(server["host_key"].as_str().unwrap().starts_with("ssh-ed25519 "), "{server}");
    assert!(contract["ssh"]["private_key"].as_str().unwrap().contains("PRIVATE KEY"));
}

#[test]
fn what_is_in_the_way_is_named_and_stays() {
    let project = Project::new("");
    project.write("full/z.tf", "");
    project.write("full/.git/config", "");
    project.write("a-file", "");
    let before = files(&project.path("."));
    new(&project, &["empty", "full"]).one_error("Directory is not empty").tells(&[".git, z.tf"]);
    new(&project, &["empty", "a-file"]).one_error("Directory is not empty").tells(&["no directory"]);
    new(&project, &["empty", "a-file/x"]).code_is(1);
    for n in 0..9 {
        project.write(format!("many/{n}"), "");
    }
    new(&project, &["nornos", "many"])
        .one_error("Directory is not empty")
        .tells(&["0, 1, 2, 3, 4 and 4 more"]);
    for n in 0..9 {
        fs::remove_file(project.path(format!("many/{n}"))).unwrap();
    }
    assert_eq!(files(&project.path(".")), before);
}

#[test]
fn an_empty_directory_is_filled_even_from_inside() {
    let project = Project::new("");
    fs::create_dir(project.path("shop")).unwrap();
    new(&project, &["consult", "shop"]).ok();
    assert!(project.path("shop/environments/dev/main.tf").is_file());
    new(&project, &["empty", "deep/er/down"]).ok();
    assert!(project.path("deep/er/down/main.tf").is_file());
    let here = Project::new("");
    new(&here, &["empty", "."]).ok();
    assert!(here.path("main.tf").is_file());
    assert_eq!(here.read(".gitignore").lines().filter(|line| *line == "*.tfvars").count(), 1);
}

#[test]
fn what_is_still_to_be_said_is_told() {
    let project = Project::new("");
    let run = new(&project, &["nornos", "shop"]).ok();
    assert!(run.stdout.contains("  environments/production: ssh_public_key\n"), "{run}");
    assert!(!run.stdout.contains("environments/dev:"), "{run}");
    // The name is that of the directory, and begins every other name.
    assert!(project.read("shop/environments/dev/terraform.tfvars").ends_with("\n\nname = \"shop\"\n"));
    let json = new(&project, &["consult", "other", "-json", "-name", "desk"]).ok().json();
    assert_eq!(json["name"], "desk");
    assert_eq!(
        json["environments"][1],
        json!({"directory": "environments/prod", "has_values": true, "missing": ["ssh_public_key", "admin_ssh_ips"]})
    );
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_made() {
    let project = Project::new("");
    project.write("id", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n");
    for (options, why) in [
        (&["nornos", "x", "-name", "Not A Name"][..], "no name for a project"),
        (&["nornos", "x", "-location", "mars"], "fsn1 (Falkenstein)"),
        (&["nornos", "x", "-admin", "everybody"], "no address and no range"),
        (&["nornos", "x", "-size", "workers"], "equals sign"),
        (&["nornos", "x", "-size", "nobody=small"], "The size of nobody"),
        (&["nornos", "x", "-server-type", "cx23"], "The server type cx23"),
        (&["consult", "x", "-server-type", "cx22"], "its successor is cx23"),
        (&["consult", "x", "-server-type", "cx23", "-location", "hil"], "cheapest first"),
        (&["consult", "x", "-ssh-key", "id"], "private key"),
        (&["consult", "x", "-ssh-key", "nowhere"], "nowhere cannot be read"),
        (&["empty", "x", "-var", "hcloud_token=secret"], "HCLOUD_TOKEN"),
        (&["empty", "x", "-var", "nosuch=1"], "The variable nosuch"),
        (&["something", "x"], "possible values"),
    ] {
        let run = new(&project, options).code_is(1);
        let text = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(why), "{options:?}: {run}");
        assert!(!run.stderr.contains("secret"), "{run}");
        assert!(!project.path("x").exists(), "{options:?}");
    }
}
