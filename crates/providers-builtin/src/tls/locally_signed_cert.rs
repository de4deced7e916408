//! `tls_locally_signed_cert`: a certificate for a request, signed by an authority whose key is at hand.

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};
use x509_cert::certificate::Certificate;
use x509_cert::der::Encode;
use x509_cert::ext::pkix::{BasicConstraints, SubjectKeyIdentifier};
use x509_cert::request::CertReq;

use super::cert_request;
use super::certificate::{self, Holder, Issuer, Office};
use crate::builtin::ManagedResource;
use crate::values::{attribute_error, text, with};

const STABLE: [&str; 5] = ["cert_pem", "validity_start_time", "validity_end_time", "ca_key_algorithm", "id"];
const SWITCHES: [&str; 2] = ["is_ca_certificate", "set_subject_key_id"];

pub(super) struct LocallySignedCert(pub(super) Office);

fn authority(object: &Value) -> Result<Certificate, Diagnostics> {
    certificate::from_pem(object, "ca_cert_pem", "CERTIFICATE", "Failed to parse CA certificate PEM")
        .map(|(certificate, _)| certificate)
}

fn is_authority(certificate: &Certificate) -> bool {
    let extensions = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
    certificate::find::<BasicConstraints>(extensions).is_some_and(|constraints| constraints.ca)
}

/// Warns of an authority that is none; programs that check the certificate may refuse it.
fn doubtful(planned: &Value) -> Option<Diagnostic> {
    text(planned, "ca_cert_pem")?;
    let authority = authority(planned).ok()?;
    (!is_authority(&authority)).then(|| {
        Diagnostic::warning("Potentially Invalid Certificate Authority")
            .detail(
                "The certificate in ca_cert_pem is not that of an authority, so that programs may refuse what it \
                 signs. Make it with is_ca_certificate = true.",
            )
            .attribute(AttrPath::attr("ca_cert_pem"))
    })
}

impl ManagedResource for LocallySignedCert {
    fn schema(&self) -> Schema {
        let given = |what: &str| Attribute::required(Type::String).force_new().describe(what);
        let attributes = certificate::attributes().into_iter().chain([
            ("ca_cert_pem", given("The certificate of the authority in PEM.")),
            ("ca_private_key_pem", given("The private key of the authority in PEM.").sensitive()),
            (
                "cert_request_pem",
                given("The request in PEM: whom the certificate is for, and the public key."),
            ),
            (
                "ca_key_algorithm",
                Attribute::computed(Type::String)
                    .describe("The kind of the authority's key: RSA, ECDSA or ED25519."),
            ),
        ]);
        let block = Block {
            description: "A certificate for a request, signed by an authority whose key is at hand.".into(),
            ..Block::of(attributes)
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        certificate::validate(config)
    }

    fn read(&self, prior: &Value) -> Result<Option<Value>, Diagnostics> {
        Ok(Some(certificate::read(prior, &*self.0.clock)))
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let mut response = certificate::plan(block, request, &STABLE, &SWITCHES, &*self.0.clock);
        // Once is enough: when the certificate is made.
        if request.prior.is_null() {
            response.diagnostics.append(response.planned.as_ref().and_then(doubtful));
        }
        response
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let invalid = self.validate(planned);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let (request, _) = certificate::from_pem::<CertReq>(
            planned,
            "cert_request_pem",
            "CERTIFICATE REQUEST",
            "Failed to parse certificate request PEM",
        )?;
        let key = certificate::key(planned, "ca_private_key_pem", "Failed to parse CA private key PEM")?;
        let authority = authority(planned)?.tbs_certificate;
        let certified = authority.subject_public_key_info.to_der().ok();
        if certified != certificate::public_key(&key)?.to_der().ok() {
            let detail = "The key in ca_private_key_pem is not the one that the certificate in ca_cert_pem is for. Give \
                          the key with which the certificate was made.";
            return Err(attribute_error("ca_private_key_pem", "Failed to create certificate", detail).into());
        }
        let extensions = authority.extensions.as_deref().unwrap_or_default();
        let issuer = Issuer {
            key_id: certificate::find::<SubjectKeyIdentifier>(extensions).map(|id| id.0.as_bytes().to_vec()),
            name: authority.subject.clone(),
            key: &key,
        };
        let holder = Holder {
            alternatives: cert_request::alternatives(&request),
            name: request.info.subject,
            public_key: request.info.public_key,
        };
        let made = certificate::issue(planned, holder, issuer, false, &*self.0.random, &*self.0.clock)?;
        Ok(with(&with(planned, made), [("ca_key_algorithm", Value::string(key.algorithm_name()))]))
    }

    fn blocking(&self) -> bool {
        true
    }
}
