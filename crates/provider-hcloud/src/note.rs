//! What an update that did not end leaves to be done and the object alone does not tell, kept in the object's private
//! data beside whatever the published provider has there.

use serde_json::{Map, Value};

/// The notes of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// A server was running before it was switched off for a change.
    pub(crate) power_on: bool,
}

/// The key of ours in the private data, which is a JSON object.
const KEY: &str = "ferroform";
const POWER_ON: &str = "power_on";

impl Note {
    /// The notes in an object's private data; none in what cannot be read.
    pub(crate) fn read(private: &[u8]) -> Note {
        let notes: Value = serde_json::from_slice(private).unwrap_or_default();
        Note { power_on: notes[KEY][POWER_ON] == true }
    }

    /// The private data with these notes instead of those that it has.
    pub(crate) fn write(self, private: &[u8]) -> Vec<u8> {
        if self == Note::read(private) {
            return private.to_vec();
        }
        let mut data: Map<String, Value> = serde_json::from_slice(private).unwrap_or_default();
        if self == Note::default() {
            data.remove(KEY);
        } else {
            data.insert(
                KEY.to_owned(),
                Value::Object(Map::from_iter([(POWER_ON.to_owned(), self.power_on.into())])),
            );
        }
        if data.is_empty() { Vec::new() } else { Value::Object(data).to_string().into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_and_go_and_leave_what_else_there_is() {
        let (noted, nothing) = (Note { power_on: true }, Note::default());
        for other in [&b""[..], br#"{"schema_version":"0"}"#] {
            let written = noted.write(other);
            assert_eq!(Note::read(&written), noted);
            assert_eq!(Note::read(other), nothing);
            assert_eq!(nothing.write(&written), other);
            assert_eq!(nothing.write(other), other);
        }
        // Nothing of what was there is lost for no reason.
        assert_eq!(nothing.write(b"not JSON"), b"not JSON");
    }
}
