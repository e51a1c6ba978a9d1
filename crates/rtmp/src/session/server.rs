//! The server's side of one connection.
//!
//! Belongs here: the states and what the owner may ask of them.
//! Must not come here: the commands, see `server/ready.rs`.

mod config;
mod connecting;
mod handshaking;
mod play;
mod publish;
mod ready;
mod stream;

use std::time::Instant;

use bytes::Bytes;

pub use config::ServerConfig;

use self::{
    connecting::{Connecting, Deciding},
    handshaking::Handshaking,
    ready::Ready,
};
use super::{
    Capabilities,
    error::{SessionError, Wait},
    event::{
        CloseReason, DrainReason, Event, Input, MediaKind, Output, RefusalCode, RequestId, Verdict,
    },
    link::Link,
    outbox::Outbox,
    pace::sooner,
};
use crate::{command::StreamKeyText, message::MessageStreamId};

/// Replies are at most so many times what the peer sent.
const REPLY_RATIO: u64 = 4;

/// What the client's half of the handshake brought, RTMP 5.2.
const HANDSHAKE_BYTES: u64 = 1 + 2 * 1536;

/// One client's connection, from its first byte to its last.
///
/// Give it what happens with [`Self::handle_input`], and after each call (and after each of the
/// sending methods) drain [`Self::poll_output`] until it says [`Output::Idle`].
#[derive(Debug)]
pub struct ServerSession {
    config: ServerConfig,
    out: Outbox<Event>,
    state: State,
    requests: u64,
    now: Instant,
}

#[derive(Debug)]
enum State {
    Handshaking(Box<Handshaking>),
    Connecting(Box<Connecting>),
    Deciding(Box<Deciding>),
    Ready(Box<Ready>),
    /// The peer was told; its bytes are no longer read.
    Draining,
}

/// What the states need beside themselves.
struct Context<'a> {
    now: Instant,
    config: &'a ServerConfig,
    out: &'a mut Outbox<Event>,
    requests: &'a mut u64,
}

impl Context<'_> {
    /// A number for a new request.
    fn request(&mut self) -> RequestId {
        *self.requests = self.requests.saturating_add(1);
        RequestId(*self.requests)
    }

    fn close(&mut self, reason: CloseReason) -> State {
        self.out.event(Event::Close { reason });
        State::Draining
    }
}

impl ServerSession {
    /// A session whose connection was accepted at `now`.
    #[must_use]
    pub fn new(now: Instant, config: ServerConfig) -> Self {
        let state = State::Handshaking(Box::new(Handshaking::new(now, &config)));
        Self { config, out: Outbox::new(), state, requests: 0, now }
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection. What [`Self::poll_output`] still gives is worth one
    /// attempt to write; streams that were in use get no event of their end.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) -> Result<(), SessionError> {
        self.now = now;
        let state = std::mem::replace(&mut self.state, State::Draining);
        let mut context = self.context();
        let mut state = match input {
            Input::Bytes(bytes) => state.bytes(&mut context, bytes)?,
            Input::Verdict { request, verdict } => state.verdict(&mut context, request, verdict)?,
            Input::Deadline => state,
            Input::Eof => state.end(&mut context, CloseReason::PeerClosed, false),
        };
        state.check_deadlines(&mut context)?;
        self.state = state;
        Ok(())
    }

    /// What to do next: first all bytes, then all events, then when to come back.
    pub fn poll_output(&mut self) -> Output {
        if let Some(piece) = self.out.next_piece() {
            return Output::Transmit(piece);
        }
        match self.out.next_event() {
            Some(event) => Output::Event(event),
            None => Output::Idle { until: self.state.deadline(&self.config) },
        }
    }

    /// Sends media to a player with headers of its own. Nothing goes to a player that paused or
    /// turned this kind off, nor on a stream that does not play. Data loses its `@setDataFrame`.
    pub fn send_media(
        &mut self,
        stream: MessageStreamId,
        kind: MediaKind,
        timestamp: u32,
        body: Bytes,
    ) {
        self.with_ready(|ready, context| ready.send_media(context, stream, kind, timestamp, body));
    }

    /// To be called before [`Self::send_media`] when the owner wrote media itself in between, with
    /// full headers and in chunks of `Limits::out_chunk_size`, as it may once a play is accepted and
    /// all output before is written.
    pub fn wrote_media_around(&mut self) {
        self.out.forget_media();
    }

    /// Tells a player that its stream has a publisher (again).
    pub fn notify_publish(&mut self, stream: MessageStreamId) {
        self.with_ready(|ready, context| ready.notify_publish(context, stream));
    }

    /// Tells a player that its stream has lost its publisher: Stream EOF, then
    /// `NetStream.Play.UnpublishNotify`. ffmpeg takes it as the end; do not send it when the
    /// publisher is expected back. The stream still counts as playing.
    pub fn notify_unpublish(&mut self, stream: MessageStreamId) {
        self.with_ready(|ready, context| ready.notify_unpublish(context, stream));
    }

    /// Ends a play in order: [`Self::notify_unpublish`], then `NetStream.Play.Stop`. The client may
    /// play something else within the setup time.
    pub fn end_play(&mut self, stream: MessageStreamId) {
        self.with_ready(|ready, context| ready.end_play(context, stream));
    }

    /// Ends a stream whose request was accepted before: says why, then asks for the close. Other
    /// streams of the connection end with it.
    pub fn publish_refused_later(
        &mut self,
        stream: MessageStreamId,
        code: RefusalCode,
        description: &str,
    ) {
        let mut close = false;
        self.with_ready(|ready, context| {
            close = ready.refuse_stream(context, stream, code, description);
        });
        if close {
            self.end(CloseReason::Refused(code));
        }
    }

