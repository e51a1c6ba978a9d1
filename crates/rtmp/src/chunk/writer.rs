//! Messages to chunks.
//!
//! Belongs here: header compression and cutting. Must not come here: the order in which messages
//! of different chunk streams interleave; each message is written whole.
//!
//! Payload is sliced, never copied.

use bytes::Bytes;
use manycast_bits::Writer;

use super::DEFAULT_CHUNK_SIZE;
use super::header::{Header, LONGEST, MessageHeader, Time};
use crate::message::{ChunkStreamId, Message, MessageStreamId, MessageType};
use crate::quirks::{EXTENDED_FROM, LARGEST_CHUNK};

/// Type 3 headers take at most 3 bytes and the repeated timestamp.
const LONGEST_CONTINUATION: usize = 7;

/// Writes the messages of one direction of a connection, with the shortest headers that every
/// receiver reads alike.
#[derive(Debug)]
pub struct ChunkWriter {
    chunk_size: u32,
    /// Sorted by id.
    streams: Vec<Previous>,
}

/// The last message written on a chunk stream.
#[derive(Clone, Copy, Debug)]
struct Previous {
    id: ChunkStreamId,
    timestamp: u32,
    length: u32,
    kind: MessageType,
    stream: MessageStreamId,
}

impl Default for ChunkWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkWriter {
    /// Starts with chunks of 128 bytes.
    pub const fn new() -> Self {
        Self { chunk_size: DEFAULT_CHUNK_SIZE, streams: Vec::new() }
    }

    /// Sets the payload of the chunks from here on, 1..=0xFF_FFFF bytes; beyond, the nearest. To be
    /// called after the Set Chunk Size that tells the peer was written.
    pub fn set_chunk_size(&mut self, size: u32) {
        self.chunk_size = size.clamp(1, LARGEST_CHUNK);
    }

    /// Appends the chunks of `message` to `out`, headers and slices of the body in turn.
    ///
    /// A body of more than 0xFF_FFFF bytes cannot be expressed: nothing is written. Returns whether
    /// the header tells the time as a difference, so that [`Self::last`] is all it depends on.
    pub fn write(&mut self, message: &Message, out: &mut Vec<Bytes>) -> bool {
        let Some(length) = wire_length(message) else { return true };
        let header = self.compress(message, length);
        let chunk_size = usize::try_from(self.chunk_size).unwrap_or(usize::MAX);
        write_chunks(message, header, chunk_size, out);
        !matches!(header, MessageHeader::Full { .. })
    }

    /// Timestamp and length of the last message written on a chunk stream.
    pub fn last(&self, id: ChunkStreamId) -> Option<(u32, u32)> {
        let at = self.streams.binary_search_by_key(&id, |stream| stream.id).ok()?;
        self.streams.get(at).map(|last| (last.timestamp, last.length))
    }

    /// Goes on as if the last message on a chunk stream had been this one, of the same type and on
    /// the same message stream as the last one was. Without effect where nothing was written yet.
    pub fn set_last(&mut self, id: ChunkStreamId, timestamp: u32, length: u32) {
        let at = self.streams.binary_search_by_key(&id, |stream| stream.id);
        if let Some(last) = at.ok().and_then(|at| self.streams.get_mut(at)) {
            last.timestamp = timestamp;
            last.length = length;
        }
    }

    /// Payload of the chunks, in bytes.
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// RTMP 5.3.1.2. Type 3 never opens a message, since receivers differ in the time it gets
    /// (traps C2, C4); neither is a delta ever extended (trap C3).
    fn compress(&mut self, message: &Message, length: u32) -> MessageHeader {
        let current = Previous {
            id: message.chunk_stream,
            timestamp: message.timestamp,
            length,
            kind: message.kind,
            stream: message.stream,
        };
        let previous = match self.streams.binary_search_by_key(&current.id, |stream| stream.id) {
            Ok(index) => {
                self.streams.get_mut(index).map(|stream| std::mem::replace(stream, current))
            }
            Err(index) => {
                self.streams.insert(index, current);
                None
            }
        };
        let delta = previous.map(|previous| message.timestamp.wrapping_sub(previous.timestamp));
        match (previous, delta) {
            (Some(previous), Some(delta))
                if previous.stream == message.stream && delta < EXTENDED_FROM =>
            {
                let delta = Time::new(delta);
                if previous.length == length && previous.kind == message.kind {
                    MessageHeader::SameLength { delta }
                } else {
                    MessageHeader::SameStream { delta, length, kind: message.kind }
                }
            }
            _ => full_header(message, length),
        }
    }
}

