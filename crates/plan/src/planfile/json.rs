//! The JSON form of a plan inside a planfile. It is our own; only this module knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use ferroform_core::addr::{ConfigResource, ModuleInstance, ModulePath, Target};
use ferroform_core::{AttrPath, Marks, Step as PathStep, Value, wire};
use ferroform_state::State;
use ferroform_state::world::WorldBinding;
use serde_json::{Map, Value as Json, json};

use crate::{
    Action, ActionReason, ConfigNode, ExecGraph, ExecNode, OutputChange, Plan, PlanMode, ResourceChange, Step,
};

pub(super) fn encode(plan: &Plan) -> Json {
    json!({
        "mode": mode_name(plan.mode),
        "lineage": plan.lineage,
        "serial": plan.serial,
        "workspace": plan.workspace,
        "worlds": plan.worlds.iter().map(world).collect::<Vec<_>>(),
        "timestamp": plan.timestamp,
        "variables": variables(plan),
        "ephemeral": plan.ephemeral,
        "targets": plan.targets.iter().map(target).collect::<Vec<_>>(),
        "drift": plan.drift.iter().map(change).collect::<Vec<_>>(),
        "moves": plan.moves.iter().map(|(from, to)| json!({ "from": from.to_string(), "to": to.to_string() })).collect::<Vec<_>>(),
        "imports": plan.imports.iter().map(|(addr, id)| json!({ "to": addr.to_string(), "id": id })).collect::<Vec<_>>(),
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "outputs": plan.outputs.iter().map(output).collect::<Vec<_>>(),
        "steps": plan.graph.nodes.iter().map(step).collect::<Vec<_>>(),
    })
}

/// The values of variables. What is ephemeral is never kept anywhere.
fn variables(plan: &Plan) -> Map<String, Json> {
    let kept = plan.variables.iter().filter(|(_, value)| !value.marks_deep().contains(Marks::EPHEMERAL));
    kept.map(|(name, value)| (name.to_string(), wire::encode(value))).collect()
}

pub(super) fn decode(json: &Json, prior: State) -> Result<Plan, String> {
    let plan = Fields::of(json, "the plan")?;
    let changes = plan.list("changes", decode_change)?;
    let graph = ExecGraph { nodes: plan.list("steps", decode_step)? };
    check_graph(&graph, changes.len())?;
    let variables = plan.get("variables")?.as_object().ok_or("its variables are no object")?;
    Ok(Plan {
        mode: decode_mode(plan.text("mode")?)?,
        lineage: plan.text("lineage")?.to_owned(),
        serial: plan.number("serial")?,
        worlds: plan.list("worlds", decode_world)?,
        workspace: plan.text("workspace")?.to_owned(),
        timestamp: plan.text("timestamp")?.to_owned(),
        variables: variables
            .iter()
            .map(|(k, v)| Ok((Arc::from(k.as_str()), decode_value(v)?)))
            .collect::<Result<BTreeMap<_, _>, String>>()?,
        ephemeral: match plan.opt("ephemeral") {
            // Planfiles of before have none.
            None => BTreeSet::new(),
            Some(_) => plan
                .list("ephemeral", |name| {
                    Ok(name.as_str().ok_or("the name of a variable is no text")?.into())
                })?
                .into_iter()
                .collect(),
        },
        targets: plan.list("targets", decode_target)?,
        prior,
        drift: plan.list("drift", decode_change)?,
        moves: plan.list("moves", |json| {
            let fields = Fields::of(json, "a move")?;
            Ok((parse(fields.text("from")?)?, parse(fields.text("to")?)?))
        })?,
        imports: match plan.opt("imports") {
            // Planfiles of before have none.
            None => BTreeMap::new(),
            Some(_) => plan
                .list("imports", |json| {
                    let fields = Fields::of(json, "an import")?;
                    Ok((parse(fields.text("to")?)?, fields.text("id")?.into()))
                })?
                .into_iter()
                .collect(),
        },
        changes,
        outputs: plan.list("outputs", decode_output)?,
        graph,
    })
}

/// Every number in the graph must name something, and no step may wait for itself over others.
fn check_graph(graph: &ExecGraph, changes: usize) -> Result<(), String> {
    let steps = graph.nodes.len();
    for node in &graph.nodes {
        if node.after.iter().any(|id| *id as usize >= steps) {
            return Err("a step waits for one that does not exist".into());
        }
        if let Step::Apply(i) | Step::Destroy(i) = node.step
            && i >= changes
        {
            return Err("a step is about a change that does not exist".into());
        }
    }
    if graph.cycle().is_some() { Err("its steps wait for each other".into()) } else { Ok(()) }
}

fn mode_name(mode: PlanMode) -> &'static str {
    match mode {
        PlanMode::Normal => "normal",
        PlanMode::Destroy => "destroy",
        PlanMode::RefreshOnly => "refresh-only",
    }
}

