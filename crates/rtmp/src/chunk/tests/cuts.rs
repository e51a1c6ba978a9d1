//! Properties: what is written is read back, and the result does not depend on the cuts.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::chunk::{ChunkWriter, Counts, write_full};

/// Reads with cuts of these sizes in turn.
fn read_cut(bytes: &[u8], cuts: &[usize]) -> (Vec<Message>, Option<ChunkError>, Counts) {
    read_cut_by(reader(), bytes, cuts)
}

fn read_cut_by(
    mut reader: ChunkReader,
    bytes: &[u8],
    cuts: &[usize],
) -> (Vec<Message>, Option<ChunkError>, Counts) {
    let mut sizes = cuts.iter().cycle();
    let (mut messages, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        rest = after;
        let (some, error) = read_with(&mut reader, piece);
        messages.extend(some);
        if error.is_some() {
            return (messages, error, reader.counts());
        }
    }
    (messages, None, reader.counts())
}

fn time() -> impl Strategy<Value = u32> {
    let edge = prop::sample::select(vec![0_u32, 0xFF_FFFF, 0x0100_0000, 1 << 31, u32::MAX]);
    prop_oneof![
        0_u32..2000,
        (edge, -50_i32..50).prop_map(|(edge, off)| edge.wrapping_add_signed(off))
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let id = prop::sample::select(vec![2_u32, 4, 6, 63, 64, 319, 320, 65_599]);
    let kind = prop::sample::select(vec![8_u8, 9, 18, 20]);
    (id, time(), kind, 0_u32..3, 0_usize..700).prop_map(|(id, time, kind, stream, length)| {
        let body: Vec<u8> = (0..=255).cycle().skip(length).take(length).collect();
        message(id, time, kind, stream, &body)
    })
}

/// Chunks of the kind that senders produce, legal or not.
fn chunk() -> impl Strategy<Value = Vec<u8>> {
    let payload = || vec(any::<u8>(), 0..140);
    let id = || prop::sample::select(vec![2_u8, 4, 6]);
    let length = || prop_oneof![0_usize..300, Just(128), Just(0xFF_FFFF)];
    prop_oneof![
        (id(), time(), length(), payload())
            .prop_map(|(id, time, length, p)| full(id, time, length, &p)),
        (id(), time(), length(), 8_u8..10, payload())
            .prop_map(|(id, time, length, kind, p)| same_stream(id, time, length, kind, &p)),
        (id(), time(), payload()).prop_map(|(id, time, p)| same_length(id, time, &p)),
        (id(), payload()).prop_map(|(id, p)| continuation(id, &p)),
        (id(), time(), payload())
            .prop_map(|(id, time, p)| continuation(id, &[&time.to_be_bytes()[..], &p].concat())),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_any_cut(
        list in vec(any_message(), 1..20),
        size in prop_oneof![Just(128_u32), 1_u32..200],
        cuts in vec(1_usize..400, 1..8),
        shared: bool,
        blocks: bool,
    ) {
        let (mut writer, mut out) = (ChunkWriter::new(), Vec::new());
        writer.set_chunk_size(size);
        for message in &list {
            if shared {
                write_full(message, usize::try_from(size).unwrap(), &mut out);
            } else {
                writer.write(message, &mut out);
            }
        }
        let mut reader = reader();
        reader.set_chunk_size(size).unwrap();
        reader.cut_media(blocks);
        let (mut rest, mut read) = (&out.concat()[..], Vec::new());
        for size in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            rest = after;
            let (some, error) = read_with(&mut reader, piece);
            prop_assert_eq!(error, None);
            read.extend(some);
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(read, list);
        prop_assert_eq!((reader.buffered(), reader.allocated()), (0, 0));
    }

    #[test]
    fn any_chunks_give_the_same_in_any_cut(
        chunks in vec(chunk(), 1..12),
        cuts in vec(1_usize..200, 1..8),
    ) {
        let bytes = chunks.concat();
        let whole = read_cut(&bytes, &[usize::MAX]);
        prop_assert_eq!(&read_cut(&bytes, &cuts), &whole);
        prop_assert_eq!(&read_cut(&bytes, &[1]), &whole);
        let mut with_blocks = reader();
        with_blocks.cut_media(true);
        prop_assert_eq!(&read_cut_by(with_blocks, &bytes, &cuts), &whole);
    }

    #[test]
    fn any_bytes_give_the_same_in_any_cut(
        bytes in vec(any::<u8>(), 0..600),
        cuts in vec(1_usize..100, 1..8),
    ) {
        let whole = read_cut(&bytes, &[usize::MAX]);
        prop_assert_eq!(&read_cut(&bytes, &cuts), &whole);
    }
}
