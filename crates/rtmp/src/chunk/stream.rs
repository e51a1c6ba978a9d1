//! The memory of one chunk stream, on the receiving side.
//!
//! Belongs here: what headers mean after the headers before them: times, inherited fields, the
//! open message. Must not come here: bounds over several chunk streams, bytes of headers.

use super::OpenMessage;
use super::body::Body;
use super::header::MessageHeader;
use crate::message::{ChunkStreamId, Message, MessageStreamId, MessageType};
use crate::quirks;

/// The memory of one chunk stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: ChunkStreamId,
    /// Of the last message, also of one that was aborted (Errata 6).
    timestamp: u32,
    step: Step,
    length: u32,
    kind: MessageType,
    stream: MessageStreamId,
    /// The extended field of the last header of type 0 to 2, if it had one.
    extended: Option<u32>,
    pub(super) open: Option<Open>,
}

/// What a type 3 chunk that opens a message goes by.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The timestamp of a type 0 header (trap C2).
    FullHeader(u32),
    Delta(u32),
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) sequence: u64,
    pub(super) body: Body,
}

impl Stream {
    pub(super) const fn new(id: ChunkStreamId) -> Self {
        Self {
            id,
            timestamp: 0,
            step: Step::Delta(0),
            length: 0,
            kind: MessageType(0),
            stream: MessageStreamId::CONNECTION,
            extended: None,
            open: None,
        }
    }

    pub(super) fn open_message(&self) -> Option<OpenMessage> {
        self.open.as_ref().map(|open| OpenMessage {
            sequence: open.sequence,
            chunk_stream: self.id,
            kind: self.kind,
            length: self.length(),
            received: open.body.len(),
        })
    }

    /// Bytes that the last header announced.
    pub(super) fn length(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }

    /// Bytes that the open message still lacks.
    pub(super) fn missing(&self) -> usize {
        self.length().saturating_sub(self.open.as_ref().map_or(0, |open| open.body.len()))
    }

    /// Whether its messages are audio or video.
    pub(super) fn is_media(&self) -> bool {
        matches!(self.kind, MessageType::AUDIO | MessageType::VIDEO)
    }

    /// The open message, if none of its bytes is missing.
    pub(super) fn finish(&mut self) -> Option<Message> {
        if self.missing() > 0 {
            return None;
        }
        let body = self.open.take()?.body;
        Some(Message {
            chunk_stream: self.id,
            timestamp: self.timestamp,
            kind: self.kind,
            stream: self.stream,
            body: body.freeze(),
        })
    }

    /// Trap C1: whether the extended timestamp is repeated after a type 3 header. `Some(None)` says
    /// that payload follows, `None` that `ahead` is too short to tell.
    pub(super) fn repeated_extended(&self, ahead: &[u8]) -> Option<Option<u32>> {
        let Some(stored) = self.extended else { return Some(None) };
        if !quirks::may_be_extended(*ahead.first()?, stored, self.timestamp) {
            return Some(None);
        }
        let field = u32::from_be_bytes(*ahead.first_chunk::<4>()?);
        // some senders advance the field when a message begins
        let advanced = self.open.is_none() && quirks::is_absolute(field, self.timestamp);
        Some((advanced || quirks::repeats_extended(field, stored)).then_some(field))
    }

    /// Whether a header leaves length and type of the open message as they are.
    pub(super) fn is_unchanged(&self, header: &MessageHeader) -> bool {
        match header {
            MessageHeader::Full { length, kind, .. }
            | MessageHeader::SameStream { length, kind, .. } => {
                *length == self.length && *kind == self.kind
            }
            MessageHeader::SameLength { .. } | MessageHeader::Continuation => true,
        }
    }

    /// Takes over what the header of a new message says.
    pub(super) fn apply(&mut self, header: &MessageHeader, repeated: Option<u32>) {
        match *header {
            MessageHeader::Full { timestamp, length, kind, stream } => {
                self.timestamp = timestamp.value;
                self.step = Step::FullHeader(timestamp.value);
                self.extended = timestamp.extended.then_some(timestamp.value);
                (self.length, self.kind, self.stream) = (length, kind, stream);
            }
            MessageHeader::SameStream { delta, length, kind } => {
                self.advance(delta.value, delta.extended);
                (self.length, self.kind) = (length, kind);
            }
            MessageHeader::SameLength { delta } => self.advance(delta.value, delta.extended),
            MessageHeader::Continuation => {
                self.timestamp = self.time_of_continuation(repeated);
            }
        }
    }

    /// A delta of a type 1 or 2 header. Extended, it may be an absolute time (trap C3). Wrapping
    /// makes large deltas steps back (trap C14).
    fn advance(&mut self, value: u32, extended: bool) {
        self.extended = extended.then_some(value);
        let absolute = extended && quirks::is_absolute(value, self.timestamp);
        let delta = if absolute { value.wrapping_sub(self.timestamp) } else { value };
        self.step = Step::Delta(delta);
        self.timestamp = self.timestamp.wrapping_add(delta);
    }

    /// The time of a message that a type 3 header opens (RTMP 5.3.1.2.4).
    fn time_of_continuation(&self, repeated: Option<u32>) -> u32 {
        match (repeated, self.step) {
            (Some(field), _) if quirks::is_absolute(field, self.timestamp) => field,
            (_, Step::FullHeader(timestamp)) => {
                self.timestamp.wrapping_add(quirks::delta_after_full_header(timestamp))
            }
            (Some(delta), Step::Delta(_)) | (None, Step::Delta(delta)) => {
                self.timestamp.wrapping_add(delta)
            }
        }
    }

    pub(super) fn append(&mut self, payload: &[u8]) {
        if let Some(open) = self.open.as_mut() {
            open.body.append(payload);
        }
    }

    /// Bytes allocated for the open message, and those of them in use.
    pub(super) fn room(&self) -> (usize, usize) {
        self.open.as_ref().map_or((0, 0), |open| (open.body.capacity(), open.body.len()))
    }
}
