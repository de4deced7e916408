//! What a module consists of.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ferroform_core::addr::{ModulePath, ProviderSource, Resource};
use ferroform_core::{AttrPath, Span, Type, Value};
use ferroform_hcl::ast::{Attribute, Block, Body, Expr};
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::check::CheckBlock;
use super::refactor::{ImportBlock, MovedBlock, RemovedBlock};
use super::typeexpr::Defaults;
use crate::reference::Reference;

/// What is declared in a module, in the order of its files.
pub type Declared<K, V> = IndexMap<K, V, FxBuildHasher>;

/// A module: one directory of configuration, as one call uses it.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// Where it lies in the tree of calls.
    pub path: ModulePath,
    /// Its directory, relative to the root module's unless absolute.
    pub dir: PathBuf,
    /// `variable` blocks by name.
    pub variables: Declared<Arc<str>, Variable>,
    /// The arguments of all `locals` blocks by name.
    pub locals: Declared<Arc<str>, Local>,
    /// `output` blocks by name.
    pub outputs: Declared<Arc<str>, Output>,
    /// `resource`, `data` and `ephemeral` blocks.
    pub resources: Declared<Resource, ResourceBlock>,
    /// `module` blocks by name.
    pub calls: Declared<Arc<str>, ModuleCall>,
    /// `provider` blocks by local name and alias.
    pub providers: Declared<(Arc<str>, Option<Arc<str>>), ProviderBlock>,
    /// `required_providers` by local name.
    pub required_providers: BTreeMap<Arc<str>, RequiredProvider>,
    /// `required_version` constraints and where they are written.
    pub required_versions: Vec<(Arc<str>, Span)>,
    /// The `backend` block.
    pub backend: Option<Backend>,
    /// `check` blocks by name.
    pub checks: Declared<Arc<str>, CheckBlock>,
    /// `moved` blocks.
    pub moved: Vec<MovedBlock>,
    /// `removed` blocks.
    pub removed: Vec<RemovedBlock>,
    /// `import` blocks, which only the root module may have.
    pub imports: Vec<ImportBlock>,
}

/// An input variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// The name.
    pub name: Arc<str>,
    /// What values are converted to; [`Type::Dynamic`] for `any` and when no type is given. Attributes may be optional.
    pub ty: Type,
    /// The values of optional attributes that are left out.
    pub defaults: Defaults,
    /// Text from the command line or environment is read as an expression rather than taken as it is.
    pub parse_text: bool,
    /// The variable may be left out; already converted to the type.
    pub default: Option<Value>,
    /// `validation` blocks.
    pub validations: Vec<Condition>,
    /// Values are marked sensitive.
    pub sensitive: bool,
    /// Values are marked ephemeral.
    pub ephemeral: bool,
    /// Null is a value; otherwise null stands for the default.
    pub nullable: bool,
    /// For people.
    pub description: Option<Arc<str>>,
    /// The header of the block.
    pub span: Span,
}

/// A local value.
#[derive(Debug, Clone)]
pub struct Local {
    /// The name.
    pub name: Arc<str>,
    /// What it stands for.
    pub expr: Expr,
    /// The whole argument.
    pub span: Span,
}

/// An output value.
#[derive(Debug, Clone)]
pub struct Output {
    /// The name.
    pub name: Arc<str>,
    /// What it gives.
    pub expr: Expr,
    /// It may be sensitive, and is shown as such.
    pub sensitive: bool,
    /// It may be ephemeral.
    pub ephemeral: bool,
    /// What else must be done before.
    pub depends_on: Vec<Reference>,
    /// Checked before the value is given.
    pub preconditions: Vec<Condition>,
    /// For people.
    pub description: Option<Arc<str>>,
    /// The header of the block.
    pub span: Span,
}

impl Output {
    /// What it depends on: its expression, `depends_on` and preconditions.
    pub fn references(&self) -> Vec<Reference> {
        let mut out = crate::reference::references_in_expr(&self.expr);
        out.extend(self.depends_on.iter().cloned());
        out.extend(self.preconditions.iter().flat_map(Condition::references));
        out
    }
}

/// A custom condition.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Must be true.
    pub condition: Expr,
    /// What to say otherwise.
    pub error_message: Expr,
    /// The header of the block.
    pub span: Span,
}

