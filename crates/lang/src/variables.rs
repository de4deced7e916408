//! Values for input variables, and where they come from.

use std::path::Path;
use std::sync::Arc;

use ferroform_core::convert::convert;
use ferroform_core::{Diagnostic, Diagnostics, SourceId, Sources, Span, Type, Value};
use ferroform_hcl::ast::{Expr, ExprKind};
use indexmap::IndexMap;

use crate::config::Variable;
use crate::eval::{ConditionOutcome, Scope, check_condition, describe_path, eval_constant};
use crate::files::Files;

/// A value given for a variable of the root module.
#[derive(Debug, Clone)]
pub struct InputValue {
    /// The value.
    pub raw: RawInput,
    /// Where it comes from, to go after "set": `using -var="size=…"`, `from terraform.tfvars`.
    pub origin: String,
    /// Where it is written, if in a file.
    pub span: Option<Span>,
}

/// A value before it is converted to the variable's type.
#[derive(Debug, Clone)]
pub enum RawInput {
    /// A value.
    Value(Value),
    /// A text from the command line or environment: taken as it is by variables of a primitive type and by those
    /// without a type, read as an expression by others.
    Text(String),
}

/// The values in a `.tfvars` or `.tfvars.json` file.
pub fn parse_tfvars(
    files: &dyn Files,
    sources: &mut Sources,
    path: &Path,
) -> (IndexMap<Arc<str>, InputValue>, Diagnostics) {
    let name = path.display().to_string();
    let mut diags = Diagnostics::new();
    let mut values = IndexMap::new();
    let text = match files.read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            diags.push(crate::config::not_utf8(&name, error.utf8_error().valid_up_to()));
            return (values, diags);
        }
        Err(error) => {
            diags.push(
                Diagnostic::error("Failed to read variables file")
                    .detail(format!("Given variables file {name} cannot be read: {error}.")),
            );
            return (values, diags);
        }
    };
    let text: Arc<str> = text.into();
    let source = sources.add(name.clone(), text.clone());
    let mut add = |key: Arc<str>, expr: &Expr, diags: &mut Diagnostics| {
        let value = diags.take(eval_constant(expr));
        let input =
            InputValue { raw: RawInput::Value(value), origin: format!("from {name}"), span: Some(expr.span) };
        values.insert(key, input);
    };
    if name.ends_with(".json") {
        for (key, expr) in diags.take(json_entries(source, &text)) {
            add(key, &expr, &mut diags);
        }
        return (values, diags);
    }
    let (body, problems) = ferroform_hcl::parse_body(source, &text).into_parts();
    diags.append(problems);
    for block in &body.blocks {
        let (summary, detail) = match (&*block.kind.name, block.labels.first()) {
            ("variable", Some(label)) => (
                "Variable declaration in .tfvars file".to_owned(),
                format!(
                    "A .tfvars file is used to assign values to variables that have already been declared in .tf files, \
                     not to declare new variables. To declare variable {0:?}, place this block in one of your .tf \
                     files, such as variables.tf.\n\nTo set a value for this variable in {name}, use the definition \
                     syntax instead:\n    {0} = <value>",
                    &*label.name
                ),
            ),
            (kind, _) => (format!("Unexpected {kind:?} block"), "Blocks are not allowed here.".to_owned()),
        };
        diags.push(Diagnostic::error(summary).detail(detail).subject(block.header));
    }
    for attribute in &body.attributes {
        add(attribute.name.name.clone(), &attribute.expr, &mut diags);
    }
    (values, diags)
}

/// The members of a JSON object, strings being templates.
fn json_entries(source: SourceId, text: &str) -> (Vec<(Arc<str>, Expr)>, Diagnostics) {
    let (expr, mut diags) = crate::config::json_expr(source, text);
    match &*expr.kind {
        ExprKind::Object(items) => {
            let entries = items
                .iter()
                .filter_map(|item| Some((Arc::<str>::from(item.key.as_literal_str()?), item.value.clone())))
                .collect();
            (entries, diags)
        }
        _ => {
            if !diags.has_errors() {
                diags.push(
                    Diagnostic::error("Incorrect JSON value type")
                        .detail("The file must hold a JSON object, with the values by the names of the variables.")
                        .subject(expr.span),
                );
            }
            (Vec::new(), diags)
        }
    }
}

