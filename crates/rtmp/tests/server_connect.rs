//! The server session up to `connect` and the commands of NetConnection: section 8.1 of the trap list,
//! the deadlines of bars B4 and B6, and the bounds A2 to A6.

mod support;

use manycast_amf::{Value, ecma_array, object};
use manycast_rtmp::{
    message::{Control, LimitType, MessageType, UserControl},
    session::{
        CloseReason, Event, Fault, Input, MediaKind, RefusalCode, ServerConfig, SessionError,
        Verdict, Wait,
    },
};
use support::{SECOND, Server, command, command_body, message, requests, stream, told};

const CONNECT_FLIGHT: &str = "WindowAckSize(2500000) | \
    SetPeerBandwidth { window: 2500000, limit: Dynamic } | User(StreamBegin((0))) | SetChunkSize(4096) | \
    0: _result 1 {} status=NetConnection.Connect.Success";

#[test]
fn trap_h4_the_handshake_is_one_piece_of_3073_bytes() {
    let mut server = Server::new();
    let mut hello = vec![0; 1537];
    hello[0] = 3;
    server.session.handle_input(server.now, Input::Bytes(&hello)).expect("a hello");
    let mut lengths = Vec::new();
    while let manycast_rtmp::session::Output::Transmit(bytes) = server.session.poll_output() {
        lengths.push(bytes.len());
    }
    assert_eq!(lengths.iter().sum::<usize>(), 3073);
    assert!(lengths.len() <= 3, "{lengths:?}");
}

#[test]
fn section8_1_the_reply_to_connect_is_one_flight_in_one_piece() {
    let mut server = Server::greeted();
    let turn = server.connect();
    assert_eq!(turn.said(), CONNECT_FLIGHT);
    assert_eq!(turn.pieces, 1);
    assert_eq!(told(&turn.events), ["Connected live "]);
}

#[test]
fn section8_1_the_result_is_on_message_stream_0_whatever_stream_connect_came_on() {
    let mut server = Server::greeted();
    let turn = server.say(&command(7, "connect", 1.0, &[Value::Null]));
    assert_eq!(turn.said(), CONNECT_FLIGHT);
}

#[test]
fn section8_1_a_second_connect_gets_the_same_result_and_no_event() {
    let mut server = Server::connected();
    let turn = server.connect();
    assert_eq!(turn.said(), "0: _result 1 {} status=NetConnection.Connect.Success");
    assert!(turn.events.is_empty());
}

#[test]
fn trap_a7_the_transaction_comes_back_bit_by_bit() {
    for txn in [f64::NAN, 2.5, -1.0, 1e300, f64::from_bits(0x7ff8_0000_dead_beef)] {
        let mut server = Server::greeted();
        let turn = server.say(&command(0, "connect", txn, &[Value::Null]));
        let wanted = command_body("_result", txn, &[]);
        let found = turn.bytes.windows(wanted.len()).any(|window| window == &wanted[..]);
        assert!(found, "{txn}");
        let turn = server.say(&command(0, "createStream", txn, &[Value::Null]));
        assert!(turn.bytes.windows(wanted.len()).any(|window| window == &wanted[..]), "{txn}");
    }
}

#[test]
fn trap_a3_connect_with_any_object_or_none_connects() {
    let app = || [("app", Value::from("live"))];
    let rows = [
        (vec![object(app())], "Connected live "),
        (vec![ecma_array(app())], "Connected live "),
        (vec![Value::Null], "Connected  "),
        (vec![Value::Undefined], "Connected  "),
        (vec![], "Connected  "),
        (vec![object([("app", Value::from(7.0))])], "Connected  "),
        (vec![object(app()), "user".into(), 1.0.into(), Value::Null], "Connected live "),
    ];
    for (values, wanted) in rows {
        let mut server = Server::greeted();
        let turn = server.say(&command(0, "connect", 1.0, &values));
        assert_eq!(told(&turn.events), [wanted]);
        assert_eq!(turn.said(), CONNECT_FLIGHT);
    }
}

