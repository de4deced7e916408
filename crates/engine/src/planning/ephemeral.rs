//! Values of ephemeral variables for a plan that was saved.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferroform_core::{Diagnostic, Diagnostics};
use ferroform_lang::Config;
use ferroform_lang::variables::{InputValue, input_value};
use ferroform_plan::Plan;

/// Gives a plan that was saved the values of its ephemeral variables again; of what is given for other variables nothing is
/// used. `config` is the plan's own.
///
/// # Errors
/// As in Terraform: a value is given to exactly those ephemeral variables that had one when the plan was made. Which value does
/// not matter, as long as it fits.
pub fn give_ephemeral(
    plan: &mut Plan,
    config: &Config,
    given: &BTreeMap<Arc<str>, InputValue>,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let ephemeral = config.root().variables.iter().filter(|(_, variable)| variable.ephemeral);
    for (name, variable) in ephemeral {
        match (plan.ephemeral.contains(name), given.get(name)) {
            (true, Some(input)) => {
                let value = diagnostics.take(input_value(variable, Some(input)));
                plan.variables.insert(name.clone(), value);
            }
            (true, None) => diagnostics.push(
                Diagnostic::error("No value for required variable")
                    .detail(format!(
                        "The ephemeral input variable {name:?} was set when the plan was made, and must be set when it is \
                         applied as well: its value is not kept in the plan."
                    ))
                    .subject(variable.span)
                    .hint(format!("Set TF_VAR_{name}, or add -var or -var-file.")),
            ),
            (false, Some(input)) => diagnostics.push(
                Diagnostic::error("Ephemeral variable was not set during planning")
                    .detail(format!(
                        "The ephemeral input variable {name:?} was not set when the plan was made, and must not be set when \
                         it is applied. It is set {}.",
                        input.origin
                    ))
                    .subject(variable.span),
            ),
            (false, None) => {}
        }
    }
    diagnostics
}
