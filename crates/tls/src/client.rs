//! What outgoing TLS connections are checked with.
//!
//! Belongs here: where trusted authorities come from, and the client's configuration. Must not come
//! here: how a certificate is judged (`verify`), the handshake (`handshake`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::verify::{Judge, Pinned};
use crate::{MaterialError, VERSIONS, material, provider};

/// The checks of outgoing TLS connections: certificate chain, dates and name, always all of them.
///
/// Every connection verifies the certificate anew; nothing is resumed.
#[derive(Debug)]
pub struct ClientTls {
    system: bool,
    extra: Vec<CertificateDer<'static>>,
    versions: Versions,
    config: ArcSwapOption<ClientConfig>,
}

type Versions = &'static [&'static SupportedProtocolVersion];

impl ClientTls {
    /// Trusts the authorities installed on this machine, and those of `extra_ca`, a PEM file. A
    /// server whose own certificate is in that file is trusted too.
    ///
    /// A machine without any authority is no error here: connecting then fails with
    /// [`crate::TlsError::NoRoots`] until some are installed.
    ///
    /// # Errors
    /// When the extra file cannot be read or holds no certificate.
    pub fn system(extra_ca: Option<&Path>) -> Result<Self, MaterialError> {
        let extra = extra_ca.map(material::certificates).transpose()?.unwrap_or_default();
        Self::with(true, extra, extra_ca.map(Path::to_owned))
    }

    /// Trusts the authorities and certificates of one PEM file and nothing else.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate.
    pub fn only(ca: &Path) -> Result<Self, MaterialError> {
        Self::with(false, material::certificates(ca)?, Some(ca.to_owned()))
    }

    /// Trusts one certificate and nothing else, by the SHA-256 over it; whatever names it has.
    #[must_use]
    pub fn pinned(fingerprint: [u8; 32]) -> Self {
        let config = configured(VERSIONS, Arc::new(Pinned::new(fingerprint)));
        let (system, extra) = (false, Vec::new());
        Self { system, extra, versions: VERSIONS, config: ArcSwapOption::new(config) }
    }

    fn with(
        system: bool,
        extra: Vec<CertificateDer<'static>>,
        path: Option<PathBuf>,
    ) -> Result<Self, MaterialError> {
        let mut store = RootCertStore::empty();
        for cert in &extra {
            store.add(cert.clone()).map_err(|error| MaterialError::Content {
                path: path.clone().unwrap_or_default(),
                problem: format!("holds a damaged certificate: {error}"),
            })?;
        }
        let config = build(system, &extra, VERSIONS);
        if config.is_none() {
            tracing::warn!("no certificate authorities found: no TLS server can be checked");
        }
        Ok(Self { system, extra, versions: VERSIONS, config: ArcSwapOption::new(config) })
    }

    /// Whether there is anything that a server can be checked by.
    #[must_use]
    pub fn has_authorities(&self) -> bool {
        self.config.load().is_some()
    }

    /// The configuration; looks for authorities again as long as there were none.
    pub(crate) async fn config(&self) -> Option<Arc<ClientConfig>> {
        if let Some(config) = self.config.load_full() {
            return Some(config);
        }
        let (system, extra, versions) = (self.system, self.extra.clone(), self.versions);
        let config = tokio::task::spawn_blocking(move || build(system, &extra, versions));
        let config = config.await.ok()??;
        self.config.store(Some(config.clone()));
        Some(config)
    }

    #[cfg(test)]
    pub(crate) fn without_roots() -> Self {
        let config = ArcSwapOption::new(None);
        Self { system: false, extra: Vec::new(), versions: VERSIONS, config }
    }

    /// The same with other protocol versions, to meet every kind of server.
    #[cfg(test)]
    pub(crate) fn speaking(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self.config.store(build(self.system, &self.extra, versions));
        self
    }
}

/// `None` without any authority. Reads the system's files.
fn build(
    system: bool,
    extra: &[CertificateDer<'static>],
    versions: Versions,
) -> Option<Arc<ClientConfig>> {
    let mut roots = if system { installed() } else { RootCertStore::empty() };
    roots.add_parsable_certificates(extra.iter().cloned());
    let judge = Judge::new(roots, extra.to_vec())?;
    configured(versions, Arc::new(judge))
}

/// The authorities of the system, read on a thread of its own: what reading leaves behind with the
/// allocator, ten times what is kept, goes with the thread.
fn installed() -> RootCertStore {
    let reader = std::thread::Builder::new().name("authorities".into()).spawn(read_installed);
    let read = reader.ok().and_then(|reader| reader.join().ok());
    // Cloned, so that what is kept lies in the memory of this thread.
    read.as_ref().map_or_else(read_installed, RootCertStore::clone)
}

fn read_installed() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "cannot read some certificate authorities");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

fn configured(versions: Versions, judge: Arc<dyn ServerCertVerifier>) -> Option<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(judge)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Some(Arc::new(config))
}
