//! What is written, byte by byte, and that it is shared, not copied.

use super::*;
use crate::chunk::{ChunkWriter, Part, write_full, write_parts};

fn write(writer: &mut ChunkWriter, message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    writer.write(message, &mut out);
    out.concat()
}

#[test]
fn headers_are_as_short_as_is_safe() {
    let mut writer = ChunkWriter::new();
    for (name, message, expected) in [
        ("first", message(4, 1000, 9, 1, &[1]), full(4, 1000, 1, &[1])),
        ("another length", message(4, 1040, 9, 1, &[1, 2]), same_stream(4, 40, 2, 9, &[1, 2])),
        ("same length", message(4, 1080, 9, 1, &[3, 4]), same_length(4, 40, &[3, 4])),
        ("same time, never type 3", message(4, 1080, 9, 1, &[3, 4]), same_length(4, 0, &[3, 4])),
        ("another type", message(4, 1081, 8, 1, &[3, 4]), same_stream(4, 1, 2, 8, &[3, 4])),
        ("time goes back", message(4, 1080, 9, 1, &[5]), full(4, 1080, 1, &[5])),
        (
            "another message stream",
            message(4, 1081, 9, 0x0102, &[5]),
            [&[4, 0, 4, 0x39, 0, 0, 1, 9, 2, 1, 0, 0][..], &[5]].concat(),
        ),
        ("another chunk stream", message(5, 7, 9, 1, &[5]), full(5, 7, 1, &[5])),
        ("a jump of 5 hours", message(5, 18_000_007, 9, 1, &[5]), full(5, 18_000_007, 1, &[5])),
        ("after it", message(5, 18_000_008, 9, 1, &[5]), same_length(5, 1, &[5])),
        ("nothing", message(5, 18_000_008, 9, 1, &[]), same_stream(5, 0, 0, 9, &[])),
    ] {
        assert_eq!(write(&mut writer, &message), expected, "{name}");
    }
}

#[test]
fn time_wraps_forward_by_a_delta() {
    let mut writer = ChunkWriter::new();
    write(&mut writer, &message(4, u32::MAX - 9, 9, 1, &[1]));
    assert_eq!(write(&mut writer, &message(4, 10, 9, 1, &[2])), same_length(4, 20, &[2]));
}

#[test]
fn the_extended_timestamp_is_on_every_type_3_chunk() {
    for time in [0xFF_FFFE_u32, 0xFF_FFFF, 0x0100_0000, u32::MAX] {
        let body: Vec<u8> = (0..=255).cycle().take(300).collect();
        let field = time.to_be_bytes();
        let repeat = if time < 0xFF_FFFF { &[][..] } else { &field };
        let expected = [
            full(6, time, 300, &body[..128]),
            continuation(6, &[repeat, &body[128..256]].concat()),
            continuation(6, &[repeat, &body[256..]].concat()),
        ]
        .concat();
        let message = message(6, time, 9, 1, &body);
        assert_eq!(write(&mut ChunkWriter::new(), &message), expected);
        let mut out = Vec::new();
        write_full(&message, 128, &mut out);
        assert_eq!(out.concat(), expected);
    }
}

#[test]
fn payload_is_shared_and_headers_cost_one_allocation() {
    let message = message(6, 7, 9, 1, &[5; 300]);
    let mut out = Vec::new();
    ChunkWriter::new().write(&message, &mut out);
    assert_eq!(out.len(), 6);
    let base = message.body.as_ptr();
    for (piece, offset) in [(1, 0), (3, 128), (5, 256)] {
        assert_eq!(out[piece].as_ptr(), base.wrapping_add(offset));
    }
    assert_eq!(out[2].as_ptr(), out[4].as_ptr());
}

#[test]
fn chunk_sizes() {
    for (size, chunks) in [(0, 300), (1, 300), (128, 3), (299, 2), (300, 1), (u32::MAX, 1)] {
        let mut writer = ChunkWriter::new();
        writer.set_chunk_size(size);
        let mut out = Vec::new();
        let message = message(6, 7, 9, 1, &[5; 300]);
        writer.write(&message, &mut out);
        assert_eq!(out.len(), 2 * chunks, "chunk size {size}");
        let mut shared = Vec::new();
        write_full(&message, usize::try_from(size).unwrap(), &mut shared);
        assert_eq!(shared, out);
        assert_eq!(parts(&message, usize::try_from(size).unwrap()), out.concat());
    }
}

/// What the parts are together. Of the payload none is a copy.
fn parts(message: &Message, chunk_size: usize) -> Vec<u8> {
    let (mut all, mut offset) = (Vec::new(), 0);
    write_parts(message, chunk_size, |part| match part {
        Part::Header(header) => all.extend_from_slice(header),
        Part::Payload(payload) => {
            assert_eq!(payload.as_ptr(), message.body.as_ptr().wrapping_add(offset));
            offset += payload.len();
            all.extend_from_slice(&payload);
        }
    });
    all
}

#[test]
fn an_empty_message_is_its_header() {
    let message = message(6, 7, 9, 1, &[]);
    let mut out = Vec::new();
    write_full(&message, 128, &mut out);
    assert_eq!(out.concat(), full(6, 7, 0, &[]));
    assert_eq!(parts(&message, 128), full(6, 7, 0, &[]));
}

#[test]
fn chunk_stream_ids_take_the_shortest_form() {
    for (id, basic) in [
        (0, &[2][..]),
        (2, &[2]),
        (63, &[63]),
        (64, &[0, 0]),
        (319, &[0, 255]),
        (320, &[1, 0, 1]),
        (65_599, &[1, 255, 255]),
        (u32::MAX, &[1, 255, 255]),
    ] {
        let written = write(&mut ChunkWriter::new(), &message(id, 7, 9, 1, &[1]));
        assert!(written.starts_with(basic) && written.len() == basic.len() + 12, "{id}");
    }
}

#[test]
fn a_body_that_cannot_be_expressed_is_not_written() {
    for (length, written) in [(0xFF_FFFF, true), (0x0100_0000, false)] {
        let message = message(6, 7, 9, 1, &vec![0; length]);
        let mut out = Vec::new();
        ChunkWriter::new().write(&message, &mut out);
        write_full(&message, 0xFF_FFFF, &mut out);
        assert_eq!(!out.is_empty(), written);
    }
}
