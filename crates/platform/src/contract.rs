//! What a stack tells about itself: the output `ferroform` of its root module, version 1 (docs/contract.md).

use std::collections::BTreeMap;
use std::fmt;

use ferroform_core::Diagnostic;
use serde::{Deserialize, Deserializer};

/// The newest version of the contract that this program knows.
pub const VERSION: u64 = 1;

/// The name of the output.
pub const OUTPUT: &str = "ferroform";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for whoever needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Server {
    /// Hetzner's id.
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    /// What it is for: a free word such as `control` or `postgres`.
    pub role: String,
    /// Public IPv4 address, if it has one.
    #[serde(default)]
    pub address: Option<String>,
    /// Private IPv4 address, if it has one.
    #[serde(default)]
    pub private: Option<String>,
    /// Whom to log in as; `root` if left out.
    #[serde(default)]
    pub user: Option<String>,
    /// Its public SSH host key, `TYPE BASE64`.
    #[serde(default)]
    pub host_key: Option<String>,
    /// The server that leads to it.
    #[serde(default)]
    pub via: Option<String>,
}

impl Server {
    /// Whom to log in as.
    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("root")
    }
}

/// How to log in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Ssh {
    /// The generated key of the administrator, OpenSSH's PEM; none where people use their own.
    #[serde(default)]
    pub private_key: Option<Secret>,
}

/// A k3s cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Kubernetes {
    /// Names of the control planes, the first one first.
    pub servers: Vec<String>,
    /// Names of all other nodes.
    #[serde(default, deserialize_with = "null_as_default")]
    pub agents: Vec<String>,
    /// The API as reached from the private network.
    #[serde(default)]
    pub api: Option<String>,
    /// Where a control plane keeps the administrator's kubeconfig.
    #[serde(default)]
    pub kubeconfig: Option<String>,
    /// The node program.
    #[serde(default)]
    pub k3s: Option<String>,
    /// The version that was installed, such as `v1.31.4+k3s1`.
    #[serde(default)]
    pub version: Option<String>,
    /// The kustomize directory of what runs in it, relative to the root module.
    #[serde(default)]
    pub manifests: Option<String>,
    /// What its context is called in a kubeconfig; stack and environment if left out.
    #[serde(default)]
    pub context: Option<String>,
    /// The token that nodes join with.
    #[serde(default)]
    pub token: Option<Secret>,
}

impl Kubernetes {
    /// Where a control plane keeps the administrator's kubeconfig: k3s's own path if nothing else is said.
    pub fn kubeconfig_path(&self) -> &str {
        self.kubeconfig.as_deref().unwrap_or("/etc/rancher/k3s/k3s.yaml")
    }

    /// Every node, control planes first.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.servers.iter().chain(&self.agents).map(String::as_str)
    }

    /// The node program.
    pub fn program(&self) -> &str {
        self.k3s.as_deref().unwrap_or("/usr/local/sbin/k3s-node")
    }
}

/// How a Docker host is deployed to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deploy {
    /// The host's name.
    pub server: String,
    /// The deploy program.
    pub program: String,
}

/// A PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Postgres {
    /// Its server's name.
    pub server: String,
    /// The database.
    pub database: String,
    /// Its owner.
    #[serde(default)]
    pub owner: Option<String>,
    /// The owner's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The backup program.
    #[serde(default)]
    pub program: Option<String>,
    /// The volume with its data.
    #[serde(default)]
    pub volume: Option<Identified>,
}

/// A Redis server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Redis {
    /// Its server's name.
    pub server: String,
}

/// An object that has an id at Hetzner.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identified {
    /// Its id.
    #[serde(default, deserialize_with = "id")]
    pub id: Option<String>,
    /// Its public IPv4 address.
    #[serde(default)]
    pub ipv4: Option<String>,
}

/// Where the service says that it is well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// The address.
    #[serde(default)]
    pub url: Option<String>,
}

