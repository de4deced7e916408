//! `cargo xtask licences`: checks the licence and the source of every package in the dependency tree.

use std::path::Path;

use serde_json::Value as Json;
use spdx::{Expression, LicenseReq, ParseMode};

use crate::metadata::{self, list, text};
use crate::{Result, say, workspace_root};

/// Licences that may be part of a binary under `Apache-2.0 OR MIT`: none asks more than that notices are kept.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // The root certificates of Mozilla, as data.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Exceptions that only permit more.
const ALLOWED_EXCEPTIONS: &[&str] = &["LLVM-exception"];

/// The licence of every package of the workspace.
const OWN: &str = "Apache-2.0 OR MIT";

/// The only place that dependencies come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Runs the command, which has no options.
///
/// # Errors
/// When cargo cannot be run, or a package is not allowed: all of them, each with the reason.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if let Some(unknown) = args.first() {
        return Err(format!("licences: unknown option {unknown}; usage: licences").into());
    }
    let root = workspace_root();
    let answer = metadata::all_packages(&root)?;
    let packages = list(&answer, "packages");
    let mut wrong: Vec<String> = packages.iter().filter_map(objection).collect();
    wrong.extend(missing_texts(&root));
    if !wrong.is_empty() {
        return Err(format!("licences: {} not allowed\n  {}", wrong.len(), wrong.join("\n  ")).into());
    }
    say(&format!("licences: {} packages, all allowed", packages.len()))
}

/// What is wrong with a package, if anything.
fn objection(package: &Json) -> Option<String> {
    let name = format!("{} {}", text(package, "name"), text(package, "version"));
    let licence = text(package, "license");
    let Some(source) = package["source"].as_str() else {
        // Without a source, it is one of the workspace.
        return (licence != OWN)
            .then(|| format!("{name}: is `{licence}`; packages of the workspace are `{OWN}`"));
    };
    if source != REGISTRY {
        return Some(format!("{name}: comes from {source}; dependencies come from crates.io"));
    }
    if licence.is_empty() {
        return Some(format!("{name}: names no licence in its manifest"));
    }
    // Old manifests write `MIT/Apache-2.0`.
    match Expression::parse_mode(licence, ParseMode::LAX) {
        Ok(expression) if expression.evaluate(is_allowed) => None,
        Ok(_) => Some(format!("{name}: `{licence}` is not among the allowed: {}", ALLOWED.join(", "))),
        Err(error) => Some(format!("{name}: `{licence}` is no SPDX expression: {}", error.reason)),
    }
}

fn is_allowed(requirement: &LicenseReq) -> bool {
    let licence = requirement.license.id().is_some_and(|id| ALLOWED.contains(&id.name));
    let addition = match &requirement.addition {
        Some(addition) => addition.id().is_some_and(|id| ALLOWED_EXCEPTIONS.contains(&id.name)),
        None => true,
    };
    licence && addition
}

fn missing_texts(root: &Path) -> Vec<String> {
    let texts = ["LICENSE-APACHE", "LICENSE-MIT"];
    let missing = texts.iter().filter(|name| !root.join(name).is_file());
    missing.map(|name| format!("{name}: the text is missing")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(licence: &str, allowed: bool) {
        let package = json!({"name": "p", "version": "1.0.0", "license": licence, "source": REGISTRY});
        let said = objection(&package);
        assert_eq!(said.is_none(), allowed, "{licence}: {said:?}");
    }

    #[test]
    fn an_expression_is_allowed_when_one_way_through_it_is() {
        check("MIT", true);
        check("MIT/Apache-2.0", true);
        check("Apache-2.0 / MIT", true);
        check("MIT OR Apache-2.0 OR LGPL-2.1-or-later", true);
        check("(Apache-2.0 OR MIT) AND BSD-3-Clause", true);
        check("Apache-2.0 WITH LLVM-exception", true);
        check("GPL-3.0-only", false);
        check("MIT AND GPL-3.0-only", false);
        check("MPL-2.0", false);
        check("GPL-2.0-only WITH Classpath-exception-2.0", false);
        check("Whatever-1.0", false);
        check("", false);
    }

    #[test]
    fn dependencies_come_from_the_registry() {
        let git =
            json!({"name": "p", "version": "1.0.0", "license": "MIT", "source": "git+https://example.com/p"});
        assert!(objection(&git).is_some_and(|said| said.contains("comes from git+")));
    }

    #[test]
    fn packages_of_the_workspace_have_its_licence() {
        let own = json!({"name": "p", "version": "1.0.0", "license": "MIT", "source": null});
        assert!(objection(&own).is_some());
    }
}
