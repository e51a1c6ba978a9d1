//! One connection to a stand-in: the product's server session, and what the platform makes of it.
//!
//! Belongs here: one peer. Must not come here: what several sessions of a key mean to each other,
//! see `platform.rs`.

use super::profile::{HangUp, Parameters, Profile, Security};
use super::record::{End, Intake, Session};
use super::tap::{Heard, Tap};
use super::{Action, Arrival};
use crate::frame::Reader;
use bytes::Bytes;
use manycast_amf::{Value, encode_all, object};
use manycast_flv::frame::{Unit, read_audio, read_data, read_video};
use manycast_media::TrackKind;
use manycast_rtmp::chunk::{DEFAULT_CHUNK_SIZE, write_full};
use manycast_rtmp::command::data_name;
use manycast_rtmp::message::{ChunkStreamId, Message, MessageStreamId, MessageType};
use manycast_rtmp::session::{
    DataEncoding, Event, Input, Media, MediaKind, Output, RefusalCode, RequestId, ServerConfig,
    ServerSession, Verdict,
};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const COMMANDS: usize = 64;
/// How long a publisher may be silent at a platform that does not mind: longer than any hold.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the platform has to decide or to note.
#[derive(Debug)]
pub(super) enum Wish {
    /// May it publish under this name?
    Publish(RequestId, String),
    /// It is over.
    Ended(End),
}

#[derive(Debug)]
pub(super) struct Connection {
    session: ServerSession,
    tap: Tap,
    pub(super) record: Session,
    /// The key in force, once accepted.
    pub(super) key: Option<String>,
    /// When the platform will have had enough of it, whatever it does.
    pub(super) doom: Option<(Instant, End)>,
    transaction: f64,
    protocol_deadline: Option<Instant>,
    actions: VecDeque<Action>,
    /// Whether the carrier was told to close it.
    closed: bool,
    reader: Reader,
}

impl Connection {
    pub(super) fn new(now: Instant, security: Security, seed: [u8; 32], reader: Reader) -> Self {
        let mut config = ServerConfig { ask_connect: true, ..ServerConfig::new(seed) };
        config.limits.media_idle = PATIENCE;
        Self {
            session: ServerSession::new(now, config),
            tap: Tap::new(),
            record: Session::new(now, security),
            key: None,
            doom: None,
            transaction: 0.0,
            protocol_deadline: None,
            actions: VecDeque::new(),
            closed: false,
            reader,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.record.ended.is_some()
    }

    pub(super) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When something is due here.
    pub(super) fn deadline(&self, profile: &Profile) -> Option<Instant> {
        if self.closed {
            return None;
        }
        if self.is_over() {
            return self.protocol_deadline;
        }
        let doom = self.doom.map(|(at, _)| at);
        let silence = self.silent_at(profile);
        [self.protocol_deadline, doom, silence].into_iter().flatten().min()
    }

    fn silent_at(&self, profile: &Profile) -> Option<Instant> {
        let since = self.record.intake.last.or(self.record.accepted)?;
        Some(since + profile.silence?)
    }

    /// Takes what came. After a goodbye that is the rest of it.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        arrival: Arrival<'_>,
        profile: &Profile,
    ) -> Vec<Wish> {
        if self.closed {
            return Vec::new();
        }
        match arrival {
            Arrival::Bytes(bytes) => {
                for heard in self.tap.hear(bytes) {
                    self.note(heard);
                }
                self.give(now, Input::Bytes(bytes), profile)
            }
            Arrival::Eof => self.vanish(now, true, profile),
            Arrival::Reset => self.vanish(now, false, profile),
        }
    }

    fn vanish(&mut self, now: Instant, answer: bool, profile: &Profile) -> Vec<Wish> {
        let mut wishes = self.give(now, Input::Eof, profile);
        if !self.is_over() {
            wishes.extend(self.over(now, End::Lost));
        }
        if answer {
            self.close(Action::Close);
        } else {
            self.actions.clear();
            self.closed = true;
        }
        wishes
    }

    fn close(&mut self, action: Action) {
        if !std::mem::replace(&mut self.closed, true) {
            self.actions.push_back(action);
        }
    }

