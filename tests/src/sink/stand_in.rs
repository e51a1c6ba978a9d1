//! Platforms as `manycast-sim` knows them, over real sockets and TLS.

use super::Behaviour;
use super::listen_anywhere;
use super::wire::Wire;
use crate::media;
use bytes::Bytes;
use manycast_rtmp::session::MediaKind;
use manycast_sim::frame::Mark;
use manycast_sim::platform::{
    Action, Arrival, Broadcast, ConnectionId, Platform, Profile, Security, Session,
};
use rustls::ServerConfig;
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a connection looks at what the platform wants of it.
const TURN: Duration = Duration::from_millis(50);

/// A platform that listens.
pub struct StandIn {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    platform: Mutex<Platform>,
    tls: Option<Arc<ServerConfig>>,
    stop: AtomicBool,
}

impl Shared {
    fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StandIn {
    /// One that behaves so, with this certificate if it speaks TLS.
    #[must_use]
    pub fn start(profile: Profile, tls: Option<Arc<ServerConfig>>) -> Self {
        let (listener, address) = listen_anywhere(Behaviour::Healthy);
        let (platform, stop) = (Mutex::new(Platform::new(profile, read)), AtomicBool::new(false));
        let shared = Arc::new(Shared { platform, tls, stop });
        let served = shared.clone();
        std::thread::spawn(move || {
            while !served.stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((socket, _)) => {
                        let shared = served.clone();
                        std::thread::spawn(move || carry(socket, &shared));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { address, shared }
    }

    /// Its address as a destination's `url`, by this name.
    #[must_use]
    pub fn url(&self, host: &str) -> String {
        let scheme = if self.shared.tls.is_some() { "rtmps" } else { "rtmp" };
        let app = self.shared.platform().profile().app.clone();
        format!("{scheme}://{host}:{}/{app}", self.address.port())
    }

    /// All connections so far.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.shared.platform().sessions().cloned().collect()
    }

    /// How many connections there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.platform().sessions().len()
    }

    /// Frames that the newest connection brought.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.shared.platform().sessions().next_back().map_or(0, |s| s.intake.frames.count())
    }

    /// What its audience saw.
    #[must_use]
    pub fn broadcasts(&self) -> Vec<Broadcast> {
        self.shared.platform().broadcasts(Instant::now()).to_vec()
    }

    /// Has it behave otherwise from now on.
    pub fn set_profile(&self, profile: Profile) {
        self.shared.platform().set_profile(profile);
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

/// The numbers of this crate's frames, in the words of the stand-ins.
fn read(kind: MediaKind, body: &Bytes) -> Option<Mark> {
    let media::Mark { source, number, whole } = media::mark(kind, body)?;
    Some(Mark { source: source.into(), number, clock: None, whole })
}

/// Carries one connection to its end.
fn carry(tcp: TcpStream, shared: &Shared) {
    let encrypts = shared.tls.is_some() && speaks_tls(&tcp);
    let config = shared.tls.clone().filter(|_| encrypts);
    let Some(mut wire) = Wire::open(tcp, config, &AtomicU32::new(0)) else { return };
    let _ = wire.tcp().set_read_timeout(Some(TURN));
    let security = if encrypts { wire.security() } else { Security::Plain };
    let id = shared.platform().accept(Instant::now(), security);
    let mut buffer = vec![0; 64 * 1024];
    while !shared.stop.load(Ordering::Relaxed) && act(&mut wire, shared, id) {
        shared.platform().tick(Instant::now(), id);
        let arrival = match wire.read(&mut buffer) {
            Ok(0) => Arrival::Eof,
            Ok(n) => Arrival::Bytes(&buffer[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Arrival::Eof,
            Err(_) => Arrival::Reset,
        };
        let broken = matches!(arrival, Arrival::Reset);
        shared.platform().arrive(Instant::now(), id, arrival);
        if broken {
            return;
        }
    }
}

/// Whether the first byte is that of a TLS handshake (RFC 8446 5.1).
fn speaks_tls(tcp: &TcpStream) -> bool {
    let _ = tcp.set_nonblocking(false);
    let _ = tcp.set_read_timeout(Some(Duration::from_secs(5)));
    let mut first = [0];
    tcp.peek(&mut first).is_ok_and(|n| n == 1) && first[0] == 0x16
}

/// Does what the platform wants done; whether the connection goes on.
fn act(wire: &mut Wire, shared: &Shared, id: ConnectionId) -> bool {
    loop {
        let action = shared.platform().next_action(id);
        match action {
            None => return true,
            Some(Action::Send(bytes)) => {
                let sent = wire.write_all(&bytes).and_then(|()| wire.flush());
                if sent.is_err() {
                    shared.platform().arrive(Instant::now(), id, Arrival::Reset);
                    return false;
                }
            }
            Some(Action::Close) => {
                close(wire);
                return false;
            }
            Some(Action::Reset) => {
                let _ = SockRef::from(wire.tcp()).set_linger(Some(Duration::ZERO));
                return false;
            }
        }
    }
}

/// Closes in order: what was said last is read before the end is noticed.
fn close(wire: &mut Wire) {
    wire.finish();
    let (until, mut buffer) = (Instant::now() + Duration::from_secs(2), [0; 8192]);
    while Instant::now() < until {
        match wire.read(&mut buffer) {
            Ok(0) => return,
            Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            _ => {}
        }
    }
}
