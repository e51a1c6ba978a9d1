//! RTMP by hand: bytes as a stranger would write them, right or wrong.
//!
//! Nothing of the product is used here, so that an attack can say what no library would.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Message types.
pub mod kind {
    /// Set Chunk Size.
    pub const CHUNK_SIZE: u8 = 1;
    /// Audio.
    pub const AUDIO: u8 = 8;
    /// Video.
    pub const VIDEO: u8 = 9;
    /// AMF0 data.
    pub const DATA: u8 = 18;
    /// AMF0 command.
    pub const COMMAND: u8 = 20;
    /// Several messages in one.
    pub const AGGREGATE: u8 = 22;
}

/// A basic and a full message header (`fmt` 0).
#[must_use]
pub fn head(chunk_stream: u8, kind: u8, stream: u32, time: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![chunk_stream & 0x3f];
    bytes.extend_from_slice(&time.min(0x00ff_ffff).to_be_bytes()[1..]);
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(0x00ff_ffff).to_be_bytes()[1..]);
    bytes.push(kind);
    bytes.extend_from_slice(&stream.to_le_bytes());
    if time >= 0x00ff_ffff {
        bytes.extend_from_slice(&time.to_be_bytes());
    }
    bytes
}

/// A whole message in chunks of `size`.
#[must_use]
pub fn message(chunk_stream: u8, kind: u8, stream: u32, body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = head(chunk_stream, kind, stream, 0, body.len());
    for (number, piece) in body.chunks(size.max(1)).enumerate() {
        if number > 0 {
            bytes.push(0xc0 | (chunk_stream & 0x3f));
        }
        bytes.extend_from_slice(piece);
    }
    bytes
}

