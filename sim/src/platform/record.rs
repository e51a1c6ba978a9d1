//! What a platform got: sessions with their frames, and the broadcasts they made.
//!
//! Belongs here: plain records and what can be counted from them. Must not come here: behaviour.

use super::profile::Security;
use crate::frame::Mark;
use bytes::Bytes;
use std::time::Instant;

/// One connection, from its acceptance to its end.
#[derive(Clone, Debug)]
pub struct Session {
    /// When it was accepted.
    pub began: Instant,
    /// How it came.
    pub security: Security,
    /// The app as sent, with its query.
    pub app: String,
    /// `tcUrl` as sent.
    pub tc_url: String,
    /// The stream name as sent, with its query.
    pub key: Option<String>,
    /// The type that `publish` named, if it named one.
    pub publish_type: Option<String>,
    /// Commands in the order they came, 64 at most.
    pub commands: Vec<String>,
    /// When its publish was accepted.
    pub accepted: Option<Instant>,
    /// What came after that.
    pub intake: Intake,
    /// When and how it ended.
    pub ended: Option<(Instant, End)>,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The encoder said goodbye: `FCUnpublish`, `deleteStream` or `closeStream`.
    Goodbye,
    /// The encoder closed or broke the connection without a goodbye.
    Lost,
    /// The platform did not know the key.
    BadKey,
    /// The platform refused for another reason: the app, a name in use.
    Refused,
    /// The platform sent it elsewhere.
    Redirected,
    /// The platform ended it for silence.
    Silence,
    /// The platform ended it for its length.
    Cut,
    /// The platform ended it for a change of parameters.
    Parameters,
    /// Another session took its place.
    Replaced,
    /// The connection was not what the platform demands.
    Transport,
    /// The encoder broke the protocol, or was too slow.
    Protocol,
}

/// The media of one session.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// The first `onMetaData`, as it came.
    pub metadata: Option<Bytes>,
    /// Whether it came before any frame.
    pub metadata_first: bool,
    /// Decoder configurations of pictures, each when it differed from the one before.
    pub video_headers: Vec<Bytes>,
    /// Decoder configurations of sound, likewise.
    pub audio_headers: Vec<Bytes>,
    /// Frames that came before the configuration of their track.
    pub unprepared: u32,
    /// Whether the first picture was a key frame.
    pub began_at_key: Option<bool>,
    /// The numbered frames.
    pub frames: Frames,
    /// Frames without a number.
    pub unmarked: u32,
    /// Time stamps below the one before on the same track, by the wire's 32-bit clock.
    pub backward: u32,
    /// The first and the last time stamp of a frame.
    pub times: Option<(u32, u32)>,
    /// The largest step between time stamps of one track, in ms.
    pub largest_step: u32,
    /// When the last frame came.
    pub last: Option<Instant>,
    clocks: [Option<u32>; 2],
}

/// Numbered frames in the order they came, as runs without a gap.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// Each run of frames of one source without a gap.
    pub runs: Vec<Run>,
    /// Frames with a changed byte.
    pub altered: u32,
}

/// Frames of one source, each the next after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Who made them.
    pub source: u32,
    /// The first number.
    pub first: u32,
    /// The last number.
    pub last: u32,
    /// Whether the first one is a key frame. The first run of a source may begin with sound, if the
    /// picture behind that is one.
    pub at_key: bool,
    /// No picture came yet.
    pub sound_only: bool,
    /// Time stamp minus the encoder's own clock, modulo 2^32, at the first frame that tells.
    pub shift: Option<u32>,
    /// How far the others were from that shift at most, in ms.
    pub drift: u32,
}

/// A broadcast as the audience sees it: one or more sessions of one key.
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// The stream name, without its query.
    pub key: String,
    /// When it began.
    pub began: Instant,
    /// Its sessions, as places in the platform's list.
    pub sessions: Vec<usize>,
    /// When and how it ended.
    pub ended: Option<(Instant, BroadcastEnd)>,
    /// Since when it has no session.
    pub(super) alone_since: Option<Instant>,
}

/// How a broadcast ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BroadcastEnd {
    /// By the encoder's goodbye.
    Goodbye,
    /// Because nobody came back in time.
    Abandoned,
}

impl Session {
    pub(super) fn new(began: Instant, security: Security) -> Self {
        Self {
            began,
            security,
            app: String::new(),
            tc_url: String::new(),
            key: None,
            publish_type: None,
            commands: Vec::new(),
            accepted: None,
            intake: Intake::default(),
            ended: None,
        }
    }

    /// Whether it ended in the order that encoders keep: `FCUnpublish`, then `deleteStream`.
    #[must_use]
    pub fn said_goodbye(&self) -> bool {
        let place = |name: &str| self.commands.iter().position(|command| command == name);
        let order = place("FCUnpublish").zip(place("deleteStream"));
        matches!(self.ended, Some((_, End::Goodbye))) && order.is_some_and(|(fc, del)| fc < del)
    }

