//! Putting a whole state in the place of the kept one, as `state push` does.

use ferroform_core::{Diagnostic, Diagnostics};

use super::{Inner, Known, LocalManager, digest, not_read};
use crate::file;
use crate::manager::Written;
use crate::model::State;

impl LocalManager {
    /// Keeps a state that came from elsewhere as it is, with its lineage and serial. Asks for
    /// [`read`](crate::Manager::read) first. Operations that an interrupted run left open stay noted.
    ///
    /// Refused are, unless `force` is set: another lineage, a lower serial than the kept state's, the same serial with
    /// another content (each only when a state with something in it is kept, as Terraform has it), and a state that lacks
    /// results of an interrupted run, which the journal holds.
    ///
    /// # Errors
    /// When the state is refused, or cannot be kept; nothing has changed then.
    pub fn push(&self, state: &State, force: bool) -> Result<Written, Diagnostics> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let Some(known) = inner.base.take() else { return Err(not_read().into()) };
        match self.push_over(inner, &known, state, force) {
            Ok((next, written)) => {
                inner.base = Some(next.unwrap_or(known));
                Ok(written)
            }
            Err(diagnostics) => {
                inner.base = Some(known);
                Err(diagnostics)
            }
        }
    }

    fn push_over(
        &self,
        inner: &mut Inner,
        known: &Known,
        state: &State,
        force: bool,
    ) -> Result<(Option<Known>, Written), Diagnostics> {
        self.check_untouched(inner, known)?;
        let same = known.state.as_ref().is_some_and(|kept| {
            kept.serial == state.serial && kept.lineage == state.lineage && kept.same_content(state)
        });
        if same {
            let written = Written { serial: state.serial, changed: false, warnings: Diagnostics::new() };
            return Ok((None, written));
        }
        if !force {
            self.check_successor(known, state)?;
        }
        let next = self.put(inner, known, state.clone())?;
        let mut warnings = Diagnostics::new();
        if let Err(diagnostics) = self.settle_journal(inner, &next) {
            warnings.append(diagnostics);
        }
        Ok((Some(next), Written { serial: state.serial, changed: true, warnings }))
    }

    /// Refuses what does not follow on the kept state.
    fn check_successor(&self, known: &Known, state: &State) -> Result<(), Diagnostics> {
        let refuse = |detail: String| {
            let hint = "With -force the state is kept all the same, and what is there now only remains in the backup.";
            Err(Diagnostic::error("State does not follow on the one that is kept")
                .detail(detail)
                .hint(hint)
                .into())
        };
        let path = self.path.display();
        if let Some(kept) = known.state.as_ref().filter(|kept| !kept.is_empty()) {
            if kept.lineage != state.lineage {
                return refuse(format!(
                    "The state in {path} has lineage {}, the one to be pushed has lineage {}: they are about other objects.",
                    kept.lineage, state.lineage
                ));
            }
            if state.serial < kept.serial {
                return refuse(format!(
                    "The state in {path} has serial {}, the one to be pushed has serial {}: it is older.",
                    kept.serial, state.serial
                ));
            }
            if state.serial == kept.serial {
                return refuse(format!(
                    "The state in {path} and the one to be pushed have the same serial {} with different content.",
                    kept.serial
                ));
            }
        }
        let journal = self.journal_bytes()?.unwrap_or_default();
        let next = Known {
            sha256: digest(&file::write(state)?),
            lineage: state.lineage.clone(),
            state: Some(state.clone()),
        };
        // Read on top of the new state, the journal must have nothing more to tell.
        match self.recover(&next, &journal) {
            Ok(recovered) if recovered.state.same_content(state) => Ok(()),
            _ => refuse(format!(
                "An interrupted run left results in {} that the state to be pushed does not have. The next plan or apply \
                 adds them to the state in {path} by itself.",
                self.journal_path().display()
            )),
        }
    }
}
