//! What a provider is to the engine.
//!
//! [`Provider`] has every method of Terraform's plugin protocol with its meaning, so that a provider of ours can be
//! served over that protocol and a published plugin driven through this trait. Some optional capabilities go beyond
//! the protocol, each with a default: batched reads, checkpoints during apply, the look-up of objects whose creation was
//! not seen to end, notes about updates that were not, and the search for what deleted objects leave behind.
//!
//! Values given to and by a provider have the implied type of the resource's schema. They carry no marks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferroform_core::addr::ProviderSource;
use ferroform_core::function::{Function, FunctionError};
use ferroform_core::schema::{Block, Schema};
use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Value};

pub mod generic;
mod left_behind;
pub mod proposed;

pub use left_behind::{KnownObject, LeftBehind, LeftBehindFound, LeftBehindRemoved, LeftBehindRequest};

/// All that a provider offers.
#[derive(Debug, Clone, Default)]
pub struct ProviderSchema {
    /// What a `provider` block may hold.
    pub provider: Block,
    /// Managed resources by type.
    pub resources: BTreeMap<Arc<str>, Schema>,
    /// Data sources by type.
    pub data_sources: BTreeMap<Arc<str>, Schema>,
    /// Functions by name, without the `provider::LOCAL::` before it.
    pub functions: BTreeMap<Arc<str>, Function>,
}

/// Makes unconfigured providers of one source.
pub trait ProviderFactory: Send + Sync {
    /// The source addresses that it answers to; the first is its own.
    fn sources(&self) -> Vec<ProviderSource>;
    /// The version that it shows and that version constraints are held against.
    fn version(&self) -> &str;
    /// The schema of all its providers.
    fn schema(&self) -> Arc<ProviderSchema>;
    /// A provider, not configured yet.
    fn create(&self) -> Arc<dyn Provider>;
}

/// What the provider said about a resource type besides its state; kept in the statefile as it is.
pub type Private = Vec<u8>;

/// A request for [`Provider::configure`].
#[derive(Debug, Clone)]
pub struct ConfigureRequest {
    /// The `provider` block; unknown values may be in it while planning.
    pub config: Value,
}

/// A request for [`Provider::upgrade_state`].
#[derive(Debug, Clone)]
pub struct UpgradeRequest {
    /// The resource type.
    pub type_name: Arc<str>,
    /// The schema version that the state was written with.
    pub version: u64,
    /// The attributes as they stand in the statefile.
    pub attributes: serde_json::Value,
}

/// A request for [`Provider::read_resources`].
#[derive(Debug, Clone)]
pub struct ReadRequest {
    /// The resource type.
    pub type_name: Arc<str>,
    /// The object as last known. After a lost creation, attributes other than the identity may be null.
    pub prior: Value,
    /// The provider's own data.
    pub private: Private,
}

/// The answer to one [`ReadRequest`].
#[derive(Debug, Clone)]
pub struct ReadResponse {
    /// The object as it is now; null when it is gone. Meaningless when the diagnostics hold an error.
    pub state: Value,
    /// The provider's own data.
    pub private: Private,
    /// What went wrong.
    pub diagnostics: Diagnostics,
}

/// A request for [`Provider::plan_resource`].
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// The resource type.
    pub type_name: Arc<str>,
    /// The object as it is; null for a creation.
    pub prior: Value,
    /// Configuration and prior object merged (see [`proposed`]); null for a deletion.
    pub proposed: Value,
    /// The configuration alone; null for a deletion.
    pub config: Value,
    /// The provider's own data.
    pub private: Private,
    /// What this is asked for, for providers that hold what they plan against each other.
    pub occasion: Occasion,
}

/// Why an object is planned.
#[derive(Debug, Clone, Default)]
pub enum Occasion {
    /// Nobody says, as over the plugin protocol: a new object may take the place of one that was planned before as if it
    /// stayed.
    #[default]
    Untold,
    /// A plan is made, and the object is a part of it.
    Plan,
    /// A plan is made, and the new object takes the place of this one, which was planned just before as if it stayed.
    InPlaceOf(Value),
    /// The object was planned before and is planned once more while that plan is applied, since more is known now.
    Apply,
}

/// The answer to a [`PlanRequest`].
#[derive(Debug, Clone, Default)]
pub struct PlanResponse {
    /// The object as it will be, unknown where only applying will tell. None only with an error.
    pub planned: Option<Value>,
    /// The changed attributes for which a new object is needed.
    pub requires_replace: Vec<AttrPath>,
    /// The provider's own data.
    pub private: Private,
    /// What went wrong, or is worth saying.
    pub diagnostics: Diagnostics,
}

/// A request for [`Provider::apply_resource`].
#[derive(Debug, Clone)]
pub struct ApplyRequest {
    /// The resource type.
    pub type_name: Arc<str>,
    /// The object as it is; null to create.
    pub prior: Value,
    /// The object as planned; null to delete.
    pub planned: Value,
    /// The configuration; null to delete.
    pub config: Value,
    /// The provider's own data, from planning.
    pub private: Private,
}

