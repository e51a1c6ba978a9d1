//! What has to hold for frames, whatever the bytes.
//!
//! Input: one byte that chooses the codec, two bytes with the length of the configuration record (0:
//! none), the record, then the frame.

use manycast_codec::{
    Inspector, RandomAccess, describe_frame, random_access, sei::SeiMessages, starts_decoding,
};
use manycast_media::Codec;

#[path = "codec_config.rs"]
#[allow(dead_code, reason = "what a description promises stands there")]
pub mod config;

const CODECS: [Codec; 13] = [
    Codec::H264,
    Codec::H265,
    Codec::H266,
    Codec::Av1,
    Codec::Vp8,
    Codec::Vp9,
    Codec::Aac,
    Codec::Opus,
    Codec::Flac,
    Codec::Ac3,
    Codec::Eac3,
    Codec::Mp3,
    Codec::Opaque,
];

struct Input<'a> {
    codec: Codec,
    record: Option<&'a [u8]>,
    frame: &'a [u8],
}

fn split(input: &[u8]) -> Option<Input<'_>> {
    let [choice, high, low, rest @ ..] = input else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let (record, frame) = rest.split_at(length.min(rest.len()));
    let codec = CODECS[usize::from(*choice) % CODECS.len()];
    Some(Input { codec, record: (length > 0).then_some(record), frame })
}

/// The readers alone.
pub fn parse(input: &[u8]) {
    let Some(Input { codec, record, frame }) = split(input) else { return };
    let _ = describe_frame(codec, record, frame);
    let mut inspector = Inspector::new(codec);
    if let Some(record) = record {
        let _ = inspector.configure(record);
    }
    let _ = inspector.check(frame);
    let _ = inspector.frame(frame);
}

/// Everything that has to hold.
pub fn check(input: &[u8]) {
    let Some(Input { codec, record, frame }) = split(input) else { return };
    let access = random_access(codec, frame);
    assert_eq!(starts_decoding(codec, frame), access.map(RandomAccess::starts_decoding));
    if let Some(found) = describe_frame(codec, record, frame) {
        config::holds(codec, &found);
    }
    let mut inspector = Inspector::new(codec);
    if let Some(record) = record {
        let _ = inspector.configure(record);
    }
    let before = inspector.description().cloned();
    let fault = inspector.check(frame);
    if let Err(fault) = fault {
        assert!(!fault.to_string().is_empty() && !fault.remedy().is_empty());
    }
    let info = inspector.frame(frame);
    assert_eq!(info.random_access, access);
    assert_eq!(info.changed, before.as_ref() != inspector.description());
    assert!(info.captions.len() * 3 <= frame.len(), "no byte pair is made up");
    assert!(info.captions.iter().all(|c| c.is_padding()) || inspector.captions().any());
    if let Some(found) = inspector.description() {
        config::holds(codec, found);
    }
    // the same frame again tells nothing new; the kind of picture may follow from a parameter set
    // behind its slice
    let again = inspector.frame(frame);
    assert!(!again.changed, "{codec}: one frame changes its Track twice");
    assert_eq!(again.captions, info.captions);
    let carried: usize = SeiMessages::new(frame).map(|(_, payload)| payload.len() + 2).sum();
    assert!(carried <= frame.len());
}
