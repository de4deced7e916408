//! Waiting for machines to boot, and for their cloud-init.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ferroform_core::{Diagnostic, Diagnostics};

use super::control::{Control, FirstBoot, Machine, find, unknown_machine};
use crate::args::WaitFor;

/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(200);
/// Most lines of a log that an error shows.
const EXCERPT: usize = 25;
/// The same of a console.
const CONSOLE: usize = 10;

/// Where the machines stand that are waited for.
#[derive(Debug, Default)]
struct Standing {
    /// Names and what they are doing.
    pending: Vec<String>,
    /// Each with the machine whose console may say more.
    failed: Vec<(Option<i64>, Diagnostic)>,
}

/// Waits until the machines of these names, or all that are switched on, are as far as wanted. Gives their names.
pub(crate) fn wait(
    control: &Control,
    names: &[String],
    what: WaitFor,
    limit: Duration,
) -> Result<Vec<String>, Diagnostics> {
    if what == WaitFor::CloudInit && control.is_virtual() {
        return Err(Diagnostic::error("Virtual machines cannot be looked into")
            .detail("Whether cloud-init is done in a machine that qemu runs cannot be seen from outside.")
            .hint("Wait with ferroform cloud wait -for boot, and ask in the machine: ferroform cloud ssh NAME -- cloud-init status --wait")
            .into());
    }
    let begun = Instant::now();
    loop {
        let told = control.machines()?;
        let mut chosen = Vec::new();
        for name in names {
            let machine = find(&told.machines, name).ok_or_else(|| unknown_machine(name, &told.machines))?;
            chosen.push(machine.clone());
        }
        if names.is_empty() {
            chosen.extend(told.machines.iter().filter(|machine| machine.wanted == "on").cloned());
        }
        let mut boots = BTreeMap::new();
        if what == WaitFor::CloudInit {
            for machine in chosen.iter().filter(|machine| machine.leader.is_some()) {
                boots.insert(machine.id, control.first_boot(machine.id)?);
            }
        }
        let mut standing = look(&chosen, &boots, what);
        if !standing.failed.is_empty() {
            for (id, diagnostic) in &mut standing.failed {
                if let Some(id) = id {
                    // Without a console there is nothing to show.
                    let console = control.console(*id).unwrap_or_default();
                    append(diagnostic, "The end of its console:", &last_of(&console));
                }
            }
            return Err(standing.failed.into_iter().map(|(_, diagnostic)| diagnostic).collect());
        }
        if standing.pending.is_empty() {
            return Ok(chosen.into_iter().map(|machine| machine.name).collect());
        }
        if begun.elapsed() >= limit {
            let detail = format!("After {} seconds: {}.", limit.as_secs(), standing.pending.join("; "));
            return Err(Diagnostic::error("Machines are not ready in time")
                .detail(detail)
                .hint(
                    "ferroform cloud logs NAME and ferroform cloud logs -cloud-init NAME show what they do.",
                )
                .into());
        }
        std::thread::sleep(INTERVAL.min(limit.saturating_sub(begun.elapsed())));
    }
}

/// Where machines stand, given what their cloud-inits say.
fn look(machines: &[Machine], boots: &BTreeMap<i64, FirstBoot>, what: WaitFor) -> Standing {
    let mut standing = Standing::default();
    for machine in machines {
        let name = &machine.name;
        if machine.status == "off" || machine.standing == "failed" {
            standing.failed.push((Some(machine.id), not_right(machine)));
            continue;
        }
        if machine.status != "running" {
            standing.pending.push(format!("{name} is {}", machine.status));
            continue;
        }
        if what == WaitFor::Boot {
            continue;
        }
        match boots.get(&machine.id).and_then(|boot| boot.cloud_init.as_ref()) {
            Some(init) if init.status == "done" => {}
            Some(init) if init.status == "error" => {
                standing.failed.push((None, cloud_init_failed(name, &init.errors, &init.log)));
            }
            Some(init) if init.status == "running" => {
                standing.pending.push(format!("cloud-init of {name} is at work"));
            }
            _ => standing.pending.push(format!("cloud-init of {name} has not begun")),
        }
    }
    standing
}

fn not_right(machine: &Machine) -> Diagnostic {
    let why = match &machine.problem {
        Some(problem) => format!(": {}", problem.trim_end_matches('.')),
        None => String::new(),
    };
    let (summary, what) = match machine.status.as_str() {
        "running" => ("Machine not as wanted", "runs, but not as it is wanted"),
        _ => ("Machine does not run", "does not run"),
    };
    Diagnostic::error(summary)
        .detail(format!("The machine {} {what}{why}.", machine.name))
        .hint(format!("ferroform cloud logs {} shows what it wrote to its console.", machine.name))
}

