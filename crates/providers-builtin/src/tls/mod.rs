//! The tls provider: keys, certificates, and requests for certificates.

mod cert_request;
mod certificate;
mod certificate_data;
mod ec;
mod key;
mod locally_signed_cert;
mod openssh;
mod peer;
mod pem;
mod private_key;
mod public_key_data;
mod self_signed_cert;
mod signing;
mod subject;

use std::sync::Arc;

use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting};

use crate::builtin::{self, Factory};
use crate::clock::Clock;
use crate::randomness::RandomSource;

/// The published provider that this one equals.
const VERSION: &str = "4.1.0";

/// Makes the provider.
pub(crate) fn factory(random: Arc<dyn RandomSource>, clock: Arc<dyn Clock>) -> Factory {
    let office = certificate::Office { random: random.clone(), clock };
    builtin::factory(
        crate::published("tls"),
        VERSION,
        provider_block(),
        vec![
            ("tls_cert_request", Arc::new(cert_request::CertRequest(random.clone()))),
            ("tls_locally_signed_cert", Arc::new(locally_signed_cert::LocallySignedCert(office.clone()))),
            ("tls_private_key", Arc::new(private_key::PrivateKey(random))),
            ("tls_self_signed_cert", Arc::new(self_signed_cert::SelfSignedCert(office))),
        ],
        vec![
            ("tls_certificate", Arc::new(certificate_data::CertificateData)),
            ("tls_public_key", Arc::new(public_key_data::PublicKeyData)),
        ],
    )
}

/// The attributes that tell the public half of a key pair.
fn public_forms() -> [(&'static str, Attribute); 5] {
    let computed = |what: &str| Attribute::computed(Type::String).describe(what);
    [
        ("public_key_pem", computed("The public key in PEM, with a line break at the end.")),
        (
            "public_key_openssh",
            computed("The public key as a line of authorized_keys with its line break; empty for P224."),
        ),
        ("public_key_fingerprint_md5", computed("The MD5 fingerprint in SSH's form; empty for P224.")),
        ("public_key_fingerprint_sha256", computed("The SHA-256 fingerprint in SSH's form; empty for P224.")),
        ("id", computed("The SHA-1 of the public key in hexadecimal digits.")),
    ]
}

/// The block that configures a proxy for asking servers for certificates. It is accepted; servers are asked directly.
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
