//! The data source `tls_public_key`: the public key of a private one.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::key::KeyPair;
use super::openssh;
use super::public_forms;
use crate::builtin::DataSource;
use crate::values::{attribute_error, is_null, is_unknown, text, with};

const KEYS: [&str; 2] = ["private_key_pem", "private_key_openssh"];

pub(super) struct PublicKeyData;

#[async_trait]
impl DataSource for PublicKeyData {
    fn schema(&self) -> Schema {
        let key = |form: &str| {
            Attribute::optional(Type::String)
                .sensitive()
                .describe(format!("The private key {form}. Either this or the other form must be given."))
        };
        let computed = |what: &str| Attribute::computed(Type::String).describe(what);
        let block = Block {
            description: "The public key of a private one.".into(),
            ..Block::of(
                [
                    ("private_key_pem", key("in PEM: PKCS #1, SEC 1 or PKCS #8")),
                    ("private_key_openssh", key("as OpenSSH keeps it, without a passphrase")),
                    ("algorithm", computed("The kind of key: RSA, ECDSA or ED25519.")),
                ]
                .into_iter()
                .chain(public_forms()),
            )
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let set = KEYS.iter().filter(|name| !is_null(config, name)).count();
        if set == 1 || KEYS.iter().any(|name| is_unknown(config, name)) {
            return Diagnostics::new();
        }
        let detail = format!("Exactly one of the attributes {} must be set; {set} are.", KEYS.join(", "));
        attribute_error("private_key_pem", "Invalid Attribute Combination", detail).into()
    }

    async fn read(&self, config: &Value, _: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let invalid = self.validate(config);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let (name, key) = match text(config, "private_key_openssh") {
            Some(key) => ("private_key_openssh", openssh::read(key)),
            None => {
                ("private_key_pem", KeyPair::from_pem(text(config, "private_key_pem").unwrap_or_default()))
            }
        };
        // The generator serves the private form only, which is not looked at.
        let forms =
            key.and_then(|key| Ok((key.algorithm_name(), key.forms(&mut ChaCha20Rng::seed_from_u64(0))?)));
        let (algorithm, forms) = forms.map_err(|error| {
            let detail = format!("The private key in {name} cannot be read: {error}.");
            Diagnostics::from(attribute_error(name, "Unable to parse private key", detail))
        })?;
        let values = [
            ("algorithm", algorithm.to_owned()),
            ("public_key_pem", forms.public_pem),
            ("public_key_openssh", forms.public_openssh),
            ("public_key_fingerprint_md5", forms.md5),
            ("public_key_fingerprint_sha256", forms.sha256),
            ("id", forms.id),
        ];
        Ok(with(config, values.map(|(name, text)| (name, Value::string(text)))))
    }
}
