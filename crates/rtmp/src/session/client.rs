//! The client's side of one connection: publishes one stream to a server, or plays one.
//!
//! Belongs here: the stages up to media, and what may be asked meanwhile.
//! Must not come here: when to try again, see the caller.

mod commands;
mod config;
mod event;
mod status;
mod writer;

use std::time::Instant;

use bytes::Bytes;

pub use config::{ClientConfig, ClientRole};
pub use event::{ClientEvent, Stage};
pub use writer::MediaWriter;

use self::commands::{DELETE_STREAM, FC_UNPUBLISH};
use super::{
    Capabilities,
    error::{SessionError, Wait},
    event::{Input, MediaKind, Output},
    link::{Arrival, Link},
    media,
    outbox::Outbox,
    pace::{after, sooner},
};
use crate::{
    command::with_set_data_frame,
    handshake::{ClientHandshake, HandshakeStatus},
    message::MessageStreamId,
};

/// One connection to a server, from our first byte to our last.
///
/// Drive it as a [`ServerSession`](super::ServerSession); the first poll gives the handshake. After
/// [`ClientEvent::Closed`] nothing more comes: write what is left and close.
#[derive(Debug)]
pub struct ClientSession {
    config: ClientConfig,
    out: Outbox<ClientEvent>,
    state: State,
    now: Instant,
}

#[derive(Debug)]
enum State {
    Handshaking { handshake: Box<ClientHandshake>, deadline: Instant },
    Online(Box<Online>),
    Ended,
}

/// The handshake is done.
#[derive(Debug)]
struct Online {
    link: Link,
    phase: Phase,
    /// Whether `_checkbw` was sent; once is enough.
    checked_bandwidth: bool,
    /// What the server can, as it said itself.
    peer: Capabilities,
}

/// How far an online client has come.
#[derive(Debug)]
enum Phase {
    /// `connect` waits for its result.
    Connecting { deadline: Instant },
    /// `createStream` waits for its result.
    Creating { deadline: Instant },
    /// `publish` or `play` waits for its status.
    Starting { stream: MessageStreamId, deadline: Instant },
    /// Media flows.
    Running { stream: MessageStreamId, last_media: Instant },
}

/// What the phases need beside themselves.
struct Context<'a> {
    now: Instant,
    config: &'a ClientConfig,
    out: &'a mut Outbox<ClientEvent>,
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Stay,
    End,
}

impl ClientSession {
    /// A session whose connection was made at `now`.
    #[must_use]
    pub fn new(now: Instant, config: ClientConfig) -> Self {
        let mut handshake = if config.digest {
            ClientHandshake::with_digest(config.epoch_ms, config.seed)
        } else {
            ClientHandshake::new(config.epoch_ms, config.seed)
        };
        let mut out = Outbox::new();
        out.handshake([handshake.start()]);
        let deadline = after(now, config.limits.handshake);
        let state = State::Handshaking { handshake: Box::new(handshake), deadline };
        Self { config, out, state, now }
    }

