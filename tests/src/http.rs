//! One GET at a time, over a socket of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Status code and body.
///
/// # Errors
/// When there was no whole answer.
pub fn get(address: SocketAddr, path: &str) -> Result<(u16, String), String> {
    let limit = Duration::from_secs(5);
    let words = |e: std::io::Error| format!("GET {path}: {e}");
    let mut socket = TcpStream::connect_timeout(&address, limit).map_err(words)?;
    socket.set_read_timeout(Some(limit)).map_err(words)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).map_err(words)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).map_err(words)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no whole answer")?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let code = code.ok_or_else(|| format!("no status: {head}"))?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Ok((code, if chunked { unchunk(body) } else { body.to_owned() }))
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(piece) = rest.get(..size).filter(|_| size > 0) else { break };
        whole.push_str(piece);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}
