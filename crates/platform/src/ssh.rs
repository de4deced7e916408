//! How the servers of a stack are reached: the system's `ssh` with files of its own, which go when they are dropped.
//!
//! Host keys are those of the contract and nothing else: no key is ever learnt from whoever answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ferroform_core::Diagnostic;
use tempfile::TempDir;

use crate::contract::{Contract, Server};
use crate::quote;
use crate::run::Invocation;

/// Seconds until a server must have answered.
const CONNECT_TIMEOUT: u32 = 15;
/// Seconds between signs of life, and how many may fail: a connection that is dead ends after a minute.
const ALIVE: (u32, u32) = (15, 4);

/// Whether somebody sits in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nobody does: nothing is asked.
    Batch,
    /// A person does.
    Interactive,
}

/// Ways to servers that are not their addresses: a program that is connected to the server's SSH port, or why there is
/// none.
pub type Ways = BTreeMap<String, Result<Vec<String>, Diagnostic>>;

/// The way to all servers of a stack.
pub struct Access {
    folder: TempDir,
    contract: Contract,
    ways: Ways,
    key: Option<PathBuf>,
}

impl Access {
    /// Writes the files. `key` is used instead of the contract's.
    pub fn new(contract: &Contract, ways: Ways, key: Option<&Path>) -> Result<Access, Diagnostic> {
        let access = || -> io::Result<Access> {
            let folder = tempfile::Builder::new()
                .prefix("ferroform-ssh-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()?;
            let mut access =
                Access { folder, contract: contract.clone(), ways, key: key.map(Path::to_owned) };
            if let (None, Some(pem)) = (key, &contract.ssh.private_key) {
                let path = access.path("key");
                write_private(&path, format!("{}\n", pem.reveal().trim_end()).as_bytes())?;
                access.key = Some(path);
            }
            write_private(&access.path("known_hosts"), access.known_hosts().as_bytes())?;
            for mode in [Mode::Batch, Mode::Interactive] {
                write_private(&access.config(mode), access.settings(mode).as_bytes())?;
            }
            Ok(access)
        };
        access().map_err(|error| {
            Diagnostic::error("SSH cannot be prepared").detail(format!(
                "The files that ssh needs cannot be written to the folder for temporary files: {error}."
            ))
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, mode: Mode) -> PathBuf {
        self.path(match mode {
            Mode::Batch => "config",
            Mode::Interactive => "config-interactive",
        })
    }

    fn known_hosts(&self) -> String {
        let lines = self.contract.servers.iter().filter_map(|(name, server)| {
            let mut words = server.host_key.as_deref()?.split_whitespace();
            Some(format!("{name} {} {}\n", words.next()?, words.next()?))
        });
        lines.collect()
    }

    /// The file `config` of ssh_config(5). The first value of a setting counts.
    fn settings(&self, mode: Mode) -> String {
        let mut text = String::new();
        for (name, server) in &self.contract.servers {
            let Some(address) = address(server) else { continue };
            // Writing to a text cannot fail.
            let _ = writeln!(
                text,
                "Host {name}\n  HostName {address}\n  HostKeyAlias {name}\n  User {}",
                server.user()
            );
            match (self.ways.get(name), &server.via) {
                (Some(Ok(words)), _) => {
                    let _ = writeln!(text, "  ProxyCommand {}", quote::line(words).replace('%', "%%"));
                }
                (Some(Err(_)), _) => {}
                (None, Some(via)) => {
                    let _ = writeln!(text, "  ProxyJump {via}");
                }
                (None, None) => {}
            }
        }
        let _ = write!(
            text,
            "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  \
             CheckHostIP no\n  UpdateHostKeys no\n  ConnectTimeout {CONNECT_TIMEOUT}\n  ServerAliveInterval {}\n  \
             ServerAliveCountMax {}\n  ControlMaster no\n  ControlPath none\n  LogLevel ERROR\n",
            setting(&self.path("known_hosts")),
            ALIVE.0,
            ALIVE.1,
        );
        if mode == Mode::Batch {
            text.push_str("  BatchMode yes\n");
        }
        match &self.key {
            Some(key) => {
                let _ = writeln!(text, "  IdentityFile {}\n  IdentitiesOnly yes", setting(key));
            }
            // Where people use keys of their own, they say in their own file which.
            None => text.push_str("  Include ~/.ssh/config\n"),
        }
        text
    }

    /// Whether the server can be tried at all, and if not, why.
    fn check(&self, name: &str) -> Result<(), Diagnostic> {
        let server = self.contract.server(name)?;
        if let Some(Err(why)) = self.ways.get(name) {
            return Err(why.clone());
        }
        if address(server).is_none() {
            return Err(Diagnostic::error("Server has no address").detail(format!(
                "The contract gives server {name} neither a public nor a private address."
            )));
        }
        if server.host_key.is_none() {
            return Err(Diagnostic::error("Host key not known")
                .detail(format!(
                    "The contract has no SSH host key of server {name}, and a key that nobody vouches for is never \
                     accepted."
                ))
                .hint("docs/contract.md shows how a stack gives its servers host keys and tells them."));
        }
        // On the way there the same holds for those in between.
        match &server.via {
            Some(via) if !self.ways.contains_key(name) => self.check(via),
            _ => Ok(()),
        }
    }

    /// `ssh` to a server; `line` is what its shell is given, a shell to type at if left out.
    pub fn invocation(&self, name: &str, mode: Mode, line: Option<&str>) -> Result<Invocation, Diagnostic> {
        self.check(name)?;
        let mut args = vec!["-F".into(), self.config(mode).into_os_string(), name.into()];
        if let Some(line) = line {
            args.extend(["--".into(), line.into()]);
        }
        Ok(Invocation { program: "ssh".into(), args, ..Invocation::default() })
    }

    /// `ssh` that leads a port of this computer's loopback to a port of the server's own.
    pub fn tunnel(&self, name: &str, here: u16, there: u16) -> Result<Invocation, Diagnostic> {
        self.check(name)?;
        let forward = format!("127.0.0.1:{here}:127.0.0.1:{there}");
        let config = self.config(Mode::Batch);
        let mut args = vec!["-F".into(), config.into_os_string()];
        args.extend(["-N", "-o", "ExitOnForwardFailure=yes", "-L", &forward, name].map(Into::into));
        Ok(Invocation { program: "ssh".into(), args, ..Invocation::default() })
    }

    /// The key that is logged in with, if it is not the person's own.
    pub fn key(&self) -> Option<&Path> {
        self.key.as_deref()
    }
}

/// Where a server is reached: behind another one privately, else publicly.
fn address(server: &Server) -> Option<&str> {
    let (first, second) = match server.via {
        Some(_) => (&server.private, &server.address),
        None => (&server.address, &server.private),
    };
    first.as_deref().or(second.as_deref())
}

/// A path as ssh_config(5) reads it: in quotation marks, `%` doubled.
fn setting(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

/// Writes a file that only its owner can read.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(bytes)
}
