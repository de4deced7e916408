//! What has still to be done about an object and the object alone does not tell, kept in its private data beside whatever
//! the published provider has there.

use serde_json::{Map, Value};

/// The notes of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// A server was running before it was switched off for a change that did not end.
    pub(crate) power_on: bool,
    /// A load balancer's public side comes on again before the object goes. Only in plans, never in a state.
    pub(crate) public_on: bool,
}

/// The key of ours in the private data, which is a JSON object.
const KEY: &str = "ferroform";
const POWER_ON: &str = "power_on";
const PUBLIC_ON: &str = "public_on";

impl Note {
    /// The notes in an object's private data; none in what cannot be read.
    pub(crate) fn read(private: &[u8]) -> Note {
        let notes: Value = serde_json::from_slice(private).unwrap_or_default();
        let is_noted = |what: &str| notes[KEY][what] == true;
        Note { power_on: is_noted(POWER_ON), public_on: is_noted(PUBLIC_ON) }
    }

    /// The private data with these notes instead of those that it has.
    pub(crate) fn write(self, private: &[u8]) -> Vec<u8> {
        if self == Note::read(private) {
            return private.to_vec();
        }
        let mut data: Map<String, Value> = serde_json::from_slice(private).unwrap_or_default();
        let notes = [(POWER_ON, self.power_on), (PUBLIC_ON, self.public_on)];
        let noted: Map<String, Value> =
            notes.into_iter().filter(|(_, is)| *is).map(|(what, is)| (what.to_owned(), is.into())).collect();
        if noted.is_empty() {
            data.remove(KEY);
        } else {
            data.insert(KEY.to_owned(), Value::Object(noted));
        }
        if data.is_empty() { Vec::new() } else { Value::Object(data).to_string().into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_and_go_and_leave_what_else_there_is() {
        let nothing = Note::default();
        let notes = [(true, false), (false, true), (true, true)];
        for noted in notes.map(|(power_on, public_on)| Note { power_on, public_on }) {
            for other in [&b""[..], br#"{"schema_version":"0"}"#] {
                let written = noted.write(other);
                assert_eq!(Note::read(&written), noted);
                assert_eq!(Note::read(other), nothing);
                assert_eq!(nothing.write(&written), other);
                assert_eq!(nothing.write(other), other);
            }
        }
        // Nothing of what was there is lost for no reason.
        assert_eq!(nothing.write(b"not JSON"), b"not JSON");
    }
}
