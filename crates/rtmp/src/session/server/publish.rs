//! Publishing: `publish`, `FCUnpublish` and the media that flows in (RTMP 7.2.2.6).
//!
//! Belongs here: both dialects of publishers, FMLE's and the plain one.
//! Must not come here: whether a name may be published.

use manycast_amf::Value;

use super::{
    Context,
    ready::Ready,
    stream::{AwaitPublish, Publishing, Stream},
};
use crate::{
    command::{
        Command, StreamKeyText,
        reply::{self, Status, name_value},
        wants_reply,
    },
    message::{Control, Message, MessageStreamId, UserControl},
    session::{
        event::{Event, PublishKind},
        media::{self, Early},
        outbox::command_message,
        pace::after,
    },
};

impl Ready {
    /// `publish(name, type)`. `publish(false)` ends it, as in Flash.
    pub(super) fn publish(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        command: &Command,
    ) {
        if command.argument(0).as_boolean() == Some(false) {
            if let Some(stream) = self.used_stream(stream) {
                self.end_stream(context, stream, true);
            }
            return;
        }
        let Some(stream) = self.wanted_stream(context, stream) else { return };
        let name = name_of(command.argument(0));
        match self.streams.get(&stream) {
            // Asked again while the answer is on its way, or lost: the same answer.
            Some(Stream::AwaitPublish(waiting)) if waiting.name == name => return,
            Some(Stream::Publishing(flow)) if flow.name == name => {
                self.say_published(context, stream, &name);
                return;
            }
            _ => {}
        }
        let early = match self.streams.get_mut(&stream) {
            Some(Stream::Idle(early)) => std::mem::take(early),
            _ => Early::default(),
        };
        self.end_stream(context, stream, true);
        let request = context.request();
        let deadline = after(context.now, context.config.limits.verdict);
        let waiting = AwaitPublish { request, name: name.clone(), early, deadline };
        self.streams.insert(stream, Stream::AwaitPublish(waiting));
        context.out.event(Event::PublishRequest {
            request,
            stream,
            app: self.app(),
            name,
            kind: kind_of(command.argument(1)),
        });
    }

    /// `NetStream.Publish.Start`, then what came too early.
    pub(super) fn accept_publish(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        waiting: AwaitPublish,
    ) {
        let AwaitPublish { name, early, .. } = waiting;
        self.say_published(context, stream, &name);
        for media in early.release() {
            context.out.event(Event::Media { stream, media });
        }
        let flow = Publishing { name, last_media: context.now };
        self.streams.insert(stream, Stream::Publishing(flow));
        self.watch_message_size(context);
    }

    fn say_published(
        &self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        name: &StreamKeyText,
    ) {
        const CODE: &str = "NetStream.Publish.Start";
        context.out.reply_control(&Control::User(UserControl::StreamBegin(stream)));
        if self.fc_publish {
            let body = Status::new(CODE, "Stream is now published.").invoke("onFCPublish");
            context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
        }
        let status = Status::new(CODE, "Stream is now published.");
        let body = status.with("details", name_value(name)).on_status();
        context.out.reply(&command_message(stream, body));
    }

    pub(super) fn say_unpublished(&self, context: &mut Context<'_>, stream: MessageStreamId) {
        let status = Status::new("NetStream.Unpublish.Success", "Stream is now unpublished.");
        context.out.reply(&command_message(stream, status.on_status()));
    }

    /// `FCUnpublish(name)` ends the stream of that name, or the only one that is published.
    pub(super) fn fc_unpublish(&mut self, context: &mut Context<'_>, command: &Command) {
        let name = name_of(command.argument(0));
        let published: Vec<_> = self
            .streams
            .iter()
            .filter_map(|(&id, stream)| match stream {
                Stream::Publishing(flow) => Some((id, flow.name == name)),
                Stream::AwaitPublish(waiting) => Some((id, waiting.name == name)),
                _ => None,
            })
            .collect();
        let named = published.iter().find(|(_, same)| *same);
        let only = published.first().filter(|_| published.len() == 1);
        if wants_reply(command.transaction) {
            let body = reply::result(command.transaction, Value::Undefined);
            context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
        }
        let status = Status::new("NetStream.Unpublish.Success", "Stream is now unpublished.");
        let body = status.invoke("onFCUnpublish");
        context.out.reply(&command_message(MessageStreamId::CONNECTION, body));
        if let Some(&(stream, _)) = named.or(only) {
            self.end_stream(context, stream, true);
        }
    }

    /// Audio, video and data: an event once the publish is accepted, held before.
    pub(super) fn media(&mut self, context: &mut Context<'_>, message: &Message) {
        let Some(media) = media::from_message(message) else { return };
        let Some(stream) = self.media_stream(message.stream) else { return };
        let held: usize = self.streams.values().map(Stream::held).sum();
        let room = context.config.limits.max_message_before_media.saturating_sub(held);
        match self.streams.get_mut(&stream) {
            Some(Stream::Publishing(flow)) => {
                flow.last_media = context.now;
                context.out.event(Event::Media { stream, media });
            }
            Some(Stream::AwaitPublish(waiting)) => waiting.early.hold(media, room),
            Some(Stream::Idle(early)) => early.hold(media, room),
            _ => {}
        }
    }

    /// The stream that media belongs to: the one that it came on, or, for encoders that send it on
    /// another than they publish on, the only published one.
    fn media_stream(&self, stream: MessageStreamId) -> Option<MessageStreamId> {
        let mut published = self.streams.iter().filter(|(_, state)| state.is_publish());
        let only = published.next().filter(|_| published.next().is_none()).map(|(&id, _)| id);
        match self.streams.get(&stream) {
            Some(state) if state.is_publish() => Some(stream),
            Some(Stream::Idle(_)) => only.or(Some(stream)),
            Some(_) => None,
            None => only,
        }
    }

    /// Large messages are allowed while something is published, and only then (bar A3).
    pub(super) fn watch_message_size(&mut self, context: &Context<'_>) {
        let limits = &context.config.limits;
        let flows = self.streams.values().any(|stream| matches!(stream, Stream::Publishing(_)));
        let size = if flows { limits.max_message } else { limits.max_message_before_media };
        self.link.reader.set_max_message(size);
        self.link.reader.cut_media(flows);
    }
}

/// A stream name: whatever is no string is the empty name.
pub(super) fn name_of(value: &Value) -> StreamKeyText {
    value.as_text().map_or_else(StreamKeyText::default, |text| StreamKeyText::from(text.as_bytes()))
}

fn kind_of(value: &Value) -> PublishKind {
    match value.as_text().map(|text| text.as_bytes()) {
        Some(b"record") => PublishKind::Record,
        Some(b"append" | b"appendWithGap") => PublishKind::Append,
        _ => PublishKind::Live,
    }
}
