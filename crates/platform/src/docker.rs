//! Deploying to a Docker host: its own deploy program does it.

use ferroform_core::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::contract::Deploy;
use crate::deploy::ImageChoice;
use crate::remote::{Call, Remote};
use crate::run::{Finished, Streams};

/// A service of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The image that runs.
    #[serde(default)]
    pub image: Option<String>,
    /// Such as `running`.
    #[serde(default)]
    pub state: Option<String>,
    /// Such as `healthy`.
    #[serde(default)]
    pub health: Option<String>,
}

/// What the deploy program says of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The services.
    #[serde(default)]
    pub services: Vec<Service>,
    /// When it was deployed, RFC 3339.
    #[serde(default)]
    pub deployed_at: Option<String>,
}

/// Has the host deploy, its progress passed on.
pub fn deploy(
    remote: Remote<'_>,
    deploy: &Deploy,
    images: &[ImageChoice],
    dry_run: bool,
) -> Result<Finished, Diagnostic> {
    let mut words = vec![deploy.program.clone(), "deploy".to_owned()];
    for choice in images {
        words.extend(["--image".to_owned(), format!("{}={}", choice.service, choice.image)]);
    }
    if dry_run {
        words.push("--dry-run".to_owned());
    }
    let call = Call { streams: Streams::Passed, reads_only: dry_run, ..Call::new(words) };
    remote.done(&deploy.server, call).map_err(rolled_back)
}

/// Has the host go back to what ran before.
pub fn roll_back(remote: Remote<'_>, deploy: &Deploy) -> Result<Finished, Diagnostic> {
    let call = Call { streams: Streams::Passed, ..Call::new([deploy.program.as_str(), "rollback"]) };
    remote.done(&deploy.server, call)
}

/// What runs on the host.
pub fn status(remote: Remote<'_>, deploy: &Deploy) -> Result<Status, Diagnostic> {
    remote.json(&deploy.server, Call::reading([deploy.program.as_str(), "status", "--json"], 60))
}

fn rolled_back(failed: Diagnostic) -> Diagnostic {
    failed.hint(
        "The deploy program goes back to the images before when the new ones fail; ferroform status shows what runs.",
    )
}
