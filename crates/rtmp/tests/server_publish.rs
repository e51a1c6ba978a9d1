//! The server session and its publishers: section 8.2 of the trap list, and what encoders do to it.

mod support;

use manycast_amf::{Value, encode_all};
use manycast_rtmp::{
    message::{Message, MessageType},
    session::{
        CloseReason, DataEncoding, DrainReason, Event, Fault, Input, MediaKind, Output,
        PublishKind, RefusalCode, SessionError, Wait,
    },
};
use support::{SECOND, Server, command, message, requests, stream, told};

const START: &str = "User(StreamBegin((1))) | 1: onStatus 0 null status=NetStream.Publish.Start";
const FMLE_START: &str = "User(StreamBegin((1))) | 0: onFCPublish 0 null status=NetStream.Publish.Start | \
    1: onStatus 0 null status=NetStream.Publish.Start";

fn named(id: u32, name: &str, transaction: f64) -> Message {
    command(id, name, transaction, &[Value::Null, "key".into()])
}

fn publish(id: u32, name: &str) -> Message {
    command(id, "publish", 5.0, &[Value::Null, name.into(), "live".into()])
}

fn create(transaction: f64) -> Message {
    command(0, "createStream", transaction, &[Value::Null])
}

fn video(id: u32, timestamp: u32, body: &[u8]) -> Message {
    message(MessageType::VIDEO, id, timestamp, body.to_vec())
}

/// Runs a dialogue up to the accept: what was said, turn by turn.
fn dialogue(turns: &[Vec<Message>]) -> (Server, Vec<String>) {
    let mut server = Server::connected();
    let mut said = Vec::new();
    let mut request = None;
    for messages in turns {
        let turn = server.say_all(messages);
        request = request.or(requests(&turn).first().copied());
        said.push(turn.said());
    }
    let turn = server.accept(request.expect("a publish"));
    assert_eq!(turn.pieces, 1, "the answer is one flight");
    said.push(turn.said());
    (server, said)
}

#[test]
fn section8_2_fmle_dialect_in_its_order_pipelined_and_shuffled() {
    let (release, fc, create) =
        (named(0, "releaseStream", 2.0), named(0, "FCPublish", 3.0), create(4.0));
    let (_, said) = dialogue(&[
        vec![release.clone()],
        vec![fc.clone()],
        vec![create.clone()],
        vec![publish(1, "key")],
    ]);
    let wanted = [
        "0: _result 2 null undefined",
        "0: _result 3 null undefined",
        "0: _result 4 null 1",
        "",
        FMLE_START,
    ];
    assert_eq!(said, wanted);
    let (_, said) =
        dialogue(&[vec![release.clone(), fc.clone(), create.clone(), publish(1, "key")]]);
    assert_eq!(said, [wanted[..3].join(" | "), FMLE_START.to_owned()]);
    let (_, said) = dialogue(&[vec![create, publish(1, "key"), fc, release]]);
    assert_eq!(said[1], FMLE_START);
}

#[test]
fn section8_2_plain_dialect_without_fmle_calls() {
    let (_, said) = dialogue(&[vec![create(2.0)], vec![publish(1, "key")]]);
    assert_eq!(said, ["0: _result 2 null 1", "", START]);
}

#[test]
fn section8_2_publish_without_create_stream_and_on_stream_0() {
    let (_, said) = dialogue(&[vec![publish(1, "key")]]);
    assert_eq!(said, ["", START]);
    let (_, said) = dialogue(&[vec![create(2.0), publish(0, "key")]]);
    assert_eq!(said[1], START, "the only stream is meant");
    let (_, said) = dialogue(&[vec![publish(5, "key")]]);
    assert_eq!(said[1], START.replace("(1)", "(5)").replace("1: ", "5: "));
}

#[test]
fn section8_2_nothing_says_start_before_the_verdict() {
    let mut server = Server::connected();
    let turn = server.say_all(&[named(0, "FCPublish", 3.0), create(4.0), publish(1, "key")]);
    assert!(!turn.said().contains("Start"), "{}", turn.said());
    let turn = server.refuse(requests(&turn)[0], RefusalCode::BadName);
    assert!(!turn.said().contains("Start"), "{}", turn.said());
}

