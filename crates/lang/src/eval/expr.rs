//! Operators and conditionals.

use ferroform_core::convert::convert;
use ferroform_core::ops::{self, OpError, Operand};
use ferroform_core::{Diagnostic, Diagnostics, Span, Type, Value};
use ferroform_hcl::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

use super::{Env, Evaluator, unknown};

impl Evaluator<'_> {
    pub(super) fn unary(&mut self, expr: &Expr, op: UnaryOp, operand: &Expr, env: Env<'_>) -> Value {
        let op = match op {
            UnaryOp::Negate => ops::UnaryOp::Negate,
            UnaryOp::Not => ops::UnaryOp::Not,
        };
        let before = self.errors();
        let value = self.expr(operand, env);
        if self.errors() > before {
            return Value::unknown(op.result_type());
        }
        ops::unary(op, &value).unwrap_or_else(|error| {
            self.operation(error, expr, &[operand], env);
            Value::unknown(op.result_type())
        })
    }

    /// Chains such as `a + b + c` are deep on the left; that side is gone through in a loop.
    pub(super) fn binary(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        let mut pending: Vec<(&Expr, BinaryOp, &Expr, &Expr)> = Vec::new();
        let mut left = expr;
        while let ExprKind::Binary(op, a, b) = &*left.kind {
            pending.push((left, *op, a, b));
            left = a;
        }
        let mut before = self.errors();
        let mut value = self.expr(left, env);
        while let Some((whole, op, a, b)) = pending.pop() {
            let op = operator(op);
            let right = self.expr(b, env);
            value = if self.errors() > before {
                Value::unknown(op.result_type())
            } else {
                ops::binary(op, &value, &right).unwrap_or_else(|errors| {
                    for error in errors {
                        self.operation(error, whole, &[a, b], env);
                    }
                    Value::unknown(op.result_type())
                })
            };
            // An error on the left does not keep the operators further right from being looked at, as the unknown
            // value that stands for it fits anywhere.
            before = self.errors();
        }
        value
    }

    /// Reports what an operator said, at the operand concerned.
    fn operation(&mut self, error: OpError, whole: &Expr, operands: &[&Expr], env: Env<'_>) {
        let about = match error.operand {
            Operand::Left => operands.first(),
            Operand::Right => operands.get(1),
            _ => None,
        };
        let about = about.copied().unwrap_or(whole);
        let problem =
            Diagnostic::error(error.summary).detail(error.message).subject(about.span).context(whole.span);
        self.report(problem, about, env);
    }

    /// `cond ? then : otherwise`. Both results are evaluated, as the type of the whole comes from both; only what is
    /// wrong with the chosen one counts.
    pub(super) fn conditional(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        let ExprKind::Conditional { cond, then, otherwise } = &*expr.kind else { return unknown() };
        let then_result = self.aside(|this| this.expr(then, env));
        let otherwise_result = self.aside(|this| this.expr(otherwise, env));
        self.choose(expr.span, cond, (then, then_result), (otherwise, otherwise_result), env)
    }

    /// The result that the condition chooses, with the diagnostics of that one.
    pub(super) fn choose(
        &mut self,
        whole: Span,
        cond: &Expr,
        (then, (then_value, then_diags)): (&Expr, (Value, Diagnostics)),
        (otherwise, (otherwise_value, otherwise_diags)): (&Expr, (Value, Diagnostics)),
        env: Env<'_>,
    ) -> Value {
        let before = self.errors();
        let condition = self.expr(cond, env);
        if self.errors() > before {
            return unknown();
        }
        match convert(&condition, &Type::Bool).ok().and_then(|c| c.as_bool()) {
            Some(true) => self.diags.append(then_diags),
            Some(false) => self.diags.append(otherwise_diags),
            None => {}
        }
        ops::conditional(&condition, &then_value, &otherwise_value).unwrap_or_else(|error| {
            let subject = match error.operand {
                Operand::Condition => cond.span,
                _ => then.span.to(otherwise.span),
            };
            let problem =
                Diagnostic::error(error.summary).detail(error.message).subject(subject).context(whole);
            self.report(problem, cond, env);
            unknown()
        })
    }

    /// Runs a part with its diagnostics kept apart.
    pub(super) fn aside(&mut self, part: impl FnOnce(&mut Self) -> Value) -> (Value, Diagnostics) {
        let kept = std::mem::take(&mut self.diags);
        let value = part(self);
        (value, std::mem::replace(&mut self.diags, kept))
    }
}

fn operator(op: BinaryOp) -> ops::BinaryOp {
    match op {
        BinaryOp::Or => ops::BinaryOp::Or,
        BinaryOp::And => ops::BinaryOp::And,
        BinaryOp::Equal => ops::BinaryOp::Equal,
        BinaryOp::NotEqual => ops::BinaryOp::NotEqual,
        BinaryOp::Greater => ops::BinaryOp::Greater,
        BinaryOp::GreaterEqual => ops::BinaryOp::GreaterOrEqual,
        BinaryOp::Less => ops::BinaryOp::Less,
        BinaryOp::LessEqual => ops::BinaryOp::LessOrEqual,
        BinaryOp::Add => ops::BinaryOp::Add,
        BinaryOp::Subtract => ops::BinaryOp::Subtract,
        BinaryOp::Multiply => ops::BinaryOp::Multiply,
        BinaryOp::Divide => ops::BinaryOp::Divide,
        BinaryOp::Modulo => ops::BinaryOp::Modulo,
    }
}