    /// Looks at the deadlines.
    pub(super) fn tick(&mut self, now: Instant, profile: &Profile) -> Vec<Wish> {
        if self.closed {
            return Vec::new();
        }
        if self.is_over() {
            return self.give(now, Input::Deadline, profile);
        }
        if let Some((_, end)) = self.doom.filter(|(at, _)| *at <= now) {
            return self.hang_up(now, end, profile.hang_up);
        }
        if self.silent_at(profile).is_some_and(|at| at <= now) {
            return self.hang_up(now, End::Silence, profile.hang_up);
        }
        match self.protocol_deadline.filter(|at| *at <= now) {
            Some(_) => self.give(now, Input::Deadline, profile),
            None => Vec::new(),
        }
    }

    /// Ends it without a word.
    pub(super) fn hang_up(&mut self, now: Instant, end: End, how: HangUp) -> Vec<Wish> {
        self.close(match how {
            HangUp::Fin => Action::Close,
            HangUp::Reset => Action::Reset,
        });
        self.over(now, end).into_iter().collect()
    }

    pub(super) fn accept(
        &mut self,
        now: Instant,
        request: RequestId,
        profile: &Profile,
    ) -> Vec<Wish> {
        self.record.accepted = Some(now);
        self.doom = profile.cut.map(|after| (now + after, End::Cut));
        self.give(now, Input::Verdict { request, verdict: Verdict::Accept }, profile)
    }

    pub(super) fn refuse(
        &mut self,
        now: Instant,
        request: RequestId,
        (code, words, end): (RefusalCode, &str, End),
        profile: &Profile,
    ) -> Vec<Wish> {
        let verdict = Verdict::Refuse { code, description: words.to_owned() };
        let mut wishes: Vec<_> = self.over(now, end).into_iter().collect();
        wishes.extend(self.give(now, Input::Verdict { request, verdict }, profile));
        wishes
    }

    fn over(&mut self, now: Instant, end: End) -> Option<Wish> {
        if self.is_over() {
            return None;
        }
        self.record.ended = Some((now, end));
        Some(Wish::Ended(end))
    }

    fn note(&mut self, heard: Heard) {
        let Heard { name, transaction, words } = heard;
        if name == "connect" {
            self.transaction = transaction;
        }
        if name == "publish" {
            self.record.publish_type = words.get(1).cloned();
        }
        if self.record.commands.len() < COMMANDS {
            self.record.commands.push(name);
        }
    }

    /// Hands the session an input, and carries out what it wants.
    fn give(&mut self, now: Instant, input: Input<'_>, profile: &Profile) -> Vec<Wish> {
        let mut wishes = Vec::new();
        if self.session.handle_input(now, input).is_err() {
            self.drain(now, profile, &mut wishes);
            wishes.extend(self.over(now, End::Protocol));
            self.close(Action::Close);
            return wishes;
        }
        self.drain(now, profile, &mut wishes);
        wishes
    }

