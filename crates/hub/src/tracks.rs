//! Which Tracks flow, how they are configured, and where Gops begin.

use crate::WindowLimits;
use manycast_media::{
    Codec, CodecConfig, Frame, Sticky, TimeDelta, Timestamp, Track, TrackId, TrackKind, TrackSet,
};
use smallvec::SmallVec;
use std::sync::Arc;

/// Sound leads when announced pictures have not come for this long.
const WAIT_FOR_VIDEO: TimeDelta = TimeDelta::from_millis(2_000);
/// Sound leads when pictures have stopped for this long.
const VIDEO_GONE: TimeDelta = TimeDelta::from_millis(5_000);
/// Most sticky messages kept, and their bytes.
const MAX_STICKY: usize = 16;
const MAX_STICKY_BYTES: usize = 64 * 1024;
/// Most bytes of the configurations in force, of those that wait to be, and of Tracks that ended.
const MAX_CONFIG_BYTES: usize = 256 * 1024;
/// Most Tracks of one Stream.
const MAX_TRACKS: usize = 64;

/// The Tracks of one Run. A Track exists once a coded Frame of it came; a configuration alone only
/// waits for that. One that ended is kept with its configuration: encoders that go on with it may
/// not send that again.
#[derive(Debug, Default)]
pub(crate) struct TrackBook {
    set: Arc<TrackSet>,
    pending: Vec<(TrackId, CodecConfig)>,
    /// In the order in which they ended.
    gone: Vec<Track>,
    /// The Tracks of `set` and their codecs, at hand: each Frame asks for its own.
    flowing: SmallVec<[(TrackId, Codec); 2]>,
    /// Counts the changes of `set`.
    revision: u64,
}

impl TrackBook {
    pub(crate) fn set(&self) -> &Arc<TrackSet> {
        &self.set
    }

    /// Changes with the Tracks of [`Self::set`].
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// To be called after each change of the Tracks.
    fn changed(&mut self) {
        self.revision += 1;
        self.flowing = self.set.tracks.iter().map(|track| (track.id, track.codec)).collect();
    }

    /// Whether pictures were announced, flowing or not.
    pub(crate) fn announces_video(&self) -> bool {
        self.pending.iter().any(|(id, _)| id.kind == TrackKind::Video)
    }

    /// Takes a configuration; in force from the next Frame of its Track. False: there is no room
    /// for it, and the one before stays in force.
    pub(crate) fn configure(&mut self, id: TrackId, config: CodecConfig) -> bool {
        let same = |t: &Track| t.config.as_ref().is_some_and(|c| *c == config);
        let is_same = self.set.get(id).is_some_and(same);
        let in_force = self.set.tracks.iter().chain(&self.gone).filter(|track| track.id != id);
        let waiting = self.pending.iter().filter(|(other, _)| *other != id);
        let others = in_force.filter_map(|t| t.config.as_ref()).chain(waiting.map(|(_, c)| c));
        let bytes = others.map(CodecConfig::size).fold(config.size(), usize::saturating_add);
        let others = self.pending.iter().filter(|(other, _)| *other != id).count();
        let has_room = is_same || bytes <= MAX_CONFIG_BYTES && others < MAX_TRACKS;
        if has_room {
            self.pending.retain(|(other, _)| *other != id);
        }
        if has_room && !is_same {
            self.pending.push((id, config));
        }
        has_room
    }

    /// Keeps a sticky message for those who join later. False: there is no room for it.
    pub(crate) fn stick(&mut self, sticky: Sticky) -> bool {
        let others = self.set.sticky.iter();
        let others: Vec<_> = others
            .filter(|s| (s.track, &s.name) != (sticky.track, &sticky.name))
            .cloned()
            .collect();
        let bytes: usize = others.iter().map(|s| s.wire.body.len()).sum();
        if others.len() >= MAX_STICKY || bytes + sticky.wire.body.len() > MAX_STICKY_BYTES {
            return false;
        }
        let set = Arc::make_mut(&mut self.set);
        set.sticky = others;
        set.sticky.push(sticky);
        true
    }