/// The answer to an [`ApplyRequest`].
#[derive(Debug, Clone)]
pub struct ApplyResponse {
    /// The object as it is now, with errors as well: what was created must not be forgotten. Null when nothing exists;
    /// after a failed deletion or update, the object as far as it is known. Unknown as a whole, beside an error, when
    /// nobody could find out how a creation ended: the next run reads what was told to the [`CheckpointSink`], or asks
    /// [`Provider::locate`].
    pub state: Value,
    /// The provider's own data.
    pub private: Private,
    /// What went wrong. An error on a creation with an object in `state` makes the object tainted.
    pub diagnostics: Diagnostics,
}

/// Where a provider says, in the middle of applying, what must survive a crash.
#[async_trait]
pub trait CheckpointSink: Send + Sync {
    /// Returns once `identity` is safely on disk: the object with at least the attributes set that name it (`id`),
    /// others null. To be called as soon as a creating request is answered, before any waiting.
    async fn checkpoint(&self, identity: Value) -> Result<(), Diagnostic>;
}

/// The planned object with whatever is known of its identity, as it was told to the [`CheckpointSink`].
pub fn with_identity(planned: &Value, identity: &Value) -> Value {
    let (Some(planned), Some(identity)) = (planned.as_map(), identity.as_map()) else {
        return identity.clone();
    };
    let mut merged = planned.clone();
    let known = identity.iter().filter(|(_, value)| value.is_known() && !value.is_null());
    merged.extend(known.map(|(name, value)| (name.clone(), value.clone())));
    Value::from_attributes(merged)
}

/// A request for [`Provider::locate`]: was this object created, though nobody saw the answer?
#[derive(Debug, Clone)]
pub struct LocateRequest {
    /// The resource type.
    pub type_name: Arc<str>,
    /// The object as planned; unknown where only applying would have told.
    pub planned: Value,
    /// The time of the provider's own clock before which the object cannot have been created, in seconds since 1970,
    /// if the provider had told one by [`Provider::remote_time`].
    pub not_before: Option<i64>,
}

/// A report to [`Provider::interrupted`].
#[derive(Debug, Clone)]
pub struct InterruptedRequest {
    /// The resource type.
    pub type_name: Arc<str>,
    /// The object as it was before the update; null when it was being created.
    pub prior: Value,
    /// The object as planned; unknown where only applying would have told.
    pub planned: Value,
    /// The provider's own data, as the state has it or is about to.
    pub private: Private,
}

/// What a look-up found.
#[derive(Debug, Clone)]
pub enum Located {
    /// Certainly nothing: the creation did not happen, and doing it again is right.
    Nothing,
    /// Certainly this one object, as it is now.
    One(Value),
    /// Some that may be it; a person must decide. Each with its import id and a description.
    Ambiguous(Vec<(String, String)>),
}

/// An object found by [`Provider::import_resource`].
#[derive(Debug, Clone)]
pub struct ImportedResource {
    /// The resource type.
    pub type_name: Arc<str>,
    /// At least its identity; it is read afterwards.
    pub state: Value,
    /// The provider's own data.
    pub private: Private,
}

/// What an unfinished operation of a resource type can have left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effects {
    /// Nothing outside of the state: doing it again is always right.
    None,
    /// Something that doing it again overwrites.
    Idempotent,
    /// An object that must be looked for.
    Objects,
}

/// How long a remote side's own limit will hold up what is planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Holdup {
    /// About how many requests it takes.
    pub requests: u64,
    /// How many of them are granted now.
    pub granted: u64,
    /// How many more are granted in an hour.
    pub per_hour: u64,
    /// How long the others have to wait, all in all.
    pub wait: Duration,
}

/// How many operations are planned with one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Workload {
    /// Objects to be created, those that replace another included.
    pub creations: u64,
    /// Objects to be changed in place.
    pub updates: u64,
    /// Objects to be deleted.
    pub deletions: u64,
}

