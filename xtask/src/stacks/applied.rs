//! Every environment of every stack, applied on a local cloud.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use super::{Context, copy};
use crate::metadata::{list, text};
use crate::{Result, say};

/// A key that opens nothing: its private half was never kept.
const SSH_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f test";

/// What every environment is given: what has no default where a person must choose.
pub(super) const VARIABLES: &[(&str, &str)] = &[("ssh_public_key", SSH_KEY)];

/// Environments once more with other values, for the parts of the stacks that the defaults leave out: stack,
/// environment, a name for it, variables as in `TF_VAR_…`.
const VARIANTS: &[(&str, &str, &str, &[(&str, &str)])] = &[
    (
        "nornos",
        "dev",
        "three control planes without public addresses",
        &[
            ("control_planes", "{ count = 3, size = \"small\" }"),
            ("private_nodes", "true"),
            ("admin_ips", "[\"203.0.113.7/32\"]"),
        ],
    ),
    (
        "nornos",
        "production",
        "everything",
        &[
            (
                "server_types",
                "{ small = \"cpx22\", medium = \"cpx32\", large = \"cpx42\", xlarge = \"cpx62\" }",
            ),
            ("location", "hel1"),
            ("api_names", "[\"api.nornos.example\"]"),
            ("kubernetes_hcloud_token", GIVEN_SECRETS[0]),
            (
                "etcd_object_storage",
                "{ endpoint = \"s3.example\", region = \"hel1\", bucket = \"etcd\", access_key = \"AKEXAMPLE\", secret_key = \"SecretOfEtcd0123\" }",
            ),
            (
                "backup_target",
                "{ region = \"hel1\", bucket = \"backups\", access_key = \"AKEXAMPLE\", secret_key = \"SecretOfBackups0\" }",
            ),
            (
                "object_storage",
                "{ endpoint = \"https://s3.example\", region = \"hel1\", documents = \"d\", access_key = \"AKEXAMPLE\", secret_key = \"SecretOfDocument\" }",
            ),
        ],
    ),
    ("consult", "dev", "doppler", &[("doppler_token", GIVEN_SECRETS[1])]),
    (
        "consult",
        "prod",
        "everything",
        &[
            ("docker_source", "docker"),
            ("docker_settings", "{ \"registry-mirrors\" = [\"https://mirror.example.com\"] }"),
            (
                "registry_login",
                "{ server = \"registry.example.com\", username = \"host\", password = \"of-the-registry\" }",
            ),
            (
                "app_environment",
                "{ SECRET_KEY = \"SecretOfDjango0123\", QUOTED = \"a \\\"quoted\\\" \\\\ one\" }",
            ),
            ("reboot_at", "03:30"),
        ],
    ),
];

/// What is secret in the values above.
const GIVEN_SECRETS: [&str; 6] = [
    "TokenOfTheClusterThatOpensNothing0123456789",
    "dp.st.dev.0123456789abcdef",
    "SecretOfEtcd0123",
    "SecretOfBackups0",
    "SecretOfDocument",
    "SecretOfDjango0123",
];

/// An environment that stands on a local cloud.
pub(super) struct Applied {
    /// Name of the stack.
    pub(super) stack: String,
    /// Name of the environment.
    pub(super) environment: String,
    /// What is different from its defaults; empty for nothing.
    pub(super) variant: String,
    /// The variables that it was applied with.
    pub(super) variables: Vec<(String, String)>,
    /// What was copied: `stacks` and `modules`.
    pub(super) copy: PathBuf,
    /// The statefile.
    pub(super) state: Json,
    /// The outputs, by name, sensitive ones as well.
    pub(super) outputs: Json,
    /// The servers as the cloud was asked for them.
    pub(super) servers: Vec<Server>,
}

/// A server as the cloud was asked for it.
pub(super) struct Server {
    /// Its name.
    pub(super) name: String,
    /// Its server type.
    pub(super) server_type: String,
    /// Its user data, as sent.
    pub(super) user_data: String,
}

impl Applied {
    /// How it is told.
    pub(super) fn title(&self) -> String {
        let title = format!("{}/{}", self.stack, self.environment);
        if self.variant.is_empty() { title } else { format!("{title} ({})", self.variant) }
    }

    /// The root module below a copy of the repository's directories.
    pub(super) fn root_module(&self, copy: &Path) -> PathBuf {
        copy.join("stacks").join(&self.stack).join("environments").join(&self.environment)
    }

    /// Values that nobody but root may read: what is secret in the variables, generated passwords and private keys.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let attributes = list(&self.state, "resources").iter().flat_map(|resource| {
            let kind = text(resource, "type");
            let names: &[&str] = match kind {
                "random_password" => &["result"],
                "tls_private_key" => &["private_key_openssh", "private_key_pem"],
                _ => &[],
            };
            let instances = list(resource, "instances").iter();
            instances.flat_map(move |i| names.iter().filter_map(move |name| i["attributes"][name].as_str()))
        });
        attributes.chain(GIVEN_SECRETS).filter(|value| value.len() >= 12).collect()
    }
}