    fn drain(&mut self, now: Instant, profile: &Profile, wishes: &mut Vec<Wish>) {
        loop {
            match self.session.poll_output() {
                Output::Transmit(piece) => self.actions.push_back(Action::Send(piece)),
                Output::Event(event) => self.event(now, event, profile, wishes),
                Output::Idle { until } => {
                    self.protocol_deadline = until;
                    return;
                }
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event, profile: &Profile, wishes: &mut Vec<Wish>) {
        match event {
            Event::ConnectRequest { request, app, tc_url, .. } => {
                self.record.app = app.expose().into_owned();
                self.record.tc_url = tc_url.expose().into_owned();
                wishes.extend(self.connect(now, request, profile));
            }
            Event::PublishRequest { request, name, .. } => {
                let name = name.expose().into_owned();
                self.record.key = Some(name.clone());
                wishes.push(Wish::Publish(request, name));
            }
            Event::Media { media, .. } if !self.is_over() => {
                wishes.extend(self.media(now, &media, profile))
            }
            Event::PublishEnded { orderly: true, .. } => {
                wishes.extend(self.over(now, End::Goodbye))
            }
            Event::PublishEnded { orderly: false, .. } => wishes.extend(self.over(now, End::Lost)),
            Event::Close { .. } => {
                wishes.extend(self.over(now, End::Lost));
                self.close(Action::Close);
            }
            _ => {}
        }
    }

    fn connect(&mut self, now: Instant, request: RequestId, profile: &Profile) -> Vec<Wish> {
        let app = self.record.app.split('?').next().unwrap_or_default().trim_matches('/');
        if app != profile.app {
            let refusal = (RefusalCode::InvalidApp, "There is no such application.", End::Refused);
            return self.refuse(now, request, refusal, profile);
        }
        if let Some(url) = &profile.redirect {
            self.actions.extend(redirection(self.transaction, url).into_iter().map(Action::Send));
            return self.hang_up(now, End::Redirected, HangUp::Fin);
        }
        self.give(now, Input::Verdict { request, verdict: Verdict::Accept }, profile)
    }

    fn media(&mut self, now: Instant, media: &Media, profile: &Profile) -> Vec<Wish> {
        let units = match media.kind {
            MediaKind::Video => read_video(&media.body),
            MediaKind::Audio => read_audio(&media.body),
            MediaKind::Data => {
                self.record.intake.data(media);
                read_data(&media.body, media.encoding == DataEncoding::Amf3)
            }
        };
        let mut changed = false;
        for unit in &units {
            changed |= self.record.intake.unit(now, media, unit, self.reader);
        }
        if changed && profile.parameters == Parameters::End {
            return self.hang_up(now, End::Parameters, profile.hang_up);
        }
        Vec::new()
    }
}

impl Intake {
    fn data(&mut self, media: &Media) {
        let bare = manycast_rtmp::command::without_set_data_frame(&media.body);
        if self.metadata.is_none() && data_name(&bare) == Some(b"onMetaData") {
            self.metadata = Some(media.body.clone());
            self.metadata_first = self.last.is_none();
        }
    }

    /// Takes one unit; whether it changed the parameters of a track that flows.
    fn unit(&mut self, now: Instant, media: &Media, unit: &Unit, reader: Reader) -> bool {
        match unit {
            Unit::Config { track, config } => {
                let headers = match track.kind {
                    TrackKind::Video => &mut self.video_headers,
                    _ => &mut self.audio_headers,
                };
                if headers.last() == Some(&config.record) {
                    return false;
                }
                headers.push(config.record.clone());
                headers.len() > 1
            }
            Unit::Frame { track, key, codec, .. } if track.kind != TrackKind::Data => {
                let picture = track.kind == TrackKind::Video;
                let headers = if picture { &self.video_headers } else { &self.audio_headers };
                self.unprepared += u32::from(headers.is_empty() && codec.needs_config());
                self.time(now, picture, media.timestamp);
                if picture {
                    self.began_at_key.get_or_insert(*key);
                }
                match reader(media.kind, &media.body) {
                    Some(mark) => self.frames.take(mark, picture.then_some(*key), media.timestamp),
                    None => self.unmarked += 1,
                }
                false
            }
            _ => false,
        }
    }
}

/// The `_error` of a `connect` that names another server (`ex.code` 302).
fn redirection(transaction: f64, url: &str) -> Vec<Bytes> {
    let to = object([("code", Value::Number(302.0)), ("redirect", Value::from(url))]);
    let status = object([
        ("level", Value::from("error")),
        ("code", Value::from("NetConnection.Connect.Rejected")),
        ("description", Value::from("Connect elsewhere.")),
        ("ex", to),
    ]);
    let mut body = Vec::new();
    encode_all(
        &[Value::from("_error"), Value::Number(transaction), Value::Null, status],
        &mut body,
    );
    let message = Message {
        chunk_stream: ChunkStreamId::COMMAND,
        timestamp: 0,
        kind: MessageType::COMMAND_AMF0,
        stream: MessageStreamId::CONNECTION,
        body: body.into(),
    };
    let mut out = Vec::new();
    write_full(&message, usize::try_from(DEFAULT_CHUNK_SIZE).unwrap_or(128), &mut out);
    out
}
