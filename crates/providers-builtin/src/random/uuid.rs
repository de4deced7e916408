//! `random_uuid`, `random_uuid4` and `random_uuid7`: unique identifiers.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::same_keepers;
use crate::builtin::{ManagedResource, object};
use crate::clock::Clock;
use crate::planning::{self, Rules};
use crate::randomness::{RandomSource, bytes};
use crate::values::{hex, with};

/// How the bits of an identifier are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// All 128 at random, without those that tell a version, as `random_uuid` always did.
    None,
    /// At random (RFC 9562, section 5.4).
    Four,
    /// The time in milliseconds, then at random (RFC 9562, section 5.7).
    Seven,
}

pub(super) struct RandomUuid {
    pub(super) version: Version,
    pub(super) random: Arc<dyn RandomSource>,
    pub(super) clock: Arc<dyn Clock>,
}

impl RandomUuid {
    fn draw(&self) -> Result<[u8; 16], Diagnostics> {
        let mut uuid = bytes::<16>(&*self.random)?;
        let version = match self.version {
            Version::None => return Ok(uuid),
            Version::Four => 0x40,
            Version::Seven => {
                // A clock before 1970 counts as 1970; the 48 bits last for 8,900 years.
                let since = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let millis = (since.as_millis() as u64).to_be_bytes();
                uuid[..6].copy_from_slice(&millis[2..]);
                0x70
            }
        };
        uuid[6] = version | (uuid[6] & 0x0f);
        uuid[8] = 0x80 | (uuid[8] & 0x3f);
        Ok(uuid)
    }

    /// Whether the bits tell the version that this resource draws.
    fn is_own(&self, uuid: &[u8; 16]) -> bool {
        let (version, variant) = (uuid[6] >> 4, uuid[8] >> 6);
        match self.version {
            Version::None => true,
            Version::Four => (version, variant) == (4, 2),
            Version::Seven => (version, variant) == (7, 2),
        }
    }
}

/// Five groups of lowercase hexadecimal digits.
fn written(uuid: &[u8; 16]) -> String {
    let digits = hex(uuid);
    let groups: Vec<&str> = [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().map(|r| &digits[r]).collect();
    groups.join("-")
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<&str> = text.split('-').collect();
    if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits: Vec<u8> =
        groups.concat().chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d)).collect();
    bytes.try_into().ok()
}

fn state(object: &Value, uuid: &[u8; 16]) -> Value {
    let text = Value::string(written(uuid));
    with(object, [("result", text.clone()), ("id", text)])
}

impl ManagedResource for RandomUuid {
    fn schema(&self) -> Schema {
        let description = match self.version {
            Version::None => "128 random bits written like a UUID.",
            Version::Four => "A UUID of version 4, which is random.",
            Version::Seven => "A UUID of version 7, which begins with the time of its creation.",
        };
        let drawn = || Attribute::computed(Type::String).describe("The identifier.");
        let attributes = [("keepers", super::keepers()), ("result", drawn()), ("id", drawn())];
        Schema { version: 0, block: Block { description: description.into(), ..Block::of(attributes) } }
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        planning::plan(
            block,
            &Rules { stable: &["result", "id"], harmless: same_keepers, ..Rules::default() },
            request,
        )
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        Ok(state(planned, &self.draw()?))
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        let uuid = parse(id).filter(|uuid| self.is_own(uuid));
        Some(uuid.map(|uuid| state(&object(block, []), &uuid)).ok_or_else(|| {
            let what = match self.version {
                Version::None => "a UUID",
                Version::Four => "a UUID of version 4",
                Version::Seven => "a UUID of version 7",
            };
            Diagnostic::error("Import Random UUID Error")
                .detail(format!(
                    "The import id must be {what}, hexadecimal digits in groups of 8, 4, 4, 4 and 12 with hyphens \
                     between them; got: {id:?}."
                ))
                .into()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9562, appendix A.3 and A.6.
    #[test]
    fn the_standards_examples_are_of_their_version() {
        let of = |version| RandomUuid {
            version,
            random: Arc::new(crate::SeededRandom::new(1)),
            clock: Arc::new(crate::SystemClock),
        };
        let four = parse("919108f7-52d1-4320-9bac-f847db4148a8").expect("a UUID");
        let seven = parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F").expect("a UUID");
        assert!(of(Version::Four).is_own(&four) && !of(Version::Seven).is_own(&four));
        assert!(of(Version::Seven).is_own(&seven) && !of(Version::Four).is_own(&seven));
        assert_eq!(written(&seven), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        // Its time is 22 February 2022, 19:22:22 UTC.
        let millis = seven[..6].iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        assert_eq!(millis, 1_645_557_742_000);
        let drawn = RandomUuid {
            version: Version::Seven,
            random: Arc::new(crate::SeededRandom::new(1)),
            clock: Arc::new(|| UNIX_EPOCH + std::time::Duration::from_millis(1_645_557_742_000)),
        };
        assert_eq!(drawn.draw().expect("drawn")[..6], seven[..6]);
    }
}
