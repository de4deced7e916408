//! What Terraform does with the hcloud provider as a plugin. The plugin and its local cloud are at hand in the tests of
//! their crate, which do the work.

use std::process::Command;

use super::Result;

/// Records the cases of these names, all if there are none, or compares.
///
/// # Errors
/// When something differs, or cargo cannot be run.
pub(super) fn run(names: &[String], check: bool) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::workspace_root());
    command.args(["test", "--quiet", "--package", "ferroform-provider-hcloud-plugin", "--test", "it", "--"]);
    command.args(["--ignored", "--exact", "oracle::terraform_says_what_is_recorded"]);
    command.env("FERROFORM_ORACLE", if check { "check" } else { "record" });
    command.env("FERROFORM_ORACLE_CASES", names.join(","));
    if command.status()?.success() {
        return Ok(());
    }
    Err("provider: the recordings differ from what Terraform does with the plugin, as said above".into())
}
