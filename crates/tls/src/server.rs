//! What incoming TLS connections are shown.
//!
//! Belongs here: the server's certificate, its reload, and the server's configuration. Must not
//! come here: files and their forms (`material`), the handshake (`handshake`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::{MaterialError, VERSIONS, material, provider};

/// The certificate that this server shows to everyone, whatever name they ask for or whether they
/// ask for none, as many encoders do. Asks for no application protocol (ALPN): none is registered
/// for RTMP. Keeps nothing about clients between connections.
#[derive(Debug)]
pub struct ServerTls {
    source: Source,
    current: ArcSwap<Current>,
}

#[derive(Debug)]
enum Source {
    Files { cert: PathBuf, key: PathBuf },
    SelfSigned { folder: PathBuf, names: Vec<String> },
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    pair: Arc<CertifiedKey>,
}

impl ServerTls {
    /// A certificate chain (the server's own first) and its key, both PEM files.
    ///
    /// # Errors
    /// Which file cannot be used and why.
    pub fn from_files(cert: &Path, key: &Path) -> Result<Self, MaterialError> {
        Self::new(Source::Files { cert: cert.to_owned(), key: key.to_owned() })
    }

    /// A self-signed certificate for these names (DNS names or IP addresses), kept in `folder` as
    /// `rtmps-cert.pem` and `rtmps-key.pem` (readable by the owner alone), so that it stays the
    /// same over restarts. A new one is made when a name is missing from it or when it has fewer
    /// than 90 of its 3,650 days left.
    ///
    /// # Errors
    /// When the folder cannot be written or a name cannot stand in a certificate.
    pub fn self_signed(folder: &Path, names: &[String]) -> Result<Self, MaterialError> {
        Self::new(Source::SelfSigned { folder: folder.to_owned(), names: names.to_vec() })
    }

    fn new(source: Source) -> Result<Self, MaterialError> {
        let current = ArcSwap::from_pointee(Current::load(&source)?);
        Ok(Self { source, current })
    }

    /// Reads the files again; new connections are shown what they hold now. Returns whether the
    /// certificate changed. Reads files: call it off the runtime's threads.
    ///
    /// # Errors
    /// Which file cannot be used and why; the certificate in use then stays.
    pub fn reload(&self) -> Result<bool, MaterialError> {
        let fresh = Current::load(&self.source)?;
        let changed = fresh.pair.cert != self.current.load().pair.cert;
        self.current.store(Arc::new(fresh));
        Ok(changed)
    }

    /// When the certificate in use ends, for the operator.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        material::not_after(self.current.load().pair.cert.first()?)
    }

    /// SHA-256 over the certificate in use (DER), as clients and browsers show it.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        use aws_lc_rs::digest;
        let current = self.current.load();
        let der = current.pair.cert.first().map_or(&[][..], |cert| cert.as_ref());
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        out
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.current.load().config.clone()
    }
}

impl Current {
    fn load(source: &Source) -> Result<Self, MaterialError> {
        let pair = match source {
            Source::Files { cert, key } => material::load(cert, key)?,
            Source::SelfSigned { folder, names } => {
                let (cert, key) = material::self_signed(folder, names)?;
                material::load(&cert, &key)?
            }
        };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(VERSIONS)
            .map_err(|error| MaterialError::Generate(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair.clone())));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), pair })
    }
}
