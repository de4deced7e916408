//! Key pairs and the forms they are written in.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ed25519_dalek::SigningKey;
use md5::Md5;
use pkcs8::der::asn1::{BitStringRef, OctetStringRef};
use pkcs8::der::{AnyRef, Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use sec1::{EcParameters, EcPrivateKey};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::ec::{Curve, EcKey};
use super::{openssh, pem};
use crate::values::hex;

/// id-ecPublicKey (RFC 5480, section 2.1.1).
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// id-Ed25519 (RFC 8410, section 3).
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// rsaEncryption (RFC 8017, appendix A.1).
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A key pair.
pub(super) enum KeyPair {
    Rsa(Box<RsaPrivateKey>),
    Ec(EcKey),
    Ed25519(Box<SigningKey>),
}

/// What kind of key to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// With a modulus of so many bits.
    Rsa(usize),
    /// On a curve.
    Ecdsa(Curve),
    Ed25519,
}

/// Why a key could not be made, read or written.
#[derive(Debug)]
pub(super) struct KeyError(String);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyError {
    /// An error of one of the libraries, whose texts are short and name no key material.
    pub(super) fn of(error: impl fmt::Display) -> Self {
        KeyError(error.to_string())
    }
}

/// All forms of a key pair. Those of SSH are empty for a curve that SSH does not have.
pub(super) struct Forms {
    pub(super) private_pem: String,
    pub(super) private_pkcs8: String,
    pub(super) private_openssh: String,
    pub(super) public_pem: String,
    pub(super) public_openssh: String,
    pub(super) md5: String,
    pub(super) sha256: String,
    /// The SHA-1 of the public key's DER in hexadecimal digits.
    pub(super) id: String,
}

impl KeyPair {
    /// A new key pair.
    pub(super) fn generate(algorithm: Algorithm, rng: &mut ChaCha20Rng) -> Result<KeyPair, KeyError> {
        Ok(match algorithm {
            Algorithm::Rsa(bits) => {
                KeyPair::Rsa(Box::new(RsaPrivateKey::new(rng, bits).map_err(KeyError::of)?))
            }
            Algorithm::Ecdsa(curve) => KeyPair::Ec(EcKey::generate(curve, rng)),
            Algorithm::Ed25519 => {
                let mut seed = [0; 32];
                rng.fill_bytes(&mut seed);
                KeyPair::Ed25519(Box::new(SigningKey::from_bytes(&seed)))
            }
        })
    }

