//! What the two resources with certificates share: attributes, checks, planning, renewal and the issue itself.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};
use num_bigint::BigUint;
use sha1::{Digest, Sha1};
use x509_cert::certificate::{Certificate, TbsCertificate, Version};
use x509_cert::der::asn1::{BitString, GeneralizedTime, ObjectIdentifier, OctetString, UtcTime};
use x509_cert::der::flagset::FlagSet;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{self, Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::{Time, Validity};

use super::key::{ED25519, KeyPair};
use super::{pem, signing};
use crate::clock::Clock;
use crate::planning::{self, Rules};
use crate::randomness::{RandomSource, bytes, generator};
use crate::time::Moment;
use crate::values::{attribute_error, flag, integer, not_whole, text, texts, with};

/// The key usages of RFC 5280, section 4.2.1.3.
const USAGES: [(&str, KeyUsages); 9] = [
    ("cert_signing", KeyUsages::KeyCertSign),
    ("content_commitment", KeyUsages::NonRepudiation),
    ("crl_signing", KeyUsages::CRLSign),
    ("data_encipherment", KeyUsages::DataEncipherment),
    ("decipher_only", KeyUsages::DecipherOnly),
    ("digital_signature", KeyUsages::DigitalSignature),
    ("encipher_only", KeyUsages::EncipherOnly),
    ("key_agreement", KeyUsages::KeyAgreement),
    ("key_encipherment", KeyUsages::KeyEncipherment),
];

/// The extended key usages: of RFC 5280, section 4.2.1.12, of IPsec, and of Microsoft and Netscape.
const EXTENDED_USAGES: [(&str, ObjectIdentifier); 14] = [
    ("any_extended", ObjectIdentifier::new_unwrap("2.5.29.37.0")),
    ("client_auth", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2")),
    ("code_signing", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3")),
    ("email_protection", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4")),
    ("ipsec_end_system", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.5")),
    ("ipsec_tunnel", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.6")),
    ("ipsec_user", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.7")),
    ("microsoft_commercial_code_signing", ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.22")),
    ("microsoft_kernel_code_signing", ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.61.1.1")),
    ("microsoft_server_gated_crypto", ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.3")),
    ("netscape_server_gated_crypto", ObjectIdentifier::new_unwrap("2.16.840.1.113730.4.1")),
    ("ocsp_signing", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9")),
    ("server_auth", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1")),
    ("timestamping", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8")),
];

/// Longer would end after the year 9999.
const MAX_HOURS: i64 = 24 * 366 * 8000;

/// The attributes that both resources have.
pub(super) fn attributes() -> Vec<(&'static str, Attribute)> {
    let switch = |what: &str| Attribute::optional_computed(Type::Bool).force_new().describe(what);
    let computed = |what: &str| Attribute::computed(Type::String).describe(what);
    let mut usages: Vec<&str> =
        USAGES.iter().map(|(name, _)| *name).chain(EXTENDED_USAGES.iter().map(|(name, _)| *name)).collect();
    usages.sort_unstable();
    vec![
        (
            "validity_period_hours",
            Attribute::required(Type::Number)
                .force_new()
                .describe("How many hours the certificate is valid."),
        ),
        (
            "allowed_uses",
            Attribute::required(Type::list(Type::String))
                .force_new()
                .describe(format!("What the key may be used for: {}.", usages.join(", "))),
        ),
        (
            "early_renewal_hours",
            Attribute::optional_computed(Type::Number)
                .describe("How many hours before its end the certificate is replaced, 0 by default."),
        ),
        ("is_ca_certificate", switch("Whether the certificate is that of an authority, false by default.")),
        ("set_subject_key_id", switch("Whether the certificate names its key, false by default.")),
        ("cert_pem", computed("The certificate in PEM, with a line break at the end.")),
        (
            "ready_for_renewal",
            Attribute::computed(Type::Bool)
                .describe("Whether the certificate has ended, or will within early_renewal_hours."),
        ),
        ("validity_start_time", computed("From when the certificate is valid, as in RFC 3339.")),
        ("validity_end_time", computed("Until when the certificate is valid, as in RFC 3339.")),
        ("id", computed("The serial number in decimal digits.")),
    ]
}

/// Checks configuration beyond the schema.
pub(super) fn validate(config: &Value) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for name in ["validity_period_hours", "early_renewal_hours"] {
        diagnostics.append(not_whole(config, name));
        if let Some(hours) = integer(config, name).filter(|hours| !(0..=MAX_HOURS).contains(hours)) {
            let detail = format!("The attribute {name} must be between 0 and {MAX_HOURS}, got: {hours}.");
            diagnostics.push(attribute_error(name, "Invalid Attribute Value", detail));
        }
    }
    let known = |usage: &str| {
        USAGES.iter().any(|(name, _)| *name == usage)
            || EXTENDED_USAGES.iter().any(|(name, _)| *name == usage)
    };
    for usage in texts(config, "allowed_uses").into_iter().filter(|usage| !known(usage)) {
        let detail = format!(
            "{usage:?} is no use that a certificate can allow. The description of allowed_uses lists all; server_auth \
             and client_auth are the usual ones for TLS."
        );
        diagnostics.push(attribute_error("allowed_uses", "Invalid Attribute Value Match", detail));
    }
    diagnostics
}

/// A change of a PEM counts only if the state has one: old providers kept a digest instead.
pub(super) fn harmless(name: &str, prior: &Value, _config: &Value) -> bool {
    name.ends_with("_pem") && prior.as_str().is_some_and(|text| !text.contains("-----BEGIN "))
}

/// Plans either resource; `stable` are its computed attributes beside `ready_for_renewal`.
pub(super) fn plan(
    block: &Block,
    request: &PlanRequest,
    stable: &'static [&'static str],
    switches: &[&'static str],
    clock: &dyn Clock,
) -> PlanResponse {
    let mut defaults =
        vec![("early_renewal_hours", Value::number(0_u64)), ("ready_for_renewal", Value::bool(false))];
    defaults.extend(switches.iter().map(|name| (*name, Value::bool(false))));
    let mut response =
        planning::plan(block, &Rules { defaults, stable, harmless, ..Rules::default() }, request);
    if let Some(planned) = response.planned.as_ref().filter(|planned| is_due(planned, clock)) {
        response.planned = Some(with(planned, [("ready_for_renewal", Value::unknown(Type::Bool))]));
        response.requires_replace.push(AttrPath::attr("ready_for_renewal"));
    }
    response
}

/// The object as it is now: it tells whether it is due to be renewed.
pub(super) fn read(prior: &Value, clock: &dyn Clock) -> Value {
    if is_due(prior, clock) { with(prior, [("ready_for_renewal", Value::bool(true))]) } else { prior.clone() }
}

fn is_due(object: &Value, clock: &dyn Clock) -> bool {
    let Some(end) = text(object, "validity_end_time").and_then(Moment::parse) else { return false };
    let early = integer(object, "early_renewal_hours").unwrap_or_default().saturating_mul(3600);
    Moment::of(clock.now()).is_some_and(|now| now.unix() >= end.unix().saturating_sub(early))
}

/// Who issues a certificate: a name, a key, and the key's identifier where it has one.
pub(super) struct Issuer<'a> {
    pub(super) name: Name,
    pub(super) key: &'a KeyPair,
    pub(super) key_id: Option<Vec<u8>>,
}

/// Whom a certificate is for.
pub(super) struct Holder {
    pub(super) name: Name,
    pub(super) alternatives: Vec<GeneralName>,
    pub(super) public_key: SubjectPublicKeyInfoOwned,
}

/// Issues the certificate that the planned object asks for, and gives the computed attributes that both resources
/// have. `self_signed` says that holder and issuer are the same.
pub(super) fn issue(
    planned: &Value,
    holder: Holder,
    issuer: Issuer<'_>,
    self_signed: bool,
    random: &dyn RandomSource,
    clock: &dyn Clock,
) -> Result<Vec<(&'static str, Value)>, Diagnostics> {
    let now = Moment::of(clock.now()).ok_or_else(|| failed("the clock tells no usable time"))?;
    let hours = integer(planned, "validity_period_hours").unwrap_or_default();
    let end = hours.checked_mul(3600).and_then(|seconds| now.add_seconds(seconds)).ok_or_else(|| {
        let detail = "The certificate would end after the year 9999. Choose fewer hours.";
        Diagnostics::from(attribute_error("validity_period_hours", "Invalid Attribute Value", detail))
    })?;
    let is_ca = flag(planned, "is_ca_certificate").unwrap_or_default();
    if is_ca && holder.name.0.is_empty() {
        let detail =
            "The certificate of an authority must name it. Set at least one argument of the subject block.";
        return Err(attribute_error("subject", "Invalid Certificate Subject", detail).into());
    }
    let wants_key_id = is_ca || flag(planned, "set_subject_key_id").unwrap_or_default();
    let key_id = wants_key_id.then(|| key_id(&holder.public_key));
    let authority_key_id = if self_signed {
        if flag(planned, "set_authority_key_id").unwrap_or_default() {
            Some(key_id.clone().ok_or_else(|| {
                let detail = "A certificate that signs itself names its own key as that of the authority, so that it \
                              must have a name. Set set_subject_key_id or is_ca_certificate to true as well.";
                attribute_error("set_authority_key_id", "Invalid Certificate Authority", detail)
            })?)
        } else {
            None
        }
    } else {
        issuer.key_id.filter(|_| issuer.name != holder.name)
    };
    let serial = bytes::<16>(random)?;
    let uses = texts(planned, "allowed_uses");
    let build = || -> der::Result<Certificate> {
        let algorithm = signing::algorithm(issuer.key);
        let tbs_certificate = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&serial)?,
            signature: algorithm.clone(),
            issuer: issuer.name,
            validity: Validity { not_before: time(now)?, not_after: time(end)? },
            extensions: Some(extensions(&uses, is_ca, key_id, authority_key_id, &holder)?),
            subject: holder.name,
            subject_public_key_info: holder.public_key,
            issuer_unique_id: None,
            subject_unique_id: None,
        };
        Ok(Certificate {
            tbs_certificate,
            signature_algorithm: algorithm,
            signature: BitString::from_bytes(&[])?,
        })
    };
    let mut certificate = build().map_err(|error| failed(&error.to_string()))?;
    let message = certificate.tbs_certificate.to_der().map_err(|error| failed(&error.to_string()))?;
    let signature = signing::sign(issuer.key, &message, &mut generator(random)?)
        .map_err(|error| failed(&error.to_string()))?;
    let written = BitString::from_bytes(&signature).and_then(|signature| {
        certificate.signature = signature;
        certificate.to_der()
    });
    let der = written.map_err(|error| failed(&error.to_string()))?;
    Ok(vec![
        ("cert_pem", Value::string(pem::encode("CERTIFICATE", &der))),
        ("validity_start_time", Value::string(now.to_string())),
        ("validity_end_time", Value::string(end.to_string())),
        ("ready_for_renewal", Value::bool(false)),
        ("id", Value::string(BigUint::from_bytes_be(&serial).to_string())),
    ])
}

fn failed(why: &str) -> Diagnostics {
    Diagnostic::error("Failed to create certificate")
        .detail(format!("The certificate could not be written: {why}. Nothing was created."))
        .into()
}

/// Until 2049 in the short form, then in the long one (RFC 5280, section 4.1.2.5).
fn time(moment: Moment) -> der::Result<Time> {
    let since = std::time::Duration::from_secs(moment.unix().try_into().unwrap_or_default());
    match UtcTime::from_unix_duration(since) {
        Ok(short) => Ok(Time::UtcTime(short)),
        Err(_) => GeneralizedTime::from_unix_duration(since).map(Time::GeneralTime),
    }
}

/// The identifier of a public key: the SHA-1 of its bits (RFC 5280, section 4.2.1.2, method 1); for Ed25519, as the
/// published provider does, of those bits as an octet string.
fn key_id(key: &SubjectPublicKeyInfoOwned) -> Vec<u8> {
    let bits = key.subject_public_key.raw_bytes();
    if key.algorithm.oid == ED25519 {
        let octets = OctetString::new(bits).and_then(|octets| octets.to_der()).unwrap_or_default();
        return Sha1::digest(octets).to_vec();
    }
    Sha1::digest(bits).to_vec()
}

/// The extensions, in the order in which Go writes them.
fn extensions(
    uses: &[&str],
    is_ca: bool,
    key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    holder: &Holder,
) -> der::Result<Vec<Extension>> {
    fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
        Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
    }
    let mut extensions = Vec::new();
    let mut usage = FlagSet::<KeyUsages>::default();
    for (_, flag) in USAGES.iter().filter(|(name, _)| uses.contains(name)) {
        usage |= *flag;
    }
    if !usage.is_empty() {
        extensions.push(extension(true, &KeyUsage(usage))?);
    }
    let extended = uses.iter().filter_map(|wanted| EXTENDED_USAGES.iter().find(|(name, _)| name == wanted));
    let extended: Vec<_> = extended.map(|(_, oid)| *oid).collect();
    if !extended.is_empty() {
        extensions.push(extension(false, &ExtendedKeyUsage(extended))?);
    }
    extensions.push(extension(true, &BasicConstraints { ca: is_ca, path_len_constraint: None })?);
    if let Some(id) = key_id {
        extensions.push(extension(false, &SubjectKeyIdentifier(OctetString::new(id)?))?);
    }
    if let Some(id) = authority_key_id {
        let id = AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(id)?), ..Default::default() };
        extensions.push(extension(false, &id)?);
    }
    extensions.extend(alternative_names(&holder.alternatives, holder.name.0.is_empty())?);
    Ok(extensions)
}

/// The extension with alternative names, if there are any; critical where there is no other name.
pub(super) fn alternative_names(names: &[GeneralName], critical: bool) -> der::Result<Option<Extension>> {
    if names.is_empty() {
        return Ok(None);
    }
    let extn_value = OctetString::new(SubjectAltName(names.to_vec()).to_der()?)?;
    Ok(Some(Extension { extn_id: SubjectAltName::OID, critical, extn_value }))
}

/// The key pair of an attribute with a private key in PEM.
pub(super) fn key(object: &Value, name: &'static str, summary: &'static str) -> Result<KeyPair, Diagnostics> {
    KeyPair::from_pem(text(object, name).unwrap_or_default()).map_err(|error| {
        let detail = format!("The private key in {name} cannot be read: {error}.");
        attribute_error(name, summary, detail).into()
    })
}

/// The public key of a pair, as certificates hold it.
pub(super) fn public_key(pair: &KeyPair) -> Result<SubjectPublicKeyInfoOwned, Diagnostics> {
    let der = pair.public_der().map_err(|error| failed(&error.to_string()))?;
    SubjectPublicKeyInfoOwned::from_der(&der).map_err(|error| failed(&error.to_string()))
}

/// What is under a label in the PEM of an attribute.
pub(super) fn from_pem<T: for<'a> Decode<'a>>(
    object: &Value,
    name: &'static str,
    label: &str,
    summary: &'static str,
) -> Result<(T, Vec<u8>), Diagnostics> {
    let wrong = |why: String| {
        let detail = format!("The attribute {name} must hold a PEM block labelled {label:?}; {why}.");
        Diagnostics::from(attribute_error(name, summary, detail))
    };
    let given = text(object, name).unwrap_or_default();
    let (found, der) = pem::decode(given).ok_or_else(|| wrong("it holds no PEM block".into()))?;
    if found != label {
        return Err(wrong(format!("it holds one labelled {found:?}")));
    }
    let parsed =
        T::from_der(&der).map_err(|error| wrong(format!("what it holds cannot be read: {error}")))?;
    Ok((parsed, der))
}

/// The extension of a kind, if the list has it and it can be read.
pub(super) fn find<T: AssociatedOid + for<'a> Decode<'a>>(extensions: &[Extension]) -> Option<T> {
    let found = extensions.iter().find(|extension| extension.extn_id == T::OID)?;
    T::from_der(found.extn_value.as_bytes()).ok()
}

/// What makes certificates: randomness and the time.
#[derive(Clone)]
pub(super) struct Office {
    pub(super) random: Arc<dyn RandomSource>,
    pub(super) clock: Arc<dyn Clock>,
}
