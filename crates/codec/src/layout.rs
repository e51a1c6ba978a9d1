//! Which loudspeakers the channels of a sound are for.
//!
//! Belongs here: one set of positions for all codecs, and the names people use for the usual sets.
//! Must not come here: the order of channels in one codec's frames.

use std::fmt;

/// A set of loudspeaker positions. Bit numbers are those of the channel mask of WAVE files, which
/// E-RTMP v2 "MultichannelConfig" uses too: 0 front left, 1 front right, 2 front centre, 3 LFE ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelLayout(u32);

/// Names of the positions, bit 0 first (E-RTMP v2 "AudioChannel").
const POSITIONS: [&str; 24] = [
    "FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC", "TFR",
    "TBL", "TBC", "TBR", "LFE2", "TSL", "TSR", "BFC", "BFL", "BFR",
];

const fn set(positions: &[u32]) -> u32 {
    let mut mask = 0;
    let mut rest = positions;
    while let [first, more @ ..] = rest {
        mask |= 1 << *first;
        rest = more;
    }
    mask
}

/// Sets that have a name.
const NAMES: [(u32, &str); 21] = [
    (ChannelLayout::MONO.0, "mono"),
    (ChannelLayout::STEREO.0, "stereo"),
    (set(&[0, 1, 3]), "2.1"),
    (ChannelLayout::SURROUND.0, "3.0"),
    (set(&[0, 1, 8]), "3.0(back)"),
    (set(&[0, 1, 2, 3]), "3.1"),
    (ChannelLayout::FOUR.0, "4.0"),
    (ChannelLayout::QUAD.0, "quad"),
    (set(&[0, 1, 9, 10]), "quad(side)"),
    (set(&[0, 1, 2, 3, 8]), "4.1"),
    (ChannelLayout::FIVE.0, "5.0"),
    (set(&[0, 1, 2, 9, 10]), "5.0(side)"),
    (ChannelLayout::FIVE_ONE.0, "5.1"),
    (ChannelLayout::FIVE_ONE_SIDE.0, "5.1(side)"),
    (set(&[0, 1, 2, 3, 4, 5, 8]), "6.1(back)"),
    (ChannelLayout::SIX_ONE.0, "6.1"),
    (set(&[0, 1, 2, 4, 5, 9, 10]), "7.0"),
    (ChannelLayout::SEVEN_ONE.0, "7.1"),
    (set(&[0, 1, 2, 3, 4, 5, 6, 7]), "7.1(wide)"),
    (set(&[0, 1, 2, 3, 4, 5, 12, 14]), "5.1.2"),
    (set(&[0, 1, 2, 3, 4, 5, 9, 10, 12, 14, 15, 17]), "7.1.4"),
];

impl ChannelLayout {
    /// One front centre.
    pub const MONO: Self = Self(set(&[2]));
    /// Left and right.
    pub const STEREO: Self = Self(set(&[0, 1]));
    /// Left, right, centre.
    pub const SURROUND: Self = Self(set(&[0, 1, 2]));
    /// Left, right, centre, one behind.
    pub const FOUR: Self = Self(set(&[0, 1, 2, 8]));
    /// Left and right in front and behind.
    pub const QUAD: Self = Self(set(&[0, 1, 4, 5]));
    /// Left, right, centre, two behind.
    pub const FIVE: Self = Self(set(&[0, 1, 2, 4, 5]));
    /// The same with a bass channel.
    pub const FIVE_ONE: Self = Self(set(&[0, 1, 2, 3, 4, 5]));
    /// 5.1 with the surround channels at the sides.
    pub const FIVE_ONE_SIDE: Self = Self(set(&[0, 1, 2, 3, 9, 10]));
    /// 5.1 at the sides, one behind.
    pub const SIX_ONE: Self = Self(set(&[0, 1, 2, 3, 8, 9, 10]));
    /// 5.1, two at the sides.
    pub const SEVEN_ONE: Self = Self(set(&[0, 1, 2, 3, 4, 5, 9, 10]));

    /// From a mask; `None` where a bit beyond the 24 positions is set, or none is.
    #[must_use]
    pub const fn from_mask(mask: u32) -> Option<Self> {
        if mask == 0 || mask >> 24 != 0 {
            return None;
        }
        Some(Self(mask))
    }

    /// The set of these bit numbers.
    pub(crate) const fn of(positions: &[u32]) -> Self {
        Self(set(positions))
    }

    /// One bit for each position.
    #[must_use]
    pub const fn mask(self) -> u32 {
        self.0
    }

    /// How many channels it has.
    #[must_use]
    pub fn channels(self) -> u8 {
        u8::try_from(self.0.count_ones()).unwrap_or(0)
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// `stereo`, `5.1(side)`; the positions where the set has no name: `FL+FR+TC`.
impl fmt::Display for ChannelLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = NAMES.iter().find(|(mask, _)| *mask == self.0) {
            return f.write_str(name);
        }
        let mut between = "";
        for (at, name) in (0_u32..).zip(POSITIONS) {
            if self.0.checked_shr(at).is_some_and(|rest| rest & 1 == 1) {
                write!(f, "{between}{name}")?;
                between = "+";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sets() {
        for (mask, channels, name) in [
            (0b100, 1, "mono"),
            (0b11, 2, "stereo"),
            (0x3F, 6, "5.1"),
            (0x60F, 6, "5.1(side)"),
            (0x63F, 8, "7.1"),
            (0x803, 3, "FL+FR+TC"),
            (0x80_0000, 1, "BFR"),
        ] {
            let layout = ChannelLayout::from_mask(mask).unwrap();
            assert_eq!((layout.channels(), layout.to_string().as_str()), (channels, name));
        }
        assert_eq!(ChannelLayout::from_mask(0), None);
        assert_eq!(ChannelLayout::from_mask(1 << 24), None);
    }

    #[test]
    fn no_name_is_given_twice() {
        for (at, (mask, name)) in NAMES.iter().enumerate() {
            assert!(NAMES[..at].iter().all(|(m, n)| m != mask && n != name), "{name}");
        }
    }
}
