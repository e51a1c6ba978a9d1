//! Trap C11, bars A3, A5 and A6: what a peer cannot make us hold.

use super::*;

/// A type 0 header on any chunk stream, by the longest form.
fn open(id: u32, length: usize) -> Vec<u8> {
    let [low, high, ..] = (id - 64).to_le_bytes();
    [&[1, low, high], &full(2, 0, length, &[])[1..]].concat()
}

/// The same, with the payload of its chunk.
fn opened(id: u32, length: usize) -> Vec<u8> {
    [open(id, length), vec![0; length.min(128)]].concat()
}

#[test]
fn trap_c11_bar_a3_a_claim_costs_nothing() {
    for (name, length, received) in
        [("1 MB", 1_000_000, 0), ("1 MB", 1_000_000, 100), ("10 MB", 10_000_000, 100)]
    {
        let mut reader = reader();
        let (none, error) = read_with(&mut reader, &full(6, 0, length, &vec![0; received]));
        assert_eq!((none, error), (vec![], None));
        assert_eq!(reader.buffered(), received);
        // 0.6 kB for each MB announced
        assert!(reader.allocated() <= 600, "{name} with {received}: {}", reader.allocated());
    }
}

#[test]
fn trap_c11_bar_a3_longer_than_the_limit_is_cut_by_the_header() {
    let limits = Limits::default();
    for (before_media, length) in
        [(true, limits.max_message_before_media), (false, limits.max_message)]
    {
        let mut fresh = ChunkReader::new(&limits);
        if !before_media {
            fresh.set_max_message(limits.max_message);
        }
        assert_eq!(read_with(&mut fresh, &opened(64, length)).1, None);
        let error = read_with(&mut fresh, &open(65, length + 1)).1.unwrap();
        let (chunk_stream, limit) = (ChunkStreamId(65), length);
        let length = length + 1;
        assert_eq!(error, ChunkError::MessageTooLong { chunk_stream, length, limit });
    }
}

#[test]
fn trap_c11_bar_a3_unfinished_messages_are_bounded_together() {
    let mut reader = ChunkReader::new(&Limits::default());
    let mut held = 0;
    reader.set_chunk_size(10_000).unwrap();
    for id in 64..71 {
        let bytes = [open(id, 60_000), vec![0; 10_000]].concat();
        let error = read_with(&mut reader, &bytes).1;
        held = held.max(reader.allocated());
        let too_much = ChunkError::TooMuchUnfinished { limit: 64 * 1024 };
        assert_eq!(error, (id == 70).then_some(too_much));
    }
    assert!(held <= 2 * 64 * 1024, "{held}");
}

#[test]
fn trap_c11_memory_follows_what_came() {
    let mut reader = reader();
    let length = 5_000_000;
    let bytes = full(6, 0, length, &[]);
    read_with(&mut reader, &bytes);
    reader.set_chunk_size(0xFF_FFFF).unwrap();
    let mut first = true;
    let mut received = 0;
    while received < length - 10_000 {
        // chunks were cut to 128 bytes when the first one began
        let piece = if first { 128 } else { 1000 };
        let header = if received == 128 { &[0xC6][..] } else { &[] };
        read_with(&mut reader, &[header, &vec![7; piece]].concat());
        first = false;
        received += piece;
        assert_eq!(reader.buffered(), received);
        assert!(reader.allocated() <= 2 * received + 32 * 1024);
    }
}

#[test]
fn a_whole_message_in_the_input_is_allocated_once_and_exactly() {
    let body: Vec<u8> = (0..=255).cycle().take(20_000).collect();
    let mut bytes = full(6, 7, 20_000, &body[..128]);
    for rest in body[128..].chunks(128) {
        bytes.extend(continuation(6, rest));
    }
    let mut reader = reader();
    let mut input = &bytes[..];
    let read = reader.read(&mut input).unwrap().unwrap();
    assert_eq!(read.body, body);
    // exact: the vector can be had back without a copy
    assert_eq!(Vec::from(read.body).capacity(), 20_000);
    assert_eq!((reader.buffered(), reader.allocated()), (0, 0));
}

