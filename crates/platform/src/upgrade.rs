//! Upgrading k3s, one node after the other: control planes first, the first one first, then agents.
//!
//! Where a run stops, the next one goes on: what each node is at is read from the cluster, and a node that was being
//! upgraded carries an annotation. A node that an administrator cordoned stays cordoned.

use std::time::{Duration, Instant};

use ferroform_core::Diagnostic;
use serde::Serialize;
use serde_json::{Value, json};

use crate::contract::Contract;
use crate::kubectl::Kubectl;
use crate::remote::{Call, Remote};
use crate::run::{Invocation, Stop, Streams};
use crate::version::Version;

/// What a node carries while it is upgraded. Keys without a prefix are private to users (kubernetes.io, "Annotations").
const ANNOTATION: &str = "ferroform-upgrade";
/// How long the node program may take: a download, a restart, and waiting for the service.
const PROGRAM_LIMIT: Duration = Duration::from_secs(20 * 60);
/// How often a node is looked at while it comes back.
const PAUSE: Duration = Duration::from_secs(3);

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name in the cluster.
    pub name: String,
    /// The version of its kubelet, such as `v1.31.4+k3s1`.
    pub version: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether nothing new is scheduled to it.
    pub cordoned: bool,
    /// Whether an upgrade of it was begun and not ended.
    pub upgrading: bool,
    /// Whether it is a control plane, by the label that k3s gives.
    pub control_plane: bool,
    /// Its addresses in the cluster.
    pub addresses: Vec<String>,
}

/// Reads the answer of `kubectl get nodes`.
pub fn nodes(list: &Value) -> Vec<Node> {
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(node).collect()
}

fn node(value: &Value) -> Node {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let labels = &value["metadata"]["labels"];
    Node {
        name: text(&value["metadata"]["name"]),
        version: text(&value["status"]["nodeInfo"]["kubeletVersion"]),
        ready: list(&value["status"]["conditions"])
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True"),
        cordoned: value["spec"]["unschedulable"] == true,
        upgrading: value["metadata"]["annotations"][ANNOTATION].is_string(),
        control_plane: labels["node-role.kubernetes.io/control-plane"].is_string(),
        addresses: list(&value["status"]["addresses"])
            .iter()
            .map(|address| text(&address["address"]))
            .collect(),
    }
}

/// What is to be done with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Todo {
    /// It has the version already.
    Nothing,
    /// An earlier run upgraded it and stopped before it was given work again.
    Finish,
    /// The whole of it.
    Upgrade,
}

/// A step of the plan: one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The server's name in the contract.
    pub server: String,
    /// `control plane` or `agent`.
    pub role: &'static str,
    /// The node.
    pub node: Node,
    /// What is to be done.
    pub todo: Todo,
}

/// The plan: every node in the order in which it is upgraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The version to be reached.
    pub to: String,
    /// The nodes.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.todo == Todo::Nothing)
    }
}

/// Makes the plan from what the cluster and the contract say.
pub fn plan(contract: &Contract, nodes: &[Node], to: &str) -> Result<Plan, Diagnostic> {
    let refused = |why: String| Diagnostic::error("Upgrade not possible").detail(why);
    let target = Version::parse(to).ok_or_else(|| {
        refused(format!("{to:?} is no version of k3s. Write it as k3s does, such as v1.31.4+k3s1."))
    })?;
    let kubernetes = contract.kubernetes()?;
    let all = kubernetes.servers.iter().map(|name| (name, "control plane"));
    let all = all.chain(kubernetes.agents.iter().map(|name| (name, "agent")));
    let mut steps = Vec::new();
    for (server, role) in all {
        let private = contract.server(server)?.private.as_deref();
        let is_it = |node: &&Node| {
            node.name == *server
                || private.is_some_and(|address| node.addresses.iter().any(|known| known == address))
        };
        let node = nodes.iter().find(is_it).cloned().ok_or_else(|| {
            refused(format!(
                "The server {server} is not among the nodes of the cluster. It has never joined, or has another name \
                 there."
            ))
            .hint("ferroform logs NAME -unit=k3s shows why a node does not join.")
        })?;
        let current = Version::parse(&node.version).ok_or_else(|| {
            refused(format!("The node {} has version {:?}, which is none of k3s's.", node.name, node.version))
        })?;
        let todo = match (current == target, node.upgrading) {
            (true, false) => Todo::Nothing,
            (true, true) => Todo::Finish,
            (false, _) => Todo::Upgrade,
        };
        if let Some(why) = current.refuses(target) {
            return Err(refused(format!("The node {} cannot go there: {why}.", node.name)));
        }
        if !node.ready && !node.upgrading {
            return Err(refused(format!(
                "The node {} is not ready, and no upgrade made it so. An upgrade takes one node after the other out of \
                 work, which a cluster can only bear when all others are well.",
                node.name
            )));
        }
        steps.push(Step { server: server.clone(), role, node, todo });
    }
    // A node that an earlier run left in between comes first among its kind: it is out of work.
    steps.sort_by_key(|step| (step.role != "control plane", !step.node.upgrading));
    if let Some(stranger) = nodes.iter().find(|node| !steps.iter().any(|step| step.node.name == node.name)) {
        return Err(refused(format!(
            "The node {} is in the cluster and not among the servers of the contract; an upgrade that leaves it out \
             would not be one of the cluster.",
            stranger.name
        ))
        .hint("If its server is gone, kubectl delete node removes it."));
    }
    Ok(Plan { to: target.to_string(), steps })
}

