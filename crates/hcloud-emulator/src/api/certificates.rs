//! TLS certificates.

use serde_json::{Value, json};

use super::actions::{action_routes, begun, render as render_action};
use super::{Call, Reply, Route, delete, get, post, put};
use crate::clock::rfc3339;
use crate::world::certificates::{Certificate, Issuance};
use crate::world::{Kind, Refusal, Tx};

pub(super) const ROUTES: &[Route] = &[
    get("/certificates", list),
    post("/certificates", create),
    get("/certificates/{id}", show),
    put("/certificates/{id}", update),
    delete("/certificates/{id}", remove),
    post("/certificates/{id}/actions/retry", retry),
];
pub(super) const ACTION_ROUTES: &[Route] = &action_routes!("/certificates", Kind::Certificate, certificate);

fn kind(certificate: &Certificate) -> &'static str {
    if certificate.issuance.is_some() { "managed" } else { "uploaded" }
}

/// A certificate as the API shows it.
pub(super) fn render(tx: &Tx<'_>, certificate: &Certificate) -> Value {
    let status = certificate.issuance.as_ref().map(|issuance| {
        let (issuance, renewal, error) = match issuance {
            Issuance::Pending => ("pending", "unavailable", Value::Null),
            Issuance::Completed => ("completed", "scheduled", Value::Null),
            Issuance::Failed(failure) => {
                ("failed", "unavailable", json!({"code": failure.code, "message": failure.message}))
            }
        };
        json!({"issuance": issuance, "renewal": renewal, "error": error})
    });
    let used_by: Vec<Value> = tx
        .certificate_users(certificate.id)
        .into_iter()
        .map(|id| json!({"id": id, "type": "load_balancer"}))
        .collect();
    let facts = certificate.facts.as_ref();
    json!({
        "id": certificate.id,
        "name": certificate.name,
        "labels": certificate.labels,
        "type": kind(certificate),
        "certificate": certificate.chain,
        "created": rfc3339(certificate.created),
        "not_valid_before": facts.map(|facts| rfc3339(facts.not_valid_before)),
        "not_valid_after": facts.map(|facts| rfc3339(facts.not_valid_after)),
        "domain_names": certificate.domain_names,
        "fingerprint": facts.map(|facts| facts.fingerprint.as_str()),
        "status": status,
        "used_by": used_by,
    })
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let certificates = call.rows(&call.tx.project.certificates);
    let rows =
        call.select(certificates.filter(|certificate| call.query.allows("type", kind(certificate))))?;
    call.page("certificates", &rows, |certificate| render(&call.tx, certificate))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    one(call, call.id())
}

fn one(call: &Call<'_>, id: i64) -> Result<Reply, Refusal> {
    Ok(Reply::ok(json!({"certificate": render(&call.tx, call.tx.certificate(id)?)})))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let name = input.required_string("name");
    let labels = input.labels("labels").unwrap_or_default();
    let managed = input.word("type", &[("uploaded", false), ("managed", true)]).unwrap_or(false);
    let (id, action) = if managed {
        let domain_names = input.strings("domain_names").unwrap_or_default();
        input.finish()?;
        let (id, action) = call.tx.request_certificate(name, labels, domain_names)?;
        (id, Some(action))
    } else {
        let chain = input.required_string("certificate");
        let private_key = input.required_string("private_key");
        input.finish()?;
        (call.tx.upload_certificate(name, labels, chain, &private_key)?, None)
    };
    let certificate = render(&call.tx, call.tx.certificate(id)?);
    let action = action.map(|action| render_action(&action, call.tx.now));
    Ok(Reply::created(json!({"certificate": certificate, "action": action})))
}

fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut input = call.input()?;
    let (name, labels) = (input.string("name"), input.labels("labels"));
    input.finish()?;
    call.tx.update_certificate(call.id(), name, labels)?;
    one(call, call.id())
}

fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.tx.delete_certificate(call.id())?;
    Ok(Reply::empty())
}

fn retry(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let action = call.tx.retry_certificate(call.id())?;
    Ok(begun(call, &action))
}
