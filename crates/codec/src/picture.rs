//! What all video codecs say of a picture in the same terms: the shape of a sample, chroma, colour.
//!
//! Belongs here: the code points of ITU-T H.273 with their names, the table of sample aspect ratios.
//! Must not come here: how a codec writes them.

use std::fmt;

/// Larger pictures are refused: no level of any codec here reaches them.
pub(crate) const MAX_SIDE: u32 = 16_384;

/// Two numbers that stand for their quotient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// Above the line.
    pub numerator: u32,
    /// Below the line; never 0.
    pub denominator: u32,
}

impl Ratio {
    /// One to one.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// `None` where either is 0.
    #[must_use]
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if numerator == 0 || denominator == 0 {
            return None;
        }
        Some(Self { numerator, denominator })
    }

    /// The quotient.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.numerator, self.denominator)
    }
}

/// `aspect_ratio_idc` 1 to 16 (H.273 table 9, the same in H.264 table E-1 and H.265 table E.1).
const SAMPLE_ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// The sample aspect ratio of a code; `None` for 0 (unspecified) and reserved codes.
pub(crate) fn sample_aspect(code: u32) -> Option<Ratio> {
    let index = usize::try_from(code.checked_sub(1)?).ok()?;
    SAMPLE_ASPECTS
        .get(index)
        .and_then(|(numerator, denominator)| Ratio::new(*numerator, *denominator))
}

/// How many chroma samples come with the luma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chroma {
    /// Luma only.
    Monochrome,
    /// A quarter: half in both directions. What all players take.
    Yuv420,
    /// Half: all lines, every second column.
    Yuv422,
    /// Half: all columns, every second line (VP9 only).
    Yuv440,
    /// As many.
    Yuv444,
    /// As many, and red, green and blue instead of luma and chroma.
    Rgb,
}

impl Chroma {
    /// As people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monochrome => "monochrome",
            Self::Yuv420 => "4:2:0",
            Self::Yuv422 => "4:2:2",
            Self::Yuv440 => "4:4:0",
            Self::Yuv444 => "4:4:4",
            Self::Rgb => "RGB",
        }
    }

    /// `chroma_format_idc` (H.264 table 6-1, the same in H.265 and H.266).
    pub(crate) const fn from_idc(idc: u32) -> Option<Self> {
        match idc {
            0 => Some(Self::Monochrome),
            1 => Some(Self::Yuv420),
            2 => Some(Self::Yuv422),
            3 => Some(Self::Yuv444),
            _ => None,
        }
    }

    /// Luma columns and lines for each chroma sample: the units of cropping.
    pub(crate) const fn units(self) -> (u32, u32) {
        match self {
            Self::Yuv420 => (2, 2),
            Self::Yuv422 => (2, 1),
            Self::Yuv440 => (1, 2),
            Self::Monochrome | Self::Yuv444 | Self::Rgb => (1, 1),
        }
    }
}

/// How sample values stand for light, in the code points of ITU-T H.273. `None`: not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colour {
    /// `ColourPrimaries`: 1 BT.709, 9 BT.2020 ...
    pub primaries: Option<u8>,
    /// `TransferCharacteristics`: 1 BT.709, 16 PQ, 18 HLG ...
    pub transfer: Option<u8>,
    /// `MatrixCoefficients`: 0 RGB, 1 BT.709, 9 BT.2020 ...
    pub matrix: Option<u8>,
    /// Whether samples use all values, and not those of television only.
    pub full_range: Option<bool>,
}

/// Standard or high dynamic range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DynamicRange {
    /// Standard, or nothing is said.
    Sdr,
    /// Perceptual quantizer (SMPTE ST 2084): HDR10 and relatives.
    Pq,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
}

impl DynamicRange {
    /// The word that HLS uses for it (`VIDEO-RANGE`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sdr => "SDR",
            Self::Pq => "PQ",
            Self::Hlg => "HLG",
        }
    }
}

impl Colour {
    const UNSPECIFIED: u8 = 2;

    /// From three code points as bitstreams carry them, where 2 stands for "unspecified".
    #[must_use]
    pub fn from_codes(primaries: u8, transfer: u8, matrix: u8) -> Self {
        let known = |code: u8| (code != Self::UNSPECIFIED).then_some(code);
        Self {
            primaries: known(primaries).filter(|code| *code != 0),
            transfer: known(transfer).filter(|code| *code != 0),
            matrix: known(matrix),
            full_range: None,
        }
    }

    /// The same with the range of the samples.
    #[must_use]
    pub const fn with_range(self, full: bool) -> Self {
        Self { full_range: Some(full), ..self }
    }

