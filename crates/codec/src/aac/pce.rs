//! The program config element (ISO/IEC 14496-3 4.4.1.1, 4.5.1.2): channels that no number names.

use crate::{ChannelLayout, RecordError};
use manycast_bits::BitReader;

/// The channels of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramConfig {
    /// How many there are.
    pub channels: u8,
    /// Which loudspeakers they are for, where the usual order of elements tells.
    pub layout: Option<ChannelLayout>,
}

/// Elements of one side of the listener.
#[derive(Clone, Copy, Default)]
struct Side {
    singles: u8,
    pairs: u8,
}

impl ProgramConfig {
    /// Reads the element and what aligns it; `bits` counts from the start of the record.
    pub(super) fn read(bits: &mut BitReader<'_>) -> Result<Self, RecordError> {
        bits.skip(10)?; // element_instance_tag, object_type, sampling_frequency_index
        let mut count = |width| bits.bits(width);
        let (front, side, back) = (count(4)?, count(4)?, count(4)?);
        let (lfe, data, coupling) = (count(2)?, count(3)?, count(4)?);
        for width in [4, 4, 3] {
            if bits.flag()? {
                bits.skip(width)?; // mono, stereo and matrix mixdown
            }
        }
        let front = elements(bits, front)?;
        let side = elements(bits, side)?;
        let back = elements(bits, back)?;
        let tags = u64::from(lfe).saturating_add(data.into()).saturating_mul(4);
        bits.skip(tags.saturating_add(u64::from(coupling).saturating_mul(5)))?;
        while !bits.is_aligned() {
            bits.skip(1)?;
        }
        let comment = bits.bits(8)?;
        bits.skip(u64::from(comment).saturating_mul(8))?;
        let lfe = u8::try_from(lfe).unwrap_or(0);
        let channels = [front, side, back].iter().fold(lfe, |sum, side| {
            sum.saturating_add(side.singles).saturating_add(side.pairs.saturating_mul(2))
        });
        if channels == 0 {
            return Err(RecordError::OutOfRange("program config element"));
        }
        Ok(Self { channels, layout: layout(front, side, back, lfe) })
    }
}

fn elements(bits: &mut BitReader<'_>, count: u32) -> Result<Side, RecordError> {
    let mut side = Side::default();
    for _ in 0..count {
        let kind = if bits.flag()? { &mut side.pairs } else { &mut side.singles };
        *kind = kind.saturating_add(1);
        bits.skip(4)?; // element tag
    }
    Ok(side)
}

/// Elements go from the centre outwards (4.5.1.2): a single one in front is the centre, the second
/// pair in front lies within the first.
fn layout(front: Side, side: Side, back: Side, lfe: u8) -> Option<ChannelLayout> {
    let front: &[u32] = match (front.singles, front.pairs) {
        (0, 0) => &[],
        (1, 0) => &[2],
        (0, 1) => &[0, 1],
        (1, 1) => &[2, 0, 1],
        (0, 2) => &[6, 7, 0, 1],
        (1, 2) => &[2, 6, 7, 0, 1],
        _ => return None,
    };
    let side: &[u32] = match (side.singles, side.pairs) {
        (0, 0) => &[],
        (0, 1) => &[9, 10],
        _ => return None,
    };
    let back: &[u32] = match (back.singles, back.pairs) {
        (0, 0) => &[],
        (1, 0) => &[8],
        (0, 1) => &[4, 5],
        (1, 1) => &[4, 5, 8],
        _ => return None,
    };
    let lfe: &[u32] = match lfe {
        0 => &[],
        1 => &[3],
        2 => &[3, 18],
        _ => return None,
    };
    let all = [front, side, back, lfe].into_iter().map(ChannelLayout::of);
    ChannelLayout::from_mask(all.fold(0, |mask, part| mask | part.mask()))
}
