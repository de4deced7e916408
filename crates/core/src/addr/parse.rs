//! Reading addresses as Terraform writes them.

use std::fmt;
use std::str::FromStr;

use super::*;

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddrError {
    /// The whole text.
    pub text: String,
    /// What was expected, and the byte at which it was missing.
    pub expected: &'static str,
    /// Offset in bytes.
    pub offset: usize,
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a valid address: expected {} at character {}",
            self.text,
            self.expected,
            self.offset + 1
        )
    }
}

impl std::error::Error for AddrError {}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Reader { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn done(&self) -> bool {
        self.at == self.text.len()
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, AddrError> {
        Err(AddrError { text: self.text.to_owned(), expected, offset: self.at })
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn identifier(&mut self) -> Result<&'a str, AddrError> {
        let rest = self.rest();
        let end = rest
            .char_indices()
            .find(|(i, c)| !(c.is_alphanumeric() || *c == '_' || (*c == '-' && *i > 0)))
            .map_or(rest.len(), |(i, _)| i);
        if end == 0 || rest.starts_with(|c: char| c.is_numeric()) {
            return self.fail("a name");
        }
        self.at += end;
        Ok(&rest[..end])
    }

    /// An instance key in brackets, if one follows.
    fn key(&mut self) -> Result<Option<InstanceKey>, AddrError> {
        if !self.eat("[") {
            return Ok(None);
        }
        let key = if self.eat("\"") {
            InstanceKey::String(self.quoted()?.into())
        } else {
            let rest = self.rest();
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            match rest[..end].parse() {
                Ok(n) => {
                    self.at += end;
                    InstanceKey::Int(n)
                }
                Err(_) => return self.fail("a whole number or a quoted string"),
            }
        };
        if self.eat("]") { Ok(Some(key)) } else { self.fail("\"]\"") }
    }

    /// The rest of a quoted string behind its opening quote.
    fn quoted(&mut self) -> Result<String, AddrError> {
        let mut out = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else { return self.fail("a closing quote") };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => {
                    let Some(e) = self.rest().chars().next() else {
                        return self.fail("an escaped character");
                    };
                    self.at += e.len_utf8();
                    out.push(match e {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        '"' | '\\' => e,
                        _ => return self.fail("one of \\n, \\r, \\t, \\\" and \\\\"),
                    });
                }
                '$' | '%' if self.rest().starts_with(c) && self.rest()[1..].starts_with('{') => {
                    self.at += 1;
                    out.push(c);
                }
                c => out.push(c),
            }
        }
    }

    /// The modules at the front, each with its dot unless nothing follows.
    fn modules(&mut self) -> Result<ModuleInstance, AddrError> {
        let mut steps = Vec::new();
        while self.eat("module.") {
            let name = self.identifier()?.into();
            let key = self.key()?;
            steps.push(ModuleStep { name, key });
            if !self.done() && !self.eat(".") {
                return self.fail("\".\"");
            }
        }
        Ok(ModuleInstance(steps.into()))
    }

    fn resource(&mut self) -> Result<Resource, AddrError> {
        let mode = if self.eat("data.") {
            ResourceMode::Data
        } else if self.eat("ephemeral.") {
            ResourceMode::Ephemeral
        } else {
            ResourceMode::Managed
        };
        let type_name = self.identifier()?.into();
        if !self.eat(".") {
            return self.fail("\".\" and the resource's name");
        }
        Ok(Resource { mode, type_name, name: self.identifier()?.into() })
    }

    fn end<T>(&self, value: T) -> Result<T, AddrError> {
        if self.done() { Ok(value) } else { self.fail("the end of the address") }
    }
}

impl FromStr for ResourceInstance {
    type Err = AddrError;
    fn from_str(text: &str) -> Result<Self, AddrError> {
        let mut reader = Reader::new(text);
        let module = reader.modules()?;
        let resource = reader.resource()?;
        let key = reader.key()?;
        reader.end(ResourceInstance { module, resource, key })
    }
}

