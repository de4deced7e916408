//! New projects: a stack of this repository with the modules that it is made of, as files of somebody's own.
//!
//! The files are part of the program. What a project gets is decided here and nothing is written: a [`Layout`] is the
//! files with their places, [`values`] are the variables that its owner has given.

mod layout;
mod text;
pub(crate) mod values;

pub(crate) use self::layout::{Layout, NewFile, Stack};

/// A file of the repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embedded {
    /// Where it lies in the repository, with `/`.
    pub path: &'static str,
    /// Whether it can be run.
    pub executable: bool,
    /// What it holds.
    pub bytes: &'static [u8],
}

/// Every file of the stacks and modules, by path. The build script gathers them.
pub(crate) static FILES: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
