//! Whatever the input, there are diagnostics and no panic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ferroform_core::Sources;
use ferroform_lang::validate::validate;
use ferroform_lang::{Config, MemoryFiles, decode_body, expand};

use crate::support::TestScope;
use crate::validate::{TestSchemas, thing};

const TEXT: &str = r#"
terraform {
  required_version = ">= 1.5"
  required_providers { box = { source = "acme/box", version = "~> 1.0" } }
}
variable "x" {
  type    = object({ a = optional(list(number), [1]), b = map(any) })
  default = { b = { k = "v" } }
  validation {
    condition     = length(var.x.a) > 0 && var.x.b["k"] != null
    error_message = "No ${jsonencode(var.x)}!"
  }
}
locals {
  a = [for k, v in var.x.b : "${k}=%{ if v != "" }${v}%{ else }-%{ endif }" if k != ""]
  b = { for i, v in local.a : i => v... }
  c = local.a[*] == [] ? try(local.b[0][0], null) : can(1 / 0)
  d = <<-EOT
    text ${upper("x")} %{ for v in local.a ~} ${v} %{ endfor ~}
  EOT
}
resource "box_thing" "t" {
  for_each = toset(["a", "b"])
  name     = each.key
  labels   = merge({ a = -1 }, { (each.value) = !false })
  dynamic "port" {
    for_each = range(1, 3)
    iterator = p
    content { number = p.value }
  }
  lifecycle {
    ignore_changes = [labels["a"]]
    postcondition {
      condition     = self.name == each.key
      error_message = "x"
    }
  }
}
module "m" {
  source    = "./m"
  providers = { box = box.west }
}
provider "box" { alias = "west" }
output "o" {
  value     = box_thing.t["a"].id
  sensitive = true
}
"#;

/// Xorshift: the same sequence in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

fn run(text: String) {
    let files = MemoryFiles(BTreeMap::from([
        (PathBuf::from("main.tf"), text.into_bytes()),
        (PathBuf::from("m/main.tf"), b"output \"a\" { value = 1 }".to_vec()),
    ]));
    let mut sources = Sources::new();
    let (config, mut diags) = Config::load(&files, &mut sources, Path::new(""));
    diags.append(validate(&config, &TestSchemas));
    let scope = TestScope::new([]);
    for resource in config.root().resources.values() {
        decode_body(&resource.body, &thing(), &scope);
        expand(resource.count.as_ref(), resource.for_each.as_ref(), &scope);
    }
    for span in diags.iter().filter_map(|d| d.subject) {
        let source = sources.get(span.source).expect("spans point into sources");
        assert!(span.start <= span.end && span.end as usize <= source.text().len());
    }
}

#[test]
fn mutilated_configurations_give_diagnostics_and_no_panic() {
    let words: Vec<&str> = TEXT.split_inclusive([' ', '\n', '.', '(', '[', '{', '"']).collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..600 {
        let mut words = words.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(words.len());
            match random.below(4) {
                0 => {
                    words.remove(at);
                }
                1 => {
                    let other = words[random.below(words.len())];
                    words.insert(at, other);
                }
                2 => {
                    let other = random.below(words.len());
                    words.swap(at, other);
                }
                _ => words.truncate(at.max(1)),
            }
        }
        run(words.concat());
    }
}

#[test]
fn the_whole_text_is_valid() {
    let files = MemoryFiles(BTreeMap::from([
        (PathBuf::from("main.tf"), TEXT.as_bytes().to_vec()),
        (PathBuf::from("m/main.tf"), b"output \"a\" { value = 1 }".to_vec()),
    ]));
    let mut sources = Sources::new();
    let (config, mut diags) = Config::load(&files, &mut sources, Path::new(""));
    diags.append(validate(&config, &TestSchemas));
    assert!(diags.is_empty(), "{}", crate::support::show(&diags, &sources));
}
