//! Sessions of encoders and players, byte by byte: what each sends, and the exact answers.
//!
//! The client's bytes follow what is known of each program (sections 8 and 11 of the trap list): its
//! chunk streams, header types, chunk sizes, order and arguments.

mod support;

use manycast_rtmp::session::Event;
use support::{Server, Turn, requests, told};

/// Bytes from hexadecimal words; text stands in quotes.
fn hex(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, part) in text.split('\'').enumerate() {
        if index % 2 == 1 {
            out.extend(part.bytes());
            continue;
        }
        let digits: String = part.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(digits.len().is_multiple_of(2), "{part:?}");
        let bytes = (0..digits.len()).step_by(2);
        out.extend(bytes.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits")));
    }
    out
}

/// An AMF0 string.
fn text(text: &str) -> String {
    format!("02 {:04x} '{text}'", text.len())
}

/// An AMF0 number.
fn number(number: f64) -> String {
    format!("00 {:016x}", number.to_bits())
}

/// A property of an object.
fn property(key: &str, value: &str) -> String {
    format!("{:04x} '{key}' {value}", key.len())
}

fn object(properties: &[(&str, String)]) -> String {
    let all: Vec<_> = properties.iter().map(|(key, value)| property(key, value)).collect();
    format!("03 {} 000009", all.join(" "))
}

fn status(level: &str, code: &str, description: &str, more: &[(&str, String)]) -> String {
    let head = [("level", text(level)), ("code", text(code)), ("description", text(description))];
    object(&[&head[..], more].concat())
}

/// A message in chunks: `head` is the first byte of its first header. Types 0 and 1 alone.
fn chunks(head: u8, kind: u8, stream: u32, body: &str, chunk_size: usize) -> Vec<u8> {
    let body = hex(body);
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    let mut out = [&[head, 0, 0, 0][..], &length[1..], &[kind]].concat();
    if head >> 6 == 0 {
        out.extend(stream.to_le_bytes());
    }
    for (index, piece) in body.chunks(chunk_size).enumerate() {
        if index > 0 {
            out.push(0xc0 | (head & 0x3f));
        }
        out.extend(piece);
    }
    out
}

fn greet(server: &mut Server) {
    server.greet();
}

/// The flight that answers `connect`, whoever sent it.
fn connect_flight(transaction: f64) -> Vec<u8> {
    let properties = object(&[
        ("fmsVer", text("FMS/3,0,1,123")),
        ("capabilities", number(31.0)),
        ("mode", number(1.0)),
    ]);
    let code = "NetConnection.Connect.Success";
    let more = [("objectEncoding", number(0.0))];
    let info = status("status", code, "Connection succeeded.", &more);
    let body = format!("{} {} {properties} {info}", text("_result"), number(transaction));
    [
        hex("02 000000 000004 05 00000000 002625a0"),
        hex("02 000000 000005 06 00000000 002625a0 02"),
        hex("02 000000 000006 04 00000000 0000 00000000"),
        hex("02 000000 000004 01 00000000 00001000"),
        chunks(0x03, 0x14, 0, &body, 4096),
    ]
    .concat()
}

/// `_result(transaction, null, value)`.
fn result(transaction: f64, value: &str) -> Vec<u8> {
    let body = format!("{} {} 05 {value}", text("_result"), number(transaction));
    chunks(0x03, 0x14, 0, &body, 4096)
}

/// What starts a publish on stream 1; `fmle` when `FCPublish` was called.
fn publish_flight(name: &str, fmle: bool) -> Vec<u8> {
    let (code, words) = ("NetStream.Publish.Start", "Stream is now published.");
    let begin = hex("02 000000 000006 04 00000000 0000 00000001");
    let fc = status("status", code, words, &[]);
    let fc = format!("{} {} 05 {fc}", text("onFCPublish"), number(0.0));
    let on = status("status", code, words, &[("details", text(name))]);
    let on = format!("{} {} 05 {on}", text("onStatus"), number(0.0));
    let fc = if fmle { chunks(0x03, 0x14, 0, &fc, 4096) } else { Vec::new() };
    [begin, fc, chunks(0x03, 0x14, 1, &on, 4096)].concat()
}