#[test]
fn section8_2_publish_types() {
    let rows: [(Vec<Value>, PublishKind); 7] = [
        (vec!["live".into()], PublishKind::Live),
        (vec![], PublishKind::Live),
        (vec![Value::Null], PublishKind::Live),
        (vec!["LIVE!".into()], PublishKind::Live),
        (vec!["record".into()], PublishKind::Record),
        (vec!["append".into()], PublishKind::Append),
        (vec!["appendWithGap".into()], PublishKind::Append),
    ];
    for (more, wanted) in rows {
        let mut server = Server::connected();
        let values = [vec![Value::Null, "key".into()], more].concat();
        let turn = server.say(&command(1, "publish", 0.0, &values));
        let Some(Event::PublishRequest { kind, .. }) = turn.events.first() else { panic!() };
        assert_eq!(*kind, wanted, "{values:?}");
    }
}

#[test]
fn section8_2_names_arrive_as_they_are() {
    for name in
        ["", "k?x=1&y=a/b", "a/b/k", "mp4:k", "flv:k", "a%20b", "a b", "?streamname=a&key=b"]
    {
        let mut server = Server::connected();
        let turn = server.say(&publish(1, name));
        assert_eq!(told(&turn.events), [format!("PublishRequest 1 {name} Live")]);
    }
    let mut server = Server::connected();
    let turn = server.say(&command(1, "publish", 5.0, &[Value::Null, 7.0.into()]));
    assert_eq!(told(&turn.events), ["PublishRequest 1  Live"], "what is no string is empty");
}

#[test]
fn section8_2_refusals_are_errors_on_the_stream_and_then_the_end() {
    let rows = [
        (RefusalCode::BadName, "NetStream.Publish.BadName"),
        (RefusalCode::Denied, "NetStream.Publish.Denied"),
        (RefusalCode::Rejected, "NetStream.Publish.Rejected"),
        (RefusalCode::Unauthorized, "NetStream.Publish.Unauthorized"),
    ];
    for (code, wire) in rows {
        let mut server = Server::connected();
        server.say(&create(2.0));
        let request = server.publish(1, "key");
        let turn = server.refuse(request, code);
        assert_eq!(turn.said(), format!("1: onStatus 0 null error={wire}"));
        assert_eq!(turn.events, [Event::Close { reason: CloseReason::Refused(code) }]);
        assert_eq!(turn.until, None);
        let turn = server.say(&publish(1, "key"));
        assert_eq!(
            (turn.said(), turn.events.len()),
            (String::new(), 0),
            "nothing is read after it"
        );
    }
}

#[test]
fn section8_2_a_refused_publisher_is_let_go_whatever_else_it_does() {
    let mut server = Server::playing();
    let request = server.publish(2, "key");
    let turn = server.refuse(request, RefusalCode::BadName);
    assert_eq!(told(&turn.events), ["PlayEnded(stream 1)", "Close(Refused(BadName))"]);
}

#[test]
fn section8_2_one_verdict_accepts_one_publish_once() {
    let mut server = Server::connected();
    server.say_all(&[create(2.0), create(3.0)]);
    let (first, second) = (server.publish(1, "a"), server.publish(2, "b"));
    assert_eq!(server.accept(second).said(), START.replace("(1)", "(2)").replace("1: ", "2: "));
    assert_eq!(server.accept(second).said(), "", "a verdict counts once");
    assert_eq!(server.accept(first).said(), START);
    assert_eq!(server.accept(first).said(), "");
}

#[test]
fn section8_2_a_verdict_for_a_request_that_is_gone_is_ignored() {
    let mut server = Server::connected();
    server.say(&create(2.0));
    let request = server.publish(1, "key");
    let turn = server.say(&command(0, "deleteStream", 0.0, &[Value::Null, 1.0.into()]));
    assert_eq!(turn.events, [Event::PublishEnded { stream: stream(1), orderly: true }]);
    assert_eq!(server.accept(request).said(), "");
    let late = server.refuse(request, RefusalCode::Denied);
    assert_eq!((late.said(), late.events.len()), (String::new(), 0));
}

