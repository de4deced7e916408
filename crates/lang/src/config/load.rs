//! Finding and reading the files of all modules.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferroform_core::addr::ModulePath;
use ferroform_core::{Diagnostic, Diagnostics, Sources, Span};
use ferroform_hcl::ast::Body;
use rustc_hash::FxHashMap;

use super::{Config, Module, decode, overrides};
use crate::files::{Files, normalise};

/// How deep modules may call each other.
const MAX_DEPTH: usize = 64;
/// How many modules a configuration may have, counted by call: calls of calls multiply.
const MAX_MODULES: usize = 10_000;

impl Config {
    /// Reads the root module in `dir` and every module that it calls from a local directory. All that can be read is
    /// in the result, whatever the diagnostics say.
    pub fn load(files: &dyn Files, sources: &mut Sources, dir: &Path) -> (Config, Diagnostics) {
        let mut loader = Loader { files, sources, cache: HashMap::new(), modules: BTreeMap::new() };
        let mut diags = Diagnostics::new();
        let dir = normalise(dir);
        // Not by way of the cache: the root module is never called.
        match loader.read_directory(&dir) {
            Ok((module, found)) => {
                diags.append(found);
                loader.add(module, ModulePath::root(), &mut vec![dir], &mut diags);
            }
            Err(error) => diags.push(
                Diagnostic::error("Failed to read module directory")
                    .detail(format!("Module directory {} cannot be read: {error}.", shown(&dir))),
            ),
        }
        let modules = loader.modules;
        let root = modules.get(&ModulePath::root()).cloned().unwrap_or_default();
        let mut config = Config { modules, root, chosen: FxHashMap::default() };
        let root = config.root.clone();
        config.modules.entry(ModulePath::root()).or_insert(root);
        config.choose_providers();
        (config, diags)
    }
}

/// A directory as people write it.
fn shown(dir: &Path) -> String {
    if dir.as_os_str().is_empty() { ".".to_owned() } else { dir.display().to_string() }
}

struct Loader<'a> {
    files: &'a dyn Files,
    sources: &'a mut Sources,
    /// What a directory holds, for the next call of the same; its diagnostics were given at the first.
    cache: HashMap<PathBuf, Module>,
    modules: BTreeMap<ModulePath, Arc<Module>>,
}

impl Loader<'_> {
    /// Adds a module and all that it calls. `dirs` are the directories from the root module's to this one's.
    fn add(
        &mut self,
        mut module: Module,
        path: ModulePath,
        dirs: &mut Vec<PathBuf>,
        diags: &mut Diagnostics,
    ) {
        for resource in module.resources.values_mut() {
            resource.module = path.clone();
        }
        module.path = path.clone();
        let module = Arc::new(module);
        self.modules.insert(path.clone(), module.clone());
        for (name, call) in &module.calls {
            let Some((source, span)) = call.source.clone() else { continue };
            let dir = match self.called_directory(&source, span, dirs) {
                Ok(dir) => dir,
                Err(problem) => {
                    diags.push(problem);
                    continue;
                }
            };
            match self.directory(&dir) {
                Ok((called, found)) => {
                    diags.append(found);
                    dirs.push(dir);
                    self.add(called, path.child(name.clone()), dirs, diags);
                    dirs.pop();
                }
                Err(error) => diags.push(
                    Diagnostic::error("Unreadable module directory")
                        .detail(format!(
                            "The directory {} does not exist or cannot be read: {error}. A local source is relative to \
                             the directory of the module that calls it.",
                            shown(&dir)
                        ))
                        .subject(span),
                ),
            }
        }
    }

    fn called_directory(&self, source: &str, span: Span, dirs: &[PathBuf]) -> Result<PathBuf, Diagnostic> {
        if !source.starts_with("./") && !source.starts_with("../") {
            return Err(Diagnostic::error("Unsupported module source")
                .detail(format!(
                    "The module source {source:?} is not a local directory. Modules from registries and version \
                     control are not fetched yet; copy the module into the configuration and refer to it by a path \
                     that begins with \"./\" or \"../\".",
                ))
                .subject(span));
        }
        let dir = normalise(&dirs.last().map_or_else(|| PathBuf::from(source), |last| last.join(source)));
        if dirs.contains(&dir) {
            return Err(Diagnostic::error("Module calls itself")
                .detail(format!(
                    "The module in {} is called again from inside itself, so that there would be no end to it.",
                    shown(&dir)
                ))
                .subject(span));
        }
        if dirs.len() >= MAX_DEPTH || self.modules.len() >= MAX_MODULES {
            return Err(Diagnostic::error("Too many nested modules")
                .detail(format!(
                    "At most {MAX_DEPTH} modules may be nested in each other, and at most {MAX_MODULES} be called in \
                     a configuration.",
                ))
                .subject(span));
        }
        Ok(dir)
    }

    /// Reads one directory, or takes it from the cache, then without diagnostics.
    fn directory(&mut self, dir: &Path) -> std::io::Result<(Module, Diagnostics)> {
        if let Some(module) = self.cache.get(dir) {
            return Ok((module.clone(), Diagnostics::new()));
        }
        let (module, diags) = self.read_directory(dir)?;
        self.cache.insert(dir.to_owned(), module.clone());
        Ok((module, diags))
    }

    fn read_directory(&mut self, dir: &Path) -> std::io::Result<(Module, Diagnostics)> {
        let list_at = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let mut names: Vec<String> = self
            .files
            .list(list_at)?
            .into_iter()
            .filter(|entry| !entry.is_dir && is_configuration(&entry.name))
            .map(|entry| entry.name)
            .collect();
        names.sort();
        let mut diags = Diagnostics::new();
        let (mut primary, mut over) = (Vec::new(), Vec::new());
        for name in names {
            let Some(body) = self.file(&dir.join(&name), &mut diags) else { continue };
            let stem = name.trim_end_matches(".json").trim_end_matches(".tf");
            let list =
                if stem == "override" || stem.ends_with("_override") { &mut over } else { &mut primary };
            list.push(body);
        }
        let blocks = overrides::merge(primary, over, &mut diags);
        let mut module = decode::module(&blocks, self.sources, &mut diags);
        module.dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir.to_owned() };
        Ok((module, diags))
    }

    fn file(&mut self, path: &Path, diags: &mut Diagnostics) -> Option<Body> {
        let name = path.display().to_string();
        let content = match self.files.read(path) {
            Ok(content) => content,
            Err(error) => {
                diags.push(
                    Diagnostic::error("Failed to read file")
                        .detail(format!("The file {name} could not be read: {error}.")),
                );
                return None;
            }
        };
        let text = match String::from_utf8(content) {
            Ok(text) => text,
            Err(error) => {
                diags.push(not_utf8(&name, error.utf8_error().valid_up_to()));
                return None;
            }
        };
        let text: Arc<str> = text.into();
        let id = self.sources.add(name.clone(), text.clone());
        if name.ends_with(".json") {
            return Some(diags.take(super::json::body(id, &text)));
        }
        Some(diags.take(ferroform_hcl::parse_body(id, &text).into_parts()))
    }
}

/// A text file that is not one.
pub(crate) fn not_utf8(name: &str, offset: usize) -> Diagnostic {
    Diagnostic::error("Invalid character encoding").detail(format!(
        "{name} is not UTF-8: the byte at offset {offset} is no part of a character. Configuration must be UTF-8.",
    ))
}

/// Whether a file belongs to the module; editors' backup files do not.
fn is_configuration(name: &str) -> bool {
    let suffix = name.ends_with(".tf") || name.ends_with(".tf.json");
    let ignored =
        name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'));
    suffix && !ignored
}
