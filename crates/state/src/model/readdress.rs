//! Objects that a person names: which they are, and how they get other addresses.

use ferroform_core::addr::{AbsResource, ModuleInstance, ResourceInstance, ResourceMode, Target};
use ferroform_core::{Diagnostic, Diagnostics};

use super::{ResourceState, State};

impl State {
    /// The resource instances that a target names, in the order of [`State::objects`].
    pub fn named(&self, target: &Target) -> Vec<ResourceInstance> {
        let mut named: Vec<ResourceInstance> =
            self.objects().map(|(addr, ..)| addr).filter(|addr| target.covers(addr)).collect();
        named.dedup();
        named
    }

    /// Gives objects other addresses, as Terraform's `state mv`: a module with all below it, a resource with all its
    /// instances, or one instance. Without a key a resource is its instance without key if there is one; a module is the
    /// one without key and no other. Provider configurations and what other objects need stay as they are.
    ///
    /// Returns the instances with their new addresses.
    ///
    /// # Errors
    /// When there is nothing at `from`, when `to` is of another kind or type, or when something is there already.
    /// Nothing has changed then.
    pub fn readdress(
        &mut self,
        from: &Target,
        to: &Target,
    ) -> Result<Vec<(ResourceInstance, ResourceInstance)>, Diagnostics> {
        let moves = match (from, to) {
            (Target::Module(module), _) => self.module_moves(module, to)?,
            (Target::Resource(instance), _) if self.instance(instance).is_some() => {
                return self.readdress_instance(instance, to);
            }
            (Target::Resource(resource), _) => self.resource_moves(resource, to)?,
        };
        let mut moved = Vec::new();
        let mut taken: Vec<(AbsResource, ResourceState)> = Vec::new();
        for (old, new) in moves {
            let Some(resource) = self.resources.remove(&old) else { continue };
            moved.extend(
                resource.instances.keys().map(|key| (old.instance(key.clone()), new.instance(key.clone()))),
            );
            taken.push((new, resource));
        }
        self.resources.extend(taken);
        Ok(moved)
    }

    /// Which resources get which addresses when a module moves.
    fn module_moves(
        &self,
        module: &ModuleInstance,
        to: &Target,
    ) -> Result<Vec<(AbsResource, AbsResource)>, Diagnostics> {
        let is_within = |resource: &&AbsResource| resource.module.0.starts_with(&module.0);
        let within: Vec<&AbsResource> = self.resources.keys().filter(is_within).collect();
        if within.is_empty() {
            return Err(nothing_at(&Target::Module(module.clone())));
        }
        let Target::Module(destination) = to else { return Err(other_kind(module, to, "module")) };
        if self.resources.keys().any(|resource| resource.module == *destination) {
            return Err(taken(to, "a module"));
        }
        let moves = within.into_iter().map(|old| {
            let below = old.module.0[module.0.len()..].iter();
            let module = ModuleInstance(destination.0.iter().chain(below).cloned().collect());
            (old.clone(), AbsResource { module, resource: old.resource.clone() })
        });
        let moves: Vec<_> = moves.collect();
        // A module without resources of its own may have modules with some.
        match moves.iter().find(|(_, new)| self.resources.contains_key(new) && !is_within(&new)) {
            Some((_, new)) => Err(taken(new, "a resource")),
            None => Ok(moves),
        }
    }

    /// Which address a resource with all its instances gets.
    fn resource_moves(
        &self,
        source: &ResourceInstance,
        to: &Target,
    ) -> Result<Vec<(AbsResource, AbsResource)>, Diagnostics> {
        let old = source.resource();
        if source.key.is_some() || !self.resources.contains_key(&old) {
            return Err(nothing_at(&Target::Resource(source.clone())));
        }
        let Target::Resource(destination) = to else { return Err(other_kind(source, to, "whole resource")) };
        of_one_type(source, destination)?;
        if destination.key.is_some() {
            return Err(Diagnostic::error("Invalid target address")
                .detail(format!(
                    "Cannot move {source} to {to}: the source is a whole resource (not a resource instance) so the \
                     target must also be a whole resource."
                ))
                .into());
        }
        let new = destination.resource();
        if self.resources.contains_key(&new) { Err(taken(&new, "a resource")) } else { Ok(vec![(old, new)]) }
    }

    fn readdress_instance(
        &mut self,
        source: &ResourceInstance,
        to: &Target,
    ) -> Result<Vec<(ResourceInstance, ResourceInstance)>, Diagnostics> {
        let Target::Resource(destination) = to else {
            return Err(other_kind(source, to, "resource instance"));
        };
        of_one_type(source, destination)?;
        if self.move_instance(source, destination) {
            Ok(vec![(source.clone(), destination.clone())])
        } else {
            Err(taken(destination, "a resource instance"))
        }
    }
}

fn nothing_at(from: &Target) -> Diagnostics {
    Diagnostic::error("Invalid source address")
        .detail(format!("Cannot move {from}: does not match anything in the current state."))
        .hint("`ferroform state list` shows what is there. A module or an instance of several is named with its key.")
        .into()
}

fn other_kind(from: &impl std::fmt::Display, to: &Target, kind: &str) -> Diagnostics {
    Diagnostic::error("Invalid target address")
        .detail(format!("Cannot move {from} to {to}: the target must also be a {kind}."))
        .into()
}

fn taken(to: &impl std::fmt::Display, what: &str) -> Diagnostics {
    Diagnostic::error("Invalid target address")
        .detail(format!("Cannot move to {to}: there is already {what} at that address in the current state."))
        .into()
}

fn of_one_type(from: &ResourceInstance, to: &ResourceInstance) -> Result<(), Diagnostics> {
    let mode = |instance: &ResourceInstance| match instance.resource.mode {
        ResourceMode::Data => "data",
        ResourceMode::Managed => "managed",
        ResourceMode::Ephemeral => "ephemeral",
    };
    let refused = |why: String| {
        Diagnostic::error("Invalid state move request").detail(format!("Cannot move {from} to {to}: {why}"))
    };
    let mut wrong = Diagnostics::new();
    if mode(from) != mode(to) {
        let mode = mode(from);
        wrong.push(refused(format!(
            "a {mode} resource can be moved only to another {mode} resource address."
        )));
    }
    if from.resource.type_name != to.resource.type_name {
        wrong.push(refused("resource types don't match.".to_owned()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}
