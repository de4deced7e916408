//! `cargo xtask edges`: checks which crate of the workspace depends on which.
//!
//! The boundaries between the crates are written as absences: what a crate must not know of, it must not be able to
//! reach. A rule holds for normal, build and dev-dependencies, and for what those lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::metadata::{self, list, text};
use crate::{Result, say, workspace_root};

/// Before the names of all packages of the workspace but `xtask`.
const PREFIX: &str = "ferroform-";

/// The most crates that may stand on each other.
const MAX_DEPTH: usize = 6;

/// What one crate must not know of another. Names are without the prefix; a `*` at the end stands for anything.
struct Rule {
    from: &'static [&'static str],
    to: &'static [&'static str],
    /// Allowed all the same as dev-dependencies, and behind these.
    dev_allowed: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        from: &["core"],
        to: &["*"],
        dev_allowed: &[],
        why: "core is the ground: it depends on no crate of the workspace",
    },
    Rule {
        from: &["catalogue"],
        to: &["*"],
        dev_allowed: &[],
        why: "the catalogue is data: it depends on no crate of the workspace",
    },
    Rule {
        from: &["s3"],
        to: &["*"],
        dev_allowed: &[],
        why: "the client of S3 depends on no crate of the workspace",
    },
    Rule {
        from: &["hcl"],
        to: &[
            "lang",
            "state",
            "plan",
            "provider",
            "provider-*",
            "providers-*",
            "engine",
            "hcloud",
            "hcloud-*",
        ],
        dev_allowed: &[],
        why: "the syntax knows neither resources nor Terraform",
    },
    Rule {
        from: &["lang"],
        to: &["state", "plan", "provider", "provider-*", "providers-*", "engine", "hcloud", "hcloud-*"],
        dev_allowed: &[],
        why: "the language knows neither state nor plans nor providers",
    },
    Rule {
        from: &["state"],
        to: &[
            "s3",
            "hcl",
            "lang",
            "plan",
            "provider",
            "provider-*",
            "providers-*",
            "engine",
            "hcloud",
            "hcloud-*",
        ],
        dev_allowed: &[],
        why: "the state knows neither the language nor who changes it",
    },
    Rule {
        from: &["provider"],
        to: &["hcl", "lang", "state", "plan", "provider-*", "providers-*", "engine", "hcloud", "hcloud-*"],
        dev_allowed: &[],
        why: "the contract between engine and providers knows neither side",
    },
    Rule {
        from: &["plan"],
        to: &["hcl", "lang", "engine", "provider-*", "providers-*", "hcloud", "hcloud-*"],
        dev_allowed: &[],
        why: "a plan is data: it knows neither the language nor the engine",
    },
    Rule {
        from: &["engine"],
        to: &["s3", "provider-*", "providers-*", "hcloud", "hcloud-*"],
        // The engine is tested with real, but pure providers, one of which reads states in buckets.
        dev_allowed: &["providers-builtin", "s3"],
        why: "the engine knows providers by their trait only",
    },
    Rule {
        from: &["hcloud"],
        to: &["*"],
        dev_allowed: &[],
        why: "the API client depends on no crate of the workspace",
    },
    Rule {
        from: &["provider-hcloud", "provider-objectstorage", "providers-builtin"],
        to: &["hcl", "lang", "state", "plan", "engine"],
        dev_allowed: &[],
        why: "a provider knows the contract, not who calls it",
    },
    Rule {
        from: &["tf-plugin"],
        to: &[
            "hcl",
            "lang",
            "state",
            "plan",
            "provider-*",
            "providers-*",
            "engine",
            "hcloud",
            "hcloud-*",
            "catalogue",
        ],
        dev_allowed: &[],
        why: "a plugin serves any provider, and knows neither which nor who asks",
    },
    Rule {
        from: &["provider-hcloud-plugin"],
        to: &["lang", "state", "plan", "engine", "hcloud-emulator"],
        // Terraform with the plugin is held against Ferroform's own engine.
        dev_allowed: &["*"],
        why: "the plugin is a provider and the protocol, nothing else",
    },
    Rule {
        from: &["hcloud-emulator"],
        to: &["s3", "provider", "provider-*", "engine", "hcloud", "lang", "state", "plan"],
        dev_allowed: &[],
        why: "the local cloud and the client share nothing, so that both cannot be wrong together",
    },
    Rule {
        from: &["cost", "policy"],
        to: &["engine", "hcl", "lang", "provider", "provider-*", "providers-*", "hcloud", "hcloud-*"],
        dev_allowed: &[],
        why: "cost and policy read the plan and the catalogue, nothing else",
    },
    Rule {
        from: &["platform"],
        to: &[
            "hcl",
            "lang",
            "state",
            "plan",
            "provider",
            "provider-*",
            "providers-*",
            "engine",
            "hcloud",
            "hcloud-*",
            "catalogue",
            "cost",
        ],
        dev_allowed: &[],
        why: "work on running stacks knows their contract, and neither how they are made nor the API",
    },
    Rule { from: &["*"], to: &["cli"], dev_allowed: &[], why: "only the command wires things together" },
];

