//! Which outside world a state belongs to.
//!
//! A state tells of objects at one endpoint in one project. Used against another, every object would seem to be gone
//! and would be created again. So the worlds of a state are noted beside it when it is first used, and others are
//! refused as long as objects depend on them.

use ferroform_core::{Diagnostic, Diagnostics};
use serde::{Deserialize, Serialize};

/// The world that one provider configuration acts on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorldBinding {
    /// The provider configuration, as the statefile writes it: `provider["registry.terraform.io/hetznercloud/hcloud"]`.
    pub provider: String,
    /// The endpoint as configured.
    pub endpoint: String,
    /// A one-way digest that tells projects apart; never a secret. It is one of the token's, so that a new token of the
    /// same project makes another.
    pub project: String,
    /// Whether the objects of the state were found there by these credentials, so that it is the project of the state
    /// whatever the digest says. Not noted anywhere.
    #[serde(skip)]
    pub proven: bool,
}

/// Why the worlds of a run are not those of the state.
#[derive(Debug, Clone)]
pub struct Refused {
    /// For each provider configuration with objects in another world.
    pub diagnostics: Diagnostics,
    /// Whether other credentials are all that differs: it may be the same project with another token.
    pub may_be_same: bool,
}

impl From<Diagnostics> for Refused {
    fn from(diagnostics: Diagnostics) -> Self {
        Refused { diagnostics, may_be_same: false }
    }
}

impl From<Diagnostic> for Refused {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics::from(diagnostic).into()
    }
}

impl From<Refused> for Diagnostics {
    fn from(refused: Refused) -> Self {
        refused.diagnostics
    }
}

impl WorldBinding {
    fn same_world(&self, other: &WorldBinding) -> bool {
        self.endpoint == other.endpoint && self.project == other.project
    }
}

/// The bindings that hold from now on: those `bound` before, with the worlds of this run.
///
/// A provider configuration that was not bound yet is bound now. One that is bound to another world is bound anew if
/// nothing depends on the old one (`in_use` says whether the provider configuration still has objects), or if it is
/// proven to be the same project.
///
/// # Errors
/// When a provider configuration has objects in another world.
pub fn check(
    bound: &[WorldBinding],
    worlds: &[WorldBinding],
    in_use: impl Fn(&str) -> bool,
) -> Result<Vec<WorldBinding>, Refused> {
    let mut diagnostics = Diagnostics::new();
    let mut may_be_same = true;
    let mut next = bound.to_vec();
    for world in worlds {
        match next.iter_mut().find(|b| b.provider == world.provider) {
            None => next.push(world.clone()),
            Some(old) if old.same_world(world) => {}
            Some(old) if in_use(&world.provider) && !(world.proven && old.endpoint == world.endpoint) => {
                may_be_same &= old.endpoint == world.endpoint;
                diagnostics.push(another_world(old, world));
            }
            Some(old) => *old = world.clone(),
        }
    }
    if diagnostics.has_errors() {
        return Err(Refused { diagnostics, may_be_same });
    }
    next.sort();
    Ok(next)
}

fn another_world(old: &WorldBinding, new: &WorldBinding) -> Diagnostic {
    let (what, fix) = if old.endpoint == new.endpoint {
        (
            format!("another project at {}", new.endpoint),
            "Use the token of the project that the state was made with",
        )
    } else {
        (
            format!("{}, while the state belongs to {}", new.endpoint, old.endpoint),
            "Use the endpoint that the state was made with",
        )
    };
    Diagnostic::error("State belongs to another world")
        .detail(format!(
            "{} is now configured for {what}. The objects in the state would all seem to be gone, and would be created \
             a second time. Nothing was changed.",
            new.provider
        ))
        .address(new.provider.clone())
        .hint(format!("{fix}, or use another state (another directory or workspace) for this one."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(provider: &str, endpoint: &str, project: &str) -> WorldBinding {
        let (provider, endpoint, project) = (provider.into(), endpoint.into(), project.into());
        WorldBinding { provider, endpoint, project, proven: false }
    }

    #[test]
    fn another_world_is_refused_while_objects_depend_on_the_old_one() {
        let old = world("p", "https://a", "1");
        let other_project = world("p", "https://a", "2");
        let other_endpoint = world("p", "https://b", "1");
        let other_provider = world("q", "https://b", "2");
        let bound = std::slice::from_ref(&old);
        // What is bound, what comes, whether the provider has objects, what is bound then.
        let cases = [
            (&[][..], vec![old.clone()], true, Some(vec![old.clone()])),
            (bound, vec![old.clone()], true, Some(vec![old.clone()])),
            (bound, vec![], true, Some(vec![old.clone()])),
            (bound, vec![other_project.clone()], true, None),
            (bound, vec![other_endpoint.clone()], true, None),
            (bound, vec![other_project.clone()], false, Some(vec![other_project.clone()])),
            (bound, vec![other_provider.clone()], true, Some(vec![old.clone(), other_provider.clone()])),
        ];
        for (bound, worlds, in_use, expected) in cases {
            assert_eq!(check(bound, &worlds, |_| in_use).ok(), expected, "{bound:?} {worlds:?} {in_use}");
        }
        let refused = check(bound, std::slice::from_ref(&other_endpoint), |_| true).unwrap_err();
        assert_eq!(refused.diagnostics.0[0].summary, "State belongs to another world");
        assert!(refused.diagnostics.0[0].detail.contains("https://b, while the state belongs to https://a"));
        assert!(!refused.may_be_same);
    }

    #[test]
    fn another_token_is_taken_if_it_is_proven_to_be_of_the_same_project() {
        let old = world("p", "https://a", "1");
        let bound = std::slice::from_ref(&old);
        let rotated = world("p", "https://a", "2");
        assert!(check(bound, std::slice::from_ref(&rotated), |_| true).unwrap_err().may_be_same);
        let proven = WorldBinding { proven: true, ..rotated };
        assert_eq!(check(bound, std::slice::from_ref(&proven), |_| true).unwrap(), [proven]);
        // Objects of the same ids elsewhere prove nothing.
        let elsewhere = WorldBinding { proven: true, ..world("p", "https://b", "2") };
        assert!(check(bound, &[elsewhere], |_| true).is_err());
    }
}
