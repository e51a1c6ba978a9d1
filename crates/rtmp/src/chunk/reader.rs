//! Chunks to messages.
//!
//! Belongs here: finding headers, reassembly, its bounds. What a header means for its chunk stream
//! is in `stream.rs`, the tolerances are named in `quirks.rs`. Must not come here: what messages
//! mean.
//!
//! A payload byte is copied once, from the input to the body of its message, which grows with what
//! arrived and never with what was announced (bar A3).

use manycast_bits::Reader;
use smallvec::SmallVec;

use super::body::{Blocks, Body};
use super::header::{Header, LONGEST, MessageHeader};
use super::stream::{Open, Stream};
use super::{ChunkError, DEFAULT_CHUNK_SIZE};
use crate::Limits;
use crate::message::{ChunkStreamId, Message, MessageType};
use crate::quirks::{self, InMessage};

/// Bytes that may be allocated, over all messages, for what seems to be in the input already.
const HEADROOM: usize = 32 * 1024;

/// Turns the bytes of one direction of a connection into messages.
///
/// What comes out does not depend on how the bytes were cut. After an error every further read
/// gives the same error.
#[derive(Debug)]
pub struct ChunkReader {
    chunk_size: u32,
    max_message: usize,
    max_chunk_streams: usize,
    /// Sorted by id.
    streams: SmallVec<[Stream; 4]>,
    /// Bytes that are not judged yet: the start of a header, or what was read ahead of it.
    pending: Pending,
    /// The chunk whose payload comes next: index of its stream, and bytes left of the chunk.
    chunk: Option<(usize, usize)>,
    /// Where small bodies of media go.
    blocks: Blocks,
    /// Bytes held for all unfinished messages.
    buffered: usize,
    counts: Counts,
    failed: Option<ChunkError>,
}

/// What a reader has seen in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chunk headers.
    pub chunks: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Whole messages. Also tells one [`OpenMessage`] from another.
    pub messages: u64,
}

/// A message of which not all bytes came yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenMessage {
    /// Which message it is: grows with each message that is opened, so that two looks at the
    /// reader can tell whether they saw the same one.
    pub sequence: u64,
    /// Where it comes in.
    pub chunk_stream: ChunkStreamId,
    /// What it will be.
    pub kind: MessageType,
    /// Bytes it announced.
    pub length: usize,
    /// Bytes that came.
    pub received: usize,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: [u8; LONGEST],
    length: usize,
}

/// A header that is complete, and the bytes it took.
struct Parsed {
    header: Header,
    /// The field after a type 3 header, where it repeats the extended timestamp.
    repeated: Option<u32>,
    length: usize,
}

impl ChunkReader {
    /// Starts with chunks of 128 bytes, and with messages of
    /// [`Limits::max_message_before_media`] at most.
    pub fn new(limits: &Limits) -> Self {
        Self {
            chunk_size: DEFAULT_CHUNK_SIZE,
            max_message: limits.max_message_before_media,
            max_chunk_streams: limits.max_chunk_streams,
            streams: SmallVec::new(),
            pending: Pending::default(),
            chunk: None,
            blocks: Blocks::default(),
            buffered: 0,
            counts: Counts::default(),
            failed: None,
        }
    }

    /// Obeys a Set Chunk Size of the peer, from its next chunk on. Sizes beyond 0xFF_FFFF mean the
    /// same as that; 0 and what has the top bit set are refused (RTMP 5.4.1, trap C8).
    pub fn set_chunk_size(&mut self, size: u32) -> Result<(), ChunkError> {
        if size == 0 || size.leading_zeros() == 0 {
            return Err(ChunkError::ChunkSize(size));
        }
        self.chunk_size = size.min(quirks::LARGEST_CHUNK);
        Ok(())
    }

    /// Sets how long a message may be, and all unfinished ones together. Holds for messages that
    /// begin from now on.
    pub fn set_max_message(&mut self, bytes: usize) {
        self.max_message = bytes;
    }

    /// Whether the bodies of small audio and video messages are cut from blocks of 64 KiB, of which
    /// the reader holds one. For peers whose media is let in.
    pub fn cut_media(&mut self, on: bool) {
        self.blocks.turn(on);
    }

    /// Obeys an Abort of the peer: drops the unfinished message of that chunk stream, if any. Its
    /// timestamp still counts for later deltas (Errata 6).
    pub fn abort(&mut self, chunk_stream: ChunkStreamId) {
        if let Ok(index) = self.find(chunk_stream) {
            self.drop_open(index);
        }
    }

