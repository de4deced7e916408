//! The user data of every server, held against cloud-init's own schema.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::applied::Applied;
use super::{Faults, helper, scripts};
use crate::metadata::{list, text};
use crate::{Result, say};

/// What Hetzner accepts, in bytes.
const LIMIT: usize = 32 * 1024;

/// Checks the user data of every server.
pub(super) fn check(environments: &[Applied]) -> Result<Faults> {
    let mut faults = Faults::new();
    let mut names = Vec::new();
    let mut configs = Vec::new();
    let mut secrets = Vec::new();
    let mut largest = 0;
    for environment in environments {
        for server in &environment.servers {
            let name = format!("{}: {}", environment.title(), server.name);
            largest = largest.max(server.user_data.len());
            if server.user_data.len() > LIMIT {
                faults.push(format!(
                    "{name}: {} bytes of user data; Hetzner accepts {LIMIT}",
                    server.user_data.len()
                ));
            }
            names.push(name);
            configs.push(&server.user_data);
            secrets.push(environment.secrets());
        }
    }
    let answers = helper::ask("cloud-config", &json!(configs))?;
    let mut seen = BTreeSet::new();
    for ((name, answer), secrets) in names.iter().zip(answers.as_array().into_iter().flatten()).zip(&secrets)
    {
        faults.extend(
            list(answer, "errors").iter().map(|e| format!("{name}: {}", e.as_str().unwrap_or_default())),
        );
        faults.extend(check_document(name, &answer["document"], secrets, &mut seen)?);
    }
    let (servers, scripts) = (names.len(), seen.len());
    let documents: Vec<&Json> =
        answers.as_array().into_iter().flatten().map(|answer| &answer["document"]).collect();
    let programs = programs(&documents);
    let written: Vec<&str> = programs.iter().map(|(_, text)| *text).collect();
    let compiled = helper::ask("programs", &json!(written))?;
    for ((path, _), fault) in programs.iter().zip(compiled.as_array().into_iter().flatten()) {
        faults.extend(fault.as_str().map(|fault| format!("{path}: {fault}")));
    }
    say(&format!(
        "stacks: user data of {servers} servers, the largest {largest} of {LIMIT} bytes; {scripts} scripts and {} programs in it",
        programs.len()
    ))?;
    if servers == 0 {
        faults.push("no server has user data".to_owned());
    }
    Ok(faults)
}

/// Path and text of every program in Python that is written, each text once.
fn programs<'a>(documents: &[&'a Json]) -> Vec<(&'a str, &'a str)> {
    let files = documents.iter().flat_map(|document| list(document, "write_files"));
    let mut found: Vec<(&str, &str)> = Vec::new();
    for file in files {
        let (path, content) = (text(file, "path"), text(file, "content"));
        let first = content.lines().next().unwrap_or_default();
        let is_python = path.ends_with(".py") || (first.starts_with("#!") && first.contains("python"));
        if is_python && !found.iter().any(|(_, known)| *known == content) {
            found.push((path, content));
        }
    }
    found
}

