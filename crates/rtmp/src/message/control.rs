//! Protocol control and user control messages (RTMP 5.4, 6.2, 7.1.7).
//!
//! Belongs here: their bodies, both ways. Must not come here: acting on them.

use bytes::Bytes;
use manycast_bits::{Reader, UnexpectedEnd, Writer};

use super::{ChunkStreamId, Message, MessageStreamId, MessageType};

/// A control message. Accept it on any chunk and message stream (trap C7); its timestamp means
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Largest payload of the sender's chunks from now on (RTMP 5.4.1); as it came, not yet judged.
    SetChunkSize(u32),
    /// Drops the unfinished message of a chunk stream (RTMP 5.4.2).
    Abort(ChunkStreamId),
    /// Bytes received so far, modulo 2^32 (RTMP 5.4.3).
    Acknowledgement(u32),
    /// Bytes after which the peer wants an acknowledgement (RTMP 5.4.4).
    WindowAckSize(u32),
    /// The window that the peer wants us to announce (RTMP 5.4.5).
    SetPeerBandwidth {
        /// In bytes.
        window: u32,
        /// How it relates to the window before.
        limit: LimitType,
    },
    /// An event of a message stream or of the connection (RTMP 7.1.7).
    User(UserControl),
}

/// How a bandwidth limit is meant (RTMP 5.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitType {
    /// Limit to the window given.
    Hard,
    /// Limit to the smaller of the window given and the one in effect.
    Soft,
    /// As hard if the one before was hard, else to be ignored.
    Dynamic,
    /// Anything else; to be ignored.
    Other(u8),
}

/// User control events. 31 and 32 are FMS's own and not documented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserControl {
    /// 0: the stream can be used.
    StreamBegin(MessageStreamId),
    /// 1: playback ended.
    StreamEof(MessageStreamId),
    /// 2: no more data for now.
    StreamDry(MessageStreamId),
    /// 3: how much the client buffers.
    SetBufferLength {
        /// Of which stream.
        stream: MessageStreamId,
        /// In milliseconds.
        ms: u32,
    },
    /// 4: the stream is a recording.
    StreamIsRecorded(MessageStreamId),
    /// 6: to be answered with the same number.
    PingRequest(u32),
    /// 7: the answer.
    PingResponse(u32),
    /// 31.
    BufferEmpty(MessageStreamId),
    /// 32.
    BufferReady(MessageStreamId),
    /// Any other event, or one of the above that is too short; to be ignored.
    Unknown {
        /// Its number.
        event: u16,
        /// What came with it.
        data: Bytes,
    },
}

/// A control message whose body is too short. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?} message of {length} bytes is too short")]
pub struct ControlError {
    /// Which message.
    pub kind: MessageType,
    /// Its length.
    pub length: usize,
}

impl Control {
    /// Reads a control message; `None` if the message is of another kind. Bytes beyond the fields
    /// are ignored.
    pub fn parse(message: &Message) -> Result<Option<Self>, ControlError> {
        let error = |UnexpectedEnd| ControlError { kind: message.kind, length: message.body.len() };
        let mut reader = Reader::new(&message.body);
        let control = match message.kind {
            MessageType::SET_CHUNK_SIZE => reader.u32_be().map(Self::SetChunkSize),
            MessageType::ABORT => reader.u32_be().map(|id| Self::Abort(ChunkStreamId(id))),
            MessageType::ACKNOWLEDGEMENT => reader.u32_be().map(Self::Acknowledgement),
            MessageType::WINDOW_ACK_SIZE => reader.u32_be().map(Self::WindowAckSize),
            MessageType::SET_PEER_BANDWIDTH => reader.u32_be().and_then(|window| {
                let limit = LimitType::from_wire(reader.u8()?);
                Ok(Self::SetPeerBandwidth { window, limit })
            }),
            MessageType::USER_CONTROL => {
                reader.u16_be().map(|event| Self::User(UserControl::parse(event, &message.body)))
            }
            _ => return Ok(None),
        };
        control.map(Some).map_err(error)
    }

