//! Settling what an earlier run began and did not see the end of.
//!
//! A deletion needs nothing but another look at the object, and so does an update, once its provider has noted what the
//! object alone will not tell. A creation may have made an object that nobody
//! knows: if the provider told its identity in time it is read by that, else the provider looks for it; and the provider
//! notes that what followed the creation may not have happened.

use ferroform_core::addr::ResourceInstance;
use ferroform_core::schema::Schema;
use ferroform_core::{Diagnostic, Diagnostics, Value, wire};
use ferroform_provider::{
    Effects, InterruptedRequest, LocateRequest, Located, Provider, ProviderSchema, ReadRequest, with_identity,
};
use ferroform_state::journal::{Action, Change, Journal, OpenOperation, Record};
use ferroform_state::{Object, ObjectStatus, State};

use crate::events::Settlement;
use crate::objects;

/// Finds out how an operation ended, and brings state and journal up to date with that.
pub async fn settle(
    operation: &OpenOperation,
    provider: &dyn Provider,
    schema: &ProviderSchema,
    state: &mut State,
    journal: &dyn Journal,
) -> Result<Settlement, Diagnostics> {
    let intent = &operation.intent;
    let type_name = &intent.address.resource.type_name;
    let schema = schema.resources.get(type_name).ok_or_else(|| {
        Diagnostic::error("Unknown resource type in journal").detail(format!(
            "An operation on {} was not finished, and its provider has no such type.",
            intent.address
        ))
    })?;
    let (outcome, changes) = match intent.action {
        Action::Update => {
            let noted = interrupted(operation, provider, schema, state).await?;
            (Settlement::ReadAgain, noted.into_iter().collect())
        }
        Action::Delete => (Settlement::ReadAgain, Vec::new()),
        Action::Create if provider.effects(type_name) != Effects::Objects => {
            (Settlement::NotDone, Vec::new())
        }
        Action::Create => match find(operation, provider, schema).await? {
            None => (Settlement::NotDone, Vec::new()),
            Some((object, id)) => (Settlement::Adopted { id }, vec![adoption(operation, object)]),
        },
    };
    changes.iter().for_each(|change| change.apply(state));
    journal.append(&Record::Result { op: intent.op, changes }).map_err(|error| {
        Diagnostic::error("Journal could not be written").detail(format!(
            "How an unfinished operation on {} ended could not be recorded: {error}.",
            intent.address
        ))
    })?;
    Ok(outcome)
}

/// Lets the provider note in an object's data that an update of it was not seen to end.
async fn interrupted(
    operation: &OpenOperation,
    provider: &dyn Provider,
    schema: &Schema,
    state: &State,
) -> Result<Option<Change>, Diagnostics> {
    let intent = &operation.intent;
    let Some(object) = state.current(&intent.address) else { return Ok(None) };
    let (prior, diagnostics) =
        objects::decode(object, &intent.address.resource.type_name, schema, provider).await;
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let planned = decode(&intent.planned.to_value(), &intent.address)?.unmark_deep().0;
    let private = note(operation, provider, prior, planned, object.private.clone());
    if private == object.private {
        return Ok(None);
    }
    Ok(Some(adoption(operation, Object { private, ..Object::clone(object) })))
}

/// The provider's data of an object, with what the provider notes of an operation that was not seen to end.
fn note(
    operation: &OpenOperation,
    provider: &dyn Provider,
    prior: Value,
    planned: Value,
    private: Vec<u8>,
) -> Vec<u8> {
    let type_name = operation.intent.address.resource.type_name.clone();
    provider.interrupted(InterruptedRequest { type_name, prior, planned, private })
}

fn adoption(operation: &OpenOperation, object: Object) -> Change {
    let intent = &operation.intent;
    let (address, provider) = (intent.address.clone(), intent.provider.clone());
    match intent.deposed {
        Some(key) => Change::SetDeposed { address, key, provider, object },
        None => Change::SetCurrent { address, provider, object },
    }
}

/// The object that a creation made, if it made one, with its id.
async fn find(
    operation: &OpenOperation,
    provider: &dyn Provider,
    schema: &Schema,
) -> Result<Option<(Object, Option<String>)>, Diagnostics> {
    let intent = &operation.intent;
    let type_name = intent.address.resource.type_name.clone();
    let (planned, marks) = decode(&intent.planned.to_value(), &intent.address)?.unmark_deep();
    let found = match &operation.checkpoint {
        Some(identity) => {
            let identity = decode(&identity.to_value(), &intent.address)?;
            let prior = with_identity(&planned.unknown_as_null(), &identity);
            let request = ReadRequest { type_name, prior, private: intent.private.clone() };
            let response = provider.read_resources(vec![request]).await.into_iter().next();
            match response {
                Some(response) if response.diagnostics.has_errors() => return Err(response.diagnostics),
                Some(response) => (!response.state.is_null()).then_some(response.state),
                None => None,
            }
        }
        None => {
            let (planned, not_before) = (planned.clone(), intent.not_before);
            let request = LocateRequest { type_name, planned, not_before };
            match provider.locate(request).await? {
                Located::Nothing => None,
                Located::One(value) => Some(value),
                Located::Ambiguous(candidates) => return Err(ambiguous(&intent.address, &candidates).into()),
            }
        }
    };
    let Some(value) = found else { return Ok(None) };
    let id = objects::id_of(&value);
    let paths = marks.into_iter().map(|(path, _)| path).collect();
    let private = note(operation, provider, Value::null(value.ty()), planned, intent.private.clone());
    let object = objects::encode(&value, schema, paths, ObjectStatus::Ready, private)?;
    let object = Object {
        dependencies: intent.dependencies.clone(),
        create_before_destroy: intent.create_before_destroy,
        ..object
    };
    Ok(Some((object, id)))
}

fn decode(json: &serde_json::Value, address: &ResourceInstance) -> Result<Value, Diagnostic> {
    wire::decode(json).map_err(|error| {
        Diagnostic::error("Journal cannot be read").detail(format!(
            "The record of an operation on {address} holds a value that cannot be read: {error}."
        ))
    })
}

fn ambiguous(address: &ResourceInstance, candidates: &[(String, String)]) -> Diagnostic {
    let list: Vec<String> = candidates.iter().map(|(id, what)| format!("  {id}: {what}")).collect();
    let mut diagnostic = Diagnostic::error("Unfinished creation cannot be settled")
        .detail(format!(
            "An earlier run began to create {address} and did not see the answer. These objects may be what it made, and \
             nothing tells for certain:\n{}",
            list.join("\n")
        ))
        .address(address.to_string());
    for (id, _) in candidates {
        diagnostic = diagnostic.hint(format!("To adopt it: ferroform state settle -adopt={id} '{address}'"));
    }
    diagnostic.hint(format!("If none of them is it: ferroform state settle -forget '{address}'"))
}
