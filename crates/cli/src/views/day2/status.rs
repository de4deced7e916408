//! The status of a running stack.

use std::collections::{BTreeMap, BTreeSet};

use ferroform_platform::facts::{Certificate, seconds_between};
use ferroform_platform::upgrade::Node;
use unicode_width::UnicodeWidthStr;

use super::super::style::{Paint, Style};
use super::super::table::table;
use super::super::text::{visible, wrap};
use super::{age, bytes, dash, services, span};
use crate::commands::{BalancerStatus, CostStatus, DatabaseStatus, Part, ServerStatus, Status};

/// A disk that is fuller than this, in percent, is a problem.
const FULL: u64 = 85;
/// A backup that is older than this is a problem: they are made daily, and one takes its time.
const OLD_BACKUP: i64 = 26 * 3600;
/// A certificate that ends sooner than this is a problem.
const SOON: i64 = 21 * 24 * 3600;

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
    match &status.health {
        Some(Part::Unknown(why)) => found.push(format!("service: {why}")),
        Some(Part::Found(health)) if !health.well => {
            found.push(format!("service: {} answers {}", health.url, health.code));
        }
        Some(Part::Found(_)) | None => {}
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

/// Everything, on one screen: a line for each server, and one for everything else. What is not well is told at the end; the
/// whole of it is in the JSON.
pub(crate) fn render_status(status: &Status, style: &Style) -> String {
    let mut text = style.paint(Paint::Bold, visible(&format!("{} {}", status.stack, status.environment)));
    text.push_str("\n\n");
    text.push_str(&servers(&status.servers, style.width));
    if let Some(Part::Found(found)) = &status.services {
        text.push_str(&format!("\n{}", services(found)));
    }
    let lines = [
        status.load_balancer.as_ref().and_then(Part::found).map(balancer),
        status.nodes.as_ref().and_then(Part::found).map(|nodes| cluster(nodes)),
        status.database.as_ref().map(|found| database(found, &status.at)),
        certificates(status),
        status
            .health
            .as_ref()
            .and_then(Part::found)
            .map(|health| format!("Service: {} answers {}", health.url, health.code)),
        status.cost.as_ref().map(|found| match found {
            Part::Found(found) => cost(found),
            Part::Unknown(why) => format!("Cost: not known. {why}"),
        }),
    ];
    text.push('\n');
    for line in lines.into_iter().flatten() {
        text.push_str(&wrap(&visible(&line), style.width));
        text.push('\n');
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

/// A line for each server; without addresses where they do not fit.
fn servers(servers: &[ServerStatus], width: usize) -> String {
    let row = |server: &ServerStatus| {
        let facts = server.facts.found();
        let uptime = facts.and_then(|facts| facts.uptime).and_then(|uptime| i64::try_from(uptime).ok());
        // Of several disks the fullest: it is the one to look at.
        let disk = facts.and_then(|facts| facts.disks.iter().max_by_key(|disk| disk.percent()));
        [
            server.name.clone(),
            server.role.clone(),
            server.status.found().cloned().unwrap_or_else(|| "?".to_owned()),
            dash(server.address.as_deref()),
            uptime.map_or_else(|| "-".to_owned(), span),
            disk.map_or_else(|| "-".to_owned(), |disk| format!("{} % {}", disk.percent(), disk.mount)),
        ]
    };
    let wide = table(["SERVER", "ROLE", "STATUS", "ADDRESS", "UP", "FULLEST DISK"], servers.iter().map(row));
    if wide.lines().all(|line| line.width() <= width) {
        return wide;
    }
    let narrow =
        servers.iter().map(row).map(|[name, role, status, _, up, disk]| [name, role, status, up, disk]);
    table(["SERVER", "ROLE", "STATUS", "UP", "FULLEST DISK"], narrow)
}

fn balancer(balancer: &BalancerStatus) -> String {
    let all = balancer.targets.iter().flat_map(|target| &target.ports);
    let ports: BTreeSet<String> = all.clone().map(|(port, _)| port.to_string()).collect();
    let ill =
        balancer.targets.iter().filter(|target| target.ports.values().any(|health| health != "healthy"));
    let (count, ill) = (balancer.targets.len(), ill.count());
    let how = match (count, ill) {
        (0, _) => "no targets".to_owned(),
        (_, _) if ports.is_empty() => format!("{}, no service", counted(count, "target")),
        (_, 0) => format!("{}, all healthy", counted(count, "target")),
        _ => format!("{}, {ill} not healthy", counted(count, "target")),
    };
    let on = ports.into_iter().collect::<Vec<_>>().join(", ");
    let on = if on.is_empty() { on } else { format!(" on {on}") };
    format!("Load balancer {}: {how}{on}", balancer.name)
}

/// `1 target`, `2 targets`
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn cluster(nodes: &[Node]) -> String {
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes {
        *versions.entry(&node.version).or_default() += 1;
    }
    let versions = match versions.len() {
        0 | 1 => versions.keys().map(|version| format!("at {version}")).collect::<Vec<_>>(),
        _ => versions.iter().map(|(version, count)| format!("{count} at {version}")).collect(),
    };
    let planes = nodes.iter().filter(|node| node.control_plane).count();
    let ready = nodes.iter().filter(|node| node.ready).count();
    let ready = if ready == nodes.len() { "all ready".to_owned() } else { format!("{ready} ready") };
    format!(
        "Cluster: {} ({}), {ready}, {}",
        counted(nodes.len(), "node"),
        counted(planes, "control plane"),
        versions.join(", ")
    )
}

fn database(database: &DatabaseStatus, now: &str) -> String {
    let accepting = match database.accepting.found() {
        Some(true) => "accepts connections",
        Some(false) => "accepts no connections",
        None => "not reached",
    };
    let mut text = format!("Database {} on {}: {accepting}", database.database, database.server);
    if let Some(Part::Found(list)) = &database.backups {
        text.push_str(&match list.backups.first() {
            Some(newest) => format!(
                "; {}, the newest {} old ({})",
                counted(list.backups.len(), "backup"),
                age(newest.created_at.as_deref(), now),
                bytes(newest.size)
            ),
            None => "; no backups".to_owned(),
        });
        if list.wal.as_ref().is_some_and(|wal| wal.archiving) {
            text.push_str("; changes are archived");
        }
    }
    text
}

/// How many there are, and the one that ends first.
fn certificates(status: &Status) -> Option<String> {
    let of = |server: &'_ ServerStatus| -> Vec<(String, Certificate)> {
        let facts = server.facts.found();
        let all = facts.into_iter().flat_map(|facts| facts.certificates.clone());
        all.map(|certificate| (server.name.clone(), certificate)).collect()
    };
    let all: Vec<(String, Certificate)> = status.servers.iter().flat_map(of).collect();
    let left = |(_, certificate): &&(String, Certificate)| {
        seconds_between(&status.at, &certificate.ends).unwrap_or(i64::MIN)
    };
    let first = all.iter().min_by_key(left)?;
    let ends = match left(&first) {
        ..0 => "has ended".to_owned(),
        left => format!("ends in {}", span(left)),
    };
    let which = if all.len() == 1 { "it" } else { "the first" };
    Some(format!("Certificates: {}, {which} {ends} ({} on {})", all.len(), first.1.file, first.0))
}

fn cost(cost: &CostStatus) -> String {
    let day = cost.since.split('T').next().unwrap_or_default();
    let mut text = format!(
        "Cost since {day}: about {} {} net, {} with {} % VAT; a whole month is {} net. Estimated from ages, and prices of \
         {}; further traffic is not in it.",
        cost.net, cost.currency, cost.gross, cost.vat_percent, cost.whole_month_net, cost.prices_as_of
    );
    if !cost.not_counted.is_empty() {
        let each = cost.not_counted.iter().map(|not| format!("{} ({}: {})", not.address, not.what, not.why));
        text.push_str(&format!(" Not counted: {}.", each.collect::<Vec<_>>().join(", ")));
    }
    text
}
