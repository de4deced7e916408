//! The data sources, a file each.

pub(crate) mod image;
pub(crate) mod location;
pub(crate) mod network;
pub(crate) mod server_type;
pub(crate) mod ssh_key;

use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};

use crate::attrs::Attrs;

fn schema(block: Block) -> Schema {
    Schema { version: 0, block }
}

/// A text that configuration may search by, and that is told otherwise. The published provider does not flag such
/// attributes as computed.
fn optional_text() -> Attribute {
    Attribute::optional(Type::String)
}

fn computed_text() -> Attribute {
    Attribute::computed(Type::String)
}

/// A label selector with the message that it is out of use.
fn old_selector() -> Attribute {
    let mut attribute = Attribute::optional(Type::String);
    attribute.deprecated = Some("Use `with_selector`.".to_owned());
    attribute
}

/// The label selector that was given, under its new or old name.
fn selector(config: Attrs<'_>) -> Option<&str> {
    config.text("with_selector").or(config.text("selector"))
}
