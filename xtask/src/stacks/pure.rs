//! A configuration without providers: every resource becomes a local value.
//!
//! `resource "t" "n" { … }` turns into `local.t__n`: what the block says, over what the statefile holds for the rest
//! (ids, addresses, generated keys). So locals, variables, templates, functions and the expressions of every resource
//! are evaluated as they are in the real configuration, by any engine, with no provider and nothing to apply. Every
//! module shows all of its values in an output.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use ferroform_core::{Sources, Span};
use ferroform_hcl::ast::{Attribute, Block, Body, Expr, ExprKind, TemplatePart};
use serde_json::{Map, Value as Json};

use crate::Result;
use crate::metadata::{list, text};

/// Name of the output that shows everything, of the variable with a module's address, and of the file with the state.
pub(super) const ALL: &str = "x_all";
const ADDRESS: &str = "x_address";
const STATE: &str = "x_state";

/// Blocks of a resource that tell the engine what to do, rather than the provider what there should be.
const META_BLOCKS: &[&str] = &["lifecycle", "provisioner", "connection", "timeouts"];
const META_ARGUMENTS: &[&str] = &["count", "for_each", "provider", "depends_on"];

/// Attributes of all resource instances of a statefile, by address.
pub(super) fn attributes(state: &Json) -> Json {
    let mut found = Map::new();
    for resource in list(state, "resources") {
        let module = resource["module"].as_str().map(|m| format!("{m}.")).unwrap_or_default();
        let data = if resource["mode"] == "data" { "data." } else { "" };
        let address = format!("{module}{data}{}.{}", text(resource, "type"), text(resource, "name"));
        for instance in list(resource, "instances") {
            let key = match &instance["index_key"] {
                Json::Null => String::new(),
                key => format!("[{key}]"),
            };
            found.insert(format!("{address}{key}"), instance["attributes"].clone());
        }
    }
    Json::Object(found)
}

/// Rewrites a root module, and every module below the given directories, in place.
pub(super) fn rewrite(root_module: &Path, dirs: &[&Path], state: &Json) -> Result<()> {
    for dir in dirs {
        let configured: BTreeSet<_> = super::files(dir)?
            .into_iter()
            .filter(|file| file.extension().is_some_and(|e| e == "tf"))
            .filter_map(|file| file.parent().map(Path::to_path_buf))
            .collect();
        for module in configured {
            rewrite_module(&module)?;
        }
    }
    std::fs::write(root_module.join(format!("{STATE}.json")), serde_json::to_vec(&attributes(state))?)?;
    Ok(())
}

fn rewrite_module(dir: &Path) -> Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "tf") {
            let text = std::fs::read_to_string(&path)?;
            files.push((path, text));
        }
    }
    files.sort();
    let texts: Vec<(String, String)> =
        files.into_iter().map(|(path, text)| (path.display().to_string(), text)).collect();
    for (path, text) in module(&texts)? {
        std::fs::write(path, text)?;
    }
    let all = dir.join(format!("{ALL}.tf"));
    std::fs::write(all, show_all(&texts)?)?;
    Ok(())
}

