//! Trees as short s-expressions, for tables of expectations.

use std::fmt::Write;

use ferroform_core::{Diagnostics, SourceId};
use ferroform_hcl::ast::*;

pub(crate) const SOURCE: SourceId = SourceId(0);

pub(crate) fn expr(e: &Expr) -> String {
    match &*e.kind {
        ExprKind::Null => "null".into(),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Number(n) => n.to_string(),
        ExprKind::Template(parts) => match parts.as_slice() {
            [] => "\"\"".into(),
            [TemplatePart::Literal(text, _)] => format!("{text:?}"),
            parts => format!("(tmpl{})", template(parts)),
        },
        ExprKind::Variable(name) => name.to_string(),
        ExprKind::GetAttr { base, name } => format!("(. {} {})", expr(base), name.name),
        ExprKind::Index { base, key } => format!("([] {} {})", expr(base), expr(key)),
        ExprKind::Splat { base, each, full } => {
            format!("({} {} {})", if *full { "[*]" } else { ".*" }, expr(base), expr(each))
        }
        ExprKind::SplatItem => "@".into(),
        ExprKind::Call { name, args, expand } => {
            format!("({}(){}{})", name.name, list(args), if *expand { " ..." } else { "" })
        }
        ExprKind::Tuple(items) => format!("(tuple{})", list(items)),
        ExprKind::Object(items) => {
            let items = items.iter().fold(String::new(), |mut out, item| {
                let key = expr(&item.key);
                let key = if item.bare { format!("'{key}") } else { key };
                write!(out, " {key}={}", expr(&item.value)).unwrap();
                out
            });
            format!("(object{items})")
        }
        ExprKind::ForTuple(f) => format!("(for{} {})", intro(&f.intro), expr(&f.value)),
        ExprKind::ForObject(f) => {
            let group = if f.group { "..." } else { "" };
            format!("(for{} {}=>{}{group})", intro(&f.intro), expr(&f.key), expr(&f.value))
        }
        ExprKind::Unary(op, x) => {
            format!("({} {})", if *op == UnaryOp::Not { "!" } else { "-" }, expr(x))
        }
        ExprKind::Binary(op, a, b) => {
            let op = match op {
                BinaryOp::Or => "||",
                BinaryOp::And => "&&",
                BinaryOp::Equal => "==",
                BinaryOp::NotEqual => "!=",
                BinaryOp::Greater => ">",
                BinaryOp::GreaterEqual => ">=",
                BinaryOp::Less => "<",
                BinaryOp::LessEqual => "<=",
                BinaryOp::Add => "+",
                BinaryOp::Subtract => "-",
                BinaryOp::Multiply => "*",
                BinaryOp::Divide => "/",
                BinaryOp::Modulo => "%",
            };
            format!("({op} {} {})", expr(a), expr(b))
        }
        ExprKind::Conditional { cond, then, otherwise } => {
            format!("(? {} {} {})", expr(cond), expr(then), expr(otherwise))
        }
        ExprKind::Parens(x) => format!("(paren {})", expr(x)),
        ExprKind::Error => "<error>".into(),
    }
}

fn list(items: &[Expr]) -> String {
    items.iter().fold(String::new(), |out, item| out + " " + &expr(item))
}

fn intro(f: &ForIntro) -> String {
    let key = f.key.as_ref().map_or(String::new(), |k| format!("{},", k.name));
    let cond = f.cond.as_ref().map_or(String::new(), |c| format!(" if {}", expr(c)));
    format!(" {key}{} in {}{cond}", f.value.name, expr(&f.collection))
}

pub(crate) fn template(parts: &[TemplatePart]) -> String {
    parts.iter().fold(String::new(), |out, part| {
        let part = match part {
            TemplatePart::Literal(text, _) => format!("{text:?}"),
            TemplatePart::Interpolation(e) => format!("${{{}}}", expr(e)),
            TemplatePart::If { cond, then, otherwise, .. } => {
                format!("(if {} ({}) ({}))", expr(cond), template(then).trim(), template(otherwise).trim())
            }
            TemplatePart::For { key, value, collection, body, .. } => {
                let key = key.as_ref().map_or(String::new(), |k| format!("{},", k.name));
                format!("(for {key}{} in {} ({}))", value.name, expr(collection), template(body).trim())
            }
        };
        out + " " + &part
    })
}

/// Arguments and blocks in the order of the text.
pub(crate) fn body(b: &Body) -> String {
    let attributes =
        b.attributes.iter().map(|a| (a.span.start, format!("{}={}", a.name.name, expr(&a.expr))));
    let blocks = b.blocks.iter().map(|block| {
        let labels = block.labels.iter().fold(String::new(), |out, l| format!("{out} {:?}", l.name));
        (block.span.start, format!("({}{labels} {{{}}})", block.kind.name, body(&block.body)))
    });
    let mut items: Vec<_> = attributes.chain(blocks).collect();
    items.sort();
    items.into_iter().map(|(_, item)| item).collect::<Vec<_>>().join(" ")
}

/// `summary @ text under the subject`, one a line.
pub(crate) fn diagnostics(text: &str, diagnostics: &Diagnostics) -> Vec<String> {
    diagnostics
        .iter()
        .map(|d| {
            let subject = d.subject.map_or("none", |s| &text[s.start as usize..s.end as usize]);
            format!("{} @ {}", d.summary, subject.replace('\n', "\\n"))
        })
        .collect()
}
