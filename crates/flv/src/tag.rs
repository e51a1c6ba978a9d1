//! One tag: its kind, its time and its body.

use bytes::Bytes;

/// What a tag, or an RTMP message of the same number, carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// Sound: tag and message type 8.
    Audio,
    /// Pictures: tag and message type 9.
    Video,
    /// AMF0 data: tag and message type 18.
    Script,
    /// AMF3 data: tag and message type 15.
    ScriptAmf3,
}

impl TagKind {
    /// The tag type of FLV, which is the message type of RTMP.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Audio => 8,
            Self::Video => 9,
            Self::Script => 18,
            Self::ScriptAmf3 => 15,
        }
    }

    /// The kind of this tag type, if it is one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            8 => Some(Self::Audio),
            9 => Some(Self::Video),
            18 => Some(Self::Script),
            15 => Some(Self::ScriptAmf3),
            _ => None,
        }
    }
}

/// A tag of an FLV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What it carries.
    pub kind: TagKind,
    /// Milliseconds, as the 32 bits on the wire: wraps after 49.7 days.
    pub timestamp: u32,
    /// What an RTMP message of the same type would carry.
    pub body: Bytes,
}