impl FromStr for ModuleInstance {
    type Err = AddrError;
    fn from_str(text: &str) -> Result<Self, AddrError> {
        let mut reader = Reader::new(text);
        let module = reader.modules()?;
        if text.ends_with('.') {
            return reader.fail("a name");
        }
        reader.end(module)
    }
}

impl FromStr for ConfigResource {
    type Err = AddrError;
    fn from_str(text: &str) -> Result<Self, AddrError> {
        let mut reader = Reader::new(text);
        let module = reader.modules()?.path();
        let resource = reader.resource()?;
        reader.end(ConfigResource { module, resource })
    }
}

impl FromStr for ProviderSource {
    type Err = AddrError;
    /// `NAME`, `NAMESPACE/NAME` or `HOST/NAMESPACE/NAME`; names are lower-cased.
    fn from_str(text: &str) -> Result<Self, AddrError> {
        let mut reader = Reader::new(text);
        let parts: Vec<&str> = text.split('/').collect();
        let valid =
            |s: &&str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
        if !parts.iter().all(valid) {
            return reader.fail("a source such as \"hetznercloud/hcloud\"");
        }
        let lower = |s: &str| -> Arc<str> { s.to_ascii_lowercase().into() };
        match parts.as_slice() {
            [name] => Ok(Self::implied(&lower(name))),
            [namespace, name] => {
                Ok(Self { host: Self::DEFAULT_HOST.into(), namespace: lower(namespace), name: lower(name) })
            }
            [host, namespace, name] => {
                Ok(Self { host: lower(host), namespace: lower(namespace), name: lower(name) })
            }
            _ => {
                reader.at = text.len();
                reader.fail("at most three parts")
            }
        }
    }
}

impl FromStr for ProviderConfig {
    type Err = AddrError;
    fn from_str(text: &str) -> Result<Self, AddrError> {
        let mut reader = Reader::new(text);
        let module = reader.modules()?.path();
        if !reader.eat("provider[\"") {
            return reader.fail("provider[\"…\"]");
        }
        let source = reader.quoted()?.parse()?;
        if !reader.eat("]") {
            return reader.fail("\"]\"");
        }
        let alias = if reader.eat(".") { Some(reader.identifier()?.into()) } else { None };
        reader.end(ProviderConfig { module, source, alias })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_written() {
        for text in [
            "hcloud_server.web",
            "data.hcloud_image.base",
            "module.a.module.b[0].hcloud_server.web[\"x.y[\\\"z\\\"]\"]",
            "module.k8s[\"$${a}\"].random_id.x[12]",
        ] {
            assert_eq!(text.parse::<ResourceInstance>().unwrap().to_string(), text);
        }
        for text in [
            "provider[\"registry.terraform.io/hetznercloud/hcloud\"]",
            "module.a.provider[\"terraform.io/builtin/terraform\"].west",
        ] {
            assert_eq!(text.parse::<ProviderConfig>().unwrap().to_string(), text);
        }
        assert_eq!("module.a[1]".parse::<ModuleInstance>().unwrap().to_string(), "module.a[1]");
    }

    #[test]
    fn wrong_addresses_say_what_was_expected() {
        for (text, expected) in [
            ("hcloud_server", "\".\" and the resource's name"),
            ("hcloud_server.web[", "a whole number or a quoted string"),
            ("hcloud_server.web[0", "\"]\""),
            ("hcloud_server.web.x", "the end of the address"),
            ("module.", "a name"),
        ] {
            assert_eq!(text.parse::<ResourceInstance>().unwrap_err().expected, expected, "{text}");
        }
        assert!("module.a.".parse::<ModuleInstance>().is_err());
    }

    #[test]
    fn instance_keys_order_by_number_then_text() {
        let key = |text: &str| text.parse::<ResourceInstance>().unwrap();
        let mut all = [key("a.b[\"a\"]"), key("a.b[10]"), key("a.b[9]"), key("a.b")];
        all.sort();
        assert_eq!(all.map(|a| a.to_string()), ["a.b", "a.b[9]", "a.b[10]", "a.b[\"a\"]"]);
    }
}