/// Checks what cloud-init's schema does not: the scripts, and who may read secrets. A script that was seen already is
/// not checked again.
fn check_document(
    name: &str,
    document: &Json,
    secrets: &[&str],
    seen: &mut BTreeSet<String>,
) -> Result<Faults> {
    let mut faults = Faults::new();
    let has_secret = |text: &str| secrets.iter().any(|secret| text.contains(secret));
    let mut paths = BTreeSet::new();
    for file in list(document, "write_files") {
        let path = text(file, "path");
        let content = text(file, "content");
        if !paths.insert(path) {
            faults.push(format!("{name}: {path} is written twice"));
        }
        let mode = u32::from_str_radix(text(file, "permissions"), 8);
        match mode {
            Err(_) => {
                faults.push(format!("{name}: {path} has no permissions of its own, so that all may read it"))
            }
            Ok(mode) if mode & 0o004 != 0 && has_secret(content) => {
                faults.push(format!("{name}: {path} holds a secret, and all may read it ({mode:04o})"));
            }
            Ok(mode) if mode & 0o022 != 0 => {
                faults.push(format!("{name}: {path} may be written by others than its owner ({mode:04o})"));
            }
            Ok(_) => {}
        }
        if scripts::is_shell(content) && seen.insert(content.to_owned()) {
            faults.extend(scripts::check(&format!("{name}: {path}"), content)?);
        }
    }
    for key in ["bootcmd", "runcmd"] {
        for command in list(document, key) {
            let script = match command {
                Json::String(line) => line.clone(),
                // ["sh", "-euc", "…"]: the last word is a script.
                Json::Array(words) if words.len() == 3 && words[0] == "sh" => {
                    words[2].as_str().unwrap_or_default().to_owned()
                }
                _ => continue,
            };
            // The log of cloud-init, which more than root may read, shows commands.
            if has_secret(&script) {
                faults.push(format!("{name}: {key} holds a secret"));
            }
            if seen.insert(script.clone()) {
                faults.extend(scripts::check(&format!("{name}: {key}"), &script)?);
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::super::left_out;
    use super::*;

    fn faults(document: &Json) -> String {
        check_document("s", document, &["0123456789secret"], &mut BTreeSet::new())
            .expect("shellcheck")
            .join("\n")
    }

    fn file(permissions: &str, content: &str) -> Json {
        json!({ "write_files": [{ "path": "/f", "permissions": permissions, "content": content }] })
    }

    #[test]
    fn secrets_are_for_root_alone() {
        if left_out("shellcheck", &["--version"]) {
            return;
        }
        assert_eq!(faults(&file("0600", "token: 0123456789secret")), "");
        assert_eq!(faults(&file("0644", "nothing to hide")), "");
        assert!(faults(&file("0644", "token: 0123456789secret")).contains("all may read it (0644)"));
        assert!(faults(&file("0666", "nothing to hide")).contains("written by others"));
        let unsaid = json!({ "write_files": [{ "path": "/f", "content": "x" }] });
        assert!(faults(&unsaid).contains("no permissions of its own"));
        assert!(
            faults(&json!({ "runcmd": [["sh", "-euc", "login 0123456789secret"]] }))
                .contains("holds a secret")
        );
    }

    #[test]
    fn scripts_in_it_are_checked() {
        if left_out("shellcheck", &["--version"]) {
            return;
        }
        assert!(faults(&file("0755", "#!/bin/sh\nset -eu\ncat $1\n")).contains("SC2086"));
        assert!(faults(&json!({ "runcmd": [["sh", "-euc", "cat $FILE"]] })).contains("SC2086"));
        assert!(faults(&json!({ "runcmd": ["cat $FILE"] })).contains("SC2086"));
        let twice = json!({ "write_files": [
            { "path": "/f", "permissions": "0600", "content": "" }, { "path": "/f", "permissions": "0600", "content": "" },
        ]});
        assert!(faults(&twice).contains("written twice"));
    }

    #[test]
    fn programs_in_python_are_compiled() {
        let broken = json!({ "write_files": [
            { "path": "/usr/local/sbin/p", "content": "#!/usr/bin/python3\nprint(\"a\"\n" },
            { "path": "/usr/local/lib/p.py", "content": "x = 1\n" },
            { "path": "/usr/local/lib/same.py", "content": "x = 1\n" },
            { "path": "/etc/p.conf", "content": "x = (\n" },
        ]});
        let found = programs(&[&broken]);
        assert_eq!(
            found.iter().map(|(path, _)| *path).collect::<Vec<_>>(),
            ["/usr/local/sbin/p", "/usr/local/lib/p.py"]
        );
        if left_out("python3", &["--version"]) {
            return;
        }
        let texts: Vec<&str> = found.iter().map(|(_, text)| *text).collect();
        let faults = helper::ask("programs", &json!(texts)).expect("the helper answers");
        assert!(faults[0].as_str().is_some_and(|f| f.contains("never closed")), "{faults}");
        assert!(faults[1].is_null(), "{faults}");
    }

    #[test]
    fn the_schema_of_cloud_init_catches_broken_user_data() {
        if left_out("python3", &["-c", "import cloudinit, yaml"]) {
            return;
        }
        let configs = json!([
            "#cloud-config\npackages: [curl]\nruncmd: [[sh, -euc, 'true']]\n",
            "#cloud-config\nwrite_files: [{ path: 1 }]\n",
            "#cloud-config\nwritefiles: []\n",
            "# a comment\npackages: [curl]\n",
            "#cloud-config\nkey: [\n",
            // `#cloud-config` and a key that there is not, through gzip and base64; then only base64.
            "H4sIAAAAAAACA1NOzskvTdFNzs9Ly0znKi/KLElNy8xJLbZSiI7lAgDsqpxxHQAAAA==",
            "aGVsbG8=",
        ]);
        let answers = helper::ask("cloud-config", &configs).expect("the helper answers");
        let said: Vec<String> = (0..7).map(|i| answers[i]["errors"].to_string()).collect();
        assert_eq!(said[0], "[]");
        assert!(said[1].contains("write_files.0.path"), "{}", said[1]);
        assert!(said[2].contains("no such key"), "{}", said[2]);
        assert!(said[3].contains("first line"), "{}", said[3]);
        assert!(said[4].contains("no YAML"), "{}", said[4]);
        assert!(said[5].contains("no such key"), "{}", said[5]);
        assert!(said[6].contains("neither text nor base64 of gzip"), "{}", said[6]);
    }
}
