//! The external provider: a program of the user's that answers in JSON.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Diagnostics, Type, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::builtin::{self, DataSource, Factory};
use crate::values::{attribute_error, text, texts, with};

/// The published provider that this one equals.
const VERSION: &str = "2.3.5";

/// A longer answer is that of a program gone wrong.
const MAX_ANSWER: u64 = 64 << 20;
/// So much of what a failing program says is shown.
const MAX_COMPLAINT: u64 = 64 << 10;

/// Makes the provider.
pub(crate) fn factory() -> Factory {
    builtin::factory(
        crate::published("external"),
        VERSION,
        Block::default(),
        Vec::new(),
        vec![("external", Arc::new(External))],
    )
}

/// `external`: asks a program, which gets a JSON object on standard input and answers with one on standard output.
struct External;

/// What a program did.
struct Run {
    status: ExitStatus,
    answer: Vec<u8>,
    complaint: String,
}

/// Runs the program to its end. It is killed when nobody waits for it any more.
async fn run(program: &[&str], dir: Option<&str>, query: &[u8]) -> std::io::Result<Run> {
    let (name, arguments) = program.split_first().ok_or(ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    if let Some(dir) = dir.filter(|dir| !dir.is_empty()) {
        command.current_dir(dir);
    }
    let mut child = command.spawn()?;
    let (input, output, error) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ask = async {
        if let Some(mut input) = input {
            // A program need not read its query.
            let _ = input.write_all(query).await;
        }
    };
    let ((), answer, complaint) = tokio::join!(ask, all(output, MAX_ANSWER), all(error, MAX_COMPLAINT));
    let status = child.wait().await?;
    Ok(Run { status, answer: answer?, complaint: String::from_utf8_lossy(&complaint?).into_owned() })
}

/// What a pipe gives, up to a limit and one byte more.
async fn all(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(limit + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[async_trait]
impl DataSource for External {
    fn schema(&self) -> Schema {
        let texts = Type::map(Type::String);
        let block = Block {
            description:
                "Asks a program, which gets a JSON object of texts on standard input and answers with one on \
                          standard output."
                    .into(),
            ..Block::of([
                (
                    "program",
                    Attribute::required(Type::list(Type::String))
                        .describe("The program, found by PATH, and its arguments. No shell is involved."),
                ),
                (
                    "working_dir",
                    Attribute::optional(Type::String)
                        .describe("The directory in which it runs, by default the current one."),
                ),
                ("query", Attribute::optional(texts.clone()).describe("What it gets.")),
                ("result", Attribute::computed(texts).describe("What it answers.")),
                (
                    "id",
                    Attribute::computed(Type::String).describe("Always \"-\"; of no use in configuration."),
                ),
            ])
        };
        Schema { version: 0, block }
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let program = config.get("program").filter(|program| program.is_wholly_known());
        let missing = |items: &[Value]| items.iter().all(|item| item.as_str().is_none_or(str::is_empty));
        if program.and_then(Value::as_slice).is_some_and(missing) {
            let detail =
                "The attribute program must name the program to run, and its arguments if it has any.";
            return attribute_error("program", "External Program Missing", detail).into();
        }
        Diagnostics::new()
    }

    async fn read(&self, config: &Value, _: &mut Diagnostics) -> Result<Value, Diagnostics> {
        let invalid = self.validate(config);
        if invalid.has_errors() {
            return Err(invalid);
        }
        let program: Vec<&str> =
            texts(config, "program").into_iter().filter(|argument| !argument.is_empty()).collect();
        let name = program.first().copied().unwrap_or_default();
        let query: BTreeMap<&str, &str> = config
            .get("query")
            .and_then(Value::as_map)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((&**key, value.as_str()?)))
            .collect();
        let wrong = |summary: &'static str, why: String| {
            Diagnostics::from(attribute_error("program", summary, format!("The program {name:?} {why}")))
        };
        let query = serde_json::to_vec(&query)
            .map_err(|error| wrong("Query Handling Failed", format!("cannot be asked: {error}.")))?;
        let run = run(&program, text(config, "working_dir"), &query).await.map_err(|error| {
            let how = "Check that it is there and may be executed; write a path with path.module in front if it \
                       belongs to the module, and check working_dir.";
            wrong("External Program Lookup Failed", format!("could not be run: {error}. {how}"))
        })?;
        if !run.status.success() {
            let said = run.complaint.trim_end();
            let said = if said.is_empty() {
                "It said nothing about it.".into()
            } else {
                format!("It said:\n{said}")
            };
            return Err(wrong(
                "External Program Execution Failed",
                format!("failed ({}). {said}", run.status),
            ));
        }
        if run.answer.len() as u64 > MAX_ANSWER {
            let why = format!("answered more than {MAX_ANSWER} bytes.");
            return Err(wrong("Unexpected External Program Results", why));
        }
        let result = serde_json::from_slice::<Option<BTreeMap<String, Option<String>>>>(&run.answer);
        let result = result.map_err(|error| {
            let why = format!("must answer with one JSON object whose values are all strings: {error}.");
            wrong("Unexpected External Program Results", why)
        })?;
        // As in the published provider, a null is an empty text.
        let result = result.unwrap_or_default().into_iter().map(|(key, value)| {
            (Arc::from(key), Value::string_normalised(value.as_deref().unwrap_or_default()))
        });
        let result = Value::map::<Arc<str>>(Type::String, result);
        Ok(with(config, [("result", result), ("id", Value::string("-"))]))
    }
}
