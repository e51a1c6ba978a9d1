//! A certificate authority, folders and socket pairs for the tests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{ClientTls, ServerTls, TlsError, Transport};

pub(crate) const NAME: &str = "live.example.test";
pub(crate) const TLS12: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];
const DAY: Duration = Duration::from_secs(86_400);

/// A folder of its own for each test, gone afterwards.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("manycast-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Days from now that a certificate starts and ends at.
pub(crate) type Life = (i64, i64);
pub(crate) const ALIVE: Life = (-10, 10);

pub(crate) fn params(names: &[&str], life: Life) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = day(life.0).into();
    params.not_after = day(life.1).into();
    params.distinguished_name.push(DnType::CommonName, "a server");
    params
}

fn day(offset: i64) -> SystemTime {
    let by = DAY * u32::try_from(offset.unsigned_abs()).unwrap();
    if offset < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
}

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn named(name: &str) -> Self {
        let mut params = params(&[], (-100, 100));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(crate) fn issue(&self, names: &[&str], life: Life) -> Pair {
        let key = KeyPair::generate().unwrap();
        let cert = params(names, life).signed_by(&key, &self.issuer).unwrap();
        Pair { cert: cert.pem(), key: key.serialize_pem() }
    }
}

/// A certificate and its key in PEM.
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Pair {
    pub(crate) fn self_signed(names: &[&str], life: Life, ca: bool) -> Self {
        let mut params = params(names, life);
        if ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        Self { cert: cert.pem(), key: key.serialize_pem() }
    }

    pub(crate) fn server(&self, folder: &Folder) -> ServerTls {
        let (cert, key) = (folder.write("c.pem", &self.cert), folder.write("k.pem", &self.key));
        ServerTls::from_files(&cert, &key).unwrap()
    }
}

/// A server and a client that trust each other.
pub(crate) fn trusting(folder: &Folder) -> (ServerTls, ClientTls) {
    let authority = Authority::named("one");
    let server = authority.issue(&[NAME, "127.0.0.1"], ALIVE).server(folder);
    (server, ClientTls::only(&folder.write("ca.pem", &authority.pem)).unwrap())
}

/// Both ends of a TCP connection; `small` squeezes their buffers.
pub(crate) async fn tcp_pair(small: bool) -> (TcpStream, TcpStream) {
    let socket = || {
        let socket = TcpSocket::new_v4().unwrap();
        if small {
            socket.set_send_buffer_size(4_096).unwrap();
            socket.set_recv_buffer_size(4_096).unwrap();
        }
        socket
    };
    let server = socket();
    server.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = server.listen(8).unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(socket().connect(address), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// Both ends of a TLS handshake, each as it ended: client first.
pub(crate) async fn handshake(
    server: &ServerTls,
    client: &ClientTls,
    name: &str,
    small: bool,
) -> (Result<Transport, TlsError>, Result<Transport, TlsError>) {
    let (near, far) = tcp_pair(small).await;
    let both = async {
        tokio::join!(Transport::connect(near, client, name), Transport::accept(far, server))
    };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("a handshake that ends")
}

/// Both ends of an established connection, client first.
pub(crate) async fn tls_pair(
    server: &ServerTls,
    client: &ClientTls,
    small: bool,
) -> (Transport, Transport) {
    let (near, far) = handshake(server, client, NAME, small).await;
    (near.unwrap(), far.unwrap())
}

/// Reads to the end.
pub(crate) async fn read_to_end(transport: &Transport) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = vec![0; 20_000];
    loop {
        transport.readable().await?;
        match transport.try_read(&mut buf) {
            Ok(0) => return Ok(all),
            Ok(taken) => all.extend_from_slice(&buf[..taken]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
