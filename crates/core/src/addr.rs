//! Addresses of things in configuration, plan and state, written as Terraform writes them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The key of an instance that `count` or `for_each` made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InstanceKey {
    /// From `count`.
    Int(u64),
    /// From `for_each`.
    String(Arc<str>),
}

impl PartialOrd for InstanceKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers by size and before strings.
impl Ord for InstanceKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (InstanceKey::Int(a), InstanceKey::Int(b)) => a.cmp(b),
            (InstanceKey::String(a), InstanceKey::String(b)) => a.cmp(b),
            (InstanceKey::Int(_), InstanceKey::String(_)) => Ordering::Less,
            (InstanceKey::String(_), InstanceKey::Int(_)) => Ordering::Greater,
        }
    }
}

/// `[0]` or `["name"]`, escaped as in the language.
impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstanceKey::Int(i) => write!(f, "[{i}]"),
            InstanceKey::String(s) => {
                f.write_str("[\"")?;
                let mut chars = s.chars().peekable();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => f.write_str("\\\"")?,
                        '\\' => f.write_str("\\\\")?,
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        '\t' => f.write_str("\\t")?,
                        '$' | '%' if chars.peek() == Some(&'{') => write!(f, "{c}{c}")?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"]")
            }
        }
    }
}

/// The way to a module in configuration, where `count` and `for_each` do not count; empty for the root module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModulePath(pub Vec<Arc<str>>);

impl ModulePath {
    /// The root module.
    pub fn root() -> Self {
        Self::default()
    }

    /// The module that this one calls by `name`.
    #[must_use]
    pub fn child(&self, name: impl Into<Arc<str>>) -> Self {
        let mut path = self.0.clone();
        path.push(name.into());
        ModulePath(path)
    }

    /// The calling module and the call's name; none for the root module.
    pub fn parent(&self) -> Option<(ModulePath, Arc<str>)> {
        let (last, rest) = self.0.split_last()?;
        Some((ModulePath(rest.to_vec()), last.clone()))
    }

    /// Whether it is the root module.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

/// `module.a.module.b`, empty for the root module.
impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}module.{name}", if i == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

/// One call on the way to a module instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleStep {
    /// The call's name.
    pub name: Arc<str>,
    /// Which instance of the call.
    pub key: Option<InstanceKey>,
}

/// An instance of a module; empty for the root module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModuleInstance(pub Arc<[ModuleStep]>);

impl ModuleInstance {
    /// The root module.
    pub fn root() -> Self {
        Self::default()
    }

    /// The instance of a call in this module instance.
    #[must_use]
    pub fn child(&self, name: impl Into<Arc<str>>, key: Option<InstanceKey>) -> Self {
        let step = ModuleStep { name: name.into(), key };
        ModuleInstance(self.0.iter().cloned().chain(std::iter::once(step)).collect())
    }

    /// Where the module lies in configuration.
    pub fn path(&self) -> ModulePath {
        ModulePath(self.0.iter().map(|s| s.name.clone()).collect())
    }

    /// The calling module instance and the last step; none for the root module.
    pub fn parent(&self) -> Option<(ModuleInstance, &ModuleStep)> {
        let (last, rest) = self.0.split_last()?;
        Some((ModuleInstance(rest.into()), last))
    }

    /// Whether it is the root module.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

/// `module.a[0].module.b`, empty for the root module.
impl fmt::Display for ModuleInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            write!(f, "{}module.{}", if i == 0 { "" } else { "." }, step.name)?;
            if let Some(key) = &step.key {
                write!(f, "{key}")?;
            }
        }
        Ok(())
    }
}

/// Who looks after an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceMode {
    /// A `data` block: only read.
    Data,
    /// A `resource` block: created, updated and deleted.
    Managed,
    /// An `ephemeral` block: opened and closed, never kept.
    Ephemeral,
}

/// A resource inside its module: mode, type and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Managed or data.
    pub mode: ResourceMode,
    /// The type: `hcloud_server`.
    pub type_name: Arc<str>,
    /// The name in configuration.
    pub name: Arc<str>,
}

impl Resource {
    /// A managed resource.
    pub fn managed(type_name: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Resource { mode: ResourceMode::Managed, type_name: type_name.into(), name: name.into() }
    }

