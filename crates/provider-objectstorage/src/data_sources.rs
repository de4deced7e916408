//! The data sources: a bucket that others manage, and the keys of its objects.

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{AttrPath, Diagnostic, Type, Value};

use crate::attrs::{Attrs, State, text_or_null};
use crate::failure::Failure;
use crate::provider::Cx;
use crate::rules::{self, INVALID, Problems};

pub(crate) const BUCKET: &str = "objectstorage_bucket";
pub(crate) const OBJECTS: &str = "objectstorage_objects";

/// How many keys are read if configuration does not say, and the most that it can say: 100 requests.
const USUAL_KEYS: i64 = 1000;
const MOST_KEYS: i64 = 100_000;

/// The schema of a data source; None if there is no such one.
pub(crate) fn schema(type_name: &str) -> Option<Schema> {
    let told = |ty: Type, text: &str| Attribute::computed(ty).describe(text);
    let block = match type_name {
        BUCKET => Block::of([
            ("name", Attribute::required(Type::String).describe("The name of the bucket.")),
            ("id", told(Type::String, "The name.")),
            ("acl", told(Type::String, "`private`, `public-read` or `other`.")),
            ("versioning", told(Type::Bool, "Whether older versions stay.")),
            ("object_lock", told(Type::Bool, "Whether versions can be kept from being deleted.")),
            ("policy", told(Type::String, "The policy in JSON; null if there is none.")),
            ("location", told(Type::String, "The provider's location.")),
            ("endpoint", told(Type::String, "The address of the S3 API.")),
        ]),
        OBJECTS => Block::of([
            ("bucket", Attribute::required(Type::String).describe("The name of the bucket.")),
            (
                "prefix",
                Attribute::optional(Type::String).describe("Only keys that begin so; all if not set."),
            ),
            (
                "max_keys",
                Attribute::optional(Type::Number)
                    .describe("How many keys to read at most: 1000 if not set, 100000 if you like."),
            ),
            ("id", told(Type::String, "Bucket and prefix, with a slash between.")),
            ("keys", told(Type::list(Type::String), "The keys in order, without those of deleted objects.")),
            ("truncated", told(Type::Bool, "Whether there are more keys than were read.")),
        ]),
        _ => return None,
    };
    Some(Schema { version: 0, block })
}

/// Notes what is wrong with the configuration of a data source.
pub(crate) fn validate(type_name: &str, config: Attrs<'_>, problems: &mut Problems) {
    let name = if type_name == BUCKET { "name" } else { "bucket" };
    // Buckets of old may have names that are not possible any more; an empty one never was.
    if config.text(name) == Some("") {
        problems.add(name, INVALID, "It must not be empty.");
    }
    rules::positive(config, "max_keys", AttrPath::attr("max_keys"), problems);
    if config.int("max_keys").is_some_and(|most| most > MOST_KEYS) {
        problems.add("max_keys", INVALID, format!("It must not be above {MOST_KEYS}."));
    }
}

/// Reads a data source.
pub(crate) async fn read(
    cx: &Cx,
    type_name: &str,
    block: &Block,
    config: Attrs<'_>,
) -> Result<Value, Failure> {
    let mut state = State::new(block, config);
    if type_name == BUCKET {
        let name = config.string("name");
        let found = cx.client.bucket_config(&name).await?.ok_or_else(|| missing(&name))?;
        state.text("id", &name);
        state.text("acl", found.acl.as_str());
        state.set("versioning", Value::bool(found.versioning));
        state.set("object_lock", Value::bool(found.object_lock.is_some()));
        state.set("policy", text_or_null(found.policy.as_deref()));
        state.text("location", &cx.location);
        state.text("endpoint", cx.client.endpoint());
    } else {
        let (bucket, prefix) = (config.string("bucket"), config.string("prefix"));
        let most = config.int("max_keys").unwrap_or(USUAL_KEYS);
        let listed = cx.client.list_keys(&bucket, &prefix, usize::try_from(most).unwrap_or_default()).await;
        let (keys, truncated) = match listed {
            Err(error) if error.is("NoSuchBucket") => return Err(missing(&bucket)),
            listed => listed?,
        };
        state.text("id", &format!("{bucket}/{prefix}"));
        state.set("keys", Value::list(Type::String, keys.iter().map(|key| Value::string_normalised(key))));
        state.set("truncated", Value::bool(truncated));
    }
    Ok(state.finish())
}

fn missing(bucket: &str) -> Failure {
    Diagnostic::error("Nothing found")
        .detail(format!("There is no bucket {bucket:?} at the provider's location."))
        .into()
}
