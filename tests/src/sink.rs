//! Destinations: one that checks every frame, and the ill ones of bar D1.

use crate::ports;
use crate::tally::Tally;
use manycast_rtmp::session::{
    Event, Input, Media, Output, RefusalCode, ServerConfig, ServerSession, Verdict,
};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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

type Sessions = Arc<Mutex<Vec<Session>>>;

/// A destination.
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    sessions: Sessions,
}

impl Sink {
    /// One at an address of its own.
    #[must_use]
    pub fn start(behaviour: Behaviour) -> Self {
        Self::at(ports::free(), behaviour)
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
        let (stop, sessions) = (Arc::<AtomicBool>::default(), Sessions::default());
        let (stopped, all) = (stop.clone(), sessions.clone());
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((socket, _)) => {
                        let (all, stopped) = (all.clone(), stopped.clone());
                        let number = begin(&all);
                        std::thread::spawn(move || {
                            serve(socket, behaviour, number, &all, &stopped);
                            with(&all, number, |s| s.ended = Some(Instant::now()));
                        });
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    Err(_) => return,
                }
            }
        });
        Self { address, stop, sessions }
    }

    /// The address as a destination's `url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rtmp://{}/live", self.address)
    }

    /// All connections so far.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the newest connection brought.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.last().map(|session| session.tally.clone()).unwrap_or_default()
    }

    /// Forgets the longest silence so far, to measure from here on.
    pub fn forget_silence(&self) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter_mut().for_each(|session| session.tally.silence = Duration::ZERO);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn listen(address: SocketAddr, behaviour: Behaviour) -> TcpListener {
    let make = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if matches!(behaviour, Behaviour::Stalls | Behaviour::Slow(_)) {
            // the window of those who read little is small, as it is across a real network
            socket.set_recv_buffer_size(32 * 1024)?;
        }
        socket.bind(&address.into())?;
        socket.listen(128)?;
        socket.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(TcpListener::from(socket))
    };
    make().unwrap_or_else(|e| panic!("sink at {address}: {e}"))
}

fn begin(sessions: &Sessions) -> usize {
    let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.push(Session {
        began: Instant::now(),
        ended: None,
        orderly: false,
        key: None,
        tally: Tally::default(),
    });
    sessions.len() - 1
}

fn with(sessions: &Sessions, number: usize, change: impl FnOnce(&mut Session)) {
    let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.get_mut(number).map(change);
}

struct Server<'a> {
    socket: TcpStream,
    session: ServerSession,
    behaviour: Behaviour,
    number: usize,
    sessions: &'a Sessions,
    flowing: bool,
    over: bool,
}

fn serve(
    socket: TcpStream,
    behaviour: Behaviour,
    number: usize,
    sessions: &Sessions,
    stop: &AtomicBool,
) {
    let began = Instant::now();
    let _ = socket.set_nonblocking(false);
    let _ = socket.set_nodelay(true);
    let _ = socket.set_read_timeout(Some(Duration::from_millis(100)));
    let _ = socket.set_write_timeout(Some(Duration::from_secs(5)));
    let session = ServerSession::new(began, ServerConfig::new([9; 32]));
    let mut server =
        Server { socket, session, behaviour, number, sessions, flowing: false, over: false };
    let mut buffer = vec![0; 64 * 1024];
    while !server.over && !stop.load(Ordering::Relaxed) {
        if let Behaviour::Resets(after) = behaviour
            && began.elapsed() >= after
        {
            let _ = SockRef::from(&server.socket).set_linger(Some(Duration::ZERO));
            return;
        }
        let most = match behaviour {
            Behaviour::Stalls if server.flowing => {
                server.over = is_gone(&server.socket);
                std::thread::sleep(Duration::from_millis(50));
                continue;
            }
            Behaviour::Slow(rate) if server.flowing => {
                std::thread::sleep(Duration::from_millis(50));
                usize::try_from(rate / 20).unwrap_or(1)
            }
            _ => buffer.len(),
        };
        let most = most.clamp(1, buffer.len());
        match server.socket.read(&mut buffer[..most]) {
            Ok(0) => {
                let _ = server.session.handle_input(Instant::now(), Input::Eof);
                server.over = true;
                server.turn();
            }
            Ok(n) => server.take(&buffer[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// Whether the far end reset the connection, seen without reading.
fn is_gone(socket: &TcpStream) -> bool {
    !matches!(socket.take_error(), Ok(None))
}

impl Server<'_> {
    fn take(&mut self, bytes: &[u8]) {
        if self.session.handle_input(Instant::now(), Input::Bytes(bytes)).is_err() {
            self.over = true;
        }
        self.turn();
    }

    /// Does what the session wants done.
    fn turn(&mut self) {
        let mut due = Vec::new();
        loop {
            match self.session.poll_output() {
                Output::Transmit(piece) => due.extend_from_slice(&piece),
                Output::Event(event) => self.event(event),
                Output::Idle { .. } => break,
            }
        }
        if !due.is_empty() && self.socket.write_all(&due).is_err() {
            self.over = true;
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected { .. } if self.behaviour == Behaviour::ClosesAfterHandshake => {
                self.over = true;
            }
            Event::PublishRequest { request, name, .. } => {
                let key = name.expose().into_owned();
                with(self.sessions, self.number, |s| s.key = Some(key));
                let verdict = if self.behaviour == Behaviour::WrongKey {
                    let description = "this stream key is not ours".to_owned();
                    Verdict::Refuse { code: RefusalCode::BadName, description }
                } else {
                    self.flowing = true;
                    Verdict::Accept
                };
                let input = Input::Verdict { request, verdict };
                self.over |= self.session.handle_input(Instant::now(), input).is_err();
            }
            Event::Media { media, .. } => self.media(&media),
            Event::PublishEnded { orderly, .. } => {
                with(self.sessions, self.number, |s| s.orderly = orderly);
            }
            Event::Close { .. } => self.over = true,
            _ => {}
        }
    }

    fn media(&self, media: &Media) {
        with(self.sessions, self.number, |s| s.tally.take(Instant::now(), media));
    }
}

/// An address that answers nothing at all: its queue of connections is full, so that the system
/// drops whatever knocks.
pub struct BlackHole {
    /// Where it is.
    pub address: SocketAddr,
    _listener: Socket,
    _fillers: Vec<Socket>,
}

impl BlackHole {
    /// Opens one.
    ///
    /// # Panics
    /// When the system does not let us.
    #[must_use]
    pub fn open() -> Self {
        let address = ports::free();
        let make = || {
            let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            listener.bind(&address.into())?;
            listener.listen(0)?;
            let mut fillers = Vec::new();
            for _ in 0..4 {
                let filler = Socket::new(Domain::IPV4, Type::STREAM, None)?;
                filler.set_nonblocking(true)?;
                let _ = filler.connect(&address.into());
                fillers.push(filler);
            }
            Ok::<_, std::io::Error>((listener, fillers))
        };
        let (listener, fillers) = make().unwrap_or_else(|e| panic!("black hole: {e}"));
        Self { address, _listener: listener, _fillers: fillers }
    }
}
