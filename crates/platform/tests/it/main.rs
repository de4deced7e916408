//! Work on running stacks, without the programs and servers that it is about.

mod texts;
