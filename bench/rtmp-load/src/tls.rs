//! TLS over the tool's sockets: its certificate, and a connection that the loops can drive.
//!
//! What belongs here: everything that knows rustls. What must not: who connects to whom, and when.
//! The library, its provider and their defaults are those of the server under test, so that what the
//! TLS floor costs is what encrypting and writing the same bytes costs there.

use crate::sys::{self, Io};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
};
use std::fs;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

const CERT: &str = "cert.pem";
const KEY: &str = "key.pem";

/// Write a new certificate and its key to a folder. It is its own authority and names the loopback
/// addresses at which the tool accepts.
pub fn make(dir: &str) -> Result<(), String> {
    let mut names = vec!["localhost".to_string(), Ipv4Addr::LOCALHOST.to_string()];
    names.extend((1..=250).map(|d| Ipv4Addr::new(127, 0, 1, d).to_string()));
    let made = rcgen::generate_simple_self_signed(names).map_err(|e| e.to_string())?;
    let put = |name: &str, text: String| {
        fs::write(Path::new(dir).join(name), text).map_err(|e| format!("{dir}/{name}: {e}"))
    };
    put(CERT, made.cert.pem())?;
    put(KEY, made.signing_key.serialize_pem())
}

/// Both sides of every TLS connection of the tool: it accepts as, and trusts, the one certificate.
#[derive(Clone)]
pub struct Material {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Material {
    /// From the folder that [`make`] wrote to.
    pub fn load(dir: &str) -> Result<Material, String> {
        let text = |e: &dyn std::fmt::Display| format!("{dir}: {e}");
        let dir = Path::new(dir);
        let cert = CertificateDer::from_pem_file(dir.join(CERT)).map_err(|e| text(&e))?;
        let key = PrivateKeyDer::from_pem_file(dir.join(KEY)).map_err(|e| text(&e))?;
        let mut roots = RootCertStore::empty();
        roots.add(cert.clone()).map_err(|e| text(&e))?;
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .map_err(|e| text(&e))?;
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Material { server: Arc::new(server), client: Arc::new(client) })
    }

    /// The accepting end of a new connection.
    pub fn accept(&self) -> Option<Tls> {
        let conn = ServerConnection::new(self.server.clone()).ok()?;
        Some(Tls::new(Connection::Server(conn)))
    }

    /// The connecting end of a new connection to an address.
    pub fn connect(&self, to: Ipv4Addr) -> Option<Tls> {
        let name = ServerName::IpAddress(to.into());
        let conn = ClientConnection::new(self.client.clone(), name).ok()?;
        Some(Tls::new(Connection::Client(conn)))
    }
}

/// One TLS connection without its socket.
pub struct Tls(Box<Connection>);

impl Tls {
    fn new(mut conn: Connection) -> Tls {
        // what waits is bounded by the callers, who see `wants_write`
        conn.set_buffer_limit(None);
        Tls(Box::new(conn))
    }

    pub fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    pub fn wants_write(&self) -> bool {
        self.0.wants_write()
    }

    /// Decrypt what came, behind what is in `plain`; false: the connection is of no more use.
    pub fn take(&mut self, mut cipher: &[u8], plain: &mut Vec<u8>) -> bool {
        while !cipher.is_empty() {
            match self.0.read_tls(&mut cipher) {
                Ok(n) if n > 0 => {}
                _ => return false,
            }
            let Ok(state) = self.0.process_new_packets() else { return false };
            let at = plain.len();
            plain.resize(at + state.plaintext_bytes_to_read(), 0);
            if self.0.reader().read_exact(&mut plain[at..]).is_err() || state.peer_has_closed() {
                return false;
            }
        }
        true
    }

    /// Encrypt; nothing leaves before [`Tls::flush`].
    pub fn put(&mut self, plain: &[u8]) {
        // a buffer without a limit takes everything
        let _ = self.0.writer().write_all(plain);
    }

    /// Write what waits, as far as the socket takes it: how many bytes it took.
    pub fn flush(&mut self, fd: i32) -> Io {
        let mut done = 0;
        while self.0.wants_write() {
            match self.0.write_tls(&mut Socket(fd)) {
                Ok(n) => done += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return Io::Closed,
            }
        }
        if done > 0 { Io::Done(done) } else { Io::Again }
    }
}

/// The write half of a socket as rustls wants it: all records that wait in one system call.
struct Socket(i32);

impl Write for Socket {
    fn write(&mut self, b: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(b)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match sys::send_vectored(self.0, parts) {
            Io::Done(n) => Ok(n),
            Io::Again => Err(ErrorKind::WouldBlock.into()),
            Io::Closed => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    /// What `from` has waiting arrives at `to`.
    fn carry(from: &mut Tls, to: &mut Tls, fds: (i32, i32), plain: &mut Vec<u8>) {
        assert!(!matches!(from.flush(fds.0), Io::Closed));
        let mut buf = [0u8; 65536];
        while let Io::Done(n) = sys::recv(fds.1, &mut buf) {
            assert!(to.take(&buf[..n], plain));
        }
    }

    #[test]
    fn both_ends_understand_each_other() {
        let dir = std::env::temp_dir().join(format!("rtmp-load-tls-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        make(dir.to_str().unwrap()).unwrap();
        let material = Material::load(dir.to_str().unwrap()).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        let (near, far) = (a.as_raw_fd(), b.as_raw_fd());
        let mut client = material.connect(Ipv4Addr::new(127, 0, 1, 50)).unwrap();
        let mut server = material.accept().unwrap();
        let sent: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        // more than a record, and before the handshake is over
        client.put(&sent);
        let (mut heard, mut answer) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            carry(&mut client, &mut server, (near, far), &mut heard);
            carry(&mut server, &mut client, (far, near), &mut answer);
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        assert!(heard == sent, "{} bytes", heard.len());
        server.put(b"back");
        carry(&mut server, &mut client, (far, near), &mut answer);
        assert_eq!(answer, b"back");
    }

    #[test]
    fn what_is_no_tls_is_refused() {
        let dir = std::env::temp_dir().join(format!("rtmp-load-no-tls-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        make(dir.to_str().unwrap()).unwrap();
        let material = Material::load(dir.to_str().unwrap()).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        let mut server = material.accept().unwrap();
        assert!(!server.take(&[3u8; 1537], &mut Vec::new()));
    }
}
