//! What is no TLS, half TLS or old TLS ends in bounded time, with the right reason.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::*;
use crate::{ServerTls, TlsError, Transport};

async fn server_end(server: &ServerTls, far: TcpStream) -> TlsError {
    let accepted = tokio::time::timeout(Duration::from_secs(5), Transport::accept(far, server));
    accepted.await.expect("refused at once, not at a deadline").unwrap_err()
}

async fn client_end(folder: &Folder, near: TcpStream) -> TlsError {
    let (_, client) = trusting(folder);
    let connected =
        tokio::time::timeout(Duration::from_secs(5), Transport::connect(near, &client, NAME));
    connected.await.expect("refused at once, not at a deadline").unwrap_err()
}

fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    let mut rtmp = vec![3, 0, 0, 0, 0, 0, 0, 0, 0];
    rtmp.extend((0..1_528_u32).map(|n| (n * 31 % 251) as u8));
    vec![
        ("RTMP C0 and C1", rtmp),
        ("HTTP", b"GET /live HTTP/1.1\r\nHost: live.example.test\r\n\r\n".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("zeros", vec![0; 4_096]),
        ("ones", vec![0xff; 4_096]),
        ("SSL 2 hello", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10".to_vec()),
        ("record too long", b"\x16\x03\x01\xff\xff\x01\x00\x00\x00".to_vec()),
        ("application data first", b"\x17\x03\x03\x00\x05hello".to_vec()),
        ("change cipher spec first", b"\x14\x03\x03\x00\x01\x01".to_vec()),
        (
            "hello that is all zeros",
            [&b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c"[..], &[0; 60]].concat(),
        ),
        ("endless empty records", b"\x16\x03\x01\x00\x00".repeat(1_000)),
    ]
}

/// A9: the TLS port takes garbage and plain RTMP.
#[tokio::test]
async fn garbage_on_the_tls_port_is_refused_at_once() {
    let folder = Folder::new();
    let (server, _) = trusting(&folder);
    for (name, bytes) in garbage() {
        let (mut near, far) = tcp_pair(false).await;
        near.write_all(&bytes).await.unwrap();
        let error = server_end(&server, far).await;
        assert!(matches!(error, TlsError::NotTls | TlsError::Protocol(_)), "{name}: {error:?}");
        if name.starts_with("RTMP") || name == "HTTP" {
            assert!(matches!(error, TlsError::NotTls), "{name}: {error:?}");
            assert!(error.is_permanent());
        }
        // The socket went with the failure; whether the alert came through does not matter.
        let _ = near.read_to_end(&mut Vec::new()).await;
    }
}

/// The same from a server that we dial: a plain RTMP port, above all.
#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_apart() {
    let folder = Folder::new();
    for (name, bytes) in garbage() {
        let (near, mut far) = tcp_pair(false).await;
        far.write_all(&bytes).await.unwrap();
        let error = client_end(&folder, near).await;
        assert!(matches!(error, TlsError::NotTls | TlsError::Protocol(_)), "{name}: {error:?}");
        if name.starts_with("RTMP") {
            assert_eq!(error.reason(), "the peer does not speak TLS on this port");
        }
    }
    let (near, far) = tcp_pair(false).await;
    drop(far);
    let error = client_end(&folder, near).await;
    assert!(matches!(error, TlsError::HandshakeEof { received: 0 } | TlsError::Io(_)), "{error:?}");
}

/// The ClientHello of a real client.
async fn real_hello(folder: &Folder) -> Vec<u8> {
    let (_, client) = trusting(folder);
    let (near, mut far) = tcp_pair(false).await;
    let task = tokio::spawn(async move { Transport::connect(near, &client, NAME).await.is_ok() });
    let mut hello = vec![0; 5];
    far.read_exact(&mut hello).await.unwrap();
    let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    hello.resize(5 + length, 0);
    far.read_exact(&mut hello[5..]).await.unwrap();
    drop(far);
    assert!(!task.await.unwrap());
    hello
}

#[tokio::test]
async fn handshakes_cut_anywhere_are_an_end_of_file() {
    let folder = Folder::new();
    let (server, _) = trusting(&folder);
    let hello = real_hello(&folder).await;
    for cut in [0, 1, 4, 5, 6, 50, hello.len() - 1, hello.len()] {
        let (mut near, far) = tcp_pair(false).await;
        near.write_all(&hello[..cut]).await.unwrap();
        near.shutdown().await.unwrap();
        match server_end(&server, far).await {
            TlsError::HandshakeEof { received } => assert_eq!(received, cut as u64),
            other => panic!("{cut}: {other:?}"),
        }
    }
}

/// A9, B4: half handshakes wait without bound by themselves; the caller's deadline ends them, and
/// dropping the future is enough to close the socket.
#[tokio::test(start_paused = true)]
async fn half_handshakes_end_with_the_callers_deadline() {
    let folder = Folder::new();
    let (server, _) = trusting(&folder);
    let hello = real_hello(&folder).await;
    for cut in [0, 5, hello.len() - 1, hello.len()] {
        let (mut near, far) = tcp_pair(false).await;
        near.write_all(&hello[..cut]).await.unwrap();
        let deadline = Duration::from_secs(10);
        let waited = tokio::time::timeout(deadline, Transport::accept(far, &server)).await;
        assert!(waited.is_err(), "{cut}: {waited:?}");
        let _ = near.read_to_end(&mut Vec::new()).await;
    }
}

/// A ClientHello of TLS 1.1 without `supported_versions` (RFC 4346 7.4.1.2).
fn hello_tls11(with_signatures: bool) -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 6, 0xc0, 0x13, 0xc0, 0x09, 0x00, 0x2f]);
    body.extend([1, 0]);
    let mut extensions = vec![
        0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17, // supported_groups: secp256r1
        0x00, 0x0b, 0x00, 0x02, 0x01, 0x00, // ec_point_formats: uncompressed
    ];
    if with_signatures {
        extensions.extend([0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03]);
    }
    body.extend([0, extensions.len() as u8]);
    body.extend(extensions);
    message(1, 1, &body)
}

