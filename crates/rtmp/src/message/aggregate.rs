//! Aggregate messages: several messages in one, written like FLV tags (RTMP 7.1.6).
//!
//! Belongs here: taking them apart. We never send any: few receivers know them.

use manycast_bits::{Reader, UnexpectedEnd};

use super::{Message, MessageType};

/// Messages in one aggregate; real ones hold some dozens. 80 bytes each.
const MAX_PARTS: usize = 1024;

/// An aggregate that makes no sense. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AggregateError {
    /// A part is longer than what is left.
    #[error("aggregate ends within part {part}")]
    UnexpectedEnd {
        /// Which one, from 0.
        part: usize,
    },
    /// An aggregate within the aggregate.
    #[error("part {part} of an aggregate is itself an aggregate")]
    Nested {
        /// Which one, from 0.
        part: usize,
    },
    /// More parts than 1024.
    #[error("aggregate has more than {MAX_PARTS} parts")]
    TooManyParts,
}

/// Takes an aggregate apart; its bodies are slices of the aggregate's.
///
/// The message stream of the aggregate counts, not that of the parts. Timestamps are moved so that
/// the first part has the time of the aggregate. Back pointers are passed over, the last one may be
/// missing.
pub fn split_aggregate(aggregate: &Message) -> Result<Vec<Message>, AggregateError> {
    let mut reader = Reader::new(&aggregate.body);
    let mut parts = Vec::new();
    let mut offset = None;
    while !reader.is_empty() {
        let part = parts.len();
        if part >= MAX_PARTS {
            return Err(AggregateError::TooManyParts);
        }
        let (kind, timestamp, body) =
            tag(&mut reader).map_err(|UnexpectedEnd| AggregateError::UnexpectedEnd { part })?;
        if kind == MessageType::AGGREGATE {
            return Err(AggregateError::Nested { part });
        }
        let offset = *offset.get_or_insert(aggregate.timestamp.wrapping_sub(timestamp));
        parts.push(Message {
            chunk_stream: aggregate.chunk_stream,
            timestamp: timestamp.wrapping_add(offset),
            kind,
            stream: aggregate.stream,
            body: aggregate.body.slice_ref(body),
        });
    }
    Ok(parts)
}

/// One part: type u8, size u24, timestamp u24 and its upper byte, stream u24, body, back pointer.
fn tag<'a>(reader: &mut Reader<'a>) -> Result<(MessageType, u32, &'a [u8]), UnexpectedEnd> {
    let kind = MessageType(reader.u8()?);
    let size = reader.u24_be()?;
    let [low @ .., high] = reader.array::<4>()?;
    let [a, b, c] = low;
    reader.u24_be()?;
    let body = reader.take(usize::try_from(size).map_err(|_| UnexpectedEnd)?)?;
    if !reader.is_empty() {
        reader.u32_be()?;
    }
    Ok((kind, u32::from_be_bytes([high, a, b, c]), body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{ChunkStreamId, MessageStreamId};

    fn part(kind: u8, timestamp: u32, body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len()).unwrap().to_be_bytes();
        let [high, a, b, c] = timestamp.to_be_bytes();
        let back = (u32::from_be_bytes(size) + 11).to_be_bytes();
        [&[kind][..], &size[1..], &[a, b, c, high], &[0, 0, 9], body, &back].concat()
    }

    fn aggregate(timestamp: u32, body: Vec<u8>) -> Message {
        Message {
            chunk_stream: ChunkStreamId(4),
            timestamp,
            kind: MessageType::AGGREGATE,
            stream: MessageStreamId(1),
            body: body.into(),
        }
    }

    #[test]
    fn parts_take_time_and_stream_of_the_aggregate() {
        for (time, first, second, expected) in [
            (5000, 5000, 5023, [5000, 5023]),
            (5000, 0, 23, [5000, 5023]),
            (0, 0x0100_0000, 0x0100_0017, [0, 23]),
            (u32::MAX - 5, 40, 60, [u32::MAX - 5, 14]),
            (100, 40, 30, [100, 90]),
        ] {
            let body = [part(8, first, b"sound"), part(9, second, b"picture")].concat();
            let parts = split_aggregate(&aggregate(time, body)).unwrap();
            assert_eq!(parts.iter().map(|part| part.timestamp).collect::<Vec<_>>(), expected);
            assert!(parts.iter().all(|part| part.stream.0 == 1 && part.chunk_stream.0 == 4));
            assert_eq!((parts[0].kind, &parts[0].body[..]), (MessageType::AUDIO, &b"sound"[..]));
            assert_eq!((parts[1].kind, &parts[1].body[..]), (MessageType::VIDEO, &b"picture"[..]));
        }
    }

    #[test]
    fn bodies_are_shared_not_copied() {
        let whole = aggregate(0, part(9, 0, b"picture"));
        let parts = split_aggregate(&whole).unwrap();
        assert_eq!(parts[0].body.as_ptr(), whole.body[11..].as_ptr());
    }

    #[test]
    fn the_last_back_pointer_may_be_missing() {
        let mut body = part(8, 0, b"sound");
        body.truncate(body.len() - 4);
        assert_eq!(split_aggregate(&aggregate(0, body)).unwrap().len(), 1);
        assert_eq!(split_aggregate(&aggregate(0, vec![])), Ok(vec![]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let whole = [part(8, 0, b"sound"), part(9, 0, b"picture")].concat();
        let first = part(8, 0, b"sound").len();
        for cut in 1..whole.len() {
            let result = split_aggregate(&aggregate(0, whole[..cut].to_vec()));
            let ends_well = [first - 4, first, whole.len() - 4].contains(&cut);
            let part = usize::from(cut > first);
            let error = AggregateError::UnexpectedEnd { part };
            assert_eq!(result.err(), (!ends_well).then_some(error), "cut at {cut}");
        }
        let nested = aggregate(0, part(22, 0, &part(8, 0, b"x")));
        assert_eq!(split_aggregate(&nested), Err(AggregateError::Nested { part: 0 }));
        let mut lie = part(9, 0, b"x");
        lie[1] = 0xFF;
        let error = AggregateError::UnexpectedEnd { part: 0 };
        assert_eq!(split_aggregate(&aggregate(0, lie)), Err(error));
    }

    #[test]
    fn the_number_of_parts_is_bounded() {
        let parts = |count| aggregate(0, part(8, 0, b"").repeat(count));
        assert_eq!(split_aggregate(&parts(MAX_PARTS)).unwrap().len(), MAX_PARTS);
        assert_eq!(split_aggregate(&parts(MAX_PARTS + 1)), Err(AggregateError::TooManyParts));
    }
}