/// The value of a variable of the root module: converted, with defaults filled in, and marked. Unknown with an error.
pub fn input_value(variable: &Variable, input: Option<&InputValue>) -> (Value, Diagnostics) {
    let mut diags = Diagnostics::new();
    let Some(input) = input else {
        let value = variable.default.clone().unwrap_or_else(|| {
            diags.push(
                Diagnostic::error("No value for required variable")
                    .detail(format!(
                        "The root module input variable {:?} is not set, and has no default value. Use a -var or \
                         -var-file command line argument to provide a value for this variable.",
                        &*variable.name
                    ))
                    .subject(variable.span),
            );
            any_value(variable)
        });
        return (marked(variable, value), diags);
    };
    let subject = input.span.unwrap_or(variable.span);
    let raw = match &input.raw {
        RawInput::Value(value) => value.clone(),
        RawInput::Text(text) if !variable.parse_text => Value::string_normalised(text),
        RawInput::Text(text) => match parse_text(text) {
            Ok(value) => value,
            Err(problem) => {
                let detail = format!(
                    "The value for var.{} set {} cannot be read as an expression of the language: {problem} (This is \
                     needed because the variable's type is {}; strings go in quotes.)",
                    variable.name, input.origin, variable.ty
                );
                diags.push(
                    Diagnostic::error("Invalid value for input variable").detail(detail).subject(subject),
                );
                return (marked(variable, any_value(variable)), diags);
            }
        },
    };
    let value = match fit(variable, &raw) {
        Ok(value) => value,
        Err(why) => {
            let detail = match input.span {
                Some(_) => format!("The given value is not suitable for var.{}: {why}.", variable.name),
                None => format!("Unsuitable value for var.{} set {}: {why}.", variable.name, input.origin),
            };
            diags.push(Diagnostic::error("Invalid value for input variable").detail(detail).subject(subject));
            any_value(variable)
        }
    };
    (marked(variable, value), diags)
}

/// The value of a variable of a called module: `given` is what the call sets and where; `call` is where the call is
/// written.
pub fn module_input(variable: &Variable, given: Option<(Value, Span)>, call: Span) -> (Value, Diagnostics) {
    let mut diags = Diagnostics::new();
    let value = match given {
        None => variable.default.clone().unwrap_or_else(|| {
            diags.push(crate::config::content::missing_argument(&variable.name, call));
            any_value(variable)
        }),
        Some((value, span)) => fit(variable, &value).unwrap_or_else(|why| {
            diags.push(
                Diagnostic::error("Invalid value for input variable")
                    .detail(format!(
                        "The given value is not suitable for the variable {:?}: {why}.",
                        &*variable.name
                    ))
                    .subject(span),
            );
            any_value(variable)
        }),
    };
    (marked(variable, value), diags)
}

/// Stands for a value after an error.
fn any_value(variable: &Variable) -> Value {
    Value::unknown(variable.ty.without_optional())
}

fn marked(variable: &Variable, value: Value) -> Value {
    let value = if variable.sensitive { value.sensitive() } else { value };
    if variable.ephemeral { value.with_marks(ferroform_core::Marks::EPHEMERAL) } else { value }
}

/// The value as the variable takes it, or why it does not.
fn fit(variable: &Variable, value: &Value) -> Result<Value, String> {
    if value.is_null() && !variable.nullable {
        let default = variable.default.clone().map(|default| default.with_marks(value.marks()));
        return default.ok_or_else(|| "required variable may not be set to null".to_owned());
    }
    convert(&variable.defaults.apply(value), &variable.ty).map_err(|error| {
        let at = describe_path(&error.path);
        if at.is_empty() { error.message } else { format!("{at}: {}", error.message) }
    })
}

/// A text as an expression without references.
fn parse_text(text: &str) -> Result<Value, String> {
    let mut sources = Sources::new();
    let source = sources.add("value", text);
    let (expr, mut diags) = ferroform_hcl::parse_expression(source, text).into_parts();
    let mut value = Value::unknown(Type::Dynamic);
    if !diags.has_errors() {
        value = diags.take(eval_constant(&expr));
    }
    match diags.iter().find(|d| d.is_error()) {
        Some(problem) => Err(format!("{}; {}", problem.summary, problem.detail)),
        None => Ok(value),
    }
}

/// Holds a value against the variable's `validation` blocks. `scope` is that of the variable's module; `value` only
/// keeps conditions from being checked while nothing is known of it.
pub fn check_validations(variable: &Variable, value: &Value, scope: &dyn Scope) -> Diagnostics {
    let mut diags = Diagnostics::new();
    if matches!(value.kind(), ferroform_core::ValueKind::Unknown(Type::Dynamic, None))
        && variable.ty != Type::Dynamic
    {
        // What a failed evaluation left behind.
        return diags;
    }
    for validation in &variable.validations {
        match diags.take(check_condition(validation, scope)) {
            ConditionOutcome::Pass | ConditionOutcome::Unknown => {}
            ConditionOutcome::Fail(message) => {
                let own = |e: &Expr| crate::eval::describe_references(e, scope);
                let mut problem =
                    Diagnostic::error("Invalid value for variable").detail(message).subject(variable.span);
                problem.values = own(&validation.condition);
                diags.push(problem);
            }
        }
    }
    diags
}
