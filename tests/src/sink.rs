//! Destinations: one that checks every frame, and the ill ones of bar D1.
//!
//! ```text
//! sink     what a destination is and what it saw
//! serve    one connection of it, on a thread of its own
//! fleet    many healthy ones on one thread, so that they cost little
//! wire     TCP, or TLS over it
//! hole     addresses that answer nothing
//! stand_in platforms as `manycast-sim` knows them, over real sockets
//! ```

mod fleet;
mod hole;
mod serve;
mod stand_in;
mod wire;

pub use fleet::fleet;
pub use hole::{BlackHole, Mute};
pub use stand_in::StandIn;

use crate::ports;
use crate::tally::Tally;
use rustls::ServerConfig;
use serve::Server;
use socket2::{Domain, Socket, Type};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wire::Wire;

/// How a destination behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behaviour {
    /// Takes everything.
    Healthy,
    /// Resets each connection after so long.
    Resets(Duration),
    /// Accepts the stream, then reads nothing.
    Stalls,
    /// Reads so many bytes per second once the stream flows.
    Slow(u32),
    /// Closes when the handshake is done.
    ClosesAfterHandshake,
    /// Answers `NetStream.Publish.BadName`, then closes.
    WrongKey,
    /// The same unless the key is this one.
    WantsKey(&'static str),
    /// Says that it takes these codecs and no others, in the way of E-RTMP v1.
    Takes(&'static [&'static str]),
    /// Takes the stream, then asks to connect to this `tcUrl` instead; empty: to itself anew.
    SendsOn(&'static str),
    /// Closes when nothing came for so long, as some platforms do.
    ClosesWhenSilent(Duration),
}

/// One connection to a destination.
#[derive(Clone, Debug)]
pub struct Session {
    /// When it was accepted.
    pub began: Instant,
    /// When it was over.
    pub ended: Option<Instant>,
    /// Whether the far end said goodbye.
    pub orderly: bool,
    /// The key that came, if it came so far.
    pub key: Option<String>,
    /// What came.
    pub tally: Tally,
}

/// The sessions of one destination.
#[derive(Clone, Debug, Default)]
struct Sessions(Arc<Mutex<Vec<Session>>>);

impl Sessions {
    /// A new one; its number.
    fn begin(&self) -> usize {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push(Session {
            began: Instant::now(),
            ended: None,
            orderly: false,
            key: None,
            tally: Tally::default(),
        });
        sessions.len() - 1
    }

    fn with(&self, number: usize, change: impl FnOnce(&mut Session)) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get_mut(number).map(change);
    }
}

/// What is shared between a destination and whoever serves it.
#[derive(Clone, Default)]
struct Shared {
    sessions: Sessions,
    stop: Arc<AtomicBool>,
    plain: Arc<AtomicU32>,
}

/// A destination.
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Shared,
}

impl Sink {
    /// One at an address of its own.
    #[must_use]
    pub fn start(behaviour: Behaviour) -> Self {
        let (listener, address) = listen_anywhere(behaviour);
        Self::serve(listener, address, behaviour, None)
    }

    /// One that takes everything.
    #[must_use]
    pub fn healthy() -> Self {
        Self::start(Behaviour::Healthy)
    }

    /// One at this address.
    ///
    /// # Panics
    /// When somebody else is there.
    #[must_use]
    pub fn at(address: SocketAddr, behaviour: Behaviour) -> Self {
        let listener = listen(address, behaviour);
        let listener = listener.unwrap_or_else(|e| panic!("sink at {address}: {e}"));
        Self::serve(listener, address, behaviour, None)
    }

    /// One that takes everything over TLS with this certificate, and counts who comes without.
    #[must_use]
    pub fn tls(config: Arc<ServerConfig>) -> Self {
        let (listener, address) = listen_anywhere(Behaviour::Healthy);
        Self::serve(listener, address, Behaviour::Healthy, Some(config))
    }

    fn serve(
        listener: TcpListener,
        address: SocketAddr,
        behaviour: Behaviour,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        let shared = Shared::default();
        let served = shared.clone();
        std::thread::spawn(move || {
            while !served.stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((socket, _)) => {
                        let (shared, tls) = (served.clone(), tls.clone());
                        let number = shared.sessions.begin();
                        std::thread::spawn(move || {
                            receive(socket, behaviour, tls, number, &shared);
                            shared.sessions.with(number, |s| s.ended = Some(Instant::now()));
                        });
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    Err(_) => return,
                }
            }
        });
        Self { address, shared }
    }

    /// The address as a destination's `url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rtmp://{}/live", self.address)
    }

    /// The address as the `url` of an encrypted destination with this name.
    #[must_use]
    pub fn rtmps_url(&self, host: &str) -> String {
        format!("rtmps://{host}:{}/live", self.address.port())
    }

    /// All connections so far.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.shared.sessions.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.sessions.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What the newest connection brought.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let sessions = self.shared.sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.last().map(|session| session.tally.clone()).unwrap_or_default()
    }

    /// Frames of the newest connection so far.
    #[must_use]
    pub fn frames(&self) -> u32 {
        let sessions = self.shared.sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.last().map_or(0, |session| session.tally.frames)
    }

    /// How many came to an encrypted destination without encryption.
    #[must_use]
    pub fn plain(&self) -> u32 {
        self.shared.plain.load(Ordering::Relaxed)
    }

    /// Forgets the longest silence so far, to measure from here on.
    pub fn forget_silence(&self) {
        let mut sessions = self.shared.sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter_mut().for_each(|session| session.tally.silence = Duration::ZERO);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn receive(
    socket: TcpStream,
    behaviour: Behaviour,
    tls: Option<Arc<ServerConfig>>,
    number: usize,
    shared: &Shared,
) {
    let Some(wire) = Wire::open(socket, tls, &shared.plain) else { return };
    Server::new(wire, behaviour, number, shared.sessions.clone()).run(&shared.stop);
}

fn listen(address: SocketAddr, behaviour: Behaviour) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if matches!(behaviour, Behaviour::Stalls | Behaviour::Slow(_)) {
        // the window of those who read little is small, as it is across a real network
        socket.set_recv_buffer_size(32 * 1024)?;
    }
    socket.bind(&address.into())?;
    socket.listen(128)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from(socket))
}

/// At a free port; another one if somebody else was quicker.
fn listen_anywhere(behaviour: Behaviour) -> (TcpListener, SocketAddr) {
    for _ in 0..20 {
        let address = ports::free();
        if let Ok(listener) = listen(address, behaviour) {
            return (listener, address);
        }
    }
    panic!("no port for a sink");
}
