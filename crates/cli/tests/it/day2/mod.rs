//! Work on running stacks: every command against servers and a cluster made of files.

mod backup;
mod deploy;
mod deploy_api;
mod fake;
mod kube;
mod reach;
mod rotate;
mod snapshot;
mod status;
mod upgrade;
mod upgrade_api;

#[cfg(target_os = "linux")]
pub(crate) use self::fake::real_kubectl;
