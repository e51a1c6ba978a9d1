//! The client's commands and the server's answers, phase by phase.
//!
//! Belongs here: the order of `connect`, `releaseStream`, `FCPublish`, `createStream`, `publish` and
//! `play`, and the tolerance for servers that answer otherwise than they should.
//! Must not come here: the shape of status objects, see `status.rs`.

use manycast_amf::Value;

use super::{
    ClientConfig, ClientEvent, ClientRole, Context, Link, Next, Online, Phase, Stage,
    status::{self, Notice},
};
use crate::{
    command::{
        Command, ConnectWords, command_body, connect_object, data_name,
        reply::{self, name_value},
        wants_reply,
    },
    message::{Control, Message, MessageStreamId, MessageType, UserControl, split_aggregate},
    session::{
        Capabilities,
        error::SessionError,
        event::{Media, MediaKind},
        media,
        outbox::command_message,
        pace::after,
    },
};

/// Transactions, the same ones in every session.
const CONNECT: f64 = 1.0;
const RELEASE_STREAM: f64 = 2.0;
const FC_PUBLISH: f64 = 3.0;
const CREATE_STREAM: f64 = 4.0;
const PUBLISH: f64 = 5.0;
const PLAY: f64 = 5.0;
pub(super) const FC_UNPUBLISH: f64 = 6.0;
pub(super) const DELETE_STREAM: f64 = 7.0;
const CHECK_BANDWIDTH: f64 = 8.0;

/// `start` of our play: live, else recorded.
const LIVE_OR_RECORDED: f64 = -2.0;
/// Buffer that a player announces, in milliseconds.
const BUFFER_MS: u32 = 3000;

impl Context<'_> {
    /// A NetConnection command.
    pub(super) fn call(&mut self, name: &str, transaction: f64, arguments: &[Value]) {
        let values = [&[Value::Null], arguments].concat();
        self.send_command(MessageStreamId::CONNECTION, name, transaction, &values);
    }

    /// A NetConnection command about the stream's name.
    pub(super) fn call_with_name(&mut self, name: &str, transaction: f64) {
        let stream_name = name_value(&self.config.name);
        self.call(name, transaction, &[stream_name]);
    }

    fn send_command(
        &mut self,
        stream: MessageStreamId,
        name: &str,
        transaction: f64,
        values: &[Value],
    ) {
        let body = command_body(name, transaction, values);
        self.out.send(&command_message(stream, body));
    }

    fn answer_deadline(&self) -> std::time::Instant {
        after(self.now, self.config.limits.answer)
    }

    /// A no to `asked`, or the way to somebody else.
    fn refused(&mut self, command: &Command, notice: Notice, asked: &'static str) -> Next {
        if let Some(url) = status::redirect(command) {
            self.out.event(ClientEvent::Redirect { url });
            return Next::End;
        }
        if asked == "connect"
            && let Some(demand) = status::demand(command)
        {
            self.out.event(ClientEvent::Challenged { demand });
            return Next::End;
        }
        let (Notice { code, description, .. }, command) = (notice, asked);
        self.out.event(ClientEvent::Refused { code, description, command });
        Next::End
    }
}

impl Online {
    /// Says `connect` as soon as the handshake is done, in the flight of C2. `waiting` bytes of the
    /// chunk stream are there already.
    pub(super) fn begin(context: &mut Context<'_>, waiting: usize) -> Self {
        let config: &ClientConfig = context.config;
        let mut link = Link::new(context.now, &config.limits, config.counted);
        link.count(context.now, waiting);
        let object = connect_object(&ConnectWords {
            app: &config.app,
            tc_url: &config.tc_url,
            flash_version: &config.flash_version,
            publish: config.role == ClientRole::Publish,
            announce: &config.announce,
        });
        context.out.event(ClientEvent::Stage(Stage::HandshakeDone));
        context.send_command(MessageStreamId::CONNECTION, "connect", CONNECT, &[object]);
        let phase = Phase::Connecting { deadline: context.answer_deadline() };
        Self { link, phase, checked_bandwidth: false, peer: Capabilities::default() }
    }

