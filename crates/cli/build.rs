//! Makes the repository's stacks and modules part of the program, for `ferroform new`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What is taken along, below the repository's root.
const ROOTS: [&str; 3] = ["stacks", "modules", "crates/cli/templates"];

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let repository = fs::canonicalize(manifest.join("../.."))?;
    let mut files = Vec::new();
    for root in ROOTS {
        let path = repository.join(root);
        // A change of anything below is one of the folder for cargo.
        println!("cargo::rerun-if-changed={}", path.display());
        gather(&path, &mut files)?;
    }
    files.sort();
    let mut text = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&repository).map_err(io::Error::other)?;
        let executable = fs::metadata(file)?.permissions().mode() & 0o111 != 0;
        text.push_str(&format!(
            "    Embedded {{ path: {:?}, executable: {executable}, bytes: include_bytes!({file:?}) }},\n",
            name.display().to_string()
        ));
    }
    text.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("embedded.rs"), text)
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let Some(name) = name.to_str() else { continue };
        if kind.is_dir() && !left_by_a_run(name) {
            gather(&entry.path(), files)?;
        } else if kind.is_file() && !is_private(name) {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Folders that programs leave behind.
fn left_by_a_run(name: &str) -> bool {
    matches!(name, ".terraform" | ".git" | "terraform.tfstate.d" | "__pycache__" | "node_modules")
}

/// Files that are somebody's own: values, states, plans, keys. None of them may ever get into the program.
fn is_private(name: &str) -> bool {
    let end = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let begin = |begins: &[&str]| begins.iter().any(|begin| name.starts_with(begin));
    end(&[
        ".tfvars",
        ".tfvars.json",
        ".tfplan",
        ".plan",
        ".pem",
        ".key",
        ".pyc",
        ".swp",
        "~",
        ".log",
        ".sqlite3",
    ]) || begin(&[
        "id_rsa",
        "id_ed25519",
        "id_ecdsa",
        "kubeconfig",
        ".terraform",
        "terraform.tfstate",
        "errored.tfstate",
    ]) || name.contains(".tfstate")
        || (name.starts_with(".env") && name != ".env.example")
        || name == ".DS_Store"
}
