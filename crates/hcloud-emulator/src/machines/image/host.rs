//! What this host is, and where it gets its packages from.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::tweaks;

/// What this host can make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// The name that the catalogue has for it: `debian-12`.
    pub(super) image: String,
    /// The release: `bookworm`.
    pub(super) suite: String,
    /// Package sources in the one-line style, only those of the distribution itself.
    pub(super) sources: Vec<String>,
}

impl Host {
    /// Reads `/etc/os-release` and the sources of apt.
    pub(super) fn read() -> Result<Self, String> {
        let release = std::fs::read_to_string("/etc/os-release").map_err(|error| {
            format!("/etc/os-release, which tells what this host is, cannot be read: {error}")
        })?;
        let mut files = vec![Path::new("/etc/apt/sources.list").to_path_buf()];
        if let Ok(entries) = std::fs::read_dir("/etc/apt/sources.list.d") {
            let mut further: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
            further.sort();
            files.extend(further);
        }
        let texts = files.iter().filter_map(|path| {
            let style = match path.extension()?.to_str()? {
                "sources" => Style::Stanzas,
                "list" => Style::Lines,
                _ => return None,
            };
            Some((style, std::fs::read_to_string(path).ok()?))
        });
        Self::from_texts(&release, texts)
    }

    fn from_texts(release: &str, texts: impl Iterator<Item = (Style, String)>) -> Result<Self, String> {
        let facts: BTreeMap<&str, &str> = release
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key, value.trim_matches(['"', '\''])))
            .collect();
        let fact = |name: &str| facts.get(name).copied().filter(|value| !value.is_empty());
        let (id, version, suite) = match (fact("ID"), fact("VERSION_ID"), fact("VERSION_CODENAME")) {
            (Some(id @ ("debian" | "ubuntu")), Some(version), Some(suite)) => (id, version, suite),
            (id, ..) => {
                return Err(format!(
                    "this host runs {}; base images can be made on a release of Debian or Ubuntu",
                    id.unwrap_or("an unknown system")
                ));
            }
        };
        let mut sources: Vec<String> = Vec::new();
        for (style, text) in texts {
            let found = match style {
                Style::Lines => text.lines().filter_map(|line| one_line(line, suite)).collect(),
                Style::Stanzas => stanzas(&text, suite),
            };
            for source in found {
                if !sources.contains(&source) {
                    sources.push(source);
                }
            }
        }
        if sources.is_empty() {
            return Err(format!("apt on this host has no package source for {suite}; add one to /etc/apt"));
        }
        Ok(Self { image: format!("{id}-{version}"), suite: suite.to_owned(), sources })
    }

    /// The folder that an image of this host is kept in, by everything that it is made of.
    pub(super) fn folder_name(&self) -> String {
        use std::fmt::Write as _;
        let mut digest = Sha256::new();
        for part in [&self.image, &self.suite].into_iter().chain(&self.sources) {
            digest.update(part.as_bytes());
            digest.update(b"\n");
        }
        digest.update(tweaks::recipe().as_bytes());
        let digest = digest.finalize();
        digest.iter().take(6).fold(format!("{}-", self.image), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
    }
}

enum Style {
    /// `deb URI SUITE COMPONENT…`
    Lines,
    /// deb822
    Stanzas,
}

/// Whether it is the distribution's own: another keyring than the distribution's is not in the image yet.
fn own(suite: &str, of: &str, signed_by: Option<&str>) -> bool {
    let suite_fits = suite == of || suite.strip_prefix(of).is_some_and(|rest| rest.starts_with('-'));
    let key_fits =
        signed_by.is_none_or(|path| path.contains("debian-archive") || path.contains("ubuntu-archive"));
    suite_fits && key_fits
}

fn source(uri: &str, suite: &str, components: &[&str]) -> String {
    format!("deb {uri} {suite} {}", components.join(" ")).trim_end().to_owned()
}

