//! The cloudinit provider: user data of several parts for cloud-init, as one MIME message.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{Diagnostics, Type, Value, gzip};

use crate::builtin::{self, DataSource, Factory};
use crate::values::{attribute_error, flag, is_null, is_unknown, text, with};

/// The published provider that this one equals.
const VERSION: &str = "2.3.7";

const DEFAULT_BOUNDARY: &str = "MIMEBOUNDARY";
const DEFAULT_TYPE: &str = "text/plain";

/// Makes the provider.
pub(crate) fn factory() -> Factory {
    builtin::factory(
        crate::published("cloudinit"),
        VERSION,
        Block::default(),
        Vec::new(),
        vec![("cloudinit_config", Arc::new(Config))],
    )
}

/// `cloudinit_config`: renders parts into one text.
struct Config;

/// The message, byte for byte as the published provider writes it: it stands in user data, whose change replaces
/// servers. Header lines of a part are in alphabetical order; the line break within the first header is a single one.
fn render(boundary: &str, parts: &[Value]) -> String {
    let mut message =
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\r\n\r\n");
    for (at, part) in parts.iter().enumerate() {
        let given = |name| text(part, name).filter(|text| !text.is_empty());
        let disposition = given("filename").map(|name| format!("attachment; filename=\"{name}\""));
        let headers = [
            ("Content-Disposition", disposition.as_deref()),
            ("Content-Transfer-Encoding", Some("7bit")),
            ("Content-Type", given("content_type").or(Some(DEFAULT_TYPE))),
            ("Mime-Version", Some("1.0")),
            ("X-Merge-Type", given("merge_type")),
        ];
        let between = if at == 0 { "" } else { "\r\n" };
        message.push_str(&format!("{between}--{boundary}\r\n"));
        for (name, value) in headers.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        message.push_str("\r\n");
        message.push_str(text(part, "content").unwrap_or_default());
    }
    message.push_str(&format!("\r\n--{boundary}--\r\n"));
    message
}

/// Whether a boundary is one by RFC 2046, section 5.1.1.
fn is_boundary(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    (1..=70).contains(&text.len()) && text.bytes().all(allowed) && !text.ends_with(' ')
}

impl Config {
    fn part() -> NestedBlock {
        let part = Block {
            description: "A file of the configuration; parts keep their order.".into(),
            ..Block::of([
                ("content", Attribute::required(Type::String).describe("The content.")),
                (
                    "content_type",
                    Attribute::optional_computed(Type::String)
                        .describe("The MIME type of the content, \"text/plain\" by default."),
                ),
                ("filename", Attribute::optional(Type::String).describe("The name of the file.")),
                (
                    "merge_type",
                    Attribute::optional(Type::String)
                        .describe("How cloud-init merges this part with those before."),
                ),
            ])
        };
        NestedBlock::new(Nesting::List, part)
    }
}

#[async_trait]
impl DataSource for Config {
    fn schema(&self) -> Schema {
        let switch = |what: &str| Attribute::optional_computed(Type::Bool).describe(what);
        let computed = |what: &str| Attribute::computed(Type::String).describe(what);
        let block = Block {
            description: "User data of several parts for cloud-init.".into(),
            ..Block::of([
                ("gzip", switch("Whether the result is compressed, true by default.")),
                (
                    "base64_encode",
                    switch("Whether the result is in base64, true by default and wherever it is compressed."),
                ),
                (
                    "boundary",
                    Attribute::optional_computed(Type::String)
                        .describe("What stands between the parts, \"MIMEBOUNDARY\" by default."),
                ),
                ("rendered", computed("The result.")),
                ("id", computed("The CRC-32 of the result in decimal digits.")),
            ])
            .with_block("part", Self::part())
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        let unsettled = is_unknown(config, "gzip") || is_unknown(config, "base64_encode");
        if !unsettled
            && flag(config, "gzip").unwrap_or(true)
            && !flag(config, "base64_encode").unwrap_or(true)
        {
            let detail = "Expected base64_encode to be set to true when gzip is true: compressed data is no text. Set \
                          gzip to false, or leave base64_encode out.";
            diagnostics.push(attribute_error("base64_encode", "Invalid Attribute Configuration", detail));
        }
        if config.get("part").and_then(Value::as_slice).is_some_and(<[Value]>::is_empty) {
            let detail = "part must have a configuration value: at least one block with a content.";
            diagnostics.push(attribute_error("part", "Missing Block", detail));
        }
        if let Some(boundary) = text(config, "boundary").filter(|boundary| !is_boundary(boundary)) {
            let detail = format!(
                "The attribute boundary must be 1 to 70 letters, digits or characters of '()+_,-./:=? and not end in \
                 a space, got: {boundary:?}."
            );
            diagnostics.push(attribute_error("boundary", "Invalid Attribute Value", detail));
        }
        diagnostics
    }

    async fn read(&self, config: &Value, _: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let invalid = self.validate(config);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let (compressed, encoded) =
            (flag(config, "gzip").unwrap_or(true), flag(config, "base64_encode").unwrap_or(true));
        let boundary = text(config, "boundary").unwrap_or(DEFAULT_BOUNDARY);
        let parts = config.get("part").and_then(Value::as_slice).unwrap_or_default();
        let message = render(boundary, parts);
        let rendered = match (compressed, encoded) {
            (true, _) => STANDARD.encode(gzip::compress(message.as_bytes())),
            (false, true) => STANDARD.encode(&message),
            (false, false) => message,
        };
        let parts = parts.iter().map(|part| {
            let set = !is_null(part, "content_type") && text(part, "content_type") != Some("");
            if set { part.clone() } else { with(part, [("content_type", Value::string(DEFAULT_TYPE))]) }
        });
        let values = [
            ("part", Value::list(Self::part().block.implied_type(), parts)),
            ("gzip", Value::bool(compressed)),
            ("base64_encode", Value::bool(encoded)),
            ("boundary", Value::string_normalised(boundary)),
            ("id", Value::string(gzip::crc32(rendered.as_bytes()).to_string())),
            ("rendered", Value::string_normalised(&rendered)),
        ];
        Ok(with(config, values))
    }
}
