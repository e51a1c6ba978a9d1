//! What has to hold for the chunk stream, whatever the bytes and however they are cut.
//!
//! The first byte of the input is the pattern of the cuts, the rest is the stream. As a session
//! would, the driver obeys Set Chunk Size and Abort.

use manycast_rtmp::Limits;
use manycast_rtmp::chunk::{ChunkError, ChunkReader, ChunkWriter, Counts, write_full};
use manycast_rtmp::message::{Control, Message, MessageType, split_aggregate};

use super::cuts;

/// The reader alone, its messages dropped as they come.
pub(crate) fn parse(data: &[u8]) {
    let Some((pattern, stream)) = data.split_first() else { return };
    drive(stream, *pattern, |_| {});
}

/// Everything that has to hold.
pub(crate) fn check(data: &[u8]) {
    let Some((pattern, stream)) = data.split_first() else { return };
    let whole = collect(stream, 0);
    assert_eq!(collect(stream, *pattern), whole, "the result depends on the cuts");
    assert_eq!(collect(stream, 1), whole, "the result depends on the cuts");

    let (messages, _, counts) = whole;
    let bodies: usize = messages.iter().map(|message| message.body.len()).sum();
    assert!(bodies <= stream.len());
    assert_eq!(counts.messages, messages.len() as u64);
    assert!(counts.chunks + counts.bytes <= stream.len() as u64);
    for message in &messages {
        check_message(message);
    }
    written_is_read(&messages, u32::from(*pattern).max(1));
}

type Outcome = (Vec<Message>, Option<ChunkError>, Counts);

fn collect(stream: &[u8], pattern: u8) -> Outcome {
    let mut messages = Vec::new();
    let (error, counts) = drive(stream, pattern, |message| messages.push(message));
    (messages, error, counts)
}

fn drive(
    stream: &[u8],
    pattern: u8,
    mut each: impl FnMut(Message),
) -> (Option<ChunkError>, Counts) {
    let mut reader = ChunkReader::new(&Limits::default());
    let mut received = 0;
    let mut failure = None;
    cuts::feed(stream, pattern, |piece| {
        received += piece.len();
        let mut input = piece;
        loop {
            let result = reader.read(&mut input).and_then(|message| {
                let Some(message) = message else { return Ok(false) };
                let obeyed = obey(&mut reader, &message);
                each(message);
                obeyed.map(|()| true)
            });
            match result {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    failure = Some(error);
                    return false;
                }
            }
        }
        assert!(input.is_empty(), "input is left without a message");
        holds_little(&reader, received);
        true
    });
    (failure, reader.counts())
}

fn obey(reader: &mut ChunkReader, message: &Message) -> Result<(), ChunkError> {
    match Control::parse(message) {
        Ok(Some(Control::SetChunkSize(size))) => reader.set_chunk_size(size)?,
        Ok(Some(Control::Abort(chunk_stream))) => reader.abort(chunk_stream),
        _ => {}
    }
    Ok(())
}

fn holds_little(reader: &ChunkReader, received: usize) {
    let buffered = reader.buffered();
    assert!(buffered <= received.min(64 * 1024));
    assert!(reader.allocated() <= 2 * buffered + 32 * 1024);
    match reader.open_message() {
        Some(open) => assert!(open.received < open.length && open.received <= buffered),
        None => assert_eq!((buffered, reader.allocated()), (0, 0)),
    }
}

fn check_message(message: &Message) {
    if let Ok(Some(control)) = Control::parse(message) {
        let again = control.to_message();
        assert_eq!(Control::parse(&again), Ok(Some(control)));
        assert!(message.body.starts_with(&again.body), "fields are not those of the body");
    }
    if message.kind == MessageType::AGGREGATE
        && let Ok(parts) = split_aggregate(message)
    {
        let sum: usize = parts.iter().map(|part| part.body.len() + 11).sum();
        assert!(sum <= message.body.len());
        assert!(parts.first().is_none_or(|first| first.timestamp == message.timestamp));
    }
}

/// Both writers give what the reader reads.
fn written_is_read(messages: &[Message], chunk_size: u32) {
    let (mut writer, mut pieces, mut shared) = (ChunkWriter::new(), Vec::new(), Vec::new());
    writer.set_chunk_size(chunk_size);
    for message in messages {
        writer.write(message, &mut pieces);
        write_full(message, chunk_size as usize, &mut shared);
    }
    for bytes in [pieces.concat(), shared.concat()] {
        let mut reader = ChunkReader::new(&Limits::default());
        reader.set_chunk_size(chunk_size).expect("the size is allowed");
        let mut input = &bytes[..];
        for message in messages {
            assert_eq!(reader.read(&mut input), Ok(Some(message.clone())));
        }
        assert_eq!(reader.read(&mut input), Ok(None));
    }
}
