//! The local provider: files on the machine that runs the program. Relative paths are relative to the working
//! directory of the process.

mod checksums;
mod common;
mod data;
mod file;
mod sensitive_file;
mod writing;

use std::sync::Arc;

use ferroform_core::schema::Block;

use crate::builtin::{self, Factory};

/// The published provider that this one equals.
const VERSION: &str = "2.5.3";

/// Makes the provider.
pub(crate) fn factory() -> Factory {
    builtin::factory(
        crate::published("local"),
        VERSION,
        Block::default(),
        vec![
            ("local_file", Arc::new(file::LOCAL_FILE)),
            ("local_sensitive_file", Arc::new(sensitive_file::LOCAL_SENSITIVE_FILE)),
        ],
        vec![
            ("local_file", Arc::new(data::FileData { sensitive: false })),
            ("local_sensitive_file", Arc::new(data::FileData { sensitive: true })),
        ],
    )
}
