//! One test per trap of real senders (C1 to C14).

use super::*;
use crate::chunk::write_full;
use crate::message::Control;

const T: u32 = 0x0123_4567;

#[test]
fn trap_c1_extended_timestamp_not_repeated() {
    let body: Vec<u8> = (0..=255).cycle().take(300).collect();
    for repeat in [&T.to_be_bytes()[..], &(T | 1 << 31).to_be_bytes(), &[]] {
        let bytes = [
            full(6, T, 300, &body[..128]),
            continuation(6, &[repeat, &body[128..256]].concat()),
            continuation(6, &[repeat, &body[256..]].concat()),
            same_length(6, 40, &body[..128]),
            continuation(6, &body[128..256]),
            continuation(6, &body[256..]),
        ];
        let expected = [message(6, T, 9, 1, &body), message(6, T + 40, 9, 1, &body)];
        assert_eq!(messages(&bytes.concat()), expected, "repeated as {repeat:02x?}");
    }
}

#[test]
fn trap_c1_payload_that_begins_like_the_timestamp() {
    // the first bytes agree, the last does not: payload
    let almost = [0x01, 0x23, 0x45, 0x68];
    let body = [&[0; 128][..], &almost].concat();
    let bytes = [full(6, T, 132, &body[..128]), continuation(6, &almost)].concat();
    assert_eq!(messages(&bytes), [message(6, T, 9, 1, &body)]);
}

#[test]
fn trap_c1_short_rest_without_repetition_is_told_by_what_follows() {
    // two payload bytes that agree with the timestamp, then the next header
    let body = [&[0; 128][..], &[0x01, 0x23]].concat();
    let next = full(4, 5, 1, &[7]);
    let bytes = [&full(6, T, 130, &body[..128])[..], &continuation(6, &[0x01, 0x23]), &next];
    assert_eq!(messages(&bytes.concat()), [message(6, T, 9, 1, &body), message(4, 5, 9, 1, &[7])]);
}

#[test]
fn trap_c1_opening_continuation_with_and_without_the_timestamp() {
    for (name, field, time) in [
        ("repeated", &T.to_be_bytes()[..], T),
        ("advanced", &(T + 40).to_be_bytes(), T + 40),
        ("omitted", &[], T),
    ] {
        let opening = continuation(6, &[field, &[0x17, 1, 0, 0, 0]].concat());
        let bytes = [full(6, T, 5, &[0x17, 0, 0, 0, 0]), opening].concat();
        assert_eq!(times(&bytes), [T, time], "{name}");
        assert_eq!(messages(&bytes)[1].body[..], [0x17, 1, 0, 0, 0], "{name}");
    }
}

#[test]
fn trap_c2_continuation_opens_a_message_after_a_full_header() {
    for (first, second) in [(0, 0), (26, 52), (999, 1998), (1000, 1000), (90_000, 90_000)] {
        let bytes = [full(4, first, 1, &[1]), continuation(4, &[2])].concat();
        assert_eq!(times(&bytes), [first, second]);
    }
    // FMLE goes on with the same step
    let bytes = [full(4, 26, 1, &[1]), continuation(4, &[2]), continuation(4, &[3])].concat();
    assert_eq!(times(&bytes), [26, 52, 78]);
}

#[test]
fn trap_c2_continuation_opens_a_message_after_a_delta() {
    let bytes = [
        full(4, 1000, 1, &[1]),
        same_stream(4, 23, 2, 8, &[1, 2]),
        continuation(4, &[3, 4]),
        same_length(4, 7, &[5, 6]),
        continuation(4, &[7, 8]),
    ];
    assert_eq!(times(&bytes.concat()), [1000, 1023, 1046, 1053, 1060]);
}

#[test]
fn trap_c3_absolute_time_in_the_extended_field_of_a_delta() {
    for (name, last, field, expected) in [
        ("absolute, ahead", T, T + 40, T + 40),
        ("absolute, behind", T, T - 9_999, T - 9_999),
        ("delta", 1000, 0x0100_0000, 0x0100_03E8),
        ("delta, too far for absolute", T, T + 10_001, T.wrapping_mul(2) + 10_001),
        ("first header with an extended field", 0xFF_FFF0, 0x0100_0010, 0x0100_0010),
    ] {
        let bytes = [full(4, last, 1, &[1]), same_stream(4, field, 1, 9, &[2])].concat();
        assert_eq!(times(&bytes), [last, expected], "{name}");
        let bytes = [full(4, last, 1, &[1]), same_length(4, field, &[2])].concat();
        assert_eq!(times(&bytes), [last, expected], "{name}");
    }
}

