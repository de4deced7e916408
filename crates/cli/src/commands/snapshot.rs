//! `snapshot`: of servers' own disks, by the Hetzner API. Volumes have no snapshots there; the database's dump stands in.

use std::collections::BTreeMap;
use std::process::ExitCode;

use ferroform_core::Diagnostic;
use ferroform_hcloud::{Client, Error, Filter, Image};
use serde::Serialize;

use super::Outcome;
use super::stack::Stack;
use crate::args::{SnapshotArgs, SnapshotCommand, SnapshotCreateArgs, SnapshotListArgs, SnapshotPruneArgs};
use crate::context::Reported;
use crate::terminal::Terminal;
use crate::views::day2::render_snapshots;
use crate::workflow::now;

/// The labels by which snapshots of a stack are told from others.
const STACK: &str = "ferroform-stack";
const ENVIRONMENT: &str = "ferroform-environment";
const SERVER: &str = "ferroform-server";

/// A snapshot of the stack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Snapshot {
    pub id: i64,
    pub server: String,
    pub created: String,
    pub status: String,
    /// GB, when it is known.
    pub size: Option<f64>,
}

impl Snapshot {
    fn new(image: &Image) -> Self {
        let from = image.created_from.as_ref().map(|from| from.name.clone()).unwrap_or_default();
        Snapshot {
            id: image.id,
            server: image.labels.get(SERVER).cloned().unwrap_or(from),
            created: image.created.clone(),
            status: image.status.clone(),
            size: image.image_size,
        }
    }
}

pub(super) async fn run(args: &SnapshotArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        SnapshotCommand::Create(args) => create(args, terminal).await,
        SnapshotCommand::List(args) => list(args, terminal).await,
        SnapshotCommand::Prune(args) => prune(args, terminal).await,
    }
}

async fn create(args: &SnapshotCreateArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    stack.announce_stop();
    let servers: Vec<(&str, i64)> = stack.take(chosen(&stack, args.server.as_deref()))?;
    let client = stack.client()?;
    let mut made = Vec::new();
    for (name, id) in servers {
        if ferroform_platform::Runner::stop(&stack.runner) > ferroform_platform::run::Stop::No {
            let names: Vec<&str> = made.iter().map(|s: &Snapshot| s.server.as_str()).collect();
            return stack.take(Err(Diagnostic::error("Stopped").detail(format!(
                "Snapshots are made of: {}. {name} and what follows have none.",
                names.join(", ")
            ))));
        }
        stack.say(&format!("Making a snapshot of {name}"));
        let labels = [
            (STACK, stack.contract.stack.as_str()),
            (ENVIRONMENT, &stack.contract.environment),
            (SERVER, name),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let doing = format!("make a snapshot of server {name}");
        let description = format!("{name} {}", now());
        let asked = client.servers().create_snapshot(id, &description, &labels).await;
        let (image, action) = api(&stack, &doing, asked)?;
        api(&stack, &doing, client.wait(action).await)?;
        made.push(Snapshot::new(&api(&stack, &doing, client.images().get(image.id).await)?));
    }
    if let Some(note) = volumes_note(&stack) {
        stack.say(&note);
    }
    Ok(stack.result(args.json, &made, || render_snapshots(&made, &now())))
}

/// The servers that are meant, with their ids.
fn chosen<'s>(stack: &'s Stack<'_>, word: Option<&str>) -> Result<Vec<(&'s str, i64)>, Diagnostic> {
    let found = match word {
        Some(word) => stack.contract.find(word)?,
        None => stack.contract.servers.iter().map(|(name, server)| (name.as_str(), server)).collect(),
    };
    found
        .into_iter()
        .map(|(name, server)| {
            let id = server.id.as_deref().and_then(|id| id.parse().ok());
            let id = id.ok_or_else(|| {
                Diagnostic::error("Server without an id")
                    .detail(format!("The contract gives server {name} no id of the Hetzner API."))
                    .hint("docs/contract.md: servers[NAME].id is the server's id.")
            })?;
            Ok((name, id))
        })
        .collect()
}

/// What a snapshot does not hold, where that matters.
fn volumes_note(stack: &Stack<'_>) -> Option<String> {
    let postgres = stack.contract.postgres.as_ref()?;
    postgres.volume.as_ref()?;
    Some(format!(
        "Note: Hetzner makes no snapshots of volumes, so the data of {} is in none of these. ferroform backup now makes a \
         dump of it, backup fetch brings one here.",
        postgres.database
    ))
}

async fn list(args: &SnapshotListArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    let client = stack.client()?;
    let all = own(&stack, &client).await?;
    Ok(stack.result(args.json, &all, || render_snapshots(&all, &now())))
}

/// The snapshots of this stack, by server, the newest first.
async fn own(stack: &Stack<'_>, client: &Client) -> Result<Vec<Snapshot>, Reported> {
    let selector = format!("{STACK}={},{ENVIRONMENT}={}", stack.contract.stack, stack.contract.environment);
    let filter = Filter::labels(selector).with("type", "snapshot");
    let images = api(stack, "list snapshots", client.images().list(&filter).await)?;
    let mut all: Vec<Snapshot> = images.iter().map(Snapshot::new).collect();
    all.sort_by(|a, b| {
        a.server.cmp(&b.server).then_with(|| b.created.cmp(&a.created)).then_with(|| b.id.cmp(&a.id))
    });
    Ok(all)
}

async fn prune(args: &SnapshotPruneArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    stack.announce_stop();
    let client = stack.client()?;
    let all = own(&stack, &client).await?;
    let mut kept: BTreeMap<&str, u32> = BTreeMap::new();
    let mut old = Vec::new();
    for snapshot in &all {
        let count = kept.entry(&snapshot.server).or_default();
        // One that is not done counts for nothing and is nobody's to delete.
        if snapshot.status != "available" {
            continue;
        }
        *count += 1;
        if *count > args.keep {
            old.push(snapshot.clone());
        }
    }
    if old.is_empty() {
        return Ok(stack.result(args.json, &old, || "There is nothing to delete.\n".to_owned()));
    }
    stack.say(&render_snapshots(&old, &now()));
    let question = format!("\nThese {} snapshots are deleted. There is no undo.", old.len());
    if !stack.confirmed(args.auto_approve, &question, "yes")? {
        return Ok(ExitCode::from(1));
    }
    for snapshot in &old {
        let doing = format!("delete the snapshot {}", snapshot.id);
        api(&stack, &doing, client.images().delete(snapshot.id).await)?;
    }
    Ok(stack.result(args.json, &old, || format!("{} snapshots are deleted.\n", old.len())))
}

/// The answer of the API, or what it could not do.
fn api<T>(stack: &Stack<'_>, doing: &str, answer: Result<T, Error>) -> Result<T, Reported> {
    stack.take(answer.map_err(|error| {
        Diagnostic::error("Hetzner Cloud does not do that").detail(format!("It cannot {doing}: {error}."))
    }))
}
