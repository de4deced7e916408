//! HCL: the syntax that the Terraform language is written in.
//!
//! A text becomes a lossless tree (every byte of it, comments and errors included) and, in the same pass, the
//! [`ast`] that evaluation works with. This crate knows nothing of resources or of Terraform.
//!
//! ```
//! use ferroform_core::Sources;
//!
//! let mut sources = Sources::new();
//! let text = "greeting = \"Hello, ${var.name}!\" # politely\n";
//! let id = sources.add("main.tf", text);
//! let parse = ferroform_hcl::parse_body(id, text);
//! assert!(parse.diagnostics().is_empty());
//! assert_eq!(&*parse.body().attributes[0].name.name, "greeting");
//! assert_eq!(parse.syntax().to_string(), text);
//! ```

pub mod ast;
mod format;
pub mod json;
mod lexer;
mod parse;
mod parser;
mod syntax;
mod template;
mod tree;

pub use format::format;
pub use lexer::is_identifier;
pub use parse::{Parse, parse_body, parse_expression, parse_template, parse_template_inside};
pub use syntax::{HclLanguage, SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken};
