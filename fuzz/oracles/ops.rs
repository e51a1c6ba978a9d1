//! From the bytes of an input to operations on a session: a script that every input is.
//!
//! Belongs here: what both session oracles share. Every byte string is some script; what a script
//! runs out of reads as 0.

use bytes::Bytes;
use manycast_amf::{Value, encode_command, object};
use manycast_rtmp::chunk::{ChunkReader, write_full};
use manycast_rtmp::limits::Limits;
use manycast_rtmp::message::{
    ChunkStreamId, Control, LimitType, Message, MessageStreamId, MessageType, UserControl,
};

/// The bytes of an input, taken one after another.
pub(crate) struct Script<'a>(pub(crate) &'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// As many bytes as the next byte says.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let wanted = usize::from(self.byte()).min(self.0.len());
        let (head, rest) = self.0.split_at(wanted);
        self.0 = rest;
        head
    }

    fn of<T: Clone>(&mut self, table: &[T]) -> T {
        table[usize::from(self.byte()) % table.len()].clone()
    }

    pub(crate) fn stream(&mut self) -> MessageStreamId {
        MessageStreamId(u32::from(self.byte() % 5))
    }

    fn timestamp(&mut self) -> u32 {
        self.of(&[0, 1, 40, 0xFF_FFFF, 0x100_0000, 0x7FFF_FFFF, u32::MAX])
    }

    fn transaction(&mut self) -> f64 {
        self.of(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 2.5, -1.0, f64::NAN, f64::INFINITY])
    }

    /// A value as commands hold them, odd ones among them.
    fn value(&mut self) -> Value {
        let code = |level: &str, code: &str| {
            let ex = object([("redirect", Value::from("rtmp://other/live"))]);
            object([("level", Value::from(level)), ("code", code.into()), ("ex", ex)])
        };
        self.of(&[
            Value::Null,
            Value::Undefined,
            "key".into(),
            "other?token=t".into(),
            "".into(),
            "live".into(),
            "record".into(),
            true.into(),
            false.into(),
            0.0.into(),
            1.0.into(),
            2.0.into(),
            (-2.0).into(),
            f64::NAN.into(),
            4e9.into(),
            object([("app", Value::from("live")), ("tcUrl", "rtmp://h/live?x=1".into())]),
            object([("capsEx", Value::from(15.0)), ("streamName", "key".into())]),
            Value::StrictArray(vec!["hvc1".into(), 1.0.into()]),
            code("status", "NetStream.Publish.Start"),
            code("status", "NetStream.Play.Start"),
            code("error", "NetStream.Publish.BadName"),
            code("status", "NetConnection.Connect.Success"),
            code("status", "NetConnection.Connect.ReconnectRequest"),
            code("status", "NetStream.Something"),
        ])
    }

    fn command(&mut self, names: &[&str]) -> Message {
        let name = self.of(names);
        let transaction = self.transaction();
        let stream = self.stream();
        let count = self.byte();
        let values: Vec<_> = (0..count % 5).map(|_| self.value()).collect();
        let body = encode_command(name, transaction, &values);
        match count & 0x80 {
            0 => message(MessageType::COMMAND_AMF0, stream, 0, body),
            _ => message(MessageType::COMMAND_AMF3, stream, 0, [&[0], &body[..]].concat()),
        }
    }

    fn control(&mut self) -> Message {
        let number = self.of(&[0, 1, 2, 128, 4096, 65_536, 2_500_000, 0x7FFF_FFFF, u32::MAX]);
        let stream = self.stream();
        let control = match self.byte() % 10 {
            0 => Control::Abort(ChunkStreamId(number)),
            1 => Control::Acknowledgement(number),
            2 => Control::WindowAckSize(number),
            3 => Control::SetPeerBandwidth { window: number, limit: LimitType::Hard },
            4 => Control::SetPeerBandwidth { window: number, limit: LimitType::Soft },
            5 => Control::SetPeerBandwidth { window: number, limit: LimitType::Dynamic },
            6 => Control::User(UserControl::PingRequest(number)),
            7 => Control::User(UserControl::PingResponse(number)),
            8 => Control::User(UserControl::SetBufferLength { stream, ms: number }),
            _ => Control::User(UserControl::StreamEof(stream)),
        };
        control.to_message()
    }

    fn media(&mut self) -> Message {
        let kind = self.of(&[
            MessageType::VIDEO,
            MessageType::AUDIO,
            MessageType::DATA_AMF0,
            MessageType::DATA_AMF3,
            MessageType::AGGREGATE,
            MessageType::SHARED_OBJECT_AMF0,
            MessageType(99),
        ]);
        let (stream, timestamp) = (self.stream(), self.timestamp());
        let mut body = self.bytes().to_vec();
        let padding = self.of(&[0, 0, 1, 100, 5000, 70_000]);
        body.resize(body.len() + padding, 0);
        message(kind, stream, timestamp, body)
    }

    /// One message of the peer: a command, control, media, or a body of any bytes.
    pub(crate) fn message(&mut self, names: &[&str]) -> Message {
        match self.byte() % 4 {
            0 | 1 => self.command(names),
            2 => self.control(),
            _ => self.media(),
        }
    }
}

fn message(
    kind: MessageType,
    stream: MessageStreamId,
    timestamp: u32,
    body: impl Into<Bytes>,
) -> Message {
    Message { chunk_stream: ChunkStreamId(3), timestamp, kind, stream, body: body.into() }
}

/// Chunks of one message: more cost much and say nothing new.
const CHUNKS: usize = 1000;

/// The bytes of a message in chunks of `chunk_size`; a long one in small chunks is cut.
pub(crate) fn chunks(message: &Message, chunk_size: usize) -> Vec<u8> {
    let mut pieces = Vec::new();
    let length = message.body.len().min(chunk_size * CHUNKS);
    let message = Message { body: message.body.slice(..length), ..message.clone() };
    write_full(&message, chunk_size, &mut pieces);
    pieces.concat()
}

/// Reads what a session sends, and fails if that is no chunk stream.
pub(crate) struct Ear {
    reader: ChunkReader,
    handshake_left: usize,
}

impl Ear {
    pub(crate) fn new() -> Self {
        let mut reader = ChunkReader::new(&Limits::default());
        reader.set_max_message(1 << 24);
        Self { reader, handshake_left: 1 + 2 * 1536 }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Vec<Message> {
        let skipped = self.handshake_left.min(bytes.len());
        self.handshake_left -= skipped;
        let mut input = &bytes[skipped..];
        let mut messages = Vec::new();
        while let Some(message) = self.reader.read(&mut input).expect("what we send can be read") {
            if let Ok(Some(Control::SetChunkSize(size))) = Control::parse(&message) {
                self.reader.set_chunk_size(size).expect("our chunk sizes are sound");
            }
            messages.push(message);
        }
        messages
    }

    /// Nothing that we began to send may stay unfinished.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.reader.open_message().is_none()
    }
}
