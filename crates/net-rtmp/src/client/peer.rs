//! What of a Stream a far end is sent that said what it can (E-RTMP v2 Enhancing `NetConnection`
//! connect).
//!
//! Belongs here: which Track goes as it is, which in place of another, which is left out, and the
//! sentence about it. Must not come here: messages; see `writer.rs`.
//!
//! Who said nothing gets everything as it came: most say nothing.

use manycast_flv::FourCc;
use manycast_media::{Codec, CodecConfig, Frame, Track, TrackId, TrackKind, TrackSet};
use manycast_rtmp::session::{Capabilities, MediaKind};
use std::borrow::Cow;

/// What becomes of a Track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It goes as it came.
    AsItCame,
    /// It goes as the first of its kind, in the form that all know: in place of one that is left
    /// out, or because it came in a form that is not taken.
    AsFirst,
    /// The far end takes no such codec.
    NoCodec,
    /// The far end takes one Track of a kind.
    NoFurther,
}

/// What becomes of each Track of a set. The default leaves everything as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// The Tracks that do not go as they came.
    changed: Vec<(TrackId, Way)>,
    /// What is not sent, and what to do about it; `None`: nothing is missing.
    pub(super) words: Option<String>,
}

impl Plan {
    /// For a far end that said this of itself.
    pub(super) fn new(peer: &Capabilities, tracks: &TrackSet) -> Self {
        let mut plan = Self::default();
        if !peer.is_enhanced() {
            return plan;
        }
        for kind in [TrackKind::Video, TrackKind::Audio] {
            plan.judge(peer, tracks.tracks.iter().filter(|track| track.id.kind == kind));
        }
        plan.words = plan.sentence(tracks);
        plan
    }

