//! What no recording of plans can show: functions while applying, and that nothing makes any of them panic.

use std::path::PathBuf;
use std::sync::Arc;

use ferroform_core::value::Refinements;
use ferroform_core::{Number, Type, Value};

use super::{FuncContext, FuncErrorKind, call, names, signature};
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
    let ctx = context(None);
    let rooms: Vec<usize> = (0..values.len()).collect();
    for name in names() {
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
    assert_eq!(call("x::upper", &[], &ctx).unwrap_err().summary(), "Unknown provider function");
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
