//! The `ferroform` command.
fn main() {}
