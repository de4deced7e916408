//! Kubeconfigs: that of a control plane made fit for use from elsewhere, and merged into a person's own.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ferroform_core::Diagnostic;

use crate::yaml::{self, Node};

/// The file that k3s writes, with another server and with one name for cluster, user and context.
pub fn rewrite(text: &str, context: &str, server: &str) -> Result<Node, Diagnostic> {
    let read = one_document(text).map_err(|why| broken("of the control plane", &why))?;
    let entry = |list: &str, field: &str| -> Result<Node, Diagnostic> {
        let items = read.get(list).map(Node::items).unwrap_or_default();
        match items {
            [one] => one.get(field).cloned().ok_or_else(|| {
                broken("of the control plane", &format!("its entry below {list} has no \"{field}\""))
            }),
            _ => Err(broken("of the control plane", &format!("it should have one entry below {list}"))),
        }
    };
    let mut cluster = entry("clusters", "cluster")?;
    let user = entry("users", "user")?;
    cluster.set("server", Node::text(server));
    let named = |field: &str, value: Node| {
        Node::List(vec![Node::Map(vec![("name".to_owned(), Node::text(context)), (field.to_owned(), value)])])
    };
    let both = Node::Map(vec![
        ("cluster".to_owned(), Node::text(context)),
        ("user".to_owned(), Node::text(context)),
    ]);
    Ok(Node::Map(vec![
        ("apiVersion".to_owned(), Node::text("v1")),
        ("kind".to_owned(), Node::text("Config")),
        ("clusters".to_owned(), named("cluster", cluster)),
        ("users".to_owned(), named("user", user)),
        ("contexts".to_owned(), named("context", both)),
        ("current-context".to_owned(), Node::text(context)),
    ]))
}

/// Puts the entries of one kubeconfig into another. Entries of other names stay as they are; the current context
/// becomes the new one.
pub fn merge(existing: &str, new: &Node) -> Result<Node, String> {
    let mut merged = match yaml::read(existing)?.as_slice() {
        [] => Node::map(),
        [one @ Node::Map(_)] => one.clone(),
        _ => return Err("it is no single map".to_owned()),
    };
    for (key, value) in new.entries() {
        match value {
            Node::List(added) => {
                let name = |node: &Node| node.str_at(&["name"]).map(str::to_owned);
                let mut items = match merged.get(key) {
                    None => Vec::new(),
                    Some(node) if node.is_null() => Vec::new(),
                    Some(Node::List(items)) => items.clone(),
                    Some(_) => return Err(format!("\"{key}\" is no list")),
                };
                for item in added {
                    match items.iter_mut().find(|known| name(known) == name(item)) {
                        Some(known) => *known = item.clone(),
                        None => items.push(item.clone()),
                    }
                }
                merged.set(key, Node::List(items));
            }
            other => merged.set(key, other.clone()),
        }
    }
    Ok(merged)
}

/// Writes a kubeconfig at once or not at all, 0600. With `merge`, into what the file holds already.
pub fn write(path: &Path, new: &Node, merging: bool) -> Result<(), Diagnostic> {
    // A symbolic link stays one: what it leads to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let cannot = |error: std::io::Error| {
        Diagnostic::error("Kubeconfig not written")
            .detail(format!("The file {} cannot be written: {error}. It is as it was.", target.display()))
    };
    let merged = if merging {
        let existing = match std::fs::read_to_string(&target) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(cannot(error)),
        };
        merge(&existing, new).map_err(|why| {
            broken(&format!("in {}", target.display()), &why)
                .hint("Nothing was changed. Write to another file with -output=FILE instead of -merge.")
        })?
    } else {
        new.clone()
    };
    let folder: PathBuf = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let replace = || -> std::io::Result<()> {
        std::fs::create_dir_all(&folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(".kubeconfig-")
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(&folder)?;
        file.write_all(yaml::write(&merged).as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&target).map_err(|error| error.error)?;
        Ok(())
    };
    replace().map_err(cannot)
}

fn one_document(text: &str) -> Result<Node, String> {
    let mut documents = yaml::read(text)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err("it is no single document".to_owned()),
    }
}

fn broken(which: &str, why: &str) -> Diagnostic {
    Diagnostic::error("Kubeconfig not understood")
        .detail(format!("The kubeconfig {which} cannot be used: {why}."))
}