/// What a module declares, as far as references depend on it.
#[derive(Default)]
struct Declared {
    /// Types of its managed resources.
    types: BTreeSet<String>,
    /// Names of its local values, of its outputs' expressions, of its module calls.
    locals: Vec<String>,
    resources: Vec<String>,
    outputs: Vec<String>,
    modules: Vec<(String, Repeated)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeated {
    No,
    Count,
    ForEach,
}

fn repeated(body: &Body) -> Repeated {
    match (body.attribute("count"), body.attribute("for_each")) {
        (Some(_), _) => Repeated::Count,
        (None, Some(_)) => Repeated::ForEach,
        (None, None) => Repeated::No,
    }
}

fn declared(files: &[(String, String)]) -> Result<Declared> {
    let mut declared = Declared::default();
    for (name, text) in files {
        for block in &parse(name, text)?.blocks {
            let label = |i: usize| block.labels.get(i).map(|l| l.name.to_string()).unwrap_or_default();
            match &*block.kind.name {
                "resource" => {
                    declared.types.insert(label(0));
                    declared.resources.push(format!("{}__{}", label(0), label(1)));
                }
                "data" => declared.resources.push(format!("data__{}__{}", label(0), label(1))),
                "locals" => {
                    declared.locals.extend(block.body.attributes.iter().map(|a| a.name.name.to_string()));
                }
                "output" => declared.outputs.push(label(0)),
                "module" => declared.modules.push((label(0), repeated(&block.body))),
                _ => {}
            }
        }
    }
    Ok(declared)
}

fn parse(name: &str, text: &str) -> Result<Body> {
    let mut sources = Sources::new();
    let id = sources.add(name, text);
    let parsed = ferroform_hcl::parse_body(id, text);
    if !parsed.diagnostics().is_empty() {
        return Err(format!("stacks: {name} cannot be parsed: {:?}", parsed.diagnostics()).into());
    }
    Ok(parsed.into_parts().0)
}

/// The files of one module without providers: name and text of each.
fn module(files: &[(String, String)]) -> Result<Vec<(String, String)>> {
    let declared = declared(files)?;
    let mut written = Vec::new();
    for (name, text) in files {
        let body = parse(name, text)?;
        let writer = Writer { text, types: &declared.types };
        let mut out = String::new();
        for block in &body.blocks {
            writer.block(block, &mut out)?;
        }
        written.push((name.clone(), out));
    }
    Ok(written)
}

/// The variable, the local value and the output that every module is given.
fn show_all(files: &[(String, String)]) -> Result<String> {
    let declared = declared(files)?;
    let mut out = format!(
        "variable \"{ADDRESS}\" {{\n  type    = string\n  default = \"\"\n}}\n\n\
         locals {{\n  {STATE} = jsondecode(file(\"${{path.root}}/{STATE}.json\"))\n}}\n\n\
         output \"{ALL}\" {{\n  value = {{\n"
    );
    for (title, names) in [("locals", &declared.locals), ("resources", &declared.resources)] {
        writeln!(out, "    {title} = {{")?;
        for name in names {
            writeln!(out, "      {name} = local.{name}")?;
        }
        writeln!(out, "    }}")?;
    }
    writeln!(out, "    modules = {{")?;
    for (name, repeated) in &declared.modules {
        let value = match repeated {
            Repeated::No => format!("module.{name}.{ALL}"),
            Repeated::Count => format!("[for instance in module.{name} : instance.{ALL}]"),
            Repeated::ForEach => format!("{{ for key, instance in module.{name} : key => instance.{ALL} }}"),
        };
        writeln!(out, "      {name} = {value}")?;
    }
    writeln!(out, "    }}\n  }}\n}}")?;
    Ok(out)
}

struct Writer<'a> {
    text: &'a str,
    types: &'a BTreeSet<String>,
}

