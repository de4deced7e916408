//! The certificates that a server shows.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, crypto,
};
use url::{Host, Url};

/// How long the connection and the handshake may take together.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The certificates that the server of a URL shows, its own first. With `verify`, they must lead to an authority that
/// is known (those of Mozilla) and name the host.
pub(super) async fn certificates(url: &str, verify: bool) -> Result<Vec<Vec<u8>>, String> {
    let (host, port) = place(url)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = if verify {
        let known = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<RootCertStore>();
        builder.with_root_certificates(known).with_no_client_auth()
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))).with_no_client_auth()
    };
    let name = ServerName::try_from(host.clone()).map_err(|_| format!("{host:?} is no name of a host"))?;
    let handshake = async {
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    let stream = match tokio::time::timeout(TIMEOUT, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(format!("{host}:{port}: {error}")),
        Err(_) => return Err(format!("{host}:{port} did not answer within {} s", TIMEOUT.as_secs())),
    };
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(shown.iter().map(|certificate| certificate.to_vec()).collect())
}

/// The host and port of an https or tls URL; the latter has no usual port.
pub(super) fn place(url: &str) -> Result<(String, u16), String> {
    let parsed = Url::parse(url).map_err(|error| format!("it is no URL ({error})"))?;
    let port = match parsed.scheme() {
        "https" => parsed.port().unwrap_or(443),
        "tls" => parsed.port().ok_or("a tls URL must have a port")?,
        _ => return Err("its scheme must be https or tls".into()),
    };
    let host = match parsed.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) => host.to_string(),
        None => String::new(),
    };
    if host.is_empty() { Err("it names no host".into()) } else { Ok((host, port)) }
}

/// Takes any certificate, but not a handshake by someone who lacks its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

impl Anyone {
    fn algorithms(&self) -> &crypto::WebPkiSupportedAlgorithms {
        &self.0.signature_verification_algorithms
    }
}
