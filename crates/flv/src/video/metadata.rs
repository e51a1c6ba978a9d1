//! What a video metadata packet says (E-RTMP v2 "Metadata Frame"): pairs of a name and a value in
//! AMF, of which one is defined, `colorInfo`.
//!
//! Belongs here: the pairs, and `colorInfo` in both directions. Must not come here: what becomes of
//! the packet, which travels as it came; colour descriptions inside the codecs.

use bytes::Bytes;
use manycast_amf::{Decoder, Limits, Text, Value, amf3, encode_all, object};

/// The name of the colour description.
pub const COLOR_INFO: &str = "colorInfo";

/// A handful of numbers in three objects; more is no colour description.
const LIMITS: Limits = Limits { depth: 8, values: 256, string: 1024 };

/// Most values of a packet in AMF3, where the bounds above hold for each.
const AMF3_VALUES: usize = 16;

/// Marker of a string in AMF3, which opens a packet in that encoding.
const AMF3_STRING: u8 = 6;

/// Name and value pairs, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoMetadata {
    /// The pairs; values in AMF3 are given as the AMF0 values that say the same.
    pub entries: Vec<(Text, Value)>,
}

impl VideoMetadata {
    /// Reads the body of a track, up to what is damaged or beyond the bounds.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let values = match body.first() {
            Some(&AMF3_STRING) => amf3_values(body),
            _ => Decoder::new(body, LIMITS).map_while(Result::ok).map(Value::into_amf0).collect(),
        };
        let mut values = values.into_iter();
        let mut entries = Vec::new();
        while let (Some(Value::String(name)), Some(value)) = (values.next(), values.next()) {
            entries.push((name, value));
        }
        Self { entries }
    }

    /// The colour description, the last one if there are several. One without anything in it takes
    /// back what was said before.
    #[must_use]
    pub fn color_info(&self) -> Option<ColorInfo> {
        let mut entries = self.entries.iter().rev();
        let (_, value) = entries.find(|(name, _)| *name == *COLOR_INFO)?;
        Some(ColorInfo::of(value))
    }
}

/// References of AMF3 hold within one value, as everywhere in E-RTMP; a sender who lets them reach
/// from one pair into the next is not understood from there on.
fn amf3_values(mut body: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while !body.is_empty() && values.len() < AMF3_VALUES {
        let Ok((value, used)) = amf3::decode(body, LIMITS) else { break };
        values.push(value.into());
        body = body.get(used.max(1)..).unwrap_or_default();
    }
    values
}

/// How colours are to be understood: H.273 codes, and what the pictures were graded for. What was
/// not said is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ColorInfo {
    /// Bits of a sample: 8, 10 or 12.
    pub bit_depth: Option<u8>,
    /// ColourPrimaries (H.273).
    pub primaries: Option<u8>,
    /// TransferCharacteristics (H.273): 16 is PQ, 18 HLG.
    pub transfer: Option<u8>,
    /// MatrixCoefficients (H.273).
    pub matrix: Option<u8>,
    /// Light levels of the content.
    pub content_light: Option<ContentLight>,
    /// The display it was graded on.
    pub mastering: Option<MasteringDisplay>,
}

/// Light levels of HDR content (CTA-861.3), in nits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ContentLight {
    /// The greatest average over a picture.
    pub max_fall: Option<f64>,
    /// The greatest of a single pixel.
    pub max_cll: Option<f64>,
}

/// The colour volume of a mastering display (SMPTE ST 2086).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MasteringDisplay {
    /// CIE 1931 x and y of red.
    pub red: Option<(f64, f64)>,
    /// CIE 1931 x and y of green.
    pub green: Option<(f64, f64)>,
    /// CIE 1931 x and y of blue.
    pub blue: Option<(f64, f64)>,
    /// CIE 1931 x and y of white.
    pub white: Option<(f64, f64)>,
    /// Nits at most.
    pub max_luminance: Option<f64>,
    /// Nits at least.
    pub min_luminance: Option<f64>,
}

