//! `kubeconfig`: fetched over SSH, made fit for use from here.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferroform_core::Diagnostic;
use ferroform_platform::contract::Kubernetes;
use ferroform_platform::{Contract, kubeconfig, kubectl, yaml};
use serde_json::json;

use super::Outcome;
use super::stack::{Stack, data_file};
use crate::args::KubeconfigArgs;
use crate::terminal::Terminal;

pub(super) async fn run(args: &KubeconfigArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    let kubernetes = stack.take(stack.contract.kubernetes())?;
    let name = kubernetes.context.clone().unwrap_or_else(|| stack.contract.full_name());
    let server = stack.take(api(&stack.contract, kubernetes, args.server.as_deref()))?;
    let text = stack.take(fetch(&stack, kubernetes))?;
    let config = stack.take(kubeconfig::rewrite(&text, &name, &server))?;
    if args.output.as_deref() == Some(Path::new("-")) {
        stack.context.print(&yaml::write(&config));
        return Ok(ExitCode::SUCCESS);
    }
    let path = match (&args.output, args.merge) {
        (Some(path), _) => path.clone(),
        (None, true) => stack.take(own_kubeconfig())?,
        (None, false) => data_file(&stack.settings, "kubeconfig"),
    };
    stack.take(kubeconfig::write(&path, &config, args.merge))?;
    let told = json!({"path": path, "context": name, "server": server, "merged": args.merge});
    Ok(stack.result(args.json, &told, || {
        if args.merge {
            format!("{} has the context {name} now, and it is the current one.\n", path.display())
        } else {
            format!(
                "The kubeconfig with the context {name} is in {}.\n\n  export KUBECONFIG={}\n",
                path.display(),
                std::path::absolute(&path).unwrap_or(path.clone()).display()
            )
        }
    }))
}

/// From the first control plane that answers.
fn fetch(stack: &Stack<'_>, kubernetes: &Kubernetes) -> Result<String, Diagnostic> {
    let mut first = None;
    for server in &kubernetes.servers {
        match kubectl::fetch(stack.remote(), server) {
            Ok(text) => return Ok(text),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| stack.contract.without("kubernetes.servers", "control plane")))
}

/// Where the API is reached from here.
fn api(contract: &Contract, kubernetes: &Kubernetes, given: Option<&str>) -> Result<String, Diagnostic> {
    if let Some(url) = given {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".:-[]/_".contains(c);
        return match url.strip_prefix("https://") {
            Some(rest) if !rest.is_empty() && rest.chars().all(plain) => Ok(url.to_owned()),
            _ => Err(Diagnostic::error("Invalid address").detail(format!(
                "The option -server is {url:?}; the API of a cluster is at an address that begins with https://."
            ))),
        };
    }
    let public = kubernetes.servers.iter().find_map(|name| contract.servers.get(name)?.address.as_deref());
    match (public, &kubernetes.api) {
        (Some(address), _) => Ok(format!("https://{address}:6443")),
        (None, Some(api)) => Ok(api.clone()),
        (None, None) => Err(Diagnostic::error("API has no address")
            .detail("No control plane has a public address, and the contract has no kubernetes.api.")
            .hint("Say with -server=https://ADDRESS:6443 where the API is reached.")),
    }
}

/// The file that kubectl reads first.
fn own_kubeconfig() -> Result<PathBuf, Diagnostic> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    if let Some(first) = std::env::split_paths(&listed).find(|path| !path.as_os_str().is_empty()) {
        return Ok(first);
    }
    std::env::home_dir()
        .filter(|home| !home.as_os_str().is_empty())
        .map(|home| home.join(".kube/config"))
        .ok_or_else(|| {
            Diagnostic::error("No home directory")
                .detail("Neither KUBECONFIG nor HOME says where your kubeconfig is.")
                .hint("Write to a file with -output=FILE.")
        })
}
