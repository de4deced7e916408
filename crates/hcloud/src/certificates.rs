//! TLS certificates of load balancers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Labels, NamedUpdate, Object, object};
use crate::error::Error;
use crate::lenient::null_as_default;

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Certificate {
    /// Its id.
    pub id: i64,
    /// Its name, unique in the project.
    pub name: String,
    /// `uploaded`, or `managed` when Hetzner has it issued.
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    pub kind: String,
    /// The chain in PEM; None while it is not issued.
    #[serde(default)]
    pub certificate: Option<String>,
    /// The domains it is for.
    #[serde(default, deserialize_with = "null_as_default")]
    pub domain_names: Vec<String>,
    /// Its fingerprint; None while it is not issued.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// From when it is valid, RFC 3339.
    #[serde(default)]
    pub not_valid_before: Option<String>,
    /// Until when it is valid, RFC 3339.
    #[serde(default)]
    pub not_valid_after: Option<String>,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

object!(Certificate, "/certificates", "certificate", "certificates", created);

/// A certificate to create.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CertificateCreate {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Where it comes from.
    #[serde(flatten)]
    pub source: CertificateSource,
}

/// Where a certificate comes from.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CertificateSource {
    /// It exists.
    Uploaded {
        /// The chain in PEM.
        certificate: String,
        /// The key in PEM.
        private_key: String,
    },
    /// Hetzner has it issued.
    Managed {
        /// The domains it is to be for, of zones at Hetzner.
        domain_names: Vec<String>,
    },
}

impl fmt::Debug for CertificateCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateCreate").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct CertificateCreated {
    /// The certificate.
    pub certificate: Certificate,
    /// The issuance of a managed one, which runs on.
    pub action: Option<Action>,
}

impl Collection<'_, Certificate> {
    /// Creates a certificate.
    pub async fn create(self, certificate: &CertificateCreate) -> Result<CertificateCreated, Error> {
        let answer = self.client.post(Certificate::PATH, certificate).await?;
        let (certificate, action) = (answer.field(Certificate::ONE)?, answer.optional("action")?);
        Ok(CertificateCreated { certificate, action })
    }

    /// Changes name or labels.
    pub async fn update(self, id: i64, update: &NamedUpdate) -> Result<Certificate, Error> {
        self.put(id, update).await
    }

    /// Deletes a certificate that no load balancer uses.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_form_of_their_source_and_show_no_key() {
        let uploaded = CertificateSource::Uploaded { certificate: "C".into(), private_key: "secret".into() };
        let request = CertificateCreate { name: "x".into(), labels: Labels::new(), source: uploaded };
        let json = serde_json::to_value(&request).unwrap();
        assert_eq!(json["type"], "uploaded");
        assert_eq!(json["private_key"], "secret");
        assert!(!format!("{request:?}").contains("secret"));
    }
}