/// What a stack tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Contract {
    /// The stack's name.
    pub stack: String,
    /// Its environment, such as `dev`.
    pub environment: String,
    /// Its servers by their names in the API.
    pub servers: BTreeMap<String, Server>,
    /// How to log in.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ssh: Ssh,
    /// Its cluster.
    #[serde(default)]
    pub kubernetes: Option<Kubernetes>,
    /// How its Docker host is deployed to.
    #[serde(default)]
    pub deploy: Option<Deploy>,
    /// Its database.
    #[serde(default)]
    pub postgres: Option<Postgres>,
    /// Its cache.
    #[serde(default)]
    pub redis: Option<Redis>,
    /// Its load balancer.
    #[serde(default)]
    pub load_balancer: Option<Identified>,
    /// Where it says that it is well.
    #[serde(default)]
    pub health: Option<Health>,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(de: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(de).map(Option::unwrap_or_default)
}

/// An id, which configurations give as text or as number.
fn id<'de, D: Deserializer<'de>>(de: D) -> Result<Option<String>, D::Error> {
    match serde_json::Value::deserialize(de)? {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => Ok(Some(text)),
        serde_json::Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(serde::de::Error::custom(format!("an id is text or a number, not {other}"))),
    }
}

impl Contract {
    /// Reads the output's value.
    pub fn parse(json: &str) -> Result<Contract, Diagnostic> {
        #[derive(Deserialize)]
        struct Versioned {
            version: Option<u64>,
        }
        let told: Versioned = serde_json::from_str(json).map_err(|error| invalid(&unlocated(&error)))?;
        match told.version {
            Some(VERSION) => {}
            Some(newer) if newer > VERSION => {
                return Err(Diagnostic::error("Contract of a newer version")
                    .detail(format!(
                        "The output \"{OUTPUT}\" of this stack follows version {newer} of the contract between stacks \
                         and commands; this program knows version {VERSION}."
                    ))
                    .hint("Use a newer version of Ferroform."));
            }
            Some(other) => return Err(invalid(&format!("there is no version {other}"))),
            None => return Err(invalid("it has no attribute \"version\"")),
        }
        let contract: Contract = serde_json::from_str(json).map_err(|error| invalid(&unlocated(&error)))?;
        contract.check()?;
        Ok(contract)
    }

    /// Every name leads to a server, and every text that ends in a file or a command line is harmless there.
    fn check(&self) -> Result<(), Diagnostic> {
        let mut named: Vec<(&str, &str)> = Vec::new();
        for (name, server) in &self.servers {
            if !is_plain(name) {
                return Err(invalid(&format!("the server name {name:?} is none that Hetzner allows")));
            }
            if !is_plain(server.user()) {
                return Err(invalid(&format!(
                    "the user {:?} of server {name} is no user name",
                    server.user()
                )));
            }
            for address in [&server.address, &server.private].into_iter().flatten() {
                if address.parse::<std::net::IpAddr>().is_err() {
                    return Err(invalid(&format!("{address:?} of server {name} is no address")));
                }
            }
            if let Some(key) = &server.host_key
                && !is_host_key(key)
            {
                return Err(invalid(&format!(
                    "the host key of server {name} is not of the form \"TYPE BASE64\" on one line"
                )));
            }
            named.extend(server.via.as_deref().map(|via| ("via", via)));
        }
        if let Some(kubernetes) = &self.kubernetes {
            if kubernetes.servers.is_empty() {
                return Err(invalid("kubernetes.servers is empty"));
            }
            named.extend(kubernetes.servers.iter().map(|name| ("kubernetes.servers", name.as_str())));
            named.extend(kubernetes.agents.iter().map(|name| ("kubernetes.agents", name.as_str())));
        }
        named.extend(self.deploy.iter().map(|deploy| ("deploy.server", deploy.server.as_str())));
        named.extend(self.postgres.iter().map(|postgres| ("postgres.server", postgres.server.as_str())));
        named.extend(self.redis.iter().map(|redis| ("redis.server", redis.server.as_str())));
        for (place, name) in named {
            if !self.servers.contains_key(name) {
                return Err(invalid(&format!("{place} names {name:?}, which is not among its servers")));
            }
        }
        for name in self.servers.keys() {
            // A chain that leads back to itself has more links than there are servers.
            let (mut at, mut links) = (name, 0);
            while let Some(via) = self.servers.get(at).and_then(|server| server.via.as_ref()) {
                (at, links) = (via, links + 1);
                if links > self.servers.len() {
                    return Err(invalid(&format!("the way to server {name} leads in a circle")));
                }
            }
        }
        Ok(())
    }

