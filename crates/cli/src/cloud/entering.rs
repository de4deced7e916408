//! Going where machines and hosts are: into their namespaces, as root.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use ferroform_core::Diagnostic;

use super::control::{Host, Machine};

/// What programs in a machine find in their environment, beside `TERM`.
const MACHINE_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Refuses when this process is not root on Linux.
pub(crate) fn need_root() -> Result<(), Diagnostic> {
    if !cfg!(target_os = "linux") {
        return Err(Diagnostic::error("Machines need Linux").detail(
            "Real machines are containers in namespaces of Linux; on this system the local cloud has none.",
        ));
    }
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Diagnostic::error("Root needed")
        .detail("Machines, their networks and their disks are made and entered as root, which this process is not.")
        .hint("Run the same command with sudo."))
}

/// A program with its arguments.
pub(crate) type Line = Vec<OsString>;

fn nsenter(namespace: &Path) -> Line {
    let mut net = OsString::from("--net=");
    net.push(namespace);
    vec!["nsenter".into(), net, "--".into()]
}

/// Asks the resolver of the world rather than this computer's. Where that cannot be, only names are missing.
const WITH_NAMES: &str = "mount --bind \"$0\" /etc/resolv.conf 2>/dev/null; exec \"$@\"";

/// What a host's resolver is, for [`on_host`] (Hetzner documentation: recursive name servers).
pub(crate) const RESOLV_CONF: &str =
    "nameserver 185.12.64.1\nnameserver 185.12.64.2\noptions timeout:1 attempts:2\n";

/// Runs a command with the network of a host, and the files of this computer but for `resolv_conf`.
pub(crate) fn on_host(host: &Host, resolv_conf: &Path, command: &[OsString]) -> Line {
    let mut line = nsenter(&host.namespace);
    line.extend(["unshare", "--mount", "--", "sh", "-c", WITH_NAMES].map(OsString::from));
    line.push(resolv_conf.into());
    line.extend_from_slice(command);
    line
}

/// Runs a command inside a machine that is running.
pub(crate) fn in_machine(
    machine: &Machine,
    command: &[OsString],
    term: Option<&OsStr>,
) -> Result<Line, Diagnostic> {
    let leader = machine.leader.ok_or_else(|| not_running(machine))?;
    let target = format!("--target={leader}").into();
    // The folder that it begins in is its first process's own, the root of its files.
    let mut line: Line = vec!["nsenter".into(), target, "--all".into(), "--wd".into(), "--".into()];
    line.extend(["env", "-i", MACHINE_PATH, "HOME=/root", "USER=root"].map(OsString::from));
    if let Some(term) = term {
        let mut setting = OsString::from("TERM=");
        setting.push(term);
        line.push(setting);
    }
    line.extend_from_slice(command);
    Ok(line)
}

/// How to log in.
pub(crate) struct Login<'a> {
    pub user: &'a str,
    pub identity: Option<&'a Path>,
    /// Where the keys of machines are kept, apart from those of other computers.
    pub known_hosts: &'a Path,
    pub command: &'a [OsString],
}

/// Where a machine's own SSH server is reached from inside its network.
fn own_address(machine: &Machine) -> Result<IpAddr, Diagnostic> {
    // A virtual machine shows no process, and is reached from where its packets are routed.
    match (machine.leader, machine.ipv4) {
        (Some(_), _) => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        (None, Some(address)) if is_virtual(machine) => Ok(address),
        _ => Err(not_running(machine)),
    }
}

/// Connects standard input and output to a machine's own SSH server; `this` is this program.
pub(crate) fn relay(machine: &Machine, this: &Path) -> Result<Line, Diagnostic> {
    let namespace = machine.namespace.as_ref().ok_or_else(|| not_running(machine))?;
    let address = own_address(machine)?;
    let mut line = nsenter(namespace);
    line.extend([this.into(), "cloud".into(), "relay".into(), format!("{address}:22").into()]);
    Ok(line)
}

