//! A TCP connection that a reading task and a writing thread share.
//!
//! Belongs here: the one type that everything above uses in place of a socket. Must not come here:
//! how TLS moves bytes (`session`), deadlines, protocols.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use rustls::Connection;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::handshake::{self, Handshaken};
use crate::session::Session;
use crate::{ClientTls, ServerTls, TlsError};

/// A TCP connection, plain or under TLS, driven by readiness: nothing here owns a task or a queue
/// beyond rustls' bounded buffer.
///
/// Usable through `&self` by one reader and one writer at once, each on a task or on a plain thread
/// (the `try_` methods never wait and need no runtime around them, though the runtime that the
/// socket belongs to must be running for readiness to be noticed). Dropping it closes the socket.
///
/// Costs under TLS about 10 KiB at rest; a peer that stops reading adds at most 64 KiB.
pub struct Transport {
    tcp: TcpStream,
    tls: Option<Box<Tls>>,
    aborted: AtomicBool,
    /// The last write found no room.
    full: AtomicBool,
}

struct Tls {
    session: Mutex<Session>,
    info: TlsInfo,
}

/// What a TLS connection agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLS 1.2` or `TLS 1.3`.
    pub version: &'static str,
    /// Name of the cipher suite in the IANA registry.
    pub cipher: &'static str,
    /// The server name that the client asked for (RFC 6066 3), if any.
    pub sni: Option<String>,
}

impl Transport {
    /// A connection without TLS.
    #[must_use]
    pub fn plain(tcp: TcpStream) -> Self {
        let (aborted, full) = Default::default();
        Self { tcp, tls: None, aborted, full }
    }

    /// Takes the server's part of a TLS handshake. The caller sets the deadline; dropping the future
    /// closes the socket.
    ///
    /// # Errors
    /// Why no TLS connection came about; the peer has been told by an alert where TLS has one.
    pub async fn accept(tcp: TcpStream, tls: &ServerTls) -> Result<Self, TlsError> {
        Ok(Self::established(handshake::accept(tcp, tls).await?))
    }

    /// Takes the client's part of a TLS handshake and checks the server's certificate for
    /// `server_name`, a DNS name or a literal IP address; only a DNS name is sent as SNI
    /// (RFC 6066 3). The caller sets the deadline; dropping the future closes the socket.
    ///
    /// # Errors
    /// Why no TLS connection came about. Nothing of the caller's was sent then.
    pub async fn connect(
        tcp: TcpStream,
        tls: &ClientTls,
        server_name: &str,
    ) -> Result<Self, TlsError> {
        Ok(Self::established(handshake::connect(tcp, tls, server_name).await?))
    }

    fn established(done: Handshaken) -> Self {
        let info = TlsInfo::of(&done.conn, done.sni);
        let session = Mutex::new(Session::new(done.conn));
        let (aborted, full) = Default::default();
        Self { tcp: done.tcp, tls: Some(Box::new(Tls { session, info })), aborted, full }
    }

    /// Waits until [`Self::try_read`] may have something: bytes, the end, or an error. Cancel-safe.
    ///
    /// # Errors
    /// Only when the runtime is shutting down.
    pub async fn readable(&self) -> io::Result<()> {
        if self.tls.as_ref().is_some_and(|tls| tls.session.lock().has_input()) {
            return Ok(());
        }
        self.tcp.readable().await
    }

