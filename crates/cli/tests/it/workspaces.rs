//! Several states of one configuration, as Terraform has them: selected by `workspace` or `TF_WORKSPACE`.

use std::process::{Command, Output};

use crate::harness::{Project, has_oracle};

const STACK: &str = "resource \"terraform_data\" \"one\" {\n  input = terraform.workspace\n}\n";

/// What is done one after the other: the command, its exit code, and what both programs have of it: the selected workspace and
/// the workspaces that there are then.
const STEPS: [(&str, i32, &str, &[&str]); 24] = [
    ("workspace list", 0, "default", &["default"]),
    ("workspace new dev", 0, "dev", &["default", "dev"]),
    ("workspace new dev", 1, "dev", &["default", "dev"]),
    ("workspace select nope", 1, "dev", &["default", "dev"]),
    ("workspace select -or-create prod", 0, "prod", &["default", "dev", "prod"]),
    ("apply -auto-approve", 0, "prod", &["default", "dev", "prod"]),
    ("workspace delete prod", 1, "prod", &["default", "dev", "prod"]),
    ("workspace select default", 0, "default", &["default", "dev", "prod"]),
    ("workspace select default", 0, "default", &["default", "dev", "prod"]),
    ("workspace delete prod", 1, "default", &["default", "dev", "prod"]),
    (
        "workspace new -state=terraform.tfstate.d/prod/terraform.tfstate copy",
        0,
        "copy",
        &["default", "copy", "dev", "prod"],
    ),
    ("plan -detailed-exitcode", 2, "copy", &["default", "copy", "dev", "prod"]),
    ("workspace select prod", 0, "prod", &["default", "copy", "dev", "prod"]),
    ("plan -detailed-exitcode", 0, "prod", &["default", "copy", "dev", "prod"]),
    ("workspace delete -force copy", 0, "prod", &["default", "dev", "prod"]),
    ("workspace select dev", 0, "dev", &["default", "dev", "prod"]),
    ("workspace delete -force prod", 0, "dev", &["default", "dev"]),
    ("workspace delete default", 1, "dev", &["default", "dev"]),
    ("workspace delete nope", 1, "dev", &["default", "dev"]),
    ("workspace new a/b", 1, "dev", &["default", "dev"]),
    ("workspace new -state=nowhere there", 1, "dev", &["default", "dev"]),
    ("workspace select", 1, "dev", &["default", "dev"]),
    ("workspace select default", 0, "default", &["default", "dev"]),
    ("workspace delete dev", 0, "default", &["default"]),
];

/// Where Terraform goes on after a mistake: it creates and selects a workspace before it looks for its state.
const THEIRS: &str = "workspace new -state=nowhere there";

