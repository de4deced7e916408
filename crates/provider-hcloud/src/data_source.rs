//! What a kind of data source has to tell.

use async_trait::async_trait;
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostic, Value};

use crate::attrs::{Attrs, State};
use crate::cx::Cx;
use crate::failure::Failure;
use crate::rules::Problems;

/// A kind of data source.
#[async_trait]
pub(crate) trait DataSource: Send + Sync {
    /// Its type, such as `hcloud_image`.
    fn name(&self) -> &'static str;

    /// Its attributes, as the published provider has them.
    fn schema(&self) -> Schema;

    /// Checks configuration; what is unknown may become anything.
    fn validate(&self, config: Attrs<'_>, problems: &mut Problems);

    /// Reads it into `state`, which begins as the configuration.
    async fn read(&self, cx: &Cx, config: Attrs<'_>, state: State) -> Result<Value, Failure>;
}

/// The only one of what was found; otherwise an error that says what was looked for.
pub(crate) fn only<T>(found: Vec<T>, noun: &str, by: &str) -> Result<T, Failure> {
    let count = found.len();
    let mut found = found.into_iter();
    match (found.next(), count) {
        (Some(one), 1) => Ok(one),
        (None, _) => Err(Diagnostic::error("Nothing found")
            .detail(format!("There is no {noun} with {by} in this project."))
            .into()),
        _ => Err(Diagnostic::error("More than one found")
            .detail(format!("There are {count} with {by}, and one {noun} is wanted. Narrow the search."))
            .into()),
    }
}

/// An object found by its id, which must exist.
pub(crate) fn existing<T>(found: Option<T>, noun: &str, id: i64) -> Result<T, Failure> {
    only(found.into_iter().collect(), noun, &format!("the id {id}"))
}
