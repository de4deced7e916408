//! Whether the service says that it is well, at the address that the contract names.

use std::time::Duration;

use ferroform_core::Diagnostic;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Serialize;

use crate::web::{causes, is_loopback};

/// How long the service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many redirects are followed, as from http to https.
const MOST_REDIRECTS: usize = 3;

/// What the service says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HealthStatus {
    pub url: String,
    /// Whether it is well: its answer's status is one of success.
    pub well: bool,
    /// The answer's status.
    pub code: u16,
}

/// Asks. None where the address is not to be asked: a run against the local cloud has nothing to do with whatever answers
/// there, which may be the real service.
pub(super) async fn of(url: &str, loopback_only: bool) -> Option<Result<HealthStatus, Diagnostic>> {
    let parsed = match Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => parsed,
        _ => {
            let invalid = Diagnostic::error("Health not asked").detail(format!(
                "The contract's health.url, {url:?}, is no address of the web that begins with https:// or http://."
            ));
            return Some(Err(invalid));
        }
    };
    if loopback_only && !is_loopback(&parsed) {
        return None;
    }
    Some(ask(parsed, loopback_only).await)
}

async fn ask(url: Url, loopback_only: bool) -> Result<HealthStatus, Diagnostic> {
    let failed = |error: reqwest::Error| {
        Diagnostic::error("Service not reached").detail(format!("{}.", causes(&error)))
    };
    let follow = move |attempt: reqwest::redirect::Attempt<'_>| {
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("too many redirects")
        } else if loopback_only && !is_loopback(attempt.url()) {
            attempt.stop()
        } else {
            attempt.follow()
        }
    };
    let client = Client::builder()
        .user_agent(concat!("ferroform/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .redirect(Policy::custom(follow))
        .build()
        .map_err(failed)?;
    let answer = client.get(url.clone()).send().await.map_err(failed)?;
    let code = answer.status();
    Ok(HealthStatus { url: url.to_string(), well: code.is_success(), code: code.as_u16() })
}
