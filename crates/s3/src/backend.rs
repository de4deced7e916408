//! What Terraform's backend "s3" is configured with, and what of it has a meaning here.
//!
//! Names, defaults and environment variables are those of Terraform 1.11 ("Backend Type: s3" of its documentation). What would be
//! a silent change of where or how the state is kept is refused; what only tells Amazon's services apart is accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::client::{Client, ClientConfig, is_loopback};
use crate::error::Error;
use crate::sign::Credentials;

/// The first pause before a call is repeated.
const UNIT: Duration = Duration::from_millis(500);
/// The same where the service is on this computer: it is there or it is not, and long waiting is of no use.
const UNIT_HERE: Duration = Duration::from_millis(20);
const DEFAULT_WORKSPACE: &str = "default";
const DEFAULT_PREFIX: &str = "env:";

/// Accepted without any effect: they are about checks and services that are not used here, or about what is so anyhow.
const HARMLESS: [&str; 15] = [
    "use_path_style",
    "force_path_style",
    "skip_credentials_validation",
    "skip_region_validation",
    "skip_requesting_account_id",
    "skip_metadata_api_check",
    "skip_s3_checksum",
    "max_retries",
    "retry_mode",
    "iam_endpoint",
    "sts_endpoint",
    "dynamodb_endpoint",
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "sts_region",
];

const KEYS_ONLY: &str = "keys are taken from `access_key` and `secret_key`, or from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                         and from nowhere else";
const KEYS_OF_OWN: &str = "encryption with keys of one's own is not there; `encrypt = true` asks the service to encrypt with its keys";

/// Refused, with the reason.
const REFUSED: [(&str, &str); 24] = [
    (
        "dynamodb_table",
        "locks are not kept in DynamoDB; `use_lockfile = true` keeps them beside the state, as Terraform 1.11 does",
    ),
    ("profile", KEYS_ONLY),
    ("shared_config_files", KEYS_ONLY),
    ("shared_credentials_file", KEYS_ONLY),
    ("shared_credentials_files", KEYS_ONLY),
    ("assume_role", KEYS_ONLY),
    ("assume_role_with_web_identity", KEYS_ONLY),
    ("role_arn", KEYS_ONLY),
    ("session_name", KEYS_ONLY),
    ("external_id", KEYS_ONLY),
    ("assume_role_duration_seconds", KEYS_ONLY),
    ("assume_role_policy", KEYS_ONLY),
    ("assume_role_policy_arns", KEYS_ONLY),
    ("assume_role_tags", KEYS_ONLY),
    ("assume_role_transitive_tag_keys", KEYS_ONLY),
    ("kms_key_id", KEYS_OF_OWN),
    ("sse_customer_key", KEYS_OF_OWN),
    ("allowed_account_ids", "the account behind the keys is not looked up, so that it cannot be checked"),
    ("forbidden_account_ids", "the account behind the keys is not looked up, so that it cannot be checked"),
    ("custom_ca_bundle", "certificates are checked with the built-in roots only"),
    ("http_proxy", "proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment"),
    ("https_proxy", "proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment"),
    ("no_proxy", "proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment"),
    ("insecure", "certificates are always checked"),
];

/// Refused when true.
const REFUSED_FLAGS: [(&str, &str); 2] = [
    ("use_fips_endpoint", "name the endpoint itself in `endpoints = { s3 = … }`"),
    ("use_dualstack_endpoint", "name the endpoint itself in `endpoints = { s3 = … }`"),
];

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The argument.
    pub argument: String,
    /// What is wrong with it, without a full stop.
    pub message: String,
}

impl Problem {
    fn new(argument: &str, message: impl Into<String>) -> Problem {
        Problem { argument: argument.to_owned(), message: message.into() }
    }
}

/// Where a state is kept and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The bucket.
    pub bucket: String,
    /// Where the service is.
    pub endpoint: String,
    /// Whether locks are kept beside the state.
    pub use_lockfile: bool,
    key: String,
    workspace_key_prefix: String,
    region: String,
    credentials: Credentials,
    acl: Option<String>,
    encrypt: bool,
}

