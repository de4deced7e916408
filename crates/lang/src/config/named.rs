//! `variable` and `output` blocks, and the conditions that they share with resources.

use ferroform_core::convert::convert;
use ferroform_core::{Diagnostic, Diagnostics, Span, Type, Value};
use ferroform_hcl::ast::{Block, Expr};

use super::content::{Spec, check_name, literal_bool, literal_string};
use super::typeexpr::{Defaults, parse_type};
use super::{Condition, Output, Variable, decode};
use crate::reference::{Referent, references_in_expr};

const VARIABLE: Spec = Spec {
    attributes: &[
        ("description", false),
        ("default", false),
        ("type", false),
        ("sensitive", false),
        ("ephemeral", false),
        ("nullable", false),
    ],
    blocks: &[("validation", &[])],
};

const OUTPUT: Spec = Spec {
    attributes: &[
        ("description", false),
        ("value", true),
        ("depends_on", false),
        ("sensitive", false),
        ("ephemeral", false),
    ],
    blocks: &[("precondition", &[]), ("postcondition", &[])],
};

const CONDITION: Spec = Spec { attributes: &[("condition", true), ("error_message", true)], blocks: &[] };

/// Names that mean something else as an argument of a `module` block.
const RESERVED_VARIABLES: &[&str] =
    &["source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"];

pub(super) fn variable(block: &Block, diags: &mut Diagnostics) -> Option<Variable> {
    let label = block.labels.first()?;
    let name = label.name.clone();
    if !check_name(&name, label.span, "Invalid variable name", diags) {
        return None;
    }
    if RESERVED_VARIABLES.contains(&&*name) {
        diags.push(
            Diagnostic::error("Invalid variable name")
                .detail(format!(
                    "The variable name {:?} is reserved due to its special meaning inside module blocks.",
                    &*name
                ))
                .subject(label.span),
        );
        return None;
    }
    let body = &block.body;
    VARIABLE.check(body, diags);
    let mut flag = |name: &str, default: bool| {
        body.attribute(name).and_then(|a| literal_bool(&a.expr, diags)).unwrap_or(default)
    };
    let (sensitive, ephemeral, nullable) =
        (flag("sensitive", false), flag("ephemeral", false), flag("nullable", true));
    let (ty, defaults) = body
        .attribute("type")
        .map_or((Type::Dynamic, Defaults::default()), |a| variable_type(&a.expr, diags));
    let parse_text = body.attribute("type").is_some() && !ty.is_primitive();
    let default =
        body.attribute("default").and_then(|a| default_value(&a.expr, &ty, &defaults, nullable, diags));
    let validations: Vec<Condition> =
        body.blocks_of("validation").filter_map(|b| condition(b, diags)).collect();
    for validation in &validations {
        let own = Referent::Var(name.clone());
        if !references_in_expr(&validation.condition).iter().any(|r| r.referent == own) {
            diags.push(
                Diagnostic::error("Invalid variable validation condition")
                    .detail(format!(
                        "The condition for variable {:?} must refer to var.{name} in order to test incoming values.",
                        &*name
                    ))
                    .subject(validation.condition.span),
            );
        }
    }
    let description = body.attribute("description").and_then(|a| literal_string(&a.expr, diags));
    Some(Variable {
        name,
        ty,
        defaults,
        parse_text,
        default,
        validations,
        sensitive,
        ephemeral,
        nullable,
        description,
        span: block.header,
    })
}

fn variable_type(expr: &Expr, diags: &mut Diagnostics) -> (Type, Defaults) {
    if let Some(text) = expr.as_literal_str() {
        let (summary, meant) = match text {
            "list" => ("Invalid quoted type constraints", "list(string)"),
            "map" => ("Invalid quoted type constraints", "map(string)"),
            "string" => ("Invalid quoted type constraints", "string"),
            other => ("Invalid legacy variable type hint", other),
        };
        diags.push(
            Diagnostic::error(summary)
                .detail(format!(
                    "Type constraints are written without quotes since Terraform 0.12: type = {meant}.",
                ))
                .subject(expr.span),
        );
        return (Type::Dynamic, Defaults::default());
    }
    match expr.as_keyword() {
        // Older than type constructors, and still accepted.
        Some("list") => (Type::list(Type::Dynamic), Defaults::default()),
        Some("map") => (Type::map(Type::Dynamic), Defaults::default()),
        _ => {
            let (ty, defaults, problems) = parse_type(expr);
            diags.append(problems);
            (ty, defaults)
        }
    }
}

fn default_value(
    expr: &Expr,
    ty: &Type,
    defaults: &Defaults,
    nullable: bool,
    diags: &mut Diagnostics,
) -> Option<Value> {
    let before = diags.len();
    let value = diags.take(crate::eval::eval_constant(expr));
    // With an error already said, any value of the type keeps others from following.
    let fallback = Some(Value::unknown(ty.without_optional()));
    if diags.len() > before {
        return fallback;
    }
    let invalid = |detail: String, span: Span| {
        Diagnostic::error("Invalid default value for variable").detail(detail).subject(span)
    };
    if value.is_null() && !nullable {
        diags.push(invalid("A null default value is not valid when nullable = false.".to_owned(), expr.span));
        return fallback;
    }
    match convert(&defaults.apply(&value), ty) {
        Ok(value) => Some(value),
        Err(error) => {
            let at = crate::eval::describe_path(&error.path);
            let detail = format!(
                "This default value is not compatible with the variable's type constraint: {at}{}.",
                error.message
            );
            diags.push(invalid(detail, expr.span));
            fallback
        }
    }
}

pub(super) fn output(block: &Block, diags: &mut Diagnostics) -> Option<Output> {
    let label = block.labels.first()?;
    if !check_name(&label.name, label.span, "Invalid output name", diags) {
        return None;
    }
    let body = &block.body;
    OUTPUT.check(body, diags);
    for postcondition in body.blocks_of("postcondition") {
        diags.push(
            Diagnostic::error("Postconditions are not allowed")
                .detail("Output values can only have preconditions, not postconditions.")
                .subject(postcondition.header),
        );
    }
    let mut flag =
        |name: &str| body.attribute(name).and_then(|a| literal_bool(&a.expr, diags)).unwrap_or(false);
    let (sensitive, ephemeral) = (flag("sensitive"), flag("ephemeral"));
    Some(Output {
        name: label.name.clone(),
        expr: body
            .attribute("value")
            .map_or_else(|| Expr::new(ferroform_hcl::ast::ExprKind::Error, block.header), |a| a.expr.clone()),
        sensitive,
        ephemeral,
        depends_on: body
            .attribute("depends_on")
            .map(|a| decode::depends_on(&a.expr, diags))
            .unwrap_or_default(),
        preconditions: body.blocks_of("precondition").filter_map(|b| condition(b, diags)).collect(),
        description: body.attribute("description").and_then(|a| literal_string(&a.expr, diags)),
        span: block.header,
    })
}

/// A `validation`, `precondition` or `postcondition` block; none when it is incomplete.
pub(super) fn condition(block: &Block, diags: &mut Diagnostics) -> Option<Condition> {
    CONDITION.check(&block.body, diags);
    let condition = block.body.attribute("condition")?.expr.clone();
    let error_message = block.body.attribute("error_message")?.expr.clone();
    if references_in_expr(&condition).is_empty() {
        diags.push(
            Diagnostic::error(format!("Invalid {} expression", &*block.kind.name))
                .detail(
                    "The condition expression must refer to at least one object from elsewhere in the configuration, \
                     or else its result would not be checking anything.",
                )
                .subject(condition.span),
        );
    }
    Some(Condition { condition, error_message, span: block.header })
}
