//! Digests, UUIDs and secrets.

use base64::Engine;
use ferroform_core::{Type, Value};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use super::driver::arg::{integer, text};
use super::driver::{Function, Param, Ty};
use super::encoding::{BASE64, from_base64};
use super::{FuncContext, FuncError};

type Result = std::result::Result<Value, FuncError>;

const STR: Param = Param::new("str", Ty::String);

const fn of_text(name: &'static str, run: super::driver::Run) -> Function {
    Function::new(name, &[STR], Ty::String, run)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_text("md5", |args, _| Ok(hex::<Md5>(text(args, 0).as_bytes()))),
    of_text("sha1", |args, _| Ok(hex::<Sha1>(text(args, 0).as_bytes()))),
    of_text("sha256", |args, _| Ok(hex::<Sha256>(text(args, 0).as_bytes()))),
    of_text("sha512", |args, _| Ok(hex::<Sha512>(text(args, 0).as_bytes()))),
    of_text("base64sha256", |args, _| Ok(in_base64::<Sha256>(text(args, 0).as_bytes()))),
    of_text("base64sha512", |args, _| Ok(in_base64::<Sha512>(text(args, 0).as_bytes()))),
    Function::new(
        "uuidv5",
        &[Param::new("namespace", Ty::String), Param::new("name", Ty::String)],
        Ty::String,
        uuidv5,
    ),
    Function::new("uuid", &[], Ty::String, |_, ctx| {
        Ok(match ctx.present_time {
            Some(_) => Value::string(Uuid::new_v4().to_string()),
            None => Value::unknown(Type::String),
        })
    }),
    of_text("bcrypt", bcrypt).variadic(Param::new("cost", Ty::Number)),
    Function::new(
        "rsadecrypt",
        &[Param::new("ciphertext", Ty::String), Param::new("privatekey", Ty::String)],
        Ty::String,
        rsadecrypt,
    ),
];

/// The digest in hexadecimal digits.
pub(super) fn hex<D: Digest>(content: &[u8]) -> Value {
    Value::string(D::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The digest in base64.
pub(super) fn in_base64<D: Digest>(content: &[u8]) -> Value {
    Value::string(BASE64.encode(D::digest(content)))
}

fn uuidv5(args: &[Value], _: &FuncContext) -> Result {
    let namespace = match text(args, 0) {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => Uuid::parse_str(other).map_err(|_| {
            FuncError::failed(
                "uuidv5() doesn't support namespace; use \"dns\", \"url\", \"oid\", \"x500\" or a UUID",
            )
        })?,
    };
    let digest = Sha1::new().chain_update(namespace.as_bytes()).chain_update(text(args, 1)).finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    let id = uuid::Builder::from_sha1_bytes(bytes).into_uuid();
    Ok(Value::string(id.to_string()))
}

/// A salted hash: different each time, so that it is not known while planning.
fn bcrypt(args: &[Value], ctx: &FuncContext) -> Result {
    const DEFAULT_COST: u32 = 10;
    if args.len() > 2 {
        return Err(FuncError::failed("bcrypt() takes no more than two arguments"));
    }
    if ctx.present_time.is_none() {
        return Ok(Value::unknown(Type::String));
    }
    let cost = if args.len() == 2 { u32::try_from(integer(args, 1)?).ok() } else { Some(DEFAULT_COST) };
    let cost = cost
        .filter(|cost| (4..=31).contains(cost))
        .ok_or_else(|| FuncError::failed("the cost must be a whole number from 4 to 31"))?;
    let password = text(args, 0);
    if password.len() > 72 {
        return Err(FuncError::failed("bcrypt: password length exceeds 72 bytes"));
    }
    let hash = bcrypt::hash_with_result(password, cost)
        .map_err(|e| FuncError::failed(format!("error occurred generating password {e}")))?;
    Ok(Value::string(hash.format_for_version(bcrypt::Version::TwoA)))
}

/// Decrypts what was encrypted with PKCS #1 v1.5 padding for an RSA key in PEM form.
fn rsadecrypt(args: &[Value], _: &FuncContext) -> Result {
    use rsa::pkcs1::DecodeRsaPrivateKey;
    use rsa::pkcs8::DecodePrivateKey;

    let bad_key = || FuncError::argument(1, "failed to parse key: no RSA private key in PEM form found");
    let ciphertext = from_base64(text(args, 0))
        .map_err(|_| FuncError::argument(0, "failed to decode input: cipher text must be base64-encoded"))?;
    let pem = text(args, 1);
    let key = rsa::RsaPrivateKey::from_pkcs1_pem(pem)
        .or_else(|_| rsa::RsaPrivateKey::from_pkcs8_pem(pem).map_err(|_| ()))
        .map_err(|()| bad_key())?;
    let decrypted = key
        .decrypt(rsa::Pkcs1v15Encrypt, &ciphertext)
        .map_err(|_| FuncError::failed("failed to decrypt: the ciphertext does not belong to the key"))?;
    match std::str::from_utf8(&decrypted) {
        Ok(decrypted) => Ok(Value::string_normalised(decrypted)),
        Err(_) => Err(FuncError::failed("the decrypted value is not valid UTF-8")),
    }
}
