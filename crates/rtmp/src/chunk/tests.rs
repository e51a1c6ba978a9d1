//! The chunk stream against written bytes, and both directions against each other.

mod bounds;
mod cuts;
mod traps;
mod writer;

use bytes::Bytes;

use crate::Limits;
use crate::chunk::{ChunkError, ChunkReader};
use crate::message::{ChunkStreamId, Message, MessageStreamId, MessageType};

/// A reader that takes messages of the full length.
fn reader() -> ChunkReader {
    let limits = Limits::default();
    let mut reader = ChunkReader::new(&limits);
    reader.set_max_message(limits.max_message);
    reader
}

/// Everything the bytes hold, until they end or make no sense.
fn read_with(reader: &mut ChunkReader, bytes: &[u8]) -> (Vec<Message>, Option<ChunkError>) {
    let (mut input, mut messages) = (bytes, Vec::new());
    loop {
        match reader.read(&mut input) {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, None),
            Err(error) => return (messages, Some(error)),
        }
    }
}

fn read(bytes: &[u8]) -> (Vec<Message>, Option<ChunkError>) {
    read_with(&mut reader(), bytes)
}

/// The messages of a stream that must be in order.
fn messages(bytes: &[u8]) -> Vec<Message> {
    let (messages, error) = read(bytes);
    assert_eq!(error, None, "{bytes:02x?}");
    messages
}

fn times(bytes: &[u8]) -> Vec<u32> {
    messages(bytes).iter().map(|message| message.timestamp).collect()
}

fn error(bytes: &[u8]) -> ChunkError {
    read(bytes).1.unwrap()
}

fn message(chunk_stream: u32, timestamp: u32, kind: u8, stream: u32, body: &[u8]) -> Message {
    Message {
        chunk_stream: ChunkStreamId(chunk_stream),
        timestamp,
        kind: MessageType(kind),
        stream: MessageStreamId(stream),
        body: Bytes::copy_from_slice(body),
    }
}

fn u24(value: usize) -> [u8; 3] {
    let [.., a, b, c] = value.to_be_bytes();
    [a, b, c]
}

fn field(time: u32) -> ([u8; 3], Vec<u8>) {
    if time < 0xFF_FFFF {
        (u24(usize::try_from(time).unwrap()), vec![])
    } else {
        ([0xFF; 3], time.to_be_bytes().to_vec())
    }
}

/// A type 0 chunk of video on a short chunk stream id, message stream 1.
fn full(id: u8, time: u32, length: usize, payload: &[u8]) -> Vec<u8> {
    let (short, extended) = field(time);
    [&[id][..], &short, &u24(length), &[9, 1, 0, 0, 0], &extended, payload].concat()
}

/// A type 1 chunk.
fn same_stream(id: u8, delta: u32, length: usize, kind: u8, payload: &[u8]) -> Vec<u8> {
    let (short, extended) = field(delta);
    [&[0x40 | id][..], &short, &u24(length), &[kind], &extended, payload].concat()
}

/// A type 2 chunk.
fn same_length(id: u8, delta: u32, payload: &[u8]) -> Vec<u8> {
    let (short, extended) = field(delta);
    [&[0x80 | id][..], &short, &extended, payload].concat()
}

/// A type 3 chunk, the payload beginning with an extended timestamp or not.
fn continuation(id: u8, payload: &[u8]) -> Vec<u8> {
    [&[0xC0 | id][..], payload].concat()
}
