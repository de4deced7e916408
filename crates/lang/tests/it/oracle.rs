//! Every case under `oracle/cases` evaluates to what Terraform made of it, as `cargo xtask oracle` recorded it:
//! value, type, what is unknown in it and what is known of that, what is sensitive; or the summary of the error.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferroform_core::value::Refinements;
use ferroform_core::{Diagnostic, Diagnostics, Number, Sources, Span, Type, Value, ValueKind};
use ferroform_lang::eval::render_template;
use ferroform_lang::funcs::{FuncContext, ProviderFunctions};
use ferroform_lang::{DirEntry, Files, Referent, Scope, eval_expr};
use serde_json::{Map, Value as Json, json};

/// Cases in which the difference from Terraform is meant, with the reason.
const MEANT: &[(&str, &str)] = &[
    ("textencodebase64(\"a\", \"IBM437\")", "code pages of DOS are not supported"),
    ("local.sensitive_bool || local.unknown_bool", "Terraform loses the mark"),
    ("provider::terraform::encode_expr(1 / 0)", "Terraform writes what neither of them can read"),
    (
        "provider::terraform::encode_expr({ \"for\" = 1 })",
        "Terraform writes what neither of them can read: a brace before `for` begins a for expression",
    ),
];

#[test]
fn collection() {
    check("collection");
}

#[test]
fn conditional() {
    check("conditional");
}

#[test]
fn convert() {
    check("convert");
}

#[test]
fn datetime() {
    check("datetime");
}

#[test]
fn encoding() {
    check("encoding");
}

#[test]
fn expressions() {
    check("expressions");
}

#[test]
fn files() {
    check("files");
}

#[test]
fn hash() {
    check("hash");
}

#[test]
fn ip() {
    check("ip");
}

#[test]
fn numeric() {
    check("numeric");
}

#[test]
fn operators() {
    check("operators");
}

#[test]
fn provider_functions() {
    check("provider_functions");
}

#[test]
fn string() {
    check("string");
}

#[test]
fn templates() {
    check("templates");
}

#[test]
fn every_family_is_checked_and_recorded() {
    let names = |dir: &str, suffix: &str| {
        let entries = std::fs::read_dir(root().join(dir)).unwrap();
        let mut names: Vec<String> = entries
            .filter_map(|e| Some(e.unwrap().file_name().to_str()?.strip_suffix(suffix)?.to_owned()))
            .collect();
        names.sort();
        names
    };
    let checked = [
        "collection",
        "conditional",
        "convert",
        "datetime",
        "encoding",
        "expressions",
        "files",
        "hash",
        "ip",
        "numeric",
        "operators",
        "provider_functions",
        "string",
        "templates",
    ];
    assert_eq!(names("cases", ".txt"), checked);
    assert_eq!(names("recorded", ".json"), checked);
}

#[test]
fn every_function_has_at_least_three_cases() {
    let mut all = String::new();
    for entry in std::fs::read_dir(root().join("cases")).unwrap() {
        all.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    // What was removed from the language has only its error to show.
    let removed = ["list", "map"];
    let of_terraform = [
        "provider::terraform::encode_expr",
        "provider::terraform::encode_tfvars",
        "provider::terraform::decode_tfvars",
    ];
    let few: Vec<&str> = ferroform_lang::funcs::names()
        .chain(of_terraform)
        .filter(|name| !removed.contains(name))
        .filter(|name| {
            let call = format!("{name}(");
            let calls = all
                .match_indices(&call)
                .filter(|(at, _)| !all[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
            calls.count() < 3
        })
        .collect();
    assert_eq!(few, [""; 0]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle")
}

/// The files that cases may read.
struct Fixture(PathBuf);

impl Files for Fixture {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.0.join(path))
    }

    fn list(&self, dir: &Path) -> std::io::Result<Vec<DirEntry>> {
        let entries = std::fs::read_dir(self.0.join(dir))?;
        entries
            .map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok(DirEntry { name, is_dir: entry.path().is_dir() })
            })
            .collect()
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.join(path).is_file()
    }
}

/// The functions of the provider that `oracle/fixture/prepared.tf` requires.
fn built_in() -> ProviderFunctions {
    let (config, _, diags) = crate::support::load(
        "terraform {\n  required_providers {\n    terraform = { source = \"terraform.io/builtin/terraform\" }\n  }\n}\n",
    );
    assert!(!diags.has_errors(), "{diags:?}");
    ProviderFunctions::of(config.root(), |_| None)
}

/// The values that `oracle/fixture/prepared.tf` prepares in Terraform.
struct Prepared(FuncContext);

impl Prepared {
    fn new() -> Self {
        Prepared(FuncContext {
            files: Arc::new(Fixture(root().join("fixture"))),
            module_dir: PathBuf::from("."),
            root_dir: PathBuf::from("."),
            working_dir: PathBuf::from("/somewhere"),
            home: Some(PathBuf::from("/home/someone")),
            plan_time: Some("2026-11-22T12:34:56Z".into()),
            present_time: None,
            template: render_template,
            in_template: false,
            providers: built_in(),
        })
    }