    /// Takes what happened. A verdict means nothing here.
    ///
    /// # Errors
    /// [`SessionError`]: close the connection.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) -> Result<(), SessionError> {
        self.now = now;
        let state = std::mem::replace(&mut self.state, State::Ended);
        let mut context = Context { now, config: &self.config, out: &mut self.out };
        let mut state = match input {
            Input::Bytes(bytes) => state.bytes(&mut context, bytes)?,
            Input::Eof if !matches!(state, State::Ended) => context.end(),
            Input::Verdict { .. } | Input::Deadline | Input::Eof => state,
        };
        state.check_deadlines(&context)?;
        self.state = state;
        Ok(())
    }

    /// What to do next: first all bytes, then all events, then when to come back.
    pub fn poll_output(&mut self) -> Output<ClientEvent> {
        if let Some(piece) = self.out.next_piece() {
            return Output::Transmit(piece);
        }
        match self.out.next_event() {
            Some(event) => Output::Event(event),
            None => Output::Idle { until: self.state.deadline(&self.config) },
        }
    }

    /// Publishes media; `false` when the server has not begun the stream, or it is a player's:
    /// then nothing is sent. Metadata gets the `@setDataFrame` that servers want.
    pub fn send_media(&mut self, kind: MediaKind, timestamp: u32, body: Bytes) -> bool {
        let State::Online(online) = &self.state else { return false };
        let Phase::Running { stream, .. } = online.phase else { return false };
        if self.config.role != ClientRole::Publish {
            return false;
        }
        let body = if kind == MediaKind::Data { with_set_data_frame(&body) } else { body };
        self.out.send_media(&media::to_message(stream, kind, timestamp, body));
        true
    }

    /// The media half of a stream that the server has begun, for a writer elsewhere: the session
    /// then keeps to control and commands, and [`Self::send_media`] must not be used any more.
    /// `None` as long as nothing may be published.
    #[must_use]
    pub fn media_writer(&self) -> Option<MediaWriter> {
        let State::Online(online) = &self.state else { return None };
        let Phase::Running { stream, .. } = online.phase else { return None };
        let publishes = self.config.role == ClientRole::Publish;
        publishes.then(|| MediaWriter::new(stream, self.config.chunk_size))
    }

    /// What the server said that it can in the result of `connect`; `None` before that. One that said
    /// nothing has the default, which means that nothing is known.
    #[must_use]
    pub fn peer(&self) -> Option<&Capabilities> {
        match &self.state {
            State::Online(online) if !matches!(online.phase, Phase::Connecting { .. }) => {
                Some(&online.peer)
            }
            _ => None,
        }
    }

    /// Ends in order: `FCUnpublish`, `deleteStream`, as far as there is something to end, then
    /// [`ClientEvent::Closed`].
    pub fn close(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Ended);
        if matches!(state, State::Ended) {
            return;
        }
        let mut context = Context { now: self.now, config: &self.config, out: &mut self.out };
        if let State::Online(online) = state
            && let Phase::Starting { stream, .. } | Phase::Running { stream, .. } = online.phase
        {
            if context.config.role == ClientRole::Publish {
                context.call_with_name("FCUnpublish", FC_UNPUBLISH);
            }
            context.call("deleteStream", DELETE_STREAM, &[stream.0.into()]);
        }
        context.end();
    }

    /// Bytes handed out by [`Self::poll_output`] or waiting there, to be compared with
    /// [`ClientEvent::PeerAcknowledged`].
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.config.counted.saturating_add(self.out.sent())
    }
}

impl Context<'_> {
    fn end(&mut self) -> State {
        self.out.event(ClientEvent::Closed);
        State::Ended
    }
}

impl State {
    fn bytes(self, context: &mut Context<'_>, bytes: &[u8]) -> Result<Self, SessionError> {
        let mut input = bytes;
        let mut online = match self {
            Self::Ended => return Ok(self),
            Self::Online(mut online) => {
                online.link.count(context.now, bytes.len());
                online
            }
            Self::Handshaking { mut handshake, deadline } => {
                let mut pieces = Vec::new();
                let status = handshake.read(&mut input, &mut pieces)?;
                context.out.handshake(pieces);
                if status != HandshakeStatus::Done {
                    return Ok(Self::Handshaking { handshake, deadline });
                }
                Box::new(Online::begin(context, input.len()))
            }
        };
        while let Some(arrival) = online.link.next(&mut input, context.out)? {
            let next = match arrival {
                Arrival::Message(message) => online.message(context, &message)?,
                Arrival::Acknowledged(bytes) => {
                    context.out.event(ClientEvent::PeerAcknowledged { bytes });
                    Next::Stay
                }
                Arrival::User(_) => Next::Stay,
            };
            if next == Next::End {
                return Ok(context.end());
            }
        }
        online.link.finish(context.now, context.out)?;
        Ok(Self::Online(online))
    }

    fn deadline(&self, config: &ClientConfig) -> Option<Instant> {
        match self {
            Self::Handshaking { deadline, .. } => Some(*deadline),
            Self::Online(online) => {
                let phase = online.deadline(config).map(|(deadline, _)| deadline);
                sooner(phase, online.link.slow_deadline())
            }
            Self::Ended => None,
        }
    }

    fn check_deadlines(&mut self, context: &Context<'_>) -> Result<(), SessionError> {
        let due = match self {
            Self::Handshaking { deadline, .. } => Some((*deadline, Wait::Handshake)),
            Self::Online(online) => {
                online.link.check_pace(context.now)?;
                online.deadline(context.config)
            }
            Self::Ended => None,
        };
        match due {
            Some((deadline, wait)) if deadline <= context.now => Err(SessionError::Timeout(wait)),
            _ => Ok(()),
        }
    }
}

impl Online {
    /// Until when the server has to answer, or, for a player, to send media. What comes in as one
    /// long message is the slow watch's matter.
    fn deadline(&self, config: &ClientConfig) -> Option<(Instant, Wait)> {
        match self.phase {
            Phase::Connecting { deadline }
            | Phase::Creating { deadline }
            | Phase::Starting { deadline, .. } => Some((deadline, Wait::Answer)),
            Phase::Running { last_media, .. } if config.role == ClientRole::Play => {
                let silent = !self.link.is_receiving();
                silent.then(|| (after(last_media, config.limits.media_idle), Wait::Media))
            }
            Phase::Running { .. } => None,
        }
    }
}
