//! Mutual TLS between two processes that know each other: the client tells its certificate in the environment, the
//! plugin tells its own on standard output, and neither trusts anything else.

use std::sync::Arc;

use p521::ecdsa::signature::Verifier as _;
use p521::ecdsa::{DerSignature, Signature, VerifyingKey};
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, PrivateKeyDer, PrivatePkcs8KeyDer,
    SignatureVerificationAlgorithm, UnixTime, alg_id,
};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    self, CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
};

/// A certificate of our own that was made for this process, and the configuration that uses it.
pub(crate) struct Tls {
    /// In DER, for the client.
    pub(crate) certificate: CertificateDer<'static>,
    /// Accepts only the client whose certificate was given.
    pub(crate) config: Arc<ServerConfig>,
}

/// Makes a certificate, and a configuration that admits the client with the certificate in this PEM text.
///
/// # Errors
/// In words, when the client's certificate cannot be read or one of our own cannot be made.
pub(crate) fn admitting(client_pem: &str) -> Result<Tls, String> {
    let client = CertificateDer::from_pem_slice(client_pem.as_bytes())
        .map_err(|e| format!("the client's certificate in PLUGIN_CLIENT_CERT is not PEM: {e}"))?;
    let failed = |e: &dyn std::fmt::Display| format!("no certificate could be made: {e}");
    let key = rcgen::KeyPair::generate().map_err(|e| failed(&e))?;
    // The name is the one that go-plugin's clients ask for.
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).map_err(|e| failed(&e))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(|e| failed(&e))?.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let verifier = Arc::new(OneClient {
        certificate: client,
        others: ring::default_provider().signature_verification_algorithms,
    });
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| failed(&e))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.clone()], key)
        .map_err(|e| failed(&e))?;
    // Clients of gRPC refuse servers that do not say so.
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Tls { certificate, config: Arc::new(config) })
}

/// What go-plugin's clients sign with, and ring cannot verify.
const P521: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&P521Sha512],
    mapping: &[(SignatureScheme::ECDSA_NISTP521_SHA512, &[&P521Sha512])],
};

/// Admits the holder of the key of one certificate.
#[derive(Debug)]
struct OneClient {
    certificate: CertificateDer<'static>,
    /// What clients that are not go-plugin's may sign with.
    others: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for OneClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        // It was made for this one run and is known byte for byte: nothing else about it says more.
        if *end_entity == self.certificate {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let p521 = dss.scheme == SignatureScheme::ECDSA_NISTP521_SHA512;
        verify_tls13_signature(message, cert, dss, if p521 { &P521 } else { &self.others })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        [P521.supported_schemes(), self.others.supported_schemes()].concat()
    }
}

/// ECDSA over P-521 with SHA-512.
#[derive(Debug)]
struct P521Sha512;

impl SignatureVerificationAlgorithm for P521Sha512 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let valid = || -> Result<(), p521::ecdsa::Error> {
            let key = VerifyingKey::from_sec1_bytes(public_key)?;
            let signature = Signature::try_from(DerSignature::try_from(signature)?)?;
            key.verify(message, &signature)
        };
        valid().map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA512
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    /// Key and signature are of OpenSSL 3.0: `openssl dgst -sha512 -sign` with a key of secp521r1.
    #[test]
    fn signatures_over_p521_are_verified() {
        let key = bytes(
            "040122a15819c9c57227d4ee0dd57558be562656f56ec63c0ae8373f0d7da2f3b6947da311389235e60cad28fa2d5aed79d951ba\
             89299172025a355d22f2fc3d31840700ea243dba6cb1c4298eea7c4591fe1965b13d913f1bc7d18c244f337b899f01c2897bf53c\
             5ac08d8bfd346686a49b3dce8f29338f0f9ed7e3c30a2d998953fc7fcb",
        );
        let signature = bytes(
            "3081880242017325f2d0dfdd69ac8cb1213e485bd73e45fec23d34e8aad130dd5d9074d9933f6e995cc86da1333b579517a1313b\
             9302a5e67c5736eebabbb82b8eb8c430ba7a390242009a6616c6da393a1a852d60513023d653d510662b4896d3f110c068c93eca\
             714ba7f708460ce51abba6bc133f5f0ba018c5e60fb51ddcf4aa7013aa74af000b970b",
        );
        let verify = |key: &[u8], message: &[u8], signature: &[u8]| {
            P521Sha512.verify_signature(key, message, signature).is_ok()
        };
        assert!(verify(&key, b"signed by openssl", &signature));
        assert!(!verify(&key, b"signed by OpenSSL", &signature));
        assert!(!verify(&key[1..], b"signed by openssl", &signature));
        assert!(!verify(&key, b"signed by openssl", &signature[1..]));
        for at in [10, 80] {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(!verify(&key, b"signed by openssl", &changed), "{at}");
        }
    }
}
