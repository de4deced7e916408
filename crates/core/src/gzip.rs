//! Compression, byte for byte as Go's `compress/gzip` at its default level.
//!
//! The result stands in plans and states (as user data, mostly), so that another compressor, however good, would make
//! every such server look changed. The algorithm is DEFLATE (RFC 1951) with chains of hashed positions and matches
//! put off by one byte when the next position has a longer one; which match is found and how blocks are cut follows
//! Go's choices, the numbers below being those of its level 6.

mod blocks;

use blocks::BlockWriter;

const WINDOW: usize = 1 << 15;
const WINDOW_MASK: usize = WINDOW - 1;
const MIN_MATCH: usize = 4;
const MAX_MATCH: usize = 258;
const MAX_TOKENS: usize = 1 << 14;
const HASH_BITS: u32 = 17;
/// A match of this length is good enough to look no further.
const NICE: usize = 128;
/// After a match of this length no better one is looked for at the next position.
const LAZY: usize = 16;
/// How many earlier positions are tried.
const CHAIN: usize = 128;
/// A match as short as possible does not pay when it is farther away.
const FAR: usize = 4096;

/// A literal byte, or a match of a length at a distance.
#[derive(Clone, Copy)]
enum Token {
    Literal(u8),
    Match { length: usize, distance: usize },
}

/// The gzip stream of a content: written, then closed with an empty block.
pub fn compress(content: &[u8]) -> Vec<u8> {
    stream(content, false)
}

/// The gzip stream of a content: written, flushed with an empty block, then closed with another, as the function
/// `base64gzip` does.
pub fn compress_flushed(content: &[u8]) -> Vec<u8> {
    stream(content, true)
}

fn stream(content: &[u8], flushed: bool) -> Vec<u8> {
    // Deflate, no flags, no time, no extra flags, unknown operating system.
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut writer = BlockWriter::new(header.to_vec());
    Deflate::new(content).run(&mut writer);
    if flushed {
        writer.stored(&[], false);
    }
    writer.stored(&[], true);
    let mut out = writer.finish();
    out.extend(crc32(content).to_le_bytes());
    // By RFC 1952 the length modulo 2^32.
    out.extend((content.len() as u32).to_le_bytes());
    out
}

/// The whole content is at hand, so that positions are absolute where Go shifts a window of 64 KiB along. Two things
/// follow from that window all the same: positions older than it are out of reach, and the end of a filled window
/// delays nothing but how far ahead matches may look.
struct Deflate<'a> {
    content: &'a [u8],
    /// For each hash the last position with it, plus one; zero for none.
    head: Vec<usize>,
    /// For each position, modulo the window, the one before it with the same hash, plus one.
    previous: Vec<usize>,
}

impl<'a> Deflate<'a> {
    fn new(content: &'a [u8]) -> Self {
        Deflate { content, head: vec![0; 1 << HASH_BITS], previous: vec![0; WINDOW] }
    }