    /// The kind of key, by the name that configuration uses.
    pub(super) fn algorithm_name(&self) -> &'static str {
        match self {
            KeyPair::Rsa(_) => "RSA",
            KeyPair::Ec(_) => "ECDSA",
            KeyPair::Ed25519(_) => "ED25519",
        }
    }

    /// The key pair of a private key in PEM: PKCS #1, SEC 1 or PKCS #8.
    pub(super) fn from_pem(text: &str) -> Result<KeyPair, KeyError> {
        let (label, der) = pem::decode(text).ok_or_else(|| KeyError("it is not PEM".into()))?;
        match label {
            "RSA PRIVATE KEY" => {
                Ok(KeyPair::Rsa(Box::new(RsaPrivateKey::from_pkcs1_der(&der).map_err(KeyError::of)?)))
            }
            "EC PRIVATE KEY" => {
                let key = EcPrivateKey::from_der(&der).map_err(KeyError::of)?;
                ec(key.parameters.and_then(EcParameters::named_curve), key.private_key)
            }
            "PRIVATE KEY" => Self::from_pkcs8(&der),
            other => Err(KeyError(format!("{other:?} is not a private key that can be read"))),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<KeyPair, KeyError> {
        let info = PrivateKeyInfo::from_der(der).map_err(KeyError::of)?;
        if info.algorithm.oid == RSA {
            return Ok(KeyPair::Rsa(Box::new(RsaPrivateKey::from_pkcs8_der(der).map_err(KeyError::of)?)));
        }
        if info.algorithm.oid == ED25519 {
            let seed = OctetStringRef::from_der(info.private_key).map_err(KeyError::of)?;
            let seed = seed.as_bytes().try_into().map_err(KeyError::of)?;
            return Ok(KeyPair::Ed25519(Box::new(SigningKey::from_bytes(seed))));
        }
        if info.algorithm.oid == EC_PUBLIC_KEY {
            let curve = info.algorithm.parameters_oid().map_err(KeyError::of)?;
            let key = EcPrivateKey::from_der(info.private_key).map_err(KeyError::of)?;
            return ec(Some(curve), key.private_key);
        }
        Err(KeyError(format!("keys of the algorithm {} cannot be read", info.algorithm.oid)))
    }

    /// Writes the key pair in all forms. The private OpenSSH form holds a random number.
    pub(super) fn forms(&self, rng: &mut ChaCha20Rng) -> Result<Forms, KeyError> {
        let pkcs8 = self.pkcs8()?;
        let private_pem = match self {
            KeyPair::Rsa(key) => {
                pem::encode("RSA PRIVATE KEY", key.to_pkcs1_der().map_err(KeyError::of)?.as_bytes())
            }
            KeyPair::Ec(key) => pem::encode("EC PRIVATE KEY", &sec1(key, true)?),
            // There is no older form for Ed25519.
            KeyPair::Ed25519(_) => pem::encode("PRIVATE KEY", &pkcs8),
        };
        let public = self.public_der()?;
        let ssh = openssh::public(self);
        let (public_openssh, md5, sha256) = match &ssh {
            Some(ssh) => (ssh.authorized_key(), fingerprint_md5(&ssh.blob), fingerprint_sha256(&ssh.blob)),
            None => Default::default(),
        };
        let private_openssh =
            openssh::private(self, rng.next_u32()).map(|der| pem::encode("OPENSSH PRIVATE KEY", &der));
        Ok(Forms {
            private_pem,
            private_pkcs8: pem::encode("PRIVATE KEY", &pkcs8),
            private_openssh: private_openssh.unwrap_or_default(),
            public_pem: pem::encode("PUBLIC KEY", &public),
            public_openssh,
            md5,
            sha256,
            id: hex(&Sha1::digest(&public)),
        })
    }

    fn pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        let encode =
            |algorithm, key: &[u8]| PrivateKeyInfo::new(algorithm, key).to_der().map_err(KeyError::of);
        match self {
            KeyPair::Rsa(key) => Ok(key.to_pkcs8_der().map_err(KeyError::of)?.as_bytes().to_vec()),
            KeyPair::Ec(key) => {
                let curve = key.curve.oid();
                encode(ec_algorithm(&curve), &sec1(key, false)?)
            }
            KeyPair::Ed25519(key) => {
                let seed = key.to_bytes();
                let seed = OctetStringRef::new(&seed).and_then(|s| s.to_der()).map_err(KeyError::of)?;
                encode(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, &seed)
            }
        }
    }

    /// The public key as certificates hold it (RFC 5280, section 4.1.2.7).
    pub(super) fn public_der(&self) -> Result<Vec<u8>, KeyError> {
        let encode = |algorithm, key: &[u8]| {
            let subject_public_key = BitStringRef::from_bytes(key)?;
            SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der()
        };
        match self {
            KeyPair::Rsa(key) => {
                Ok(key.to_public_key().to_public_key_der().map_err(KeyError::of)?.as_bytes().to_vec())
            }
            KeyPair::Ec(key) => {
                let curve = key.curve.oid();
                encode(ec_algorithm(&curve), &key.point).map_err(KeyError::of)
            }
            KeyPair::Ed25519(key) => {
                let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
                encode(algorithm, key.verifying_key().as_bytes()).map_err(KeyError::of)
            }
        }
    }
}

fn ec_algorithm(curve: &ObjectIdentifier) -> AlgorithmIdentifierRef<'_> {
    AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(curve)) }
}

/// The key in SEC 1's form. Inside PKCS #8 the curve is left out, since it is named there already.
fn sec1(key: &EcKey, with_curve: bool) -> Result<Vec<u8>, KeyError> {
    let parameters = with_curve.then(|| EcParameters::NamedCurve(key.curve.oid()));
    let encoded = EcPrivateKey { private_key: &key.scalar, parameters, public_key: Some(&key.point) };
    encoded.to_der().map_err(KeyError::of)
}

fn ec(curve: Option<ObjectIdentifier>, scalar: &[u8]) -> Result<KeyPair, KeyError> {
    let curve = curve.and_then(Curve::from_oid).ok_or_else(|| KeyError("its curve is not known".into()))?;
    let key = EcKey::from_scalar(curve, scalar)
        .ok_or_else(|| KeyError("its number is not one of the curve".into()))?;
    Ok(KeyPair::Ec(key))
}

/// As OpenSSH showed fingerprints up to version 6.7: sixteen pairs of digits with colons.
fn fingerprint_md5(blob: &[u8]) -> String {
    let pairs: Vec<String> = Md5::digest(blob).iter().map(|byte| hex(&[*byte])).collect();
    pairs.join(":")
}

