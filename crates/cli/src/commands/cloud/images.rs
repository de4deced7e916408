//! `cloud image build`, `cloud image list`, `cloud doctor` and `cloud prune`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};
use ferroform_hcloud_emulator::{DEFAULT_BASE, abandoned_worlds, doctor, image};
use serde_json::json;

use super::super::Outcome;
use super::machines::json_of;
use crate::args::{DoctorArgs, ImageArgs, ImageBuildArgs, ImageCommand, ImageListArgs, PruneArgs};
use crate::cloud::entering::need_root;
use crate::context::{Context, Reported};
use crate::terminal::Terminal;
use crate::views::style::{Paint, Style};
use crate::views::table::table;

fn folder(given: Option<&PathBuf>) -> PathBuf {
    given.cloned().unwrap_or_else(|| PathBuf::from(DEFAULT_BASE))
}

pub(crate) fn run(args: &ImageArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        ImageCommand::Build(args) => build(args, terminal),
        ImageCommand::List(args) => list(args, terminal),
    }
}

fn build(args: &ImageBuildArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    context.take(need_root(), &none)?;
    let folder = folder(args.machines_dir.as_ref());
    let names = match args.names.as_slice() {
        [] => vec![context.take(image::mapping("").map_err(failed), &none)?.base],
        names => names.to_vec(),
    };
    let mut made: Vec<String> = Vec::new();
    for name in &names {
        let mapping = context.take(image::mapping(name).map_err(failed), &none)?;
        if let Some(said) = &mapping.said {
            terminal.print(&format!("{said}\n"));
        }
        if made.contains(&mapping.base) {
            continue;
        }
        make(&context, name, &folder)?;
        made.push(mapping.base);
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the image that suits this computer unless there is one: the first machine needs it, and waiting goes better
/// with a reason.
pub(crate) fn ensure(context: &Context<'_>, machines_dir: Option<PathBuf>) -> Result<(), Reported> {
    let none = Sources::new();
    context.take(need_root(), &none)?;
    let folder = folder(machines_dir.as_ref());
    // Where machines cannot run, the start of the cloud says why.
    let Ok(mapping) = image::mapping("") else { return Ok(()) };
    if doctor::refusal(&doctor::examine(&folder)).is_some()
        || image::list(&folder).iter().any(|image| image.name == mapping.base)
    {
        return Ok(());
    }
    context.print(&format!(
        "Making the image {} that machines are layered on. This is done once.\n",
        mapping.base
    ));
    make(context, &mapping.base, &folder)
}

fn make(context: &Context<'_>, name: &str, folder: &Path) -> Result<(), Reported> {
    let mut progress = |step: &str| context.print(&format!("  {step}\n"));
    let image = context.take(image::build(name, folder, &mut progress).map_err(failed), &Sources::new())?;
    context.print(&format!("The image {} is in {}.\n", image.name, image.folder.display()));
    Ok(())
}

fn failed(why: String) -> Diagnostic {
    Diagnostic::error("Image cannot be made").detail(why)
}

fn list(args: &ImageListArgs, terminal: &Terminal) -> Outcome {
    let images = image::list(&folder(args.machines_dir.as_ref()));
    terminal.print(&if args.json {
        let shown = images.iter().map(|image| {
            json!({
                "name": image.name,
                "made": image.made,
                "bytes": image.bytes,
                "folder": image.folder,
                "current": image.current,
            })
        });
        json_of(&shown.collect::<Vec<_>>())
    } else if images.is_empty() {
        "There are no images. Make one: ferroform cloud image build\n".to_owned()
    } else {
        let rows = images.iter().map(|image| {
            [
                image.name.clone(),
                day(image.made),
                size(image.bytes),
                if image.current { "yes" } else { "no" }.to_owned(),
            ]
        });
        table(["NAME", "MADE", "SIZE", "CURRENT"], rows)
    });
    Ok(ExitCode::SUCCESS)
}

fn day(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map(|moment| moment.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn size(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

pub(crate) fn doctor(args: &DoctorArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let checks = doctor::examine(Path::new(&folder(args.machines_dir.as_ref())));
    let good = doctor::refusal(&checks).is_none();
    if args.json {
        let shown = checks.iter().map(|check| {
            json!({
                "name": check.name,
                "ok": check.ok,
                "optional": check.optional,
                "detail": check.detail,
                "fix": check.fix,
            })
        });
        terminal.print(&json_of(&json!({"machines": good, "checks": shown.collect::<Vec<_>>()})));
    } else {
        terminal.print(&render(&checks, good, &context.style));
    }
    if good { Ok(ExitCode::SUCCESS) } else { Err(Reported) }
}

pub(crate) fn prune(args: &PruneArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    context.take(need_root(), &none)?;
    let worlds = abandoned_worlds(&folder(args.machines_dir.as_ref()));
    for world in &worlds {
        let place = world.state_file.display();
        let failed =
            |why: String| Diagnostic::error("Machines cannot be removed").detail(format!("{place}: {why}."));
        context.take(world.erase().map_err(failed), &none)?;
        terminal.print(&format!("Removed what was left of the local cloud {place}.\n"));
    }
    if worlds.is_empty() {
        terminal.print("There is nothing to remove: every local cloud with machines is still there.\n");
    }
    Ok(ExitCode::SUCCESS)
}

fn render(checks: &[doctor::Check], good: bool, style: &Style) -> String {
    let mut text = String::new();
    for check in checks {
        let (word, paint) = match (check.ok, check.optional) {
            (true, _) => ("ok", Paint::Green),
            (false, true) => ("optional", Paint::Yellow),
            (false, false) => ("missing", Paint::Red),
        };
        let padding = " ".repeat(8 - word.len());
        text.push_str(&format!("{}{padding}  {}: {}", style.paint(paint, word), check.name, check.detail));
        if !check.fix.is_empty() {
            text.push_str(&format!("; {}", check.fix));
        }
        text.push('\n');
    }
    text.push_str(if good {
        "\nMachines can run on this computer.\n"
    } else {
        "\nMachines cannot run on this computer as it is. The local cloud itself can.\n"
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_its_remedy() {
        let check = |name: &str, ok, optional, detail: &str, fix: &str| doctor::Check {
            name: name.to_owned(),
            ok,
            optional,
            detail: detail.to_owned(),
            fix: fix.to_owned(),
        };
        let checks = [
            check("root", true, false, "this process runs as root", ""),
            check("nft", false, false, "not found", "apt-get install nftables"),
            check("mkfs.xfs", false, true, "not found", "apt-get install xfsprogs"),
        ];
        let expected = "\
ok        root: this process runs as root
missing   nft: not found; apt-get install nftables
optional  mkfs.xfs: not found; apt-get install xfsprogs

Machines cannot run on this computer as it is. The local cloud itself can.
";
        assert_eq!(render(&checks, false, &Style { color: false, width: 80 }), expected);
    }

    #[test]
    fn days_and_sizes_are_short() {
        assert_eq!((day(1_791_244_800), size(444_500_001)), ("2026-10-06".to_owned(), "445 MB".to_owned()));
    }
}
