//! Both sessions against each other, over a bad network, seed by seed.

#[path = "pair/mod.rs"]
mod network;

use std::time::Duration;

use bytes::Bytes;
use manycast_rtmp::{
    command::RtmpUrl,
    session::{
        ClientConfig, ClientEvent, ClientRole, CloseReason, DataEncoding, DrainReason, Event,
        Media, MediaKind, RefusalCode, ServerConfig, SessionError, Stage, Wait,
    },
};
use network::{Pair, Policy, Random};

const TICK: Duration = Duration::from_millis(40);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn client(role: ClientRole) -> ClientConfig {
    let url = RtmpUrl::with_key("rtmp://h/live", "key?token=t").expect("valid");
    ClientConfig::new(&url, role, [3; 32])
}

fn server() -> ServerConfig {
    ServerConfig::new([4; 32])
}

/// Media of one tick: a picture of any size, and sound.
fn media(random: &mut Random, timestamp: u32) -> [Media; 2] {
    let length = match random.below(10) {
        0 => 1 + random.below(150_000),
        1 => 128 * (1 + random.below(3)),
        _ => 1 + random.below(9000),
    };
    let fill = u8::try_from(random.below(256)).expect("a byte");
    let mut picture = vec![fill; usize::try_from(length).expect("small")];
    picture[0] = 0x17;
    let encoding = DataEncoding::Amf0;
    let video = Media { kind: MediaKind::Video, timestamp, body: picture.into(), encoding };
    let sound = Bytes::from(vec![0xaf, fill, 1, 2, 3]);
    let audio = Media {
        kind: MediaKind::Audio,
        timestamp: timestamp.wrapping_add(11),
        body: sound,
        encoding,
    };
    [video, audio]
}

/// Runs `ticks` of media into `send`, from a clock that starts anywhere.
fn flow(
    pair: &mut Pair,
    seed: u64,
    ticks: u32,
    send: fn(&mut Pair, MediaKind, u32, &Bytes) -> bool,
) -> Vec<Media> {
    let mut random = Random::new(seed ^ 0xfeed);
    let clocks = [0, 0xff_ffff - 1000, 0x7fff_ffff - 1000, u32::MAX - 1000, 123_456_789];
    let clock = clocks[usize::try_from(seed).expect("small") % clocks.len()];
    let mut sent = Vec::new();
    for tick in 0..ticks {
        for media in media(&mut random, tick.wrapping_mul(40).wrapping_add(clock)) {
            if send(pair, media.kind, media.timestamp, &media.body) {
                sent.push(media);
            }
        }
        pair.drive(TICK);
    }
    pair.drive(secs(2));
    sent
}

#[test]
fn e7_what_is_published_arrives_bit_by_bit_over_any_network() {
    for seed in 0..60 {
        let mut config = client(ClientRole::Publish);
        config.chunk_size = [128, 4096, 65_536, 1000][usize::try_from(seed).expect("small") % 4];
        config.digest = seed % 2 == 1;
        let mut pair = Pair::new(seed, server(), config);
        pair.drive(secs(3));
        let sent = flow(&mut pair, seed, 50, Pair::publish);
        assert_eq!(sent.len(), 100, "seed {seed}: {:?}", pair.client_events);
        assert!(pair.published() == sent, "seed {seed}");
        assert_eq!((&pair.server_error, &pair.client_error), (&None, &None), "seed {seed}");
        assert!(pair.server.bytes_replied() <= 4 * pair.received());
    }
}

#[test]
fn e7_what_is_played_arrives_bit_by_bit_over_any_network() {
    for seed in 100..160 {
        let mut pair = Pair::new(seed, server(), client(ClientRole::Play));
        pair.drive(secs(3));
        let sent = flow(&mut pair, seed, 50, Pair::play);
        assert_eq!(sent.len(), 100, "seed {seed}: {:?}", pair.server_events);
        assert!(pair.seen() == sent, "seed {seed}");
        assert_eq!((&pair.server_error, &pair.client_error), (&None, &None), "seed {seed}");
    }
}

