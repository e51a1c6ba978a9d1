//! From the hub to RTMP messages: which message carries what, and when it is due.

use crate::client::peer::takes;
use crate::clock::wire_millis;
use bytes::Bytes;
use manycast_codec::{Shape, describe};
use manycast_flv::TagKind;
use manycast_flv::frame::{
    subject, tag_kind, write_about_alone, write_about_as, write_config, write_config_alone,
    write_config_as, write_frame, write_frame_alone, write_frame_as, write_without_mod_ex,
};
use manycast_hub::{Content, Item};
use manycast_media::{
    Chooser, CodecConfig, Facts, Frame, Selection, Sticky, Taken, Timestamp, Track, TrackId,
    TrackKind, TrackRules, TrackSet, Wire,
};
use manycast_rtmp::session::{Capabilities, MediaKind};
use std::sync::Arc;

/// A media message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) kind: MediaKind,
    pub(crate) timestamp: u32,
    pub(crate) body: Bytes,
}

/// The message that carries a body, if RTMP can.
pub(crate) fn message(wire: Wire, at: Timestamp) -> Option<Outgoing> {
    let kind = match tag_kind(wire.dialect)? {
        TagKind::Video => MediaKind::Video,
        TagKind::Audio => MediaKind::Audio,
        TagKind::Script | TagKind::ScriptAmf3 => MediaKind::Data,
    };
    Some(Outgoing { kind, timestamp: wire_millis(at), body: wire.body })
}

/// The message that carries a body to a peer: to one that takes no ModEx without its prefixes.
pub(crate) fn message_for(mod_ex: bool, wire: Wire, at: Timestamp) -> Option<Outgoing> {
    message(if mod_ex { wire } else { write_without_mod_ex(wire)? }, at)
}

/// What of a Stream all viewers of a lane get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// All Tracks as they came; else the first of each kind, alone.
    pub all: bool,
    /// With what modifies a message; not for those who speak of Enhanced RTMP and not of ModEx.
    pub mod_ex: bool,
}

impl Share {
    /// For who asks for nothing and says nothing of itself.
    pub const DEFAULT: Self = Self { all: false, mod_ex: true };
    /// Everything.
    pub const ALL: Self = Self { all: true, mod_ex: true };

    fn frame(self, frame: &Frame) -> Option<Wire> {
        if self.all { write_frame(frame) } else { write_frame_alone(frame) }
    }

    fn config(self, config: &CodecConfig, track: TrackId) -> Option<Wire> {
        if self.all { write_config(config, track) } else { write_config_alone(config, track) }
    }

    fn sticky(self, sticky: &Sticky) -> Option<Wire> {
        if self.all {
            return Some(sticky.wire.clone());
        }
        // It may speak of another Track than it names: of that which its codec tells.
        write_about_alone(&sticky.wire).filter(|_| sticky.track.index == 0)
    }

    fn message(self, wire: Wire, at: Timestamp) -> Option<Outgoing> {
        message_for(self.mod_ex, wire, at)
    }
}

/// The messages of one entry, in order.
pub(crate) fn content(content: &Content, share: Share, mut say: impl FnMut(Outgoing)) {
    match content {
        Content::Frame(frame) => {
            let wire = share.frame(frame);
            if let Some(message) = wire.and_then(|wire| share.message(wire, frame.dts)) {
                say(message);
            }
        }
        Content::Tracks { set, changed, at } => configs((set, changed), share, *at, &mut say),
        Content::RunStarted { .. } | Content::RunEnded(_) => {}
    }
}

/// What someone who starts at `at` needs first: sticky messages, then every configuration.
///
/// Sticky messages are about the whole, at time zero: ffmpeg takes metadata of any other time for a
/// track of text.
pub(crate) fn joiner(
    tracks: &TrackSet,
    share: Share,
    at: Timestamp,
    mut say: impl FnMut(Outgoing),
) {
    let stick = |first: bool, say: &mut dyn FnMut(Outgoing)| {
        let sticky = tracks.sticky.iter().filter(|sticky| goes_first(sticky) == first);
        let wires = sticky.filter_map(|sticky| share.sticky(sticky));
        wires.filter_map(|wire| share.message(wire, Timestamp::ZERO)).for_each(say);
    };
    stick(true, &mut say);
    let all: Vec<_> = tracks.tracks.iter().map(|t| t.id).collect();
    configs((tracks, &all), share, at, &mut say);
    stick(false, &mut say);
}

/// Whether a sticky message goes before the configurations. ffmpeg takes an order of channels for a
/// frame as long as it does not know the codec; colours may come before and do with OBS.
pub(crate) fn goes_first(sticky: &Sticky) -> bool {
    sticky.track.kind != TrackKind::Audio
}

