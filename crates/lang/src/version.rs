//! Versions and the constraints on them in `required_version` and `required_providers`.

use std::cmp::Ordering;
use std::fmt;

/// A version: up to three numbers and a pre-release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    /// Empty for a release.
    prerelease: String,
}

impl Version {
    /// The version of Terraform whose language this is.
    pub const LANGUAGE: Version = Version { numbers: [1, 11, 4], prerelease: String::new() };

    /// Reads `1.2.3`, `1.2`, `v1.2.3-rc1+build`; numbers left out are zero.
    pub fn parse(text: &str) -> Option<Version> {
        partial(text).map(|(version, _)| version)
    }
}

/// A version and how many numbers of it are written.
fn partial(text: &str) -> Option<(Version, usize)> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(version, _build)| version);
    let (numbers, prerelease) = text.split_once('-').unwrap_or((text, ""));
    let mut out = [0; 3];
    let mut count = 0;
    for part in numbers.split('.') {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *out.get_mut(count)? = part.parse().ok()?;
        count += 1;
    }
    let valid = prerelease.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    (valid && !text.ends_with('-'))
        .then(|| (Version { numbers: out, prerelease: prerelease.to_owned() }, count))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if self.prerelease.is_empty() { Ok(()) } else { write!(f, "-{}", self.prerelease) }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By the rules of Semantic Versioning 2.0.0: a pre-release comes before its release.
impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }
}

fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) => match (x.parse::<u64>(), y.parse::<u64>()) {
                (Ok(x), Ok(y)) => x.cmp(&y),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => x.cmp(y),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Constraints that a version must all satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraints(Vec<(Operator, Version)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    /// `~>` with so many numbers: all but the last are fixed.
    Pessimistic(usize),
}

impl Constraints {
    /// Reads constraints separated by commas, such as `>= 1.2, < 2.0`.
    ///
    /// # Errors
    /// A phrase that says which constraint is malformed.
    pub fn parse(text: &str) -> Result<Constraints, String> {
        text.split(',').map(constraint).collect::<Result<_, _>>().map(Constraints)
    }

    /// Whether a version satisfies all constraints. Pre-releases must be asked for by name.
    pub fn allow(&self, version: &Version) -> bool {
        self.0.iter().all(|(operator, bound)| {
            let same_release = version.numbers == bound.numbers;
            if !version.prerelease.is_empty() && (bound.prerelease.is_empty() || !same_release) {
                return *operator == Operator::NotEqual;
            }
            match operator {
                Operator::Equal => version == bound,
                Operator::NotEqual => version != bound,
                Operator::Greater => version > bound,
                Operator::GreaterOrEqual => version >= bound,
                Operator::Less => version < bound,
                Operator::LessOrEqual => version <= bound,
                Operator::Pessimistic(written) => {
                    let fixed = written.saturating_sub(1).max(1);
                    version >= bound
                        && version.numbers.iter().zip(&bound.numbers).take(fixed).all(|(a, b)| a == b)
                }
            }
        })
    }
}

fn constraint(text: &str) -> Result<(Operator, Version), String> {
    const OPERATORS: [(&str, Operator); 7] = [
        (">=", Operator::GreaterOrEqual),
        ("<=", Operator::LessOrEqual),
        ("!=", Operator::NotEqual),
        ("~>", Operator::Pessimistic(0)),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("=", Operator::Equal),
    ];
    let text = text.trim();
    let (operator, rest) = OPERATORS
        .iter()
        .find_map(|(sign, operator)| text.strip_prefix(sign).map(|rest| (*operator, rest)))
        .unwrap_or((Operator::Equal, text));
    let malformed = || format!("{text:?} is no comparison with a version, such as \">= 1.2.0\"");
    let (version, written) = partial(rest).ok_or_else(malformed)?;
    let operator =
        if let Operator::Pessimistic(_) = operator { Operator::Pessimistic(written) } else { operator };
    Ok((operator, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_choose_versions() {
        for (constraints, version, want) in [
            ("1.2.3", "1.2.3", true),
            ("= 1.2", "1.2.0", true),
            ("!= 1.2.3", "1.2.3", false),
            (">= 1.2, < 2.0", "1.9.9", true),
            (">= 1.2, < 2.0", "2.0.0", false),
            ("~> 1.2", "1.9.0", true),
            ("~> 1.2", "2.0.0", false),
            ("~> 1.2.3", "1.2.9", true),
            ("~> 1.2.3", "1.3.0", false),
            ("~> 1", "1.9.0", true),
            (">= 1.0.0", "1.1.0-rc1", false),
            (">= 1.1.0-beta1", "1.1.0-rc1", true),
            ("< 1.1.0-rc.10", "1.1.0-rc.9", true),
        ] {
            let parsed = Constraints::parse(constraints).unwrap();
            assert_eq!(parsed.allow(&Version::parse(version).unwrap()), want, "{constraints} {version}");
        }
        for wrong in ["", "latest", ">> 1", "1.2.3.4", "1..2", ">= ", "1.x"] {
            assert!(Constraints::parse(wrong).is_err(), "{wrong}");
        }
    }
}
