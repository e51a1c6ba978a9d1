//! Certificates and keys on disk.
//!
//! Belongs here: reading PEM, writing it so that nobody else can read a key, making a self-signed
//! certificate. Must not come here: what the certificates are used for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error};

use crate::{MaterialError, provider, verify};

/// Files of the self-signed certificate in the data folder.
const CERTIFICATE: &str = "rtmps-cert.pem";
const KEY: &str = "rtmps-key.pem";

/// How long a self-signed certificate is made for, and how long before its end it is replaced.
const LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);
const RENEW_BEFORE: Duration = Duration::from_secs(90 * 86_400);

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

/// The self-signed certificate of a data folder: the one that is there as long as it has all the
/// names and more than 90 days to live, else a new one.
pub(crate) fn self_signed(
    folder: &Path,
    names: &[String],
) -> Result<(PathBuf, PathBuf), MaterialError> {
    let (cert, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    let usable = load(&cert, &key).is_ok_and(|pair| serves(&pair, names, SystemTime::now()));
    if !usable {
        let (cert_pem, key_pem) = generate(names, SystemTime::now())?;
        // The key first: a crash between the two leaves a pair that does not match, which the next
        // start replaces.
        write(&key, key_pem.as_bytes(), 0o600)?;
        write(&cert, cert_pem.as_bytes(), 0o644)?;
    }
    Ok((cert, key))
}

fn serves(pair: &CertifiedKey, names: &[String], now: SystemTime) -> bool {
    let Some(cert) = pair.cert.first() else { return false };
    let Ok(parsed) = ParsedCertificate::try_from(cert) else { return false };
    let lives = not_after(cert).is_some_and(|end| end > now + RENEW_BEFORE);
    lives
        && names.iter().all(|name| {
            ServerName::try_from(name.as_str())
                .is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
        })
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

fn generate(names: &[String], now: SystemTime) -> Result<(String, String), MaterialError> {
    let failed = |error: rcgen::Error| MaterialError::Generate(error.to_string());
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    // An hour of grace for clients whose clock is behind.
    params.not_before = (now - Duration::from_secs(3_600)).into();
    params.not_after = (now + LIFETIME).into();
    params.distinguished_name.push(DnType::CommonName, "Manycast");
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    let key = KeyPair::generate().map_err(failed)?;
    let cert = params.self_signed(&key).map_err(failed)?;
    Ok((cert.pem(), key.serialize_pem()))
}

/// Replaces a file in one step: readers see the old one or the whole new one.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), MaterialError> {
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
