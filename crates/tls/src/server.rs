//! What incoming TLS connections are shown.
//!
//! Belongs here: the server's certificate, its reload, and the server's configuration. Must not
//! come here: files and their forms (`material`), the handshake (`handshake`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::{MaterialError, VERSIONS, material, own, provider};

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
    SelfSigned { folder: PathBuf, names: Mutex<Vec<String>> },
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    pair: Arc<CertifiedKey>,
    identity: Identity,
    /// How the files looked before they were read.
    stamp: Stamp,
}

/// What tells that a file is another one, without reading it: length and time, of certificate and key.
type Stamp = [Option<(u64, SystemTime)>; 2];

/// Who a server says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 over the certificate (DER), as clients and browsers show it.
    pub fingerprint: [u8; 32],
    /// DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// Its last second.
    pub not_after: Option<SystemTime>,
    /// It was made here, and clients have to be told to trust it.
    pub self_signed: bool,
}

impl ServerTls {
    /// The identity of the certificate in a PEM file, such as the one that a server keeps.
    ///
    /// # Errors
    /// When the file cannot be read or holds no certificate.
    pub fn identity_of(cert: &Path) -> Result<Identity, MaterialError> {
        Ok(Identity::of(&material::certificates(cert)?, false))
    }

    /// A certificate chain (the server's own first) and its key, both PEM files.
    ///
    /// # Errors
    /// Which file cannot be used and why.
    pub fn from_files(cert: &Path, key: &Path) -> Result<Self, MaterialError> {
        Self::new(Source::Files { cert: cert.to_owned(), key: key.to_owned() })
    }

    /// A self-signed certificate for these names (DNS names or IP addresses), kept in `folder` as
    /// `tls-cert.pem` and `tls-key.pem` (readable by the owner alone), so that it stays the same
    /// over restarts. A new one is made when a name is missing from it or when it has fewer than
    /// 60 of its 800 days left: with the same key, and with the names that the old one had.
    ///
    /// # Errors
    /// When the folder cannot be written or a name cannot stand in a certificate.
    pub fn self_signed(folder: &Path, names: &[String]) -> Result<Self, MaterialError> {
        let names = Mutex::new(names.to_vec());
        Self::new(Source::SelfSigned { folder: folder.to_owned(), names })
    }

    fn new(source: Source) -> Result<Self, MaterialError> {
        let current = ArcSwap::from_pointee(Current::load(&source)?);
        Ok(Self { source, current })
    }

    /// The names that a self-signed certificate has to have from the next reload on; nothing to one
    /// from files.
    pub fn set_names(&self, names: Vec<String>) {
        if let Source::SelfSigned { names: current, .. } = &self.source {
            *current.lock() = names;
        }
    }

    /// Whether the files on disk are others than those that were read, by length and time.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.source.stamp() != self.current.load().stamp
    }

    /// Reads the files again; new connections are shown what they hold now. A self-signed
    /// certificate that ends soon or lacks a name is renewed. Returns whether the certificate
    /// changed. Reads files: call it off the runtime's threads.
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
        self.current.load().identity.not_after
    }

    /// SHA-256 over the certificate in use (DER), as clients and browsers show it.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.current.load().identity.fingerprint
    }

    /// Who the server says it is at the moment.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.current.load().identity.clone()
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.current.load().config.clone()
    }
}

impl Identity {
    fn of(chain: &[CertificateDer<'_>], self_signed: bool) -> Self {
        let first = chain.first();
        Self {
            fingerprint: fingerprint(first.map_or(&[][..], |cert| cert.as_ref())),
            names: material::presented_names(chain),
            not_after: first.and_then(material::not_after),
            self_signed,
        }
    }
}

/// SHA-256 over a certificate (DER).
pub(crate) fn fingerprint(der: &[u8]) -> [u8; 32] {
    use aws_lc_rs::digest;
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
    out
}

/// A fingerprint as browsers and `openssl x509 -fingerprint` show it: `AB:CD:...`.
#[must_use]
pub fn fingerprint_text(fingerprint: &[u8; 32]) -> String {
    fingerprint.map(|byte| format!("{byte:02X}")).join(":")
}

impl Source {
    fn stamp(&self) -> Stamp {
        let of = |path: &Path| {
            let data = std::fs::metadata(path).ok()?;
            Some((data.len(), data.modified().ok()?))
        };
        match self {
            Self::Files { cert, key } => [of(cert), of(key)],
            Self::SelfSigned { folder, .. } => own::files(folder).map(|path| of(&path)),
        }
    }
}

impl Current {
    fn load(source: &Source) -> Result<Self, MaterialError> {
        let mut stamp = source.stamp();
        let pair = match source {
            Source::Files { cert, key } => material::load(cert, key)?,
            Source::SelfSigned { folder, names } => {
                let names = names.lock().clone();
                let (cert, key) = own::self_signed(folder, &names)?;
                // It may have been written just now, by us.
                stamp = source.stamp();
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
        let identity = Identity::of(&pair.cert, matches!(source, Source::SelfSigned { .. }));
        Ok(Self { config: Arc::new(config), pair, identity, stamp })
    }
}
