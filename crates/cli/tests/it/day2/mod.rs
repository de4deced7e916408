//! Work on running stacks: every command against servers and a cluster made of files.

mod backup;
mod deploy;
mod fake;
mod reach;
mod rotate;
mod snapshot;
mod status;
mod upgrade;
