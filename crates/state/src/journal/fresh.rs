//! How a journal begins.

use std::io;

use super::frame::encode;
use super::{Header, OpenOperation, Record};

/// The bytes of a journal that holds nothing but these records and what is still open.
pub(crate) fn fresh(header: &Header, records: &[Record], open: &[OpenOperation]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    encode(&mut bytes, &serde_json::to_vec(header)?, 0);
    let mut add = |record: &Record| -> io::Result<()> {
        encode(&mut bytes, &serde_json::to_vec(record)?, 0);
        Ok(())
    };
    for record in records {
        add(record)?;
    }
    for operation in open {
        let op = operation.intent.op;
        add(&Record::Intent(Box::new(operation.intent.clone())))?;
        if let Some(identity) = &operation.checkpoint {
            add(&Record::Checkpoint { op, identity: identity.clone() })?;
        }
    }
    Ok(bytes)
}
