//! Whole ways over real sockets: in, through the hub, out to viewers and Deliveries.

#[allow(dead_code, reason = "each test file uses its part")]
mod support;

use manycast_hub::{Bounds, Fault, Link, LinkMonitor, Start, StopHandle, Target, TurnedAwayFor};
use manycast_net_rtmp::{Admitted, Player, PlayerEvent, Reactors, RtmpLink, Sender};
use manycast_rtmp::chunk::write_full;
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::message::{ChunkStreamId, Message, MessageStreamId, MessageType};
use manycast_rtmp::session::{
    ClientConfig, ClientEvent, ClientRole, ClientSession, Input, Media, MediaKind, Output, Stage,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::{ClipMessage, TestServer, clip, is_frame, send};

const LONG: Duration = Duration::from_secs(20);

/// Plays until as many frames came.
async fn collect(player: &mut Player, frames: usize) -> Vec<Media> {
    let mut got = Vec::new();
    let mut count = 0;
    let all = async {
        while count < frames {
            match player.next().await.unwrap() {
                PlayerEvent::Media(event) => {
                    count += usize::from(is_frame(event.media.kind, &event.media.body));
                    got.push(event.media);
                }
                other => panic!("{other:?} after {count} frames"),
            }
        }
    };
    let done = tokio::time::timeout(LONG, all).await;
    assert!(done.is_ok(), "{count} of {frames} frames came: {:?}", got.first());
    got
}

fn frames(messages: &[ClipMessage]) -> Vec<(MediaKind, bytes::Bytes)> {
    let frames = messages.iter().filter(|m| is_frame(m.kind, &m.body));
    frames.map(|m| (m.kind, m.body.clone())).collect()
}

fn frames_of(media: &[Media]) -> Vec<(MediaKind, bytes::Bytes)> {
    let frames = media.iter().filter(|m| is_frame(m.kind, &m.body));
    frames.map(|m| (m.kind, m.body.clone())).collect()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e7_what_comes_out_is_what_went_in() {
    let server = TestServer::start();
    let clip = clip();
    let mut sender = Sender::connect(&server.client, &server.address_of("main")).await.unwrap();
    let mut player = Player::connect(&server.client, &server.address_of("main")).await.unwrap();
    let stream = server.hub.streams().remove(0);
    until("the viewer is there", || stream.stats(Instant::now()).readers == 1).await;
    send(&mut sender, &clip).await;
    let want = frames(&clip);
    let got = collect(&mut player, want.len()).await;
    assert!(frames_of(&got) == want, "the frames are the same, in the same order");
    assert_eq!(got[0].kind, MediaKind::Data, "metadata first");
    assert_eq!((got[1].kind, got[1].body[1]), (MediaKind::Video, 0), "then the configuration");
    assert_eq!((got[2].kind, got[2].body[0] >> 4), (MediaKind::Video, 1), "then a key frame");
    sender.close().await;
    assert!(matches!(player.next().await, Ok(PlayerEvent::Unpublished)));
    player.close().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_brings_the_same_frames_from_zero() {
    let source = TestServer::start();
    let sink = TestServer::start();
    let clip = clip();
    let mut sender = Sender::connect(&source.client, &source.address_of("main")).await.unwrap();
    let stream = source.hub.streams().remove(0);
    let mut player = Player::connect(&sink.client, &sink.address_of("copy")).await.unwrap();
    let copy = sink.hub.streams().remove(0);
    until("the viewer is there", || copy.stats(Instant::now()).readers == 1).await;
    let monitor = LinkMonitor::new();
    let (stop, stopped) = StopHandle::new();
    let key = manycast_hub::Secret::new("copy");
    let target = Target::new(&format!("rtmp://{}/live", sink.address), key);
    let reader = stream.subscribe(Start::CurrentGop, Bounds::default(), Instant::now());
    let link = RtmpLink::new(source.client.clone(), source.fanout.clone());
    let delivery = tokio::spawn(link.deliver(target, reader, monitor.clone(), stopped));
    until("the far end accepted", || copy.is_live()).await;
    let later: Vec<_> = clip
        .iter()
        .map(|m| ClipMessage { timestamp: m.timestamp + 5_000_000, ..m.clone() })
        .collect();
    send(&mut sender, &later).await;
    let want = frames(&clip);
    let got = collect(&mut player, want.len()).await;
    assert!(frames_of(&got) == want);
    let times: Vec<_> = got.iter().filter(|m| m.kind == MediaKind::Video).collect();
    assert_eq!(times[0].timestamp, 0);
    let counted = || monitor.frames.load(Ordering::Relaxed) as usize;
    until("all frames are counted", || counted() == want.len()).await;
    stop.stop();
    assert_eq!(delivery.await.unwrap().fault, Fault::None);
    until("the far end was told", || !copy.is_live()).await;
    assert!(matches!(player.next().await, Ok(PlayerEvent::Unpublished)), "in good order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_a_wrong_key_is_refused_with_a_reason() {
    let server = TestServer::start();
    let refused = Sender::connect(&server.client, &server.address_of("nobody")).await;
    let end = refused.err().unwrap();
    assert_eq!(end.fault, Fault::BadName);
    assert!(end.message.contains("NetStream.Publish.BadName"), "{}", end.message);
    assert!(end.message.contains("not known here"), "{}", end.message);
    assert_eq!(server.stats.snapshot().refused_key, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c2_a_rival_is_refused_while_the_first_one_lives() {
    let server = TestServer::start();
    let address = server.address_of("main");
    let mut first = Sender::connect(&server.client, &address).await.unwrap();
    let clip = clip();
    let keep = tokio::spawn(async move {
        for message in clip.iter().cycle() {
            if first.send(message.kind, message.timestamp, message.body.clone()).await.is_err() {
                return;
            }
            first.idle(Duration::from_millis(10)).await.unwrap();
        }
    });
    let end = Sender::connect(&server.client, &address).await.err().unwrap();
    assert_eq!(end.fault, Fault::Occupied);
    assert!(end.message.contains("already publishing"), "{}", end.message);
    assert_eq!(server.stats.snapshot().refused_busy, 1);
    let told = server.gate.told.lock();
    assert_eq!((told.len(), told[0].why), (1, TurnedAwayFor::Busy));
    assert_eq!(told[0].stream.as_ref().map(|name| name.as_str()), Some("main"));
    drop(told);
    keep.abort();
}

/// C7: an operator ends one session, of an encoder or of a viewer, and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_one_session_is_cut_and_no_other() {
    let server = TestServer::start();
    let connect =
        async |name: &str| Sender::connect(&server.client, &server.address_of(name)).await.unwrap();
    let (mut main, mut other) = (connect("main").await, connect("other").await);
    let address = server.address_of("other");
    let mut player = Player::connect(&server.client, &address).await.unwrap();
    let number = |publishes: bool, stream: &str| {
        let all = server.connections.admitted();
        let own = |(_, one): &&(u64, Admitted)| {
            one.publishes == publishes && one.stream.as_str() == stream
        };
        all.iter().find(own).map(|(number, _)| *number)
    };
    until("all are there", || server.connections.admitted().len() == 3).await;
    let cut = number(true, "main").unwrap();
    assert!(server.connections.cut(cut));
    main.idle(LONG).await.unwrap_err();
    until("it is gone", || number(true, "main").is_none()).await;
    assert!(!server.connections.cut(cut), "a number is never used again");
    other.idle(Duration::from_millis(50)).await.expect("it goes on");
    assert!(server.connections.cut(number(false, "other").unwrap()));
    let ended = tokio::time::timeout(LONG, async {
        while let Ok(PlayerEvent::Media(_) | PlayerEvent::Unpublished) = player.next().await {}
    });
    ended.await.expect("the viewer is cut");
    other.idle(Duration::from_millis(50)).await.expect("it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c1_a_silent_publisher_gives_way() {
    let server = TestServer::start();
    let address = server.address_of("main");
    let mut silent = Sender::connect(&server.client, &address).await.unwrap();
    send(&mut silent, &clip()[..20]).await;
    // Accepted as soon as the first one has been silent for two seconds.
    let newcomer = tokio::time::timeout(
        Duration::from_millis(7500),
        Sender::connect(&server.client, &address),
    );
    let newcomer = newcomer.await.expect("within three times the limit").unwrap();
    let end = silent.idle(LONG).await.unwrap_err();
    assert!(end.message.contains("took over"), "{}", end.message);
    newcomer.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_may_come_before_the_publisher_and_stay_over_runs() {
    let server = TestServer::start();
    let address = server.address_of("main");
    let mut player = Player::connect(&server.client, &address).await.unwrap();
    let clip = clip();
    for _ in 0..2 {
        let mut sender = Sender::connect(&server.client, &address).await.unwrap();
        send(&mut sender, &clip).await;
        let want = frames(&clip);
        let got = collect(&mut player, want.len()).await;
        assert!(frames_of(&got) == want);
        sender.close().await;
        assert!(matches!(player.next().await, Ok(PlayerEvent::Unpublished)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_lease_ends_publisher_and_viewer() {
    let server = TestServer::start();
    let address = server.address_of("main");
    let mut sender = Sender::connect(&server.client, &address).await.unwrap();
    let mut player = Player::connect(&server.client, &address).await.unwrap();
    server.gate.leases.revoke("the stream was removed");
    let end = sender.idle(LONG).await.unwrap_err();
    assert!(end.message.contains("the stream was removed"), "{}", end.message);
    let ended = tokio::time::timeout(LONG, async {
        loop {
            match player.next().await {
                Ok(PlayerEvent::Media(_) | PlayerEvent::Unpublished) => {}
                other => return other,
            }
        }
    });
    ended.await.expect("the viewer is told").ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b4_half_open_handshakes_end() {
    use tokio::io::AsyncReadExt;
    let server = TestServer::with(|s| s.limits.handshake = Duration::from_millis(300));
    let mut sockets = Vec::new();
    for _ in 0..50 {
        sockets.push(tokio::net::TcpStream::connect(server.address).await.unwrap());
    }
    for mut socket in sockets {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(LONG, socket.read_to_end(&mut rest)).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "cut");
    }
    until("all are gone", || server.stats.snapshot().connections == 0).await;
    assert_eq!(server.stats.snapshot().timeouts, 50);
}

/// Bytes that nobody read would turn the close into a reset, and that destroys the last word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section8_1_a_refusal_reaches_an_encoder_that_goes_on_sending() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start();
    let mut socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let url = RtmpUrl::parse(&format!("rtmp://{}/live/nobody", server.address)).unwrap();
    let config = ClientConfig::new(&url, ClientRole::Publish, [7; 32]);
    let mut session = ClientSession::new(Instant::now(), config);
    let mut asked = false;
    loop {
        match session.poll_output() {
            Output::Transmit(piece) => socket.write_all(&piece).await.unwrap(),
            Output::Event(event) => asked |= event == ClientEvent::Stage(Stage::StreamCreated),
            Output::Idle { .. } if asked => break,
            Output::Idle { .. } => {
                let mut buffer = [0; 4096];
                let read = socket.read(&mut buffer).await.unwrap();
                session.handle_input(Instant::now(), Input::Bytes(&buffer[..read])).unwrap();
            }
        }
    }
    let message = Message {
        chunk_stream: ChunkStreamId::AUDIO,
        timestamp: 0,
        kind: MessageType::AUDIO,
        stream: MessageStreamId(1),
        body: [&[0xaf, 1], [7; 60_000].as_slice()].concat().into(),
    };
    let mut pieces = Vec::new();
    write_full(&message, 4096, &mut pieces);
    let message = pieces.concat();
    for _ in 0..128 {
        socket.write_all(&message).await.expect("it is read and thrown away");
    }
    let mut rest = Vec::new();
    let end = tokio::time::timeout(LONG, socket.read_to_end(&mut rest)).await.expect("an end");
    assert!(end.is_ok(), "closed in order: {end:?}");
    let words = String::from_utf8_lossy(&rest);
    assert!(words.contains("NetStream.Publish.BadName"), "{words}");
}

/// While pictures come often the connection wakes for them alone. Sound that nothing follows is
/// fetched all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_without_pictures_is_not_left_in_the_socket() {
    let reactors = Arc::new(Reactors::start(2).unwrap());
    let server = TestServer::with(|settings| settings.reactors = Some(reactors));
    let mut sender = Sender::connect(&server.client, &server.address_of("main")).await.unwrap();
    let stream = server.hub.streams().remove(0);
    let headers: Vec<_> = clip().into_iter().filter(|m| !is_frame(m.kind, &m.body)).collect();
    send(&mut sender, &headers).await;
    let body = |head: &[u8], length: usize| [head, &vec![7; length]].concat();
    let (picture, sound) = (body(b"\x27\x01\0\0\0", 9000), body(b"\xaf\x01", 300));
    // The first of them follow a header, which is small: what was small is forgotten after 64.
    for n in 0..80 {
        sender.send(MediaKind::Audio, n * 20, sound.clone().into()).await.unwrap();
        sender.send(MediaKind::Video, n * 20, picture.clone().into()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    until("the pictures are there", || stream.stats(Instant::now()).frames_in >= 160).await;
    let before = stream.stats(Instant::now()).frames_in;
    for n in 80..90 {
        sender.send(MediaKind::Audio, n * 20, sound.clone().into()).await.unwrap();
    }
    until("all sound is there", || stream.stats(Instant::now()).frames_in >= before + 10).await;
    server.stop().await;
}
