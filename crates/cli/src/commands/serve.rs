//! `cloud serve`

use std::io::Write;
use std::process::ExitCode;

use ferroform_cloud::{greeting, start};
use ferroform_core::{Diagnostic, Sources};
use ferroform_engine::StopLevel;

use super::Outcome;
use crate::args::ServeArgs;
use crate::cloud::entering::need_root;
use crate::cloud::{Machines, ObjectStorage, Owner, private_file, refused};
use crate::context::Context;
use crate::interrupt;
use crate::terminal::Terminal;

pub(super) async fn run(args: &ServeArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let mut builder = context.take(args.options.builder().map_err(refused), &none)?;
    let machines = args.machines.machines.map(|_| Machines::new(&args.machines, None));
    if let Some(machines) = &machines {
        context.take(need_root(), &none)?;
        builder = builder.machines(machines.options());
    }
    let started = start(builder).await.map_err(|error| {
        let why = error.to_string();
        Diagnostic::error("Local cloud cannot start").detail(format!("{}.", why.trim_end_matches('.')))
    });
    let handle = context.take(started, &none)?;
    let owner = Owner {
        object_storage: Some(ObjectStorage::from(handle.object_storage())),
        endpoint: handle.endpoint(),
        token: handle.token().to_owned(),
        pid: std::process::id(),
        time_scale: args.options.time_scale,
        machines,
    };
    if let Some(path) = &args.owner_file {
        context.take(announce(path, &owner), &none)?;
    } else {
        terminal.print(&greeting(&handle));
    }
    let mut stop = interrupt::listen();
    tokio::select! {
        () = handle.wait_idle() => {}
        _ = stop.wait_for(|level| *level > StopLevel::Run) => {}
    }
    handle.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Tells whoever waits for it how to reach the cloud; the file appears whole.
fn announce(path: &std::path::Path, owner: &Owner) -> Result<(), Diagnostic> {
    let failed = |error: std::io::Error| {
        Diagnostic::error("File cannot be written").detail(format!("{}: {error}.", path.display()))
    };
    let temporary = path.with_extension("new");
    let json = serde_json::to_vec(owner).map_err(|error| failed(error.into()))?;
    private_file(&temporary).and_then(|mut file| file.write_all(&json)).map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)
}
