//! What no recording of plans can show: functions while applying, and that nothing makes any of them panic.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ferroform_core::addr::ProviderSource;
use ferroform_core::function::{Function, FunctionError, Parameter};
use ferroform_core::value::Refinements;
use ferroform_core::{Number, SourceId, Span, Type, Value};

use super::{FuncContext, FuncErrorKind, FunctionSource, ProviderFunctions, call, names, signature};
use crate::config::{Module, RequiredProvider};
use crate::files::MemoryFiles;

fn context(present_time: Option<&str>) -> FuncContext {
    FuncContext {
        files: Arc::new(MemoryFiles::default()),
        module_dir: PathBuf::from("."),
        root_dir: PathBuf::from("."),
        working_dir: PathBuf::from("/work"),
        home: Some(PathBuf::from("/home/someone")),
        plan_time: None,
        present_time: present_time.map(Arc::from),
        template: |_, _, vars, _| Ok(vars.clone()),
        in_template: false,
        providers: ProviderFunctions::default(),
    }
}

fn text(text: &str) -> Value {
    Value::string_normalised(text)
}

/// Values at the edges of what functions expect.
fn odd_values() -> Vec<Value> {
    let number = |n: &str| Value::number(n.parse::<Number>().unwrap());
    vec![
        Value::null_dynamic(),
        Value::null(Type::list(Type::String)),
        Value::unknown(Type::Dynamic),
        Value::unknown(Type::String).sensitive(),
        Value::unknown_refined(
            Type::String,
            Refinements { string_prefix: "{é".into(), ..Refinements::not_null() },
        ),
        Value::unknown(Type::list(Type::Dynamic)),
        Value::unknown(Type::object([("a", Type::Dynamic)])),
        text(""),
        text("e\u{301}\u{1f1e9}\u{1f1ea}\r\n%[9]*.é"),
        text("%[1]999999.999999v%d%s"),
        text("10.255.0.0/8"),
        text("::ffff:1.2.3.4/97"),
        text("(?P<é>[^\\Q])|\\x{"),
        text("/{a,{b}\\/**["),
        text("- &a [*a, {? : !!int x}]\n\u{0}"),
        text("9999-12-31T23:59:59.999999999-23:59"),
        text("\"\\ud83d\\u12"),
        number("-1"),
        number("1e30"),
        number("-0.5"),
        number("62"),
        Value::number(Number::INFINITY),
        Value::bool(true),
        Value::tuple([]),
        Value::tuple([Value::null_dynamic(), Value::unknown(Type::Dynamic), text("a").sensitive()]),
        Value::list(Type::String, [Value::null(Type::String), Value::unknown(Type::String)]),
        Value::set(Type::Number, [Value::number(1), Value::unknown(Type::Number)]),
        Value::map(Type::list(Type::String), [("a", Value::null(Type::list(Type::String)))]),
        Value::object([("", Value::empty_object()), ("a b", Value::null_dynamic())]),
    ]
}

#[test]
fn no_arguments_make_a_function_panic() {
    let values = odd_values();
    let ctx = with_providers();
    let rooms: Vec<usize> = (0..values.len()).collect();
    let of_providers =
        ["provider::ours::encode_expr", "provider::ours::encode_tfvars", "provider::ours::decode_tfvars"];
    for name in names().chain(of_providers) {
        let try_all = |chosen: &[usize]| {
            let args: Vec<Value> = chosen.iter().map(|&i| values[i].clone()).collect();
            // Whether it succeeds does not matter; that errors of arguments name a parameter does.
            if let Err(error) = call(name, &args, &ctx) {
                assert!(!error.detail(name).is_empty());
                if error.kind == FuncErrorKind::Argument {
                    assert!(error.parameter.is_some(), "{name}: {error:?}");
                }
            }
        };
        try_all(&[]);
        for &a in &rooms {
            try_all(&[a]);
            for &b in &rooms {
                try_all(&[a, b]);
                // Of all triples a share that covers every pair of neighbours.
                try_all(&[a, b, (a * 7 + b * 3) % rooms.len()]);
            }
        }
    }
}

#[test]
fn names_are_found_with_their_namespace_and_near_ones_are_suggested() {
    let ctx = context(None);
    assert_eq!(call("core::upper", &[text("a")], &ctx), Ok(text("A")));
    let error = call("uper", &[], &ctx).unwrap_err();
    assert_eq!(error.detail("uper"), "There is no function named \"uper\". Did you mean \"upper\"?");
}

#[test]
fn signatures_tell_parameters_and_result() {
    let substr = signature("substr").unwrap();
    assert_eq!(substr.parameters.iter().map(|p| p.name).collect::<Vec<_>>(), ["str", "offset", "length"]);
    assert_eq!(substr.returns, Type::String);
    assert!(signature("merge").unwrap().variadic.is_some());
    assert!(signature("nosuch").is_none());
}

