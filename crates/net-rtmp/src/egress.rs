//! From the hub to RTMP messages: which message carries what, and when it is due.

use crate::clock::wire_millis;
use bytes::Bytes;
use manycast_flv::TagKind;
use manycast_flv::frame::{tag_kind, write_config, write_frame};
use manycast_hub::{Content, Item};
use manycast_media::{Selection, Timestamp, TrackId, TrackSet, Wire};
use manycast_rtmp::session::MediaKind;

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

/// The messages of one entry, in order.
pub(crate) fn content(content: &Content, out: &mut Vec<Outgoing>) {
    match content {
        Content::Frame(frame) => out.extend(write_frame(frame).and_then(|w| message(w, frame.dts))),
        Content::Tracks { set, changed, at } => configs(set, changed, *at, out),
        Content::RunStarted { .. } | Content::RunEnded(_) => {}
    }
}

/// What someone who starts at `at` needs first: sticky messages, then every configuration.
///
/// Sticky messages are about the whole, at time zero: ffmpeg takes metadata of any other time for a
/// track of text.
pub(crate) fn joiner(tracks: &TrackSet, at: Timestamp, out: &mut Vec<Outgoing>) {
    out.extend(tracks.sticky.iter().filter_map(|s| message(s.wire.clone(), Timestamp::ZERO)));
    let all: Vec<_> = tracks.tracks.iter().map(|t| t.id).collect();
    configs(tracks, &all, at, out);
}

fn configs(set: &TrackSet, ids: &[TrackId], at: Timestamp, out: &mut Vec<Outgoing>) {
    let mut sent: Vec<Bytes> = Vec::new();
    for track in ids.iter().filter_map(|id| set.get(*id)) {
        let Some(config) = &track.config else { continue };
        let Some(wire) = write_config(config, track.id) else { continue };
        // Several Tracks may have been configured by one message.
        if !sent.contains(&wire.body) {
            sent.push(wire.body.clone());
            out.extend(message(wire, at));
        }
    }
}

/// One viewer's own headers over shared payloads, at the Stream's own time. What a Delivery is sent
/// is in `client/writer.rs`.
#[derive(Debug)]
pub(crate) struct Egress {
    selection: Selection,
    /// The configurations that the far end has.
    known: TrackSet,
}

impl Egress {
    pub(crate) fn viewer() -> Self {
        Self { selection: Selection::ALL, known: TrackSet::default() }
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
                Content::Frame(frame) if self.selection.takes(frame.track) => {
                    let before = out.len();
                    out.extend(write_frame(frame).and_then(|w| message(w, frame.dts)));
                    (out.len() - before) as u64
                }
                Content::Tracks { set, changed, at } => {
                    self.known = TrackSet::clone(set);
                    configs(set, changed, *at, out);
                    0
                }
                _ => 0,
            },
        }
    }

    /// After a gap only what is new is said again: platforms take a repeated header for a restart.
    fn join(&mut self, tracks: &TrackSet, at: Timestamp, out: &mut Vec<Outgoing>) {
        let known = std::mem::replace(&mut self.known, tracks.clone());
        let first = known == TrackSet::default();
        let sticky_at = if first { Timestamp::ZERO } else { at };
        let news = tracks.sticky.iter().filter(|s| !known.sticky.contains(s));
        out.extend(news.filter_map(|s| message(s.wire.clone(), sticky_at)));
        let changed = tracks.tracks.iter().filter(|t| known.get(t.id) != Some(t));
        let changed: Vec<_> = changed.map(|t| t.id).collect();
        configs(tracks, &changed, at, out);
    }
}

#[cfg(test)]
mod tests;
