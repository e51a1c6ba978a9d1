//! AC-3 and E-AC-3: the headers of frames, and the records of MP4.
//!
//! Belongs here: syncinfo and bsi of both (ETSI TS 102 366 4.3, 4.4, E.1.2) as far as rate and
//! channels go, `dac3` and `dec3` (annex F). Must not come here: audio blocks.

use crate::{AudioShape, ChannelLayout, Description, RecordError};
use manycast_bits::{BitReader, UnexpectedEnd};

/// A frame of either codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncFrame {
    /// `bsid` above 10: E-AC-3.
    pub enhanced: bool,
    /// Extends the channels of the frame before it (E-AC-3 `strmtyp` 1).
    pub dependent: bool,
    /// Its program, 0 to 7 (E-AC-3).
    pub substream: u8,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels of this frame alone.
    pub channels: u8,
    /// Their loudspeakers; `None` for two mono programs and for positions without a name.
    pub layout: Option<ChannelLayout>,
    /// Samples of each channel.
    pub samples: u32,
    /// Bytes, sync word included.
    pub length: usize,
}

const RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// Kilobits per second by `frmsizecod >> 1`, and `bit_rate_code` (TS 102 366 table 4.13).
const BITRATES: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

fn bitrate(code: u32) -> Option<u32> {
    BITRATES.get(usize::try_from(code).ok()?).map(|kilo| kilo.saturating_mul(1000))
}

fn rate(code: u32) -> Option<u32> {
    RATES.get(usize::try_from(code).ok()?).copied()
}

impl SyncFrame {
    /// Reads the header of a frame; `None` where it is not one.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let [0x0B, 0x77, ..] = frame else { return None };
        // bsid stands at the same place in both
        match frame.get(5)? >> 3 {
            0..=10 => Self::basic(frame).ok()?,
            11..=16 => Self::enhanced(frame).ok()?,
            _ => None,
        }
    }

    fn basic(frame: &[u8]) -> Result<Option<Self>, UnexpectedEnd> {
        let mut bits = BitReader::new(frame);
        bits.skip(32)?; // syncword, crc1
        let (fscod, size_code) = (bits.bits(2)?, bits.bits(6)?);
        let bsid = bits.bits(5)?;
        bits.skip(3)?; // bsmod
        let mode = bits.bits(3)?;
        if mode & 1 == 1 && mode != 1 {
            bits.skip(2)?; // cmixlev
        }
        if mode & 4 != 0 {
            bits.skip(2)?; // surmixlev
        }
        if mode == 2 {
            bits.skip(2)?; // dsurmod
        }
        let lfe = bits.flag()?;
        let (Some(full_rate), Some(bitrate)) = (rate(fscod), bitrate(size_code >> 1)) else {
            return Ok(None);
        };
        // words of a frame of 1536 samples; at 44.1 kHz every second one is longer
        let words = bitrate.saturating_mul(96).checked_div(full_rate).unwrap_or(0);
        let longer = u32::from(fscod == 1 && size_code & 1 == 1);
        let length = usize::try_from(words.saturating_add(longer).saturating_mul(2)).unwrap_or(0);
        let (channels, layout) = speakers(mode, lfe);
        Ok(Some(Self {
            enhanced: false,
            dependent: false,
            substream: 0,
            // bsid 9 and 10 halve and quarter the rate
            sample_rate: full_rate >> bsid.saturating_sub(8),
            channels,
            layout,
            samples: 1536,
            length,
        }))
    }

    fn enhanced(frame: &[u8]) -> Result<Option<Self>, UnexpectedEnd> {
        let mut bits = BitReader::new(frame);
        bits.skip(16)?; // syncword
        let (kind, substream) = (bits.bits(2)?, bits.bits(3)?);
        let length = bits.bits(11)?.saturating_add(1).saturating_mul(2);
        let (fscod, second) = (bits.bits(2)?, bits.bits(2)?);
        let (mode, lfe) = (bits.bits(3)?, bits.flag()?);
        let (sample_rate, blocks) = if fscod == 3 {
            (rate(second).map(|full| full / 2), 6_u32)
        } else {
            let blocks = [1, 2, 3, 6].get(usize::try_from(second).unwrap_or(0)).copied();
            (rate(fscod), blocks.unwrap_or(6))
        };
        let Some(sample_rate) = sample_rate.filter(|_| kind != 3) else { return Ok(None) };
        let (mut channels, mut layout) = speakers(mode, lfe);
        let dependent = kind == 1;
        let map = channel_map(&mut bits, mode).ok().flatten();
        if let Some(map) = map.filter(|map| dependent && *map != 0) {
            (channels, layout) = mapped(map);
        }
        Ok(Some(Self {
            enhanced: true,
            dependent,
            substream: u8::try_from(substream).unwrap_or(0),
            sample_rate,
            channels,
            layout,
            samples: blocks.saturating_mul(256),
            length: usize::try_from(length).unwrap_or(0),
        }))
    }
}

