//! The server session and its players: section 8.3 of the trap list.

mod support;

use bytes::Bytes;
use manycast_amf::{Value, object};
use manycast_rtmp::{
    message::{Control, Message, MessageType, UserControl},
    session::{CloseReason, DrainReason, Event, Fault, MediaKind, RefusalCode},
};
use support::{SECOND, Server, command, message, requests, stream, told};

const PLAY: &str = "SetChunkSize(65536) | User(StreamBegin((1))) | \
    1: onStatus 0 null status=NetStream.Play.Reset | 1: onStatus 0 null status=NetStream.Play.Start | \
    1: |RtmpSampleAccess true true";
const SOUGHT: &str = "1: onStatus 0 null status=NetStream.Seek.Notify | 1: onStatus 0 null status=NetStream.Play.Start";

fn play(values: &[Value]) -> Message {
    command(1, "play", 0.0, &[&[Value::Null, "key".into()], values].concat())
}

fn asked(server: &mut Server, message: &Message) -> (Vec<String>, String) {
    let turn = server.say(message);
    let events = told(&turn.events);
    let said = server.accept(requests(&turn)[0]);
    assert_eq!(said.pieces, 1, "the answer is one flight");
    (events, said.said())
}

fn send(server: &mut Server, kind: MediaKind, timestamp: u32, body: &[u8]) -> Vec<String> {
    server.session.send_media(stream(1), kind, timestamp, Bytes::copy_from_slice(body));
    server.drain().lines
}

#[test]
fn section8_3_play_is_answered_in_one_flight() {
    let mut server = Server::connected();
    server.say(&command(0, "createStream", 2.0, &[Value::Null]));
    let (events, said) = asked(&mut server, &play(&[]));
    assert_eq!((events, said.as_str()), (vec!["PlayRequest 1 key -2 -1 true".into()], PLAY));
}

#[test]
fn section8_3_start_duration_and_reset_of_all_sorts() {
    let number = |n: f64| Value::from(n);
    let rows: [(Vec<Value>, &str, bool); 14] = [
        (vec![number(-2.0)], "-2 -1 true", true),
        (vec![number(-1.0)], "-1 -1 true", true),
        (vec![number(-1000.0)], "-1 -1 true", true),
        (vec![number(-2000.0)], "-2 -1 true", true),
        (vec![number(12.5), number(30.0)], "12.5 30 true", true),
        (vec!["-1".into()], "-1 -1 true", true),
        (vec!["nonsense".into(), "x".into()], "-2 -1 true", true),
        (vec![number(f64::NAN)], "-2 -1 true", true),
        (vec![Value::Null, Value::Null, Value::Null], "-2 -1 true", true),
        (vec![number(-2.0), number(-1.0), false.into()], "-2 -1 false", false),
        (vec![number(-2.0), number(-1.0), true.into()], "-2 -1 true", true),
        (vec![number(-2.0), number(-1.0), number(0.0)], "-2 -1 false", false),
        (vec![number(-2.0), number(-1.0), number(1.0)], "-2 -1 true", true),
        (vec![number(-2.0), number(-1.0), "0".into()], "-2 -1 true", true),
    ];
    for (values, wanted, reset) in rows {
        let mut server = Server::connected();
        let (events, said) = asked(&mut server, &play(&values));
        assert_eq!(events, [format!("PlayRequest 1 key {wanted}")], "{values:?}");
        assert_eq!(said.contains("Play.Reset"), reset, "{values:?}");
    }
}

#[test]
fn section8_3_not_found_is_an_error_and_the_end_when_nothing_else_is_used() {
    let mut server = Server::connected();
    let request = server.play(1, "key");
    let turn = server.refuse(request, RefusalCode::StreamNotFound);
    assert_eq!(turn.said(), "1: onStatus 0 null error=NetStream.Play.StreamNotFound");
    let reason = CloseReason::Refused(RefusalCode::StreamNotFound);
    assert_eq!(turn.events, [Event::Close { reason }]);

    let mut server = Server::playing();
    let request = server.play(2, "other");
    let turn = server.refuse(request, RefusalCode::PlayFailed);
    assert_eq!(turn.said(), "2: onStatus 0 null error=NetStream.Play.Failed");
    assert!(turn.events.is_empty(), "the first stream plays on");
    assert_eq!(send(&mut server, MediaKind::Audio, 0, &[0xaf, 1]).len(), 1);
}

