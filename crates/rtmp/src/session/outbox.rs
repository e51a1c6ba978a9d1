//! What a session has to say: bytes of one flight, then events.
//!
//! Belongs here: collecting pieces so that one flight is one write, and counting what it costs.
//! Must not come here: what is said.

use std::{collections::VecDeque, fmt};

use bytes::{Bytes, BytesMut};

use crate::{
    chunk::{ChunkWriter, DEFAULT_CHUNK_SIZE, write_full},
    message::{ChunkStreamId, Control, Message, MessageStreamId, MessageType},
};

/// Pieces up to this many bytes are joined: copying them is cheaper than one more buffer of a
/// vectored write.
const JOINED: usize = 512;

/// Outgoing bytes and events of a session.
pub(crate) struct Outbox<E> {
    /// Media has compressed headers; see [`Self::forget_media`]. All else has full ones: they are
    /// what even the weakest client reads, and they leave nothing behind.
    media_writer: ChunkWriter,
    chunk_size: u32,
    pieces: Vec<Bytes>,
    flight: VecDeque<Bytes>,
    joined: BytesMut,
    events: VecDeque<E>,
    sent: u64,
    replied: u64,
}

impl<E> fmt::Debug for Outbox<E> {
    /// Counts alone: the bytes may hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} bytes, {} of them replies)", self.sent, self.replied)
    }
}

impl<E> Outbox<E> {
    pub(crate) fn new() -> Self {
        Self {
            media_writer: ChunkWriter::new(),
            chunk_size: DEFAULT_CHUNK_SIZE,
            pieces: Vec::new(),
            flight: VecDeque::new(),
            joined: BytesMut::new(),
            events: VecDeque::new(),
            sent: 0,
            replied: 0,
        }
    }

    pub(crate) fn event(&mut self, event: E) {
        self.events.push_back(event);
    }

    /// Takes handshake packets.
    pub(crate) fn handshake(&mut self, pieces: impl IntoIterator<Item = Bytes>) {
        let before = self.sent;
        for piece in pieces {
            self.push(piece);
        }
        self.replied = self.replied.saturating_add(self.sent.saturating_sub(before));
    }

    /// Announces a chunk size and uses it.
    pub(crate) fn set_chunk_size(&mut self, size: u32) {
        self.reply_control(&Control::SetChunkSize(size));
        self.chunk_size = size;
        self.media_writer.set_chunk_size(size);
    }

    /// Sends a message of our own accord: pings, notices.
    pub(crate) fn send(&mut self, message: &Message) -> u64 {
        let mut pieces = std::mem::take(&mut self.pieces);
        let chunk_size = usize::try_from(self.chunk_size).unwrap_or(usize::MAX);
        write_full(message, chunk_size, &mut pieces);
        self.push_all(pieces)
    }

    /// Sends audio, video or data.
    pub(crate) fn send_media(&mut self, message: &Message) -> u64 {
        let mut pieces = std::mem::take(&mut self.pieces);
        self.media_writer.write(message, &mut pieces);
        self.push_all(pieces)
    }

    /// Somebody else wrote media: the next message of each chunk stream starts with a full header.
    pub(crate) fn forget_media(&mut self) {
        self.media_writer = ChunkWriter::new();
        self.media_writer.set_chunk_size(self.chunk_size);
    }

    fn push_all(&mut self, mut pieces: Vec<Bytes>) -> u64 {
        let before = self.sent;
        for piece in pieces.drain(..) {
            self.push(piece);
        }
        self.pieces = pieces;
        self.sent.saturating_sub(before)
    }

    /// Sends what the peer asked for; see [`Self::replied`].
    pub(crate) fn reply(&mut self, message: &Message) {
        let bytes = self.send(message);
        self.replied = self.replied.saturating_add(bytes);
    }

    /// Sends a control message that the peer asked for.
    pub(crate) fn reply_control(&mut self, control: &Control) {
        self.reply(&control.to_message());
    }

    /// Sends a control message of our own accord.
    pub(crate) fn send_control(&mut self, control: &Control) {
        self.send(&control.to_message());
    }

    /// Bytes of replies so far, chunk headers included.
    pub(crate) fn replied(&self) -> u64 {
        self.replied
    }

    /// All bytes handed out or waiting so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The next piece of the flight.
    pub(crate) fn next_piece(&mut self) -> Option<Bytes> {
        self.flight.pop_front().or_else(|| {
            let joined = self.joined.split();
            (!joined.is_empty()).then(|| joined.freeze())
        })
    }

    pub(crate) fn next_event(&mut self) -> Option<E> {
        self.events.pop_front()
    }

    fn push(&mut self, piece: Bytes) {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.sent = self.sent.saturating_add(length);
        if piece.len() <= JOINED {
            self.joined.extend_from_slice(&piece);
            return;
        }
        if !self.joined.is_empty() {
            self.flight.push_back(self.joined.split().freeze());
        }
        self.flight.push_back(piece);
    }
}

/// A command or status message of AMF0, on a chunk stream that carries no media.
pub(crate) fn command_message(stream: MessageStreamId, body: Bytes) -> Message {
    on_command_lane(MessageType::COMMAND_AMF0, stream, body)
}

/// A data message beside the media: see [`command_message`].
pub(crate) fn notice_message(stream: MessageStreamId, body: Bytes) -> Message {
    on_command_lane(MessageType::DATA_AMF0, stream, body)
}

fn on_command_lane(kind: MessageType, stream: MessageStreamId, body: Bytes) -> Message {
    Message { chunk_stream: ChunkStreamId::COMMAND, timestamp: 0, kind, stream, body }
}
