//! What storage boxes and their subaccounts have in common: access settings and passwords.

use ferroform_core::schema::{Attribute, Block, Nesting};
use ferroform_core::{Type, Value};

use crate::attrs::{Attrs, flag, nested};
use crate::resource::Plan;
use crate::rules::{INVALID, Problems};

/// The settings that both have.
const COMMON: [&str; 4] = ["reachable_externally", "samba_enabled", "ssh_enabled", "webdav_enabled"];

/// The attribute `access_settings`, with what only one of them has.
pub(super) fn access_attribute(own: &'static str) -> Attribute {
    let off = || Attribute::optional_computed(Type::Bool);
    let names = COMMON.into_iter().chain([own]);
    nested(Attribute::optional_computed, Nesting::Single, Block::of(names.map(|name| (name, off()))))
}

/// Settings as states have them: the common ones in their order, and the own one.
pub(super) fn value_of_access(common: [bool; 4], own: &'static str, value: bool) -> Value {
    let settings = COMMON.into_iter().zip(common).chain([(own, value)]);
    Value::object(settings.map(|(name, value)| (name, flag(value))))
}

/// What configuration does not say of the settings is off.
pub(super) fn plan_access(plan: &mut Plan<'_>, own: &'static str) {
    let given = plan.config.get("access_settings");
    if !given.is_known() {
        return;
    }
    let setting = |name: &'static str| {
        let value = Attrs(given).get(name);
        (name, if value.is_null() { flag(false) } else { value.clone() })
    };
    let settings = Value::object(COMMON.into_iter().chain([own]).map(setting));
    plan.set("access_settings", settings);
}

/// Characters beside letters and digits that a password may have (Hetzner API documentation, "Password policy").
const SPECIAL: &str = "^°!§$%/()=?+#-.,;:~*@{}_&";

/// The password keeps to Hetzner's policy, as far as can be told here. The password itself is in no message.
pub(super) fn validate_password(config: Attrs<'_>, problems: &mut Problems) {
    if let Some(problem) = config.get("password").as_str().and_then(problem_of_password) {
        problems.add("password", INVALID, problem);
    }
}

fn problem_of_password(password: &str) -> Option<String> {
    let upper = |c: char| c.is_ascii_uppercase() || "ÄÖÜ".contains(c);
    let lower = |c: char| c.is_ascii_lowercase() || "äöüß".contains(c);
    let special = |c: char| SPECIAL.contains(c);
    let has = |wanted: &dyn Fn(char) -> bool| password.chars().any(wanted);
    if !(12..=128).contains(&password.chars().count()) {
        return Some("It must have 12 to 128 characters.".to_owned());
    }
    if has(&|c| !(upper(c) || lower(c) || c.is_ascii_digit() || special(c))) {
        return Some(format!("Beside letters and digits it can only have characters of {SPECIAL}."));
    }
    let complete = has(&upper) && has(&lower) && has(&|c| c.is_ascii_digit()) && has(&special);
    (!complete).then(|| {
        format!(
            "It must have an upper case letter, a lower case letter, a digit and one character of {SPECIAL}."
        )
    })
}

/// The password as configuration has it, or as it was planned.
pub(super) fn password(planned: Attrs<'_>, config: Attrs<'_>) -> String {
    planned.text("password").or(config.text("password")).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_keep_to_the_policy() {
        let longest = format!("Aa1-{}", "x".repeat(124));
        let too_long = format!("{longest}x");
        for (password, good) in [
            ("Grünkohl-2026", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("aB3$aB3$aB3", false),
            ("ab3$ab3$ab3$", false),
            ("AB3$AB3$AB3$", false),
            ("aBc$aBc$aBc$", false),
            ("aB3daB3daB3d", false),
            ("aB3$ aB3$aB3$", false),
        ] {
            assert_eq!(problem_of_password(password).is_none(), good, "{password}");
        }
    }
}