impl Writer<'_> {
    fn block(&self, block: &Block, out: &mut String) -> Result<()> {
        let label = |i: usize| block.labels.get(i).map(|l| l.name.to_string()).unwrap_or_default();
        match &*block.kind.name {
            "resource" => self.resource(&block.body, "", &label(0), &label(1), out),
            "data" => self.resource(&block.body, "data", &label(0), &label(1), out),
            "variable" | "output" => {
                writeln!(out, "{} \"{}\" {{", block.kind.name, label(0))?;
                for attribute in &block.body.attributes {
                    // Nothing is hidden here: what is hidden from people is what has to be compared.
                    if !["sensitive", "ephemeral", "depends_on"].contains(&&*attribute.name.name) {
                        self.argument(attribute, out)?;
                    }
                }
                for inner in &block.body.blocks {
                    let text = &self.text[inner.span.start as usize..inner.span.end as usize];
                    writeln!(out, "{}", self.localised(&format!("{text}\n"))?)?;
                }
                writeln!(out, "}}\n")?;
                Ok(())
            }
            "locals" => {
                writeln!(out, "locals {{")?;
                for attribute in &block.body.attributes {
                    self.argument(attribute, out)?;
                }
                writeln!(out, "}}\n")?;
                Ok(())
            }
            "module" => {
                let name = label(0);
                writeln!(out, "module \"{name}\" {{")?;
                for attribute in &block.body.attributes {
                    if !["providers", "depends_on"].contains(&&*attribute.name.name) {
                        self.argument(attribute, out)?;
                    }
                }
                let key = match repeated(&block.body) {
                    Repeated::No => "",
                    Repeated::Count => "[${count.index}]",
                    Repeated::ForEach => "[\\\"${each.key}\\\"]",
                };
                writeln!(out, "  {ADDRESS} = \"${{var.{ADDRESS}}}module.{name}{key}.\"\n}}\n")?;
                Ok(())
            }
            // Settings, providers, and what acts on the state.
            "terraform" | "provider" | "moved" | "removed" | "import" | "check" => Ok(()),
            other => Err(format!("stacks: a block {other} has no form without providers yet").into()),
        }
    }

    fn argument(&self, attribute: &Attribute, out: &mut String) -> Result<()> {
        writeln!(out, "  {} = {}", attribute.name.name, self.expression(&attribute.expr)?)?;
        Ok(())
    }

    /// A resource as a local value.
    fn resource(&self, body: &Body, mode: &str, kind: &str, name: &str, out: &mut String) -> Result<()> {
        let (mode, address) = if mode.is_empty() {
            ("", format!("{kind}.{name}"))
        } else {
            ("data__", format!("data.{kind}.{name}"))
        };
        let instance = |key: &str| -> Result<String> {
            let known = format!("try(local.{STATE}[\"${{var.{ADDRESS}}}{address}{key}\"], {{}})");
            // What is null, the provider fills in.
            Ok(format!(
                "merge({known}, {{ for x_name, x_value in {} : x_name => x_value if x_value != null }})",
                self.object(body)?
            ))
        };
        let value = match (body.attribute("count"), body.attribute("for_each")) {
            (Some(count), _) => format!(
                "[for count in [for x_index in range({}) : {{ index = x_index }}] : {}]",
                self.expression(&count.expr)?,
                instance("[${count.index}]")?
            ),
            (None, Some(elements)) => format!(
                "{{ for each in {} : each.key => {} }}",
                self.entries(&elements.expr)?,
                instance("[\\\"${each.key}\\\"]")?
            ),
            (None, None) => instance("")?,
        };
        writeln!(out, "locals {{\n  {mode}{kind}__{name} = {value}\n}}\n")?;
        Ok(())
    }

    /// A map or a set as a list of `{ key, value }`, as `each` and the iterators of dynamic blocks have it.
    fn entries(&self, elements: &Expr) -> Result<String> {
        let elements = self.expression(elements)?;
        Ok(format!("[for x_key, x_value in ({elements}\n) : {{ key = x_key, value = x_value }}]"))
    }

    /// What a block says, as an object: blocks inside it as lists.
    fn object(&self, body: &Body) -> Result<String> {
        let mut out = "{\n".to_owned();
        for attribute in &body.attributes {
            if !META_ARGUMENTS.contains(&&*attribute.name.name) {
                writeln!(out, "{} = ({}\n)", attribute.name.name, self.expression(&attribute.expr)?)?;
            }
        }
        let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
        for block in &body.blocks {
            let kind = &*block.kind.name;
            if META_BLOCKS.contains(&kind) {
                continue;
            }
            let (kind, value) = if kind == "dynamic" {
                self.dynamic(block)?
            } else {
                (kind.to_owned(), format!("[{}]", self.object(&block.body)?))
            };
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, values)) => values.push(value),
                None => kinds.push((kind, vec![value])),
            }
        }
        for (kind, values) in kinds {
            writeln!(out, "{kind} = concat({})", values.join(", "))?;
        }
        out.push('}');
        Ok(out)
    }

    fn dynamic(&self, block: &Block) -> Result<(String, String)> {
        let kind = block
            .labels
            .first()
            .map(|l| l.name.to_string())
            .ok_or("stacks: a dynamic block without a label")?;
        let elements = block.body.attribute("for_each").ok_or("stacks: a dynamic block without for_each")?;
        let iterator = match block.body.attribute("iterator") {
            Some(named) => self.expression(&named.expr)?,
            None => kind.clone(),
        };
        let content =
            block.body.blocks_of("content").next().ok_or("stacks: a dynamic block without content")?;
        let value = format!(
            "[for {iterator} in {} : {}]",
            self.entries(&elements.expr)?,
            self.object(&content.body)?
        );
        Ok((kind, value))
    }

    /// An expression, with references to resources put in terms of local values.
    fn expression(&self, expr: &Expr) -> Result<String> {
        // As the value of an argument, which is what it is.
        let text = format!("x = {}\n", &self.text[expr.span.start as usize..expr.span.end as usize]);
        let new = self.localised(&text)?;
        Ok(new.trim_start_matches("x = ").trim_end_matches('\n').to_owned())
    }

    /// Arguments and blocks, with references to resources put in terms of local values.
    fn localised(&self, text: &str) -> Result<String> {
        let mut found = Vec::new();
        self.references_in(&parse("a part", text)?, &mut found);
        found.sort_by_key(|(span, _)| span.start);
        let mut out = String::new();
        let mut at = 0;
        for (span, new) in found {
            out.push_str(&text[at..span.start as usize]);
            out.push_str(&new);
            at = span.end as usize;
        }
        out.push_str(&text[at..]);
        Ok(out)
    }

    fn references_in(&self, body: &Body, found: &mut Vec<(Span, String)>) {
        for attribute in &body.attributes {
            self.references(&attribute.expr, found);
        }
        for block in &body.blocks {
            self.references_in(&block.body, found);
        }
    }

    fn references(&self, expr: &Expr, found: &mut Vec<(Span, String)>) {
        let mut all = |exprs: &[&Expr]| exprs.iter().for_each(|e| self.references(e, found));
        match &*expr.kind {
            ExprKind::GetAttr { base, name } => match &*base.kind {
                ExprKind::Variable(root) if self.types.contains(&**root) => {
                    found.push((expr.span, format!("local.{root}__{}", name.name)));
                }
                ExprKind::GetAttr { base: root, name: kind } if root.as_keyword() == Some("data") => {
                    found.push((expr.span, format!("local.data__{}__{}", kind.name, name.name)));
                }
                _ => all(&[base]),
            },
            ExprKind::Template(parts) => self.references_in_template(parts, found),
            ExprKind::Index { base, key } => all(&[base, key]),
            ExprKind::Splat { base, each, .. } => all(&[base, each]),
            ExprKind::Call { args, .. } => args.iter().for_each(|e| self.references(e, found)),
            ExprKind::Tuple(items) => items.iter().for_each(|e| self.references(e, found)),
            ExprKind::Object(items) => {
                for item in items {
                    if !item.bare {
                        self.references(&item.key, found);
                    }
                    self.references(&item.value, found);
                }
            }
            ExprKind::ForTuple(each) => {
                all(&[&each.intro.collection, &each.value]);
                each.intro.cond.iter().for_each(|e| self.references(e, found));
            }
            ExprKind::ForObject(each) => {
                all(&[&each.intro.collection, &each.key, &each.value]);
                each.intro.cond.iter().for_each(|e| self.references(e, found));
            }
            ExprKind::Unary(_, inner) | ExprKind::Parens(inner) => all(&[inner]),
            ExprKind::Binary(_, left, right) => all(&[left, right]),
            ExprKind::Conditional { cond, then, otherwise } => all(&[cond, then, otherwise]),
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::Variable(_)
            | ExprKind::SplatItem
            | ExprKind::Error => {}
        }
    }

    fn references_in_template(&self, parts: &[TemplatePart], found: &mut Vec<(Span, String)>) {
        for part in parts {
            match part {
                TemplatePart::Literal(..) => {}
                TemplatePart::Interpolation(inner) => self.references(inner, found),
                TemplatePart::If { cond, then, otherwise, .. } => {
                    self.references(cond, found);
                    self.references_in_template(then, found);
                    self.references_in_template(otherwise, found);
                }
                TemplatePart::For { collection, body, .. } => {
                    self.references(collection, found);
                    self.references_in_template(body, found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pure(text: &str) -> String {
        let files = [("main.tf".to_owned(), text.to_owned())];
        module(&files).expect("it can be rewritten").remove(0).1
    }

    #[test]
    fn references_to_resources_become_local_values_wherever_they_stand() {
        let made = pure(
            "resource \"t\" \"a\" {\n  x = 1\n}\ndata \"d\" \"b\" {}\nlocals {\n  y = \"${t.a[each.key].id}-${data.d.b.z}\"\n  w = [for n in t.a : n.t.a][*].t\n  v = var.t.a\n}\n",
        );
        assert!(made.contains("y = \"${local.t__a[each.key].id}-${local.data__d__b.z}\""), "{made}");
        assert!(made.contains("w = [for n in local.t__a : n.t.a][*].t"), "{made}");
        assert!(made.contains("v = var.t.a"), "{made}");
    }

    #[test]
    fn blocks_become_lists_and_what_steers_the_engine_is_left_out() {
        let made = pure(
            "resource \"t\" \"a\" {\n  for_each = var.m\n  name = each.key\n  b {\n    c = 1\n  }\n  dynamic \"b\" {\n    for_each = var.bs\n    content {\n      c = b.value\n    }\n  }\n  lifecycle {\n    ignore_changes = [name]\n  }\n}\n",
        );
        assert!(
            made.contains("each.key =>") && made.contains("module") != made.contains("x_address"),
            "{made}"
        );
        assert!(made.contains("b = concat([{\nc = (1\n)\n}], [for b in "), "{made}");
        assert!(!made.contains("ignore_changes"), "{made}");
    }

    #[test]
    fn the_state_is_looked_up_by_address() {
        let state = json!({ "resources": [
            { "module": "module.p", "mode": "managed", "type": "t", "name": "a",
              "instances": [{ "index_key": "k", "attributes": { "id": "1" } }] },
            { "mode": "data", "type": "d", "name": "b", "instances": [{ "attributes": { "id": "2" } }] },
        ]});
        let found = attributes(&state);
        assert_eq!(found["module.p.t.a[\"k\"]"]["id"], "1");
        assert_eq!(found["data.d.b"]["id"], "2");
    }
}
