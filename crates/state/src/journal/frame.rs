//! Frames: how records lie in the file.

use sha2::{Digest, Sha256};

/// Hexadecimal digits of the length, of the synced length, of the checksum.
const LENGTH: usize = 8;
const SYNCED: usize = 16;
const CHECKSUM: usize = 16;
/// Bytes before the payload: three fields with a space behind each.
const HEAD: usize = LENGTH + 1 + SYNCED + 1 + CHECKSUM + 1;

/// Appends a frame to `out`. `payload` has no line break; `synced` is the length of the file known to be on disk.
pub(crate) fn encode(out: &mut Vec<u8>, payload: &[u8], synced: u64) {
    let (length, synced) = (format!("{:08x}", payload.len()), format!("{synced:016x}"));
    let sum = checksum(length.as_bytes(), synced.as_bytes(), payload);
    out.reserve(HEAD + payload.len() + 1);
    for field in [length.as_bytes(), synced.as_bytes(), sum.as_bytes()] {
        out.extend_from_slice(field);
        out.push(b' ');
    }
    out.extend_from_slice(payload);
    out.push(b'\n');
}

fn checksum(length: &[u8], synced: &[u8], payload: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [length, b" ", synced, b" ", payload] {
        hash.update(part);
    }
    hash.finalize().iter().take(CHECKSUM / 2).map(|b| format!("{b:02x}")).collect()
}

/// The payload and the synced length of a line without its line break, if it is an intact frame.
fn decode(line: &[u8]) -> Option<(&[u8], u64)> {
    let (length, rest) = field(line, LENGTH)?;
    let (synced, rest) = field(rest, SYNCED)?;
    let (sum, payload) = field(rest, CHECKSUM)?;
    let number = |digits: &[u8]| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let intact =
        number(length)? == payload.len() as u64 && sum == checksum(length, synced, payload).as_bytes();
    intact.then_some((payload, number(synced)?))
}

fn field(line: &[u8], digits: usize) -> Option<(&[u8], &[u8])> {
    let (field, rest) = line.split_at_checked(digits)?;
    Some((field, rest.strip_prefix(b" ")?))
}

/// The frames of a file.
pub(crate) struct Frames<'a> {
    /// The payloads of the intact frames before the first that is not, with the offsets of their frames.
    pub(crate) payloads: Vec<(usize, &'a [u8])>,
    /// Where these frames end.
    pub(crate) end: usize,
    /// The length of the file that was on disk for certain.
    synced: u64,
}

impl<'a> Frames<'a> {
    /// Takes the file apart.
    pub(crate) fn read(bytes: &'a [u8]) -> Frames<'a> {
        let mut frames = Frames { payloads: Vec::new(), end: 0, synced: 0 };
        let mut whole = true;
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            match line.strip_suffix(b"\n").and_then(decode) {
                Some((payload, synced)) => {
                    frames.synced = frames.synced.max(synced);
                    if whole {
                        frames.payloads.push((frames.end, payload));
                        frames.end += line.len();
                    }
                }
                None => whole = false,
            }
        }
        frames
    }

    /// Whether something that was on disk for certain is not intact.
    pub(crate) fn is_damaged(&self) -> bool {
        self.synced > self.end as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(frames: &[(&str, u64)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (payload, synced) in frames {
            encode(&mut out, payload.as_bytes(), *synced);
        }
        out
    }

    #[test]
    fn frames_read_back_as_written() {
        let bytes = file(&[("{}", 0), ("{\"a\":1}", 46), ("", 46)]);
        let frames = Frames::read(&bytes);
        assert_eq!(frames.payloads, [(0, &b"{}"[..]), (46, b"{\"a\":1}"), (97, b"")]);
        assert_eq!(frames.end, bytes.len());
        assert!(!frames.is_damaged());
    }

    #[test]
    fn damage_counts_only_where_the_file_was_synced() {
        let first = file(&[("one", 0)]).len();
        let two = file(&[("one", 0), ("two", first as u64)]);
        let bytes = file(&[("one", 0), ("two", first as u64), ("three", first as u64)]);
        let flip = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            bytes
        };
        // Where a bit is flipped, how many frames remain, whether that is an error.
        for (at, left, damaged) in
            [(0, 0, true), (first - 2, 0, true), (first, 1, false), (two.len() + 3, 2, false)]
        {
            let bytes = flip(at);
            let frames = Frames::read(&bytes);
            assert_eq!((frames.payloads.len(), frames.is_damaged()), (left, damaged), "{at}");
        }
    }

    #[test]
    fn any_bytes_can_be_read() {
        for bytes in [&b""[..], b"\n", b"\n\n\n", b"00000000", b"zzzzzzzz 0 0 x\n", &[0xff; 100], &[b' '; 60]]
        {
            let frames = Frames::read(bytes);
            assert!(frames.payloads.is_empty() && !frames.is_damaged());
        }
    }
}
