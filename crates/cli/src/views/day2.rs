//! What the commands for running stacks show.

use ferroform_platform::backup::{Drill, List, Verified};
use ferroform_platform::deploy::{Deployed, Difference};
use ferroform_platform::docker;
use ferroform_platform::facts::seconds_between;
use ferroform_platform::inventory::Item;
use ferroform_platform::upgrade::{Plan, Todo};

use super::style::{Paint, Style};
use super::table::table;
use super::text::visible;
use crate::commands::{Part, Snapshot, Status};

/// A disk that is fuller than this, in percent, is a problem.
const FULL: u64 = 85;
/// A backup that is older than this is a problem: they are made daily, and one takes its time.
const OLD_BACKUP: i64 = 26 * 3600;
/// A certificate that ends sooner than this is a problem.
const SOON: i64 = 21 * 24 * 3600;

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

/// What is not as it should be, a line each.
pub(crate) fn problems(status: &Status) -> Vec<String> {
    let mut found = Vec::new();
    for server in &status.servers {
        let name = &server.name;
        match &server.status {
            Part::Found(status) if status != "running" => found.push(format!("{name} is {status}")),
            Part::Unknown(why) => found.push(format!("{name}: {why}")),
            Part::Found(_) => {}
        }
        match &server.facts {
            Part::Unknown(why) => found.push(format!("{name}: {why}")),
            Part::Found(facts) => {
                for disk in facts.disks.iter().filter(|disk| disk.percent() > FULL) {
                    found.push(format!("{name}: {} is {} % full", disk.mount, disk.percent()));
                }
                for certificate in &facts.certificates {
                    match seconds_between(&status.at, &certificate.ends) {
                        Some(left) if left < 0 => {
                            found.push(format!("{name}: {} has ended", certificate.file))
                        }
                        Some(left) if left < SOON => {
                            found.push(format!("{name}: {} ends in {}", certificate.file, span(left)));
                        }
                        _ => {}
                    }
                }
                if facts.reboot_required {
                    found.push(format!("{name}: updates wait for a reboot"));
                }
            }
        }
    }
    match &status.load_balancer {
        Some(Part::Unknown(why)) => found.push(format!("load balancer: {why}")),
        Some(Part::Found(balancer)) => {
            for target in &balancer.targets {
                for (port, health) in target.ports.iter().filter(|(_, health)| *health != "healthy") {
                    found.push(format!("load balancer: {} is {health} on port {port}", target.target));
                }
            }
        }
        None => {}
    }
    match &status.nodes {
        Some(Part::Unknown(why)) => found.push(format!("cluster: {why}")),
        Some(Part::Found(nodes)) => {
            found.extend(
                nodes.iter().filter(|n| !n.ready).map(|n| format!("cluster: {} is not ready", n.name)),
            );
            found.extend(
                nodes.iter().filter(|n| n.cordoned).map(|n| format!("cluster: {} is cordoned", n.name)),
            );
        }
        None => {}
    }
    match &status.services {
        Some(Part::Unknown(why)) => found.push(format!("services: {why}")),
        Some(Part::Found(services)) => {
            for service in &services.services {
                if service.state.as_deref().is_some_and(|state| state != "running")
                    || service.health.as_deref() == Some("unhealthy")
                {
                    let how = service.health.as_deref().or(service.state.as_deref()).unwrap_or("not running");
                    found.push(format!("service {} is {how}", service.name));
                }
            }
        }
        None => {}
    }
    if let Some(database) = &status.database {
        match &database.accepting {
            Part::Found(true) => {}
            Part::Found(false) => {
                found.push(format!("database {} accepts no connections", database.database))
            }
            Part::Unknown(why) => found.push(format!("database {}: {why}", database.database)),
        }
        match &database.backups {
            Some(Part::Unknown(why)) => found.push(format!("backups: {why}")),
            Some(Part::Found(list)) => {
                let newest = list.backups.first().and_then(|backup| backup.created_at.as_deref());
                match newest.and_then(|at| seconds_between(at, &status.at)) {
                    None => found.push("backups: there is none".to_owned()),
                    Some(age) if age > OLD_BACKUP => {
                        found.push(format!("backups: the newest is {} old", span(age)))
                    }
                    Some(_) => {}
                }
            }
            None => {}
        }
    }
    // Why something is not known can be many lines; the first says what it is about.
    found.iter().map(|line| line.lines().next().unwrap_or_default().to_owned()).collect()
}

