//! A connection that we opened: the socket and the client's session on it.

use super::fault;
use crate::conn::now;
use crate::outbox::Outbox;
use bytes::Bytes;
use manycast_dial::Dialer;
use manycast_fanout::{Membership, ViewerEnd, ViewerStats};
use manycast_hub::{Fault, LinkEnd, Stage};
use manycast_rtmp::command::{RtmpUrl, UrlError};
use manycast_rtmp::limits::Limits;
use manycast_rtmp::session::{
    ClientConfig, ClientEvent, ClientRole, ClientSession, Input, MediaKind, MediaWriter, Output,
    Stage as Greeting,
};
use manycast_tls::{ClientTls, Transport};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How long connecting and securing may take, each.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(2);
const READ_BUFFER: usize = 16 * 1024;
/// Chunk size of what we send: large, and accepted everywhere.
const CHUNK_SIZE: u32 = 65_536;

/// What every connection that we open shares.
#[derive(Clone)]
pub struct ClientSettings {
    /// The one way out.
    pub dialer: Arc<Dialer>,
    /// Whom to trust.
    pub tls: Arc<ClientTls>,
    /// Bounds of one connection.
    pub limits: Limits,
}

/// Where to, read strictly for the dial and as encoders do for the protocol.
#[derive(Clone, Debug)]
pub struct Address {
    dial: manycast_dial::Target,
    url: RtmpUrl,
}

impl Address {
    /// A server's URL with the key apart.
    ///
    /// # Errors
    /// What is wrong with the URL, in words.
    pub fn with_key(url: &str, key: &str) -> Result<Self, LinkEnd> {
        Self::of(url, RtmpUrl::with_key(url, key))
    }

    /// A URL that ends in the stream's name or key.
    ///
    /// # Errors
    /// What is wrong with the URL, in words.
    pub fn whole(url: &str) -> Result<Self, LinkEnd> {
        Self::of(url, RtmpUrl::parse(url))
    }

    fn of(text: &str, url: Result<RtmpUrl, UrlError>) -> Result<Self, LinkEnd> {
        let wrong = |words: String| fault::end(Fault::Configuration, words);
        let dial = manycast_dial::Target::parse(text).map_err(|e| wrong(e.to_string()))?;
        Ok(Self { dial, url: url.map_err(|e| wrong(e.to_string()))? })
    }
}

/// A connection that we opened.
pub(super) struct ClientConn {
    transport: Arc<Transport>,
    /// The writing side, once the fan-out has it.
    fanout: Option<Membership>,
    session: ClientSession,
    out: Outbox,
    events: VecDeque<ClientEvent>,
    deadline: Option<Instant>,
    /// Set to the next deadline or an earlier one; see [`Self::arm`].
    timer: Pin<Box<Sleep>>,
    greeted: bool,
    accepted: bool,
}

impl ClientConn {
    /// Connects and begins to greet; `reach` is told of each stage.
    pub(super) async fn open(
        settings: &ClientSettings,
        address: &Address,
        role: ClientRole,
        reach: impl Fn(Stage),
    ) -> Result<Self, LinkEnd> {
        reach(Stage::Resolving);
        let staged = |stage| {
            if stage == manycast_dial::Stage::Connecting {
                reach(Stage::Connecting);
            }
        };
        let Address { dial, url } = address;
        let deadline = tokio::time::Instant::now() + CONNECT;
        let connected = settings.dialer.connect(&dial.host, dial.port, deadline, staged).await;
        let tcp = connected.map_err(|e| fault::dial(&e))?.tcp;
        let transport = if url.tls {
            reach(Stage::Securing);
            let secured = Transport::connect(tcp, &settings.tls, &url.host);
            match tokio::time::timeout(CONNECT, secured).await {
                Ok(secured) => secured.map_err(|e| fault::tls(&e))?,
                Err(_) => return Err(fault::end(Fault::Tls, "no answer to the TLS handshake")),
            }
        } else {
            Transport::plain(tcp)
        };
        reach(Stage::Handshake);
        let config = ClientConfig {
            chunk_size: CHUNK_SIZE,
            limits: settings.limits.clone(),
            ..ClientConfig::new(url, role, rand::random())
        };
        Ok(Self {
            transport: Arc::new(transport),
            fanout: None,
            session: ClientSession::new(now(), config),
            out: Outbox::default(),
            events: VecDeque::new(),
            deadline: None,
            timer: Box::pin(tokio::time::sleep(CONNECT)),
            greeted: false,
            accepted: false,
        })
    }

    pub(super) fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// Bytes that were not yet handed to the socket.
    pub(super) fn waiting(&self) -> usize {
        self.out.bytes()
    }

    /// The media half of the session; `None` as long as nothing may be published.
    pub(super) fn media_writer(&self) -> Option<MediaWriter> {
        self.session.media_writer()
    }

    /// Gives the writing side to the fan-out, which writes `rest` first.
    pub(super) fn lend(&mut self, join: impl FnOnce(Vec<Bytes>) -> Membership) {
        let rest = self.out.take();
        self.fanout = Some(join(rest));
    }

    /// What the fan-out wrote so far.
    pub(super) fn lent(&self) -> Option<ViewerStats> {
        self.fanout.as_ref().map(Membership::stats)
    }

