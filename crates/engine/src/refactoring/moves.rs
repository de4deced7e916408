//! Following statements about moves, one after the other, for the addresses that there are.

use std::collections::{BTreeMap, BTreeSet};

use ferroform_core::addr::{ModuleInstance, Resource, ResourceInstance, ResourceMode};
use ferroform_core::{Diagnostic, Diagnostics};
use rustc_hash::FxHashMap;

use super::Statement;

/// Which objects have another address, and which could not get it.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// The old and the new address of each, in an order in which every new one is free by then.
    pub(crate) made: Vec<(ResourceInstance, ResourceInstance)>,
    /// What stays where it is, and where it should have gone.
    blocked: BTreeSet<(String, String)>,
    /// Objects that would have to become ones of another type.
    refused: Vec<Diagnostic>,
}

impl Moves {
    /// Follows the statements for objects at the given addresses. Does nothing if they have no end.
    pub(crate) fn follow(
        statements: &[Statement],
        addresses: impl IntoIterator<Item = ResourceInstance>,
    ) -> Moves {
        let mut moves = Moves::default();
        if statements.is_empty() {
            return moves;
        }
        let Ok(order) = order(statements) else { return moves };
        let mut now: BTreeMap<ResourceInstance, ResourceInstance> =
            addresses.into_iter().map(|address| (address.clone(), address)).collect();
        for index in order {
            moves.follow_one(&statements[index], &mut now);
        }
        let made = now.into_iter().filter(|(now, before)| now != before);
        moves.made = in_order(made.map(|(now, before)| (before, now)).collect());
        moves
    }

    fn follow_one(&mut self, statement: &Statement, now: &mut BTreeMap<ResourceInstance, ResourceInstance>) {
        // What goes together, since it goes to the same place or not at all.
        let mut groups: BTreeMap<String, Vec<(ResourceInstance, ResourceInstance)>> = BTreeMap::new();
        for address in candidates(statement, now) {
            let Some(to) = statement.destination(&address) else { continue };
            if address.resource.mode != ResourceMode::Managed && !statement.is_about_module() {
                continue;
            }
            if address.resource.type_name != to.resource.type_name {
                self.refused.push(other_type(statement, &address, &to));
                continue;
            }
            let group = if statement.is_about_module() {
                address.module.to_string()
            } else if statement.from.every {
                address.resource().to_string()
            } else {
                address.to_string()
            };
            groups.entry(group).or_default().push((address, to));
        }
        for (group, members) in groups {
            let Some((_, to)) = members.first() else { continue };
            let (taken, place) = if statement.is_about_module() {
                (is_taken(now, &to.module), to.module.to_string())
            } else if statement.from.every {
                let range = to.resource().instance(None)..;
                let next = now.range(range).next();
                (next.is_some_and(|(a, _)| a.resource() == to.resource()), to.resource().to_string())
            } else {
                (now.contains_key(to), to.to_string())
            };
            if taken {
                self.blocked.insert((group, place));
                continue;
            }
            for (from, to) in members {
                if let Some(before) = now.remove(&from) {
                    now.insert(to, before);
                }
            }
        }
    }

    /// Where an object is now.
    pub(crate) fn destination(&self, address: &ResourceInstance) -> ResourceInstance {
        let found = self.made.iter().find(|(from, _)| from == address);
        found.map_or_else(|| address.clone(), |(_, to)| to.clone())
    }

    /// What is to be said before planning goes on.
    pub(crate) fn errors(&mut self) -> Diagnostics {
        std::mem::take(&mut self.refused).into_iter().collect()
    }

    /// The warning about objects that stay where they are.
    pub(crate) fn warning(&self) -> Option<Diagnostic> {
        if self.blocked.is_empty() {
            return None;
        }
        let list: Vec<String> =
            self.blocked.iter().map(|(from, to)| format!("  - {from} could not move to {to}")).collect();
        Some(
            Diagnostic::warning("Unresolved resource instance address changes")
                .detail(format!(
                    "Some objects should have other addresses by now, but there are objects at those already:\n{}\n\n\
                     They stay where they are, so that the plan destroys what configuration does not declare there.",
                    list.join("\n")
                ))
                .hint("If these objects are to be kept, sort the addresses out with the subcommands of `state` and plan again."),
        )
    }
}

