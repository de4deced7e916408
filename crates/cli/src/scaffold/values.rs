//! What the owner of a new project has given, as values of the variables that its environments have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferroform_catalogue::Catalogue;
use ferroform_core::{Diagnostic, SourceId};
use ferroform_hcl::ast::{Expr, ExprKind};
use ipnet::IpNet;

use super::Layout;

/// Names that stacks have for the addresses of administrators.
const ADMIN_VARIABLES: [&str; 3] = ["admin_ips", "admin_ssh_ips", "admin_cidrs"];
/// What is in no file but where its owner puts it.
const TOKEN: &str = "hcloud_token";

/// What was given, by options or by answers. Nothing in it stays as the stack has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// Name of the project.
    pub name: Option<String>,
    /// Hetzner's location.
    pub location: Option<String>,
    /// Hetzner's server type, where a stack has one.
    pub server_type: Option<String>,
    /// Role and size, where a stack has roles.
    pub sizes: Vec<(String, String)>,
    /// A public key.
    pub ssh_key: Option<String>,
    /// Networks of administrators, in CIDR notation.
    pub admins: Vec<String>,
    /// Other variables: name and value, as on a command line.
    pub variables: Vec<(String, String)>,
}

/// The kind of a variable, as far as it decides how a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A text.
    Text,
    /// An object with these attributes.
    Object(Vec<String>),
    /// Anything else: values are expressions.
    Other,
}

/// A value for one environment's `terraform.tfvars`, and what is still to be said there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The folder of the environment in the project; empty for the project itself.
    pub environment: String,
    /// The file's text; nothing if there is nothing to write.
    pub text: Option<String>,
    /// Variables that the environment's example sets, rather than only mentions, and that have no value.
    pub missing: Vec<String>,
}

