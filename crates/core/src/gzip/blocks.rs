//! Writing blocks: choosing among stored, fixed and dynamic Huffman codes, as Go chooses.

use super::Token;

const LITERALS: usize = 286;
const DISTANCES: usize = 30;
const END_OF_BLOCK: usize = 256;
const FIRST_LENGTH: usize = 257;
const MAX_STORED: usize = 65_535;
/// The order in which the lengths of the code-length codes are written, by RFC 1951.
const CODE_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const LENGTH_BASE: [usize; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
];
const LENGTH_EXTRA: [u32; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE: [usize; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
    4097, 6145, 8193, 12_289, 16_385, 24_577,
];
const DISTANCE_EXTRA: [u32; 30] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/// A code of some bits, the first to be written lowest.
#[derive(Clone, Copy, Default)]
struct Code {
    bits: u16,
    length: u32,
}

/// Writes bits, and blocks of them.
pub(super) struct BlockWriter {
    out: Vec<u8>,
    pending: u64,
    count: u32,
}

impl BlockWriter {
    pub(super) fn new(out: Vec<u8>) -> Self {
        BlockWriter { out, pending: 0, count: 0 }
    }

    fn bits(&mut self, value: u64, count: u32) {
        self.pending |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push((self.pending & 0xff) as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    fn code(&mut self, code: Code) {
        self.bits(u64::from(code.bits), code.length);
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.bits(0, 8 - self.count);
        }
    }

    /// What was written, whole bytes of it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.align();
        self.out
    }

    /// A block of bytes as they are.
    pub(super) fn stored(&mut self, content: &[u8], last: bool) {
        self.bits(u64::from(last), 3);
        self.align();
        let length = content.len() as u16;
        self.out.extend(length.to_le_bytes());
        self.out.extend((!length).to_le_bytes());
        self.out.extend(content);
    }

    /// A block of tokens. `input` is what they stand for, if it may be stored instead.
    pub(super) fn block(&mut self, tokens: &[Token], input: Option<&[u8]>) {
        let frequencies = Frequencies::of(tokens);
        let literals = code_for(&frequencies.literals, 15);
        let distances = code_for(&frequencies.distances, 15);
        let (fixed_literals, fixed_distances) = fixed();
        let stored =
            input.filter(|input| input.len() <= MAX_STORED).map(|input| (input, (input.len() + 5) * 8));
        // As both codes need the same, only a comparison with stored bytes has to count it.
        let extra = if stored.is_some() { frequencies.extra_bits() } else { 0 };
        let fixed_size = 3
            + cost(&fixed_literals, &frequencies.literals)
            + cost(&fixed_distances, &frequencies.distances)
            + extra;
        let header =
            Header::new(&literals[..frequencies.literal_count], &distances[..frequencies.distance_count]);
        let dynamic_size = header.size()
            + cost(&literals, &frequencies.literals)
            + cost(&distances, &frequencies.distances)
            + extra;
        if let Some((input, size)) = stored
            && size < fixed_size.min(dynamic_size)
        {
            self.stored(input, false);
            return;
        }
        if dynamic_size < fixed_size {
            header.write(self, frequencies.literal_count, frequencies.distance_count);
            self.tokens(tokens, &literals, &distances);
        } else {
            self.bits(2, 3);
            self.tokens(tokens, &fixed_literals, &fixed_distances);
        }
    }

    fn tokens(&mut self, tokens: &[Token], literals: &[Code], distances: &[Code]) {
        for token in tokens {
            match *token {
                Token::Literal(byte) => self.code(literals[usize::from(byte)]),
                Token::Match { length, distance } => {
                    let l = length_code(length);
                    self.code(literals[FIRST_LENGTH + l]);
                    self.bits((length - LENGTH_BASE[l]) as u64, LENGTH_EXTRA[l]);
                    let d = distance_code(distance);
                    self.code(distances[d]);
                    self.bits((distance - DISTANCE_BASE[d]) as u64, DISTANCE_EXTRA[d]);
                }
            }
        }
        self.code(literals[END_OF_BLOCK]);
    }
}

fn length_code(length: usize) -> usize {
    LENGTH_BASE.partition_point(|&base| base <= length) - 1
}

fn distance_code(distance: usize) -> usize {
    DISTANCE_BASE.partition_point(|&base| base <= distance) - 1
}

/// How often each symbol occurs.
struct Frequencies {
    literals: Vec<u32>,
    distances: Vec<u32>,
    /// Symbols up to the last that occurs.
    literal_count: usize,
    distance_count: usize,
}

impl Frequencies {
    fn of(tokens: &[Token]) -> Self {
        let (mut literals, mut distances) = (vec![0; LITERALS], vec![0; DISTANCES]);
        for token in tokens {
            match *token {
                Token::Literal(byte) => literals[usize::from(byte)] += 1,
                Token::Match { length, distance } => {
                    literals[FIRST_LENGTH + length_code(length)] += 1;
                    distances[distance_code(distance)] += 1;
                }
            }
        }
        literals[END_OF_BLOCK] += 1;
        let used = |f: &[u32]| f.iter().rposition(|&n| n > 0).map_or(0, |last| last + 1);
        if used(&distances) == 0 {
            // A code for distances must have something in it.
            distances[0] = 1;
        }
        Frequencies { literal_count: used(&literals), distance_count: used(&distances), literals, distances }
    }

    fn extra_bits(&self) -> usize {
        let sum = |frequencies: &[u32], extra: &[u32]| {
            frequencies.iter().zip(extra).map(|(&n, &bits)| n as usize * bits as usize).sum::<usize>()
        };
        sum(&self.literals[FIRST_LENGTH..], &LENGTH_EXTRA) + sum(&self.distances, &DISTANCE_EXTRA)
    }
}

fn cost(codes: &[Code], frequencies: &[u32]) -> usize {
    codes.iter().zip(frequencies).map(|(code, &n)| n as usize * code.length as usize).sum()
}

/// The codes that RFC 1951 fixes.
fn fixed() -> (Vec<Code>, Vec<Code>) {
    let literal = |symbol: u16| {
        let (bits, length) = match symbol {
            0..=143 => (symbol + 0x30, 8),
            144..=255 => (symbol + 0x190 - 144, 9),
            256..=279 => (symbol - 256, 7),
            _ => (symbol + 0xc0 - 280, 8),
        };
        reversed(bits, length)
    };
    ((0..LITERALS as u16).map(literal).collect(), (0..DISTANCES as u16).map(|d| reversed(d, 5)).collect())
}

fn reversed(bits: u16, length: u32) -> Code {
    Code { bits: bits.reverse_bits() >> (16 - length), length }
}

/// The head of a dynamic block: the lengths of both codes, run-length encoded in a code of their own.
struct Header {
    /// Symbols with the value of their extra bits.
    symbols: Vec<(usize, u64)>,
    frequencies: [u32; 19],
    codes: Vec<Code>,
    count: usize,
}

impl Header {
    fn new(literals: &[Code], distances: &[Code]) -> Self {
        let lengths: Vec<usize> = literals.iter().chain(distances).map(|code| code.length as usize).collect();
        let mut symbols = Vec::new();
        for run in lengths.chunk_by(|a, b| a == b) {
            let (length, mut count) = (run[0], run.len());
            if length == 0 {
                while count >= 11 {
                    let n = count.min(138);
                    symbols.push((18, (n - 11) as u64));
                    count -= n;
                }
                if count >= 3 {
                    symbols.push((17, (count - 3) as u64));
                    count = 0;
                }
            } else {
                symbols.push((length, 0));
                count -= 1;
                while count >= 3 {
                    let n = count.min(6);
                    symbols.push((16, (n - 3) as u64));
                    count -= n;
                }
            }
            symbols.extend(std::iter::repeat_n((length, 0), count));
        }
        let mut frequencies = [0; 19];
        for (symbol, _) in &symbols {
            frequencies[*symbol] += 1;
        }
        let codes = code_for(&frequencies, 7);
        let used = CODE_ORDER.iter().rposition(|&symbol| frequencies[symbol] > 0).map_or(0, |last| last + 1);
        Header { symbols, frequencies, codes, count: used.max(4) }
    }

    fn size(&self) -> usize {
        let extra = self.frequencies[16] * 2 + self.frequencies[17] * 3 + self.frequencies[18] * 7;
        3 + 5 + 5 + 4 + 3 * self.count + cost(&self.codes, &self.frequencies) + extra as usize
    }

    fn write(&self, writer: &mut BlockWriter, literals: usize, distances: usize) {
        writer.bits(4, 3);
        writer.bits((literals - FIRST_LENGTH) as u64, 5);
        writer.bits((distances - 1) as u64, 5);
        writer.bits((self.count - 4) as u64, 4);
        for &symbol in &CODE_ORDER[..self.count] {
            writer.bits(u64::from(self.codes[symbol].length), 3);
        }
        for &(symbol, extra) in &self.symbols {
            writer.code(self.codes[symbol]);
            let bits = match symbol {
                16 => 2,
                17 => 3,
                18 => 7,
                _ => 0,
            };
            writer.bits(extra, bits);
        }
    }
}

/// The best prefix code with no code longer than `max` bits. Of the many that are equally good it is the one that
/// Go's boundary package-merge finds.
fn code_for(frequencies: &[u32], max: usize) -> Vec<Code> {
    let mut codes = vec![Code::default(); frequencies.len()];
    let mut used: Vec<(u32, usize)> =
        frequencies.iter().enumerate().filter(|(_, n)| **n > 0).map(|(symbol, n)| (*n, symbol)).collect();
    if used.len() <= 2 {
        for (i, (_, symbol)) in used.iter().enumerate() {
            codes[*symbol] = Code { bits: i as u16, length: 1 };
        }
        return codes;
    }
    used.sort_unstable();
    let counts = lengths(&used.iter().map(|(n, _)| *n).collect::<Vec<_>>(), max);
    let mut next = 0u16;
    let mut end = used.len();
    for (length, &count) in counts.iter().enumerate().skip(1) {
        next <<= 1;
        // The most frequent get the shortest codes, given out in the order of the symbols.
        let chunk = &mut used[end - count..end];
        chunk.sort_unstable_by_key(|(_, symbol)| *symbol);
        for (_, symbol) in chunk.iter() {
            codes[*symbol] = reversed(next, length as u32);
            next += 1;
        }
        end -= count;
    }
    codes
}

/// One level of the package-merge: which items it has produced last and may produce next.
#[derive(Clone, Copy, Default)]
struct Level {
    last: u64,
    next_leaf: u64,
    next_pair: u64,
    needed: usize,
}

/// How many symbols get codes of each length, given their frequencies in ascending order (three at least).
fn lengths(frequencies: &[u32], max: usize) -> Vec<usize> {
    const NONE: u64 = u64::MAX;
    let n = frequencies.len();
    let max = max.min(n - 1);
    let frequency = |i: usize| frequencies.get(i).map_or(NONE, |f| u64::from(*f));
    let first_two = frequency(0) + frequency(1);
    let start = Level { last: frequency(1), next_leaf: frequency(2), next_pair: first_two, needed: 0 };
    let mut levels = vec![start; max + 1];
    // Below the lowest level there is nothing to pair.
    levels[0] = Level::default();
    levels[1].next_pair = NONE;
    // leaves[level][below]: symbols to the left of the ancestor at `below` of the last item at `level`.
    let mut leaves = vec![vec![0usize; max + 1]; max + 1];
    for (level, own) in leaves.iter_mut().enumerate().skip(1) {
        own[level] = 2;
    }
    levels[max].needed = 2 * n - 4;
    let mut level = max;
    loop {
        let Level { last, next_leaf, next_pair, .. } = levels[level];
        if next_leaf == NONE && next_pair == NONE {
            levels[level].needed = 0;
            if level == max {
                break;
            }
            levels[level + 1].next_pair = NONE;
            level += 1;
            continue;
        }
        if next_leaf < next_pair {
            let count = leaves[level][level] + 1;
            leaves[level][level] = count;
            levels[level].last = next_leaf;
            levels[level].next_leaf = frequency(count);
        } else {
            levels[level].last = next_pair;
            let (below, own) = leaves.split_at_mut(level);
            own[0][..level].copy_from_slice(&below[level - 1][..level]);
            levels[level - 1].needed = 2;
        }
        levels[level].needed = levels[level].needed.saturating_sub(1);
        if levels[level].needed == 0 {
            if level == max {
                break;
            }
            levels[level + 1].next_pair = last + levels[level].last;
            level += 1;
        } else {
            while levels[level - 1].needed > 0 {
                level -= 1;
            }
        }
    }
    let top = &leaves[max];
    let mut counts = vec![0; max + 1];
    for below in (1..=max).rev() {
        counts[max + 1 - below] = top[below].saturating_sub(top[below - 1]);
    }
    counts
}
