//! Images.

use serde::{Deserialize, Serialize};

use crate::collection::{Collection, Labels, object};
use crate::error::Error;
use crate::lenient::null_as_default;

/// When something goes out of use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deprecation {
    /// When that was announced, RFC 3339.
    pub announced: String,
    /// When it goes, RFC 3339.
    pub unavailable_after: String,
}

/// The server that an image was made from, which may be gone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CreatedFrom {
    /// Its id.
    pub id: i64,
    /// Its name at that time.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
}

/// What a server's disk begins with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: i64,
    /// `system`, `app`, `snapshot` or `backup`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `available`, `creating` or `unavailable`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: String,
    /// Its name; only system and app images have one.
    #[serde(default)]
    pub name: Option<String>,
    /// For people.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// When it was created, RFC 3339.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created: String,
    /// The operating system, such as `ubuntu`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub os_flavor: String,
    /// The operating system's version.
    #[serde(default)]
    pub os_version: Option<String>,
    /// `x86` or `arm`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub architecture: String,
    /// Whether servers of it are created especially fast.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rapid_deploy: bool,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: Labels,
    /// The server that a snapshot or backup was made from.
    #[serde(default)]
    pub created_from: Option<CreatedFrom>,
    /// What a snapshot takes, in GB; none while it is being made.
    #[serde(default)]
    pub image_size: Option<f64>,
    /// The size of the disk that is in it, in GB: servers have one as large at least.
    #[serde(default)]
    pub disk_size: Option<f64>,
    /// When it was deprecated, RFC 3339. The API stops sending it in November 2026.
    #[serde(default)]
    pub deprecated: Option<String>,
    /// When it goes out of use.
    #[serde(default)]
    pub deprecation: Option<Deprecation>,
}

object!(Image, "/images", "image", "images", created; OWN = &[("type", "snapshot")]);

/// A change of a snapshot or backup; what is None stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImageUpdate {
    /// The new description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The new labels; they replace all that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

impl Collection<'_, Image> {
    /// Changes description or labels.
    pub async fn update(self, id: i64, update: &ImageUpdate) -> Result<Image, Error> {
        self.put(id, update).await
    }

    /// Deletes a snapshot or backup.
    pub async fn delete(self, id: i64) -> Result<(), Error> {
        self.remove(id).await.map(drop)
    }
}