/// Whether a turn said exactly these bytes.
fn check(turn: &Turn<Event>, wanted: &[Vec<u8>]) {
    let wanted = wanted.concat();
    if turn.bytes != wanted {
        let at = turn.bytes.iter().zip(&wanted).position(|(a, b)| a != b);
        panic!("differs at {at:?}: {} | {:02x?} | {wanted:02x?}", turn.said(), turn.bytes);
    }
    assert!(turn.pieces <= 1, "a flight is one piece");
}

fn accept(server: &mut Server, turn: &Turn<Event>) -> Turn<Event> {
    server.accept(requests(turn)[0])
}

fn call(name: &str, transaction: f64, arguments: &[String]) -> String {
    format!("{} {} 05 {}", text(name), number(transaction), arguments.join(" "))
}

/// OBS Studio: simple handshake, chunk size 4096 before `connect`, commands on chunk stream 3, all else
/// on 4; releaseStream, `FCPublish` and `createStream` together.
#[test]
fn section11_obs_publishes() {
    let mut server = Server::new();
    greet(&mut server);
    let connect = object(&[
        ("app", text("live")),
        ("type", text("nonprivate")),
        ("flashVer", text("FMLE/3.0 (compatible; FMSc/1.0)")),
        ("swfUrl", text("rtmp://h/live")),
        ("tcUrl", text("rtmp://h/live")),
    ]);
    let connect = format!("{} {} {connect}", text("connect"), number(1.0));
    let hello =
        [hex("02 000000 000004 01 00000000 00001000"), chunks(0x03, 0x14, 0, &connect, 4096)]
            .concat();
    let turn = server.feed(&hello);
    check(&turn, &[connect_flight(1.0)]);
    assert_eq!(told(&turn.events), ["Connected live "]);
    server.feed(&hex("42 000000 000004 05 002625a0")); // its window
    let turn = server.feed(
        &[
            chunks(0x43, 0x14, 0, &call("releaseStream", 2.0, &[text("k?x=1")]), 4096),
            chunks(0x43, 0x14, 0, &call("FCPublish", 3.0, &[text("k?x=1")]), 4096),
            chunks(0x43, 0x14, 0, &call("createStream", 4.0, &[]), 4096),
        ]
        .concat(),
    );
    check(&turn, &[result(2.0, "06"), result(3.0, "06"), result(4.0, &number(1.0))]);
    let publish = call("publish", 5.0, &[text("k?x=1"), text("live")]);
    let turn = server.feed(&chunks(0x04, 0x14, 1, &publish, 4096));
    assert_eq!(told(&turn.events), ["PublishRequest 1 k?x=1 Live"]);
    check(&accept(&mut server, &turn), &[publish_flight("k?x=1", true)]);
    let metadata = format!("{} {} 08 00000014 000009", text("@setDataFrame"), text("onMetaData"));
    let media = [
        chunks(0x04, 0x12, 1, &metadata, 4096),
        hex("44 000000 000004 08 af001190"),
        hex("44 000000 000005 09 1700000000"),
        hex("44 000017 000003 09 170102"),
        hex("84 000010 270103"),
        hex("c4 270104"),
    ];
    let turn = server.feed(&media.concat());
    let wanted = [
        "Data 1 at 0 of 37",
        "Audio 1 at 0 of 4",
        "Video 1 at 0 of 5",
        "Video 1 at 23 of 3",
        "Video 1 at 39 of 3",
        "Video 1 at 55 of 3",
    ];
    assert_eq!((told(&turn.events), turn.bytes.len()), (wanted.map(str::to_owned).to_vec(), 0));
    let turn = server.feed(
        &[
            chunks(0x43, 0x14, 0, &call("FCUnpublish", 6.0, &[text("k?x=1")]), 4096),
            chunks(0x43, 0x14, 0, &call("deleteStream", 7.0, &[number(1.0)]), 4096),
        ]
        .concat(),
    );
    assert_eq!(told(&turn.events), ["PublishEnded(stream 1, orderly true)"]);
}