/// What is at hand as a whole and is media; everything else has memory of its own.
#[test]
fn small_media_at_hand_is_cut_from_a_block() {
    let mut reader = reader();
    reader.set_chunk_size(0xFF_FFFF).unwrap();
    reader.cut_media(true);
    let mut read = |bytes: &[u8]| {
        let (mut messages, error) = read_with(&mut reader, bytes);
        assert_eq!((messages.len(), error), (1, None));
        messages.pop().unwrap().body
    };
    let place = |body: &Bytes| body.as_ptr() as usize;
    let video = read(&full(6, 0, 300, &[1; 300]));
    let audio = read(&same_stream(6, 10, 20, 8, &[2; 20]));
    assert_eq!(place(&audio), place(&video) + 300);
    let data = read(&same_stream(6, 10, 20, 18, &[3; 20]));
    let command = read(&same_stream(6, 0, 20, 20, &[4; 20]));
    let large = read(&same_stream(6, 10, 20_000, 9, &[5; 20_000]));
    let next = read(&same_stream(6, 10, 40, 9, &[6; 40]));
    assert_eq!(place(&next), place(&audio) + 20, "nothing went between them");
    for (name, body) in [("data", data), ("command", command), ("large", large)] {
        assert!(body.is_unique(), "{name} holds no memory but its own");
    }
    // A message in two pieces is no bet on what comes.
    assert_eq!(read_with(&mut reader, &same_stream(6, 10, 40, 9, &[7; 30])), (vec![], None));
    assert!(reader.allocated() <= 60);
    let (rest, _) = read_with(&mut reader, &[7; 10]);
    assert!(rest[0].body.is_unique() && rest[0].body == vec![7; 40]);
    reader.cut_media(false);
    let (alone, _) = read_with(&mut reader, &same_stream(6, 10, 40, 9, &[8; 40]));
    assert!(alone[0].body.is_unique());
    assert_eq!((&video[..], &audio[..], &next[..]), (&[1; 300][..], &[2; 20][..], &[6; 40][..]));
}

#[test]
fn bar_a6_the_65th_chunk_stream_is_an_error() {
    for long in [false, true] {
        let mut reader = reader();
        for id in 64..128 {
            let bytes = opened(id, if long { 200 } else { 1 });
            assert_eq!(read_with(&mut reader, &bytes).1, None);
        }
        let error = read_with(&mut reader, &open(2064, 1)).1;
        assert_eq!(error, Some(ChunkError::TooManyChunkStreams { limit: 64 }));
        assert_eq!(read_with(&mut reader, &[0]).1, error, "and stays one");
    }
}

#[test]
fn bar_a5_size_or_type_changed_within_a_message() {
    let opened = full(6, 7, 200, &[9; 128]);
    let chunk_stream = ChunkStreamId(6);
    let refused = |format| Some(ChunkError::Changed { chunk_stream, format });
    for (name, header, error) in [
        ("type 1 shrinks", same_stream(6, 0, 150, 9, &[]), refused(1)),
        ("type 1 shrinks below what came", same_stream(6, 0, 100, 9, &[]), refused(1)),
        ("type 1 grows", same_stream(6, 0, 201, 9, &[]), refused(1)),
        ("type 1 empties", same_stream(6, 0, 0, 9, &[]), refused(1)),
        ("type 1 retypes", same_stream(6, 0, 200, 8, &[]), refused(1)),
        ("type 1 grows and retypes", same_stream(6, 0, 300, 20, &[]), refused(1)),
        ("type 0 shrinks: another message", full(6, 0, 100, &[]), None),
        ("type 0 grows: another message", full(6, 0, 300, &[]), None),
    ] {
        let mut reader = reader();
        let (messages, got) = read_with(&mut reader, &[&opened[..], &header].concat());
        assert_eq!((messages, got), (vec![], error), "{name}");
        if error.is_none() {
            assert_eq!(reader.buffered(), 0, "{name}: what came before is dropped");
        }
    }
}

#[test]
fn abort_drops_the_message_and_keeps_its_time() {
    let mut reader = reader();
    read_with(&mut reader, &full(6, 1000, 200, &[9; 128]));
    reader.abort(ChunkStreamId(6));
    reader.abort(ChunkStreamId(7));
    assert_eq!((reader.buffered(), reader.allocated(), reader.open_message()), (0, 0, None));
    // Errata 6: the time of what was aborted is the base of the next delta
    let next = same_stream(6, 40, 2, 9, &[1, 2]);
    assert_eq!(read_with(&mut reader, &next), (vec![message(6, 1040, 9, 1, &[1, 2])], None));
}

#[test]
fn abort_within_a_chunk_leaves_no_trace() {
    let mut reader = reader();
    read_with(&mut reader, &full(6, 1000, 200, &[9; 50]));
    reader.abort(ChunkStreamId(6));
    let rest = [&[9; 78][..], &full(6, 2000, 1, &[1])].concat();
    assert_eq!(read_with(&mut reader, &rest), (vec![message(6, 2000, 9, 1, &[1])], None));
    assert_eq!(reader.buffered(), 0);
}

#[test]
fn bar_b6_the_open_message_that_began_first_is_shown() {
    let mut reader = reader();
    assert_eq!(reader.open_message(), None);
    read_with(&mut reader, &full(6, 0, 200, &[9; 128]));
    let first = reader.open_message().unwrap();
    assert_eq!((first.chunk_stream.0, first.length, first.received), (6, 200, 128));
    // a peer cannot hide it behind messages on other chunk streams
    read_with(&mut reader, &full(4, 0, 200, &[9; 128]));
    read_with(&mut reader, &full(5, 0, 1, &[9]));
    assert_eq!(reader.open_message(), Some(first));
    read_with(&mut reader, &continuation(6, &[9; 72]));
    let second = reader.open_message().unwrap();
    assert_eq!((second.chunk_stream.0, second.received), (4, 128));
    assert_ne!(first.sequence, second.sequence);
    assert_eq!(reader.counts().messages, 2);
}
