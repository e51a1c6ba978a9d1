//! The client session: section 14 of the trap list, and servers that answer otherwise than they
//! should.

mod support;

use manycast_amf::{Value, object};
use manycast_rtmp::{
    command::RtmpUrl,
    message::{Control, LimitType, MessageType, UserControl},
    session::{
        Capabilities, ClientConfig, ClientEvent, ClientRole, Fault, Input, MediaKind, SessionError,
        Stage, Wait,
    },
};
use support::{Client, SECOND, Turn, command, command_body, message};

const KEY: &str = "canary-key?token=t";

fn config(role: ClientRole) -> ClientConfig {
    let url = RtmpUrl::with_key("rtmp://h:1936/live?backup=1", KEY).expect("valid");
    ClientConfig::new(&url, role, [9; 32])
}

fn status(id: u32, level: &str, code: &str) -> manycast_rtmp::message::Message {
    let status = object([
        ("level", Value::from(level)),
        ("code", code.into()),
        ("description", format!("Words about {KEY} and canary-key.").into()),
    ]);
    command(id, "onStatus", 0.0, &[Value::Null, status])
}

fn success() -> Value {
    object([("level", Value::from("status")), ("code", "NetConnection.Connect.Success".into())])
}

/// A client whose `createStream` is on its way.
fn connected(role: ClientRole) -> Client {
    let (mut client, _) = Client::greeted(config(role));
    client.say(&command(0, "_result", 1.0, &[Value::Null, success()]));
    client
}

/// A client whose `publish` or `play` is on its way.
fn created(role: ClientRole) -> Client {
    let mut client = connected(role);
    client.say(&command(0, "_result", 4.0, &[Value::Null, 1.0.into()]));
    client
}

fn running(role: ClientRole) -> Client {
    let mut client = created(role);
    let code = match role {
        ClientRole::Publish => "NetStream.Publish.Start",
        ClientRole::Play => "NetStream.Play.Start",
    };
    client.say(&status(1, "status", code));
    client
}

