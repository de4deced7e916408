//! Actions, and their lists under each resource.

use serde_json::{Value, json};

use super::object::object;
use super::{Call, Reply, Route, get};
use crate::clock::rfc3339;
use crate::world::action::{Action, State};
use crate::world::{Kind, Refusal};

pub(super) const ROUTES: &[Route] = &[get("/actions", list), get("/actions/{id}", show)];

/// The routes that every resource with actions has. `$exists` refuses ids that are not there.
macro_rules! action_routes {
    ($base:literal, $kind:expr, $exists:ident) => {
        [
            super::get(concat!($base, "/actions"), |call| super::actions::list_of_kind(call, $kind)),
            super::get(concat!($base, "/actions/{id}"), |call| super::actions::show_of_kind(call, $kind)),
            super::get(concat!($base, "/{id}/actions"), |call| {
                call.tx.$exists(call.id())?;
                super::actions::list_of_object(call, $kind)
            }),
            super::get(concat!($base, "/{id}/actions/{action_id}"), |call| {
                super::actions::show_of_object(call, $kind)
            }),
        ]
    };
}
pub(super) use action_routes;

/// An action as the API shows it.
pub(super) fn render(action: &Action, now: i64) -> Value {
    let (status, error) = match &action.state {
        State::Running => ("running", Value::Null),
        State::Success => ("success", Value::Null),
        State::Error(failure) => ("error", json!({"code": failure.code, "message": failure.message})),
    };
    let finished = (action.state != State::Running).then(|| rfc3339(action.finishes));
    let resources: Vec<Value> = action
        .resources
        .iter()
        .map(|resource| object! {"id": resource.id, "type": resource.kind.as_str()})
        .collect();
    object! {
        "id": action.id,
        "command": action.command.as_str(),
        "status": status,
        "started": rfc3339(action.started),
        "finished": finished,
        "progress": action.progress(now),
        "resources": resources,
        "error": error,
    }
}

/// Some actions as the API shows them.
pub(super) fn render_all(actions: &[Action], now: i64) -> Vec<Value> {
    actions.iter().map(|action| render(action, now)).collect()
}

/// The answer of most operations that begin an action.
pub(super) fn begun(call: &Call<'_>, action: &Action) -> Reply {
    Reply::created(json!({"action": render(action, call.tx.now)}))
}

/// The answer of operations that begin several.
pub(super) fn all_begun(call: &Call<'_>, actions: &[Action]) -> Reply {
    Reply::created(json!({"actions": render_all(actions, call.tx.now)}))
}

/// The page of those that are kept, of all actions or of those `about` an object.
fn page_of(call: &Call<'_>, about: Option<i64>, keep: impl Fn(&Action) -> bool) -> Result<Reply, Refusal> {
    let status = |action: &Action| match action.state {
        State::Running => "running",
        State::Success => "success",
        State::Error(_) => "error",
    };
    let ids: Vec<i64> = call.query.all("id").filter_map(|id| id.parse().ok()).collect();
    let by_id = call.query.get("id").is_some();
    let actions = &call.tx.project.actions;
    // Looking up ids keeps polling cheap however many actions there have been.
    let mut rows: Vec<&Action> = match about {
        _ if by_id => {
            let mut ids = ids;
            ids.sort_unstable();
            ids.dedup();
            ids.into_iter().filter_map(|id| actions.get(id)).collect()
        }
        Some(object) => actions.owned_by(object).collect(),
        None => actions.values().collect(),
    };
    rows.retain(|action| keep(action) && call.query.allows("status", status(action)));
    call.sort_by(&mut rows, |field, a, b| match field {
        "id" => Some(a.id.cmp(&b.id)),
        "command" => Some(a.command.as_str().cmp(b.command.as_str())),
        "status" => Some(status(a).cmp(status(b))),
        "started" => Some(a.started.cmp(&b.started)),
        "finished" => {
            let finished = |action: &Action| (action.state != State::Running).then_some(action.finishes);
            Some(finished(a).cmp(&finished(b)))
        }
        _ => None,
    });
    call.page("actions", &rows, |action| render(action, call.tx.now))
}

/// Without ids there is nothing to list since January 2025 (Hetzner API changelog).
fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    if call.query.get("id").is_none() {
        let message = "listing all actions is no longer possible, give the ids of those wanted";
        return Err(Refusal::new("deprecated_api_endpoint", message));
    }
    page_of(call, None, |_| true)
}

fn find<'c>(call: &'c Call<'_>, id: i64, keep: impl Fn(&Action) -> bool) -> Result<&'c Action, Refusal> {
    call.tx
        .project
        .actions
        .get(id)
        .filter(|action| keep(action))
        .ok_or_else(|| Refusal::not_found("action", id))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = find(call, call.id(), |_| true)?;
    Ok(Reply::ok(json!({"action": render(action, call.tx.now)})))
}

pub(super) fn list_of_kind(call: &Call<'_>, kind: Kind) -> Result<Reply, Refusal> {
    page_of(call, None, |action| action.resources.iter().any(|resource| resource.kind == kind))
}

pub(super) fn list_of_object(call: &Call<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let id = call.id();
    page_of(call, Some(id), |action| {
        action.resources.iter().any(|resource| resource.kind == kind && resource.id == id)
    })
}

pub(super) fn show_of_kind(call: &Call<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let action =
        find(call, call.id(), |action| action.resources.iter().any(|resource| resource.kind == kind))?;
    Ok(Reply::ok(json!({"action": render(action, call.tx.now)})))
}

pub(super) fn show_of_object(call: &Call<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let object = call.id();
    let wanted = call.ids.get(1).copied().unwrap_or_default();
    let action = find(call, wanted, |action| {
        action.resources.iter().any(|resource| resource.kind == kind && resource.id == object)
    })?;
    Ok(Reply::ok(json!({"action": render(action, call.tx.now)})))
}
