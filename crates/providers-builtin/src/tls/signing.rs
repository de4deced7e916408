//! Signatures of certificates and requests, with the algorithm that fits the key.

use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::hazmat::RandomizedPrehashSigner as _;
use pkcs8::ObjectIdentifier;
use rand_chacha::ChaCha20Rng;
use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::der::Any;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::ec::{Curve, EcKey};
use super::key::{KeyError, KeyPair};

/// sha256WithRSAEncryption (RFC 8017, appendix A.2.4).
pub(super) const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
/// ecdsa-with-SHA256, -SHA384 and -SHA512 (RFC 5758, section 3.2).
pub(super) const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub(super) const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
pub(super) const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

/// The DER before a SHA-256 digest in a PKCS #1 signature (RFC 8017, section 9.2, note 1).
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// The algorithm with which the key signs.
pub(super) fn algorithm(pair: &KeyPair) -> AlgorithmIdentifierOwned {
    let (oid, parameters) = match pair {
        KeyPair::Rsa(_) => (SHA256_WITH_RSA, Some(Any::null())),
        KeyPair::Ec(key) => match key.curve {
            Curve::P224 | Curve::P256 => (ECDSA_WITH_SHA256, None),
            Curve::P384 => (ECDSA_WITH_SHA384, None),
            Curve::P521 => (ECDSA_WITH_SHA512, None),
        },
        KeyPair::Ed25519(_) => (super::key::ED25519, None),
    };
    AlgorithmIdentifierOwned { oid, parameters }
}

/// The signature of a message.
pub(super) fn sign(pair: &KeyPair, message: &[u8], rng: &mut ChaCha20Rng) -> Result<Vec<u8>, KeyError> {
    match pair {
        KeyPair::Rsa(key) => {
            let padding = Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256_PREFIX.into() };
            key.sign_with_rng(rng, padding, &Sha256::digest(message)).map_err(KeyError::of)
        }
        KeyPair::Ec(key) => sign_ec(key, message, rng).map_err(KeyError::of),
        KeyPair::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
    }
}

fn sign_ec(
    key: &EcKey,
    message: &[u8],
    rng: &mut ChaCha20Rng,
) -> Result<Vec<u8>, p256::ecdsa::signature::Error> {
    let scalar = &key.scalar;
    match key.curve {
        Curve::P224 => p224::ecdsa::SigningKey::from_slice(scalar)?
            .sign_prehash_with_rng(rng, &Sha256::digest(message))
            .map(|signature: p224::ecdsa::Signature| signature.to_der().as_bytes().to_vec()),
        Curve::P256 => p256::ecdsa::SigningKey::from_slice(scalar)?
            .sign_prehash_with_rng(rng, &Sha256::digest(message))
            .map(|signature: p256::ecdsa::Signature| signature.to_der().as_bytes().to_vec()),
        Curve::P384 => p384::ecdsa::SigningKey::from_slice(scalar)?
            .sign_prehash_with_rng(rng, &Sha384::digest(message))
            .map(|signature: p384::ecdsa::Signature| signature.to_der().as_bytes().to_vec()),
        Curve::P521 => p521::ecdsa::SigningKey::from_slice(scalar)?
            .sign_prehash_with_rng(rng, &Sha512::digest(message))
            .map(|signature: p521::ecdsa::Signature| signature.to_der().as_bytes().to_vec()),
    }
}
