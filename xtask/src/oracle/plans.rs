//! What Terraform plans for whole configurations, and what comes of applying the plan.
//!
//! Each case under `crates/engine/oracle/cases` is a text of several files. Those under `before/` are applied first,
//! those under `between/` after them, if there are any; those under `after/` are planned and applied then. Other files
//! are part of all of them. Random ids are replaced by numbers before the plan is made, so that every recording of a
//! case is the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Map, Value as Json, json};

use super::Result;
use super::terraform::Terraform;

/// How many cases are recorded at once.
const WORKERS: usize = 3;

/// Ids of the prior state are numbered: this and twelve digits.
const NUMBERED: &str = "00000000-0000-0000-0000-";

/// A case as its file has it.
#[derive(Debug, Default, PartialEq)]
struct Case {
    /// Options for `terraform plan`.
    options: Vec<String>,
    /// Assignments for `-var`, for `after`.
    variables: Vec<String>,
    /// The same for `before` and `between`.
    earlier_variables: Vec<String>,
    /// The same for applying the plan: ephemeral ones, which it does not hold.
    applying_variables: Vec<String>,
    /// Addresses to taint before planning.
    tainted: Vec<String>,
    /// Phases whose apply is meant to fail.
    failing: Vec<String>,
    files: Vec<(String, String)>,
}

/// Where cases and recordings lie.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/engine/oracle")
}

/// Records the cases of these names, or compares. Returns a text for each recording that differs.
pub(super) fn run(terraform: &Terraform, names: &[String], check: bool) -> Result<Vec<String>> {
    let queue = Mutex::new(names.iter());
    let next = || queue.lock().ok().and_then(|mut names| names.next());
    let work = || -> std::result::Result<Vec<String>, String> {
        let mut differing = Vec::new();
        while let Some(name) = next() {
            differing.extend(one(terraform, name, check).map_err(|e| format!("plans/{name}: {e}"))?);
        }
        Ok(differing)
    };
    let done: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|w| w.join().unwrap_or_else(|_| Err("a worker panicked".into()))).collect()
    });
    let mut differing = Vec::new();
    for result in done {
        differing.extend(result?);
    }
    differing.sort();
    super::say(&format!("plans: {} cases", names.len()))?;
    Ok(differing)
}

fn one(terraform: &Terraform, name: &str, check: bool) -> Result<Option<String>> {
    let path = root().join("cases").join(name).with_extension("txt");
    let text = fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let mut recording = Map::new();
    recording.insert("case".into(), json!(text));
    record(terraform, &parse(&text)?, &mut recording)?;
    let text = format!("{:#}\n", Json::Object(recording));
    let path = root().join("recorded").join(name).with_extension("json");
    if !check {
        super::write_atomically(&path, &text)?;
    } else if fs::read_to_string(&path).unwrap_or_default() != text {
        return Ok(Some(format!(
            "plans/{name}: the recording differs from Terraform. Run `cargo xtask oracle plans/{name}`."
        )));
    }
    Ok(None)
}

