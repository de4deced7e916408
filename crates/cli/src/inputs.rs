//! Values for the root module's variables, from everywhere Terraform takes them, later ones winning: the environment,
//! `terraform.tfvars`, `terraform.tfvars.json`, `*.auto.tfvars` and `*.auto.tfvars.json` by name, then `-var` and
//! `-var-file` in the order in which they are given.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_lang::Files;
use ferroform_lang::variables::{InputValue, RawInput, parse_tfvars};

use crate::args::{VariableArg, VariableArgs};
use crate::project::Project;
use crate::terminal::Terminal;

/// Gathers the values; `files` are those of the current directory, not of a planfile, and what they hold goes into none.
/// Asks for missing ones where somebody can be asked.
pub(crate) fn gather(
    project: &mut Project,
    files: &dyn Files,
    args: &VariableArgs,
    env: impl Iterator<Item = (String, String)>,
    ask: Option<&Terminal>,
) -> (BTreeMap<Arc<str>, InputValue>, Diagnostics) {
    let mut gathered = Gathered { files, values: BTreeMap::new(), diagnostics: Diagnostics::new() };
    for (name, text) in env {
        if let Some(name) = name.strip_prefix("TF_VAR_")
            && project.config.root().variables.contains_key(name)
        {
            let origin = format!("using the TF_VAR_{name} environment variable");
            gathered.set(name, InputValue { raw: RawInput::Text(text), origin, span: None });
        }
    }
    for file in automatic_files(files) {
        gathered.file(project, Path::new(&file), false);
    }
    for arg in &args.in_order {
        match arg {
            VariableArg::File(path) => gathered.file(project, path, true),
            VariableArg::Value(text) => gathered.option(project, text),
        }
    }
    if let Some(terminal) = ask {
        gathered.ask(project, terminal);
    }
    (gathered.values, gathered.diagnostics)
}

/// Gathers the values of ephemeral variables for a saved plan, which has those of all others.
///
/// # Errors
/// What [`gather`] finds, and a value that is given on the command line for a variable that is not ephemeral. In files and in the
/// environment such values are as good as not there.
pub(crate) fn gather_ephemeral(
    project: &mut Project,
    files: &dyn Files,
    args: &VariableArgs,
    env: impl Iterator<Item = (String, String)>,
) -> Result<BTreeMap<Arc<str>, InputValue>, Diagnostics> {
    let declared = &project.config.root().variables;
    if args.in_order.is_empty() && !declared.values().any(|variable| variable.ephemeral) {
        return Ok(BTreeMap::new());
    }
    let mut wrong = Diagnostics::new();
    for arg in &args.in_order {
        let VariableArg::Value(text) = arg else { continue };
        let name = text.split_once('=').map_or("", |(name, _)| name.trim());
        if declared.get(name).is_some_and(|variable| !variable.ephemeral) {
            wrong.push(
                Diagnostic::error("Variable of a saved plan")
                    .detail(format!(
                        "The value of the variable {name:?} is part of the saved plan, and cannot be given when that is applied. \
                         Only ephemeral variables can: their values are kept nowhere."
                    ))
                    .hint("Make a new plan with the other value, or leave the option out."),
            );
        }
    }
    if wrong.has_errors() {
        return Err(wrong);
    }
    let (values, diagnostics) = gather(project, files, args, env, None);
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(values) }
}

/// Whether somebody has given values in a file that is read without being named.
pub(crate) fn has_automatic_values(files: &dyn Files) -> bool {
    !automatic_files(files).is_empty()
}

/// The files that are read without being named, in the order in which they count.
fn automatic_files(files: &dyn Files) -> Vec<String> {
    let fixed = ["terraform.tfvars", "terraform.tfvars.json"].map(str::to_owned);
    let mut found: Vec<String> = fixed.into_iter().filter(|name| files.is_file(Path::new(name))).collect();
    let mut automatic: Vec<String> = files
        .list(Path::new("."))
        .unwrap_or_default()
        .into_iter()
        .filter(|e| !e.is_dir && (e.name.ends_with(".auto.tfvars") || e.name.ends_with(".auto.tfvars.json")))
        .map(|e| e.name)
        .collect();
    automatic.sort();
    found.extend(automatic);
    found
}

struct Gathered<'a> {
    files: &'a dyn Files,
    values: BTreeMap<Arc<str>, InputValue>,
    diagnostics: Diagnostics,
}

impl Gathered<'_> {
    fn set(&mut self, name: &str, value: InputValue) {
        self.values.insert(name.into(), value);
    }

    fn file(&mut self, project: &mut Project, path: &Path, named: bool) {
        if named && !self.files.is_file(path) {
            self.diagnostics.push(
                Diagnostic::error("Failed to read variables file")
                    .detail(format!("Given variables file {} does not exist.", path.display())),
            );
            return;
        }
        let values = self.diagnostics.take(parse_tfvars(self.files, &mut project.sources, path));
        let mut undeclared = Vec::new();
        for (name, value) in values {
            if project.config.root().variables.contains_key(&name) {
                self.set(&name, value);
            } else {
                undeclared.push((name, value.span));
            }
        }
        for (name, span) in undeclared {
            self.diagnostics.push(
                Diagnostic::warning("Value for undeclared variable")
                    .detail(format!(
                        "The root module does not declare a variable named {name:?}, but a value was found in {}. To use \
                         it, add a \"variable\" block; if it is meant for other configurations, set it by an environment \
                         variable TF_VAR_{name} instead, which is ignored where it is not declared.",
                        path.display()
                    ))
                    .subject(span),
            );
        }
    }

    fn option(&mut self, project: &Project, text: &str) {
        let Some((name, value)) = text.split_once('=') else {
            self.diagnostics.push(Diagnostic::error("Invalid -var option").detail(format!(
                "The option -var takes a name and a value with an equals sign between them; {text:?} has none."
            )));
            return;
        };
        let name = name.trim();
        if !project.config.root().variables.contains_key(name) {
            self.diagnostics.push(Diagnostic::error("Value for undeclared variable").detail(format!(
                "A variable named {name:?} was assigned on the command line, but the root module does not declare a \
                 variable of that name. To use this value, add a \"variable\" block to the configuration."
            )));
            return;
        }
        let origin = format!("using -var=\"{name}=...\"");
        self.set(name, InputValue { raw: RawInput::Text(value.to_owned()), origin, span: None });
    }

    fn ask(&mut self, project: &Project, terminal: &Terminal) {
        for (name, variable) in &project.config.root().variables {
            if self.values.contains_key(name) || variable.default.is_some() {
                continue;
            }
            let description =
                variable.description.as_deref().map(|d| format!("  {d}\n\n")).unwrap_or_default();
            let question = format!("var.{name}\n{description}  Enter a value: ");
            let Some(answer) = terminal.ask(&question) else { return };
            terminal.print("\n");
            let origin = "by the answer to the question for it".to_owned();
            self.set(name, InputValue { raw: RawInput::Text(answer), origin, span: None });
        }
    }
}
