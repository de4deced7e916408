//! What all kinds of objects have in common: reading one, listing, reading many, deleting.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::answer::Answer;
use crate::call::Query;
use crate::client::Client;
use crate::error::Error;
use crate::lenient::null_as_default;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// The largest page that the API gives (Hetzner API documentation, "Pagination").
const PAGE: usize = 50;
/// No project has this many pages; the end of a listing that never ends.
const MOST_PAGES: u32 = 10_000;

/// A kind of object.
pub trait Object: DeserializeOwned + Send + Sync + 'static {
    /// Where its objects are, such as `/servers`.
    const PATH: &'static str;
    /// The field that holds one of them in an answer.
    const ONE: &'static str;
    /// The field that holds many of them in an answer.
    const MANY: &'static str;

    /// Its id.
    fn id(&self) -> i64;
}

/// Whether an object is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Protection {
    /// It cannot be deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub delete: bool,
}

/// A change of name and labels; what is None stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NamedUpdate {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new labels; they replace all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

/// Which objects a listing shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    query: Query,
}

impl Filter {
    /// All.
    pub fn all() -> Filter {
        Filter::default()
    }

    /// Those of this name.
    pub fn name(name: impl Into<String>) -> Filter {
        Filter::all().with("name", name)
    }

    /// Those whose labels fit the selector.
    pub fn labels(selector: impl Into<String>) -> Filter {
        Filter::all().with("label_selector", selector)
    }

    /// Those that also have this value in that query parameter; may be given more than once.
    #[must_use]
    pub fn with(mut self, parameter: &'static str, value: impl Into<String>) -> Filter {
        self.query.push((parameter, value.into()));
        self
    }
}

/// All objects of a kind.
#[derive(Debug)]
pub struct Collection<'c, T> {
    pub(crate) client: &'c Client,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Collection<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Collection<'_, T> {}

#[derive(Deserialize)]
struct Meta {
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
struct Pagination {
    next_page: Option<u32>,
    last_page: Option<u32>,
}

impl<'c, T: Object> Collection<'c, T> {
    pub(crate) fn new(client: &'c Client) -> Self {
        Collection { client, kind: PhantomData }
    }

    /// One by its id.
    pub async fn get(self, id: i64) -> Result<T, Error> {
        self.client.get(&Self::path(id), Query::new()).await?.field(T::ONE)
    }

    /// One by its id, or None if it does not exist.
    pub async fn find(self, id: i64) -> Result<Option<T>, Error> {
        match self.get(id).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All that the filter lets through, page by page.
    pub async fn list(self, filter: &Filter) -> Result<Vec<T>, Error> {
        self.client.list_pages(T::PATH, T::MANY, filter.query.clone()).await
    }

    /// Those of these ids that exist, in as few requests as may be: pages of the whole list, or one request each,
    /// whichever is fewer. What the list did not show is asked for by its id before it counts as gone, because
    /// rows move between pages while a list is read.
    pub async fn get_many(self, ids: impl IntoIterator<Item = i64>) -> Result<BTreeMap<i64, T>, Error> {
        let mut missing: BTreeSet<i64> = ids.into_iter().collect();
        let mut found = BTreeMap::new();
        let mut next = Some(1);
        let mut pages_left = 1;
        while let Some(page) = next.filter(|_| missing.len() > pages_left) {
            let (objects, pagination) = self.client.page::<T>(T::PATH, T::MANY, Query::new(), page).await?;
            for object in objects {
                if missing.remove(&object.id()) {
                    found.insert(object.id(), object);
                }
            }
            next = pagination.next_page.filter(|&n| n > page && n <= MOST_PAGES);
            pages_left = pagination.last_page.map_or(1, |last| last.saturating_sub(page) as usize);
        }
        for id in missing {
            if let Some(object) = self.find(id).await? {
                found.insert(id, object);
            }
        }
        Ok(found)
    }

    /// The actions that run on an object now.
    pub async fn running_actions(self, id: i64) -> Result<Vec<Action>, Error> {
        let path = format!("{}/actions", Self::path(id));
        self.client.list_pages(&path, "actions", vec![("status", "running".to_owned())]).await
    }

    pub(crate) fn path(id: i64) -> String {
        format!("{}/{id}", T::PATH)
    }

    /// Changes an object by PUT.
    pub(crate) async fn put(self, id: i64, body: &impl Serialize) -> Result<T, Error> {
        self.client.send(http::Method::PUT, &Self::path(id), body).await?.field(T::ONE)
    }

    /// Deletes an object; kinds whose deletion runs on answer with an action.
    pub(crate) async fn remove(self, id: i64) -> Result<Option<Action>, Error> {
        self.client.delete(&Self::path(id)).await?.optional("action")
    }

    /// Starts an action on an object.
    pub(crate) async fn act(self, id: i64, action: &str, body: &impl Serialize) -> Result<Action, Error> {
        self.act_raw(id, action, body).await?.field("action")
    }

    pub(crate) async fn act_raw(self, id: i64, action: &str, body: &impl Serialize) -> Result<Answer, Error> {
        self.client.post(&format!("{}/{id}/actions/{action}", T::PATH), body).await
    }
}

impl Client {
    async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        field: &str,
        mut query: Query,
        page: u32,
    ) -> Result<(Vec<T>, Pagination), Error> {
        query.push(("page", page.to_string()));
        query.push(("per_page", PAGE.to_string()));
        let answer = self.get(path, query).await?;
        let meta: Option<Meta> = answer.optional("meta")?;
        let pagination =
            meta.and_then(|m| m.pagination).unwrap_or(Pagination { next_page: None, last_page: None });
        Ok((answer.list(field)?, pagination))
    }

    /// All pages of a list.
    pub(crate) async fn list_pages<T: DeserializeOwned>(
        &self,
        path: &str,
        field: &str,
        query: Query,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut page = 1;
        loop {
            let (objects, pagination) = self.page::<T>(path, field, query.clone(), page).await?;
            all.extend(objects);
            match pagination.next_page {
                Some(next) if next > page && next <= MOST_PAGES => page = next,
                _ => return Ok(all),
            }
        }
    }
}

/// A body without fields.
#[derive(Serialize)]
pub(crate) struct Nothing {}
