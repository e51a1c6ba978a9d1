//! A connected client: its streams, and the commands of NetConnection (RTMP 7.2.1).
//!
//! Belongs here: dispatch, stream ids, deadlines and the ends of all streams.
//! Must not come here: publishing and playing, see `publish.rs` and `play.rs`.

use std::{collections::BTreeMap, time::Instant};

use manycast_amf::{Text, Value};

use super::{
    Context, ServerConfig, State,
    connecting::{read_command, say_connected},
    stream::Stream,
};
use crate::{
    command::{
        Command, ConnectCommand, StreamKeyText,
        reply::{self, Status},
        wants_reply,
    },
    message::{Control, Message, MessageStreamId, MessageType, UserControl, split_aggregate},
    session::{
        Capabilities,
        error::{SessionError, Wait},
        event::{CloseReason, DrainReason, Event, RefusalCode, RequestId, Verdict},
        link::{Arrival, Link},
        outbox::command_message,
        pace::{after, sooner},
    },
};

/// Requests in a row that a client may take back before their verdict.
const WITHDRAWN: u32 = 64;

/// The client is connected.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) link: Link,
    app: StreamKeyText,
    pub(super) streams: BTreeMap<MessageStreamId, Stream>,
    /// Whether the client used `FCPublish`, and so waits for `onFCPublish`.
    pub(super) fc_publish: bool,
    /// Whether the chunk size for playing was announced.
    pub(super) play_chunk_size: bool,
    /// What the client can, as it said itself.
    pub(super) peer: Capabilities,
    /// Requests taken back since one was accepted.
    withdrawn: u32,
    /// Until when a stream has to be in use; while one is, its own deadlines hold.
    setup_deadline: Option<Instant>,
    /// When a player was pinged who has not been heard since.
    pinged: Option<Instant>,
}

/// A command or message either leaves the connection as it is or ends it.
pub(super) type Next = Option<CloseReason>;

impl Ready {
    pub(super) fn new(link: Link, app: &str, peer: Capabilities, deadline: Instant) -> Self {
        Self {
            link,
            app: StreamKeyText::from(app),
            streams: BTreeMap::new(),
            fc_publish: false,
            play_chunk_size: false,
            peer,
            withdrawn: 0,
            setup_deadline: Some(deadline),
            pinged: None,
        }
    }

    pub(super) fn read(
        mut self: Box<Self>,
        context: &mut Context<'_>,
        input: &mut &[u8],
    ) -> Result<State, SessionError> {
        self.pinged = None;
        while let Some(arrival) = self.link.next(input, context.out)? {
            let next = match arrival {
                Arrival::Message(message) => self.message(context, message)?,
                Arrival::User(event) => {
                    self.user_control(context, &event);
                    None
                }
                Arrival::Acknowledged(_) => None,
            };
            if let Some(reason) = next {
                return Ok(State::Ready(self).end(context, reason, true));
            }
            if self.withdrawn > WITHDRAWN {
                return Err(SessionError::RequestFlood);
            }
        }
        self.watch_setup(context);
        Ok(State::Ready(self))
    }

    pub(super) fn message(
        &mut self,
        context: &mut Context<'_>,
        message: Message,
    ) -> Result<Next, SessionError> {
        match message.kind {
            MessageType::COMMAND_AMF0 | MessageType::COMMAND_AMF3 => {
                match read_command(&message, context.config)? {
                    Some(command) => Ok(self.command(context, message.stream, &command)),
                    None => Ok(None),
                }
            }
            MessageType::AGGREGATE => {
                // A broken aggregate costs its own media alone.
                for part in split_aggregate(&message).unwrap_or_default() {
                    self.media(context, &part);
                }
                Ok(None)
            }
            _ => {
                self.media(context, &message);
                Ok(None)
            }
        }
    }

    fn command(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        command: &Command,
    ) -> Next {
        match command.name.as_bytes() {
            b"publish" => self.publish(context, stream, command),
            b"play" => self.play(context, stream, command),
            b"play2" => self.play2(context, stream, command),
            b"pause" | b"pauseRaw" => self.pause(context, stream, command),
            b"seek" => self.seek(context, stream),
            b"receiveAudio" => self.receive(context, stream, command, MessageType::AUDIO),
            b"receiveVideo" => self.receive(context, stream, command, MessageType::VIDEO),
            b"closeStream" => {
                if let Some(stream) = self.used_stream(stream) {
                    self.end_stream(context, stream, true);
                }
            }
            b"close" if stream == MessageStreamId::CONNECTION => {
                return Some(CloseReason::PeerClosed);
            }
            _ => self.connection_command(context, stream, command),
        }
        None
    }