#[test]
fn section8_3_media_goes_out_as_it_is_and_data_without_its_prefix() {
    let mut server = Server::playing();
    assert_eq!(
        send(&mut server, MediaKind::Video, 0x1234_5678, &[0x17; 70_000]),
        ["1: Video at 305419896 of 70000"]
    );
    assert_eq!(send(&mut server, MediaKind::Audio, 7, &[0xaf, 1]), ["1: Audio at 7 of 2"]);
    let data = b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x05";
    assert_eq!(send(&mut server, MediaKind::Data, 8, data), ["1: onMetaData null"]);
    server.session.send_media(stream(2), MediaKind::Audio, 7, Bytes::from_static(&[0xaf, 1]));
    assert!(server.drain().lines.is_empty(), "nothing plays there");
}

#[test]
fn section8_3_media_compresses_its_headers_until_somebody_else_wrote() {
    let mut server = Server::playing();
    let length = |server: &mut Server, timestamp| {
        server.session.send_media(
            stream(1),
            MediaKind::Audio,
            timestamp,
            Bytes::from_static(&[0xaf, 1]),
        );
        server.drain().bytes.len()
    };
    assert_eq!(length(&mut server, 0), 12 + 2);
    assert_eq!(length(&mut server, 20), 4 + 2);
    server.session.wrote_media_around();
    assert_eq!(length(&mut server, 40), 12 + 2);
    server.session.wrote_media_around();
    let picture = Bytes::from(vec![0x17; 70_000]);
    server.session.send_media(stream(1), MediaKind::Video, 0, picture);
    assert_eq!(server.drain().bytes.len(), 12 + 65_536 + 1 + 4464, "in chunks as announced");
}

#[test]
fn section8_3_pause_and_unpause() {
    let mut server = Server::playing();
    let pause = |flag: bool| command(1, "pause", 0.0, &[Value::Null, flag.into(), 1000.0.into()]);
    let turn = server.say(&pause(true));
    assert_eq!(turn.said(), "1: onStatus 0 null status=NetStream.Pause.Notify");
    assert_eq!(turn.events, [Event::Paused { stream: stream(1), paused: true }]);
    assert!(send(&mut server, MediaKind::Video, 0, &[0x17, 1]).is_empty());
    let turn = server.say(&pause(false));
    assert_eq!(turn.said(), "1: onStatus 0 null status=NetStream.Unpause.Notify");
    assert_eq!(turn.events, [Event::Paused { stream: stream(1), paused: false }]);
    assert_eq!(send(&mut server, MediaKind::Video, 0, &[0x17, 1]).len(), 1);
}

#[test]
fn section8_3_seek_goes_to_live() {
    let mut server = Server::playing();
    let turn = server.say(&command(1, "seek", 0.0, &[Value::Null, 60_000.0.into()]));
    assert_eq!(turn.said(), SOUGHT);
    assert_eq!(turn.events, [Event::SeekToLive { stream: stream(1) }]);
}

#[test]
fn section8_3_receive_audio_and_video() {
    let mut server = Server::playing();
    let receive = |name: &str, on: bool| command(1, name, 0.0, &[Value::Null, on.into()]);
    assert_eq!(server.say(&receive("receiveAudio", true)).events.len(), 0, "nothing changes");
    let turn = server.say(&receive("receiveAudio", false));
    assert_eq!(turn.said(), "", "off needs no reply");
    assert_eq!(turn.events, [Event::ReceiveAudio { stream: stream(1), on: false }]);
    assert!(send(&mut server, MediaKind::Audio, 0, &[0xaf, 1]).is_empty());
    assert_eq!(send(&mut server, MediaKind::Video, 0, &[0x17, 1]).len(), 1);
    assert_eq!(server.say(&receive("receiveAudio", true)).said(), SOUGHT);
    server.say(&receive("receiveVideo", false));
    assert!(send(&mut server, MediaKind::Video, 0, &[0x17, 1]).is_empty());
    let turn = server.say(&receive("receiveVideo", true));
    assert_eq!(turn.said(), SOUGHT);
    assert_eq!(turn.events, [Event::ReceiveVideo { stream: stream(1), on: true }]);
}

#[test]
fn section8_3_commands_of_players_mean_nothing_where_nothing_plays() {
    for mut server in [Server::connected(), Server::publishing()] {
        for name in ["pause", "seek", "receiveAudio", "receiveVideo", "closeStream"] {
            let turn = server.say(&command(9, name, 4.0, &[Value::Null, true.into()]));
            let ended = turn.events.iter().all(|event| matches!(event, Event::PublishEnded { .. }));
            assert!(ended, "{name}: {:?}", turn.events);
        }
    }
}

