//! What is true of a kept state wherever it is kept.

use std::collections::BTreeSet;

use ferroform_core::{Diagnostic, Diagnostics};
use sha2::{Digest, Sha256};

use crate::file;
use crate::journal::{self, Base, Header, Recovered};
use crate::manager::Loaded;
use crate::model::{State, TERRAFORM_VERSION};
use crate::world::WorldBinding;

/// A state as it was last read or written.
pub(crate) struct Known {
    /// None when none is kept.
    pub(crate) state: Option<State>,
    /// SHA-256 of its bytes in hexadecimal digits; of no bytes when none is kept.
    pub(crate) sha256: String,
    /// The lineage that a first state gets.
    pub(crate) lineage: String,
}

impl Known {
    /// Takes the bytes of a kept state apart; there are none where none is kept. The lineage is still to be set.
    pub(crate) fn decode(bytes: &[u8], name: &str) -> Result<Known, Diagnostics> {
        let state = file::read(bytes, name)?;
        Ok(Known { state, sha256: digest(bytes), lineage: String::new() })
    }

    /// The serial; 0 where none is kept.
    pub(crate) fn serial(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.serial)
    }

    /// Gives a state that is not kept yet a lineage.
    pub(crate) fn begin_lineage(&mut self, lineage: &str) {
        if self.state.is_none() {
            lineage.clone_into(&mut self.lineage);
        }
    }

    /// What a journal makes of it.
    pub(crate) fn recover(&self, journal: &[u8], name: &str) -> Result<Recovered, Diagnostics> {
        let base = self.state.as_ref().map(|state| Base { state, sha256: Some(&self.sha256) });
        journal::recover_from(base, journal, name)
    }

    /// Whether a journal with this header began with this very state.
    pub(crate) fn is_base_of(&self, header: &Header) -> bool {
        header.base_serial == self.serial() && header.base_exists == self.state.is_some()
    }

    /// The header of a journal that begins with this state. Where no world is bound yet, those of the journal before, `old`,
    /// are bound still.
    pub(crate) fn header(&self, bound: &[WorldBinding], old: Option<&Header>) -> Header {
        let worlds = match old {
            Some(old) if bound.is_empty() => &old.worlds,
            _ => bound,
        };
        Header {
            version: Header::VERSION,
            lineage: self.lineage.clone(),
            base_serial: self.serial(),
            base_exists: self.state.is_some(),
            worlds: worlds.to_vec(),
        }
    }

    /// What a reader is told.
    pub(crate) fn loaded(&self, recovered: &Recovered) -> Loaded {
        let unchanged = match &self.state {
            Some(state) => state.same_content(&recovered.state),
            None => recovered.state.is_empty(),
        };
        Loaded {
            exists: self.state.is_some(),
            recovered: !unchanged,
            state: recovered.state.clone(),
            open: recovered.open.clone(),
        }
    }

    /// Refuses a state of another lineage.
    pub(crate) fn check_lineage(&self, state: &State, place: &str) -> Result<(), Diagnostics> {
        if state.lineage == self.lineage {
            return Ok(());
        }
        Err(Diagnostic::error("State belongs to another lineage")
            .detail(format!(
                "{place} has lineage {}; the state to be written has lineage {}. It was not written over.",
                self.lineage, state.lineage
            ))
            .into())
    }

    /// The serial that a state has when it follows on this one, and the state to be written, if it differs at all. Even a
    /// first state without anything is written, as Terraform does.
    pub(crate) fn successor(&self, state: &State) -> (u64, Option<State>) {
        if self.state.as_ref().is_some_and(|old| old.same_content(state)) {
            return (self.serial(), None);
        }
        let serial = self.serial().max(state.serial).saturating_add(1);
        (serial, Some(State { serial, ..state.clone() }))
    }

    /// Whether it is this state with this serial.
    pub(crate) fn holds_exactly(&self, state: &State) -> bool {
        self.state.as_ref().is_some_and(|kept| {
            kept.serial == state.serial && kept.lineage == state.lineage && kept.same_content(state)
        })
    }

    /// A state that is pushed, as it is kept: where it takes the place of one that has something else in it the serial is one
    /// higher, as Terraform counts.
    pub(crate) fn pushed(&self, state: &State) -> State {
        let mut pushed = state.clone();
        if self.state.as_ref().is_some_and(|kept| !kept.same_content(state)) {
            pushed.serial = state.serial.saturating_add(1);
        }
        pushed
    }

    /// Refuses to push what does not follow on this state or lacks what its journal tells. `serial` is that with which
    /// the state came.
    pub(crate) fn check_push(
        &self,
        state: &State,
        serial: u64,
        place: &str,
        journal: &[u8],
        journal_name: &str,
    ) -> Result<(), Diagnostics> {
        let refuse = |detail: String| {
            let hint = "With -force the state is kept all the same, and what is there now only remains in the backup, where \
                        there is one.";
            Err(Diagnostic::error("State does not follow on the one that is kept")
                .detail(detail)
                .hint(hint)
                .into())
        };
        if let Some(kept) = self.state.as_ref().filter(|kept| !kept.is_empty()) {
            if kept.lineage != state.lineage {
                return refuse(format!(
                    "The state in {place} has lineage {}, the one to be pushed has lineage {}: they are about other objects.",
                    kept.lineage, state.lineage
                ));
            }
            if serial < kept.serial {
                return refuse(format!(
                    "The state in {place} has serial {}, the one to be pushed has serial {}: it is older.",
                    kept.serial, serial
                ));
            }
            if serial == kept.serial {
                return refuse(format!(
                    "The state in {place} and the one to be pushed have the same serial {} with different content.",
                    kept.serial
                ));
            }
        }
        let next = Known {
            sha256: digest(&file::write(state)?),
            lineage: state.lineage.clone(),
            state: Some(state.clone()),
        };
        // Read on top of the new state, the journal must have nothing more to tell.
        match next.recover(journal, journal_name) {
            Ok(recovered) if recovered.state.same_content(state) => Ok(()),
            _ => refuse(format!(
                "An interrupted run left results in {journal_name} that the state to be pushed does not have. The next plan or \
                 apply adds them to the state in {place} by itself."
            )),
        }
    }
}

