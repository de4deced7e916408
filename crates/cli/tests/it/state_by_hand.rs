//! What people do to a state by hand: `state list`, `state mv`, `state rm`, `taint`, `untaint`.

use std::fs;

use serde_json::Value;

use crate::harness::Project;

const STACK: &str = "resource \"terraform_data\" \"one\" {
  input = \"one\"
}
resource \"terraform_data\" \"two\" {
  count = 3
}
module \"m\" {
  source = \"./m\"
  count  = 2
}
//- m/main.tf
resource \"terraform_data\" \"in\" {}
";

const ALL: [&str; 6] = [
    "terraform_data.one",
    "terraform_data.two[0]",
    "terraform_data.two[1]",
    "terraform_data.two[2]",
    "module.m[0].terraform_data.in",
    "module.m[1].terraform_data.in",
];

/// The stack, applied.
fn applied() -> Project {
    let project = Project::new(&format!("//- main.tf\n{STACK}"));
    project.run("apply -auto-approve").ok();
    project
}

fn state(project: &Project) -> Value {
    serde_json::from_str(&project.read("terraform.tfstate")).unwrap()
}

/// The files of states that were kept with the time in their names.
fn stamped(project: &Project) -> Vec<String> {
    let files = fs::read_dir(project.path("")).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| {
        let time = name.strip_prefix("terraform.tfstate.").and_then(|rest| rest.strip_suffix(".backup"));
        time.is_some_and(|time| time.parse::<u64>().is_ok())
    });
    names
}

#[test]
fn a_list_is_limited_to_what_is_named() {
    let project = applied();
    let one =
        state(&project)["resources"][0]["instances"][0]["attributes"]["id"].as_str().unwrap().to_owned();
    for (options, expected) in [
        ("", &ALL[..]),
        ("terraform_data.two", &ALL[1..4]),
        ("terraform_data.two[1]", &ALL[2..3]),
        ("module.m", &ALL[4..]),
        ("module.m[1]", &ALL[5..]),
        ("module.m[1] terraform_data.one", &[ALL[0], ALL[5]]),
        (&format!("-id={one}"), &ALL[..1]),
        (&format!("-id={one} module.m"), &[]),
    ] {
        assert_eq!(project.addresses(options), expected, "{options}");
    }
    for (address, summary) in [
        ("module.n", "Unknown module"),
        ("module.m[2]", "Unknown module"),
        ("terraform_data.three", "Unknown resource"),
        ("terraform_data.two[3]", "Unknown resource instance"),
        ("two", "Invalid address"),
    ] {
        project.run(&format!("state list terraform_data.one {address}")).one_error(summary);
    }
}

#[test]
fn objects_that_are_moved_or_removed_by_hand_stay_what_they_are() {
    let project = applied();
    let before = state(&project);
    let files = project.state_files();
    let dry = project.run("state mv -dry-run terraform_data.one terraform_data.uno").ok();
    assert_eq!(dry.stdout, "Would move terraform_data.one to terraform_data.uno\n");
    let dry = project.run("state rm -dry-run module.m").ok();
    assert_eq!(dry.stdout, format!("Would remove {}\nWould remove {}\n", ALL[4], ALL[5]));
    project.run("state mv terraform_data.one terraform_data.two[1]").one_error("Invalid target address");
    project.run("state mv terraform_data.nope terraform_data.one").one_error("Invalid source address");
    project.run("state rm terraform_data.nope module.n").one_error("Invalid target address");
    project.run("state rm").code_is(1);
    assert!(project.state_files() == files && stamped(&project).is_empty());

    let moved = project.run("state mv terraform_data.one terraform_data.uno").ok();
    assert_eq!(
        moved.stdout,
        "Move terraform_data.one to terraform_data.uno\nSuccessfully moved 1 object(s).\n"
    );
    let [backup] = &stamped(&project)[..] else { panic!("{:?}", stamped(&project)) };
    assert_eq!(serde_json::from_str::<Value>(&project.read(backup)).unwrap(), before);
    // Configuration that says the same has nothing to do.
    project.configure(&STACK.split_once("//- ").unwrap().0.replace("\"one\" {", "\"uno\" {"));
    project.run("plan -detailed-exitcode").ok();
    let kept = state(&project);
    let removed =
        project.run("state rm -backup=before.json terraform_data.two module.m[0] terraform_data.nope").ok();
    assert!(removed.stdout.contains("Warning: Unknown target address"), "{removed}");
    assert!(
        removed.stdout.contains("Removed terraform_data.two[2]\nRemoved module.m[0].terraform_data.in\n"),
        "{removed}"
    );
    assert!(removed.stdout.ends_with("Successfully removed 4 resource instance(s).\n"), "{removed}");
    assert_eq!(project.addresses(""), ["terraform_data.uno", "module.m[1].terraform_data.in"]);
    assert_eq!(serde_json::from_str::<Value>(&project.read("before.json")).unwrap(), kept);
    assert_eq!(stamped(&project).len(), 1);
    let plan = project.run("plan -detailed-exitcode").code_is(2);
    assert!(plan.stdout.contains("Plan: 4 to add, 0 to change, 0 to destroy."), "{plan}");
}

/// A block that cannot be read may be the one that says where the state is.
#[test]
fn nothing_is_done_by_hand_while_it_is_not_certain_where_the_state_is() {
    let project = applied();
    let files = project.state_files();
    let broken = STACK.split_once("//- ").unwrap().0.replacen("{", "{{", 1);
    project.configure(&broken);
    for line in [
        "state rm terraform_data.one",
        "state mv terraform_data.one terraform_data.uno",
        "taint terraform_data.one",
        "state list",
        "workspace new dev",
    ] {
        let run = project.run(line).code_is(1);
        assert!(run.stderr.contains("main.tf line 1"), "{run}");
    }
    assert!(project.state_files() == files && !project.path("terraform.tfstate.d").exists());
    // Named, or without any configuration, it is where it is.
    assert_eq!(project.addresses("-state=terraform.tfstate"), ALL);
    fs::remove_file(project.path("main.tf")).unwrap();
    assert_eq!(project.addresses(""), ALL);
}

#[test]
fn an_object_that_is_tainted_is_replaced_and_one_that_is_not_any_more_stays() {
    let project = applied();
    project.run("untaint terraform_data.two[1]").one_error("Resource instance is not tainted");
    for (address, summary) in [
        ("terraform_data.two", "No such resource instance"),
        ("terraform_data.nope", "No such resource instance"),
        ("data.a.b", "Invalid address"),
        ("module.m", "Invalid address"),
    ] {
        project.run(&format!("taint {address}")).one_error(summary);
    }
    let missing = project.run("taint -allow-missing terraform_data.nope").ok();
    assert!(missing.stdout.contains("Warning: No such resource instance"), "{missing}");
    let tainted = project.run("taint terraform_data.two[1]").ok();
    assert_eq!(tainted.stdout, "Resource instance terraform_data.two[1] has been marked as tainted.\n");
    let plan = project.run("plan -detailed-exitcode").code_is(2);
    assert!(plan.stdout.contains("# terraform_data.two[1] is tainted, so must be replaced"), "{plan}");
    let untainted = project.run("untaint terraform_data.two[1]").ok();
    assert_eq!(
        untainted.stdout,
        "Resource instance terraform_data.two[1] has been successfully untainted.\n"
    );
    project.run("plan -detailed-exitcode").ok();
}
