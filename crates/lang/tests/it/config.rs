use ferroform_core::addr::{InstanceKey, ModulePath, Resource};
use ferroform_core::{Type, Value};
use ferroform_lang::{IgnoreChanges, decode_body, references_in_expr};

use crate::support::{TestScope, load, show};

fn check_problems(cases: &[(&str, &str)]) {
    for (fixture, want) in cases {
        let (_, sources, diags) = load(fixture);
        assert_eq!(show(&diags, &sources).trim_end(), *want, "{fixture}");
    }
}

#[test]
fn a_module_holds_what_its_files_say() {
    let (config, _, diags) = load(
        r#"
        terraform {
          required_version = ">= 1.5"
          required_providers {
            hcloud = { source = "hetznercloud/hcloud", version = "~> 1.50" }
          }
          backend "local" { path = "x.tfstate" }
        }
        provider "hcloud" { token = var.token }
        provider "hcloud" {
          alias = "other"
          token = "x"
        }
        variable "token" {
          type      = string
          sensitive = true
          validation {
            condition     = length(var.token) == 64
            error_message = "Wrong."
          }
        }
        locals { a = 1 }
        resource "hcloud_server" "web" {
          count    = 2
          provider = hcloud.other
          name     = "web-${count.index}"
          depends_on = [hcloud_network.n]
          lifecycle {
            create_before_destroy = true
            ignore_changes = [image, labels["a"], network[0].ip]
            replace_triggered_by = [hcloud_network.n.id]
          }
        }
        resource "hcloud_network" "n" {
          lifecycle { ignore_changes = all }
        }
        module "net" {
          source   = "./modules/net"
          for_each = toset(["a"])
          cidr     = "10.0.0.0/16"
          providers = { hcloud = hcloud.other }
        }
        output "ips" {
          value      = hcloud_server.web[*].ipv4
          sensitive  = true
        }
        === modules/net/main.tf
        variable "cidr" {}
        data "hcloud_location" "l" { name = "fsn1" }
        module "inner" { source = "../inner" }
        === modules/inner/x.tf
        output "o" { value = path.module }
        "#,
    );
    assert!(diags.is_empty(), "{diags:?}");
    let root = config.root();
    assert_eq!(
        root.required_providers["hcloud"].source.to_string(),
        "registry.terraform.io/hetznercloud/hcloud"
    );
    assert_eq!(&*root.backend.as_ref().unwrap().kind, "local");
    assert_eq!(root.providers.len(), 2);
    let web = &root.resources[&Resource::managed("hcloud_server", "web")];
    assert_eq!(web.body.attributes.len(), 1, "meta-arguments are taken out");
    let IgnoreChanges::Paths(paths) = &web.lifecycle.ignore_changes else { panic!() };
    let paths: Vec<String> = paths.iter().map(|(p, _)| p.to_string()).collect();
    assert_eq!(paths, [".image", ".labels[\"a\"]", ".network[0].ip"]);
    let mut references: Vec<String> = web.references().iter().map(|r| r.referent.to_string()).collect();
    references.sort();
    assert_eq!(references, ["count.index", "hcloud_network.n", "hcloud_network.n"]);
    assert_eq!(
        config.provider_for(&ModulePath::root(), web).unwrap().to_string(),
        "provider[\"registry.terraform.io/hetznercloud/hcloud\"].other"
    );

    let paths: Vec<String> = config.modules().map(|(p, m)| format!("{p}={}", m.dir.display())).collect();
    assert_eq!(paths, ["=.", "module.net=modules/net", "module.net.module.inner=modules/inner"]);
    let net = config.module(&ModulePath::root().child("net")).unwrap();
    let location = &net.resources[&Resource::data("hcloud_location", "l")];
    let provider = config.provider_for(&net.path, location).unwrap();
    assert_eq!(provider.module, ModulePath::root());
    assert_eq!(
        provider.source.to_string(),
        "registry.terraform.io/hetznercloud/hcloud",
        "what is passed decides"
    );
    assert_eq!(provider.alias.as_deref(), Some("other"));
    let output = &root.outputs["ips"];
    assert_eq!(references_in_expr(&output.expr)[0].referent.to_string(), "hcloud_server.web");
}

