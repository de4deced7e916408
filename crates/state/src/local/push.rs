//! Putting a whole state in the place of the kept one, as `state push` does.

use ferroform_core::Diagnostics;

use super::{Inner, LocalManager};
use crate::kept::{Known, not_read};
use crate::manager::{Manager as _, Written};
use crate::model::State;

impl LocalManager {
    /// See [`Manager::push`](crate::Manager::push).
    pub(super) fn push_whole(&self, state: &State, force: bool) -> Result<Written, Diagnostics> {
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
        let same = known.holds_exactly(state);
        if same {
            let written = Written { serial: state.serial, changed: false, warnings: Diagnostics::new() };
            return Ok((None, written));
        }
        let pushed = known.pushed(state);
        if !force {
            let journal = self.journal_bytes()?.unwrap_or_default();
            let name = self.journal_path().display().to_string();
            known.check_push(&pushed, state.serial, &self.location(), &journal, &name)?;
        }
        let serial = pushed.serial;
        let next = self.put(inner, known, pushed)?;
        let mut warnings = Diagnostics::new();
        if let Err(diagnostics) = self.settle_journal(inner, &next) {
            warnings.append(diagnostics);
        }
        Ok((Some(next), Written { serial, changed: true, warnings }))
    }
}
