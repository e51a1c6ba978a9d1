//! TLS handshakes over a tokio socket.
//!
//! Belongs here: the exchange up to the first byte of plaintext. Must not come here: deadlines (the
//! caller's), what the parties are configured with (`server`, `client`).

use std::io::ErrorKind;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Connection, ServerConnection};
use tokio::net::TcpStream;

use crate::session::Socket;
use crate::{ClientTls, ServerTls, TlsError};

/// A finished handshake.
pub(crate) struct Handshaken {
    pub(crate) tcp: TcpStream,
    pub(crate) conn: Connection,
    pub(crate) sni: Option<String>,
}

pub(crate) async fn accept(tcp: TcpStream, tls: &ServerTls) -> Result<Handshaken, TlsError> {
    let conn = ServerConnection::new(tls.config()).map_err(TlsError::from_server)?;
    let mut conn = Connection::Server(conn);
    drive(&tcp, &mut conn, TlsError::from_server).await?;
    let sni = match &conn {
        Connection::Server(server) => server.server_name().map(str::to_owned),
        Connection::Client(_) => None,
    };
    Ok(Handshaken { tcp, conn, sni })
}

pub(crate) async fn connect(
    tcp: TcpStream,
    tls: &ClientTls,
    server_name: &str,
) -> Result<Handshaken, TlsError> {
    let name = parse_name(server_name)?;
    let sni = matches!(name, ServerName::DnsName(_)).then(|| name.to_str().into_owned());
    let config = tls.config().await.ok_or(TlsError::NoRoots)?;
    let conn = ClientConnection::new(config, name).map_err(TlsError::from_client)?;
    let mut conn = Connection::Client(conn);
    drive(&tcp, &mut conn, TlsError::from_client).await?;
    Ok(Handshaken { tcp, conn, sni })
}

/// A DNS name without its final dot, or an IP address with or without the brackets of a URL.
fn parse_name(text: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::BadName { name: text.to_owned() })
}

async fn drive(
    tcp: &TcpStream,
    conn: &mut Connection,
    explain: fn(rustls::Error) -> TlsError,
) -> Result<(), TlsError> {
    let mut received = 0;
    loop {
        send(tcp, conn).await?;
        if !conn.is_handshaking() {
            return Ok(());
        }
        match conn.read_tls(&mut Socket(tcp)) {
            Ok(0) => return Err(TlsError::HandshakeEof { received }),
            Ok(more) => received += more as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                tcp.readable().await?;
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        }
        if let Err(error) = conn.process_new_packets() {
            // The alert is a courtesy: it goes out if the socket takes it now.
            let _ = conn.write_tls(&mut Socket(tcp));
            return Err(explain(error));
        }
    }
}

async fn send(tcp: &TcpStream, conn: &mut Connection) -> Result<(), TlsError> {
    while conn.wants_write() {
        match conn.write_tls(&mut Socket(tcp)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => tcp.writable().await?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
