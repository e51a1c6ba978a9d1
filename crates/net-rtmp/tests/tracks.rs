//! Several Tracks over real sockets: what viewers get who ask for something, and who do not.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use bytes::Bytes;
use manycast_hub::{
    Announce, Bounds, Link, LinkMonitor, Secret, Start, StopHandle, Target, WantedTracks,
};
use manycast_media::{TrackKind, TrackRule};
use manycast_net_rtmp::{Player, PlayerEvent, RtmpLink, Sender};
use manycast_rtmp::session::MediaKind;
use std::time::{Duration, Instant};
use support::TestServer;

const LONG: Duration = Duration::from_secs(20);

/// What an encoder of two video and two audio Tracks sends: kind, time, body.
const SHOW: [(MediaKind, u32, &[u8]); 9] = [
    (MediaKind::Video, 0, b"\x17\0\0\0\0\x01\x64\0"),
    (MediaKind::Video, 0, b"\x96\0hvc1\x01\x01\x01"),
    (MediaKind::Audio, 0, b"\xaf\0\x12\x10"),
    (MediaKind::Audio, 0, b"\x95\0mp4a\x02\x11\x90"),
    (MediaKind::Video, 0, b"\x17\x01\0\0\0\0\0\0\x01\x65"),
    (MediaKind::Video, 0, b"\x96\x03hvc1\x01\0\0\0\x03\x26\x01\0"),
    (MediaKind::Audio, 10, b"\xaf\x01\x21"),
    (MediaKind::Audio, 10, b"\x95\x01mp4a\x02\x22"),
    (MediaKind::Video, 40, b"\x27\x01\0\0\0\0\0\0\x01\x41"),
];
/// The last picture of the default Track: nothing of the show comes after it.
const LAST: &[u8] = SHOW[8].2;
/// Sound of both Tracks after it, so that each viewer meets an end.
const END: [(MediaKind, u32, &[u8]); 2] =
    [(MediaKind::Audio, 50, b"\xaf\x01\x2f"), (MediaKind::Audio, 50, b"\x95\x01mp4a\x02\x2f")];

async fn show(sender: &mut Sender) {
    for (kind, at, body) in SHOW.iter().chain(&END) {
        sender.send(*kind, *at, Bytes::from_static(body)).await.unwrap();
    }
}

