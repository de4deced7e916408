//! The body of a successful answer, read field by field.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::Error;

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    method: Method,
    path: String,
    fields: BTreeMap<String, Box<RawValue>>,
}

impl Answer {
    /// Reads the outermost object; an empty body is an answer without fields.
    pub(crate) fn parse(method: Method, path: String, body: &Bytes) -> Result<Answer, Error> {
        let trimmed = body.trim_ascii();
        if trimmed.is_empty() {
            return Ok(Answer { method, path, fields: BTreeMap::new() });
        }
        match serde_json::from_slice(trimmed) {
            Ok(fields) => Ok(Answer { method, path, fields }),
            Err(error) => Err(Error::Unreadable { method, path, message: error.to_string() }),
        }
    }

    /// A field that must be there.
    pub(crate) fn field<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.optional(name)?.ok_or_else(|| self.unreadable(format!("it has no field {name:?}")))
    }

    /// A field that may be missing or null.
    pub(crate) fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(raw) = self.fields.get(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map_err(|error| self.unreadable(format!("field {name:?}: {error}")))
    }

    /// A list that may be missing or null.
    pub(crate) fn list<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, Error> {
        Ok(self.optional(name)?.unwrap_or_default())
    }

    fn unreadable(&self, message: String) -> Error {
        Error::Unreadable { method: self.method.clone(), path: self.path.clone(), message }
    }
}
