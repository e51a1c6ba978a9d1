//! Bodies of audio tags: RTMP messages of type 8.
//!
//! Belongs here: telling legacy from enhanced. Must not come here: the layout of either.

pub mod channels;
pub mod enhanced;
pub mod legacy;
#[cfg(test)]
mod tests;

pub use channels::{ChannelOrder, MultichannelConfig, Speaker};
pub use enhanced::{AudioPacketType, EnhancedAudio};
pub use legacy::{LegacyAudio, LegacyAudioBody};

use bytes::Bytes;

/// SoundFormat of enhanced tags.
pub(crate) const EX_HEADER: u8 = 9;

/// An audio tag that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioTag {
    /// Codec by number.
    Legacy(LegacyAudio),
    /// Codec by FourCC.
    Enhanced(EnhancedAudio),
}

impl AudioTag {
    /// Reads a body; `None` when it is empty, cut short in its header or uses reserved values.
    #[must_use]
    pub fn read(body: &Bytes) -> Option<Self> {
        if body.first()? >> 4 == EX_HEADER {
            EnhancedAudio::read(body).map(Self::Enhanced)
        } else {
            LegacyAudio::read(body).map(Self::Legacy)
        }
    }

    /// Writes a body; of what was read, the same bytes.
    #[must_use]
    pub fn write(&self) -> Bytes {
        match self {
            Self::Legacy(tag) => tag.write(),
            Self::Enhanced(tag) => tag.write(),
        }
    }
}