/// Takes every step with a program, which runs in a directory with the stack.
fn take_steps(run: impl Fn(&str) -> Output, skip: &[&str]) {
    for (line, code, selected, names) in STEPS.into_iter().filter(|(line, ..)| !skip.contains(line)) {
        let output = run(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        let shown = String::from_utf8(run("workspace show").stdout).unwrap();
        assert_eq!(shown, format!("{selected}\n"), "{line}");
        let listed = String::from_utf8(run("workspace list").stdout).unwrap();
        let line_of = |name: &&str| format!("{} {name}\n", if *name == selected { '*' } else { ' ' });
        assert_eq!(listed, format!("{}\n", names.iter().map(line_of).collect::<String>()), "{line}");
    }
}

fn terraform(project: &Project, line: &str) -> Output {
    let mut command = Command::new("terraform");
    project.prepare(&mut command);
    command.args(line.split(' ')).output().unwrap()
}

#[test]
fn workspaces_come_and_go_as_with_terraform() {
    let project = Project::new(STACK);
    take_steps(|line| project.command(line).output().unwrap(), &[]);
    assert!(!project.path("terraform.tfstate").exists());
    if has_oracle("terraform") {
        let project = Project::new(STACK);
        assert!(terraform(&project, "init").status.success());
        take_steps(|line| terraform(&project, line), &[THEIRS]);
    }
}

#[test]
fn what_terraform_selected_is_worked_in_and_the_other_way_round() {
    if !has_oracle("terraform") {
        return;
    }
    let project = Project::new(STACK);
    for line in
        ["init", "workspace new dev", "apply -auto-approve", "workspace new empty", "workspace select dev"]
    {
        assert!(terraform(&project, line).status.success(), "{line}");
    }
    project.run("plan -detailed-exitcode").ok();
    assert_eq!(project.addresses(""), ["terraform_data.one"]);
    project.run("workspace select empty").ok();
    assert!(terraform(&project, "plan -detailed-exitcode").status.code() == Some(2));
    project.run("apply -auto-approve").ok();
    assert!(terraform(&project, "plan -detailed-exitcode").status.success());
}

#[test]
fn the_environment_chooses_the_workspace_and_names_no_other_place() {
    let mut project = Project::new(STACK);
    project.run("workspace new dev").ok();
    project.set_env("TF_WORKSPACE", "prod");
    project.run("apply -auto-approve").ok();
    assert!(project.path("terraform.tfstate.d/prod/terraform.tfstate").exists());
    let listed = project.run("workspace list").ok();
    assert!(listed.stdout.starts_with("  default\n  dev\n* prod\n"), "{listed}");
    project.run("workspace select dev").one_error("Workspace is overridden");
    project.run("workspace new other").one_error("Workspace is overridden");
    for name in ["../elsewhere", "a/b", "..", "a b"] {
        project.set_env("TF_WORKSPACE", name);
        for line in ["plan", "apply -auto-approve", "workspace show", "state list"] {
            project.run(line).one_error("Invalid workspace name");
        }
    }
    assert!(!project.path("../elsewhere").exists());
}

/// Without a state in either, nothing else would tell the two apart.
#[test]
fn a_saved_plan_is_applied_in_its_workspace_only() {
    let project = Project::new(STACK);
    project.run("workspace new dev").ok();
    project.run("plan -out=saved").ok();
    project.run("workspace new prod").ok();
    project.run("apply saved").one_error("Saved plan is of another workspace").tells(&["TF_WORKSPACE=dev"]);
    assert!(!project.path("terraform.tfstate.d/prod/terraform.tfstate").exists());
    project.run_with("apply saved", "TF_WORKSPACE", "dev").ok();
    assert!(project.path("terraform.tfstate.d/dev/terraform.tfstate").exists());
}

#[test]
fn local_runs_have_workspaces_of_their_own() {
    let project = Project::new(STACK);
    project.run("workspace new real").ok();
    assert_eq!(project.run("workspace show -local").ok().stdout, "real\n");
    project.run("workspace new -local try").ok();
    assert_eq!(project.run("workspace show").ok().stdout, "real\n");
    assert_eq!(project.run("workspace list -local").ok().stdout, "  default\n* try\n\n");
    project.run("apply -local -auto-approve").ok();
    assert!(project.path(".terraform/local/terraform.tfstate.d/try/terraform.tfstate").exists());
    assert!(!project.path("terraform.tfstate.d/try").exists());
    project.run("workspace select -local default").ok();
    project
        .run("workspace delete -local try")
        .one_error("Workspace is not empty")
        .tells(&["terraform_data.one"]);
    project.run("plan -local -detailed-exitcode").code_is(2);
}

#[test]
fn a_directory_for_the_states_of_workspaces_is_used() {
    let backend = "terraform {\n  backend \"local\" {\n    path          = \"main.json\"\n    workspace_dir = \"states\"\n  }\n}\n";
    let project = Project::new(&format!("{backend}{STACK}"));
    project.run("apply -auto-approve").ok();
    project.run("workspace new dev").ok();
    project.run("apply -auto-approve").ok();
    assert!(project.path("main.json").exists() && project.path("states/dev/terraform.tfstate").exists());
    if has_oracle("terraform") {
        let project = Project::new(&format!("{backend}{STACK}"));
        for line in ["init", "workspace new dev", "apply -auto-approve"] {
            assert!(terraform(&project, line).status.success(), "{line}");
        }
        assert!(project.path("states/dev/terraform.tfstate").exists());
    }
}