    /// Asks the client to connect anew, to `tc_url` if given (E-RTMP v2 Reconnect Request). `false`
    /// when the client did not say that it understands: then nothing is sent.
    pub fn reconnect_request(&mut self, tc_url: Option<&StreamKeyText>, description: &str) -> bool {
        let mut sent = false;
        self.with_ready(|ready, context| {
            sent = ready.reconnect_request(context, tc_url, description);
        });
        sent
    }

    /// What the client said that it can; `None` before it connected.
    #[must_use]
    pub fn peer(&self) -> Option<&Capabilities> {
        match &self.state {
            State::Ready(ready) => Some(&ready.peer),
            _ => None,
        }
    }

    /// Ends the session in order: tells the peer on every stream, then asks for the close.
    pub fn drain(&mut self, reason: DrainReason) {
        self.with_ready(|ready, context| ready.say_farewell(context, reason));
        self.end(CloseReason::Drained(reason));
    }

    /// Bytes that the message under way lacks at least; `None` between two messages.
    #[must_use]
    pub fn missing(&self) -> Option<usize> {
        match &self.state {
            State::Ready(ready) => ready.link.missing(),
            _ => None,
        }
    }

    /// Bytes handed out by [`Self::poll_output`] or waiting there. What the owner writes around the
    /// session is not in it.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.out.sent()
    }

    /// Bytes sent because the peer asked: at most four times what it sent.
    #[must_use]
    pub fn bytes_replied(&self) -> u64 {
        self.out.replied()
    }

    fn end(&mut self, reason: CloseReason) {
        if !matches!(self.state, State::Draining) {
            let state = std::mem::replace(&mut self.state, State::Draining);
            self.state = state.end(&mut self.context(), reason, true);
        }
    }

    fn with_ready(&mut self, act: impl FnOnce(&mut Ready, &mut Context<'_>)) {
        let Self { config, out, state, requests, now } = self;
        if let State::Ready(ready) = state {
            act(ready, &mut Context { now: *now, config, out, requests });
        }
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            now: self.now,
            config: &self.config,
            out: &mut self.out,
            requests: &mut self.requests,
        }
    }
}

impl State {
    /// Hands bytes to the state they meet; a state that ends within them passes the rest on.
    fn bytes(self, context: &mut Context<'_>, bytes: &[u8]) -> Result<Self, SessionError> {
        let mut input = bytes;
        let mut state = self;
        if let Some(link) = state.link() {
            link.count(context.now, bytes.len());
        }
        loop {
            let before = std::mem::discriminant(&state);
            state = match state {
                Self::Handshaking(handshaking) => handshaking.read(context, &mut input)?,
                Self::Connecting(connecting) => connecting.read(context, &mut input)?,
                Self::Deciding(deciding) => deciding.read(context, &mut input)?,
                Self::Ready(ready) => ready.read(context, &mut input)?,
                Self::Draining => return Ok(Self::Draining),
            };
            if std::mem::discriminant(&state) == before {
                break;
            }
        }
        if let Some(link) = state.link() {
            link.finish(context.now, context.out)?;
            let paid = link.received().saturating_add(HANDSHAKE_BYTES);
            if context.out.replied() > paid.saturating_mul(REPLY_RATIO) {
                return Err(SessionError::ReplyFlood);
            }
        }
        Ok(state)
    }

    fn verdict(
        self,
        context: &mut Context<'_>,
        request: RequestId,
        verdict: Verdict,
    ) -> Result<Self, SessionError> {
        match self {
            Self::Deciding(deciding) => deciding.verdict(context, request, verdict),
            Self::Ready(ready) => Ok(ready.verdict(context, request, verdict)),
            other => Ok(other),
        }
    }

    /// Ends all streams, then the connection.
    fn end(self, context: &mut Context<'_>, reason: CloseReason, orderly: bool) -> Self {
        match self {
            Self::Draining => return Self::Draining,
            Self::Ready(mut ready) => ready.end_streams(context, orderly),
            _ => {}
        }
        context.close(reason)
    }

    fn link(&mut self) -> Option<&mut Link> {
        match self {
            Self::Connecting(connecting) => Some(&mut connecting.link),
            Self::Deciding(deciding) => Some(&mut deciding.link),
            Self::Ready(ready) => Some(&mut ready.link),
            Self::Handshaking(_) | Self::Draining => None,
        }
    }

    fn deadline(&self, config: &ServerConfig) -> Option<Instant> {
        match self {
            Self::Handshaking(handshaking) => Some(handshaking.deadline),
            Self::Connecting(connecting) => {
                sooner(Some(connecting.deadline), connecting.link.slow_deadline())
            }
            Self::Deciding(deciding) => {
                sooner(Some(deciding.deadline), deciding.link.slow_deadline())
            }
            Self::Ready(ready) => ready.deadline(config),
            Self::Draining => None,
        }
    }

    fn check_deadlines(&mut self, context: &mut Context<'_>) -> Result<(), SessionError> {
        let now = context.now;
        if let Some(link) = self.link() {
            link.check_pace(now)?;
        }
        let passed = |deadline, wait| match deadline <= now {
            true => Err(SessionError::Timeout(wait)),
            false => Ok(()),
        };
        match self {
            Self::Handshaking(handshaking) => passed(handshaking.deadline, Wait::Handshake),
            Self::Connecting(connecting) => passed(connecting.deadline, Wait::Setup),
            Self::Deciding(deciding) => passed(deciding.deadline, Wait::Verdict),
            Self::Ready(ready) => ready.check_deadlines(context),
            Self::Draining => Ok(()),
        }
    }
}