/// ffmpeg as a publisher: chunks of 128 bytes until the server names a size, which it echoes and takes
/// over; `publish` on chunk stream 8, audio on 4, video on 6.
#[test]
fn section11_ffmpeg_publishes() {
    let mut server = Server::new();
    greet(&mut server);
    let connect = object(&[
        ("app", text("live")),
        ("type", text("nonprivate")),
        ("flashVer", text("FMLE/3.0 (compatible; Lavf59.27.100)")),
        ("tcUrl", text("rtmp://h:1935/live")),
    ]);
    let connect = format!("{} {} {connect}", text("connect"), number(1.0));
    assert!(hex(&connect).len() > 128, "it has to be cut");
    let turn = server.feed(&chunks(0x03, 0x14, 0, &connect, 128));
    check(&turn, &[connect_flight(1.0)]);
    let turn = server.feed(
        &[
            hex("02 000000 000004 05 00000000 002625a0"),
            hex("42 000000 000004 01 00001000"),
            chunks(0x03, 0x14, 0, &call("releaseStream", 2.0, &[text("key")]), 4096),
            chunks(0x03, 0x14, 0, &call("FCPublish", 3.0, &[text("key")]), 4096),
            chunks(0x03, 0x14, 0, &call("createStream", 4.0, &[]), 4096),
        ]
        .concat(),
    );
    assert_eq!(turn.lines.len(), 3);
    let publish = call("publish", 5.0, &[text("key"), text("live")]);
    let turn = server.feed(&chunks(0x08, 0x14, 1, &publish, 4096));
    check(&accept(&mut server, &turn), &[publish_flight("key", true)]);
    let big = "27".repeat(3000);
    let media = [
        chunks(0x06, 0x09, 1, "1700000000", 4096),
        chunks(0x04, 0x08, 1, "af001190", 4096),
        chunks(0x46, 0x09, 1, &big, 4096),
    ];
    let turn = server.feed(&media.concat());
    assert_eq!(
        told(&turn.events),
        ["Video 1 at 0 of 5", "Audio 1 at 0 of 4", "Video 1 at 0 of 3000"]
    );
}

/// ffmpeg as a player: it demands a digest only if S1 has a version, and sends `play` with -2000.
#[test]
fn section11_ffmpeg_plays() {
    let mut server = Server::new();
    let mut hello = vec![0; 1537];
    hello[0] = 3;
    let turn = server.feed(&hello);
    assert_eq!(turn.bytes[5..9], [0; 4], "trap H1: no version without a digest");
    server.feed(&[0; 1536]);
    let connect = object(&[
        ("app", text("live")),
        ("flashVer", text("LNX 9,0,124,2")),
        ("tcUrl", text("rtmp://h:1935/live")),
        ("fpad", "0100".into()),
        ("capabilities", number(15.0)),
        ("audioCodecs", number(4071.0)),
        ("videoCodecs", number(252.0)),
        ("videoFunction", number(1.0)),
    ]);
    let connect = format!("{} {} {connect}", text("connect"), number(1.0));
    check(&server.feed(&chunks(0x03, 0x14, 0, &connect, 128)), &[connect_flight(1.0)]);
    let create = chunks(0x03, 0x14, 0, &call("createStream", 2.0, &[]), 128);
    check(&server.feed(&create), &[result(2.0, &number(1.0))]);
    let length = chunks(0x08, 0x14, 0, &call("getStreamLength", 3.0, &[text("key")]), 128);
    server.feed(&length);
    let play = call("play", 4.0, &[text("key"), number(-2000.0)]);
    let turn = server.feed(&chunks(0x08, 0x14, 1, &play, 128));
    assert_eq!(told(&turn.events), ["PlayRequest 1 key -2 -1 true"]);
    let details = [("details", text("key"))];
    let reset = status("status", "NetStream.Play.Reset", "Playing and resetting.", &details);
    let start = status("status", "NetStream.Play.Start", "Started playing.", &details);
    let on = |status: String| format!("{} {} 05 {status}", text("onStatus"), number(0.0));
    check(
        &accept(&mut server, &turn),
        &[
            hex("02 000000 000004 01 00000000 00010000"),
            hex("02 000000 000006 04 00000000 0000 00000001"),
            chunks(0x03, 0x14, 1, &on(reset), 65_536),
            chunks(0x03, 0x14, 1, &on(start), 65_536),
            chunks(0x03, 0x12, 1, &format!("{} 0101 0101", text("|RtmpSampleAccess")), 65_536),
        ],
    );
    // Its buffer length, and the answer to a ping.
    let turn = server.feed(&hex("02 000000 00000a 04 00000000 0003 00000001 00000bb8"));
    assert_eq!(told(&turn.events), ["BufferLength(stream 1, 3000 ms)"]);
}

