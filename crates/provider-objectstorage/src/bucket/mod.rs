//! `objectstorage_bucket`: a bucket with all its configuration.

mod apply;
mod schema;
mod validate;
mod values;

pub(crate) use apply::{create, delete, finish, locate, observe, update};
pub(crate) use schema::schema;
pub(crate) use validate::validate;

use ferroform_core::schema::Block;
use ferroform_core::{Type, Value};

use crate::attrs::{Attrs, Planned};
use crate::policy;
use crate::provider::Cx;

pub(crate) const NAME: &str = "objectstorage_bucket";

/// Adds to what is proposed.
pub(crate) fn plan(
    cx: Option<&Cx>,
    block: &Block,
    prior: Option<Attrs<'_>>,
    config: Attrs<'_>,
    plan: &mut Planned,
) {
    plan.default(config, "acl", Value::string("private"));
    plan.default(config, "force_destroy", Value::bool(false));
    plan.default(config, "object_lock", Value::bool(false));
    // Object lock is about versions, and the service turns them on with it.
    let locked = plan.get("object_lock").clone();
    plan.default(config, "versioning", locked);
    plan.set("id", plan.get("name").clone());
    let rules = with_defaults(block, plan.get("lifecycle_rule"));
    plan.set("lifecycle_rule", rules);
    let Some(prior) = prior else {
        plan.unknown("created", Type::String);
        for name in ["location", "endpoint"] {
            plan.unknown(name, Type::String);
        }
        if let Some(cx) = cx {
            plan.set("location", Value::string_normalised(&cx.location));
            plan.set("endpoint", Value::string_normalised(cx.client.endpoint()));
        }
        return;
    };
    if let (Some(before), Some(now)) = (prior.text("policy"), plan.get("policy").as_str())
        && policy::same(before, now)
    {
        plan.set("policy", prior.get("policy").clone());
    }
}

/// The rules with what they leave out.
fn with_defaults(block: &Block, rules: &Value) -> Value {
    let (Some(items), Some(nested)) = (rules.as_slice(), block.blocks.get("lifecycle_rule")) else {
        return rules.clone();
    };
    let items = items.iter().map(|rule| match rule.as_map() {
        Some(attributes) => Value::object(attributes.iter().map(|(name, value)| {
            let unset = &**name == "enabled" && value.is_null();
            (name.clone(), if unset { Value::bool(true) } else { value.clone() })
        })),
        None => rule.clone(),
    });
    Value::list(nested.block.implied_type(), items)
}