    /// A data source.
    pub fn data(type_name: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Resource { mode: ResourceMode::Data, type_name: type_name.into(), name: name.into() }
    }

    /// The prefix of the type up to the first underscore: the provider's local name unless configuration names one.
    pub fn implied_provider(&self) -> &str {
        self.type_name.split('_').next().unwrap_or("")
    }
}

/// `hcloud_server.web`, `data.hcloud_image.base`.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mode {
            ResourceMode::Data => f.write_str("data.")?,
            ResourceMode::Ephemeral => f.write_str("ephemeral.")?,
            ResourceMode::Managed => {}
        }
        write!(f, "{}.{}", self.type_name, self.name)
    }
}

macro_rules! in_module {
    ($f:ident, $module:expr, $rest:expr) => {{
        if !$module.is_root() {
            write!($f, "{}.", $module)?;
        }
        write!($f, "{}", $rest)
    }};
}

/// A resource block in configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    /// The module it is written in.
    pub module: ModulePath,
    /// The resource.
    pub resource: Resource,
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_module!(f, self.module, self.resource)
    }
}

/// A resource in a module instance, all its instances together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsResource {
    /// The module instance.
    pub module: ModuleInstance,
    /// The resource.
    pub resource: Resource,
}

impl AbsResource {
    /// One instance of it.
    pub fn instance(&self, key: Option<InstanceKey>) -> ResourceInstance {
        ResourceInstance { module: self.module.clone(), resource: self.resource.clone(), key }
    }

    /// The block in configuration.
    pub fn config(&self) -> ConfigResource {
        ConfigResource { module: self.module.path(), resource: self.resource.clone() }
    }
}

impl fmt::Display for AbsResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_module!(f, self.module, self.resource)
    }
}

/// One instance of a resource: what a single object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceInstance {
    /// The module instance.
    pub module: ModuleInstance,
    /// The resource.
    pub resource: Resource,
    /// Which instance; none without `count` and `for_each`.
    pub key: Option<InstanceKey>,
}

impl ResourceInstance {
    /// All instances of the resource together.
    pub fn resource(&self) -> AbsResource {
        AbsResource { module: self.module.clone(), resource: self.resource.clone() }
    }

    /// The block in configuration.
    pub fn config(&self) -> ConfigResource {
        ConfigResource { module: self.module.path(), resource: self.resource.clone() }
    }
}

impl fmt::Display for ResourceInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_module!(f, self.module, self.resource)?;
        match &self.key {
            Some(key) => write!(f, "{key}"),
            None => Ok(()),
        }
    }
}

/// Where a provider comes from: `registry.terraform.io/hetznercloud/hcloud`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderSource {
    /// Host of the registry.
    pub host: Arc<str>,
    /// Who publishes it.
    pub namespace: Arc<str>,
    /// Its name there.
    pub name: Arc<str>,
}

impl ProviderSource {
    /// The registry used when none is named.
    pub const DEFAULT_HOST: &'static str = "registry.terraform.io";

    /// The provider `hashicorp/NAME`, which a local name stands for when nothing is declared.
    pub fn implied(name: &str) -> Self {
        match name {
            "terraform" => Self::built_in(name),
            _ => Self { host: Self::DEFAULT_HOST.into(), namespace: "hashicorp".into(), name: name.into() },
        }
    }

    /// A provider that is part of the engine: `terraform.io/builtin/NAME`.
    pub fn built_in(name: &str) -> Self {
        Self { host: "terraform.io".into(), namespace: "builtin".into(), name: name.into() }
    }
}

/// With the host always.
impl fmt::Display for ProviderSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.host, self.namespace, self.name)
    }
}

/// The configuration of a provider in a module, as the statefile names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderConfig {
    /// The module with the `provider` block; the root module for nearly all.
    pub module: ModulePath,
    /// Which provider.
    pub source: ProviderSource,
    /// The alias, if it has one.
    pub alias: Option<Arc<str>>,
}

/// `provider["registry.terraform.io/hetznercloud/hcloud"].alias`, prefixed by the module.
impl fmt::Display for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_module!(f, self.module, format_args!("provider[\"{}\"]", self.source))?;
        match &self.alias {
            Some(alias) => write!(f, ".{alias}"),
            None => Ok(()),
        }
    }
}

mod parse;
mod target;
pub use parse::AddrError;
pub use target::Target;