#[test]
fn trap_t10_enhanced_rtmp_is_answered_to_those_who_spoke_of_it() {
    let list = Value::StrictArray(vec!["hvc1".into(), "av01".into()]);
    let enhanced = object([("app", Value::from("live")), ("fourCcList", list)]);
    let mut server = Server::greeted();
    let turn = server.say(&command(0, "connect", 1.0, &[enhanced]));
    for key in ["capsEx\0", "fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap"] {
        let key = key.as_bytes();
        let count = turn.bytes.windows(key.len()).filter(|window| *window == key).count();
        assert_eq!(count, 2, "in the properties and in the info");
    }
    assert_eq!(
        server.session.peer().map(|peer| peer.takes(MediaKind::Video, "vp09")),
        Some(Some(false))
    );
    let Some(Event::Connected { capabilities, .. }) = turn.events.first() else { panic!() };
    assert_eq!(capabilities.four_cc, ["hvc1", "av01"]);
    let turn = Server::greeted().connect();
    assert!(!turn.bytes.windows(6).any(|window| window == b"capsEx"));
}

#[test]
fn section5_amf3_connect_and_commands_are_answered_in_amf0() {
    let mut server = Server::greeted();
    let connect = command_body("connect", 1.0, &[object([("objectEncoding", Value::from(3.0))])]);
    let body = [&[0], &connect[..]].concat();
    let turn = server.say(&message(MessageType::COMMAND_AMF3, 0, 0, body));
    assert_eq!(turn.said(), CONNECT_FLIGHT);
    let Some(Event::Connected { object_encoding, .. }) = turn.events.first() else { panic!() };
    assert_eq!(*object_encoding, 3);
    let body = command_body("createStream", 2.0, &[Value::Null]);
    let turn = server.say(&message(MessageType::COMMAND_AMF3, 0, 0, body));
    assert_eq!(turn.said(), "0: _result 2 null 1");
}

#[test]
fn section8_1_unknown_calls_are_answered_and_never_close() {
    let names = [
        "_checkbw",
        "checkBandwidth",
        "call",
        "setChallenge",
        "onClientLogin",
        "FCUnsubscribe",
        "x",
        "",
    ];
    let mut server = Server::connected();
    for name in names {
        let turn = server.say(&command(0, name, 9.0, &[Value::Null]));
        assert_eq!(turn.said(), "0: _result 9 null", "{name}");
        let turn = server.say(&command(0, name, 0.0, &[Value::Null]));
        assert_eq!(turn.said(), "", "{name} wants no reply");
    }
    for name in ["_result", "_error", "onStatus"] {
        let turn = server.say(&command(0, name, 9.0, &[Value::Null]));
        assert_eq!(turn.said(), "", "{name}");
    }
}

#[test]
fn section8_3_the_calls_of_players_that_are_not_play() {
    let mut server = Server::connected();
    let turn = server.say(&command(0, "FCSubscribe", 4.0, &[Value::Null, "key".into()]));
    assert_eq!(turn.said(), "0: onFCSubscribe 0 null status=NetStream.Play.Start");
    let turn = server.say(&command(0, "getStreamLength", 5.0, &[Value::Null, "key".into()]));
    assert_eq!(turn.said(), "0: _result 5 null 0");
}

#[test]
fn section8_1_calls_before_connect_are_refused_without_closing() {
    let mut server = Server::greeted();
    let turn = server.say(&command(0, "createStream", 2.0, &[Value::Null]));
    assert_eq!(turn.said(), "0: _error 2 null error=NetConnection.Call.Failed");
    assert_eq!(server.say(&message(MessageType::VIDEO, 1, 0, &b"\x17\x00"[..])).said(), "");
    assert_eq!(server.connect().said(), CONNECT_FLIGHT);
}

#[test]
fn section8_1_on_bw_done_when_asked_for() {
    let mut config = ServerConfig::new([7; 32]);
    config.on_bw_done = true;
    let mut server = Server::with(config);
    server.greet();
    let turn = server.connect();
    assert_eq!(turn.said(), format!("{CONNECT_FLIGHT} | 0: onBWDone 0 null 8192"));
}

