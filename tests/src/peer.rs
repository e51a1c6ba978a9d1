//! RTMP clients over blocking sockets, without a runtime: what they see is what the wire did, at
//! the time it did.
//!
//! The protocol is the product's own client session; that it speaks the protocol of others is
//! proved with real programs, in `tests/programs.rs`.

use crate::media;
use crate::tally::Tally;
use bytes::Bytes;
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::session::{
    Capabilities, ClientConfig, ClientEvent, ClientRole, ClientSession, Input, MediaKind, Output,
};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const ANSWER: Duration = Duration::from_secs(15);

/// A connection as a client.
pub struct Client {
    socket: TcpStream,
    session: ClientSession,
    events: VecDeque<ClientEvent>,
    buffer: Vec<u8>,
    ended: Option<String>,
}

impl Client {
    fn dial(address: SocketAddr, key: &str, role: ClientRole) -> Result<Self, String> {
        Self::open(address, key, role, |_| ())
    }

    /// Connects; `change` has the last word on what it says of itself.
    ///
    /// # Errors
    /// Why the connection failed.
    pub fn open(
        address: SocketAddr,
        key: &str,
        role: ClientRole,
        change: impl FnOnce(&mut ClientConfig),
    ) -> Result<Self, String> {
        let url = RtmpUrl::with_key(&format!("rtmp://{address}/live"), key);
        let url = url.map_err(|e| e.to_string())?;
        let socket = TcpStream::connect_timeout(&address, ANSWER).map_err(|e| e.to_string())?;
        let _ = socket.set_nodelay(true);
        let _ = socket.set_write_timeout(Some(ANSWER));
        let mut config =
            ClientConfig { chunk_size: 65_536, ..ClientConfig::new(&url, role, [7; 32]) };
        change(&mut config);
        let session = ClientSession::new(Instant::now(), config);
        let (events, buffer) = (VecDeque::new(), vec![0; 64 * 1024]);
        Ok(Self { socket, session, events, buffer, ended: None })
    }

    /// Writes what is due; the time it took.
    fn flush(&mut self) -> Result<Duration, String> {
        let mut due = Vec::new();
        loop {
            match self.session.poll_output() {
                Output::Transmit(piece) => due.extend_from_slice(&piece),
                Output::Event(event) => self.events.push_back(event),
                Output::Idle { .. } => break,
            }
        }
        let from = Instant::now();
        if !due.is_empty() {
            self.socket.write_all(&due).map_err(|e| format!("write: {e}"))?;
        }
        Ok(from.elapsed())
    }