fn configs(
    (set, ids): (&TrackSet, &[TrackId]),
    share: Share,
    at: Timestamp,
    say: &mut impl FnMut(Outgoing),
) {
    let mut sent: Vec<Bytes> = Vec::new();
    for track in ids.iter().filter_map(|id| set.get(*id)) {
        let Some(config) = &track.config else { continue };
        let Some(wire) = share.config(config, track.id) else { continue };
        // Several Tracks may have been configured by one message.
        if !sent.contains(&wire.body) {
            sent.push(wire.body.clone());
            share.message(wire, at).into_iter().for_each(&mut *say);
        }
    }
}

/// One viewer's own headers over shared payloads, at the Stream's own time, of the Tracks that it
/// asked for. What a Delivery is sent is in `client/writer.rs`.
#[derive(Debug)]
pub(crate) struct Egress {
    chooser: Chooser,
    /// What the viewer said that it can.
    peer: Option<Arc<Capabilities>>,
    /// The Tracks in force, and the sticky messages.
    tracks: TrackSet,
    /// The configurations that the far end has, by the numbers that it knows.
    told: Vec<(TrackId, CodecConfig)>,
    told_sticky: Vec<Sticky>,
    begun: bool,
    /// Other sound than before is taken, and its configuration not told.
    owes: bool,
}

impl Egress {
    /// For a viewer that asked for this, and said that of itself.
    pub(crate) fn new(rules: TrackRules, peer: Option<Arc<Capabilities>>) -> Self {
        Self {
            chooser: Chooser::new(rules),
            peer,
            tracks: TrackSet::default(),
            told: Vec::new(),
            told_sticky: Vec::new(),
            begun: false,
            owes: false,
        }
    }

    /// Goes on for a viewer that was given shared bytes so far: it has what these said of the Tracks.
    /// Pictures go on where they were.
    pub(crate) fn go_on(&mut self, tracks: &TrackSet) {
        self.tracks = tracks.clone();
        self.begun = true;
        let had = |id: &TrackId| self.chooser.selection().takes(*id);
        let configs = tracks.tracks.iter().filter(|track| had(&track.id));
        self.told = configs.filter_map(|t| Some((t.id, t.config.clone()?))).collect();
        let sticky = tracks.sticky.iter().filter(|sticky| had(&sticky.track));
        self.told_sticky = sticky.cloned().collect();
        self.chooser.go_on();
        self.owes = self.choose();
    }

    /// The messages of one item, and how many Frames they are.
    pub(crate) fn item(&mut self, item: &Item, out: &mut Vec<Outgoing>) -> u64 {
        match item {
            Item::Joined { tracks, at } => {
                self.join(tracks, *at, out);
                0
            }
            Item::Skipped { .. } => 0,
            Item::Entry(entry) => match &entry.content {
                Content::Frame(frame) => self.frame(frame, out),
                Content::Tracks { set, changed, at } => {
                    self.tracks = TrackSet::clone(set);
                    let moved = self.choose();
                    self.say(changed, *at, out);
                    if moved {
                        self.say_sticky(|sticky| sticky.track.kind == TrackKind::Video, *at, out);
                        self.say_news(*at, out);
                        self.say_sticky(|sticky| sticky.track.kind == TrackKind::Audio, *at, out);
                    }
                    0
                }
                Content::RunStarted { .. } | Content::RunEnded(_) => 0,
            },
        }
    }

    /// Looks at the Tracks in force. True if what is taken is another at once.
    fn choose(&mut self) -> bool {
        let Self { chooser, peer, tracks, .. } = self;
        let takes = |track: &Track| peer.as_ref().is_none_or(|peer| takes(peer, track));
        chooser.tracks(tracks, |track| Facts { playable: takes(track), ..facts(track) })
    }

    /// Whether a Track is taken, and the viewer can play it.
    fn takes(&self, id: TrackId) -> bool {
        let can =
            |peer: &Arc<Capabilities>| self.tracks.get(id).is_none_or(|track| takes(peer, track));
        self.chooser.selection().takes(id) && self.peer.as_ref().is_none_or(can)
    }

    /// After a gap only what is new is said again: platforms take a repeated header for a restart.
    fn join(&mut self, tracks: &TrackSet, at: Timestamp, out: &mut Vec<Outgoing>) {
        self.tracks = tracks.clone();
        self.chooser.restart();
        self.choose();
        let sticky_at = if self.begun { at } else { Timestamp::ZERO };
        self.begun = true;
        self.say_sticky(goes_first, sticky_at, out);
        self.say_news(at, out);
        self.say_sticky(|sticky| !goes_first(sticky), sticky_at, out);
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Outgoing>) -> u64 {
        if std::mem::take(&mut self.owes) {
            self.say_news(frame.dts, out);
            self.say_sticky(|sticky| sticky.track.kind == TrackKind::Audio, frame.dts, out);
        }
        match self.chooser.takes(frame) {
            Taken::No => return 0,
            Taken::Yes => {}
            Taken::Changed => {
                self.say_sticky(|sticky| sticky.track == frame.track, frame.dts, out);
                self.say(&[frame.track], frame.dts, out);
            }
        }
        let message = self.wire(frame).and_then(|wire| self.message(wire, frame.dts));
        let sent = u64::from(message.is_some());
        out.extend(message);
        sent
    }

