//! Looking for an object whose creation was not seen to end.

use ferroform_hcloud::seconds_since_1970;
use ferroform_provider::Located;

use crate::applying::{Work, with_id};
use crate::attrs::{Attrs, is_empty};
use crate::failure::Failure;
use crate::seen::Seen;

/// Looks for the object that came of creating `planned`, not before a time of the server's own clock.
pub(crate) async fn locate(
    work: &Work<'_>,
    planned: Attrs<'_>,
    not_before: Option<i64>,
) -> Result<Located, Failure> {
    let mut seen = Seen::default();
    let candidates = work.resource.candidates(work.cx, planned, &mut seen).await?;
    let mut certain = Vec::new();
    let mut doubtful = Vec::new();
    for candidate in candidates {
        let created = candidate.created.as_deref();
        match (created.map(seconds_since_1970), not_before) {
            // It was there before the request left, so the request did not make it.
            (Some(Some(created)), Some(not_before)) if created < not_before => continue,
            _ => {}
        }
        let Some(state) = work.observe(&with_id(planned.0, &candidate.id), &seen)? else { continue };
        let different: Vec<&str> = differences(work, planned, Attrs(&state));
        let dated =
            created.is_none() || (not_before.is_some() && created.and_then(seconds_since_1970).is_some());
        if different.is_empty() && dated {
            certain.push((candidate.id, state));
        } else {
            let why = match (different.is_empty(), created) {
                (false, _) => format!("it differs from what was planned in {}", different.join(", ")),
                (true, Some(created)) => {
                    format!("created {created}, and it is not known when the request was sent")
                }
                (true, None) => "its time is not known".to_owned(),
            };
            doubtful.push((candidate.id, why));
        }
    }
    if doubtful.is_empty() && certain.len() <= 1 {
        return Ok(certain.pop().map_or(Located::Nothing, |(_, state)| Located::One(state)));
    }
    doubtful.extend(certain.into_iter().map(|(id, _)| (id, "it has everything as planned".to_owned())));
    Ok(Located::Ambiguous(doubtful))
}

/// The attributes that the creating request would have set otherwise.
fn differences(work: &Work<'_>, planned: Attrs<'_>, state: Attrs<'_>) -> Vec<&'static str> {
    let differs = |name: &&&str| {
        let (wanted, is) = (planned.get(name), state.get(name));
        wanted.is_wholly_known()
            && wanted != is
            && !(is_empty(wanted) && is_empty(is))
            && !work.resource.may_have_become(name, planned, state)
    };
    work.resource.created_with().iter().filter(differs).copied().collect()
}