/// How to upgrade.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long emptying one node may take.
    pub drain_limit: Duration,
    /// How long a node may take to be ready again.
    pub ready_limit: Duration,
    /// The checksum of the binary, where the mirror does not tell.
    pub sha256: Option<String>,
}

/// What is done with nodes, besides what [`plan`] needs.
pub struct Upgrade<'a> {
    /// The cluster's API.
    pub kubectl: &'a Kubectl<'a>,
    /// The servers.
    pub remote: Remote<'a>,
    /// How.
    pub options: Options,
    /// Told what is being done.
    pub say: &'a dyn Fn(&str),
}

impl Upgrade<'_> {
    /// Carries the plan out. The names of the nodes that were upgraded.
    pub fn carry_out(&self, plan: &Plan) -> Result<Vec<String>, Diagnostic> {
        let mut done = Vec::new();
        for step in plan.steps.iter().filter(|step| step.todo != Todo::Nothing) {
            if self.remote.runner.stop() > Stop::No {
                let stopped =
                    Diagnostic::error("Stopped").detail("Between two nodes: none is in the middle.");
                return Err(account(stopped, plan, &done, &[]));
            }
            let mut standing = Vec::new();
            self.node(step, &plan.to, &mut standing).map_err(|why| account(why, plan, &done, &standing))?;
            done.push(step.node.name.clone());
        }
        Ok(done)
    }

    fn node(&self, step: &Step, to: &str, standing: &mut Vec<String>) -> Result<(), Diagnostic> {
        let (node, name) = (&step.node, step.node.name.as_str());
        let say = |text: &str| (self.say)(&format!("{name}: {text}"));
        // Whether it is given work again at the end is noted before it loses it.
        let ours = node.upgrading || !node.cordoned;
        if step.todo == Todo::Upgrade {
            if ours {
                say("taking it out of work");
                self.patch("cordon", name, json!(to), json!(true))?;
                standing.push(format!("{name} is cordoned"));
            }
            self.drain(name)?;
            standing.push(format!("{name} is drained"));
            say(&format!("upgrading k3s from {} to {to}", node.version));
            self.program(step, to)?;
            standing.push(format!("k3s on {name} was upgraded"));
        }
        say("waiting until it is ready");
        self.wait_until_ready(name, to)?;
        if ours {
            self.patch("uncordon", name, Value::Null, Value::Null)?;
            say("done, and at work again");
        } else {
            say("done; it was cordoned before and stays so");
        }
        Ok(())
    }

    /// Marks a node and takes it out of work, or both the other way round: with one request, so that the mark is there
    /// exactly as long. `kubectl cordon` and `uncordon` would end with 0 even when the API refuses.
    fn patch(&self, what: &str, name: &str, mark: Value, unschedulable: Value) -> Result<(), Diagnostic> {
        let change = json!({
            "metadata": {"annotations": {ANNOTATION: mark}},
            "spec": {"unschedulable": unschedulable},
        });
        let change = format!("--patch={change}");
        let args = ["patch", "node", name, "--type=merge", &change];
        self.kubectl.change(&format!("{what} the node {name}"), &args, None).map(drop)
    }

    fn drain(&self, name: &str) -> Result<(), Diagnostic> {
        (self.say)(&format!("{name}: moving its pods away"));
        let timeout = format!("--timeout={}s", self.options.drain_limit.as_secs());
        let invocation = Invocation {
            limit: Some(self.options.drain_limit + Duration::from_secs(60)),
            ..self.kubectl.invocation([
                "drain",
                name,
                "--ignore-daemonsets",
                "--delete-emptydir-data",
                &timeout,
            ])
        };
        self.kubectl.done(&format!("drain the node {name}"), invocation).map(drop).map_err(|failed| {
            failed.hint(
                "A disruption budget that allows no disruption, or a pod without a controller, keeps a node from being \
                 drained; kubectl get poddisruptionbudgets -A shows budgets.",
            )
        })
    }

    fn program(&self, step: &Step, to: &str) -> Result<(), Diagnostic> {
        let program = self.remote.contract.kubernetes()?.program();
        let mut words = vec![program, "upgrade", to];
        if let Some(sum) = &self.options.sha256 {
            words.extend(["--sha256", sum]);
        }
        let call = Call { streams: Streams::Kept, limit: Some(PROGRAM_LIMIT), ..Call::new(words) };
        self.remote.done(&step.server, call).map(drop).map_err(|failed| {
            failed.hint(format!(
                "The node program puts the old version back when the new one does not start; ferroform logs {} -unit={} \
                 shows what k3s said.",
                step.server,
                if step.role == "agent" { "k3s-agent" } else { "k3s" }
            ))
        })
    }

    /// The API of a single control plane is away meanwhile: that it does not answer is no failure yet.
    fn wait_until_ready(&self, name: &str, to: &str) -> Result<(), Diagnostic> {
        let begun = Instant::now();
        let mut last;
        loop {
            match self.kubectl.get(&format!("look at the node {name}"), &["node", name]) {
                Ok(Some(value)) => {
                    let node = node(&value);
                    if node.ready && node.version == to {
                        return Ok(());
                    }
                    let ready = if node.ready { "ready" } else { "not ready" };
                    last = format!("it is {ready} with version {}", node.version);
                }
                Ok(None) => last = "the cluster does not know it".to_owned(),
                Err(error) => last = error.detail.trim_end_matches('.').to_owned(),
            }
            let stop = self.remote.runner.stop();
            if stop > Stop::No || begun.elapsed() > self.options.ready_limit {
                let why = if stop > Stop::No { "Waiting was stopped" } else { "It takes too long" };
                return Err(Diagnostic::error("Node not ready")
                    .detail(format!("The node {name} should be ready with version {to}. {why}: {last}.")));
            }
            self.remote.runner.sleep(PAUSE);
        }
    }
}