#[test]
fn b11_requests_that_are_taken_back_again_and_again_end_the_connection() {
    let mut server = Server::connected();
    let delete = command(0, "deleteStream", 0.0, &[Value::Null, 1.0.into()]);
    for _ in 0..3 {
        for _ in 0..60 {
            server.say_all(&[publish(1, "key"), delete.clone()]);
        }
        let request = server.publish(1, "key");
        server.accept(request);
        server.say(&delete);
    }
    let withdrawn = (0..1000).find_map(|count| {
        server.try_say_all(&[publish(1, "key"), delete.clone()]).err().map(|error| (count, error))
    });
    assert_eq!(withdrawn, Some((64, SessionError::RequestFlood)));
}

#[test]
fn trap_t12_media_of_any_look_is_passed_on_and_never_ends_the_session() {
    let mut server = Server::publishing();
    let bodies: [&[u8]; 8] = [
        &[0x84],                                                    // Metadata without a codec
        &[0x84, b'h', b'v', b'c', b'1'],                            // and without a body
        &[0x84, b'h', b'v', b'c', b'1', 9, 9], // and with a body that is no AMF
        &[0x96, 0x22, b'h', b'v', b'c', b'1', 0, 0xff, 0xff, 0xff], // a track longer than the message
        &[0x97, 0xff],                                              // ModEx that ends within itself
        &[0xd1],                                                    // a command without its number
        &[0x0c, 0, 0, 0, 0],                                        // frame type 0, codec 12
        &[0xff; 3],
    ];
    for body in bodies {
        let turn = server.say(&video(1, 0, body));
        let [Event::Media { media, .. }] = &turn.events[..] else { panic!() };
        assert_eq!(&media.body[..], body);
    }
}

#[test]
fn section8_2_a_repeated_publish_gets_the_same_answer() {
    let mut server = Server::connected();
    server.say(&create(2.0));
    let request = server.publish(1, "key");
    assert!(server.say(&publish(1, "key")).events.is_empty(), "one request, not two");
    server.accept(request);
    let turn = server.say(&publish(1, "key"));
    assert_eq!((turn.said().as_str(), turn.events.len()), (START, 0));
    let turn = server.say(&publish(1, "other"));
    assert_eq!(
        told(&turn.events),
        ["PublishEnded(stream 1, orderly true)", "PublishRequest 1 other Live"]
    );
}

#[test]
fn section8_2_media_arrives_as_it_was_sent() {
    let mut server = Server::publishing();
    let rows = [
        (MessageType::VIDEO, MediaKind::Video, 0, vec![0x17, 0, 0, 0, 0]),
        (MessageType::AUDIO, MediaKind::Audio, 0xff_ffff, vec![0xaf, 1, 7]),
        (MessageType::VIDEO, MediaKind::Video, 0x100_0000, vec![0x27; 5000]),
        (MessageType::VIDEO, MediaKind::Video, 0xffff_ffff, vec![0x27, 1]),
        (MessageType::VIDEO, MediaKind::Video, 4, vec![0x91, b'h', b'v', b'c', b'1', 0, 0, 0]),
        (MessageType::AUDIO, MediaKind::Audio, 3, vec![0x95, 0x01, b'm', b'p', b'4', b'a', 1]),
    ];
    for (kind, wanted, timestamp, body) in rows {
        let turn = server.say(&message(kind, 1, timestamp, body.clone()));
        let [Event::Media { stream: id, media }] = &turn.events[..] else { panic!() };
        assert_eq!((*id, media.kind, media.timestamp), (stream(1), wanted, timestamp));
        assert_eq!(media.body, body);
    }
}

#[test]
fn trap_a11_data_is_passed_on_as_raw_bytes() {
    let mut server = Server::publishing();
    let mut metadata = Vec::new();
    encode_all(&[Value::from("@setDataFrame"), "onMetaData".into(), Value::Null], &mut metadata);
    // The second is ffmpeg's timecode, which is no AMF (trap A10); the third has raw audio inside.
    let bodies =
        [metadata, vec![0, 0, 0, 1], b"\x02\x00\x17onExpectAdditionalMedia\xff\xfe".to_vec()];
    for body in bodies {
        let turn = server.say(&message(MessageType::DATA_AMF0, 1, 7, body.clone()));
        let [Event::Media { media, .. }] = &turn.events[..] else { panic!() };
        assert_eq!((media.kind, &media.body[..]), (MediaKind::Data, &body[..]));
        let amf3 = [&[0][..], &body].concat();
        let turn = server.say(&message(MessageType::DATA_AMF3, 1, 7, amf3));
        let [Event::Media { media, .. }] = &turn.events[..] else { panic!() };
        assert_eq!((media.encoding, &media.body[..]), (DataEncoding::Amf3, &body[..]));
    }
}

