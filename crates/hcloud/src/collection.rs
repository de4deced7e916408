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

    /// What narrows a listing to the objects that a project made itself; only where others are among them.
    const OWN: &'static [(&'static str, &'static str)] = &[];

    /// Its id.
    fn id(&self) -> i64;

    /// When it was created, RFC 3339; None for what the API gives no such time.
    fn created(&self) -> Option<&str> {
        None
    }
}

/// Makes a kind of object of a type with a field `id`: its path, its field in an answer with one and with many, and
/// the field with the time of its creation if it has one.
macro_rules! object {
    ($ty:ty, $path:literal, $one:literal, $many:literal $(, $created:ident)? $(; OWN = $own:expr)?) => {
        impl $crate::collection::Object for $ty {
            const PATH: &'static str = $path;
            const ONE: &'static str = $one;
            const MANY: &'static str = $many;
            $(const OWN: &'static [(&'static str, &'static str)] = $own;)?

            fn id(&self) -> i64 {
                self.id
            }

            $(fn created(&self) -> Option<&str> {
                Some(&self.$created)
            })?
        }
    };
}
pub(crate) use object;

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
    pub(crate) query: Query,
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

/// Where in a listing a page is.
#[derive(Deserialize)]
pub(crate) struct Pagination {
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
        let own: Query = T::OWN.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let mut sift = Sift::new(ids, PAGE);
        while let Some(page) = sift.next_page() {
            sift.take(self.client.page(T::PATH, T::MANY, own.clone(), page).await?, T::id);
        }
        for id in sift.unseen() {
            sift.found.extend(self.find(id).await?.map(|object| (id, object)));
        }
        Ok(sift.found)
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

/// Picks what is wanted out of a listing, for as long as the pages that are left are fewer requests than one for each
/// that is still missing.
pub(crate) struct Sift<K, T> {
    missing: BTreeSet<K>,
    pub(crate) found: BTreeMap<K, T>,
    per_page: usize,
    page: Option<u32>,
    pages_left: usize,
}

impl<K: Ord + Clone, T> Sift<K, T> {
    pub(crate) fn new(wanted: impl IntoIterator<Item = K>, per_page: usize) -> Self {
        let missing = wanted.into_iter().collect();
        Sift { missing, found: BTreeMap::new(), per_page, page: Some(1), pages_left: 1 }
    }

    /// The page to read next, if it is worth it.
    pub(crate) fn next_page(&self) -> Option<Page> {
        let number = self.page.filter(|_| self.missing.len() > self.pages_left)?;
        Some(Page { number, size: self.per_page })
    }

    /// Takes what is wanted from the page that was read.
    pub(crate) fn take(&mut self, (objects, pagination): (Vec<T>, Pagination), key: impl Fn(&T) -> K) {
        for object in objects {
            let key = key(&object);
            if self.missing.remove(&key) {
                self.found.insert(key, object);
            }
        }
        let page = self.page.unwrap_or(MOST_PAGES);
        self.page = pagination.next_page.filter(|&n| n > page && n <= MOST_PAGES);
        self.pages_left = pagination.last_page.map_or(1, |last| last.saturating_sub(page) as usize);
    }

    /// What no page has shown, and has to be asked for one by one.
    pub(crate) fn unseen(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.missing)
    }
}

/// A page of a listing.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    number: u32,
    size: usize,
}

impl Client {
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        field: &str,
        mut query: Query,
        page: Page,
    ) -> Result<(Vec<T>, Pagination), Error> {
        query.push(("page", page.number.to_string()));
        query.push(("per_page", page.size.to_string()));
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
            let this = Page { number: page, size: PAGE };
            let (objects, pagination) = self.page::<T>(path, field, query.clone(), this).await?;
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
