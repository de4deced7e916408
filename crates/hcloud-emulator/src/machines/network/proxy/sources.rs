//! The package sources that are configured on this host, in both of apt's formats.

use std::path::Path;

use percent_encoding::percent_decode_str;

/// Where packages may be fetched from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources(Vec<Source>);

/// One root of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    https: bool,
    /// In lower case.
    host: String,
    /// Absent: that of the scheme.
    port: Option<u16>,
    /// With a slash at either end.
    path: String,
}

impl Sources {
    /// Reads `sources.list` and what is in `sources.list.d` of apt's folder (/etc/apt). What cannot be read is left
    /// out, as are sources that are no addresses of the web.
    pub(crate) fn read(apt: &Path) -> Self {
        let mut sources = Self::default();
        if let Ok(text) = std::fs::read_to_string(apt.join("sources.list")) {
            sources.add_lines(&text);
        }
        let mut files: Vec<_> = std::fs::read_dir(apt.join("sources.list.d"))
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        files.sort();
        for file in files {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("list") => sources.add_lines(&text),
                Some("sources") => sources.add_stanzas(&text),
                _ => {}
            }
        }
        sources
    }

    /// Adds those of a file with a source on each line: `deb [options] URI suite components`.
    pub(crate) fn add_lines(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let Some(rest) = line.strip_prefix("deb-src ").or_else(|| line.strip_prefix("deb ")) else {
                continue;
            };
            let rest = rest.trim_start();
            let rest = match rest.strip_prefix('[') {
                Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
                None => rest,
            };
            if let Some(uri) = rest.split_whitespace().next() {
                self.add(uri);
            }
        }
    }

    /// Adds those of a file of stanzas (`Types`, `URIs`, …).
    pub(crate) fn add_stanzas(&mut self, text: &str) {
        let (mut uris, mut enabled) = (Vec::<String>::new(), true);
        let mut in_uris = false;
        for line in text.lines().chain(std::iter::once("")) {
            if line.starts_with('#') {
                continue;
            }
            if line.trim().is_empty() {
                for uri in std::mem::take(&mut uris) {
                    if enabled {
                        self.add(&uri);
                    }
                }
                (enabled, in_uris) = (true, false);
                continue;
            }
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            if line.starts_with([' ', '\t']) {
                if in_uris {
                    uris.extend(words(line));
                }
                continue;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            in_uris = name.eq_ignore_ascii_case("URIs");
            if in_uris {
                uris.extend(words(value));
            } else if name.eq_ignore_ascii_case("Enabled") {
                enabled = !["no", "false", "without", "off", "disable", "0"]
                    .contains(&value.trim().to_ascii_lowercase().as_str());
            }
        }
    }

    fn add(&mut self, uri: &str) {
        let Some((scheme, rest)) = uri.split_once("://") else { return };
        let https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return,
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Credentials in it are not for guests.
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let Some((host, port)) = host_and_port(authority) else { return };
        let path = path.trim_matches('/');
        let path = if path.is_empty() { "/".into() } else { format!("/{path}/") };
        let source = Source { https, host, port, path };
        if !self.0.contains(&source) {
            self.0.push(source);
        }
    }

    /// The address to fetch for what a guest asks for, if it is in one of the sources. Guests speak plain HTTP to the
    /// proxy, whatever the source's scheme.
    ///
    /// # Errors
    /// With the reason, for people.
    pub(crate) fn find(&self, asked: &http::Uri) -> Result<String, String> {
        let authority = asked.authority().map(http::uri::Authority::as_str);
        let (Some("http"), Some((host, port))) = (asked.scheme_str(), authority.and_then(host_and_port))
        else {
            return Err("this is a proxy for apt: it wants whole addresses that begin with http://".into());
        };
        if asked.query().is_some() {
            return Err("archives of packages have no queries".into());
        }
        let path = asked.path();
        let tame = path.split('/').skip(1).all(|part| {
            let part = percent_decode_str(part).collect::<Vec<u8>>();
            part != b"." && part != b".." && !part.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0))
        });
        if !tame {
            return Err("the path is not plain".into());
        }
        let source = self.0.iter().find(|source| {
            let same_port = port.or(Some(80)) == source.port.or(Some(80)) || (source.https && port.is_none());
            source.host == host && same_port && path.starts_with(&source.path)
        });
        let Some(source) = source else {
            let mut known: Vec<String> =
                self.0.iter().map(|source| format!("{}{}", source.host, source.path)).collect();
            known.sort();
            known.dedup();
            return Err(format!(
                "only the package sources of the host that runs the local cloud can be reached: {}",
                if known.is_empty() { "it has none".to_owned() } else { known.join(", ") }
            ));
        };
        let scheme = if source.https { "https" } else { "http" };
        let port = source.port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(format!("{scheme}://{host}{port}{path}"))
    }
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let authority: http::uri::Authority = authority.parse().ok()?;
    (!authority.host().is_empty()).then(|| (authority.host().to_ascii_lowercase(), authority.port_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let mut sources = Sources::default();
        sources.add_lines(
            "# deb http://commented.example/ x main\n\
             deb [arch=amd64 signed-by=/k.gpg] http://Deb.Example/debian bookworm main # here\n\
             deb-src https://user:secret@secure.example:8443/a/ x y\n\
             deb cdrom:[Debian]/ bookworm main\n",
        );
        sources.add_stanzas(
            "Types: deb\nURIs: http://one.example/x\n  http://two.example\nSuites: s\n\n\
             Types: deb\n# no\nEnabled: no\nURIs: http://off.example/\n\n\
             types: deb\nuris: https://node.example/20.x\n",
        );
        sources
    }

    #[test]
    fn what_a_source_holds_is_fetched_and_nothing_else() {
        let check = |asked: &str, expected: Result<&str, &str>| {
            let found = sources().find(&asked.parse().unwrap());
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{asked}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{asked}: {found}"),
                _ => panic!("{asked}: {found:?}"),
            }
        };
        check(
            "http://deb.example/debian/dists/x/InRelease",
            Ok("http://deb.example/debian/dists/x/InRelease"),
        );
        check(
            "http://deb.example:80/debian/pool/a_1%3a2.deb",
            Ok("http://deb.example/debian/pool/a_1%3a2.deb"),
        );
        check("http://secure.example:8443/a/b", Ok("https://secure.example:8443/a/b"));
        check("http://one.example/x/y", Ok("http://one.example/x/y"));
        check("http://two.example/anything", Ok("http://two.example/anything"));
        check("http://node.example/20.x/dists", Ok("https://node.example/20.x/dists"));
        check("http://deb.example/other", Err("only the package sources"));
        check("http://deb.example/debianx/y", Err("only the package sources"));
        check("http://deb.example:8080/debian/y", Err("only the package sources"));
        check("http://commented.example/", Err("only the package sources"));
        check("http://off.example/", Err("only the package sources"));
        check("http://127.0.0.1/debian/", Err("only the package sources"));
        check("http://deb.example/debian/../other", Err("not plain"));
        check("http://deb.example/debian/%2e%2E/other", Err("not plain"));
        check("http://deb.example/debian/a%2fb", Err("not plain"));
        check("http://deb.example/debian/a?b", Err("no queries"));
        check("/debian/", Err("whole addresses"));
        check("https://node.example/20.x/", Err("whole addresses"));
    }
}