#[test]
fn trap_c10_empty_messages_are_ignored() {
    let mut server = Server::publishing();
    for kind in
        [MessageType::AUDIO, MessageType::VIDEO, MessageType::DATA_AMF0, MessageType::DATA_AMF3]
    {
        let turn = server.say(&message(kind, 1, 5, Vec::new()));
        assert_eq!((turn.said(), turn.events.len()), (String::new(), 0));
    }
    let turn = server.say(&message(MessageType::COMMAND_AMF0, 1, 5, Vec::new()));
    assert_eq!((turn.said(), turn.events.len()), (String::new(), 0));
}

#[test]
fn section5_aggregates_come_out_as_their_parts() {
    let part = |kind: u8, timestamp: u8, body: &[u8]| {
        let length = u8::try_from(body.len()).expect("short");
        let head = [kind, 0, 0, length, 0, 0, timestamp, 0, 0, 0, 9];
        [&head[..], body, &[0, 0, 0, 11 + length]].concat()
    };
    let body =
        [part(9, 100, &[0x17, 1]), part(8, 110, &[0xaf, 1]), part(18, 120, &[2, 0, 1, b'x'])]
            .concat();
    let mut server = Server::publishing();
    let turn = server.say(&message(MessageType::AGGREGATE, 1, 5000, body.clone()));
    assert_eq!(
        told(&turn.events),
        ["Video 1 at 5000 of 2", "Audio 1 at 5010 of 2", "Data 1 at 5020 of 4"]
    );
    let turn = server.say(&message(MessageType::AGGREGATE, 1, 5000, body[..20].to_vec()));
    assert!(turn.events.is_empty(), "a broken one costs its own media alone");
    assert_eq!(server.say(&video(1, 6000, &[0x27, 1])).events.len(), 1);
}

#[test]
fn section11_media_before_publish_and_before_the_verdict_is_held_in_order() {
    let mut server = Server::connected();
    let header = video(1, 0, &[0x17, 0, 1]);
    let turn = server.say_all(&[create(2.0), header, video(1, 40, &[0x17, 1, 2])]);
    assert!(turn.events.is_empty());
    let turn = server.say_all(&[publish(1, "key"), video(1, 80, &[0x27, 1, 3])]);
    let request = requests(&turn)[0];
    assert_eq!(turn.events.len(), 1);
    let turn = server.accept(request);
    let wanted = ["Video 1 at 0 of 3", "Video 1 at 40 of 3", "Video 1 at 80 of 3"];
    assert_eq!(
        (turn.said().as_str(), told(&turn.events)),
        (START, wanted.map(str::to_owned).to_vec())
    );
    assert_eq!(server.say(&video(1, 120, &[0x27, 1])).events.len(), 1);
}

#[test]
fn a3_media_that_waits_is_bounded_over_all_streams_and_keeps_its_headers() {
    let mut server = Server::connected();
    server.say_all(&[create(2.0), create(3.0)]);
    let request = server.publish(1, "key");
    for n in 0..1000 {
        server.say(&video(2, n, &[0x27; 1000]));
        server.say(&video(1, n, &[0x27; 1000]));
    }
    server.say(&video(1, 0, &[0x17, 0, 9]));
    let turn = server.accept(request);
    let bytes: usize = turn
        .events
        .iter()
        .map(|event| match event {
            Event::Media { media, .. } => media.body.len(),
            _ => 0,
        })
        .sum();
    assert!(bytes <= 65_536, "{bytes}");
    assert_eq!(told(&turn.events).last().map(String::as_str), Some("Video 1 at 0 of 3"));
}

#[test]
fn trap_c12_media_on_another_stream_than_the_published_one() {
    let mut server = Server::publishing();
    assert_eq!(told(&server.say(&video(0, 1, &[0x27, 1])).events), ["Video 1 at 1 of 2"]);
    assert_eq!(told(&server.say(&video(9, 1, &[0x27, 1])).events), ["Video 1 at 1 of 2"]);
    let request = server.publish(2, "b");
    server.accept(request);
    assert!(server.say(&video(9, 1, &[0x27, 1])).events.is_empty(), "two are published: no guess");
    assert_eq!(told(&server.say(&video(2, 1, &[0x27, 1])).events), ["Video 2 at 1 of 2"]);
}