/// Logs in to a machine's own SSH server, from inside its network: no firewall is in the way.
pub(crate) fn ssh(machine: &Machine, login: &Login<'_>) -> Result<Line, Diagnostic> {
    let namespace = machine.namespace.as_ref().ok_or_else(|| not_running(machine))?;
    let address = own_address(machine)?;
    let option = |name: &str, value: &OsStr| {
        let mut option = OsString::from(name);
        option.push("=");
        option.push(value);
        [OsString::from("-o"), option]
    };
    let mut line = nsenter(namespace);
    line.push("ssh".into());
    // A machine gets new keys with every disk, and nobody is between it and us.
    line.extend(option("StrictHostKeyChecking", OsStr::new("no")));
    line.extend(option("UserKnownHostsFile", login.known_hosts.as_os_str()));
    line.extend(option("HostKeyAlias", OsStr::new(&format!("{}-{}", machine.name, machine.id))));
    line.extend(option("LogLevel", OsStr::new("ERROR")));
    if let Some(identity) = login.identity {
        line.extend(["-i".into(), identity.into()]);
    }
    line.extend(["-l".into(), login.user.into(), address.to_string().into()]);
    if !login.command.is_empty() {
        line.push("--".into());
        line.extend_from_slice(login.command);
    }
    Ok(line)
}

/// Whether a machine runs without a process that its programs could be reached by.
fn is_virtual(machine: &Machine) -> bool {
    machine.leader.is_none() && machine.status == "running" && machine.standing == "reached"
}

fn not_running(machine: &Machine) -> Diagnostic {
    if is_virtual(machine) {
        let detail =
            format!("The machine {} is a virtual one, which nothing is run in from outside.", machine.name);
        return Diagnostic::error("Machine cannot be entered")
            .detail(detail)
            .hint("Log in with ferroform cloud ssh.");
    }
    let mut detail = format!("The machine {} does not run; its server is {}.", machine.name, machine.status);
    if let Some(problem) = &machine.problem {
        detail.push_str(&format!(" It cannot: {}.", problem.trim_end_matches('.')));
    }
    Diagnostic::error("Machine not running").detail(detail)
}

/// Becomes the program of a line. Comes back only if that fails.
pub(crate) fn become_program(line: &Line) -> Diagnostic {
    let Some((program, arguments)) = line.split_first() else {
        return Diagnostic::error("Nothing to run");
    };
    let error = Command::new(program).args(arguments).exec();
    Diagnostic::error("Program cannot be started")
        .detail(format!("The program {} cannot be started: {error}.", program.to_string_lossy()))
        .hint("ferroform cloud doctor tells what is missing, and which package has it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(leader: Option<u32>) -> Machine {
        Machine {
            id: 7,
            name: "web".to_owned(),
            status: if leader.is_some() { "running" } else { "off" }.to_owned(),
            wanted: "on".to_owned(),
            standing: "reached".to_owned(),
            problem: leader.is_none().then(|| "no image.".to_owned()),
            ipv4: None,
            ipv6: None,
            private: Vec::new(),
            namespace: Some("/run/netns/ff0-m7".into()),
            leader,
        }
    }

    fn text(line: &Line) -> String {
        line.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_enter_what_they_are_for() {
        let command: Vec<OsString> = ["curl", "-sS", "http://192.0.2.1/"].map(OsString::from).into();
        let host =
            Host { name: "h".to_owned(), addresses: Vec::new(), namespace: "/run/netns/ff0-hh".into() };
        assert_eq!(
            text(&on_host(&host, Path::new("/r"), &command)),
            format!(
                "nsenter --net=/run/netns/ff0-hh -- unshare --mount -- sh -c {WITH_NAMES} /r curl -sS \
                 http://192.0.2.1/"
            )
        );
        let inside = in_machine(&machine(Some(42)), &command[..1], Some(OsStr::new("xterm"))).unwrap();
        assert_eq!(
            text(&inside),
            format!(
                "nsenter --target=42 --all --wd -- env -i {MACHINE_PATH} HOME=/root USER=root TERM=xterm curl"
            )
        );
        let login = Login {
            user: "root",
            identity: Some(Path::new("/k")),
            known_hosts: Path::new("/h"),
            command: &command[..1],
        };
        assert_eq!(
            text(&ssh(&machine(Some(42)), &login).unwrap()),
            "nsenter --net=/run/netns/ff0-m7 -- ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/h \
             -o HostKeyAlias=web-7 -o LogLevel=ERROR -i /k -l root 127.0.0.1 -- curl"
        );
    }

    #[test]
    fn what_does_not_run_is_said_with_its_reason() {
        let login = Login { user: "root", identity: None, known_hosts: Path::new("/h"), command: &[] };
        let refusals =
            [ssh(&machine(None), &login).unwrap_err(), in_machine(&machine(None), &[], None).unwrap_err()];
        for refusal in refusals {
            assert_eq!(
                refusal.detail,
                "The machine web does not run; its server is off. It cannot: no image."
            );
        }
    }
}
