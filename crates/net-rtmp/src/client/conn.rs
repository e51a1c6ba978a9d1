//! A connection that we opened: the socket and the client's session on it.

use super::{fault, login};
use crate::conn::now;
use crate::outbox::Outbox;
use crate::socket::Socket;
use bytes::Bytes;
use manycast_dial::Dialer;
use manycast_fanout::{Membership, ViewerEnd, ViewerStats};
use manycast_hub::{Fault, LinkEnd, Stage};
use manycast_rtmp::auth::Login;
use manycast_rtmp::command::{RtmpUrl, StreamKeyText, UrlError};
use manycast_rtmp::limits::Limits;
use manycast_rtmp::session::{
    Capabilities, ClientConfig, ClientEvent, ClientRole, ClientSession, Input, MediaKind,
    MediaWriter, Output, Stage as Greeting,
};
use manycast_tls::{ClientTls, Transport};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How long connecting and securing may take, each.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(2);
const READ_BUFFER: usize = 16 * 1024;
/// How often a writer that is behind is looked at before the goodbye.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long a connection that takes nothing more is listened to. One that was reset ends at once.
const LAST_WORDS: Duration = Duration::from_secs(1);
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
    login: Option<Login>,
}

impl Address {
    /// A server's URL with the key apart. It may hold `USER:PASSWORD@` before the host.
    ///
    /// # Errors
    /// What is wrong with the URL, in words.
    pub fn with_key(url: &str, key: &str) -> Result<Self, LinkEnd> {
        Self::of(url, |url| RtmpUrl::with_key(url, key))
    }

    /// A URL that ends in the stream's name or key. It may hold `USER:PASSWORD@` before the host.
    ///
    /// # Errors
    /// What is wrong with the URL, in words.
    pub fn whole(url: &str) -> Result<Self, LinkEnd> {
        Self::of(url, RtmpUrl::parse)
    }

    /// The same with this user and password, if the URL named none.
    #[must_use]
    pub fn or_login(self, login: Option<Login>) -> Self {
        Self { login: self.login.or(login), ..self }
    }

    fn of(
        text: &str,
        split: impl FnOnce(&str) -> Result<RtmpUrl, UrlError>,
    ) -> Result<Self, LinkEnd> {
        let wrong = |words: String| fault::end(Fault::Configuration, words);
        let (text, login) = Login::split_url(text).map_err(|e| wrong(e.to_string()))?;
        let dial = manycast_dial::Target::parse(&text).map_err(|e| wrong(e.to_string()))?;
        Ok(Self { dial, url: split(&text).map_err(|e| wrong(e.to_string()))?, login })
    }

    pub(super) fn url(&self) -> &RtmpUrl {
        &self.url
    }

    pub(super) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }
}

/// The last words on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// `FCUnpublish` and `deleteStream`: the broadcast is over.
    EndStream,
    /// None, as when a connection is lost: platforms then wait for the next one.
    Leave,
}

/// What is said on a connection.
pub(super) struct Offer {
    pub(super) role: ClientRole,
    /// The URL of the address, with whatever answers the far end has asked for in its query.
    pub(super) url: RtmpUrl,
    /// What we can.
    pub(super) announce: Capabilities,
}

/// A connection that we opened.
pub(super) struct ClientConn {
    url: RtmpUrl,
    peer_address: SocketAddr,
    /// `tcUrl` as the far end was told.
    tc_url: StreamKeyText,
    socket: Arc<Socket>,
    /// The writing side, once the fan-out has it.
    fanout: Option<Membership>,
    /// The fan-out's counters, once it has given the writing side back.
    former: Option<Membership>,
    session: ClientSession,
    out: Outbox,
    events: VecDeque<ClientEvent>,
    deadline: Option<Instant>,
    /// Set to the next deadline or an earlier one; see [`Self::arm`].
    timer: Pin<Box<Sleep>>,
    greeted: bool,
    accepted: bool,
    broken: Option<Broken>,
}

/// A connection that goes on no more.
struct Broken {
    /// To be told after the far end's last words.
    end: LinkEnd,
    /// Until when these may come; `None`: there are no more.
    listen: Option<tokio::time::Instant>,
}