#[test]
fn what_differs_from_call_to_call_is_known_only_while_applying() {
    let now = "2026-10-01T12:00:00Z";
    let (planning, applying) = (context(None), context(Some(now)));
    assert_eq!(call("timestamp", &[], &applying), Ok(text(now)));
    for (name, args) in
        [("timestamp", vec![]), ("uuid", vec![]), ("bcrypt", vec![text("x"), Value::number(4)])]
    {
        assert_eq!(call(name, &args, &planning), Ok(Value::unknown_not_null(Type::String)), "{name}");
    }
    let id = call("uuid", &[], &applying).unwrap();
    assert_eq!(id.as_str().map(str::len), Some(36));
    assert_ne!(call("uuid", &[], &applying).unwrap(), id);
    let hash = call("bcrypt", &[text("x"), Value::number(4)], &applying).unwrap();
    let hash = hash.as_str().unwrap();
    assert!(hash.starts_with("$2a$04$"), "{hash}");
    assert!(bcrypt::verify("x", hash).unwrap());
}

#[test]
fn what_was_encrypted_for_a_key_is_decrypted() {
    use base64::Engine;
    use rsa::pkcs1::EncodeRsaPrivateKey;

    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
    let pem = key.to_pkcs1_pem(rsa::pkcs8::LineEnding::LF).unwrap();
    let sealed =
        key.to_public_key().encrypt(&mut rsa::rand_core::OsRng, rsa::Pkcs1v15Encrypt, b"open").unwrap();
    let sealed = text(&super::encoding::BASE64.encode(sealed));
    let ctx = context(None);
    assert_eq!(call("rsadecrypt", &[sealed, text(&pem)], &ctx), Ok(text("open")));
}

#[test]
fn the_home_directory_and_the_working_directory_come_from_the_context() {
    let ctx = context(None);
    assert_eq!(call("pathexpand", &[text("~/x")], &ctx), Ok(text("/home/someone/x")));
    assert_eq!(call("abspath", &[text("a/../b")], &ctx), Ok(text("/work/b")));
}

