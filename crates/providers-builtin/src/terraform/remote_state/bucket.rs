//! States in buckets, as the backend "s3" keeps them.

use std::collections::BTreeMap;

use ferroform_core::{Diagnostic, Diagnostics, Value, wire};
use ferroform_s3::backend::{self, Backend, Problem};

use super::{invalid, settings};

const NAME: &str = "s3";
const USER_AGENT: &str = concat!("ferroform/", env!("CARGO_PKG_VERSION"));

/// What the block gives the backend, by name.
pub(super) type Arguments = BTreeMap<String, serde_json::Value>;

fn refused(problem: &Problem) -> Diagnostics {
    invalid(NAME, &format!("{:?}: {}", problem.argument, problem.message))
}

fn arguments(config: &Value) -> Result<Arguments, Diagnostics> {
    let settings = settings(NAME, config)?.into_iter().flatten();
    let argument = |(name, value): (&std::sync::Arc<str>, &Value)| {
        let plain = wire::to_json(value, &value.ty());
        let plain = plain.map_err(|why| invalid(NAME, &format!("{name:?}: {why}")))?;
        Ok((name.to_string(), plain))
    };
    settings.map(argument).collect()
}

/// As the block configures it; what the environment gives is not looked at.
pub(super) fn configured(config: &Value) -> Result<Arguments, Diagnostics> {
    let arguments = arguments(config)?;
    Backend::check(&arguments).map_err(|problem| refused(&problem))?;
    Ok(arguments)
}

/// Where the state of a workspace is, for people, and its content if it is there.
pub(super) async fn fetch(
    arguments: &Arguments,
    workspace: &str,
) -> Result<(String, Option<Vec<u8>>), Diagnostics> {
    let env = |name: &str| std::env::var(name).ok();
    let backend = Backend::new(arguments, &env).map_err(|problem| refused(&problem))?;
    let client = backend.client(USER_AGENT).map_err(|why| invalid(NAME, &why))?;
    let key = backend.state_key(workspace);
    let name = format!("s3://{}/{key}", backend.bucket);
    match client.get_object(&backend.bucket, &key).await {
        Ok(found) => Ok((name, found.map(|(bytes, _)| bytes.to_vec()))),
        Err(error) => {
            let failed = Diagnostic::error("Failed to read state file")
                .detail(format!("The state {name} could not be read: {error}."));
            Err(match backend::hint(&error) {
                Some(hint) => failed.hint(hint),
                None => failed,
            }
            .into())
        }
    }
}