    pub(super) fn message(
        &mut self,
        context: &mut Context<'_>,
        message: &Message,
    ) -> Result<Next, SessionError> {
        let limits = context.config.limits.amf;
        let command = match message.kind {
            MessageType::COMMAND_AMF0 => Command::parse(&message.body, limits),
            MessageType::COMMAND_AMF3 => Command::parse_amf3(&message.body, limits),
            MessageType::AGGREGATE => {
                for part in split_aggregate(message).unwrap_or_default() {
                    self.media(context, &part);
                }
                return Ok(Next::Stay);
            }
            _ => {
                self.media(context, message);
                return Ok(Next::Stay);
            }
        };
        match command.map_err(|_| SessionError::Command)? {
            Some(command) => Ok(self.command(context, &command)),
            None => Ok(Next::Stay),
        }
    }

    fn command(&mut self, context: &mut Context<'_>, command: &Command) -> Next {
        match command.name.as_bytes() {
            b"_result" => self.result(context, command),
            b"_error" => self.error(context, command),
            b"onStatus" => self.status(context, command),
            b"onBWDone" => {
                if !std::mem::replace(&mut self.checked_bandwidth, true) {
                    context.call("_checkbw", CHECK_BANDWIDTH, &[]);
                }
                Next::Stay
            }
            b"close" => Next::End,
            _ => {
                if wants_reply(command.transaction) {
                    let body = reply::empty_result(command.transaction);
                    context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
                }
                Next::Stay
            }
        }
    }

    /// A result counts for the phase if its transaction is the one waited for, or 0, which
    /// nginx-rtmp sends with everything. Those of `releaseStream` and `FCPublish` come in any order or
    /// never.
    fn result(&mut self, context: &mut Context<'_>, command: &Command) -> Next {
        let transaction = command.transaction;
        match self.phase {
            Phase::Connecting { .. } if meant_for(transaction, CONNECT) => {
                let notice = Notice::of(command, context.config);
                if notice.error {
                    return context.refused(command, notice, "connect");
                }
                self.peer = status::capabilities(command);
                self.connected(context);
            }
            Phase::Creating { .. } if meant_for(transaction, CREATE_STREAM) => {
                let named = stream_of(command);
                match (named, same(transaction, CREATE_STREAM)) {
                    (Some(stream), _) => self.created(context, stream),
                    // A result without the stream's number: the first one is 1 everywhere.
                    (None, true) => self.created(context, MessageStreamId(1)),
                    (None, false) => {}
                }
            }
            _ => {}
        }
        Next::Stay
    }

    fn error(&mut self, context: &mut Context<'_>, command: &Command) -> Next {
        let transaction = command.transaction;
        if same(transaction, RELEASE_STREAM)
            || same(transaction, FC_PUBLISH)
            || same(transaction, CHECK_BANDWIDTH)
        {
            return Next::Stay;
        }
        let waiting = match self.phase {
            Phase::Connecting { .. } => CONNECT,
            Phase::Creating { .. } => CREATE_STREAM,
            Phase::Starting { .. } => PUBLISH,
            Phase::Running { .. } => return Next::Stay,
        };
        if !meant_for(transaction, waiting) {
            return Next::Stay;
        }
        let notice = Notice::of(command, context.config);
        context.refused(command, notice, self.asked(context.config))
    }

    fn status(&mut self, context: &mut Context<'_>, command: &Command) -> Next {
        let notice = Notice::of(command, context.config);
        if notice.code == "NetConnection.Connect.ReconnectRequest" {
            let tc_url = status::reconnect_url(command, &context.config.tc_url);
            let description = notice.description;
            context.out.event(ClientEvent::ReconnectRequest { tc_url, description });
            return Next::Stay;
        }
        if notice.error {
            return context.refused(command, notice, self.asked(context.config));
        }
        let starts = match context.config.role {
            ClientRole::Publish => "NetStream.Publish.Start",
            ClientRole::Play => "NetStream.Play.Start",
        };
        match self.phase {
            Phase::Starting { stream, .. } if notice.code == starts => {
                self.started(context, stream);
            }
            _ => {
                let Notice { code, description, .. } = notice;
                context.out.event(ClientEvent::Status { code, description });
            }
        }
        Next::Stay
    }