    fn local(name: &str) -> Option<Value> {
        let text = Value::string;
        let unknown = Value::unknown;
        Some(match name {
            "unknown_string" => unknown(Type::String),
            "unknown_number" => unknown(Type::Number),
            "unknown_bool" => unknown(Type::Bool),
            "unknown_list" => unknown(Type::list(Type::String)),
            "unknown_set" => unknown(Type::set(Type::String)),
            "unknown_map" => unknown(Type::map(Type::String)),
            "unknown_tuple" => unknown(Type::tuple([Type::String, Type::Number])),
            "unknown_object" => unknown(Type::object([("a", Type::String), ("b", Type::Number)])),
            "unknown_dynamic" => unknown(Type::Dynamic),
            "unknown_id" => {
                Value::unknown_refined(Type::String, Refinements { not_null: true, ..Default::default() })
            }
            "sensitive_string" => text("secret").sensitive(),
            "sensitive_number" => Value::number(7).sensitive(),
            "sensitive_bool" => Value::bool(true).sensitive(),
            "sensitive_list" => Value::tuple([text("a"), text("b")]).sensitive(),
            "sensitive_map" => Value::object([("a", text("x"))]).sensitive(),
            "sensitive_unknown" => unknown(Type::String).sensitive(),
            "sensitive_element" => Value::tuple([text("a"), text("b").sensitive()]),
            "sensitive_value" => Value::object([("a", text("x")), ("b", text("y").sensitive())]),
            "ephemeral_string" => text("ephemeral").with_marks(ferroform_core::Marks::EPHEMERAL),
            "template" => text("Hello, ${name}!"),
            "sensitive_template" => text("Hello, ${name}!").sensitive(),
            "bad_template" => text("${"),
            "list_template" => text("${x}"),
            "encoding_template" => text("<${provider::terraform::encode_expr(x)}>"),
            _ => return None,
        })
    }
}

impl Scope for Prepared {
    fn resolve(&self, referent: &Referent, span: Span) -> Result<Value, Diagnostics> {
        let found = match referent {
            Referent::Local(name) => Self::local(name),
            Referent::Path(name) if &**name == "module" => Some(Value::string(".")),
            Referent::Path(name) if &**name == "cwd" => Some(Value::string("/somewhere")),
            _ => None,
        };
        found.ok_or_else(|| {
            Diagnostic::error("Reference to undeclared local value")
                .detail(referent.to_string())
                .subject(span)
                .into()
        })
    }

    fn context(&self) -> &FuncContext {
        &self.0
    }
}

