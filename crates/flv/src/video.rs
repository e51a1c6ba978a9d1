//! Bodies of video tags: RTMP messages of type 9.
//!
//! Belongs here: telling legacy from enhanced, the frame type and the commands that both share.
//! Must not come here: the layout of either.

pub mod enhanced;
pub mod legacy;
pub mod metadata;
#[cfg(test)]
mod tests;

pub use enhanced::{EnhancedVideo, VideoPacketType};
pub use legacy::{LegacyVideo, LegacyVideoBody};
pub use metadata::{ColorInfo, VideoMetadata};

use bytes::Bytes;
use enhanced::EnhancedVideoBody;

/// Three or four bits that say what kind of picture follows (FLV E.4.3.1, E-RTMP v2). Senders lie
/// in it, and some leave it 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameType(pub u8);

impl FrameType {
    /// Key frame.
    pub const KEY: Self = Self(1);
    /// Inter frame.
    pub const INTER: Self = Self(2);
    /// Inter frame that no other needs.
    pub const DISPOSABLE: Self = Self(3);
    /// Key frame made by a server.
    pub const GENERATED_KEY: Self = Self(4);
    /// No picture: a command to the player.
    pub const COMMAND: Self = Self(5);

    /// Whether it claims a key frame.
    #[must_use]
    pub const fn claims_key(self) -> bool {
        matches!(self, Self::KEY | Self::GENERATED_KEY)
    }
}

/// What a server tells a player in place of a picture (FLV E.4.3.1, E-RTMP v2 "VideoCommand").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoCommand {
    /// Pictures that follow lead to where the player seeks; they are not to be shown.
    StartSeek,
    /// The player is where it wanted to be.
    EndSeek,
}

impl VideoCommand {
    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::StartSeek),
            1 => Some(Self::EndSeek),
            _ => None,
        }
    }
}

/// A video tag that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoTag {
    /// Codec by number.
    Legacy(LegacyVideo),
    /// Codec by FourCC.
    Enhanced(EnhancedVideo),
}

impl VideoTag {
    /// Reads a body; `None` when it is empty, cut short in its header or uses reserved values.
    #[must_use]
    pub fn read(body: &Bytes) -> Option<Self> {
        if body.first()? & 0x80 != 0 {
            EnhancedVideo::read(body).map(Self::Enhanced)
        } else {
            LegacyVideo::read(body).map(Self::Legacy)
        }
    }

    /// The command, if this is one that is defined; it has no picture then.
    #[must_use]
    pub fn command(&self) -> Option<VideoCommand> {
        let (Self::Legacy(LegacyVideo { body: LegacyVideoBody::Command(data), .. })
        | Self::Enhanced(EnhancedVideo {
            body: EnhancedVideoBody::Command { data, .. }, ..
        })) = self
        else {
            return None;
        };
        VideoCommand::from_code(*data.first()?)
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
