//! The methods of the protocol, answered by a provider.
//!
//! A method never fails as a call: what goes wrong is a diagnostic in its answer, so that Terraform can say which
//! block it is about.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ferroform_core::function::FunctionError;
use ferroform_core::schema::Schema;
use ferroform_core::wire::WireError;
use ferroform_core::{Diagnostic, Diagnostics, Type, Value};
use ferroform_provider::{
    ApplyRequest, CheckpointSink, ConfigureRequest, Occasion, PlanRequest, Provider, ReadRequest,
    UpgradeRequest, with_identity,
};

use crate::batch::Batcher;
use crate::convert::{diagnostics, dynamic, path, value};
use crate::proto::{self, DynamicValue, ServerCapabilities};
use crate::schema;

/// What the served provider can do: deletions are planned, so that it can warn of them or refuse, and it does not wait
/// for its schema to be asked.
pub(crate) const CAPABILITIES: ServerCapabilities =
    ServerCapabilities { plan_destroy: true, get_provider_schema_optional: true, move_resource_state: false };

/// A provider as the protocol sees it.
#[derive(Clone)]
pub(crate) struct Service {
    provider: Arc<dyn Provider>,
    reads: Batcher,
}

/// The identity of what is being made. Terraform keeps no journal: it knows an object once the whole operation is answered.
#[derive(Default)]
struct Made(Mutex<Option<Value>>);

impl Made {
    /// The planned object as far as it is known to exist; null if nothing was made.
    fn object(&self, planned: &Value) -> Value {
        let identity = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match identity {
            Some(identity) => with_identity(planned, &identity).unknown_as_null(),
            None => Value::null(planned.ty()),
        }
    }
}

#[async_trait]
impl CheckpointSink for Made {
    async fn checkpoint(&self, identity: Value) -> Result<(), Diagnostic> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
        Ok(())
    }
}

/// Ends an operation with what it has to tell.
type Refused = Diagnostics;

impl Service {
    pub(crate) fn new(provider: Arc<dyn Provider>) -> Service {
        Service { reads: Batcher::new(Arc::clone(&provider)), provider }
    }

    fn managed(&self, type_name: &str) -> Result<&Schema, Refused> {
        self.provider
            .schema()
            .resources
            .get(type_name)
            .ok_or_else(|| unknown_type("resource type", type_name))
    }

    fn data_source(&self, type_name: &str) -> Result<&Schema, Refused> {
        let found = self.provider.schema().data_sources.get(type_name);
        found.ok_or_else(|| unknown_type("data source", type_name))
    }

    pub(crate) async fn get_metadata(self, _: proto::Empty) -> proto::GetMetadataResponse {
        let schema = self.provider.schema();
        let name = |name: &Arc<str>| proto::TypeName { type_name: name.to_string() };
        proto::GetMetadataResponse {
            server_capabilities: Some(CAPABILITIES),
            diagnostics: Vec::new(),
            data_sources: schema.data_sources.keys().map(name).collect(),
            resources: schema.resources.keys().map(name).collect(),
            functions: schema
                .functions
                .keys()
                .map(|name| proto::FunctionName { name: name.to_string() })
                .collect(),
        }
    }

    pub(crate) async fn get_provider_schema(self, _: proto::Empty) -> proto::GetProviderSchemaResponse {
        schema::all(self.provider.schema())
    }

    pub(crate) async fn validate_provider_config(
        self,
        request: proto::ValidateProviderConfigRequest,
    ) -> proto::ValidateProviderConfigResponse {
        let ty = self.provider.schema().provider.implied_type();
        let found = match read(request.config.as_ref(), &ty, "provider configuration") {
            Ok(config) => self.provider.validate_provider(&config),
            Err(refused) => refused,
        };
        proto::ValidateProviderConfigResponse { diagnostics: diagnostics(found) }
    }

    pub(crate) async fn configure_provider(
        self,
        request: proto::ConfigureProviderRequest,
    ) -> proto::DiagnosticsResponse {
        let ty = self.provider.schema().provider.implied_type();
        let found = match read(request.config.as_ref(), &ty, "provider configuration") {
            Ok(config) => self.provider.configure(ConfigureRequest { config }).await,
            Err(refused) => refused,
        };
        proto::DiagnosticsResponse { diagnostics: diagnostics(found) }
    }

