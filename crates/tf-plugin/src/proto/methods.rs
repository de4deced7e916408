//! Requests and responses of the provider's methods.

use std::collections::BTreeMap;

use prost::Message;

use super::{AttributePath, Diagnostic, DynamicValue, Function, RawState, Schema, ServerCapabilities};

/// The name of a resource or data source type.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct TypeName {
    /// The name.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
}

/// What there is, without schemas.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct GetMetadataResponse {
    /// What it can do.
    #[prost(message, optional, tag = "1")]
    pub(crate) server_capabilities: Option<ServerCapabilities>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The data sources.
    #[prost(message, repeated, tag = "3")]
    pub(crate) data_sources: Vec<TypeName>,
    /// The managed resources.
    #[prost(message, repeated, tag = "4")]
    pub(crate) resources: Vec<TypeName>,
    /// The functions.
    #[prost(message, repeated, tag = "5")]
    pub(crate) functions: Vec<FunctionName>,
}

/// The name of a function.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FunctionName {
    /// The name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

/// All schemas.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct GetProviderSchemaResponse {
    /// Of the `provider` block.
    #[prost(message, optional, tag = "1")]
    pub(crate) provider: Option<Schema>,
    /// Of managed resources.
    #[prost(btree_map = "string, message", tag = "2")]
    pub(crate) resource_schemas: BTreeMap<String, Schema>,
    /// Of data sources.
    #[prost(btree_map = "string, message", tag = "3")]
    pub(crate) data_source_schemas: BTreeMap<String, Schema>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "4")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What it can do.
    #[prost(message, optional, tag = "6")]
    pub(crate) server_capabilities: Option<ServerCapabilities>,
    /// Of functions.
    #[prost(btree_map = "string, message", tag = "7")]
    pub(crate) functions: BTreeMap<String, Function>,
}

/// Is this `provider` block right?
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ValidateProviderConfigRequest {
    /// The block.
    #[prost(message, optional, tag = "1")]
    pub(crate) config: Option<DynamicValue>,
}

/// Answer to [`ValidateProviderConfigRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ValidateProviderConfigResponse {
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Bring this object to the current schema version.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct UpgradeResourceStateRequest {
    /// The resource type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The schema version that it was written with.
    #[prost(int64, tag = "2")]
    pub(crate) version: i64,
    /// The object.
    #[prost(message, optional, tag = "3")]
    pub(crate) raw_state: Option<RawState>,
}

/// Answer to [`UpgradeResourceStateRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct UpgradeResourceStateResponse {
    /// The object.
    #[prost(message, optional, tag = "1")]
    pub(crate) upgraded_state: Option<DynamicValue>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Is this block of a resource or data source right?
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ValidateConfigRequest {
    /// Its type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The block.
    #[prost(message, optional, tag = "2")]
    pub(crate) config: Option<DynamicValue>,
}

/// An answer of diagnostics alone.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DiagnosticsResponse {
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "1")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Become ready.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ConfigureProviderRequest {
    /// The version of the caller.
    #[prost(string, tag = "1")]
    pub(crate) terraform_version: String,
    /// The `provider` block.
    #[prost(message, optional, tag = "2")]
    pub(crate) config: Option<DynamicValue>,
}

/// What is this object like now?
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ReadResourceRequest {
    /// The resource type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The object as last known.
    #[prost(message, optional, tag = "2")]
    pub(crate) current_state: Option<DynamicValue>,
    /// The provider's own data.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) private: Vec<u8>,
}

/// Answer to [`ReadResourceRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ReadResourceResponse {
    /// The object; null if it is gone.
    #[prost(message, optional, tag = "1")]
    pub(crate) new_state: Option<DynamicValue>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The provider's own data.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) private: Vec<u8>,
}

/// What would become of this object?
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct PlanResourceChangeRequest {
    /// The resource type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The object as it is.
    #[prost(message, optional, tag = "2")]
    pub(crate) prior_state: Option<DynamicValue>,
    /// Configuration and object merged.
    #[prost(message, optional, tag = "3")]
    pub(crate) proposed_new_state: Option<DynamicValue>,
    /// The configuration.
    #[prost(message, optional, tag = "4")]
    pub(crate) config: Option<DynamicValue>,
    /// The provider's own data.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) prior_private: Vec<u8>,
}

