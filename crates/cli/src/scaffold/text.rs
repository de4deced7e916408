//! Paths, and the links in documents.

/// Where a relative path leads from a folder, without `.` and `..`; nothing if it leads out of everything.
pub(super) fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The path from a folder to a place; both are relative to the same one.
pub(super) fn relative(folder: &str, target: &str) -> String {
    let parts = |path: &'_ str| {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (from, to) = (parts(folder), parts(target));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    let path: Vec<String> = up.chain(to[common..].iter().cloned()).collect();
    if path.is_empty() { ".".to_owned() } else { path.join("/") }
}

/// A document with its links leading to where things are now, and paths below the stack's folder written from the
/// project's. A link to what is not part of the project becomes plain text.
pub(super) fn rewrite_document(
    text: &str,
    stack: &str,
    markdown: bool,
    moved: &dyn Fn(&str) -> Option<String>,
) -> String {
    let text = text.replace(&format!("{stack}/"), "");
    if !markdown {
        // Settings that say where the stack is: here.
        return text.replace(stack, ".");
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    // [label](target): labels hold no brackets of their own in our documents.
    while let Some(middle) = rest.find("](") {
        let (before, behind) = (&rest[..middle], &rest[middle + 2..]);
        let (Some(open), Some(close)) = (before.rfind('['), behind.find(')')) else {
            out.push_str(&rest[..middle + 2]);
            rest = behind;
            continue;
        };
        let (label, link) = (&before[open + 1..], &behind[..close]);
        out.push_str(&before[..open]);
        let (path, anchor) = link.split_at(link.find('#').unwrap_or(link.len()));
        let elsewhere = path.is_empty() || path.contains(':') || path.starts_with('/');
        match moved(path).filter(|_| !elsewhere) {
            _ if elsewhere => out.push_str(&format!("[{label}]({link})")),
            Some(new) => out.push_str(&format!("[{label}]({new}{anchor})")),
            None => out.push_str(label),
        }
        rest = &behind[close + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_from_one_place_to_another() {
        for (folder, path, target) in [
            ("a/b", "../c", Some("a/c")),
            ("a/b", "./c/", Some("a/b/c")),
            ("a/b", "../..", Some("")),
            ("a/b", "../../..", None),
            ("", "x", Some("x")),
        ] {
            assert_eq!(resolve(folder, path).as_deref(), target, "{folder} {path}");
        }
        for (folder, target, path) in [
            ("a/b", "a/c", "../c"),
            ("", "modules/x", "modules/x"),
            ("a/b", "a/b", "."),
            ("a/b", "a", ".."),
            ("a", "b/c/d", "../b/c/d"),
        ] {
            assert_eq!(relative(folder, target), path);
            assert_eq!(resolve(folder, path).unwrap(), target);
        }
    }

    #[test]
    fn settings_say_where_the_stack_is_now() {
        let text = "STACK: stacks/s\nrun: stacks/s/ci/check \"$STACK\" modules # [x](y)\n";
        let expected = "STACK: .\nrun: ci/check \"$STACK\" modules # [x](y)\n";
        assert_eq!(rewrite_document(text, "stacks/s", false, &|_| None), expected);
    }

    #[test]
    fn links_follow_what_they_lead_to() {
        let moved = |path: &str| (path == "../old/x.md").then(|| "new/x.md".to_owned());
        for (text, expected) in [
            ("a [b](../old/x.md) c", "a [b](new/x.md) c"),
            ("a [b](../old/x.md#part) c", "a [b](new/x.md#part) c"),
            ("a [b](#part), [c](https://example.org/#x)", "a [b](#part), [c](https://example.org/#x)"),
            ("[gone](../gone.md), [b](../old/x.md)", "gone, [b](new/x.md)"),
            ("`cd stacks/s/environments/dev`", "`cd environments/dev`"),
            ("an odd ]( in it", "an odd ]( in it"),
        ] {
            assert_eq!(rewrite_document(text, "stacks/s", true, &moved), expected);
        }
    }
}
