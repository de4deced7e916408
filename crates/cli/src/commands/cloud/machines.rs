//! `cloud ps`, `cloud ssh`, `cloud exec`, `cloud logs` and `cloud wait`

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use ferroform_core::{Diagnostic, Sources};

use super::super::Outcome;
use super::open;
use crate::args::{ExecArgs, LogsArgs, PsArgs, RelayArgs, SshArgs, WaitArgs, WaitFor};
use crate::cloud::boots;
use crate::cloud::control::{Control, Machine, Machines, find, unknown_machine};
use crate::cloud::entering::{self, Login, RESOLV_CONF, become_program, in_machine, need_root, on_host};
use crate::context::{Context, Reported};
use crate::settings::parse_duration;
use crate::terminal::Terminal;
use crate::views::table::table;
use crate::views::text::visible;

/// The control interface of the directory's cloud, which has machines and is running.
pub(super) fn control(terminal: &Terminal) -> Result<Control, Reported> {
    let cloud = open(terminal)?;
    let context = Context::new(terminal);
    let owner = context.take(cloud.with_machines(), &Sources::new())?;
    Ok(Control::new(&owner))
}

pub(crate) fn ps(args: &PsArgs, terminal: &Terminal) -> Outcome {
    let control = control(terminal)?;
    let context = Context::new(terminal);
    let told = context.take(control.machines(), &Sources::new())?;
    terminal.print(&if args.json { json_of(&told) } else { render(&told) });
    Ok(ExitCode::SUCCESS)
}

/// Something as JSON for people and programs.
pub(super) fn json_of(value: &impl serde::Serialize) -> String {
    // Nothing that is shown can fail to become JSON.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn render(told: &Machines) -> String {
    if told.machines.is_empty() {
        return "There are no machines.\n".to_owned();
    }
    let address = |address: Option<std::net::IpAddr>| address.map_or("-".to_owned(), |ip| ip.to_string());
    let rows = told.machines.iter().map(|machine| {
        let private: Vec<String> = machine.private.iter().map(|net| net.ip.to_string()).collect();
        let private = if private.is_empty() { "-".to_owned() } else { private.join(", ") };
        [machine.name.clone(), machine.status.clone(), address(machine.ipv4), address(machine.ipv6), private]
    });
    let mut text = table(["NAME", "STATUS", "IPV4", "IPV6", "PRIVATE"], rows);
    for machine in &told.machines {
        if let Some(problem) = &machine.problem {
            text.push_str(&format!("\n{}: {}\n", machine.name, visible(problem)));
        }
    }
    for problem in &told.problems {
        let kind = problem.kind.replace('_', " ");
        text.push_str(&format!("\n{kind} {}: {}\n", problem.id, visible(&problem.problem)));
    }
    text
}

/// How long a connection may take.
const RELAY_LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn ssh(args: &SshArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    context.take(need_root(), &none)?;
    let cloud = open(terminal)?;
    let machine = context.take(control(terminal)?.machine(&args.name), &none)?;
    let known_hosts = cloud.known_hosts_path();
    let known_hosts = std::path::absolute(&known_hosts).unwrap_or(known_hosts);
    let login = Login {
        user: &args.user,
        identity: args.identity.as_deref(),
        known_hosts: &known_hosts,
        command: &args.command,
    };
    let line = context.take(entering::ssh(&machine, &login), &none)?;
    context.take(Err(become_program(&line)), &none)
}

