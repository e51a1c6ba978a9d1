//! The Tracks that a Delivery takes, as the far end is to see them: one that is taken alone has no
//! number there.
//!
//! Belongs here: what becomes of a set of Tracks, of a Frame and of a message about Tracks. Must not
//! come here: which Track a rule means (crate `media`), what the far end said of itself (`peer.rs`).

use super::metadata;
use manycast_flv::frame::{
    has_number, subject, write_about_alone, write_about_as, write_config_alone, write_config_as,
    write_frame_alone, write_frame_as,
};
use manycast_media::{
    Chooser, Codec, CodecConfig, Facts, Frame, Sticky, Taken, Track, TrackId, TrackKind, TrackRule,
    TrackRules, TrackSet, Wire,
};
use std::borrow::Cow;

/// A rule at work.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    chooser: Chooser,
    /// All is asked for, whatever may come.
    all: bool,
    /// Every Track there is goes as it came.
    plain: bool,
}

/// What becomes of a Frame.
#[derive(Debug)]
pub(super) enum Picked<'a> {
    /// It is left out.
    No,
    /// It goes out in this form.
    Yes(Cow<'a, Frame>),
    /// As `Yes`, and it is the first of another Track than before.
    Changed(Cow<'a, Frame>),
}

impl Pick {
    pub(super) fn new(rules: TrackRules) -> Self {
        Self { chooser: Chooser::new(rules), all: rules == TrackRules::ALL, plain: true }
    }

    /// What is asked for by settings, before anything else is looked at; where nothing is: all.
    pub(super) fn asked(video: Option<TrackRule>, audio: Option<TrackRule>) -> Self {
        let all = TrackRule::All;
        Self::new(TrackRules { video: video.unwrap_or(all), audio: audio.unwrap_or(all) })
    }

    /// Whether every Track there is goes as it came.
    pub(super) const fn is_plain(&self) -> bool {
        self.plain
    }

    /// Takes note of the Tracks in force.
    pub(super) fn tracks(&mut self, set: &TrackSet, facts: impl Fn(&Track) -> Facts) {
        self.chooser.tracks(set, facts);
        let selection = self.chooser.selection();
        self.plain = set.tracks.iter().all(|track| {
            let numbered = || {
                let wire = track.config.as_ref().and_then(|config| config.wire.as_ref());
                track.id.index != 0 || wire.is_some_and(has_number)
            };
            selection.takes(track.id) && !(selection.is_alone(track.id.kind) && numbered())
        });
        // What is said of Tracks that do not flow yet would be of Tracks that never come.
        self.plain &= self.all || set.sticky.iter().all(|sticky| sticky.track.index == 0);
    }

    /// Whether pictures that were taken have ended, and no others have begun yet.
    pub(super) const fn is_lost(&self) -> bool {
        self.chooser.is_lost()
    }

    /// The next pictures follow a gap.
    pub(super) const fn restart(&mut self) {
        self.chooser.restart();
    }

    /// The Tracks as the far end sees them.
    pub(super) fn seen<'a>(&self, set: &'a TrackSet) -> Cow<'a, TrackSet> {
        if self.plain {
            return Cow::Borrowed(set);
        }
        let selection = self.chooser.selection();
        let taken = set.tracks.iter().filter(|track| selection.takes(track.id));
        let tracks = taken.map(|track| Track {
            id: self.number(track.id),
            config: track.config.as_ref().and_then(|config| self.config(track.id, config)),
            ..track.clone()
        });
        let mut seen = TrackSet {
            tracks: tracks.collect(),
            announced: Vec::new(),
            ended: Vec::new(),
            sticky: set.sticky.iter().filter_map(|sticky| self.sticky(set, sticky)).collect(),
        };
        seen.tracks.sort_by_key(|track| track.id);
        Cow::Owned(seen)
    }

    /// A Frame as the far end sees it.
    pub(super) fn frame<'a>(&mut self, set: &TrackSet, frame: &'a Frame) -> Picked<'a> {
        let taken = self.chooser.takes(frame);
        if self.all || (self.plain && frame.track.kind != TrackKind::Data) {
            return Picked::Yes(Cow::Borrowed(frame));
        }
        let seen = match frame.track.kind {
            TrackKind::Data => self.data(set, frame),
            _ if taken == Taken::No => None,
            kind if self.chooser.selection().is_alone(kind) => self.alone(frame),
            _ => Some(Cow::Borrowed(frame)),
        };
        match (seen, taken) {
            (None, _) => Picked::No,
            (Some(frame), Taken::Changed) => Picked::Changed(frame),
            (Some(frame), _) => Picked::Yes(frame),
        }
    }

    fn number(&self, id: TrackId) -> TrackId {
        let alone = self.chooser.selection().is_alone(id.kind);
        if alone { TrackId { index: 0, ..id } } else { id }
    }

    fn alone<'a>(&self, frame: &'a Frame) -> Option<Cow<'a, Frame>> {
        let first = frame.track.index == 0;
        if first && !frame.wire.as_ref().is_some_and(has_number) {
            return Some(Cow::Borrowed(frame));
        }
        let wire = if first { write_frame_alone(frame) } else { write_frame_as(frame, 0) };
        let track = self.number(frame.track);
        wire.map(|wire| Cow::Owned(Frame { track, wire: Some(wire), ..frame.clone() }))
    }

    fn config(&self, id: TrackId, config: &CodecConfig) -> Option<CodecConfig> {
        let number = self.number(id);
        if !self.chooser.selection().is_alone(id.kind) {
            return Some(config.clone());
        }
        let wire = match id.index {
            0 => write_config_alone(config, number),
            _ => write_config_as(config, number),
        };
        wire.map(|wire| CodecConfig { wire: Some(wire), ..config.clone() })
    }

    fn data<'a>(&self, set: &TrackSet, frame: &'a Frame) -> Option<Cow<'a, Frame>> {
        let Some(wire) = &frame.wire else { return Some(Cow::Borrowed(frame)) };
        if subject(wire).is_none() {
            let untrue = metadata::is_about_all(frame) && !self.is_lowest(set);
            return (!untrue).then_some(Cow::Borrowed(frame));
        }
        let id = subject(wire)?;
        if frame.codec == Codec::Opaque && self.chooser.selection().is_alone(id.kind) {
            return None;
        }
        let seen = self.about(id, wire)?;
        Some(Cow::Owned(Frame { wire: Some(seen), ..frame.clone() }))
    }

    /// What the encoder says about the whole is about the first Track of each kind.
    fn sticky(&self, set: &TrackSet, sticky: &Sticky) -> Option<Sticky> {
        if sticky.track == TrackId::DATA {
            return self.is_lowest(set).then(|| sticky.clone());
        }
        let wire = self.about(sticky.track, &sticky.wire)?;
        Some(Sticky { track: self.number(sticky.track), wire, ..sticky.clone() })
    }

    /// A message about this Track.
    fn about(&self, id: TrackId, wire: &Wire) -> Option<Wire> {
        let selection = self.chooser.selection();
        match (selection.takes(id), selection.is_alone(id.kind), id.index) {
            (false, ..) => None,
            (true, false, _) => Some(wire.clone()),
            (true, true, 0) => write_about_alone(wire),
            (true, true, _) => write_about_as(wire, 0),
        }
    }

    /// Whether what is taken of each kind is, or begins with, the first Track of it; one that has
    /// ended is still what the encoder's metadata is about.
    fn is_lowest(&self, set: &TrackSet) -> bool {
        [TrackKind::Video, TrackKind::Audio].into_iter().all(|kind| {
            let all = set.tracks.iter().map(|track| track.id).chain(set.ended.iter().copied());
            let first = all.filter(|id| id.kind == kind).min();
            first.is_none_or(|first| self.chooser.selection().takes(first))
        })
    }
}
