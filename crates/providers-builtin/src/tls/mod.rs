//! The tls provider: private keys.

mod ec;
mod key;
mod openssh;
mod pem;
mod private_key;

use std::sync::Arc;

use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting};

use crate::builtin::{self, Factory};
use crate::randomness::RandomSource;

/// The published provider that this one equals.
const VERSION: &str = "4.1.0";

/// Makes the provider.
pub(crate) fn factory(random: Arc<dyn RandomSource>) -> Factory {
    let resources: Vec<(_, Arc<dyn builtin::ManagedResource>)> =
        vec![("tls_private_key", Arc::new(private_key::PrivateKey(random)))];
    builtin::factory(crate::published("tls"), VERSION, provider_block(), resources, Vec::new())
}

/// The block that configures a proxy for fetching certificates. It is accepted; nothing here uses the network.
fn provider_block() -> Block {
    let text = |what: &str| Attribute::optional(Type::String).describe(what);
    let proxy = Block::of([
        ("url", text("The URL of the proxy.")),
        ("username", text("The user name for the proxy.")),
        ("password", text("The password for the proxy.").sensitive()),
        (
            "from_env",
            Attribute::optional_computed(Type::Bool)
                .describe("Whether the environment tells the proxy to use."),
        ),
    ]);
    let proxy = NestedBlock { max_items: 1, ..NestedBlock::new(Nesting::List, proxy) };
    Block::default().with_block("proxy", proxy)
}
