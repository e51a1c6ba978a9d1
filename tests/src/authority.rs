//! Certificates for encrypted destinations: from an authority that the server under test can be told
//! to trust, good ones and bad ones.

use crate::ports::Folder;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::path::PathBuf;
use std::sync::Arc;

/// An authority of our own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: Folder,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// When there is no key to be had.
    #[must_use]
    pub fn new() -> Self {
        let mut params = params("Test Authority", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key());
        let issuer = issuer.unwrap_or_else(|e| panic!("authority: {e}"));
        Self { issuer, folder: Folder::new() }
    }

    /// Its certificate as a file, for `egress.ca_file`.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        let path = self.folder.file("ca.pem");
        let written = std::fs::write(&path, self.issuer.pem());
        written.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// A server with a certificate for this name.
    #[must_use]
    pub fn server(&self, host: &str) -> Arc<ServerConfig> {
        self.issue(params(host, Some(host)))
    }

    /// A server whose certificate ran out long ago.
    #[must_use]
    pub fn expired(&self, host: &str) -> Arc<ServerConfig> {
        let mut params = params(host, Some(host));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 12, 31);
        self.issue(params)
    }

    fn issue(&self, params: CertificateParams) -> Arc<ServerConfig> {
        let key = key();
        let cert = params.signed_by(&key, &self.issuer);
        config(cert.unwrap_or_else(|e| panic!("certificate: {e}")), &key)
    }
}

/// A server with a certificate that only itself vouches for, as `openssl req -x509` makes it.
///
/// # Panics
/// When there is no key to be had.
#[must_use]
pub fn self_signed(host: &str) -> Arc<ServerConfig> {
    let key = key();
    // a name of its own: a machine may trust another certificate for that of the host
    let mut params = params("Test, by itself", Some(host));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let cert = params.self_signed(&key);
    config(cert.unwrap_or_else(|e| panic!("certificate: {e}")), &key)
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap_or_else(|e| panic!("key: {e}"))
}

fn params(name: &str, host: Option<&str>) -> CertificateParams {
    let hosts: Vec<_> = host.into_iter().map(str::to_owned).collect();
    let params = CertificateParams::new(hosts);
    let mut params = params.unwrap_or_else(|e| panic!("{name}: {e}"));
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn config(cert: rcgen::Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private = PrivateKeyDer::try_from(key.serialize_der());
    let private = private.unwrap_or_else(|e| panic!("key: {e}"));
    let made = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], private)
        });
    Arc::new(made.unwrap_or_else(|e| panic!("TLS: {e}")))
}
