//! Terraform itself, with the plugin in the place of the published provider.

use std::path::{Path, PathBuf};

use ferroform_test_support::terraform_json::objects;
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::case::Step;
use crate::cloud::Cloud;
use crate::compare::by_address;

/// The version whose behaviour is recorded.
const VERSION: &str = "1.11.4";
/// What Terraform warns of because the plugin is not installed but pointed to.
const OVERRIDDEN: &str = "Provider development overrides are in effect";

/// Whether the right Terraform is there. Where `FERROFORM_REQUIRE_PROGRAMS` is set it must be.
pub(crate) fn is_there() -> bool {
    let output = std::process::Command::new("terraform")
        .args(["version", "-json"])
        .env("CHECKPOINT_DISABLE", "1")
        .output();
    let version = output.ok().and_then(|o| serde_json::from_slice::<Json>(&o.stdout).ok());
    let found = version.is_some_and(|v| v["terraform_version"] == VERSION);
    assert!(
        found || std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_none(),
        "FERROFORM_REQUIRE_PROGRAMS is set and there is no Terraform {VERSION}"
    );
    found
}

/// A directory in which Terraform runs with the plugin.
pub(crate) struct Terraform {
    root: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Terraform {
    /// Against a cloud.
    pub(crate) fn new(cloud: &Cloud) -> Terraform {
        let root = tempfile::tempdir().unwrap();
        let plugins = root.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        let program = env!("CARGO_BIN_EXE_ferroform-provider-hcloud");
        std::os::unix::fs::symlink(program, plugins.join("terraform-provider-hcloud")).unwrap();
        let settings = root.path().join("settings.tfrc");
        let text = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"hetznercloud/hcloud\" = {:?}\n  }}\n}}\n",
            plugins.display().to_string()
        );
        std::fs::write(&settings, text).unwrap();
        let environment = vec![
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", root.path().display().to_string()),
            ("TMPDIR", root.path().display().to_string()),
            ("TF_CLI_CONFIG_FILE", settings.display().to_string()),
            ("TF_INPUT", "0".into()),
            ("CHECKPOINT_DISABLE", "1".into()),
            ("HCLOUD_TOKEN", cloud.token().into()),
            ("HCLOUD_ENDPOINT", cloud.endpoint()),
            ("FERROFORM_FORBID_PUBLIC_ENDPOINT", "1".into()),
            ("FERROFORM_INSTANT_CLOUD", "1".into()),
        ];
        Terraform { root, environment }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// More for the environment of every run.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, cloud: &Cloud, step: &Step) {
        for entry in std::fs::read_dir(self.dir()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "tf") {
                std::fs::remove_file(path).unwrap();
            }
        }
        let state = self.state();
        for (path, text) in &step.files {
            let path = self.dir().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, cloud.fill_in(text, state.as_ref())).unwrap();
        }
    }

    /// Replaces the state.
    pub(crate) fn take_over(&self, state: &Json) {
        std::fs::write(self.dir().join("terraform.tfstate"), state.to_string()).unwrap();
    }

    /// The state, if there is one.
    pub(crate) fn state(&self) -> Option<Json> {
        let text = std::fs::read(self.dir().join("terraform.tfstate")).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    /// Plans a step and applies the plan, and gives what there is to compare.
    pub(crate) async fn step(&self, cloud: &Cloud, step: &Step) -> Json {
        self.configure(cloud, step);
        let mut out = Map::new();
        let (ok, problems) =
            self.run(&["plan", "-json", "-out=saved.plan", "-parallelism=1"], &step.options).await;
        out.insert("diagnostics".into(), problems);
        if !ok {
            return Json::Object(out);
        }
        let plan = self.command(&["show", "-json", "saved.plan"]).output().await.unwrap();
        assert!(plan.status.success(), "{}", String::from_utf8_lossy(&plan.stderr));
        let plan: Json = serde_json::from_slice(&plan.stdout).unwrap();
        out.insert("changes".into(), changes(&plan["resource_changes"]));
        out.insert("drift".into(), changes(&plan["resource_drift"]));
        out.insert("outputs".into(), outputs(&plan["output_changes"]));
        out.insert("read".into(), data_sources(&plan["prior_state"]["values"]["root_module"]));
        out.insert("applyable".into(), plan["applyable"].clone());
        let (_, problems) = self.run(&["apply", "-json", "-parallelism=1", "saved.plan"], &[]).await;
        let state = self.state().unwrap_or_default();
        out.insert(
            "applied".into(),
            json!({ "diagnostics": problems, "objects": objects(&state), "outputs": state["outputs"] }),
        );
        Json::Object(out)
    }

    /// What Terraform would still do: nothing, if it agrees with the state.
    pub(crate) async fn left_to_do(&self, options: &[String]) -> Option<String> {
        let mut command = self.command(&["plan", "-no-color", "-detailed-exitcode", "-lock=false"]);
        let output = command.args(options).output().await.unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code() != Some(0)).then_some(said)
    }

    /// Runs a command with `-json`: whether it succeeded, and its diagnostics.
    pub(crate) async fn run(&self, args: &[&str], more: &[String]) -> (bool, Json) {
        let output = self.command(args).args(more).output().await.unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let events = printed.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let mut found: Vec<Json> = events
            .filter(|event| event["type"] == "diagnostic")
            .map(|mut event| event["diagnostic"].take())
            .filter(|d| d["summary"] != OVERRIDDEN)
            .map(|d| json!({ "severity": d["severity"], "summary": d["summary"] }))
            .collect();
        found.sort_by_cached_key(Json::to_string);
        (output.status.success(), Json::Array(found))
    }

    /// A command line that nothing of the user's own settings plays into.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command.args(args).current_dir(self.dir()).env_clear().kill_on_drop(true);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(std::process::Stdio::null());
        command
    }

    /// The folder that holds everything.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }
}

const CHANGE_FIELDS: [&str; 5] = ["before", "after", "after_unknown", "before_sensitive", "after_sensitive"];

fn changes(changes: &Json) -> Json {
    let pick = |resource: &Json| {
        let change = &resource["change"];
        let mut out = Map::new();
        for (from, name) in [(resource, "address"), (resource, "deposed"), (change, "actions")]
            .into_iter()
            .chain([(resource, "previous_address"), (resource, "action_reason")])
            .chain(CHANGE_FIELDS.map(|name| (change, name)))
            .chain([(change, "replace_paths"), (change, "importing")])
        {
            if let Some(value) = from.get(name) {
                out.insert(name.into(), value.clone());
            }
        }
        by_address(Json::Object(out))
    };
    Json::Object(changes.as_array().into_iter().flatten().map(pick).collect())
}

fn outputs(changes: &Json) -> Json {
    let pick = |(name, change): (&String, &Json)| {
        let fields = ["actions"].into_iter().chain(CHANGE_FIELDS);
        let fields = fields.map(|field| (field.to_owned(), change[field].clone()));
        (name.clone(), Json::Object(fields.collect()))
    };
    Json::Object(changes.as_object().into_iter().flatten().map(pick).collect())
}

/// The data sources that were read while planning.
fn data_sources(module: &Json) -> Json {
    let resources = module["resources"].as_array().into_iter().flatten();
    let data = resources.filter(|resource| resource["mode"] == "data");
    Json::Object(data.map(|r| (r["address"].as_str().unwrap().to_owned(), r["values"].clone())).collect())
}