#[test]
fn section8_2_all_ways_to_end_are_orderly() {
    const UNPUBLISHED: &str = "1: onStatus 0 null status=NetStream.Unpublish.Success";
    let fc =
        "0: _result 6 null undefined | 0: onFCUnpublish 0 null status=NetStream.Unpublish.Success";
    let rows = [
        (named(0, "FCUnpublish", 6.0), format!("{fc} | {UNPUBLISHED}")),
        (
            command(0, "FCUnpublish", 6.0, &[Value::Null, "wrong".into()]),
            format!("{fc} | {UNPUBLISHED}"),
        ),
        (command(0, "deleteStream", 7.0, &[Value::Null, 1.0.into()]), UNPUBLISHED.into()),
        (command(1, "deleteStream", 7.0, &[Value::Null, 1.0.into()]), UNPUBLISHED.into()),
        (command(0, "deleteStream", 7.0, &[]), UNPUBLISHED.into()),
        (command(1, "closeStream", 0.0, &[Value::Null]), UNPUBLISHED.into()),
        (command(0, "closeStream", 0.0, &[Value::Null]), UNPUBLISHED.into()),
        (command(1, "publish", 0.0, &[Value::Null, false.into()]), UNPUBLISHED.into()),
    ];
    for (end, wanted) in rows {
        let mut server = Server::publishing();
        let turn = server.say(&end);
        assert_eq!(turn.said(), wanted);
        assert_eq!(turn.events, [Event::PublishEnded { stream: stream(1), orderly: true }]);
        assert!(server.say(&video(1, 0, &[0x27, 1])).events.is_empty(), "it is over");
    }
}

#[test]
fn section8_2_the_connection_s_end_ends_its_streams() {
    let mut server = Server::publishing();
    let turn = server.input(Input::Eof).expect("an end");
    assert_eq!(told(&turn.events), ["PublishEnded(stream 1, orderly false)", "Close(PeerClosed)"]);
    assert!(server.input(Input::Eof).expect("once more").events.is_empty());
    let mut server = Server::publishing();
    let turn = server.say(&command(0, "close", 0.0, &[Value::Null]));
    assert_eq!(told(&turn.events), ["PublishEnded(stream 1, orderly true)", "Close(PeerClosed)"]);
}

#[test]
fn section8_2_streams_are_numbered_from_1_and_bounded() {
    let mut server = Server::connected();
    for id in 1..=8 {
        assert_eq!(server.say(&create(2.0)).said(), format!("0: _result 2 null {id}"));
    }
    assert_eq!(server.say(&create(2.0)).said(), "0: _error 2 null error=NetConnection.Call.Failed");
    assert!(server.say(&publish(77, "key")).events.is_empty(), "no stream beyond the bound");
    server.say(&command(0, "deleteStream", 0.0, &[Value::Null, 3.0.into()]));
    assert_eq!(
        server.say(&create(2.0)).said(),
        "0: _result 2 null 3",
        "a free number is used again"
    );
}

#[test]
fn b6_a_publisher_who_falls_silent_is_cut_after_thirty_seconds() {
    let mut server = Server::publishing();
    for second in 0..20 {
        server.wait(29 * SECOND).expect("not silent");
        assert_eq!(server.say(&video(1, second * 29_000, &[0x27, 1])).events.len(), 1);
    }
    server.wait(29 * SECOND).expect("still time");
    server.say(&command(0, "x", 0.0, &[Value::Null]));
    let error = server.wait(2 * SECOND).expect_err("commands are no media");
    assert_eq!((error.kind(), error.fault()), ("media_timeout", Fault::Network));
}

#[test]
fn b6_a_long_message_that_keeps_its_rate_is_no_silence() {
    let mut server = Server::publishing();
    let mut pieces = Vec::new();
    server.voice.write(&video(1, 0, &[0x27; 60_000]), &mut pieces);
    let mut events = Vec::new();
    for piece in pieces.concat().chunks(1200) {
        events.extend(server.feed(piece).events);
        events.extend(server.wait(SECOND).expect("1.2 kB/s is enough").events);
    }
    assert_eq!(told(&events), ["Video 1 at 0 of 60000"]);
}