impl Condition {
    /// What condition and message refer to.
    pub fn references(&self) -> Vec<Reference> {
        let mut out = crate::reference::references_in_expr(&self.condition);
        out.extend(crate::reference::references_in_expr(&self.error_message));
        out
    }
}

/// A `resource`, `data` or `ephemeral` block.
#[derive(Debug, Clone)]
pub struct ResourceBlock {
    /// Mode, type and name.
    pub addr: Resource,
    /// The arguments and nested blocks for the provider; meta-arguments are taken out.
    pub body: Arc<Body>,
    /// How many instances.
    pub count: Option<Expr>,
    /// An instance for each element.
    pub for_each: Option<Expr>,
    /// Which provider configuration, if not the default one of the type's prefix.
    pub provider: Option<ProviderRef>,
    /// What else must be done before.
    pub depends_on: Vec<Reference>,
    /// The `lifecycle` block.
    pub lifecycle: Lifecycle,
    /// `provisioner` and `connection` blocks; reported as not supported yet.
    pub provisioners: Vec<Block>,
    /// The `check` block that it is written in; only that sees it then.
    pub check: Option<Arc<str>>,
    /// The block's type and labels.
    pub header: Span,
    /// The module it is written in.
    pub module: ModulePath,
}

/// A provider configuration as a module names it: local name and alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRef {
    /// The local name in the module.
    pub name: Arc<str>,
    /// The alias, if one is named.
    pub alias: Option<Arc<str>>,
    /// Where it is written.
    pub span: Span,
}

impl std::fmt::Display for ProviderRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        self.alias.as_ref().map_or(Ok(()), |alias| write!(f, ".{alias}"))
    }
}

/// How a resource's instances come and go.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// The new object is made before the old one is deleted.
    pub create_before_destroy: Option<bool>,
    /// Deleting is an error, and where that is written.
    pub prevent_destroy: Option<(bool, Span)>,
    /// Which differences are left alone.
    pub ignore_changes: IgnoreChanges,
    /// References whose change makes a new object.
    pub replace_triggered_by: Vec<Expr>,
    /// Checked before planning.
    pub preconditions: Vec<Condition>,
    /// Checked on the result.
    pub postconditions: Vec<Condition>,
}

/// Which differences between configuration and object are left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IgnoreChanges {
    /// None.
    #[default]
    None,
    /// Every one.
    All,
    /// Those at and below these places.
    Paths(Vec<(AttrPath, Span)>),
}

/// A `module` block.
#[derive(Debug, Clone)]
pub struct ModuleCall {
    /// The name.
    pub name: Arc<str>,
    /// Where the module comes from, as written, and where; none when that was wrong and has been reported.
    pub source: Option<(Arc<str>, Span)>,
    /// Values for the module's variables.
    pub inputs: Declared<Arc<str>, Attribute>,
    /// How many instances.
    pub count: Option<Expr>,
    /// An instance for each element.
    pub for_each: Option<Expr>,
    /// What else must be done before anything in the module.
    pub depends_on: Vec<Reference>,
    /// Provider configurations passed: as the called module names them, and as the calling one does.
    pub providers: Vec<(ProviderRef, ProviderRef)>,
    /// The header of the block.
    pub span: Span,
    /// Where a missing argument can be pointed at.
    pub end: Span,
}

/// A `provider` block.
#[derive(Debug, Clone)]
pub struct ProviderBlock {
    /// The local name.
    pub name: Arc<str>,
    /// The alias.
    pub alias: Option<Arc<str>>,
    /// The arguments for the provider; meta-arguments are taken out.
    pub body: Arc<Body>,
    /// The header of the block.
    pub span: Span,
}

/// An entry of `required_providers`.
#[derive(Debug, Clone)]
pub struct RequiredProvider {
    /// Where the provider comes from.
    pub source: ProviderSource,
    /// Version constraints, as written.
    pub version: Option<(Arc<str>, Span)>,
    /// Aliases that the calling module must pass a configuration for.
    pub configuration_aliases: Vec<Arc<str>>,
    /// The whole entry.
    pub span: Span,
}

/// Where the state is kept.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The kind: `local` …; `cloud` for a `cloud` block.
    pub kind: Arc<str>,
    /// Its settings.
    pub body: Arc<Body>,
    /// The header of the block.
    pub span: Span,
}