fn one_line(line: &str, suite: &str) -> Option<String> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb ")?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [uri, its, components @ ..] = words.as_slice() else { return None };
    own(its, suite, signed_by).then(|| source(uri, its, components))
}

fn stanzas(text: &str, suite: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    // The empty line at the end closes the last stanza.
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            found.extend(stanza(&std::mem::take(&mut fields), suite));
        } else if line.starts_with([' ', '\t']) {
            if let Some(value) = fields.get_mut(&last) {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((key, value)) = line.split_once(':') {
            last = key.trim().to_ascii_lowercase();
            fields.insert(last.clone(), value.trim().to_owned());
        }
    }
    found
}

fn stanza(fields: &BTreeMap<String, String>, suite: &str) -> Vec<String> {
    let words = |name: &str| -> Vec<&str> {
        fields.get(name).map(|value| value.split_whitespace().collect()).unwrap_or_default()
    };
    let off = words("enabled").first().is_some_and(|value| value.eq_ignore_ascii_case("no"));
    if off || !words("types").contains(&"deb") {
        return Vec::new();
    }
    // A key that is written into the stanza is somebody else's.
    let signed_by = fields.get("signed-by").map(String::as_str);
    let (uris, components) = (words("uris"), words("components"));
    let suites = words("suites").into_iter().filter(|its| own(its, suite, signed_by));
    suites.flat_map(|its| uris.iter().map(|uri| source(uri, its, &components)).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOKWORM: &str =
        "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n";

    fn sources(style: Style, text: &str) -> Vec<String> {
        Host::from_texts(BOOKWORM, [(style, text.to_owned())].into_iter())
            .map(|host| host.sources)
            .unwrap_or_default()
    }

    #[test]
    fn only_the_distributions_own_sources_are_used() {
        let lines = "# deb http://old bookworm main\n\
            deb http://deb.debian.org/debian bookworm main contrib # comment\n\
            deb-src http://deb.debian.org/debian bookworm main\n\
            deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://s bookworm-security main\n\
            deb [signed-by=/etc/apt/keyrings/docker.gpg] https://download.docker.com/linux/debian bookworm stable\n\
            deb https://packages.cloud.google.com/apt cloud-sdk-bookworm main\n\
            deb http://deb.debian.org/debian bookwormish main\n";
        let expected =
            ["deb http://deb.debian.org/debian bookworm main contrib", "deb http://s bookworm-security main"];
        assert_eq!(sources(Style::Lines, lines), expected);

        let stanzas = "Types: deb\n# comment\nURIs: http://deb.debian.org/debian\nSuites: bookworm\n bookworm-updates\n\
            Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n\
            Types: deb-src\nURIs: http://b\nSuites: bookworm\nComponents: main\n\n\
            Types: deb\nEnabled: no\nURIs: http://c\nSuites: bookworm\nComponents: main\n\n\
            Types: deb\nURIs: https://deb.nodesource.com/node_20.x\nSuites: nodistro\nComponents: main\n";
        let expected = [
            "deb http://deb.debian.org/debian bookworm main",
            "deb http://deb.debian.org/debian bookworm-updates main",
        ];
        assert_eq!(sources(Style::Stanzas, stanzas), expected);
    }

    #[test]
    fn a_host_is_named_as_in_the_catalogue_and_others_are_refused() {
        let line = || [(Style::Lines, "deb http://a bookworm main".to_owned())].into_iter();
        let host = Host::from_texts(BOOKWORM, line()).unwrap();
        assert_eq!((host.image.as_str(), host.suite.as_str()), ("debian-12", "bookworm"));
        assert!(host.folder_name().starts_with("debian-12-"));
        let other = Host { sources: vec!["deb http://b bookworm main".to_owned()], ..host.clone() };
        assert_ne!(host.folder_name(), other.folder_name());

        assert!(Host::from_texts("ID=arch\n", line()).unwrap_err().contains("arch"));
        assert!(Host::from_texts(BOOKWORM, std::iter::empty()).unwrap_err().contains("no package source"));
    }
}
