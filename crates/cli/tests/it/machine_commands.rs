//! What the commands about machines say where there are none.

use crate::harness::Project;

const EMPTY: &str = r#"
output "one" { value = 1 }
"#;

#[test]
fn commands_about_machines_need_a_running_cloud_that_has_some() {
    let mut project = Project::new(EMPTY);
    let commands = [
        "cloud ps",
        "cloud logs web",
        "cloud wait web",
        "cloud host list",
        "cloud host add -address=8.8.8.8",
    ];
    for command in commands {
        project.run(command).one_error("Local cloud not running");
    }
    project.serve(0.0);
    for command in commands {
        project.run(command).one_error("Local cloud without machines");
    }
}

#[test]
fn machines_and_waiting_for_them_are_for_the_local_cloud() {
    let project = Project::new(EMPTY);
    project.run("plan -machines").one_error("Machines are for the local cloud");
    project.run("apply -auto-approve -wait-for-boot").one_error("Nothing to wait for");
    assert!(project.state_files().is_empty(), "nothing was applied");
    project.run("apply -local -auto-approve -wait-for-boot=soon").one_error("Invalid duration");
    project.run("apply -local -auto-approve -wait-for-boot=1s").one_error("Local cloud without machines");
}
