//! DNS zones. Their record sets are in [`rrsets`](crate::Rrsets).

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::call::path_segment;
use crate::collection::{Collection, Labels, NamedUpdate, Object, Protection, object};
use crate::error::Error;
use crate::lenient::null_as_default;

/// A DNS zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Zone {
    /// Its id.
    pub id: i64,
    /// Its name, unique among all projects.
    pub name: String,
    /// `primary`: its records are those of the API; `secondary`: those of other nameservers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mode: String,
    /// Seconds that its records may be kept for, unless they have a time of their own.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ttl: i64,
    /// The nameservers that a secondary zone is transferred from.
    #[serde(default, deserialize_with = "null_as_default")]
    pub primary_nameservers: Vec<PrimaryNameserver>,
    /// The nameservers that answer for it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub authoritative_nameservers: AuthoritativeNameservers,
    /// Who it is registered with: `hetzner`, `other` or `unknown`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub registrar: String,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// Whether it can be deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub protection: Protection,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
}

object!(Zone, "/zones", "zone", "zones", created);

/// A nameserver that a secondary zone is transferred from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PrimaryNameserver {
    /// Its address.
    pub address: String,
    /// Its port; 53 when None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    /// `hmac-md5`, `hmac-sha1` or `hmac-sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsig_algorithm: Option<String>,
    /// The key that transfers are signed with, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsig_key: Option<String>,
}

/// The nameservers that answer for a zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct AuthoritativeNameservers {
    /// Those of Hetzner that should be asked for it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub assigned: Vec<String>,
}

/// A zone to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ZoneCreate {
    /// Its name, in lower case and without a dot at its end.
    pub name: String,
    /// `primary` or `secondary`.
    pub mode: String,
    /// Seconds that its records may be kept for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// The nameservers that a secondary zone is transferred from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub primary_nameservers: Vec<PrimaryNameserver>,
    /// Its labels.
    pub labels: Labels,
}

/// The answer to a creation.
#[derive(Debug, Clone)]
pub struct ZoneCreated {
    /// The zone.
    pub zone: Zone,
    /// Creating it, which runs on.
    pub action: Option<Action>,
}

#[derive(Serialize)]
struct Ttl {
    ttl: i64,
}

#[derive(Serialize)]
struct Nameservers<'a> {
    primary_nameservers: &'a [PrimaryNameserver],
}

impl Collection<'_, Zone> {
    /// One by its name, or None if there is none in this project.
    pub async fn find_by_name(self, name: &str) -> Result<Option<Zone>, Error> {
        let path = format!("{}/{}", Zone::PATH, path_segment(name));
        match self.client.get(&path, Vec::new()).await {
            Ok(answer) => answer.field(Zone::ONE).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a zone.
    pub async fn create(self, zone: &ZoneCreate) -> Result<ZoneCreated, Error> {
        let answer = self.client.post(Zone::PATH, zone).await?;
        Ok(ZoneCreated { zone: answer.field(Zone::ONE)?, action: answer.optional("action")? })
    }

    /// Changes labels; the name of a zone cannot change.
    pub async fn update(self, id: i64, labels: &Labels) -> Result<Zone, Error> {
        self.put(id, &NamedUpdate { name: None, labels: Some(labels.clone()) }).await
    }

    /// Deletes a zone with its records.
    pub async fn delete(self, id: i64) -> Result<Option<Action>, Error> {
        self.remove(id).await
    }

    /// Sets the seconds that records without a time of their own may be kept for.
    pub async fn change_ttl(self, id: i64, ttl: i64) -> Result<Action, Error> {
        self.act(id, "change_ttl", &Ttl { ttl }).await
    }

    /// Sets the nameservers that a secondary zone is transferred from.
    pub async fn change_primary_nameservers(
        self,
        id: i64,
        nameservers: &[PrimaryNameserver],
    ) -> Result<Action, Error> {
        let body = Nameservers { primary_nameservers: nameservers };
        self.act(id, "change_primary_nameservers", &body).await
    }

    /// Sets its protection.
    pub async fn change_protection(self, id: i64, protection: Protection) -> Result<Action, Error> {
        self.act(id, "change_protection", &protection).await
    }
}