fn decode_mode(name: &str) -> Result<PlanMode, String> {
    [PlanMode::Normal, PlanMode::Destroy, PlanMode::RefreshOnly]
        .into_iter()
        .find(|m| mode_name(*m) == name)
        .ok_or_else(|| format!("there is no plan mode {name:?}"))
}

fn world(world: &WorldBinding) -> Json {
    json!({ "provider": world.provider, "endpoint": world.endpoint, "project": world.project })
}

fn decode_world(json: &Json) -> Result<WorldBinding, String> {
    let fields = Fields::of(json, "a world")?;
    Ok(WorldBinding {
        proven: false,
        provider: fields.text("provider")?.to_owned(),
        endpoint: fields.text("endpoint")?.to_owned(),
        project: fields.text("project")?.to_owned(),
    })
}

fn target(target: &Target) -> Json {
    match target {
        Target::Module(module) => json!({ "module": module.to_string() }),
        Target::Resource(resource) => json!({ "resource": resource.to_string() }),
    }
}

fn decode_target(json: &Json) -> Result<Target, String> {
    let fields = Fields::of(json, "a target")?;
    match fields.opt("module") {
        Some(_) => Ok(Target::Module(parse::<ModuleInstance>(fields.text("module")?)?)),
        None => Ok(Target::Resource(parse(fields.text("resource")?)?)),
    }
}

fn change(change: &ResourceChange) -> Json {
    let texts = |all: &[ConfigResource]| all.iter().map(|d| Json::from(d.to_string())).collect::<Vec<_>>();
    json!({
        "address": change.addr.to_string(),
        "deposed": change.deposed.map(|k| k.to_string()),
        "provider": change.provider.to_string(),
        "action": change.action.name(),
        "reason": change.reason.map(ActionReason::name),
        "before": wire::encode(&change.before),
        "after": wire::encode(&change.after),
        "replace_paths": change.replace_paths.iter().map(path).collect::<Vec<_>>(),
        "config_unknown": change.config_unknown,
        "private": change.private,
        "dependencies": texts(&change.dependencies),
        "prior_dependencies": texts(&change.prior_dependencies),
        "create_before_destroy": change.create_before_destroy,
    })
}

fn decode_change(json: &Json) -> Result<ResourceChange, String> {
    let fields = Fields::of(json, "a change")?;
    let dependencies = |json: &Json| parse::<ConfigResource>(json.as_str().ok_or("a dependency is no text")?);
    let byte = |json: &Json| {
        json.as_u64()
            .and_then(|n| u8::try_from(n).ok())
            .ok_or_else(|| "private data holds no bytes".to_owned())
    };
    let reason = match fields.opt("reason") {
        Some(_) => {
            let name = fields.text("reason")?;
            Some(ActionReason::from_name(name).ok_or_else(|| format!("there is no reason {name:?}"))?)
        }
        None => None,
    };
    let action = fields.text("action")?;
    Ok(ResourceChange {
        addr: parse(fields.text("address")?)?,
        deposed: match fields.opt("deposed") {
            Some(_) => Some(parse(fields.text("deposed")?)?),
            None => None,
        },
        provider: parse(fields.text("provider")?)?,
        action: Action::from_name(action).ok_or_else(|| format!("there is no action {action:?}"))?,
        reason,
        before: decode_value(fields.get("before")?)?,
        after: decode_value(fields.get("after")?)?,
        replace_paths: fields.list("replace_paths", decode_path)?,
        config_unknown: fields.flag("config_unknown")?,
        private: fields.list("private", byte)?,
        dependencies: fields.list("dependencies", dependencies)?,
        prior_dependencies: fields.list("prior_dependencies", dependencies)?,
        create_before_destroy: fields.flag("create_before_destroy")?,
        source: None,
    })
}

fn output(change: &OutputChange) -> Json {
    json!({
        "name": change.name,
        "action": change.action.name(),
        "before": wire::encode(&change.before),
        "after": wire::encode(&change.after),
    })
}

fn decode_output(json: &Json) -> Result<OutputChange, String> {
    let fields = Fields::of(json, "an output")?;
    let action = fields.text("action")?;
    Ok(OutputChange {
        name: fields.text("name")?.into(),
        action: Action::from_name(action).ok_or_else(|| format!("there is no action {action:?}"))?,
        before: decode_value(fields.get("before")?)?,
        after: decode_value(fields.get("after")?)?,
    })
}

fn path(path: &AttrPath) -> Json {
    let steps = path.steps().iter().map(|step| match step {
        PathStep::Attr(name) => json!({ "attr": name }),
        PathStep::Index(key) => json!({ "index": wire::encode(key) }),
    });
    Json::Array(steps.collect())
}