/// What a crate must not depend on outside the workspace, except for tests.
const FOREIGN: &[(&[&str], &[&str], &str)] = &[
    (
        &["core", "hcl", "lang", "plan"],
        &["tokio", "async-trait", "reqwest", "hyper", "axum", "clap", "jiff"],
        "evaluation and its data are synchronous and pure",
    ),
    (
        &["engine"],
        &["reqwest", "hyper", "axum", "clap", "anstyle", "anstream", "indicatif", "jiff", "rustix"],
        "terminal, network and clock are passed to the engine",
    ),
];

/// Packages that need more than cargo and a C compiler to build.
const BANNED: &[(&[&str], &str)] = &[
    (&["aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys"], "cryptography is ring's: aws-lc wants cmake"),
    (&["openssl", "openssl-sys", "openssl-src", "native-tls"], "TLS is rustls: OpenSSL wants its headers"),
    (&["cmake", "prost-build", "protobuf-src"], "the build needs cargo and a C compiler, nothing else"),
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Normal,
    Build,
    Dev,
}

struct Edge {
    to: String,
    kind: Kind,
}

/// Direct dependencies by package; the names of packages of the workspace are without the prefix.
struct Graph {
    own: BTreeMap<String, Vec<Edge>>,
    foreign: BTreeMap<String, Vec<Edge>>,
}

/// Runs the command, which has no options.
///
/// # Errors
/// When cargo cannot be run, or an edge is forbidden: all of them, each with the rule.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if let Some(unknown) = args.first() {
        return Err(format!("edges: unknown option {unknown}; usage: edges").into());
    }
    say(&check(&workspace_root())?)
}

/// Checks the workspace at `root`; the answer sums up what was looked at.
fn check(root: &Path) -> Result<String> {
    let graph = Graph::read(root)?;
    let lock = root.join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock).map_err(|e| format!("{}: {e}", lock.display()))?;
    let mut wrong = graph.forbidden();
    wrong.extend(graph.forbidden_foreign());
    wrong.extend(banned(&lock));
    let depth = match graph.deepest() {
        Ok(chain) if chain.len() > MAX_DEPTH => {
            wrong.push(format!("{}: {} crates deep, {MAX_DEPTH} are allowed", arrows(&chain), chain.len()));
            chain.len()
        }
        Ok(chain) => chain.len(),
        Err(cycle) => {
            wrong.push(cycle);
            0
        }
    };
    if !wrong.is_empty() {
        return Err(format!("edges: {} forbidden\n  {}", wrong.len(), wrong.join("\n  ")).into());
    }
    let edges: usize = graph.own.values().map(Vec::len).sum();
    Ok(format!("edges: {} crates, {edges} edges, {depth} deep: none is forbidden", graph.own.len()))
}

impl Graph {
    fn read(root: &Path) -> Result<Self> {
        let answer = metadata::own_packages(root)?;
        let packages = list(&answer, "packages");
        let own_names: BTreeSet<&str> = packages.iter().map(|p| text(p, "name")).collect();
        let mut graph = Graph { own: BTreeMap::new(), foreign: BTreeMap::new() };
        for package in packages {
            let from = short(text(package, "name"));
            let own = graph.own.entry(from.to_owned()).or_default();
            let foreign = graph.foreign.entry(from.to_owned()).or_default();
            for dependency in list(package, "dependencies") {
                let name = text(dependency, "name");
                let kind = match text(dependency, "kind") {
                    "dev" => Kind::Dev,
                    "build" => Kind::Build,
                    _ => Kind::Normal,
                };
                if own_names.contains(name) {
                    own.push(Edge { to: short(name).to_owned(), kind });
                } else {
                    foreign.push(Edge { to: name.to_owned(), kind });
                }
            }
        }
        Ok(graph)
    }

