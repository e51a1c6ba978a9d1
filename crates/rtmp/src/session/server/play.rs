//! Playing: `play`, `play2`, `pause`, `seek`, `receiveAudio`, `receiveVideo`, and the media that flows
//! out (RTMP 7.2.2.1 to 7.2.2.5, 7.2.2.7, 7.2.2.8).
//!
//! Belongs here: the answers that players wait for.
//! Must not come here: which stream a name is, and where playing begins.

use bytes::Bytes;
use manycast_amf::Value;

use super::{
    Context,
    publish::name_of,
    ready::Ready,
    stream::{AwaitPlay, Opening, Playing, Stream},
};
use crate::{
    command::{
        Command, StreamKeyText,
        reply::{self, Status, name_value},
        without_set_data_frame,
    },
    message::{Control, MessageStreamId, MessageType, UserControl},
    session::{
        event::{Event, MediaKind},
        media,
        outbox::{command_message, notice_message},
        pace::after,
    },
};

/// `start` of a client that says nothing: live, else recorded.
const LIVE_OR_RECORDED: f64 = -2.0;
/// `start` of a client that wants nothing but live.
const LIVE: f64 = -1.0;
/// `duration` to the end.
const TO_THE_END: f64 = -1.0;

impl Ready {
    /// `play(name, start, duration, reset)`. `play(false)` ends it, as in Flash.
    pub(super) fn play(
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
        let start = start_of(command.argument(1));
        let duration = command.argument(2).as_number_lenient().unwrap_or(TO_THE_END);
        let opening = match command.argument(3) {
            value if value.as_boolean() == Some(false) => Opening::Plain,
            value if value.as_number().is_some_and(|reset| reset < 1.0) => Opening::Plain,
            _ => Opening::Reset,
        };
        self.ask_to_play(context, stream, name_of(command.argument(0)), start, duration, opening);
    }

    /// `play2({streamName, start, len, transition ...})`: another stream in place of this one.
    pub(super) fn play2(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        command: &Command,
    ) {
        let Some(stream) = self.wanted_stream(context, stream) else { return };
        let object = command.argument(0);
        let property = |key: &str| object.get_ignore_case(key).unwrap_or(&Value::Null);
        let start = start_of(property("start"));
        let duration = property("len").as_number_lenient().unwrap_or(TO_THE_END);
        let name = name_of(property("streamName"));
        self.ask_to_play(context, stream, name, start, duration, Opening::Transition);
    }

    fn ask_to_play(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        name: StreamKeyText,
        start: f64,
        duration: f64,
        opening: Opening,
    ) {
        self.end_stream(context, stream, true);
        let request = context.request();
        let deadline = after(context.now, context.config.limits.verdict);
        let waiting = AwaitPlay { request, name: name.clone(), opening, deadline };
        self.streams.insert(stream, Stream::AwaitPlay(waiting));
        context.out.event(Event::PlayRequest {
            request,
            stream,
            app: self.app(),
            name,
            start,
            duration,
            reset: opening == Opening::Reset,
        });
    }

    /// Set Chunk Size, Stream Begin, `Play.Reset`, `Play.Start`, `|RtmpSampleAccess`: one flight.
    /// `NetStream.Data.Start` stays away: ffmpeg makes a stream of its own of it.
    pub(super) fn accept_play(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        waiting: AwaitPlay,
    ) {
        let AwaitPlay { name, opening, .. } = waiting;
        let size = context.config.limits.out_chunk_size;
        if !std::mem::replace(&mut self.play_chunk_size, true) {
            context.out.set_chunk_size(size);
        }
        context.out.reply_control(&Control::User(UserControl::StreamBegin(stream)));
        match opening {
            Opening::Reset => {
                let status = Status::new("NetStream.Play.Reset", "Playing and resetting.");
                let status = status.with("details", name_value(&name));
                context.out.reply(&command_message(stream, status.on_status()));
            }
            Opening::Transition => {
                let status = Status::new("NetStream.Play.Transition", "Switching streams.");
                context.out.reply(&command_message(stream, status.on_status()));
            }
            Opening::Plain => {}
        }
        let status = Status::new("NetStream.Play.Start", "Started playing.");
        let status = status.with("details", name_value(&name));
        context.out.reply(&command_message(stream, status.on_status()));
        context.out.reply(&notice_message(stream, reply::sample_access()));
        let playing = Playing { paused: false, audio: true, video: true };
        self.streams.insert(stream, Stream::Playing(playing));
    }

