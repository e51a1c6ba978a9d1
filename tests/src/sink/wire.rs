//! What carries a connection of a destination: TCP, or TLS over it.

use manycast_sim::platform::Security;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A connection.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    /// Blocking, with a pause in reading each 100 ms. `None`: encryption failed; `plain` counts who
    /// did not try it.
    pub(super) fn open(
        tcp: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        plain: &AtomicU32,
    ) -> Option<Self> {
        let _ = tcp.set_nonblocking(false);
        let _ = tcp.set_nodelay(true);
        let _ = tcp.set_write_timeout(Some(Duration::from_secs(5)));
        let _ = tcp.set_read_timeout(Some(Duration::from_secs(5)));
        let Some(config) = tls else {
            let _ = tcp.set_read_timeout(Some(Duration::from_millis(100)));
            return Some(Self::Plain(tcp));
        };
        let mut first = [0];
        let read = tcp.peek(&mut first).unwrap_or(0);
        if read == 1 && first[0] != 0x16 {
            plain.fetch_add(1, Ordering::Relaxed);
        }
        let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).ok()?;
        }
        let _ = stream.sock.set_read_timeout(Some(Duration::from_millis(100)));
        Some(Self::Tls(Box::new(stream)))
    }

    /// The server name that the client asked for, if it encrypts and asked for one.
    pub(super) fn security(&self) -> Security {
        match self {
            Self::Plain(_) => Security::Plain,
            Self::Tls(stream) => {
                Security::Tls { sni: stream.conn.server_name().map(str::to_owned) }
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(super) fn finish(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.tcp().shutdown(Shutdown::Write);
    }

    /// The socket below.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
