//! `cargo xtask oracle`: asks Terraform what the expressions under `crates/lang/oracle/cases` evaluate to and keeps
//! the answers under `crates/lang/oracle/recorded`. The tests of `ferroform-lang` compare the evaluator with them.
//!
//! Each case becomes the `input` of a `terraform_data` resource in a file of its own; one saved plan then holds the
//! value with its type, what is unknown in it (with refinements) and what is sensitive. Nothing is applied and no
//! network is used.
//!
//! It also has Terraform plan and apply the configurations under `crates/engine/oracle/cases`, for the tests of
//! `ferroform-engine`, and those under `crates/provider-hcloud-plugin/oracle/cases` with the plugin.

mod cases;
mod planfile;
mod plans;
mod provider;
mod terraform;
mod wire;

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// What a step of the recording ends with.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs the command: `[--check] [family…]`. Without `--check` the recordings are written anew. Plans are the family
/// `plans`, one of them is `plans/NAME`; without a family all of these are done. What is done with the plugin takes two
/// minutes and is done when it is named: `provider` or `provider/NAME`.
///
/// # Errors
/// When Terraform is missing or not the version recorded against, a case file cannot be read, or, with `--check`,
/// when a recording differs from what Terraform says now.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut check = false;
    let mut families = Vec::new();
    let mut plans = Vec::new();
    let mut provider = None;
    for arg in args {
        match arg.as_str() {
            "--check" => check = true,
            flag if flag.starts_with('-') => {
                return Err(
                    format!("oracle: unknown option {flag}; usage: oracle [--check] [family…]").into()
                );
            }
            "plans" => plans = cases::families(&plans::root().join("cases"))?,
            "provider" => provider = Some(Vec::new()),
            family => match family.split_once('/') {
                Some(("plans", name)) => plans.push(name.to_owned()),
                Some(("provider", name)) => provider.get_or_insert_default().push(name.to_owned()),
                _ => families.push(family.to_owned()),
            },
        }
    }
    let root = oracle_dir();
    if families.is_empty() && plans.is_empty() && provider.is_none() {
        families = cases::families(&root.join("cases"))?;
        plans = cases::families(&plans::root().join("cases"))?;
    }
    let terraform = terraform::Terraform::find()?;
    let mut differing = Vec::new();
    for family in &families {
        let cases = cases::read(&root.join("cases").join(format!("{family}.txt")))?;
        let answers = terraform.evaluate(&cases, &root.join("fixture"))?;
        let failed = answers.iter().filter(|a| a.get("error").is_some()).count();
        let text = render(&answers);
        let path = root.join("recorded").join(format!("{family}.json"));
        say(&format!("{family}: {} cases, {failed} of them errors", cases.len()))?;
        if !check {
            write_atomically(&path, &text)?;
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            differing.push(describe_difference(family, &path, &answers));
        }
    }
    if !plans.is_empty() {
        differing.extend(plans::run(&terraform, &plans, check)?);
    }
    if let Some(names) = provider {
        provider::run(&names, check)?;
    }
    if differing.is_empty() { Ok(()) } else { Err(differing.join("\n").into()) }
}

fn oracle_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/lang/oracle")
}

/// One case a line, so that a changed answer is a changed line.
fn render(answers: &[Json]) -> String {
    let lines: Vec<String> = answers.iter().map(Json::to_string).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn write_atomically(path: &Path, text: &str) -> Result<()> {
    let dir = path.parent().ok_or("the recording has no directory")?;
    std::fs::create_dir_all(dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}

fn describe_difference(family: &str, path: &Path, answers: &[Json]) -> String {
    let recorded = std::fs::read_to_string(path).unwrap_or_default();
    let recorded: Vec<Json> = serde_json::from_str(&recorded).unwrap_or_default();
    let changed = answers.iter().find(|a| !recorded.contains(a)).map_or_else(
        || "cases were removed or moved".to_owned(),
        |a| format!("for example, Terraform now says {a}"),
    );
    format!("{family}: the recording differs from Terraform; {changed}. Run `cargo xtask oracle {family}`.")
}

fn say(line: &str) -> Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}
