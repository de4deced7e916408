//! The provider against the local cloud's object storage, and against an independent S3 server.

mod answers;
mod buckets;
mod data;
mod objects;
mod other_server;
mod stack;
mod validation;