/// A provider.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The schema; the same for all providers of a factory.
    fn schema(&self) -> &ProviderSchema;

    /// Checks a `provider` block beyond its schema.
    fn validate_provider(&self, _config: &Value) -> Diagnostics {
        Diagnostics::new()
    }

    /// Checks a `resource` block beyond its schema. Unknown values may become anything.
    fn validate_resource(&self, _type_name: &str, _config: &Value) -> Diagnostics {
        Diagnostics::new()
    }

    /// Checks a `data` block beyond its schema.
    fn validate_data_source(&self, _type_name: &str, _config: &Value) -> Diagnostics {
        Diagnostics::new()
    }

    /// Calls one of the schema's functions, at any time, before `configure` too. There are as many arguments as the
    /// function takes; they have the declared types, and are null, or unknown in any part, only where the declaration
    /// allows it. The value depends on the arguments alone and is there at once.
    ///
    /// # Errors
    /// When the function has no value for these arguments, or there is no such function.
    fn call_function(&self, name: &str, _arguments: &[Value]) -> Result<Value, FunctionError> {
        Err(FunctionError::failed(format!("the provider has no function {name:?}")))
    }

    /// Makes the provider ready. Called once, before anything that follows.
    async fn configure(&self, _request: ConfigureRequest) -> Diagnostics {
        Diagnostics::new()
    }

    /// Brings attributes of an older schema version to the current one. The default takes what the current schema knows.
    async fn upgrade_state(&self, request: UpgradeRequest) -> (Value, Diagnostics) {
        generic::upgrade_state(self.schema(), &request)
    }

    /// Reads all the given objects, as few requests as may be; one answer for each, in order.
    async fn read_resources(&self, requests: Vec<ReadRequest>) -> Vec<ReadResponse>;

    /// Whether plans and states of this type follow the looser rules of Terraform's older plugin library, as the
    /// states of the published provider do: null and empty are not told apart, a value may be planned where
    /// configuration has none (a default) or another form of it (a digest, another spelling of an address), nested
    /// blocks that the provider computes may appear without configuration. What is not a mistake under these rules
    /// must not be held against the provider; Terraform logs it only.
    fn legacy_type_system(&self, _type_name: &str) -> bool {
        false
    }

    /// Plans one object. Makes no change anywhere.
    async fn plan_resource(&self, request: PlanRequest) -> PlanResponse;

    /// Creates (prior null), deletes (planned null) or updates one object.
    async fn apply_resource(&self, request: ApplyRequest, checkpoints: &dyn CheckpointSink) -> ApplyResponse;

    /// Reads a data source.
    async fn read_data_source(&self, type_name: &str, config: Value) -> (Value, Diagnostics);

    /// Finds the object that an import id names.
    async fn import_resource(
        &self,
        type_name: &str,
        _id: &str,
    ) -> Result<Vec<ImportedResource>, Diagnostics> {
        Err(Diagnostic::error("Resource cannot be imported")
            .detail(format!("Objects of type {type_name} cannot be brought under management by an id."))
            .into())
    }

    /// What unfinished operations on this type leave behind.
    fn effects(&self, _type_name: &str) -> Effects {
        Effects::None
    }

    /// Looks for the object of a creation whose answer was lost.
    async fn locate(&self, _request: LocateRequest) -> Result<Located, Diagnostics> {
        Ok(Located::Nothing)
    }

    /// Hears of an update, or of a creation whose object was found, that may have stopped anywhere between its beginning
    /// and its end, and gives the provider's own data that the state is to have from now on: a note of what the object
    /// alone does not tell any more, such as that a server which is off now was running. Makes no request.
    fn interrupted(&self, request: InterruptedRequest) -> Private {
        request.private
    }

    /// The time of the remote side as of its last answer, in seconds since 1970; None when there is no remote side.
    /// Asks for an answer if there was none yet.
    ///
    /// # Errors
    /// When whatever will be asked of the provider must fail: nobody answers there, or the credentials are refused.
    async fn remote_time(&self) -> Result<Option<i64>, Diagnostic> {
        Ok(None)
    }

    /// What separates this provider's objects from those of the same provider with other credentials: endpoint and a
    /// fingerprint of the project, never a secret. None when there is no such thing. Only after `configure`.
    fn world(&self) -> Option<World> {
        None
    }

    /// How long a limit of the remote side will hold up so many operations; None when it will not, or nothing is known.
    /// Where many operations are planned and nothing is known, it asks.
    async fn holdup(&self, _workload: Workload) -> Option<Holdup> {
        None
    }

    /// Looks for objects that are under nobody's management and hang on those that are to be deleted. From then on the
    /// provider takes them for kept, until [`remove_left_behind`](Provider::remove_left_behind) says otherwise: what
    /// they block fails at once and not after waiting.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn left_behind(&self, _request: LeftBehindRequest) -> Result<LeftBehindFound, Diagnostics> {
        Ok(LeftBehindFound::default())
    }

    /// Permits the provider to remove these of the objects that it found last. It does so while it deletes what they hang
    /// on, at a moment when nothing makes them anew.
    fn remove_left_behind(&self, _objects: &[LeftBehind]) {}

    /// Comes after the last operation: removes what was permitted and is still there, unless nothing is to begin any
    /// more, and tells what was removed since [`left_behind`](Provider::left_behind).
    async fn finish_left_behind(&self, _begin: bool) -> LeftBehindRemoved {
        LeftBehindRemoved::default()
    }

    /// Asks all that runs to end soon.
    async fn stop(&self) {}
}

/// The outside world that a configured provider acts on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct World {
    /// The endpoint as configured.
    pub endpoint: String,
    /// A one-way digest that tells projects apart.
    pub project: String,
}
