//! Messages: what the chunk stream carries.
//!
//! Belongs here: the message, its ids, the control messages (RTMP 5.4, 7.1.7) and aggregates
//! (RTMP 7.1.6). Must not come here: commands and media; those are bodies that others read.

mod aggregate;
mod control;

pub use aggregate::{AggregateError, split_aggregate};
pub use control::{Control, ControlError, LimitType, UserControl};

use std::fmt;

use bytes::Bytes;

/// A chunk stream: a lane of one direction of a connection, 2..=65599 (RTMP 5.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkStreamId(pub u32);

impl ChunkStreamId {
    /// Where protocol control messages go.
    pub const CONTROL: Self = Self(2);
    /// Where commands go, by custom.
    pub const COMMAND: Self = Self(3);
    /// Where audio goes, by custom.
    pub const AUDIO: Self = Self(4);
    /// Where data goes, by custom.
    pub const DATA: Self = Self(5);
    /// Where video goes, by custom.
    pub const VIDEO: Self = Self(6);
    /// The largest there is.
    pub const MAX: Self = Self(65_599);
}

/// A message stream: 0 for the connection, others as `createStream` answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageStreamId(pub u32);

impl MessageStreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);
}

/// Message type id (RTMP 7.1). Unknown ones are legal and to be ignored.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageType(pub u8);

impl MessageType {
    /// Set Chunk Size.
    pub const SET_CHUNK_SIZE: Self = Self(1);
    /// Abort.
    pub const ABORT: Self = Self(2);
    /// Acknowledgement.
    pub const ACKNOWLEDGEMENT: Self = Self(3);
    /// User Control.
    pub const USER_CONTROL: Self = Self(4);
    /// Window Acknowledgement Size.
    pub const WINDOW_ACK_SIZE: Self = Self(5);
    /// Set Peer Bandwidth.
    pub const SET_PEER_BANDWIDTH: Self = Self(6);
    /// Audio, an FLV audio tag body.
    pub const AUDIO: Self = Self(8);
    /// Video, an FLV video tag body.
    pub const VIDEO: Self = Self(9);
    /// Data in the AMF3 envelope.
    pub const DATA_AMF3: Self = Self(15);
    /// Shared object in the AMF3 envelope.
    pub const SHARED_OBJECT_AMF3: Self = Self(16);
    /// Command in the AMF3 envelope.
    pub const COMMAND_AMF3: Self = Self(17);
    /// Data in AMF0.
    pub const DATA_AMF0: Self = Self(18);
    /// Shared object in AMF0.
    pub const SHARED_OBJECT_AMF0: Self = Self(19);
    /// Command in AMF0.
    pub const COMMAND_AMF0: Self = Self(20);
    /// Several messages in one.
    pub const AGGREGATE: Self = Self(22);

    const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::SET_CHUNK_SIZE => "SetChunkSize",
            Self::ABORT => "Abort",
            Self::ACKNOWLEDGEMENT => "Acknowledgement",
            Self::USER_CONTROL => "UserControl",
            Self::WINDOW_ACK_SIZE => "WindowAckSize",
            Self::SET_PEER_BANDWIDTH => "SetPeerBandwidth",
            Self::AUDIO => "Audio",
            Self::VIDEO => "Video",
            Self::DATA_AMF3 => "DataAmf3",
            Self::SHARED_OBJECT_AMF3 => "SharedObjectAmf3",
            Self::COMMAND_AMF3 => "CommandAmf3",
            Self::DATA_AMF0 => "DataAmf0",
            Self::SHARED_OBJECT_AMF0 => "SharedObjectAmf0",
            Self::COMMAND_AMF0 => "CommandAmf0",
            Self::AGGREGATE => "Aggregate",
            _ => return None,
        })
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "MessageType({})", self.0),
        }
    }
}

/// One whole message. Its debug form shows the length of the body alone: commands hold keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The chunk stream it came or goes on.
    pub chunk_stream: ChunkStreamId,
    /// Milliseconds, modulo 2^32, from an origin of the sender's choice.
    pub timestamp: u32,
    /// What it is.
    pub kind: MessageType,
    /// The message stream it belongs to.
    pub stream: MessageStreamId,
    /// Its payload: at most 0xFF_FFFF bytes, since lengths have 24 bits.
    pub body: Bytes,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("chunk_stream", &self.chunk_stream.0)
            .field("timestamp", &self.timestamp)
            .field("kind", &self.kind)
            .field("stream", &self.stream.0)
            .field("length", &self.body.len())
            .finish()
    }
}
