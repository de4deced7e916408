//! `status`: how a running stack is, on one screen. Parts that cannot be asked are said to be so, and the rest is shown.

mod health;
mod spent;

use std::collections::BTreeMap;
use std::process::ExitCode;

use ferroform_core::Diagnostic;
use ferroform_hcloud::{Client, Server, TargetHealth};
use ferroform_platform::backup::{List, Program};
use ferroform_platform::facts::Facts;
use ferroform_platform::remote::Call;
use ferroform_platform::upgrade::{self, Node};
use ferroform_platform::{Remote, docker};
use serde::Serialize;

pub(crate) use self::health::HealthStatus;
pub(crate) use self::spent::CostStatus;
use super::Outcome;
use super::stack::Stack;
use super::state::read_state;
use crate::args::StackStatusArgs;
use crate::terminal::Terminal;
use crate::views::day2::{problems, render_status};
use crate::workflow::now;

/// A part of the screen: what was found, or why it could not be asked.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part<T> {
    /// What was found.
    Found(T),
    /// Why it is not known.
    Unknown(String),
}

impl<T> Part<T> {
    fn of(result: Result<T, Diagnostic>) -> Self {
        match result {
            Ok(found) => Part::Found(found),
            Err(why) => {
                // One line of the overview.
                let detail: Vec<&str> = why.detail.split_whitespace().collect();
                Part::Unknown(format!("{}: {}", why.summary, detail.join(" ")))
            }
        }
    }

    /// What was found.
    pub(crate) fn found(&self) -> Option<&T> {
        match self {
            Part::Found(found) => Some(found),
            Part::Unknown(_) => None,
        }
    }
}

/// A server.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServerStatus {
    pub name: String,
    pub role: String,
    /// The status in the API.
    pub status: Part<String>,
    pub address: Option<String>,
    /// What it says of itself.
    pub facts: Part<Facts>,
}

/// A target of the load balancer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TargetStatus {
    pub target: String,
    /// By port: healthy, unhealthy or unknown.
    pub ports: BTreeMap<i64, String>,
}

/// The load balancer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BalancerStatus {
    pub name: String,
    pub targets: Vec<TargetStatus>,
}

/// The database.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DatabaseStatus {
    pub server: String,
    pub database: String,
    /// Whether it accepts connections.
    pub accepting: Part<bool>,
    pub backups: Option<Part<List>>,
}

/// Everything.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Status {
    pub stack: String,
    pub environment: String,
    /// When it was asked, RFC 3339.
    pub at: String,
    pub servers: Vec<ServerStatus>,
    pub load_balancer: Option<Part<BalancerStatus>>,
    pub nodes: Option<Part<Vec<Node>>>,
    pub services: Option<Part<docker::Status>>,
    pub database: Option<DatabaseStatus>,
    /// What the service says of itself; none where the contract names no address, or it is not to be asked.
    pub health: Option<Part<HealthStatus>>,
    /// What the stack has cost this month; none where nothing is paid for.
    pub cost: Option<Part<CostStatus>>,
    /// What is not as it should be, a line each.
    pub problems: Vec<String>,
}

/// Ends with 0 when everything is as it should be, else with 1.
pub(super) async fn run(args: &StackStatusArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    let client = stack.client()?;
    let contract = &stack.contract;
    let statuses = Part::of(server_statuses(&client).await);
    let load_balancer = match &contract.load_balancer {
        Some(balancer) => Some(Part::of(balancer_status(&client, balancer.id.as_deref(), &statuses).await)),
        None => None,
    };
    let cost = match (read_state(&stack.context, &args.stack.place)?, statuses.found()) {
        // What is in the local cloud costs nothing.
        _ if stack.owner.is_some() => None,
        (Some(state), Some(servers)) => Some(Part::of(spent::of(&client, &state, servers).await)),
        (Some(_), None) => Some(Part::Unknown("The ages of the servers are not known.".to_owned())),
        (None, _) => None,
    };
    let loopback_only =
        stack.owner.is_some() || std::env::var_os("FERROFORM_FORBID_PUBLIC_ENDPOINT").is_some();
    let health = match contract.health.as_ref().and_then(|health| health.url.as_deref()) {
        Some(url) => health::of(url, loopback_only).await.map(Part::of),
        None => None,
    };
    stack.say("Asking the servers");
    let (facts, nodes, services, database) = ask(&stack);
    let servers = contract
        .servers
        .iter()
        .zip(facts)
        .map(|((name, server), facts)| ServerStatus {
            name: name.clone(),
            role: server.role.clone(),
            status: status_of(&statuses, name, server.id.as_deref()),
            address: server.address.clone().or_else(|| server.private.clone()),
            facts,
        })
        .collect();
    let mut status = Status {
        stack: contract.stack.clone(),
        environment: contract.environment.clone(),
        at: now(),
        servers,
        load_balancer,
        nodes,
        services,
        database,
        health,
        cost,
        problems: Vec::new(),
    };
    status.problems = problems(&status);
    stack.result(args.json, &status, || render_status(&status, &stack.context.style));
    Ok(ExitCode::from(u8::from(!status.problems.is_empty())))
}

type Asked =
    (Vec<Part<Facts>>, Option<Part<Vec<Node>>>, Option<Part<docker::Status>>, Option<DatabaseStatus>);

