//! From the handshake to the reply to `connect`.
//!
//! Belongs here: the first command, its verdict if the owner wants to give one, and its reply.
//! Must not come here: streams.

use std::time::Instant;

use super::{Context, ServerConfig, State, ready::Ready};
use crate::{
    command::{Command, ConnectCommand, reply, wants_reply},
    message::{Control, LimitType, Message, MessageStreamId, MessageType, UserControl},
    session::{
        error::SessionError,
        event::{CloseReason, Event, RefusalCode, RequestId, Verdict},
        link::{Arrival, Link},
        outbox::command_message,
        pace::after,
    },
};

/// Messages that a client may send behind a `connect` that waits, and their bytes.
const EARLY_MESSAGES: usize = 64;
const EARLY_BYTES: usize = 65_536;

/// `connect` has not come.
#[derive(Debug)]
pub(super) struct Connecting {
    pub(super) link: Link,
    pub(super) deadline: Instant,
}

impl Connecting {
    /// Everything but `connect` is ignored, commands with an error: there is nothing yet that they
    /// could be about.
    pub(super) fn read(
        mut self: Box<Self>,
        context: &mut Context<'_>,
        input: &mut &[u8],
    ) -> Result<State, SessionError> {
        while let Some(arrival) = self.link.next(input, context.out)? {
            let Arrival::Message(message) = arrival else { continue };
            let Some(command) = read_command(&message, context.config)? else { continue };
            if command.name == "connect" {
                let connect = ConnectCommand::read(&command);
                return Ok(self.connect(context, connect, command.transaction));
            }
            if wants_reply(command.transaction) {
                let status = reply::Status::error("NetConnection.Call.Failed", "Connect first.");
                let body = status.error_reply(command.transaction);
                context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
            }
        }
        Ok(State::Connecting(self))
    }

    fn connect(
        self: Box<Self>,
        context: &mut Context<'_>,
        connect: ConnectCommand,
        transaction: f64,
    ) -> State {
        let Self { link, deadline } = *self;
        if !context.config.ask_connect {
            return State::Ready(Box::new(accept(context, link, &connect, transaction, deadline)));
        }
        let request = context.request();
        context.out.event(Event::ConnectRequest {
            request,
            app: connect.app.clone(),
            tc_url: connect.tc_url.clone(),
            publishes: connect.publishes,
        });
        let deadline = after(context.now, context.config.limits.verdict);
        let early = Vec::new();
        let deciding = Deciding { link, deadline, connect, transaction, request, early, bytes: 0 };
        State::Deciding(Box::new(deciding))
    }
}

/// `connect` waits for a verdict; what the client sends meanwhile waits with it.
#[derive(Debug)]
pub(super) struct Deciding {
    pub(super) link: Link,
    pub(super) deadline: Instant,
    connect: ConnectCommand,
    transaction: f64,
    request: RequestId,
    early: Vec<Message>,
    bytes: usize,
}

impl Deciding {
    pub(super) fn read(
        mut self: Box<Self>,
        context: &mut Context<'_>,
        input: &mut &[u8],
    ) -> Result<State, SessionError> {
        while let Some(arrival) = self.link.next(input, context.out)? {
            let Arrival::Message(message) = arrival else { continue };
            self.bytes = self.bytes.saturating_add(message.body.len());
            if self.early.len() >= EARLY_MESSAGES || self.bytes > EARLY_BYTES {
                return Err(SessionError::Command);
            }
            self.early.push(message);
        }
        Ok(State::Deciding(self))
    }

    pub(super) fn verdict(
        self: Box<Self>,
        context: &mut Context<'_>,
        request: RequestId,
        verdict: Verdict,
    ) -> Result<State, SessionError> {
        if request != self.request {
            return Ok(State::Deciding(self));
        }
        let (code, description) = match verdict {
            Verdict::Accept => return self.accept(context),
            Verdict::Refuse { code, description } => (code, description),
        };
        // Only a code of NetConnection fits here.
        let code = match code {
            RefusalCode::InvalidApp => code,
            _ => RefusalCode::ConnectRejected,
        };
        let body = reply::Status::error(code.as_str(), &description).error_reply(self.transaction);
        context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
        Ok(context.close(CloseReason::Refused(code)))
    }

    fn accept(self: Box<Self>, context: &mut Context<'_>) -> Result<State, SessionError> {
        let Self { link, connect, transaction, early, .. } = *self;
        let deadline = after(context.now, context.config.limits.connect_to_media);
        let mut ready = Box::new(accept(context, link, &connect, transaction, deadline));
        for message in early {
            if let Some(reason) = ready.message(context, message)? {
                ready.end_streams(context, true);
                return Ok(context.close(reason));
            }
        }
        Ok(State::Ready(ready))
    }
}

/// The command in a message, if it is one.
///
/// # Errors
/// When it exceeds the bounds of bar A2.
pub(super) fn read_command(
    message: &Message,
    config: &ServerConfig,
) -> Result<Option<Command>, SessionError> {
    let command = match message.kind {
        MessageType::COMMAND_AMF0 => Command::parse(&message.body, config.limits.amf),
        MessageType::COMMAND_AMF3 => Command::parse_amf3(&message.body, config.limits.amf),
        _ => return Ok(None),
    };
    command.map_err(|_| SessionError::Command)
}

/// The flight of RTMP 7.2.1.1, in the order that all encoders know, then the first event.
fn accept(
    context: &mut Context<'_>,
    mut link: Link,
    connect: &ConnectCommand,
    transaction: f64,
    deadline: Instant,
) -> Ready {
    let config = context.config;
    let out = &mut *context.out;
    out.reply_control(&Control::WindowAckSize(config.limits.window_ack_size));
    out.reply_control(&Control::SetPeerBandwidth {
        window: config.limits.window_ack_size,
        limit: LimitType::Dynamic,
    });
    link.announced(config.limits.window_ack_size);
    out.reply_control(&Control::User(UserControl::StreamBegin(MessageStreamId::CONNECTION)));
    out.set_chunk_size(config.connect_chunk_size);
    say_connected(context, connect, transaction);
    let (app, query) = connect.app_parts();
    let ready = Ready::new(link, &app, connect.capabilities.clone(), deadline);
    context.out.event(Event::Connected {
        app,
        tc_url: connect.tc_url.clone(),
        query,
        flash_version: connect.flash_version.clone(),
        object_encoding: connect.object_encoding,
        capabilities: connect.capabilities.clone(),
    });
    ready
}

/// `_result` of `connect`, on message stream 0: some encoders connect for ever if it comes on
/// another.
pub(super) fn say_connected(context: &mut Context<'_>, connect: &ConnectCommand, transaction: f64) {
    let own = &context.config.capabilities;
    let body =
        reply::connect_result(transaction, connect.capabilities.is_enhanced().then_some(own));
    context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
    if context.config.on_bw_done {
        context.out.reply(&command_message(MessageStreamId::CONNECTION, reply::on_bw_done()));
    }
}
