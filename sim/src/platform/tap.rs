//! Listens to the commands of a connection beside the session that obeys them: what the session's
//! events leave out (the very words of `publish`, the order of the goodbye).
//!
//! Belongs here: reading. Must not come here: answers.

use manycast_amf::{Value, decode_all};
use manycast_rtmp::Limits;
use manycast_rtmp::chunk::ChunkReader;
use manycast_rtmp::message::{Control, Message, MessageType};

/// C0, C1 and C2 (RTMP 5.2).
const HANDSHAKE: usize = 1 + 2 * 1536;

/// One command.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) name: String,
    /// Its transaction, for an answer.
    pub(super) transaction: f64,
    /// The strings among its arguments, in order.
    pub(super) words: Vec<String>,
}

/// Follows what a client says.
#[derive(Debug)]
pub(super) struct Tap {
    handshake: usize,
    reader: ChunkReader,
    limits: Limits,
    deaf: bool,
}

impl Tap {
    pub(super) fn new() -> Self {
        let limits = Limits::default();
        let mut reader = ChunkReader::new(&limits);
        reader.set_max_message(limits.max_message);
        Self { handshake: HANDSHAKE, reader, limits, deaf: false }
    }

    /// Takes bytes; the commands in them.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let skipped = self.handshake.min(bytes.len());
        self.handshake -= skipped;
        let mut input = bytes.get(skipped..).unwrap_or_default();
        let mut heard = Vec::new();
        while !self.deaf {
            match self.reader.read(&mut input) {
                Ok(Some(message)) => heard.extend(self.message(&message)),
                Ok(None) => break,
                // The session sees the same fault and ends the connection.
                Err(_) => self.deaf = true,
            }
        }
        heard
    }

    fn message(&mut self, message: &Message) -> Option<Heard> {
        match message.kind {
            MessageType::SET_CHUNK_SIZE => {
                if let Ok(Some(Control::SetChunkSize(size))) = Control::parse(message) {
                    self.deaf |= self.reader.set_chunk_size(size).is_err();
                }
                None
            }
            MessageType::COMMAND_AMF0 => {
                let values = decode_all(&message.body, self.limits.amf).values;
                let mut values = values.iter();
                let name = values.next()?.as_str()?.into_owned();
                let transaction = values.next().and_then(Value::as_number).unwrap_or(0.0);
                let words = values.filter_map(Value::as_str).map(Into::into).collect();
                Some(Heard { name, transaction, words })
            }
            _ => None,
        }
    }
}