#[test]
fn section8_3_play_again_play2_and_play_false() {
    let mut server = Server::playing();
    let turn = server.say(&command(1, "play", 0.0, &[Value::Null, "other".into()]));
    assert_eq!(told(&turn.events), ["PlayEnded(stream 1)", "PlayRequest 1 other -2 -1 true"]);
    let said = server.accept(requests(&turn)[0]).said();
    assert_eq!(said, PLAY.replace("SetChunkSize(65536) | ", ""), "the chunk size is told once");

    let properties = object([("streamName", Value::from("high")), ("transition", "switch".into())]);
    let turn = server.say(&command(1, "play2", 0.0, &[Value::Null, properties]));
    assert_eq!(told(&turn.events), ["PlayEnded(stream 1)", "PlayRequest 1 high -2 -1 false"]);
    let said = server.accept(requests(&turn)[0]).said();
    assert!(said.contains("NetStream.Play.Transition") && !said.contains("Reset"), "{said}");

    let turn = server.say(&command(1, "play", 0.0, &[Value::Null, false.into()]));
    assert_eq!(told(&turn.events), ["PlayEnded(stream 1)"]);
    assert!(send(&mut server, MediaKind::Video, 0, &[0x17, 1]).is_empty());
}

#[test]
fn section8_3_publisher_notices_and_the_end() {
    let mut server = Server::playing();
    server.session.notify_unpublish(stream(1));
    let gone = "User(StreamEof((1))) | 1: onStatus 0 null status=NetStream.Play.UnpublishNotify";
    assert_eq!(server.drain().said(), gone);
    server.session.notify_publish(stream(1));
    let back = "User(StreamBegin((1))) | 1: onStatus 0 null status=NetStream.Play.PublishNotify";
    assert_eq!(server.drain().said(), back);
    server.session.end_play(stream(1));
    let turn = server.drain();
    assert_eq!(turn.said(), format!("{gone} | 1: onStatus 0 null status=NetStream.Play.Stop"));
    assert!(turn.events.is_empty());
    server.session.notify_publish(stream(1));
    assert!(server.drain().lines.is_empty(), "nothing plays there");
    assert!(server.wait(21 * SECOND).is_err(), "time for something else is bounded");
}

#[test]
fn section8_3_a_drain_ends_players_with_stream_eof() {
    let mut server = Server::playing();
    server.session.drain(DrainReason::Shutdown);
    let turn = server.drain();
    assert!(turn.said().starts_with(
        "User(StreamEof((1))) | 1: onStatus 0 null status=NetStream.Play.UnpublishNotify"
    ));
    assert_eq!(told(&turn.events), ["PlayEnded(stream 1)", "Close(Drained(Shutdown))"]);
}

#[test]
fn section8_publishing_and_playing_share_a_connection() {
    let mut server = Server::publishing();
    let turn = server.say(&command(0, "createStream", 6.0, &[Value::Null]));
    assert_eq!(turn.said(), "0: _result 6 null 2");
    let request = server.play(2, "other");
    server.accept(request);
    let turn = server.say(&message(MessageType::VIDEO, 1, 5, vec![0x27, 1]));
    assert_eq!(told(&turn.events), ["Video 1 at 5 of 2"]);
    server.session.send_media(stream(2), MediaKind::Audio, 6, Bytes::from_static(&[0xaf, 1]));
    assert_eq!(server.drain().lines, ["2: Audio at 6 of 2"]);
    assert!(
        server.say(&message(MessageType::VIDEO, 2, 5, vec![0x27, 1])).events.is_empty(),
        "a player sends none"
    );
    let turn = server.say(&command(0, "deleteStream", 0.0, &[Value::Null, 2.0.into()]));
    assert_eq!(told(&turn.events), ["PlayEnded(stream 2)"]);
    assert_eq!(server.say(&message(MessageType::VIDEO, 1, 5, vec![0x27, 1])).events.len(), 1);
}

#[test]
fn section4_1_buffer_length_is_told_for_streams_that_exist() {
    let mut server = Server::playing();
    let buffer = |id| {
        let event = UserControl::SetBufferLength { stream: stream(id), ms: 3000 };
        Control::User(event).to_message()
    };
    assert_eq!(
        server.say(&buffer(1)).events,
        [Event::BufferLength { stream: stream(1), milliseconds: 3000 }]
    );
    assert!(server.say(&buffer(5)).events.is_empty());
}

#[test]
fn section12_a_quiet_player_is_pinged_and_a_dead_one_let_go() {
    let mut server = Server::playing();
    let pong = Control::User(UserControl::PingResponse(0)).to_message();
    for _ in 0..10 {
        let turn = server.wait(26 * SECOND).expect("alive");
        assert_eq!(turn.said(), "User(PingRequest(0))");
        server.say(&pong);
    }
    let error = server.wait(100 * SECOND).expect_err("no answer");
    assert_eq!((error.kind(), error.fault()), ("ping_timeout", Fault::Network));
}
