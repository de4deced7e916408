//! `ferroform-provider-hcloud`: the hcloud provider for Terraform and OpenTofu, which start it as
//! `terraform-provider-hcloud`. See `docs/plugin.md`.

use std::io::Write as _;
use std::process::ExitCode;

use ferroform_provider::ProviderFactory as _;
use ferroform_provider_hcloud::{HcloudFactory, Pace, Settings};
use ferroform_tf_plugin::{Expectations, Server};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing better can be done when even standard error is closed.
            let _ = writeln!(std::io::stderr().lock(), "ferroform-provider-hcloud: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let provider = HcloudFactory::new(settings()).create();
        let server = Server::start(&Expectations::from_environment(variable), provider)?;
        // Ctrl-C reaches Terraform and this process alike. Terraform decides, and says so by a request.
        let _interrupts = signal(SignalKind::interrupt())?;
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{}", server.handshake())?;
        stdout.flush()?;
        drop(stdout);
        Ok(server.run().await?)
    })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the environment says for every `provider` block.
fn settings() -> Settings {
    let mut settings =
        Settings::new().user_agent(concat!("ferroform-provider-hcloud/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = variable("HCLOUD_TOKEN") {
        settings = settings.token(token);
    }
    if let Some(endpoint) = variable("HCLOUD_ENDPOINT") {
        settings = settings.endpoint(endpoint);
    }
    if let Some(endpoint) = variable("HETZNER_ENDPOINT") {
        settings = settings.hetzner_endpoint(endpoint);
    }
    // Test suites set it, so that a mistake in one can never reach the real API.
    if variable("FERROFORM_FORBID_PUBLIC_ENDPOINT").is_some() {
        settings = settings.loopback_only();
    }
    // A local cloud whose actions take no time need not be waited for.
    if variable("FERROFORM_INSTANT_CLOUD").is_some() {
        settings = settings.pace(Pace::INSTANT);
    }
    settings
}
