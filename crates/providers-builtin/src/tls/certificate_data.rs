//! The data source `tls_certificate`: what a certificate says, or those that a server shows.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use num_bigint::BigUint;
use sha1::{Digest, Sha1};
use x509_cert::certificate::{Certificate, Version};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::time::Time;

use super::{certificate, peer, pem, signing, subject};
use crate::builtin::DataSource;
use crate::time::Moment;
use crate::values::{attribute_error, flag, hex, is_null, is_unknown, text, with};

const SOURCES: [&str; 2] = ["content", "url"];

pub(super) struct CertificateData;

/// The attributes of each certificate.
fn certificate_type() -> Type {
    let texts = [
        "signature_algorithm",
        "public_key_algorithm",
        "serial_number",
        "issuer",
        "subject",
        "not_before",
        "not_after",
        "sha1_fingerprint",
        "cert_pem",
    ];
    Type::object(
        texts
            .map(|name| (name, Type::String))
            .into_iter()
            .chain([("is_ca", Type::Bool), ("version", Type::Number)]),
    )
}

/// The names that Go has for algorithms of signatures; "0" is an unknown one.
fn signature_algorithm(certificate: &Certificate) -> &'static str {
    let oid = certificate.signature_algorithm.oid;
    match oid {
        signing::SHA256_WITH_RSA => "SHA256-RSA",
        signing::ECDSA_WITH_SHA256 => "ECDSA-SHA256",
        signing::ECDSA_WITH_SHA384 => "ECDSA-SHA384",
        signing::ECDSA_WITH_SHA512 => "ECDSA-SHA512",
        super::key::ED25519 => "Ed25519",
        _ => match oid.to_string().as_str() {
            "1.2.840.113549.1.1.4" => "MD5-RSA",
            "1.2.840.113549.1.1.5" => "SHA1-RSA",
            "1.2.840.113549.1.1.12" => "SHA384-RSA",
            "1.2.840.113549.1.1.13" => "SHA512-RSA",
            "1.2.840.10045.4.1" => "ECDSA-SHA1",
            _ => "0",
        },
    }
}

/// The names that Go has for kinds of keys; "0" is an unknown one.
fn key_algorithm(certificate: &Certificate) -> &'static str {
    match certificate.tbs_certificate.subject_public_key_info.algorithm.oid {
        super::key::RSA => "RSA",
        super::key::EC_PUBLIC_KEY => "ECDSA",
        super::key::ED25519 => "Ed25519",
        _ => "0",
    }
}

fn time(time: Time) -> Value {
    let second = i64::try_from(time.to_unix_duration().as_secs()).ok();
    Value::string(second.and_then(Moment::from_unix).map(|m| m.to_string()).unwrap_or_default())
}

fn described(certificate: &Certificate, der: &[u8]) -> Value {
    let tbs = &certificate.tbs_certificate;
    let constraints = certificate::find::<BasicConstraints>(tbs.extensions.as_deref().unwrap_or_default());
    let version: u64 = match tbs.version {
        Version::V1 => 1,
        Version::V2 => 2,
        Version::V3 => 3,
    };
    Value::object([
        ("signature_algorithm", Value::string(signature_algorithm(certificate))),
        ("public_key_algorithm", Value::string(key_algorithm(certificate))),
        ("serial_number", Value::string(BigUint::from_bytes_be(tbs.serial_number.as_bytes()).to_string())),
        ("is_ca", Value::bool(constraints.is_some_and(|constraints| constraints.ca))),
        ("version", Value::number(version)),
        ("issuer", Value::string_normalised(&subject::printed(&tbs.issuer))),
        ("subject", Value::string_normalised(&subject::printed(&tbs.subject))),
        ("not_before", time(tbs.validity.not_before)),
        ("not_after", time(tbs.validity.not_after)),
        ("sha1_fingerprint", Value::string(hex(&Sha1::digest(der)))),
        ("cert_pem", Value::string(pem::encode("CERTIFICATE", der))),
    ])
}

#[async_trait]
impl DataSource for CertificateData {
    fn schema(&self) -> Schema {
        let block = Block {
            description: "What a certificate says.".into(),
            ..Block::of([
                ("content", Attribute::optional(Type::String).describe("The certificate in PEM.")),
                (
                    "url",
                    Attribute::optional(Type::String)
                        .describe("The https or tls URL of a server that shows certificates."),
                ),
                (
                    "verify_chain",
                    Attribute::optional(Type::Bool).describe(
                        "Whether what a server shows must lead to a known authority; only with url.",
                    ),
                ),
                (
                    "certificates",
                    Attribute::computed(Type::list(certificate_type()))
                        .describe("What each certificate says; the server's own is the last."),
                ),
                (
                    "id",
                    Attribute::computed(Type::String)
                        .describe("The SHA-1 of all certificates in hexadecimal digits."),
                ),
            ])
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let set = SOURCES.iter().filter(|name| !is_null(config, name)).count();
        if !SOURCES.iter().any(|name| is_unknown(config, name)) && set != 1 {
            let detail =
                format!("Exactly one of the attributes {} must be set; {set} are.", SOURCES.join(", "));
            return attribute_error("content", "Invalid Attribute Combination", detail).into();
        }
        match text(config, "url").map(peer::place) {
            Some(Err(why)) => {
                let detail = format!("The attribute url must be an https or tls URL: {why}.");
                attribute_error("url", "Invalid URL", detail).into()
            }
            _ => Diagnostics::new(),
        }
    }

    async fn read(&self, config: &Value, _: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let invalid = self.validate(config);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let shown = if let Some(url) = text(config, "url") {
            let failed = |why: String| {
                let detail = format!("The certificates could not be asked for: {why}.");
                Diagnostics::from(attribute_error("url", "Failed to identify peer certificates", detail))
            };
            let verify = flag(config, "verify_chain").unwrap_or(true);
            let mut shown = Vec::new();
            for der in peer::certificates(url, verify).await.map_err(failed)? {
                let certificate = Certificate::from_der(&der).map_err(|error| failed(error.to_string()))?;
                // The server's own comes first from the server, and last here.
                shown.insert(0, (certificate, der));
            }
            shown
        } else {
            vec![certificate::from_pem::<Certificate>(
                config,
                "content",
                "CERTIFICATE",
                "Failed to parse certificate",
            )?]
        };
        let id = shown.iter().fold(Sha1::new(), |sum, (_, der)| sum.chain_update(der)).finalize();
        let described = shown.iter().map(|(certificate, der)| described(certificate, der));
        let certificates = Value::list(certificate_type(), described);
        Ok(with(config, [("certificates", certificates), ("id", Value::string(hex(&id)))]))
    }
}
