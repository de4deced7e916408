//! The password policy of storage boxes and their subaccounts (Hetzner API documentation, "Password policy").

/// Characters beside letters and digits that a password may have.
const SPECIAL: &str = "^°!§$%/()=?+#-.,;:~*@{}_&";

/// What is wrong with a password, if anything is. Whether it was seen in a leak is not known here.
pub(super) fn problem(password: &str) -> Option<&'static str> {
    let upper = |c: char| c.is_ascii_uppercase() || "ÄÖÜ".contains(c);
    let lower = |c: char| c.is_ascii_lowercase() || "äöüß".contains(c);
    let special = |c: char| SPECIAL.contains(c);
    let allowed = |c: char| upper(c) || lower(c) || c.is_ascii_digit() || special(c);
    if !(12..=128).contains(&password.chars().count()) {
        Some("password must have 12 to 128 characters")
    } else if !password.chars().all(allowed) {
        Some("password has a character that is not allowed")
    } else if !(password.chars().any(upper)
        && password.chars().any(lower)
        && password.chars().any(|c| c.is_ascii_digit())
        && password.chars().any(special))
    {
        Some("password must have an upper case letter, a lower case letter, a digit and a special character")
    } else {
        None
    }
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
            ("aB3$aB3$aB3$", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("aB3$aB3$aB3", false),
            ("ab3$ab3$ab3$", false),
            ("AB3$AB3$AB3$", false),
            ("aBc$aBc$aBc$", false),
            ("aB3daB3daB3d", false),
            ("aB3$ aB3$aB3$", false),
            ("aB3$aB3$aB3$é", false),
            ("", false),
        ] {
            assert_eq!(problem(password).is_none(), good, "{password}");
        }
    }
}
