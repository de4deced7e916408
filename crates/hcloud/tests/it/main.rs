//! The client against a server of a few lines that answers by a script.

mod calls;
mod lists;
mod server;
mod storage_boxes;