    /// Resolves when the fan-out no longer writes; never if it does not have the writing side.
    pub(super) fn fanout_ended(&self) -> impl Future<Output = ViewerEnd> + Send + use<> {
        let ended = self.fanout.as_ref().map(Membership::ended);
        async move {
            match ended {
                Some(ended) => ended.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Hands media to the session.
    pub(super) fn send(&mut self, kind: MediaKind, timestamp: u32, body: Bytes) {
        self.session.send_media(kind, timestamp, body);
        self.collect();
    }

    /// Writes what the socket takes.
    pub(super) fn flush(&mut self) -> Result<(), LinkEnd> {
        if let Some(member) = &self.fanout {
            if self.out.is_empty() {
                return Ok(());
            }
            let full = |_| fault::end(Fault::Reset, "the far end takes nothing");
            return member.send(self.out.take()).map_err(full);
        }
        self.out.flush(&self.transport).map(drop).map_err(|e| fault::io(&e))
    }

    fn collect(&mut self) {
        loop {
            match self.session.poll_output() {
                Output::Transmit(piece) => self.out.push(piece),
                Output::Event(event) => self.events.push_back(event),
                Output::Idle { until } => {
                    self.deadline = until;
                    return;
                }
            }
        }
    }

    /// Drives the connection until something happens. Cancel-safe.
    pub(super) async fn event(&mut self) -> Result<ClientEvent, LinkEnd> {
        loop {
            self.collect();
            self.flush()?;
            if let Some(event) = self.events.pop_front() {
                self.note(&event);
                return Ok(event);
            }
            self.turn().await?;
        }
    }

    /// Drives the connection until everything was handed to the socket. Cancel-safe. What happens
    /// meanwhile waits for [`Self::event`].
    pub(super) async fn cleared(&mut self) -> Result<(), LinkEnd> {
        loop {
            self.collect();
            self.flush()?;
            if self.out.is_empty() {
                return Ok(());
            }
            self.turn().await?;
        }
    }

    /// Waits for the socket or the next deadline, and takes what came.
    async fn turn(&mut self) -> Result<(), LinkEnd> {
        let waiting = !self.out.is_empty() || self.transport.wants_flush();
        let writing = waiting && self.fanout.is_none();
        self.arm();
        tokio::select! {
            ready = self.transport.readable() => {
                ready.map_err(|e| fault::io(&e))?;
                self.read()
            }
            ready = self.transport.writable(), if writing => {
                ready.map_err(|e| fault::io(&e))
            }
            () = &mut self.timer => self.input(Input::Deadline),
        }
    }

    /// Moves the timer only to an earlier deadline, or when it has run out: setting it for each
    /// message would cost more than the message.
    fn arm(&mut self) {
        let deadline = self.deadline.unwrap_or_else(|| now() + CONNECT);
        let deadline = tokio::time::Instant::from_std(deadline);
        if deadline < self.timer.deadline() || self.timer.is_elapsed() {
            self.timer.as_mut().reset(deadline);
        }
    }

    fn note(&mut self, event: &ClientEvent) {
        match event {
            ClientEvent::Stage(Greeting::HandshakeDone) => self.greeted = true,
            ClientEvent::Publishing | ClientEvent::Playing => self.accepted = true,
            _ => {}
        }
    }

    fn input(&mut self, input: Input<'_>) -> Result<(), LinkEnd> {
        let greeted = self.greeted;
        self.session.handle_input(now(), input).map_err(|e| fault::session(&e, greeted))
    }

    fn read(&mut self) -> Result<(), LinkEnd> {
        let mut buffer = [0; READ_BUFFER];
        loop {
            match self.transport.try_read(&mut buffer) {
                Ok(0) => return Err(fault::closed(self.greeted, self.accepted)),
                Ok(n) => {
                    self.input(Input::Bytes(&buffer[..n]))?;
                    self.collect();
                    if !self.events.is_empty() {
                        return Ok(());
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(fault::io(&e)),
            }
        }
    }

    /// Says goodbye in order and waits until the far end has it, two seconds at most.
    pub(super) async fn close(mut self) {
        if let Some(member) = self.fanout.take() {
            let detached = member.detach().await;
            self.out.prepend(detached.map(|d| d.rest).unwrap_or_default());
        }
        self.session.close();
        self.collect();
        let farewell = async {
            while !self.out.is_empty() {
                self.flush().ok()?;
                if !self.out.is_empty() {
                    self.transport.writable().await.ok()?;
                }
            }
            self.transport.shutdown_write();
            let mut buffer = [0; 4096];
            loop {
                self.transport.readable().await.ok()?;
                match self.transport.try_read(&mut buffer) {
                    Ok(0) => return Some(()),
                    Ok(_) => {}
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => return None,
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

/// The message of an event that ends the connection.
pub(crate) fn verdict(event: &ClientEvent, accepted: bool) -> Option<LinkEnd> {
    Some(match event {
        ClientEvent::Refused { code, description, command } => {
            let words = match (code.is_empty(), description.is_empty()) {
                (false, false) => format!("{code}: {description}"),
                (false, true) => code.clone(),
                (true, false) => description.clone(),
                (true, true) => format!("refused {command} without a reason"),
            };
            fault::end(Fault::Rejected, words)
        }
        ClientEvent::Redirect { .. } => {
            fault::end(Fault::Rejected, "the far end redirects to another address")
        }
        ClientEvent::Closed => fault::closed(true, accepted),
        _ => return None,
    })
}