/// Answer to [`PlanResourceChangeRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct PlanResourceChangeResponse {
    /// The object as it will be.
    #[prost(message, optional, tag = "1")]
    pub(crate) planned_state: Option<DynamicValue>,
    /// Changed attributes that need a new object.
    #[prost(message, repeated, tag = "2")]
    pub(crate) requires_replace: Vec<AttributePath>,
    /// The provider's own data.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) planned_private: Vec<u8>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "4")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The looser rules of the older plugin library hold.
    #[prost(bool, tag = "5")]
    pub(crate) legacy_type_system: bool,
}

/// Make it so.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ApplyResourceChangeRequest {
    /// The resource type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The object as it is.
    #[prost(message, optional, tag = "2")]
    pub(crate) prior_state: Option<DynamicValue>,
    /// The object as planned.
    #[prost(message, optional, tag = "3")]
    pub(crate) planned_state: Option<DynamicValue>,
    /// The configuration.
    #[prost(message, optional, tag = "4")]
    pub(crate) config: Option<DynamicValue>,
    /// The provider's own data, from planning.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) planned_private: Vec<u8>,
}

/// Answer to [`ApplyResourceChangeRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ApplyResourceChangeResponse {
    /// The object as it is now.
    #[prost(message, optional, tag = "1")]
    pub(crate) new_state: Option<DynamicValue>,
    /// The provider's own data.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) private: Vec<u8>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "3")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The looser rules of the older plugin library hold.
    #[prost(bool, tag = "4")]
    pub(crate) legacy_type_system: bool,
}

/// Which object has this id?
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ImportResourceStateRequest {
    /// The resource type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The import id.
    #[prost(string, tag = "2")]
    pub(crate) id: String,
}

/// An object that was found.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ImportedResource {
    /// Its resource type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// At least its identity.
    #[prost(message, optional, tag = "2")]
    pub(crate) state: Option<DynamicValue>,
    /// The provider's own data.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) private: Vec<u8>,
}

/// Answer to [`ImportResourceStateRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ImportResourceStateResponse {
    /// What was found.
    #[prost(message, repeated, tag = "1")]
    pub(crate) imported_resources: Vec<ImportedResource>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Make an object of another type one of this type.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct MoveResourceStateRequest {
    /// The provider that the object comes from.
    #[prost(string, tag = "1")]
    pub(crate) source_provider_address: String,
    /// The type that it has there.
    #[prost(string, tag = "2")]
    pub(crate) source_type_name: String,
    /// The type that it is to have.
    #[prost(string, tag = "5")]
    pub(crate) target_type_name: String,
}

/// Answer to [`MoveResourceStateRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct MoveResourceStateResponse {
    /// The object.
    #[prost(message, optional, tag = "1")]
    pub(crate) target_state: Option<DynamicValue>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The provider's own data.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) target_private: Vec<u8>,
}

/// What does this data source say?
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ReadDataSourceRequest {
    /// Its type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
    /// The block.
    #[prost(message, optional, tag = "2")]
    pub(crate) config: Option<DynamicValue>,
}

/// Answer to [`ReadDataSourceRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ReadDataSourceResponse {
    /// What it says.
    #[prost(message, optional, tag = "1")]
    pub(crate) state: Option<DynamicValue>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// The functions.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct GetFunctionsResponse {
    /// By name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) functions: BTreeMap<String, Function>,
    /// What went wrong or is worth saying.
    #[prost(message, repeated, tag = "2")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Call a function.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct CallFunctionRequest {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// The arguments.
    #[prost(message, repeated, tag = "2")]
    pub(crate) arguments: Vec<DynamicValue>,
}

/// Why a function has no value.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct FunctionError {
    /// What is wrong.
    #[prost(string, tag = "1")]
    pub(crate) text: String,
    /// The argument that it is about.
    #[prost(int64, optional, tag = "2")]
    pub(crate) function_argument: Option<i64>,
}

/// Answer to [`CallFunctionRequest`].
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct CallFunctionResponse {
    /// The value.
    #[prost(message, optional, tag = "1")]
    pub(crate) result: Option<DynamicValue>,
    /// Or why there is none.
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<FunctionError>,
}

/// A request about an ephemeral resource.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct EphemeralRequest {
    /// Its type.
    #[prost(string, tag = "1")]
    pub(crate) type_name: String,
}

/// All that runs was asked to end.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StopProviderResponse {
    /// What went wrong; empty if nothing did.
    #[prost(string, tag = "1")]
    pub(crate) error: String,
}