fn record(terraform: &Terraform, case: &Case, out: &mut Map<String, Json>) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut state = None;
    for phase in ["before", "between"] {
        if case.has(phase) {
            let dir = case.prepare(terraform, dir.path(), phase, state.as_ref())?;
            let (ok, problems) = terraform.run(
                &dir,
                &["apply", "-json", "-auto-approve"],
                &variables(&case.earlier_variables),
            )?;
            if ok == case.failing.iter().any(|p| p == phase) {
                return Err(format!("apply of {phase}: {problems:?}").into());
            }
            state = Some(read_state(&dir)?);
        }
    }
    let dir = case.prepare(terraform, dir.path(), "after", state.as_ref())?;
    for address in &case.tainted {
        let (ok, _) = terraform.run(&dir, &["taint", address], &[])?;
        if !ok {
            return Err(format!("cannot taint {address}").into());
        }
    }
    if state.is_some() {
        let mut prior = read_state(&dir)?;
        number(&mut prior, |n, _| format!("{NUMBERED}{n:012}"))?;
        prior["lineage"] = json!("recorded");
        prior["serial"] = json!(1);
        prior["check_results"] = sorted_checks(&prior["check_results"]);
        fs::write(dir.join("terraform.tfstate"), prior.to_string())?;
        out.insert("prior".into(), prior);
    }
    let mut options = case.options.clone();
    options.extend(variables(&case.variables));
    out.insert("options".into(), json!(case.options));
    out.insert("variables".into(), json!(case.variables));
    let (ok, problems) = terraform.run(&dir, &["plan", "-json", "-out=saved.plan"], &options)?;
    out.insert("diagnostics".into(), Json::Array(problems));
    if !ok {
        return Ok(());
    }
    let plan: Json = serde_json::from_slice(&terraform.output(&dir, &["show", "-json", "saved.plan"])?)?;
    out.insert("changes".into(), changes(&plan["resource_changes"]));
    out.insert("drift".into(), changes(&plan["resource_drift"]));
    out.insert("outputs".into(), outputs(&plan["output_changes"]));
    out.insert("read".into(), data_sources(&plan["prior_state"]["values"]["root_module"]));
    out.insert("applyable".into(), plan["applyable"].clone());
    let given = variables(&case.applying_variables);
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let apply = [&["apply", "-json"], &given[..], &["saved.plan"]].concat();
    let (_, problems) = terraform.run(&dir, &apply, &[])?;
    let mut applied = read_state(&dir).unwrap_or_default();
    number(&mut applied, |_, place| format!("id of {place}"))?;
    let checks = sorted_checks(&applied["check_results"]);
    if let Some(fields) = applied.as_object_mut() {
        fields.retain(|name, _| name == "outputs" || name == "resources");
    }
    let mut after = json!({ "diagnostics": problems, "state": applied });
    if !checks.is_null() {
        after["checks"] = checks;
    }
    out.insert("applied".into(), after);
    Ok(())
}

/// The state in a directory. Terraform writes the paths of sensitive attributes in no order.
fn read_state(dir: &Path) -> Result<Json> {
    let mut state: Json = serde_json::from_slice(&fs::read(dir.join("terraform.tfstate"))?)?;
    for resource in state["resources"].as_array_mut().into_iter().flatten() {
        for instance in resource["instances"].as_array_mut().into_iter().flatten() {
            if let Some(paths) = instance["sensitive_attributes"].as_array_mut() {
                paths.sort_by_cached_key(Json::to_string);
            }
        }
    }
    Ok(state)
}

fn variables(assignments: &[String]) -> Vec<String> {
    assignments.iter().map(|a| format!("-var={a}")).collect()
}

impl Case {
    fn has(&self, phase: &str) -> bool {
        self.files.iter().any(|(path, _)| path.starts_with(&format!("{phase}/")))
    }

    /// Makes a directory for a phase.
    fn prepare(
        &self,
        terraform: &Terraform,
        base: &Path,
        phase: &str,
        state: Option<&Json>,
    ) -> Result<PathBuf> {
        let dir = base.join(phase);
        let mut modules = false;
        for (path, text) in &self.files {
            let own = path.strip_prefix(&format!("{phase}/"));
            let other = ["before/", "between/", "after/"].iter().any(|p| path.starts_with(p));
            let Some(path) = own.or_else(|| (!other).then_some(path)) else { continue };
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&dir))?;
            fs::write(path, text)?;
            modules |= text.contains("module \"");
        }
        let fixture = dir.join("oracle/fixture");
        crate::stacks::copy(&root().join("fixture"), &fixture)?;
        if let Some(state) = state {
            fs::write(dir.join("terraform.tfstate"), state.to_string())?;
        }
        if modules {
            // What is wrong with the configuration is what planning says of it then.
            terraform.run(&dir, &["get"], &[])?;
        }
        Ok(dir)
    }
}

/// Replaces the ids of objects and the keys of deposed ones, wherever they stand in a state. Ids that are numbered
/// already stay.
fn number(state: &mut Json, name: impl Fn(usize, &str) -> String) -> Result<()> {
    let mut replacements = Vec::new();
    for resource in state["resources"].as_array().into_iter().flatten() {
        let field = |name: &str| resource[name].as_str().unwrap_or_default();
        let module = resource["module"].as_str().map(|m| format!("{m}.")).unwrap_or_default();
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let key = match &instance["index_key"] {
                Json::Null => String::new(),
                key => format!("[{key}]"),
            };
            // Inside JSON text, hence other quotes.
            let mut place = format!("{module}{}.{}{key}", field("type"), field("name")).replace('"', "'");
            let n = replacements.len() + 1;
            if let Some(deposed) = instance["deposed"].as_str() {
                place.push_str(" deposed");
                replacements.push((format!("\"{deposed}\""), format!("\"{n:08}\"")));
            }
            if let Some(id) = instance["attributes"]["id"].as_str().filter(|id| !id.starts_with(NUMBERED)) {
                replacements.push((id.to_owned(), name(n, &place)));
            }
        }
    }
    let mut text = state.to_string();
    for (from, to) in replacements {
        text = text.replace(&from, &to);
    }
    *state = serde_json::from_str(&text)?;
    Ok(())
}