#[test]
fn mistakes_in_blocks_are_reported_at_their_place() {
    check_problems(&[
        (
            "foo {}\nresorce \"a\" \"b\" {}\nx = 1",
            "Unsupported argument @ x\nUnsupported block type @ foo\nUnsupported block type @ resorce",
        ),
        (
            "resource \"a\" {}\nvariable {}\nlocals \"x\" {}",
            "Missing name for resource @ resource \"a\"\nMissing name for variable @ variable\nExtraneous label for locals @ \"x\"",
        ),
        (
            "variable \"a\" {\n type = object({ a = optional(number, \"x\"), b = foo })\n validation {\n  condition = true\n  error_message = \"x\"\n }\n}\nvariable \"a\" {}\nvariable \"source\" {}\nvariable \"1x\" {}",
            "Invalid default value for optional attribute @ \"x\"\n\
             Invalid type specification @ foo\n\
             Invalid validation expression @ true\n\
             Invalid variable validation condition @ true\n\
             Duplicate variable declaration @ variable \"a\"\n\
             Invalid variable name @ \"source\"\n\
             Invalid variable name @ \"1x\"",
        ),
        (
            "variable \"b\" {\n type = \"string\"\n defualt = 1\n}\nvariable \"c\" {\n type = list(number)\n default = [\"a\"]\n}\nvariable \"d\" {\n nullable = false\n default = null\n sensitive = \"maybe\"\n}",
            "Unsupported argument @ defualt\n\
             Invalid quoted type constraints @ \"string\"\n\
             Invalid default value for variable @ [\"a\"]\n\
             Unsuitable value type @ \"maybe\"\n\
             Invalid default value for variable @ null",
        ),
        (
            "resource \"a_b\" \"c\" {\n count = 1\n for_each = {}\n depends_on = [a_b.d.id, \"a_b.d\", 1]\n lifecycle {\n  foo = 1\n  ignore_changes = [\"input\", bar]\n  prevent_destroy = var.x\n  replace_triggered_by = [local.x]\n }\n}",
            "Invalid combination of \"count\" and \"for_each\" @ for_each\n\
             Unsupported argument @ foo\n\
             Quoted references are deprecated @ \"input\"\n\
             Variables not allowed @ var.x\n\
             Invalid replace_triggered_by expression @ local.x\n\
             Invalid depends_on reference @ a_b.d.id\n\
             Quoted references are deprecated @ \"a_b.d\"\n\
             Invalid expression @ 1",
        ),
        (
            "output \"a\" {}\nlocals {\n a = 1\n}\nlocals {\n a = 3\n}",
            "Missing required argument @ }\nDuplicate local value definition @ a = 3",
        ),
        (
            "resource \"a_b\" \"c\" {}\nresource \"a_b\" \"c\" {}\nprovider \"p\" {}\nprovider \"p\" {}\nmodule \"m\" { source = \"hashicorp/x/y\" }\nmodule \"n\" { source = \"./none\" }\nmodule \"k\" {}",
            "Duplicate resource \"a_b\" configuration @ resource \"a_b\" \"c\"\n\
             Duplicate provider configuration @ provider \"p\"\n\
             Missing required argument @ }\n\
             Unsupported module source @ \"hashicorp/x/y\"\n\
             Unreadable module directory @ \"./none\"",
        ),
        (
            "resource \"a_b\" \"d\" {\n provisioner \"local-exec\" { command = \"x\" }\n}",
            "Not supported yet @ provisioner \"local-exec\"",
        ),
        (
            "module \"m\" { source = \"./a\" }\n=== a/x.tf\nmodule \"n\" { source = \"../a\" }",
            "Module calls itself @ \"../a\"",
        ),
    ]);
}

#[test]
fn override_files_replace_parts_of_blocks() {
    let (config, sources, diags) = load(
        r#"
        variable "a" { default = 1 }
        resource "a_b" "c" {
          count = 1
          x     = 1
          y     = 2
          net { ip = 1 }
          net { ip = 2 }
          lifecycle { prevent_destroy = true }
        }
        === x_override.tf
        variable "a" { default = 2 }
        variable "b" { default = 2 }
        resource "a_b" "c" {
          for_each = {}
          y        = 3
          net { ip = 3 }
          lifecycle { create_before_destroy = true }
        }
        "#,
    );
    assert_eq!(
        show(&diags, &sources).trim_end(),
        "Missing base variable declaration to override @ variable \"b\""
    );
    let root = config.root();
    assert_eq!(root.variables["a"].default.as_ref().unwrap().as_number().unwrap().to_string(), "2");
    let resource = &root.resources[&Resource::managed("a_b", "c")];
    assert!(resource.count.is_none() && resource.for_each.is_some());
    assert_eq!(resource.body.blocks.len(), 1);
    assert_eq!(resource.body.attributes.len(), 2);
    assert_eq!(resource.lifecycle.create_before_destroy, Some(true));
    assert_eq!(resource.lifecycle.prevent_destroy.map(|p| p.0), Some(true));
}

