//! `tls_cert_request`: asks an authority for a certificate (PKCS #10, RFC 2986).

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};
use sha1::{Digest, Sha1};
use x509_cert::attr::Attribute as RequestAttribute;
use x509_cert::der::asn1::{BitString, SetOfVec};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{self, Any, Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};

use super::key::KeyPair;
use super::{certificate, pem, signing, subject};
use crate::builtin::ManagedResource;
use crate::planning::{self, Rules};
use crate::randomness::{RandomSource, generator};
use crate::values::{hex, with};

pub(super) struct CertRequest(pub(super) Arc<dyn RandomSource>);

/// The alternative names that a request asks for, of the kinds that are granted, in the order in which Go writes them.
pub(super) fn alternatives(request: &CertReq) -> Vec<GeneralName> {
    let wanted = request.info.attributes.iter().filter(|attribute| attribute.oid == ExtensionReq::OID);
    let extensions: Vec<_> = wanted
        .flat_map(|attribute| attribute.values.iter())
        .filter_map(|value| ExtensionReq::from_der(&value.to_der().ok()?).ok())
        .flat_map(|list| list.0)
        .collect();
    let mut names = certificate::find::<SubjectAltName>(&extensions).map(|names| names.0).unwrap_or_default();
    let rank = |name: &GeneralName| match name {
        GeneralName::DnsName(_) => Some(0),
        GeneralName::IpAddress(_) => Some(1),
        GeneralName::UniformResourceIdentifier(_) => Some(2),
        _ => None,
    };
    names.retain(|name| rank(name).is_some());
    names.sort_by_key(rank);
    names
}

/// The request, not signed yet.
fn unsigned(planned: &Value, key: &KeyPair) -> Result<CertReqInfo, Diagnostics> {
    let names = subject::alternatives(planned)?;
    let info = CertReqInfo {
        version: Version::V1,
        subject: subject::name(planned)?,
        public_key: certificate::public_key(key)?,
        attributes: SetOfVec::new(),
    };
    let with_names = || -> der::Result<CertReqInfo> {
        let mut info = info;
        if let Some(extension) = certificate::alternative_names(&names, false)? {
            let values = SetOfVec::try_from(vec![Any::encode_from(&ExtensionReq(vec![extension]))?])?;
            info.attributes.insert(RequestAttribute { oid: ExtensionReq::OID, values })?;
        }
        Ok(info)
    };
    with_names().map_err(|error| failed(&error.to_string()))
}

fn failed(why: &str) -> Diagnostics {
    Diagnostic::error("Failed to create certificate request")
        .detail(format!("The request could not be written: {why}. Nothing was created."))
        .into()
}

impl ManagedResource for CertRequest {
    fn schema(&self) -> Schema {
        let computed = |what: &str| Attribute::computed(Type::String).describe(what);
        let attributes = subject::alternative_names().into_iter().chain([
            (
                "private_key_pem",
                Attribute::required(Type::String)
                    .force_new()
                    .sensitive()
                    .describe("The private key in PEM that the certificate shall be for."),
            ),
            ("key_algorithm", computed("The kind of key: RSA, ECDSA or ED25519.")),
            ("cert_request_pem", computed("The request in PEM, with a line break at the end.")),
            ("id", computed("The SHA-1 of the request in hexadecimal digits.")),
        ]);
        let block = Block {
            description: "A request to an authority for a certificate.".into(),
            ..Block::of(attributes).with_block("subject", subject::block())
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        subject::alternatives(config).err().unwrap_or_default()
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        let stable = &["key_algorithm", "cert_request_pem", "id"];
        let rules = Rules { stable, harmless: certificate::harmless, ..Rules::default() };
        planning::plan(block, &rules, request)
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let key = certificate::key(planned, "private_key_pem", "Failed to parse private key PEM")?;
        let info = unsigned(planned, &key)?;
        let message = info.to_der().map_err(|error| failed(&error.to_string()))?;
        let signature = signing::sign(&key, &message, &mut generator(&*self.0)?)
            .map_err(|error| failed(&error.to_string()))?;
        let request = BitString::from_bytes(&signature)
            .and_then(|signature| CertReq { info, algorithm: signing::algorithm(&key), signature }.to_der());
        let request = request.map_err(|error| failed(&error.to_string()))?;
        let made = [
            ("key_algorithm", Value::string(key.algorithm_name())),
            ("cert_request_pem", Value::string(pem::encode("CERTIFICATE REQUEST", &request))),
            ("id", Value::string(hex(&Sha1::digest(&request)))),
        ];
        Ok(with(planned, made))
    }

    fn blocking(&self) -> bool {
        true
    }
}