/// Appends the chunks of `message` to `out`, with a full header and so without any memory: what
/// many receivers can share, whatever each of them got before.
///
/// `chunk_size` is that of all of them; 0 counts as 1. A body of more than 0xFF_FFFF bytes cannot be
/// expressed: nothing is written.
pub fn write_full(message: &Message, chunk_size: usize, out: &mut Vec<Bytes>) {
    if let Some(length) = wire_length(message) {
        write_chunks(message, full_header(message, length), chunk_size.max(1), out);
    }
}

/// A part of the chunks of a message.
#[derive(Debug)]
pub enum Part<'a> {
    /// A chunk header.
    Header(&'a [u8]),
    /// A slice of the body.
    Payload(Bytes),
}

/// As [`write_full`], for those who keep headers in a place of their own: hands out each part in turn.
pub fn write_parts(message: &Message, chunk_size: usize, mut put: impl FnMut(Part<'_>)) {
    let Some(length) = wire_length(message) else { return };
    let headers = Headers::of(message, full_header(message, length));
    let mut header = headers.first();
    for payload in chunks(&message.body, chunk_size.max(1)) {
        put(Part::Header(header));
        if !payload.is_empty() {
            put(Part::Payload(payload));
        }
        header = headers.continuation();
    }
}

fn wire_length(message: &Message) -> Option<u32> {
    u32::try_from(message.body.len()).ok().filter(|length| *length <= 0xFF_FFFF)
}

fn full_header(message: &Message, length: u32) -> MessageHeader {
    MessageHeader::Full {
        timestamp: Time::new(message.timestamp),
        length,
        kind: message.kind,
        stream: message.stream,
    }
}

fn write_chunks(message: &Message, first: MessageHeader, chunk_size: usize, out: &mut Vec<Bytes>) {
    let headers = Headers::of(message, first);
    if message.body.len() <= chunk_size {
        out.push(Bytes::copy_from_slice(headers.first()));
        out.extend(Some(message.body.clone()).filter(|body| !body.is_empty()));
        return;
    }
    // all type 3 headers of a message are the same bytes, so one copy of them serves
    let mut continuation = Bytes::copy_from_slice(headers.both());
    let mut header = continuation.split_to(headers.first().len());
    for payload in chunks(&message.body, chunk_size) {
        out.extend([header, payload]);
        header = continuation.clone();
    }
}

/// The bodies of the chunks of a message; that of an empty message is empty.
fn chunks(body: &Bytes, chunk_size: usize) -> impl Iterator<Item = Bytes> {
    let mut left = Some(body.clone());
    std::iter::from_fn(move || {
        let mut body = left.take()?;
        let chunk = body.split_to(body.len().min(chunk_size));
        left = Some(body).filter(|body| !body.is_empty());
        Some(chunk)
    })
}

/// The two headers that a message needs: of its first chunk, and of all others.
struct Headers {
    bytes: [u8; LONGEST + LONGEST_CONTINUATION],
    first: usize,
    end: usize,
}

impl Headers {
    fn of(message: &Message, first: MessageHeader) -> Self {
        let mut bytes = [0; LONGEST + LONGEST_CONTINUATION];
        let all = bytes.len();
        let mut space = bytes.as_mut_slice();
        let header =
            |message_header| Header { chunk_stream: message.chunk_stream, message: message_header };
        header(first).write(&mut Writer::new(&mut space));
        let after_first = space.len();
        let mut writer = Writer::new(&mut space);
        header(MessageHeader::Continuation).write(&mut writer);
        if let MessageHeader::Full { timestamp, .. } = first {
            timestamp.write_extended(&mut writer); // RTMP 5.3.1.3: on every type 3 chunk
        }
        let end = all.saturating_sub(space.len());
        Self { first: all.saturating_sub(after_first), end, bytes }
    }

    fn first(&self) -> &[u8] {
        self.bytes.get(..self.first).unwrap_or_default()
    }

    fn continuation(&self) -> &[u8] {
        self.bytes.get(self.first..self.end).unwrap_or_default()
    }

    fn both(&self) -> &[u8] {
        self.bytes.get(..self.end).unwrap_or_default()
    }
}
