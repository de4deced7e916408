//! What `removed` blocks say.

use ferroform_core::addr::{ModulePath, ResourceInstance};
use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_lang::Config;
use ferroform_lang::config::Endpoint;

/// The modules and resources whose objects leave the state and stay as they are.
pub(crate) struct Removals {
    forgotten: Vec<(ModulePath, Endpoint)>,
}

impl Removals {
    /// What all `removed` blocks say together. Errors: something that is declared still.
    pub(crate) fn of(config: &Config) -> (Removals, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let mut forgotten = Vec::new();
        for (path, module) in config.modules() {
            for block in &module.removed {
                let named = below(path, &block.from);
                let declared = match &block.from.resource {
                    Some(resource) => {
                        config.module(&named).and_then(|m| m.resources.get(resource)).map(|b| b.header)
                    }
                    None => named
                        .parent()
                        .and_then(|(parent, name)| Some(config.module(&parent)?.calls.get(&name)?.span)),
                };
                if let Some(span) = declared {
                    let (summary, text) = match &block.from.resource {
                        Some(resource) => {
                            let dot = if named.is_root() { "" } else { "." };
                            ("Removed resource still exists", format!("{named}{dot}{resource}"))
                        }
                        None => ("Removed module still exists", named.to_string()),
                    };
                    diagnostics.push(
                        Diagnostic::error(summary)
                            .detail(format!("A removed block says that {text} is gone, but it is declared here. Take one of the two out."))
                            .subject(span),
                    );
                } else if !block.destroy {
                    forgotten.push((path.clone(), block.from.clone()));
                }
            }
        }
        (Removals { forgotten }, diagnostics)
    }

    /// Whether the object of an orphan is left as it is.
    pub(crate) fn forgets(&self, address: &ResourceInstance) -> bool {
        self.forgotten.iter().any(|(path, from)| {
            let (named, own) = (below(path, from), address.module.path());
            match &from.resource {
                Some(resource) => own == named && address.resource == *resource,
                None => own.0.starts_with(&named.0),
            }
        })
    }
}

/// The module that an end names, or the one that its resource is in.
fn below(path: &ModulePath, end: &Endpoint) -> ModulePath {
    end.modules.iter().fold(path.clone(), |path, step| path.child(step.name.clone()))
}