impl Backend {
    /// Reads a configuration. `env` gives variables of the environment.
    ///
    /// # Errors
    /// The first argument that is missing, unknown, wrong, or means something that cannot be done.
    pub fn new(
        arguments: &BTreeMap<String, Value>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Backend, Problem> {
        let config = Config { arguments, env };
        let Plain { bucket, key, workspace_key_prefix } = config.check()?;
        let region = config.or_env("region", &["AWS_REGION", "AWS_DEFAULT_REGION"])?;
        let region = required("region", region, ", here or in AWS_REGION")?;
        let keys = |name: &str, variable: &str| {
            required(name, config.or_env(name, &[variable])?, &format!(", here or in {variable}"))
        };
        let credentials = Credentials {
            access_key: keys("access_key", "AWS_ACCESS_KEY_ID")?,
            secret_key: keys("secret_key", "AWS_SECRET_ACCESS_KEY")?,
            session_token: config.or_env("token", &["AWS_SESSION_TOKEN"])?,
        };
        Ok(Backend {
            bucket,
            endpoint: config.endpoint(&region)?,
            use_lockfile: config.flag("use_lockfile")?,
            key,
            workspace_key_prefix,
            region,
            credentials,
            acl: config.text("acl")?,
            encrypt: config.flag("encrypt")?,
        })
    }

    /// Whether a configuration can be used as far as that can be told without the environment, which may give what is
    /// missing: names, types, and what can come from nowhere else.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn check(arguments: &BTreeMap<String, Value>) -> Result<(), Problem> {
        Config { arguments, env: &|_| None }.check().map(|_| ())
    }

    /// The key of the state of a workspace, as Terraform names it.
    pub fn state_key(&self, workspace: &str) -> String {
        match workspace {
            DEFAULT_WORKSPACE => self.key.clone(),
            _ => format!("{}{workspace}/{}", self.workspaces_prefix(), self.key),
        }
    }

    /// What the keys of the states of all workspaces but the default one begin with.
    pub fn workspaces_prefix(&self) -> String {
        format!("{}/", self.workspace_key_prefix)
    }

    /// The workspace whose state is at a key, as [`state_key`](Self::state_key) names it; none at other keys.
    pub fn workspace_of<'k>(&self, key: &'k str) -> Option<&'k str> {
        let (workspace, rest) = key.strip_prefix(&self.workspaces_prefix())?.split_once('/')?;
        (rest == self.key && !workspace.is_empty()).then_some(workspace)
    }

    /// What goes along with every object that is written, as [`Put::amz`](crate::Put::amz).
    pub fn instructions(&self) -> Vec<(&'static str, String)> {
        let acl = self.acl.clone().map(|acl| ("acl", acl));
        let encryption = self.encrypt.then(|| ("server-side-encryption", "AES256".to_owned()));
        acl.into_iter().chain(encryption).collect()
    }

    /// A client for it.
    ///
    /// # Errors
    /// Why there cannot be one, for people.
    pub fn client(&self, user_agent: &str) -> Result<Client, String> {
        let here = Url::parse(&self.endpoint).is_ok_and(|url| is_loopback(&url));
        Client::new(ClientConfig {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            credentials: self.credentials.clone(),
            user_agent: user_agent.to_owned(),
            unit: if here { UNIT_HERE } else { UNIT },
            loopback_only: false,
        })
    }
}

/// What an error means to whoever keeps states in a bucket, and how to go on; None where its message says all.
pub fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Unreachable { .. } | Error::Lost { .. } => Some(
            "Check the network connection and the backend's `endpoints`, and run the command again when the service answers.",
        ),
        Error::Refused(refusal) => match refusal.code.as_str() {
            "NoSuchBucket" => {
                Some("The bucket must exist: a state cannot be in a bucket that it manages itself.")
            }
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken" => Some(
                "Check the keys: the backend's `access_key` and `secret_key`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            ),
            "AccessDenied" | "Forbidden" => {
                Some("The keys must be allowed to list, read, write and delete objects of the bucket.")
            }
            "PermanentRedirect" => {
                Some("The bucket is in another region: set the backend's `region` and `endpoints`.")
            }
            "RequestTimeTooSkewed" => Some("The clock of this computer differs from the service's. Set it."),
            "NotImplemented" => Some(
                "The service must know conditional writes (If-None-Match and If-Match), which keep two runs apart.",
            ),
            _ => None,
        },
        _ => None,
    }
}

fn required(name: &str, value: Option<String>, how: &str) -> Result<String, Problem> {
    value.ok_or_else(|| Problem::new(name, format!("it is required{how}")))
}

/// What comes from the configuration alone.
struct Plain {
    bucket: String,
    key: String,
    workspace_key_prefix: String,
}

