//! `cloud image`, `cloud doctor` and `cloud prune` where there are no machines: they say so.

use std::path::PathBuf;

use ferroform_core::Sources;

use super::super::Outcome;
use crate::args::{CloudPlaceArgs, DoctorArgs, ImageArgs, ImageCommand, PruneArgs};
use crate::cloud::entering::need_root;
use crate::terminal::Terminal;
use crate::workflow::{Context, Reported};

pub(crate) fn run(args: &ImageArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        ImageCommand::Build(args) => refuse(&args.place, terminal),
        ImageCommand::List(args) => refuse(&args.place, terminal),
    }
}

pub(crate) fn doctor(args: &DoctorArgs, terminal: &Terminal) -> Outcome {
    refuse(&args.place, terminal)
}

pub(crate) fn prune(args: &PruneArgs, terminal: &Terminal) -> Outcome {
    refuse(&args.place, terminal)
}

/// Nothing is made.
pub(crate) fn ensure(context: &Context<'_>, _: Option<PathBuf>) -> Result<(), Reported> {
    context.take(need_root(), &Sources::new())
}

fn refuse(place: &CloudPlaceArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal, &place.style);
    context.take(need_root(), &Sources::new())?;
    Err(Reported)
}