    /// NetConnection commands, and those of encoders that belong to no class.
    fn connection_command(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        command: &Command,
    ) {
        let transaction = command.transaction;
        let body = match command.name.as_bytes() {
            b"connect" => {
                let connect = ConnectCommand::read(command);
                return say_connected(context, &connect, transaction);
            }
            b"createStream" => self.create_stream(context, transaction),
            b"deleteStream" => return self.delete_stream(context, stream, command),
            b"FCPublish" => {
                self.fc_publish = true;
                reply::result(transaction, Value::Undefined)
            }
            b"releaseStream" => reply::result(transaction, Value::Undefined),
            b"FCUnpublish" => return self.fc_unpublish(context, command),
            b"FCSubscribe" => {
                let status = Status::new("NetStream.Play.Start", "Subscribed.");
                let body = status.invoke("onFCSubscribe");
                context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
                return;
            }
            b"getStreamLength" => reply::result(transaction, 0.0.into()),
            // Answers to what we said; nothing hangs on them.
            b"_result" | b"_error" | b"onStatus" => return,
            // `_checkbw`, `setDataFrame` and all that nobody has heard of: an answer, never an end.
            _ => reply::empty_result(transaction),
        };
        if wants_reply(transaction) {
            context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
        }
    }

    fn create_stream(&mut self, context: &mut Context<'_>, transaction: f64) -> bytes::Bytes {
        if self.streams.len() >= context.config.limits.max_message_streams {
            let status = Status::error("NetConnection.Call.Failed", "Too many streams.");
            return status.error_reply(transaction);
        }
        let free = (1..).map(MessageStreamId).find(|id| !self.streams.contains_key(id));
        let id = free.unwrap_or_default();
        self.streams.insert(id, Stream::idle());
        reply::result(transaction, id.0.into())
    }

    /// `deleteStream` names the stream as an argument; it is a NetConnection command, which some
    /// send on the stream itself (Errata 8.3).
    #[allow(clippy::as_conversions, reason = "the cast from f64 saturates; NaN gives 0")]
    fn delete_stream(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        command: &Command,
    ) {
        let named = command.argument(0).as_number_lenient().map(|id| MessageStreamId(id as u32));
        let known = named.filter(|id| self.streams.contains_key(id));
        if let Some(stream) = known.or_else(|| self.used_stream(stream)) {
            self.end_stream(context, stream, true);
            self.streams.remove(&stream);
        }
    }

    fn user_control(&mut self, context: &mut Context<'_>, event: &UserControl) {
        if let UserControl::SetBufferLength { stream, ms } = *event
            && self.streams.contains_key(&stream)
        {
            context.out.event(Event::BufferLength { stream, milliseconds: ms });
        }
    }

    /// The stream that a NetStream command means: the one that it came on, or, for clients that send
    /// such commands on stream 0, the only one.
    pub(super) fn used_stream(&self, stream: MessageStreamId) -> Option<MessageStreamId> {
        if self.streams.contains_key(&stream) {
            return Some(stream);
        }
        let mut all = self.streams.keys();
        all.next().copied().filter(|_| all.next().is_none())
    }

    /// As [`Self::used_stream`], for commands that begin something: a client that left `createStream`
    /// out gets the stream that it names. `None` when it has too many.
    pub(super) fn wanted_stream(
        &mut self,
        context: &Context<'_>,
        stream: MessageStreamId,
    ) -> Option<MessageStreamId> {
        let only = |ready: &Self| ready.used_stream(stream).filter(|_| stream.0 == 0);
        if self.streams.contains_key(&stream) {
            return Some(stream);
        }
        if let Some(id) = only(self) {
            return Some(id);
        }
        if self.streams.len() >= context.config.limits.max_message_streams {
            return None;
        }
        self.streams.insert(stream, Stream::idle());
        Some(stream)
    }

    /// The app as events tell it.
    pub(super) fn app(&self) -> String {
        self.app.expose().into_owned()
    }