/// The values for every environment of a project.
///
/// # Errors
/// When something was given that no environment has a variable for, or that cannot be a value.
pub(crate) fn fill(layout: &Layout, given: &Given) -> Result<Vec<Filled>, Diagnostic> {
    let mut wanted = wanted(given)?;
    let mut filled = Vec::new();
    for environment in layout.environments() {
        let file = |name: &str| match environment.as_str() {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        let kinds = variables(layout.read(&file("variables.tf")).unwrap_or_default());
        let mut lines = BTreeMap::new();
        for wish in &mut wanted {
            let found = wish.names.iter().find_map(|name| Some((name, kinds.get(name)?)));
            let Some((name, kind)) = found.filter(|(_, kind)| wish.fits(kind)) else { continue };
            wish.used = true;
            let (name, value) = (name.clone(), wish.value.written(name, kind)?);
            lines.entry(name).and_modify(|known: &mut Written| known.join(&value)).or_insert(value);
        }
        let required = layout.read(&file("terraform.tfvars.example")).map(assigned).unwrap_or_default();
        let missing = required.into_iter().filter(|name| !lines.contains_key(name)).collect();
        filled.push(Filled { environment, text: tfvars(&lines)?, missing });
    }
    match wanted.iter().find(|wish| !wish.used && !wish.optional) {
        Some(unused) => Err(unused.refused()),
        None => Ok(filled),
    }
}

/// One thing that was given.
struct Wish {
    /// The variables that it may be for.
    names: Vec<String>,
    /// How it was given, for messages.
    option: String,
    value: Wished,
    /// Nothing is wrong if no environment has a variable for it.
    optional: bool,
    used: bool,
}

enum Wished {
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// An attribute of an object.
    Attribute(&'static str, String),
    /// As on a command line: text or expression, by the kind of the variable.
    Free(String),
}

/// A value as it stands in a file.
enum Written {
    Plain(String),
    Object(Vec<(&'static str, String)>),
}

impl Written {
    /// Adds what was given for the same variable: attributes stand together, and of others the last one counts.
    fn join(&mut self, other: &Written) {
        match (self, other) {
            (Written::Object(known), Written::Object(more)) => known.extend(more.iter().cloned()),
            (known, Written::Plain(text)) => *known = Written::Plain(text.clone()),
            (known, Written::Object(more)) => *known = Written::Object(more.clone()),
        }
    }
}

impl Wish {
    fn fits(&self, kind: &Kind) -> bool {
        match &self.value {
            Wished::Attribute(name, _) => {
                matches!(kind, Kind::Object(names) if names.iter().any(|known| known == name))
            }
            Wished::Text(_) => *kind == Kind::Text,
            Wished::Texts(_) | Wished::Free(_) => true,
        }
    }

    fn refused(&self) -> Diagnostic {
        Diagnostic::error("Nothing to set in this stack").detail(format!(
            "{} was given, and no environment of this stack has a variable for it. The file variables.tf of an \
             environment tells which there are.",
            self.option
        ))
    }
}

impl Wished {
    fn written(&self, name: &str, kind: &Kind) -> Result<Written, Diagnostic> {
        Ok(match self {
            Wished::Text(text) => Written::Plain(quoted(text)),
            Wished::Texts(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                Written::Plain(format!("[{}]", texts.join(", ")))
            }
            Wished::Attribute(attribute, text) => Written::Object(vec![(attribute, quoted(text))]),
            Wished::Free(text) if *kind == Kind::Text => Written::Plain(quoted(text)),
            Wished::Free(text) => {
                let parse = ferroform_hcl::parse_expression(SourceId(0), text);
                if parse.diagnostics().has_errors() || text.trim().is_empty() || text.contains(['\n', '\r']) {
                    return Err(Diagnostic::error("Invalid value for a variable").detail(format!(
                        "{text:?} is no value for {name}: write an expression on one line, such as 3, true or \
                         {{ size = \"small\" }}."
                    )));
                }
                Written::Plain(text.trim().to_owned())
            }
        })
    }
}

fn wanted(given: &Given) -> Result<Vec<Wish>, Diagnostic> {
    let mut wanted = Vec::new();
    let mut wish = |names: &[&str], option: String, value: Wished, optional: bool| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        wanted.push(Wish { names, option, value, optional, used: false });
    };
    if let Some(name) = &given.name {
        wish(&["name"], format!("The name {name}"), Wished::Text(name.clone()), true);
    }
    if let Some(location) = &given.location {
        wish(&["location"], format!("The location {location}"), Wished::Text(location.clone()), false);
    }
    if let Some(kind) = &given.server_type {
        wish(&["server_type"], format!("The server type {kind}"), Wished::Text(kind.clone()), false);
    }
    for (role, size) in &given.sizes {
        wish(&[role], format!("The size of {role}"), Wished::Attribute("size", size.clone()), false);
    }
    if let Some(key) = &given.ssh_key {
        wish(&["ssh_public_key"], "An SSH key".to_owned(), Wished::Text(key.clone()), false);
    }
    if !given.admins.is_empty() {
        let option = "An address of administrators".to_owned();
        wish(&ADMIN_VARIABLES, option, Wished::Texts(given.admins.clone()), false);
    }
    for (name, value) in &given.variables {
        if name == TOKEN {
            return Err(Diagnostic::error("The token is not written to a file")
                .detail("An API token opens the whole project, and files are copied and committed.")
                .hint("Set HCLOUD_TOKEN in the environment when you plan and apply."));
        }
        wish(&[name], format!("The variable {name}"), Wished::Free(value.clone()), false);
    }
    Ok(wanted)
}

/// The variables that a file declares, with their kinds.
fn variables(text: &str) -> BTreeMap<String, Kind> {
    let parse = ferroform_hcl::parse_body(SourceId(0), text);
    let kind = |ty: &Expr| match (&*ty.kind, ty.as_keyword()) {
        (_, Some("string")) => Kind::Text,
        (ExprKind::Call { name, args, .. }, _) if &*name.name == "object" => {
            let items = args.first().map(|arg| &*arg.kind);
            let Some(ExprKind::Object(items)) = items else { return Kind::Other };
            Kind::Object(items.iter().filter_map(|item| Some(item.key.as_keyword()?.to_owned())).collect())
        }
        _ => Kind::Other,
    };
    let blocks = parse.body().blocks_of("variable");
    let named = blocks.filter_map(|block| {
        let kind = block.body.attribute("type").map_or(Kind::Other, |attribute| kind(&attribute.expr));
        Some((block.labels.first()?.name.to_string(), kind))
    });
    named.collect()
}

/// The variables that a file of values sets.
fn assigned(text: &str) -> Vec<String> {
    let parse = ferroform_hcl::parse_body(SourceId(0), text);
    parse.body().attributes.iter().map(|attribute| attribute.name.name.to_string()).collect()
}

/// A file of values in the canonical style; nothing if there are none.
fn tfvars(lines: &BTreeMap<String, Written>) -> Result<Option<String>, Diagnostic> {
    if lines.is_empty() {
        return Ok(None);
    }
    let mut text = "# What else can be set is in variables.tf and terraform.tfvars.example.\n\n".to_owned();
    for (name, value) in lines {
        let value = match value {
            Written::Plain(text) => text.clone(),
            Written::Object(attributes) => {
                let attributes: Vec<String> =
                    attributes.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                format!("{{ {} }}", attributes.join(", "))
            }
        };
        text.push_str(&format!("{name} = {value}\n"));
    }
    ferroform_hcl::format(SourceId(0), &text).map(Some).map_err(|_| {
        Diagnostic::error("Invalid value for a variable")
            .detail("The values that were given do not make a file of values together.")
    })
}

/// A text as a literal of the language.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A name that objects can have: a label of DNS, and short enough for what stacks put behind it.
pub(crate) fn checked_name(name: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    if first && name.len() <= 24 && name.chars().all(inner) && !name.ends_with('-') {
        return Ok(name.to_owned());
    }
    Err(format!(
        "{name:?} is no name for a project: it begins with a letter, goes on with letters, digits and hyphens, all \
         lower case, and has 24 characters at most"
    ))
}

/// A location that there is.
pub(crate) fn checked_location(name: &str) -> Result<String, String> {
    let catalogue = Catalogue::builtin();
    if catalogue.location(name).is_some() {
        return Ok(name.to_owned());
    }
    let known: Vec<String> =
        catalogue.locations().iter().map(|l| format!("{} ({})", l.name, l.city)).collect();
    Err(format!("{name:?} is no location; there are {}", known.join(", ")))
}

/// A server type that is sold.
pub(crate) fn checked_server_type(name: &str) -> Result<String, String> {
    let catalogue = Catalogue::builtin();
    match catalogue.server_type(name) {
        Some(found) if found.retired.is_none() => Ok(name.to_owned()),
        Some(found) => {
            let successor =
                found.retired.as_ref().map(|retired| retired.replacement.as_str()).unwrap_or_default();
            Err(format!("the server type {name} is not sold any more; its successor is {successor}"))
        }
        None => {
            let sold = catalogue.server_types().iter().filter(|found| found.retired.is_none());
            let known: Vec<&str> = sold.map(|found| found.name.as_str()).collect();
            Err(format!("{name:?} is no server type; there are {}", known.join(", ")))
        }
    }
}

/// The network of an administrator: an address or a range.
pub(crate) fn checked_admin(text: &str) -> Result<String, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map(|net| net.trunc().to_string())
        .map_err(|_| format!("{text:?} is no address and no range such as 203.0.113.7 or 203.0.113.0/24"))
}

/// A public SSH key, given as it is or by the name of its file; `read` reads that.
pub(crate) fn checked_key(
    text: &str,
    read: impl FnOnce(&str) -> std::io::Result<String>,
) -> Result<String, String> {
    const KINDS: [&str; 5] =
        ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];
    let is_key = |text: &str| KINDS.iter().any(|kind| text.starts_with(&format!("{kind} ")));
    let text = text.trim();
    let (key, from) = if is_key(text) {
        (text.to_owned(), "what was given".to_owned())
    } else {
        let key = read(text).map_err(|error| format!("the SSH key {text} cannot be read: {error}"))?;
        (key.trim().to_owned(), text.to_owned())
    };
    if key.contains("PRIVATE KEY") {
        return Err(format!(
            "{from} is a private key, which has no place here; the public one is in {from}.pub"
        ));
    }
    let data = key.split(' ').nth(1).unwrap_or_default();
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    if !is_key(&key) || key.contains('\n') || !data.starts_with("AAAA") || !data.chars().all(base64) {
        return Err(format!(
            "{from} is no public SSH key: it is one line that begins with {} or another kind of key",
            KINDS[0]
        ));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::super::layout::NewFile;
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a \"b\"";

    fn layout() -> Layout {
        let variables = "variable \"location\" {\n  type = string\n}\nvariable \"admin_ssh_ips\" {\n  type = list(string)\n}\n\
             variable \"ssh_public_key\" {\n  type = string\n}\nvariable \"number\" {\n  type = number\n}\n\
             variable \"workers\" {\n  type = object({\n    count = number\n    size = optional(string)\n  })\n}\n\
             variable \"hcloud_token\" {\n  type = string\n}\n";
        let file = |text: &str| NewFile::text(text.to_owned());
        let files = [
            ("environments/a/variables.tf", variables),
            ("environments/a/versions.tf", ""),
            ("environments/b/variables.tf", "variable \"location\" {\n  type = string\n}\n"),
            ("environments/b/versions.tf", ""),
            ("environments/b/terraform.tfvars.example", "# location = 1\nssh_public_key = \"…\"\n"),
        ];
        Layout { files: files.map(|(path, text)| (path.to_owned(), file(text))).into() }
    }

    #[test]
    fn values_go_where_there_is_a_variable_for_them() {
        let given = Given {
            name: Some("x".to_owned()),
            location: Some("nbg1".to_owned()),
            sizes: vec![("workers".to_owned(), "large".to_owned())],
            ssh_key: Some(KEY.to_owned()),
            admins: vec!["192.0.2.1/32".to_owned()],
            variables: vec![("number".to_owned(), " 3 ".to_owned())],
            ..Given::default()
        };
        let filled = fill(&layout(), &given).unwrap();
        let expected = "\
# What else can be set is in variables.tf and terraform.tfvars.example.

admin_ssh_ips  = [\"192.0.2.1/32\"]
location       = \"nbg1\"
number         = 3
ssh_public_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a \\\"b\\\"\"
workers        = { size = \"large\" }
";
        assert_eq!(filled[0].text.as_deref(), Some(expected));
        assert_eq!(filled[0].missing, [""; 0]);
        assert!(filled[1].text.as_deref().unwrap().ends_with("\n\nlocation = \"nbg1\"\n"));
        assert_eq!(filled[1].missing, ["ssh_public_key"]);
        assert_eq!(fill(&layout(), &Given::default()).unwrap()[0].text, None);
    }

    #[test]
    fn what_no_environment_has_a_variable_for_is_refused() {
        let variable = |name: &str, value: &str| Given {
            variables: vec![(name.to_owned(), value.to_owned())],
            ..Given::default()
        };
        let size = |role: &str| Given { sizes: vec![(role.to_owned(), "x".to_owned())], ..Given::default() };
        for (given, why) in [
            (variable("nosuch", "1"), "nosuch"),
            (variable("number", "{"), "no value for number"),
            (variable("number", ""), "no value for number"),
            (variable("number", "1\nhcloud_token = \"x\""), "no value for number"),
            (variable(TOKEN, "x"), "token"),
            (size("number"), "The size of number"),
            (size("database"), "The size of database"),
            (Given { server_type: Some("cx23".to_owned()), ..Given::default() }, "The server type cx23"),
        ] {
            let error = fill(&layout(), &given).unwrap_err();
            assert!(error.detail.contains(why), "{given:?}: {error:?}");
        }
    }

    #[test]
    fn texts_are_quoted_so_that_nothing_in_them_is_evaluated() {
        for (text, expected) in
            [("a", r#""a""#), ("${x} %{y} $1 $", r#""$${x} %%{y} $1 $""#), ("\"\\\n", r#""\"\\\n""#)]
        {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn names_locations_types_and_addresses_are_checked() {
        for (name, good) in [
            ("a", true),
            ("a-1", true),
            ("", false),
            ("1a", false),
            ("a-", false),
            ("A", false),
            ("a_b", false),
        ] {
            assert_eq!(checked_name(name).is_ok(), good, "{name}");
        }
        assert!(checked_name(&"a".repeat(25)).is_err());
        assert!(checked_location("mars").unwrap_err().contains("fsn1 (Falkenstein)"));
        assert!(checked_server_type("cx22").unwrap_err().contains("cx23"));
        assert!(checked_server_type("nosuch").unwrap_err().contains("cx23"));
        for (text, net) in [
            ("203.0.113.7", Some("203.0.113.7/32")),
            ("203.0.113.7/24", Some("203.0.113.0/24")),
            ("2001:db8::1", Some("2001:db8::1/128")),
            ("203.0.113", None),
            ("everybody", None),
        ] {
            assert_eq!(checked_admin(text).ok().as_deref(), net, "{text}");
        }
    }

    #[test]
    fn keys_are_public_ones() {
        let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        assert_eq!(checked_key(KEY, none).unwrap(), KEY);
        assert_eq!(checked_key("id.pub", |name| Ok(format!("{KEY}\n{}", &name[..0]))).unwrap(), KEY);
        assert!(checked_key("id.pub", none).unwrap_err().contains("id.pub"));
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n";
        assert!(checked_key("id", |_| Ok(private.to_owned())).unwrap_err().contains("id.pub"));
        for text in ["ssh-ed25519 …", "ssh-ed25519 BBBB", "hello"] {
            assert!(checked_key(text, |_| Ok(text.to_owned())).is_err(), "{text}");
        }
    }
}