/// From `bsid` to `chanmap` (TS 102 366 E.1.2.2).
fn channel_map(bits: &mut BitReader<'_>, mode: u32) -> Result<Option<u32>, UnexpectedEnd> {
    bits.skip(5)?; // bsid
    for _ in 0..if mode == 0 { 2 } else { 1 } {
        bits.skip(5)?; // dialnorm
        if bits.flag()? {
            bits.skip(8)?; // compr
        }
    }
    if bits.flag()? { bits.bits(16).map(Some) } else { Ok(None) } // chanmap
}

/// Channels and loudspeakers by `acmod` (TS 102 366 table 4.3).
fn speakers(mode: u32, lfe: bool) -> (u8, Option<ChannelLayout>) {
    const LFE: ChannelLayout = ChannelLayout::of(&[3]);
    let layout = match mode {
        1 => ChannelLayout::MONO,
        2 => ChannelLayout::STEREO,
        3 => ChannelLayout::SURROUND,
        4 => ChannelLayout::of(&[0, 1, 8]),
        5 => ChannelLayout::FOUR,
        6 => ChannelLayout::of(&[0, 1, 9, 10]),
        7 => ChannelLayout::of(&[0, 1, 2, 9, 10]),
        _ => return (if lfe { 3 } else { 2 }, None),
    };
    let layout = if lfe { layout.with(LFE) } else { layout };
    (layout.channels(), Some(layout))
}

/// Channels and loudspeakers by `chanmap` (TS 102 366 table E.1.4), the first bit of which is left.
fn mapped(map: u32) -> (u8, Option<ChannelLayout>) {
    const POSITIONS: [&[u32]; 16] = [
        &[0],
        &[2],
        &[1],
        &[9],
        &[10],
        &[6, 7],
        &[4, 5],
        &[8],
        &[11],
        &[],
        &[],
        &[12, 14],
        &[13],
        &[19, 20],
        &[18],
        &[3],
    ];
    // direct surround and wide channels are pairs without a position here
    const UNNAMED: u32 = 0x8000 >> 9 | 0x8000 >> 10;
    let mut mask = 0_u32;
    for (at, positions) in (0_u32..).zip(POSITIONS) {
        if map & 0x8000_u32.wrapping_shr(at) != 0 {
            mask |= ChannelLayout::of(positions).mask();
        }
    }
    let unnamed = (map & UNNAMED).count_ones().saturating_mul(2);
    let channels = mask.count_ones().saturating_add(unnamed);
    let layout = if unnamed == 0 { ChannelLayout::from_mask(mask) } else { None };
    (u8::try_from(channels).unwrap_or(0), layout)
}

/// The frames of a payload, one behind the other; ends where the next is none.
fn frames(payload: &[u8]) -> impl Iterator<Item = SyncFrame> + '_ {
    let mut rest = payload;
    std::iter::from_fn(move || {
        let frame = SyncFrame::parse(rest)?;
        rest = rest.get(frame.length.max(1)..).unwrap_or_default();
        Some(frame)
    })
}