/// As OpenSSH shows fingerprints.
fn fingerprint_sha256(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use rand_core::SeedableRng;
    use serde::Deserialize;

    use super::*;

    /// One key in all forms, the DER in base64: made by Python's cryptography 48; the fingerprints by OpenSSH.
    #[derive(Deserialize)]
    struct Recorded {
        pkcs8: String,
        traditional: String,
        public: String,
        id: String,
        authorized_key: Option<String>,
        sha256: Option<String>,
        md5: Option<String>,
        openssh: Option<String>,
    }

    fn recorded() -> std::collections::BTreeMap<String, Recorded> {
        serde_json::from_str(include_str!("testdata/keys.json")).expect("the recorded keys")
    }

    fn der(pem: &str) -> Vec<u8> {
        pem::decode(pem).map(|(_, der)| der).unwrap_or_default()
    }

    fn base64(text: &str) -> Vec<u8> {
        STANDARD.decode(text).expect("base64")
    }

    fn traditional_label(name: &str) -> &'static str {
        match name {
            "ED25519" => "PRIVATE KEY",
            "RSA" => "RSA PRIVATE KEY",
            _ => "EC PRIVATE KEY",
        }
    }

    #[test]
    fn every_form_equals_that_of_other_programs() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for (name, key) in recorded() {
            for (label, form) in [("PRIVATE KEY", &key.pkcs8), (traditional_label(&name), &key.traditional)] {
                let pair = KeyPair::from_pem(&pem::encode(label, &base64(form))).expect("it can be read");
                let forms = pair.forms(&mut rng).expect("it can be written");
                assert_eq!(der(&forms.private_pem), base64(&key.traditional), "{name}");
                assert_eq!(der(&forms.private_pkcs8), base64(&key.pkcs8), "{name}");
                assert_eq!(der(&forms.public_pem), base64(&key.public), "{name}");
                assert_eq!(forms.id, key.id, "{name}");
                assert_eq!(forms.public_openssh, key.authorized_key.clone().unwrap_or_default(), "{name}");
                assert_eq!(forms.sha256, key.sha256.clone().unwrap_or_default(), "{name}");
                assert_eq!(forms.md5, key.md5.clone().unwrap_or_default(), "{name}");
                assert!(
                    forms.private_pem.starts_with(&format!("-----BEGIN {}-----\n", traditional_label(&name)))
                );
                assert_eq!(forms.private_openssh.is_empty(), key.openssh.is_none(), "{name}");
                let Some(openssh) = key.openssh.as_deref().map(base64) else { continue };
                let read =
                    openssh::read(&pem::encode("OPENSSH PRIVATE KEY", &openssh)).expect("it can be read");
                assert_eq!(read.pkcs8().expect("written"), base64(&key.pkcs8), "{name}");
                for end in 0..openssh.len() {
                    let cut = pem::encode("OPENSSH PRIVATE KEY", &openssh[..end]);
                    assert!(openssh::read(&cut).is_err(), "{name} cut after {end}");
                }
                // The check number is random, twice the same; the recording tells which it drew.
                let at = openssh.len() - private_part(&openssh);
                let check = u32::from_be_bytes(openssh[at..at + 4].try_into().expect("four bytes"));
                assert_eq!(openssh::private(&pair, check), Some(openssh), "{name}");
            }
        }
    }

    /// The length of the private part, which is the last string in the file.
    fn private_part(file: &[u8]) -> usize {
        let mut rest = &file[b"openssh-key-v1\0".len()..];
        let take = |rest: &mut &[u8], skip: usize| {
            let length = u32::from_be_bytes(rest[..4].try_into().expect("four bytes")) as usize;
            *rest = &rest[4 + if skip == 0 { 0 } else { length }..];
            length
        };
        for _ in 0..3 {
            take(&mut rest, 1);
        }
        rest = &rest[4..];
        take(&mut rest, 1);
        take(&mut rest, 0)
    }

    #[test]
    fn what_is_no_key_is_an_error_and_no_panic() {
        let long = pem::encode("PRIVATE KEY", &[0x30; 300]);
        let texts = ["", "x", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", &long];
        for text in texts.into_iter().map(str::to_owned).chain(recorded().values().flat_map(|key| {
            let whole = base64(&key.pkcs8);
            // Every truncation.
            let cut = (0..whole.len()).map(|end| whole[..end].to_vec()).collect::<Vec<_>>();
            cut.into_iter().map(|der| pem::encode("PRIVATE KEY", &der)).collect::<Vec<_>>()
        })) {
            assert!(KeyPair::from_pem(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_on_a_curve_that_is_not_known_is_an_error() {
        let der = EcPrivateKey { private_key: &[1; 32], parameters: None, public_key: None }
            .to_der()
            .expect("written");
        assert!(KeyPair::from_pem(&pem::encode("EC PRIVATE KEY", &der)).is_err());
    }
}
