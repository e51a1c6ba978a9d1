//! Numbered frames: whole FLV bodies with codec headers that parse, around bytes that follow from
//! who made them, their number and their time.
//!
//! Belongs here: making and reading them. Must not come here: when they are sent.

use bytes::{BufMut, Bytes, BytesMut};
use manycast_rtmp::session::MediaKind;

const MARK: [u8; 4] = *b"MSIM";
/// Frame type and codec, packet type, composition time, NAL length and header (FLV E.4.3.1).
const VIDEO_HEAD: usize = 10;
/// Format and packet type (FLV E.4.2.1).
const AUDIO_HEAD: usize = 2;
/// The mark with its source, number and time.
const MARK_BYTES: usize = 16;

/// What a numbered frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Who made it: one publish of one encoder.
    pub source: u32,
    /// Counted from 0 over all frames of that source.
    pub number: u32,
    /// The encoder's own clock at that frame, in ms modulo 2^32, if the frame tells.
    pub clock: Option<u32>,
    /// Whether every byte is as it was made.
    pub whole: bool,
}

/// Reads the number of a frame; `None` when it carries none.
pub type Reader = fn(MediaKind, &Bytes) -> Option<Mark>;

/// What a frame is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Who makes it.
    pub source: u32,
    /// Its number.
    pub number: u32,
    /// Its time on the encoder's clock, in ms modulo 2^32.
    pub clock: u32,
}

/// A picture of at least `size` bytes.
#[must_use]
pub fn video(stamp: Stamp, key: bool, size: usize) -> Bytes {
    let size = size.max(VIDEO_HEAD + MARK_BYTES);
    let mut body = BytesMut::with_capacity(size);
    body.put_slice(&[if key { 0x17 } else { 0x27 }, 1, 0, 0, 0]);
    body.put_u32(u32::try_from(size - 9).unwrap_or(0));
    body.put_u8(if key { 0x65 } else { 0x41 });
    fill(&mut body, stamp, size);
    body.freeze()
}

/// A piece of sound of at least `size` bytes.
#[must_use]
pub fn audio(stamp: Stamp, size: usize) -> Bytes {
    let size = size.max(AUDIO_HEAD + MARK_BYTES);
    let mut body = BytesMut::with_capacity(size);
    body.put_slice(&[0xaf, 1]);
    fill(&mut body, stamp, size);
    body.freeze()
}

/// An H.264 sequence header; `variant` tells one set of parameters from another.
#[must_use]
pub fn video_header(variant: u8) -> Bytes {
    let (sps, pps) =
        ([0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, variant], [0x68, 0xcb, 0x83, 0xcb]);
    let mut body = BytesMut::new();
    body.put_slice(&[0x17, 0, 0, 0, 0, 1, sps[1], sps[2], sps[3], 0xff, 0xe1, 0, 8]);
    body.put_slice(&sps);
    body.put_slice(&[1, 0, 4]);
    body.put_slice(&pps);
    body.freeze()
}

/// An AAC sequence header: AAC-LC, 44.1 kHz, stereo.
#[must_use]
pub fn audio_header() -> Bytes {
    Bytes::from_static(&[0xaf, 0, 0x12, 0x10])
}

/// The metadata of an encoder, as a data body without `@setDataFrame`.
#[must_use]
pub fn metadata() -> Bytes {
    use manycast_amf::{Value, ecma_array, encode_all};
    let about = ecma_array([
        ("width", Value::Number(1280.0)),
        ("height", Value::Number(720.0)),
        ("videocodecid", Value::Number(7.0)),
        ("audiocodecid", Value::Number(10.0)),
        ("encoder", Value::from("simulated encoder")),
    ]);
    let mut body = Vec::new();
    encode_all(&[Value::from("onMetaData"), about], &mut body);
    body.into()
}

/// The [`Reader`] of the frames made here.
#[must_use]
pub fn read(kind: MediaKind, body: &Bytes) -> Option<Mark> {
    let head = match kind {
        MediaKind::Video => VIDEO_HEAD,
        MediaKind::Audio => AUDIO_HEAD,
        MediaKind::Data => return None,
    };
    if body.get(1) != Some(&1) {
        return None;
    }
    let rest = body.get(head..)?.strip_prefix(&MARK)?;
    let word = |at: usize| {
        let bytes = rest.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    let stamp = Stamp { source: word(0)?, number: word(4)?, clock: word(8)? };
    let mut pattern = pattern(stamp);
    let tail = body.get(head + MARK_BYTES..)?;
    let whole = tail.iter().all(|byte| Some(*byte) == pattern.next());
    let Stamp { source, number, clock } = stamp;
    Some(Mark { source, number, clock: Some(clock), whole })
}

fn fill(body: &mut BytesMut, stamp: Stamp, size: usize) {
    body.put_slice(&MARK);
    body.put_u32(stamp.source);
    body.put_u32(stamp.number);
    body.put_u32(stamp.clock);
    let rest = size.saturating_sub(body.len());
    body.extend(pattern(stamp).take(rest));
}

fn pattern(stamp: Stamp) -> impl Iterator<Item = u8> {
    let mut state = stamp.number.wrapping_mul(0x9e37_79b9) ^ stamp.source ^ stamp.clock;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_flv::frame::{Unit, read_audio, read_video};

    const STAMP: Stamp = Stamp { source: 7, number: 41, clock: 0xffff_fff0 };

    #[test]
    fn a_frame_tells_what_it_is_and_whether_it_is_whole() {
        let rows = [
            (MediaKind::Video, video(STAMP, true, 200)),
            (MediaKind::Video, video(STAMP, false, 0)),
            (MediaKind::Audio, audio(STAMP, 60)),
        ];
        for (kind, body) in rows {
            let mark = read(kind, &body).expect("a mark");
            assert_eq!((mark.source, mark.number, mark.clock), (7, 41, Some(0xffff_fff0)));
            assert!(mark.whole);
        }
        let mut damaged = video(STAMP, true, 200).to_vec();
        damaged[150] ^= 1;
        assert!(!read(MediaKind::Video, &damaged.into()).expect("a mark").whole);
        assert_eq!(read(MediaKind::Video, &video_header(0)), None);
    }

    #[test]
    fn the_product_reads_them_as_what_they_are() {
        let key = |body: &Bytes| match read_video(body).first() {
            Some(Unit::Frame { key, .. }) => Some(*key),
            _ => None,
        };
        assert_eq!(key(&video(STAMP, true, 80)), Some(true));
        assert_eq!(key(&video(STAMP, false, 80)), Some(false));
        assert!(matches!(read_video(&video_header(1)).first(), Some(Unit::Config { .. })));
        assert!(matches!(read_audio(&audio_header()).first(), Some(Unit::Config { .. })));
        assert!(matches!(read_audio(&audio(STAMP, 60)).first(), Some(Unit::Frame { .. })));
    }
}
