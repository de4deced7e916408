//! `tls_self_signed_cert`: a certificate signed by its own key.

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use super::certificate::{self, Holder, Issuer, Office};
use super::subject;
use crate::builtin::ManagedResource;
use crate::values::with;

const STABLE: [&str; 5] = ["cert_pem", "validity_start_time", "validity_end_time", "key_algorithm", "id"];
const SWITCHES: [&str; 3] = ["is_ca_certificate", "set_subject_key_id", "set_authority_key_id"];

pub(super) struct SelfSignedCert(pub(super) Office);

impl ManagedResource for SelfSignedCert {
    fn schema(&self) -> Schema {
        let attributes = certificate::attributes().into_iter().chain(subject::alternative_names()).chain([
            (
                "private_key_pem",
                Attribute::required(Type::String)
                    .force_new()
                    .sensitive()
                    .describe("The private key in PEM that the certificate is for."),
            ),
            (
                "set_authority_key_id",
                Attribute::optional_computed(Type::Bool)
                    .force_new()
                    .describe("Whether the certificate names the key that signed it, false by default."),
            ),
            (
                "key_algorithm",
                Attribute::computed(Type::String).describe("The kind of key: RSA, ECDSA or ED25519."),
            ),
        ]);
        let block = Block {
            description: "A certificate signed by its own key, for tests, or for an authority of one's own."
                .into(),
            ..Block::of(attributes).with_block("subject", subject::block())
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = certificate::validate(config);
        diagnostics.append(subject::alternatives(config).err().into_iter().flatten());
        diagnostics
    }

    fn read(&self, prior: &Value) -> Result<Option<Value>, Diagnostics> {
        Ok(Some(certificate::read(prior, &*self.0.clock)))
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        certificate::plan(block, request, &STABLE, &SWITCHES, &*self.0.clock)
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let key = certificate::key(planned, "private_key_pem", "Failed to parse private key PEM")?;
        let name = subject::name(planned)?;
        let holder = Holder {
            name: name.clone(),
            alternatives: subject::alternatives(planned)?,
            public_key: certificate::public_key(&key)?,
        };
        let issuer = Issuer { name, key: &key, key_id: None };
        let made = certificate::issue(planned, holder, issuer, true, &*self.0.random, &*self.0.clock)?;
        Ok(with(&with(planned, made), [("key_algorithm", Value::string(key.algorithm_name()))]))
    }

    fn blocking(&self) -> bool {
        true
    }
}
