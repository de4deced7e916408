//! What a journal that was left behind says.

use std::collections::BTreeMap;

use ferroform_core::{Diagnostic, Diagnostics};

use super::{Frames, Header, Intent, Record};
use crate::json::RawJson;
use crate::model::State;

/// What a journal makes of the state that it continues.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The state with all results folded in; its serial is that of the statefile.
    pub state: State,
    /// Operations that were begun and of which no result is known, in the order in which they began.
    pub open: Vec<OpenOperation>,
    /// The journal's first frame; none when not even that was written, so that nothing had begun.
    pub header: Option<Header>,
    /// The first number that no operation has.
    pub next_op: u64,
    /// How many bytes of the journal are intact; what follows was never promised and is to be cut off.
    pub intact: u64,
}

/// An operation that was begun and of which no result is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOperation {
    /// What was to be done.
    pub intent: Intent,
    /// What the provider said of the object since, in the lossless encoding of values.
    pub checkpoint: Option<RawJson>,
}

/// A statefile that a journal is held against.
pub(crate) struct Base<'a> {
    pub(crate) state: &'a State,
    /// The SHA-256 of its bytes in hexadecimal digits; none when it is not known.
    pub(crate) sha256: Option<&'a str>,
}

/// Folds a journal into the state that it continues. `base` is none when there is no statefile; `name` is what
/// messages call the journal.
///
/// The journal must be of the lineage of `base`. When `base` has the serial that the journal began with, the results
/// are folded in. When it has a higher one, it must be the state that the journal was about to write ([`Record::Commit`]),
/// or one that holds all results anyhow: then nothing is left to fold, and the journal tells of open operations only.
///
/// # Errors
/// One diagnostic when the journal is damaged, of a newer format, or does not belong to `base`.
pub fn recover(base: Option<&State>, bytes: &[u8], name: &str) -> Result<Recovered, Diagnostics> {
    recover_from(base.map(|state| Base { state, sha256: None }), bytes, name)
}

pub(crate) fn recover_from(
    base: Option<Base<'_>>,
    bytes: &[u8],
    name: &str,
) -> Result<Recovered, Diagnostics> {
    let Scan { header, fold, intact } = scan(bytes, name)?;
    let Some(header) = header else {
        let state = base.map_or_else(State::empty, |b| b.state.clone());
        return Ok(Recovered { state, open: Vec::new(), header: None, next_op: 1, intact });
    };
    let folded = |base: &State| {
        let mut state = base.clone();
        fold.apply(&mut state);
        state
    };
    let state = match base {
        None if header.base_exists => return Err(without_state(name, &header).into()),
        None => folded(&State::with_lineage(header.lineage.clone())),
        Some(base) if base.state.lineage != header.lineage => {
            return Err(foreign(name, &header, base.state).into());
        }
        Some(base) if base.state.serial == header.base_serial && header.base_exists => folded(base.state),
        Some(base) if base.state.serial < header.base_serial => {
            return Err(rolled_back(name, &header, base.state).into());
        }
        Some(base) => {
            let committed = fold.commit.as_ref().is_some_and(|(serial, sha256)| {
                *serial == base.state.serial && base.sha256.is_some_and(|known| known == sha256)
            });
            if !committed && !folded(base.state).same_content(base.state) {
                return Err(overtaken(name, &header, base.state, &fold).into());
            }
            base.state.clone()
        }
    };
    Ok(Recovered {
        state,
        next_op: fold.next_op(),
        open: fold.open.into_values().collect(),
        header: Some(header),
        intact,
    })
}

/// A journal by itself.
pub(crate) struct Scan {
    /// The first frame, if it was written.
    pub(crate) header: Option<Header>,
    pub(crate) fold: Fold,
    /// How many bytes are intact.
    pub(crate) intact: u64,
}

/// Reads a journal without regard to any state.
pub(crate) fn scan(bytes: &[u8], name: &str) -> Result<Scan, Diagnostics> {
    let frames = Frames::read(bytes);
    if frames.is_damaged() {
        return Err(
            damaged(name, frames.end, "a part that had safely been written is not what it was").into()
        );
    }
    let mut fold = Fold::default();
    let mut payloads = frames.payloads.into_iter();
    let header = payloads.next().map(|(_, first)| header(name, first)).transpose()?;
    for (offset, payload) in payloads {
        let record = serde_json::from_slice(payload)
            .map_err(|e| damaged(name, offset, &format!("a record cannot be understood ({e})")))?;
        fold.add(record);
    }
    Ok(Scan { header, fold, intact: frames.end as u64 })
}

/// What the records amount to.
#[derive(Default)]
pub(crate) struct Fold {
    changes: Vec<Record>,
    /// By number: in the order in which they began.
    pub(crate) open: BTreeMap<u64, OpenOperation>,
    greatest_op: u64,
    commit: Option<(u64, String)>,
}