impl ClientConn {
    /// Connects and begins to greet; `reach` is told of each stage.
    pub(super) async fn open(
        settings: &ClientSettings,
        address: &Address,
        offer: Offer,
        reach: impl Fn(Stage),
    ) -> Result<Self, LinkEnd> {
        reach(Stage::Resolving);
        let staged = |stage| {
            if stage == manycast_dial::Stage::Connecting {
                reach(Stage::Connecting);
            }
        };
        let Address { dial, url, .. } = address;
        let deadline = tokio::time::Instant::now() + CONNECT;
        let connected = settings.dialer.connect(&dial.host, dial.port, deadline, staged).await;
        let connected = connected.map_err(|e| fault::dial(&e))?;
        let (tcp, peer_address) = (connected.tcp, connected.addr);
        let transport = if url.tls {
            reach(Stage::Securing);
            // The name as it was dialled: in ASCII, and without the brackets of IPv6.
            let name = dial.host.to_string();
            let secured = Transport::connect(tcp, &settings.tls, &name);
            let patience = settings.limits.handshake.min(CONNECT);
            match tokio::time::timeout(patience, secured).await {
                Ok(secured) => secured.map_err(|e| fault::tls(&e))?,
                Err(_) => {
                    let words = "the far end did not answer the TLS handshake";
                    return Err(fault::end(Fault::Tls, words));
                }
            }
        } else {
            Transport::plain(tcp)
        };
        reach(Stage::Handshake);
        let config = ClientConfig {
            chunk_size: CHUNK_SIZE,
            limits: settings.limits.clone(),
            announce: offer.announce,
            ..ClientConfig::new(&offer.url, offer.role, rand::random())
        };
        Ok(Self {
            url: url.clone(),
            peer_address,
            tc_url: offer.url.tc_url,
            socket: Arc::new(Socket(transport)),
            fanout: None,
            former: None,
            session: ClientSession::new(now(), config),
            out: Outbox::default(),
            events: VecDeque::new(),
            deadline: None,
            timer: Box::pin(tokio::time::sleep(CONNECT)),
            greeted: false,
            accepted: false,
            broken: None,
        })
    }

    /// Where to, as the protocol has it.
    pub(super) fn url(&self) -> &RtmpUrl {
        &self.url
    }

    /// Whether this is the address that the far end is dialled at already.
    pub(super) fn is_at(&self, tc_url: &StreamKeyText) -> bool {
        *tc_url == self.tc_url || *tc_url == self.url.tc_url
    }

    /// What the far end said that it can.
    pub(super) fn peer(&self) -> Capabilities {
        self.session.peer().cloned().unwrap_or_default()
    }

    /// Whether the far end has spoken RTMP.
    pub(super) fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Drives the connection up to the answer to `connect`; `greeted` hears that the far end has
    /// spoken RTMP. What the session would say next, and with that the key, is not written yet.
    pub(super) async fn greeting(&mut self, greeted: impl Fn()) -> Result<ClientEvent, LinkEnd> {
        loop {
            let event = self.hear(true).await?;
            if event == ClientEvent::Stage(Greeting::HandshakeDone) {
                greeted();
            }
            if login::is_answer(&event) {
                return Ok(event);
            }
        }
    }

    /// Where the far end is.
    pub(super) fn peer_address(&self) -> SocketAddr {
        self.peer_address
    }

    /// Lets [`Self::event`] tell it again.
    pub(super) fn put_back(&mut self, event: ClientEvent) {
        self.events.push_front(event);
    }