fn cloud_init_failed(name: &str, errors: &[String], log: &str) -> Diagnostic {
    let mut detail = format!("cloud-init of {name} ended with an error.");
    for error in errors {
        detail.push_str(&format!("\n  {error}"));
    }
    let mut diagnostic = Diagnostic::error("cloud-init failed")
        .detail(detail)
        .hint(format!("ferroform cloud logs -cloud-init {name} shows more of it."));
    append(&mut diagnostic, "The end of its log:", &excerpt(log));
    diagnostic
}

/// Adds lines to what a diagnostic says, if there are any.
fn append(diagnostic: &mut Diagnostic, heading: &str, lines: &[&str]) {
    if !lines.is_empty() {
        diagnostic.detail.push_str(&format!("\n{heading}"));
    }
    for line in lines {
        diagnostic.detail.push_str(&format!("\n  {line}"));
    }
}

/// The last lines of a console.
fn last_of(console: &str) -> Vec<&str> {
    let lines: Vec<&str> = console.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(CONSOLE)..].to_vec()
}

/// The lines of a log around the last one that speaks of a failure, or its end.
fn excerpt(log: &str) -> Vec<&str> {
    let lines: Vec<&str> = log.lines().map(str::trim_end).filter(|line| !is_noise(line)).collect();
    let speaks = |line: &&str| {
        let line = line.to_ascii_lowercase();
        ["error", "failed", "failure", "traceback"].iter().any(|word| line.contains(word))
    };
    let last = lines.iter().rposition(speaks).unwrap_or(lines.len());
    let end = (last + EXCERPT / 5).min(lines.len());
    lines[end.saturating_sub(EXCERPT)..end].to_vec()
}

/// Tables of addresses, and pictures of keys.
fn is_noise(line: &str) -> bool {
    line.is_empty() || ["ci-info:", "|", "+--", "The key"].iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::super::control::CloudInit;
    use super::*;

    fn machine(id: i64, status: &str, problem: Option<&str>) -> Machine {
        Machine {
            id,
            name: format!("m{id}"),
            status: status.to_owned(),
            wanted: "on".to_owned(),
            standing: if problem.is_some() { "failed" } else { "reached" }.to_owned(),
            problem: problem.map(str::to_owned),
            ipv4: None,
            ipv6: None,
            private: Vec::new(),
            namespace: None,
            leader: Some(1),
        }
    }

    fn boot(status: &str) -> FirstBoot {
        let init = CloudInit {
            status: status.to_owned(),
            errors: vec!["scripts-user".to_owned()],
            log: "one\nsh: nothing: failed\ntwo\n".to_owned(),
        };
        FirstBoot { running: true, cloud_init: Some(init) }
    }

    #[test]
    fn machines_are_waited_for_until_they_are_ready_or_cannot_be() {
        let pending = |name: &str| (name.to_owned(), String::new());
        let ready = || (String::new(), String::new());
        for (machine, init, what, (waiting, failure)) in [
            (machine(1, "starting", None), None, WaitFor::Boot, pending("m1 is starting")),
            (machine(1, "running", None), None, WaitFor::Boot, ready()),
            (
                machine(1, "running", None),
                None,
                WaitFor::CloudInit,
                pending("cloud-init of m1 has not begun"),
            ),
            (
                machine(1, "running", None),
                Some("running"),
                WaitFor::CloudInit,
                pending("cloud-init of m1 is at work"),
            ),
            (machine(1, "running", None), Some("done"), WaitFor::CloudInit, ready()),
            (
                machine(1, "off", Some("there is no image.")),
                None,
                WaitFor::CloudInit,
                (String::new(), "The machine m1 does not run: there is no image.".to_owned()),
            ),
            (
                machine(1, "running", Some("no room")),
                Some("done"),
                WaitFor::CloudInit,
                (String::new(), "The machine m1 runs, but not as it is wanted: no room.".to_owned()),
            ),
            (
                machine(1, "running", None),
                Some("error"),
                WaitFor::CloudInit,
                (
                    String::new(),
                    "cloud-init of m1 ended with an error.\n  scripts-user\nThe end of its log:\n  one\n  \
                     sh: nothing: failed\n  two"
                        .to_owned(),
                ),
            ),
        ] {
            let boots = init.map(|status| (1, boot(status))).into_iter().collect();
            let standing = look(&[machine], &boots, what);
            assert_eq!(standing.pending.join(""), waiting);
            let failed: Vec<&str> =
                standing.failed.iter().map(|(_, failed)| failed.detail.as_str()).collect();
            assert_eq!(failed.join(""), failure);
        }
    }

    #[test]
    fn an_excerpt_is_what_matters_of_a_log() {
        let quiet: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
        let mut log = quiet.join("\n");
        assert_eq!(excerpt(&log).last(), Some(&"line 99"));
        log = log.replace("line 50\n", "E: Error at 50\n");
        let lines = excerpt(&log);
        assert_eq!((lines.len(), lines.contains(&"E: Error at 50")), (EXCERPT, true));
        assert_eq!(excerpt("ci-info: | lo |\n+--[RSA]--+\n|  o=+ .|\nfailed\n"), ["failed"]);
        assert!(excerpt("").is_empty());
    }
}
