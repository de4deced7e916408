//! `cloud image`, `cloud doctor` and `cloud prune` where there are no machines: they say so.

use std::path::PathBuf;

use ferroform_core::Sources;

use super::super::Outcome;
use crate::args::{DoctorArgs, ImageArgs, PruneArgs};
use crate::cloud::entering::need_root;
use crate::context::{Context, Reported};
use crate::terminal::Terminal;

pub(crate) fn run(_: &ImageArgs, terminal: &Terminal) -> Outcome {
    refuse(terminal)
}

pub(crate) fn doctor(_: &DoctorArgs, terminal: &Terminal) -> Outcome {
    refuse(terminal)
}

pub(crate) fn prune(_: &PruneArgs, terminal: &Terminal) -> Outcome {
    refuse(terminal)
}

/// Nothing is made.
pub(crate) fn ensure(context: &Context<'_>, _: Option<PathBuf>) -> Result<(), Reported> {
    context.take(need_root(), &Sources::new())
}

fn refuse(terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    context.take(need_root(), &Sources::new())?;
    Err(Reported)
}
