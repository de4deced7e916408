//! `.tf.json` files.

use ferroform_core::{Diagnostic, Diagnostics, SourceId, Span};
use ferroform_hcl::ast::{Body, Expr};

/// The body that a JSON file stands for.
pub(super) fn body(source: SourceId, text: &str) -> (Body, Diagnostics) {
    let span = Span::new(source, 0, u32::try_from(text.len()).unwrap_or(u32::MAX));
    let body = Body { attributes: Vec::new(), blocks: Vec::new(), span, end: span };
    let problem = Diagnostic::error("Not supported yet")
        .detail(
            "Configuration in JSON syntax cannot be read yet. Write it in the native syntax, in a .tf file.",
        )
        .subject(Span::new(source, 0, 0));
    (body, problem.into())
}

/// The expression that a JSON text stands for. JSON is nearly a part of the native syntax.
pub(crate) fn expr(source: SourceId, text: &str) -> (Expr, Diagnostics) {
    ferroform_hcl::parse_expression(source, text).into_parts()
}
