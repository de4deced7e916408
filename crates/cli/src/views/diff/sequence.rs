//! Which elements of two sequences belong together.

use std::collections::{HashMap, HashSet};

use similar::{Algorithm, DiffOp};

/// Elements that belong together, or one that stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    Both(usize, usize),
    Before(usize),
    After(usize),
}

/// A bound for the table of the exact algorithm: 16 MB.
const TABLE: usize = 4_000_000;

/// Pairs the elements of two lists. Lists of one length are paired by position if some element is gone: a list of
/// settings of which one was edited. Otherwise what is common to both is paired, and the rest stands alone, except for
/// `pairable` elements in the same place. These are Terraform's rules, as far as its output tells.
pub(super) fn list(
    before: &[String],
    after: &[String],
    pairable: impl Fn(usize, usize) -> bool,
) -> Vec<Pair> {
    if before.len() == after.len() {
        let remaining: HashSet<&String> = after.iter().collect();
        if !before.iter().all(|item| remaining.contains(item)) {
            return (0..before.len()).map(|i| Pair::Both(i, i)).collect();
        }
    }
    common(before, after, pairable)
}

/// Pairs what is common to both sequences, in order.
pub(super) fn common<T: Eq + std::hash::Hash>(
    before: &[T],
    after: &[T],
    pairable: impl Fn(usize, usize) -> bool,
) -> Vec<Pair> {
    let mut numbers = HashMap::new();
    let mut number = |item| {
        let next = numbers.len();
        *numbers.entry(item).or_insert(next)
    };
    let before: Vec<usize> = before.iter().map(&mut number).collect();
    let after: Vec<usize> = after.iter().map(&mut number).collect();
    let shared = longest_common(&before, &after);

    let mut pairs = Vec::with_capacity(before.len().max(after.len()));
    let (mut i, mut j) = (0, 0);
    for next in shared.iter().map(Some).chain([None]) {
        while i < before.len() && Some(&before[i]) != next {
            if j < after.len() && Some(&after[j]) != next && pairable(i, j) {
                pairs.push(Pair::Both(i, j));
                j += 1;
            } else {
                pairs.push(Pair::Before(i));
            }
            i += 1;
        }
        while j < after.len() && Some(&after[j]) != next {
            pairs.push(Pair::After(j));
            j += 1;
        }
        if next.is_some() {
            pairs.push(Pair::Both(i, j));
            i += 1;
            j += 1;
        }
    }
    pairs
}

/// Pairs equal elements of two sets; the rest stands alone.
pub(super) fn set(before: &[String], after: &[String]) -> Vec<Pair> {
    let mut free: HashMap<&str, Vec<usize>> = HashMap::new();
    for (j, item) in after.iter().enumerate().rev() {
        free.entry(item).or_default().push(j);
    }
    let mut taken = vec![false; after.len()];
    let mut pairs = Vec::with_capacity(before.len().max(after.len()));
    for (i, item) in before.iter().enumerate() {
        match free.get_mut(item.as_str()).and_then(Vec::pop) {
            Some(j) => {
                taken[j] = true;
                pairs.push(Pair::Both(i, j));
            }
            None => pairs.push(Pair::Before(i)),
        }
    }
    pairs.extend((0..after.len()).filter(|j| !taken[*j]).map(Pair::After));
    pairs
}

fn longest_common(before: &[usize], after: &[usize]) -> Vec<usize> {
    if before.len().saturating_mul(after.len()) > TABLE {
        let ops = similar::capture_diff_slices(Algorithm::Myers, before, after);
        let equal = ops.iter().filter_map(|op| match op {
            DiffOp::Equal { old_index, len, .. } => Some(&before[*old_index..old_index + len]),
            _ => None,
        });
        return equal.flatten().copied().collect();
    }
    // lengths[i][j]: how much the first i elements before and the first j after have in common.
    let width = after.len() + 1;
    let mut lengths = vec![0u32; (before.len() + 1) * width];
    for (i, x) in before.iter().enumerate() {
        for (j, y) in after.iter().enumerate() {
            let (above, left) = (lengths[i * width + j + 1], lengths[(i + 1) * width + j]);
            lengths[(i + 1) * width + j + 1] =
                if x == y { lengths[i * width + j] + 1 } else { above.max(left) };
        }
    }
    let mut shared = Vec::new();
    let (mut i, mut j) = (before.len(), after.len());
    while i > 0 && j > 0 {
        if before[i - 1] == after[j - 1] {
            shared.push(before[i - 1]);
            i -= 1;
            j -= 1;
        } else if lengths[(i - 1) * width + j] > lengths[i * width + j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    shared.reverse();
    shared
}

#[cfg(test)]
mod tests {
    use super::Pair::{After, Before, Both};
    use super::*;

    fn items(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn lists_are_paired_as_terraform_pairs_them() {
        fn check(before: &str, after: &str, expected: &[Pair]) {
            assert_eq!(list(&items(before), &items(after), |_, _| false), expected, "{before} {after}");
        }
        check("abc", "axc", &[Both(0, 0), Both(1, 1), Both(2, 2)]);
        check("abc", "axcd", &[Both(0, 0), Before(1), After(1), Both(2, 2), After(3)]);
        check("abc", "cba", &[Before(0), Before(1), Both(2, 0), After(1), After(2)]);
        check("abcd", "acbd", &[Both(0, 0), Before(1), Both(2, 1), After(2), Both(3, 3)]);
        check("aab", "abb", &[Both(0, 0), Before(1), Both(2, 1), After(2)]);
        check("bb", "ab", &[After(0), Both(0, 1), Before(1)]);
        check("", "a", &[After(0)]);
    }

    #[test]
    fn objects_in_the_same_place_are_paired() {
        let pairs = list(&items("ab"), &items("xbc"), |_, _| true);
        assert_eq!(pairs, [Both(0, 0), Both(1, 1), After(2)]);
    }

    #[test]
    fn sets_are_paired_whatever_the_order() {
        assert_eq!(set(&items("abc"), &items("cxa")), [Both(0, 2), Before(1), Both(2, 0), After(1)]);
    }

    #[test]
    fn long_sequences_take_another_way_to_the_same_end() {
        let before: Vec<usize> = (0..3000).collect();
        let after: Vec<usize> = (0..3000).filter(|i| i % 100 != 0).collect();
        assert_eq!(longest_common(&before, &after), after);
    }
}
