//! The program as others see it.

use std::process::Command;

use crate::case::Step;
use crate::cloud::Cloud;
use crate::terraform::{self, Terraform};

#[test]
fn started_by_hand_it_says_what_it_is() {
    let output = Command::new(env!("CARGO_BIN_EXE_ferroform-provider-hcloud")).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("ferroform-provider-hcloud: this is a plugin: Terraform"), "{said}");
}

/// With and without TLS; and nothing is left of the plugin when Terraform has ended.
#[tokio::test(flavor = "multi_thread")]
async fn terraform_applies_with_it_and_leaves_nothing_behind() {
    if !terraform::is_there() {
        return;
    }
    let cloud = Cloud::start().await;
    let mut terraform = Terraform::new(&cloud);
    let text = "resource \"hcloud_placement_group\" \"a\" {\n  name = \"a\"\n  type = \"spread\"\n}\n";
    let provider = "terraform {\n  required_providers {\n    hcloud = {\n      source = \"hetznercloud/hcloud\"\n    }\n  }\n}\n";
    let files = [("main.tf".into(), text.into()), ("provider.tf".into(), provider.into())].into();
    terraform.configure(&cloud, &Step { files, ..Step::default() });
    for (plain, arguments) in
        [(false, ["apply", "-json", "-auto-approve"]), (true, ["destroy", "-json", "-auto-approve"])]
    {
        if plain {
            terraform.set("TF_DISABLE_PLUGIN_TLS", "1");
        }
        let (ok, problems) = terraform.run(&arguments, &[]).await;
        assert!(ok, "{problems}");
    }
    let left =
        std::fs::read_dir(terraform.root()).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let sockets: Vec<_> =
        left.iter().filter(|name| name.to_string_lossy().starts_with("ferroform-plugin-")).collect();
    assert!(sockets.is_empty(), "{left:?}");
    cloud.stop().await;
}

/// Every case of the provider's functions is recorded from Terraform (`oracle/cases/functions.txt`); this asks it anew.
#[tokio::test(flavor = "multi_thread")]
async fn terraform_calls_its_functions() {
    if !terraform::is_there() {
        return;
    }
    let cloud = Cloud::start().await;
    let terraform = Terraform::new(&cloud);
    let configure = |expression: &str| {
        let text = format!(
            "terraform {{\n  required_providers {{\n    hcloud = {{\n      source = \"hetznercloud/hcloud\"\n    }}\n  }}\n}}\n\
             output \"o\" {{\n  value = {expression}\n}}\n"
        );
        terraform.configure(&cloud, &Step { files: [("main.tf".into(), text)].into(), ..Step::default() });
    };
    configure("[provider::hcloud::idna(\"exämple.com\"), provider::hcloud::txt_record(\"a \\\"b\\\"\")]");
    let (ok, problems) = terraform.run(&["apply", "-json", "-auto-approve"], &[]).await;
    assert!(ok, "{problems}");
    let state = terraform.state().unwrap();
    assert_eq!(state["outputs"]["o"]["value"], serde_json::json!(["xn--exmple-cua.com", r#""a \"b\"""#]));

    configure("provider::hcloud::idna(\"xn--99999999999\")");
    let refused = terraform.command(&["plan", "-no-color"]).output().await.unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("Invalid value for \"domain\" parameter"), "{said}");
    cloud.stop().await;
}
