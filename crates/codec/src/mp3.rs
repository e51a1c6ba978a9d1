//! MP3: the header of a frame (ISO/IEC 11172-3 2.4.1.3, ISO/IEC 13818-3 2.4.1.3).
//!
//! Belongs here: MPEG-1, MPEG-2 and the unofficial MPEG-2.5, layer III. Must not come here: layers I
//! and II, ID3 tags.

use crate::{AudioShape, ChannelLayout, Description};
use manycast_bits::Reader;

/// What the header of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// MPEG-1, and not one of its extensions to low rates.
    pub mpeg1: bool,
    /// Samples per second.
    pub sample_rate: u32,
    /// Bits per second; `None` for the "free" format.
    pub bitrate: Option<u32>,
    /// 1 or 2.
    pub channels: u8,
    /// Samples of each channel in a frame.
    pub samples: u32,
    /// Bytes of the frame, header included; `None` for the "free" format.
    pub length: Option<u32>,
}

/// Kilobits per second by `bitrate_index` 1 to 14, for MPEG-1 and for the low rates.
const BITRATES: [[u32; 14]; 2] = [
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

impl FrameHeader {
    /// Reads the first four bytes of a frame; `None` where they are not those of one.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let header = Reader::new(frame).u32_be().ok()?;
        let [sync, version, rates, modes] = header.to_be_bytes();
        const LAYER_III: u8 = 0b01;
        if sync != 0xFF || version & 0xE0 != 0xE0 || version >> 1 & 3 != LAYER_III {
            return None;
        }
        let (mpeg1, shift) = match version >> 3 & 3 {
            0b11 => (true, 0),
            0b10 => (false, 1),
            0b00 => (false, 2),
            _ => return None,
        };
        let sample_rate = match rates >> 2 & 3 {
            0 => 44_100_u32,
            1 => 48_000,
            2 => 32_000,
            _ => return None,
        } >> shift;
        let [full, low] = &BITRATES;
        let table = if mpeg1 { full } else { low };
        let bitrate = match rates >> 4 {
            0 => None,
            15 => return None,
            index => Some(table.get(usize::from(index.saturating_sub(1)))?.saturating_mul(1000)),
        };
        let samples: u32 = if mpeg1 { 1152 } else { 576 };
        let padding = u32::from(rates >> 1 & 1);
        let length = bitrate.and_then(|rate| {
            let whole = (samples / 8).saturating_mul(rate).checked_div(sample_rate)?;
            Some(whole.saturating_add(padding))
        });
        let channels = if modes >> 6 == 0b11 { 1 } else { 2 };
        Some(Self { mpeg1, sample_rate, bitrate, channels, samples, length })
    }
}

pub(crate) fn describe_frame(frame: &[u8]) -> Option<Description> {
    let header = FrameHeader::parse(frame)?;
    let mono = header.channels == 1;
    let shape = AudioShape {
        sample_rate: header.sample_rate,
        channels: Some(header.channels),
        layout: Some(if mono { ChannelLayout::MONO } else { ChannelLayout::STEREO }),
        profile: Some(
            if header.mpeg1 { "MPEG-1 layer III" } else { "MPEG-2 layer III" }.to_owned(),
        ),
        bitrate: header.bitrate,
        frame_samples: Some(header.samples),
        ..AudioShape::default()
    };
    // RFC 6381 3.3 with audio object type 34, layer III: the form that HLS uses
    Some(Description::audio(shape, Some("mp4a.40.34".to_owned())))
}