fn decode_path(json: &Json) -> Result<AttrPath, String> {
    let steps = json.as_array().ok_or("a path is no list")?.iter().map(|step| {
        let fields = Fields::of(step, "a step of a path")?;
        match fields.opt("attr") {
            Some(_) => Ok(PathStep::Attr(fields.text("attr")?.into())),
            None => Ok(PathStep::Index(decode_value(fields.get("index")?)?)),
        }
    });
    Ok(AttrPath(steps.collect::<Result<_, String>>()?))
}

fn step(node: &ExecNode) -> Json {
    match &node.step {
        Step::Evaluate(what) => json!({ "evaluate": config_node(what), "after": node.after }),
        Step::Apply(i) => json!({ "apply": i, "after": node.after }),
        Step::Destroy(i) => json!({ "destroy": i, "after": node.after }),
    }
}

fn decode_step(json: &Json) -> Result<ExecNode, String> {
    let fields = Fields::of(json, "a step")?;
    let index = |name: &str| -> Result<usize, String> {
        usize::try_from(fields.number(name)?).map_err(|_| "a number is too large".to_owned())
    };
    let step = if let Some(node) = fields.opt("evaluate") {
        Step::Evaluate(decode_config_node(node)?)
    } else if fields.opt("apply").is_some() {
        Step::Apply(index("apply")?)
    } else {
        Step::Destroy(index("destroy")?)
    };
    let id = |json: &Json| {
        json.as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(|| "a step's number is none".to_owned())
    };
    Ok(ExecNode { step, after: fields.list("after", id)? })
}

fn config_node(node: &ConfigNode) -> Json {
    let named = |kind: &str, module: &ModulePath, name: &str| json!([kind, module.0, name]);
    match node {
        ConfigNode::Provider(provider) => json!(["provider", provider.to_string()]),
        ConfigNode::Resource(resource) => json!(["resource", resource.to_string()]),
        ConfigNode::Variable(module, name) => named("variable", module, name),
        ConfigNode::VariableCheck(module, name) => named("validation", module, name),
        ConfigNode::Local(module, name) => named("local", module, name),
        ConfigNode::Output(module, name) => named("output", module, name),
        ConfigNode::Call(module, name) => named("module", module, name),
        ConfigNode::Check(module, name) => named("check", module, name),
    }
}

fn decode_config_node(json: &Json) -> Result<ConfigNode, String> {
    let wrong = || "a step is about nothing known".to_owned();
    let parts = json.as_array().ok_or_else(wrong)?;
    let text = |i: usize| parts.get(i).and_then(Json::as_str).ok_or_else(wrong);
    let kind = text(0)?;
    match kind {
        "provider" => return Ok(ConfigNode::Provider(parse(text(1)?)?)),
        "resource" => return Ok(ConfigNode::Resource(parse(text(1)?)?)),
        _ => {}
    }
    let module = parts.get(1).and_then(Json::as_array).ok_or_else(wrong)?;
    let module =
        module.iter().map(|n| n.as_str().map(Arc::from)).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    let (module, name) = (ModulePath(module), Arc::from(text(2)?));
    match kind {
        "variable" => Ok(ConfigNode::Variable(module, name)),
        "validation" => Ok(ConfigNode::VariableCheck(module, name)),
        "local" => Ok(ConfigNode::Local(module, name)),
        "output" => Ok(ConfigNode::Output(module, name)),
        "module" => Ok(ConfigNode::Call(module, name)),
        "check" => Ok(ConfigNode::Check(module, name)),
        _ => Err(wrong()),
    }
}

fn decode_value(json: &Json) -> Result<Value, String> {
    wire::decode(json).map_err(|error| format!("a value cannot be read ({error})"))
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// The members of a JSON object, with errors that name the object.
struct Fields<'a> {
    map: &'a Map<String, Json>,
    what: &'a str,
}

impl<'a> Fields<'a> {
    fn of(json: &'a Json, what: &'a str) -> Result<Self, String> {
        let map = json.as_object().ok_or_else(|| format!("{what} is no object"))?;
        Ok(Fields { map, what })
    }

    /// A member that is neither missing nor null.
    fn opt(&self, name: &str) -> Option<&'a Json> {
        self.map.get(name).filter(|json| !json.is_null())
    }

    fn get(&self, name: &str) -> Result<&'a Json, String> {
        self.map.get(name).ok_or_else(|| format!("{} lacks {name:?}", self.what))
    }

    fn wrong(&self, name: &str) -> String {
        format!("{name:?} of {} is of the wrong kind", self.what)
    }

    fn text(&self, name: &str) -> Result<&'a str, String> {
        self.get(name)?.as_str().ok_or_else(|| self.wrong(name))
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        self.get(name)?.as_u64().ok_or_else(|| self.wrong(name))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        self.get(name)?.as_bool().ok_or_else(|| self.wrong(name))
    }

    fn list<T>(&self, name: &str, item: impl Fn(&Json) -> Result<T, String>) -> Result<Vec<T>, String> {
        self.get(name)?.as_array().ok_or_else(|| self.wrong(name))?.iter().map(item).collect()
    }
}