    /// The message, on chunk stream 2 and message stream 0 (RTMP 5.4).
    pub fn to_message(&self) -> Message {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body);
        let kind = match self {
            Self::SetChunkSize(size) => {
                writer.u32_be(*size);
                MessageType::SET_CHUNK_SIZE
            }
            Self::Abort(chunk_stream) => {
                writer.u32_be(chunk_stream.0);
                MessageType::ABORT
            }
            Self::Acknowledgement(bytes) => {
                writer.u32_be(*bytes);
                MessageType::ACKNOWLEDGEMENT
            }
            Self::WindowAckSize(window) => {
                writer.u32_be(*window);
                MessageType::WINDOW_ACK_SIZE
            }
            Self::SetPeerBandwidth { window, limit } => {
                writer.u32_be(*window);
                writer.u8(limit.to_wire());
                MessageType::SET_PEER_BANDWIDTH
            }
            Self::User(event) => {
                event.write(&mut writer);
                MessageType::USER_CONTROL
            }
        };
        Message {
            chunk_stream: ChunkStreamId::CONTROL,
            timestamp: 0,
            kind,
            stream: MessageStreamId::CONNECTION,
            body: body.into(),
        }
    }
}

impl LimitType {
    const fn from_wire(byte: u8) -> Self {
        match byte {
            0 => Self::Hard,
            1 => Self::Soft,
            2 => Self::Dynamic,
            other => Self::Other(other),
        }
    }

    const fn to_wire(self) -> u8 {
        match self {
            Self::Hard => 0,
            Self::Soft => 1,
            Self::Dynamic => 2,
            Self::Other(byte) => byte,
        }
    }
}

impl UserControl {
    /// `body` is the whole body, its first two bytes being the event.
    fn parse(event: u16, body: &Bytes) -> Self {
        Self::known(event, body.get(2..).unwrap_or_default())
            .unwrap_or_else(|| Self::Unknown { event, data: body.slice(body.len().min(2)..) })
    }

    fn known(event: u16, data: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(data);
        let number = reader.u32_be().ok()?;
        let stream = MessageStreamId(number);
        Some(match event {
            0 => Self::StreamBegin(stream),
            1 => Self::StreamEof(stream),
            2 => Self::StreamDry(stream),
            3 => Self::SetBufferLength { stream, ms: reader.u32_be().ok()? },
            4 => Self::StreamIsRecorded(stream),
            6 => Self::PingRequest(number),
            7 => Self::PingResponse(number),
            31 => Self::BufferEmpty(stream),
            32 => Self::BufferReady(stream),
            _ => return None,
        })
    }

