//! What the commands for running stacks show.

mod status;

use ferroform_platform::backup::{Drill, List, Verified};
use ferroform_platform::deploy::{Deployed, Difference};
use ferroform_platform::docker;
use ferroform_platform::facts::seconds_between;
use ferroform_platform::inventory::Item;
use ferroform_platform::upgrade::{Plan, Todo};

use super::style::{Paint, Style};
use super::table::table;
use super::text::visible;
use crate::commands::Snapshot;

pub(crate) use self::status::{problems, render_status};

/// Bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    let mut rest = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if rest < 1024.0 {
            return if unit == "B" { format!("{count} B") } else { format!("{rest:.1} {unit}") };
        }
        rest /= 1024.0;
    }
    format!("{rest:.1} TiB")
}

/// Seconds for people, in the largest unit that fits.
pub(crate) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn age(of: Option<&str>, now: &str) -> String {
    of.and_then(|of| seconds_between(of, now)).map_or_else(|| "-".to_owned(), span)
}

fn dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

pub(crate) fn render_backups(list: &List, now: &str) -> String {
    let mut text = if list.backups.is_empty() {
        "There are no backups.\n".to_owned()
    } else {
        let rows = list.backups.iter().map(|backup| {
            [
                backup.name.clone(),
                age(backup.created_at.as_deref(), now),
                bytes(backup.size),
                dash(backup.location.as_deref()),
            ]
        });
        table(["NAME", "AGE", "SIZE", "WHERE"], rows)
    };
    let mut notes = Vec::new();
    notes.extend(list.keep_days.map(|days| format!("kept for {days} days")));
    notes.extend(list.next.as_ref().map(|next| format!("next at {}", visible(next))));
    notes.extend(list.wal.as_ref().map(|wal| {
        if wal.archiving { "changes are archived" } else { "changes are not archived" }.to_owned()
    }));
    if !notes.is_empty() {
        text.push_str(&format!("\n{}\n", notes.join(", ")));
    }
    text
}

pub(crate) fn render_verified(verified: &Verified) -> String {
    let rows = verified.results.iter().map(|result| {
        let how = if result.ok { "whole".to_owned() } else { dash(result.error.as_deref()) };
        [result.name.clone(), how]
    });
    table(["NAME", "RESULT"], rows)
}

pub(crate) fn render_drill(drill: &Drill) -> String {
    let count = |rows: Option<u64>| rows.map_or_else(|| "-".to_owned(), |rows| rows.to_string());
    let rows = drill.tables.iter().map(|table| {
        let same = if table.same { "same" } else { "DIFFERENT" };
        [table.table.clone(), count(table.rows_backup), count(table.rows_restored), same.to_owned()]
    });
    let result = if drill.ok { "brings everything back" } else { "does not bring everything back" };
    format!(
        "{}\n{} {result}.\n",
        table(["TABLE", "BACKUP", "RESTORED", "CONTENT"], rows),
        visible(&drill.name)
    )
}

pub(crate) fn render_snapshots(snapshots: &[Snapshot], now: &str) -> String {
    if snapshots.is_empty() {
        return "There are no snapshots.\n".to_owned();
    }
    let rows = snapshots.iter().map(|snapshot| {
        let size = snapshot.size.map_or_else(|| "-".to_owned(), |size| format!("{size:.1} GB"));
        [
            snapshot.id.to_string(),
            snapshot.server.clone(),
            age(Some(&snapshot.created), now),
            size,
            snapshot.status.clone(),
        ]
    });
    table(["ID", "SERVER", "AGE", "SIZE", "STATUS"], rows)
}

pub(crate) fn render_services(what: &str, status: &docker::Status) -> String {
    if status.services.is_empty() {
        return format!("{what}: no service.\n");
    }
    format!("{what}:\n{}", services(status))
}

fn services(status: &docker::Status) -> String {
    let rows = status.services.iter().map(|service| {
        [
            service.name.clone(),
            dash(service.image.as_deref()),
            dash(service.state.as_deref()),
            dash(service.health.as_deref()),
        ]
    });
    table(["SERVICE", "IMAGE", "STATE", "HEALTH"], rows)
}

pub(crate) fn render_difference(difference: &Difference, style: &Style) -> String {
    let mut text = String::new();
    for line in difference.text.lines() {
        let paint = match line.as_bytes().first() {
            Some(b'+') => Some(Paint::Green),
            Some(b'-') => Some(Paint::Red),
            _ => None,
        };
        let line = visible(line);
        text.push_str(&paint.map_or(line.clone(), |paint| style.paint(paint, line)));
        text.push('\n');
    }
    for item in &difference.removed {
        text.push_str(&format!(
            "{}\n",
            style.paint(Paint::Red, format!("- {} is removed", visible(&item.to_string())))
        ));
    }
    if text.is_empty() { "Nothing would change.\n".to_owned() } else { text }
}

pub(crate) fn render_deployed(deployed: &Deployed) -> String {
    let mut text = format!("{} objects are applied", deployed.applied);
    text.push_str(&match deployed.rolled_out.len() {
        0 => ".\n".to_owned(),
        count => format!(", {count} rolled out.\n"),
    });
    let list = |items: &[Item]| -> String {
        items.iter().map(|item| format!("  {}\n", visible(&item.to_string()))).collect()
    };
    if !deployed.removed.is_empty() {
        text.push_str(&format!("\nRemoved, since no manifest has it any more:\n{}", list(&deployed.removed)));
    }
    if !deployed.kept.is_empty() {
        text.push_str(&format!(
            "\nIn no manifest any more, and kept since deleting it deletes data or what others have:\n{}",
            list(&deployed.kept)
        ));
    }
    text
}

pub(crate) fn render_upgrade(plan: &Plan) -> String {
    let rows = plan.steps.iter().enumerate().map(|(number, step)| {
        let todo = match step.todo {
            Todo::Nothing => "is there already",
            Todo::Finish => "give it work again",
            Todo::Upgrade if step.node.cordoned && !step.node.upgrading => "drain, upgrade (stays cordoned)",
            Todo::Upgrade => "drain, upgrade, uncordon",
        };
        [
            (number + 1).to_string(),
            step.node.name.clone(),
            step.role.to_owned(),
            step.node.version.clone(),
            plan.to.clone(),
            todo.to_owned(),
        ]
    });
    let text = table(["", "NODE", "ROLE", "NOW", "THEN", "STEPS"], rows);
    if plan.is_empty() { format!("{text}\nAll nodes are at {}.\n", visible(&plan.to)) } else { text }
}