    /// The next event, or `None` at `until`.
    ///
    /// # Errors
    /// Why the connection is gone.
    pub fn event(&mut self, until: Instant) -> Result<Option<ClientEvent>, String> {
        loop {
            self.flush()?;
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if let Some(why) = &self.ended {
                return Err(why.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let _ = self.socket.set_read_timeout(Some(left.max(Duration::from_micros(100))));
            self.read();
        }
    }

    fn read(&mut self) {
        let input = match self.socket.read(&mut self.buffer) {
            Ok(0) => {
                self.ended = Some("closed by the server".into());
                Input::Eof
            }
            Ok(n) => Input::Bytes(&self.buffer[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            Err(e) => {
                self.ended = Some(format!("read: {e}"));
                Input::Eof
            }
        };
        if let Err(error) = self.session.handle_input(Instant::now(), input) {
            self.ended = Some(format!("protocol: {error}"));
        }
    }

    /// Passes over events up to a wanted one.
    ///
    /// # Errors
    /// The server's words when it refused, or why the connection is gone.
    pub fn wait_for(&mut self, wanted: impl Fn(&ClientEvent) -> bool) -> Result<(), String> {
        let until = Instant::now() + ANSWER;
        loop {
            match self.event(until)? {
                Some(event) if wanted(&event) => return Ok(()),
                Some(ClientEvent::Refused { code, description, .. }) => {
                    return Err(format!("{code}: {description}"));
                }
                Some(ClientEvent::Challenged { demand }) => return Err(format!("{demand:?}")),
                Some(ClientEvent::Closed) => return Err("closed by the server".into()),
                Some(_) => {}
                None => return Err("no answer".into()),
            }
        }
    }
}

impl Client {
    /// What the server said that it can.
    #[must_use]
    pub fn peer(&self) -> Option<&Capabilities> {
        self.session.peer()
    }
}

/// An encoder.
pub struct Publisher(Client);

impl Publisher {
    /// Connects and publishes with this key.
    ///
    /// # Errors
    /// The server's code and words when it refused, or why the connection failed.
    pub fn connect(address: SocketAddr, key: &str) -> Result<Self, String> {
        let mut client = Client::dial(address, key, ClientRole::Publish)?;
        client.wait_for(|event| matches!(event, ClientEvent::Publishing))?;
        Ok(Self(client))
    }

    /// Sends one message; the time that the write took.
    ///
    /// # Errors
    /// Why the connection is gone.
    pub fn send(&mut self, kind: MediaKind, at: u32, body: Bytes) -> Result<Duration, String> {
        self.0.session.send_media(kind, at, body);
        self.0.flush()
    }

    /// Sends the headers of numbered frames: metadata, H.264, AAC.
    ///
    /// # Errors
    /// Why the connection is gone.
    pub fn send_headers(&mut self, at: u32, sound: bool) -> Result<(), String> {
        self.send_headers_with(at, sound, media::avc_config())
    }

    fn send_headers_with(&mut self, at: u32, sound: bool, video: Bytes) -> Result<(), String> {
        self.send(MediaKind::Data, at, media::metadata())?;
        self.send(MediaKind::Video, at, video)?;
        if sound {
            self.send(MediaKind::Audio, at, media::aac_config())?;
        }
        Ok(())
    }

    /// Cares for the connection until then.
    ///
    /// # Errors
    /// Why the server ended it.
    pub fn idle(&mut self, until: Instant) -> Result<(), String> {
        while let Some(event) = self.0.event(until)? {
            match event {
                ClientEvent::Refused { code, description, .. }
                | ClientEvent::Status { code, description }
                    if code.contains("BadName") || code.contains("Unpublish") =>
                {
                    return Err(format!("{code}: {description}"));
                }
                ClientEvent::Closed => return Err("closed by the server".into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends in good order.
    pub fn close(mut self) {
        self.0.session.close();
        let _ = self.0.flush();
        let _ = self.0.socket.shutdown(std::net::Shutdown::Write);
        let until = Instant::now() + Duration::from_secs(3);
        while self.0.ended.is_none() && Instant::now() < until {
            let _ = self.0.socket.set_read_timeout(Some(Duration::from_millis(200)));
            self.0.read();
        }
    }

    /// The socket, for those who want to mistreat it.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        &self.0.socket
    }
}

/// How numbered frames are sent.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Who sends; a receiver tells publishers apart by it.
    pub source: u8,
    /// Pictures per second.
    pub fps: u32,
    /// Bytes of each picture.
    pub size: usize,
    /// A key frame each so many pictures.
    pub gop: u32,
    /// Sound of 46 frames per second beside it.
    pub sound: bool,
    /// `level_idc` of the pictures; 0: as the project's clip has it.
    pub level: u8,
}

impl Default for Shape {
    fn default() -> Self {
        Self { source: 1, fps: 30, size: 4000, gop: 30, sound: true, level: 0 }
    }
}

/// What became of a [`Live`] publisher.
#[derive(Clone, Debug)]
pub struct LiveReport {
    /// Frames that were sent.
    pub frames: u32,
    /// The longest that one send took.
    pub slowest_send: Duration,
    /// The longest time between two sends: what no receiver can be blamed for.
    pub longest_gap: Duration,
    /// Why it ended before it was told to.
    pub error: Option<String>,
}

#[derive(Default)]
struct LiveState {
    stop: AtomicBool,
    vanish: AtomicBool,
    freeze: AtomicBool,
    sent: AtomicU32,
}

/// An encoder on a thread of its own, sending numbered frames in real time.
pub struct Live {
    state: Arc<LiveState>,
    thread: Option<JoinHandle<(LiveReport, Option<Publisher>)>>,
}

impl Live {
    /// Connects, then sends until it is stopped.
    ///
    /// # Errors
    /// Why it was not let in.
    pub fn start(address: SocketAddr, key: &str, shape: Shape) -> Result<Self, String> {
        let publisher = Publisher::connect(address, key)?;
        let state = Arc::<LiveState>::default();
        let shared = state.clone();
        let thread = std::thread::spawn(move || send_live(publisher, shape, &shared));
        Ok(Self { state, thread: Some(thread) })
    }

    /// Frames sent so far.
    #[must_use]
    pub fn sent(&self) -> u32 {
        self.state.sent.load(Ordering::Relaxed)
    }

    /// Whether it still sends.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Ends in good order.
    ///
    /// # Panics
    /// When the sender itself panicked.
    #[must_use]
    pub fn stop(mut self) -> LiveReport {
        self.end()
    }

    /// Ends without a word: the connection is reset.
    ///
    /// # Panics
    /// When the sender itself panicked.
    #[must_use]
    pub fn vanish(mut self) -> LiveReport {
        self.state.vanish.store(true, Ordering::Relaxed);
        self.end()
    }

    /// Falls silent as if its network were gone: the connection stays open for as long as what is
    /// returned is kept.
    ///
    /// # Panics
    /// When the sender itself panicked.
    #[must_use]
    pub fn freeze(mut self) -> (LiveReport, Option<Publisher>) {
        self.state.freeze.store(true, Ordering::Relaxed);
        self.join()
    }

    fn end(&mut self) -> LiveReport {
        self.join().0
    }

    fn join(&mut self) -> (LiveReport, Option<Publisher>) {
        self.state.stop.store(true, Ordering::Relaxed);
        let report = self.thread.take().and_then(|thread| thread.join().ok());
        report.unwrap_or_else(|| panic!("the sender failed"))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
    }
}

fn send_live(
    mut publisher: Publisher,
    shape: Shape,
    state: &LiveState,
) -> (LiveReport, Option<Publisher>) {
    let mut report = LiveReport {
        frames: 0,
        slowest_send: Duration::ZERO,
        longest_gap: Duration::ZERO,
        error: None,
    };
    let (began, mut last) = (Instant::now(), None::<Instant>);
    let (mut pictures, mut sounds) = (0_u32, 0_u32);
    let result = (|| {
        let header = match shape.level {
            0 => media::avc_config(),
            level => media::avc_config_of_level(level),
        };
        publisher.send_headers_with(0, shape.sound, header)?;
        while !state.stop.load(Ordering::Relaxed) {
            let picture_at = pictures * 1000 / shape.fps;
            let sound_at = sounds * 64 / 3;
            let (kind, at, body) = if shape.sound && sound_at < picture_at {
                sounds += 1;
                (MediaKind::Audio, sound_at, media::audio(shape.source, report.frames, 250))
            } else {
                let key = pictures.is_multiple_of(shape.gop);
                pictures += 1;
                let body = media::video(shape.source, report.frames, key, shape.size, 0);
                (MediaKind::Video, picture_at, body)
            };
            publisher.idle(began + Duration::from_millis(at.into()))?;
            let now = Instant::now();
            if let Some(last) = last.replace(now) {
                report.longest_gap = report.longest_gap.max(now - last);
            }
            report.slowest_send = report.slowest_send.max(publisher.send(kind, at, body)?);
            report.frames += 1;
            state.sent.store(report.frames, Ordering::Relaxed);
        }
        Ok::<(), String>(())
    })();
    report.error = result.err();
    if state.freeze.load(Ordering::Relaxed) {
        return (report, Some(publisher));
    }
    if state.vanish.load(Ordering::Relaxed) {
        let socket = socket2::SockRef::from(publisher.socket());
        let _ = socket.set_linger(Some(Duration::ZERO));
    } else {
        publisher.close();
    }
    (report, None)
}

/// A viewer on a thread of its own.
pub struct Watcher {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    end: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Connects and plays this name until it is stopped or the server ends it.
    ///
    /// # Errors
    /// Why it was not let in.
    pub fn start(address: SocketAddr, name: &str) -> Result<Self, String> {
        Self::with(address, name, |_, _| ())
    }

    /// The same; each message is also shown to `see`.
    ///
    /// # Errors
    /// Why it was not let in.
    pub fn with(
        address: SocketAddr,
        name: &str,
        mut see: impl FnMut(Instant, &manycast_rtmp::session::Media) + Send + 'static,
    ) -> Result<Self, String> {
        let mut client = Client::dial(address, name, ClientRole::Play)?;
        client.wait_for(|event| matches!(event, ClientEvent::Playing))?;
        let (stop, tally) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Tally>>::default());
        let end = Arc::<Mutex<Option<String>>>::default();
        let (stopped, seen, why) = (stop.clone(), tally.clone(), end.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match client.event(Instant::now() + Duration::from_millis(100)) {
                    Ok(Some(ClientEvent::Media { media })) => {
                        let now = Instant::now();
                        see(now, &media);
                        seen.lock().unwrap_or_else(PoisonError::into_inner).take(now, &media);
                    }
                    Ok(Some(ClientEvent::Closed)) => {
                        *why.lock().unwrap_or_else(PoisonError::into_inner) = Some("closed".into());
                        return;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        *why.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        return;
                    }
                }
            }
            client.session.close();
            let _ = client.flush();
        });
        Ok(Self { stop, tally, end, thread: Some(thread) })
    }

    /// What it saw so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the longest silence so far, to measure from here on.
    pub fn forget_silence(&self) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).silence = Duration::ZERO;
    }

    /// Why the connection ended by itself.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Leaves; what it saw.
    #[must_use]
    pub fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.tally()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
