//! The certificate that a server makes for itself.
//!
//! Belongs here: when the one of a folder still serves, and making another. Must not come here:
//! which names a machine has (the caller says), reading PEM (`material`).

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

use crate::MaterialError;
use crate::material::{self, load, not_after, presented_names};

/// Files of the self-signed certificate in the data folder.
const CERTIFICATE: &str = "tls-cert.pem";
const KEY: &str = "tls-key.pem";

/// Apple's systems take no longer ones, trusted by hand or not: 825 days at most.
const LIFETIME: Duration = Duration::from_secs(800 * 86_400);
const RENEW_BEFORE: Duration = Duration::from_secs(60 * 86_400);

/// Names beyond this many that the machine no longer has are let go.
const MOST_NAMES: usize = 64;

/// Where certificate and key of a folder are.
pub(crate) fn files(folder: &Path) -> [PathBuf; 2] {
    [folder.join(CERTIFICATE), folder.join(KEY)]
}

/// The self-signed certificate of a folder: the one that is there as long as it has all the names
/// and more than 60 days to live, else a new one with the same key.
pub(crate) fn self_signed(
    folder: &Path,
    names: &[String],
) -> Result<(PathBuf, PathBuf), MaterialError> {
    let [cert, key] = files(folder);
    let there = load(&cert, &key);
    if let Ok(pair) = &there
        && serves(pair, names, SystemTime::now())
    {
        return Ok((cert, key));
    }
    let kept = there.as_ref().map_or_else(|_| Vec::new(), |pair| presented_names(&pair.cert));
    let secret = there.is_ok().then(|| std::fs::read_to_string(&key).ok()).flatten();
    let secret = secret.and_then(|pem| KeyPair::from_pem(&pem).ok());
    let (cert_pem, key_pem) = generate(&joined(names, kept), secret, SystemTime::now())?;
    // The key first: a crash between the two leaves a pair that does not match, which the next
    // start replaces.
    material::write(&key, key_pem.as_bytes(), 0o600)?;
    material::write(&cert, cert_pem.as_bytes(), 0o644)?;
    Ok((cert, key))
}

/// What the machine is called now, and what it was called before: a machine that goes to and fro
/// between two networks is not to have a new certificate each time.
fn joined(names: &[String], kept: Vec<String>) -> Vec<String> {
    let mut all = names.to_vec();
    for name in kept {
        if all.len() < MOST_NAMES && !all.contains(&name) {
            all.push(name);
        }
    }
    all
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

fn generate(
    names: &[String],
    key: Option<KeyPair>,
    now: SystemTime,
) -> Result<(String, String), MaterialError> {
    let failed = |error: rcgen::Error| MaterialError::Generate(error.to_string());
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    // An hour of grace for clients whose clock is behind.
    params.not_before = (now - Duration::from_secs(3_600)).into();
    params.not_after = (now + LIFETIME).into();
    params.distinguished_name.push(DnType::CommonName, "Manycast");
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    let key = key.map_or_else(KeyPair::generate, Ok).map_err(failed)?;
    let cert = params.self_signed(&key).map_err(failed)?;
    Ok((cert.pem(), key.serialize_pem()))
}
