//! Which channel of a sound is which (E-RTMP v2 "MultichannelConfig").
//!
//! ```text
//! u8 order | u8 channels | order 2: u8 speaker for each channel | order 1: u32 mask of speakers
//! ```
//! Belongs here: this message's body. Must not come here: channel layouts of the codecs themselves.

use bytes::{BufMut, Bytes, BytesMut};
use manycast_bits::{Reader, Writer};
use std::fmt;

/// Where a channel is to be heard (E-RTMP v2 "AudioChannel").
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Speaker(pub u8);

impl Speaker {
    /// The channel is not used.
    pub const UNUSED: Self = Self(0xFE);
    /// The channel is used, nobody knows for what.
    pub const UNKNOWN: Self = Self(0xFF);

    /// The usual abbreviation; `None` for a number without meaning.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        const NAMES: [&str; 24] = [
            "FL", "FR", "FC", "LFE1", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL",
            "TFC", "TFR", "TBL", "TBC", "TBR", "LFE2", "TSL", "TSR", "BFC", "BFL", "BFR",
        ];
        match self {
            Self::UNUSED => Some("unused"),
            Self::UNKNOWN => Some("unknown"),
            Self(number) => NAMES.get(usize::from(number)).copied(),
        }
    }
}

impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Speaker({})", self.0),
        }
    }
}

/// In which order the channels come (E-RTMP v2 "AudioChannelOrder").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Only their number is known.
    Unspecified,
    /// In the order of the speakers' numbers: bit n is set when there is a channel for speaker n.
    Native(u32),
    /// One speaker for each channel.
    Custom(Vec<Speaker>),
}

/// The order of the channels of an audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultichannelConfig {
    /// How many there are.
    pub channels: u8,
    /// Which is which.
    pub order: ChannelOrder,
}

impl MultichannelConfig {
    /// Reads the body of a track; `None` when it is cut short or its order is reserved. What
    /// follows the fields is ignored.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let (order, channels) = (reader.u8().ok()?, reader.u8().ok()?);
        let order = match order {
            0 => ChannelOrder::Unspecified,
            1 => ChannelOrder::Native(reader.u32_be().ok()?),
            2 => {
                let speakers = reader.take(usize::from(channels)).ok()?;
                ChannelOrder::Custom(speakers.iter().copied().map(Speaker).collect())
            }
            _ => return None,
        };
        Some(Self { channels, order })
    }

    /// Writes the body of a track. Of a custom order as many speakers as there are channels, those
    /// that were not given unknown.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(usize::from(self.channels).saturating_add(6));
        let order = match &self.order {
            ChannelOrder::Unspecified => 0,
            ChannelOrder::Native(_) => 1,
            ChannelOrder::Custom(_) => 2,
        };
        out.put_u8(order);
        out.put_u8(self.channels);
        match &self.order {
            ChannelOrder::Unspecified => {}
            ChannelOrder::Native(mask) => Writer::new(&mut out).u32_be(*mask),
            ChannelOrder::Custom(speakers) => {
                let rest = std::iter::repeat(&Speaker::UNKNOWN);
                let all = speakers.iter().chain(rest).take(usize::from(self.channels));
                out.extend(all.map(|speaker| speaker.0));
            }
        }
        out.freeze()
    }

    /// The speaker of each channel, as far as it is known: at most as many as there are channels.
    #[must_use]
    pub fn speakers(&self) -> Vec<Speaker> {
        match &self.order {
            ChannelOrder::Unspecified => Vec::new(),
            ChannelOrder::Native(mask) => {
                let set =
                    (0_u8..32).filter(|n| mask.checked_shr(u32::from(*n)).unwrap_or(0) & 1 == 1);
                set.map(Speaker).take(usize::from(self.channels)).collect()
            }
            ChannelOrder::Custom(speakers) => speakers.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bytes;

    #[test]
    fn a_channel_order_comes_in_three_kinds() {
        let custom =
            |speakers: &[u8]| ChannelOrder::Custom(speakers.iter().copied().map(Speaker).collect());
        for (notation, channels, order, speakers) in [
            ("00 06", 6, ChannelOrder::Unspecified, "[]"),
            ("01 02 00000003", 2, ChannelOrder::Native(3), "[FL, FR]"),
            ("01 01 00000004", 1, ChannelOrder::Native(4), "[FC]"),
            ("01 06 0000003F", 6, ChannelOrder::Native(0x3F), "[FL, FR, FC, LFE1, BL, BR]"),
            ("01 01 80000004", 1, ChannelOrder::Native(0x8000_0004), "[FC]"),
            ("02 04 0100FEFF", 4, custom(&[1, 0, 0xFE, 0xFF]), "[FR, FL, unused, unknown]"),
            ("02 02 1763", 2, custom(&[23, 99]), "[BFR, Speaker(99)]"),
            ("02 00", 0, custom(&[]), "[]"),
        ] {
            let body = bytes(notation);
            let config = MultichannelConfig::read(&body).unwrap();
            assert_eq!((config.channels, &config.order), (channels, &order), "{notation}");
            assert_eq!(format!("{:?}", config.speakers()), speakers, "{notation}");
            assert_eq!(config.write(), body, "{notation}");
        }
    }

    #[test]
    fn a_channel_order_that_is_cut_or_reserved_is_not_understood() {
        for notation in ["", "00", "01 02 000000", "02 03 0001", "03 02"] {
            assert_eq!(MultichannelConfig::read(&bytes(notation)), None, "{notation}");
        }
        let longer = MultichannelConfig::read(&bytes("00 02 FFFF")).unwrap();
        assert_eq!((longer.channels, longer.write()), (2, bytes("00 02")));
    }

    #[test]
    fn a_custom_order_is_written_with_one_speaker_for_each_channel() {
        for (given, want) in [("0001", "02 03 0001FF"), ("00010203", "02 03 000102")] {
            let order = ChannelOrder::Custom(bytes(given).iter().copied().map(Speaker).collect());
            assert_eq!(MultichannelConfig { channels: 3, order }.write(), bytes(want));
        }
    }
}
