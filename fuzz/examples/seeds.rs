//! Writes the first seeds: `cargo run --example seeds`, from the fuzz folder.
//!
//! They follow the tables of the unit tests: every type, every trap, sessions as encoders send
//! them, and each of these cut short. Fuzzing goes on from there; `run` keeps what it finds apart.

use std::path::Path;
use std::{fs, io};

use bytes::Bytes;
use manycast_amf::{Value, amf3, ecma_array, encode, encode_all, encode_command, object};
use manycast_rtmp::chunk::{ChunkWriter, write_full};
use manycast_rtmp::message::{
    ChunkStreamId, Control, LimitType, Message, MessageStreamId, MessageType, UserControl,
};

fn main() -> io::Result<()> {
    save("amf0", &cut_short(amf0(), 6))?;
    save("amf3", &cut_short(amf3_values(), 6))?;
    save("rtmp_chunk", &patterns(chunks()))?;
    save("rtmp_handshake", &handshakes())
}

fn save(target: &str, seeds: &[Vec<u8>]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    for seed in seeds {
        // FNV-1a: only a name
        let name = seed.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        fs::write(folder.join(format!("{name:016x}")), seed)?;
    }
    println!("{target}: {} seeds", seeds.len());
    Ok(())
}

/// Each seed, and its first nth parts.
fn cut_short(seeds: Vec<Vec<u8>>, parts: usize) -> Vec<Vec<u8>> {
    let cut = |seed: &Vec<u8>| {
        (1..=parts).map(|part| seed[..seed.len() * part / parts].to_vec()).collect::<Vec<_>>()
    };
    seeds.iter().flat_map(cut).collect()
}