#[test]
fn trap_c3_small_values_in_the_extended_field_are_deltas() {
    let odd = [&[0x84, 0xFF, 0xFF, 0xFF, 0, 0, 0, 20][..], &[2]].concat();
    assert_eq!(times(&[full(4, 1000, 1, &[1]), odd].concat()), [1000, 1020]);
}

#[test]
fn trap_c4_equal_message_by_type_3_adds_the_old_delta_until_the_next_full_header() {
    let bytes = [
        full(4, 1000, 1, &[1]),
        same_length(4, 20, &[2]),
        continuation(4, &[3]),
        full(4, 1020, 1, &[4]),
    ];
    assert_eq!(times(&bytes.concat()), [1000, 1020, 1040, 1020]);
}

#[test]
fn trap_c5_fresh_chunk_stream_opened_with_type_1() {
    let ping = [0x42, 0, 0, 0, 0, 0, 6, 4, 0, 6, 0, 0, 0, 9];
    assert_eq!(messages(&ping), [message(2, 0, 4, 0, &[0, 6, 0, 0, 0, 9])]);
    assert_eq!(times(&same_stream(2, 40, 1, 9, &[1])), [40]);
}

#[test]
fn trap_c5_fresh_chunk_stream_opened_with_type_2_or_3_is_desync() {
    for (first, format) in [(0x84, 2), (0xC4, 3)] {
        let chunk_stream = ChunkStreamId(4);
        let expected = ChunkError::NothingBefore { chunk_stream, format };
        assert_eq!(error(&[first, 0, 0, 0]), expected);
    }
}

#[test]
fn trap_c6_chunk_stream_ids_in_every_form() {
    for (basic, id) in [
        (&[2][..], 2),
        (&[63], 63),
        (&[0, 0], 64),
        (&[0, 255], 319),
        (&[1, 0, 0], 64),
        (&[1, 255, 0], 319),
        (&[1, 0, 1], 320),
        (&[1, 255, 255], 65_599),
    ] {
        let bytes = [basic, &full(2, 7, 1, &[1])[1..]].concat();
        assert_eq!(messages(&bytes), [message(id, 7, 9, 1, &[1])]);
    }
}

#[test]
fn trap_c6_both_long_forms_name_the_same_stream() {
    let bytes = [&[0, 0][..], &full(2, 7, 1, &[1])[1..], &[0x81, 0, 0], &[0, 0, 3], &[2]].concat();
    assert_eq!(times(&bytes), [7, 10]);
}

#[test]
fn trap_c7_control_messages_come_through_on_any_chunk_stream() {
    for id in [2, 3, 4, 63] {
        let bytes = [&[id, 0, 0, 0, 0, 0, 4, 1, 5, 0, 0, 0][..], &4096_u32.to_be_bytes()].concat();
        let control = Control::parse(&messages(&bytes)[0]);
        assert_eq!(control, Ok(Some(Control::SetChunkSize(4096))));
    }
}

#[test]
fn trap_c8_bar_a4_chunk_sizes() {
    for (size, allowed) in [
        (0, false),
        (1, true),
        (127, true),
        (65_536, true),
        (134_217_728, true),
        (0x7FFF_FFFF, true),
        (0x8000_0000, false),
        (u32::MAX, false),
    ] {
        let result = reader().set_chunk_size(size);
        assert_eq!(result, if allowed { Ok(()) } else { Err(ChunkError::ChunkSize(size)) });
    }
}

#[test]
fn trap_c8_huge_chunk_size_means_one_chunk_per_message() {
    for size in [0xFF_FFFF, 0x7FFF_FFFF] {
        let mut reader = reader();
        reader.set_chunk_size(size).unwrap();
        let body = vec![3; 100_000];
        let expected = message(6, 7, 9, 1, &body);
        assert_eq!(read_with(&mut reader, &full(6, 7, 100_000, &body)), (vec![expected], None));
    }
}

#[test]
fn trap_c8_chunk_size_1() {
    let mut reader = reader();
    reader.set_chunk_size(1).unwrap();
    let mut bytes = full(6, 7, 50, &[0]);
    for byte in 1..50 {
        bytes.extend([0xC6, byte]);
    }
    let body: Vec<u8> = (0..50).collect();
    assert_eq!(read_with(&mut reader, &bytes), (vec![message(6, 7, 9, 1, &body)], None));
    assert_eq!(reader.counts().chunks, 50);
}

