//! Keys as OpenSSH writes them: the public key blob of RFC 4253, section 6.6, RFC 5656, section 3.1, and RFC 8709,
//! section 4; the private key file as OpenSSH's PROTOCOL.key describes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, RsaPrivateKey};

use super::ec::{Curve, EcKey};
use super::key::{KeyError, KeyPair};
use super::pem;

/// What a private key file begins with.
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// A public key.
pub(super) struct PublicKey {
    /// The name of its kind.
    name: String,
    /// The key in the form that is signed, sent and hashed.
    pub(super) blob: Vec<u8>,
}

impl PublicKey {
    /// A line of `authorized_keys`, with its end.
    pub(super) fn authorized_key(&self) -> String {
        format!("{} {}\n", self.name, STANDARD.encode(&self.blob))
    }
}

/// A buffer of SSH's data types (RFC 4251, section 5).
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    fn number(&mut self, number: u32) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn string(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        // Keys are some kilobytes at most.
        self.number(bytes.len() as u32).0.extend(bytes);
        self
    }

    /// A number that is not negative, from its big-endian bytes: no leading zeros but the one that tells the sign.
    fn mpint(&mut self, bytes: &[u8]) -> &mut Self {
        let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
        let digits = &bytes[start..];
        if digits.first().is_some_and(|b| *b >= 0x80) {
            return self.string([&[0], digits].concat());
        }
        self.string(digits)
    }
}

/// The public key; none for a curve that SSH does not have.
pub(super) fn public(pair: &KeyPair) -> Option<PublicKey> {
    let mut wire = Wire::default();
    let name = match pair {
        KeyPair::Rsa(key) => {
            wire.string("ssh-rsa").mpint(&key.e().to_bytes_be()).mpint(&key.n().to_bytes_be());
            "ssh-rsa".to_owned()
        }
        KeyPair::Ec(key) => {
            let curve = key.curve.ssh_name()?;
            let name = format!("ecdsa-sha2-{curve}");
            wire.string(&name).string(curve).string(&key.point);
            name
        }
        KeyPair::Ed25519(key) => {
            wire.string("ssh-ed25519").string(key.verifying_key().as_bytes());
            "ssh-ed25519".to_owned()
        }
    };
    Some(PublicKey { name, blob: wire.0 })
}

/// The private key file's content, not encrypted and without comment; none for a curve that SSH does not have, or an
/// RSA key without its coefficient. `check` is an arbitrary number by which a reader sees that decryption worked.
pub(super) fn private(pair: &KeyPair, check: u32) -> Option<Vec<u8>> {
    let public = public(pair)?;
    let mut secret = Wire::default();
    secret.number(check).number(check).string(&public.name);
    match pair {
        KeyPair::Rsa(key) => {
            let [p, q, ..] = key.primes() else { return None };
            let coefficient = key.crt_coefficient()?;
            for number in [key.n(), key.e(), key.d(), &coefficient, p, q] {
                secret.mpint(&number.to_bytes_be());
            }
        }
        KeyPair::Ec(key) => {
            secret.string(key.curve.ssh_name()?).string(&key.point).mpint(&key.scalar);
        }
        KeyPair::Ed25519(key) => {
            secret.string(key.verifying_key().as_bytes()).string(key.to_keypair_bytes());
        }
    }
    const COMMENT: &str = "";
    secret.string(COMMENT);
    // Padding to the cipher's block, which is 8 bytes where there is no cipher.
    for byte in (1..=7).take((8 - secret.0.len() % 8) % 8) {
        secret.0.push(byte);
    }
    let mut file = Wire(MAGIC.to_vec());
    file.string("none").string("none").string("").number(1).string(&public.blob).string(&secret.0);
    Some(file.0)
}

/// Takes SSH's data types off the front of what is left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    fn mpint(&mut self) -> Option<BigUint> {
        self.string().map(BigUint::from_bytes_be)
    }
}

/// Reads a private key file that has no passphrase.
pub(super) fn read(text: &str) -> Result<KeyPair, KeyError> {
    let (_, file) = pem::decode(text)
        .filter(|(label, _)| *label == "OPENSSH PRIVATE KEY")
        .ok_or_else(|| KeyError::of("it is not PEM of OpenSSH"))?;
    let broken = || KeyError::of("the file is damaged");
    let mut outer = Reader(file.strip_prefix(MAGIC).ok_or_else(broken)?);
    let cipher = outer.string().ok_or_else(broken)?;
    if cipher != b"none" {
        return Err(KeyError::of("it has a passphrase; remove it with \"ssh-keygen -p\""));
    }
    let mut inner = || {
        let (_kdf, _options, count, _public) =
            (outer.string()?, outer.string()?, outer.number()?, outer.string()?);
        let secret = outer.string()?;
        (count == 1).then_some(secret)
    };
    private_part(inner().ok_or_else(broken)?).ok_or_else(broken)?
}

/// The part that a passphrase would hide. None when it is damaged.
fn private_part(secret: &[u8]) -> Option<Result<KeyPair, KeyError>> {
    let mut secret = Reader(secret);
    if secret.number()? != secret.number()? {
        return None;
    }
    let name = secret.string()?;
    if name == b"ssh-rsa" {
        let (n, e, d) = (secret.mpint()?, secret.mpint()?, secret.mpint()?);
        let (_coefficient, p, q) = (secret.mpint()?, secret.mpint()?, secret.mpint()?);
        let key = RsaPrivateKey::from_components(n, e, d, vec![p, q]);
        return Some(key.map(|key| KeyPair::Rsa(Box::new(key))).map_err(KeyError::of));
    }
    if name == b"ssh-ed25519" {
        let (_public, pair) = (secret.string()?, secret.string()?);
        let seed: [u8; 32] = pair.get(..32)?.try_into().ok()?;
        return Some(Ok(KeyPair::Ed25519(Box::new(SigningKey::from_bytes(&seed)))));
    }
    let curve = Curve::ALL
        .into_iter()
        .find(|curve| curve.ssh_name().is_some_and(|curve| name == format!("ecdsa-sha2-{curve}").as_bytes()));
    let Some(curve) = curve else { return Some(Err(KeyError::of("its kind is not known"))) };
    let (_curve, point, scalar) = (secret.string()?, secret.string()?, secret.string()?);
    // A number has no leading zeros, but one where its sign needs it; the scalar is as long as a coordinate.
    let start = scalar.iter().position(|byte| *byte != 0)?;
    let digits = scalar.get(start..)?;
    let length = point.len().checked_sub(1)? / 2;
    let mut padded = vec![0; length.checked_sub(digits.len())?];
    padded.extend(digits);
    EcKey::from_scalar(curve, &padded).map(|key| Ok(KeyPair::Ec(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 4251, section 5.
    #[test]
    fn numbers_are_written_as_the_standard_shows() {
        let cases: [(&[u8], &[u8]); 3] = [
            (&[0], &[0, 0, 0, 0]),
            (
                &[0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
                &[0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
            ),
            (&[0x80], &[0, 0, 0, 2, 0, 0x80]),
        ];
        for (number, expected) in cases {
            assert_eq!(Wire::default().mpint(number).0, expected);
            assert_eq!(Wire::default().mpint(&[&[0, 0], number].concat()).0, expected, "with leading zeros");
        }
    }
}
