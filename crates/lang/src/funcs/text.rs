//! Text as Terraform sees it: grapheme clusters, and the one-to-one case mappings of Unicode.

use unicode_segmentation::UnicodeSegmentation;

/// How many characters a reader sees.
pub(super) fn length(text: &str) -> usize {
    if text.is_ascii() && !text.contains('\r') {
        return text.len();
    }
    text.graphemes(true).count()
}

/// The characters a reader sees.
pub(super) fn clusters(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.graphemes(true)
}

/// The upper-case form, one character for one: `ß` stays.
pub(super) fn upper(c: char) -> char {
    let with_iota = match c as u32 {
        // Greek letters with iota below: the full mapping writes the iota out, the simple one gives the title form.
        n @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => n + 8,
        n @ (0x1fb3 | 0x1fc3 | 0x1ff3) => n + 9,
        _ => 0,
    };
    if with_iota != 0 {
        return char::from_u32(with_iota).unwrap_or(c);
    }
    only(c.to_uppercase()).unwrap_or(c)
}

/// The lower-case form, one character for one.
pub(super) fn lower(c: char) -> char {
    if c == 'İ' {
        return 'i';
    }
    only(c.to_lowercase()).unwrap_or(c)
}

/// The form for the start of a word.
pub(super) fn title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        // Georgian has capitals, but not for the start of a word.
        'ა'..='ჿ' => c,
        c => upper(c),
    }
}

fn only(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next()?;
    mapped.next().is_none().then_some(first)
}