#[test]
fn section8_1_connect_waits_for_a_verdict_when_the_owner_wants_to_give_one() {
    let config = || ServerConfig { ask_connect: true, ..ServerConfig::new([7; 32]) };
    let mut server = Server::with(config());
    server.greet();
    let turn = server.connect();
    assert_eq!(turn.said(), "");
    let request = requests(&turn)[0];
    assert_eq!(
        server.say(&command(0, "createStream", 2.0, &[Value::Null])).said(),
        "",
        "waits too"
    );
    let turn = server.accept(request);
    assert_eq!(turn.said(), format!("{CONNECT_FLIGHT} | 0: _result 2 null 1"));

    let mut server = Server::with(config());
    server.greet();
    let request = requests(&server.connect())[0];
    let verdict = Verdict::Refuse {
        code: RefusalCode::ConnectRejected,
        description: "code=403 need auth; authmod=adobe".into(),
    };
    let turn = server.input(Input::Verdict { request, verdict }).expect("a verdict");
    assert_eq!(turn.said(), "0: _error 1 null error=NetConnection.Connect.Rejected");
    assert!(turn.bytes.windows(13).any(|window| window == b"authmod=adobe"));
    let closed = Event::Close { reason: CloseReason::Refused(RefusalCode::ConnectRejected) };
    assert_eq!(turn.events, [closed]);

    let mut server = Server::with(config());
    server.greet();
    server.connect();
    let calls = vec![command(0, "x", 3.0, &[]); 65];
    assert_eq!(server.say_all(&calls[..64]).said(), "");
    assert_eq!(server.try_say_all(&calls[64..]).expect_err("too many wait"), SessionError::Command);

    let mut server = Server::with(config());
    server.greet();
    server.connect();
    let error = server.wait(60 * SECOND).expect_err("nobody decides");
    assert_eq!((error.clone(), error.fault()), (SessionError::Timeout(Wait::Verdict), Fault::Us));
}

#[test]
fn section4_pings_are_answered_in_every_state_after_the_handshake() {
    let ping = Control::User(UserControl::PingRequest(0x0102_0304)).to_message();
    for mut server in
        [Server::greeted(), Server::connected(), Server::publishing(), Server::playing()]
    {
        assert_eq!(server.say(&ping).said(), "User(PingResponse(16909060))");
    }
}

#[test]
fn trap_c5_a_ping_response_on_a_fresh_chunk_stream_with_a_type_1_header() {
    let mut server = Server::publishing();
    // What librtmp sends: chunk stream 2, type 1, as the first thing there.
    let turn = server.feed(&[0x42, 0, 0, 0, 0, 0, 6, 4, 0, 7, 0, 0, 0, 0]);
    assert_eq!((turn.said(), turn.events.len()), (String::new(), 0));
}

#[test]
fn trap_c7_control_counts_on_any_chunk_stream_and_message_stream() {
    let mut server = Server::connected();
    let mut ping = Control::User(UserControl::PingRequest(9)).to_message();
    ping.chunk_stream.0 = 4;
    ping.stream = stream(5);
    assert_eq!(server.say(&ping).said(), "User(PingResponse(9))");
    let mut size = Control::SetChunkSize(10).to_message();
    size.chunk_stream.0 = 7;
    size.stream = stream(1);
    server.say(&size);
    server.voice.set_chunk_size(10);
    assert_eq!(server.say(&command(0, "x", 3.0, &[Value::Null])).said(), "0: _result 3 null");
}

#[test]
fn trap_c8_a4_chunk_sizes_of_0_and_from_2_to_the_31_end_the_connection() {
    for size in [0, 0x8000_0000, 0xffff_ffff] {
        let mut server = Server::connected();
        let error =
            server.try_say_all(&[Control::SetChunkSize(size).to_message()]).expect_err("refused");
        assert_eq!((error.kind(), error.fault()), ("chunk", Fault::Peer), "{size:#x}");
    }
    for size in [1, 128, 0x0800_0000, 0x7fff_ffff] {
        let mut server = Server::connected();
        server.say(&Control::SetChunkSize(size).to_message());
        server.voice.set_chunk_size(size);
        assert_eq!(server.say(&command(0, "x", 3.0, &[Value::Null])).said(), "0: _result 3 null");
    }
}

#[test]
fn a4_a_flood_of_one_byte_chunks_is_cut_and_a_slow_one_is_served() {
    let body = vec![0x27; 60_000];
    let mut flood = Server::publishing();
    flood.say(&Control::SetChunkSize(1).to_message());
    flood.voice.set_chunk_size(1);
    let result = flood.try_say_all(&[message(MessageType::VIDEO, 1, 0, body.clone())]);
    assert_eq!(result.expect_err("cut"), SessionError::ChunkFlood);
    let mut slow = Server::publishing();
    slow.say(&Control::SetChunkSize(1).to_message());
    slow.voice.set_chunk_size(1);
    for tenth in 0..100_u32 {
        let turn = slow.say(&message(MessageType::VIDEO, 1, tenth * 100, body[..2000].to_vec()));
        assert_eq!(turn.events.len(), 1);
        slow.now += SECOND / 10;
    }
}

