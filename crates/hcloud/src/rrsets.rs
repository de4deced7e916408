//! Record sets of DNS zones: the records with one name and one type.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::answer::Answer;
use crate::call::path_segment;
use crate::client::Client;
use crate::collection::{Filter, Labels, NamedUpdate, Sift};
use crate::error::Error;
use crate::lenient::null_as_default;

/// The largest page of record sets (Hetzner API documentation, "Zone RRSets").
const PAGE: usize = 100;

/// A record set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rrset {
    /// Its name below the zone; `@` for the zone itself.
    pub name: String,
    /// The type of its records, such as `A`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds that its records may be kept for; the zone's when None.
    #[serde(default)]
    pub ttl: Option<i64>,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// Whether it can be changed.
    #[serde(default, deserialize_with = "null_as_default")]
    pub protection: RrsetProtection,
    /// Its records, in any order.
    #[serde(default, deserialize_with = "null_as_default")]
    pub records: Vec<Record>,
}

impl Rrset {
    /// What names it in its zone.
    pub fn key(&self) -> RrsetKey {
        RrsetKey { name: self.name.clone(), kind: self.kind.clone() }
    }
}

/// Whether a record set is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RrsetProtection {
    /// It cannot be changed, nor deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub change: bool,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Record {
    /// What it says, in the form of zone files.
    pub value: String,
    /// For people; may be empty.
    #[serde(default, deserialize_with = "null_as_default")]
    pub comment: String,
}

/// What names a record set in its zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RrsetKey {
    /// Its name below the zone; `@` for the zone itself.
    pub name: String,
    /// The type of its records.
    pub kind: String,
}

/// A record set to create.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RrsetCreate {
    /// Its name below the zone.
    pub name: String,
    /// The type of its records.
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds that its records may be kept for; the zone's when None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// Its labels.
    pub labels: Labels,
    /// Its records, at least one.
    pub records: Vec<Record>,
}

#[derive(Serialize)]
struct Ttl {
    /// Null is the zone's, and has to be said.
    ttl: Option<i64>,
}

#[derive(Serialize)]
struct Records<'a> {
    records: &'a [Record],
}

#[derive(Serialize)]
struct Values<'a> {
    records: Vec<ValueOnly<'a>>,
}

#[derive(Serialize)]
struct ValueOnly<'a> {
    value: &'a str,
}

/// The record sets of one zone.
#[derive(Debug, Clone)]
pub struct Rrsets<'c> {
    client: &'c Client,
    path: String,
}

impl<'c> Rrsets<'c> {
    pub(crate) fn new(client: &'c Client, zone: String) -> Self {
        Rrsets { client, path: format!("/zones/{}/rrsets", path_segment(&zone)) }
    }

    fn path(&self, key: &RrsetKey) -> String {
        format!("{}/{}/{}", self.path, path_segment(&key.name), path_segment(&key.kind))
    }

    /// One, or None if it or the zone does not exist.
    pub async fn find(&self, key: &RrsetKey) -> Result<Option<Rrset>, Error> {
        match self.client.get(&self.path(key), Vec::new()).await {
            Ok(answer) => answer.field("rrset").map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All that the filter lets through, page by page.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Rrset>, Error> {
        self.client.list_pages(&self.path, "rrsets", filter.query.clone()).await
    }

    /// Those of these that exist, in as few requests as may be: pages of the whole list, or one request each,
    /// whichever is fewer. What the list did not show is asked for once more. Of a zone that does not exist, none do.
    pub async fn get_many(
        &self,
        keys: impl IntoIterator<Item = RrsetKey>,
    ) -> Result<BTreeMap<RrsetKey, Rrset>, Error> {
        let mut sift = Sift::new(keys, PAGE);
        while let Some(page) = sift.next_page() {
            match self.client.page(&self.path, "rrsets", Vec::new(), page).await {
                Ok(read) => sift.take(read, Rrset::key),
                Err(error) if error.is_not_found() => return Ok(BTreeMap::new()),
                Err(error) => return Err(error),
            }
        }
        for key in sift.unseen() {
            sift.found.extend(self.find(&key).await?.map(|rrset| (key, rrset)));
        }
        Ok(sift.found)
    }

    /// Creates a record set.
    pub async fn create(&self, rrset: &RrsetCreate) -> Result<(Rrset, Option<Action>), Error> {
        let answer = self.client.post(&self.path, rrset).await?;
        Ok((answer.field("rrset")?, answer.optional("action")?))
    }

    /// Changes labels.
    pub async fn update(&self, key: &RrsetKey, labels: &Labels) -> Result<(), Error> {
        let body = NamedUpdate { name: None, labels: Some(labels.clone()) };
        self.client.send(http::Method::PUT, &self.path(key), &body).await.map(drop)
    }

    /// Deletes a record set.
    pub async fn delete(&self, key: &RrsetKey) -> Result<Option<Action>, Error> {
        self.client.delete(&self.path(key)).await?.optional("action")
    }

    /// Replaces all its records.
    pub async fn set_records(&self, key: &RrsetKey, records: &[Record]) -> Result<Action, Error> {
        self.act(key, "set_records", &Records { records }).await?.field("action")
    }

    /// Adds records; makes the set if there is none.
    pub async fn add_records(&self, key: &RrsetKey, records: &[Record]) -> Result<Action, Error> {
        self.act(key, "add_records", &Records { records }).await?.field("action")
    }

    /// Removes the records with these values; the set goes with its last record.
    pub async fn remove_records(&self, key: &RrsetKey, values: &[&str]) -> Result<Action, Error> {
        let records = values.iter().map(|value| ValueOnly { value }).collect();
        self.act(key, "remove_records", &Values { records }).await?.field("action")
    }

    /// Changes the comments of records, which are found by their values.
    pub async fn update_records(&self, key: &RrsetKey, records: &[Record]) -> Result<Action, Error> {
        self.act(key, "update_records", &Records { records }).await?.field("action")
    }

    /// Sets the seconds that its records may be kept for; None for the zone's.
    pub async fn change_ttl(&self, key: &RrsetKey, ttl: Option<i64>) -> Result<Action, Error> {
        self.act(key, "change_ttl", &Ttl { ttl }).await?.field("action")
    }

    /// Sets its protection.
    pub async fn change_protection(
        &self,
        key: &RrsetKey,
        protection: RrsetProtection,
    ) -> Result<Action, Error> {
        self.act(key, "change_protection", &protection).await?.field("action")
    }

    async fn act(&self, key: &RrsetKey, action: &str, body: &impl Serialize) -> Result<Answer, Error> {
        self.client.post(&format!("{}/actions/{action}", self.path(key)), body).await
    }
}
