//! The data sources `local_file` and `local_sensitive_file`, which differ in whether the content may be shown.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};

use super::{checksums, common};
use crate::builtin::DataSource;
use crate::values::{text, with};

pub(super) struct FileData {
    /// Whether the content is never shown.
    pub(super) sensitive: bool,
}

#[async_trait]
impl DataSource for FileData {
    fn schema(&self) -> Schema {
        let content = |what: &str| Attribute {
            sensitive: self.sensitive,
            ..Attribute::computed(Type::String).describe(what)
        };
        let attributes = checksums::attributes().into_iter().chain([
            (
                "filename",
                Attribute::required(Type::String).describe("The path of the file, which must exist."),
            ),
            (
                "content",
                content("The content as text; what is not UTF-8 is replaced by the replacement character."),
            ),
            ("content_base64", content("The content in base64.")),
        ]);
        let block = Block { description: "Reads a file.".into(), ..Block::of(attributes) };
        Schema { version: 0, block }
    }

    async fn read(&self, config: &Value, _: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let path = text(config, "filename").unwrap_or_default();
        let content = tokio::fs::read(path).await.map_err(|error| {
            common::io_error("filename", "Read local file data source error", "read", path, &error)
        })?;
        let mut values = checksums::values(&content);
        values.push(("content", Value::string_normalised(&String::from_utf8_lossy(&content))));
        values.push(("content_base64", Value::string(STANDARD.encode(&content))));
        Ok(with(config, values))
    }
}