#[test]
fn the_stages_come_in_order_once() {
    let mut pair = Pair::new(1, server(), client(ClientRole::Publish));
    pair.drive(secs(3));
    let wanted = [
        ClientEvent::Stage(Stage::HandshakeDone),
        ClientEvent::Stage(Stage::Connected),
        ClientEvent::Stage(Stage::StreamCreated),
        ClientEvent::Publishing,
    ];
    assert_eq!(pair.client_events, wanted);
    let requests = |event: &&Event| matches!(event, Event::PublishRequest { .. });
    assert_eq!(pair.server_events.iter().filter(requests).count(), 1);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut pair = Pair::new(seed, server(), client(ClientRole::Publish));
        pair.drive(secs(3));
        flow(&mut pair, seed, 30, Pair::publish);
        pair.trace()
    };
    for seed in 0..5 {
        assert_eq!(run(seed), run(seed));
        assert_ne!(run(seed), run(seed + 1000));
    }
}

#[test]
fn d5_a_refusal_reaches_the_client_in_the_server_s_words() {
    let rows = [
        (ClientRole::Publish, RefusalCode::BadName, "publish"),
        (ClientRole::Publish, RefusalCode::Denied, "publish"),
        (ClientRole::Play, RefusalCode::StreamNotFound, "play"),
    ];
    for (seed, (role, code, command)) in (0_u64..).zip(rows) {
        let mut pair = Pair::new(seed, server(), client(role)).policy(Policy::Refuse(code));
        pair.drive(secs(5));
        let refused = ClientEvent::Refused {
            code: code.as_str().to_owned(),
            description: "Not today.".to_owned(),
            command,
        };
        assert_eq!(pair.client_events[3..], [refused, ClientEvent::Closed]);
        let closed = Event::Close { reason: CloseReason::Refused(code) };
        assert_eq!(pair.server_events.last(), Some(&closed));
    }
}

#[test]
fn c4_nothing_is_told_of_media_whose_publish_was_not_accepted() {
    let policy = Policy::AcceptAfter(secs(5));
    let mut pair = Pair::new(7, server(), client(ClientRole::Publish)).policy(policy);
    pair.drive(secs(4));
    assert!(!pair.publish(MediaKind::Video, 0, &Bytes::from_static(&[0x17, 1])));
    pair.drive(secs(4));
    assert!(pair.publish(MediaKind::Video, 0, &Bytes::from_static(&[0x17, 1])));
    pair.drive(secs(1));
    assert_eq!(pair.published().len(), 1);
}

#[test]
fn section4_acknowledgements_go_over_2_to_the_32_in_both_directions() {
    let start = (1_u64 << 32) - 100_000;
    let small_window = |limits: &mut manycast_rtmp::Limits| limits.window_ack_size = 20_000;
    let (mut ours, mut theirs) = (server(), client(ClientRole::Publish));
    (ours.counted, theirs.counted) = (start, start);
    small_window(&mut ours.limits);
    small_window(&mut theirs.limits);
    let mut pair = Pair::new(5, ours, theirs);
    pair.drive(secs(3));
    flow(&mut pair, 5, 200, Pair::publish);
    let acknowledged: Vec<u64> = pair
        .client_events
        .iter()
        .filter_map(|event| match event {
            ClientEvent::PeerAcknowledged { bytes } => Some(*bytes),
            _ => None,
        })
        .collect();
    assert!(acknowledged.len() >= 20, "{}", acknowledged.len());
    assert!(acknowledged.is_sorted() && acknowledged[0] < 1 << 32);
    let last = *acknowledged.last().expect("some");
    assert!(last > 1 << 32 && last <= pair.client.bytes_sent());
    assert!(pair.client.bytes_sent() - last < 40_000, "within a window of the end");
}

