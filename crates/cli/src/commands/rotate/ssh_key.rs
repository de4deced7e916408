//! `rotate ssh-key`: the new key is let in before the old one is shut out, and is tried in between.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferroform_core::Diagnostic;
use ferroform_platform::remote::Call;
use ferroform_platform::ssh::write_private;
use ferroform_platform::{Contract, Remote};
use serde::{Deserialize, Serialize};

use super::super::Outcome;
use super::super::stack::{Stack, data_file};
use super::Rotation;

/// What a rotation under way keeps: without the old key nobody could let the new one in.
const KEPT: &str = "rotate-ssh-key.json";

/// Adds the key that it reads to those of a user, whose name is its argument. Twice is once.
const ADD: &str = r#"set -eu
umask 077
home=$(getent passwd "$1" | cut -d: -f6)
file=$home/.ssh/authorized_keys
[ -d "$home/.ssh" ] || install -d -m 0700 -o "$1" "$home/.ssh"
[ -e "$file" ] || install -m 0600 -o "$1" /dev/null "$file"
IFS= read -r key
[ -n "$key" ]
grep -qxF -- "$key" "$file" || printf '\n%s\n' "$key" >>"$file"
"#;

/// Removes the key that it reads, whatever comment it has; leaves owner and mode of the file, and never the last key.
const REMOVE: &str = r#"set -eu
umask 077
home=$(getent passwd "$1" | cut -d: -f6)
file=$home/.ssh/authorized_keys
IFS= read -r key
[ -n "$key" ]
rest=$(grep -vF -- "$key" "$file" || true)
if [ -z "$(printf '%s' "$rest" | grep -v '^[[:space:]]*#' | tr -d '[:space:]')" ]; then
    echo "no key would be left" >&2
    exit 1
fi
printf '%s\n' "$rest" | grep -v '^$' >"$file.new"
cat "$file.new" >"$file"
rm -f "$file.new"
"#;

/// The old key, while the new one is not let in everywhere.
#[derive(Serialize, Deserialize)]
struct Kept {
    private: String,
    public: String,
}

pub(super) async fn run(rotation: &mut Rotation<'_>) -> Outcome {
    let stack = rotation.stack()?;
    match (&rotation.args.new_key, &stack.contract.ssh.private_key) {
        (Some(new), _) => own_keys(rotation, &stack, new),
        (None, Some(_)) => generated(rotation, stack).await,
        (None, None) => stack.take(Err(Diagnostic::error("New key needed")
            .detail("This stack has no key of its own: its administrators log in with theirs.")
            .hint("Give the new public key with -new-key=FILE.pub, and the one that is to go with -old-key=FILE.pub."))),
    }
}

/// A key that the configuration makes.
async fn generated(rotation: &Rotation<'_>, stack: Stack<'_>) -> Outcome {
    let path = data_file(&stack.settings, KEPT);
    let before = stack.contract.clone();
    let kept = stack.take(read_kept(&path))?;
    let old = match kept {
        Some(kept) => {
            stack.say("An earlier rotation did not come to its end; going on with it.");
            kept
        }
        None if rotation.args.resume => {
            return stack.take(Err(Diagnostic::error("Nothing to resume")
                .detail(format!("No rotation is under way: there is no {}.", path.display()))));
        }
        None => {
            let reached = every(&stack, stack.remote(), "is tried", |remote, name| {
                remote.done(name, Call::reading(["true"], 60)).map(drop)
            });
            stack.take(reached.map_err(|failed| failed.hint("Nothing was changed.")))?;
            let source = rotation.source(before.ssh.private_key.as_ref())?;
            let private = rotation.value(&source, "private_key_openssh")?.reveal().to_owned();
            let public = rotation.value(&source, "public_key_openssh")?.reveal().to_owned();
            let old = Kept { private, public };
            stack.take(keep(&path, &old))?;
            old
        }
    };
    if same(&before, &old) {
        let source = rotation.source(before.ssh.private_key.as_ref())?;
        let replaced = rotation.replace(&source).await;
        if same(&rotation.contract()?, &old) {
            // Refused or failed before the new key was there: as if nothing had been begun.
            let _ = std::fs::remove_file(&path);
            replaced?;
            return Ok(ExitCode::from(1));
        }
        replaced?;
    }
    drop(stack);
    let stack = rotation.stack()?;
    stack.announce_stop();
    let source = rotation.source(stack.contract.ssh.private_key.as_ref())?;
    let new = rotation.value(&source, "public_key_openssh")?;
    stack.take(let_in(&stack, &old, new.reveal().trim()).map_err(|failed| {
        failed.hint(format!(
            "Both keys stay valid where they are. The old one is kept in {} until all servers have the new one; ferroform \
             rotate ssh-key -resume goes on.",
            path.display()
        ))
    }))?;
    stack.take(std::fs::remove_file(&path).map_err(|error| {
        Diagnostic::error("Old key still kept").detail(format!(
            "All servers have the new key only, but {} cannot be deleted: {error}.",
            path.display()
        ))
    }))?;
    stack.context.print("\nThe administrator's key is replaced, in the state and on all servers.\n");
    Ok(ExitCode::SUCCESS)
}

