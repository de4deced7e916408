//! What a destroy leaves behind: objects that nobody manages and that hang on those that are deleted.

use ferroform_core::Diagnostics;
use ferroform_core::addr::ProviderConfig;
use ferroform_plan::{Action, Plan, PlanMode};
use ferroform_provider::{KnownObject, LeftBehind, LeftBehindFound, LeftBehindRequest, Provider};

/// Decides, given what a provider found or why it could not look, which of it is removed.
pub type Decide<'a> =
    dyn Fn(Result<LeftBehindFound, Diagnostics>) -> Result<Vec<LeftBehind>, Diagnostics> + Sync + 'a;

/// Whether a plan deletes everything, so that whatever ran on its objects does not live on elsewhere. A destroy that was
/// limited by targets does not tell.
pub(crate) fn is_concerned(plan: &Plan) -> bool {
    plan.mode == PlanMode::Destroy && plan.targets.is_empty()
}

/// Asks a configured provider what a plan will leave behind; nothing where the plan does not delete everything.
///
/// # Errors
/// When the provider cannot find out.
pub async fn find(
    plan: &Plan,
    config: &ProviderConfig,
    provider: &dyn Provider,
) -> Result<LeftBehindFound, Diagnostics> {
    let mut request = LeftBehindRequest::default();
    if is_concerned(plan) {
        let known = plan.changes.iter().filter(|c| c.is_managed() && !c.before.is_null());
        for change in known.filter(|c| c.provider.source == config.source) {
            let object = KnownObject {
                type_name: change.addr.resource.type_name.clone(),
                state: change.before.unmark_deep().0,
            };
            if change.provider == *config && change.action == Action::Delete {
                request.going.push(object);
            } else {
                request.others.push(object);
            }
        }
    }
    if request.going.is_empty() {
        return Ok(LeftBehindFound::default());
    }
    provider.left_behind(request).await
}
