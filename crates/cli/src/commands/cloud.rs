//! `cloud status`, `cloud env`, `cloud stop` and `cloud reset`; the others are below.

pub(super) mod hosts;
#[cfg(target_os = "linux")]
pub(crate) mod images;
#[cfg(not(target_os = "linux"))]
#[path = "cloud/no_images.rs"]
pub(crate) mod images;
pub(super) mod machines;

use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};

use super::Outcome;
use crate::args::WhereArgs;
use crate::cloud::LocalCloud;
use crate::context::{Context, Reported};
use crate::settings::Settings;
use crate::terminal::Terminal;

fn open(terminal: &Terminal) -> Result<LocalCloud, Reported> {
    let context = Context::new(terminal);
    let settings =
        context.take(Settings::new(&WhereArgs { local: true, ..WhereArgs::default() }), &Sources::new())?;
    Ok(LocalCloud::new(settings.local_dir()))
}

pub(super) fn status(terminal: &Terminal) -> Outcome {
    let cloud = open(terminal)?;
    let Some(owner) = cloud.running() else {
        let world = if cloud.world_path().exists() {
            "Its world is kept, and the next command with -local starts it again."
        } else {
            "It has no world yet."
        };
        terminal.print(&format!("The local cloud of this directory is not running. {world}\n"));
        return Ok(ExitCode::SUCCESS);
    };
    terminal.print(&format!(
        "The local cloud of this directory is running.\n  endpoint:   {}\n  process:    {}\n  time scale: {}\n  world:      {}\n",
        owner.endpoint,
        owner.pid,
        owner.time_scale,
        cloud.world_path().display()
    ));
    if let Some(machines) = &owner.machines {
        let folder =
            machines.folder.as_ref().map(|dir| format!(", in {}", dir.display())).unwrap_or_default();
        terminal.print(&format!("  machines:   real, egress {}{folder}\n", machines.egress));
    }
    let objects = cloud.objects(&owner).unwrap_or_default();
    for (kind, all) in objects["objects"].as_object().into_iter().flatten() {
        if let Some(count) = all["count"].as_u64().filter(|count| *count > 0) {
            terminal.print(&format!("  {}: {count}\n", kind.replace('_', " ")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The running cloud for other clients, as lines of a shell. Endpoints and tokens hold nothing that would need quotes.
pub(super) fn env(terminal: &Terminal) -> Outcome {
    let cloud = open(terminal)?;
    let context = Context::new(terminal);
    let running = cloud.running().ok_or_else(|| {
        Diagnostic::error("Local cloud not running")
            .detail("The local cloud of this directory is not running, so there is nothing that a client could use.")
            .hint("Any command with -local starts it, such as plan -local.")
    });
    let owner = context.take(running, &Sources::new())?;
    // The API of storage boxes is at the same place.
    terminal.print(&format!(
        "export HCLOUD_ENDPOINT={0}\nexport HETZNER_ENDPOINT={0}\nexport HCLOUD_TOKEN={1}\n",
        owner.endpoint, owner.token
    ));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn stop(terminal: &Terminal) -> Outcome {
    let cloud = open(terminal)?;
    let context = Context::new(terminal);
    let stopped = context.take(cloud.stop(), &Sources::new())?;
    terminal.print(if stopped {
        "The local cloud has stopped; its world is kept.\n"
    } else {
        "The local cloud was not running.\n"
    });
    Ok(ExitCode::SUCCESS)
}

pub(super) fn reset(terminal: &Terminal) -> Outcome {
    let cloud = open(terminal)?;
    let context = Context::new(terminal);
    context.take(cloud.reset(), &Sources::new())?;
    terminal
        .print("The local cloud of this directory is gone, with its world and the state of local runs.\n");
    Ok(ExitCode::SUCCESS)
}