    /// Every forbidden way, the shortest to each crate.
    fn forbidden(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for from in self.own.keys() {
            for (to, way) in self.reachable(from) {
                for rule in RULES.iter().filter(|r| matches(r.from, from) && matches(r.to, &to)) {
                    let allowed =
                        way.dev && way.steps[1..].iter().all(|step| matches(rule.dev_allowed, step));
                    if !allowed && to != *from {
                        wrong.push(format!("{}: {}", way.show(), rule.why));
                    }
                }
            }
            let normal_test_support =
                self.own[from].iter().any(|e| e.to == "test-support" && e.kind != Kind::Dev);
            if normal_test_support {
                wrong.push(format!("{from} → test-support: test-support is for dev-dependencies only"));
            }
        }
        wrong
    }

    fn forbidden_foreign(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (from, edges) in &self.foreign {
            for (_, packages, why) in FOREIGN.iter().filter(|(crates, _, _)| matches(crates, from)) {
                for edge in edges.iter().filter(|e| e.kind != Kind::Dev && matches(packages, &e.to)) {
                    wrong.push(format!("{from} → {}: {why}", edge.to));
                }
            }
        }
        wrong
    }

    /// What a crate leads to: its dependencies of all kinds, then the normal and build-dependencies of those.
    fn reachable(&self, from: &str) -> BTreeMap<String, Way> {
        let mut found: BTreeMap<String, Way> = BTreeMap::new();
        // Normal edges first, so that a way without a dev-dependency is the one that is told.
        for dev in [false, true] {
            let start = self.own[from].iter().filter(|e| (e.kind == Kind::Dev) == dev);
            let mut next: Vec<Way> =
                start.map(|e| Way { steps: vec![from.to_owned(), e.to.clone()], dev }).collect();
            while !next.is_empty() {
                let mut after = Vec::new();
                for way in next {
                    let Some(at) = way.steps.last().cloned() else { continue };
                    if found.contains_key(&at) {
                        continue;
                    }
                    for edge in self.own.get(&at).into_iter().flatten().filter(|e| e.kind != Kind::Dev) {
                        let mut steps = way.steps.clone();
                        steps.push(edge.to.clone());
                        after.push(Way { steps, dev });
                    }
                    found.insert(at, way);
                }
                next = after;
            }
        }
        found
    }

    /// The longest chain of crates, or the cycle that makes it endless.
    fn deepest(&self) -> std::result::Result<Vec<String>, String> {
        let mut known = BTreeMap::new();
        let mut longest = Vec::new();
        for name in self.own.keys() {
            let chain = self.chain(name, &mut Vec::new(), &mut known)?;
            if chain.len() > longest.len() {
                longest = chain;
            }
        }
        Ok(longest)
    }

    fn chain(
        &self,
        name: &str,
        above: &mut Vec<String>,
        known: &mut BTreeMap<String, Vec<String>>,
    ) -> std::result::Result<Vec<String>, String> {
        if let Some(chain) = known.get(name) {
            return Ok(chain.clone());
        }
        let cyclic = above.iter().any(|n| n == name);
        above.push(name.to_owned());
        if cyclic {
            return Err(format!("{}: a cycle", arrows(above)));
        }
        let mut longest = Vec::new();
        for edge in self.own[name].iter().filter(|e| e.kind != Kind::Dev) {
            let chain = self.chain(&edge.to, above, known)?;
            if chain.len() > longest.len() {
                longest = chain;
            }
        }
        above.pop();
        longest.insert(0, name.to_owned());
        known.insert(name.to_owned(), longest.clone());
        Ok(longest)
    }
}

/// How one crate leads to another.
struct Way {
    /// From the first to the last.
    steps: Vec<String>,
    /// Whether the first step is a dev-dependency.
    dev: bool,
}

impl Way {
    fn show(&self) -> String {
        let note = if self.dev { " (dev-dependency)" } else { "" };
        format!("{}{note}", arrows(&self.steps))
    }
}

fn arrows(steps: &[String]) -> String {
    steps.join(" → ")
}

fn short(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn matches(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *pattern == name,
    })
}

