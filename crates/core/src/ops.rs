//! The operators of the language over values, with Terraform's results and messages.
//!
//! Marks of the operands are handed on to the result. Unknown operands give an unknown result, of which as much is
//! known as in Terraform, or a known one where it does not depend on what is missing.

use std::cmp::Ordering;
use std::fmt;

use crate::convert::convert;
use crate::number::{Number, NumberError};
use crate::types::Type;
use crate::value::{Marks, Refinements, Value, ValueKind};

mod access;
mod conditional;
mod equality;
mod template;
#[cfg(test)]
mod tests;

pub use access::{get_attr, index, length};
pub use conditional::conditional;
pub use equality::{contains, equal};
pub use template::{template, template_join};

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// An operator before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// Which part of an expression an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operand {
    /// The expression as a whole.
    Whole,
    /// The left operand, or the only one.
    Left,
    /// The right operand.
    Right,
    /// The condition of a conditional.
    Condition,
    /// What a conditional gives when true.
    IfTrue,
    /// What a conditional gives when false.
    IfFalse,
    /// Both results of a conditional.
    Results,
    /// The part of a template with this position.
    Part(usize),
}

/// Why an operation has no result, ready for a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpError {
    /// The kind of problem: "Invalid operand".
    pub summary: &'static str,
    /// The whole story, in sentences.
    pub message: String,
    /// The part of the expression concerned.
    pub operand: Operand,
}

impl OpError {
    fn new(summary: &'static str, message: impl Into<String>, operand: Operand) -> Self {
        OpError { summary, message: message.into(), operand }
    }

    fn failed(why: impl fmt::Display) -> Self {
        Self::new("Operation failed", format!("Error during operation: {why}."), Operand::Whole)
    }
}

/// The message alone.
impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OpError {}

impl BinaryOp {
    /// The type that operands are converted to; none for equality, which takes any two values.
    fn operand_type(self) -> Option<Type> {
        match self {
            BinaryOp::Equal | BinaryOp::NotEqual => None,
            BinaryOp::And | BinaryOp::Or => Some(Type::Bool),
            _ => Some(Type::Number),
        }
    }

    /// Whether a comparison holds for operands in this order.
    fn holds(self, order: Ordering) -> bool {
        match self {
            BinaryOp::Less => order.is_lt(),
            BinaryOp::LessOrEqual => order.is_le(),
            BinaryOp::Greater => order.is_gt(),
            BinaryOp::GreaterOrEqual => order.is_ge(),
            BinaryOp::NotEqual => order.is_ne(),
            _ => order.is_eq(),
        }
    }

    /// The type of the result.
    pub fn result_type(self) -> Type {
        use BinaryOp::{Add, Divide, Modulo, Multiply, Subtract};
        match self {
            Add | Subtract | Multiply | Divide | Modulo => Type::Number,
            _ => Type::Bool,
        }
    }
}

impl UnaryOp {
    /// The type of operand and result.
    pub fn result_type(self) -> Type {
        match self {
            UnaryOp::Negate => Type::Number,
            UnaryOp::Not => Type::Bool,
        }
    }
}

/// The result of an operator between two values, or everything that is wrong with them.
pub fn binary(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, Vec<OpError>> {
    let Some(ty) = op.operand_type() else {
        let result = equal(left, right);
        return Ok(if op == BinaryOp::NotEqual { inverted(&result) } else { result });
    };
    let (left, right) = match (operand(left, &ty, Operand::Left), operand(right, &ty, Operand::Right)) {
        (Ok(left), Ok(right)) => (left, right),
        (left, right) => return Err([left.err(), right.err()].into_iter().flatten().collect()),
    };
    let marks = left.marks().union(right.marks());
    if left.is_null() || right.is_null() {
        return Err(vec![OpError::failed("argument must not be null")]);
    }
    let result = match (left.kind(), right.kind()) {
        (ValueKind::Number(a), ValueKind::Number(b)) => {
            of_numbers(op, a, b).map_err(|e| vec![OpError::failed(e)])?
        }
        (ValueKind::Bool(a), ValueKind::Bool(b)) => {
            Value::bool(if op == BinaryOp::And { *a && *b } else { *a || *b })
        }
        _ => match compare_ranges(op, &left, &right) {
            Some(result) => Value::bool(result),
            None => Value::unknown_not_null(op.result_type()),
        },
    };
    Ok(result.with_marks(marks))
}

/// The result of an operator before a value.
pub fn unary(op: UnaryOp, value: &Value) -> Result<Value, OpError> {
    let value = convert(value, &op.result_type()).map_err(|e| {
        let message = format!("Unsuitable value for unary operand: {e}.");
        OpError::new("Invalid operand", message, Operand::Left)
    })?;
    Ok(match value.kind() {
        ValueKind::Null(_) => return Err(OpError::failed("argument must not be null")),
        ValueKind::Number(n) => Value::number(n.neg()),
        ValueKind::Bool(b) => Value::bool(!b),
        _ => Value::unknown_not_null(op.result_type()),
    }
    .with_marks(value.marks()))
}

fn operand(value: &Value, ty: &Type, operand: Operand) -> Result<Value, OpError> {
    let side = if operand == Operand::Left { "left" } else { "right" };
    convert(value, ty).map_err(|e| {
        OpError::new("Invalid operand", format!("Unsuitable value for {side} operand: {e}."), operand)
    })
}

fn of_numbers(op: BinaryOp, a: &Number, b: &Number) -> Result<Value, NumberError> {
    let result = match op {
        BinaryOp::Add => a.add(b),
        BinaryOp::Subtract => a.sub(b),
        BinaryOp::Multiply => a.mul(b),
        BinaryOp::Divide => a.div(b),
        BinaryOp::Modulo => a.rem(b),
        _ => return Ok(Value::bool(op.holds(a.cmp(b)))),
    };
    result.map(Value::number)
}

/// What a comparison gives for all numbers that the operands may turn out to be, if it is the same for all. Bounds
/// count as excluded, as in Terraform.
fn compare_ranges(op: BinaryOp, left: &Value, right: &Value) -> Option<bool> {
    use BinaryOp::{Greater, GreaterOrEqual, Less, LessOrEqual};
    if !matches!(op, Less | LessOrEqual | Greater | GreaterOrEqual) {
        return None;
    }
    let (a, b) = (left.range(), right.range());
    let below = |a: &Refinements, b: &Refinements| match (&a.number_max, &b.number_min) {
        (Some((max, _)), Some((min, _))) => max < min,
        _ => false,
    };
    let order = if below(&a, &b) {
        Ordering::Less
    } else if below(&b, &a) {
        Ordering::Greater
    } else {
        return None;
    };
    let holds = op.holds(order);
    // That two unknown numbers are not equal is beyond Terraform, so there "or equal" stays open.
    let or_equal = matches!(op, LessOrEqual | GreaterOrEqual);
    (holds || !or_equal || left.is_known() || right.is_known()).then_some(holds)
}

/// The other bool, or an unknown one as it is.
fn inverted(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Bool(b) => Value::bool(!b).with_marks(value.marks()),
        _ => value.clone(),
    }
}

fn marks_of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Marks {
    values.into_iter().fold(Marks::NONE, |marks, value| marks.union(value.marks()))
}
