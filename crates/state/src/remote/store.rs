//! What a store of objects must be able to do.

use std::fmt;

/// What must be so for an object to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no object of that key.
    Absent,
    /// The object of that key has this tag.
    Unchanged(String),
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The condition of a write does not hold. Where the call was repeated because an answer was lost, it may have held
    /// before: then the object is the one that was to be written.
    Condition,
    /// Something else. A write or deletion may have been done all the same.
    Failed {
        /// What happened, without a full stop.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Condition => f.write_str("the object was changed meanwhile"),
            StoreError::Failed { message, .. } => f.write_str(message),
        }
    }
}

impl std::error::Error for StoreError {}

/// An object with its tag, which is another one for each content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The content.
    pub bytes: Vec<u8>,
    /// The tag, for [`Condition::Unchanged`].
    pub tag: String,
}

/// A store of objects, such as a bucket of S3. What was written is seen by every call that begins after.
///
/// Calls wait for the answer; implementations repeat what may pass by itself.
pub trait ObjectStore: Send + Sync {
    /// The object of a key; None if there is none.
    ///
    /// # Errors
    /// When it cannot be told.
    fn get(&self, key: &str) -> Result<Option<Stored>, StoreError>;

    /// Writes an object whole or not at all, if the condition holds; its tag.
    ///
    /// # Errors
    /// When the condition does not hold, or it is not certain that the object was written.
    fn put(&self, key: &str, bytes: &[u8], condition: &Condition) -> Result<String, StoreError>;

    /// Removes an object; does nothing if there is none.
    ///
    /// # Errors
    /// When it is not certain that the object is gone.
    fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// The keys of all objects that begin with a prefix.
    ///
    /// # Errors
    /// When they cannot be told.
    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// What people call the object of a key, such as `s3://bucket/key`.
    fn name(&self, key: &str) -> String;
}

/// Writes an object, and looks whether it was written where that is in doubt: what stands there then is ours if it has our
/// bytes. So bytes that are written under a condition should be unlike those of any other writer.
pub(super) fn put(
    store: &dyn ObjectStore,
    key: &str,
    bytes: &[u8],
    condition: &Condition,
) -> Result<String, StoreError> {
    let error = match store.put(key, bytes, condition) {
        Ok(tag) => return Ok(tag),
        Err(error) => error,
    };
    match store.get(key) {
        Ok(Some(found)) if found.bytes == bytes => Ok(found.tag),
        _ => Err(error),
    }
}