#[test]
fn section12_a_verdict_that_does_not_come_is_our_fault() {
    let mut server = Server::connected();
    server.publish(1, "key");
    let error = server.wait(60 * SECOND).expect_err("nobody decides");
    assert_eq!((error.clone(), error.fault()), (SessionError::Timeout(Wait::Verdict), Fault::Us));
    assert_eq!(server.drain().said(), "1: onStatus 0 null error=NetStream.Publish.Rejected");
}

#[test]
fn an_accepted_publish_can_be_refused_later() {
    let mut server = Server::publishing();
    server.session.publish_refused_later(stream(1), RefusalCode::Denied, "The key was revoked.");
    let turn = server.drain();
    assert_eq!(turn.said(), "1: onStatus 0 null error=NetStream.Publish.Denied");
    assert_eq!(told(&turn.events), ["Close(Refused(Denied))"]);
    server.session.publish_refused_later(stream(1), RefusalCode::Denied, "Again.");
    assert!(server.drain().lines.is_empty());
}

#[test]
fn a_drain_tells_every_stream_and_then_asks_for_the_close() {
    let rows = [
        (DrainReason::Shutdown, "status=NetStream.Unpublish.Success", "AppShutdown"),
        (DrainReason::Revoked, "error=NetStream.Publish.Denied", "Closed"),
        (DrainReason::Finished, "status=NetStream.Unpublish.Success", "Closed"),
    ];
    for (reason, publish, connection) in rows {
        let mut server = Server::publishing();
        server.session.drain(reason);
        let turn = server.drain();
        let wanted = format!(
            "1: onStatus 0 null {publish} | 0: onStatus 0 null status=NetConnection.Connect.{connection}"
        );
        assert_eq!(turn.said(), wanted);
        let wanted = [
            "PublishEnded(stream 1, orderly true)".to_owned(),
            format!("Close(Drained({reason:?}))"),
        ];
        assert_eq!(told(&turn.events), wanted);
        server.session.drain(reason);
        assert!(server.drain().events.is_empty(), "once");
    }
    let mut server = Server::greeted();
    server.session.drain(DrainReason::Shutdown);
    assert_eq!(told(&server.drain().events), ["Close(Drained(Shutdown))"]);
}

#[test]
fn section8_reconnect_requests_go_to_those_who_follow_them() {
    let connect = |caps: f64| {
        let mut server = Server::greeted();
        let object = manycast_amf::object([("capsEx", Value::from(caps))]);
        server.say(&command(0, "connect", 1.0, &[object]));
        server
    };
    let mut server = connect(1.0);
    assert!(server.session.reconnect_request(Some(&"rtmp://h2/live".into()), "Maintenance."));
    let turn = server.drain();
    assert_eq!(turn.said(), "0: onStatus 0 null status=NetConnection.Connect.ReconnectRequest");
    assert!(turn.bytes.windows(14).any(|window| window == b"rtmp://h2/live"));
    let mut server = connect(2.0);
    assert!(!server.session.reconnect_request(None, "Maintenance."));
    assert!(server.drain().bytes.is_empty());
}

#[test]
fn j1_names_and_urls_do_not_show_in_debug() {
    let mut server = Server::greeted();
    let object = manycast_amf::object([
        ("app", Value::from("live/canary1?t=canary2")),
        ("tcUrl", "rtmp://h/live?t=canary3".into()),
    ]);
    let mut shown = String::new();
    shown += &format!("{:?}", server.say(&command(0, "connect", 1.0, &[object])).events);
    shown += &format!("{:?}", server.say(&publish(1, "canary4")).events);
    shown += &format!(
        "{:?}",
        server.say(&command(2, "play", 0.0, &[Value::Null, "canary5".into()])).events
    );
    shown += &format!("{:?} {:?}", server.session, Input::Bytes(b"canary6"));
    server.session.handle_input(server.now, Input::Bytes(b"")).expect("nothing");
    shown += &format!("{:?}", Output::<Event>::Transmit(b"canary7".as_slice().into()));
    assert!(shown.contains("PublishRequest") && shown.contains("PlayRequest"));
    assert!(!shown.contains("canary"), "{shown}");
}