    fn write(&self, writer: &mut Writer<'_, Vec<u8>>) {
        let mut event = |event, number| {
            writer.u16_be(event);
            writer.u32_be(number);
        };
        match self {
            Self::StreamBegin(stream) => event(0, stream.0),
            Self::StreamEof(stream) => event(1, stream.0),
            Self::StreamDry(stream) => event(2, stream.0),
            Self::SetBufferLength { stream, ms } => {
                event(3, stream.0);
                writer.u32_be(*ms);
            }
            Self::StreamIsRecorded(stream) => event(4, stream.0),
            Self::PingRequest(number) => event(6, *number),
            Self::PingResponse(number) => event(7, *number),
            Self::BufferEmpty(stream) => event(31, stream.0),
            Self::BufferReady(stream) => event(32, stream.0),
            Self::Unknown { event, data } => {
                writer.u16_be(*event);
                writer.bytes(data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: MessageType, body: &[u8]) -> Message {
        Message {
            chunk_stream: ChunkStreamId(4),
            timestamp: 77,
            kind,
            stream: MessageStreamId(1),
            body: Bytes::copy_from_slice(body),
        }
    }

    #[test]
    fn every_control_message_both_ways() {
        use UserControl as User;
        let stream = MessageStreamId(1);
        for (control, kind, body) in [
            (Control::SetChunkSize(4096), 1, &[0, 0, 16, 0][..]),
            (Control::Abort(ChunkStreamId(6)), 2, &[0, 0, 0, 6]),
            (Control::Acknowledgement(u32::MAX), 3, &[0xFF; 4]),
            (Control::WindowAckSize(2_500_000), 5, &[0, 0x26, 0x25, 0xA0]),
            (Control::SetPeerBandwidth { window: 1, limit: LimitType::Hard }, 6, &[0, 0, 0, 1, 0]),
            (Control::SetPeerBandwidth { window: 1, limit: LimitType::Soft }, 6, &[0, 0, 0, 1, 1]),
            (
                Control::SetPeerBandwidth { window: 1, limit: LimitType::Dynamic },
                6,
                &[0, 0, 0, 1, 2],
            ),
            (
                Control::SetPeerBandwidth { window: 1, limit: LimitType::Other(9) },
                6,
                &[0, 0, 0, 1, 9],
            ),
            (Control::User(User::StreamBegin(stream)), 4, &[0, 0, 0, 0, 0, 1]),
            (Control::User(User::StreamEof(stream)), 4, &[0, 1, 0, 0, 0, 1]),
            (Control::User(User::StreamDry(stream)), 4, &[0, 2, 0, 0, 0, 1]),
            (
                Control::User(User::SetBufferLength { stream, ms: 3000 }),
                4,
                &[0, 3, 0, 0, 0, 1, 0, 0, 0x0B, 0xB8],
            ),
            (Control::User(User::StreamIsRecorded(stream)), 4, &[0, 4, 0, 0, 0, 1]),
            (Control::User(User::PingRequest(5)), 4, &[0, 6, 0, 0, 0, 5]),
            (Control::User(User::PingResponse(5)), 4, &[0, 7, 0, 0, 0, 5]),
            (Control::User(User::BufferEmpty(stream)), 4, &[0, 31, 0, 0, 0, 1]),
            (Control::User(User::BufferReady(stream)), 4, &[0, 32, 0, 0, 0, 1]),
            (
                Control::User(User::Unknown { event: 26, data: Bytes::from_static(&[1]) }),
                4,
                &[0, 26, 1],
            ),
            (
                Control::User(User::Unknown { event: 6, data: Bytes::from_static(&[0, 0, 1]) }),
                4,
                &[0, 6, 0, 0, 1],
            ),
        ] {
            let built = control.to_message();
            assert_eq!((built.kind, &built.body[..]), (MessageType(kind), body));
            assert_eq!((built.chunk_stream.0, built.stream.0, built.timestamp), (2, 0, 0));
            // trap C7: chunk stream 4 and message stream 1 change nothing
            assert_eq!(Control::parse(&message(built.kind, body)), Ok(Some(control)));
        }
    }

    #[test]
    fn trap_c7_control_messages_on_any_chunk_and_message_stream() {
        for (chunk_stream, stream) in [(2, 0), (4, 0), (4, 1), (65_599, u32::MAX)] {
            let mut size = Control::SetChunkSize(1).to_message();
            size.chunk_stream = ChunkStreamId(chunk_stream);
            size.stream = MessageStreamId(stream);
            assert_eq!(Control::parse(&size), Ok(Some(Control::SetChunkSize(1))));
        }
    }

    #[test]
    fn short_bodies_are_errors_and_long_ones_are_cut() {
        for (kind, short) in [(1, 3), (2, 3), (3, 0), (4, 1), (5, 3), (6, 4)] {
            let kind = MessageType(kind);
            let error = ControlError { kind, length: short };
            assert_eq!(Control::parse(&message(kind, &vec![0; short])), Err(error));
            assert!(matches!(Control::parse(&message(kind, &[0; 64])), Ok(Some(_))));
        }
    }

    #[test]
    fn other_messages_are_none_of_its_business() {
        for kind in (0..=255).filter(|kind| !(1..=6).contains(kind)) {
            assert_eq!(Control::parse(&message(MessageType(kind), &[])), Ok(None));
        }
    }

    #[test]
    fn debug_shows_no_body() {
        let shown = format!("{:?}", message(MessageType::COMMAND_AMF0, b"secret"));
        assert!(!shown.contains("secret") && shown.contains("length: 6"), "{shown}");
    }
}
