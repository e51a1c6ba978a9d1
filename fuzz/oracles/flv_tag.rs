//! What has to hold for tags, script messages, files and records, whatever the bytes.
//!
//! Input: one byte that chooses the reader, then the body (or, for the file reader, the bytes
//! behind a good file header).

use bytes::Bytes;
use manycast_codec::{Description, Shape, describe, starts_decoding};
use manycast_flv::{
    Tag,
    audio::AudioTag,
    file::{FileReader, file_header},
    frame::{
        Unit, Units, read_audio, read_data, read_video, tag_kind, write_config, write_frame,
        write_legacy_frame,
    },
    limits,
    script::DataMessage,
    video::VideoTag,
};
use manycast_media::{Codec, CodecConfig, Timestamp, TrackId, TrackKind};

/// The readers alone.
pub fn parse(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let body = Bytes::copy_from_slice(rest);
    match choice % 6 {
        0 => drop(read_video(&body)),
        1 => drop(read_audio(&body)),
        2 => drop(read_data(&body, false)),
        3 => drop(read_data(&body, true)),
        4 => {}
        _ => records(&body),
    }
}

/// Everything that has to hold.
pub fn check(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let body = Bytes::copy_from_slice(rest);
    match choice % 6 {
        0 => video(&body),
        1 => audio(&body),
        2 => data(&body, false),
        3 => data(&body, true),
        4 => file(&body),
        _ => records(&body),
    }
}

fn video(body: &Bytes) {
    if let Some(tag) = VideoTag::read(body) {
        assert_eq!(tag.write(), body, "what is understood is written back");
    }
    units(body, read_video(body));
}

fn audio(body: &Bytes) {
    if let Some(tag) = AudioTag::read(body) {
        assert_eq!(tag.write(), body, "what is understood is written back");
    }
    units(body, read_audio(body));
}

fn data(body: &Bytes, amf3: bool) {
    let message = DataMessage::read(body, amf3);
    within(body, &message.body);
    let again = DataMessage::read(&message.with_set_data_frame(), message.amf3);
    let plain = |m: &DataMessage| match &m.body[..] {
        [0, rest @ ..] if m.amf3 => rest.to_vec(),
        rest => rest.to_vec(),
    };
    assert_eq!(plain(&again), plain(&message), "the prefix comes off as it went on");
    if let Some(metadata) = message.metadata() {
        assert!(metadata.encoder.is_none_or(|e| e.chars().count() <= 128));
        for measure in [metadata.width, metadata.height, metadata.frame_rate].into_iter().flatten()
        {
            assert!(measure.is_finite() && measure > 0.0);
        }
    }
    units(&message.body, read_data(body, amf3));
}

/// No claim beyond the slice: what is handed out lies in what came in.
fn within(outer: &Bytes, inner: &Bytes) {
    let (outer, inner) = (outer.as_ptr_range(), inner.as_ptr_range());
    assert!(inner.is_empty() || outer.start <= inner.start && inner.end <= outer.end);
}

/// Each unit on its own; what several Tracks in one message become is the matter of `flv_enhanced`.
fn units(body: &Bytes, units: Units) {
    assert!(!units.is_empty() && units.len() <= 2 * limits::MAX_TRACKS);
    for unit in units {
        match &unit {
            Unit::Config { track, config } => config_holds(*track, config),
            Unit::Sticky(sticky) => assert!(tag_kind(sticky.wire.dialect).is_some()),
            Unit::Frame { .. } => frame_holds(unit),
            Unit::Opaque { wire, .. } => {
                assert!(!wire.body.is_empty() && wire.body.len() <= body.len());
                frame_holds(unit);
            }
            Unit::SequenceEnd { .. } | Unit::Empty => {}
        }
    }
}

fn config_holds(track: TrackId, config: &CodecConfig) {
    let wire = config.wire.as_ref().expect("what came has the form it came in");
    within(&wire.body, &config.record);
    described(describe(config.codec, &config.record));
    let bare = CodecConfig { wire: None, ..config.clone() };
    let Some(built) = write_config(&bare, track) else { return };
    let read = match track.kind {
        TrackKind::Video => read_video(&built.body),
        _ => read_audio(&built.body),
    };
    let wire = Some(built);
    assert_eq!(read[..], [Unit::Config { track, config: CodecConfig { wire, ..bare } }]);
}

fn frame_holds(unit: Unit) {
    let dts = Timestamp::from_millis(1_000_000);
    let frame = unit.into_frame(dts).expect("frames and opaque units make a frame");
    let body = &frame.wire.as_ref().expect("what came has the form it came in").body;
    within(body, &frame.payload);
    let wire = write_frame(&frame).expect("what came in leaves");
    assert_eq!(wire.body, body, "bit-exact");
    if frame.track.kind != TrackKind::Data
        && let Some(legacy) = write_legacy_frame(&frame)
        && legacy.body != body
    {
        let read = match frame.track.kind {
            TrackKind::Video => read_video(&legacy.body),
            _ => read_audio(&legacy.body),
        };
        let read = read[0].clone().into_frame(dts).expect("rewrapped, it is a frame");
        assert_eq!((read.codec, read.key, &read.payload), (frame.codec, frame.key, &frame.payload));
    }
}

fn described(found: Option<Description>) {
    match found.map(|found| found.shape) {
        Some(Shape::Video(v)) => {
            assert!((1..=16_384).contains(&v.width) && (1..=16_384).contains(&v.height));
            assert!(v.fps.is_none_or(|fps| fps.is_finite() && fps > 0.0));
        }
        Some(Shape::Audio(a)) => assert!((1..=1_048_575).contains(&a.sample_rate)),
        None => {}
    }
}

fn records(body: &Bytes) {
    for codec in [Codec::H264, Codec::H265, Codec::H266, Codec::Av1, Codec::Vp8, Codec::Vp9] {
        described(describe(codec, body));
        let _ = starts_decoding(codec, body);
    }
    described(describe(Codec::Aac, body));
}

/// The same tags for any cut, and no byte made up.
fn file(behind_header: &Bytes) {
    let bytes = [&file_header(true, true)[..], behind_header].concat();
    let (whole, whole_lost) = read_file(bytes.chunks(bytes.len().max(1)));
    let size = usize::from(behind_header.first().copied().unwrap_or(0)) + 1;
    let (pieces, pieces_lost) = read_file(bytes.chunks(size));
    assert_eq!((&whole, whole_lost), (&pieces, pieces_lost));
    let carried: usize = whole.iter().map(|tag| tag.body.len() + 11).sum();
    assert!(carried as u64 + whole_lost <= behind_header.len() as u64);
}

fn read_file<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Tag>, u64) {
    let mut reader = FileReader::new();
    let mut tags = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while let Some(tag) = reader.next_tag().expect("the header is good") {
            tags.push(tag);
        }
    }
    reader.finish();
    while let Some(tag) = reader.next_tag().expect("the header is good") {
        tags.push(tag);
    }
    (tags, reader.lost())
}
