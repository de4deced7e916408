use std::sync::Arc;

use ferroform_core::addr::{ProviderSource, Resource, ResourceMode};
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{Type, Value};
use ferroform_lang::validate::{Schemas, validate};

use crate::support::{load, show};

/// `terraform_data`, and `box_thing` with nested blocks.
pub(crate) struct TestSchemas;

pub(crate) fn thing() -> Block {
    let port = Block::of([
        ("number", Attribute::required(Type::Number)),
        ("name", Attribute::optional(Type::String)),
    ]);
    let disk = Block::of([("size", Attribute::optional(Type::Number))]);
    Block::of([
        ("name", Attribute::required(Type::String)),
        ("labels", Attribute::optional(Type::map(Type::String))),
        ("id", Attribute::computed(Type::String)),
    ])
    .with_block("port", NestedBlock { max_items: 2, ..NestedBlock::new(Nesting::Set, port) })
    .with_block("disk", NestedBlock::new(Nesting::Single, disk))
}

impl Schemas for TestSchemas {
    fn resource(&self, source: &ProviderSource, resource: &Resource) -> Option<Schema> {
        let block = match (&*source.name, &*resource.type_name) {
            ("terraform", "terraform_data") => Block::of([
                ("id", Attribute::computed(Type::String)),
                ("input", Attribute::optional(Type::Dynamic)),
                ("output", Attribute::computed(Type::Dynamic)),
                ("triggers_replace", Attribute::optional(Type::Dynamic)),
            ]),
            ("box", "box_thing") => thing(),
            _ => return None,
        };
        Some(Schema { version: 0, block })
    }

    fn provider(&self, source: &ProviderSource) -> Option<Block> {
        match &*source.name {
            "terraform" => Some(Block::default()),
            "box" => Some(Block::of([("token", Attribute::optional(Type::String).sensitive())])),
            _ => None,
        }
    }

    fn types(&self, _source: &ProviderSource, mode: ResourceMode) -> Vec<Arc<str>> {
        if mode == ResourceMode::Managed {
            vec!["terraform_data".into(), "box_thing".into()]
        } else {
            Vec::new()
        }
    }
}

fn check(cases: &[(&str, &str)]) {
    for (fixture, want) in cases {
        let (config, sources, mut diags) = load(fixture);
        diags.append(validate(&config, &TestSchemas));
        assert_eq!(show(&diags, &sources).trim_end(), *want, "{fixture}");
    }
}

#[test]
fn undeclared_names_are_found_everywhere() {
    check(&[
        (
            "resource \"terraform_data\" \"a\" {\n input = [var.nope, local.nope, terraform_data.b.id, module.x.y, data.foo.bar.z, self.id]\n}",
            "Reference to undeclared input variable @ var.nope\n\
             Reference to undeclared local value @ local.nope\n\
             Reference to undeclared resource @ terraform_data.b\n\
             Reference to undeclared module @ module.x.y\n\
             Reference to undeclared resource @ data.foo.bar\n\
             Invalid \"self\" reference @ self",
        ),
        (
            "output \"o\" {\n value = [each.key, count.index, path.foo, terraform.foo, each.foo, count.x]\n}",
            "Invalid \"each\" attribute @ each.foo\n\
             Invalid \"count\" attribute @ count.x\n\
             Reference to \"each\" in context without for_each @ each.key\n\
             Reference to \"count\" in non-counted context @ count.index\n\
             Invalid \"path\" attribute @ path.foo\n\
             Invalid \"terraform\" attribute @ terraform.foo",
        ),
        ("locals {\n a = [for x in [1] : x + y.z]\n}", "Reference to undeclared resource @ y.z"),
        (
            "resource \"terraform_data\" \"a\" {\n input = terraform_data.a.id\n}",
            "Self-referential block @ terraform_data.a",
        ),
        (
            "resource \"terraform_data\" \"a\" {\n count = 1\n}\nresource \"terraform_data\" \"s\" {}\n\
             output \"o\" {\n value = [terraform_data.a.id, terraform_data.s[0], terraform_data.a[0].id, terraform_data.a[*].id, upperr(1)]\n}\noutput \"p\" {\n value = terraform_data.s.idd\n}",
            "Missing resource instance key @ terraform_data.a\n\
             Unexpected resource instance key @ terraform_data.s\n\
             Unsupported attribute @ .idd",
        ),
        (
            "resource \"terraform_data\" \"a\" {\n for_each = { x = 1 }\n input = each.value + 1\n lifecycle {\n  postcondition {\n   condition = self.id != each.key\n   error_message = \"no\"\n  }\n }\n}",
            "",
        ),
    ]);
}

#[test]
fn bodies_are_held_against_schemas() {
    check(&[
        (
            "resource \"terraform_data\" \"a\" {\n inptu = 4\n foo {}\n input {}\n}",
            "Unsupported argument @ inptu\nUnsupported block type @ foo\nUnsupported block type @ input",
        ),
        (
            "resource \"terraform_datum\" \"a\" {}",
            "Invalid resource type @ resource \"terraform_datum\" \"a\"",
        ),
        ("data \"terraform_stat\" \"a\" {}", "Invalid data source @ data \"terraform_stat\" \"a\""),
        ("resource \"box_thing\" \"a\" {}", "Missing required argument @ }"),
        (
            "resource \"box_thing\" \"a\" {\n name = [1]\n id = \"x\"\n labels = { a = 1 }\n port { number = \"x\" }\n disk {}\n disk {}\n}",
            "Value for unconfigurable attribute @ id\n\
             Incorrect attribute value type @ [1]\n\
             Duplicate disk block @ disk\n\
             Incorrect attribute value type @ \"x\"",
        ),
        (
            "variable \"ports\" { type = list(number) }\nresource \"box_thing\" \"a\" {\n name = \"n\"\n dynamic \"port\" {\n  for_each = var.ports\n  content { number = port.vlaue }\n }\n dynamic \"disc\" {\n  for_each = []\n  content {}\n }\n}",
            "Unsupported block type @ \"disc\"\nUnsupported attribute @ .vlaue",
        ),
        ("provider \"box\" {\n tokn = 1\n}", "Unsupported argument @ tokn"),
        ("resource \"missing_thing\" \"a\" {\n x = upperr(1)\n}", ""),
    ]);
}