#[test]
fn b6_a_stall_is_survived_if_short_and_cut_if_long() {
    let run = |until: u64| {
        let mut pair =
            Pair::new(9, server(), client(ClientRole::Publish)).stall_up(secs(5), secs(until));
        pair.drive(secs(3));
        let sent = flow(&mut pair, 9, 1500, Pair::publish);
        (pair.server_error.clone(), pair.published().len() == sent.len())
    };
    assert_eq!(run(11), (None, true), "six seconds");
    let (error, _) = run(50);
    let late = [SessionError::SlowMessage, SessionError::Timeout(Wait::Media)];
    assert!(late.contains(&error.clone().expect("cut")), "{error:?}");
}

#[test]
fn c1_a_connection_that_breaks_ends_the_stream_as_vanished() {
    let mut pair = Pair::new(11, server(), client(ClientRole::Publish));
    pair.drive(secs(3));
    flow(&mut pair, 11, 10, Pair::publish);
    pair.cut();
    let ended: Vec<_> = pair
        .server_events
        .iter()
        .filter(|event| !matches!(event, Event::Media { .. }))
        .skip(2)
        .collect();
    assert!(matches!(ended[..], [Event::PublishEnded { orderly: false, .. }, Event::Close { .. }]));
    assert_eq!(pair.client_events.last(), Some(&ClientEvent::Closed));
    assert!(!pair.publish(MediaKind::Video, 0, &Bytes::from_static(&[0x17])));
}

#[test]
fn a_close_by_the_client_is_orderly_and_loses_nothing() {
    let mut pair = Pair::new(12, server(), client(ClientRole::Publish));
    pair.drive(secs(3));
    let sent = flow(&mut pair, 12, 10, Pair::publish);
    assert!(pair.publish(MediaKind::Audio, 9, &Bytes::from_static(&[0xaf, 1])));
    pair.client.close();
    pair.drive(secs(2));
    assert_eq!(pair.published().len(), sent.len() + 1);
    let ended = |event: &Event| matches!(event, Event::PublishEnded { orderly: true, .. });
    assert_eq!(pair.server_events.iter().filter(|event| ended(event)).count(), 1);
}

#[test]
fn g3_a_drain_reaches_publishers_and_players() {
    for role in [ClientRole::Publish, ClientRole::Play] {
        let mut pair = Pair::new(13, server(), client(role));
        pair.drive(secs(3));
        pair.server.drain(DrainReason::Shutdown);
        pair.drive(secs(2));
        let last = pair.client_events.len() - 2;
        let [ClientEvent::Refused { code, .. }, ClientEvent::Closed] = &pair.client_events[last..]
        else {
            panic!("{:?}", pair.client_events)
        };
        assert_eq!(code, "NetConnection.Connect.AppShutdown");
    }
}

#[test]
fn b4_a_network_that_carries_nothing_ends_both_sides_in_time() {
    let mut pair =
        Pair::new(14, server(), client(ClientRole::Publish)).stall_up(secs(0), secs(1000));
    pair.drive(secs(9));
    assert_eq!((&pair.server_error, &pair.client_error), (&None, &None));
    pair.drive(secs(2));
    assert_eq!(pair.server_error, Some(SessionError::Timeout(Wait::Handshake)));
    assert_eq!(pair.client_error, Some(SessionError::Timeout(Wait::Handshake)));
}

#[test]
fn section12_an_idle_player_lives_on_pings() {
    let mut config = client(ClientRole::Play);
    config.limits.media_idle = secs(10_000);
    let mut pair = Pair::new(15, server(), config);
    pair.drive(secs(3600));
    assert_eq!((&pair.server_error, &pair.client_error), (&None, &None));
    assert!(pair.play(MediaKind::Video, 0, &Bytes::from_static(&[0x17, 1])));
    pair.drive(secs(1));
    assert_eq!(pair.seen().len(), 1);
}