    /// Notes that a Frame of this Track came; names the Track if it is new or newly configured.
    /// A Frame of a Track beyond the cap is refused with `Err`.
    pub(crate) fn note(&mut self, id: TrackId, codec: Codec) -> Result<Option<TrackId>, ()> {
        if self.pending.is_empty() && self.flowing.contains(&(id, codec)) {
            return Ok(None);
        }
        let pending = self.pending.iter().position(|(other, c)| *other == id && c.codec == codec);
        let known = self.set.get(id);
        let gone = self.gone.iter().position(|track| track.id == id);
        let before = known.or_else(|| gone.and_then(|at| self.gone.get(at)));
        // What nobody understands says nothing about its Track.
        let says_nothing = |before: &Track| known.is_some() || before.codec != Codec::Opaque;
        if codec == Codec::Opaque && before.is_some_and(says_nothing) {
            return Ok(None);
        }
        if pending.is_none() && known.is_some_and(|t| t.codec == codec) {
            return Ok(None);
        }
        if known.is_none() && self.set.tracks.len() >= MAX_TRACKS {
            return Err(());
        }
        let config = match pending {
            Some(at) => Some(self.pending.swap_remove(at).1),
            None => before.and_then(|t| t.config.clone()).filter(|c| c.codec == codec),
        };
        let is_new = before.is_none();
        if let Some(at) = gone {
            self.gone.remove(at);
        }
        if is_new && self.set.tracks.len() + self.gone.len() >= MAX_TRACKS {
            self.forget_oldest();
        }
        let set = Arc::make_mut(&mut self.set);
        set.insert(Track { id, codec, config });
        let waiting = self.pending.iter().filter(|(id, _)| set.get(*id).is_none());
        let announced = waiting.map(|(id, config)| Track {
            id: *id,
            codec: config.codec,
            config: Some(config.clone()),
        });
        set.announced = announced.collect();
        set.announced.sort_by_key(|track| track.id);
        self.changed();
        Ok(Some(id))
    }

    /// Ends a Track beside others of its kind that go on; the only one of its kind stays, since
    /// outlets hold what they have while it pauses. Whether that changed anything.
    pub(crate) fn end(&mut self, id: TrackId) -> bool {
        let is_other = |track: &Track| track.id.kind == id.kind && track.id != id;
        if id.kind == TrackKind::Data || !self.set.tracks.iter().any(is_other) {
            return false;
        }
        if self.set.get(id).is_none() {
            return false;
        }
        self.gone.extend(Arc::make_mut(&mut self.set).end(id));
        self.changed();
        true
    }

    /// Makes room among those that ended, if one of them has.
    fn forget_oldest(&mut self) {
        if !self.gone.is_empty() {
            let id = self.gone.remove(0).id;
            Arc::make_mut(&mut self.set).ended.retain(|ended| *ended != id);
            self.changed();
        }
    }

    /// Whether a decoder could start with what is known of this Track.
    pub(crate) fn is_configured(&self, id: TrackId) -> bool {
        let track = self.set.get(id);
        track.is_some_and(|t| !t.codec.needs_config() || t.config.is_some())
    }
}

/// Decides which Frames open a Gop.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    lead_video: Option<TrackId>,
    last_video: Option<Timestamp>,
    first_audio: Option<Timestamp>,
    gop_at: Option<Timestamp>,
}

impl Cutter {
    /// Whether this Frame opens a Gop.
    pub(crate) fn opens(&mut self, frame: &Frame, book: &TrackBook, limits: &WindowLimits) -> bool {
        match frame.track.kind {
            TrackKind::Video => {
                let lead = self.lead(frame);
                if frame.track != lead {
                    return false;
                }
                self.last_video = Some(frame.dts);
                frame.key && book.is_configured(lead) && self.open_at(frame.dts)
            }
            TrackKind::Audio => {
                let first = *self.first_audio.get_or_insert(frame.dts);
                let waiting = match self.last_video {
                    Some(last) => frame.dts - last < VIDEO_GONE,
                    None => book.announces_video() && frame.dts - first < WAIT_FOR_VIDEO,
                };
                let due = self.gop_at.is_none_or(|at| frame.dts - at >= limits.audio_gop);
                !waiting && due && book.is_configured(frame.track) && self.open_at(frame.dts)
            }
            TrackKind::Data => false,
        }
    }

    /// The video Track whose key frames open Gops: the one with the lowest number, since that is what
    /// most readers get. It changes at a key frame, also when it has ended and another goes on.
    fn lead(&mut self, frame: &Frame) -> TrackId {
        let lead = self.lead_video.get_or_insert(frame.track);
        let gone = self.last_video.is_some_and(|last| frame.dts - last >= VIDEO_GONE);
        if frame.key && (frame.track < *lead || gone) {
            *lead = frame.track;
        }
        *lead
    }

    /// A Track has ended: another one leads from its next key frame on.
    pub(crate) fn end(&mut self, id: TrackId) {
        if self.lead_video == Some(id) {
            self.lead_video = None;
        }
    }

