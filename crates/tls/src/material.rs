//! Certificates and keys on disk.
//!
//! Belongs here: reading PEM, writing it so that nobody else can read a key, and what a certificate
//! says of itself. Must not come here: making one (`own`), what they are used for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error};

use crate::error::plain_name;
use crate::{MaterialError, provider, verify};

/// All certificates of a PEM file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MaterialError> {
    let bytes = fs::read(path).map_err(|source| file(path, source))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(list) if list.is_empty() => Err(content(path, "holds no certificate in PEM form")),
        Ok(list) => Ok(list),
        Err(error) => Err(content(path, &format!("is damaged: {error}"))),
    }
}

/// A certificate chain with its key, from PEM files.
pub(crate) fn load(cert: &Path, key: &Path) -> Result<Arc<CertifiedKey>, MaterialError> {
    let chain = certificates(cert)?;
    let bytes = fs::read(key).map_err(|source| file(key, source))?;
    let secret = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => content(key, "holds no private key in PEM form"),
        // The error may quote the file, which holds a key.
        _ => content(key, "is damaged, or its key is encrypted with a password"),
    })?;
    let signer = provider()
        .key_provider
        .load_private_key(secret)
        .map_err(|_| content(key, "holds a kind of key that TLS cannot use"))?;
    let pair = CertifiedKey::new(chain, signer);
    match pair.keys_match() {
        // A key that cannot say its public half is taken at its word.
        Ok(()) | Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(Error::InconsistentKeys(_)) => {
            return Err(content(key, "does not belong to the certificate"));
        }
        Err(error) => return Err(content(cert, &format!("is damaged: {error}"))),
    }
    Ok(Arc::new(pair))
}

/// Last second of a certificate: judged at the end of time, it says when it expired.
pub(crate) fn not_after(cert: &CertificateDer<'_>) -> Option<SystemTime> {
    let far = UnixTime::since_unix_epoch(Duration::from_secs(u64::from(u32::MAX) * 100));
    let algorithms = provider().signature_verification_algorithms;
    match verify::self_check(cert, far, algorithms) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(not_after.as_secs()))
        }
        _ => None,
    }
}

/// The names that the first certificate of a chain is for: DNS names and addresses.
pub(crate) fn presented_names(chain: &[CertificateDer<'_>]) -> Vec<String> {
    let parsed = chain.first().and_then(|cert| ParsedCertificate::try_from(cert).ok());
    // Asked for a name that nobody has (RFC 6761 6.4), the verifier lists those that are there.
    let nobody = ServerName::try_from("nobody.invalid").ok();
    let (Some(parsed), Some(nobody)) = (parsed, nobody) else { return Vec::new() };
    match rustls::client::verify_server_name(&parsed, &nobody) {
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) => presented.iter().map(|name| plain_name(name)).collect(),
        _ => Vec::new(),
    }
}

/// Replaces a file in one step: readers see the old one or the whole new one.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), MaterialError> {
    let new = path.with_extension("pem.new");
    let written = (|| -> io::Result<()> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut out = create(&new, mode)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&new, path)
    })();
    written.map_err(|source| file(path, source))
}

fn create(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

fn file(path: &Path, source: io::Error) -> MaterialError {
    MaterialError::File { path: path.to_owned(), source }
}

fn content(path: &Path, problem: &str) -> MaterialError {
    MaterialError::Content { path: path.to_owned(), problem: problem.to_owned() }
}
