//! How a server's certificate is judged.
//!
//! Belongs here: the wrapper around the WebPKI verifier that tells self-signed certificates from
//! unknown issuers, and lets an operator trust one certificate by its file. Must not come here:
//! where roots come from (`client`).

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use crate::server::fingerprint;

/// The certificate vouches for itself: it is its own issuer, or a CA's own certificate.
#[derive(Debug, thiserror::Error)]
#[error("the certificate is self-signed")]
pub(crate) struct CaAsServer;

/// WebPKI with the given roots, and with the certificates of the operator's extra file also as
/// servers' own. Nothing is ever accepted that is expired or lacks the server's name.
#[derive(Debug)]
pub(crate) struct Judge {
    inner: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Judge {
    /// `None` without any root.
    pub(crate) fn new(roots: RootCertStore, pinned: Vec<CertificateDer<'static>>) -> Option<Self> {
        let provider = crate::provider();
        let algorithms = provider.signature_verification_algorithms;
        let inner =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
        Some(Self { inner, pinned, algorithms })
    }
}

/// Whether a certificate verifies with itself as its only root.
fn is_self_signed(cert: &CertificateDer<'_>, algorithms: WebPkiSupportedAlgorithms) -> bool {
    self_check(cert, UnixTime::now(), algorithms).is_ok()
}

/// Judges a certificate with itself as its only root: `ExpiredContext` and the like, else whether
/// it signed itself.
pub(crate) fn self_check(
    cert: &CertificateDer<'_>,
    now: UnixTime,
    algorithms: WebPkiSupportedAlgorithms,
) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(cert.clone().into_owned())?;
    let parsed = ParsedCertificate::try_from(cert)?;
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, algorithms.all)
}

/// A CA's certificate shown as a server's own, as `openssl req -x509` makes them.
fn is_ca_as_server(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// One certificate and no other, by its fingerprint: for a server whose owner read it out to us. Its
/// name does not matter, its time does.
#[derive(Debug)]
pub(crate) struct Pinned {
    fingerprint: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

/// The certificate is not the one that was named.
#[derive(Debug, thiserror::Error)]
#[error("the certificate has another fingerprint")]
pub(crate) struct OtherFingerprint {
    pub(crate) shown: [u8; 32],
}

impl Pinned {
    pub(crate) fn new(fingerprint: [u8; 32]) -> Self {
        let algorithms = crate::provider().signature_verification_algorithms;
        Self { fingerprint, algorithms }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = fingerprint(end_entity);
        if shown != self.fingerprint {
            let other = OtherError(Arc::new(OtherFingerprint { shown }));
            return Err(CertificateError::Other(other).into());
        }
        match self_check(end_entity, now, self.algorithms) {
            Err(
                error @ rustls::Error::InvalidCertificate(
                    CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYetContext { .. },
                ),
            ) => Err(error),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let Err(error) = verdict else { return verdict };
        // A bad signature is what comes of a trusted certificate that happens to have this name.
        let unknown = matches!(
            error,
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature
            )
        );
        if is_ca_as_server(&error) {
            // The verifier looks at dates before it looks at this: only the name is left to check.
            if self.pinned.iter().any(|pinned| pinned == end_entity) {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                return Ok(ServerCertVerified::assertion());
            }
        } else if !(unknown && is_self_signed(end_entity, self.algorithms)) {
            return Err(error);
        }
        Err(CertificateError::Other(OtherError(Arc::new(CaAsServer))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