    /// Whether the viewer steps over what modifies a message.
    fn mod_ex(&self) -> bool {
        self.peer.as_ref().is_none_or(|peer| peer.takes_mod_ex())
    }

    fn message(&self, wire: Wire, at: Timestamp) -> Option<Outgoing> {
        message_for(self.mod_ex(), wire, at)
    }

    /// What carries a Frame that is taken: as it came, or alone; and nothing if it is about a Track
    /// that is not taken.
    fn wire(&self, frame: &Frame) -> Option<Wire> {
        let about = frame.wire.as_ref().filter(|_| frame.track.kind == TrackKind::Data);
        let id = about.and_then(subject).unwrap_or(frame.track);
        match (self.takes(id), self.chooser.selection().is_alone(id.kind), id.index) {
            (false, ..) => None,
            (true, false, _) => write_frame(frame),
            (true, true, 0) => write_frame_alone(frame),
            (true, true, _) => write_frame_as(frame, 0),
        }
    }

    /// The configurations of Tracks that are taken and that the far end does not have.
    fn say_news(&mut self, at: Timestamp, out: &mut Vec<Outgoing>) {
        let selection = self.chooser.selection();
        let is_news = |track: &&Track| {
            let id = number(selection, track.id);
            let told = self.told.iter().find(|(known, _)| *known == id).map(|(_, config)| config);
            self.takes(track.id) && track.config.as_ref() != told
        };
        let news: Vec<_> = self.tracks.tracks.iter().filter(is_news).map(|t| t.id).collect();
        self.say(&news, at, out);
    }

    /// The configurations of these Tracks, as far as they are taken.
    fn say(&mut self, ids: &[TrackId], at: Timestamp, out: &mut Vec<Outgoing>) {
        let (selection, mod_ex) = (self.chooser.selection(), self.mod_ex());
        for track in ids.iter().filter_map(|id| self.tracks.get(*id)) {
            let Some(config) = track.config.as_ref().filter(|_| self.takes(track.id)) else {
                continue;
            };
            let id = number(selection, track.id);
            let wire = match (selection.is_alone(id.kind), track.id.index) {
                (false, _) => write_config(config, id),
                (true, 0) => write_config_alone(config, id),
                (true, _) => write_config_as(config, id),
            };
            self.told.retain(|(known, _)| *known != id);
            self.told.push((id, config.clone()));
            out.extend(wire.and_then(|wire| message_for(mod_ex, wire, at)));
        }
    }

    /// The sticky messages that are new to the far end, of those about the whole and about Tracks
    /// that are taken.
    fn say_sticky(
        &mut self,
        which: impl Fn(&Sticky) -> bool,
        at: Timestamp,
        out: &mut Vec<Outgoing>,
    ) {
        let (selection, mod_ex) = (self.chooser.selection(), self.mod_ex());
        for sticky in &self.tracks.sticky {
            let is_news = which(sticky) && !self.told_sticky.contains(sticky);
            if !is_news || !self.takes(sticky.track) {
                continue;
            }
            let id = number(selection, sticky.track);
            let wire = match (selection.is_alone(id.kind), sticky.track.index) {
                (false, _) => Some(sticky.wire.clone()),
                (true, 0) => write_about_alone(&sticky.wire),
                (true, _) => write_about_as(&sticky.wire, 0),
            };
            out.extend(wire.and_then(|wire| message_for(mod_ex, wire, at)));
            let same =
                |told: &Sticky| (number(selection, told.track), &told.name) == (id, &sticky.name);
            self.told_sticky.retain(|told| !same(told));
            self.told_sticky.push(sticky.clone());
        }
    }
}

/// The number under which the far end knows a Track.
const fn number(selection: Selection, id: TrackId) -> TrackId {
    if selection.is_alone(id.kind) { TrackId { index: 0, ..id } } else { id }
}

/// What rules look at: the size of the pictures, as far as a configuration says it.
pub(crate) fn facts(track: &Track) -> Facts {
    let shape = track.config.as_ref().and_then(|c| describe(c.codec, &c.record)).map(|d| d.shape);
    let size = match shape {
        Some(Shape::Video(video)) => Some((video.width, video.height)),
        _ => None,
    };
    Facts { size, ..Facts::UNKNOWN }
}

#[cfg(test)]
mod tests;
