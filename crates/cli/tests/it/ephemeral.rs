//! Ephemeral variables and saved plans, through the whole program.

use ferroform_plan::planfile;

use crate::harness::Project;

const TEXT: &str = r#"
variable "secret" {
  type      = string
  ephemeral = true
}
variable "plain" {
  default = "kept"
}
resource "terraform_data" "a" {
  input = var.plain
}
"#;

/// A project with a saved plan that was given a secret from a file.
fn planned() -> Project {
    let project = Project::new(TEXT);
    project.write("terraform.tfvars", "secret = \"only-at-planning\"\n");
    project.run("plan -out=saved").ok();
    project
}

#[test]
fn a_secret_is_in_no_saved_plan_wherever_it_came_from() {
    let project = planned();
    let file = planfile::read(&project.path("saved")).unwrap();
    assert!(file.plan.variables.contains_key("plain") && !file.plan.variables.contains_key("secret"));
    assert!(String::from_utf8_lossy(&file.configuration).contains("terraform_data"));
    assert!(!String::from_utf8_lossy(&file.configuration).contains("only-at-planning"));
}

#[test]
fn applying_a_saved_plan_takes_ephemeral_values_from_everywhere() {
    for how in ["", "-var secret=again", "-var-file=other.tfvars", "environment"] {
        let mut project = planned();
        // What is there for other variables is as good as not there.
        let (automatic, plain) = ("secret = \"again\"\nplain = \"changed\"\n", "plain = \"changed\"\n");
        project.write("terraform.tfvars", if how.is_empty() { automatic } else { plain });
        project.write("other.tfvars", automatic);
        let options = if how == "environment" { "" } else { how };
        if how == "environment" {
            project.set_env("TF_VAR_secret", "again");
        }
        project.run(&format!("apply {options} saved")).ok();
        assert!(project.read("terraform.tfstate").contains("kept"), "{how}");
    }
}

#[test]
fn a_saved_plan_is_not_applied_without_its_ephemeral_values_or_with_others() {
    for (options, summary, parts) in [
        ("", "No value for required variable", ["\"secret\"", "TF_VAR_secret"]),
        ("-var secret=x -var plain=y", "Variable of a saved plan", ["\"plain\"", "new plan"]),
        ("-var secret=x -var nope=y", "Value for undeclared variable", ["\"nope\"", "variable"]),
        (
            "-var secret=x -target=terraform_data.a",
            "Options cannot be used with a saved plan",
            ["Targets", "mode"],
        ),
    ] {
        let project = planned();
        project.write("terraform.tfvars", "");
        let before = project.state_files();
        project.run(&format!("apply {options} saved")).one_error(summary).tells(&parts);
        assert_eq!(project.state_files(), before, "{options}");
    }
}
