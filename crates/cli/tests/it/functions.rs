//! Functions of providers through the whole program. They need neither a cloud nor a token.

use serde_json::json;

use crate::harness::Project;

const REQUIRED: &str = r#"
terraform {
  required_providers {
    hcloud = {
      source = "hetznercloud/hcloud"
    }
    tf = {
      source = "terraform.io/builtin/terraform"
    }
    absent = {
      source = "example/absent"
    }
  }
}
"#;

#[test]
fn functions_of_providers_are_validated_planned_applied_from_a_planfile_and_given_out() {
    let text = r#"
variable "text" {
  default = "b\"c"
}
resource "terraform_data" "a" {
  provider = tf
  input    = var.text
}
output "zone" {
  value = provider::hcloud::idna("exämple.com")
}
output "record" {
  value = provider::hcloud::txt_record(terraform_data.a.output)
}
output "file" {
  value = "${path.module}: ${provider::tf::encode_tfvars({ a = [1], "${"b"}" = null })}"
}
"#;
    let project = Project::new(&format!("{REQUIRED}{text}"));
    project.run("validate").ok();
    let planned = project.run("plan -out=saved").ok();
    for part in ["xn--exmple-cua.com", "(known after apply)"] {
        assert!(planned.stdout.contains(part), "no {part:?} in: {planned}");
    }
    project.configure("");
    project.run("apply saved").ok();
    let outputs = project.run("output -json").ok().json();
    let value = |name: &str| outputs[name]["value"].clone();
    assert_eq!(value("zone"), json!("xn--exmple-cua.com"));
    assert_eq!(value("record"), json!(r#""b\"c""#));
    assert_eq!(value("file"), json!(".: a = [1]\nb = null\n"));
}

#[test]
fn a_function_that_is_not_there_is_found_before_anything_is_planned() {
    for (call, detail) in [
        ("provider::hcloud::nosuch(1)", "is not available from"),
        ("provider::terraform::encode_expr(1)", "Ensure that provider name"),
        ("provider::absent::f(1)", "registry.terraform.io/example/absent"),
    ] {
        let project = Project::new(&format!("{REQUIRED}output \"o\" {{\n  value = {call}\n}}\n"));
        for command in ["validate", "plan"] {
            project.run(command).one_error("Unknown provider function").tells(&[call, detail]);
        }
    }
    // Required alone it does no harm.
    Project::new(REQUIRED).run("plan").ok();
}
