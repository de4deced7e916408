//! What one `moved` block says, and in which order several must be followed.

use ferroform_core::Span;
use ferroform_core::addr::{
    AbsResource, InstanceKey, ModuleInstance, ModulePath, ModuleStep, ResourceInstance, ResourceMode,
};
use ferroform_lang::Config;
use ferroform_lang::config::Endpoint;
use ferroform_state::State;

/// That objects are at another address now. It holds in every instance of the module in which it is said.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// The module in which it is said.
    pub(crate) module: ModulePath,
    /// Where objects were.
    pub(crate) from: Endpoint,
    /// Where they are.
    pub(crate) to: Endpoint,
    /// The block; none if nobody wrote one.
    pub(crate) span: Option<Span>,
}

impl Statement {
    /// What the `moved` blocks say, then what a `count` that was added or taken away implies for objects of the state
    /// that no block speaks of.
    pub(crate) fn all(config: &Config, state: &State) -> Vec<Statement> {
        let mut all: Vec<Statement> = Vec::new();
        for (path, module) in config.modules() {
            all.extend(module.moved.iter().map(|block| Statement {
                module: path.clone(),
                from: block.from.clone(),
                to: block.to.clone(),
                span: Some(block.span),
            }));
        }
        let written = all.len();
        let resources =
            state.resources.iter().filter(|(address, _)| address.resource.mode == ResourceMode::Managed);
        for (address, resource) in resources {
            let block =
                config.module(&address.module.path()).and_then(|m| m.resources.get(&address.resource));
            let Some(block) = block else { continue };
            let (from, to) = match (&block.count, &block.for_each) {
                (Some(_), _) => (None, Some(InstanceKey::Int(0))),
                (None, None) => (Some(InstanceKey::Int(0)), None),
                (None, Some(_)) => continue,
            };
            if resource.instances.contains_key(&from)
                && !all[..written].iter().any(|statement| statement.speaks_of(address))
            {
                let end = |key| Endpoint {
                    modules: address.module.0.to_vec(),
                    resource: Some(address.resource.clone()),
                    key,
                    every: false,
                };
                all.push(Statement { module: ModulePath::root(), from: end(from), to: end(to), span: None });
            }
        }
        all
    }

    /// Whether it is about a module rather than a resource.
    pub(crate) fn is_about_module(&self) -> bool {
        self.from.resource.is_none()
    }

    /// Whether either end is this resource or an instance of it.
    fn speaks_of(&self, address: &AbsResource) -> bool {
        let is = |end: &Endpoint| {
            end.resource.as_ref() == Some(&address.resource)
                && self.below(&address.module) == Some(&end.modules[..])
        };
        is(&self.from) || is(&self.to)
    }

