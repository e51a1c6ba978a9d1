//! Other forms of a clip: as Enhanced RTMP writes H.265 and Opus, and with several video tracks.
//!
//! The same messages of the same sizes at the same times, so that what a server does with them can be
//! compared. Nothing here can be decoded: headers say H.265 and Opus, the bytes behind them are those of
//! H.264 and AAC. What belongs here: tags. What must not: sockets.

use crate::wire::{Flv, STAMP_UUID, Tag};

/// What an encoder of 1280x720 at 30 pictures a second says of itself (ISO/IEC 14496-15 8.3.3).
const HEVC_RECORD: &[u8] = b"\x01\x01\x60\0\0\0\x90\0\0\0\0\0\x5d\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\x03\
    \x20\0\x01\0\x18\x40\x01\x0c\x01\xff\xff\x01\x60\0\0\x03\0\x90\0\0\x03\0\0\x03\0\x5d\x95\x94\x09\
    \x21\0\x01\0\x2b\x42\x01\x01\x01\x60\0\0\x03\0\x90\0\0\x03\0\0\x03\0\x5d\xa0\x02\x80\x80\x2d\x16\
    \x59\x59\x52\x93\x0b\xc0\x5a\x02\0\0\x03\0\x02\0\0\x03\0\x3c\x10\
    \x22\0\x01\0\x06\x44\x01\xc0\x73\xc1\x89";
/// Version 1, two channels, 312 samples to skip, 48 kHz (RFC 7845 5.1).
const OPUS_HEAD: &[u8] = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";

/// Bytes before the first NAL unit: of a legacy tag, and of CodedFrames.
const LEGACY: usize = 5;
const HEVC_HEAD: usize = 8;

/// A form of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the file has it: legacy tags of H.264 and AAC.
    Plain,
    /// `hvc1` and `Opus`.
    Enhanced,
    /// So many video tracks, all alike, and no sound: the first one legacy, the others OneTrack.
    Tracks(u8),
}

impl Form {
    /// By the words of the command line: `plain`, `enhanced`, or a number of tracks.
    pub fn parse(text: &str) -> Option<Form> {
        match text {
            "plain" => Some(Form::Plain),
            "enhanced" => Some(Form::Enhanced),
            number => number.parse().ok().filter(|n| (1..=16).contains(n)).map(Form::Tracks),
        }
    }

    /// The clip in this form.
    pub fn of(self, clip: Flv) -> Flv {
        let Flv { setup, tags, span_ms } = clip;
        let all = |tags: Vec<Tag>| tags.iter().flat_map(|tag| self.tags(tag)).collect();
        Flv { setup: all(setup), tags: all(tags), span_ms }
    }

    fn tags(self, tag: &Tag) -> Vec<Tag> {
        match (self, tag.kind) {
            (Form::Plain, _) | (Form::Enhanced | Form::Tracks(_), 18) => vec![tag.clone()],
            (Form::Enhanced, 9) => vec![with(tag, hevc(&tag.data))],
            (Form::Enhanced, _) => vec![with(tag, opus(&tag.data))],
            (Form::Tracks(count), 9) => (0..count).map(|number| numbered(tag, number)).collect(),
            (Form::Tracks(_), _) => Vec::new(),
        }
    }
}

fn with(tag: &Tag, data: Vec<u8>) -> Tag {
    let stamp = tag.stamp.and_then(|_| data.windows(16).position(|w| w == STAMP_UUID));
    Tag { data, stamp, ..tag.clone() }
}

/// E-RTMP v2 ExVideoTagHeader: the frame type stays; packet type 0 is SequenceStart, 1 CodedFrames.
fn hevc(data: &[u8]) -> Vec<u8> {
    let packet = data[1];
    let mut out = vec![0x80 | (data[0] & 0x70) | packet];
    out.extend_from_slice(b"hvc1");
    if packet == 0 {
        out.extend_from_slice(HEVC_RECORD);
        return out;
    }
    out.extend_from_slice(&data[2..LEGACY]);
    let mut units = nal_units(&data[LEGACY..]);
    // what the header and that of the stamp take more is taken off the last unit, which is a slice
    let more = HEVC_HEAD + 1 - LEGACY;
    if let Some(last) = units.last_mut().filter(|last| last.len() > more + 3) {
        *last = &last[..last.len() - more];
    }
    for unit in units {
        let stamp = unit.get(3..19) == Some(STAMP_UUID);
        out.extend_from_slice(&(unit.len() as u32 + u32::from(stamp)).to_be_bytes());
        if stamp {
            // ITU-T H.265 7.3.1.2: a SEI of the same message behind a header of two bytes
            out.extend_from_slice(&[39 << 1, 1]);
            out.extend_from_slice(&unit[1..]);
        } else {
            let begin = out.len();
            out.extend_from_slice(unit);
            head_of_hevc(&mut out[begin..]);
        }
    }
    out
}

/// Two bytes of H.265 in place of the first two of H.264: IDR, trailing picture, or filler.
fn head_of_hevc(unit: &mut [u8]) {
    let kind = match unit.first().map_or(0, |first| first & 31) {
        5 => 19,
        1 => 1,
        _ => 38,
    };
    if let [first, second, rest @ ..] = unit {
        (*first, *second) = (kind << 1, 1);
        // first_slice_segment_in_pic_flag (H.265 7.3.6.1)
        rest.iter_mut().take(usize::from(kind != 38)).for_each(|byte| *byte |= 0x80);
    }
}

