//! `tls_private_key`: a private key, kept in state, with its public key in the forms that other resources take.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::ec::Curve;
use super::key::{Algorithm, KeyError, KeyPair};
use super::public_forms;
use crate::builtin::ManagedResource;
use crate::planning::{self, Rules};
use crate::randomness::{RandomSource, generator};
use crate::values::{attribute_error, integer, is_null, not_whole, text, with};

const ALGORITHMS: [&str; 3] = ["RSA", "ECDSA", "ED25519"];
const DEFAULT_RSA_BITS: i64 = 2048;
const DEFAULT_CURVE: Curve = Curve::P224;
/// Shorter keys can be broken; longer ones take hours to make.
const RSA_BITS: std::ops::RangeInclusive<i64> = 1024..=16384;

pub(super) struct PrivateKey(pub(super) Arc<dyn RandomSource>);

impl PrivateKey {
    /// The object with all forms of the key.
    fn complete(&self, object: &Value, key: &KeyPair) -> Result<Value, Diagnostics> {
        let mut rng = generator(&*self.0)?;
        let forms = key.forms(&mut rng).map_err(|e| failed("Unable to encode key", "written", &e))?;
        let changes = [
            ("private_key_pem", forms.private_pem),
            ("private_key_pem_pkcs8", forms.private_pkcs8),
            ("private_key_openssh", forms.private_openssh),
            ("public_key_pem", forms.public_pem),
            ("public_key_openssh", forms.public_openssh),
            ("public_key_fingerprint_md5", forms.md5),
            ("public_key_fingerprint_sha256", forms.sha256),
            ("id", forms.id),
        ];
        Ok(with(object, changes.map(|(name, text)| (name, Value::string(text)))))
    }
}

fn failed(summary: &'static str, verb: &str, error: &KeyError) -> Diagnostic {
    Diagnostic::error(summary).detail(format!("The key could not be {verb}: {error}."))
}

/// The key that an object asks for.
fn algorithm(object: &Value) -> Result<Algorithm, Diagnostics> {
    match text(object, "algorithm") {
        Some("RSA") => {
            let bits = integer(object, "rsa_bits").unwrap_or(DEFAULT_RSA_BITS);
            let valid = usize::try_from(bits).ok().filter(|_| RSA_BITS.contains(&bits));
            valid.map(Algorithm::Rsa).ok_or_else(|| {
                let detail = format!(
                    "The attribute rsa_bits must be between {} and {}, got: {bits}. Shorter keys can be broken, longer \
                     ones take hours to make.",
                    RSA_BITS.start(),
                    RSA_BITS.end()
                );
                attribute_error("rsa_bits", "Invalid Attribute Value", detail).into()
            })
        }
        Some("ECDSA") => Ok(Algorithm::Ecdsa(curve(object)?)),
        Some("ED25519") => Ok(Algorithm::Ed25519),
        other => {
            let detail = format!(
                "The attribute algorithm must be one of {}, got: {:?}.",
                ALGORITHMS.join(", "),
                other.unwrap_or_default()
            );
            Err(attribute_error("algorithm", "Invalid Attribute Value Match", detail).into())
        }
    }
}

fn curve(object: &Value) -> Result<Curve, Diagnostics> {
    let Some(name) = text(object, "ecdsa_curve") else { return Ok(DEFAULT_CURVE) };
    Curve::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| {
        let known = Curve::ALL.map(Curve::name).join(", ");
        let detail = format!("The attribute ecdsa_curve must be one of {known}, got: {name:?}.");
        attribute_error("ecdsa_curve", "Invalid Attribute Value Match", detail).into()
    })
}

impl ManagedResource for PrivateKey {
    fn schema(&self) -> Schema {
        let computed = |what: &str| Attribute::computed(Type::String).describe(what);
        let secret = |what: &str| computed(what).sensitive();
        let block = Block {
            description: "A private key. It is kept in state, which must be guarded.".into(),
            ..Block::of(
                [
                    (
                        "algorithm",
                        Attribute::required(Type::String)
                            .force_new()
                            .describe("The kind of key: RSA, ECDSA or ED25519."),
                    ),
                    (
                        "rsa_bits",
                        Attribute::optional_computed(Type::Number)
                            .force_new()
                            .describe("The length of an RSA key in bits, 2048 by default."),
                    ),
                    (
                        "ecdsa_curve",
                        Attribute::optional_computed(Type::String)
                            .force_new()
                            .describe("The curve of an ECDSA key: P224 (by default), P256, P384 or P521."),
                    ),
                    ("private_key_pem", secret("The private key in PEM, in the form usual for its kind.")),
                    ("private_key_openssh", secret("The private key as OpenSSH keeps it; empty for P224.")),
                    ("private_key_pem_pkcs8", secret("The private key in PEM, in the form of PKCS #8.")),
                ]
                .into_iter()
                .chain(public_forms()),
            )
        };
        Schema { version: 1, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics: Diagnostics = not_whole(config, "rsa_bits").into_iter().collect();
        diagnostics.append(curve(config).err().into_iter().flatten());
        if text(config, "algorithm").is_some() {
            let wrong = algorithm(config).err().filter(|_| !diagnostics.has_errors());
            diagnostics.append(wrong.into_iter().flatten());
        }
        diagnostics
    }

    /// Version 0 had neither OpenSSH form nor PKCS #8, nor the SHA-256 fingerprint: they are made from the key.
    fn upgrade(&self, _version: u64, state: Value) -> Result<Value, Diagnostics> {
        let Some(pem) = text(&state, "private_key_pem") else { return Ok(state) };
        let key = KeyPair::from_pem(pem).map_err(|e| failed("Unable to parse key from PEM", "read", &e))?;
        let upgraded = self.complete(&state, &key)?;
        // Forms that are there stay as they are.
        let kept = state.as_map().into_iter().flatten().filter(|(name, _)| !is_null(&state, name));
        Ok(with(&upgraded, kept.map(|(name, value)| (&**name, value.clone()))))
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let defaults = vec![
            ("rsa_bits", Value::number(DEFAULT_RSA_BITS)),
            ("ecdsa_curve", Value::string(DEFAULT_CURVE.name())),
        ];
        planning::plan(block, &Rules { defaults, ..Rules::default() }, request)
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let algorithm = algorithm(planned)?;
        let mut rng = generator(&*self.0)?;
        let key = KeyPair::generate(algorithm, &mut rng)
            .map_err(|e| failed("Unable to generate Key from configuration", "made", &e))?;
        self.complete(planned, &key)
    }

    /// Finding the primes of an RSA key takes a second and more.
    fn blocking(&self) -> bool {
        true
    }
}