/// rtmpdump and old VLC: the buffer length before `createStream`, type 1 headers on fresh chunk
/// streams, and pings answered with one.
#[test]
fn section11_librtmp_plays() {
    let mut server = Server::new();
    greet(&mut server);
    let connect = object(&[
        ("app", text("live")),
        ("flashVer", text("LNX 10,0,32,18")),
        ("tcUrl", text("rtmp://h/live")),
        ("fpad", "0100".into()),
        ("capabilities", number(15.0)),
        ("audioCodecs", number(3191.0)),
        ("videoCodecs", number(252.0)),
        ("videoFunction", number(1.0)),
    ]);
    let connect = format!("{} {} {connect}", text("connect"), number(1.0));
    check(&server.feed(&chunks(0x03, 0x14, 0, &connect, 128)), &[connect_flight(1.0)]);
    let turn = server.feed(
        &[
            hex("02 000000 000004 05 00000000 002625a0"),
            hex("42 000000 00000a 04 0003 00000000 0000012c"),
            chunks(0x43, 0x14, 0, &call("createStream", 2.0, &[]), 128),
        ]
        .concat(),
    );
    check(&turn, &[result(2.0, &number(1.0))]);
    let play = call("play", 3.0, &[text("key"), number(-1000.0)]);
    let turn = server.feed(
        &[chunks(0x08, 0x14, 1, &play, 128), hex("42 000001 00000a 04 0003 00000001 00007530")]
            .concat(),
    );
    assert_eq!(
        told(&turn.events),
        ["PlayRequest 1 key -1 -1 true", "BufferLength(stream 1, 30000 ms)"]
    );
    assert!(accept(&mut server, &turn).said().contains("NetStream.Play.Start"));
    let turn = server.feed(&hex("42 000000 000006 04 0007 00000000"));
    assert_eq!((turn.bytes.len(), turn.events.len()), (0, 0));
}

/// Haivision: `_checkbw` at once and expected to be answered, `FCPublish` behind `createStream`.
#[test]
fn section11_haivision_publishes() {
    let mut server = Server::new();
    greet(&mut server);
    let connect = object(&[("app", text("live")), ("tcUrl", text("rtmp://h/live"))]);
    let connect = format!("{} {} {connect}", text("connect"), number(1.0));
    let turn = server.feed(
        &[
            chunks(0x03, 0x14, 0, &connect, 128),
            chunks(0x43, 0x14, 0, &call("_checkbw", 2.0, &[]), 128),
        ]
        .concat(),
    );
    check(&turn, &[connect_flight(1.0), result(2.0, "")]);
    let turn = server.feed(
        &[
            chunks(0x43, 0x14, 0, &call("createStream", 3.0, &[]), 128),
            chunks(0x43, 0x14, 0, &call("FCPublish", 4.0, &[text("key")]), 128),
            chunks(0x04, 0x14, 1, &call("publish", 0.0, &[text("key")]), 128),
        ]
        .concat(),
    );
    check(&turn, &[result(3.0, &number(1.0)), result(4.0, "06")]);
    assert_eq!(told(&turn.events), ["PublishRequest 1 key Live"]);
    check(&accept(&mut server, &turn), &[publish_flight("key", true)]);
}