fn amf3_values() -> Vec<Vec<u8>> {
    use amf3::Value as V;
    let text = |text: &str| V::String(text.into());
    let pair = |key: &str, value| (key.into(), value);
    let mut values = vec![
        V::Undefined,
        V::Null,
        V::Boolean(true),
        V::Boolean(false),
        V::Double(f64::NAN),
        text(""),
        text("live"),
        text(&"x".repeat(200)),
        V::XmlDocument("<a/>".into()),
        V::Xml("<a/>".into()),
        V::Date(1e12),
        V::ByteArray([1, 2, 3].into()),
        V::VectorInt { fixed: true, items: vec![1, -1] },
        V::VectorUint { fixed: false, items: vec![1, 2, 3] },
        V::VectorDouble { fixed: false, items: vec![0.5] },
        V::VectorObject { fixed: false, class: "C".into(), items: vec![V::Null, text("a")] },
        V::Dictionary { weak: true, entries: vec![(text("k"), V::Integer(1))] },
        V::Array { associative: vec![pair("a", V::Null)], dense: vec![V::Integer(1), text("b")] },
        V::Object {
            class: "Meta".into(),
            sealed: vec![pair("w", V::Integer(1280)), pair("h", V::Integer(720))],
            dynamic: Some(vec![pair("fps", V::Double(29.97))]),
        },
        V::Object { class: "".into(), sealed: vec![], dynamic: Some(vec![pair("a", text("b"))]) },
    ];
    values.extend([0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, -1].map(V::Integer));
    values.extend([(1 << 28) - 1, 1 << 28, -(1 << 28), i32::MIN].map(V::Integer));
    let nested = values.iter().fold(V::Null, |inner, value| V::Array {
        associative: vec![],
        dense: vec![value.clone(), inner],
    });
    values.push(nested);
    let mut seeds: Vec<_> = values
        .iter()
        .map(|value| {
            let mut seed = Vec::new();
            amf3::encode(value, &mut seed);
            seed
        })
        .collect();
    // references, which encoding does not write: strings, traits, objects; then lies
    seeds.extend([
        vec![9, 7, 1, 10, 0x13, 3, b'C', 3, b's', 6, 2, 10, 1, 6, 0, 10, 2],
        vec![9, 7, 1, 6, 1, 6, 3, b'a', 6, 0],
        vec![9, 5, 1, 9, 1, 1, 9, 2],
        vec![10, 7, 3, b'C', 1],
        [9, 3, 1].repeat(20),
        [10, 0x0B, 1, 3, b'a'].repeat(20),
        vec![9, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        vec![10, 0xFF, 0xFF, 0xFF, 0xFB, 1],
        vec![12, 0xFF, 0xFF, 0xFF, 0xFF],
        vec![13, 0xFF, 0xFF, 0xFF, 0xFF, 0],
        vec![6, 0x80, 0x80, 0x80, 0x01],
    ]);
    seeds
}

fn amf0() -> Vec<Vec<u8>> {
    let connect = object([
        ("app", "live".into()),
        ("type", "nonprivate".into()),
        ("flashVer", "FMLE/3.0 (compatible; FMSc/1.0)".into()),
        ("tcUrl", "rtmp://host/live".into()),
        ("fourCcList", vec!["av01".into(), "hvc1".into()].into()),
        ("capsEx", 7.into()),
        ("videoFourCcInfoMap", object([("*", 4.into())])),
    ]);
    let metadata = ecma_array([
        ("width", 1920.into()),
        ("framerate", "29.97".into()),
        ("stereo", true.into()),
        ("encoder", "encoder".into()),
        ("keyframes", object([("times", vec![0.into(), 2.5.into()].into())])),
    ]);
    let mut seeds = vec![
        encode_command("connect", 1.0, std::slice::from_ref(&connect)),
        encode_command("publish", f64::NAN, &[Value::Null, "key?a=b".into(), "live".into()]),
        encode_command("play", 0.0, &[Value::Undefined, "key".into(), (-2000).into()]),
        encode_command("_result", 1.0, &[Value::Null, 1.into(), Value::Reference(0)]),
    ];
    let list = |values: &[Value]| {
        let mut seed = Vec::new();
        encode_all(values, &mut seed);
        seed
    };
    seeds.push(list(&["@setDataFrame".into(), "onMetaData".into(), metadata]));
    seeds.push(list(&[1.0.into(), 2.0.into(), "@setDataFrame".into()]));
    let others = [
        Value::Date { millis: 1e12, zone: -60 },
        Value::Xml("<x/>".into()),
        Value::Unsupported,
        Value::TypedObject { class: "C".into(), properties: vec![("a".into(), 1.into())] },
        "s".repeat(300).into(),
    ];
    seeds.extend(others.iter().map(|value| list(std::slice::from_ref(value))));
    seeds.extend(amf3_values().into_iter().map(|value| [&[0x11], &value[..]].concat()));
    // traps and lies: counts, terminators, markers, depth, text that is not UTF-8
    seeds.extend([
        vec![8, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, b'a', 5, 0, 0, 9],
        vec![10, 0xFF, 0xFF, 0xFF, 0xFF, 5, 5],
        vec![0x0C, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        vec![2, 0, 4, 0xD6, 0xB1, 0xB2, 0xA5],
        vec![3, 0, 1, b'a', 3, 0, 1, b'b', 5],
        vec![3, 0, 0, 5, 0, 0, 9],
        [3, 0, 1, b'a'].repeat(20),
        [10, 0, 0, 0, 1].repeat(20),
        [5].repeat(1100),
    ]);
    seeds.extend((0_u8..0x14).map(|marker| vec![5, marker, 0, 0, 0, 1]));
    let mut nested = connect;
    for _ in 0..15 {
        nested = vec![nested].into();
        let mut seed = Vec::new();
        encode(&nested, &mut seed);
        seeds.push(seed);
    }
    seeds
}

/// Each stream with several patterns of cuts, and cut short.
fn patterns(streams: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, stream) in streams.iter().enumerate() {
        for (part, pattern) in [(4, 0), (4, index * 37), (3, 7), (2, 200)] {
            let pattern = pattern.to_le_bytes()[0];
            seeds.push([&[pattern], &stream[..stream.len() * part / 4]].concat());
        }
    }
    seeds
}

fn message(id: u32, timestamp: u32, kind: MessageType, body: &[u8]) -> Message {
    Message {
        chunk_stream: ChunkStreamId(id),
        timestamp,
        kind,
        stream: MessageStreamId(1),
        body: Bytes::copy_from_slice(body),
    }
}

fn stream(messages: &[Message], full: bool) -> Vec<u8> {
    let (mut writer, mut out) = (ChunkWriter::new(), Vec::new());
    for message in messages {
        if full {
            write_full(message, 128, &mut out)
        } else {
            writer.write(message, &mut out)
        }
        if let Ok(Some(Control::SetChunkSize(size))) = Control::parse(message) {
            writer.set_chunk_size(size);
        }
    }
    out.concat()
}

fn chunks() -> Vec<Vec<u8>> {
    let (audio, video, data) = (MessageType::AUDIO, MessageType::VIDEO, MessageType::DATA_AMF0);
    let user = |event| Control::User(event).to_message();
    let controls = [
        Control::SetChunkSize(4096).to_message(),
        Control::SetChunkSize(1).to_message(),
        Control::SetChunkSize(0).to_message(),
        Control::SetChunkSize(0x7FFF_FFFF).to_message(),
        Control::Abort(ChunkStreamId(6)).to_message(),
        Control::Acknowledgement(1).to_message(),
        Control::WindowAckSize(2_500_000).to_message(),
        Control::SetPeerBandwidth { window: 1, limit: LimitType::Dynamic }.to_message(),
        user(UserControl::StreamBegin(MessageStreamId(1))),
        user(UserControl::SetBufferLength { stream: MessageStreamId(1), ms: 3000 }),
        user(UserControl::PingRequest(7)),
        user(UserControl::Unknown { event: 26, data: Bytes::from_static(&[1]) }),
    ];
    let picture = [0x17; 300];
    let mut streams: Vec<_> = controls
        .iter()
        .map(|control| {
            let after = message(6, 7, video, &picture[..200]);
            stream(&[control.clone(), after], false)
        })
        .collect();
    for time in [0, 26, 0xFF_FFFE, 0xFF_FFFF, 0x0100_0000, 1 << 31, u32::MAX - 20] {
        let session = [
            message(4, time, audio, &[0xAF, 0, 0x12, 0x10]),
            message(6, time, video, &picture),
            message(4, time.wrapping_add(23), audio, &[0xAF, 1, 2, 3]),
            message(6, time.wrapping_add(40), video, &picture[..130]),
            message(4, time.wrapping_add(40), data, &[2, 0, 1, b'a']),
            message(4, time.wrapping_add(20), audio, &[]),
        ];
        streams.push(stream(&session, false));
        streams.push(stream(&session, true));
        streams.push(raw_headers(time));
    }
    for id in [2, 63, 64, 319, 320, 65_599] {
        streams.push(stream(&[message(id, 5, video, &picture[..129])], false));
    }
    let tag = [8, 0, 0, 2, 0, 0, 5, 0, 0, 0, 0, 1, 2, 0, 0, 0, 13];
    let parts = [&tag[..], &tag].concat();
    streams.push(stream(&[message(4, 100, MessageType::AGGREGATE, &parts)], false));
    streams.extend(damaged());
    streams
}

/// Type 1, 2 and 3 headers with this time as delta and as repeated field.
fn raw_headers(time: u32) -> Vec<u8> {
    let (short, field) = if time < 0xFF_FFFF {
        (time.to_be_bytes()[1..].to_vec(), vec![])
    } else {
        (vec![0xFF; 3], time.to_be_bytes().to_vec())
    };
    let pieces: [&[u8]; 16] = [
        &[4],
        &short,
        &[0, 0, 2, 8, 1, 0, 0, 0],
        &field,
        &[1, 2],
        &[0xC4],
        &field,
        &[1, 2],
        &[0x44],
        &short,
        &[0, 0, 2, 9],
        &field,
        &[1, 2],
        &[0x84],
        &short,
        &[&field[..], &[1, 2, 0xC4, 3, 4]].concat(),
    ];
    pieces.concat()
}

/// Bars A3 to A6 and traps C5, C9.
fn damaged() -> Vec<Vec<u8>> {
    let header = |first: u8, length: u32, kind: u8| {
        let [_, a, b, c] = length.to_be_bytes();
        let rest: &[u8] = if first < 0x40 { &[1, 0, 0, 0] } else { &[] };
        [&[first, 0, 0, 9, a, b, c, kind], rest].concat()
    };
    let open = [header(6, 200, 9), vec![9; 128]].concat();
    let mut streams: Vec<_> = [
        header(6, 100, 9),
        header(6, 300, 9),
        header(0x46, 150, 9),
        header(0x46, 300, 9),
        header(0x46, 200, 8),
        header(0x46, 200, 9),
        vec![0x86, 0, 0, 1],
    ]
    .map(|next| [&open[..], &next, &[5; 72], &[0xC6], &[5; 128]].concat())
    .into();
    streams.push(vec![0x42, 0, 0, 0, 0, 0, 6, 4, 0, 6, 0, 0, 0, 9]);
    streams.push(vec![0x84, 0, 0, 0]);
    streams.push(vec![0xC4]);
    streams.push(header(6, 65_536, 9));
    streams.push(header(6, 65_537, 9));
    streams.push((2..66).flat_map(|id| [header(id, 1, 9), vec![1]].concat()).collect());
    let held = |id| [header(id, 60_000, 9), vec![id; 128]].concat();
    streams.push((3..10).flat_map(held).collect());
    streams
}

fn handshakes() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    // the first byte, for both sides
    for first in [0, 1, 2, 3, 4, 5, 6, 8, 9, 31, 32, b'G', b'S', 0x80, 0xFF] {
        for mode in [0, 1] {
            seeds.push(vec![0, mode, 12, 1, first, 0]);
        }
    }
    // lengths around the ends of the packets, in several cuts
    for length in [0_u16, 1, 2, 1536, 1537, 1538, 3072, 3073, 3074, 3500] {
        for (pattern, mode) in [(0, 0), (1, 0), (9, 1), (130, 1), (200, 0)] {
            let [high, low] = length.to_be_bytes();
            seeds.push(vec![pattern, mode, high, low, 3, 0, 0, 0, 5, 0, 0, 0, 0, 7]);
        }
    }
    // C1 and S1 with digests: changed in one place, followed by more or less
    for place in [0_u16, 1, 4, 5, 8, 9, 12, 40, 300, 772, 773, 776, 1000, 1500, 1536, 1537, 3000] {
        for mode in [2, 3] {
            for (pattern, change, rest) in [(0, 1, 0), (1, 0x80, 1), (33, 0, 97), (250, 1, 120)] {
                let [high, low] = place.to_be_bytes();
                seeds.push([&[pattern, mode, high, low, change][..], &vec![2; rest]].concat());
            }
        }
    }
    seeds
}
