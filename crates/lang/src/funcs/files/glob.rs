//! Patterns of paths: `*`, `?`, `[…]`, `{a,b}` and `**` for any number of directories.

use std::collections::BTreeSet;
use std::path::Path;

use crate::files::Files;

/// Directories deeper than this are not looked into; links can make circles.
const MAX_DEPTH: usize = 64;
/// More alternatives than this are refused.
const MAX_ALTERNATIVES: usize = 1024;

/// The files below a directory whose path from there matches the pattern.
///
/// # Errors
/// When the pattern is malformed.
pub(super) fn find(files: &dyn Files, dir: &Path, pattern: &str) -> Result<BTreeSet<String>, &'static str> {
    let mut found = BTreeSet::new();
    for alternative in expand_braces(pattern)? {
        let segments: Vec<&str> = alternative.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
        for segment in &segments {
            matches(segment, "")?;
        }
        walk(files, dir, "", &segments, 0, &mut found)?;
    }
    Ok(found)
}

fn walk(
    files: &dyn Files,
    dir: &Path,
    prefix: &str,
    segments: &[&str],
    depth: usize,
    found: &mut BTreeSet<String>,
) -> Result<(), &'static str> {
    let Some((first, rest)) = segments.split_first() else { return Ok(()) };
    if depth > MAX_DEPTH {
        return Ok(());
    }
    let joined = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
    if *first == ".." {
        return walk(files, &dir.join(".."), &joined(".."), rest, depth + 1, found);
    }
    let any_depth = *first == "**";
    if any_depth && !rest.is_empty() {
        walk(files, dir, prefix, rest, depth, found)?;
    }
    let Ok(entries) = files.list(dir) else { return Ok(()) };
    for entry in entries {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            if any_depth {
                walk(files, &path, &joined(&entry.name), segments, depth + 1, found)?;
            } else if !rest.is_empty() && matches(first, &entry.name)? {
                walk(files, &path, &joined(&entry.name), rest, depth + 1, found)?;
            }
        } else if rest.is_empty() && (any_depth || matches(first, &entry.name)?) && files.is_file(&path) {
            found.insert(joined(&entry.name));
        }
    }
    Ok(())
}

/// The patterns that braces stand for.
fn expand_braces(pattern: &str) -> Result<Vec<String>, &'static str> {
    let mut done = Vec::new();
    let mut waiting = vec![pattern.to_owned()];
    while let Some(pattern) = waiting.pop() {
        if done.len() + waiting.len() > MAX_ALTERNATIVES {
            return Err("too many alternatives");
        }
        let Some((open, close, commas)) = braces(&pattern)? else {
            done.push(pattern);
            continue;
        };
        let starts = std::iter::once(open + 1).chain(commas.iter().map(|c| c + 1));
        let ends = commas.iter().copied().chain([close]);
        for (start, end) in starts.zip(ends) {
            waiting.push(format!("{}{}{}", &pattern[..open], &pattern[start..end], &pattern[close + 1..]));
        }
    }
    Ok(done)
}

/// The first pair of braces and the commas directly inside it.
fn braces(pattern: &str) -> Result<Option<(usize, usize, Vec<usize>)>, &'static str> {
    let (mut open, mut depth, mut commas, mut escaped) = (None, 0usize, Vec::new(), false);
    for (i, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => {
                depth += 1;
                open.get_or_insert(i);
            }
            ',' if depth == 1 => commas.push(i),
            '}' if depth > 0 => {
                depth -= 1;
                if let (0, Some(open)) = (depth, open) {
                    return Ok(Some((open, i, commas)));
                }
            }
            _ => {}
        }
    }
    if open.is_some() { Err("syntax error in pattern") } else { Ok(None) }
}

/// One element of a pattern for one name.
enum Token {
    Any,
    One,
    Char(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Token {
    fn fits(&self, c: char) -> bool {
        match self {
            Token::Any | Token::One => true,
            Token::Char(own) => *own == c,
            Token::Class { negated, ranges } => {
                ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *negated
            }
        }
    }
}

fn tokens(pattern: &str) -> Result<Vec<Token>, &'static str> {
    const MALFORMED: &str = "syntax error in pattern";
    let mut out = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(match c {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Char(chars.next().ok_or(MALFORMED)?),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                loop {
                    let mut next = || match chars.next() {
                        Some('\\') => chars.next().ok_or(MALFORMED),
                        other => other.ok_or(MALFORMED),
                    };
                    let from = next()?;
                    if from == ']' && !ranges.is_empty() {
                        break;
                    }
                    let to = if chars.next_if_eq(&'-').is_some() {
                        match chars.next() {
                            Some('\\') => chars.next().ok_or(MALFORMED)?,
                            Some(']') | None => return Err(MALFORMED),
                            Some(to) => to,
                        }
                    } else {
                        from
                    };
                    ranges.push((from, to));
                }
                Token::Class { negated, ranges }
            }
            c => Token::Char(c),
        });
    }
    Ok(out)
}

/// Whether a name matches a pattern without slashes, in time proportional to the product of their lengths.
fn matches(pattern: &str, name: &str) -> Result<bool, &'static str> {
    let tokens = tokens(pattern)?;
    let name: Vec<char> = name.chars().collect();
    let (mut t, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match tokens.get(t) {
            Some(Token::Any) => {
                star = Some((t, n));
                t += 1;
                continue;
            }
            Some(token) if token.fits(name[n]) => {
                t += 1;
                n += 1;
                continue;
            }
            _ => {}
        }
        // Let the last star take one character more.
        let Some((star_t, star_n)) = star else { return Ok(false) };
        star = Some((star_t, star_n + 1));
        t = star_t + 1;
        n = star_n + 1;
    }
    Ok(tokens[t..].iter().all(|token| matches!(token, Token::Any)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_patterns() {
        for (pattern, name, expected) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "a.md", false),
            ("a*b*c", "aXbYbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("\\*", "*", true),
            ("**", "anything", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, name), Ok(expected), "{pattern} {name}");
        }
        assert!(matches("[", "").is_err());
    }

    #[test]
    fn braces_stand_for_their_alternatives() {
        let mut expanded = expand_braces("a{b,c{d,e}}f").unwrap();
        expanded.sort();
        assert_eq!(expanded, ["abf", "acdf", "acef"]);
        assert!(expand_braces("{a").is_err());
    }
}