    pub(crate) async fn validate_resource_config(
        self,
        request: proto::ValidateConfigRequest,
    ) -> proto::DiagnosticsResponse {
        let checked = || -> Result<Diagnostics, Refused> {
            let ty = self.managed(&request.type_name)?.block.implied_type();
            let config = read(request.config.as_ref(), &ty, &request.type_name)?;
            Ok(self.provider.validate_resource(&request.type_name, &config))
        };
        proto::DiagnosticsResponse { diagnostics: diagnostics(checked().unwrap_or_else(|refused| refused)) }
    }

    pub(crate) async fn validate_data_resource_config(
        self,
        request: proto::ValidateConfigRequest,
    ) -> proto::DiagnosticsResponse {
        let checked = || -> Result<Diagnostics, Refused> {
            let ty = self.data_source(&request.type_name)?.block.implied_type();
            let config = read(request.config.as_ref(), &ty, &request.type_name)?;
            Ok(self.provider.validate_data_source(&request.type_name, &config))
        };
        proto::DiagnosticsResponse { diagnostics: diagnostics(checked().unwrap_or_else(|refused| refused)) }
    }

    pub(crate) async fn upgrade_resource_state(
        self,
        request: proto::UpgradeResourceStateRequest,
    ) -> proto::UpgradeResourceStateResponse {
        let upgraded = async {
            let ty = self.managed(&request.type_name)?.block.implied_type();
            let raw = request.raw_state.unwrap_or_default();
            if raw.json.is_empty() {
                return Err(Diagnostic::error("State is too old")
                    .detail(format!(
                        "The state of an object of type {} was written by Terraform 0.11 or older. Apply once with a \
                         version of Terraform from 0.12 to 0.15, which brings it up to date.",
                        request.type_name
                    ))
                    .into());
            }
            let attributes =
                serde_json::from_slice(&raw.json).map_err(|e| unreadable(&request.type_name, &e))?;
            let version = u64::try_from(request.version).map_err(|e| unreadable(&request.type_name, &e))?;
            let upgrade =
                UpgradeRequest { type_name: request.type_name.as_str().into(), version, attributes };
            let (state, told) = self.provider.upgrade_state(upgrade).await;
            let state = if told.has_errors() { None } else { Some(write(&state, &ty, &request.type_name)?) };
            Ok((state, told))
        };
        let (upgraded_state, told) = answered(upgraded.await);
        proto::UpgradeResourceStateResponse { upgraded_state: upgraded_state.flatten(), diagnostics: told }
    }

    pub(crate) async fn read_resource(
        self,
        request: proto::ReadResourceRequest,
    ) -> proto::ReadResourceResponse {
        let private = request.private.clone();
        let done = async {
            let ty = self.managed(&request.type_name)?.block.implied_type();
            let prior = read(request.current_state.as_ref(), &ty, &request.type_name)?;
            let type_name = request.type_name.as_str().into();
            let answer = self.reads.read(ReadRequest { type_name, prior, private: request.private }).await;
            if answer.diagnostics.has_errors() {
                return Err(answer.diagnostics);
            }
            let state = write(&answer.state, &ty, &request.type_name)?;
            Ok(((state, answer.private), answer.diagnostics))
        };
        let (found, told) = answered(done.await);
        // Where nothing was found out, nothing changes.
        let (new_state, private) =
            found.map_or((request.current_state, private), |(state, private)| (Some(state), private));
        proto::ReadResourceResponse { new_state, diagnostics: told, private }
    }

    pub(crate) async fn plan_resource_change(
        self,
        request: proto::PlanResourceChangeRequest,
    ) -> proto::PlanResourceChangeResponse {
        let type_name = request.type_name.as_str();
        let done = async {
            let ty = self.managed(type_name)?.block.implied_type();
            let plan = PlanRequest {
                type_name: type_name.into(),
                prior: read(request.prior_state.as_ref(), &ty, type_name)?,
                proposed: read(request.proposed_new_state.as_ref(), &ty, type_name)?,
                config: read(request.config.as_ref(), &ty, type_name)?,
                private: request.prior_private,
                occasion: Occasion::Untold,
            };
            let answer = self.provider.plan_resource(plan).await;
            let planned =
                answer.planned.as_ref().map(|planned| write(planned, &ty, type_name)).transpose()?;
            Ok(((planned, answer.requires_replace, answer.private), answer.diagnostics))
        };
        let (planned, told) = answered(done.await);
        let (planned_state, requires_replace, planned_private) = planned.unwrap_or_default();
        proto::PlanResourceChangeResponse {
            planned_state,
            requires_replace: requires_replace.iter().map(path).collect(),
            planned_private,
            diagnostics: told,
            legacy_type_system: self.provider.legacy_type_system(type_name),
        }
    }

