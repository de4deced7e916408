//! `kubectl` of this computer, and the way to a cluster's API: through SSH, so that it need not be open to anybody.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ferroform_core::Diagnostic;
use serde_json::Value;
use tempfile::TempDir;

use crate::kubeconfig;
use crate::remote::{Call, Remote, not_started};
use crate::run::{Background, Finished, Invocation, Runner};
use crate::ssh::write_private;
use crate::yaml;

/// Where a k3s server answers.
const API_PORT: u16 = 6443;
/// How long a tunnel may take.
const TUNNEL_LIMIT: Duration = Duration::from_secs(30);
/// How long one request to the API may take, where kubectl takes that. Without it a way that has gone silent is waited on
/// for ever.
pub(crate) const REQUEST_TIMEOUT: &str = "--request-timeout=30s";
/// How long one run of kubectl that reads or changes a few objects may take: several requests, each retried by kubectl.
const RUN_LIMIT: Duration = Duration::from_secs(180);
/// What makes kubectl do the same for everybody: no preferences of the person, which may change what an option is when it
/// is not given (`delete` can be made to ask, and then ends with 0 and has deleted nothing), and differences as diff shows
/// them. kubernetes.io/docs: "Kubectl user preferences (kuberc)", "kubectl diff".
const PLAIN: [(&str, &str); 2] = [("KUBERC", "off"), ("KUBECTL_EXTERNAL_DIFF", "diff -u -N")];

/// `kubectl`, talking to one cluster.
pub struct Kubectl<'a> {
    runner: &'a dyn Runner,
    kubeconfig: PathBuf,
    context: Option<String>,
    /// Holds what kubectl learns about the cluster's kinds, and the kubeconfig where it is not the person's.
    folder: TempDir,
    /// Goes when this goes.
    _tunnel: Option<Box<dyn Background>>,
}

impl<'a> Kubectl<'a> {
    /// With a kubeconfig that the person has.
    pub fn with(
        runner: &'a dyn Runner,
        kubeconfig: &Path,
        context: Option<&str>,
    ) -> Result<Self, Diagnostic> {
        let context = context.map(str::to_owned);
        Ok(Kubectl { runner, kubeconfig: kubeconfig.to_owned(), context, folder: folder()?, _tunnel: None })
    }