    pub(super) fn verdict(
        mut self: Box<Self>,
        context: &mut Context<'_>,
        request: RequestId,
        verdict: Verdict,
    ) -> State {
        let waiting = self.streams.iter().find(|(_, stream)| stream.request() == Some(request));
        let Some((&stream, _)) = waiting else { return State::Ready(self) };
        let next = match verdict {
            Verdict::Accept => {
                self.accept(context, stream);
                None
            }
            Verdict::Refuse { code, description } => {
                self.refuse(context, stream, code, &description)
            }
        };
        let state = State::Ready(self);
        match next {
            Some(reason) => state.end(context, reason, true),
            None => state,
        }
    }

    fn accept(&mut self, context: &mut Context<'_>, stream: MessageStreamId) {
        self.withdrawn = 0;
        match self.take(stream) {
            Some(Stream::AwaitPublish(waiting)) => self.accept_publish(context, stream, waiting),
            Some(Stream::AwaitPlay(waiting)) => self.accept_play(context, stream, waiting),
            _ => {}
        }
    }

    /// Says why not. A refused publisher is always let go: some encoders count anything else as
    /// success. A refused player may try another name, unless nothing else is left here.
    fn refuse(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        code: RefusalCode,
        description: &str,
    ) -> Next {
        let publish = self.streams.get(&stream).is_some_and(Stream::is_publish);
        self.take(stream);
        let body = Status::error(code.as_str(), description).on_status();
        context.out.reply(&command_message(stream, body));
        let idle = !self.streams.values().any(Stream::is_active);
        (publish || idle).then_some(CloseReason::Refused(code))
    }

    /// As [`Self::refuse`], after an accept. `false` when the stream is not in use.
    pub(super) fn refuse_stream(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        code: RefusalCode,
        description: &str,
    ) -> bool {
        if !self.streams.get(&stream).is_some_and(Stream::is_active) {
            return false;
        }
        self.take(stream);
        let body = Status::error(code.as_str(), description).on_status();
        context.out.send(&command_message(stream, body));
        true
    }

    /// Takes a stream's state out and leaves it idle. `None` for an unknown stream.
    pub(super) fn take(&mut self, stream: MessageStreamId) -> Option<Stream> {
        let slot = self.streams.get_mut(&stream)?;
        Some(std::mem::replace(slot, Stream::idle()))
    }

    /// Ends whatever a stream does, and tells both sides.
    pub(super) fn end_stream(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        orderly: bool,
    ) {
        let taken = self.take(stream);
        if taken.as_ref().is_some_and(|state| state.request().is_some()) {
            self.withdrawn = self.withdrawn.saturating_add(1);
        }
        match taken {
            Some(Stream::Publishing(_)) => {
                context.out.event(Event::PublishEnded { stream, orderly });
                if orderly {
                    self.say_unpublished(context, stream);
                }
                self.watch_message_size(context);
            }
            Some(Stream::AwaitPublish(_)) => {
                context.out.event(Event::PublishEnded { stream, orderly });
            }
            Some(Stream::Playing(_) | Stream::AwaitPlay(_)) => {
                context.out.event(Event::PlayEnded { stream });
            }
            Some(Stream::Idle(_)) | None => {}
        }
    }

    /// Ends all streams without another word to the peer.
    pub(super) fn end_streams(&mut self, context: &mut Context<'_>, orderly: bool) {
        for (&stream, state) in &self.streams {
            if state.is_publish() {
                context.out.event(Event::PublishEnded { stream, orderly });
            } else if state.is_active() {
                context.out.event(Event::PlayEnded { stream });
            }
        }
        self.streams.clear();
    }

    /// A notice on each stream in use and on the connection, for an end that is ours.
    pub(super) fn say_farewell(&mut self, context: &mut Context<'_>, reason: DrainReason) {
        let ids: Vec<_> =
            self.streams.iter().map(|(&id, state)| (id, state.is_publish())).collect();
        for (stream, publish) in ids {
            if !publish {
                self.notify_unpublish(context, stream);
            } else if reason == DrainReason::Revoked {
                let status = Status::error("NetStream.Publish.Denied", "Permission has ended.");
                context.out.send(&command_message(stream, status.on_status()));
            } else {
                let status = Status::new("NetStream.Unpublish.Success", "The server ended it.");
                context.out.send(&command_message(stream, status.on_status()));
            }
        }
        let status = match reason {
            DrainReason::Shutdown => {
                Status::new("NetConnection.Connect.AppShutdown", "The server stops.")
            }
            DrainReason::Revoked | DrainReason::Finished => {
                Status::new("NetConnection.Connect.Closed", "Connection closed.")
            }
        };
        let body = status.on_status();
        context.out.send(&command_message(MessageStreamId::CONNECTION, body));
    }

