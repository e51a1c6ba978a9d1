//! Tracks, their configuration, and the set of them that a Stream carries at a moment.

use crate::{Codec, Wire};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// What a Track is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Metadata, cue points, captions.
    Data,
}

impl TrackKind {
    /// The short, stable name used in logs and the status API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Data => "data",
        }
    }
}

/// Identity of a Track inside its Stream: its kind and its number among those of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId {
    /// Video, audio or data.
    pub kind: TrackKind,
    /// 0 is the default Track of the kind.
    pub index: u8,
}

impl TrackId {
    /// The default video Track.
    pub const VIDEO: Self = Self { kind: TrackKind::Video, index: 0 };
    /// The default audio Track.
    pub const AUDIO: Self = Self { kind: TrackKind::Audio, index: 0 };
    /// The default data Track.
    pub const DATA: Self = Self { kind: TrackKind::Data, index: 0 };
}

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.index)
    }
}

/// Out-of-band decoder configuration of one Track (avcC, hvcC, av1C, AudioSpecificConfig ...).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecConfig {
    /// The codec that it configures.
    pub codec: Codec,
    /// The configuration record alone, without container framing.
    pub record: Bytes,
    /// The form it came in.
    pub wire: Option<Wire>,
}

impl CodecConfig {
    /// The bytes that this configuration keeps alive.
    #[must_use]
    pub fn size(&self) -> usize {
        self.wire.as_ref().map_or(self.record.len(), |wire| wire.body.len())
    }

    /// The same in memory of its own, to be kept for long: what was read may keep far more alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        let record = Bytes::copy_from_slice(&self.record);
        Self { codec: self.codec, record, wire: self.wire.as_ref().map(Wire::detached) }
    }
}

/// One elementary stream inside a Stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its identity.
    pub id: TrackId,
    /// How its Frames are coded.
    pub codec: Codec,
    /// Its configuration, once one came; some codecs have none.
    pub config: Option<CodecConfig>,
}

/// A message that stays valid until the next of the same name and that a joiner needs: the last
/// `onMetaData`, the HDR description of a Track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// The Track it speaks of, or [`TrackId::DATA`] for the Stream as a whole.
    pub track: TrackId,
    /// Its name; the next one with the same name and Track replaces it.
    pub name: Arc<str>,
    /// The message.
    pub wire: Wire,
}

impl Sticky {
    /// The same in memory of its own, to be kept for long.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { track: self.track, name: self.name.clone(), wire: self.wire.detached() }
    }
}

/// The Tracks that flow at a moment, in order of their ids, with the sticky messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackSet {
    /// Sorted by id; each at most once.
    pub tracks: Vec<Track>,
    /// Those that were configured and of which no Frame had come; sorted by id. They may never flow.
    pub announced: Vec<Track>,
    /// Those that flowed before and have ended, while others of their kind go on; sorted. They may
    /// come back.
    pub ended: Vec<TrackId>,
    /// In order of arrival; bounded by the hub.
    pub sticky: Vec<Sticky>,
}

impl TrackSet {
    /// The Track of this identity.
    #[must_use]
    pub fn get(&self, id: TrackId) -> Option<&Track> {
        self.tracks.iter().find(|t| t.id == id)
    }

    /// The Track that cuts the Gops: the first video Track, else the first audio Track.
    #[must_use]
    pub fn lead(&self) -> Option<TrackId> {
        let first = |kind| self.tracks.iter().map(|t| t.id).find(|id| id.kind == kind);
        first(TrackKind::Video).or_else(|| first(TrackKind::Audio))
    }

    /// Puts a Track in, or in place of the one with its id. It flows: it has not ended.
    pub fn insert(&mut self, track: Track) {
        self.ended.retain(|id| *id != track.id);
        match self.tracks.binary_search_by_key(&track.id, |t| t.id) {
            Ok(at) => self.tracks[at] = track,
            Err(at) => self.tracks.insert(at, track),
        }
    }

    /// Takes out a Track that has ended.
    pub fn end(&mut self, id: TrackId) -> Option<Track> {
        let at = self.tracks.iter().position(|track| track.id == id)?;
        if let Err(place) = self.ended.binary_search(&id) {
            self.ended.insert(place, id);
        }
        Some(self.tracks.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lead_is_video_where_there_is_any() {
        let mut set = TrackSet::default();
        assert_eq!(set.lead(), None);
        set.insert(Track { id: TrackId::AUDIO, codec: Codec::Aac, config: None });
        assert_eq!(set.lead(), Some(TrackId::AUDIO));
        set.insert(Track { id: TrackId::VIDEO, codec: Codec::H264, config: None });
        set.insert(Track { id: TrackId::AUDIO, codec: Codec::Mp3, config: None });
        assert_eq!(set.lead(), Some(TrackId::VIDEO));
        assert_eq!(set.tracks.len(), 2);
        assert_eq!(set.get(TrackId::AUDIO).unwrap().codec, Codec::Mp3);
    }

    #[test]
    fn a_track_that_ended_may_come_back() {
        let track = Track { id: TrackId::VIDEO, codec: Codec::H264, config: None };
        let mut set = TrackSet::default();
        set.insert(track.clone());
        assert_eq!(set.end(TrackId::AUDIO), None);
        assert_eq!(set.end(TrackId::VIDEO), Some(track.clone()));
        assert_eq!((set.get(TrackId::VIDEO), set.ended.as_slice()), (None, &[TrackId::VIDEO][..]));
        set.insert(track);
        assert_eq!((set.tracks.len(), set.ended.len()), (1, 0));
    }
}
