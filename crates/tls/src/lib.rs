//! TCP connections, plain or under TLS, and the certificates on both sides of them.
//!
//! ```text
//! listener -> Transport::accept(tcp, &ServerTls)  \                      / reading task: readable, try_read
//!                                                  > Arc<Transport> ----<
//! dialler  -> Transport::connect(tcp, &ClientTls) /                      \ writing thread: try_write_vectored
//! ```
//!
//! Belongs here: everything that knows `rustls` and X.509. Must not come here: what is carried
//! (RTMP, HTTP), which address to dial, deadlines (the caller sets them around `accept` and
//! `connect`).
//!
//! Absent on purpose: there is no TLS below 1.2 and no renegotiation, no session tickets, no way
//! to switch verification off, no fall-back from TLS to plain, no task, no channel, and no buffer
//! that grows with a slow peer: at most 64 KiB of plaintext is encrypted ahead of the socket.

mod client;
mod duplex;
mod error;
mod handshake;
mod material;
mod own;
mod server;
mod session;
mod transport;
mod verify;

#[cfg(test)]
mod tests;

pub use client::ClientTls;
pub use duplex::Duplex;
pub use error::{CertificateProblem, MaterialError, TlsError};
pub use server::{Identity, ServerTls, fingerprint_text};
pub use transport::{TlsInfo, Transport};

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;

/// What both sides speak, the better first.
const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