/// The bodies that come until the last sound of a Track.
async fn until_end(player: &mut Player) -> Vec<Bytes> {
    let mut got = Vec::new();
    let all = async {
        loop {
            let PlayerEvent::Media(event) = player.next().await.unwrap() else {
                panic!("ended after {got:?}")
            };
            if event.media.kind == MediaKind::Data {
                continue;
            }
            let body = event.media.body;
            if body.first().is_some_and(|first| [0xaf, 0x95].contains(first))
                && body.ends_with(b"\x2f")
            {
                return;
            }
            got.push(body);
        }
    };
    tokio::time::timeout(LONG, all).await.expect("the end of the show");
    got
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn sorted(mut bodies: Vec<Bytes>) -> Vec<Bytes> {
    bodies.sort();
    bodies
}

fn of_show(rows: &[usize]) -> Vec<Bytes> {
    sorted(rows.iter().map(|row| Bytes::from_static(SHOW[*row].2)).collect())
}

/// E-RTMP v2 "Multitrack": hardly any player announces that it takes several, so it can ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_rtmp_viewers_ask_for_tracks_in_their_address() {
    let server = TestServer::start();
    let mut sender = Sender::connect(&server.client, &server.address_of("main")).await.unwrap();
    let stream = server.hub.streams().remove(0);
    let plain = of_show(&[0, 2, 4, 6, 8]);
    let mut second = of_show(&[0, 4, 8]);
    second.extend([Bytes::from_static(b"\xaf\0\x11\x90"), Bytes::from_static(b"\xaf\x01\x22")]);
    let rows = [
        ("main", plain.clone()),
        ("main?token=x&tracks=default", plain),
        ("main?tracks=all", of_show(&[0, 1, 2, 3, 4, 5, 6, 7, 8])),
        ("main?tracks=all&video_track=none", of_show(&[2, 3, 6, 7])),
        ("main?audio_track=2", sorted(second)),
    ];
    let mut players = Vec::new();
    for (name, _) in &rows {
        players.push(Player::connect(&server.client, &server.address_of(name)).await.unwrap());
    }
    until("all are there", || stream.stats(Instant::now()).readers == rows.len() as u64).await;
    show(&mut sender).await;
    for ((name, want), player) in rows.iter().zip(&mut players) {
        let got = until_end(player).await;
        assert_eq!(&sorted(got.clone()), want, "{name}");
        let last = got.iter().position(|body| body == LAST);
        assert!(last.is_none_or(|last| last + 1 == got.len()), "{name}: in order");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_rtmp_a_rule_that_is_none_is_refused_with_the_words_that_are() {
    let server = TestServer::start();
    let _sender = Sender::connect(&server.client, &server.address_of("main")).await.unwrap();
    let address = server.address_of("main?audio_track=loudest");
    let refused = Player::connect(&server.client, &address).await.err().expect("refused");
    assert!(refused.message.contains("audio_track is a number"), "{}", refused.message);
}

/// What a destination is sent: asked for by settings, or as it says of itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_rtmp_destinations_are_sent_the_tracks_of_their_settings() {
    let rule = |kind, words: &str| Some(TrackRule::parse(kind, words).unwrap());
    let second =
        WantedTracks { video: rule(TrackKind::Video, "1"), audio: rule(TrackKind::Audio, "none") };
    let all =
        WantedTracks { video: rule(TrackKind::Video, "all"), audio: rule(TrackKind::Audio, "all") };
    let everything = of_show(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    // The far end is a server of ours, which answers to who asks that it takes several.
    for (announce, tracks, want, sound) in [
        (Announce::Nothing, WantedTracks::default(), of_show(&[0, 2, 4, 6, 8]), true),
        (Announce::Everything, WantedTracks::default(), everything.clone(), true),
        (Announce::Nothing, all, everything, true),
        (
            Announce::Nothing,
            second,
            sorted(vec![
                Bytes::from_static(b"\x90hvc1\x01\x01"),
                Bytes::from_static(b"\x93hvc1\0\0\0\x03\x26\x01\0"),
            ]),
            false,
        ),
    ] {
        let (source, sink) = (TestServer::start(), TestServer::start());
        let mut sender = Sender::connect(&source.client, &source.address_of("main")).await.unwrap();
        let stream = source.hub.streams().remove(0);
        let address = sink.address_of("copy?tracks=all");
        let mut player = Player::connect(&sink.client, &address).await.unwrap();
        let copy = sink.hub.streams().remove(0);
        until("the viewer is there", || copy.stats(Instant::now()).readers == 1).await;
        let (_stop, stopped) = StopHandle::new();
        let target = Target::new(&format!("rtmp://{}/live", sink.address), Secret::new("copy"));
        let target = Target { announce, tracks, ..target };
        let reader = stream.subscribe(Start::CurrentGop, Bounds::default(), Instant::now());
        let link = RtmpLink::new(source.client.clone(), source.fanout.clone());
        let delivery = tokio::spawn(link.deliver(target, reader, LinkMonitor::new(), stopped));
        until("the far end accepted", || copy.is_live()).await;
        show(&mut sender).await;
        let mut got = Vec::new();
        if sound {
            got = until_end(&mut player).await;
        } else {
            let end = (MediaKind::Video, 80, b"\xa6\x03hvc1\x01\0\0\0\x03\x02\x01\0".as_slice());
            sender.send(end.0, end.1, Bytes::from_static(end.2)).await.unwrap();
            while got.len() < want.len() {
                if let PlayerEvent::Media(event) = player.next().await.unwrap() {
                    got.extend((event.media.kind != MediaKind::Data).then_some(event.media.body));
                }
            }
        }
        assert_eq!(sorted(got), want, "{announce:?} {tracks:?}");
        delivery.abort();
    }
}

/// A destination that is left with nothing says so, and no longer when something comes that it gets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_rtmp_a_destination_whose_tracks_are_not_there_is_unfed() {
    let rule = |kind, words: &str| Some(TrackRule::parse(kind, words).unwrap());
    let tracks =
        WantedTracks { video: rule(TrackKind::Video, "1"), audio: rule(TrackKind::Audio, "none") };
    let (source, sink) = (TestServer::start(), TestServer::start());
    let mut sender = Sender::connect(&source.client, &source.address_of("main")).await.unwrap();
    let stream = source.hub.streams().remove(0);
    let (_stop, stopped) = StopHandle::new();
    let target = Target::new(&format!("rtmp://{}/live", sink.address), Secret::new("copy"));
    let target = Target { tracks, ..target };
    let reader = stream.subscribe(Start::CurrentGop, Bounds::default(), Instant::now());
    let link = RtmpLink::new(source.client.clone(), source.fanout.clone());
    let monitor = LinkMonitor::new();
    let delivery = tokio::spawn(link.deliver(target, reader, monitor.clone(), stopped));
    until("the far end accepted", || sink.hub.streams().iter().any(|one| one.is_live())).await;
    assert!(!monitor.is_unfed(), "nothing flows yet");
    for (kind, at, body) in [SHOW[0], SHOW[2], SHOW[4], SHOW[6], SHOW[8], END[0]] {
        sender.send(kind, at, Bytes::from_static(body)).await.unwrap();
    }
    until("nothing can be sent", || monitor.is_unfed()).await;
    let words = monitor.left_out().unwrap();
    assert!(words.contains("video_track"), "with a remedy: {words}");
    for (kind, at, body) in [SHOW[1], SHOW[5]] {
        sender.send(kind, at + 100, Bytes::from_static(body)).await.unwrap();
    }
    sender.send(MediaKind::Video, 140, Bytes::from_static(LAST)).await.unwrap();
    until("its track came", || !monitor.is_unfed()).await;
    assert_eq!(monitor.left_out(), None);
    delivery.abort();
}

/// Most viewers ask for nothing and share their bytes: they too go over when the first Track ends,
/// and back when it returns. Nothing that goes on is lost or sent twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_rtmp_viewers_who_share_bytes_go_over_when_the_first_track_ends() {
    const SECOND: &[u8] = b"\x93hvc1\0\0\0\x03\x26\x01\0";
    let server = TestServer::start();
    let mut sender = Sender::connect(&server.client, &server.address_of("main")).await.unwrap();
    let stream = server.hub.streams().remove(0);
    let mut player = Player::connect(&server.client, &server.address_of("main")).await.unwrap();
    until("it is there", || stream.stats(Instant::now()).readers == 1).await;
    show(&mut sender).await;
    assert_eq!(sorted(until_end(&mut player).await), of_show(&[0, 2, 4, 6, 8]));
    sender.send(MediaKind::Video, 60, Bytes::from_static(b"\x17\x02\0\0\0")).await.unwrap();
    // Key frames of the second Track, sound of the first, then the first is back as it was.
    let mut bodies = Vec::new();
    let mut at = 60;
    while bodies.iter().filter(|body: &&Bytes| *body == SECOND).count() < 3 {
        at += 20;
        sender.send(MediaKind::Video, at, Bytes::from_static(SHOW[5].2)).await.unwrap();
        sender.send(MediaKind::Audio, at, Bytes::from_static(SHOW[6].2)).await.unwrap();
        let next = async {
            loop {
                let PlayerEvent::Media(event) = player.next().await.unwrap() else { panic!() };
                let body = event.media.body;
                bodies.push(body.clone());
                if body == SHOW[6].2 {
                    return;
                }
            }
        };
        tokio::time::timeout(LONG, next).await.expect("sound goes on");
    }
    let is = |what: &'static [u8]| move |body: &&Bytes| *body == what;
    let sound = bodies.iter().filter(is(SHOW[6].2)).count();
    assert_eq!(sound, usize::try_from(at / 20 - 3).unwrap(), "each sound once");
    assert_eq!(bodies.iter().filter(is(SHOW[2].2)).count(), 0, "its configuration is known");
    let config = bodies.iter().position(|body| body.starts_with(b"\x90hvc1"));
    let picture = bodies.iter().position(|body| body == SECOND);
    assert_eq!(config.map(|at| at + 1), picture, "{bodies:?}");
    sender.send(MediaKind::Video, at + 20, Bytes::from_static(SHOW[4].2)).await.unwrap();
    sender.send(END[0].0, at + 20, Bytes::from_static(END[0].2)).await.unwrap();
    assert_eq!(until_end(&mut player).await, [SHOW[0].2, SHOW[4].2].map(Bytes::from_static));
    server.stop().await;
}