fn check(family: &str) {
    let recorded = std::fs::read_to_string(root().join("recorded").join(format!("{family}.json"))).unwrap();
    let recorded: Vec<Json> = serde_json::from_str(&recorded).unwrap();
    let scope = Prepared::new();
    let mut wrong = Vec::new();
    for answer in &recorded {
        let case = answer["case"].as_str().unwrap();
        let ours = evaluate(case, &scope);
        let same = same(&ours, answer);
        let meant = MEANT.iter().find(|(meant, _)| *meant == case);
        match (same, meant) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => wrong.push(format!("{case}\n  no longer differs from Terraform")),
            (false, None) => {
                wrong.push(format!("{case}\n  Terraform: {}\n  Ferroform: {ours}", without_case(answer)))
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{}", wrong.len(), recorded.len(), wrong.join("\n"));
}

#[test]
fn recordings_belong_to_the_cases() {
    for entry in std::fs::read_dir(root().join("cases")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let cases: Vec<String> = text
            .split("\n\n")
            .map(|p| {
                p.lines()
                    .skip_while(|l| l.starts_with('#') || l.trim().is_empty())
                    .collect::<Vec<_>>()
                    .join("\n")
            })
            .filter(|case| !case.is_empty())
            .collect();
        let family = path.file_stem().unwrap().to_str().unwrap();
        let recorded =
            std::fs::read_to_string(root().join("recorded").join(format!("{family}.json"))).unwrap();
        let recorded: Vec<Json> = serde_json::from_str(&recorded).unwrap();
        let recorded: Vec<&str> = recorded.iter().map(|r| r["case"].as_str().unwrap()).collect();
        assert_eq!(recorded, cases, "{family}: run `cargo xtask oracle {family}`");
    }
}

fn without_case(answer: &Json) -> Json {
    let mut answer = answer.clone();
    if let Json::Object(fields) = &mut answer {
        fields.shift_remove("case");
    }
    answer
}

/// Errors of syntax are explained in our own words.
const SYNTAX: &str = "(syntax)";

fn same(ours: &Json, answer: &Json) -> bool {
    if ours["error"] == SYNTAX {
        return answer.get("error").is_some();
    }
    let fields = ["type", "value", "unknown", "sensitive", "error", "parameter"];
    fields.iter().all(|field| ours.get(field) == answer.get(field))
}

fn evaluate(case: &str, scope: &Prepared) -> Json {
    let mut sources = Sources::new();
    // As the argument that it is in Terraform: newlines count.
    let text = format!("input = {case}\n");
    let source = sources.add("case", text.as_str());
    let (body, diags) = ferroform_lang::hcl::parse_body(source, &text).into_parts();
    if diags.has_errors() {
        return json!({ "error": SYNTAX });
    }
    let (value, diags) = eval_expr(&body.attribute("input").unwrap().expr, scope);
    if diags.has_errors() { error(&diags) } else { describe(&value) }
}

fn error(diags: &Diagnostics) -> Json {
    let first = diags.0.iter().find(|d| d.is_error()).unwrap();
    let mut out = json!({ "error": first.summary });
    let parameter =
        first.detail.split_once("Invalid value for \"").and_then(|(_, rest)| rest.split_once("\" parameter"));
    if let Some((parameter, _)) = parameter {
        out["parameter"] = json!(parameter);
    }
    out
}

fn describe(value: &Value) -> Json {
    let mut out = Map::new();
    out.insert("type".into(), type_json(&value.ty()));
    let mut unknown = Vec::new();
    out.insert("value".into(), value_json(value, "", &mut unknown));
    if !unknown.is_empty() {
        out.insert("unknown".into(), Json::Array(unknown));
    }
    let mut sensitive: Vec<String> = value.sensitive_paths().iter().map(ToString::to_string).collect();
    sensitive.sort();
    if !sensitive.is_empty() {
        out.insert("sensitive".into(), json!(sensitive));
    }
    Json::Object(out)
}

fn type_json(ty: &Type) -> Json {
    match ty {
        Type::Dynamic => json!("dynamic"),
        Type::Bool => json!("bool"),
        Type::Number => json!("number"),
        Type::String => json!("string"),
        Type::List(element) => json!(["list", type_json(element)]),
        Type::Set(element) => json!(["set", type_json(element)]),
        Type::Map(element) => json!(["map", type_json(element)]),
        Type::Tuple(types) => json!(["tuple", types.iter().map(type_json).collect::<Vec<_>>()]),
        Type::Object(object) => {
            let attributes = object.attributes.iter().map(|(name, ty)| (name.to_string(), type_json(ty)));
            json!(["object", attributes.collect::<Map<_, _>>()])
        }
    }
}

fn value_json(value: &Value, path: &str, unknown: &mut Vec<Json>) -> Json {
    match value.kind() {
        ValueKind::Null(_) => Json::Null,
        ValueKind::Unknown(_, known) => {
            unknown.push(refinements_json(path, known.as_deref()));
            Json::Null
        }
        ValueKind::Bool(b) => json!(b),
        ValueKind::Number(n) => number_text(n).parse().map_or(Json::Null, Json::Number),
        ValueKind::String(s) => json!(**s),
        ValueKind::List(_, items) | ValueKind::Tuple(items) => {
            items.iter().enumerate().map(|(i, v)| value_json(v, &format!("{path}[{i}]"), unknown)).collect()
        }
        ValueKind::Set(_, items) => {
            items.iter().map(|v| value_json(v, &format!("{path}[…]"), unknown)).collect()
        }
        ValueKind::Map(_, entries) => {
            let entries = entries.iter();
            entries.map(|(k, v)| (k.to_string(), value_json(v, &format!("{path}[{k:?}]"), unknown))).collect()
        }
        ValueKind::Object(attributes) => {
            let attributes = attributes.iter();
            attributes.map(|(k, v)| (k.to_string(), value_json(v, &format!("{path}.{k}"), unknown))).collect()
        }
    }
}

/// A number as a planfile keeps it: whole if it fits 64 bits, as an `f64` if it is one exactly, otherwise as text.
fn number_text(n: &Number) -> String {
    if let Some(whole) = n.to_i64() {
        return whole.to_string();
    }
    match Number::from_f64(n.to_f64()) {
        Some(same) if same == *n => n.to_f64().to_string(),
        _ => n.to_string(),
    }
}

fn refinements_json(path: &str, known: Option<&Refinements>) -> Json {
    let mut out = Map::new();
    out.insert("at".into(), json!(path));
    let Some(known) = known else { return Json::Object(out) };
    if known.not_null {
        out.insert("not_null".into(), json!(true));
    }
    if !known.string_prefix.is_empty() {
        out.insert("prefix".into(), json!(*known.string_prefix));
    }
    for (name, bound) in [("number_min", &known.number_min), ("number_max", &known.number_max)] {
        if let Some((n, inclusive)) = bound {
            out.insert(name.into(), json!([n.to_string(), inclusive]));
        }
    }
    if known.length_min > 0 {
        out.insert("length_min".into(), json!(known.length_min.to_string()));
    }
    if let Some(max) = known.length_max {
        out.insert("length_max".into(), json!(max.to_string()));
    }
    Json::Object(out)
}