/// Everything, on one screen.
pub(crate) fn render_status(status: &Status, style: &Style) -> String {
    let bold = |text: &str| style.paint(Paint::Bold, text);
    let mut text = format!("{}\n\n", bold(&visible(&format!("{} {}", status.stack, status.environment))));
    let rows = status.servers.iter().map(|server| {
        let facts = server.facts.found();
        let uptime =
            facts.and_then(|f| f.uptime).and_then(|u| i64::try_from(u).ok()).map_or("-".to_owned(), span);
        let disks = facts.map_or_else(String::new, |facts| {
            let each = facts.disks.iter().map(|disk| format!("{} {} %", disk.mount, disk.percent()));
            each.collect::<Vec<_>>().join(", ")
        });
        [
            server.name.clone(),
            server.role.clone(),
            server.status.found().cloned().unwrap_or_else(|| "?".to_owned()),
            dash(server.address.as_deref()),
            uptime,
            dash(Some(&disks)),
        ]
    });
    text.push_str(&table(["SERVER", "ROLE", "STATUS", "ADDRESS", "UP", "DISKS"], rows));
    if let Some(Part::Found(balancer)) = &status.load_balancer {
        text.push('\n');
        let rows = balancer.targets.iter().map(|target| {
            let ports: Vec<String> =
                target.ports.iter().map(|(port, health)| format!("{port} {health}")).collect();
            [target.target.clone(), dash(Some(&ports.join(", ")))]
        });
        text.push_str(&table(["TARGET", "PORTS"], rows));
    }
    if let Some(Part::Found(nodes)) = &status.nodes {
        text.push('\n');
        let rows = nodes.iter().map(|node| {
            let ready = if node.ready { "ready" } else { "not ready" };
            let cordoned = if node.cordoned { ", cordoned" } else { "" };
            let role = if node.control_plane { "control plane" } else { "agent" };
            [node.name.clone(), role.to_owned(), node.version.clone(), format!("{ready}{cordoned}")]
        });
        text.push_str(&table(["NODE", "ROLE", "VERSION", "STATUS"], rows));
    }
    if let Some(Part::Found(found)) = &status.services {
        text.push('\n');
        text.push_str(&services(found));
    }
    if let Some(database) = &status.database {
        let accepting = match database.accepting.found() {
            Some(true) => "accepts connections",
            Some(false) => "accepts no connections",
            None => "not reached",
        };
        text.push_str(&format!(
            "\nDatabase {} on {}: {accepting}",
            visible(&database.database),
            database.server
        ));
        if let Some(Part::Found(list)) = &database.backups {
            let newest = list.backups.first();
            text.push_str(&match newest {
                Some(backup) => format!(
                    "; {} backups, the newest {} old ({})",
                    list.backups.len(),
                    age(backup.created_at.as_deref(), &status.at),
                    bytes(backup.size)
                ),
                None => "; no backups".to_owned(),
            });
            if list.wal.as_ref().is_some_and(|wal| wal.archiving) {
                text.push_str("; changes are archived");
            }
        }
        text.push('\n');
    }
    let certificates = status.servers.iter().flat_map(|server| {
        let list = server.facts.found().map(|facts| facts.certificates.as_slice()).unwrap_or_default();
        list.iter().map(move |certificate| {
            let left = seconds_between(&status.at, &certificate.ends);
            [server.name.clone(), certificate.file.clone(), left.map_or("-".to_owned(), span)]
        })
    });
    let certificates: Vec<_> = certificates.collect();
    if !certificates.is_empty() {
        text.push('\n');
        text.push_str(&table(["SERVER", "CERTIFICATE", "ENDS IN"], certificates));
    }
    if status.problems.is_empty() {
        text.push_str(&format!("\n{}\n", style.paint(Paint::Green, "Everything is as it should be.")));
    } else {
        text.push_str(&format!("\n{}\n", style.paint(Paint::BoldYellow, "Not as it should be:")));
        for problem in &status.problems {
            text.push_str(&format!("  {}\n", visible(problem)));
        }
    }
    text
}
