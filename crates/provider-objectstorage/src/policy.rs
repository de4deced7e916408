//! Policies of buckets, compared by what they say.

use serde_json::Value;

/// Whether two policies say the same: order of keys, of statements' lists and white space do not matter, one element alone
/// is the same as a list of it. The order of statements does not matter to what a policy allows, but it is kept as told.
pub(crate) fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (serde_json::from_str(a), serde_json::from_str(b)) {
        (Ok(a), Ok(b)) => normal(a, "") == normal(b, ""),
        _ => false,
    }
}

/// A form that is the same for all spellings of a policy. `key` is where the value stands.
fn normal(value: Value, key: &str) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            let entries = entries.into_iter().map(|(key, value)| {
                let value = normal(value, &key);
                (key, value)
            });
            Value::Object(entries.collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| normal(item, key)).collect();
            if key != "Statement" {
                items.sort_by_key(Value::to_string);
                items.dedup();
            }
            match items.len() {
                1 => items.remove(0),
                _ => Value::Array(items),
            }
        }
        // Conditions compare texts: `true` and `"true"` are the same there.
        Value::Bool(flag) => Value::String(flag.to_string()),
        Value::Number(number) => Value::String(number.to_string()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_compared_by_what_they_say() {
        let base = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::b/*"}]}"#;
        for (other, equal) in [
            (base.replace(",", ", \n"), true),
            (base.replace(r#"["s3:GetObject","s3:PutObject"]"#, r#"["s3:PutObject","s3:GetObject"]"#), true),
            (base.replace(r#""arn:aws:s3:::b/*""#, r#"["arn:aws:s3:::b/*"]"#), true),
            (base.replace(r#"[{"Effect""#, r#"{"Effect""#).replace("}]}", "}}"), true),
            (
                r#"{"Statement":[{"Resource":"arn:aws:s3:::b/*","Action":["s3:GetObject","s3:PutObject"],"Principal":"*","Effect":"Allow"}],"Version":"2012-10-17"}"#.to_owned(),
                true,
            ),
            (base.replace("Allow", "Deny"), false),
            (base.replace("s3:PutObject", "s3:DeleteObject"), false),
            (base.replace(r#","Principal":"*""#, ""), false),
            ("no JSON".to_owned(), false),
        ] {
            assert_eq!(same(base, &other), equal, "{other}");
            assert_eq!(same(&other, base), equal, "{other}");
        }
    }
}