    /// What an encoder owes a platform and this one did not do, in words; empty when all is well.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut list = Vec::new();
        let mut note = |holds: bool, what: &str| {
            if !holds {
                list.push(what.to_owned());
            }
        };
        note(self.publish_type.as_deref() == Some("live"), "the publish type is not \"live\"");
        let asked = |name: &str| self.commands.iter().any(|command| command == name);
        note(asked("releaseStream") && asked("FCPublish"), "the FMLE commands are missing");
        if self.intake.last.is_some() {
            self.intake.complain(&mut note);
        }
        list
    }
}

impl Intake {
    fn complain(&self, note: &mut impl FnMut(bool, &str)) {
        note(self.metadata.is_some() && self.metadata_first, "no metadata before the first frame");
        note(self.unprepared == 0, "frames before their header");
        note(self.began_at_key != Some(false), "the first picture is no key frame");
        note(self.backward == 0, "time stamps that go back");
        note(self.frames.altered == 0, "altered frames");
        note(self.frames.is_ordered(), "frames out of order, twice, or not from a key frame on");
        note(self.frames.drift() == 0, "time stamps that drift from the encoder's clock");
    }

    /// Notes the time stamp of a picture (`true`) or a piece of sound.
    pub(super) fn time(&mut self, now: Instant, picture: bool, timestamp: u32) {
        self.last = Some(now);
        let slot = &mut self.clocks[usize::from(picture)];
        if let Some(last) = slot.replace(timestamp) {
            let step = timestamp.wrapping_sub(last);
            if step > u32::MAX / 2 {
                self.backward += 1;
            } else {
                self.largest_step = self.largest_step.max(step);
            }
        }
        let first = self.times.map_or(timestamp, |(first, _)| first);
        self.times = Some((first, timestamp));
    }
}

impl Frames {
    /// `picture`: whether it is a key frame, if it is a picture.
    pub(super) fn take(&mut self, mark: Mark, picture: Option<bool>, timestamp: u32) {
        let Mark { source, number, clock, whole } = mark;
        self.altered += u32::from(!whole);
        let shift = clock.map(|clock| timestamp.wrapping_sub(clock));
        let next = |run: &&mut Run| run.source == source && run.last.checked_add(1) == Some(number);
        if let Some(run) = self.runs.last_mut().filter(next) {
            run.last = number;
            if let Some(key) = picture {
                run.at_key &= !std::mem::take(&mut run.sound_only) || key;
            }
            let known = *run.shift.get_or_insert(shift.unwrap_or_default());
            let away =
                shift.map_or(0, |shift| shift.wrapping_sub(known).cast_signed().unsigned_abs());
            run.drift = run.drift.max(away);
            return;
        }
        let known = self.runs.iter().rev().find(|run| run.source == source);
        let away = known.and_then(|run| Some(run.shift?.wrapping_sub(shift?)));
        let drift = away.map_or(0, |away| away.cast_signed().unsigned_abs());
        let (at_key, sound_only) = (picture.unwrap_or(known.is_none()), picture.is_none());
        let (first, last) = (number, number);
        self.runs.push(Run { source, first, last, at_key, sound_only, shift, drift });
    }

    /// How many came.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.last - run.first) + 1).sum()
    }

    /// Whether no frame came twice or too late, no source came back after another, and every run
    /// began at a key frame.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        let pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        let rises = pairs.into_iter().all(|(a, b)| a.source != b.source || a.last < b.first);
        let mut sources: Vec<u32> = self.runs.iter().map(|run| run.source).collect();
        sources.dedup();
        let blocks = sources.len();
        sources.sort_unstable();
        sources.dedup();
        rises && sources.len() == blocks && self.runs.iter().all(|run| run.at_key)
    }

    /// How far the time stamps of one source ever were from its own clock plus one constant, in ms.
    #[must_use]
    pub fn drift(&self) -> u32 {
        self.runs.iter().map(|run| run.drift).max().unwrap_or(0)
    }

    /// Frames between the first and the last one of each source that did not come.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        let gaps = pairs.filter(|(a, b)| a.source == b.source && a.last < b.first);
        gaps.map(|(a, b)| u64::from(b.first - a.last - 1)).sum()
    }

    /// The sources in the order they came.
    #[must_use]
    pub fn sources(&self) -> Vec<u32> {
        let mut sources: Vec<u32> = self.runs.iter().map(|run| run.source).collect();
        sources.dedup();
        sources
    }
}

impl Broadcast {
    /// When it is over if nobody comes back: told by the platform's patience.
    pub(super) fn due(&self, patience: std::time::Duration) -> Option<Instant> {
        self.alone_since.filter(|_| self.ended.is_none()).map(|since| since + patience)
    }
}
