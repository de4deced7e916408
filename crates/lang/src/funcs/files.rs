//! Files and their paths.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use base64::Engine;
use ferroform_core::convert::convert;
use ferroform_core::{Type, Value};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::driver::arg::text;
use super::driver::{Function, Param, Ty};
use super::encoding::BASE64;
use super::hash::{hex, in_base64};
use super::{FuncContext, FuncError};

mod glob;

type Result<T = Value> = std::result::Result<T, FuncError>;

const PATH: Param = Param::new("path", Ty::String);
const VARS: Param = Param::new("vars", Ty::Any);

const fn of_path(name: &'static str, run: super::driver::Run) -> Function {
    Function::new(name, &[PATH], Ty::String, run)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_path("file", |args, ctx| {
        read_text(text(args, 0), ctx).map(|content| Value::string_normalised(&content))
    }),
    Function::new("fileexists", &[PATH], Ty::Bool, fileexists),
    of_path("filebase64", |args, ctx| Ok(Value::string(BASE64.encode(read(text(args, 0), ctx)?)))),
    of_path("filemd5", |args, ctx| digest(args, ctx, hex::<Md5>)),
    of_path("filesha1", |args, ctx| digest(args, ctx, hex::<Sha1>)),
    of_path("filesha256", |args, ctx| digest(args, ctx, hex::<Sha256>)),
    of_path("filesha512", |args, ctx| digest(args, ctx, hex::<Sha512>)),
    of_path("filebase64sha256", |args, ctx| digest(args, ctx, in_base64::<Sha256>)),
    of_path("filebase64sha512", |args, ctx| digest(args, ctx, in_base64::<Sha512>)),
    Function::new("fileset", &[PATH, Param::new("pattern", Ty::String)], Ty::Set(&Ty::String), fileset),
    of_path("abspath", |args, ctx| Ok(path_value(&clean(&ctx.working_dir.join(text(args, 0)))))),
    of_path("basename", |args, _| Ok(Value::string_normalised(base(text(args, 0))))),
    of_path("dirname", |args, _| Ok(path_value(&dir(text(args, 0))))),
    of_path("pathexpand", |args, ctx| {
        Ok(path_value(&expand(text(args, 0), ctx).map_err(FuncError::failed)?))
    }),
    Function::new("templatefile", &[PATH, VARS], Ty::Any, templatefile).returns_by(check_vars_type),
    Function::new("templatestring", &[Param::new("template", Ty::String), VARS], Ty::String, templatestring),
];

/// How a path is shown in a message.
fn shown(path: &str) -> String {
    format!("{path:?}")
}

fn path_value(path: &Path) -> Value {
    Value::string_normalised(&path.to_string_lossy())
}

/// A leading `~` stands for the home directory.
fn expand(path: &str, ctx: &FuncContext) -> std::result::Result<PathBuf, String> {
    let Some(rest) = path.strip_prefix('~') else { return Ok(PathBuf::from(path)) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err("cannot expand user-specific home dir".to_owned());
    }
    let home = ctx.home.as_deref().ok_or("cannot expand ~: the home directory is not known")?;
    Ok(match rest.trim_start_matches('/') {
        "" => home.to_path_buf(),
        rest => home.join(rest),
    })
}

fn read(path: &str, ctx: &FuncContext) -> Result<Vec<u8>> {
    let fail = |message: String| FuncError::argument(0, message);
    let expanded = expand(path, ctx).map_err(|e| fail(format!("failed to expand ~: {e}")))?;
    ctx.files.read(&clean(&expanded)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => fail(format!(
            "no file exists at {}; this function works only with files that are distributed as part of the \
             configuration source code, so if this file will be created by a resource in this configuration you must \
             instead obtain this result from an attribute of that resource",
            shown(path)
        )),
        _ => fail(format!("failed to read {}: {error}", shown(path))),
    })
}

fn read_text(path: &str, ctx: &FuncContext) -> Result<String> {
    String::from_utf8(read(path, ctx)?).map_err(|_| {
        FuncError::failed(format!(
            "contents of {} are not valid UTF-8; use the filebase64 function to obtain the Base64 encoded contents or \
             the other file functions (e.g. filemd5, filesha256) to obtain file hashing results instead",
            shown(path)
        ))
    })
}