#[test]
fn types_are_checked_without_values() {
    check(&[(
        "resource \"terraform_data\" \"a\" {\n triggers_replace = var.x + 1\n count = var.y\n}\n\
         variable \"x\" { type = list(string) }\nvariable \"y\" { type = string }\n\
         output \"z\" { value = [for x in var.x : x.foo] }\nlocals {\n l = var.x.foo\n n = \"a${var.x}\"\n}\n\
         resource \"terraform_data\" \"k\" { for_each = [1] }\nresource \"terraform_data\" \"m\" { count = -1 }\n\
         output \"f\" { value = upperr(\"x\") }",
        "Unsupported attribute @ .foo\n\
         Invalid operand @ var.x\n\
         Invalid for_each argument @ [1]\n\
         Invalid count argument @ -1\n\
         Call to unknown function @ upperr",
    )]);
}

#[test]
fn calls_are_held_against_the_modules() {
    check(&[
        (
            "module \"m\" {\n source = \"./m\"\n nope = 1\n}\nmodule \"n\" {\n source = \"./m\"\n x = [1]\n for_each = toset([\"a\"])\n}\n\
             output \"o\" { value = [module.m.outt, module.n[\"a\"].outt, module.n[\"a\"].out] }\n\
             === m/m.tf\nvariable \"x\" { type = string }\noutput \"out\" { value = 1 }",
            "Missing required argument @ module \"m\"\n\
             Unsupported argument @ nope\n\
             Invalid value for input variable @ [1]\n\
             Unsupported attribute @ module.m.outt\n\
             Unsupported attribute @ module.n[\"a\"].outt",
        ),
        (
            "module \"m\" {\n source = \"./m\"\n}\n=== m/m.tf\nterraform {\n required_providers {\n  box = {\n   source = \"acme/box\"\n   configuration_aliases = [box.w]\n  }\n }\n}\nresource \"box_thing\" \"a\" {\n provider = box.w\n name = \"n\"\n}",
            "Missing required provider configuration @ module \"m\"\nProvider configuration not present @ box.w",
        ),
    ]);
}

#[test]
fn ten_thousand_chained_locals_do_not_overflow() {
    let mut text = String::from("locals {\n l0 = 1\n");
    for i in 1..10_000 {
        text.push_str(&format!(" l{i} = local.l{} + 1\n", i - 1));
    }
    text.push('}');
    check(&[(&text, "")]);
    assert!(Value::null_dynamic().is_null());
}

#[test]
fn version_constraints_are_checked() {
    let settings = |version: &str| format!("terraform {{\n required_version = \"{version}\"\n}}");
    check(&[
        (&settings(">= 1.5, < 2.0"), ""),
        (&settings("~> 1.11.0"), ""),
        (&settings("~> 1.10.0"), "Unsupported Terraform Core version @ \"~> 1.10.0\""),
        (&settings("< 1.0"), "Unsupported Terraform Core version @ \"< 1.0\""),
        (&settings(">> 1"), "Invalid version constraint @ \">> 1\""),
        (
            "terraform {\n required_providers {\n  a = {\n   source = \"x/a\"\n   version = \"latest\"\n  }\n }\n}",
            "Invalid version constraint @ \"latest\"",
        ),
    ]);
}

#[test]
fn functions_of_providers_are_looked_for_while_validating() {
    check(&[
        (
            "output \"o\" {\n value = [provider::foo::bar(1), provider::terraform::encode_expr(1), foo::bar(), can(foo::bar())]\n}",
            "Unknown provider function @ provider::foo::bar\n\
             Unknown provider function @ provider::terraform::encode_expr\n\
             Unknown provider function @ foo::bar",
        ),
        // A resource requires its provider, but not its functions.
        (
            "resource \"terraform_data\" \"a\" {\n input = provider::terraform::encode_expr(1)\n}",
            "Unknown provider function @ provider::terraform::encode_expr",
        ),
        (
            "terraform {\n required_providers {\n  tf = { source = \"terraform.io/builtin/terraform\" }\n }\n}\n\
             variable \"v\" {\n type = list(string)\n}\n\
             output \"o\" {\n value = [provider::tf::encode_expr(var.v), provider::tf::encode_tfvars(1), provider::tf::nosuch()]\n}",
            "Error in function call @ provider::tf::encode_tfvars(1)\n\
             Unknown provider function @ provider::tf::nosuch",
        ),
        // What a module requires, it can call; its callers' names are not its own.
        (
            "terraform {\n required_providers {\n  tf = { source = \"terraform.io/builtin/terraform\" }\n }\n}\n\
             module \"m\" {\n source = \"./m\"\n}\n\
             === m/main.tf\noutput \"o\" {\n value = provider::tf::encode_expr(1)\n}",
            "Unknown provider function @ provider::tf::encode_expr",
        ),
    ]);
}