    pub(crate) async fn apply_resource_change(
        self,
        request: proto::ApplyResourceChangeRequest,
    ) -> proto::ApplyResourceChangeResponse {
        let type_name = request.type_name.as_str();
        let private = request.planned_private.clone();
        let done = async {
            let ty = self.managed(type_name)?.block.implied_type();
            let apply = ApplyRequest {
                type_name: type_name.into(),
                prior: read(request.prior_state.as_ref(), &ty, type_name)?,
                planned: read(request.planned_state.as_ref(), &ty, type_name)?,
                config: read(request.config.as_ref(), &ty, type_name)?,
                private: request.planned_private,
            };
            let (planned, made) = (apply.planned.clone(), Made::default());
            let mut answer = self.provider.apply_resource(apply, &made).await;
            if !answer.state.is_known() {
                // Terraform has no way to leave a creation open. What is known to exist is kept, and is tainted then.
                answer.state = made.object(&planned);
            }
            Ok(((write(&answer.state, &ty, type_name)?, answer.private), answer.diagnostics))
        };
        let (applied, told) = answered(done.await);
        // Where it did not even begin, the object is what it was.
        let (new_state, private) =
            applied.map_or((request.prior_state, private), |(state, private)| (Some(state), private));
        proto::ApplyResourceChangeResponse {
            new_state,
            private,
            diagnostics: told,
            legacy_type_system: self.provider.legacy_type_system(type_name),
        }
    }

    pub(crate) async fn import_resource_state(
        self,
        request: proto::ImportResourceStateRequest,
    ) -> proto::ImportResourceStateResponse {
        let found = async {
            let found = self.provider.import_resource(&request.type_name, &request.id).await?;
            let one = |object: ferroform_provider::ImportedResource| {
                let ty = self.managed(&object.type_name)?.block.implied_type();
                Ok(proto::ImportedResource {
                    state: Some(write(&object.state, &ty, &object.type_name)?),
                    type_name: object.type_name.to_string(),
                    private: object.private,
                })
            };
            Ok((found.into_iter().map(one).collect::<Result<_, Refused>>()?, Diagnostics::new()))
        };
        let (imported, told): (Option<Vec<_>>, _) = answered(found.await);
        proto::ImportResourceStateResponse {
            imported_resources: imported.unwrap_or_default(),
            diagnostics: told,
        }
    }

    pub(crate) async fn move_resource_state(
        self,
        request: proto::MoveResourceStateRequest,
    ) -> proto::MoveResourceStateResponse {
        let refused = Diagnostic::error("Object cannot be moved to another type").detail(format!(
            "The object is a {} of {}, and cannot become a {} by a moved block. Take it out of the state with a removed \
             block and bring it in again with an import block.",
            request.source_type_name, request.source_provider_address, request.target_type_name
        ));
        proto::MoveResourceStateResponse {
            target_state: None,
            diagnostics: diagnostics(refused.into()),
            target_private: Vec::new(),
        }
    }

    pub(crate) async fn read_data_source(
        self,
        request: proto::ReadDataSourceRequest,
    ) -> proto::ReadDataSourceResponse {
        let type_name = request.type_name.as_str();
        let done = async {
            let ty = self.data_source(type_name)?.block.implied_type();
            let config = read(request.config.as_ref(), &ty, type_name)?;
            let (found, told) = self.provider.read_data_source(type_name, config).await;
            let state = if told.has_errors() { None } else { Some(write(&found, &ty, type_name)?) };
            Ok((state, told))
        };
        let (state, told) = answered(done.await);
        proto::ReadDataSourceResponse { state: state.flatten(), diagnostics: told }
    }

