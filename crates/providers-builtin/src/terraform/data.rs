//! `terraform_data`: keeps a value of any type, and is replaced when another value changes.

use std::sync::Arc;

use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::value::Refinements;
use ferroform_core::{AttrPath, Diagnostics, Type, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

use crate::builtin::{ManagedResource, object};
use crate::randomness::{RandomSource, bytes};
use crate::values::{attribute_error, hex, is_null, is_unknown, with};

pub(super) struct TerraformData(pub(super) Arc<dyn RandomSource>);

impl TerraformData {
    /// Gives the planned object its output and, when it is new, its id.
    fn complete(&self, planned: &Value) -> Result<Value, Diagnostics> {
        let mut changes = Vec::with_capacity(2);
        if is_unknown(planned, "output") {
            changes.push(("output", planned.get("input").cloned().unwrap_or_else(Value::null_dynamic)));
        }
        if is_unknown(planned, "id") {
            changes.push(("id", self.id()?));
        }
        Ok(with(planned, changes))
    }

    /// Sixteen random bytes written like a UUID, without version bits, as Terraform does.
    fn id(&self) -> Result<Value, Diagnostics> {
        let digits = hex(&bytes::<16>(&*self.0)?);
        let groups: Vec<&str> =
            [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().map(|r| &digits[r]).collect();
        Ok(Value::string(groups.join("-")))
    }
}

impl ManagedResource for TerraformData {
    fn schema(&self) -> Schema {
        let block = Block::of([
            ("input", Attribute::optional(Type::Dynamic).describe("A value of any type, kept in state.")),
            (
                "output",
                Attribute::computed(Type::Dynamic).describe("The same value, known once it is applied."),
            ),
            (
                "triggers_replace",
                Attribute::optional(Type::Dynamic)
                    .force_new()
                    .describe("A value of any type; when it changes, the resource is replaced."),
            ),
            ("id", Attribute::computed(Type::String).describe("A random id, drawn at creation.")),
        ]);
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let set = ["id", "output"].into_iter().filter(|name| !is_null(config, name));
        let read_only = |name: &'static str| {
            let detail = format!("The attribute {name} is given by the resource itself. Remove it.");
            let summary = if name == "id" {
                "\"id\" attribute is read-only"
            } else {
                "\"output\" attribute is read-only"
            };
            attribute_error(name, summary, detail)
        };
        set.map(read_only).collect()
    }

    fn plan(&self, _block: &Block, request: &PlanRequest) -> PlanResponse {
        let mut response = PlanResponse { private: request.private.clone(), ..PlanResponse::default() };
        let null = Value::null_dynamic();
        let of = |object: &Value, name: &str| object.get(name).unwrap_or(&null).clone();
        let input = of(&request.proposed, "input");
        let unknown_output = || Value::unknown(input.ty());
        // A new object's output is null at once when its input is; an updated one's is not known before applying.
        let new_output = || if input.is_null() { input.clone() } else { unknown_output() };
        let not_null = Refinements { not_null: true, ..Refinements::default() };
        let new_id = || Value::unknown_refined(Type::String, not_null.clone());
        let same = |name: &str| of(&request.prior, name) == of(&request.proposed, name);
        let changes = if request.proposed.is_null() {
            response.planned = Some(request.proposed.clone());
            return response;
        } else if request.prior.is_null() {
            vec![("id", new_id()), ("output", new_output())]
        } else if !same("triggers_replace") {
            response.requires_replace.push(AttrPath::attr("triggers_replace"));
            vec![("id", new_id()), ("output", new_output())]
        } else if !same("input") {
            vec![("output", unknown_output())]
        } else {
            Vec::new()
        };
        response.planned = Some(with(&request.proposed, changes));
        response
    }

    fn create(&self, planned: &Value) -> Result<Value, Diagnostics> {
        self.complete(planned)
    }

    fn update(&self, _prior: &Value, planned: &Value) -> Result<Value, Diagnostics> {
        self.complete(planned)
    }

    fn import(&self, block: &Block, id: &str) -> Option<Result<Value, Diagnostics>> {
        Some(Ok(object(block, [("id", Value::string_normalised(id))])))
    }
}
