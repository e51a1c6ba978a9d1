//! What has to hold for configuration records, whatever the bytes.
//!
//! Input: one byte that chooses the codec, then the record.

use manycast_codec::{
    Description, Inspector, Shape, aac, av1, concerns, describe, examine, h264, h265, h266, vp9,
};
use manycast_media::Codec;

/// Codecs whose records are read, by the first byte.
const CODECS: [Codec; 11] = [
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
];

fn split(input: &[u8]) -> Option<(Codec, &[u8])> {
    let (choice, rest) = input.split_first()?;
    Some((CODECS[usize::from(*choice) % CODECS.len()], rest))
}

/// The readers alone.
pub fn parse(input: &[u8]) {
    let Some((codec, record)) = split(input) else { return };
    let _ = describe(codec, record);
    let _ = Inspector::new(codec).configure(record);
}

/// Everything that has to hold.
pub fn check(input: &[u8]) {
    let Some((codec, record)) = split(input) else { return };
    match examine(codec, record) {
        Ok(found) => {
            assert_eq!(describe(codec, record).as_ref(), Some(&found));
            holds(codec, &found);
        }
        Err(problem) => {
            assert!(describe(codec, record).is_none());
            assert_eq!(problem.codec, codec);
            assert!(!problem.to_string().is_empty() && !problem.remedy().is_empty());
        }
    }
    let mut inspector = Inspector::new(codec);
    let configured = inspector.configure(record);
    let later = examine(codec, record).is_err_and(|problem| problem.frames_tell());
    assert_eq!(configured.is_ok(), inspector.description().is_some() || later);
    parts(codec, record);
}

/// What a description promises.
pub fn holds(codec: Codec, found: &Description) {
    match &found.shape {
        Shape::Video(v) => {
            assert!((1..=16_384).contains(&v.width) && (1..=16_384).contains(&v.height));
            assert!(v.fps.is_none_or(|fps| fps.is_finite() && (0.004..=1000.0).contains(&fps)));
            assert!(v.bit_depth.is_none_or(|depth| (8..=16).contains(&depth)));
            assert!(v.sample_aspect.is_none_or(|a| a.numerator > 0 && a.denominator > 0));
            assert!(v.reorder.is_none_or(|depth| depth <= 16));
            assert!(v.display_size().1 == v.height);
        }
        Shape::Audio(a) => {
            assert!((1..=1_048_575).contains(&a.sample_rate));
            if let (Some(layout), Some(channels)) = (a.layout, a.channels) {
                assert_eq!(layout.channels(), channels);
            }
            assert!(a.channels.is_none_or(|channels| channels > 0));
            assert!(
                a.frame_samples.is_none_or(|samples| samples <= 1 << 16 || codec == Codec::Eac3)
            );
        }
    }
    let string = found.rfc6381.as_deref().unwrap_or("none");
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    assert!(string.len() <= 160 && string.bytes().all(plain), "{string}");
    let concerns = concerns(codec, found);
    assert!(concerns.is_sorted());
    assert!(concerns.iter().all(|c| !c.sentence().is_empty() && !c.remedy().is_empty()));
}

/// The readers of parts, which records may not reach.
fn parts(codec: Codec, bytes: &[u8]) {
    match codec {
        Codec::H264 => {
            let _ = (h264::Sps::parse(bytes), h264::Pps::parse(bytes));
        }
        Codec::H265 => {
            let _ = (h265::Vps::parse(bytes), h265::Sps::parse(bytes), h265::Pps::parse(bytes));
        }
        Codec::H266 => drop(h266::Sps::parse(bytes)),
        Codec::Av1 => drop(av1::SequenceHeader::parse(bytes)),
        Codec::Vp9 => drop(vp9::VpConfig::parse(bytes)),
        Codec::Aac => drop(aac::AdtsHeader::parse(bytes)),
        _ => {}
    }
}
