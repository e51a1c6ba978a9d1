//! From tags to what is sent: what is said, what was said already, and the time of each.
//!
//! ```text
//! file time   0 .. 7979 | 0 .. 7979 | ...      each pass has the times of the file
//! sent time   0 .. 7979 | 8000 .. 15979 | ...  one clock: a pass begins where the last one is over
//! ```
//! Belongs here: the rules, pure. Must not come here: waiting, reading, sending.

use bytes::Bytes;
use manycast_flv::frame::{Unit, Units, read_audio, read_data, read_video};
use manycast_flv::script::DataMessage;
use manycast_flv::{Tag, TagKind};
use manycast_media::TrackId;
use manycast_rtmp::session::MediaKind;
use std::sync::Arc;

/// A step of the file's clock that is larger is no pause but a new clock.
const LEAP_MS: i64 = 10_000;
/// Where a new clock goes on.
const STEP_MS: i64 = 20;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) kind: MediaKind,
    /// Milliseconds since the first message.
    pub(crate) at: i64,
    pub(crate) body: Bytes,
    /// Sound or a picture, as opposed to what describes them.
    pub(crate) frame: bool,
    /// A picture that can be begun with.
    pub(crate) key: bool,
}

impl Outgoing {
    /// The time on the wire: 32 bits that wrap (RTMP 5.3.1).
    pub(crate) fn wire_time(&self) -> u32 {
        u32::try_from(self.at.rem_euclid(1 << 32)).unwrap_or(0)
    }
}

/// What is said once, and again only when it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Topic {
    Config(TrackId),
    Sticky(TrackId, Arc<str>),
}

/// Decides what becomes of each tag.
#[derive(Debug, Default)]
pub(crate) struct Script {
    said: Vec<(Topic, Bytes)>,
    /// Ends of sequences, kept for the very end: players stop at them.
    ends: Vec<(MediaKind, Bytes)>,
    clock: Clock,
    frames: u64,
}

impl Script {
    /// The message of a tag, if it makes one.
    pub(crate) fn take(&mut self, tag: &Tag) -> Option<Outgoing> {
        let (kind, body, units) = read(tag);
        let (mut frame, mut key) = (false, false);
        match units.first()? {
            Unit::Empty => return None,
            Unit::SequenceEnd { .. } => {
                let end = (kind, body);
                if !self.ends.contains(&end) {
                    self.ends.push(end);
                }
                return None;
            }
            Unit::Config { track, .. } => self.news(Topic::Config(*track), &body)?,
            Unit::Sticky(sticky) => {
                self.news(Topic::Sticky(sticky.track, sticky.name.clone()), &body)?;
            }
            Unit::Frame { key: starts, .. } => {
                frame = kind != MediaKind::Data;
                key = kind == MediaKind::Video && *starts;
            }
            Unit::Opaque { .. } => frame = kind != MediaKind::Data,
        }
        self.frames += u64::from(frame);
        let at = self.clock.place(kind, frame, tag.timestamp);
        Some(Outgoing { kind, at, body, frame, key })
    }

    /// Remembers what is said about a topic; `None` when it was said already.
    fn news(&mut self, topic: Topic, body: &Bytes) -> Option<()> {
        match self.said.iter_mut().find(|(other, _)| *other == topic) {
            Some((_, said)) if said == body => return None,
            Some((_, said)) => *said = body.clone(),
            None => self.said.push((topic, body.clone())),
        }
        Some(())
    }

    /// The file is over and begins again. Returns whether there was anything in it.
    pub(crate) fn again(&mut self) -> bool {
        self.clock.again();
        std::mem::take(&mut self.frames) > 0
    }

    /// When what was sent so far is over, in milliseconds since the first message.
    pub(crate) fn end(&self) -> i64 {
        self.clock.end()
    }

    /// What is to be said at the very end.
    pub(crate) fn last_words(&mut self) -> Vec<Outgoing> {
        let at = self.end();
        let last = |(kind, body)| Outgoing { kind, at, body, frame: false, key: false };
        std::mem::take(&mut self.ends).into_iter().map(last).collect()
    }
}

fn read(tag: &Tag) -> (MediaKind, Bytes, Units) {
    match tag.kind {
        TagKind::Video => (MediaKind::Video, tag.body.clone(), read_video(&tag.body)),
        TagKind::Audio => (MediaKind::Audio, tag.body.clone(), read_audio(&tag.body)),
        TagKind::Script | TagKind::ScriptAmf3 => {
            let message = DataMessage::read(&tag.body, tag.kind == TagKind::ScriptAmf3);
            let enveloped = message.amf3 && message.body.first() == Some(&0);
            let body = message.body.slice(usize::from(enveloped)..);
            let units = read_data(&body, false);
            (MediaKind::Data, body, units)
        }
    }
}

/// One clock over all passes.
#[derive(Debug, Default)]
struct Clock {
    /// Where this pass begins.
    begin: i64,
    /// The file's time at that place.
    base: Option<i64>,
    /// The file's newest time, over its wraps.
    file: i64,
    newest: i64,
    audio: Beat,
    video: Beat,
}

/// The frames of a kind in this pass.
#[derive(Debug, Default)]
struct Beat {
    count: i64,
    first: i64,
    last: i64,
}

impl Beat {
    fn note(&mut self, at: i64) {
        if self.count == 0 {
            self.first = at;
        }
        self.count += 1;
        self.last = self.last.max(at);
    }

    /// When the last of these frames is over: it lasts as long as they do on average.
    fn end(&self) -> i64 {
        match self.count - 1 {
            ..0 => 0,
            0 => self.last + STEP_MS,
            steps => self.last + (self.last - self.first + steps / 2) / steps,
        }
    }
}

impl Clock {
    fn place(&mut self, kind: MediaKind, frame: bool, wire: u32) -> i64 {
        let low = u32::try_from(self.file.rem_euclid(1 << 32)).unwrap_or(0);
        let local = match self.base {
            None => i64::from(wire),
            Some(_) => self.file + i64::from(wire.wrapping_sub(low).cast_signed()),
        };
        if kind == MediaKind::Data {
            // Data often comes with time 0 in mid-file, and tells nothing about the clock.
            let at = self.base.map_or(self.begin, |base| self.begin + local - base);
            return if (at - self.newest).abs() > LEAP_MS { self.newest } else { at.max(0) };
        }
        let base = *self.base.get_or_insert(local);
        let mut at = self.begin + local - base;
        if (at - self.newest).abs() > LEAP_MS {
            at = self.newest + STEP_MS;
            self.base = Some(self.begin + local - at);
        }
        self.file = local;
        let at = at.max(self.begin);
        self.newest = self.newest.max(at);
        match kind {
            MediaKind::Audio if frame => self.audio.note(at),
            MediaKind::Video if frame => self.video.note(at),
            _ => {}
        }
        at
    }

    fn end(&self) -> i64 {
        self.audio.end().max(self.video.end()).max(self.newest)
    }

    fn again(&mut self) {
        let begin = self.end();
        *self = Self { begin, newest: begin, ..Self::default() };
    }
}