/// Adds to an error what stands where, and how to go on.
fn account(mut why: Diagnostic, plan: &Plan, done: &[String], standing: &[String]) -> Diagnostic {
    let names = |todo: &dyn Fn(&Step) -> bool| -> Vec<&str> {
        plan.steps.iter().filter(|step| todo(step)).map(|step| step.node.name.as_str()).collect()
    };
    let upgraded = names(&|step| step.todo == Todo::Nothing || done.contains(&step.node.name));
    let mut open = names(&|step| step.todo != Todo::Nothing && !done.contains(&step.node.name));
    let mut lines = Vec::new();
    if !upgraded.is_empty() {
        lines.push(format!("At {} and at work: {}.", plan.to, upgraded.join(", ")));
    }
    if why.summary != "Stopped" && !open.is_empty() {
        let at = open.remove(0);
        let how =
            if standing.is_empty() { "nothing was changed there".to_owned() } else { standing.join("; ") };
        lines.push(format!("Stopped at {at}: {how}."));
    }
    if !open.is_empty() {
        lines.push(format!("Not begun: {}.", open.join(", ")));
    }
    why.detail = format!("{}\n\n{}", why.detail, lines.join("\n"));
    why.hint(format!(
        "When that is mended, ferroform upgrade k3s -to={} goes on with the node where it stopped.",
        plan.to
    ))
}