    /// Consumes from the front of `input` up to the end of the next message, which it returns.
    /// `None` once the input is used up.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ChunkError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.read_message(input);
        self.failed = result.as_ref().err().copied();
        result
    }

    /// The unfinished message that was opened first.
    pub fn open_message(&self) -> Option<OpenMessage> {
        let open = self.streams.iter().filter_map(Stream::open_message);
        open.min_by_key(|message| message.sequence)
    }

    /// Bytes held for unfinished messages.
    pub const fn buffered(&self) -> usize {
        self.buffered
    }

    /// Bytes allocated for unfinished messages: at most twice [`Self::buffered`] and 32 KiB. The block
    /// of [`Self::cut_media`] is not counted.
    pub fn allocated(&self) -> usize {
        self.streams.iter().map(|stream| stream.room().0).sum()
    }

    /// What was read in all.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    fn read_message(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ChunkError> {
        loop {
            let Some((index, left)) = self.chunk else {
                match self.read_header(input)? {
                    true => continue,
                    false => return Ok(None),
                }
            };
            let left = self.read_payload(index, left, input)?;
            if left > 0 {
                self.chunk = Some((index, left));
                return Ok(None);
            }
            self.chunk = None;
            if let Some(message) = self.take_finished(index) {
                return Ok(Some(message));
            }
        }
    }

    /// Whether a header is complete and its chunk is under way.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<bool, ChunkError> {
        let parsed = loop {
            let pending = self.pending.as_slice();
            let bytes = if pending.is_empty() { *input } else { pending };
            if let Some(parsed) = self.parse_header(bytes)? {
                break parsed;
            }
            if !self.pending.fill(input) {
                return Ok(false);
            }
        };
        if self.pending.is_empty() {
            *input = input.get(parsed.length..).unwrap_or_default();
        } else {
            self.pending.consume(parsed.length);
        }
        self.counts.chunks = self.counts.chunks.wrapping_add(1);
        self.begin_chunk(&parsed)?;
        Ok(true)
    }

    /// Reads a header at the start of `bytes`; `None` if it needs more of them.
    fn parse_header(&self, bytes: &[u8]) -> Result<Option<Parsed>, ChunkError> {
        let mut reader = Reader::new(bytes);
        let Ok(header) = Header::read(&mut reader) else { return Ok(None) };
        let mut repeated = None;
        if header.message == MessageHeader::Continuation {
            let chunk_stream = header.chunk_stream;
            let nothing = ChunkError::NothingBefore { chunk_stream, format: 3 };
            let stream = self.find(chunk_stream).ok().and_then(|index| self.streams.get(index));
            match stream.ok_or(nothing)?.repeated_extended(reader.rest()) {
                Some(field) => repeated = field,
                None => return Ok(None),
            }
        }
        let extended = if repeated.is_some() { 4 } else { 0 };
        let header_length = bytes.len().saturating_sub(reader.remaining());
        let length = header_length.saturating_add(extended);
        Ok(Some(Parsed { header, repeated, length }))
    }

    fn begin_chunk(&mut self, parsed: &Parsed) -> Result<(), ChunkError> {
        let index = self.find_or_open(&parsed.header)?;
        let Some(stream) = self.streams.get_mut(index) else { return Ok(()) };
        if stream.open.is_some() {
            let message = &parsed.header.message;
            let format = message.format();
            match InMessage::of(format, stream.is_unchanged(message)) {
                InMessage::Continues => {}
                InMessage::Restarts => self.drop_open(index),
                InMessage::Refused => {
                    let chunk_stream = parsed.header.chunk_stream;
                    return Err(ChunkError::Changed { chunk_stream, format });
                }
            }
        }
        let Some(stream) = self.streams.get_mut(index) else { return Ok(()) };
        if stream.open.is_none() {
            stream.apply(&parsed.header.message, parsed.repeated);
            let length = stream.length();
            if length > self.max_message {
                let (chunk_stream, limit) = (stream.id, self.max_message);
                return Err(ChunkError::MessageTooLong { chunk_stream, length, limit });
            }
            let sequence = self.counts.chunks; // one chunk opens one message at most
            stream.open = Some(Open { sequence, body: Body::Own(Vec::new()) });
        }
        let chunk_size = usize::try_from(self.chunk_size).unwrap_or(usize::MAX);
        self.chunk = Some((index, stream.missing().min(chunk_size)));
        Ok(())
    }

    /// Takes up to `left` bytes into the body; returns how many are missing to the end of the chunk.
    fn read_payload(
        &mut self,
        index: usize,
        left: usize,
        input: &mut &[u8],
    ) -> Result<usize, ChunkError> {
        let Some(stream) = self.streams.get(index) else { return Ok(0) };
        let ahead = self.pending.take_up_to(left);
        let wanted = left.saturating_sub(ahead.as_slice().len());
        let (payload, rest) = input.split_at(wanted.min(input.len()));
        let taken = ahead.as_slice().len().saturating_add(payload.len());
        if stream.open.is_some() {
            self.buffered = self.buffered.saturating_add(taken);
        }
        if self.buffered > self.max_message {
            return Err(ChunkError::TooMuchUnfinished { limit: self.max_message });
        }
        self.make_room(index, taken, input.len());
        let Some(stream) = self.streams.get_mut(index) else { return Ok(0) };
        stream.append(ahead.as_slice());
        stream.append(payload);
        self.counts.bytes =
            self.counts.bytes.wrapping_add(u64::try_from(taken).unwrap_or_default());
        *input = rest;
        Ok(left.saturating_sub(taken))
    }

    /// Makes room for `needed` bytes in an open body, by doubling it, but never beyond the end of
    /// the message. If `arrived` bytes suffice for all of the message it is made whole at once, as
    /// long as [`HEADROOM`] bounds what such hopes cost.
    fn make_room(&mut self, index: usize, needed: usize, arrived: usize) {
        let Some(stream) = self.streams.get(index) else { return };
        let (capacity, length) = stream.room();
        if capacity.saturating_sub(length) >= needed {
            return;
        }
        let missing = stream.missing();
        let whole = missing <= arrived && self.unused().saturating_add(missing) <= HEADROOM;
        let room = if whole { missing } else { length.max(needed).min(missing) };
        let Some(stream) = self.streams.get_mut(index) else { return };
        let is_media = stream.is_media();
        let Some(open) = stream.open.as_mut() else { return };
        let Body::Own(body) = &mut open.body else { return };
        let place = if whole && capacity == 0 && is_media { self.blocks.cut(room) } else { None };
        match place {
            Some(place) => open.body = place,
            None => body.reserve_exact(room),
        }
    }

    fn unused(&self) -> usize {
        self.allocated().saturating_sub(self.buffered)
    }

    fn take_finished(&mut self, index: usize) -> Option<Message> {
        let message = self.streams.get_mut(index)?.finish()?;
        self.buffered = self.buffered.saturating_sub(message.body.len());
        self.counts.messages = self.counts.messages.wrapping_add(1);
        Some(message)
    }

    fn drop_open(&mut self, index: usize) {
        let dropped = self.streams.get_mut(index).and_then(|stream| stream.open.take());
        let bytes = dropped.map_or(0, |open| open.body.len());
        self.buffered = self.buffered.saturating_sub(bytes);
    }

    fn find(&self, chunk_stream: ChunkStreamId) -> Result<usize, usize> {
        self.streams.binary_search_by_key(&chunk_stream, |stream| stream.id)
    }

    /// The index of the header's stream. A new stream needs a type 0 or, trap C5, type 1 header:
    /// librtmp opens with one to answer pings. Message stream and time are then 0.
    fn find_or_open(&mut self, header: &Header) -> Result<usize, ChunkError> {
        let index = match self.find(header.chunk_stream) {
            Ok(index) => return Ok(index),
            Err(index) => index,
        };
        let format = header.message.format();
        if format > 1 {
            let chunk_stream = header.chunk_stream;
            return Err(ChunkError::NothingBefore { chunk_stream, format });
        }
        if self.streams.len() >= self.max_chunk_streams {
            return Err(ChunkError::TooManyChunkStreams { limit: self.max_chunk_streams });
        }
        self.streams.insert(index, Stream::new(header.chunk_stream));
        Ok(index)
    }
}

impl Pending {
    const fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Takes one byte from the input: headers that a read cut in two are rare and short.
    fn fill(&mut self, input: &mut &[u8]) -> bool {
        let Some((byte, rest)) = input.split_first() else { return false };
        let Some(place) = self.bytes.get_mut(self.length) else { return false };
        *place = *byte;
        self.length = self.length.saturating_add(1);
        *input = rest;
        true
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.length);
        self.bytes.copy_within(count..self.length, 0);
        self.length = self.length.saturating_sub(count);
    }

    /// Takes bytes that were read ahead and turned out to be payload.
    fn take_up_to(&mut self, count: usize) -> Self {
        let length = count.min(self.length);
        let taken = Self { bytes: self.bytes, length };
        self.consume(length);
        taken
    }
}