    /// `pause(flag, ms)`.
    pub(super) fn pause(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        command: &Command,
    ) {
        let Some((stream, playing)) = self.playing(stream) else { return };
        playing.paused = command.argument(0).as_boolean().unwrap_or(!playing.paused);
        let paused = playing.paused;
        let status = if paused {
            Status::new("NetStream.Pause.Notify", "Paused.")
        } else {
            Status::new("NetStream.Unpause.Notify", "Unpaused.")
        };
        context.out.reply(&command_message(stream, status.on_status()));
        context.out.event(Event::Paused { stream, paused });
    }

    /// `seek(ms)`: a live stream has one place to go, its newest key frame.
    pub(super) fn seek(&mut self, context: &mut Context<'_>, stream: MessageStreamId) {
        let Some((stream, _)) = self.playing(stream) else { return };
        say_sought(context, stream);
        context.out.event(Event::SeekToLive { stream });
    }

    /// `receiveAudio(flag)`, `receiveVideo(flag)`: off needs no answer, on is a seek.
    pub(super) fn receive(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        command: &Command,
        kind: MessageType,
    ) {
        let Some((stream, playing)) = self.playing(stream) else { return };
        let on = command.argument(0).as_boolean().unwrap_or(true);
        let audio = kind == MessageType::AUDIO;
        let flag = if audio { &mut playing.audio } else { &mut playing.video };
        if std::mem::replace(flag, on) == on {
            return;
        }
        if on {
            say_sought(context, stream);
        }
        context.out.event(match audio {
            true => Event::ReceiveAudio { stream, on },
            false => Event::ReceiveVideo { stream, on },
        });
    }

    pub(super) fn send_media(
        &mut self,
        context: &mut Context<'_>,
        stream: MessageStreamId,
        kind: MediaKind,
        timestamp: u32,
        body: Bytes,
    ) {
        let Some(Stream::Playing(playing)) = self.streams.get(&stream) else { return };
        let body = match kind {
            _ if playing.paused => return,
            MediaKind::Audio if !playing.audio => return,
            MediaKind::Video if !playing.video => return,
            MediaKind::Audio | MediaKind::Video => body,
            MediaKind::Data => without_set_data_frame(&body),
        };
        context.out.send_media(&media::to_message(stream, kind, timestamp, body));
    }

    pub(super) fn notify_publish(&mut self, context: &mut Context<'_>, stream: MessageStreamId) {
        if self.playing(stream).is_none() {
            return;
        }
        context.out.send_control(&Control::User(UserControl::StreamBegin(stream)));
        let status = Status::new("NetStream.Play.PublishNotify", "Stream is now published.");
        context.out.send(&command_message(stream, status.on_status()));
    }

    pub(super) fn notify_unpublish(&mut self, context: &mut Context<'_>, stream: MessageStreamId) {
        if self.playing(stream).is_none() {
            return;
        }
        context.out.send_control(&Control::User(UserControl::StreamEof(stream)));
        let status = Status::new("NetStream.Play.UnpublishNotify", "Stream is now unpublished.");
        context.out.send(&command_message(stream, status.on_status()));
    }

    pub(super) fn end_play(&mut self, context: &mut Context<'_>, stream: MessageStreamId) {
        if self.playing(stream).is_none() {
            return;
        }
        self.notify_unpublish(context, stream);
        let status = Status::new("NetStream.Play.Stop", "Stopped playing.");
        context.out.send(&command_message(stream, status.on_status()));
        self.take(stream);
        self.watch_setup(context);
    }

    /// The playing stream that is meant.
    fn playing(&mut self, stream: MessageStreamId) -> Option<(MessageStreamId, &mut Playing)> {
        let stream = self.used_stream(stream)?;
        match self.streams.get_mut(&stream) {
            Some(Stream::Playing(playing)) => Some((stream, playing)),
            _ => None,
        }
    }
}

/// ffmpeg and VLC give milliseconds where the specification has seconds: -1000 and -2000 mean -1
/// and -2. What is no number means live or recorded.
fn start_of(value: &Value) -> f64 {
    let start = value.as_number_lenient().unwrap_or(LIVE_OR_RECORDED);
    match start {
        start if start >= 0.0 => start,
        start if start > -1.5 || (start > -1500.0 && start <= -1000.0) => LIVE,
        _ => LIVE_OR_RECORDED,
    }
}

fn say_sought(context: &mut Context<'_>, stream: MessageStreamId) {
    let status = Status::new("NetStream.Seek.Notify", "Live.");
    context.out.reply(&command_message(stream, status.on_status()));
    let status = Status::new("NetStream.Play.Start", "Live.");
    context.out.reply(&command_message(stream, status.on_status()));
}
