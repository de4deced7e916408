//! Keys as OpenSSH writes them: the public key blob of RFC 4253, section 6.6, RFC 5656, section 3.1, and RFC 8709,
//! section 4; the private key file as OpenSSH's PROTOCOL.key describes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};

use super::key::KeyPair;

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
    let mut file = Wire(b"openssh-key-v1\0".to_vec());
    file.string("none").string("none").string("").number(1).string(&public.blob).string(&secret.0);
    Some(file.0)
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
