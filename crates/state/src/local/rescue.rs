//! A state that cannot be kept where it belongs: to a file of its own, wherever one can be written.

use std::path::PathBuf;

use ferroform_core::{Diagnostic, Diagnostics};

use super::replace::{Naming, replace};
use crate::file;
use crate::model::State;

/// Writes a state to the first of these places that takes it, whole or not at all, readable by its owner only; the path
/// that it was. What is written is [`newer`] than the state that could not be replaced.
///
/// # Errors
/// One diagnostic that says for every place why it did not take the file.
pub fn rescue(state: &State, places: &[PathBuf]) -> Result<PathBuf, Diagnostics> {
    let bytes = file::write(&newer(state))?;
    let mut reasons = Vec::new();
    for path in places {
        match replace(path, &bytes, Naming::Shared) {
            Ok(_) => return Ok(path.clone()),
            Err(error) => reasons.push(format!("{}: {error}", path.display())),
        }
    }
    Err(Diagnostic::error("State could not be rescued")
        .detail(format!("No place was found for a copy of the state. {}.", reasons.join("; ")))
        .into())
}

/// The state with a serial one higher than that of the kept one that it could not replace, so that it counts as the newer
/// one when it is pushed.
#[must_use]
pub fn newer(state: &State) -> State {
    State { serial: state.serial.saturating_add(1), ..state.clone() }
}