    /// `STACK-ENVIRONMENT`
    pub fn full_name(&self) -> String {
        format!("{}-{}", self.stack, self.environment)
    }

    /// The servers that a word means: the one of that name, or all of that role.
    pub fn find(&self, word: &str) -> Result<Vec<(&str, &Server)>, Diagnostic> {
        if let Some((name, server)) = self.servers.get_key_value(word) {
            return Ok(vec![(name, server)]);
        }
        let of_role: Vec<_> = self
            .servers
            .iter()
            .filter(|(_, server)| server.role == word)
            .map(|(name, server)| (name.as_str(), server))
            .collect();
        if !of_role.is_empty() {
            return Ok(of_role);
        }
        let known: Vec<String> =
            self.servers.iter().map(|(name, server)| format!("{name} ({})", server.role)).collect();
        let there_are = if known.is_empty() {
            "It has no servers.".to_owned()
        } else {
            format!("There are: {}.", known.join(", "))
        };
        Err(Diagnostic::error("No such server").detail(format!(
            "The stack {} has no server and no role {word:?}. {there_are}",
            self.full_name()
        )))
    }

    /// A server that another part of the contract names.
    pub fn server(&self, name: &str) -> Result<&Server, Diagnostic> {
        self.servers
            .get(name)
            .ok_or_else(|| invalid(&format!("{name:?} is named and is not among its servers")))
    }

    /// The cluster, or that there is none.
    pub fn kubernetes(&self) -> Result<&Kubernetes, Diagnostic> {
        self.kubernetes.as_ref().ok_or_else(|| self.without("kubernetes", "Kubernetes cluster"))
    }

    /// The database, or that there is none.
    pub fn postgres(&self) -> Result<&Postgres, Diagnostic> {
        self.postgres.as_ref().ok_or_else(|| self.without("postgres", "PostgreSQL server"))
    }

    /// That the stack has no such thing.
    pub fn without(&self, attribute: &str, what: &str) -> Diagnostic {
        Diagnostic::error(format!("No {what}"))
            .detail(format!(
                "The stack {} has no {what}: its output \"{OUTPUT}\" has no attribute \"{attribute}\".",
                self.full_name()
            ))
            .hint("docs/contract.md says what a stack has to tell for which command.")
    }
}

/// The state has no such output.
pub fn missing() -> Diagnostic {
    Diagnostic::error("Stack has no contract")
        .detail(format!(
            "The state has no output named \"{OUTPUT}\". Commands for running stacks find servers, cluster and database \
             by it: the root module declares it, sensitive, and the next apply writes it to the state."
        ))
        .hint("docs/contract.md shows the output to add. If it is declared already, run ferroform apply first.")
}

fn invalid(why: &str) -> Diagnostic {
    Diagnostic::error("Invalid contract")
        .detail(format!("The output \"{OUTPUT}\" of the root module cannot be used: {why}."))
        .hint("docs/contract.md describes every attribute.")
}

/// What serde says without the place in a text that nobody sees.
fn unlocated(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// Letters, digits, `.`, `_` and `-`, not beginning with a dash.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// `TYPE BASE64`, with a comment perhaps.
fn is_host_key(text: &str) -> bool {
    let mut words = text.trim().split(' ');
    let kind = words.next().unwrap_or_default();
    let key = words.next().unwrap_or_default();
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    !text.trim().contains(|c: char| c.is_control())
        && !kind.is_empty()
        && kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '@' | '.'))
        && !key.is_empty()
        && key.chars().all(base64)
}
