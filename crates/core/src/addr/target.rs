//! Addresses by which a person means several objects at once.

use std::fmt;
use std::str::FromStr;

use super::{AddrError, ModuleInstance, ResourceInstance};

/// What a person names on the command line: a module or a resource, with or without instance keys. What has no key means all
/// instances.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Everything in a module instance and below.
    Module(ModuleInstance),
    /// One instance; every instance of the resource when the key is missing.
    Resource(ResourceInstance),
}

impl Target {
    /// Whether it names an instance.
    pub fn covers(&self, addr: &ResourceInstance) -> bool {
        match self {
            Target::Module(module) => is_within(&addr.module, module),
            Target::Resource(target) => {
                target.resource == addr.resource
                    && target.module.0.len() == addr.module.0.len()
                    && is_within(&addr.module, &target.module)
                    && (target.key.is_none() || target.key == addr.key)
            }
        }
    }
}

fn is_within(module: &ModuleInstance, target: &ModuleInstance) -> bool {
    module.0.len() >= target.0.len()
        && target
            .0
            .iter()
            .zip(module.0.iter())
            .all(|(t, m)| t.name == m.name && (t.key.is_none() || t.key == m.key))
}

/// `module.a`, `module.a[0].hcloud_server.web`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Module(module) => module.fmt(f),
            Target::Resource(resource) => resource.fmt(f),
        }
    }
}

/// The root module has no address.
impl FromStr for Target {
    type Err = AddrError;
    fn from_str(text: &str) -> Result<Self, AddrError> {
        match text.parse() {
            Ok(resource) => Ok(Target::Resource(resource)),
            Err(error) => match text.parse::<ModuleInstance>() {
                Ok(module) if !module.is_root() => Ok(Target::Module(module)),
                _ => Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_key_means_all_instances() {
        const ALL: [&str; 6] =
            ["a.b", "a.b[0]", "module.m.a.b", "module.m[0].a.b[0]", "module.m[0].module.k.a.b", "a.c"];
        for (text, expected) in [
            ("a.b", &["a.b", "a.b[0]"][..]),
            ("a.b[0]", &["a.b[0]"]),
            ("a.b[1]", &[]),
            ("module.m", &["module.m.a.b", "module.m[0].a.b[0]", "module.m[0].module.k.a.b"]),
            ("module.m[0]", &["module.m[0].a.b[0]", "module.m[0].module.k.a.b"]),
            ("module.m.module.k", &["module.m[0].module.k.a.b"]),
            ("module.m.a.b", &["module.m.a.b", "module.m[0].a.b[0]"]),
            ("module.k", &[]),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), text);
            let covered: Vec<&str> =
                ALL.into_iter().filter(|addr| target.covers(&addr.parse().unwrap())).collect();
            assert_eq!(covered, expected, "{text}");
        }
        for text in ["", "a", "module.m.", "module.m.a", "a.b["] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