fn refusal(turn: &Turn<ClientEvent>) -> (&str, &str, &str) {
    match &turn.events[..] {
        [ClientEvent::Refused { code, description, command }, ClientEvent::Closed] => {
            (code, description, command)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn section14_a_publisher_s_way_to_media() {
    let (mut client, turn) = Client::greeted(config(ClientRole::Publish));
    assert_eq!(turn.said(), "0: connect 1 {}");
    assert_eq!(turn.pieces, 2, "C2, then connect: one flight");
    assert_eq!(turn.events, [ClientEvent::Stage(Stage::HandshakeDone)]);
    let turn = client.say(&command(0, "_result", 1.0, &[Value::Null, success()]));
    let wanted = "WindowAckSize(2500000) | SetChunkSize(4096) | 0: releaseStream 2 null canary-key?token=t | \
        0: FCPublish 3 null canary-key?token=t | 0: createStream 4 null";
    assert_eq!((turn.said().as_str(), turn.pieces), (wanted, 1));
    let turn = client.say(&command(0, "_result", 4.0, &[Value::Null, 1.0.into()]));
    assert_eq!(turn.said(), "1: publish 5 null canary-key?token=t live");
    assert_eq!(turn.events, [ClientEvent::Stage(Stage::StreamCreated)]);
    assert!(
        !client.session.send_media(MediaKind::Video, 0, vec![0x17].into()),
        "not before it starts"
    );
    let turn = client.say(&status(1, "status", "NetStream.Publish.Start"));
    assert_eq!(turn.events, [ClientEvent::Publishing]);
    let turn = client.media(MediaKind::Video, 0, &[0x17; 5000]);
    assert_eq!(turn.lines, ["1: Video at 0 of 5000"]);
}

#[test]
fn section14_connect_says_what_platforms_know_and_nothing_else() {
    let shown = |config: ClientConfig| {
        let (_, turn) = Client::greeted(config);
        String::from_utf8_lossy(&turn.bytes).into_owned()
    };
    let plain = shown(config(ClientRole::Publish));
    for word in [
        "live?backup=1",
        "nonprivate",
        "FMLE/3.0 (compatible; FMSc/1.0)",
        "rtmp://h:1936/live?backup=1",
    ] {
        // Chunks of 128 bytes cut the text: compare it without their headers.
        assert!(plain.replace('\u{fffd}', "").contains(word), "{word} in {plain:?}");
    }
    for word in ["fourCcList", "capsEx", "canary", "objectEncoding"] {
        assert!(!plain.contains(word), "{word}");
    }
    let mut enhanced = config(ClientRole::Publish);
    enhanced.announce =
        Capabilities { four_cc: vec!["hvc1".into()], caps_ex: 1, ..Capabilities::default() };
    let enhanced = shown(enhanced).replace('\u{fffd}', "");
    assert!(
        enhanced.contains("fourCcList") && enhanced.contains("hvc1") && enhanced.contains("capsEx")
    );
    let player = shown(config(ClientRole::Play)).replace('\u{fffd}', "");
    assert!(
        player.contains("videoCodecs")
            && player.contains("audioCodecs")
            && !player.contains("nonprivate")
    );
}

#[test]
fn section14_results_of_any_transaction_order_and_number() {
    let result = |txn: f64, value: Value| command(0, "_result", txn, &[Value::Null, value]);
    let error = |txn: f64| command(0, "_error", txn, &[Value::Null, Value::Null]);
    let rows = [
        (
            "in order",
            vec![
                result(2.0, Value::Undefined),
                result(3.0, Value::Undefined),
                result(4.0, 1.0.into()),
            ],
        ),
        (
            "out of order",
            vec![result(4.0, 1.0.into()), result(3.0, Value::Null), result(2.0, Value::Null)],
        ),
        ("only the one that counts", vec![result(4.0, 1.0.into())]),
        (
            "all of transaction 0",
            vec![result(0.0, Value::Null), result(0.0, Value::Null), result(0.0, 1.0.into())],
        ),
        ("errors for the optional ones", vec![error(2.0), error(3.0), result(4.0, 1.0.into())]),
        ("without a number", vec![result(4.0, Value::Null)]),
    ];
    for (row, messages) in rows {
        let mut client = connected(ClientRole::Publish);
        let said: Vec<_> = messages.iter().flat_map(|message| client.say(message).lines).collect();
        assert_eq!(said, ["1: publish 5 null canary-key?token=t live"], "{row}");
        assert_eq!(
            client.say(&status(1, "status", "NetStream.Publish.Start")).events,
            [ClientEvent::Publishing]
        );
    }
}

#[test]
fn section14_connect_results_of_all_sorts() {
    let rows = [
        vec![Value::Null, success()],
        vec![object([("fmsVer", Value::from("x"))]), success()],
        vec![Value::Null, Value::Null],
        vec![],
    ];
    for transaction in [1.0, 0.0] {
        for values in &rows {
            let (mut client, _) = Client::greeted(config(ClientRole::Publish));
            let turn = client.say(&command(0, "_result", transaction, values));
            assert_eq!(turn.events, [ClientEvent::Stage(Stage::Connected)], "{values:?}");
        }
    }
}

#[test]
fn section14_refusals_carry_the_server_s_words_without_the_key() {
    let words = "Words about (stream name) and (stream name).";
    let codes = ["NetStream.Publish.BadName", "NetStream.Publish.Denied", "Some.Code"];
    for code in codes {
        let turn = created(ClientRole::Publish).say(&status(1, "error", code));
        assert_eq!(refusal(&turn), (code, words, "publish"));
    }
    let turn = created(ClientRole::Publish).say(&status(1, "status", "NetStream.Publish.BadName"));
    assert_eq!(
        refusal(&turn).0,
        "NetStream.Publish.BadName",
        "the code counts, whatever the level"
    );
    let turn = created(ClientRole::Play).say(&status(1, "error", "NetStream.Play.StreamNotFound"));
    assert_eq!(refusal(&turn).2, "play");
    let turn =
        running(ClientRole::Publish).say(&status(0, "status", "NetConnection.Connect.Closed"));
    assert_eq!(refusal(&turn).0, "NetConnection.Connect.Closed", "also later");

    let rejected = object([
        ("level", Value::from("error")),
        ("code", "NetConnection.Connect.Rejected".into()),
        ("description", "[ AccessManager.Reject ] : [ code=403 need auth ]".into()),
    ]);
    let (mut client, _) = Client::greeted(config(ClientRole::Publish));
    let turn = client.say(&command(0, "_error", 1.0, &[Value::Null, rejected.clone()]));
    let wanted = (
        "NetConnection.Connect.Rejected",
        "[ AccessManager.Reject ] : [ code=403 need auth ]",
        "connect",
    );
    assert_eq!(refusal(&turn), wanted);
    let (mut client, _) = Client::greeted(config(ClientRole::Publish));
    let turn = client.say(&command(0, "_result", 1.0, &[Value::Null, rejected]));
    assert_eq!(refusal(&turn), wanted, "an error in a result");
    let turn = connected(ClientRole::Publish).say(&command(0, "_error", 4.0, &[Value::Null]));
    assert_eq!(refusal(&turn), ("", "", "createStream"));
}

#[test]
fn section14_words_of_a_server_stay_readable_when_the_name_is_short() {
    let url = RtmpUrl::with_key("rtmp://h/live", "a").expect("valid");
    let (mut client, _) = Client::greeted(ClientConfig::new(&url, ClientRole::Publish, [9; 32]));
    let words = "a\u{7}lready taken".to_owned() + &"!".repeat(1000);
    let error = object([
        ("level", Value::from("error")),
        ("code", "X".into()),
        ("description", words.into()),
    ]);
    let turn = client.say(&command(0, "_error", 1.0, &[Value::Null, error]));
    let (_, description, _) = refusal(&turn);
    assert!(description.starts_with("already taken!") && description.len() == 512, "{description}");
}

#[test]
fn section8_1_redirects_are_told() {
    let ex = object([("code", Value::from(302.0)), ("redirect", "rtmp://other/live".into())]);
    let error = object([
        ("level", Value::from("error")),
        ("code", "NetConnection.Connect.Rejected".into()),
        ("ex", ex),
    ]);
    let (mut client, _) = Client::greeted(config(ClientRole::Publish));
    let turn = client.say(&command(0, "_error", 1.0, &[Value::Null, error]));
    let url = "rtmp://other/live".into();
    assert_eq!(turn.events, [ClientEvent::Redirect { url }, ClientEvent::Closed]);
}

/// SRS says it by a status, before or after `publish`, with the address in one of two places.
#[test]
fn section8_1_redirects_in_a_status_are_told() {
    for key in ["redirect", "redirect2"] {
        let other = if key == "redirect" { "redirect2" } else { "redirect" };
        let ex = object([
            ("code", Value::from(302.0)),
            (other, "".into()),
            (key, "rtmp://other/live".into()),
        ]);
        let error = object([
            ("level", Value::from("error")),
            ("code", "NetConnection.Connect.Rejected".into()),
            ("description", "moved".into()),
            ("ex", ex),
        ]);
        for mut client in
            [Client::greeted(config(ClientRole::Publish)).0, running(ClientRole::Publish)]
        {
            let turn = client.say(&command(0, "onStatus", 0.0, &[Value::Null, error.clone()]));
            let url = "rtmp://other/live".into();
            assert_eq!(turn.events, [ClientEvent::Redirect { url }, ClientEvent::Closed]);
        }
    }
}

#[test]
fn section8_reconnect_requests_give_an_absolute_url() {
    let rows = [
        (Some("rtmps://other/app"), "rtmps://other/app"),
        (Some("//other:1940/app"), "rtmp://other:1940/app"),
        (Some("/app2"), "rtmp://h:1936/app2"),
        (None, "rtmp://h:1936/live?backup=1"),
    ];
    for (named, wanted) in rows {
        let mut properties = vec![
            ("level", Value::from("status")),
            ("code", "NetConnection.Connect.ReconnectRequest".into()),
            ("description", "Maintenance.".into()),
        ];
        properties.extend(named.map(|url| ("tcUrl", url.into())));
        let mut client = running(ClientRole::Publish);
        let turn = client.say(&command(0, "onStatus", 0.0, &[Value::Null, object(properties)]));
        let (tc_url, description) = (wanted.into(), "Maintenance.".to_owned());
        assert_eq!(turn.events, [ClientEvent::ReconnectRequest { tc_url, description }]);
        assert_eq!(
            client.media(MediaKind::Audio, 0, &[0xaf, 1]).lines.len(),
            1,
            "it goes on meanwhile"
        );
    }
}

#[test]
fn section14_metadata_gets_its_prefix_and_other_data_none() {
    let mut client = running(ClientRole::Publish);
    let turn = client.media(MediaKind::Data, 0, b"\x02\x00\x0aonMetaData\x05");
    assert_eq!(turn.lines, ["1: @setDataFrame onMetaData null"]);
    let turn =
        client.media(MediaKind::Data, 0, b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x05");
    assert_eq!(turn.lines, ["1: @setDataFrame onMetaData null"]);
    let turn = client.media(MediaKind::Data, 0, b"\x02\x00\x06onText\x05");
    assert_eq!(turn.lines, ["1: onText null"]);
}

#[test]
fn section14_a_close_says_goodbye_in_order() {
    let mut client = running(ClientRole::Publish);
    client.session.close();
    let turn = client.drain();
    assert_eq!(turn.said(), "0: FCUnpublish 6 null canary-key?token=t | 0: deleteStream 7 null 1");
    assert_eq!((turn.pieces, turn.events, turn.until), (1, vec![ClientEvent::Closed], None));
    client.session.close();
    assert!(client.drain().events.is_empty(), "once");
    assert!(!client.session.send_media(MediaKind::Audio, 0, vec![1].into()));
    let mut client = running(ClientRole::Play);
    client.session.close();
    assert_eq!(client.drain().said(), "0: deleteStream 7 null 1");
    let mut client = connected(ClientRole::Publish);
    client.session.close();
    let turn = client.drain();
    assert_eq!((turn.said().as_str(), turn.events), ("", vec![ClientEvent::Closed]));
}

#[test]
fn section8_1_servers_that_measure_bandwidth_are_answered_once() {
    let mut client = connected(ClientRole::Publish);
    let done = command(0, "onBWDone", 0.0, &[Value::Null, 8192.0.into()]);
    assert_eq!(client.say(&done).said(), "0: _checkbw 8 null");
    assert_eq!(client.say(&done).said(), "");
    assert_eq!(client.say(&command(0, "_error", 8.0, &[Value::Null])).events, []);
    assert_eq!(
        client.say(&command(0, "_onbwcheck", 3.0, &[Value::Null])).said(),
        "0: _result 3 null"
    );
}

#[test]
fn section14_control_of_the_server_is_obeyed() {
    let mut client = running(ClientRole::Publish);
    let mut say = |control: Control| client.say(&control.to_message()).said();
    assert_eq!(say(Control::User(UserControl::PingRequest(5))), "User(PingResponse(5))");
    assert_eq!(say(Control::SetPeerBandwidth { window: 5000, limit: LimitType::Dynamic }), "");
    assert_eq!(
        say(Control::SetPeerBandwidth { window: 5000, limit: LimitType::Hard }),
        "WindowAckSize(5000)"
    );
    assert_eq!(say(Control::User(UserControl::BufferReady(support::stream(1)))), "");
    say(Control::SetChunkSize(60_000));
    client.voice.set_chunk_size(60_000);
    assert_eq!(
        client.say(&command(0, "x", 3.0, &vec![Value::Null; 300])).said(),
        "0: _result 3 null"
    );
}

#[test]
fn section4_acknowledged_bytes_are_told_and_never_more_than_were_sent() {
    let mut client = running(ClientRole::Publish);
    client.media(MediaKind::Video, 0, &[0x17; 10_000]);
    let sent = client.session.bytes_sent();
    let turn = client.say(&Control::Acknowledgement(8000).to_message());
    assert_eq!(turn.events, [ClientEvent::PeerAcknowledged { bytes: 8000 }]);
    let turn = client.say(&Control::Acknowledgement(2_000_000_000).to_message());
    assert_eq!(turn.events, [ClientEvent::PeerAcknowledged { bytes: sent }]);
}

#[test]
fn section14_a_player_s_way_to_media() {
    let mut client = connected(ClientRole::Play);
    let turn = client.say(&command(0, "_result", 4.0, &[Value::Null, 3.0.into()]));
    let wanted =
        "3: play 5 null canary-key?token=t -2 | User(SetBufferLength { stream: (3), ms: 3000 })";
    assert_eq!(turn.said(), wanted);
    assert_eq!(
        client.say(&status(3, "status", "NetStream.Play.Start")).events,
        [ClientEvent::Playing]
    );
    let turn = client.say(&message(MessageType::VIDEO, 3, 1000, vec![0x17; 100_000]));
    let [ClientEvent::Media { media }] = &turn.events[..] else { panic!() };
    assert_eq!((media.kind, media.timestamp, media.body.len()), (MediaKind::Video, 1000, 100_000));
}

#[test]
fn section14_a_server_that_plays_without_a_start_status() {
    let mut client = created(ClientRole::Play);
    let turn = client.say(&message(MessageType::VIDEO, 1, 0, vec![0x17; 70_000]));
    assert!(
        matches!(turn.events[..], [ClientEvent::Playing, ClientEvent::Media { .. }]),
        "{:?}",
        turn.events
    );
}

#[test]
fn section8_3_data_that_speaks_to_the_player_is_no_media() {
    let mut client = running(ClientRole::Play);
    let data = |body: Vec<u8>| message(MessageType::DATA_AMF0, 1, 0, body);
    assert!(client.say(&data(b"\x02\x00\x11|RtmpSampleAccess\x01\x01".to_vec())).events.is_empty());
    let mut body = Vec::new();
    let done =
        object([("code", Value::from("NetStream.Play.Complete")), ("level", "status".into())]);
    manycast_amf::encode_all(&[Value::from("onPlayStatus"), done], &mut body);
    let turn = client.say(&data(body));
    assert!(
        matches!(&turn.events[..], [ClientEvent::Status { code, .. }] if code == "NetStream.Play.Complete")
    );
    let turn = client.say(&data(b"\x02\x00\x0aonMetaData\x05".to_vec()));
    assert!(matches!(&turn.events[..], [ClientEvent::Media { .. }]));
}

#[test]
fn section14_other_statuses_are_told_and_end_nothing() {
    let mut client = running(ClientRole::Publish);
    let turn = client.say(&status(1, "status", "NetStream.Something.Else"));
    assert!(
        matches!(&turn.events[..], [ClientEvent::Status { code, .. }] if code == "NetStream.Something.Else")
    );
    let turn = client.say(&command(1, "onStatus", 0.0, &[]));
    assert!(matches!(&turn.events[..], [ClientEvent::Status { code, .. }] if code.is_empty()));
    assert_eq!(client.say(&command(0, "onFCPublish", 0.0, &[Value::Null])).events, []);
    assert_eq!(client.say(&command(0, "close", 0.0, &[Value::Null])).events, [ClientEvent::Closed]);
}

#[test]
fn section14_a_server_that_does_not_answer_is_left_in_time() {
    let wait = |mut client: Client| {
        let until = client.drain().until.expect("a deadline");
        client.now = until;
        client.input(Input::Deadline).expect_err("nobody answers")
    };
    let mut fresh = Client::new(config(ClientRole::Publish));
    fresh.drain();
    assert_eq!(wait(fresh), SessionError::Timeout(Wait::Handshake));
    let (greeted, _) = Client::greeted(config(ClientRole::Publish));
    for client in [
        greeted,
        connected(ClientRole::Publish),
        created(ClientRole::Publish),
        created(ClientRole::Play),
    ] {
        let error = wait(client);
        assert_eq!(
            (error.clone(), error.fault()),
            (SessionError::Timeout(Wait::Answer), Fault::Network)
        );
    }
    assert_eq!(wait(running(ClientRole::Play)), SessionError::Timeout(Wait::Media));
    assert_eq!(running(ClientRole::Publish).drain().until, None, "a server may listen in silence");
}

#[test]
fn section14_a_server_that_plays_slowly_is_kept() {
    let mut client = running(ClientRole::Play);
    for _ in 0..20 {
        client.now += 20 * SECOND;
        client.input(Input::Deadline).expect("not silent for long");
        client.say(&message(MessageType::AUDIO, 1, 0, vec![0xaf, 1]));
    }
}

#[test]
fn b6_a_server_whose_message_trickles_is_left() {
    let mut client = running(ClientRole::Play);
    let mut pieces = Vec::new();
    client.voice.write(&message(MessageType::VIDEO, 1, 0, vec![0x17; 100]), &mut pieces);
    let result = pieces.concat().into_iter().try_for_each(|byte| {
        client.now += SECOND;
        client.input(Input::Bytes(&[byte])).map(|_| ())
    });
    assert_eq!(result, Err(SessionError::SlowMessage));
}

#[test]
fn section14_odd_bytes_from_a_server_end_the_session_and_nothing_else() {
    let mut client = Client::new(config(ClientRole::Publish));
    assert_eq!(
        client.input(Input::Bytes(b"HTTP/1.1 400")).expect_err("no RTMP").kind(),
        "handshake"
    );
    let mut client = running(ClientRole::Publish);
    let mut bomb = command_body("onStatus", 0.0, &[]).to_vec();
    bomb.extend([3, 0, 1, b'a'].repeat(10_000));
    let mut pieces = Vec::new();
    client.voice.write(&message(MessageType::COMMAND_AMF0, 0, 0, bomb), &mut pieces);
    assert_eq!(
        client.input(Input::Bytes(&pieces.concat())).expect_err("a bomb"),
        SessionError::Command
    );
    let mut client = running(ClientRole::Publish);
    assert_eq!(client.input(Input::Eof).expect("an end").events, [ClientEvent::Closed]);
}

#[test]
fn j1_the_key_does_not_show_in_debug() {
    let mut client = created(ClientRole::Publish);
    let mut shown = format!("{:?} {:?}", config(ClientRole::Publish), client.session);
    shown += &format!("{:?}", client.say(&status(1, "error", "NetStream.Publish.Denied")).events);
    assert!(shown.contains("Refused") && !shown.contains("canary"), "{shown}");
    let mut client = Client::new(config(ClientRole::Publish));
    let hello = [&[3][..], &[0; 3072]].concat();
    client.session.handle_input(client.now, Input::Bytes(&hello)).expect("a hello");
    let undrained = format!("{:?}", client.session);
    assert!(undrained.contains("Outbox") && !undrained.contains("canary"), "{undrained}");
}
