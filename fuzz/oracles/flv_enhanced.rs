//! What has to hold for enhanced tags (E-RTMP v2), whatever the bytes: what is understood is written
//! back, several Tracks come apart into messages that mean the same, and each Track can be taken out,
//! numbered anew and put back.
//!
//! Input: the body of a tag; its first byte is bent so that it always announces an enhanced one.

use bytes::Bytes;
use manycast_flv::{
    audio::{AudioTag, EnhancedAudio, MultichannelConfig},
    enhanced::Tracks,
    frame::{
        Unit, read_audio, read_video, subject, write_about_as, write_config_as, write_frame,
        write_frame_as,
    },
    limits,
    video::{EnhancedVideo, VideoMetadata, VideoTag, enhanced::EnhancedVideoBody},
};
use manycast_media::{Codec, CodecConfig, Frame, Timestamp, TrackId, TrackKind, Wire};

/// Which of the two targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Bodies of video tags.
    Video,
    /// Bodies of audio tags.
    Audio,
}

const DTS: Timestamp = Timestamp::from_millis(1_000_000);

impl Target {
    fn body(self, input: &[u8]) -> Bytes {
        let mut body = input.to_vec();
        if let Some(first) = body.first_mut() {
            *first = match self {
                Self::Video => *first | 0x80,
                Self::Audio => 0x90 | *first & 0x0F,
            };
        }
        body.into()
    }

    const fn kind(self) -> TrackKind {
        match self {
            Self::Video => TrackKind::Video,
            Self::Audio => TrackKind::Audio,
        }
    }

    fn read(self, body: &Bytes) -> Vec<Unit> {
        let units = match self {
            Self::Video => read_video(body),
            Self::Audio => read_audio(body),
        };
        units.into_vec()
    }

    /// What a unit on a Track, or about one, becomes when it is written and read again. The way back
    /// from a message of the data Track is the message that it speaks of.
    fn read_one(self, wire: &Wire) -> Unit {
        let units = self.read(&wire.body);
        units.into_iter().next_back().expect("a message has a unit")
    }
}

/// The readers alone.
pub fn parse(target: Target, input: &[u8]) {
    drop(target.read(&target.body(input)));
}

/// Everything that has to hold.
pub fn check(target: Target, input: &[u8]) {
    let body = target.body(input);
    match target {
        Target::Video => video_tag(&body),
        Target::Audio => audio_tag(&body),
    }
    let units = target.read(&body);
    bounded(&body, &units);
    for unit in &units {
        comes_apart_once(target, &body, unit);
        match unit {
            Unit::Config { track, config } => config_takes_numbers(target, *track, config),
            Unit::Frame { .. } => {
                let frame = unit.clone().into_frame(DTS).expect("a frame makes one");
                match frame.track.kind {
                    TrackKind::Data => about_takes_numbers(target, frame.wire.as_ref()),
                    _ => frame_takes_numbers(target, &frame),
                }
            }
            Unit::Opaque { wire, .. } => {
                let frame = unit.clone().into_frame(DTS).expect("an opaque unit makes one");
                assert_eq!(write_frame(&frame).as_ref(), Some(wire), "bit-exact");
                assert_eq!(write_frame_as(&frame, 0), None, "not for plain players");
            }
            Unit::Sticky(sticky) => {
                assert_eq!(subject(&sticky.wire), Some(sticky.track));
            }
            Unit::SequenceEnd { .. } | Unit::Empty => {}
        }
    }
}

fn video_tag(body: &Bytes) {
    let Some(tag) = VideoTag::read(body) else { return };
    assert_eq!(tag.write(), body, "what is understood is written back");
    let VideoTag::Enhanced(EnhancedVideo { mod_ex, body: content, .. }) = &tag else {
        panic!("the first bit says that it is enhanced")
    };
    assert!(mod_ex.len() <= limits::MAX_MOD_EX);
    let EnhancedVideoBody::Tracks { tracks, .. } = content else { return };
    assert_eq!(tag.command(), None);
    tracks_hold(body, tracks);
    for track in &tracks.list {
        let info = VideoMetadata::read(&track.body).color_info();
        let again = info.map(|info| VideoMetadata::read(&info.write()).color_info());
        assert_eq!(again, info.map(Some), "what a colour description says can be said again");
    }
}

fn audio_tag(body: &Bytes) {
    let Some(tag) = AudioTag::read(body) else { return };
    assert_eq!(tag.write(), body, "what is understood is written back");
    let AudioTag::Enhanced(EnhancedAudio { mod_ex, tracks, .. }) = &tag else {
        panic!("the sound format says that it is enhanced")
    };
    assert!(mod_ex.len() <= limits::MAX_MOD_EX);
    tracks_hold(body, tracks);
    for track in &tracks.list {
        let Some(order) = MultichannelConfig::read(&track.body) else { continue };
        assert!(track.body.starts_with(&order.write()), "an order of channels is written back");
        assert!(order.speakers().len() <= usize::from(order.channels));
    }
}