    pub(crate) async fn ephemeral(self, request: proto::EphemeralRequest) -> proto::DiagnosticsResponse {
        let refused = unknown_type("ephemeral resource", &request.type_name);
        proto::DiagnosticsResponse { diagnostics: diagnostics(refused) }
    }

    pub(crate) async fn get_functions(self, _: proto::Empty) -> proto::GetFunctionsResponse {
        proto::GetFunctionsResponse {
            functions: schema::functions(self.provider.schema()),
            diagnostics: Vec::new(),
        }
    }

    pub(crate) async fn call_function(
        self,
        request: proto::CallFunctionRequest,
    ) -> proto::CallFunctionResponse {
        match self.called(&request) {
            Ok(result) => proto::CallFunctionResponse { result: Some(result), error: None },
            Err(error) => {
                let function_argument = error.argument.and_then(|index| i64::try_from(index).ok());
                let error = proto::FunctionError { text: error.message, function_argument };
                proto::CallFunctionResponse { result: None, error: Some(error) }
            }
        }
    }

    /// Terraform keeps to what is declared of null and unknown values; others who call may not.
    fn called(&self, request: &proto::CallFunctionRequest) -> Result<DynamicValue, FunctionError> {
        let name = request.name.as_str();
        let Some(function) = self.provider.schema().functions.get(name) else {
            return Err(FunctionError::failed(format!("the provider has no function {name:?}")));
        };
        let (given, required) = (request.arguments.len(), function.parameters.len());
        if given < required || (given > required && function.variadic.is_none()) {
            return Err(FunctionError::failed(format!(
                "the function {name:?} takes {required} argument(s) and was given {given}"
            )));
        }
        let mut arguments = Vec::with_capacity(given);
        let mut is_open = false;
        for (i, (message, parameter)) in request
            .arguments
            .iter()
            .zip(function.parameters.iter().chain(function.variadic.iter().cycle()))
            .enumerate()
        {
            let argument = value(Some(message), &parameter.ty)
                .map_err(|error| FunctionError::argument(i, error.to_string()))?;
            if argument.is_null() && !parameter.nullable {
                return Err(FunctionError::argument(i, "argument must not be null"));
            }
            is_open |= !parameter.unknown && !argument.is_wholly_known();
            arguments.push(argument);
        }
        let result = if is_open {
            Value::unknown(function.returns.clone())
        } else {
            self.provider.call_function(name, &arguments)?
        };
        dynamic(&result, &function.returns).map_err(|error| {
            FunctionError::failed(format!("the value of the function {name:?} is not as declared: {error}"))
        })
    }

    pub(crate) async fn stop_provider(self, _: proto::Empty) -> proto::StopProviderResponse {
        self.provider.stop().await;
        proto::StopProviderResponse { error: String::new() }
    }
}

/// What an operation gave, if it gave anything, and what there is to tell.
fn answered<T>(outcome: Result<(T, Diagnostics), Refused>) -> (Option<T>, Vec<proto::Diagnostic>) {
    match outcome {
        Ok((value, told)) => (Some(value), diagnostics(told)),
        Err(told) => (None, diagnostics(told)),
    }
}

fn read(message: Option<&DynamicValue>, ty: &Type, of: &str) -> Result<Value, Refused> {
    value(message, ty).map_err(|error| misunderstood("The value that Terraform sent", of, &error))
}

fn write(value: &Value, ty: &Type, of: &str) -> Result<DynamicValue, Refused> {
    dynamic(value, ty).map_err(|error| misunderstood("The value that the provider gave", of, &error))
}

/// The path is named in the text: it need not exist in the configuration.
fn misunderstood(what: &str, of: &str, error: &WireError) -> Refused {
    Diagnostic::error("Value does not fit the schema")
        .detail(format!("{what} for {of} does not fit the schema: {error}. This is a bug in one of them."))
        .into()
}

fn unreadable(type_name: &str, error: &dyn std::fmt::Display) -> Refused {
    Diagnostic::error("Unreadable object in state")
        .detail(format!("The object of type {type_name} in the state cannot be read: {error}."))
        .into()
}

fn unknown_type(kind: &'static str, name: &str) -> Refused {
    Diagnostic::error(format!("Unknown {kind}"))
        .detail(format!("The provider has no {kind} {name:?}. A newer version of it may have one."))
        .into()
}
