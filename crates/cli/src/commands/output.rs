//! `output`

use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};
use ferroform_state::OutputValue;

use super::Outcome;
use super::state::read_state;
use crate::args::OutputArgs;
use crate::context::Context;
use crate::terminal::Terminal;
use crate::views::outputs::{outputs_json, render_output, render_outputs, value_json};

pub(super) fn run(args: &OutputArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    let state = read_state(&context, &args.place)?;
    let outputs = state.map(|s| s.outputs).unwrap_or_default();
    let Some(name) = &args.name else {
        if args.raw {
            let diagnostic = Diagnostic::error("Output name required")
                .detail("The option -raw works on one output; name it.");
            return context.take(Err(diagnostic), &none);
        }
        if args.json {
            context.print(&outputs_json(&outputs));
        } else if outputs.is_empty() {
            let diagnostic = Diagnostic::warning("No outputs found").detail(
                "The state has no outputs: the configuration declares none, or has not been applied since it does.",
            );
            context.report(&diagnostic.into(), &none);
        } else {
            context.print(&render_outputs(&outputs, &context.style));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let output = outputs.get(name.as_str()).ok_or_else(|| {
        let known: Vec<&str> = outputs.keys().map(|k| &**k).collect();
        let list = if known.is_empty() {
            "The state has no outputs".to_owned()
        } else {
            format!("There are: {}", known.join(", "))
        };
        Diagnostic::error("Output not found")
            .detail(format!("The state has no output named {name:?}. {list}."))
    });
    let output = context.take(output, &none)?;
    if args.json {
        context.print(&value_json(output));
    } else if args.raw {
        context.print(&context.take(raw(name, output), &none)?);
    } else {
        context.print(&render_output(output, &context.style));
    }
    Ok(ExitCode::SUCCESS)
}

/// A string, number or bool as it is, without a line's end.
fn raw(name: &str, output: &OutputValue) -> Result<String, Diagnostic> {
    let value = &output.value;
    let text = value
        .as_str()
        .map(str::to_owned)
        .or_else(|| value.as_number().map(ToString::to_string))
        .or_else(|| value.as_bool().map(|b| b.to_string()));
    text.ok_or_else(|| {
        Diagnostic::error("Unsupported value for raw output").detail(format!(
            "The option -raw prints strings, numbers and bools; the output {name:?} is of type {}. Use -json for it.",
            output.ty
        ))
    })
}