    /// Enters a position into the chains; gives the last one before it with the same hash, plus one.
    fn insert(&mut self, at: usize) -> usize {
        let b = &self.content[at..at + MIN_MATCH];
        let bytes = u32::from_be_bytes([b[0], b[1], b[2], b[3]]);
        let hash = (bytes.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS)) as usize;
        let before = std::mem::replace(&mut self.head[hash], at + 1);
        self.previous[at & WINDOW_MASK] = before;
        before
    }

    fn run(mut self, writer: &mut BlockWriter) {
        let mut tokens: Vec<Token> = Vec::with_capacity(MAX_TOKENS);
        let mut block_start = 0;
        let mut window = Fill::new(self.content.len());
        let (mut at, mut length, mut distance) = (0usize, MIN_MATCH - 1, 0usize);
        let mut chain = 0usize;
        let mut pending = false;
        loop {
            let end = window.end(at);
            let ahead = end - at;
            if ahead == 0 {
                if pending {
                    tokens.push(Token::Literal(self.content[at - 1]));
                }
                if !tokens.is_empty() {
                    writer.block(&tokens, window.input(self.content, block_start, at));
                }
                return;
            }
            if at + MIN_MATCH <= end {
                chain = self.insert(at);
            }
            let (previous_length, previous_distance) = (length, distance);
            (length, distance) = (MIN_MATCH - 1, 0);
            let oldest = at.saturating_sub(WINDOW).max(window.base);
            if chain > oldest
                && ahead > previous_length
                && previous_length < LAZY
                && let Some(found) = self.find(at, chain - 1, ahead, window.base)
            {
                (length, distance) = found;
            }
            if previous_length >= MIN_MATCH && length <= previous_length {
                // The match at the position before was no worse.
                tokens.push(Token::Match { length: previous_length, distance: previous_distance });
                let next = at + previous_length - 1;
                for position in at + 1..next {
                    if position + MIN_MATCH <= end {
                        self.insert(position);
                    }
                }
                at = next.max(at + 1);
                pending = false;
                length = MIN_MATCH - 1;
                if tokens.len() == MAX_TOKENS {
                    writer.block(&tokens, window.input(self.content, block_start, at));
                    tokens.clear();
                    block_start = at;
                }
            } else {
                if pending {
                    tokens.push(Token::Literal(self.content[at - 1]));
                    if tokens.len() == MAX_TOKENS {
                        writer.block(&tokens, window.input(self.content, block_start, at));
                        tokens.clear();
                        block_start = at;
                    }
                }
                at += 1;
                pending = true;
            }
        }
    }

    /// The longest match for a position among those of its chain.
    fn find(&self, at: usize, newest: usize, ahead: usize, base: usize) -> Option<(usize, usize)> {
        let limit = MAX_MATCH.min(ahead);
        let nice = NICE.min(limit);
        let current = &self.content[at..at + limit];
        let (mut length, mut found) = (MIN_MATCH - 1, None);
        let mut candidate = newest;
        for _ in 0..CHAIN {
            let earlier = &self.content[candidate..];
            if earlier[length] == current[length] {
                let matched = current.iter().zip(earlier).take_while(|(a, b)| a == b).count();
                if matched > length && (matched > MIN_MATCH || at - candidate <= FAR) {
                    length = matched;
                    found = Some((length, at - candidate));
                    if matched >= nice {
                        break;
                    }
                }
            }
            if candidate + WINDOW == at {
                // Its place in the chains has been taken already.
                break;
            }
            match self.previous[candidate & WINDOW_MASK].checked_sub(1) {
                Some(next) if next + WINDOW >= at && next >= base && next < candidate => candidate = next,
                _ => break,
            }
        }
        found
    }
}

/// Go's window: 64 KiB that are filled, worked through up to a match's length before their end, then shifted by half.
struct Fill {
    total: usize,
    /// The first position still in the window.
    base: usize,
    filled: usize,
}

impl Fill {
    fn new(total: usize) -> Self {
        Fill { total, base: 0, filled: total.min(2 * WINDOW) }
    }

    /// The end of what is in the window when a position is dealt with.
    fn end(&mut self, at: usize) -> usize {
        while self.filled < self.total && self.filled - at < MIN_MATCH + MAX_MATCH {
            if at - self.base >= 2 * WINDOW - (MIN_MATCH + MAX_MATCH) {
                self.base += WINDOW;
            }
            let room = self.base + 2 * WINDOW;
            if room <= self.filled {
                break;
            }
            self.filled = self.total.min(room);
        }
        self.filled
    }

    /// The bytes of a block, if the window still has them: only then can it be stored as it is.
    fn input<'c>(&self, content: &'c [u8], start: usize, end: usize) -> Option<&'c [u8]> {
        (start >= self.base && start <= end).then(|| &content[start..end])
    }
}

/// The CRC-32 of a content (RFC 1952, section 8).
pub fn crc32(content: &[u8]) -> u32 {
    let mut table = [0u32; 256];
    for (i, entry) in table.iter_mut().enumerate() {
        *entry = (0..8).fold(i as u32, |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 });
    }
    !content.iter().fold(u32::MAX, |crc, &byte| table[((crc ^ u32::from(byte)) & 0xff) as usize] ^ (crc >> 8))
}