    pub(super) fn reconnect_request(
        &mut self,
        context: &mut Context<'_>,
        tc_url: Option<&StreamKeyText>,
        description: &str,
    ) -> bool {
        let follows = self.peer.has(Capabilities::RECONNECT);
        if follows {
            let mut status = Status::new("NetConnection.Connect.ReconnectRequest", description);
            if let Some(url) = tc_url {
                status = status.with("tcUrl", Value::String(Text::from(url.expose_bytes())));
            }
            let body = status.on_status();
            context.out.send(&command_message(MessageStreamId::CONNECTION, body));
        }
        follows
    }

    /// Starts the setup deadline when the last stream has ended, stops it when one is in use.
    pub(super) fn watch_setup(&mut self, context: &Context<'_>) {
        let active = self.streams.values().any(Stream::is_active);
        self.setup_deadline = match self.setup_deadline {
            _ if active => None,
            Some(deadline) => Some(deadline),
            None => Some(after(context.now, context.config.limits.connect_to_media)),
        };
    }

    pub(super) fn deadline(&self, config: &ServerConfig) -> Option<Instant> {
        let limits = &config.limits;
        let mut next = sooner(self.setup_deadline, self.link.slow_deadline());
        for stream in self.streams.values() {
            let own = match stream {
                Stream::AwaitPublish(waiting) => Some(waiting.deadline),
                Stream::AwaitPlay(waiting) => Some(waiting.deadline),
                // An open message is the slow watch's matter.
                Stream::Publishing(_) if self.link.is_receiving() => None,
                Stream::Publishing(flow) => Some(after(flow.last_media, limits.media_idle)),
                Stream::Playing(_) => Some(match self.pinged {
                    Some(pinged) => after(pinged, limits.ping_timeout),
                    None => after(self.link.heard(), limits.ping_interval),
                }),
                Stream::Idle(_) => None,
            };
            next = sooner(next, own);
        }
        next
    }

    pub(super) fn check_deadlines(
        &mut self,
        context: &mut Context<'_>,
    ) -> Result<(), SessionError> {
        let now = context.now;
        let limits = &context.config.limits;
        if self.setup_deadline.is_some_and(|deadline| deadline <= now) {
            return Err(SessionError::Timeout(Wait::Setup));
        }
        let receiving = self.link.is_receiving();
        let mut players = false;
        for (&id, stream) in &self.streams {
            let (deadline, wait) = match stream {
                Stream::AwaitPublish(waiting) => (waiting.deadline, Wait::Verdict),
                Stream::AwaitPlay(waiting) => (waiting.deadline, Wait::Verdict),
                Stream::Publishing(flow) if !receiving => {
                    (after(flow.last_media, limits.media_idle), Wait::Media)
                }
                Stream::Playing(_) => {
                    players = true;
                    continue;
                }
                Stream::Publishing(_) | Stream::Idle(_) => continue,
            };
            if deadline > now {
                continue;
            }
            if wait == Wait::Verdict {
                let code = if stream.is_publish() {
                    RefusalCode::Rejected
                } else {
                    RefusalCode::PlayFailed
                };
                let status = Status::error(code.as_str(), "No decision in time.");
                context.out.send(&command_message(id, status.on_status()));
            }
            return Err(SessionError::Timeout(wait));
        }
        if players { self.ping(context) } else { Ok(()) }
    }

    /// Pings a quiet player, and gives up one that stays quiet.
    fn ping(&mut self, context: &mut Context<'_>) -> Result<(), SessionError> {
        let limits = &context.config.limits;
        match self.pinged {
            Some(pinged) if after(pinged, limits.ping_timeout) <= context.now => {
                Err(SessionError::Timeout(Wait::Ping))
            }
            None if after(self.link.heard(), limits.ping_interval) <= context.now => {
                self.pinged = Some(context.now);
                let time = context.config.epoch_ms;
                context.out.send_control(&Control::User(UserControl::PingRequest(time)));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
