//! How a local Hetzner Cloud is served from a command line: the options, what they ask of the emulator, and what is said to
//! whoever started it. `ferroform cloud serve` has all of this and machines besides; `ferroform-cloud` is this alone.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ferroform_hcloud_emulator::{Builder, ClockMode, Emulator, Error, Fault, Handle, RateLimit};

/// Longest file of faults, in bytes.
const FAULTS_LIMIT: u64 = 1 << 20;

/// Options of a local cloud that is served.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// Where to listen; loopback only. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Keep the world in this file, so that it survives.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// A bearer token of 64 characters, each with a project of its own; may be given many times. One is made if none is given.
    #[arg(long, value_name = "TOKEN")]
    pub token: Vec<String>,
    /// A file that holds such a token.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How many times faster than in reality time goes; 0 for no waiting at all.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub time_scale: f64,
    /// Requests an hour; 0 for no limit.
    #[arg(long, value_name = "N", default_value_t = 3600)]
    pub rate_limit: u32,
    /// Let a project have any number of objects, beyond the limits that Hetzner sets a customer.
    #[arg(long)]
    pub no_object_limits: bool,
    /// What goes wrong in it: faults as JSON, as POST /_emulator/faults takes them.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// End after so long without a request, such as 10m.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub idle_exit: Option<Duration>,
}

/// Why options cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionsError {
    /// What is wrong, constant.
    pub summary: &'static str,
    /// What exactly, and why.
    pub detail: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl OptionsError {
    fn new(summary: &'static str, detail: String) -> Self {
        OptionsError { summary, detail, hint: None }
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.summary, self.detail)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\n{hint}"))
    }
}

impl std::error::Error for OptionsError {}

impl ServeOptions {
    /// The emulator that the options ask for.
    ///
    /// # Errors
    /// When the time scale is no number from 0, or a file cannot be read or holds something else.
    pub fn builder(&self) -> Result<Builder, OptionsError> {
        let clock = match self.time_scale {
            0.0 => ClockMode::Instant,
            1.0 => ClockMode::Real,
            scale if scale > 0.0 && scale.is_finite() => ClockMode::Scaled(scale),
            _ => {
                let detail = "The time scale is a positive number, or 0 for no waiting at all.";
                return Err(OptionsError::new("Invalid time scale", detail.to_owned()));
            }
        };
        let limit = match self.rate_limit {
            0 => RateLimit::Unlimited,
            limit => RateLimit::PerHour(limit),
        };
        let mut builder = Emulator::builder().listen(self.listen).clock(clock).rate_limit(limit);
        for token in &self.token {
            builder = builder.token(token);
        }
        if let Some(path) = &self.token_file {
            let token = std::fs::read_to_string(path).map_err(|error| {
                OptionsError::new("Token cannot be read", format!("{}: {error}.", path.display()))
            })?;
            builder = builder.token(token.trim());
        }
        if let Some(path) = &self.state {
            builder = builder.state_file(path);
        }
        if self.no_object_limits {
            builder = builder.no_object_limits();
        }
        if let Some(path) = &self.faults {
            builder = builder.faults(read_faults(path)?);
        }
        if let Some(idle) = self.idle_exit {
            builder = builder.idle_exit(idle);
        }
        Ok(builder)
    }
}

/// The faults that a file describes.
///
/// # Errors
/// When the file cannot be read, is longer than a megabyte, or holds something else.
pub fn read_faults(path: &Path) -> Result<Vec<Fault>, OptionsError> {
    let refused = |why: &str| OptionsError {
        summary: "Faults cannot be read",
        detail: format!(
            "The file of faults {} cannot be used: {}.",
            path.display(),
            why.trim_end_matches('.')
        ),
        hint: Some(
            "docs/local-cloud.md says what a fault can be. \
             The simplest one: {\"faults\": [{\"path\": \"/servers\", \"effect\": {\"error\": \"locked\"}}]}"
                .to_owned(),
        ),
    };
    let mut json = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FAULTS_LIMIT + 1).read_to_end(&mut json));
    read.map_err(|error| refused(&error.to_string()))?;
    if json.len() as u64 > FAULTS_LIMIT {
        return Err(refused("it is longer than a megabyte"));
    }
    Fault::parse(&json).map_err(|error| refused(&error.to_string()))
}

/// Reads a duration such as `10s`, `2m30s` or `500ms`; `0` needs no unit.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        rest = &rest[letters..];
        total += number * unit;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(total).ok()).flatten()
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| {
        format!("{text:?} is not a duration; write a number with a unit, such as 10s or 2m30s")
    })
}

/// Starts a cloud; one that is just ending gets a moment to let go of the world's file.
///
/// # Errors
/// When it does not start, as [`Builder::start`] says.
pub async fn start(builder: Builder) -> Result<Handle, Error> {
    const TRIES: u32 = 50;
    for _ in 1..TRIES {
        match builder.clone().start().await {
            Err(Error::InUse { .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
            other => return other,
        }
    }
    builder.start().await
}

/// What is said to whoever started a cloud: how clients reach it.
#[must_use]
pub fn greeting(handle: &Handle) -> String {
    let (endpoint, token, storage) = (handle.endpoint(), handle.token(), handle.object_storage());
    format!(
        "A local Hetzner Cloud is running. Any hcloud client can use it:\n\n  \
         export HCLOUD_ENDPOINT={endpoint}\n  export HETZNER_ENDPOINT={endpoint}\n  export HCLOUD_TOKEN={token}\n\n\
         Its object storage is for any client of S3:\n\n  \
         export AWS_ENDPOINT_URL={}\n  export AWS_ACCESS_KEY_ID={}\n  export AWS_SECRET_ACCESS_KEY={}\n\n\
         A page shows what is in it, with the token as password: http://{}/_emulator\n\n\
         Ctrl-C ends it.\n",
        storage.endpoint,
        storage.access_key,
        storage.secret_key,
        handle.address(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, seconds) in [
            ("0", Some(0.0)),
            ("10s", Some(10.0)),
            ("2m30s", Some(150.0)),
            ("500ms", Some(0.5)),
            ("1.5h", Some(5400.0)),
            ("", None),
            ("10", None),
            ("s", None),
            ("1d", None),
            ("1..5s", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(parse_duration(text).map(|parsed| parsed.as_secs_f64()), seconds, "{text:?}");
        }
    }
}
