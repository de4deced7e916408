//! What a bucket's policy says to strangers.

use serde_json::Value;

use super::refusal::Refused;

/// The longest policy, in bytes.
const LONGEST: usize = 20 << 10;

/// Checks the form of a policy.
pub(super) fn check(text: &str, bucket: &str) -> Result<(), Refused> {
    let malformed = |why: &str| Refused::new(400, "MalformedPolicy", why);
    if text.len() > LONGEST {
        return Err(malformed("Policy is too long"));
    }
    let policy: Value = serde_json::from_str(text).map_err(|_| malformed("Policies must be valid JSON"))?;
    if !matches!(policy["Version"].as_str(), Some("2012-10-17" | "2008-10-17")) {
        return Err(malformed("The policy must contain a valid version string"));
    }
    let statements = list(&policy["Statement"]);
    if statements.is_empty() {
        return Err(malformed("Missing required field Statement"));
    }
    for statement in statements {
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return Err(malformed("Invalid effect"));
        }
        let has = |name: &str, other: &str| !statement[name].is_null() || !statement[other].is_null();
        if !has("Principal", "NotPrincipal") || !has("Action", "NotAction") || !has("Resource", "NotResource")
        {
            return Err(malformed("Missing required field Principal, Action or Resource"));
        }
        let whole = format!("arn:aws:s3:::{bucket}");
        let of_bucket = |resource: &Value| {
            resource.as_str().is_some_and(|text| {
                text.strip_prefix(&whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*']))
            })
        };
        if !list(&statement["Resource"]).into_iter().all(of_bucket) {
            return Err(malformed("Policy has invalid resource"));
        }
    }
    Ok(())
}

/// Whether a stranger may read an object.
pub(super) fn lets_strangers_read(text: &str, bucket: &str, key: &str) -> bool {
    let policy: Value = serde_json::from_str(text).unwrap_or_default();
    let resource = format!("arn:aws:s3:::{bucket}/{key}");
    let concerns = |statement: &&Value| {
        let everybody =
            |principal: &Value| principal == "*" || list(&principal["AWS"]).into_iter().any(|who| who == "*");
        let meets = |patterns: &Value, what: &str| {
            list(patterns).into_iter().any(|p| p.as_str().is_some_and(|p| matches(p, what)))
        };
        everybody(&statement["Principal"])
            && meets(&statement["Action"], "s3:GetObject")
            && meets(&statement["Resource"], &resource)
            && (statement["Condition"].is_null() || statement["Effect"] == "Deny")
    };
    let statements = list(&policy["Statement"]);
    let effects: Vec<&Value> = statements.into_iter().filter(concerns).map(|s| &s["Effect"]).collect();
    effects.iter().any(|effect| *effect == "Allow") && !effects.iter().any(|effect| *effect == "Deny")
}

/// One element alone is the same as a list of it.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

/// Whether a text fits a pattern, in which `*` stands for anything and `?` for any one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go back to: behind the last star, and one more character under it.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((behind, under)) = star {
            star = Some((behind, under + 1));
            (p, t) = (behind, under + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_policies() {
        for (pattern, text, expected) in [
            ("s3:GetObject", "s3:GetObject", true),
            ("s3:*", "s3:GetObject", true),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:Put*", "s3:GetObject", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn strangers_read_what_a_policy_lets_them() {
        let allow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/public/*"}]}"#;
        for (policy, key, expected) in [
            (allow.to_owned(), "public/a", true),
            (allow.to_owned(), "a", false),
            (allow.replace("Allow", "Deny"), "public/a", false),
            (allow.replace(r#""*","#, r#"{"AWS":["*"]},"#), "public/a", true),
            (allow.replace(r#""*","#, r#"{"AWS":["arn:aws:iam:::user/p1:k"]},"#), "public/a", false),
            (allow.replace("s3:GetObject", "s3:PutObject"), "public/a", false),
        ] {
            assert_eq!(check(&policy, "b"), Ok(()), "{policy}");
            assert_eq!(lets_strangers_read(&policy, "b", key), expected, "{policy} {key}");
        }
        for bad in [
            "",
            "[]",
            r#"{"Version":"2012-10-17"}"#,
            &allow.replace("2012", "2013"),
            &allow.replace("Allow", "Maybe"),
            &allow.replace("s3:::b/", "s3:::bc/"),
            &allow.replace(r#""Principal":"*","#, ""),
        ] {
            assert_eq!(
                check(bad, "b").map_err(|refused| refused.code),
                Err("MalformedPolicy".to_owned()),
                "{bad}"
            );
        }
    }
}