fn message(minor: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, minor, 0, body.len() as u8 + 4, kind, 0, 0, body.len() as u8];
    record.extend(body);
    record
}

#[tokio::test]
async fn tls_1_1_is_refused_with_an_alert() {
    let folder = Folder::new();
    let (server, _) = trusting(&folder);
    for (with_signatures, alert) in [(true, 70), (false, 40)] {
        let (mut near, far) = tcp_pair(false).await;
        near.write_all(&hello_tls11(with_signatures)).await.unwrap();
        let error = server_end(&server, far).await;
        assert!(matches!(error, TlsError::OldVersion), "{error:?}");
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.unwrap();
        // alert(21), fatal(2), protocol_version(70) or handshake_failure(40)
        assert_eq!((answer[0], &answer[5..]), (21, &[2, alert][..]), "{answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_answers_with_tls_1_1_is_refused() {
    let folder = Folder::new();
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.extend([0, 0xc0, 0x13, 0]);
    for answer in [message(2, 2, &body), vec![21, 3, 1, 0, 2, 2, 70]] {
        let (near, mut far) = tcp_pair(false).await;
        far.write_all(&answer).await.unwrap();
        let error = client_end(&folder, near).await;
        assert!(matches!(error, TlsError::OldVersion), "{error:?}");
    }
}

#[tokio::test]
async fn alerts_come_with_their_words() {
    let folder = Folder::new();
    for (code, words) in [(40, "no settings in common"), (112, "does not know the server name")] {
        let (near, mut far) = tcp_pair(false).await;
        far.write_all(&[21, 3, 3, 0, 2, 2, code]).await.unwrap();
        let error = client_end(&folder, near).await;
        assert!(matches!(error, TlsError::Alert { of_certificate: false, .. }), "{error:?}");
        assert!(error.reason().contains(words), "{}", error.reason());
    }
}