    fn judge<'a>(&mut self, peer: &Capabilities, tracks: impl Iterator<Item = &'a Track> + Clone) {
        let missing = |track: &Track| codec_way(peer, track) == Way::NoCodec;
        let first = tracks.clone().find(|track| track.id.index == 0);
        // A Track that comes later is the same in another quality or codec, mostly.
        let spare = tracks.clone().find(|track| track.id.index != 0 && !missing(track));
        let stand_in = first.filter(|first| missing(first)).and(spare).map(|track| track.id);
        for track in tracks {
            let way = match codec_way(peer, track) {
                _ if Some(track.id) == stand_in => Way::AsFirst,
                Way::NoCodec => Way::NoCodec,
                _ if track.id.index != 0 && peer.takes_tracks() == Some(false) => Way::NoFurther,
                way => way,
            };
            if way != Way::AsItCame {
                self.changed.push((track.id, way));
            }
        }
    }

    pub(super) fn way(&self, id: TrackId) -> Way {
        let own = self.changed.iter().find(|(changed, _)| *changed == id);
        own.map_or(Way::AsItCame, |(_, way)| *way)
    }

    /// Whether everything goes as it came.
    pub(super) fn is_plain(&self) -> bool {
        self.changed.is_empty()
    }

    /// The Tracks as the far end sees them. What the encoder said about them is no longer true.
    pub(super) fn seen<'a>(&self, tracks: &'a TrackSet) -> Cow<'a, TrackSet> {
        if self.is_plain() {
            return Cow::Borrowed(tracks);
        }
        let seen = tracks.tracks.iter().filter_map(|track| match self.way(track.id) {
            Way::AsItCame => Some(track.clone()),
            Way::AsFirst => Some(Track {
                id: TrackId { index: 0, ..track.id },
                config: track.config.clone().map(|config| CodecConfig { wire: None, ..config }),
                ..track.clone()
            }),
            Way::NoCodec | Way::NoFurther => None,
        });
        let about_all = TrackId::DATA;
        let kept = |track: TrackId| track != about_all && self.way(track) == Way::AsItCame;
        let mut seen = TrackSet {
            tracks: seen.collect(),
            announced: Vec::new(),
            ended: Vec::new(),
            sticky: tracks.sticky.iter().filter(|sticky| kept(sticky.track)).cloned().collect(),
        };
        seen.tracks.sort_by_key(|track| track.id);
        Cow::Owned(seen)
    }

    /// A Frame as the far end sees it; `None`: not at all.
    pub(super) fn frame<'a>(&self, frame: &'a Frame) -> Option<Cow<'a, Frame>> {
        if self.is_plain() {
            return Some(Cow::Borrowed(frame));
        }
        // Of what is said live about pictures and sound, nothing tells which Track it means.
        let about = frame.track.kind == TrackKind::Data && frame.codec != Codec::Script
            || super::metadata::is_about_all(frame);
        match self.way(frame.track) {
            Way::AsItCame if !about => Some(Cow::Borrowed(frame)),
            Way::AsFirst => Some(Cow::Owned(Frame {
                track: TrackId { index: 0, ..frame.track },
                wire: None,
                ..frame.clone()
            })),
            _ => None,
        }
    }

    fn sentence(&self, tracks: &TrackSet) -> Option<String> {
        let with = |wanted: Way| {
            let own = self.changed.iter().filter(move |(_, way)| *way == wanted);
            own.filter_map(|(id, _)| tracks.get(*id))
        };
        let mut words: Vec<String> = with(Way::NoCodec)
            .map(|track| {
                let kind = track.id.kind;
                let instead = with(Way::AsFirst).find(|other| other.id.kind == kind);
                left_out(track, instead)
            })
            .collect();
        let further: Vec<_> = with(Way::NoFurther).map(|track| track.id.to_string()).collect();
        if !further.is_empty() {
            let list = further.join(", ");
            words.push(format!("{list} not sent: the far end takes one track of each kind"));
        }
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// One that is left out for its codec, and what stands in for it.
fn left_out(track: &Track, instead: Option<&Track>) -> String {
    let (id, codec) = (track.id, track.codec);
    let (what, known) = match id.kind {
        TrackKind::Audio => ("sound", Codec::Aac),
        _ => ("pictures", Codec::H264),
    };
    match instead {
        Some(other) if id.index == 0 => format!(
            "{what} of {id} ({codec}) not sent: the far end takes no {codec}; {} ({}) goes in \
             its place",
            other.id, other.codec
        ),
        _ => format!(
            "{what} of {id} ({codec}) not sent: the far end takes no {codec}; set the encoder to \
             {known}"
        ),
    }
}

/// Whether the far end takes the codec of a Track, as far as is known.
pub(crate) fn takes(peer: &Capabilities, track: &Track) -> bool {
    codec_way(peer, track) != Way::NoCodec
}

/// What becomes of a Track for its codec alone.
fn codec_way(peer: &Capabilities, track: &Track) -> Way {
    let kind = match track.id.kind {
        TrackKind::Video => MediaKind::Video,
        TrackKind::Audio => MediaKind::Audio,
        TrackKind::Data => return Way::AsItCame,
    };
    // Codecs that enhanced tags cannot name are older than any announcement.
    let Some(four_cc) = FourCc::of(track.codec).map(|four_cc| four_cc.to_string()) else {
        return Way::AsItCame;
    };
    if peer.takes(kind, &four_cc) != Some(false) {
        return Way::AsItCame;
    }
    let has_old_form = matches!(track.codec, Codec::H264 | Codec::Aac | Codec::Mp3);
    if !has_old_form || peer.rules_out(kind, &four_cc) {
        return Way::NoCodec;
    }
    if track.id.index == 0 { old_form(track) } else { Way::NoCodec }
}

/// Lists and maps need not speak of codecs that have a form of old: in that they are taken.
fn old_form(track: &Track) -> Way {
    let wire = track.config.as_ref().and_then(|config| config.wire.as_ref());
    let first = wire.and_then(|wire| wire.body.first()).copied();
    let enhanced = first.is_some_and(|first| match track.id.kind {
        TrackKind::Video => first & 0x80 != 0,
        _ => first >> 4 == 9,
    });
    if enhanced { Way::AsFirst } else { Way::AsItCame }
}

#[cfg(test)]
mod tests;