struct Config<'a> {
    arguments: &'a BTreeMap<String, Value>,
    env: &'a dyn Fn(&str) -> Option<String>,
}

impl Config<'_> {
    fn check(&self) -> Result<Plain, Problem> {
        self.check_names()?;
        let key = required("key", self.text("key")?, "")?;
        let prefix = self.text("workspace_key_prefix")?;
        let workspace_key_prefix = prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
        for (name, value) in [("key", &key), ("workspace_key_prefix", &workspace_key_prefix)] {
            if value.starts_with('/') || value.ends_with('/') {
                return Err(Problem::new(name, "it must neither begin nor end with \"/\""));
            }
        }
        for name in ["region", "access_key", "secret_key", "token", "acl"] {
            self.text(name)?;
        }
        for name in ["use_lockfile", "encrypt"] {
            self.flag(name)?;
        }
        // Whatever region it is for.
        self.endpoint("")?;
        Ok(Plain { bucket: required("bucket", self.text("bucket")?, "")?, key, workspace_key_prefix })
    }

    fn check_names(&self) -> Result<(), Problem> {
        const USED: [&str; 12] = [
            "access_key",
            "acl",
            "bucket",
            "encrypt",
            "endpoint",
            "endpoints",
            "key",
            "region",
            "secret_key",
            "token",
            "use_lockfile",
            "workspace_key_prefix",
        ];
        for (name, value) in self.arguments.iter().filter(|(_, value)| !value.is_null()) {
            if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| refused == name) {
                // Nothing is asked for by nothing.
                if *value != Value::Bool(false) {
                    return Err(Problem::new(name, format!("it is not supported: {why}")));
                }
            } else if let Some((_, why)) = REFUSED_FLAGS.iter().find(|(refused, _)| refused == name) {
                if self.flag(name)? {
                    return Err(Problem::new(name, format!("it is not supported: {why}")));
                }
            } else if !USED.contains(&name.as_str()) && !HARMLESS.contains(&name.as_str()) {
                return Err(Problem::new(
                    name,
                    format!("an argument of that name is not expected; there are {}", USED.join(", ")),
                ));
            }
        }
        Ok(())
    }

    fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.arguments.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Err(Problem::new(name, "it must not be empty")),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Problem::new(name, "a string is required")),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.arguments.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            // As Terraform converts them.
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(_) => Err(Problem::new(name, "a bool is required")),
        }
    }

    /// An argument, or else the first of these variables that is set.
    fn or_env(&self, name: &str, variables: &[&str]) -> Result<Option<String>, Problem> {
        let from_env =
            || variables.iter().find_map(|name| (self.env)(name).filter(|value| !value.is_empty()));
        Ok(self.text(name)?.or_else(from_env))
    }

    fn endpoint(&self, region: &str) -> Result<String, Problem> {
        let mut named = None;
        match self.arguments.get("endpoints") {
            None | Some(Value::Null) => {}
            Some(Value::Object(endpoints)) => {
                for (service, address) in endpoints {
                    match (service.as_str(), address) {
                        (_, Value::Null) | ("dynamodb" | "iam" | "sso" | "sts", Value::String(_)) => {}
                        ("s3", Value::String(address)) => named = Some(address.clone()),
                        _ => {
                            return Err(Problem::new(
                                "endpoints",
                                format!("{service:?} is not a service with an address; \"s3\" is"),
                            ));
                        }
                    }
                }
            }
            Some(_) => return Err(Problem::new("endpoints", "an object is required")),
        }
        let named = match named {
            Some(named) => Some(named),
            None => {
                self.or_env("endpoint", &["AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL"])?
            }
        };
        let named = named.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        // Terraform takes an address without a scheme for one with TLS.
        Ok(if named.contains("://") { named } else { format!("https://{named}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn backend(arguments: &Value, env: &[(&str, &str)]) -> Result<Backend, Problem> {
        let arguments: BTreeMap<String, Value> = serde_json::from_value(arguments.clone()).unwrap();
        let env = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Backend::new(&arguments, &env)
    }

    fn with(more: &Value) -> Value {
        let mut all =
            json!({"bucket": "b", "key": "a/k", "region": "fsn1", "access_key": "x", "secret_key": "y"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    }

    #[test]
    fn states_of_workspaces_have_terraforms_keys() {
        // Terraform's documentation of the backend: "workspace_key_prefix", default env:.
        for (more, workspace, key) in [
            (json!({}), "default", "a/k"),
            (json!({}), "dev", "env:/dev/a/k"),
            (json!({"workspace_key_prefix": "w/s"}), "dev", "w/s/dev/a/k"),
            (json!({"workspace_key_prefix": "w"}), "default", "a/k"),
        ] {
            let backend = backend(&with(&more), &[]).unwrap();
            assert_eq!(backend.state_key(workspace), key);
            assert!(key.starts_with(&backend.workspaces_prefix()) || workspace == "default");
            let found = backend.workspace_of(key);
            assert_eq!(found, Some(workspace).filter(|name| *name != "default"), "{key}");
            assert_eq!(backend.workspace_of(&format!("{key}.tflock")), None);
        }
    }

    #[test]
    fn arguments_count_before_the_environment() {
        let env = [
            ("AWS_REGION", "r"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
        ];
        let found = backend(&json!({"bucket": "b", "key": "k", "use_lockfile": "true"}), &env).unwrap();
        assert_eq!((found.region.as_str(), found.endpoint.as_str()), ("r", "http://127.0.0.1:1"));
        assert_eq!(found.credentials.secret_key, "secret");
        assert!(found.use_lockfile);
        let found =
            backend(&with(&json!({"endpoints": {"s3": "fsn1.example.com", "sts": "x"}})), &env).unwrap();
        assert_eq!((found.region.as_str(), found.endpoint.as_str()), ("fsn1", "https://fsn1.example.com"));
        assert!(!found.use_lockfile);
        assert_eq!(backend(&with(&json!({})), &[]).unwrap().endpoint, "https://s3.fsn1.amazonaws.com");
    }

    #[test]
    fn what_cannot_be_done_is_refused_and_what_means_nothing_is_not() {
        for (more, argument) in [
            (json!({"dynamodb_table": "locks"}), Some("dynamodb_table")),
            (json!({"kms_key_id": "k"}), Some("kms_key_id")),
            (json!({"assume_role": {"role_arn": "r"}}), Some("assume_role")),
            (json!({"use_fips_endpoint": true}), Some("use_fips_endpoint")),
            (json!({"use_fips_endpoint": false, "insecure": false, "profile": null}), None),
            (json!({"use_path_style": true, "skip_region_validation": true, "skip_s3_checksum": true}), None),
            (json!({"nonsense": 1}), Some("nonsense")),
            (json!({"bucket": ""}), Some("bucket")),
            (json!({"bucket": null}), Some("bucket")),
            (json!({"key": "/k"}), Some("key")),
            (json!({"key": 7}), Some("key")),
            (json!({"encrypt": "perhaps"}), Some("encrypt")),
            (json!({"region": null}), Some("region")),
            (json!({"secret_key": null}), Some("secret_key")),
            (json!({"endpoints": {"s4": "x"}}), Some("endpoints")),
        ] {
            let problem = backend(&with(&more), &[]).err();
            assert_eq!(problem.as_ref().map(|p| p.argument.as_str()), argument, "{more} {problem:?}");
        }
    }

    #[test]
    fn what_the_environment_may_give_is_not_missed_by_a_check() {
        for (arguments, argument) in [
            (json!({"bucket": "b", "key": "k"}), None),
            (json!({"bucket": "b", "key": "k", "region": ""}), Some("region")),
            (json!({"bucket": "b", "key": "k", "use_lockfile": "perhaps"}), Some("use_lockfile")),
            (json!({"bucket": "b", "key": "k", "endpoints": 7}), Some("endpoints")),
            (json!({"bucket": "b"}), Some("key")),
            (json!({"key": "k"}), Some("bucket")),
            (json!({"bucket": "b", "key": "k", "profile": "me"}), Some("profile")),
        ] {
            let arguments: BTreeMap<String, Value> = serde_json::from_value(arguments).unwrap();
            let problem = Backend::check(&arguments).err();
            assert_eq!(problem.as_ref().map(|p| p.argument.as_str()), argument, "{arguments:?} {problem:?}");
        }
    }

    #[test]
    fn instructions_go_along_with_every_object() {
        let found = backend(&with(&json!({"encrypt": true, "acl": "private"})), &[]).unwrap();
        let expected = [("acl", "private".to_owned()), ("server-side-encryption", "AES256".to_owned())];
        assert_eq!(found.instructions(), expected);
    }
}