/// GStreamer's `rtmp2sink`: the key in the path, and type 3 headers for messages that repeat the
/// fields of a type 0 header (trap C2).
#[test]
fn section11_gstreamer_publishes() {
    let mut server = Server::new();
    greet(&mut server);
    let connect = object(&[
        ("app", text("live")),
        ("tcUrl", text("rtmp://h:1935/live")),
        ("type", text("nonprivate")),
        ("flashVer", text("FMLE/3.0 (compatible; FMSc/1.0)")),
    ]);
    let connect = format!("{} {} {connect}", text("connect"), number(1.0));
    check(&server.feed(&chunks(0x03, 0x14, 0, &connect, 128)), &[connect_flight(1.0)]);
    let turn = server.feed(
        &[
            hex("02 000000 000004 05 00000000 002625a0"),
            chunks(0x03, 0x14, 0, &call("releaseStream", 2.0, &[text("key")]), 128),
            chunks(0x03, 0x14, 0, &call("FCPublish", 3.0, &[text("key")]), 128),
            chunks(0x03, 0x14, 0, &call("createStream", 4.0, &[]), 128),
            chunks(0x04, 0x14, 1, &call("publish", 5.0, &[text("key"), text("live")]), 128),
        ]
        .concat(),
    );
    assert_eq!(told(&turn.events), ["PublishRequest 1 key Live"]);
    assert!(accept(&mut server, &turn).said().contains("NetStream.Publish.Start"));
    let media = [
        hex("05 0f4240 000003 08 01000000 af0101"),
        hex("c5 af0102"),
        hex("45 000017 000003 08 af0103"),
        hex("c5 af0104"),
    ];
    let turn = server.feed(&media.concat());
    let wanted =
        [1_000_000, 1_000_000, 1_000_023, 1_000_046].map(|at| format!("Audio 1 at {at} of 3"));
    assert_eq!(told(&turn.events), wanted);
}

/// FMLE: `FCPublish` before `createStream`, answered by `onFCPublish`; a type 3 header after a type 0
/// one means the same step again (trap C2).
#[test]
fn section11_fmle_publishes() {
    let mut server = Server::new();
    greet(&mut server);
    let connect = object(&[
        ("app", text("live/_definst_")),
        ("flashVer", text("FMLE/3.0 (compatible; FMSc/1.0)")),
        ("swfUrl", text("rtmp://h/live/_definst_")),
        ("tcUrl", text("rtmp://h/live/_definst_")),
        ("type", text("nonprivate")),
    ]);
    let connect = format!("{} {} {connect}", text("connect"), number(1.0));
    let turn = server.feed(&chunks(0x03, 0x14, 0, &connect, 128));
    check(&turn, &[connect_flight(1.0)]);
    assert_eq!(told(&turn.events), ["Connected live "]);
    for (name, transaction) in [("releaseStream", 2.0), ("FCPublish", 3.0)] {
        let body = call(name, transaction, &[text("key")]);
        assert_eq!(server.feed(&chunks(0x43, 0x14, 0, &body, 128)).lines.len(), 1);
    }
    let create = chunks(0x43, 0x14, 0, &call("createStream", 4.0, &[]), 128);
    check(&server.feed(&create), &[result(4.0, &number(1.0))]);
    let publish = call("publish", 5.0, &[text("key"), text("live")]);
    let turn = server.feed(&chunks(0x05, 0x14, 1, &publish, 128));
    check(&accept(&mut server, &turn), &[publish_flight("key", true)]);
    let turn =
        server.feed(&[hex("04 00001a 000003 08 01000000 af0101"), hex("c4 af0102")].concat());
    assert_eq!(told(&turn.events), ["Audio 1 at 26 of 3", "Audio 1 at 52 of 3"]);
}
