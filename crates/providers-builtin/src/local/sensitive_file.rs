//! `local_sensitive_file`: a file with a content that is never shown.

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use ferroform_provider::{Effects, PlanRequest, PlanResponse};

use super::common::{self, FileKind};
use crate::builtin::ManagedResource;

const KIND: FileKind = FileKind { contents: &["content_base64", "source", "content"], permission: "0700" };

pub(super) struct LocalSensitiveFile;

impl ManagedResource for LocalSensitiveFile {
    fn schema(&self) -> Schema {
        let secret = |what: &str| Attribute::optional(Type::String).force_new().sensitive().describe(what);
        let attributes = common::attributes(KIND.permission).into_iter().chain([
            ("content", secret("The content.")),
            ("content_base64", secret("The content in base64, for bytes that are not text.")),
        ]);
        let block = Block {
            description:
                "A file with a content that is never shown. It is kept in state, which must be guarded."
                    .into(),
            ..Block::of(attributes)
        };
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