/// Packages in a lock file that must not be there.
fn banned(lock: &str) -> Vec<String> {
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let mut wrong = Vec::new();
    for name in names {
        let hit = BANNED.iter().find(|(packages, _)| packages.contains(&name));
        if let Some((_, why)) = hit {
            wrong.push(format!("Cargo.lock has {name}: {why}; `cargo tree -i {name}` shows who wants it"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// The manifests of the workspace and, so that cargo finds its targets, the names of its sources.
    fn copy_of_workspace() -> tempfile::TempDir {
        let copy = tempfile::tempdir().expect("a temporary directory");
        let root = workspace_root();
        for name in ["Cargo.toml", "Cargo.lock"] {
            fs::copy(root.join(name), copy.path().join(name)).expect(name);
        }
        copy_manifests(&root.join("crates"), &copy.path().join("crates"));
        copy_manifests(&root.join("xtask"), &copy.path().join("xtask"));
        copy
    }

    fn copy_manifests(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a directory");
        for entry in fs::read_dir(from).expect("a readable directory") {
            let entry = entry.expect("an entry");
            let (path, target): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
            if path.is_dir() {
                copy_manifests(&path, &target);
            } else if path.extension().is_some_and(|e| e == "rs") {
                fs::write(target, "").expect("an empty source");
            } else if path.ends_with("Cargo.toml") {
                fs::copy(path, target).expect("a manifest");
            }
        }
    }

    /// Adds dependencies to a copy and tells what the check says.
    fn seeded(package: &str, section: &str, dependency: &str) -> String {
        let copy = copy_of_workspace();
        let manifest = copy.path().join("crates").join(package).join("Cargo.toml");
        let mut text = fs::read_to_string(&manifest).expect("a manifest");
        let line = format!("{PREFIX}{dependency} = {{ path = \"../{dependency}\" }}\n");
        let header = format!("[{section}]\n");
        match text.find(&header) {
            Some(at) => text.insert_str(at + header.len(), &line),
            None => text.push_str(&format!("\n{header}{line}")),
        }
        fs::write(&manifest, text).expect("a manifest");
        check(copy.path()).expect_err("a forbidden edge").to_string()
    }

    fn check_refused(package: &str, section: &str, dependency: &str, expected: &str) {
        let said = seeded(package, section, dependency);
        assert!(said.contains(expected), "{package} [{section}] {dependency}\nexpected: {expected}\n{said}");
    }

    #[test]
    fn the_workspace_as_it_is_passes() {
        let said = check(&workspace_root()).map_err(|e| e.to_string());
        assert!(said.is_ok(), "{said:?}");
    }

    #[test]
    fn a_seeded_forbidden_edge_is_named_with_its_rule() {
        check_refused("engine", "dependencies", "hcloud", "engine → hcloud: the engine knows providers");
        check_refused("engine", "dependencies", "providers-builtin", "engine → providers-builtin: ");
        check_refused("core", "dependencies", "catalogue", "core → catalogue: core is the ground");
        check_refused("hcloud", "dependencies", "core", "hcloud → core: the API client");
        check_refused("hcloud-emulator", "dependencies", "provider", "hcloud-emulator → provider: ");
        check_refused("lang", "build-dependencies", "state", "lang → state: the language");
    }

    #[test]
    fn a_forbidden_dev_dependency_is_refused_too() {
        check_refused("engine", "dev-dependencies", "hcloud", "engine → hcloud (dev-dependency): ");
        check_refused("engine", "dev-dependencies", "provider-hcloud", "engine → provider-hcloud (dev-");
        check_refused("hcloud", "dev-dependencies", "hcloud-emulator", "hcloud → hcloud-emulator (dev-");
        check_refused("lang", "dev-dependencies", "plan", "lang → plan (dev-dependency): ");
    }

    #[test]
    fn a_forbidden_crate_is_found_behind_an_allowed_one() {
        check_refused("provider", "dependencies", "hcloud", "engine → provider → hcloud: the engine");
        check_refused("test-support", "dependencies", "hcloud", "engine → test-support → hcloud (dev-");
    }

    #[test]
    fn nothing_leads_to_the_command() {
        check_refused("state", "dependencies", "cli", "state → cli: only the command wires");
    }

    #[test]
    fn packages_that_need_more_than_a_c_compiler_are_refused() {
        let lock = "[[package]]\nname = \"aws-lc-sys\"\n\n[[package]]\nname = \"openssl-probe\"\n";
        let said = banned(lock);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("aws-lc-sys"), "{said:?}");
    }
}
