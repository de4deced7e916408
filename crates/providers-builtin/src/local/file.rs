//! `local_file`: a file with a given content.

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{Effects, PlanRequest, PlanResponse};

use super::common::{self, FileKind};
use crate::builtin::ManagedResource;

const KIND: FileKind =
    FileKind { contents: &["sensitive_content", "content_base64", "source", "content"], permission: "0777" };

pub(super) struct LocalFile;

impl ManagedResource for LocalFile {
    fn schema(&self) -> Schema {
        let text = |what: &str| Attribute::optional(Type::String).force_new().describe(what);
        let sensitive = Attribute {
            deprecated: Some("Use the resource local_sensitive_file instead.".into()),
            ..text("The content, never shown.").sensitive()
        };
        let attributes = common::attributes(KIND.permission).into_iter().chain([
            ("content", text("The content.")),
            ("content_base64", text("The content in base64, for bytes that are not text.")),
            ("sensitive_content", sensitive),
        ]);
        let block = Block { description: "A file with a given content.".into(), ..Block::of(attributes) };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        KIND.validate(config)
    }

    fn read(&self, prior: &Value) -> Result<Option<Value>, Diagnostics> {
        common::read(prior)
    }

    fn plan(&self, block: &Block, request: &PlanRequest) -> PlanResponse {
        KIND.plan(block, request)
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        KIND.create(planned)
    }

    fn delete(&self, prior: &Value) -> Result<(), Diagnostics> {
        common::delete(prior)
    }

    fn blocking(&self) -> bool {
        true
    }

    fn effects(&self) -> Effects {
        Effects::Idempotent
    }
}