fn tracks_hold(body: &Bytes, tracks: &Tracks) {
    assert!((1..=limits::MAX_TRACKS).contains(&tracks.list.len()));
    let sizes: usize = tracks.list.iter().map(|track| track.body.len()).sum();
    assert!(sizes < body.len(), "no byte belongs to two tracks");
    for track in &tracks.list {
        within(body, &track.body);
    }
}

/// No claim beyond the slice: what is handed out lies in what came in.
fn within(outer: &Bytes, inner: &Bytes) {
    let (outer, inner) = (outer.as_ptr_range(), inner.as_ptr_range());
    assert!(inner.is_empty() || outer.start <= inner.start && inner.end <= outer.end);
}

fn wire_of(unit: &Unit) -> Option<&Wire> {
    match unit {
        Unit::Config { config, .. } => config.wire.as_ref(),
        Unit::Frame { wire, .. } | Unit::Opaque { wire, .. } => Some(wire),
        Unit::Sticky(sticky) => Some(&sticky.wire),
        Unit::SequenceEnd { .. } | Unit::Empty => None,
    }
}

/// Messages made of one message are no more than it, plus a header and repeated prefixes for each.
fn bounded(body: &Bytes, units: &[Unit]) {
    assert!(!units.is_empty() && units.len() <= 2 * limits::MAX_TRACKS);
    let mut made: Vec<&Bytes> = units.iter().filter_map(wire_of).map(|wire| &wire.body).collect();
    made.dedup_by_key(|wire| wire.as_ptr());
    let bytes: usize = made.iter().map(|wire| wire.len()).sum();
    let each = 8 + limits::MAX_REPEATED_MOD_EX + 5 * limits::MAX_MOD_EX;
    assert!(bytes <= body.len() + made.len() * each, "{bytes} bytes of {}", body.len());
}

/// A unit's own message is the one that came, or reads to that unit alone.
fn comes_apart_once(target: Target, body: &Bytes, unit: &Unit) {
    let Some(wire) = wire_of(unit) else { return };
    if wire.body == body {
        return;
    }
    let again = target.read(&wire.body);
    assert!(again.contains(unit) && again.len() <= 2, "{again:?}");
}

/// The numbers that a Track is tried under.
fn numbers(own: TrackId) -> [u8; 4] {
    [0, 1, own.index, 255]
}

fn frame_takes_numbers(target: Target, frame: &Frame) {
    assert_eq!(frame.track.kind, target.kind());
    let own = frame.wire.as_ref().expect("what came has the form it came in");
    within(&own.body, &frame.payload);
    assert_eq!(write_frame(frame).as_ref(), Some(own), "bit-exact");
    for index in numbers(frame.track) {
        let wire = write_frame_as(frame, index).expect("an enhanced frame takes any number");
        let read = target.read_one(&wire).into_frame(DTS).expect("it is a frame still");
        let same = |f: &Frame| (f.track.kind, f.codec, f.key, f.payload.clone());
        assert_eq!((read.track.index, same(&read)), (index, same(frame)));
        // T13b: a composition time where none belongs does not survive
        if !matches!(frame.codec, Codec::Vp8 | Codec::Vp9) {
            let lost = (frame.pts - read.pts).ticks();
            let below_a_millisecond = 35_280;
            assert!((0..below_a_millisecond).contains(&lost) && (lost == 0 || index == 0));
        }
        assert_eq!(write_frame_as(&read, index), Some(wire), "once is enough");
    }
}

fn config_takes_numbers(target: Target, track: TrackId, config: &CodecConfig) {
    assert_eq!(track.kind, target.kind());
    for index in numbers(track) {
        let track = TrackId { index, ..track };
        let Some(wire) = write_config_as(config, track) else {
            assert_eq!((index, config.codec), (0, Codec::Mp3), "only legacy MP3 has none");
            continue;
        };
        let Unit::Config { track: read, config: again } = target.read_one(&wire) else {
            panic!("it is a configuration still")
        };
        assert_eq!((read, again.codec, &again.record), (track, config.codec, &config.record));
        assert_eq!(write_config_as(&again, track), Some(wire), "once is enough");
    }
}

fn about_takes_numbers(target: Target, wire: Option<&Wire>) {
    let wire = wire.expect("what came has the form it came in");
    let own = subject(wire).expect("it is about a Track");
    assert_eq!(own.kind, target.kind());
    for index in numbers(own) {
        let Some(written) = write_about_as(wire, index) else { continue };
        assert_eq!(subject(&written), Some(TrackId { index, ..own }));
        let payload = |wire: &Wire| match target.read_one(wire) {
            Unit::Frame { track: TrackId::DATA, payload, .. } => payload,
            other => panic!("{other:?} is not about a Track"),
        };
        assert_eq!(payload(&written), payload(wire));
    }
}