fn digest(args: &[Value], ctx: &FuncContext, show: fn(&[u8]) -> Value) -> Result {
    let content = read(text(args, 0), ctx).map_err(|e| FuncError::failed(e.message))?;
    Ok(show(&content))
}

fn fileexists(args: &[Value], ctx: &FuncContext) -> Result {
    let path = text(args, 0);
    let expanded = clean(&expand(path, ctx).map_err(FuncError::failed)?);
    if ctx.files.is_file(&expanded) {
        return Ok(Value::bool(true));
    }
    if ctx.files.list(&expanded).is_ok() {
        return Err(FuncError::failed(format!("{} is a directory, not a file", shown(path))));
    }
    Ok(Value::bool(false))
}

fn fileset(args: &[Value], ctx: &FuncContext) -> Result {
    let (path, pattern) = (text(args, 0), text(args, 1));
    let expanded = expand(path, ctx).map_err(|e| FuncError::failed(format!("failed to expand ~: {e}")))?;
    let found: BTreeSet<String> = glob::find(&*ctx.files, &clean(&expanded), pattern)
        .map_err(|e| FuncError::failed(format!("failed to glob pattern {}: {e}", shown(pattern))))?;
    Ok(Value::set(Type::String, found.iter().map(|path| Value::string_normalised(path))))
}

/// The shortest path that means the same by its names alone: no `.`, no `..` behind a name, no double slash.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => out.push(".."),
            },
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

/// The last name of a path.
fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

/// Everything before the last slash.
fn dir(path: &str) -> PathBuf {
    match path.rsplit_once('/') {
        None => PathBuf::from("."),
        Some((before, _)) => clean(Path::new(&format!("{before}/"))),
    }
}

fn check_vars_type(args: &[Value]) -> Result<Type> {
    match args[1].ty() {
        Type::Object(_) | Type::Map(_) | Type::Dynamic => Ok(Type::Dynamic),
        _ => Err(FuncError::argument(1, "invalid vars value: must be a map")),
    }
}

/// The variables must have names that a template can use.
fn check_vars(args: &[Value]) -> Result<()> {
    check_vars_type(args)?;
    for name in args[1].as_map().into_iter().flat_map(|vars| vars.keys()) {
        let mut chars = name.chars();
        let starts_well = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if !starts_well || !chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            let message = format!(
                "invalid template variable name {name:?}: must start with a letter, followed by zero or more letters, \
                 digits, and underscores"
            );
            return Err(FuncError::argument(1, message));
        }
    }
    Ok(())
}

fn render(text: &str, name: &str, vars: &Value, ctx: &FuncContext) -> Result {
    let inner = FuncContext { in_template: true, ..ctx.clone() };
    (ctx.template)(text, name, vars, &inner)
}

fn templatefile(args: &[Value], ctx: &FuncContext) -> Result {
    if ctx.in_template {
        return Err(FuncError::failed(
            "cannot recursively call templatefile from inside another template function",
        ));
    }
    check_vars(args)?;
    let path = text(args, 0);
    let template = read_text(path, ctx)?;
    let rendered = render(&template, path, &args[1], ctx)?;
    not_null(rendered)
}

fn not_null(rendered: Value) -> Result {
    if rendered.is_null() {
        return Err(FuncError::failed("the template result is null, which cannot be used"));
    }
    Ok(rendered)
}

fn templatestring(args: &[Value], ctx: &FuncContext) -> Result {
    if ctx.in_template {
        return Err(FuncError::failed(
            "cannot recursively call templatestring from inside another template function",
        ));
    }
    check_vars(args)?;
    let template = text(args, 0);
    let mut sources = ferroform_core::Sources::new();
    let source = sources.add("<templatestring argument>", template);
    let (_, problems) = ferroform_hcl::parse_template(source, template).into_parts();
    if let Some(problem) = problems.iter().find(|d| d.is_error()) {
        let message =
            format!("invalid template: {}; {}", problem.summary, problem.detail.trim_end_matches('.'));
        return Err(FuncError::argument(0, message));
    }
    let rendered = render(template, "<templatestring argument>", &args[1], ctx)?;
    let result = convert(&rendered, &Type::String)
        .map_err(|e| FuncError::failed(format!("invalid template result: {}", e.message)))?;
    not_null(result)
}