/// Asks all servers at once: one that does not answer holds up nobody.
fn ask(stack: &Stack<'_>) -> Asked {
    let (remote, contract) = (stack.remote(), &stack.contract);
    std::thread::scope(|scope| {
        let facts: Vec<_> = contract
            .servers
            .keys()
            .map(|name| scope.spawn(move || Part::of(Facts::of(remote, name))))
            .collect();
        let nodes = contract
            .kubernetes
            .as_ref()
            .map(|kubernetes| scope.spawn(move || Part::of(nodes(remote, &kubernetes.servers))));
        let services =
            contract.deploy.as_ref().map(|host| scope.spawn(move || Part::of(docker::status(remote, host))));
        let database = contract.postgres.as_ref().map(|_| scope.spawn(move || database(remote)));
        let gone = || Part::Unknown("the question was given up".to_owned());
        (
            facts.into_iter().map(|asked| asked.join().unwrap_or_else(|_| gone())).collect(),
            nodes.map(|asked| {
                asked.join().unwrap_or_else(|_| Part::Unknown("the question was given up".to_owned()))
            }),
            services.map(|asked| {
                asked.join().unwrap_or_else(|_| Part::Unknown("the question was given up".to_owned()))
            }),
            database.and_then(|asked| asked.join().ok().flatten()),
        )
    })
}

/// Asked on a control plane itself, so that nothing has to be installed here; the next one when one does not answer.
fn nodes(remote: Remote<'_>, servers: &[String]) -> Result<Vec<Node>, Diagnostic> {
    let mut first = None;
    for server in servers {
        let words = ["k3s", "kubectl", "get", "nodes", "--output=json", "--request-timeout=20s"];
        match remote.json::<serde_json::Value>(server, Call::reading(words, 60)) {
            Ok(list) => return Ok(upgrade::nodes(&list)),
            Err(why) => first = first.or(Some(why)),
        }
    }
    Err(first.unwrap_or_else(|| remote.contract.without("kubernetes.servers", "control plane")))
}

fn database(remote: Remote<'_>) -> Option<DatabaseStatus> {
    let postgres = remote.contract.postgres.as_ref()?;
    let words = ["runuser", "-u", "postgres", "--", "pg_isready", "--quiet", "--timeout=10"];
    let accepting = remote.run(&postgres.server, Call::reading(words, 60)).map(|finished| finished.ok());
    let backups = postgres
        .program
        .is_some()
        .then(|| Part::of(Program::of(remote, remote.contract).and_then(|program| program.list())));
    Some(DatabaseStatus {
        server: postgres.server.clone(),
        database: postgres.database.clone(),
        accepting: Part::of(accepting),
        backups,
    })
}

fn api(doing: &str, error: &ferroform_hcloud::Error) -> Diagnostic {
    Diagnostic::error("Hetzner Cloud does not tell").detail(format!("It cannot {doing}: {error}."))
}

/// Every server of the project by its id.
type Servers = BTreeMap<i64, Server>;

async fn server_statuses(client: &Client) -> Result<Servers, Diagnostic> {
    let servers = client.servers().list(&ferroform_hcloud::Filter::all()).await;
    let servers = servers.map_err(|error| api("list the servers", &error))?;
    Ok(servers.into_iter().map(|server| (server.id, server)).collect())
}

fn status_of(statuses: &Part<Servers>, name: &str, id: Option<&str>) -> Part<String> {
    let known = match statuses {
        Part::Unknown(why) => return Part::Unknown(why.clone()),
        Part::Found(known) => known,
    };
    let by_id = id.and_then(|id| id.parse().ok()).and_then(|id: i64| known.get(&id));
    let found = by_id.or_else(|| known.values().find(|known| known.name == name));
    Part::Found(found.map_or_else(|| "gone".to_owned(), |server| server.status.clone()))
}

async fn balancer_status(
    client: &Client,
    id: Option<&str>,
    servers: &Part<Servers>,
) -> Result<BalancerStatus, Diagnostic> {
    let id = id.and_then(|id| id.parse().ok()).ok_or_else(|| {
        Diagnostic::error("Load balancer without an id").detail("The contract's load_balancer has no id")
    })?;
    let balancer = client.load_balancer_health().get(id).await;
    let balancer = balancer.map_err(|error| api("show the load balancer", &error))?;
    let mut targets = Vec::new();
    for target in &balancer.targets {
        let inner: &[TargetHealth] =
            if target.targets.is_empty() { std::slice::from_ref(target) } else { &target.targets };
        for target in inner {
            let name = match (&target.server, &target.ip, &target.label_selector) {
                (Some(server), ..) => servers
                    .found()
                    .and_then(|known| known.get(&server.id))
                    .map_or_else(|| format!("server {}", server.id), |server| server.name.clone()),
                (_, Some(ip), _) => ip.ip.clone(),
                (_, _, Some(selector)) => format!("servers with {} (none)", selector.selector),
                _ => "unknown".to_owned(),
            };
            let ports =
                target.health_status.iter().map(|port| (port.listen_port, port.status.clone())).collect();
            targets.push(TargetStatus { target: name, ports });
        }
    }
    Ok(BalancerStatus { name: balancer.name, targets })
}
