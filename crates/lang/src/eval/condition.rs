//! Custom conditions.

use ferroform_core::convert::convert;
use ferroform_core::{Diagnostic, Diagnostics, Marks, Type};

use super::{Evaluator, Names, Scope};
use crate::config::Condition;

/// What came of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConditionOutcome {
    /// It holds.
    Pass,
    /// It does not; the message that the configuration gives.
    Fail(String),
    /// It depends on something unknown, or is itself wrong (see the diagnostics).
    Unknown,
}

/// What takes the place of a message that must not be shown.
const HIDDEN: &str = "The error message included a sensitive value, so it will not be displayed.";

/// Checks a condition.
pub fn check_condition(condition: &Condition, scope: &dyn Scope) -> (ConditionOutcome, Diagnostics) {
    let mut evaluator = Evaluator::new(Names::Scope(scope));
    let outcome = evaluator.condition(condition);
    (outcome, evaluator.diags)
}

impl Evaluator<'_> {
    fn condition(&mut self, condition: &Condition) -> ConditionOutcome {
        let expr = &condition.condition;
        let value = self.expr(expr, None);
        if self.diags.has_errors() {
            return ConditionOutcome::Unknown;
        }
        let problem = if value.is_null() {
            "Condition expression must return either true or false, not null.".to_owned()
        } else {
            match convert(&value, &Type::Bool) {
                Ok(value) => {
                    return match value.as_bool() {
                        Some(true) => ConditionOutcome::Pass,
                        Some(false) => ConditionOutcome::Fail(self.message(condition)),
                        None => ConditionOutcome::Unknown,
                    };
                }
                Err(error) => format!("Invalid condition result value: {}.", error.message),
            }
        };
        let problem = Diagnostic::error("Invalid condition result").detail(problem).subject(expr.span);
        self.report(problem, expr, None);
        ConditionOutcome::Unknown
    }

    fn message(&mut self, condition: &Condition) -> String {
        const NO_MESSAGE: &str = "Failed to evaluate condition error message.";
        let expr = &condition.error_message;
        let value = self.expr(expr, None);
        if self.diags.has_errors() {
            return NO_MESSAGE.to_owned();
        }
        let hidden = |what: &str| {
            Diagnostic::error(format!("Error message refers to {what} values"))
                .detail(format!(
                    "The error expression used to explain this condition refers to {what} values, so the resulting \
                     message is not displayed. Remove those references, or use nonsensitive() where nothing is given \
                     away by it.",
                ))
                .subject(expr.span)
        };
        if value.marks_deep().contains(Marks::SENSITIVE) {
            self.report(hidden("sensitive"), expr, None);
            return HIDDEN.to_owned();
        }
        if value.marks_deep().contains(Marks::EPHEMERAL) {
            self.report(hidden("ephemeral"), expr, None);
            return HIDDEN.replace("a sensitive", "an ephemeral");
        }
        let problem = match convert(&value, &Type::String) {
            Ok(text) => match text.as_str() {
                Some(text) => return text.trim().to_owned(),
                None if text.is_null() => {
                    "Unsuitable value for error message: the message must not be null.".to_owned()
                }
                None => "Unsuitable value for error message: it is not known yet.".to_owned(),
            },
            Err(error) => format!("Unsuitable value for error message: {}.", error.message),
        };
        self.report(
            Diagnostic::error("Invalid error message").detail(problem).subject(expr.span),
            expr,
            None,
        );
        NO_MESSAGE.to_owned()
    }
}