    /// The part of a module instance's address below an instance of the statement's module.
    fn below<'m>(&self, module: &'m ModuleInstance) -> Option<&'m [ModuleStep]> {
        let (above, below) = module.0.split_at_checked(self.module.0.len())?;
        above.iter().map(|step| &step.name).eq(&self.module.0).then_some(below)
    }

    /// Where the object at an address belongs by this statement, if it says anything of it.
    pub(crate) fn destination(&self, address: &ResourceInstance) -> Option<ResourceInstance> {
        let (Some(from), Some(to)) = (&self.from.resource, &self.to.resource) else {
            let module = self.module_destination(&address.module)?;
            return Some(ResourceInstance { module, ..address.clone() });
        };
        let fits = address.resource == *from
            && (self.from.every || address.key == self.from.key)
            && self.below(&address.module)? == self.from.modules;
        let key = if self.from.every { &address.key } else { &self.to.key };
        fits.then(|| ResourceInstance {
            module: self.joined(&address.module, &self.to.modules, &[]),
            resource: to.clone(),
            key: key.clone(),
        })
    }

    /// Where a module instance belongs by a statement about a module.
    pub(crate) fn module_destination(&self, module: &ModuleInstance) -> Option<ModuleInstance> {
        let (head, rest) = self.below(module)?.split_at_checked(self.from.modules.len())?;
        let (last, way) = head.split_last()?;
        let (from_last, from_way) = self.from.modules.split_last()?;
        let fits =
            way == from_way && last.name == from_last.name && (self.from.every || last.key == from_last.key);
        if !fits {
            return None;
        }
        let mut to = self.to.modules.clone();
        if self.from.every
            && let Some(step) = to.last_mut()
        {
            step.key = last.key.clone();
        }
        Some(self.joined(module, &to, rest))
    }

    /// The steps in the instance of the statement's module that `module` lies in.
    fn joined(&self, module: &ModuleInstance, steps: &[ModuleStep], rest: &[ModuleStep]) -> ModuleInstance {
        let above = module.0.get(..self.module.0.len()).unwrap_or_default();
        ModuleInstance([above, steps, rest].concat().into())
    }

    /// The address of an end in an instance of the statement's module, as text, and for a module as far as it goes.
    pub(crate) fn shown(&self, end: &Endpoint, module: &ModuleInstance) -> String {
        let full = self.joined(module, &end.modules, &[]);
        match &end.resource {
            None => full.to_string(),
            Some(resource) => {
                let key = end.key.clone();
                ResourceInstance { module: full, resource: resource.clone(), key }.to_string()
            }
        }
    }

    /// Whether another statement must be followed first: it moves something to where this one takes it from, or one is
    /// about something inside of what the other is about.
    pub(crate) fn comes_after(&self, other: &Statement) -> bool {
        let (from, to) = (Pattern::of(self, &self.from), Pattern::of(self, &self.to));
        let (other_from, other_to) = (Pattern::of(other, &other.from), Pattern::of(other, &other.to));
        if from.overlaps(&other_to) {
            return true;
        }
        let nested = from.is_within(&other_to)
            || to.is_within(&other_to)
            || other_from.is_within(&from)
            || other_to.is_within(&from);
        // What is said inside of a module whose key alone changes fits before and after; the outer one comes last.
        let only_key =
            self.is_about_module() && from.steps.iter().map(|s| s.0).eq(to.steps.iter().map(|s| s.0));
        nested && (self.module.0.len() >= other.module.0.len() || !only_key)
    }
}

/// The key of a step, or every one.
#[derive(Clone, Copy, PartialEq)]
enum Key<'a> {
    Every,
    Only(Option<&'a InstanceKey>),
}

impl Key<'_> {
    fn meets(self, other: Self) -> bool {
        self == Key::Every || other == Key::Every || self == other
    }
}

/// The addresses that an end may stand for.
struct Pattern<'a> {
    steps: Vec<(&'a str, Key<'a>)>,
    resource: Option<(&'a ferroform_core::addr::Resource, Key<'a>)>,
}

impl<'a> Pattern<'a> {
    fn of(statement: &'a Statement, end: &'a Endpoint) -> Self {
        let above = statement.module.0.iter().map(|name| (&**name, Key::Every));
        let below = end.modules.iter().map(|step| (&*step.name, Key::Only(step.key.as_ref())));
        let mut steps: Vec<_> = above.chain(below).collect();
        let resource = end
            .resource
            .as_ref()
            .map(|resource| (resource, if end.every { Key::Every } else { Key::Only(end.key.as_ref()) }));
        if let (None, true, Some(last)) = (&resource, end.every, steps.last_mut()) {
            last.1 = Key::Every;
        }
        Pattern { steps, resource }
    }

    fn begins_with(&self, other: &Pattern<'_>) -> bool {
        let pairs = self.steps.iter().zip(&other.steps);
        self.steps.len() >= other.steps.len() && pairs.into_iter().all(|(a, b)| a.0 == b.0 && a.1.meets(b.1))
    }

    /// Whether both may stand for the same.
    fn overlaps(&self, other: &Pattern<'_>) -> bool {
        let same = match (&self.resource, &other.resource) {
            (None, None) => true,
            (Some((a, key)), Some((b, other))) => a == b && key.meets(*other),
            _ => false,
        };
        same && self.steps.len() == other.steps.len() && self.begins_with(other)
    }

    /// Whether it stands for something inside of the module that the other stands for.
    fn is_within(&self, other: &Pattern<'_>) -> bool {
        other.resource.is_none()
            && self.begins_with(other)
            && (self.resource.is_some() || self.steps.len() > other.steps.len())
    }
}
