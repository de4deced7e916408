//! TLS certificates.

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use x509_cert::Certificate as X509;
use x509_cert::der::asn1::{PrintableStringRef, Utf8StringRef};
use x509_cert::der::{DecodePem, Encode, oid::db::rfc4519};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::names::is_plain_name;
use super::table::named_row;
use super::zones::{Mode, Zone};
use super::{Action, Command, Effect, Failure, Kind, Labels, Refusal, Tx};

/// Where the issuance of a managed certificate stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Issuance {
    Pending,
    Completed,
    Failed(Failure),
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) created: i64,
    /// The chain in PEM; none while a managed one is not issued.
    pub(crate) chain: Option<String>,
    /// In PEM; the API never shows it.
    #[serde(default)]
    pub(crate) private_key: Option<String>,
    pub(crate) facts: Option<Facts>,
    pub(crate) domain_names: Vec<String>,
    /// Set for managed certificates.
    pub(crate) issuance: Option<Issuance>,
}

named_row!(Certificate);

/// What is read from a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// SHA-1, as pairs of hexadecimal digits with colons between.
    pub(crate) fingerprint: String,
    /// Milliseconds since 1970.
    pub(crate) not_valid_before: i64,
    /// Milliseconds since 1970.
    pub(crate) not_valid_after: i64,
}

/// Longest chain and private key in bytes, and most certificates of a chain (Hetzner API changelog 2026-02-11).
const MAX_CHAIN_BYTES: usize = 30_000;
const MAX_CHAIN: usize = 5;
const MAX_KEY_BYTES: usize = 5000;

/// Reads the first certificate of a chain: its facts and the names it is for. `None` if it is none.
fn read(chain: &str) -> Option<(Facts, Vec<String>)> {
    const END: &str = "-----END CERTIFICATE-----";
    let end = chain.find(END)? + END.len();
    let certificate = X509::from_pem(chain[..end].trim().as_bytes()).ok()?;
    let digest = Sha1::digest(certificate.to_der().ok()?);
    let fingerprint: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let validity = certificate.tbs_certificate.validity;
    let moment = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_millis()).ok();
    let facts = Facts {
        fingerprint: fingerprint.join(":"),
        not_valid_before: moment(validity.not_before)?,
        not_valid_after: moment(validity.not_after)?,
    };
    let mut names = Vec::new();
    if let Ok(Some((_, alternatives))) = certificate.tbs_certificate.get::<SubjectAltName>() {
        names.extend(alternatives.0.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.to_string()),
            _ => None,
        }));
    }
    if names.is_empty() {
        let attributes = certificate.tbs_certificate.subject.0.iter().flat_map(|rdn| rdn.0.iter());
        names.extend(attributes.filter(|attribute| attribute.oid == rfc4519::CN).filter_map(|attribute| {
            let value = &attribute.value;
            value
                .decode_as::<Utf8StringRef<'_>>()
                .map(|text| text.as_str().to_owned())
                .or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned()))
                .ok()
        }));
    }
    Some((facts, names))
}