/// A provider that other people wrote, with functions that do as they are named.
struct Theirs(BTreeMap<&'static str, Function>);

impl FunctionSource for Theirs {
    fn declaration(&self, name: &str) -> Option<&Function> {
        self.0.get(name)
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, FunctionError> {
        match name {
            "join" => Ok(Value::string(args.iter().filter_map(Value::as_str).collect::<String>())),
            "lie" => Ok(Value::empty_object()),
            "show" => Ok(text(if args[0].is_null() { "null" } else { "unknown" })),
            "blame" => Err(FunctionError::argument(1, "is bad")),
            "blame_none" => Err(FunctionError::argument(7, "is bad")),
            _ => Err(FunctionError::failed("is broken")),
        }
    }
}

/// A context with `theirs`, `ours` (Terraform's own functions) and `absent`.
fn with_providers() -> FuncContext {
    let string = |name| Parameter::new(name, Type::String);
    let two = || Function::new([string("first"), string("second")], Type::String);
    let joining =
        Function { variadic: Some(string("more")), ..Function::new([string("first")], Type::String) };
    let all = Parameter { nullable: true, ..string("value").allow_unknown() };
    let theirs: Arc<dyn FunctionSource> = Arc::new(Theirs(BTreeMap::from([
        ("join", joining),
        ("lie", Function::new([], Type::Bool)),
        ("show", Function::new([all], Type::String)),
        ("blame", two()),
        ("blame_none", two()),
        ("fail", two()),
    ])));
    let required = |source: ProviderSource| RequiredProvider {
        source,
        version: None,
        configuration_aliases: Vec::new(),
        span: Span::new(SourceId(0), 0, 0),
    };
    let module = Module {
        required_providers: BTreeMap::from([
            ("theirs".into(), required(ProviderSource::implied("theirs"))),
            ("ours".into(), required(ProviderSource::built_in("terraform"))),
            ("absent".into(), required(ProviderSource::implied("absent"))),
        ]),
        ..Module::default()
    };
    let providers =
        ProviderFunctions::of(&module, |source| (&*source.name == "theirs").then(|| theirs.clone()));
    FuncContext { providers, ..context(None) }
}

#[test]
fn functions_of_providers_that_do_not_exist_are_explained_in_the_words_of_terraform() {
    let ctx = with_providers();
    for (name, want) in [
        (
            "provider::foo::bar",
            "There is no function named \"provider::foo::bar\". Ensure that provider name \"foo\" is declared in this \
             module's required_providers block, and that this provider offers a function named \"bar\".",
        ),
        (
            "provider::ours::x::encode_expr",
            "There is no function named \"provider::ours::x::encode_expr\". Ensure that provider name \"ours\" is \
             declared in this module's required_providers block, and that this provider offers a function named \
             \"encode_expr\".",
        ),
        ("provider::ours::nosuch", "The function \"nosuch\" is not available from the provider \"ours\"."),
        (
            "provider::ours",
            "The function call must include the provider name after the \"provider::\" prefix.",
        ),
        (
            "foo::bar",
            "The function namespace \"foo\" is not valid. Provider function calls must use the \"provider::\" namespace \
             prefix.",
        ),
        (
            "core::nosuch",
            "The function namespace \"core\" is not valid. Provider function calls must use the \"provider::\" \
             namespace prefix.",
        ),
        (
            "provider::absent::f",
            "The function \"f\" is of the provider \"absent\", which is registry.terraform.io/hashicorp/absent and not \
             part of this version of Ferroform.",
        ),
    ] {
        let error = call(name, &[], &ctx).unwrap_err();
        assert_eq!((error.summary(), error.detail(name).as_str()), ("Unknown provider function", want));
    }
}

#[test]
fn a_provider_sees_arguments_as_it_declares_them() {
    let ctx = with_providers();
    let secret = text("b").sensitive();
    let marks = ferroform_core::Marks::SENSITIVE;
    let unknown = Value::unknown(Type::String);
    for (name, args, want) in [
        ("join", vec![text("a"), Value::number(1), Value::bool(true)], text("a1true")),
        ("join", vec![text("a"), secret.clone()], text("ab").sensitive()),
        ("join", vec![secret.clone(), unknown.clone()], unknown.clone().with_marks(marks)),
        ("show", vec![unknown], text("unknown")),
        ("show", vec![Value::null(Type::String)], text("null")),
    ] {
        assert_eq!(call(&format!("provider::theirs::{name}"), &args, &ctx), Ok(want), "{name} {args:?}");
    }
}

#[test]
fn what_is_wrong_with_a_call_of_a_provider_is_told_of_the_argument_that_it_is_about() {
    let ctx = with_providers();
    let (a, null) = (text("a"), Value::null(Type::String));
    for (name, args, summary, detail) in [
        (
            "join",
            vec![],
            "Not enough function arguments",
            "Function \"provider::theirs::join\" expects at least 1 argument(s). Missing value for \"first\".",
        ),
        (
            "blame",
            vec![a.clone(), a.clone(), a.clone()],
            "Too many function arguments",
            "Function \"provider::theirs::blame\" expects only 2 argument(s).",
        ),
        (
            "join",
            vec![a.clone(), a.clone(), Value::tuple([])],
            "Invalid function argument",
            "Invalid value for \"more\" parameter: string required.",
        ),
        (
            "blame",
            vec![a.clone(), null],
            "Invalid function argument",
            "Invalid value for \"second\" parameter: argument must not be null.",
        ),
        (
            "blame",
            vec![a.clone(), a.clone()],
            "Invalid function argument",
            "Invalid value for \"second\" parameter: is bad.",
        ),
        (
            "blame_none",
            vec![a.clone(), a.clone()],
            "Error in function call",
            "Call to function \"provider::theirs::blame_none\" failed: is bad.",
        ),
        (
            "fail",
            vec![a.clone(), a.clone()],
            "Error in function call",
            "Call to function \"provider::theirs::fail\" failed: is broken.",
        ),
        (
            "lie",
            vec![],
            "Error in function call",
            "Call to function \"provider::theirs::lie\" failed: the provider gave a value of another type than it \
             declares: bool required.",
        ),
    ] {
        let name = format!("provider::theirs::{name}");
        let error = call(&name, &args, &ctx).unwrap_err();
        assert_eq!((error.summary(), error.detail(&name).as_str()), (summary, detail), "{args:?}");
    }
}

#[test]
fn a_text_that_is_no_tfvars_file_is_explained_with_its_line() {
    let ctx = with_providers();
    for (source, want) in [
        (
            "a = 1\nb = c",
            "invalid expression for variable \"b\": <decode_tfvars argument>:2,5-6: Variables not allowed; Variables may \
             not be used here",
        ),
        (
            "a {}",
            "invalid tfvars content: <decode_tfvars argument>:1,1-2: Unexpected \"a\" block; Blocks are not allowed here",
        ),
    ] {
        let error = call("provider::ours::decode_tfvars", &[text(source)], &ctx).unwrap_err();
        assert_eq!(error.message, want);
    }
    let deep = (0..150).fold(Value::number(1), |inner, _| Value::tuple([inner]));
    let error = call("provider::ours::encode_expr", &[deep], &ctx).unwrap_err();
    assert_eq!(error.message, "invalid value to encode: it is nested more than 100 levels deep");
}