#[test]
fn section4_short_and_unknown_control_messages_are_ignored() {
    let mut server = Server::connected();
    for kind in 1..=6 {
        for length in 0..4 {
            let turn = server.say(&message(MessageType(kind), 0, 0, vec![0; length]));
            assert_eq!(turn.said(), "", "type {kind} of {length}");
        }
    }
    for event in [5_u16, 8, 26, 27, 31, 32, 999] {
        let body = [&event.to_be_bytes()[..], &[0; 4]].concat();
        assert_eq!(
            server.say(&message(MessageType::USER_CONTROL, 0, 0, body)).said(),
            "",
            "{event}"
        );
    }
}

#[test]
fn section5_unknown_types_and_shared_objects_are_ignored() {
    let mut server = Server::publishing();
    for kind in [0, 7, 10, 14, 16, 19, 21, 23, 99, 255] {
        let turn = server.say(&message(MessageType(kind), 1, 0, vec![1; 20]));
        assert_eq!((turn.said(), turn.events.len()), (String::new(), 0), "type {kind}");
    }
}

#[test]
fn section4_bytes_are_acknowledged_by_half_windows() {
    let mut server = Server::publishing();
    server.say(&Control::WindowAckSize(20_000).to_message());
    let mut lines = Vec::new();
    for n in 0..30 {
        lines.extend(server.say(&message(MessageType::VIDEO, 1, n, vec![0x27; 1000])).lines);
    }
    assert!((2..=3).contains(&lines.len()), "30 kB by 10 kB: {lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("Acknowledgement(")));
}

#[test]
fn section4_tiny_windows_make_no_storm() {
    for window in [0, 1, 100] {
        let mut server = Server::publishing();
        server.say(&Control::WindowAckSize(window).to_message());
        let messages: Vec<_> =
            (0..50).map(|n| message(MessageType::VIDEO, 1, n, vec![0x27; 1000])).collect();
        let turn = server.say_all(&messages);
        assert_eq!(turn.lines.len(), 1, "one acknowledgement for one read, window {window}");
    }
}

#[test]
fn section4_set_peer_bandwidth_is_answered_once_per_change() {
    let mut server = Server::connected();
    let mut set = |window, limit| {
        server.say(&Control::SetPeerBandwidth { window, limit }.to_message()).said()
    };
    assert_eq!(set(2_500_000, LimitType::Hard), "", "as announced");
    assert_eq!(set(5000, LimitType::Hard), "WindowAckSize(5000)");
    assert_eq!(set(5000, LimitType::Dynamic), "");
    assert_eq!(set(4000, LimitType::Soft), "WindowAckSize(4000)");
}

#[test]
fn trap_h6_a_text_protocol_is_refused_by_its_first_byte() {
    let mut server = Server::new();
    let error = server.try_feed(b"GET / HTTP/1.1\r\n").expect_err("refused");
    assert_eq!((error.kind(), error.fault()), ("handshake", Fault::Peer));
}

#[test]
fn b4_a_half_open_handshake_ends_after_ten_seconds_whatever_trickles() {
    let mut server = Server::new();
    assert_eq!(
        server.wait(11 * SECOND).expect_err("silence"),
        SessionError::Timeout(Wait::Handshake)
    );
    let mut server = Server::new();
    for _ in 0..9 {
        server.try_feed(&[3]).expect("in time");
        server.wait(SECOND).expect("in time");
    }
    let error = server.wait(2 * SECOND).expect_err("trickle");
    assert_eq!((error.kind(), error.fault()), ("handshake_timeout", Fault::Network));
    let mut server = Server::new();
    server.now += 10 * SECOND;
    let late = server.try_feed(&[3]).expect_err("bytes do not move the deadline");
    assert_eq!(late, SessionError::Timeout(Wait::Handshake));
}

#[test]
fn section12_twenty_seconds_from_the_handshake_to_a_stream() {
    let timeout = SessionError::Timeout(Wait::Setup);
    assert_eq!(Server::greeted().wait(21 * SECOND).expect_err("no connect"), timeout);
    let mut server = Server::connected();
    server.say(&command(0, "createStream", 2.0, &[Value::Null]));
    server.wait(19 * SECOND).expect("still time");
    assert_eq!(server.wait(2 * SECOND).expect_err("no stream"), timeout);
    let mut server = Server::publishing();
    server.say(&command(0, "deleteStream", 7.0, &[Value::Null, 1.0.into()]));
    server.wait(19 * SECOND).expect("still time");
    assert_eq!(server.wait(2 * SECOND).expect_err("no further stream"), timeout);
}

#[test]
fn b6_a_message_that_trickles_is_cut_after_eight_seconds() {
    let mut server = Server::publishing();
    let mut pieces = Vec::new();
    server.voice.write(&message(MessageType::VIDEO, 1, 0, vec![0x27; 100]), &mut pieces);
    let bytes = pieces.concat();
    let mut cut = None;
    for (second, byte) in bytes.iter().enumerate() {
        let result = server.try_feed(&[*byte]).and_then(|_| server.wait(SECOND));
        if let Err(error) = result {
            cut = Some((second, error));
            break;
        }
    }
    let (second, error) = cut.expect("it was cut");
    assert_eq!((error.kind(), error.fault()), ("slow_message", Fault::Network));
    assert!((15..=22).contains(&second), "a header of 12 bytes, then eight seconds: {second}");
}

#[test]
fn a3_messages_are_small_until_a_publish_is_accepted() {
    let large = || message(MessageType::VIDEO, 1, 0, vec![0x27; 70_000]);
    for mut server in [Server::greeted(), Server::connected(), Server::playing()] {
        assert_eq!(server.try_say_all(&[large()]).expect_err("too long").kind(), "chunk");
    }
    let mut server = Server::publishing();
    assert_eq!(server.say(&large()).events.len(), 1);
    let huge = message(MessageType::VIDEO, 1, 0, vec![0x27; 10 * 1024 * 1024 + 1]);
    assert_eq!(server.try_say_all(&[huge]).expect_err("above 10 MiB").kind(), "chunk");
    let mut server = Server::publishing();
    server.say(&command(1, "closeStream", 0.0, &[Value::Null]));
    assert_eq!(server.try_say_all(&[large()]).expect_err("small again").kind(), "chunk");
}

#[test]
fn a2_a_command_that_nests_beyond_measure_ends_the_connection() {
    let mut body = command_body("connect", 1.0, &[]).to_vec();
    body.extend([3, 0, 1, b'a'].repeat(10_000));
    for mut server in [Server::greeted(), Server::connected()] {
        let bomb = message(MessageType::COMMAND_AMF0, 0, 0, body.clone());
        assert_eq!(server.try_say_all(&[bomb]).expect_err("refused"), SessionError::Command);
    }
}

#[test]
fn a6_the_65th_chunk_stream_ends_the_connection() {
    let mut server = Server::connected();
    let mut used = 1; // 3, by the commands
    for id in 4.. {
        let mut one = message(MessageType::VIDEO, 1, 0, vec![0x27; 10]);
        one.chunk_stream.0 = id;
        match server.try_say_all(&[one]) {
            Ok(_) => used += 1,
            Err(error) => {
                assert_eq!(error.kind(), "chunk");
                break;
            }
        }
    }
    assert_eq!(used, 64);
}

#[test]
fn replies_never_exceed_four_times_the_input() {
    let mut server = Server::playing();
    let seek = command(1, "seek", 0.0, &[Value::Null, 0.0.into()]);
    let mut cut = None;
    for count in 0..10_000 {
        if let Err(error) = server.try_say_all(std::slice::from_ref(&seek)) {
            cut = Some((count, error));
            break;
        }
        assert!(server.sent <= 4 * server.received);
    }
    let (count, error) = cut.expect("cut some time");
    assert_eq!(error, SessionError::ReplyFlood);
    assert!(count >= 50, "a person who seeks is not cut: {count}");
}

#[test]
fn trap_c13_no_reply_is_longer_than_the_announced_chunk() {
    let name = "k".repeat(3000);
    let mut server = Server::connected();
    server.say(&command(0, "createStream", 2.0, &[Value::Null]));
    let request = server.publish(1, &name);
    let turn = server.accept(request);
    // A continuation chunk of chunk stream 3 would begin with 0xc3 at the chunk's end.
    assert_eq!(turn.lines.len(), 2);
    assert!(turn.bytes.len() < 4096 + 100);
}