impl Tx<'_> {
    /// The certificate, or the refusal that there is none.
    pub(crate) fn certificate(&self, id: i64) -> Result<&Certificate, Refusal> {
        self.project.certificates.get(id).ok_or_else(|| Refusal::not_found("certificate", id))
    }

    /// The load balancers that use a certificate.
    pub(crate) fn certificate_users(&self, id: i64) -> Vec<i64> {
        let uses = |balancer: &&super::load_balancers::LoadBalancer| {
            balancer
                .services
                .iter()
                .filter_map(|s| s.http.as_ref())
                .any(|http| http.certificates.contains(&id))
        };
        self.project.load_balancers.values().filter(uses).map(|balancer| balancer.id).collect()
    }

    fn check_certificate_name(&self, name: &str, except: Option<i64>) -> Result<(), Refusal> {
        if !is_plain_name(name, 255) {
            return Err(Refusal::invalid("name", "name must have 1 to 255 characters"));
        }
        if self.project.certificates.name_taken(name, except) {
            return Err(Refusal::not_unique("certificate", "name"));
        }
        Ok(())
    }

    fn insert_certificate(
        &mut self,
        name: String,
        labels: Labels,
        fill: impl FnOnce(&mut Certificate),
    ) -> Result<i64, Refusal> {
        self.check_certificate_name(&name, None)?;
        self.within_limit(Kind::Certificate, self.project.certificates.len())?;
        let id = self.new_id(Kind::Certificate);
        let mut certificate = Certificate {
            id,
            name,
            labels,
            created: self.now,
            chain: None,
            private_key: None,
            facts: None,
            domain_names: Vec::new(),
            issuance: None,
        };
        fill(&mut certificate);
        self.project.certificates.insert(certificate);
        Ok(id)
    }

    pub(crate) fn upload_certificate(
        &mut self,
        name: String,
        labels: Labels,
        chain: String,
        private_key: &str,
    ) -> Result<i64, Refusal> {
        if chain.len() > MAX_CHAIN_BYTES || chain.matches("-----BEGIN CERTIFICATE-----").count() > MAX_CHAIN {
            let message = "chain has at most 5 certificates and 30,000 bytes";
            return Err(Refusal::invalid("certificate", message));
        }
        let Some((facts, names)) = read(&chain) else {
            return Err(Refusal::invalid("certificate", "certificate is not a certificate in PEM format"));
        };
        let is_key = private_key.contains("-----BEGIN ") && private_key.contains("PRIVATE KEY-----");
        if !is_key || private_key.len() > MAX_KEY_BYTES {
            let message = "private key is not a private key in PEM format of at most 5,000 bytes";
            return Err(Refusal::invalid("private_key", message));
        }
        self.insert_certificate(name, labels, |certificate| {
            certificate.chain = Some(chain);
            certificate.private_key = Some(private_key.to_owned());
            certificate.facts = Some(facts);
            certificate.domain_names = names;
        })
    }

    /// Asks for a managed certificate. It cannot be issued: the domains of a local zone are not delegated to it.
    pub(crate) fn request_certificate(
        &mut self,
        name: String,
        labels: Labels,
        domain_names: Vec<String>,
    ) -> Result<(i64, Action), Refusal> {
        if domain_names.is_empty() {
            return Err(Refusal::invalid("domain_names", "at least one domain name is needed"));
        }
        let id = self.insert_certificate(name, labels, |certificate| {
            certificate.domain_names = domain_names;
            certificate.issuance = Some(Issuance::Pending);
        })?;
        Ok((id, self.begin_issuance(Command::CreateCertificate, id)))
    }

    pub(crate) fn retry_certificate(&mut self, id: i64) -> Result<Action, Refusal> {
        if !matches!(self.certificate(id)?.issuance, Some(Issuance::Failed(_))) {
            let message = "only a failed issuance of a managed certificate can be retried";
            return Err(Refusal::new("unsupported_error", message));
        }
        if let Some(certificate) = self.project.certificates.get_mut(id) {
            certificate.issuance = Some(Issuance::Pending);
        }
        Ok(self.begin_issuance(Command::IssueCertificate, id))
    }

    /// Begins an issuance, which fails as it does in the real cloud for domains that nobody has delegated.
    fn begin_issuance(&mut self, command: Command, id: i64) -> Action {
        let names = self.project.certificates.get(id).map_or(&[][..], |row| &row.domain_names);
        let (code, message) = self.obstacle(names);
        let failure = Failure { code: code.to_owned(), message: message.to_owned() };
        let effect = Effect::CertificateIssued { certificate: id };
        self.begin_doomed(failure, command, &[(Kind::Certificate, id)], effect)
    }

    /// Why a certificate for the names cannot be issued (codes of the Hetzner API documentation).
    fn obstacle(&self, names: &[String]) -> (&'static str, &'static str) {
        let mode_of = |name: &String| {
            let lies_in = |zone: &&Zone| {
                name.strip_suffix(&zone.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            self.project.zones.values().find(lies_in).map(|zone| zone.mode)
        };
        let modes: Vec<Option<Mode>> = names.iter().map(mode_of).collect();
        if modes.contains(&None) {
            ("dns_zone_not_found", "no DNS zone was found for the domain names")
        } else if modes.contains(&Some(Mode::Secondary)) {
            ("dns_zone_is_secondary_zone", "the DNS zone of the domain names is a secondary zone")
        } else {
            let message = "the domain names are not delegated to the nameservers of their DNS zone";
            ("could_not_verify_domain_delegated_to_zone", message)
        }
    }

    pub(super) fn issuance_ended(&mut self, id: i64, failure: Option<Failure>) {
        if let Some(certificate) = self.project.certificates.get_mut(id) {
            certificate.issuance = Some(failure.map_or(Issuance::Completed, Issuance::Failed));
        }
    }

    pub(crate) fn update_certificate(
        &mut self,
        id: i64,
        name: Option<String>,
        labels: Option<Labels>,
    ) -> Result<(), Refusal> {
        self.certificate(id)?;
        if let Some(name) = &name {
            self.check_certificate_name(name, Some(id))?;
        }
        let certificates = &mut self.project.certificates;
        let certificate = certificates.get_mut(id).ok_or_else(|| Refusal::not_found("certificate", id))?;
        certificate.name = name.unwrap_or_else(|| certificate.name.clone());
        certificate.labels = labels.unwrap_or_else(|| certificate.labels.clone());
        Ok(())
    }

    pub(crate) fn delete_certificate(&mut self, id: i64) -> Result<(), Refusal> {
        self.certificate(id)?;
        if !self.certificate_users(id).is_empty() {
            return Err(Refusal::new("resource_in_use", "certificate is used by a load balancer"));
        }
        self.project.certificates.remove(id);
        Ok(())
    }
}
