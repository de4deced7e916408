//! `cloud serve`

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use ferroform_core::{Diagnostic, Sources};
use ferroform_engine::StopLevel;
use ferroform_hcloud_emulator::{Builder, ClockMode, Emulator, Error, Handle, RateLimit};

use super::Outcome;
use crate::args::ServeArgs;
use crate::cloud::entering::need_root;
use crate::cloud::{Machines, ObjectStorage, Owner, new_token, private_file, read_faults};
use crate::interrupt;
use crate::settings::parse_duration;
use crate::terminal::Terminal;
use crate::workflow::Context;

pub(super) async fn run(args: &ServeArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal, &Default::default());
    let none = Sources::new();
    let clock = match args.time_scale {
        0.0 => ClockMode::Instant,
        1.0 => ClockMode::Real,
        scale if scale > 0.0 && scale.is_finite() => ClockMode::Scaled(scale),
        _ => {
            let detail = "The time scale is a positive number, or 0 for no waiting at all.";
            return context.take(Err(Diagnostic::error("Invalid time scale").detail(detail)), &none);
        }
    };
    let mut tokens = args.token.clone();
    if let Some(path) = &args.token_file {
        let read = std::fs::read_to_string(path).map_err(|error| {
            Diagnostic::error("Token cannot be read").detail(format!("{}: {error}.", path.display()))
        });
        tokens.push(context.take(read, &none)?.trim().to_owned());
    }
    if tokens.is_empty() {
        tokens.push(context.take(new_token(), &none)?);
    }
    let limit = if args.rate_limit == 0 { RateLimit::Unlimited } else { RateLimit::PerHour(args.rate_limit) };
    let mut builder = Emulator::builder().listen(args.listen).clock(clock).rate_limit(limit);
    for token in &tokens {
        builder = builder.token(token);
    }
    if let Some(path) = &args.state {
        builder = builder.state_file(path);
    }
    if let Some(path) = &args.faults {
        builder = builder.faults(context.take(read_faults(path), &none)?);
    }
    let machines = args.machines.machines.map(|_| Machines::new(&args.machines, None));
    if let Some(machines) = &machines {
        context.take(need_root(), &none)?;
        builder = builder.machines(machines.options());
    }
    let idle = match &args.idle_exit {
        Some(text) => Some(context.take(parse_duration(text), &none)?),
        None => None,
    };
    if let Some(idle) = idle {
        builder = builder.idle_exit(idle);
    }
    let started = start(builder).await.map_err(|error| {
        let why = error.to_string();
        Diagnostic::error("Local cloud cannot start").detail(format!("{}.", why.trim_end_matches('.')))
    });
    let handle = context.take(started, &none)?;
    let object_storage = ObjectStorage::from(handle.object_storage());
    let for_s3 = format!(
        "  export AWS_ENDPOINT_URL={}\n  export AWS_ACCESS_KEY_ID={}\n  export AWS_SECRET_ACCESS_KEY={}\n",
        object_storage.endpoint, object_storage.access_key, object_storage.secret_key
    );
    let owner = Owner {
        object_storage: Some(object_storage),
        endpoint: handle.endpoint(),
        token: tokens[0].clone(),
        pid: std::process::id(),
        time_scale: args.time_scale,
        machines,
    };
    if let Some(path) = &args.owner_file {
        context.take(announce(path, &owner), &none)?;
    } else {
        terminal.print(&format!(
            "A local Hetzner Cloud is running. Any hcloud client can use it:\n\n  export HCLOUD_ENDPOINT={}\n  export HCLOUD_TOKEN={}\n\n\
             Its object storage is for any client of S3:\n\n{for_s3}\nCtrl-C ends it.\n",
            owner.endpoint, owner.token
        ));
    }
    let mut stop = interrupt::listen();
    tokio::select! {
        () = handle.wait_idle() => {}
        _ = stop.wait_for(|level| *level > StopLevel::Run) => {}
    }
    handle.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts the cloud; one that is just ending gets a moment to let go of the world's file.
async fn start(builder: Builder) -> Result<Handle, Error> {
    const TRIES: u32 = 50;
    for _ in 1..TRIES {
        match builder.clone().start().await {
            Err(Error::InUse { .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
            other => return other,
        }
    }
    builder.start().await
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
