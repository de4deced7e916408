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

/// A frame as it lies in the file.
struct Frame<'a> {
    payload: &'a [u8],
    synced: u64,
    /// Bytes of the whole frame.
    length: usize,
}

/// The frame that `bytes` begins with, if it is intact.
fn decode(bytes: &[u8]) -> Option<Frame<'_>> {
    let (length, rest) = field(bytes, LENGTH)?;
    let (synced, rest) = field(rest, SYNCED)?;
    let (sum, rest) = field(rest, CHECKSUM)?;
    let (payload, end) = rest.split_at_checked(usize::try_from(number(length)?).ok()?)?;
    // Cheaper than the checksum, so that no input makes this slow: a payload has no line break.
    let whole = end.first() == Some(&b'\n') && !payload.contains(&b'\n');
    if !whole || sum != checksum(length, synced, payload).as_bytes() {
        return None;
    }
    Some(Frame { payload, synced: number(synced)?, length: HEAD + payload.len() + 1 })
}

fn number(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
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
        while let Some(frame) = decode(&bytes[frames.end..]) {
            frames.synced = frames.synced.max(frame.synced);
            frames.payloads.push((frames.end, frame.payload));
            frames.end += frame.length;
        }
        // What stands behind the first damage only tells how much had been synced.
        let mut at = frames.end;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let line = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |i| i + 1);
            // The line break itself may be what is damaged: the length tells where the next frame is. Asked at the first
            // damage only, so that no input makes this slow.
            let first = if at == frames.end { rest } else { &[] };
            let next = field(first, LENGTH).and_then(|(length, _)| usize::try_from(number(length)?).ok());
            let next = next.and_then(|length| rest.get(HEAD.checked_add(length)?.checked_add(1)?..));
            for frame in [decode(rest), next.and_then(decode)].into_iter().flatten() {
                frames.synced = frames.synced.max(frame.synced);
            }
            at += line;
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