/// The first program of a payload: its own frames with those that depend on them.
pub(crate) fn describe_frame(payload: &[u8]) -> Option<Description> {
    let first = SyncFrame::parse(payload).filter(|first| !first.dependent)?;
    let (mut channels, mut layout) = (first.channels, first.layout);
    let (mut samples, mut bytes) = (0_u32, 0_usize);
    for frame in
        frames(payload).take_while(|frame| frame.substream == first.substream || frame.dependent)
    {
        bytes = bytes.saturating_add(frame.length);
        if !frame.dependent {
            samples = samples.saturating_add(frame.samples);
            continue;
        }
        match (layout, frame.layout) {
            (Some(own), Some(more)) => {
                layout = Some(own.with(more));
                channels = own.with(more).channels();
            }
            _ => {
                layout = None;
                channels = channels.saturating_add(frame.channels);
            }
        }
    }
    let bits = u64::try_from(bytes).ok()?.saturating_mul(8);
    let rate = bits.saturating_mul(first.sample_rate.into()).checked_div(samples.into());
    let shape = AudioShape {
        sample_rate: first.sample_rate,
        channels: Some(channels),
        layout,
        bitrate: rate.and_then(|rate| u32::try_from(rate).ok()),
        frame_samples: Some(samples),
        ..AudioShape::default()
    };
    Some(Description::audio(shape, Some(string(first.enhanced))))
}

/// The `codecs` parameter is the name of the sample entry (TS 102 366 F.3, F.5).
fn string(enhanced: bool) -> String {
    if enhanced { "ec-3" } else { "ac-3" }.to_owned()
}

/// AC3SpecificBox (TS 102 366 F.4).
pub(crate) fn describe_dac3(record: &[u8]) -> Result<Description, RecordError> {
    let mut bits = BitReader::new(record);
    let (fscod, bsid) = (bits.bits(2)?, bits.bits(5)?);
    bits.skip(3)?; // bsmod
    let (channels, layout) = speakers(bits.bits(3)?, bits.flag()?);
    let bitrate = bitrate(bits.bits(5)?);
    let full_rate = rate(fscod).ok_or(RecordError::OutOfRange("fscod"))?;
    let shape = AudioShape {
        sample_rate: full_rate.checked_shr(bsid.saturating_sub(8)).unwrap_or(0).max(1),
        channels: Some(channels),
        layout,
        bitrate,
        frame_samples: Some(1536),
        ..AudioShape::default()
    };
    Ok(Description::audio(shape, Some(string(false))))
}

/// EC3SpecificBox (TS 102 366 F.6). Channels of dependent substreams are left to the frames.
pub(crate) fn describe_dec3(record: &[u8]) -> Result<Description, RecordError> {
    let mut bits = BitReader::new(record);
    let kilobits = bits.bits(13)?;
    let others = bits.bits(3)?;
    let fscod = bits.bits(2)?;
    bits.skip(10)?; // bsid, reserved, asvc, bsmod
    let (channels, layout) = speakers(bits.bits(3)?, bits.flag()?);
    bits.skip(3)?; // reserved
    let dependent = bits.bits(4)? > 0;
    bits.skip(if dependent { 9 } else { 1 })?; // chan_loc
    let joc = others == 0 && is_joint_object_coding(&mut bits).unwrap_or(false);
    let shape = AudioShape {
        sample_rate: rate(fscod).ok_or(RecordError::OutOfRange("fscod"))?,
        channels: (!dependent).then_some(channels),
        layout: layout.filter(|_| !dependent),
        profile: joc.then(|| "Dolby Atmos".to_owned()),
        bitrate: Some(kilobits.saturating_mul(1000)).filter(|rate| *rate > 0),
        ..AudioShape::default()
    };
    Ok(Description::audio(shape, Some(string(true))))
}

/// `flag_ec3_extension_type_a` behind the substreams (TS 103 420 8.2).
fn is_joint_object_coding(bits: &mut BitReader<'_>) -> Result<bool, UnexpectedEnd> {
    bits.skip(7)?;
    bits.flag()
}