    fn open_at(&mut self, at: Timestamp) -> bool {
        self.gop_at = Some(at);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn opened(cutter: &mut Cutter, book: &TrackBook, index: u8, at: i64, key: bool) -> bool {
        let dts = Timestamp::from_millis(at);
        let track = TrackId { index, ..TrackId::VIDEO };
        let frame = Frame {
            track,
            codec: Codec::Vp8,
            dts,
            pts: dts,
            key,
            payload: Bytes::new(),
            wire: None,
        };
        cutter.opens(&frame, book, &WindowLimits::default())
    }

    #[test]
    fn configurations_are_bounded_and_what_does_not_fit_changes_nothing() {
        let record = |byte, len| CodecConfig {
            codec: Codec::Vp8,
            record: Bytes::from(vec![byte; len]),
            wire: None,
        };
        let id = |index| TrackId { index, ..TrackId::VIDEO };
        let mut book = TrackBook::default();
        assert!(book.configure(id(0), record(1, 100_000)));
        book.note(id(0), Codec::Vp8).unwrap();
        assert!(book.configure(id(1), record(1, 100_000)));
        assert!(!book.configure(id(2), record(1, 100_000)), "beside those two there is no room");
        assert!(!book.configure(id(0), record(2, 200_000)));
        assert!(book.configure(id(0), record(3, 150_000)), "in place of its own there is");
        book.note(id(0), Codec::Vp8).unwrap();
        assert_eq!(book.set().get(id(0)).unwrap().config, Some(record(3, 150_000)));
        book.note(id(2), Codec::Vp8).unwrap();
        assert_eq!(book.set().get(id(2)).unwrap().config, None);
        assert!(book.end(id(0)));
        assert!(!book.configure(id(1), record(1, 150_000)), "what ended is kept and counts");
    }

    /// Most readers get the lowest number, whichever Track was the first to arrive.
    #[test]
    fn gops_are_cut_by_the_lowest_video_track_that_flows() {
        let mut book = TrackBook::default();
        for index in [0, 1] {
            book.note(TrackId { index, ..TrackId::VIDEO }, Codec::Vp8).unwrap();
        }
        let mut cutter = Cutter::default();
        let mut opens = |index, at, key| opened(&mut cutter, &book, index, at, key);
        assert!(opens(1, 0, true), "the first to come");
        assert!(!opens(0, 10, false), "no decoder can start there");
        assert!(opens(1, 1_000, true), "still the lead");
        assert!(opens(0, 1_010, true), "from its key frame on");
        assert!(!opens(1, 2_000, true), "no longer the lead");
        assert!(opens(0, 2_010, true));
        // It ends; the other one goes on.
        assert!(!opens(1, 7_000, true), "not yet");
        assert!(!opens(1, 7_500, false));
        assert!(opens(1, 8_000, true));
        assert!(opens(0, 9_000, true), "it is back");
        // The hub knows of the next end at once.
        cutter.end(TrackId { index: 1, ..TrackId::VIDEO });
        assert!(!opened(&mut cutter, &book, 1, 9_010, true), "that was not the lead");
        cutter.end(TrackId::VIDEO);
        assert!(!opened(&mut cutter, &book, 1, 9_040, false));
        assert!(opened(&mut cutter, &book, 1, 9_080, true));
    }

    fn config(byte: u8) -> CodecConfig {
        CodecConfig { codec: Codec::H264, record: Bytes::from(vec![byte]), wire: None }
    }

    /// Encoders that go on with a Track may not configure it again.
    #[test]
    fn a_track_that_ended_comes_back_with_its_configuration() {
        let one = TrackId { index: 1, ..TrackId::VIDEO };
        let mut book = TrackBook::default();
        for (id, byte) in [(TrackId::VIDEO, 0), (one, 1)] {
            book.configure(id, config(byte));
            book.note(id, Codec::H264).unwrap();
        }
        assert!(!book.end(TrackId { index: 2, ..one }), "never flowed");
        assert!(book.end(one));
        assert!(!book.end(one), "once");
        assert_eq!((book.set().get(one), book.set().ended.as_slice()), (None, &[one][..]));
        assert!(!book.end(TrackId::VIDEO), "the only one of its kind stays");
        assert_eq!(book.note(one, Codec::Opaque), Ok(None), "that says nothing of it");
        assert_eq!(book.note(one, Codec::H264), Ok(Some(one)));
        assert_eq!(book.set().get(one).unwrap().config, Some(config(1)));
        assert_eq!(book.set().ended, []);
        // Configured anew while it is away.
        book.end(one);
        book.configure(one, config(2));
        book.note(one, Codec::H264).unwrap();
        assert_eq!(book.set().get(one).unwrap().config, Some(config(2)));
    }

    #[test]
    fn tracks_that_ended_leave_room_for_others() {
        let of = |index| TrackId { index, ..TrackId::VIDEO };
        let mut book = TrackBook::default();
        book.note(TrackId::VIDEO, Codec::Vp8).unwrap();
        for index in 1..=200 {
            assert_eq!(book.note(of(index), Codec::Vp8), Ok(Some(of(index))));
            assert!(book.end(of(index)));
        }
        assert!(book.gone.len() < MAX_TRACKS && book.set().ended.len() == book.gone.len());
    }
}
