//! A project that was made: what is told of it, and the files that every project has.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::outputs::pretty;
use super::style::{Paint, Style};
use super::text::visible;
use crate::scaffold::values::Filled;

/// A new project.
pub(crate) struct Created<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it was made from.
    pub stack: &'a str,
    /// Where it is.
    pub dir: &'a Path,
    /// How many files it has.
    pub files: usize,
    /// What its environments have been given.
    pub filled: &'a [Filled],
}

/// For people: where it is, what to do first, what is still to be said.
pub(crate) fn render(created: &Created<'_>, style: &Style) -> String {
    let dir = visible(&created.dir.display().to_string());
    let first = created.filled.first().map(|filled| filled.environment.as_str()).unwrap_or_default();
    let first =
        created.filled.iter().map(|f| f.environment.as_str()).find(|e| e.ends_with("/dev")).unwrap_or(first);
    let place = if first.is_empty() { dir.clone() } else { format!("{dir}/{first}") };
    let mut out = style.paint(
        Paint::BoldGreen,
        format!("{} is in {dir}: {} files, made from {}.", created.name, created.files, created.stack),
    );
    out.push_str(&format!(
        "\n\nTry it on the local cloud, without an account:\n\n  cd {place}\n  ferroform apply -local\n"
    ));
    let missing: Vec<&Filled> = created.filled.iter().filter(|filled| !filled.missing.is_empty()).collect();
    if !missing.is_empty() {
        out.push_str("\nStill to be said, see terraform.tfvars.example there:\n\n");
        for filled in missing {
            let name = if filled.environment.is_empty() { "." } else { &filled.environment };
            out.push_str(&format!("  {name}: {}\n", filled.missing.join(", ")));
        }
    }
    out
}

/// For programs.
pub(crate) fn render_json(created: &Created<'_>) -> String {
    let environments: Vec<Json> = created
        .filled
        .iter()
        .map(|filled| {
            json!({
                "directory": if filled.environment.is_empty() { "." } else { &filled.environment },
                "has_values": filled.text.is_some(),
                "missing": filled.missing,
            })
        })
        .collect();
    pretty(&json!({
        "name": created.name,
        "stack": created.stack,
        "directory": created.dir.display().to_string(),
        "files": created.files,
        "environments": environments,
    }))
}

/// What git leaves out.
pub(crate) fn ignored() -> String {
    "\
# Values of your own, keys and tokens among them. The examples are committed.
*.tfvars
*.tfvars.json

# What runs keep: states hold secrets.
.terraform/
.terraform.tfstate.lock.info
*.tfstate
*.tfstate.*
*.tfplan
"
    .to_owned()
}

/// The first thing to read in a project.
pub(crate) fn readme(name: &str, stack: &str, environments: &[String], has_stack_text: bool) -> String {
    let first = environments.iter().find(|e| e.ends_with("/dev")).or(environments.first());
    let first = first.map(String::as_str).unwrap_or_default();
    let enter = if first.is_empty() { String::new() } else { format!("$ cd {first}\n") };
    let mut rows = String::new();
    for environment in environments.iter().filter(|environment| !environment.is_empty()) {
        rows.push_str(&format!(
            "| [{environment}]({environment}) | an environment: what differs from the others |\n"
        ));
    }
    if !rows.is_empty() {
        rows.push_str("| [modules](modules) | what the environments are made of |\n");
    }
    let table = if rows.is_empty() { String::new() } else { format!("| | |\n|---|---|\n{rows}\n") };
    let more =
        if has_stack_text { "What it is made of and how to use it: [STACK.md](STACK.md).\n\n" } else { "" };
    format!(
        "\
# {name}

Infrastructure on Hetzner Cloud, begun with `ferroform new {stack}`. The files are yours: change them as you like.

{more}{table}## Try it

On the local cloud, without an account and without cost:

```console
{enter}$ ferroform apply -local
$ ferroform cost
$ ferroform destroy -local
```

## Use it

Make an API token in the Hetzner console (Security, API tokens, read and write). It belongs in the environment, not in a file.

```console
{enter}$ $EDITOR terraform.tfvars           # see terraform.tfvars.example; git ignores it
$ export HCLOUD_TOKEN=…
$ ferroform plan -out=my.tfplan
$ ferroform cost my.tfplan
$ ferroform apply my.tfplan
```

The state holds generated keys and passwords: keep it where your secrets are.
"
    )
}