    /// What is told here, and of the rest what `other` tells.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            primaries: self.primaries.or(other.primaries),
            transfer: self.transfer.or(other.transfer),
            matrix: self.matrix.or(other.matrix),
            full_range: self.full_range.or(other.full_range),
        }
    }

    /// Standard or high dynamic range, by the transfer characteristics.
    #[must_use]
    pub const fn dynamic_range(self) -> DynamicRange {
        match self.transfer {
            Some(16) => DynamicRange::Pq,
            Some(18) => DynamicRange::Hlg,
            _ => DynamicRange::Sdr,
        }
    }

    /// The name of the primaries (H.273 table 2).
    #[must_use]
    pub const fn primaries_name(self) -> Option<&'static str> {
        Some(match self.primaries {
            Some(1) => "BT.709",
            Some(4) => "BT.470 M",
            Some(5) => "BT.601 625",
            Some(6) => "BT.601 525",
            Some(7) => "SMPTE 240M",
            Some(8) => "film",
            Some(9) => "BT.2020",
            Some(10) => "XYZ",
            Some(11) => "DCI-P3",
            Some(12) => "Display P3",
            Some(22) => "EBU 3213",
            _ => return None,
        })
    }

    /// The name of the transfer characteristics (H.273 table 3).
    #[must_use]
    pub const fn transfer_name(self) -> Option<&'static str> {
        Some(match self.transfer {
            Some(1) => "BT.709",
            Some(4) => "gamma 2.2",
            Some(5) => "gamma 2.8",
            Some(6) => "BT.601",
            Some(7) => "SMPTE 240M",
            Some(8) => "linear",
            Some(9) => "log 100",
            Some(10) => "log 316",
            Some(11) => "xvYCC",
            Some(12) => "BT.1361",
            Some(13) => "sRGB",
            Some(14) => "BT.2020 10 bit",
            Some(15) => "BT.2020 12 bit",
            Some(16) => "PQ",
            Some(17) => "SMPTE 428",
            Some(18) => "HLG",
            _ => return None,
        })
    }

    /// The name of the matrix coefficients (H.273 table 4).
    #[must_use]
    pub const fn matrix_name(self) -> Option<&'static str> {
        Some(match self.matrix {
            Some(0) => "RGB",
            Some(1) => "BT.709",
            Some(4) => "FCC",
            Some(5) => "BT.601 625",
            Some(6) => "BT.601 525",
            Some(7) => "SMPTE 240M",
            Some(8) => "YCgCo",
            Some(9) => "BT.2020",
            Some(10) => "BT.2020 constant",
            Some(11) => "SMPTE 2085",
            Some(12) => "derived",
            Some(13) => "derived constant",
            Some(14) => "ICtCp",
            _ => return None,
        })
    }
}

/// Frames per second as `numerator / denominator`, where that is a rate that a picture can have.
pub(crate) fn frame_rate(numerator: u32, denominator: u32) -> Option<f64> {
    let rate = f64::from(numerator) / f64::from(denominator);
    (rate.is_finite() && (0.01..=1000.0).contains(&rate)).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_h273() {
        let hdr = Colour::from_codes(9, 16, 9).with_range(false);
        assert_eq!(hdr.dynamic_range(), DynamicRange::Pq);
        assert_eq!(Colour::from_codes(9, 18, 9).dynamic_range().name(), "HLG");
        assert_eq!(
            (hdr.primaries_name(), hdr.transfer_name(), hdr.matrix_name()),
            (Some("BT.2020"), Some("PQ"), Some("BT.2020"))
        );
        // unspecified is not told, and RGB is a matrix
        assert_eq!(Colour::from_codes(2, 2, 2), Colour::default());
        assert_eq!(Colour::from_codes(0, 0, 0), Colour { matrix: Some(0), ..Colour::default() });
        assert_eq!(Colour::default().or(hdr), hdr);
        assert_eq!(hdr.or(Colour::from_codes(1, 1, 1).with_range(true)), hdr);
    }

    #[test]
    fn aspects_at_the_edges_of_the_table() {
        assert_eq!(sample_aspect(0), None);
        assert_eq!(sample_aspect(1), Some(Ratio::ONE));
        assert_eq!(sample_aspect(16), Ratio::new(2, 1));
        assert_eq!(sample_aspect(17), None);
        assert_eq!(Ratio::new(4, 0), None);
        assert_eq!(Ratio::new(64, 45).unwrap().to_string(), "64:45");
    }
}