/// Connects standard input and output to an address, for an ssh that runs elsewhere. Ends when the other side does.
pub(crate) fn relay(args: &RelayArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let relayed = || -> std::io::Result<()> {
        let stream = TcpStream::connect_timeout(&args.address, RELAY_LIMIT)?;
        stream.set_nodelay(true)?;
        let mut to = stream.try_clone()?;
        std::thread::spawn(move || {
            // The other side is told that nothing more comes, also after an error.
            let _ = pump(&mut std::io::stdin().lock(), &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let mut from = stream;
        // Not through standard output, which waits for lines.
        let mut out = std::fs::File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
        pump(&mut from, &mut out)
    };
    let failed = |error| {
        Diagnostic::error("No connection").detail(format!("Nobody answers at {}: {error}.", args.address))
    };
    context.take(relayed().map_err(failed), &Sources::new())?;
    Ok(ExitCode::SUCCESS)
}

/// Passes on what comes as soon as it comes. `std::io::copy` would leave that to splice(2), which keeps back what a
/// pipe brings for a socket, in the hope of more.
fn pump(from: &mut dyn Read, to: &mut dyn Write) -> std::io::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => to.write_all(&buffer[..read])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub(crate) fn exec(args: &ExecArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    context.take(need_root(), &none)?;
    let control = control(terminal)?;
    let hosts = context.take(control.hosts(), &none)?;
    let line = match hosts.iter().find(|host| host.name == args.name) {
        Some(host) => {
            let names = open(terminal)?.resolv_conf_path();
            // Without it only names are missing.
            let _ = std::fs::write(&names, RESOLV_CONF);
            on_host(host, &std::path::absolute(&names).unwrap_or(names), &args.command)
        }
        None => {
            let machines = context.take(control.machines(), &none)?.machines;
            let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
            let found = find(&machines, &args.name).ok_or_else(|| neither(&args.name, &names, &machines));
            let machine = context.take(found, &none)?;
            let term = std::env::var_os("TERM");
            context.take(in_machine(machine, &args.command, term.as_deref()), &none)?
        }
    };
    context.take(Err(become_program(&line)), &none)
}

/// How often a log that is followed is looked at, and how many of its last characters tell where it ended.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(500);
const FOLLOW_OVERLAP: usize = 2048;

/// That a name is neither a host's nor a machine's.
fn neither(name: &str, hosts: &[&str], machines: &[Machine]) -> Diagnostic {
    let mut diagnostic = unknown_machine(name, machines);
    diagnostic.summary = "No such host or machine".into();
    diagnostic.detail.push_str(&match hosts {
        [] => " No hosts were added.".to_owned(),
        hosts => format!(" Hosts: {}.", hosts.join(", ")),
    });
    diagnostic
}

pub(crate) fn logs(args: &LogsArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let control = control(terminal)?;
    let machine = context.take(control.machine(&args.name), &none)?;
    let mut shown = String::new();
    loop {
        let text = context.take(log(&control, &machine, args.cloud_init), &none)?;
        let new = visible(&news(&shown, &text).replace('\r', ""));
        let end = if args.follow || new.is_empty() || new.ends_with('\n') { "" } else { "\n" };
        terminal.print(&format!("{new}{end}"));
        if !args.follow {
            return Ok(ExitCode::SUCCESS);
        }
        shown = text;
        std::thread::sleep(FOLLOW_INTERVAL);
    }
}

/// What a machine wrote to its console, or its cloud-init to its log.
fn log(control: &Control, machine: &Machine, cloud_init: bool) -> Result<String, Diagnostic> {
    if !cloud_init {
        return control.console(machine.id);
    }
    let said = control.first_boot(machine.id)?.cloud_init;
    said.map(|init| init.log).ok_or_else(|| {
        Diagnostic::error("Machine not running").detail(format!(
            "The machine {} does not run, so its files cannot be read; its server is {}.",
            machine.name, machine.status
        ))
    })
}

/// What is new in a log whose beginning may be cut off.
fn news<'t>(old: &str, new: &'t str) -> &'t str {
    // The last lines of the old one say where it ends in the new one; a single one may stand there twice.
    let tail = old.char_indices().rev().take(FOLLOW_OVERLAP).last().map_or("", |(at, _)| &old[at..]);
    match new.rfind(tail) {
        Some(at) if !tail.is_empty() => &new[at + tail.len()..],
        _ => new,
    }
}

pub(crate) fn wait(args: &WaitArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let limit = context.take(parse_duration(&args.timeout), &none)?;
    let control = control(terminal)?;
    let names = context.take(boots::wait(&control, &args.names, args.what, limit), &none)?;
    terminal.print(&ready(&names, args.what));
    Ok(ExitCode::SUCCESS)
}

/// That machines are as far as was wanted.
pub(crate) fn ready(names: &[String], what: WaitFor) -> String {
    let verb = match what {
        WaitFor::Boot => "running",
        WaitFor::CloudInit => "running, and cloud-init is done",
    };
    match names {
        [] => "There are no machines to wait for.\n".to_owned(),
        [one] => format!("{one} is {verb}.\n"),
        [most @ .., last] => format!("{} and {last} are {verb}.\n", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_of_a_log_is_shown() {
        let long: String = (0..1000).map(|n| format!("line {n}\n")).collect();
        for (old, new, expected) in [
            ("", "a\n", "a\n"),
            ("a\n", "a\nb\n", "b\n"),
            ("a\n", "a\n", ""),
            ("a\nb\n", "b\n", "b\n"),
            ("ä\n", "other", "other"),
            (&long, &format!("{}new", &long[3000..]), "new"),
        ] {
            assert_eq!(news(old, new), expected, "{} {}", old.len(), new.len());
        }
    }

    #[test]
    fn machines_are_listed_with_what_is_wrong() {
        let told = serde_json::json!({
            "machines": [
                {"id": 1, "name": "web", "status": "running", "wanted": "on", "standing": "reached", "problem": null,
                 "ipv4": "192.0.2.1", "ipv6": "2001:db8:0:1::1", "private": [{"network": 1, "ip": "10.0.1.1"}],
                 "namespace": "/run/netns/x", "leader": 9},
                {"id": 2, "name": "database", "status": "off", "wanted": "on", "standing": "failed",
                 "problem": "no image", "ipv4": null, "ipv6": null, "private": [], "namespace": null, "leader": null},
            ],
            "problems": [{"type": "load_balancer", "id": 3, "problem": "haproxy is missing"}],
            "settled": true,
        });
        let told: Machines = serde_json::from_value(told).unwrap();
        let expected = "\
NAME      STATUS   IPV4       IPV6             PRIVATE
web       running  192.0.2.1  2001:db8:0:1::1  10.0.1.1
database  off      -          -                -

database: no image

load balancer 3: haproxy is missing
";
        assert_eq!(render(&told), expected);
        assert_eq!(ready(&["a".into(), "b".into(), "c".into()], WaitFor::Boot), "a, b and c are running.\n");
    }
}
