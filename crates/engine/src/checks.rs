//! Results of conditions: of variables, resources, outputs and checks, as the state keeps them. The form is that of the
//! field `check_results` in statefiles that Terraform 1.11.4 writes.

use std::collections::BTreeMap;
use std::fmt::Display;

use ferroform_core::addr::ModulePath;
use ferroform_lang::Config;
use serde_json::{Map, Value as Json, json};

/// What a condition belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Check,
    Output,
    Resource,
    Variable,
}

impl Kind {
    const NAMES: [(Kind, &'static str); 4] = [
        (Kind::Check, "check"),
        (Kind::Output, "output"),
        (Kind::Resource, "resource"),
        (Kind::Variable, "var"),
    ];

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// How a condition came out; what outweighs comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Status {
    /// It holds.
    #[default]
    Pass,
    /// It cannot be told yet.
    Unknown,
    /// It does not hold.
    Fail,
    /// It cannot be evaluated.
    Error,
}

impl Status {
    const NAMES: [(Status, &'static str); 4] = [
        (Status::Pass, "pass"),
        (Status::Unknown, "unknown"),
        (Status::Fail, "fail"),
        (Status::Error, "error"),
    ];

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(status, _)| *status == self).map_or("", |(_, name)| name)
    }
}

/// What came of the conditions of one object, all together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    /// What is said of conditions that do not hold.
    pub(crate) messages: Vec<String>,
}

impl Outcome {
    /// Adds what came of another condition.
    pub(crate) fn add(&mut self, status: Status, message: Option<String>) {
        self.status = self.status.max(status);
        self.messages.extend(message);
    }
}

/// The conditions of one block.
#[derive(Debug, Clone, Default, PartialEq)]
struct Block {
    /// Whether it is known which objects there are.
    visited: bool,
    objects: BTreeMap<String, Outcome>,
}

/// What came of all conditions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Results(BTreeMap<(Kind, String), Block>);

impl Results {
    /// Nothing known yet of all that configuration has conditions for.
    pub(crate) fn of(config: &Config) -> Results {
        let mut results = Results::default();
        for (path, module) in config.modules() {
            let mut declare = |kind, name: String| {
                results.0.insert((kind, below(path, &name)), Block::default());
            };
            let variables = module.variables.values().filter(|v| !v.validations.is_empty());
            variables.for_each(|v| declare(Kind::Variable, format!("var.{}", v.name)));
            let outputs = module.outputs.values().filter(|o| !o.preconditions.is_empty());
            outputs.for_each(|o| declare(Kind::Output, format!("output.{}", o.name)));
            module.checks.keys().for_each(|name| declare(Kind::Check, format!("check.{name}")));
            for (addr, block) in &module.resources {
                if !(block.lifecycle.preconditions.is_empty() && block.lifecycle.postconditions.is_empty()) {
                    declare(Kind::Resource, addr.to_string());
                }
            }
        }
        results
    }

    /// The same with what planning found out. What planning read is not looked at again; as Terraform has it, nothing
    /// is known of conditions on that.
    pub(crate) fn resume(config: &Config, planned: Option<&Json>) -> Results {
        let mut results = Results::of(config);
        for json in planned.and_then(Json::as_array).into_iter().flatten() {
            let kind = Kind::NAMES.iter().find(|(_, name)| json["object_kind"] == *name);
            let (Some((kind, _)), Some(addr)) = (kind, json["config_addr"].as_str()) else { continue };
            let Some(block) = results.0.get_mut(&(*kind, addr.to_owned())) else { continue };
            block.visited = json["objects"].is_array() || status(json) == Status::Pass;
            let read = *kind == Kind::Resource && addr.split('.').any(|part| part == "data");
            for object in json["objects"].as_array().into_iter().flatten() {
                let Some(addr) = object["object_addr"].as_str() else { continue };
                let messages = object["failure_messages"].as_array().into_iter().flatten();
                let messages = messages.filter_map(|m| m.as_str().map(str::to_owned)).collect();
                let outcome = if read {
                    Outcome { status: Status::Unknown, messages: Vec::new() }
                } else {
                    Outcome { status: status(object), messages }
                };
                block.objects.insert(addr.to_owned(), outcome);
            }
        }
        results
    }

    /// What is known of a block. Addresses are only written out where there are conditions at all.
    fn block(&mut self, kind: Kind, config: &dyn Display) -> Option<&mut Block> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get_mut(&(kind, config.to_string()))
    }

    /// Forgets what is known of a block's objects: they are looked at now.
    pub(crate) fn begin(&mut self, kind: Kind, config: &dyn Display) {
        if let Some(block) = self.block(kind, config) {
            *block = Block { visited: true, objects: BTreeMap::new() };
        }
    }

    /// Forgets what is known of one object: it is looked at now.
    pub(crate) fn begin_object(&mut self, kind: Kind, config: &dyn Display, object: &dyn Display) {
        if let Some(block) = self.block(kind, config) {
            block.objects.remove(&object.to_string());
        }
    }

    /// Adds what came of an object's conditions.
    pub(crate) fn report(
        &mut self,
        kind: Kind,
        config: &dyn Display,
        object: &dyn Display,
        outcome: Outcome,
    ) {
        if let Some(block) = self.block(kind, config) {
            let known = block.objects.entry(object.to_string()).or_default();
            known.status = known.status.max(outcome.status);
            known.messages.extend(outcome.messages);
        }
    }

    /// What the state keeps; none if there are no conditions.
    pub(crate) fn to_json(&self) -> Option<Json> {
        if self.0.is_empty() {
            return None;
        }
        let one = |((kind, addr), block): (&(Kind, String), &Block)| {
            let worst = block.objects.values().map(|outcome| outcome.status).max();
            let none = if block.visited { Status::Pass } else { Status::Unknown };
            let objects = block.objects.iter().map(|(addr, outcome)| {
                let mut out = Map::new();
                out.insert("object_addr".into(), json!(addr));
                out.insert("status".into(), json!(outcome.status.name()));
                if !outcome.messages.is_empty() {
                    out.insert("failure_messages".into(), json!(outcome.messages));
                }
                Json::Object(out)
            });
            json!({
                "object_kind": kind.name(),
                "config_addr": addr,
                "status": worst.unwrap_or(none).name(),
                "objects": if block.objects.is_empty() { Json::Null } else { objects.collect() },
            })
        };
        Some(self.0.iter().map(one).collect())
    }
}

fn status(json: &Json) -> Status {
    let found = Status::NAMES.iter().find(|(_, name)| json["status"] == *name);
    found.map_or(Status::Unknown, |(status, _)| *status)
}

/// The address of something in a module or in an instance of one.
pub(crate) fn below(module: &impl Display, name: &str) -> String {
    let module = module.to_string();
    if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") }
}

/// The address of something in a module.
pub(crate) fn in_module(path: &ModulePath, kind: &str, name: &str) -> String {
    below(path, &format!("{kind}.{name}"))
}