#[test]
fn json_files_say_the_same_in_other_words() {
    let (config, _, diags) = load(
        r#"
        === main.tf.json
        {
          "//": "a comment",
          "variable": { "n": { "type": "list(number)", "default": [1] } },
          "resource": {
            "box_thing": {
              "a": {
                "name": "x-${var.n[0]}",
                "provider": "box.west",
                "depends_on": ["terraform_data.b"],
                "lifecycle": { "ignore_changes": ["labels[\"a\"]"], "create_before_destroy": true },
                "port": [{ "number": 80 }, { "number": 81 }],
                "disk": { "size": 1 }
              }
            },
            "terraform_data": { "b": { "lifecycle": [{ "ignore_changes": "all" }] } }
          },
          "provider": { "box": [{ "alias": "west" }] },
          "output": { "o": { "value": "${box_thing.a.id}", "depends_on": ["terraform_data.b"] } }
        }
        "#,
    );
    assert!(diags.is_empty(), "{diags:?}");
    let root = config.root();
    assert_eq!(root.variables["n"].ty.to_string(), "list(number)");
    let thing = &root.resources[&Resource::managed("box_thing", "a")];
    assert_eq!(thing.provider.as_ref().unwrap().to_string(), "box.west");
    let mut references: Vec<String> = thing.references().iter().map(|r| r.referent.to_string()).collect();
    references.sort();
    assert_eq!(references, ["terraform_data.b", "var.n"]);
    assert_eq!(
        root.resources[&Resource::managed("terraform_data", "b")].lifecycle.ignore_changes,
        IgnoreChanges::All
    );
    let scope = TestScope::new([("var.n", Value::list(Type::Number, [Value::number(1u64)]))]);
    let (value, diags) = decode_body(&thing.body, &crate::validate::thing(), &scope);
    assert!(diags.is_empty(), "{diags:?}");
    assert_eq!(
        crate::eval::show(&value),
        "{disk = {size = 1}, id = null, labels = null, name = \"x-1\", port = set[{name = null, number = 80}, {name = null, number = 81}]}"
    );
}

#[test]
fn blocks_about_addresses_are_the_same_in_json() {
    let texts = [
        r#"
        moved {
          from = module.a.box_thing.x
          to   = module.b["k"].box_thing.x[1]
        }
        removed {
          from = module.c.resource.box_thing.y
          lifecycle { destroy = false }
        }
        import {
          for_each = ["i"]
          to       = module.d[each.key].box_thing.z
          id       = each.value
        }
        check "c" {
          data "box_thing" "d" { name = "n" }
          assert {
            condition     = data.box_thing.d.name == "n"
            error_message = "No."
          }
        }
        "#,
        r#"
        === main.tf.json
        {
          "moved": { "from": "module.a.box_thing.x", "to": "module.b[\"k\"].box_thing.x[1]" },
          "removed": { "from": "module.c.resource.box_thing.y", "lifecycle": { "destroy": false } },
          "import": { "for_each": ["i"], "to": "module.d[each.key].box_thing.z", "id": "${each.value}" },
          "check": {
            "c": {
              "data": { "box_thing": { "d": { "name": "n" } } },
              "assert": { "condition": "${data.box_thing.d.name == \"n\"}", "error_message": "No." }
            }
          }
        }
        "#,
    ];
    for text in texts {
        let (config, _, diags) = load(text);
        assert!(diags.is_empty(), "{diags:?}");
        let root = config.root();
        let moved = &root.moved[0];
        assert_eq!(
            (moved.from.key.as_ref(), moved.from.every),
            (None, false),
            "one instance, as `to` is one"
        );
        assert_eq!(moved.to.key, Some(InstanceKey::Int(1)));
        assert_eq!(moved.to.modules[0].key, Some(InstanceKey::String("k".into())));
        let removed = &root.removed[0];
        assert_eq!(removed.from.resource, Some(Resource::managed("box_thing", "y")));
        assert!(!removed.destroy && removed.from.every);
        let import = &root.imports[0];
        assert_eq!(import.resource.to_string(), "module.d.box_thing.z");
        assert_eq!(import.keys.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
        let mut references: Vec<_> = import.references().iter().map(|r| r.referent.to_string()).collect();
        references.sort();
        assert_eq!(references, ["each.key", "each.value"]);
        let data = Resource::data("box_thing", "d");
        assert_eq!(root.checks["c"].data, Some(data.clone()));
        assert_eq!(root.resources[&data].check.as_deref(), Some("c"));
        assert_eq!(root.checks["c"].asserts.len(), 1);
    }
}