    pub(super) fn socket(&self) -> &Arc<Socket> {
        &self.socket
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

    /// Resolves when everything that is there has been written, or after `bound`.
    pub(super) async fn written(&self, bound: Duration) {
        let Some(member) = &self.fanout else { return };
        let behind = || member.end().is_none() && member.stats().lag > Duration::ZERO;
        let caught_up = async {
            while behind() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let _ = member.send(Vec::new());
        let _ = tokio::time::timeout(bound, caught_up).await;
    }

    /// Takes the writing side back from the fan-out, with the rest of what that has begun. Its
    /// counters are final from then on: a writer may be ahead of them.
    pub(super) async fn take_back(&mut self) {
        let Some(member) = self.fanout.take() else { return };
        let detached = async { if member.end().is_none() { member.detach().await } else { None } };
        let rest = match tokio::time::timeout(LAST_WORDS, detached).await {
            Ok(Some(detached)) => detached.rest,
            Ok(None) => member.rest(),
            // What was begun is not known: nothing may follow it.
            Err(_) => {
                self.socket.abort();
                Vec::new()
            }
        };
        self.out.prepend(rest);
        self.former = Some(member);
    }

    /// What the fan-out wrote so far.
    pub(super) fn lent(&self) -> Option<ViewerStats> {
        self.fanout.as_ref().or(self.former.as_ref()).map(Membership::stats)
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
        self.out.flush(&self.socket).map(drop).map_err(|e| self.io(&e))
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

    /// Drives the connection until something happens. Cancel-safe. The end of the connection is
    /// told after everything that the far end said before it.
    pub(super) async fn event(&mut self) -> Result<ClientEvent, LinkEnd> {
        self.hear(false).await
    }

    /// `quietly`: an event is told before anything is written that the session says to it.
    async fn hear(&mut self, quietly: bool) -> Result<ClientEvent, LinkEnd> {
        loop {
            self.collect();
            if (self.events.is_empty() || !quietly)
                && self.broken.is_none()
                && let Err(end) = self.flush()
            {
                self.takes_nothing(end);
            }
            if let Some(event) = self.events.pop_front() {
                self.note(&event);
                return Ok(event);
            }
            match &self.broken {
                Some(Broken { end, listen: None }) => return Err(end.clone()),
                Some(Broken { listen: Some(until), .. }) => self.last_words(*until).await,
                None => {
                    if let Err(end) = self.turn().await {
                        self.broken = Some(Broken { end, listen: None });
                    }
                }
            }
        }
    }

    /// The fan-out could not go on writing; [`Self::event`] tells what the far end said to that.
    pub(super) fn writing_broke(&mut self, kind: ErrorKind) {
        let end = self.io(&kind.into());
        self.takes_nothing(end);
    }

    /// Nothing more can be written. A refusal often stands right before the reset that shows it, so
    /// the end waits for what can still be read.
    fn takes_nothing(&mut self, end: LinkEnd) {
        let listen = Some(tokio::time::Instant::now() + LAST_WORDS);
        self.broken.get_or_insert(Broken { end, listen });
    }

    /// Reads what still lies in the receive buffer, up to the next event or the end. Cancel-safe.
    /// The runtime may learn of it later than the writer learnt of the reset.
    async fn last_words(&mut self, until: tokio::time::Instant) {
        let more = match self.read() {
            Ok(true) => true,
            Ok(false) => {
                matches!(tokio::time::timeout_at(until, self.socket.readable()).await, Ok(Ok(())))
            }
            Err(_) => false,
        };
        let late = tokio::time::Instant::now() >= until;
        if let Some(broken) = self.broken.as_mut().filter(|_| late || !more) {
            broken.listen = None;
        }
    }

    /// What a failure of the socket means. Linux says EPIPE where ECONNRESET would come if the far
    /// end had closed in order before.
    fn io(&self, error: &std::io::Error) -> LinkEnd {
        match error.kind() {
            ErrorKind::BrokenPipe => fault::closed(self.greeted, self.accepted),
            _ => fault::io(error),
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
        let waiting = !self.out.is_empty() || self.socket.wants_flush();
        let writing = waiting && self.fanout.is_none();
        self.arm();
        tokio::select! {
            ready = self.socket.readable() => {
                ready.map_err(|e| fault::io(&e))?;
                self.read().map(drop)
            }
            ready = self.socket.writable(), if writing => {
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

    /// Takes in what came, up to the next event; `false`: there is nothing more now.
    fn read(&mut self) -> Result<bool, LinkEnd> {
        let mut buffer = [0; READ_BUFFER];
        loop {
            match self.socket.try_read(&mut buffer) {
                Ok(0) => return Err(fault::closed(self.greeted, self.accepted)),
                Ok(n) => {
                    self.input(Input::Bytes(&buffer[..n]))?;
                    self.collect();
                    if !self.events.is_empty() {
                        return Ok(true);
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.io(&e)),
            }
        }
    }

    /// The end that an event means, if it ends the connection.
    pub(super) fn verdict(&self, event: &ClientEvent) -> Option<LinkEnd> {
        fault::verdict(event, &self.url, self.accepted)
    }

    /// Closes in order and waits until the far end has everything, two seconds at most. What was begun
    /// goes out before; what then still waits is thrown away together with the connection.
    pub(super) async fn close(mut self, words: Farewell) {
        let done = tokio::time::timeout(FAREWELL, self.farewell(words)).await;
        if done.is_err() && (!self.out.is_empty() || self.socket.wants_flush()) {
            self.socket.abort();
        }
    }

    /// The last words and the end of our direction; then nothing but reading, so that no reset
    /// destroys them. `None`: the connection is gone already.
    async fn farewell(&mut self, words: Farewell) -> Option<()> {
        self.take_back().await;
        if words == Farewell::EndStream {
            self.session.close();
            self.collect();
        }
        let (mut closing, mut ended) = (false, false);
        loop {
            self.flush().ok()?;
            let writing = !self.out.is_empty() || self.socket.wants_flush();
            if !writing && !std::mem::replace(&mut closing, true) {
                self.socket.shutdown_write();
                continue;
            }
            if ended && !writing {
                return Some(());
            }
            tokio::select! {
                ready = self.socket.readable(), if !ended => {
                    ready.ok()?;
                    ended = self.pass_over()?;
                }
                ready = self.socket.writable(), if writing => ready.ok()?,
            }
        }
    }

    /// Reads what nobody needs any more. Whether the far end has ended its direction.
    fn pass_over(&self) -> Option<bool> {
        let mut buffer = [0; READ_BUFFER];
        loop {
            match self.socket.try_read(&mut buffer) {
                Ok(0) => return Some(true),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Some(false),
                Err(_) => return None,
            }
        }
    }
}