impl ColorInfo {
    fn of(value: &Value) -> Self {
        let config = |key| code(value.get("colorConfig")?, key);
        Self {
            bit_depth: config("bitDepth"),
            primaries: config("colorPrimaries"),
            transfer: config("transferCharacteristics"),
            matrix: config("matrixCoefficients"),
            content_light: value.get("hdrCll").and_then(ContentLight::of),
            mastering: value.get("hdrMdcv").and_then(MasteringDisplay::of),
        }
    }

    /// Whether it says nothing, which takes back what was said before.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the pictures have a high dynamic range: PQ or HLG.
    #[must_use]
    pub const fn is_hdr(&self) -> bool {
        matches!(self.transfer, Some(16 | 18))
    }

    /// The body of a track, in AMF0; of one that says nothing the reset with `undefined`.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let codes = [
            ("bitDepth", self.bit_depth),
            ("colorPrimaries", self.primaries),
            ("transferCharacteristics", self.transfer),
            ("matrixCoefficients", self.matrix),
        ];
        let codes = numbers(codes.map(|(key, code)| (key, code.map(f64::from))));
        let light = self
            .content_light
            .map(|light| numbers([("maxFall", light.max_fall), ("maxCLL", light.max_cll)]));
        let parts = [
            ("colorConfig", Some(codes)),
            ("hdrCll", light),
            ("hdrMdcv", self.mastering.map(|display| display.numbers())),
        ];
        let parts = parts.into_iter().filter_map(|(key, part)| {
            part.filter(|part| !part.is_empty()).map(|part| (key, object(part)))
        });
        let parts: Vec<_> = parts.collect();
        let value = if parts.is_empty() { Value::Undefined } else { object(parts) };
        let mut out = Vec::new();
        encode_all(&[COLOR_INFO.into(), value], &mut out);
        out.into()
    }
}

impl ContentLight {
    fn of(value: &Value) -> Option<Self> {
        let this = Self { max_fall: measure(value, "maxFall"), max_cll: measure(value, "maxCLL") };
        (this != Self::default()).then_some(this)
    }
}

impl MasteringDisplay {
    fn of(value: &Value) -> Option<Self> {
        let point = |x, y| Some((measure(value, x)?, measure(value, y)?));
        let this = Self {
            red: point("redX", "redY"),
            green: point("greenX", "greenY"),
            blue: point("blueX", "blueY"),
            white: point("whitePointX", "whitePointY"),
            max_luminance: measure(value, "maxLuminance"),
            min_luminance: measure(value, "minLuminance"),
        };
        (this != Self::default()).then_some(this)
    }

    fn numbers(self) -> Vec<(&'static str, Value)> {
        numbers([
            ("redX", self.red.map(|p| p.0)),
            ("redY", self.red.map(|p| p.1)),
            ("greenX", self.green.map(|p| p.0)),
            ("greenY", self.green.map(|p| p.1)),
            ("blueX", self.blue.map(|p| p.0)),
            ("blueY", self.blue.map(|p| p.1)),
            ("whitePointX", self.white.map(|p| p.0)),
            ("whitePointY", self.white.map(|p| p.1)),
            ("maxLuminance", self.max_luminance),
            ("minLuminance", self.min_luminance),
        ])
    }
}

fn numbers<const N: usize>(pairs: [(&'static str, Option<f64>); N]) -> Vec<(&'static str, Value)> {
    let known = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
    known.map(|(key, value)| (key, Value::Number(value))).collect()
}

/// A number of nits or of a chromaticity: never negative.
fn measure(value: &Value, key: &str) -> Option<f64> {
    value.get(key)?.as_number_lenient().filter(|n| n.is_finite() && *n >= 0.0)
}

/// A code of H.273, or a number of bits.
fn code(value: &Value, key: &str) -> Option<u8> {
    let number = value.get(key)?.as_number_lenient()?;
    (0..=u8::MAX).find(|code| f64::from(*code) == number)
}

#[cfg(test)]
mod tests;