/// The provider configurations with objects, or with operations that may have left some.
pub(crate) fn in_use(recovered: &Recovered) -> BTreeSet<String> {
    let objects = recovered.state.resources.values().map(|r| &r.provider);
    let unsettled = recovered.open.iter().map(|o| &o.intent.provider);
    let providers: BTreeSet<_> = objects.chain(unsettled).collect();
    providers.into_iter().map(ToString::to_string).collect()
}

/// Adds those worlds whose provider configuration is not bound yet.
pub(crate) fn add_missing(bound: &mut Vec<WorldBinding>, others: &[WorldBinding]) {
    for world in others {
        if !bound.iter().any(|b| b.provider == world.provider) {
            bound.push(world.clone());
        }
    }
}

/// The bytes of a state and their digest; the version of the writer is set.
pub(crate) fn encode(state: &mut State) -> Result<(Vec<u8>, String), Diagnostics> {
    state.terraform_version = newer_version(&state.terraform_version).to_owned();
    let bytes = file::write(state)?;
    let sha256 = digest(&bytes);
    Ok((bytes, sha256))
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn not_read() -> Diagnostic {
    Diagnostic::error("State was not read yet")
        .detail("The state must be read before it is used. This is a bug of Ferroform.")
}

/// The version to note: a state that a newer Terraform wrote is not passed off as one of an older.
fn newer_version(version: &str) -> &str {
    fn parts(version: &str) -> Option<[u64; 3]> {
        let core = version.split(['-', '+']).next()?;
        let mut parts = core.split('.').map(str::parse);
        let all = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
        parts.next().is_none().then_some(all)
    }
    if parts(version) > parts(TERRAFORM_VERSION) { version } else { TERRAFORM_VERSION }
}