/// The addresses that a statement may say something of.
fn candidates(
    statement: &Statement,
    now: &BTreeMap<ResourceInstance, ResourceInstance>,
) -> Vec<ResourceInstance> {
    match &statement.from.resource {
        // Said in the root module, it names one resource: no need to look at all others.
        Some(resource) if statement.module.is_root() => {
            let module = ModuleInstance(statement.from.modules.clone().into());
            let first = ResourceInstance { module, resource: resource.clone(), key: None };
            let same = first.resource();
            let from = now.range(first..).map(|(address, _)| address);
            from.take_while(|address| address.resource == same.resource && address.module == same.module)
                .cloned()
                .collect()
        }
        _ => now.keys().cloned().collect(),
    }
}

/// Whether there is an object in a module instance.
fn is_taken(now: &BTreeMap<ResourceInstance, ResourceInstance>, module: &ModuleInstance) -> bool {
    let resource = Resource { mode: ResourceMode::Data, type_name: "".into(), name: "".into() };
    let first = ResourceInstance { module: module.clone(), resource, key: None };
    now.range(first..).next().is_some_and(|(address, _)| address.module == *module)
}

fn other_type(statement: &Statement, from: &ResourceInstance, to: &ResourceInstance) -> Diagnostic {
    Diagnostic::error("Unsupported `moved` across resource types")
        .detail(format!(
            "{from} cannot become {to}: no provider here makes an object of type {} out of one of type {}. To change the \
             type, let a removed block with destroy = false forget the old one and an import block take over the new one.",
            to.resource.type_name, from.resource.type_name
        ))
        .subject(statement.span)
}

/// The statements with what must come first before what follows; `Err` with a circle.
pub(super) fn order(statements: &[Statement]) -> Result<Vec<usize>, Vec<usize>> {
    let written = statements.iter().take_while(|s| s.span.is_some()).count();
    // What is implied for one resource has nothing to do with what is implied for another.
    let after = |i: usize| -> Vec<usize> {
        let others = if i < written { statements.len() } else { written };
        (0..others).filter(|j| *j != i && statements[i].comes_after(&statements[*j])).collect()
    };
    let mut marks = vec![0u8; statements.len()];
    let mut order = Vec::with_capacity(statements.len());
    for start in 0..statements.len() {
        if marks[start] != 0 {
            continue;
        }
        marks[start] = 1;
        let mut way = vec![(start, after(start), 0)];
        while let Some((index, needs, next)) = way.last_mut() {
            let Some(&need) = needs.get(*next) else {
                marks[*index] = 2;
                order.push(*index);
                way.pop();
                continue;
            };
            *next += 1;
            match marks[need] {
                0 => {
                    marks[need] = 1;
                    way.push((need, after(need), 0));
                }
                1 => {
                    let from = way.iter().position(|(i, ..)| *i == need).unwrap_or(0);
                    return Err(way[from..].iter().map(|(i, ..)| *i).collect());
                }
                _ => {}
            }
        }
    }
    Ok(order)
}

/// Moves in an order in which every new address is free when its turn comes: what is there goes first. Statements
/// without an end are none, so that this is always possible.
pub(crate) fn in_order(
    moves: Vec<(ResourceInstance, ResourceInstance)>,
) -> Vec<(ResourceInstance, ResourceInstance)> {
    let by_from: FxHashMap<&ResourceInstance, usize> =
        moves.iter().enumerate().map(|(i, (from, _))| (from, i)).collect();
    let mut done = vec![false; moves.len()];
    let mut order = Vec::with_capacity(moves.len());
    for start in 0..moves.len() {
        let mut way = Vec::new();
        let mut next = Some(start);
        while let Some(index) = next.filter(|i| !std::mem::replace(&mut done[*i], true)) {
            way.push(index);
            next = by_from.get(&moves[index].1).copied();
        }
        order.extend(way.into_iter().rev());
    }
    order.into_iter().map(|i| moves[i].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(texts: &[(&str, &str)]) -> Vec<(ResourceInstance, ResourceInstance)> {
        texts.iter().map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).collect()
    }

    #[test]
    fn what_stands_at_the_new_address_goes_first() {
        let given = pairs(&[("t.a", "t.b"), ("t.x", "t.y"), ("t.b", "t.c")]);
        assert_eq!(in_order(given), pairs(&[("t.b", "t.c"), ("t.a", "t.b"), ("t.x", "t.y")]));
    }
}