    /// What the server's answer is about.
    fn asked(&self, config: &ClientConfig) -> &'static str {
        match (&self.phase, config.role) {
            (Phase::Connecting { .. }, _) => "connect",
            (Phase::Creating { .. }, _) => "createStream",
            (_, ClientRole::Publish) => "publish",
            (_, ClientRole::Play) => "play",
        }
    }

    /// One flight: our window and chunk size, and all that needs no answer first.
    fn connected(&mut self, context: &mut Context<'_>) {
        context.out.event(ClientEvent::Stage(Stage::Connected));
        let window = context.config.limits.window_ack_size;
        context.out.send_control(&Control::WindowAckSize(window));
        self.link.announced(window);
        context.out.set_chunk_size(context.config.chunk_size);
        if context.config.role == ClientRole::Publish {
            context.call_with_name("releaseStream", RELEASE_STREAM);
            context.call_with_name("FCPublish", FC_PUBLISH);
        }
        context.call("createStream", CREATE_STREAM, &[]);
        self.phase = Phase::Creating { deadline: context.answer_deadline() };
    }

    fn created(&mut self, context: &mut Context<'_>, stream: MessageStreamId) {
        context.out.event(ClientEvent::Stage(Stage::StreamCreated));
        let name = name_value(&context.config.name);
        match context.config.role {
            // Platforms take no other type than "live".
            ClientRole::Publish => {
                let values = [Value::Null, name, "live".into()];
                context.send_command(stream, "publish", PUBLISH, &values);
            }
            ClientRole::Play => {
                // Some servers begin with a picture, not with a status.
                self.link.reader.set_max_message(context.config.limits.max_message);
                let values = [Value::Null, name, LIVE_OR_RECORDED.into()];
                context.send_command(stream, "play", PLAY, &values);
                let buffer = UserControl::SetBufferLength { stream, ms: BUFFER_MS };
                context.out.send_control(&Control::User(buffer));
            }
        }
        self.phase = Phase::Starting { stream, deadline: context.answer_deadline() };
    }

    fn started(&mut self, context: &mut Context<'_>, stream: MessageStreamId) {
        self.link.reader.set_max_message(context.config.limits.max_message);
        self.phase = Phase::Running { stream, last_media: context.now };
        context.out.event(match context.config.role {
            ClientRole::Publish => ClientEvent::Publishing,
            ClientRole::Play => ClientEvent::Playing,
        });
    }

    /// Media of a player. Some servers send it without a `NetStream.Play.Start`.
    fn media(&mut self, context: &mut Context<'_>, message: &Message) {
        if context.config.role != ClientRole::Play {
            return;
        }
        let Some(media) = media::from_message(message) else { return };
        if media.kind == MediaKind::Data && self.is_notice(context, &media) {
            return;
        }
        if let Phase::Starting { stream, .. } = self.phase {
            self.started(context, stream);
        }
        if let Phase::Running { last_media, .. } = &mut self.phase {
            *last_media = context.now;
            context.out.event(ClientEvent::Media { media });
        }
    }

    /// Data messages that speak to the player, not to whoever watches.
    fn is_notice(&self, context: &mut Context<'_>, media: &Media) -> bool {
        match data_name(&media.body) {
            Some(b"|RtmpSampleAccess") => true,
            Some(b"onStatus" | b"onPlayStatus") => {
                let decoded = manycast_amf::decode_all(&media.body, context.config.limits.amf);
                if let Some(notice) = Notice::find(&decoded.values, context.config) {
                    let Notice { code, description, .. } = notice;
                    context.out.event(ClientEvent::Status { code, description });
                }
                true
            }
            _ => false,
        }
    }
}

#[allow(clippy::float_cmp, reason = "transactions are echoed exactly")]
fn same(transaction: f64, ours: f64) -> bool {
    transaction == ours
}

fn meant_for(transaction: f64, ours: f64) -> bool {
    same(transaction, ours) || !wants_reply(transaction)
}

/// The number of the message stream in a result: its first number above 0.
#[allow(clippy::as_conversions, reason = "the cast from f64 saturates, and is above 0")]
fn stream_of(command: &Command) -> Option<MessageStreamId> {
    let values = command.arguments.iter().chain([&command.object]);
    let number = values.filter_map(Value::as_number).find(|number| *number >= 1.0)?;
    Some(MessageStreamId(number as u32))
}