impl Fold {
    fn add(&mut self, record: Record) {
        match record {
            Record::Intent(intent) => {
                self.greatest_op = self.greatest_op.max(intent.op);
                self.open.insert(intent.op, OpenOperation { intent: *intent, checkpoint: None });
            }
            Record::Checkpoint { op, identity } => {
                if let Some(operation) = self.open.get_mut(&op) {
                    operation.checkpoint = Some(identity);
                }
            }
            Record::Result { op, .. } => {
                self.greatest_op = self.greatest_op.max(op);
                self.open.remove(&op);
                self.changes.push(record);
            }
            Record::Changes(_) | Record::Outputs(_) => self.changes.push(record),
            Record::Commit { serial, sha256 } => self.commit = Some((serial, sha256)),
            Record::Continued { .. } => {}
        }
    }

    fn apply(&self, state: &mut State) {
        for record in &self.changes {
            match record {
                Record::Result { changes, .. } | Record::Changes(changes) => {
                    changes.iter().for_each(|change| change.apply(state));
                }
                Record::Outputs(outputs) => state.outputs = outputs.clone(),
                Record::Intent(_)
                | Record::Checkpoint { .. }
                | Record::Continued { .. }
                | Record::Commit { .. } => {}
            }
        }
    }

    fn next_op(&self) -> u64 {
        self.greatest_op.saturating_add(1)
    }

    /// The instances that results speak of, for messages.
    fn addresses(&self) -> String {
        const SHOWN: usize = 10;
        let mut all: Vec<String> = self
            .changes
            .iter()
            .flat_map(|record| match record {
                Record::Result { changes, .. } | Record::Changes(changes) => changes.as_slice(),
                _ => &[],
            })
            .map(|change| change.address().to_string())
            .collect();
        all.sort();
        all.dedup();
        let more = all.len().saturating_sub(SHOWN);
        all.truncate(SHOWN);
        let mut text = if all.is_empty() { "outputs only".to_owned() } else { all.join(", ") };
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        text
    }
}

fn header(name: &str, payload: &[u8]) -> Result<Header, Diagnostics> {
    #[derive(serde::Deserialize)]
    struct Version {
        ferroform_journal: u64,
    }
    match serde_json::from_slice::<Version>(payload) {
        Ok(v) if v.ferroform_journal > Header::VERSION => {
            return Err(Diagnostic::error("Journal was written by a newer format").detail(format!(
                "{name} has the format {}; formats up to {} are understood. Use the version of Ferroform that was \
                 interrupted, or a newer one.",
                v.ferroform_journal,
                Header::VERSION
            )).into());
        }
        _ => {}
    }
    serde_json::from_slice(payload)
        .map_err(|e| damaged(name, 0, &format!("the first frame is not a header ({e})")).into())
}

fn damaged(name: &str, offset: usize, what: &str) -> Diagnostic {
    Diagnostic::error("Journal is damaged")
        .detail(format!(
            "{name} was left by an interrupted run and tells what that run did. At byte {offset} or behind it, {what}. \
             Nothing was changed. Restore the file from a copy. If there is none, compare the objects that exist with \
             the state by hand, and then remove the file."
        ))
}

fn without_state(name: &str, header: &Header) -> Diagnostic {
    Diagnostic::error("Statefile is missing").detail(format!(
        "{name} was left by an interrupted run that began with serial {} of the state with lineage {}, but there is no \
         statefile. Restore the statefile; what the run did is then added to it. Nothing was changed.",
        header.base_serial, header.lineage
    ))
}

fn foreign(name: &str, header: &Header, state: &State) -> Diagnostic {
    Diagnostic::error("Journal belongs to another state").detail(format!(
        "{name} was left by an interrupted run on the state with lineage {}; the statefile has lineage {}. Put the \
         statefile of that run back, or move the journal to where it belongs. Nothing was changed.",
        header.lineage, state.lineage
    ))
}

fn rolled_back(name: &str, header: &Header, state: &State) -> Diagnostic {
    Diagnostic::error("Statefile is older than the journal").detail(format!(
        "{name} was left by an interrupted run that began with serial {}; the statefile has the older serial {}. Put \
         back the statefile with serial {}; what the run did is then added to it. Nothing was changed.",
        header.base_serial, state.serial, header.base_serial
    ))
}

fn overtaken(name: &str, header: &Header, state: &State, fold: &Fold) -> Diagnostic {
    Diagnostic::error("State was changed after an interrupted run")
        .detail(format!(
            "{name} was left by an interrupted run that began with serial {} of the state. Another program wrote serial \
             {} since, without what that run did to: {}. Nothing was changed.",
            header.base_serial,
            state.serial,
            fold.addresses()
        ))
        .hint(format!(
            "Put back the statefile with serial {} if nothing that came later is needed; what the run did is then added \
             to it.",
            header.base_serial
        ))
        .hint("Otherwise import the objects of the interrupted run that still exist, and then remove the journal.")
}