    /// As [`Self::readable`], for the one task that reads.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.tls.as_ref().is_some_and(|tls| tls.session.lock().has_input()) {
            return Poll::Ready(Ok(()));
        }
        self.tcp.poll_read_ready(context)
    }

    /// As [`Self::writable`], for the one task that waits for it.
    pub fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(context)
    }

    /// Waits until the socket takes bytes again. Cancel-safe.
    ///
    /// # Errors
    /// Only when the runtime is shutting down.
    pub async fn writable(&self) -> io::Result<()> {
        self.tcp.writable().await
    }

    /// Reads what is there, up to the length of `buf`. `Ok(0)` is the peer's end: FIN, with or
    /// without close_notify before it.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing now; `InvalidData` when the peer broke TLS;
    /// `ConnectionAborted` after [`Self::abort`]; else the socket's error.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.check_alive()?;
        match &self.tls {
            None => self.read_plain(buf),
            Some(tls) => tls.session.lock().read(&self.tcp, buf),
        }
    }

    /// A short read has emptied the socket, so that nobody need ask again to find it empty: what
    /// comes after it raises a new event. That is how `epoll` reports in tokio's mode of it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn read_plain(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        let result = self.tcp.try_io(Interest::READABLE, || {
            read = manycast_sys::recv(&self.tcp, buf)?;
            if read > 0 && read < buf.len() { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match result {
            Err(e) if read == 0 || e.kind() != ErrorKind::WouldBlock => Err(e),
            _ => Ok(read),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn read_plain(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.tcp.try_read(buf)
    }

    /// Writes what the socket takes, and under TLS up to 64 KiB more, which leave with later calls:
    /// see [`Self::wants_flush`]. Returns how many bytes of `bufs` were taken. Large batches are
    /// cheaper: under TLS the slices are joined into full records of 16 KiB.
    ///
    /// # Errors
    /// `WouldBlock` when nothing could be taken; `ConnectionAborted` after [`Self::abort`];
    /// `BrokenPipe` after [`Self::shutdown_write`]; else the socket's error.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.check_alive()?;
        match &self.tls {
            None => self.write_plain(bufs),
            Some(tls) => tls.session.lock().write(&self.tcp, bufs),
        }
    }

    /// A socket that took everything the last time is asked itself. One that was full is asked once
    /// the runtime has heard that it has room: until then this costs no call.
    fn write_plain(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.full.load(Ordering::Relaxed) {
            match manycast_sys::send(&self.tcp, bufs) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
        // Asks again, so that the runtime knows from when on it is to listen for room.
        let done = self.tcp.try_io(Interest::WRITABLE, || manycast_sys::send(&self.tcp, bufs));
        let full = matches!(&done, Err(e) if e.kind() == ErrorKind::WouldBlock);
        self.full.store(full, Ordering::Relaxed);
        done
    }

    /// The socket, if anybody may write to it now as [`Self::try_write_vectored`] does: not under
    /// TLS, nor after [`Self::abort`], nor while it is known to have no room.
    #[must_use]
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        let free = self.tls.is_none() && !self.full.load(Ordering::Relaxed);
        (free && self.check_alive().is_ok()).then(|| self.tcp.as_fd())
    }

    /// Whether bytes that were taken still wait on this side of the socket. A writer that has
    /// nothing more to write calls [`Self::try_flush`] when the socket is writable.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.session.lock().wants_flush())
    }

    /// Hands the socket what was taken before.
    ///
    /// # Errors
    /// `WouldBlock` when some of it still waits; else the socket's error.
    pub fn try_flush(&self) -> io::Result<()> {
        self.check_alive()?;
        self.tls.as_ref().map_or(Ok(()), |tls| tls.session.lock().flush(&self.tcp))
    }

    /// Ends this direction: close_notify under TLS, then FIN. What was taken leaves first, as far
    /// as the socket takes it now or [`Self::try_flush`] is called later. Reading goes on.
    pub fn shutdown_write(&self) {
        match &self.tls {
            // An error here means that the connection is already gone.
            None => drop(manycast_sys::shutdown_write(&self.tcp)),
            Some(tls) => tls.session.lock().close(&self.tcp),
        }
    }

    /// Gives the connection up: reader and writer get `ConnectionAborted` from now on, a waiting
    /// reader wakes, and when the last holder lets go the peer gets RST instead of whatever was
    /// still unsent.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        // Errors here mean that the connection is already gone.
        let _ = manycast_sys::reset_on_close(&self.tcp);
        let _ = manycast_sys::shutdown_read(&self.tcp);
    }

    /// The socket, for its options and facts. Reading or writing it directly would break TLS.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Address of the peer.
    ///
    /// # Errors
    /// `NotConnected` once the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }

    /// Whether the bytes travel encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What TLS agreed on; `None` for a plain connection.
    #[must_use]
    pub fn tls_info(&self) -> Option<&TlsInfo> {
        self.tls.as_ref().map(|tls| &tls.info)
    }

    fn check_alive(&self) -> io::Result<()> {
        if self.aborted.load(Ordering::Acquire) {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("tcp", &self.tcp).field("tls", &self.tls_info()).finish()
    }
}

impl TlsInfo {
    fn of(conn: &Connection, sni: Option<String>) -> Self {
        let version = match conn.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "unknown",
        };
        let cipher = conn.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        Self { version, cipher: cipher.unwrap_or("unknown"), sni }
    }
}
