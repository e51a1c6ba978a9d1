//! Static metadata of high dynamic range: the display it was graded on, the light in it.
//!
//! Belongs here: the two records of SMPTE ST 2086 and CTA-861.3 in plain units. Must not come here:
//! dynamic metadata (HDR10+, Dolby Vision), which passes through unread.

use manycast_bits::{Reader, UnexpectedEnd};

/// A point of the CIE 1931 chromaticity diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Chromaticity {
    /// 0 to 1.
    pub x: f64,
    /// 0 to 1.
    pub y: f64,
}

/// The display that the pictures were graded on (SMPTE ST 2086).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MasteringDisplay {
    /// The red primary.
    pub red: Chromaticity,
    /// The green primary.
    pub green: Chromaticity,
    /// The blue primary.
    pub blue: Chromaticity,
    /// White.
    pub white: Chromaticity,
    /// The brightest that it shows, in cd/m² (nits).
    pub max_luminance: f64,
    /// The darkest that it shows, in cd/m² (nits).
    pub min_luminance: f64,
}

/// The light in the content (CTA-861.3), in cd/m² (nits); 0: not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentLight {
    /// The brightest sample: MaxCLL.
    pub max_cll: u16,
    /// The brightest average of a frame: MaxFALL.
    pub max_fall: u16,
}

/// What is known of the dynamic range besides the transfer characteristics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hdr {
    /// The display that the pictures were graded on.
    pub mastering: Option<MasteringDisplay>,
    /// The light in the content.
    pub light: Option<ContentLight>,
}

impl Hdr {
    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.mastering.is_none() && self.light.is_none()
    }

    /// What is known here, and of the rest what `other` knows.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { mastering: self.mastering.or(other.mastering), light: self.light.or(other.light) }
    }
}

impl MasteringDisplay {
    /// The SEI message 137 (H.265 D.2.28, H.264 D.1.29): green, blue, red in steps of 0.00002, light
    /// in steps of 0.0001 cd/m².
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when it is shorter than 24 bytes.
    pub fn from_sei(payload: &[u8]) -> Result<Self, UnexpectedEnd> {
        let mut reader = Reader::new(payload);
        let mut point = || {
            let (x, y) = (reader.u16_be()?, reader.u16_be()?);
            Ok(Chromaticity { x: f64::from(x) / 50_000.0, y: f64::from(y) / 50_000.0 })
        };
        let (green, blue, red, white) = (point()?, point()?, point()?, point()?);
        let max_luminance = f64::from(reader.u32_be()?) / 10_000.0;
        let min_luminance = f64::from(reader.u32_be()?) / 10_000.0;
        Ok(Self { red, green, blue, white, max_luminance, min_luminance })
    }

    /// The metadata OBU `METADATA_TYPE_HDR_MDCV` (AV1 6.7.4): red, green, blue as 0.16 fixed point,
    /// light as 24.8 and 18.14.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when it is shorter than 24 bytes.
    pub fn from_obu(payload: &[u8]) -> Result<Self, UnexpectedEnd> {
        let mut reader = Reader::new(payload);
        let mut point = || {
            let (x, y) = (reader.u16_be()?, reader.u16_be()?);
            Ok(Chromaticity { x: f64::from(x) / 65_536.0, y: f64::from(y) / 65_536.0 })
        };
        let (red, green, blue, white) = (point()?, point()?, point()?, point()?);
        let max_luminance = f64::from(reader.u32_be()?) / 256.0;
        let min_luminance = f64::from(reader.u32_be()?) / 16_384.0;
        Ok(Self { red, green, blue, white, max_luminance, min_luminance })
    }
}

impl ContentLight {
    /// The SEI message 144 (H.265 D.2.35) and the metadata OBU `METADATA_TYPE_HDR_CLL` (AV1 6.7.3)
    /// are the same four bytes.
    ///
    /// # Errors
    /// [`UnexpectedEnd`] when it is shorter.
    pub fn from_bytes(payload: &[u8]) -> Result<Self, UnexpectedEnd> {
        let mut reader = Reader::new(payload);
        Ok(Self { max_cll: reader.u16_be()?, max_fall: reader.u16_be()? })
    }
}