/// New key in, tried, old key out: each on all servers before the next.
fn let_in(stack: &Stack<'_>, old: &Kept, new: &str) -> Result<(), Diagnostic> {
    let with_new = stack.remote();
    let file = private_file(&old.private)?;
    let old_access = stack.access_with(file.path())?;
    let with_old = Remote { access: &old_access, ..with_new };
    every(stack, with_new, "lets the new key in", |remote, name| {
        // Where an earlier run came further, the old key may be out already.
        if remote.done(name, Call::reading(["true"], 60)).is_ok() {
            return Ok(());
        }
        add(with_old, name, new)?;
        remote.done(name, Call::reading(["true"], 60)).map(drop)
    })?;
    every(stack, with_new, "shuts the old key out", |remote, name| remove(remote, name, &old.public))
}

/// Keys that people made.
fn own_keys(rotation: &Rotation<'_>, stack: &Stack<'_>, new: &Path) -> Outcome {
    stack.announce_stop();
    let new_text = stack.take(public_key(new))?;
    let old_text = rotation.args.old_key.as_deref().map(public_key).transpose();
    let old_text = stack.take(old_text)?;
    stack.take(every(stack, stack.remote(), "lets the new key in", |remote, name| {
        add(remote, name, &new_text)
    }))?;
    if let Some(old) = &old_text {
        let private = new.with_extension("");
        let access = match private.is_file() && private != new {
            true => stack.take(stack.access_with(&private))?,
            false => {
                return stack.take(Err(Diagnostic::error("New key not tried")
                    .detail(format!(
                        "The new key is let in everywhere. The old one stays: the private part of the new one is not at {}, \
                         so it cannot be tried.",
                        private.display()
                    ))
                    .hint("Put it there, or remove the old key when you have logged in with the new one.")));
            }
        };
        let remote = Remote { access: &access, ..stack.remote() };
        stack.take(every(stack, remote, "is tried with the new key", |remote, name| {
            remote.done(name, Call::reading(["true"], 60)).map(drop)
        }))?;
        stack
            .take(every(stack, remote, "shuts the old key out", |remote, name| remove(remote, name, old)))?;
    }
    let then = match &old_text {
        Some(_) => "The old key is shut out.",
        None => "The old key is let in still; run this again with -old-key when the new one works.",
    };
    stack.context.print(&format!(
        "\nAll servers let the new key in. {then}\nSet the variable with the public key to the new one and apply, so that new \
         servers get it.\n"
    ));
    Ok(ExitCode::SUCCESS)
}

/// Does something with every server; which one is told.
fn every(
    stack: &Stack<'_>,
    remote: Remote<'_>,
    what: &str,
    step: impl Fn(Remote<'_>, &str) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    for name in stack.contract.servers.keys() {
        if remote.runner.stop() > ferroform_platform::run::Stop::No {
            return Err(Diagnostic::error("Stopped").detail(format!("Before {name}: {what}.")));
        }
        stack.say(&format!("{name} {what}"));
        step(remote, name)?;
    }
    Ok(())
}

fn add(remote: Remote<'_>, name: &str, key: &str) -> Result<(), Diagnostic> {
    script(remote, name, ADD, key.trim())
}

fn remove(remote: Remote<'_>, name: &str, key: &str) -> Result<(), Diagnostic> {
    // Type and key; comments may differ.
    let bare: Vec<&str> = key.split_whitespace().take(2).collect();
    script(remote, name, REMOVE, &bare.join(" "))
}

fn script(remote: Remote<'_>, name: &str, script: &str, key: &str) -> Result<(), Diagnostic> {
    let user = remote.contract.server(name)?.user();
    let call =
        Call { stdin: Some(format!("{key}\n").into_bytes()), ..Call::new(["sh", "-c", script, "sh", user]) };
    remote.done(name, call).map(drop)
}

fn same(contract: &Contract, old: &Kept) -> bool {
    contract.ssh.private_key.as_ref().is_some_and(|key| key.reveal().trim() == old.private.trim())
}

/// A public key on one line.
fn public_key(path: &Path) -> Result<String, Diagnostic> {
    let bad = |why: String| {
        Diagnostic::error("Public key not usable").detail(format!("The file {}: {why}.", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let text = text.trim();
    let kinds = ["ssh-", "ecdsa-", "sk-"];
    if text.lines().count() != 1
        || !kinds.iter().any(|kind| text.starts_with(kind))
        || text.split(' ').count() < 2
    {
        return Err(bad("it is no public key on one line, TYPE BASE64 COMMENT".to_owned()));
    }
    Ok(text.to_owned())
}

fn read_kept(path: &PathBuf) -> Result<Option<Kept>, Diagnostic> {
    let unusable = |why: String| {
        Diagnostic::error("Rotation cannot go on")
            .detail(format!("The file {} of an earlier rotation cannot be used: {why}.", path.display()))
    };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unusable(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(error.to_string())),
    }
}

fn keep(path: &Path, old: &Kept) -> Result<(), Diagnostic> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        write_private(path, &serde_json::to_vec(old)?)
    };
    write().map_err(|error| {
        Diagnostic::error("Rotation cannot begin").detail(format!(
            "The old key cannot be kept in {}: {error}. Nothing was changed.",
            path.display()
        ))
    })
}

/// The old key as ssh reads it.
fn private_file(pem: &str) -> Result<tempfile::NamedTempFile, Diagnostic> {
    let make = || -> std::io::Result<tempfile::NamedTempFile> {
        use std::io::Write;
        // 0600, as tempfile(3) makes them.
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(format!("{}\n", pem.trim_end()).as_bytes())?;
        Ok(file)
    };
    make().map_err(|error| {
        Diagnostic::error("SSH cannot be prepared").detail(format!("The old key cannot be written: {error}."))
    })
}