/// Applies every environment, and every variant, each in a copy of its own below `scratch`.
pub(super) fn all(context: &Context, scratch: &Path) -> Result<Vec<Applied>> {
    let mut wanted = Vec::new();
    for stack in directories(&context.root.join("stacks"))? {
        let environments = context.root.join("stacks").join(&stack).join("environments");
        for environment in directories(&environments)? {
            wanted.push((stack.clone(), environment.clone(), "", &[][..]));
            let variants = VARIANTS.iter().filter(|v| v.0 == stack && v.1 == environment);
            wanted.extend(variants.map(|v| (stack.clone(), environment.clone(), v.2, v.3)));
        }
    }
    let mut all = Vec::new();
    for (number, (stack, environment, variant, variables)) in wanted.into_iter().enumerate() {
        let variables = VARIABLES.iter().chain(variables).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let copied = scratch.join(format!("applied-{number}"));
        for dir in ["stacks", "modules"] {
            copy(&context.root.join(dir), &copied.join(dir))?;
        }
        let applied = Applied {
            stack,
            environment,
            variant: variant.to_owned(),
            variables: variables.collect(),
            copy: copied,
            state: Json::Null,
            outputs: Json::Null,
            servers: Vec::new(),
        };
        let applied = apply(context, applied)?;
        let count = applied.servers.len();
        say(&format!("stacks: {} applied on a local cloud: {count} servers", applied.title()))?;
        all.push(applied);
    }
    if all.is_empty() {
        return Err("stacks: there is no stacks/*/environments/*".into());
    }
    Ok(all)
}

fn apply(context: &Context, mut applied: Applied) -> Result<Applied> {
    let dir = applied.root_module(&applied.copy);
    let run = |words: &[&str]| -> Result<Vec<u8>> {
        let mut command = clean_command(&context.ferroform, &dir);
        command.args(words).envs(applied.variables.iter().map(|(k, v)| (format!("TF_VAR_{k}"), v)));
        finish(&applied.title(), words, &mut command)
    };
    let done = run(&["apply", "-local", "-auto-approve", "-time-scale=0"])
        .and_then(|_| run(&["output", "-local", "-json"]));
    // Also after a failure: nothing is left running.
    let stopped = run(&["cloud", "stop"]);
    let outputs: Json = serde_json::from_slice(&done?)?;
    stopped?;
    applied.outputs = outputs;
    let local = dir.join(".terraform/local");
    applied.state = read(&local.join("terraform.tfstate"))?;
    applied.servers = servers(&local)?;
    Ok(applied)
}

/// A command in a directory with nothing of the user's own settings.
pub(super) fn clean_command(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("TF_") || text.starts_with("FERROFORM_") || text.starts_with("HCLOUD_") {
            command.env_remove(&name);
        }
    }
    command.current_dir(dir).env("CHECKPOINT_DISABLE", "1").env("TF_INPUT", "0").env("TF_IN_AUTOMATION", "1");
    command
}

/// Runs a command that must succeed, and gives what it prints.
pub(super) fn finish(title: &str, words: &[&str], command: &mut Command) -> Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("stacks: {program} cannot be run: {e}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(format!("stacks: {title}: {program} {} failed:\n{said}", words.join(" ")).into())
}

/// The servers of a world that has stopped, by id: those of its snapshot, as the journal beside changed them.
fn servers(local: &Path) -> Result<Vec<Server>> {
    let mut servers: BTreeMap<i64, Json> = BTreeMap::new();
    if let Ok(snapshot) = read(&local.join("cloud.json")) {
        let projects = snapshot["world"]["projects"].as_object();
        for server in projects.into_iter().flatten().flat_map(|(_, project)| list(project, "servers")) {
            servers.insert(server["id"].as_i64().unwrap_or_default(), server.clone());
        }
    }
    let journal = std::fs::read_to_string(local.join("cloud.json.journal")).unwrap_or_default();
    for record in journal.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok()) {
        for change in list(&record["changes"], "servers") {
            let id = change[0].as_i64().unwrap_or_default();
            match &change[1] {
                Json::Null => servers.remove(&id),
                server => servers.insert(id, server.clone()),
            };
        }
    }
    let found = servers.into_values().map(|server| Server {
        name: text(&server, "name").to_owned(),
        server_type: text(&server, "server_type").to_owned(),
        user_data: text(&server, "user_data").to_owned(),
    });
    Ok(found.collect())
}

fn read(path: &Path) -> Result<Json> {
    let text = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

/// Names of the directories in a directory, sorted.
fn directories(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
