//! `color_config()` of the sequence header (AV1 5.5.2).

use super::{Chroma, Colour};
use crate::RecordError;
use manycast_bits::BitReader;

/// Depth, chroma and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColourConfig {
    /// Bits per sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// How much chroma there is.
    pub chroma: Chroma,
    /// `chroma_sample_position` of 4:2:0; 0 elsewhere.
    pub sample_position: u8,
    /// Colour and range.
    pub colour: Colour,
}

impl ColourConfig {
    pub(super) fn read(bits: &mut BitReader<'_>, profile: u8) -> Result<Self, RecordError> {
        let high = bits.flag()?;
        let bit_depth = match (high, high && profile == 2 && bits.flag()?) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        };
        let monochrome = profile != 1 && bits.flag()?;
        let mut codes = [2_u8; 3];
        if bits.flag()? {
            for code in &mut codes {
                *code = u8::try_from(bits.bits(8)?).unwrap_or(2);
            }
        }
        let [primaries, transfer, matrix] = codes;
        let colour = Colour::from_codes(primaries, transfer, matrix);
        if monochrome {
            let colour = colour.with_range(bits.flag()?);
            return Ok(Self { bit_depth, chroma: Chroma::Monochrome, sample_position: 0, colour });
        }
        // BT.709 primaries, sRGB, identity: RGB in all values
        if codes == [1, 13, 0] {
            let colour = colour.with_range(true);
            return Ok(Self { bit_depth, chroma: Chroma::Rgb, sample_position: 0, colour });
        }
        let colour = colour.with_range(bits.flag()?);
        let chroma = match profile {
            0 => Chroma::Yuv420,
            1 => Chroma::Yuv444,
            _ if bit_depth < 12 => Chroma::Yuv422,
            // subsampling_x, and with it subsampling_y
            _ if !bits.flag()? => Chroma::Yuv444,
            _ if bits.flag()? => Chroma::Yuv420,
            _ => Chroma::Yuv422,
        };
        let position = if chroma == Chroma::Yuv420 { bits.bits(2)? } else { 0 };
        let sample_position = u8::try_from(position).unwrap_or(0);
        let chroma = if chroma == Chroma::Yuv444 && matrix == 0 { Chroma::Rgb } else { chroma };
        Ok(Self { bit_depth, chroma, sample_position, colour })
    }

    /// The optional fields of the `codecs` parameter; `None` where they have their usual values.
    pub(super) fn codec_string(&self) -> Option<String> {
        let (monochrome, subsampling) = match self.chroma {
            Chroma::Monochrome => (1, (1, 1)),
            Chroma::Yuv420 => (0, (1, 1)),
            Chroma::Yuv422 => (0, (1, 0)),
            Chroma::Yuv440 => (0, (0, 1)),
            Chroma::Yuv444 | Chroma::Rgb => (0, (0, 0)),
        };
        let codes = [self.colour.primaries, self.colour.transfer, self.colour.matrix];
        let full = self.colour.full_range == Some(true);
        let bt709 = codes.iter().all(|code| matches!(code, None | Some(1)));
        if bt709 && !full && self.chroma == Chroma::Yuv420 && self.sample_position == 0 {
            return None;
        }
        let [primaries, transfer, matrix] = codes.map(|code| code.unwrap_or(2));
        let ((x, y), position, range) = (subsampling, self.sample_position, u8::from(full));
        Some(format!(
            "{monochrome}.{x}{y}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{range}"
        ))
    }
}