fn nal_units(mut data: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (unit, rest) = rest.split_at(length.min(rest.len()));
        units.push(unit);
        data = rest;
    }
    units
}

/// E-RTMP v2 ExAudioTagHeader around packets of 20 ms, two channels (RFC 6716 3.1), of the same length.
fn opus(data: &[u8]) -> Vec<u8> {
    let packet = data[1];
    let mut out = vec![0x90 | packet];
    out.extend_from_slice(b"Opus");
    if packet == 0 {
        out.extend_from_slice(OPUS_HEAD);
    } else {
        out.push(0xfc);
        out.extend_from_slice(&data[2..]);
        out.truncate(data.len().max(6));
    }
    out
}

/// E-RTMP v2 Multitrack: track 0 as it is, another one as OneTrack of `avc1`. Only track 0 is stamped.
fn numbered(tag: &Tag, number: u8) -> Tag {
    if number == 0 {
        return tag.clone();
    }
    let (head, rest) = tag.data.split_at(2);
    let mut data = vec![0x80 | (head[0] & 0x70) | 6, head[1]];
    data.extend_from_slice(b"avc1");
    data.push(number);
    // SequenceStart has no composition time
    data.extend_from_slice(if head[1] == 0 { &rest[3..] } else { rest });
    Tag { data, stamp: None, ..tag.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::read_stamp;

    fn picture(key: bool) -> Tag {
        let mut data = vec![if key { 0x17 } else { 0x27 }, 1, 0, 0, 40];
        data.extend_from_slice(&[0, 0, 0, 44, 6, 5, 40]);
        data.extend_from_slice(STAMP_UUID);
        data.extend_from_slice(b"00000000000000ff00000007\x80");
        data.extend_from_slice(&[0, 0, 0, 50, if key { 0x65 } else { 0x41 }]);
        data.extend_from_slice(&[7; 49]);
        Tag { kind: 9, ts: 40, data, stamp: Some(12) }
    }

    fn clip() -> Flv {
        let header = |kind, data: &[u8]| Tag { kind, ts: 0, data: data.to_vec(), stamp: None };
        let setup = vec![
            header(18, b"\x02\0\x0aonMetaData"),
            header(9, b"\x17\0\0\0\0\x01\x64"),
            header(8, b"\xaf\0\x11\x90"),
        ];
        let mut sound = header(8, &[0xaf, 1, 1, 2, 3, 4, 5]);
        sound.ts = 45;
        Flv { setup, tags: vec![picture(true), sound, picture(false)], span_ms: 80 }
    }

    #[test]
    fn the_enhanced_form_has_the_same_sizes_and_its_stamps() {
        let (plain, enhanced) = (clip(), Form::Enhanced.of(clip()));
        let sizes = |flv: &Flv| flv.tags.iter().map(|t| (t.ts, t.data.len())).collect::<Vec<_>>();
        assert_eq!(sizes(&plain), sizes(&enhanced));
        for (tag, first) in enhanced.tags.iter().zip([0x91_u8, 0x91, 0xa1]) {
            assert_eq!(tag.data[0], first);
        }
        let picture = &enhanced.tags[0];
        assert_eq!(&picture.data[1..16], b"hvc1\0\0\x28\0\0\0\x2d\x4e\x01\x05\x28");
        assert_eq!(read_stamp(&picture.data), Some((255, 7)));
        assert_eq!(picture.stamp, Some(16));
        let units = nal_units(&picture.data[HEVC_HEAD..]);
        let kinds: Vec<_> = units.iter().map(|unit| (unit.len(), unit[0] >> 1)).collect();
        assert_eq!(kinds, [(45, 39), (46, 19)]);
        assert_eq!(&enhanced.tags[1].data, b"\x91Opus\xfc\x01");
        assert_eq!(&enhanced.setup[1].data[..6], b"\x90hvc1\x01");
        assert_eq!(&enhanced.setup[2].data[..13], b"\x90OpusOpusHead");
    }

    #[test]
    fn tracks_are_the_pictures_so_many_times() {
        let six = Form::Tracks(6).of(clip());
        assert_eq!((six.setup.len(), six.tags.len()), (7, 12));
        assert_eq!(six.tags[0].data, picture(true).data);
        assert_eq!(&six.tags[5].data[..10], b"\x96\x01avc1\x05\0\0\x28");
        assert_eq!(&six.setup[6].data, b"\x96\0avc1\x05\x01\x64");
        assert_eq!(six.tags.iter().filter(|tag| tag.stamp.is_some()).count(), 2);
        assert_eq!(Form::Tracks(1).of(clip()).tags.len(), 2);
    }

    #[test]
    fn forms_have_words() {
        for (text, form) in [
            ("plain", Some(Form::Plain)),
            ("enhanced", Some(Form::Enhanced)),
            ("6", Some(Form::Tracks(6))),
            ("0", None),
            ("17", None),
            ("hevc", None),
        ] {
            assert_eq!(Form::parse(text), form, "{text}");
        }
    }
}