/// An AMF0 value.
#[derive(Clone, Copy, Debug)]
pub enum Amf<'a> {
    /// Number.
    Number(f64),
    /// Boolean.
    Flag(bool),
    /// String.
    Text(&'a str),
    /// Null.
    Null,
    /// Object with texts.
    Object(&'a [(&'a str, &'a str)]),
}

/// AMF0 values in a row.
#[must_use]
pub fn amf(values: &[Amf<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        match value {
            Amf::Number(n) => {
                out.push(0);
                out.extend_from_slice(&n.to_be_bytes());
            }
            Amf::Flag(flag) => out.extend_from_slice(&[1, u8::from(*flag)]),
            Amf::Text(text) => {
                out.push(2);
                short(&mut out, text);
            }
            Amf::Null => out.push(5),
            Amf::Object(pairs) => {
                out.push(3);
                for (name, text) in *pairs {
                    short(&mut out, name);
                    out.push(2);
                    short(&mut out, text);
                }
                out.extend_from_slice(&[0, 0, 9]);
            }
        }
    }
    out
}

fn short(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The body of `connect`.
#[must_use]
pub fn connect_body() -> Vec<u8> {
    let about = [("app", "live"), ("tcUrl", "rtmp://127.0.0.1/live"), ("flashVer", "FMLE/3.0")];
    amf(&[Amf::Text("connect"), Amf::Number(1.0), Amf::Object(&about)])
}

/// The body of `createStream`.
#[must_use]
pub fn create_stream_body() -> Vec<u8> {
    amf(&[Amf::Text("createStream"), Amf::Number(2.0), Amf::Null])
}

/// The body of `publish`.
#[must_use]
pub fn publish_body(key: &str) -> Vec<u8> {
    let live = Amf::Text("live");
    amf(&[Amf::Text("publish"), Amf::Number(3.0), Amf::Null, Amf::Text(key), live])
}

/// The body of `play`.
#[must_use]
pub fn play_body(name: &str) -> Vec<u8> {
    amf(&[Amf::Text("play"), Amf::Number(3.0), Amf::Null, Amf::Text(name), Amf::Number(-2.0)])
}

/// C0 and C1.
#[must_use]
pub fn c0_c1() -> Vec<u8> {
    let mut bytes = vec![3];
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend((0..1528_u32).map(|n| n.wrapping_mul(73).to_be_bytes()[3]));
    bytes
}

/// A connection as a stranger makes it.
#[derive(Debug)]
pub struct Raw {
    /// Its socket, with a time limit of 5 s on both directions.
    pub socket: TcpStream,
}

impl Raw {
    /// Connects, and says nothing.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect_timeout(&address, Duration::from_secs(5));
        Self::over(socket.unwrap_or_else(|e| panic!("connect: {e}")))
    }

    /// Connects from this address of loopback.
    ///
    /// # Errors
    /// When nobody listens or the connection was closed at once.
    pub fn open_from(from: Ipv4Addr, address: SocketAddr) -> std::io::Result<Self> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect_timeout(&address.into(), Duration::from_secs(5))?;
        Ok(Self::over(socket.into()))
    }

    /// Connects with a small receive buffer, as a viewer behind a thin line.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn open_narrow(address: SocketAddr) -> Self {
        let make = || {
            let domain = socket2::Domain::for_address(address);
            let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
            socket.set_recv_buffer_size(8 * 1024)?;
            socket.connect_timeout(&address.into(), Duration::from_secs(5))?;
            Ok::<_, std::io::Error>(socket)
        };
        Self::over(make().unwrap_or_else(|e| panic!("connect: {e}")).into())
    }

    fn over(socket: TcpStream) -> Self {
        let limit = Some(Duration::from_secs(5));
        let _ = socket.set_read_timeout(limit);
        let _ = socket.set_write_timeout(limit);
        let _ = socket.set_nodelay(true);
        Self { socket }
    }

    /// Sends; `false` when the other side is gone.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).is_ok()
    }

    /// Reads until these bytes came; `false` when they did not within 5 s.
    pub fn await_bytes(&mut self, wanted: &[u8]) -> bool {
        let (mut got, mut buffer) = (Vec::new(), [0; 8192]);
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            match self.socket.read(&mut buffer) {
                Ok(0) | Err(_) => return false,
                Ok(n) => got.extend_from_slice(&buffer[..n]),
            }
            if got.windows(wanted.len()).any(|window| window == wanted) {
                return true;
            }
        }
        false
    }

    /// The simple handshake.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn greet(&mut self) {
        self.send(&c0_c1());
        let mut answer = [0; 3073];
        let read = self.socket.read_exact(&mut answer);
        read.unwrap_or_else(|e| panic!("no answer to the handshake: {e}"));
        self.send(&answer[1..1537]);
    }

    /// Handshake and `connect`.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn connect(&mut self) {
        self.greet();
        self.send(&message(3, kind::COMMAND, 0, &connect_body(), 128));
        assert!(self.await_bytes(b"NetConnection.Connect.Success"), "connect was not accepted");
    }

    /// All the way to a running publish.
    ///
    /// # Errors
    /// When it is refused.
    pub fn publish(&mut self, key: &str) -> Result<(), String> {
        self.connect();
        self.send(&message(3, kind::COMMAND, 0, &create_stream_body(), 128));
        self.send(&message(4, kind::COMMAND, 1, &publish_body(key), 128));
        let begun = self.await_bytes(b"NetStream.Publish.Start");
        begun.then_some(()).ok_or_else(|| "publish was refused".into())
    }

    /// All the way to a running play; what follows is not read.
    pub fn play(&mut self, name: &str) {
        self.connect();
        self.send(&message(3, kind::COMMAND, 0, &create_stream_body(), 128));
        self.send(&message(4, kind::COMMAND, 1, &play_body(name), 128));
    }

    /// Whether the server closes within `limit`, whatever it sends before.
    pub fn is_cut(&mut self, limit: Duration) -> bool {
        let (until, mut buffer) = (Instant::now() + limit, [0; 8192]);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let _ = self.socket.set_read_timeout(Some(left));
            match self.socket.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return false;
                }
                Err(_) => return true,
            }
        }
    }

    /// Looks once, without waiting, whether the server closed.
    pub fn is_cut_now(&mut self) -> bool {
        let _ = self.socket.set_nonblocking(true);
        let mut buffer = [0; 8192];
        let cut = loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break false,
                Err(_) => break true,
            }
        };
        let _ = self.socket.set_nonblocking(false);
        cut
    }
}