/// The results of checks, which Terraform writes in no order.
fn sorted_checks(results: &Json) -> Json {
    let Some(results) = results.as_array() else { return Json::Null };
    let mut results = results.clone();
    for result in &mut results {
        if let Some(objects) = result["objects"].as_array_mut() {
            objects.sort_by_cached_key(|object| object["object_addr"].to_string());
        }
    }
    results
        .sort_by_cached_key(|result| (result["object_kind"].to_string(), result["config_addr"].to_string()));
    Json::Array(results)
}

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
        Json::Object(out)
    };
    changes.as_array().into_iter().flatten().map(pick).collect()
}

const CHANGE_FIELDS: [&str; 5] = ["before", "after", "after_unknown", "before_sensitive", "after_sensitive"];

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
    fn visit(module: &Json, out: &mut Map<String, Json>) {
        for resource in module["resources"].as_array().into_iter().flatten() {
            if let (Some("data"), Some(address)) = (resource["mode"].as_str(), resource["address"].as_str()) {
                out.insert(address.to_owned(), resource["values"].clone());
            }
        }
        for child in module["child_modules"].as_array().into_iter().flatten() {
            visit(child, out);
        }
    }
    let mut out = Map::new();
    visit(module, &mut out);
    Json::Object(out)
}

/// Leading lines such as `# options: -destroy`, then files as in the fixtures of tests.
fn parse(text: &str) -> Result<Case> {
    let mut case = Case::default();
    for line in text.lines().map_while(|line| line.strip_prefix("# ")) {
        let Some((key, value)) = line.split_once(": ") else { continue };
        let target = match key {
            "options" => &mut case.options,
            "variables" => &mut case.variables,
            "variables before" => &mut case.earlier_variables,
            "variables when applying" => &mut case.applying_variables,
            "tainted" => &mut case.tainted,
            "failing" => &mut case.failing,
            _ => continue,
        };
        if key == "options" {
            target.extend(value.split(' ').map(str::to_owned));
        } else {
            target.push(value.to_owned());
        }
    }
    let mut path = "main.tf";
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("//- ") {
            Some(name) => path = name.trim(),
            None => match case.files.last_mut() {
                Some((last, text)) if last == path => text.push_str(line),
                _ => case.files.push((path.to_owned(), line.to_owned())),
            },
        }
    }
    if case.has("after") || case.options.iter().any(|o| o == "-destroy") {
        Ok(case)
    } else {
        Err("the case has no file under after/".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_options_and_files() {
        let case = parse(
            "# About.\n# options: -destroy -refresh=false\n# variables: a=b c\n//- after/a.tf\nx = 1\n",
        );
        let case = case.unwrap();
        assert_eq!(case.options, ["-destroy", "-refresh=false"]);
        assert_eq!(case.variables, ["a=b c"]);
        assert_eq!(case.files[1], ("after/a.tf".to_owned(), "x = 1\n".to_owned()));
        assert!(parse("x = 1").is_err());
    }

    #[test]
    fn ids_are_replaced_wherever_they_stand() {
        let mut state = json!({
            "outputs": { "o": { "value": "is abc" } },
            "resources": [{ "module": "module.m", "type": "t", "name": "a", "instances": [
                { "index_key": "k", "attributes": { "id": "abc" } },
                { "index_key": "l", "attributes": { "id": format!("{NUMBERED}1") } },
            ] }],
        });
        number(&mut state, |_, place| place.to_owned()).unwrap();
        assert_eq!(state["outputs"]["o"]["value"], "is module.m.t.a['k']");
        assert_eq!(state["resources"][0]["instances"][1]["attributes"]["id"], format!("{NUMBERED}1"));
    }
}