#[test]
fn trap_c8_chunk_size_changes_within_a_message() {
    let mut reader = reader();
    let body: Vec<u8> = (0..=255).cycle().take(400).collect();
    let change = [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 1, 0];
    let bytes = [
        &full(6, 7, 400, &body[..128])[..],
        &change,
        &continuation(6, &body[128..384]),
        &continuation(6, &body[384..]),
    ]
    .concat();
    let mut input = &bytes[..];
    let control = reader.read(&mut input).unwrap().unwrap();
    assert_eq!(Control::parse(&control), Ok(Some(Control::SetChunkSize(256))));
    reader.set_chunk_size(256).unwrap();
    assert_eq!(reader.read(&mut input), Ok(Some(message(6, 7, 9, 1, &body))));
    assert!(input.is_empty());
}

#[test]
fn trap_c9_headers_of_type_1_and_2_in_a_message_that_change_nothing() {
    let body: Vec<u8> = (0..200).collect();
    for header in [same_stream(6, 40, 200, 9, &[]), same_length(6, 40, &[])] {
        let bytes = [&full(6, 7, 200, &body[..128])[..], &header, &body[128..]].concat();
        assert_eq!(messages(&bytes), [message(6, 7, 9, 1, &body)]);
        // nor does it change the delta
        let bytes = [&bytes[..], &continuation(6, &body[..128]), &continuation(6, &body[128..])];
        assert_eq!(times(&bytes.concat()), [7, 14]);
    }
}

#[test]
fn trap_c9_full_header_in_a_message_starts_anew() {
    for (length, payload) in [(3, &[1, 2, 3][..]), (200, &[4; 128])] {
        let bytes = [full(6, 7, 200, &[9; 128]), full(6, 50, length, payload)].concat();
        let rest = continuation(6, &[4; 72]);
        let rest = if length > 128 { &rest[..] } else { &[] };
        let read = messages(&[&bytes[..], rest].concat());
        assert_eq!((read.len(), read[0].timestamp, read[0].body.len()), (1, 50, length));
    }
}

#[test]
fn trap_c9_messages_interleave_at_every_chunk() {
    let (sound, picture) = ([8; 300], [9; 300]);
    let bytes = [
        full(6, 40, 300, &picture[..128]),
        full(4, 41, 300, &sound[..128]),
        continuation(6, &picture[128..256]),
        continuation(4, &sound[128..256]),
        continuation(4, &sound[256..]),
        continuation(6, &picture[256..]),
    ];
    let expected = [message(4, 41, 9, 1, &sound), message(6, 40, 9, 1, &picture)];
    assert_eq!(messages(&bytes.concat()), expected);
}

#[test]
fn trap_c10_messages_of_length_0() {
    let bytes = [
        full(4, 7, 0, &[]),
        same_stream(4, 20, 0, 8, &[]),
        same_length(4, 20, &[]),
        continuation(4, &[]),
        same_stream(4, 20, 2, 9, &[1, 2]),
    ];
    let read = messages(&bytes.concat());
    assert_eq!(read.iter().map(|message| message.body.len()).collect::<Vec<_>>(), [0, 0, 0, 0, 2]);
    assert_eq!(read.last().unwrap().timestamp, 87);
}

#[test]
fn trap_c12_audio_video_and_data_on_one_chunk_stream() {
    let bytes = [
        full(4, 100, 1, &[1]),
        same_stream(4, 0, 2, 8, &[1, 2]),
        same_stream(4, 21, 3, 18, &[1, 2, 3]),
        same_stream(4, 12, 1, 9, &[4]),
    ];
    let read = messages(&bytes.concat());
    let kinds: Vec<_> = read.iter().map(|message| message.kind.0).collect();
    assert_eq!(kinds, [9, 8, 18, 9]);
    assert!(read.iter().all(|message| message.stream.0 == 1));
    assert_eq!(times(&bytes.concat()), [100, 100, 121, 133]);
}

#[test]
fn trap_c13_messages_below_the_chunk_size_need_no_repeated_timestamp() {
    let size = usize::try_from(Limits::default().out_chunk_size).unwrap();
    let mut out = Vec::new();
    write_full(&message(6, T, 9, 1, &vec![0; size]), size, &mut out);
    assert_eq!(out.len(), 2, "one header, one body");
}

#[test]
fn trap_c14_deltas_wrap_backwards() {
    for (last, delta, expected) in
        [(0x0200_0000, 0xFFFF_FFEC, 0x01FF_FFEC), (20_000, 0xFFFF_FFEC, 19_980), (u32::MAX, 2, 1)]
    {
        let bytes = [full(4, last, 1, &[1]), same_length(4, delta, &[2])].concat();
        assert_eq!(times(&bytes), [last, expected]);
    }
}