    /// With the kubeconfig of a control plane, through a tunnel to it.
    pub fn through(remote: Remote<'a>, server: &str) -> Result<Self, Diagnostic> {
        let text = fetch(remote, server)?;
        let cannot = |error: std::io::Error| {
            Diagnostic::error("Tunnel cannot be made")
                .detail(format!("The way to the cluster's API: {error}."))
        };
        let port = free_port().map_err(cannot)?;
        // 127.0.0.1 is among the names of every k3s server's certificate.
        let config = kubeconfig::rewrite(&text, "cluster", &format!("https://127.0.0.1:{port}"))?;
        let folder = folder()?;
        let path = folder.path().join("config");
        write_private(&path, yaml::write(&config).as_bytes()).map_err(cannot)?;
        let invocation = remote.access.tunnel(server, port, API_PORT)?;
        let mut tunnel = remote.runner.start(invocation).map_err(|error| not_started("ssh", &error))?;
        let begun = Instant::now();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            let why = match tunnel.ended() {
                Some(finished) => finished.reason(),
                None if begun.elapsed() > TUNNEL_LIMIT => "it takes too long".to_owned(),
                None if remote.runner.stop() > crate::run::Stop::No => "it was stopped".to_owned(),
                None => {
                    std::thread::sleep(Duration::from_millis(50));
                    continue;
                }
            };
            return Err(Diagnostic::error("Tunnel cannot be made").detail(format!(
                "ssh does not lead to the Kubernetes API (port {API_PORT}) of server {server}: {why}."
            )));
        }
        Ok(Kubectl { runner: remote.runner, kubeconfig: path, context: None, folder, _tunnel: Some(tunnel) })
    }

    /// What runs kubectl.
    pub fn runner(&self) -> &'a dyn Runner {
        self.runner
    }

    /// An invocation that reaches the cluster.
    pub fn invocation<T: Into<OsString>>(&self, args: impl IntoIterator<Item = T>) -> Invocation {
        let mut config = OsString::from("--kubeconfig=");
        config.push(&self.kubeconfig);
        // Its own cache lies in the home directory by address and port, and is believed for hours. The port of a tunnel may
        // have been another cluster's.
        let mut cache = OsString::from("--cache-dir=");
        cache.push(self.folder.path().join("cache"));
        let mut words = vec![config, cache];
        words.extend(self.context.iter().map(|context| format!("--context={context}").into()));
        words.extend(args.into_iter().map(Into::into));
        plain(words)
    }

    /// Runs it. That it fails is no error here.
    pub fn run(&self, invocation: Invocation) -> Result<Finished, Diagnostic> {
        run(self.runner, invocation)
    }

    /// Runs it; it must succeed. `what` completes "kubectl could not …".
    pub fn done(&self, what: &str, invocation: Invocation) -> Result<Finished, Diagnostic> {
        let finished = self.run(invocation)?;
        if finished.ok() { Ok(finished) } else { Err(failed(what, &finished)) }
    }

    /// Asks for objects; none when there is no such object.
    pub fn get(&self, what: &str, args: &[&str]) -> Result<Option<Value>, Diagnostic> {
        let mut words = vec!["get"];
        words.extend(args);
        words.extend(["--ignore-not-found", "--output=json", REQUEST_TIMEOUT]);
        let invocation = Invocation { reads_only: true, limit: Some(RUN_LIMIT), ..self.invocation(words) };
        let finished = self.done(what, invocation)?;
        if finished.stdout.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        serde_json::from_slice(&finished.stdout).map(Some).map_err(|error| {
            Diagnostic::error("Answer not understood")
                .detail(format!("kubectl could not {what}: its answer is no JSON: {error}."))
        })
    }

    /// Changes one object or a few.
    pub fn change(&self, what: &str, args: &[&str], stdin: Option<&str>) -> Result<Finished, Diagnostic> {
        let words = args.iter().copied().chain([REQUEST_TIMEOUT]);
        let invocation = Invocation {
            stdin: stdin.map(|text| text.as_bytes().to_vec()),
            limit: Some(RUN_LIMIT),
            ..self.invocation(words)
        };
        self.done(what, invocation)
    }
}

/// `kubectl` as it is for everybody.
pub fn plain<T: Into<OsString>>(args: impl IntoIterator<Item = T>) -> Invocation {
    let env = PLAIN.map(|(name, value)| (name.into(), value.into())).to_vec();
    Invocation { env, ..Invocation::new("kubectl", args) }
}

/// A folder that goes when the work with a cluster ends.
fn folder() -> Result<TempDir, Diagnostic> {
    tempfile::Builder::new().prefix("ferroform-kube-").tempdir().map_err(|error| {
        Diagnostic::error("Folder cannot be made")
            .detail(format!("kubectl needs a temporary folder: {error}."))
            .hint("TMPDIR says where temporary files go.")
    })
}

/// Runs kubectl without a cluster.
pub fn run(runner: &dyn Runner, invocation: Invocation) -> Result<Finished, Diagnostic> {
    runner.run(invocation).map_err(|error| not_started("kubectl", &error))
}

/// That kubectl failed.
pub fn failed(what: &str, finished: &Finished) -> Diagnostic {
    let diagnostic = Diagnostic::error("Cluster does not do that")
        .detail(format!("kubectl could not {what}: {}", finished.reason()));
    let said = String::from_utf8_lossy(&finished.stderr);
    if said.contains("Apply failed with") && said.contains("conflict") {
        return diagnostic.hint(
            "Somebody else changed fields that the manifests have. Take them out of the manifests, or take them over \
             with -force-conflicts.",
        );
    }
    diagnostic
}

/// The kubeconfig of a control plane, as it is there.
pub fn fetch(remote: Remote<'_>, server: &str) -> Result<String, Diagnostic> {
    let path = remote.contract.kubernetes()?.kubeconfig_path().to_owned();
    let finished = remote.done(server, Call::reading(["cat", path.as_str()], 60))?;
    String::from_utf8(finished.stdout).map_err(|_| {
        Diagnostic::error("Kubeconfig not understood")
            .detail(format!("{path} of server {server} is no text."))
    })
}

/// A port of loopback that nobody uses now.
fn free_port() -> std::io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().map(|address| address.port())
}
